#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/map64.h"

static void test_map64_remembers_and_forgets(void **state)
{
    (void)state;
    struct map64 m = MAP64_INIT;
    uint32_t v = 7;
    assert_false(map64_get(&m, 1, &v));
    assert_false(map64_remove(&m, 1));
    map64_put(&m, 1, 10);
    map64_put(&m, 1, 11);
    assert_true(map64_get(&m, 1, &v));
    assert_int_equal(v, 11);
    assert_int_equal(m.count, 1);
    assert_true(map64_remove(&m, 1));
    assert_false(map64_get(&m, 1, &v));
    map64_release(&m);
}

/* Random puts and removals against a plain array. */
static void test_map64_agrees_with_an_array(void **state)
{
    (void)state;
    enum { KEYS = 700, STEPS = 200000 };
    struct map64 m = MAP64_INIT;
    uint32_t mirror[KEYS + 1] = {0};
    srand(1);
    for (int i = 0; i < STEPS; i++) {
        uint64_t key = (uint64_t)(rand() % KEYS) + 1;
        if (rand() % 3 != 0) {
            mirror[key] = (uint32_t)rand() + 1u;
            map64_put(&m, key * 4096, mirror[key]);
        } else {
            assert_int_equal(map64_remove(&m, key * 4096), mirror[key] != 0);
            mirror[key] = 0;
        }
    }
    uint32_t present = 0;
    for (uint64_t key = 1; key <= KEYS; key++) {
        uint32_t v = 0;
        bool there = map64_get(&m, key * 4096, &v);
        assert_int_equal(there, mirror[key] != 0);
        if (there) {
            assert_int_equal(v, mirror[key]);
            present++;
        }
    }
    assert_int_equal(present, m.count);
    uint32_t at = 0, seen = 0, v = 0;
    uint64_t key = 0;
    while (map64_next(&m, &at, &key, &v)) {
        assert_int_equal(v, mirror[key / 4096]);
        seen++;
    }
    assert_int_equal(seen, present);
    map64_release(&m);
}

static void test_map64_hash_is_never_zero_and_depends_on_content(void **state)
{
    (void)state;
    assert_true(map64_hash(STR("")) != 0);
    assert_true(map64_hash(STR("a")) == map64_hash(STR("a")));
    assert_true(map64_hash(STR("a")) != map64_hash(STR("b")));
    assert_true(map64_hash_pair(1, 2) != map64_hash_pair(2, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map64_remembers_and_forgets),
        cmocka_unit_test(test_map64_agrees_with_an_array),
        cmocka_unit_test(test_map64_hash_is_never_zero_and_depends_on_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
