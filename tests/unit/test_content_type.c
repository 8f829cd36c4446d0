/* Types: claimed, found, allowed; and what the library says of real bytes. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "rest/content_type.h"
#include "rest/magic.h"
#include "rest/sha256.h"

static void assert_clean(const char *value, const char *wanted)
{
    struct buf out = BUF_INIT;
    bool good = content_type_clean(str_of(value), &out);
    buf_add_char(&out, '\0');
    assert_int_equal(good, wanted != NULL);
    assert_string_equal(out.p, wanted ? wanted : "");
    buf_release(&out);
}

static void test_spelling(void **state)
{
    (void)state;
    assert_clean("image/png", "image/png");
    assert_clean(" Image/JPG ; q=1", "image/jpeg");
    assert_clean("text/plain; charset=\"utf-8\"", "text/plain");
    assert_clean("text/xml", "application/xml");
    assert_clean("application/vnd.Foo+json", "application/vnd.foo+json");
    assert_clean("text", NULL);
    assert_clean("text/", NULL);
    assert_clean("/plain", NULL);
    assert_clean("text/pl ain", NULL);
    assert_clean("text/plain\r\nX: y", NULL);
    assert_clean("a/b/c", NULL);
    assert_clean("", NULL);
}

static bool fits(const char *found, const char *claimed)
{
    return content_type_fits(str_of(found), str_of(claimed), str_starts(str_of(found), STR("text/")));
}

static void test_what_can_be_the_same(void **state)
{
    (void)state;
    assert_true(fits("image/png", "image/png"));
    assert_true(fits("image/png", "application/octet-stream"));
    assert_true(fits("image/png", ""));
    assert_true(fits("application/zip", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"));
    assert_true(fits("application/zip", "application/x-something"));
    assert_true(fits("text/plain", "text/markdown"));
    assert_true(fits("text/html", "text/markdown"));
    assert_true(fits("text/plain", "application/json"));
    assert_true(fits("video/mp4", "audio/mp4"));
    assert_true(fits("application/octet-stream", "audio/mpeg"));
    assert_true(fits("application/octet-stream", "application/x-something"));
    assert_true(fits("application/x-odd", "application/x-something"));
    assert_false(fits("application/x-odd", "image/png"));
    assert_false(fits("image/png", "image/jpeg"));
    assert_false(fits("image/png", "text/plain"));
    assert_false(fits("text/plain", "image/png"));
    assert_false(fits("application/octet-stream", "image/png"));
    assert_false(fits("application/octet-stream", "text/plain"));
    assert_false(fits("application/vnd.microsoft.portable-executable", "image/png"));
    assert_false(fits("application/vnd.microsoft.portable-executable", "application/x-something"));
    assert_false(fits("application/zip", "application/pdf"));
    assert_false(fits("application/octet-stream", "application/zip"));
    assert_true(content_type_may_become(STR("application/octet-stream"), STR("application/zip"), false));
    assert_true(content_type_may_become(STR("image/png"), STR("image/png"), false));
    assert_false(content_type_may_become(STR("application/octet-stream"), STR("image/png"), false));
    assert_false(content_type_may_become(STR("image/gif"), STR("application/zip"), false));
    assert_true(content_is_readable(STR("caf\xe9\r\n\t\x1b[0m")));
    assert_false(content_is_readable((struct str){"a\0b", 3}));
}

static void test_lists_and_kinds(void **state)
{
    struct str list = STR("image/*, text/plain ,application/pdf");
    (void)state;
    assert_true(content_type_listed(list, STR("image/png")));
    assert_true(content_type_listed(list, STR("text/plain")));
    assert_true(content_type_listed(list, STR("application/pdf")));
    assert_false(content_type_listed(list, STR("text/html")));
    assert_false(content_type_listed(list, STR("image")));
    assert_false(content_type_listed(list, STR("imagex/png")));
    assert_false(content_type_listed(STR(""), STR("text/plain")));
    assert_true(content_type_listed(STR("*/*"), STR("text/plain")));
    assert_str(content_type_message_kind(STR("image/png")), "image");
    assert_str(content_type_message_kind(STR("audio/ogg")), "audio");
    assert_str(content_type_message_kind(STR("video/mp4")), "video");
    assert_str(content_type_message_kind(STR("application/pdf")), "file");
    assert_str(content_type_of_extension(STR("JPG")), "image/jpeg");
    assert_str(content_type_of_extension(STR("nonsense")), "");
}

