/* Workers that come and go. */
#include <stdlib.h>

#include "rest/feed_int.h"
#include "rest/metrics.h"
#include "shared/mem.h"

static bool can_resume(const struct feed *f, const struct link_hello *h)
{
    return h->log_id == f->log_id && h->position <= atomic_load(&f->published) &&
           h->position + 1 >= f->ring.first;
}

/* The worker's users keep the slots they have; those who are gone from the cache are dropped. */
static void take_over_users(struct feed *f, struct feed_worker *w, const struct link_hello_user *users,
                            uint32_t count)
{
    cache_rdlock(f->cache);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t user = cache_user_index(f->cache, users[i].user_id);
        if (users[i].slot == 0 || users[i].slot > 10000000 || user == CACHE_NONE) {
            continue;
        }
        feed_use_slot(w, users[i].slot, users[i].user_id, user);
        w->slots[users[i].slot].sessions = users[i].sessions;
        w->slots[users[i].slot].adopts = users[i].adopts;
        feed_count(&f->user_sessions, users[i].user_id, (int)users[i].sessions);
    }
    cache_unlock(f->cache);
}

static struct feed_worker *worker_new(struct feed *f, const struct link_hello *h)
{
    struct feed_worker *w = mem_new(sizeof(*w));
    w->feed = f;
    w->number = h->worker;
    w->incarnation = h->incarnation;
    w->q = BUF_INIT_MAX(f->conf.stream_max_bytes + (4u << 20)); /* one batch may step over the line */
    feed_room_for_slot(w, 0);
    return w;
}

enum rc feed_join(struct feed *f, const struct link_hello *hello, const struct link_hello_user *users,
                  uint32_t users_count, const struct link_hello_peer *peers, uint32_t peers_count,
                  struct feed_worker **out)
{
    feed_lock(f);
    if (!f->ready || f->workers_count == FEED_WORKERS_MAX) {
        feed_unlock(f);
        return RC_UNAVAILABLE;
    }
    struct feed_worker *w = worker_new(f, hello);
    take_over_users(f, w, users, users_count);
    feed_find_free_slots(w);
    for (uint32_t i = 0; i < peers_count; i++) {
        feed_count(&f->peers, peers[i].peer_key, (int)peers[i].sessions);
        feed_count(&w->peers, peers[i].peer_key, (int)peers[i].sessions);
        w->sessions += peers[i].sessions;
    }
    bool resumed = can_resume(f, hello);
    struct link_welcome welcome = {
        .magic = LINK_MAGIC,
        .major = LINK_MAJOR,
        .minor = LINK_MINOR,
        .log_id = f->log_id,
        .published = atomic_load(&f->published),
        .resumed = resumed,
    };
    link_put_welcome(&w->q, &welcome);
    f->workers[f->workers_count++] = w;
    if (resumed) {
        feed_catch_up(f, w, hello->position);
    }
    link_put_position(&w->q, atomic_load(&f->published));
    feed_appended(f, w, true);
    metric_set(METRIC_FEED_WORKERS, f->workers_count);
    feed_unlock(f);
    *out = w;
    return RC_OK;
}

static void worker_free(struct feed_worker *w)
{
    buf_release(&w->q);
    free(w->fds);
    free(w->slots);
    free(w->free_slots);
    free(w->slot_of);
    map64_release(&w->peers);
    map64_release(&w->sets);
    free(w->adopts);
    feed_attach_release(w);
    free(w);
}

void feed_leave(struct feed *f, struct feed_worker *w)
{
    feed_lock(f);
    for (unsigned i = 0; i < f->workers_count; i++) {
        if (f->workers[i] == w) {
            f->workers[i] = f->workers[--f->workers_count];
            break;
        }
    }
    for (uint32_t i = 1; i < w->slots_count; i++) {
        feed_count(&f->user_sessions, w->slots[i].user_id, -(int)w->slots[i].sessions);
    }
    uint32_t at = 0, n = 0;
    uint64_t key = 0;
    while (map64_next(&w->peers, &at, &key, &n)) {
        feed_count(&f->peers, key, -(int)n);
    }
    metric_set(METRIC_FEED_WORKERS, f->workers_count);
    feed_unlock(f);
    metric_worker_gone(w->number);
    for (uint32_t i = 0; i < w->adopts_count && f->adopt_done != NULL; i++) {
        /* One that went out may have been answered with 101 by the worker: only close it. */
        f->adopt_done(f->adopt_ctx, w->adopts[i].fd, w->adopts[i].taken ? CODE_OK : CODE_NO_WORKER);
    }
    worker_free(w);
}

struct feed_worker *feed_find_worker(struct feed *f, uint16_t number, uint64_t incarnation)
{
    for (unsigned i = 0; i < f->workers_count; i++) {
        if (f->workers[i]->number == number && f->workers[i]->incarnation == incarnation) {
            return f->workers[i];
        }
    }
    return NULL;
}
