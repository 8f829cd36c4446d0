#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rest/ratelimit.h"

#define NOW_MS 1000000u

static void test_ratelimit_burst_then_rate(void **state)
{
    (void)state;
    struct ratelimit *r = ratelimit_new(100);
    struct rate rate = {60, 5}; /* one a second, five at once */
    uint64_t retry_ms = 0;
    for (int i = 0; i < 5; i++) {
        assert_true(ratelimit_take(r, 7, rate, NOW_MS, NULL));
    }
    assert_false(ratelimit_take(r, 7, rate, NOW_MS, &retry_ms));
    assert_int_equal(retry_ms, 1000);
    assert_false(ratelimit_take(r, 7, rate, NOW_MS + 999, &retry_ms));
    assert_int_equal(retry_ms, 1);
    assert_true(ratelimit_take(r, 7, rate, NOW_MS + 1000, NULL));
    assert_false(ratelimit_take(r, 7, rate, NOW_MS + 1000, NULL));
    ratelimit_free(r);
}

static void test_ratelimit_quiet_key_gets_no_more_than_the_burst(void **state)
{
    (void)state;
    struct ratelimit *r = ratelimit_new(100);
    struct rate rate = {600, 3};
    int taken = 0;
    assert_true(ratelimit_take(r, 1, rate, NOW_MS, NULL));
    for (int i = 0; i < 10; i++) {
        taken += ratelimit_take(r, 1, rate, NOW_MS + 3600000, NULL);
    }
    assert_int_equal(taken, 3);
    ratelimit_free(r);
}

static void test_ratelimit_keys_do_not_share(void **state)
{
    (void)state;
    struct ratelimit *r = ratelimit_new(10000);
    struct rate rate = {1, 1};
    for (uint64_t key = 0; key < 100; key++) {
        assert_true(ratelimit_take(r, key, rate, NOW_MS, NULL));
        assert_false(ratelimit_take(r, key, rate, NOW_MS, NULL));
    }
    ratelimit_free(r);
}

static void test_ratelimit_many_keys_stay_in_a_small_table(void **state)
{
    (void)state;
    struct ratelimit *r = ratelimit_new(1);
    struct rate rate = {60000, 2};
    for (uint64_t key = 0; key < 200000; key++) {
        assert_true(ratelimit_take(r, key, rate, NOW_MS + key / 1000, NULL));
    }
    ratelimit_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratelimit_burst_then_rate),
        cmocka_unit_test(test_ratelimit_quiet_key_gets_no_more_than_the_burst),
        cmocka_unit_test(test_ratelimit_keys_do_not_share),
        cmocka_unit_test(test_ratelimit_many_keys_stay_in_a_small_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
