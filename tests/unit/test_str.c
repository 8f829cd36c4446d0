#include "tests/unit/unit.h"

#include "shared/str.h"

static void test_str_compares_by_length_and_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(STR("ab"), STR("ab")));
    assert_false(str_eq(STR("ab"), STR("abc")));
    assert_false(str_eq(STR("ab"), STR("aB")));
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_ieq(STR("Content-Length"), STR("content-length")));
    assert_false(str_ieq(STR("a"), STR("ab")));
    assert_true(str_eq(str_of(NULL), STR("")));
}

static void test_str_starts_and_from(void **state)
{
    (void)state;
    assert_true(str_starts(STR("chat_1"), STR("chat_")));
    assert_true(str_starts(STR("x"), STR("")));
    assert_false(str_starts(STR("cha"), STR("chat_")));
    assert_str(str_from(STR("abc"), 1), "bc");
    assert_str(str_from(STR("abc"), 3), "");
    assert_str(str_from(STR("abc"), 99), "");
}

static void test_str_trim_takes_blanks_of_both_ends(void **state)
{
    (void)state;
    assert_str(str_trim(STR(" \t a b\t ")), "a b");
    assert_str(str_trim(STR("  ")), "");
    assert_str(str_trim(STR_NONE), "");
    assert_str(str_trim(STR("\na\n")), "\na\n");
}

static void test_str_cut_at_the_first_separator(void **state)
{
    (void)state;
    struct str head;
    struct str rest = str_cut(STR("a,b,c"), ',', &head);
    assert_str(head, "a");
    assert_str(rest, "b,c");
    rest = str_cut(STR("a,"), ',', &head);
    assert_str(head, "a");
    assert_str(rest, "");
    assert_non_null(rest.p);
    rest = str_cut(STR(",a"), ',', &head);
    assert_str(head, "");
    assert_str(rest, "a");
}

static void test_str_cut_without_separator_takes_all(void **state)
{
    (void)state;
    struct str head;
    struct str rest = str_cut(STR("abc"), ',', &head);
    assert_str(head, "abc");
    assert_int_equal(rest.len, 0);
    assert_null(rest.p);
    rest = str_cut(STR_NONE, ',', &head);
    assert_int_equal(head.len, 0);
    assert_null(rest.p);
}

static void test_str_cut_may_write_over_its_input(void **state)
{
    (void)state;
    struct str s = STR("k=v"), key;
    s = str_cut(s, '=', &key);
    assert_str(key, "k");
    assert_str(s, "v");
}

static void test_str_u64_accepts_digits_up_to_the_maximum(void **state)
{
    (void)state;
    uint64_t n = 7;
    assert_true(str_u64(STR("0"), &n));
    assert_int_equal(n, 0);
    assert_true(str_u64(STR("007"), &n));
    assert_int_equal(n, 7);
    assert_true(str_u64(STR("18446744073709551615"), &n));
    assert_true(n == UINT64_MAX);
}

static void test_str_u64_refuses_the_rest_and_leaves_out_alone(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "-1",
                         "+1",
                         " 1",
                         "1 ",
                         "a",
                         "1a2",
                         "0x1",
                         "1.0",
                         "18446744073709551616",
                         "99999999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t n = 42;
        assert_false(str_u64(str_of(bad[i]), &n));
        assert_int_equal(n, 42);
    }
    uint64_t n = 42;
    assert_false(str_u64(STR("1\0"), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_str_compares_by_length_and_bytes),
        cmocka_unit_test(test_str_starts_and_from),
        cmocka_unit_test(test_str_trim_takes_blanks_of_both_ends),
        cmocka_unit_test(test_str_cut_at_the_first_separator),
        cmocka_unit_test(test_str_cut_without_separator_takes_all),
        cmocka_unit_test(test_str_cut_may_write_over_its_input),
        cmocka_unit_test(test_str_u64_accepts_digits_up_to_the_maximum),
        cmocka_unit_test(test_str_u64_refuses_the_rest_and_leaves_out_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
