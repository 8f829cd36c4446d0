/* The pool of reads: two queues, served in turn, each in its order; bounded. */
#include "tests/unit/unit.h"

#include <pthread.h>

#include "rest/dbpool.h"
#include "rest/store.h"
#include "shared/mem.h"

enum { JOBS = 256 };

/* -- store.h, as far as the pool knows it ------------------------------------------------------------------- */

struct store {
    bool alive;
};

enum rc store_open(const struct store_conf *conf, struct store **out, struct buf *why)
{
    (void)conf;
    (void)why;
    *out = mem_new(sizeof(**out));
    (*out)->alive = true;
    return RC_OK;
}

void store_close(struct store *s)
{
    free(s);
}

bool store_alive(const struct store *s)
{
    return s->alive;
}

bool store_ping(struct store *s)
{
    return s->alive;
}

void store_thread_end(void)
{
}

/* -- jobs ------------------------------------------------------------------------------------------------------ */

/* Jobs note their names in the order in which they run; one that is held waits for the test. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char ran[JOBS + 1];
    unsigned count, held;
    bool open;
} bench = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void reset(void)
{
    memset(bench.ran, 0, sizeof(bench.ran));
    bench.count = bench.held = 0;
    bench.open = false;
}

static void note_job(struct store *store, void *ctx)
{
    assert_non_null(store);
    pthread_mutex_lock(&bench.lock);
    bench.ran[bench.count++] = *(const char *)ctx;
    pthread_cond_broadcast(&bench.changed);
    pthread_mutex_unlock(&bench.lock);
}

static void hold_job(struct store *store, void *ctx)
{
    pthread_mutex_lock(&bench.lock);
    bench.held++;
    pthread_cond_broadcast(&bench.changed);
    while (!bench.open) {
        pthread_cond_wait(&bench.changed, &bench.lock);
    }
    pthread_mutex_unlock(&bench.lock);
    note_job(store, ctx);
}

static void wait_for(const unsigned *what, unsigned count)
{
    pthread_mutex_lock(&bench.lock);
    while (*what < count) {
        pthread_cond_wait(&bench.changed, &bench.lock);
    }
    pthread_mutex_unlock(&bench.lock);
}

static void let_go(void)
{
    pthread_mutex_lock(&bench.lock);
    bench.open = true;
    pthread_cond_broadcast(&bench.changed);
    pthread_mutex_unlock(&bench.lock);
}

static enum rc add_read(struct dbpool *p, dbpool_job job, const char *name)
{
    return dbpool_submit(p, job, (void *)(uintptr_t)name);
}

static enum rc add_replay(struct dbpool *p, dbpool_job job, const char *name)
{
    return dbpool_submit_replay(p, false, job, (void *)(uintptr_t)name);
}

static struct dbpool *new_pool(unsigned threads, unsigned reads, unsigned replays)
{
    static const struct store_conf conf = {.user = "x"};
    return dbpool_new(&conf, threads, reads, replays);
}

/* One by one of both, though all the replays came first. */
static void test_reads_and_replays_are_served_in_turn_and_in_order(void **state)
{
    (void)state;
    reset();
    struct dbpool *p = new_pool(1, 10, 10);
    assert_int_equal(add_read(p, hold_job, "!"), RC_OK);
    wait_for(&bench.held, 1);
    for (const char *name = "abcdef"; *name != '\0'; name++) {
        assert_int_equal(add_replay(p, note_job, name), RC_OK);
    }
    for (const char *name = "123"; *name != '\0'; name++) {
        assert_int_equal(add_read(p, note_job, name), RC_OK);
    }
    assert_int_equal(dbpool_depth(p), 9);
    let_go();
    wait_for(&bench.count, 10);
    assert_string_equal(bench.ran, "!a1b2c3def");
    dbpool_free(p);
}

static void test_replays_leave_a_thread_to_reads(void **state)
{
    (void)state;
    reset();
    struct dbpool *p = new_pool(3, 10, 10);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(add_replay(p, hold_job, "r"), RC_OK);
    }
    wait_for(&bench.held, 2);
    for (unsigned i = 0; i < 5; i++) { /* one after another on the third thread */
        assert_int_equal(add_read(p, note_job, "x"), RC_OK);
        wait_for(&bench.count, i + 1);
    }
    assert_true(bench.held == 2 && dbpool_depth(p) == 4);
    let_go();
    wait_for(&bench.count, 11);
    dbpool_free(p);
}

static void test_each_queue_has_its_own_bound(void **state)
{
    (void)state;
    reset();
    struct dbpool *p = new_pool(1, 2, 5);
    unsigned reads = 0, replays = 0;
    assert_int_equal(add_read(p, hold_job, "!"), RC_OK);
    wait_for(&bench.held, 1);
    for (unsigned i = 0; i < 10; i++) {
        replays += add_replay(p, note_job, "r") == RC_OK;
        reads += add_read(p, note_job, "x") == RC_OK;
    }
    assert_true(reads == 2 && replays == 5);
    let_go();
    dbpool_free(p); /* runs what is queued */
    assert_int_equal(bench.count, 8);
}

/* Who has begun goes first and is never refused; still in turn with reads. */
static void test_replays_that_have_begun_go_first(void **state)
{
    (void)state;
    enum { MANY = 200 };
    static char expected[2 * MANY + 8];
    reset();
    struct dbpool *p = new_pool(1, 10, 2);
    assert_int_equal(add_read(p, hold_job, "!"), RC_OK);
    wait_for(&bench.held, 1);
    assert_int_equal(add_replay(p, note_job, "r"), RC_OK);
    for (unsigned i = 0; i < MANY; i++) {
        static const char names[] = "0123456789";
        assert_int_equal(dbpool_submit_replay(p, true, note_job, (void *)(uintptr_t)&names[i % 10]), RC_OK);
        expected[i] = names[i % 10];
    }
    assert_int_equal(add_read(p, note_job, "x"), RC_OK);
    let_go();
    wait_for(&bench.count, MANY + 3);
    dbpool_free(p);
    assert_true(bench.ran[0] == '!' && bench.ran[1] == '0' && bench.ran[2] == 'x');
    assert_memory_equal(bench.ran + 3, expected + 1, MANY - 1);
    assert_int_equal(bench.ran[MANY + 2], 'r');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_and_replays_are_served_in_turn_and_in_order),
        cmocka_unit_test(test_replays_leave_a_thread_to_reads),
        cmocka_unit_test(test_replays_that_have_begun_go_first),
        cmocka_unit_test(test_each_queue_has_its_own_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
