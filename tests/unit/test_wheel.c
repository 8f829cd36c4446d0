#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ws/wheel.h"

enum { IDS = 3000, START = 1000000 };

struct record {
    struct wheel *w;
    uint64_t now, due[IDS];
    unsigned fired;
    uint64_t again_ms; /* put each on again, this much later */
};

static void on_fire(void *ctx, uint32_t id)
{
    struct record *r = ctx;
    assert_true(r->due[id] != 0);
    assert_true(r->now >= r->due[id]);
    assert_true(r->now - r->due[id] <= 2 * WHEEL_TICK_MS);
    r->due[id] = 0;
    r->fired++;
    if (r->again_ms != 0) {
        r->due[id] = r->now + r->again_ms;
        wheel_set(r->w, id, r->due[id]);
    }
}

static void run_to(struct record *r, uint64_t until, uint64_t step)
{
    for (; r->now < until; r->now += step) {
        wheel_advance(r->w, r->now, on_fire, r);
    }
    wheel_advance(r->w, r->now, on_fire, r);
}

/* Deadlines from now to far beyond the horizon, moved and cleared at random: each fires once, on time. */
static void test_wheel_fires_each_deadline_once_and_never_early(void **state)
{
    (void)state;
    struct wheel w;
    static struct record r;
    r = (struct record){.w = &w, .now = START};
    unsigned expected = 0;
    wheel_init(&w, START);
    srand(3);
    for (int i = 0; i < 20000; i++) {
        uint32_t id = (uint32_t)(rand() % IDS);
        if (rand() % 4 == 0) {
            wheel_clear(&w, id);
            r.due[id] = 0;
        } else {
            r.due[id] = START + (uint64_t)(rand() % 300000) + 1;
            wheel_set(&w, id, r.due[id]);
        }
    }
    for (int i = 0; i < IDS; i++) {
        expected += r.due[i] != 0;
    }
    run_to(&r, START + 300000 + 200, 17);
    assert_int_equal(r.fired, expected);
    for (int i = 0; i < IDS; i++) {
        assert_int_equal(r.due[i], 0);
    }
    wheel_release(&w);
}

static void test_wheel_past_deadlines_fire_at_the_next_tick(void **state)
{
    (void)state;
    struct wheel w;
    static struct record r;
    r = (struct record){.w = &w, .now = START};
    wheel_init(&w, START);
    r.due[5] = START;
    wheel_set(&w, 5, 1);
    wheel_advance(&w, START, on_fire, &r);
    assert_int_equal(r.fired, 0);
    r.now = START + WHEEL_TICK_MS;
    wheel_advance(&w, r.now, on_fire, &r);
    assert_int_equal(r.fired, 1);
    wheel_release(&w);
}

static void test_wheel_callbacks_may_put_themselves_on_again(void **state)
{
    (void)state;
    struct wheel w;
    static struct record r;
    r = (struct record){.w = &w, .now = START, .again_ms = 1000};
    wheel_init(&w, START);
    for (uint32_t id = 0; id < 10; id++) {
        r.due[id] = START + 1000;
        wheel_set(&w, id, r.due[id]);
    }
    run_to(&r, START + 100000, 10);
    assert_in_range(r.fired, 10 * 94, 10 * 100);
    wheel_release(&w);
}

/* A long stall is caught up with: everything that came due meanwhile fires in one call. */
static void test_wheel_survives_a_long_stall(void **state)
{
    (void)state;
    struct wheel w;
    unsigned fired = 0;
    static struct record r;
    r = (struct record){.w = &w, .now = START};
    wheel_init(&w, START);
    for (uint32_t id = 0; id < 100; id++) {
        r.due[id] = START + 3600000;
        wheel_set(&w, id, START + id * 1000 + 1);
    }
    r.now = START + 3600000;
    wheel_advance(&w, r.now, on_fire, &r);
    fired = r.fired;
    assert_int_equal(fired, 100);
    wheel_release(&w);
}

static struct wheel *cleared_wheel;

static void clear_others(void *ctx, uint32_t id)
{
    unsigned *fired = ctx;
    (*fired)++;
    for (uint32_t other = 0; other < 10; other++) {
        if (other != id) {
            wheel_clear(cleared_wheel, other);
        }
    }
}

static void test_wheel_callbacks_may_clear_others_of_the_same_tick(void **state)
{
    (void)state;
    struct wheel w;
    unsigned fired = 0;
    wheel_init(&w, START);
    cleared_wheel = &w;
    for (uint32_t id = 0; id < 10; id++) {
        wheel_set(&w, id, START + 100);
    }
    wheel_advance(&w, START + 1000, clear_others, &fired);
    assert_int_equal(fired, 1);
    wheel_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wheel_fires_each_deadline_once_and_never_early),
        cmocka_unit_test(test_wheel_past_deadlines_fire_at_the_next_tick),
        cmocka_unit_test(test_wheel_callbacks_may_put_themselves_on_again),
        cmocka_unit_test(test_wheel_survives_a_long_stall),
        cmocka_unit_test(test_wheel_callbacks_may_clear_others_of_the_same_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
