#include "tests/unit/unit.h"

#include "shared/rc.h"

static void test_rc_every_value_has_its_own_name(void **state)
{
    (void)state;
    for (int i = 0; i < RC_COUNT; i++) {
        assert_string_not_equal(rc_name((enum rc)i), "unknown");
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(rc_name((enum rc)i), rc_name((enum rc)j));
        }
    }
}

static void test_rc_unknown_values_have_a_name_too(void **state)
{
    (void)state;
    assert_string_equal(rc_name(RC_COUNT), "unknown");
    assert_string_equal(rc_name((enum rc) - 1), "unknown");
    assert_string_equal(rc_name((enum rc)1000000), "unknown");
}

/* The numbers cross the link: a change here breaks running workers. */
static void test_rc_numbers_are_fixed(void **state)
{
    (void)state;
    assert_int_equal(RC_OK, 0);
    assert_int_equal(RC_NOT_FOUND, 6);
    assert_int_equal(RC_UNAVAILABLE, 11);
    assert_int_equal(RC_INTERNAL, 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rc_every_value_has_its_own_name),
        cmocka_unit_test(test_rc_unknown_values_have_a_name_too),
        cmocka_unit_test(test_rc_numbers_are_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
