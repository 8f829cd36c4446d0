#include "rest/poll.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "rest/http_watch.h"
#include "rest/metrics.h"
#include "rest/svc.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"
#include "shared/map64.h"
#include "shared/mem.h"

#define GRACE_MS 5000 /* a worker answers before the client's own timeout */

struct polls {
    const struct rest_conf *conf;
    struct feed *feed;
    pthread_mutex_t lock;
    struct map64 at; /* poll id -> index of calls */
    struct poll_call **calls;
    uint32_t count, room;
    atomic_bool stops;
};

struct poll_call {
    struct http_request *rq;
    struct polls *polls;
    uint32_t id; /* 0: not on the table */
    uint32_t place;
};

/* -- the table --------------------------------------------------------------------------------- */

struct putting {
    struct poll_call *call;
    uint32_t id; /* the call may be gone before whoever put it looks */
};

/* The feed is about to send it: from here on the answer can come. */
static void put(void *ctx, uint32_t id)
{
    struct putting *putting = ctx;
    struct poll_call *call = putting->call;
    struct polls *p = call->polls;

    pthread_mutex_lock(&p->lock);
    if (p->count == p->room) {
        p->room = p->room > 0 ? p->room * 2 : 64;
        p->calls = mem_grow(p->calls, p->room, sizeof(p->calls[0]));
    }
    putting->id = call->id = id;
    call->place = p->count;
    p->calls[p->count++] = call;
    map64_put(&p->at, id, call->place);
    metric_set(METRIC_POLLS_HELD, p->count);
    pthread_mutex_unlock(&p->lock);
}

/* The lock is held. */
static void remove_call(struct polls *p, struct poll_call *call)
{
    struct poll_call *last = p->calls[--p->count];

    map64_remove(&p->at, call->id);
    call->id = 0;
    if (last != call) {
        last->place = call->place;
        p->calls[last->place] = last;
        map64_put(&p->at, last->id, last->place);
    }
    metric_set(METRIC_POLLS_HELD, p->count);
}

/* Whoever gets it ends the request. */
static struct poll_call *take(struct polls *p, uint32_t id)
{
    struct poll_call *call = NULL;
    uint32_t place;

    pthread_mutex_lock(&p->lock);
    if (map64_get(&p->at, id, &place)) {
        call = p->calls[place];
        remove_call(p, call);
    }
    pthread_mutex_unlock(&p->lock);
    return call;
}

/* -- answers ------------------------------------------------------------------------------------ */

static void refuse_with(struct http_request *rq, int status, enum poll_error error)
{
    rq->status = status;
    rq->content_type = "application/json";
    poll_add_error(&rq->reply, error);
    http_finish(rq);
}

static void on_done(void *ctx, uint32_t id, const struct link_poll_reply *reply)
{
    struct poll_call *call = take(ctx, id);

    if (call == NULL) {
        return;
    }
    struct http_request *rq = call->rq;
    if (reply == NULL) { /* the worker has gone, and with it the session */
        refuse_with(rq, 400, POLL_SID);
        return;
    }
    rq->status = reply->status;
    rq->content_type = arena_str(&rq->arena, reply->content_type).p;
    http_add_header(rq, "Cache-Control", "no-store");
    buf_add_str(&rq->reply, reply->body);
    http_finish(rq);
}

/* The client has hung up, or the deadline has done it for it. */
static void on_gone(struct http_request *rq)
{
    struct poll_call *call = rq->ctx;
    struct polls *p = call->polls;
    uint32_t id;

    pthread_mutex_lock(&p->lock);
    id = call->id;
    if (id != 0) {
        remove_call(p, call);
    }
    pthread_mutex_unlock(&p->lock);
    if (id != 0) {
        feed_poll_abort(p->feed, id);
        refuse_with(rq, 400, POLL_BAD_REQUEST);
    }
}

struct polls *polls_new(const struct rest_conf *conf, struct feed *feed)
{
    struct polls *p = mem_new(sizeof(*p));

    p->conf = conf;
    p->feed = feed;
    pthread_mutex_init(&p->lock, NULL);
    feed_on_poll_done(feed, on_done, p);
    return p;
}

static uint32_t any_held(struct polls *p)
{
    uint32_t id;

    pthread_mutex_lock(&p->lock);
    id = p->count > 0 ? p->calls[p->count - 1]->id : 0;
    pthread_mutex_unlock(&p->lock);
    return id;
}

