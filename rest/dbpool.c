#include "rest/dbpool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rest/metrics.h"
#include "rest/store.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

/* A connection unused for longer than this is asked for a sign of life first. */
#define IDLE_CHECK_MS 5000
#define RECONNECT_FIRST_MS 50
#define RECONNECT_LAST_MS 2000
#define EXPIRE_EVERY_MS 20

struct entry {
    dbpool_job job; /* NULL: none */
    void *ctx;
    uint64_t deadline_ms; /* of replays: from when a thread has taken it */
};

struct lane { /* jobs in the order in which they came */
    struct entry *ring; /* room entries */
    unsigned room, first, count;
    enum metric gauge;
};

enum { READS, REPLAYS, BEGUN, LANES };

struct thread {
    struct dbpool *pool;
    pthread_t id;
    /* Under the pool's lock, for the one who ends what takes too long: */
    struct entry entry;  /* what it has taken */
    bool late;           /* it has been counted */
    bool started;        /* the job runs; before that it can still be given to somebody else */
    struct store *in_use;
    bool aborted;        /* in_use is of no use any more */
};

struct dbpool {
    struct store_conf conf;
    uint64_t wait_ms;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct lane lanes[LANES];
    unsigned replaying; /* threads at work on a replay */
    bool reads_turn;    /* they go first when replays wait as well */
    bool stopping;
    _Atomic bool healthy;
    struct thread *threads;
    unsigned threads_count, threads_max;
    pthread_t expirer;
    bool expiring;
};

struct connection { /* one thread's own */
    struct store *store;
    uint64_t used_ms;
    uint64_t retry_at_ms, pause_ms;
};

/* -- queues ------------------------------------------------------------------------------------------------- */

static void grow(struct lane *l)
{
    l->ring = mem_grow(l->ring, (size_t)l->room * 2, sizeof(l->ring[0]));
    memcpy(l->ring + l->room, l->ring, l->first * sizeof(l->ring[0]));
    l->room *= 2;
}

static void push(struct lane *l, struct entry e)
{
    l->ring[(l->first + l->count) % l->room] = e;
    l->count++;
    metric_set(l->gauge, l->count);
}

static struct entry pop(struct lane *l)
{
    struct entry e = l->ring[l->first];
    l->first = (l->first + 1) % l->room;
    l->count--;
    metric_set(l->gauge, l->count);
    return e;
}

/* One thread is for reads only, if there is another: a storm of replays keeps no request waiting for them. */
static bool may_replay(const struct dbpool *p)
{
    return p->replaying == 0 || p->replaying + 1 < p->threads_max;
}

/* The lane to serve next; LANES: there is nothing to do. */
static int choose(struct dbpool *p)
{
    int replay = p->lanes[BEGUN].count > 0 ? BEGUN : REPLAYS;
    bool replays = p->lanes[replay].count > 0 && may_replay(p), reads = p->lanes[READS].count > 0;
    if (!reads && !replays) {
        return LANES;
    }
    bool read = reads && (!replays || p->reads_turn);
    p->reads_turn = !read;
    return read ? READS : replay;
}

/* What the thread does next, when it has done what came from *lane (LANES: nothing). false: it is to end. */
static bool take(struct thread *t, int *lane, struct store *store)
{
    struct dbpool *p = t->pool;
    pthread_mutex_lock(&p->lock);
    p->replaying -= *lane == REPLAYS || *lane == BEGUN;
    while ((*lane = choose(p)) == LANES && !p->stopping) {
        pthread_cond_wait(&p->filled, &p->lock);
    }
    bool got = *lane != LANES;
    if (got) {
        p->replaying += *lane != READS;
        t->entry = pop(&p->lanes[*lane]);
        t->entry.deadline_ms = *lane == READS ? t->entry.deadline_ms : mono_ms() + p->wait_ms;
        t->in_use = store; /* it may be asked for a sign of life */
    }
    pthread_mutex_unlock(&p->lock);
    return got;
}

