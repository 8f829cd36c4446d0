#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ws/limits.h"

static unsigned take_all(struct bucket *b, uint64_t now, uint32_t per_s, uint32_t burst)
{
    unsigned n = 0;
    while (n < 100000 && bucket_take(b, now, per_s, burst)) {
        n++;
    }
    return n;
}

static void test_bucket_gives_a_burst_then_the_rate(void **state)
{
    (void)state;
    struct bucket b = {0};
    assert_int_equal(take_all(&b, 5000, 10, 25), 25);
    assert_int_equal(take_all(&b, 5099, 10, 25), 0);
    assert_int_equal(take_all(&b, 5100, 10, 25), 1);
    assert_int_equal(take_all(&b, 6100, 10, 25), 10);
    assert_int_equal(take_all(&b, 60000, 10, 25), 25);
}

static void test_bucket_refusals_do_not_cost(void **state)
{
    (void)state;
    struct bucket b = {0};
    take_all(&b, 0, 1, 1);
    for (uint64_t now = 1; now < 1000; now++) {
        assert_false(bucket_take(&b, now, 1, 1));
    }
    assert_true(bucket_take(&b, 1000, 1, 1));
}

static void test_bucket_survives_the_wrap_of_its_clock(void **state)
{
    (void)state;
    struct bucket b = {0};
    uint64_t before = ((uint64_t)1 << 32) - 100;
    take_all(&b, before, 10, 5);
    assert_int_equal(take_all(&b, before + 200, 10, 5), 2);
}

static void test_bucket_is_full_when_it_was_left_alone(void **state)
{
    (void)state;
    struct bucket b = {0};
    assert_true(bucket_is_full(&b, 5000, 10));
    take_all(&b, 5000, 10, 5);
    assert_false(bucket_is_full(&b, 5000, 10));
    assert_false(bucket_is_full(&b, 5499, 10));
    assert_true(bucket_is_full(&b, 5500, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket_gives_a_burst_then_the_rate),
        cmocka_unit_test(test_bucket_refusals_do_not_cost),
        cmocka_unit_test(test_bucket_survives_the_wrap_of_its_clock),
        cmocka_unit_test(test_bucket_is_full_when_it_was_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