void polls_stop(struct polls *p)
{
    uint32_t id;

    atomic_store(&p->stops, true);
    while ((id = any_held(p)) != 0) {
        on_done(p, id, NULL);
    }
}

void polls_free(struct polls *p)
{
    if (p == NULL) {
        return;
    }
    map64_release(&p->at);
    free(p->calls);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* -- requests ----------------------------------------------------------------------------------- */

static enum poll_error read_query(struct http_request *rq, struct poll_query *q)
{
    *q = (struct poll_query){STR_NONE, STR_NONE, STR_NONE};
    (void)http_query(rq, "EIO", &q->eio);
    (void)http_query(rq, "transport", &q->transport);
    (void)http_query(rq, "sid", &q->sid);
    return poll_check(q, STR("polling"), rq->method == HTTP_GET);
}

static uint32_t options_of(struct http_request *rq)
{
    bool fixture = rq->svc->conf->test_fixture;

    return http_ws_options(rq) | (fixture ? CONN_FIXTURE : 0);
}

static void relay(struct http_request *rq, const struct poll_query *q, uint8_t method)
{
    struct polls *p = rq->svc->polls;
    struct poll_call *call = arena_alloc(&rq->arena, sizeof(*call));
    struct link_poll m = {.method = method, .peer = str_of(rq->peer), .body = rq->body};
    struct feed_place place;

    if (call == NULL) {
        refuse_with(rq, 503, POLL_BAD_REQUEST);
        return;
    }
    m.dialect = str_starts(rq->path, STR("/engine.io/")) ? DIALECT_EIO_ECHO : DIALECT_SOCKETIO;
    m.options = options_of(rq);
    m.peer_key = http_peer_key(rq);
    m.sid = q->sid.p != NULL ? q->sid : STR("");
    if (q->sid.p != NULL && !poll_place(q->sid, &place)) {
        refuse_with(rq, 400, POLL_SID);
        return;
    }
    *call = (struct poll_call){.rq = rq, .polls = p};
    rq->ctx = call;
    http_watch_client(rq, on_gone,
                      mono_ms() + p->conf->eio_ping_interval_ms + p->conf->eio_ping_timeout_ms + GRACE_MS);
    struct putting putting = {call, 0};
    enum code code = feed_poll(p->feed, &m, q->sid.p != NULL ? &place : NULL, put, &putting);
    if (code == CODE_OK && atomic_load(&p->stops)) {
        on_done(p, putting.id, NULL);
    } else if (code != CODE_OK) { /* otherwise it is not ours any more */
        refuse_with(rq, code == CODE_NOT_FOUND ? 400 : code_status(code),
                    code == CODE_NOT_FOUND ? POLL_SID : POLL_FORBIDDEN);
    }
}

/* false: answered. */
static bool is_served(struct http_request *rq)
{
    if (str_starts(rq->path, STR("/engine.io/")) && !rq->svc->conf->test_fixture) {
        http_fail(rq, CODE_ROUTE_NOT_FOUND, NULL);
        return false;
    }
    return true;
}

void poll_get(struct http_request *rq)
{
    struct poll_query q;
    enum poll_error error = read_query(rq, &q);

    if (!is_served(rq)) {
        return;
    }
    if (error != POLL_OK) {
        refuse_with(rq, 400, error);
        return;
    }
    relay(rq, &q, LINK_POLL_GET);
}

/* Binary packets come as base64 inside text; bytes of their own are protocol 3. */
static bool is_text(struct http_request *rq)
{
    struct str type;

    return !http_header(rq, "Content-Type", &type) || !str_starts(type, STR("application/octet-stream"));
}

void poll_post(struct http_request *rq)
{
    struct poll_query q;
    enum poll_error error = read_query(rq, &q);

    if (!is_served(rq)) {
        return;
    }
    if (error == POLL_OK && rq->body.len > rq->svc->conf->eio_max_payload) {
        http_fail(rq, CODE_TOO_LARGE, NULL);
    } else if (error != POLL_OK) {
        refuse_with(rq, 400, error);
    } else if (!is_text(rq)) {
        rq->body = STR(""); /* no packet at all: the session ends, as with the reference */
        relay(rq, &q, LINK_POLL_POST);
    } else {
        relay(rq, &q, LINK_POLL_POST);
    }
}

void poll_put(struct http_request *rq)
{
    struct poll_query q;
    enum poll_error error = read_query(rq, &q);

    if (is_served(rq)) {
        refuse_with(rq, 400, error != POLL_OK ? error : POLL_METHOD);
    }
}
