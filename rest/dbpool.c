#include "rest/dbpool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

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

struct dbpool {
    struct store_conf conf;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct entry *ring; /* room entries */
    unsigned room, first, count;
    bool stopping;
    _Atomic bool healthy;
    pthread_t *threads;
    unsigned threads_count;
};

struct connection { /* one thread's */
    struct store *store;
    uint64_t used_ms;
    uint64_t retry_at_ms, pause_ms;
};

static bool take(struct dbpool *p, struct entry *out)
{
    pthread_mutex_lock(&p->lock);
    while (p->count == 0 && !p->stopping) {
        pthread_cond_wait(&p->filled, &p->lock);
    }
    bool got = p->count > 0;
    if (got) {
        *out = p->ring[p->first];
        p->first = (p->first + 1) % p->room;
        p->count--;
        metric_set(METRIC_DB_READ_QUEUE, p->count);
    }
    pthread_mutex_unlock(&p->lock);
    return got;
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
    while (take(p, &e)) {
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

struct dbpool *dbpool_new(const struct store_conf *conf, unsigned threads, unsigned queue_max)
{
    struct dbpool *p = mem_new(sizeof(*p));
    p->conf = *conf;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->filled, NULL);
    p->room = queue_max;
    p->ring = mem_grow(NULL, queue_max, sizeof(p->ring[0]));
    atomic_init(&p->healthy, true);
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
    free(p->ring);
    free(p);
}

enum rc dbpool_submit(struct dbpool *p, dbpool_job job, void *ctx)
{
    enum rc rc = RC_OK;
    pthread_mutex_lock(&p->lock);
    if (p->count == p->room || p->stopping || p->threads_count == 0) {
        rc = RC_UNAVAILABLE;
    } else {
        p->ring[(p->first + p->count) % p->room] = (struct entry){job, ctx};
        p->count++;
        metric_set(METRIC_DB_READ_QUEUE, p->count);
        pthread_cond_signal(&p->filled);
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

unsigned dbpool_depth(struct dbpool *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned n = p->count;
    pthread_mutex_unlock(&p->lock);
    return n;
}

bool dbpool_healthy(struct dbpool *p)
{
    return atomic_load(&p->healthy);
}
