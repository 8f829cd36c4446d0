#include "rest/dbpool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "rest/metrics.h"
#include "rest/store.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

/* A connection unused for longer than this is asked for a sign of life first. */
#define IDLE_CHECK_MS 5000
#define RECONNECT_FIRST_MS 50
#define RECONNECT_LAST_MS 2000

struct entry {
    dbpool_job job;
    void *ctx;
};

struct lane { /* jobs in the order in which they came */
    struct entry *ring; /* room entries */
    unsigned room, first, count;
    enum metric gauge;
};

enum { READS, REPLAYS, BEGUN, LANES };

struct dbpool {
    struct store_conf conf;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct lane lanes[LANES];
    unsigned replaying; /* threads at work on a replay */
    bool reads_turn;    /* they go first when replays wait as well */
    bool stopping;
    _Atomic bool healthy;
    pthread_t *threads;
    unsigned threads_count, threads_max;
};

struct connection { /* one thread's */
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

/* What a thread does next, when it has done what came from *lane (LANES: nothing). false: it is to end. */
static bool take(struct dbpool *p, int *lane, struct entry *out)
{
    pthread_mutex_lock(&p->lock);
    p->replaying -= *lane == REPLAYS || *lane == BEGUN;
    while ((*lane = choose(p)) == LANES && !p->stopping) {
        pthread_cond_wait(&p->filled, &p->lock);
    }
    bool got = *lane != LANES;
    if (got) {
        p->replaying += *lane != READS;
        *out = pop(&p->lanes[*lane]);
    }
    pthread_mutex_unlock(&p->lock);
    return got;
}

/* -- connections ---------------------------------------------------------------------------------------------- */

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

static struct store *usable(struct dbpool *p, struct connection *c)
{
    uint64_t now = mono_ms();
    bool suspect = now > c->used_ms + IDLE_CHECK_MS || !atomic_load(&p->healthy);
    if (c->store != NULL && suspect && !store_ping(c->store)) {
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
    struct dbpool *p = arg;
    struct connection c = {0};
    struct entry e;
    int lane = LANES;
    while (take(p, &lane, &e)) {
        e.job(usable(p, &c), e.ctx);
        if (c.store != NULL && !store_alive(c.store)) {
            store_close(c.store);
            c.store = NULL;
            atomic_store(&p->healthy, false);
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

struct dbpool *dbpool_new(const struct store_conf *conf, unsigned threads, unsigned reads_max, unsigned replays_max)
{
    struct dbpool *p = mem_new(sizeof(*p));
    p->conf = *conf;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->filled, NULL);
    lane_init(&p->lanes[READS], reads_max, METRIC_DB_READ_QUEUE);
    lane_init(&p->lanes[REPLAYS], replays_max, METRIC_DB_REPLAY_QUEUE);
    lane_init(&p->lanes[BEGUN], 64, METRIC_DB_REPLAYS_BEGUN);
    atomic_init(&p->healthy, true);
    p->threads_max = threads;
    p->threads = mem_grow(NULL, threads, sizeof(p->threads[0]));
    while (p->threads_count < threads &&
           pthread_create(&p->threads[p->threads_count], NULL, run, p) == 0) {
        p->threads_count++;
    }
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
        pthread_join(p->threads[i], NULL);
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
    return submit(p, &p->lanes[READS], (struct entry){job, ctx});
}

enum rc dbpool_submit_replay(struct dbpool *p, bool begun, dbpool_job job, void *ctx)
{
    return submit(p, &p->lanes[begun ? BEGUN : REPLAYS], (struct entry){job, ctx});
}

unsigned dbpool_depth(struct dbpool *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned n = p->lanes[READS].count + p->lanes[REPLAYS].count + p->lanes[BEGUN].count;
    pthread_mutex_unlock(&p->lock);
    return n;
}

bool dbpool_healthy(struct dbpool *p)
{
    return atomic_load(&p->healthy);
}
