/* Which part of a file, and whether at all. */
#include "tests/unit/unit.h"

#include "rest/http_range.h"

static void assert_part(const char *value, uint64_t size, uint64_t from, uint64_t length)
{
    uint64_t got_from = 0, got_length = 0;
    if (http_range_parse(str_of(value), size, &got_from, &got_length) != HTTP_RANGE_PART) {
        fail_msg("%s is no part", value);
    }
    assert_int_equal(got_from, from);
    assert_int_equal(got_length, length);
}

static enum http_range parse(const char *value, uint64_t size)
{
    uint64_t from, length;
    return http_range_parse(str_of(value), size, &from, &length);
}

static void test_parts(void **state)
{
    (void)state;
    assert_part("bytes=0-0", 10, 0, 1);
    assert_part("bytes=0-9", 10, 0, 10);
    assert_part("bytes=3-", 10, 3, 7);
    assert_part("bytes=3-99", 10, 3, 7);
    assert_part("bytes=9-99999999999999999999999999999", 10, 9, 1);
    assert_part("bytes=-3", 10, 7, 3);
    assert_part("bytes=-99", 10, 0, 10);
    assert_part("bytes=-99999999999999999999999999999", 10, 0, 10);
    assert_part("BYTES = 1-2", 10, 1, 2);
    assert_part("bytes=0-18446744073709551615", UINT64_MAX, 0, UINT64_MAX);
}

static void test_nothing_of_it_is_there(void **state)
{
    (void)state;
    assert_int_equal(parse("bytes=10-", 10), HTTP_RANGE_OUTSIDE);
    assert_int_equal(parse("bytes=10-20", 10), HTTP_RANGE_OUTSIDE);
    assert_int_equal(parse("bytes=99999999999999999999-", 10), HTTP_RANGE_OUTSIDE);
    assert_int_equal(parse("bytes=-0", 10), HTTP_RANGE_OUTSIDE);
    assert_int_equal(parse("bytes=0-", 0), HTTP_RANGE_OUTSIDE);
    assert_int_equal(parse("bytes=-1", 0), HTTP_RANGE_OUTSIDE);
}

static void test_what_is_not_understood_is_the_whole_file(void **state)
{
    static const char *const odd[] = {"",           "bytes",      "bytes=",      "bytes=-",       "bytes=a-b",   "bytes=1-0",
                                      "bytes=1",    "bytes=1-2,", "bytes=1-2,4-", "lines=1-2",     "bytes=+1-2",  "bytes=1--2",
                                      "bytes=1-2 3", "bytes=0x1-2", "=1-2",       "bytes=1 - 2"};
    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        if (parse(odd[i], 10) != HTTP_RANGE_WHOLE) {
            fail_msg("%s was understood", odd[i]);
        }
    }
}

static void test_tags(void **state)
{
    struct str tag = STR("\"abc\"");
    (void)state;
    assert_true(http_etag_listed(STR("*"), tag));
    assert_true(http_etag_listed(STR("\"abc\""), tag));
    assert_true(http_etag_listed(STR("W/\"abc\""), tag));
    assert_true(http_etag_listed(STR("\"x,y\" , W/\"z\",\"abc\""), tag));
    assert_false(http_etag_listed(STR("\"ab\", \"abcd\""), tag));
    assert_false(http_etag_listed(STR("abc"), tag));
    assert_false(http_etag_listed(STR("\"abc"), tag));
    assert_false(http_etag_listed(STR("\"x\" \"abc\""), tag));
    assert_false(http_etag_listed(STR(""), tag));
    assert_true(http_if_range(STR(" \"abc\" "), tag));
    assert_false(http_if_range(STR("W/\"abc\""), tag));
    assert_false(http_if_range(STR("Sat, 21 Nov 2026 10:00:00 GMT"), tag));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_nothing_of_it_is_there),
        cmocka_unit_test(test_what_is_not_understood_is_the_whole_file),
        cmocka_unit_test(test_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
