/* Connections of Socket.IO that come back: who has which pid, and writing that down. See recovery.h. */
#include <stdlib.h>

#include "rest/feed_int.h"
#include "rest/feed_write.h"
#include "rest/metrics.h"
#include "rest/recovery.h"
#include "shared/clock.h"
#include "shared/mem.h"

#define STORED_AT_ONCE 256
#define CLOCK_MS 10000

static struct feed_worker *worker_of(struct feed *f, struct recovery_owner owner)
{
    for (unsigned i = 0; i < f->workers_count && owner.worker != 0; i++) {
        if (f->workers[i]->serial == owner.worker) {
            return f->workers[i];
        }
    }
    return NULL;
}

/* Its client has come back before anybody noticed that it was gone. */
static void kick(struct feed *f, struct recovery_owner owner)
{
    struct feed_worker *w = worker_of(f, owner);
    if (w != NULL) {
        bool was_empty = w->q.len == 0;
        link_put_kick(&w->q, 0, owner.session, 0, CODE_IDLE);
        feed_appended(f, w, was_empty);
    }
}

/* -- rooms ----------------------------------------------------------------------------------------------------- */

static bool has_room(const struct buf *rooms, uint64_t chat_id)
{
    for (uint32_t i = 0; i < rooms->len / LINK_ROOM_BYTES; i++) {
        if (link_room_at(buf_str(rooms), i).chat_id == chat_id) {
            return true;
        }
    }
    return false;
}

static bool joined(const struct feed *f, const struct feed_join *j, uint64_t user_id)
{
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, j->chat_id));
    uint32_t user = cache_user_index(f->cache, user_id);
    return (j->user_id == 0 || j->user_id == user_id) && chat != NULL && user != CACHE_NONE &&
           cache_member(chat, user) != NULL;
}

/* What it was told, and what it joined by itself in the moment before both programs ended. With both locks. */
static struct str rooms_of(struct feed *f, const struct recovery *e, uint64_t user_id)
{
    struct recovery_place place = recovery_place(e);
    buf_clear(&f->recovery_rooms);
    buf_add_str(&f->recovery_rooms, place.rooms);
    for (uint32_t i = 0; i < f->joins_count && recovery_is_unsure(e); i++) {
        const struct feed_join *j = &f->joins[i];
        if (j->event_id > place.position && joined(f, j, user_id) && !has_room(&f->recovery_rooms, j->chat_id) &&
            f->recovery_rooms.len < (size_t)LINK_ROOMS_MAX * LINK_ROOM_BYTES) {
            link_add_room(&f->recovery_rooms, (struct link_room){j->chat_id, j->event_id});
        }
    }
    return buf_str(&f->recovery_rooms);
}

void feed_warm_join(struct feed *f, uint64_t event_id, uint64_t chat_id, uint64_t user_id)
{
    if (f->recoveries == NULL) {
        return;
    }
    if (f->joins_count == f->joins_room) {
        f->joins_room = f->joins_room != 0 ? f->joins_room * 2 : 64;
        f->joins = mem_grow(f->joins, f->joins_room, sizeof(f->joins[0]));
    }
    f->joins[f->joins_count++] = (struct feed_join){event_id, chat_id, user_id};
}

/* -- who comes, who goes ------------------------------------------------------------------------------------------ */

void feed_recovery_login(struct feed *f, struct feed_worker *w, const struct link_login *m,
                         struct link_login_reply *r)
{
    struct recovery *e = f->recoveries != NULL && m->pid.len > 0
                             ? recoveries_find(f->recoveries, m->pid, r->user_id, wall_us())
                             : NULL;
    if (e != NULL) {
        kick(f, recovery_owner(e));
        recovery_take_over(f->recoveries, e, (struct recovery_owner){w->serial, m->session});
        r->pid = m->pid;
        r->rooms = rooms_of(f, e, r->user_id);
    }
}

static void tell_stored(struct feed *f, struct recovery_owner owner, uint32_t number)
{
    struct feed_worker *w = worker_of(f, owner);
    if (w != NULL) {
        bool was_empty = w->q.len == 0;
        link_put_recovery_stored(&w->q, owner.session, number);
        feed_appended(f, w, was_empty);
    }
}

/* true: its session hears of it when it is written. */
static bool note(struct feed *f, const struct link_recovery *m, uint64_t user_id, struct recovery_owner by)
{
    struct recovery_place place = {m->rooms, m->position};
    switch (m->state) {
    case LINK_RECOVERY_LIVE:
        return user_id != 0 && recoveries_live(f->recoveries, m->pid, user_id, by, place, m->number);
    case LINK_RECOVERY_LOST:
        recoveries_lost(f->recoveries, m->pid, by, place, wall_us());
        return false;
    default:
        return recoveries_ended(f->recoveries, m->pid, by, m->number);
    }
}

