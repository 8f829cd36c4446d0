/*
 * Replay: a session with a cursor pulls what it missed, then goes live at a known place.
 *
 * Everything newer than the ring's first event comes from memory; what is older is read on the pool. The
 * last chunk and LIVE are written under the feed lock, so the next event of the stream is the next one for
 * the session.
 */
#include <stdlib.h>

#include "rest/feed_int.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/mem.h"

#define ATTACH_IDLE_MS 60000
#define ATTACHES_MAX 65536 /* of one worker */

/* -- sessions that catch up ----------------------------------------------------------------------------- */

struct attach *feed_attach_find(const struct feed_worker *w, uint64_t session)
{
    uint32_t at = 0;
    return map64_get(&w->attach_at, session, &at) ? w->attaches[at] : NULL;
}

bool feed_attach_is_waiting(struct feed *f, uint16_t worker, uint64_t incarnation, uint64_t session, uint64_t serial)
{
    feed_lock(f);
    const struct feed_worker *w = feed_find_worker(f, worker, incarnation);
    const struct attach *a = w != NULL ? feed_attach_find(w, session) : NULL;
    bool waiting = a != NULL && a->serial == serial;
    feed_unlock(f);
    return waiting;
}

struct attach *feed_attach_waiting(const struct feed_worker *w, uint64_t session, uint64_t serial)
{
    struct attach *a = feed_attach_find(w, session);
    if (a == NULL || a->serial != serial) {
        return NULL;
    }
    a->busy = false;
    return a;
}

static void attach_free(struct feed *f, struct attach *a)
{
    f->refs_total -= a->refs_count;
    free(a->refs);
    free(a);
}

/* The last one moves into the hole. */
static void drop_at(struct feed_worker *w, uint32_t at)
{
    struct attach *last = w->attaches[--w->attaches_count];
    map64_remove(&w->attach_at, w->attaches[at]->session);
    attach_free(w->feed, w->attaches[at]);
    if (at < w->attaches_count) {
        w->attaches[at] = last;
        map64_put(&w->attach_at, last->session, at);
    }
}

void feed_attach_drop(struct feed_worker *w, uint64_t session)
{
    uint32_t at = 0;
    if (map64_get(&w->attach_at, session, &at)) {
        drop_at(w, at);
    }
}

void feed_attach_release(struct feed_worker *w)
{
    while (w->attaches_count > 0) {
        drop_at(w, w->attaches_count - 1);
    }
    free(w->attaches);
    map64_release(&w->attach_at);
}

/* Sessions that closed in the middle of catching up never pull again. */
static void drop_idle(struct feed_worker *w, uint64_t now)
{
    for (uint32_t i = 0; i < w->attaches_count;) {
        const struct attach *a = w->attaches[i];
        if (!a->busy && now > a->asked_ms + ATTACH_IDLE_MS) {
            drop_at(w, i);
        } else {
            i++;
        }
    }
}

/* NULL: more catch up already than can be. */
static struct attach *add(struct feed *f, struct feed_worker *w, const struct link_attach *m, uint64_t user_id)
{
    feed_attach_drop(w, m->session);
    if (w->attaches_count == w->attaches_room) {
        drop_idle(w, mono_ms());
    }
    if (w->attaches_count >= ATTACHES_MAX) {
        return NULL;
    }
    if (w->attaches_count == w->attaches_room) {
        w->attaches_room = w->attaches_room ? w->attaches_room * 2 : 16;
        w->attaches = mem_grow(w->attaches, w->attaches_room, sizeof(w->attaches[0]));
    }
    struct attach *a = mem_new(sizeof(*a));
    a->session = m->session;
    a->generation = m->generation;
    a->serial = ++f->attach_serial;
    a->user_id = user_id;
    a->topic = m->topic;
    a->cursor = m->since;
    a->asked_ms = mono_ms();
    map64_put(&w->attach_at, a->session, w->attaches_count);
    w->attaches[w->attaches_count++] = a;
    return a;
}

