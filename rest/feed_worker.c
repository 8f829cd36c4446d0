/* Workers that come and go. */
#include <stdlib.h>

#include "rest/feed_int.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/mem.h"

static bool can_resume(const struct feed *f, const struct link_hello *h)
{
    return h->log_id == f->log_id && h->position <= atomic_load(&f->published) &&
           h->position + 1 >= f->ring.first;
}

/*
 * What was revoked while the worker was away and is not in the ring any more: whoever had an event of
 * their own since, and whoever may not be here at all, comes in through the door again.
 */
static bool must_come_again(const struct feed *f, const struct link_hello *h, const struct cache_user *u,
                            bool resumed)
{
    bool missed = !resumed && h->log_id == f->log_id && u != NULL && u->last_event > h->position;
    return u == NULL || u->status != USER_ACTIVE || missed;
}

/* The worker's users keep the slots they have. false: this cannot be. */
static bool take_over_user(struct feed *f, struct feed_worker *w, const struct link_hello_user *u)
{
    uint32_t user = cache_user_index(f->cache, u->user_id);
    if (u->user_id == 0 || u->slot == 0 || u->slot > FEED_SLOTS_MAX || u->sessions > FEED_SESSIONS_MAX ||
        feed_slot_of(w, user) != 0 || (u->slot < w->slots_count && w->slots[u->slot].user_id != 0)) {
        return false;
    }
    feed_use_slot(w, u->slot, u->user_id, user);
    w->slots[u->slot].sessions = u->sessions;
    w->slots[u->slot].adopts = u->adopts;
    feed_watch_set(w, u->slot, UINT32_MAX); /* everything, until it says what */
    feed_sessions_up(f, u->user_id, u->sessions, true);
    return true;
}

static bool take_over_users(struct feed *f, struct feed_worker *w, const struct link_hello_user *users,
                            uint32_t count)
{
    bool good = true;
    uint64_t sessions = 0;
    cache_rdlock(f->cache);
    for (uint32_t i = 0; i < count && good; i++) {
        sessions += users[i].sessions;
        good = sessions <= FEED_SESSIONS_MAX && take_over_user(f, w, &users[i]);
    }
    cache_unlock(f->cache);
    feed_find_free_slots(w);
    return good;
}

static bool take_over_peers(struct feed *f, struct feed_worker *w, const struct link_hello_peer *peers,
                            uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (peers[i].peer_key == 0 || peers[i].sessions > FEED_SESSIONS_MAX - w->sessions) {
            return false;
        }
        feed_count_up(&f->peers, peers[i].peer_key, peers[i].sessions);
        feed_count_up(&w->peers, peers[i].peer_key, peers[i].sessions);
        w->sessions += peers[i].sessions;
    }
    return true;
}

static void kick_strangers(struct feed *f, struct feed_worker *w, const struct link_hello *h, bool resumed)
{
    cache_rdlock(f->cache);
    for (uint32_t i = 1; i < w->slots_count; i++) {
        const struct slot *s = &w->slots[i];
        if (s->user_id != 0 && must_come_again(f, h, cache_user(f->cache, s->user), resumed)) {
            link_put_kick(&w->q, i, 0, 0, CODE_RESTARTING);
        }
    }
    cache_unlock(f->cache);
}

static struct feed_worker *worker_new(struct feed *f, const struct link_hello *h)
{
    struct feed_worker *w = mem_new(sizeof(*w));
    w->feed = f;
    w->serial = ++f->worker_serial;
    w->number = h->worker;
    w->incarnation = h->incarnation;
    w->q = BUF_INIT_MAX(f->conf.stream_max_bytes + (4u << 20)); /* one batch may step over the line */
    feed_room_for_slot(w, 0);
    return w;
}

static void put_welcome(struct feed *f, struct feed_worker *w, const struct link_hello *hello, bool resumed)
{
    struct link_welcome welcome = {
        .magic = LINK_MAGIC,
        .major = LINK_MAJOR,
        .minor = LINK_MINOR,
        .log_id = f->log_id,
        .published = atomic_load(&f->published),
        .resumed = resumed,
        .recovers = f->recoveries != NULL,
    };
    link_put_welcome(&w->q, &welcome);
    w->restarted = !resumed;
    kick_strangers(f, w, hello, resumed);
    if (resumed) {
        feed_catch_up(f, w, hello->position);
    }
    link_put_position(&w->q, welcome.published);
}

/* What it missed must fit its stream: else it would be broken off at once, again and again. */
static void begin_stream(struct feed *f, struct feed_worker *w, const struct link_hello *hello)
{
    bool resumed = can_resume(f, hello);
    put_welcome(f, w, hello, resumed);
    if (resumed && (w->q.failed || w->q.len > f->conf.stream_max_bytes)) {
        buf_clear(&w->q);
        map64_clear(&w->sets);
        put_welcome(f, w, hello, false);
    }
    feed_appended(f, w, true);
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
    map64_release(&w->topics);
    map64_release(&w->polls);
    free(w->adopts);
    feed_attach_release(w);
    free(w);
}

/* Its sessions are counted no more. */
static void uncount(struct feed *f, const struct feed_worker *w)
{
    uint32_t at = 0, n = 0;
    uint64_t key = 0;
    for (uint32_t i = 1; i < w->slots_count; i++) {
        feed_sessions_down(f, w->slots[i].user_id, w->slots[i].sessions, true);
    }
    while (map64_next(&w->peers, &at, &key, &n)) {
        feed_count_down(&f->peers, key, n);
    }
    feed_topics_uncount(f, w);
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
    if (!take_over_users(f, w, users, users_count) || !take_over_peers(f, w, peers, peers_count)) {
        uncount(f, w);
        feed_unlock(f);
        worker_free(w);
        return RC_PROTOCOL;
    }
    uint32_t most = UINT32_MAX - w->sessions;
    w->sessions_max = w->sessions + (hello->capacity < most ? hello->capacity : most);
    w->topics_known_ms = w->sessions > 0 ? mono_ms() + FEED_TOPICS_KNOWN_MS : 0;
    f->workers[f->workers_count++] = w;
    begin_stream(f, w, hello);
    metric_set(METRIC_FEED_WORKERS, f->workers_count);
    feed_unlock(f);
    *out = w;
    return RC_OK;
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
    uncount(f, w);
    feed_focus_worker_gone(f, w);
    feed_recovery_worker_gone(f, w);
    metric_set(METRIC_FEED_WORKERS, f->workers_count);
    feed_unlock(f);
    metric_worker_gone(w->number);
    for (uint32_t i = 0; i < w->adopts_count; i++) {
        /* One that went out may have been answered with 101 by the worker: only close it. */
        feed_give_back(f, w->adopts[i].fd, w->adopts[i].taken ? CODE_OK : CODE_NO_WORKER);
    }
    feed_polls_gone(f, w);
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
