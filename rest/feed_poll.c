/* HTTP requests of Engine.IO on their way to the worker that has the session, and their answers. */
#include <stdlib.h>

#include "rest/feed_int.h"
#include "shared/mem.h"

void feed_on_poll_done(struct feed *f, feed_poll_done done, void *ctx)
{
    feed_lock(f);
    f->polls.done = done;
    f->polls.ctx = ctx;
    feed_unlock(f);
}

void feed_polls_release(struct feed *f)
{
    free(f->polls.held);
    f->polls.held = NULL;
}

/* Index of a free place. */
static uint32_t take_place(struct feed_polls *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->held[i].id == 0) {
            return i;
        }
    }
    if (p->count == p->room) {
        p->room = p->room ? p->room * 2 : 64;
        p->held = mem_grow(p->held, p->room, sizeof(p->held[0]));
    }
    return p->count++;
}

static uint32_t hold(struct feed *f, struct feed_worker *w, uint64_t opens)
{
    struct feed_polls *p = &f->polls;
    uint32_t place = take_place(p);
    if (++p->next_id == 0) {
        p->next_id = 1;
    }
    p->held[place] = (struct held_poll){p->next_id, opens};
    map64_put(&w->polls, p->next_id, place);
    return p->next_id;
}

/* The request is held no more. false: it was not, or by another worker. */
static bool let_go(struct feed *f, struct feed_worker *w, uint32_t poll_id, uint64_t *opens)
{
    uint32_t place = 0;
    if (poll_id == 0 || !map64_get(&w->polls, poll_id, &place)) {
        return false;
    }
    map64_remove(&w->polls, poll_id);
    *opens = f->polls.held[place].opens;
    f->polls.held[place].id = 0;
    while (f->polls.count > 0 && f->polls.held[f->polls.count - 1].id == 0) {
        f->polls.count--;
    }
    return true;
}

static enum code find_worker(struct feed *f, const struct link_poll *m, const struct feed_place *to,
                             struct feed_worker **out)
{
    if (to != NULL) {
        *out = feed_find_worker(f, to->worker, to->incarnation);
        return *out != NULL ? CODE_OK : CODE_NOT_FOUND;
    }
    *out = f->ready ? feed_least_loaded(f) : NULL;
    if (*out == NULL) {
        return CODE_NO_WORKER;
    }
    return feed_counted(&f->peers, m->peer_key) < f->conf.address_connections_max
               ? CODE_OK
               : CODE_TOO_MANY_CONNECTIONS;
}

enum code feed_poll(struct feed *f, const struct link_poll *m, const struct feed_place *to,
                    void (*before)(void *ctx, uint32_t poll_id), void *ctx)
{
    struct feed_worker *w = NULL;
    feed_lock(f);
    enum code code = find_worker(f, m, to, &w);
    if (code == CODE_OK) {
        bool was_empty = w->q.len == 0;
        uint64_t opens = to == NULL ? m->peer_key : 0;
        uint32_t poll_id = hold(f, w, opens);
        feed_session_opens(f, w, 0, opens);
        before(ctx, poll_id);
        link_put_poll(&w->q, poll_id, m);
        feed_appended(f, w, was_empty);
    }
    feed_unlock(f);
    return code;
}

/* A session that was not opened is not counted; one that was, its worker will report. */
enum rc feed_on_poll_reply(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    struct link_poll_reply reply;
    uint64_t opens = 0;
    enum rc rc = link_get_poll_reply(frame->body, &reply);
    if (rc != RC_OK) {
        return rc;
    }
    feed_lock(f);
    bool held = let_go(f, w, frame->request, &opens);
    if (held && reply.status != 200) {
        feed_session_closes(f, w, 0, opens);
    }
    feed_poll_done done = f->polls.done;
    void *ctx = f->polls.ctx;
    feed_unlock(f);
    if (held && done != NULL) {
        done(ctx, frame->request, &reply);
    }
    return RC_OK; /* an answer may cross the client's going away */
}

static bool opens_session(const struct feed *f, const struct feed_worker *w, uint32_t poll_id)
{
    uint32_t place = 0;
    return map64_get(&w->polls, poll_id, &place) && f->polls.held[place].opens != 0;
}

/* One that opens a session is counted until the worker says what has come of it. */
void feed_poll_abort(struct feed *f, uint32_t poll_id)
{
    uint64_t opens = 0;
    feed_lock(f);
    for (unsigned i = 0; i < f->workers_count; i++) {
        struct feed_worker *w = f->workers[i];
        if (!opens_session(f, w, poll_id) && let_go(f, w, poll_id, &opens)) {
            bool was_empty = w->q.len == 0;
            link_put_empty(&w->q, LINK_POLL_ABORT, poll_id);
            feed_appended(f, w, was_empty);
            break;
        }
    }
    feed_unlock(f);
}

void feed_polls_gone(struct feed *f, struct feed_worker *w)
{
    uint32_t at = 0, place = 0;
    uint64_t poll_id = 0;
    feed_lock(f);
    feed_poll_done done = f->polls.done;
    void *ctx = f->polls.ctx;
    feed_unlock(f);
    while (map64_next(&w->polls, &at, &poll_id, &place)) {
        feed_lock(f);
        bool held = f->polls.held[place].id == poll_id;
        f->polls.held[place].id = held ? 0 : f->polls.held[place].id;
        feed_unlock(f);
        if (held && done != NULL) {
            done(ctx, (uint32_t)poll_id, NULL);
        }
    }
}