static void put_gap(struct feed *f, struct feed_worker *w, uint64_t session, uint32_t generation,
                    enum link_gap_reason reason)
{
    bool was_empty = w->q.len == 0;
    link_put_gap(&w->q, session, generation, atomic_load(&f->published), (uint8_t)reason);
    feed_appended(f, w, was_empty);
    metric_add(METRIC_FEED_GAPS, 1);
}

void feed_attach_gap(struct feed *f, struct feed_worker *w, const struct attach *a, enum link_gap_reason reason)
{
    put_gap(f, w, a->session, a->generation, reason);
    feed_attach_drop(w, a->session);
}

/* -- what is theirs ---------------------------------------------------------------------------------- */

bool feed_before_joining(struct map64 *joined, uint64_t me, uint8_t kind, uint64_t chat_id, uint64_t subject_id)
{
    uint32_t seen = 0;
    if (chat_id == 0 || (kind == EV_MEMBER_REMOVED && subject_id == me)) {
        return false;
    }
    if (map64_get(joined, chat_id, &seen)) {
        return true;
    }
    if (kind == EV_MEMBER_ADDED && subject_id == me) {
        map64_put(joined, chat_id, 1);
    }
    return false;
}

/* -- asked by the worker ------------------------------------------------------------------------------ */

void feed_attach_go_on(struct feed *f, struct feed_worker *w, struct attach *a)
{
    if (a->refs != NULL && a->refs_at < a->refs_count) {
        feed_attach_next_refs(f, w, a);
        return;
    }
    if (a->refs != NULL) {
        f->refs_total -= a->refs_count;
        free(a->refs);
        a->refs = NULL;
        a->refs_count = 0;
        a->cursor = a->upto;
    }
    if (a->cursor + 1 >= f->ring.first) {
        feed_attach_from_ring(f, w, a);
    } else {
        feed_attach_read_refs(f, w, a);
    }
}

/* 0: the cursor can be resumed. */
static unsigned find_gap(const struct feed *f, const struct link_attach *m, uint64_t user_id)
{
    if ((m->since_log == 0 && m->since == UINT64_MAX) || user_id == 0) {
        return LINK_GAP_MALFORMED; /* the door could not read it; or nobody whose events could be found */
    }
    if (m->since_log != (uint32_t)(f->log_id >> 32)) {
        return LINK_GAP_OTHER_LOG;
    }
    if (m->since > atomic_load(&f->published)) {
        return LINK_GAP_FUTURE;
    }
    return m->since < f->trimmed_to ? LINK_GAP_TRIMMED : 0;
}

/*
 * The worker asks again when it has heard nothing for long, or after a link loss. Whoever waits for the database
 * from the same place keeps its own place in the queue: else nobody would ever be served while all wait long.
 */
static bool waits_already(const struct feed_worker *w, const struct link_attach *m, uint64_t user_id)
{
    struct attach *a = feed_attach_find(w, m->session);
    if (a == NULL || !a->busy || a->user_id != user_id || a->topic != m->topic || a->cursor != m->since) {
        return false;
    }
    a->generation = m->generation;
    a->asked_ms = mono_ms();
    return true;
}

void feed_attach_begin(struct feed *f, struct feed_worker *w, const struct link_attach *m)
{
    uint64_t user_id = m->slot < w->slots_count ? w->slots[m->slot].user_id : 0;
    unsigned gap = m->topic != 0 ? 0 : find_gap(f, m, user_id);
    if (gap == 0 && waits_already(w, m, user_id)) {
        return;
    }
    struct attach *a = gap == 0 ? add(f, w, m, user_id) : NULL;
    if (a == NULL) {
        put_gap(f, w, m->session, m->generation, gap ? (enum link_gap_reason)gap : LINK_GAP_TOO_MUCH);
    } else if (m->topic != 0) {
        feed_attach_read_topic(f, w, a, m->topic, m->since);
    } else {
        feed_attach_go_on(f, w, a);
    }
}

void feed_attach_pull(struct feed *f, struct feed_worker *w, uint64_t session, uint32_t generation)
{
    struct attach *a = feed_attach_find(w, session);
    if (a != NULL && a->generation == generation && !a->busy) {
        a->asked_ms = mono_ms();
        feed_attach_go_on(f, w, a);
    }
}
