#include "tests/unit/unit.h"

#include "rest/recent.h"

static struct key16 key(uint64_t n)
{
    struct key16 k = {{0}};
    memcpy(k.b, &n, sizeof(n));
    return k;
}

static void put(struct recent *r, uint64_t user, uint64_t n, uint64_t seq)
{
    struct key16 k = key(n), hash = key(n + 1);
    recent_put(r, user, &k, &hash, &(struct outcome){.seq = seq});
}

/* The seq that is remembered, 0: none. */
static uint64_t get(struct recent *r, uint64_t user, uint64_t n)
{
    struct key16 k = key(n), hash = {{0}}, expected = key(n + 1);
    struct outcome o = {0};
    if (!recent_get(r, user, &k, &hash, &o)) {
        return 0;
    }
    assert_true(key16_eq(&hash, &expected));
    return o.seq;
}

static void test_keys_are_of_their_user(void **state)
{
    (void)state;
    struct recent *r = recent_new();
    assert_true(get(r, 1, 5) == 0);
    put(r, 1, 5, 10);
    put(r, 2, 5, 20);
    assert_true(get(r, 1, 5) == 10 && get(r, 2, 5) == 20 && get(r, 3, 5) == 0 && get(r, 1, 6) == 0);
    recent_free(r);
}

static void test_the_oldest_goes_when_the_ring_is_full(void **state)
{
    (void)state;
    struct recent *r = recent_new();
    for (uint64_t n = 0; n < RECENT_MAX; n++) {
        put(r, 1, n, n + 1);
    }
    assert_true(get(r, 1, 0) == 1 && get(r, 1, RECENT_MAX - 1) == RECENT_MAX);
    put(r, 1, RECENT_MAX, 7);
    assert_true(get(r, 1, 0) == 0 && get(r, 1, 1) == 2 && get(r, 1, RECENT_MAX) == 7);
    for (uint64_t n = 0; n < 3 * (uint64_t)RECENT_MAX; n++) {
        put(r, 2, n, n + 1);
    }
    assert_true(get(r, 1, RECENT_MAX) == 0 && get(r, 2, 2 * RECENT_MAX - 1) == 0);
    assert_true(get(r, 2, 2 * RECENT_MAX) == 2 * RECENT_MAX + 1);
    recent_free(r);
}

/* The same key twice: the older entry's end must not forget the newer one. */
static void test_a_key_that_was_put_again_lives_as_long_as_the_newer(void **state)
{
    (void)state;
    struct recent *r = recent_new();
    put(r, 1, 9999999, 1);
    for (uint64_t n = 0; n < 100; n++) {
        put(r, 1, n, n + 1);
    }
    put(r, 1, 9999999, 2);
    for (uint64_t n = 100; n < RECENT_MAX; n++) {
        put(r, 1, n, n + 1);
    }
    assert_true(get(r, 1, 9999999) == 2);
    recent_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_of_their_user),
        cmocka_unit_test(test_the_oldest_goes_when_the_ring_is_full),
        cmocka_unit_test(test_a_key_that_was_put_again_lives_as_long_as_the_newer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