/* false: the job was given up before it began. */
static bool begin(struct thread *t, struct store *store, struct entry *out)
{
    pthread_mutex_lock(&t->pool->lock);
    *out = t->entry;
    t->started = out->job != NULL;
    t->in_use = store;
    pthread_mutex_unlock(&t->pool->lock);
    return out->job != NULL;
}

/* The thread uses its connection no more. false: the connection is of no use either. */
static bool end(struct thread *t)
{
    pthread_mutex_lock(&t->pool->lock);
    bool good = !t->aborted;
    t->entry.job = NULL;
    t->in_use = NULL;
    t->late = t->started = t->aborted = false;
    pthread_mutex_unlock(&t->pool->lock);
    return good;
}

/* -- deadlines -------------------------------------------------------------------------------------------------- */

/* A thread's job that takes too long: ended by its connection when it runs, else (out) taken from the thread. */
static void expire_one(struct thread *t, uint64_t now, struct entry *out)
{
    if (t->entry.job == NULL || now < t->entry.deadline_ms) {
        return;
    }
    metric_add(METRIC_DB_READS_LATE, !t->late);
    t->late = true;
    if (t->in_use != NULL && !t->aborted) {
        store_abort(t->in_use);
        t->aborted = true;
    }
    if (!t->started) {
        *out = t->entry;
        t->entry.job = NULL;
    }
}

/* The next job that nobody has begun in time. */
static struct entry next_overdue(struct dbpool *p, uint64_t now)
{
    struct entry late = {0};
    struct lane *reads = &p->lanes[READS];
    if (reads->count > 0 && now >= reads->ring[reads->first].deadline_ms) {
        metric_add(METRIC_DB_READS_LATE, 1);
        return pop(reads);
    }
    for (unsigned i = 0; i < p->threads_count && late.job == NULL; i++) {
        expire_one(&p->threads[i], now, &late);
    }
    return late;
}

/*
 * A database that is frozen, or behind a network that swallows everything, answers nothing for as long as
 * db_io_timeout_ms; whoever asks waits no longer than db_read_wait_ms for it.
 */
static void *expire(void *arg)
{
    struct dbpool *p = arg;
    for (bool go_on = true; go_on;) {
        struct timespec pause = {.tv_nsec = EXPIRE_EVERY_MS * 1000000L};
        struct entry late;
        nanosleep(&pause, NULL);
        do {
            pthread_mutex_lock(&p->lock);
            late = next_overdue(p, mono_ms());
            go_on = p->expiring;
            pthread_mutex_unlock(&p->lock);
            if (late.job != NULL) {
                late.job(NULL, late.ctx);
            }
        } while (late.job != NULL);
    }
    return NULL;
}

/* -- connections ---------------------------------------------------------------------------------------------- */

/* The thread's connection is about to go. */
static void forget(struct thread *t)
{
    pthread_mutex_lock(&t->pool->lock);
    t->in_use = NULL;
    t->aborted = false;
    pthread_mutex_unlock(&t->pool->lock);
}

/* While the database is away jobs fail at once instead of each waiting for a connection. */
static void connect_again(struct dbpool *p, struct connection *c, uint64_t now)
{
    struct buf why = BUF_INIT;
    if (now < c->retry_at_ms) {
        return;
    }
    if (store_open(&p->conf, &c->store, &why) == RC_OK) {
        c->pause_ms = 0;
        atomic_store(&p->healthy, true);
    } else {
        c->store = NULL;
        c->pause_ms = c->pause_ms ? c->pause_ms * 2 : RECONNECT_FIRST_MS;
        c->pause_ms = c->pause_ms > RECONNECT_LAST_MS ? RECONNECT_LAST_MS : c->pause_ms;
        c->retry_at_ms = mono_ms() + c->pause_ms;
        atomic_store(&p->healthy, false);
        log_warn_limited("db_unreachable", "why=%s", log_esc(buf_str(&why)));
    }
    buf_release(&why);
}

static struct store *usable(struct thread *t, struct connection *c)
{
    struct dbpool *p = t->pool;
    uint64_t now = mono_ms();
    bool suspect = now > c->used_ms + IDLE_CHECK_MS || !atomic_load(&p->healthy);
    if (c->store != NULL && suspect && !store_ping(c->store)) {
        forget(t);
        store_close(c->store);
        c->store = NULL;
    }
    if (c->store == NULL) {
        connect_again(p, c, now);
    } else if (suspect) {
        atomic_store(&p->healthy, true);
    }
    c->used_ms = now;
    return c->store;
}

