#include "tests/unit/unit.h"

#include <stdalign.h>

#include "shared/arena.h"

#define UNIT alignof(max_align_t) /* blocks are rounded up to it */

static void test_arena_blocks_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    enum { BLOCKS = 2000 };
    struct arena a = ARENA_INIT(0);
    unsigned char *blocks[BLOCKS];
    size_t sizes[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        sizes[i] = i * 7919 % 301;
        blocks[i] = arena_alloc(&a, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % UNIT, 0);
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(blocks[i][j], 0);
        }
        memset(blocks[i], (int)(i % 255) + 1, sizes[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(blocks[i][j], (int)(i % 255) + 1);
        }
    }
    arena_release(&a);
}

static void test_arena_takes_blocks_larger_than_a_chunk(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT(0);
    char *small = arena_alloc(&a, 10);
    char *large = arena_alloc(&a, 1000000);
    char *after = arena_alloc(&a, 10);
    assert_true(small && large && after);
    memset(large, 1, 1000000);
    assert_int_equal(after[0], 0);
    arena_release(&a);
}

static void test_arena_cap_is_exact_and_survivable(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT(100 * UNIT);
    assert_non_null(arena_alloc(&a, 60 * UNIT - 1));
    assert_null(arena_alloc(&a, 40 * UNIT + 1));
    assert_non_null(arena_alloc(&a, 39 * UNIT));
    assert_non_null(arena_alloc(&a, 1));
    assert_null(arena_alloc(&a, 1));
    assert_null(arena_alloc(&a, 0));
    assert_int_equal(a.total_bytes, 100 * UNIT);
    arena_release(&a);
    assert_int_equal(a.max_bytes, 100 * UNIT);
    assert_non_null(arena_alloc(&a, 100 * UNIT));
    arena_release(&a);
}

static void test_arena_has_a_default_cap(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT(0);
    assert_null(arena_alloc(&a, (size_t)64 * 1024 * 1024 + 1));
    assert_null(arena_alloc(&a, SIZE_MAX));
    arena_release(&a);
}

static void test_arena_calloc_checks_the_product(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT(SIZE_MAX);
    assert_null(arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_null(arena_calloc(&a, 1, SIZE_MAX));
    assert_null(arena_calloc(&a, 1, SIZE_MAX - 2 * UNIT));
    assert_non_null(arena_calloc(&a, 3, UNIT));
    assert_int_equal(a.total_bytes, 3 * UNIT);
    arena_release(&a);
}

static void test_arena_str_copies_with_a_nul(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT(2 * UNIT);
    char source[] = "hello";
    struct str copy = arena_str(&a, (struct str){source, 4});
    source[0] = 'X';
    assert_str(copy, "hell");
    assert_int_equal(copy.p[4], '\0');
    struct str empty = arena_str(&a, STR_NONE);
    assert_non_null(empty.p);
    assert_int_equal(empty.len, 0);
    assert_null(arena_str(&a, STR("abc")).p);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_arena_takes_blocks_larger_than_a_chunk),
        cmocka_unit_test(test_arena_cap_is_exact_and_survivable),
        cmocka_unit_test(test_arena_has_a_default_cap),
        cmocka_unit_test(test_arena_calloc_checks_the_product),
        cmocka_unit_test(test_arena_str_copies_with_a_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
