/*
 * Who comes and goes: counted with the sessions, told to those who share a chat and asked for it, stored now and then.
 *
 * The changes of a turn are noted where sessions are counted and looked at by the ticking thread, so that neither a
 * storm of connections nor a lost worker makes the feed wait. What one change costs is bounded, and so is what is told
 * in one turn; the rest waits for the next.
 */
#include <stdlib.h>

#include "rest/feed_int.h"

#include "rest/event_fill.h"
#include "rest/feed_write.h"
#include "rest/metrics.h"
#include "rest/online.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"
#include "shared/mem.h"

#define MEMBERS_PER_TICK 50000 /* that are looked at before the others get the lock */
#define CHANGES_PER_TICK 2000
#define STORED_AT_ONCE 500

struct coming { /* somebody's first session came, or the last one went */
    uint64_t user_id, at_us;
    bool lost;  /* with a worker */
    bool quiet; /* a worker that was there before we were has brought them along */
};

/* -- noting ------------------------------------------------------------------------------------------------- */

static void note(struct feed *f, uint64_t user_id, bool lost, bool quiet)
{
    const struct coming c = {user_id, wall_us(), lost, quiet};
    buf_add(&f->comings, &c, sizeof(c));
}

void feed_sessions_up(struct feed *f, uint64_t user_id, uint32_t by, bool quiet)
{
    bool first = by > 0 && feed_counted(&f->user_sessions, user_id) == 0;
    feed_count_up(&f->user_sessions, user_id, by);
    if (first) {
        note(f, user_id, false, quiet);
    }
}

void feed_sessions_down(struct feed *f, uint64_t user_id, uint32_t by, bool lost)
{
    bool was = feed_counted(&f->user_sessions, user_id) > 0;
    feed_count_down(&f->user_sessions, user_id, by);
    if (was && feed_counted(&f->user_sessions, user_id) == 0) {
        note(f, user_id, lost, false);
    }
}

/* -- telling ------------------------------------------------------------------------------------------------ */

struct audience { /* slots per worker that hear of one change */
    struct buf slots[FEED_WORKERS_MAX];
    uint64_t looked_at;
};

/* Nobody is told twice, however many chats they share. */
static void next_mark(struct feed *f)
{
    if (++f->mark != 0) {
        return;
    }
    for (unsigned i = 0; i < f->workers_count; i++) {
        for (uint32_t s = 0; s < f->workers[i]->slots_count; s++) {
            f->workers[i]->slots[s].mark = 0;
        }
    }
    f->mark = 1;
}

static void add_member(struct feed *f, struct audience *a, uint32_t user)
{
    for (unsigned i = 0; i < f->workers_count; i++) {
        struct feed_worker *w = f->workers[i];
        uint32_t slot = w->watchers[WATCH_STATUS] > 0 ? feed_slot_of(w, user) : 0;
        if (feed_watches(w, slot, CONN_EVENTS_STATUS) && w->slots[slot].mark != f->mark) {
            w->slots[slot].mark = f->mark;
            buf_add_be32(&a->slots[i], slot);
        }
    }
}

static void find_audience(struct feed *f, uint32_t user, struct audience *a)
{
    const struct cache_user *u = cache_user(f->cache, user);
    next_mark(f);
    for (uint32_t i = 0; u != NULL && i < u->chats_count; i++) {
        const struct cache_chat *chat = cache_chat(f->cache, u->chats[i]);
        if (chat == NULL || chat->members_count > f->conf.presence_members_max) {
            continue;
        }
        if (a->looked_at + chat->members_count > f->conf.presence_fanout_max) {
            metric_add(METRIC_PRESENCE_CUT, 1);
            return;
        }
        a->looked_at += chat->members_count;
        for (uint32_t k = 0; k < chat->members_count; k++) {
            if (chat->members[k].user != user) {
                add_member(f, a, chat->members[k].user);
            }
        }
    }
}

static void put(struct feed *f, const struct seen *s, const struct audience *a)
{
    struct buf encoded = BUF_INIT;
    const struct row_event row = {.kind = EV_PRESENCE,
                                  .subject_id = cache_user(f->cache, s->user)->id,
                                  .number = s->online,
                                  .at_us = s->seen_us};
    struct event e;
    event_fill(f->cache, &row, &(struct event_rows){0}, &e);
    event_encode(&encoded, &e);
    for (unsigned i = 0; i < f->workers_count; i++) {
        const struct link_recipients to = {.to = LINK_TO_SLOTS,
                                           .count = (uint32_t)(a->slots[i].len / sizeof(uint32_t)),
                                           .slots = buf_str(&a->slots[i])};
        if (to.count > 0) {
            link_put_event(&f->workers[i]->q, LINK_EPHEMERAL, &to, buf_str(&encoded));
            metric_add(METRIC_PRESENCE_EVENTS, 1);
        }
    }
    buf_release(&encoded);
}

