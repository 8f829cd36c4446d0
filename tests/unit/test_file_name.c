/* Names of files: cleaned, read from a header, written into one. */
#include "tests/unit/unit.h"

#include "rest/file_name.h"
#include "shared/utf8.h"

static void assert_clean(const char *raw, const char *wanted)
{
    struct buf out = BUF_INIT;
    file_name_clean(str_of(raw), &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.p, wanted);
    buf_release(&out);
}

static void test_paths_and_tricks_are_taken_out(void **state)
{
    (void)state;
    assert_clean("report.pdf", "report.pdf");
    assert_clean("../../etc/passwd", "passwd");
    assert_clean("C:\\Users\\ann\\photo 1.jpg", "photo 1.jpg");
    assert_clean("/", "file");
    assert_clean("..", "file");
    assert_clean("", "file");
    assert_clean(".bashrc", "bashrc");
    assert_clean("  name. . ", "name");
    assert_clean("a\nb\x7f" "c\t.txt", "a_b_c_.txt");
    assert_clean("gpj.\xe2\x80\xae" "exe", "gpj._exe"); /* text that runs backwards from here on */
    assert_clean("what?<is>\"this\":*|.txt", "what__is__this____.txt");
    assert_clean("\xff\xfe.bin", "__.bin");
    assert_clean("m\xc3\xbcsli \xe2\x98\x95.txt", "m\xc3\xbcsli \xe2\x98\x95.txt");
}

static void test_long_names_keep_their_extension(void **state)
{
    char raw[2000];
    struct buf out = BUF_INIT;
    (void)state;
    for (size_t i = 0; i < 1000; i += 2) {
        memcpy(raw + i, "\xc3\xa4", 2);
    }
    memcpy(raw + 1000, ".tar", 5);
    file_name_clean(str_of(raw), &out);
    assert_true(out.len <= FILE_NAME_MAX_BYTES && out.len > FILE_NAME_MAX_BYTES - 4);
    assert_true(utf8_valid(buf_str(&out)));
    assert_str(file_name_extension(buf_str(&out)), "tar");
    buf_clear(&out);
    memset(raw, 'x', sizeof(raw) - 1);
    raw[sizeof(raw) - 1] = '\0';
    file_name_clean(str_of(raw), &out);
    assert_int_equal(out.len, FILE_NAME_MAX_BYTES);
    buf_release(&out);
}

static void assert_read(const char *header, const char *wanted)
{
    struct buf out = BUF_INIT;
    bool found = file_name_from_disposition(str_of(header), &out);
    buf_add_char(&out, '\0');
    if (found != (wanted != NULL) || strcmp(out.p, wanted ? wanted : "") != 0) {
        fail_msg("%s gives %s", header, out.p);
    }
    buf_release(&out);
}

static void test_the_header_is_read(void **state)
{
    (void)state;
    assert_read("attachment; filename=a.txt", "a.txt");
    assert_read("attachment; filename=\"a b;c.txt\"", "a b;c.txt");
    assert_read("attachment; filename=\"a\\\"b.txt\"; x=y", "a\"b.txt");
    assert_read("attachment; filename=\"plain.txt\"; filename*=UTF-8''m%C3%BCsli.txt", "m\xc3\xbcsli.txt");
    assert_read("attachment; filename*=UTF-8'de'm%C3%BCsli.txt; filename=plain.txt", "m\xc3\xbcsli.txt");
    assert_read("attachment; filename*=iso-8859-1''m%FCsli; filename=plain.txt", "plain.txt");
    assert_read("attachment; filename*=UTF-8''bad%C", NULL);
    assert_read("attachment; filename*=UTF-8''bad%", NULL);
    assert_read("attachment; filename*=UTF-8''%41", "A");
    assert_read("attachment; flag; FileName = a.txt", "a.txt");
    assert_read("attachment", NULL);
    assert_read("attachment; filename", NULL);
    assert_read("attachment; filename=\"open", "open");
    assert_read("", NULL);
}

static void assert_written(const char *name, const char *wanted)
{
    struct buf out = BUF_INIT;
    file_name_add_disposition(&out, str_of(name));
    buf_add_char(&out, '\0');
    assert_string_equal(out.p, wanted);
    buf_release(&out);
}

static void test_the_header_is_written(void **state)
{
    (void)state;
    assert_written("a b.txt", "attachment; filename=\"a b.txt\"");
    assert_written("m\xc3\xbcsli.txt", "attachment; filename=\"m_sli.txt\"; filename*=UTF-8''m%C3%BCsli.txt");
    assert_written("a\"\r\nb", "attachment; filename=\"a___b\"; filename*=UTF-8''a%22%0D%0Ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_and_tricks_are_taken_out),
        cmocka_unit_test(test_long_names_keep_their_extension),
        cmocka_unit_test(test_the_header_is_read),
        cmocka_unit_test(test_the_header_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