static void assert_looks(struct magic *m, struct str bytes, const char *type)
{
    struct buf out = BUF_INIT;
    FILE *f = tmpfile();
    assert_int_equal(fwrite(bytes.p, 1, bytes.len, f), bytes.len);
    rewind(f);
    magic_look_at_file(m, fileno(f), &out);
    fclose(f);
    struct str got = buf_str(&out);
    struct buf clean = BUF_INIT;
    assert_true(content_type_clean(got, &clean));
    buf_add_char(&clean, '\0');
    assert_string_equal(clean.p, type);
    buf_release(&out);
    buf_release(&clean);
}

static void test_bytes_are_recognised(void **state)
{
    struct magic *m = NULL;
    struct buf why = BUF_INIT;
    (void)state;
    assert_int_equal(magic_new(&m, &why), RC_OK);
    assert_looks(m, STR("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89"), "image/png");
    assert_looks(m, STR("\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"), "image/jpeg");
    assert_looks(m, STR("GIF89a\1\0\1\0\0\0\0;"), "image/gif");
    assert_looks(m, STR("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), "application/pdf");
    static const char zip[] =
        "PK\003\004\024\000\000\000\000\000\0206u]\206\246\0206\005\000\000\000\005\000\000"
        "\000\005\000\000\000a.txthelloPK\001\002\024\003\024\000\000\000\000\000\0206u]\206"
        "\246\0206\005\000\000\000\005\000\000\000\005\000\000\000\000\000\000\000\000\000"
        "\000\000\200\001\000\000\000\000a.txtPK\005\006\000\000\000\000\001\000\001\0003\000"
        "\000\000(\000\000\000\000\000";
    assert_looks(m, (struct str){zip, sizeof(zip) - 1}, "application/zip");
    assert_looks(m, STR("hello, world\n"), "text/plain");
    assert_looks(m, STR("\0\1\2\3\4\5\6\7\x80\x81\x82"), "application/octet-stream");
    struct buf first = BUF_INIT; /* of a beginning alone */
    magic_look(m, STR("GIF89a\1\0\1\0\0\0\0;"), &first);
    assert_str(buf_str(&first), "image/gif");
    buf_release(&first);
    magic_free(m);
    magic_free(NULL);
    buf_release(&why);
}

static void test_digests(void **state)
{
    struct sha256 *s = sha256_new();
    char hex[SHA256_HEX_ROOM];
    (void)state;
    sha256_add(s, "a", 1);
    sha256_add(s, "bc", 2);
    sha256_end(s, hex);
    sha256_free(s);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(sha256_from_hex(STR("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"), hex));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_false(sha256_from_hex(STR("ba7816"), hex));
    assert_false(sha256_from_hex(STR("ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), hex));
    memset(hex, 0, sizeof(hex));
    assert_true(sha256_from_digest_header(STR("md5=:AA==:, sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"), hex));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_false(sha256_from_digest_header(STR("sha-256=:ungW:"), hex));
    assert_false(sha256_from_digest_header(STR("sha-256=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="), hex));
    assert_false(sha256_from_digest_header(STR("sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa==:"), hex));
    assert_false(sha256_from_digest_header(STR("sha-512=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"), hex));
    assert_false(sha256_from_digest_header(STR(""), hex));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spelling),
        cmocka_unit_test(test_what_can_be_the_same),
        cmocka_unit_test(test_lists_and_kinds),
        cmocka_unit_test(test_bytes_are_recognised),
        cmocka_unit_test(test_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
