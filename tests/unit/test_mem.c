#include "tests/unit/unit.h"

#include "shared/bug.h"
#include "shared/mem.h"

/* The address sanitizer would end the program where the real allocator returns NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void test_mem_new_is_zeroed(void **state)
{
    (void)state;
    unsigned char *p = mem_new(100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(p[i], 0);
    }
    free(p);
    p = mem_new(0);
    assert_non_null(p);
    free(p);
}

static void test_mem_grow_keeps_the_content(void **state)
{
    (void)state;
    uint32_t *p = mem_grow(NULL, 2, sizeof(*p));
    p[0] = 1;
    p[1] = 2;
    p = mem_grow(p, 1000, sizeof(*p));
    assert_int_equal(p[0], 1);
    assert_int_equal(p[1], 2);
    p[999] = 3;
    p = mem_grow(p, 0, sizeof(*p));
    assert_non_null(p);
    free(p);
}

static void test_mem_copy_adds_a_nul(void **state)
{
    (void)state;
    char *p = mem_copy("abc", 2);
    assert_string_equal(p, "ab");
    free(p);
    p = mem_copy(NULL, 0);
    assert_string_equal(p, "");
    free(p);
}

static void test_mem_try_refuses_what_cannot_be(void **state)
{
    (void)state;
    volatile size_t half = SIZE_MAX / 2; /* the compiler would refuse it as a constant */
    assert_null(mem_try(half, 3));
    assert_null(mem_try(1, half));
    void *p = mem_try(0, 5);
    assert_non_null(p);
    free(p);
}

static void grow_over(void)
{
    volatile size_t half = SIZE_MAX / 2;
    free(mem_grow(NULL, half, 4));
}

static void new_over(void)
{
    volatile size_t half = SIZE_MAX / 2;
    free(mem_new(half));
}

static void a_bug(void)
{
    BUG("test");
}

static void a_condition(void)
{
    BUG_IF(1 == 1);
}

static void test_mem_dying_allocators_and_bugs_abort(void **state)
{
    (void)state;
    assert_true(aborts(grow_over));
    assert_true(aborts(new_over));
    assert_true(aborts(a_bug));
    assert_true(aborts(a_condition));
    BUG_IF(0 == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem_new_is_zeroed),
        cmocka_unit_test(test_mem_grow_keeps_the_content),
        cmocka_unit_test(test_mem_copy_adds_a_nul),
        cmocka_unit_test(test_mem_try_refuses_what_cannot_be),
        cmocka_unit_test(test_mem_dying_allocators_and_bugs_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
