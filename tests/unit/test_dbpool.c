/* The pool of reads: two queues, served in turn, each in its order; bounded. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "rest/dbpool.h"
#include "rest/store.h"
#include "shared/mem.h"

enum { JOBS = 256 };

/* -- time ---------------------------------------------------------------------------------------------------------- */

static _Atomic uint64_t later_ms;

uint64_t __real_mono_ms(void);
uint64_t __wrap_mono_ms(void);
uint64_t __wrap_mono_ms(void)
{
    return __real_mono_ms() + atomic_load(&later_ms);
}

/* -- store.h, as far as the pool knows it ------------------------------------------------------------------- */

struct store {
    bool alive; /* under bench.lock */
};

/* Jobs note their names in the order in which they run; one that is held waits for the test. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char ran[JOBS + 1];
    unsigned count, held, opens, aborts, pings;
    bool open;
    bool frozen; /* pings are not answered */
} bench = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

enum rc store_open(const struct store_conf *conf, struct store **out, struct buf *why)
{
    (void)conf;
    (void)why;
    *out = mem_new(sizeof(**out));
    (*out)->alive = true;
    pthread_mutex_lock(&bench.lock);
    bench.opens++;
    pthread_mutex_unlock(&bench.lock);
    return RC_OK;
}

void store_close(struct store *s)
{
    free(s);
}

void store_abort(struct store *s)
{
    pthread_mutex_lock(&bench.lock);
    s->alive = false;
    bench.aborts++;
    pthread_cond_broadcast(&bench.changed);
    pthread_mutex_unlock(&bench.lock);
}

bool store_alive(const struct store *s)
{
    pthread_mutex_lock(&bench.lock);
    bool alive = s->alive;
    pthread_mutex_unlock(&bench.lock);
    return alive;
}

/* As a frozen server: no answer until the connection is cut. */
static void hang(const struct store *s)
{
    while (s->alive) {
        pthread_cond_wait(&bench.changed, &bench.lock);
    }
}

bool store_ping(struct store *s)
{
    pthread_mutex_lock(&bench.lock);
    bench.pings++;
    if (bench.frozen) {
        hang(s);
    }
    bool alive = s->alive;
    pthread_mutex_unlock(&bench.lock);
    return alive;
}

void store_thread_end(void)
{
}

/* -- jobs ------------------------------------------------------------------------------------------------------ */

static void reset(void)
{
    memset(bench.ran, 0, sizeof(bench.ran));
    bench.count = bench.held = bench.opens = bench.aborts = bench.pings = 0;
    bench.open = bench.frozen = false;
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

#define WAIT_MS 1000 /* a thread that is ready to run gets its turn in less, also on a machine that is very busy */

static struct dbpool *new_pool_that_waits(unsigned threads, unsigned reads, unsigned replays, uint64_t wait_ms)
{
    static const struct store_conf store = {.user = "x"};
    return dbpool_new(&store, &(struct dbpool_conf){threads, reads, replays, wait_ms});
}

static struct dbpool *new_pool(unsigned threads, unsigned reads, unsigned replays)
{
    return new_pool_that_waits(threads, reads, replays, 600000);
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

/* -- a database that does not answer ---------------------------------------------------------------------------- */

static void note(const char *name)
{
    pthread_mutex_lock(&bench.lock);
    bench.ran[bench.count++] = *name;
    pthread_cond_broadcast(&bench.changed);
    pthread_mutex_unlock(&bench.lock);
}

/* Waits for an answer that does not come: ended by its connection. */
static void frozen_job(struct store *store, void *ctx)
{
    pthread_mutex_lock(&bench.lock);
    if (store != NULL) {
        bench.held++;
        pthread_cond_broadcast(&bench.changed);
        hang(store);
    }
    pthread_mutex_unlock(&bench.lock);
    note(ctx);
}

/* Its own name with a connection, - without. */
static void told_job(struct store *store, void *ctx)
{
    note(store != NULL ? ctx : "-");
}

static void test_a_database_that_does_not_answer_holds_nobody(void **state)
{
    (void)state;
    reset();
    struct dbpool *p = new_pool_that_waits(2, 10, 10, WAIT_MS);
    assert_int_equal(add_read(p, frozen_job, "f"), RC_OK);
    assert_int_equal(add_replay(p, frozen_job, "f"), RC_OK);
    wait_for(&bench.held, 2);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(add_read(p, told_job, "x"), RC_OK);
    }
    wait_for(&bench.count, 7);
    assert_true(bench.aborts == 2);
    /* In the queue as well; but one that was still there when a thread came back had a connection. */
    for (unsigned i = 0; i < bench.count; i++) {
        assert_non_null(strchr("f-x", bench.ran[i]));
    }
    assert_int_equal(add_read(p, told_job, "y"), RC_OK);
    wait_for(&bench.count, 8);
    assert_true(bench.ran[7] == 'y' && bench.opens > 2);
    dbpool_free(p);
}

static void test_in_the_queue_a_read_waits_no_longer(void **state)
{
    (void)state;
    reset();
    struct dbpool *p = new_pool_that_waits(1, 10, 10, WAIT_MS);
    assert_int_equal(add_read(p, hold_job, "h"), RC_OK); /* does not even notice that its connection is cut */
    wait_for(&bench.held, 1);
    assert_int_equal(add_read(p, told_job, "x"), RC_OK);
    assert_int_equal(add_read(p, told_job, "y"), RC_OK);
    wait_for(&bench.count, 2);
    assert_string_equal(bench.ran, "--");
    wait_for(&bench.aborts, 1);
    let_go();
    assert_int_equal(add_read(p, told_job, "z"), RC_OK);
    wait_for(&bench.count, 4);
    assert_string_equal(bench.ran, "--hz");
    assert_true(bench.opens >= 2 && bench.aborts >= 1); /* on a slow machine z is late, too */
    dbpool_free(p);
}

static void test_a_job_does_not_wait_for_the_sign_of_life(void **state)
{
    (void)state;
    reset();
    struct dbpool *p = new_pool_that_waits(1, 10, 10, WAIT_MS);
    assert_int_equal(add_read(p, told_job, "x"), RC_OK);
    wait_for(&bench.count, 1);
    pthread_mutex_lock(&bench.lock);
    bench.frozen = true;
    pthread_mutex_unlock(&bench.lock);
    atomic_fetch_add(&later_ms, 60000); /* the connection was not used for long */
    assert_int_equal(add_read(p, told_job, "y"), RC_OK);
    wait_for(&bench.count, 2);
    assert_string_equal(bench.ran, "x-");
    assert_true(bench.pings == 1 && bench.aborts == 1);
    assert_int_equal(add_read(p, told_job, "z"), RC_OK);
    wait_for(&bench.count, 3);
    assert_string_equal(bench.ran, "x-z");
    dbpool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_and_replays_are_served_in_turn_and_in_order),
        cmocka_unit_test(test_replays_leave_a_thread_to_reads),
        cmocka_unit_test(test_replays_that_have_begun_go_first),
        cmocka_unit_test(test_each_queue_has_its_own_bound),
        cmocka_unit_test(test_a_database_that_does_not_answer_holds_nobody),
        cmocka_unit_test(test_in_the_queue_a_read_waits_no_longer),
        cmocka_unit_test(test_a_job_does_not_wait_for_the_sign_of_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