static void *run(void *arg)
{
    struct thread *t = arg;
    struct connection c = {0};
    struct entry e;
    int lane = LANES;
    while (take(t, &lane, c.store)) {
        struct store *store = usable(t, &c);
        if (begin(t, store, &e)) {
            e.job(store, e.ctx);
        }
        bool good = end(t);
        if (c.store != NULL && (!good || !store_alive(c.store))) {
            store_close(c.store);
            c.store = NULL;
            atomic_store(&t->pool->healthy, false);
        }
    }
    store_close(c.store);
    store_thread_end();
    return NULL;
}

static void lane_init(struct lane *l, unsigned room, enum metric gauge)
{
    *l = (struct lane){.ring = mem_grow(NULL, room, sizeof(l->ring[0])), .room = room, .gauge = gauge};
}

/* The expirer looks at threads that have been counted. */
static bool add_thread(struct dbpool *p)
{
    struct thread *t = &p->threads[p->threads_count];
    t->pool = p;
    if (pthread_create(&t->id, NULL, run, t) != 0) {
        return false;
    }
    p->threads_count++;
    return true;
}

struct dbpool *dbpool_new(const struct store_conf *store, const struct dbpool_conf *conf)
{
    struct dbpool *p = mem_new(sizeof(*p));
    p->conf = *store;
    p->wait_ms = conf->wait_ms;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->filled, NULL);
    lane_init(&p->lanes[READS], conf->reads_max, METRIC_DB_READ_QUEUE);
    lane_init(&p->lanes[REPLAYS], conf->replays_max, METRIC_DB_REPLAY_QUEUE);
    lane_init(&p->lanes[BEGUN], 64, METRIC_DB_REPLAYS_BEGUN);
    atomic_init(&p->healthy, true);
    p->threads_max = conf->threads;
    p->threads = mem_new((size_t)conf->threads * sizeof(p->threads[0]));
    while (p->threads_count < conf->threads && add_thread(p)) {
    }
    pthread_mutex_lock(&p->lock);
    p->expiring = pthread_create(&p->expirer, NULL, expire, p) == 0;
    pthread_mutex_unlock(&p->lock);
    return p;
}

void dbpool_free(struct dbpool *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->filled);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads_count; i++) {
        pthread_join(p->threads[i].id, NULL);
    }
    pthread_mutex_lock(&p->lock);
    bool expiring = p->expiring;
    p->expiring = false;
    pthread_mutex_unlock(&p->lock);
    if (expiring) {
        pthread_join(p->expirer, NULL);
    }
    pthread_cond_destroy(&p->filled);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    for (int i = 0; i < LANES; i++) {
        free(p->lanes[i].ring);
    }
    free(p);
}

static enum rc submit(struct dbpool *p, struct lane *l, struct entry e)
{
    enum rc rc = RC_OK;
    pthread_mutex_lock(&p->lock);
    if (l->count == l->room && l == &p->lanes[BEGUN]) {
        grow(l);
    }
    if (l->count == l->room || p->stopping || p->threads_count == 0) {
        rc = RC_UNAVAILABLE;
    } else {
        push(l, e);
        pthread_cond_signal(&p->filled);
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

enum rc dbpool_submit(struct dbpool *p, dbpool_job job, void *ctx)
{
    return submit(p, &p->lanes[READS], (struct entry){job, ctx, mono_ms() + p->wait_ms});
}

enum rc dbpool_submit_replay(struct dbpool *p, bool begun, dbpool_job job, void *ctx)
{
    return submit(p, &p->lanes[begun ? BEGUN : REPLAYS], (struct entry){job, ctx, 0});
}

unsigned dbpool_depth(struct dbpool *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned n = p->lanes[READS].count + p->lanes[REPLAYS].count + p->lanes[BEGUN].count;
    pthread_mutex_unlock(&p->lock);
    return n;
}
