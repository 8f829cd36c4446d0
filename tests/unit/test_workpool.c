#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "rest/workpool.h"

static atomic_int done;

static void count_job(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&done, 1);
}

/* Holds a thread until the test lets it go. */
static void gate_job(void *ctx)
{
    pthread_mutex_lock(ctx);
    pthread_mutex_unlock(ctx);
}

static void test_workpool_free_runs_what_is_queued(void **state)
{
    (void)state;
    atomic_store(&done, 0);
    struct workpool *p = workpool_new(3, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(workpool_submit(p, count_job, NULL), RC_OK);
    }
    workpool_free(p);
    assert_int_equal(atomic_load(&done), 1000);
}

static void test_workpool_submit_to_a_full_queue_is_refused(void **state)
{
    (void)state;
    atomic_store(&done, 0);
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&gate);
    struct workpool *p = workpool_new(1, 2);
    /* The thread takes the first or not yet; two more always fill the queue. */
    assert_int_equal(workpool_submit(p, gate_job, &gate), RC_OK);
    int accepted = 0;
    for (int i = 0; i < 5; i++) {
        accepted += workpool_submit(p, count_job, NULL) == RC_OK;
    }
    assert_true(accepted >= 1 && accepted <= 2);
    pthread_mutex_unlock(&gate);
    workpool_free(p);
    assert_int_equal(atomic_load(&done), accepted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workpool_free_runs_what_is_queued),
        cmocka_unit_test(test_workpool_submit_to_a_full_queue_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