enum rc feed_on_recovery(struct feed *f, struct feed_worker *w, struct str body)
{
    struct link_recovery m;
    enum rc rc = link_get_recovery(body, &m);
    if (rc != RC_OK) {
        return rc;
    }
    struct recovery_owner by = {w->serial, m.session};
    feed_lock(f);
    uint64_t user_id = m.slot < w->slots_count ? w->slots[m.slot].user_id : 0;
    bool waits = f->recoveries != NULL && note(f, &m, user_id, by);
    if (!waits && m.number != 0) {
        tell_stored(f, by, m.number);
    }
    bool work = f->recoveries != NULL && recoveries_wait(f->recoveries);
    feed_unlock(f);
    if (work) {
        feed_tick_early(f);
    }
    return RC_OK;
}

void feed_recovery_worker_gone(struct feed *f, const struct feed_worker *w)
{
    if (f->recoveries != NULL) {
        recoveries_worker_gone(f->recoveries, w->serial, wall_us());
    }
}

void feed_warm_recovery(struct feed *f, const struct row_recovery *row)
{
    if (f->recoveries == NULL) {
        return;
    }
    if (row->pid.len == 0) {
        f->recovery_clock_us = row->lost_us; /* comes first */
        return;
    }
    bool was_live = row->lost_us == 0;
    uint64_t clock_us = f->recovery_clock_us != 0 ? f->recovery_clock_us : wall_us();
    recoveries_load(f->recoveries, row->pid, row->user_id, was_live ? clock_us : row->lost_us, was_live,
                    (struct recovery_place){row->rooms, row->position});
}

/* -- storing -------------------------------------------------------------------------------------------------- */

struct storing {
    struct feed *f;
    unsigned count;
    struct recovery *taken[STORED_AT_ONCE];
};

/* Others are not asked for it before the next tick when it cannot be written. */
static void on_stored(void *ctx, const struct outcome *o)
{
    struct storing *s = ctx;
    struct feed *f = s->f;
    bool good = o->code == CODE_OK;
    feed_lock(f);
    for (unsigned i = 0; i < s->count && good; i++) {
        struct recovery_owner owner;
        uint32_t number;
        if (recovery_written(s->taken[i], &owner, &number)) {
            tell_stored(f, owner, number);
        }
    }
    recoveries_stored(f->recoveries, s->taken, s->count, good);
    f->recoveries_storing--;
    bool work = good && recoveries_wait(f->recoveries);
    feed_unlock(f);
    free(s);
    if (work) {
        feed_tick_early(f);
    }
}

/* What waits, and the time. false: nothing is left, or it cannot be written now. */
static bool store_some(struct feed *f, uint64_t now_ms)
{
    struct buf content = BUF_INIT;
    struct storing *s = mem_new(sizeof(*s));
    s->f = f;
    feed_lock(f);
    s->count = recoveries_take(f->recoveries, s->taken, STORED_AT_ONCE, &content);
    bool tells_time = s->count > 0 || (now_ms >= f->recovery_clock_ms && recoveries_count(f->recoveries) > 0);
    if (tells_time) {
        recoveries_add_clock(&content, wall_us());
        f->recovery_clock_ms = now_ms + (f->conf.recovery_ms / 4 < CLOCK_MS ? f->conf.recovery_ms / 4 : CLOCK_MS);
    }
    f->recoveries_storing++;
    feed_unlock(f);
    bool more = s->count > 0;
    const struct cmd c = {.kind = CMD_RECOVERY, .content = buf_str(&content)};
    enum code code = tells_time ? svc_submit(f->svc, &c, on_stored, s, NULL) : CODE_OK;
    if (code != CODE_OK) {
        on_stored(s, &(struct outcome){.code = code});
    } else if (!tells_time) {
        feed_lock(f);
        f->recoveries_storing--;
        feed_unlock(f);
        free(s);
    }
    buf_release(&content);
    return more && code == CODE_OK;
}

/* One batch at a time: others come first. */
void feed_recovery_store(struct feed *f, uint64_t now_ms)
{
    if (f->recoveries == NULL) {
        return;
    }
    feed_lock(f);
    recoveries_tick(f->recoveries, wall_us());
    metric_set(METRIC_RECOVERIES, recoveries_count(f->recoveries));
    bool busy = f->recoveries_storing > 0;
    feed_unlock(f);
    if (!busy) {
        (void)store_some(f, now_ms);
    }
}

void feed_recovery_stop(struct feed *f)
{
    if (f->recoveries == NULL) {
        return;
    }
    f->recovery_clock_ms = 0; /* the last one is exact */
    while (store_some(f, mono_ms())) {
    }
}