/* How many members were looked at. */
static uint64_t tell(struct feed *f, const struct seen *s)
{
    struct audience a = {.looked_at = 0};
    metric_add(METRIC_PRESENCE_CHANGES, 1);
    if (!feed_has_watchers(f, WATCH_STATUS)) {
        return 0;
    }
    find_audience(f, s->user, &a);
    put(f, s, &a);
    for (unsigned i = 0; i < f->workers_count; i++) {
        buf_release(&a.slots[i]);
    }
    return a.looked_at;
}

/* -- as time goes by ----------------------------------------------------------------------------------------- */

static void take_coming(struct feed *f, const struct coming *c, uint64_t now_ms)
{
    uint32_t user = cache_user_index(f->cache, c->user_id);
    uint64_t grace_ms = c->lost ? f->conf.presence_grace_lost_ms : f->conf.presence_grace_ms;
    if (user == CACHE_NONE) {
        return;
    }
    if (feed_counted(&f->user_sessions, c->user_id) > 0) {
        bool after_start = now_ms < f->started_ms + f->conf.presence_grace_lost_ms;
        online_comes(f->online, user, now_ms, c->at_us, c->quiet && after_start);
    } else {
        online_goes(f->online, user, now_ms + grace_ms, c->at_us);
        feed_typing_gone(f, c->user_id);
    }
}

void feed_online_tick(struct feed *f, uint64_t now_ms)
{
    const struct coming *list = (const struct coming *)(const void *)f->comings.p;
    for (size_t i = 0; i < f->comings.len / sizeof(list[0]); i++) {
        take_coming(f, &list[i], now_ms);
    }
    buf_clear(&f->comings);
    struct seen s;
    uint64_t members = 0;
    for (unsigned i = 0; i < CHANGES_PER_TICK && members < MEMBERS_PER_TICK && online_next(f->online, now_ms, &s); i++) {
        members += tell(f, &s);
    }
    metric_set(METRIC_USERS_ONLINE, online_count(f->online));
}

/* -- storing -------------------------------------------------------------------------------------------------- */

struct storing {
    struct feed *f;
    unsigned count;
    struct seen seen[STORED_AT_ONCE];
};

static void on_stored(void *ctx, const struct outcome *o)
{
    struct storing *s = ctx;
    if (o->code == CODE_OK) {
        metric_add(METRIC_LAST_SEEN_STORED, s->count);
    } else { /* again with the next ones */
        feed_lock(s->f);
        for (unsigned i = 0; i < s->count; i++) {
            online_changed(s->f->online, s->seen[i].user);
        }
        feed_unlock(s->f);
    }
    free(s);
}

/* The users' ids and, in the content, what is said of each. */
static void describe(struct feed *f, const struct storing *s, uint64_t *users, struct buf *content)
{
    cache_rdlock(f->cache);
    for (unsigned i = 0; i < s->count; i++) {
        users[i] = cache_user(f->cache, s->seen[i].user)->id;
        buf_add_be64(content, s->seen[i].seen_us);
        buf_add_be8(content, s->seen[i].online);
    }
    cache_unlock(f->cache);
}

/* false: there is nothing more to store, or no way to now. */
static bool store_some(struct feed *f)
{
    uint64_t users[STORED_AT_ONCE];
    struct buf content = BUF_INIT;
    struct storing *s = mem_new(sizeof(*s));
    s->f = f;
    feed_lock(f);
    s->count = online_take_changed(f->online, s->seen, STORED_AT_ONCE);
    feed_unlock(f);
    describe(f, s, users, &content);
    const struct cmd c = {
        .kind = CMD_LAST_SEEN, .users = users, .users_count = s->count, .content = buf_str(&content)};
    enum code code = c.users_count > 0 ? svc_submit(f->svc, &c, on_stored, s, NULL) : CODE_OK;
    if (c.users_count == 0 || code != CODE_OK) { /* else s may be gone by now */
        on_stored(s, &(struct outcome){.code = code});
    }
    buf_release(&content);
    return c.users_count == STORED_AT_ONCE && code == CODE_OK;
}

void feed_online_store(struct feed *f, uint64_t now_ms)
{
    if (now_ms < f->store_seen_ms) {
        return;
    }
    f->store_seen_ms = now_ms + f->conf.last_seen_ms;
    while (store_some(f)) {
    }
}

void feed_online_stop(struct feed *f)
{
    feed_lock(f);
    online_stop(f->online, wall_us());
    feed_unlock(f);
    while (store_some(f)) {
    }
}

/* -- asked --------------------------------------------------------------------------------------------------- */

void feed_warm_seen(struct feed *f, uint64_t user_id, uint64_t seen_us, bool was_online)
{
    uint32_t user = cache_user_index(f->cache, user_id);
    if (user != CACHE_NONE) {
        online_load(f->online, user, seen_us, was_online, mono_ms() + f->conf.presence_grace_lost_ms);
    }
}

void feed_presence(struct feed *f, uint32_t user, bool *is_online, uint64_t *seen_us)
{
    feed_lock(f);
    struct seen s = online_get(f->online, user);
    feed_unlock(f);
    *is_online = s.online;
    *seen_us = s.online ? wall_us() : s.seen_us;
}
