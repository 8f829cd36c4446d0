#include "tests/unit/unit.h"

#include "shared/utf8.h"

/* Encode any number, valid or not, the generic way. */
static size_t encode(unsigned code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t follow = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    out[0] = (char)((follow == 1 ? 0xC0 : follow == 2 ? 0xE0 : 0xF0) | code >> (6 * follow));
    for (size_t i = 1; i <= follow; i++) {
        out[i] = (char)(0x80 | (code >> (6 * (follow - i)) & 0x3F));
    }
    return follow + 1;
}

static void test_utf8_accepts_every_code_point_and_no_surrogate(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 0x120000; code++) {
        char text[4];
        size_t len = encode(code, text);
        bool valid = code < 0x110000 && !(code >= 0xD800 && code <= 0xDFFF);
        assert_int_equal(utf8_valid((struct str){text, len}), valid);
        assert_int_equal(utf8_step(text, len), valid ? len : 0);
        assert_int_equal(utf8_step(text, len - 1), 0);
    }
}

/* All pairs of bytes, with enough behind them, against the definition. */
static void test_utf8_two_first_bytes(void **state)
{
    (void)state;
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            char text[4] = {(char)a, (char)b, (char)0x80, (char)0x80};
            bool follows = b >= 0x80 && b <= 0xBF;
            size_t want = a < 0x80                                       ? 1
                          : a >= 0xC2 && a <= 0xDF && follows            ? 2
                          : a == 0xE0 && b >= 0xA0 && follows            ? 3
                          : a == 0xED && b <= 0x9F && follows            ? 3
                          : a > 0xE0 && a < 0xF0 && a != 0xED && follows ? 3
                          : a == 0xF0 && b >= 0x90 && follows            ? 4
                          : a > 0xF0 && a < 0xF4 && follows              ? 4
                          : a == 0xF4 && b <= 0x8F && follows            ? 4
                                                                         : 0;
            assert_int_equal(utf8_step(text, 4), want);
        }
    }
}

static void test_utf8_finds_the_first_bad_byte_anywhere(void **state)
{
    (void)state;
    for (size_t at = 0; at < 40; at++) {
        char text[40];
        memset(text, 'a', sizeof(text));
        assert_int_equal(utf8_valid_prefix((struct str){text, 40}), 40);
        text[at] = (char)0x80;
        assert_int_equal(utf8_valid_prefix((struct str){text, 40}), at);
        text[at] = (char)0xC3; /* a lead byte before an ASCII byte, or before the end */
        assert_int_equal(utf8_valid_prefix((struct str){text, 40}), at);
    }
    assert_int_equal(utf8_valid_prefix(STR_NONE), 0);
    assert_true(utf8_valid(STR("")));
    assert_true(utf8_valid(STR("a\0b")));
}

static void test_utf8_known_bad_forms(void **state)
{
    (void)state;
    assert_false(utf8_valid(STR("\xC0\xAF")));
    assert_false(utf8_valid(STR("\xC1\xBF")));
    assert_false(utf8_valid(STR("\xE0\x9F\xBF")));
    assert_false(utf8_valid(STR("\xED\xA0\x80")));
    assert_false(utf8_valid(STR("\xF0\x8F\xBF\xBF")));
    assert_false(utf8_valid(STR("\xF4\x90\x80\x80")));
    assert_false(utf8_valid(STR("\xF4\xBF\xBF\xBF")));
    assert_false(utf8_valid(STR("\xF5\x80\x80\x80")));
    assert_false(utf8_valid(STR("\xFE")));
    assert_false(utf8_valid(STR("\xFF")));
    assert_false(utf8_valid(STR("\xE2\x82")));
    assert_true(utf8_valid(STR("\xEF\xBB\xBF")));
}

static void test_utf8_counts_and_cuts_at_code_points(void **state)
{
    (void)state;
    struct str s = STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
    assert_int_equal(utf8_count(s), 5);
    assert_int_equal(utf8_count(STR_NONE), 0);
    assert_int_equal(utf8_prefix(s, 0).len, 0);
    assert_int_equal(utf8_prefix(s, 1).len, 1);
    assert_int_equal(utf8_prefix(s, 2).len, 3);
    assert_int_equal(utf8_prefix(s, 3).len, 6);
    assert_int_equal(utf8_prefix(s, 4).len, 10);
    assert_int_equal(utf8_prefix(s, 5).len, 11);
    assert_int_equal(utf8_prefix(s, 99).len, 11);
}

static void test_utf8_controls_by_code_point(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 0x3000; code++) {
        if (code >= 0xD800 && code <= 0xDFFF) {
            continue;
        }
        char text[6] = {'a'};
        size_t len = 1 + encode(code, text + 1);
        text[len++] = 'b';
        bool line_byte = code == '\t' || code == '\n' || code == '\r';
        bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F);
        bool separator = (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
        struct str s = {text, len};
        assert_int_equal(utf8_has_control(s, false), control || separator);
        assert_int_equal(utf8_has_control(s, true), control && !line_byte);
    }
    assert_false(utf8_has_control(STR_NONE, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_accepts_every_code_point_and_no_surrogate),
        cmocka_unit_test(test_utf8_two_first_bytes),
        cmocka_unit_test(test_utf8_finds_the_first_bad_byte_anywhere),
        cmocka_unit_test(test_utf8_known_bad_forms),
        cmocka_unit_test(test_utf8_counts_and_cuts_at_code_points),
        cmocka_unit_test(test_utf8_controls_by_code_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
