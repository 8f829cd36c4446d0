#include "tests/unit/unit.h"

#include "shared/code.h"

static int is_snake_case(const char *name)
{
    return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name);
}

static void test_code_names_are_unique_snake_case(void **state)
{
    (void)state;
    for (int i = 0; i < CODE_COUNT; i++) {
        assert_true(is_snake_case(code_name((enum code)i)));
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(code_name((enum code)i), code_name((enum code)j));
        }
    }
}

static void test_code_every_row_is_complete(void **state)
{
    (void)state;
    for (int i = 0; i < CODE_COUNT; i++) {
        enum code code = (enum code)i;
        int status = code_status(code), close_code = code_close(code);
        assert_true(status >= 200 && status <= 599);
        /* RFC 6455 section 7.4: what a server may send in a close frame. */
        assert_true(close_code == 1000 || (close_code >= 1008 && close_code <= 1014) ||
                    (close_code >= 4000 && close_code <= 4999));
        assert_true(strlen(code_sentence(code)) > 3);
    }
}

static void test_code_unknown_numbers_are_internal(void **state)
{
    (void)state;
    assert_string_equal(code_name(CODE_COUNT), "internal");
    assert_string_equal(code_name((enum code) - 1), "internal");
    assert_int_equal(code_status((enum code)4711), 500);
    assert_int_equal(code_close((enum code)4711), 1011);
    assert_string_equal(code_sentence(CODE_COUNT), code_sentence(CODE_INTERNAL));
}

static void test_code_without_close_code_is_a_policy_violation(void **state)
{
    (void)state;
    assert_int_equal(code_close(CODE_USERNAME_TAKEN), 1008);
    assert_int_equal(code_close(CODE_UNAUTHENTICATED), 4401);
}

/* The order is the number on the link; new rows go to the end of the table. */
static void test_code_numbers_are_fixed(void **state)
{
    (void)state;
    assert_int_equal(CODE_OK, 0);
    assert_int_equal(CODE_BAD_JSON, 1);
    assert_int_equal(CODE_UNAUTHENTICATED, 14);
    assert_int_equal(CODE_CHAT_NOT_FOUND, 23);
    assert_int_equal(CODE_RATE_LIMITED, 36);
    assert_int_equal(CODE_INTERNAL, 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_names_are_unique_snake_case),
        cmocka_unit_test(test_code_every_row_is_complete),
        cmocka_unit_test(test_code_unknown_numbers_are_internal),
        cmocka_unit_test(test_code_without_close_code_is_a_policy_violation),
        cmocka_unit_test(test_code_numbers_are_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
