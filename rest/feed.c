/* The streams to the workers, and what comes up from them. */
#include "rest/feed.h"

#include <stdlib.h>
#include <unistd.h>

#include "rest/feed_int.h"
#include "rest/feed_write.h"
#include "rest/metrics.h"
#include "rest/online.h"
#include "rest/presence.h"
#include "rest/recovery.h"
#include "rest/typing.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

struct feed *feed_new(const struct feed_conf *conf, struct cache *cache)
{
    struct feed *f = mem_new(sizeof(*f));
    pthread_condattr_t attr;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&f->moved, &attr);
    pthread_mutex_init(&f->tick_lock, NULL);
    pthread_cond_init(&f->tick_wake, &attr);
    pthread_condattr_destroy(&attr);
    f->conf = *conf;
    f->cache = cache;
    atomic_init(&f->wake_fd, -1);
    ring_init(&f->ring, 1);
    f->online = online_new();
    f->recoveries = conf->recovery_ms != 0 ? recoveries_new(conf->recovery_max, conf->recovery_ms * 1000) : NULL;
    f->store_seen_ms = mono_ms() + conf->last_seen_ms;
    f->typing = typing_new(conf->typing_entries_max);
    f->presence = presence_new(conf->focus_entries_max, conf->focus_max_age_ms);
    return f;
}

void feed_reload(struct feed *f, const struct feed_conf *conf)
{
    feed_lock(f);
    f->conf.replay_max_events = conf->replay_max_events;
    f->conf.user_connections_max = conf->user_connections_max;
    f->conf.address_connections_max = conf->address_connections_max;
    f->conf.dashboard_viewers_max = conf->dashboard_viewers_max;
    f->conf.dashboard_replay_max = conf->dashboard_replay_max;
    f->conf.chat_update_ms = conf->chat_update_ms;
    f->conf.chat_update_members_max = conf->chat_update_members_max;
    f->conf.typing_expire_ms = conf->typing_expire_ms;
    f->conf.typing_members_max = conf->typing_members_max;
    f->conf.presence_grace_ms = conf->presence_grace_ms;
    f->conf.presence_grace_lost_ms = conf->presence_grace_lost_ms;
    f->conf.presence_members_max = conf->presence_members_max;
    f->conf.presence_fanout_max = conf->presence_fanout_max;
    f->conf.last_seen_ms = conf->last_seen_ms;
    f->conf.receipt_ms = conf->receipt_ms;
    presence_set_max_age(f->presence, conf->focus_max_age_ms);
    feed_unlock(f);
}

void feed_bind(struct feed *f, struct svc *svc)
{
    f->svc = svc;
}

