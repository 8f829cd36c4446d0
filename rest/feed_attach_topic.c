/*
 * Replay to who looks at a topic: the last check-ins of an event session, then live.
 *
 * The database is asked for what is published when it is the session's turn; check-ins that are published while it
 * is read are in the ring as every other viewer got them, and stand between the two.
 */
#include <stdlib.h>

#include "rest/event_fill.h"
#include "rest/feed_int.h"
#include "rest/metrics.h"
#include "shared/mem.h"

struct topic_replay { /* one job of the read pool */
    struct feed *f;
    uint16_t worker;
    uint64_t incarnation;
    uint64_t session, serial; /* of the attach that waits */
    uint64_t topic, upto;
    struct row_checkin *rows; /* newest first */
    uint32_t count, limit;
};

static void replay_free(struct topic_replay *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        free((char *)(uintptr_t)r->rows[i].name.p);
    }
    free(r->rows);
    free(r);
}

static void on_checkin(void *ctx, const struct row_checkin *row)
{
    struct topic_replay *r = ctx;
    if (r->count < r->limit) {
        struct row_checkin *copy = &r->rows[r->count++];
        *copy = *row;
        copy->name.p = mem_copy(row->name.len ? row->name.p : "", row->name.len);
    }
}

/* -- chunks -------------------------------------------------------------------------------------------- */

struct chunk {
    struct feed_worker *w;
    const struct attach *a;
    struct buf events, texts;
    uint16_t count;
    uint64_t last; /* event */
};

static void flush(struct chunk *c)
{
    if (c->count > 0) {
        link_put_chunk(&c->w->q, c->a->session, c->a->generation, c->count, c->last, buf_str(&c->events));
        metric_add(METRIC_FEED_REPLAYED, c->count);
        buf_clear(&c->events);
        c->count = 0;
    }
}

static void added(struct chunk *c, uint64_t event_id)
{
    c->last = event_id;
    c->count++;
    if (c->events.len >= FEED_CHUNK_MAX_BYTES) {
        flush(c);
    }
}

static void add_row(struct chunk *c, const struct cache *cache, const struct row_checkin *row)
{
    const struct row_event logged = {
        .id = row->id, .kind = EV_CHECKIN, .actor_id = row->by_user_id, .number = row->session_id, .at_us = row->at_us};
    struct event e;
    event_fill(cache, &logged, &(struct event_rows){.checkin = row, .texts = &c->texts}, &e);
    event_encode(&c->events, &e);
    added(c, row->id);
}

static bool is_checkin_of(const struct ring_entry *e, uint64_t topic)
{
    return e->kind == EV_CHECKIN && e->topic == topic;
}

static uint32_t count_ring(const struct feed *f, uint64_t topic, uint64_t after)
{
    uint32_t n = 0;
    for (uint64_t id = after + 1; id < f->ring.next; id++) {
        n += is_checkin_of(ring_at(&f->ring, id), topic);
    }
    return n;
}

/* The last of both, oldest first, and LIVE behind them: the next event of the stream is the next one for it. */
static void send(struct topic_replay *r, struct feed_worker *w, const struct attach *a)
{
    struct feed *f = r->f;
    struct chunk c = {.w = w, .a = a};
    bool was_empty = w->q.len == 0;
    uint32_t newer = count_ring(f, r->topic, r->upto);
    uint32_t room = newer < r->limit ? r->limit - newer : 0;
    cache_rdlock(f->cache);
    for (uint32_t i = r->count < room ? r->count : room; i > 0; i--) {
        add_row(&c, f->cache, &r->rows[i - 1]);
    }
    cache_unlock(f->cache);
    for (uint64_t id = r->upto + 1; id < f->ring.next; id++) {
        const struct ring_entry *e = ring_at(&f->ring, id);
        if (is_checkin_of(e, r->topic) && newer-- <= r->limit) {
            buf_add(&c.events, e->bytes, e->len);
            added(&c, id);
        }
    }
    flush(&c);
    link_put_live(&w->q, a->session, a->generation, f->ring.next - 1);
    feed_attach_drop(w, a->session);
    feed_appended(f, w, was_empty);
    buf_release(&c.events);
    buf_release(&c.texts);
}

/* -- reading ------------------------------------------------------------------------------------------- */

static void read_job(struct store *store, void *ctx)
{
    struct topic_replay *r = ctx;
    struct feed *f = r->f;
    if (!feed_attach_is_waiting(f, r->worker, r->incarnation, r->session, r->serial)) {
        replay_free(r);
        return;
    }
    r->upto = atomic_load(&f->published);
    enum store_rc rc =
        store == NULL ? STORE_LOST : store_checkins(store, r->topic, r->upto, r->limit, on_checkin, r);
    feed_lock(f);
    struct feed_worker *w = feed_find_worker(f, r->worker, r->incarnation);
    const struct attach *a = w != NULL ? feed_attach_waiting(w, r->session, r->serial) : NULL;
    if (a != NULL && rc == STORE_OK && r->upto + 1 >= f->ring.first) {
        send(r, w, a);
    } else if (a != NULL) {
        feed_attach_gap(f, w, a, LINK_GAP_TOO_MUCH);
    }
    feed_unlock(f);
    replay_free(r);
}

void feed_attach_read_topic(struct feed *f, struct feed_worker *w, struct attach *a, uint64_t topic, uint64_t limit)
{
    struct topic_replay *r = mem_new(sizeof(*r));
    r->f = f;
    r->worker = w->number;
    r->incarnation = w->incarnation;
    r->session = a->session;
    r->serial = a->serial;
    r->topic = topic;
    r->upto = atomic_load(&f->published);
    r->limit = (uint32_t)(limit < f->conf.dashboard_replay_max ? limit : f->conf.dashboard_replay_max);
    r->rows = mem_new((size_t)(r->limit + 1) * sizeof(r->rows[0]));
    a->busy = true;
    if (r->limit == 0) {
        send(r, w, a);
        replay_free(r);
    } else if (dbpool_submit_replay(f->svc->dbpool, false, read_job, r) != RC_OK) {
        feed_attach_gap(f, w, a, LINK_GAP_TOO_MUCH);
        replay_free(r);
    }
}
