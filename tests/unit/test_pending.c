#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ws/pending.h"

static struct pending *take(struct pendings *t)
{
    struct pending *p = NULL;
    assert_int_equal(pendings_take(t, &p), RC_OK);
    return p;
}

static void test_pending_keeps_the_order_of_submission(void **state)
{
    (void)state;
    struct pendings t;
    pendings_init(&t, 4);
    struct pending *a = take(&t), *b = take(&t), *c = take(&t);
    assert_ptr_equal(pendings_first(&t), a);
    pendings_give(&t, b);
    assert_ptr_equal(pendings_next(&t, a), c);
    struct pending *d = take(&t);
    assert_ptr_equal(d, b);
    assert_ptr_equal(pendings_next(&t, c), d);
    pendings_give(&t, a);
    assert_ptr_equal(pendings_first(&t), c);
    pendings_give(&t, d);
    assert_null(pendings_next(&t, c));
    pendings_release(&t);
}

static void test_pending_full_is_again(void **state)
{
    (void)state;
    struct pendings t;
    struct pending *p = NULL;
    pendings_init(&t, 2);
    take(&t);
    take(&t);
    assert_int_equal(pendings_take(&t, &p), RC_AGAIN);
    assert_null(p);
    assert_int_equal(t.count, 2);
    pendings_release(&t);
}

static void test_pending_old_ids_find_nothing(void **state)
{
    (void)state;
    struct pendings t;
    pendings_init(&t, 1);
    uint32_t last = 0;
    for (int i = 0; i < 200000; i++) { /* beyond the wrap of the generation */
        struct pending *p = take(&t);
        assert_true(p->request >= 1u << 16);
        assert_true(p->request != last);
        assert_null(pendings_find(&t, last));
        assert_ptr_equal(pendings_find(&t, p->request), p);
        last = p->request;
        pendings_give(&t, p);
        assert_null(pendings_find(&t, last));
    }
    assert_null(pendings_find(&t, 5));
    pendings_release(&t);
}

static void test_pending_keeps_ref_and_frame(void **state)
{
    (void)state;
    struct pendings t;
    pendings_init(&t, 2);
    struct pending *p = take(&t), *q = take(&t);
    assert_int_equal(pending_keep(p, STR("ref"), STR("frame")), RC_OK);
    assert_int_equal(pending_keep(q, STR_NONE, STR_NONE), RC_OK);
    assert_true(str_eq(pending_ref(p), STR("ref")));
    assert_true(str_eq(pending_frame(p), STR("frame")));
    assert_int_equal(pending_ref(q).len + pending_frame(q).len, 0);
    pendings_give(&t, p);
    pendings_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pending_keeps_the_order_of_submission),
        cmocka_unit_test(test_pending_full_is_again),
        cmocka_unit_test(test_pending_old_ids_find_nothing),
        cmocka_unit_test(test_pending_keeps_ref_and_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