void feed_free(struct feed *f)
{
    if (f == NULL) {
        return;
    }
    while (f->workers_count > 0) {
        feed_leave(f, f->workers[0]);
    }
    feed_polls_release(f);
    feed_updates_release(f);
    feed_texts_release(f);
    gate_release(&f->receipts);
    gate_release(&f->focus_reads);
    online_free(f->online);
    recoveries_free(f->recoveries);
    buf_release(&f->recovery_rooms);
    free(f->joins);
    buf_release(&f->comings);
    typing_free(f->typing);
    presence_free(f->presence);
    ring_release(&f->ring);
    map64_release(&f->user_sessions);
    map64_release(&f->peers);
    map64_release(&f->viewers);
    map64_release(&f->warm_last);
    pthread_cond_destroy(&f->moved);
    pthread_cond_destroy(&f->tick_wake);
    pthread_mutex_destroy(&f->tick_lock);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void feed_lock(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
}

void feed_unlock(struct feed *f)
{
    pthread_mutex_unlock(&f->lock);
}

void feed_start(struct feed *f, const struct store_head *head)
{
    feed_lock(f);
    f->log_id = head->log_id;
    f->trimmed_to = head->trimmed_to;
    if (f->ring.next != head->next_event) { /* nothing was warm */
        ring_release(&f->ring);
        ring_init(&f->ring, head->next_event);
    }
    atomic_store(&f->published, head->next_event - 1);
    f->ready = true;
    f->started_ms = mono_ms();
    map64_release(&f->warm_last);
    feed_unlock(f);
    metric_set(METRIC_FEED_PUBLISHED, (int64_t)(head->next_event - 1));
}

void feed_on_adopt_done(struct feed *f, feed_adopt_done done, void *ctx)
{
    f->adopt_done = done;
    f->adopt_ctx = ctx;
}

void feed_set_wake(struct feed *f, int event_fd)
{
    atomic_store(&f->wake_fd, event_fd);
}

/* -- streams ------------------------------------------------------------------------------------ */

void feed_appended(struct feed *f, struct feed_worker *w, bool was_empty)
{
    if (w->q.failed || w->q.len > f->conf.stream_max_bytes) {
        if (!w->broken) {
            w->broken = true;
            metric_add(METRIC_FEED_BROKEN, 1);
            log_warn("stream_broken", "worker=%u bytes=%zu", w->number, w->q.len);
        }
        buf_clear(&w->q);
        was_empty = true;
    }
    int fd = atomic_load(&f->wake_fd);
    if (was_empty && fd >= 0) {
        uint64_t one = 1;
        if (write(fd, &one, sizeof(one)) < 0) {
            log_debug("wake_full", "fd=%d", fd); /* a full counter wakes as well */
        }
    }
}

/* Blocks change hands, the caps of the two buffers stay where they are. */
static void take_frames(struct feed_worker *w, struct buf *frames)
{
    if (frames->len > 0) {
        buf_add_str(frames, buf_str(&w->q));
        buf_clear(&w->q);
        return;
    }
    struct buf empty = *frames;
    size_t max_bytes = w->q.max_bytes;
    *frames = w->q;
    w->q = empty;
    w->q.max_bytes = max_bytes;
}

static void take_fds(struct feed_worker *w, struct feed_fds *fds)
{
    for (uint32_t i = 0; i < w->fds_count; i++) {
        if (fds->count == fds->room) {
            fds->room = fds->room ? fds->room * 2 : 64;
            fds->fd = mem_grow(fds->fd, fds->room, sizeof(fds->fd[0]));
        }
        fds->fd[fds->count++] = w->fds[i];
    }
    w->fds_count = 0;
    for (uint32_t i = 0; i < w->adopts_count; i++) {
        w->adopts[i].taken = true;
    }
}

bool feed_take(struct feed_worker *w, struct buf *frames, struct feed_fds *fds)
{
    struct feed *f = w->feed;
    feed_lock(f);
    bool good = !w->broken;
    if (good) {
        take_frames(w, frames);
        take_fds(w, fds);
    }
    feed_unlock(f);
    return good;
}

unsigned feed_workers_ready(struct feed *f)
{
    unsigned n = 0;
    feed_lock(f);
    for (unsigned i = 0; i < f->workers_count; i++) {
        n += !f->workers[i]->broken && !f->workers[i]->draining;
    }
    feed_unlock(f);
    return n;
}

/* -- frames that come up -------------------------------------------------------------------------- */

#define STATS_MAX 64

static enum rc on_stats(struct feed_worker *w, struct str body)
{
    struct link_stat stats[STATS_MAX];
    uint16_t count = 0;
    enum rc rc = link_get_stats(body, stats, STATS_MAX, &count);
    if (rc == RC_OK) {
        metric_worker(w->number, stats, count);
    }
    return rc;
}

static enum rc on_attach(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    struct link_attach a = {0};
    uint64_t session = 0;
    uint32_t generation = 0;
    enum rc rc = frame->type == LINK_ATTACH ? link_get_attach(frame->body, &a)
                                            : link_get_pull(frame->body, &session, &generation);
    if (rc != RC_OK) {
        return rc;
    }
    if (frame->type == LINK_ATTACH && a.session == 0) {
        return RC_PROTOCOL;
    }
    feed_lock(f);
    if (frame->type == LINK_ATTACH) {
        feed_attach_begin(f, w, &a);
    } else {
        feed_attach_pull(f, w, session, generation);
    }
    feed_unlock(f);
    return RC_OK;
}

enum rc feed_up(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    switch (frame->type) {
    case LINK_ADOPTED:
    case LINK_ADOPT_FAILED:
        return feed_on_adopt_answer(f, w, frame);
    case LINK_GONE:
        return feed_on_gone(f, w, frame->body);
    case LINK_SESSION_CLOSED:
        return feed_on_closed(f, w, frame->body);
    case LINK_TOPIC:
        return feed_on_topic(f, w, frame->body);
    case LINK_WATCH:
        return feed_on_watch(f, w, frame->body);
    case LINK_PRESENCE:
        return feed_on_presence(f, w, frame->body);
    case LINK_QUERY:
        return feed_on_query(f, w, frame);
    case LINK_COMMAND:
        return feed_on_command(f, w, frame);
    case LINK_REAUTH:
        return feed_on_reauth(f, w, frame);
    case LINK_LOGIN:
        return feed_on_login(f, w, frame);
    case LINK_RECOVERY:
        return feed_on_recovery(f, w, frame->body);
    case LINK_POLL_REPLY:
        return feed_on_poll_reply(f, w, frame);
    case LINK_ATTACH:
    case LINK_PULL:
        return on_attach(f, w, frame);
    case LINK_STATS:
        return on_stats(w, frame->body);
    case LINK_DRAIN:
        feed_lock(f);
        w->draining = true;
        feed_unlock(f);
        return RC_OK;
    default:
        /* A younger worker may send what we do not know yet. */
        log_debug("link_ignored", "type=%u worker=%u", frame->type, w->number);
        return RC_OK;
    }
}

/* -- reading state ---------------------------------------------------------------------------------- */

uint64_t feed_published(const struct feed *f)
{
    return atomic_load(&f->published);
}

uint64_t feed_log_id(const struct feed *f)
{
    return f->log_id;
}

bool feed_wait_published(struct feed *f, uint64_t event_id, uint64_t deadline_ms)
{
    if (atomic_load(&f->published) >= event_id) {
        return true;
    }
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    feed_lock(f);
    while (atomic_load(&f->published) < event_id) {
        if (pthread_cond_timedwait(&f->moved, &f->lock, &until) != 0) {
            break;
        }
    }
    feed_unlock(f);
    return atomic_load(&f->published) >= event_id;
}

void feed_add_cursor(const struct feed *f, struct buf *out, uint64_t event_id)
{
    buf_addf(out, "%08x.%llu", (unsigned)(f->log_id >> 32), (unsigned long long)event_id);
}

bool feed_user_online(struct feed *f, uint64_t user_id)
{
    feed_lock(f);
    bool online = feed_counted(&f->user_sessions, user_id) > 0;
    feed_unlock(f);
    return online;
}

void feed_kick(struct feed *f, uint64_t user_id, uint64_t family, enum code code)
{
    feed_lock(f);
    cache_rdlock(f->cache);
    uint32_t user = cache_user_index(f->cache, user_id);
    cache_unlock(f->cache);
    for (unsigned i = 0; i < f->workers_count && user != CACHE_NONE; i++) {
        struct feed_worker *w = f->workers[i];
        uint32_t slot = feed_slot_of(w, user);
        if (slot != 0) {
            bool was_empty = w->q.len == 0;
            link_put_kick(&w->q, slot, 0, family, code);
            feed_appended(f, w, was_empty);
        }
    }
    feed_unlock(f);
}

unsigned feed_workers(struct feed *f, struct feed_worker_info *out, unsigned room)
{
    feed_lock(f);
    unsigned n = 0;
    for (; n < f->workers_count && n < room; n++) {
        const struct feed_worker *w = f->workers[n];
        out[n] = (struct feed_worker_info){
            .number = w->number, .sessions = w->sessions, .users = w->users, .stream_bytes = w->q.len};
    }
    feed_unlock(f);
    return n;
}
