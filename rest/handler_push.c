/* handler_push.c -- /api/push: where a browser asks to be told while nobody is connected */
#include "rest/handlers.h"

#include "rest/push.h"
#include "rest/push_read.h"
#include "rest/reply.h"

struct push_request_call {
    struct http_request *rq;
    struct push_call call;
};

static bool is_on(struct http_request *rq)
{
    if (!push_has_key(rq->svc->push)) {
        handler_fail(rq, CODE_PUSH_OFF, NULL);
        return false;
    }
    return true;
}

static struct push_request_call *new_call(struct http_request *rq, enum push_call_kind kind,
                                          void (*done)(void *ctx, enum code code))
{
    if (!is_on(rq)) {
        return NULL;
    }
    struct push_request_call *c = arena_alloc(&rq->arena, sizeof(*c));
    if (c == NULL) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return NULL;
    }
    c->rq = rq;
    c->call = (struct push_call){
        .kind = kind, .arena = &rq->arena, .done = done, .ctx = c, .user_id = rq->who.user_id};
    return c;
}

static void submit(struct push_request_call *c)
{
    enum code code = push_call(c->rq->svc->push, &c->call);
    if (code != CODE_OK) {
        handler_fail(c->rq, code, NULL);
    }
}

void push_key_get(struct http_request *rq)
{
    if (!is_on(rq)) {
        return;
    }
    buf_add_z(&rq->reply, "{\"key\":\"");
    push_add_public_key(rq->svc->push, &rq->reply);
    buf_add_z(&rq->reply, "\"}");
    handler_finish(rq, 200);
}

static void add_view(struct buf *out, const struct push_view *v)
{
    buf_add_char(out, '{');
    reply_id(out, "id", ID_PUSH, v->id, v->created_us);
    json_key_str(out, "origin", v->origin);
    reply_time(out, "created_at", v->created_us);
    buf_add_char(out, '}');
}

static void on_listed(void *ctx, enum code code)
{
    struct push_request_call *c = ctx;
    struct buf *out = &c->rq->reply;
    if (code != CODE_OK) {
        handler_fail(c->rq, code, NULL);
        return;
    }
    buf_add_z(out, "{\"subscriptions\":[");
    for (unsigned i = 0; i < c->call.count; i++) {
        buf_add_z(out, i ? "," : "");
        add_view(out, &c->call.views[i]);
    }
    buf_add_z(out, "]}");
    handler_finish(c->rq, 200);
}

void push_subscriptions_get(struct http_request *rq)
{
    struct push_request_call *c = new_call(rq, PUSH_LIST, on_listed);
    if (c != NULL) {
        submit(c);
    }
}

static void on_subscribed(void *ctx, enum code code)
{
    struct push_request_call *c = ctx;
    if (code != CODE_OK) {
        handler_fail(c->rq, code, NULL);
        return;
    }
    add_view(&c->rq->reply, &c->call.views[0]);
    handler_finish(c->rq, c->call.created ? 201 : 200);
}

void push_subscriptions_post(struct http_request *rq)
{
    const struct push_limits limits = {CONF_NOW(rq->svc->conf->push_endpoint_max_bytes),
                                       rq->svc->conf->push_private_endpoints};
    struct push_request_call *c = new_call(rq, PUSH_SUBSCRIBE, on_subscribed);
    const char *field = NULL;
    struct buf why = BUF_INIT;
    if (c == NULL) {
        return;
    }
    enum code code = push_read(json_root(rq->json), &limits, &c->call, &field, &why);
    if (code == CODE_OK) {
        submit(c);
    } else if (code == CODE_INVALID_FIELD) {
        http_fail_field(rq, code, field, why.len > 0 ? why.p : NULL);
    } else {
        handler_fail(rq, code, code == CODE_TOO_LARGE ? field : NULL);
    }
    buf_release(&why);
}

static void on_unsubscribed(void *ctx, enum code code)
{
    struct push_request_call *c = ctx;
    if (code != CODE_OK) {
        handler_fail(c->rq, code, NULL);
        return;
    }
    http_no_content(c->rq);
}

void push_subscription_delete(struct http_request *rq)
{
    struct push_request_call *c = new_call(rq, PUSH_UNSUBSCRIBE, on_unsubscribed);
    if (c != NULL && handler_param_id(rq, 0, ID_PUSH, &c->call.id)) {
        submit(c);
    }
}
