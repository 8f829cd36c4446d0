/* handler_session.c -- /api/sessions: event sessions, who runs them, and the key of their scanners */
#include "rest/handlers.h"

#include "rest/reply.h"
#include "rest/svc_session.h"

/* ---------------------------------------------------------------- shared */

bool handler_session(struct http_request *rq, enum session_role least, struct session_view *out)
{
    enum code code = svc_session(rq->svc, rq->params[0], rq->who.user_id, least, &rq->arena, out);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
    }
    return code == CODE_OK;
}

bool handler_session_cmd(struct http_request *rq, enum cmd_kind kind, enum session_role least, struct cmd *c)
{
    struct session_view x;
    if (!handler_cmd(rq, kind, c) || !handler_session(rq, least, &x)) {
        return false;
    }
    c->chat_id = x.id;
    return true;
}

static void on_changed(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    struct session_view x;
    enum code code = o->code;
    if (code == CODE_OK) {
        code = svc_session_by_id(rq->svc, o->chat_id, rq->who.user_id, &rq->arena, &x);
    }
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    reply_session(&rq->reply, &x);
    handler_finish(rq, o->created ? 201 : 200);
}

/* ---------------------------------------------------------------- create, change, delete */

/* title, visibility and open_registration of the body into the command. false: answered. */
static bool read_body(struct http_request *rq, bool is_new, struct cmd *c)
{
    struct str visibility;
    if (!handler_string(rq, "title", is_new, &c->title) || !handler_string(rq, "visibility", false, &visibility)) {
        return false;
    }
    c->number = visibility.p ? session_visibility_parse(visibility) : is_new ? SESSION_LINK : 0;
    if (visibility.p && c->number == 0) {
        handler_fail(rq, CODE_INVALID_FIELD, "visibility");
        return false;
    }
    if (!handler_flag(rq, "open_registration", &c->number2)) {
        return false;
    }
    if (c->title.p && c->title.len == 0) { /* the command takes an empty title for "no change" */
        handler_fail(rq, CODE_INVALID_FIELD, "title");
        return false;
    }
    return true;
}

void sessions_post(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_SESSION_CREATE, &c) && read_body(rq, true, &c)) {
        key16_new_random(&c.key2);
        handler_submit(rq, &c, on_changed, rq);
    }
}

void session_patch(struct http_request *rq)
{
    struct cmd c;
    if (handler_session_cmd(rq, CMD_SESSION_UPDATE, SESSION_HOST, &c) && read_body(rq, false, &c)) {
        handler_submit(rq, &c, on_changed, rq);
    }
}

void session_delete(struct http_request *rq)
{
    struct cmd c;
    if (handler_session_cmd(rq, CMD_SESSION_DELETE, SESSION_HOST, &c)) {
        handler_submit(rq, &c, handler_done_empty, rq);
    }
}

/* ---------------------------------------------------------------- read */

void session_get(struct http_request *rq)
{
    struct session_view x;
    if (handler_session(rq, SESSION_STAFF, &x)) {
        reply_session(&rq->reply, &x);
        handler_finish(rq, 200);
    }
}

static void write_page(struct buf *out, const struct session_page *page)
{
    buf_add_z(out, "{\"sessions\":[");
    for (unsigned i = 0; i < page->count; i++) {
        buf_add_z(out, i ? "," : "");
        reply_session(out, &page->sessions[i]);
    }
    buf_add_char(out, ']');
    handler_page_end(out, page->has_more, page->count ? page->sessions[page->count - 1].id : 0);
}

void handler_page_end(struct buf *out, bool has_more, uint64_t place)
{
    if (has_more) {
        json_add_key(out, "next_cursor");
        buf_addf(out, "\"%llu\"", (unsigned long long)place);
    } else {
        json_key_null(out, "next_cursor");
    }
    buf_add_char(out, '}');
}

bool handler_page(struct http_request *rq, uint64_t fallback, unsigned *limit, uint64_t *place)
{
    struct str cursor;
    *place = 0;
    if (!handler_limit(rq, fallback, rq->svc->conf->list_page_max, limit)) {
        return false;
    }
    if (http_query(rq, "cursor", &cursor) && (!str_u64(cursor, place) || *place > ID_MAX)) {
        handler_fail(rq, CODE_INVALID_FIELD, "cursor");
        return false;
    }
    return true;
}

void sessions_get(struct http_request *rq)
{
    unsigned limit;
    uint64_t before;
    struct session_page page;
    if (!handler_page(rq, 50, &limit, &before)) {
        return;
    }
    enum code code = svc_sessions(rq->svc, rq->who.user_id, before, limit, &rq->arena, &page);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    write_page(&rq->reply, &page);
    handler_finish(rq, 200);
}

/* ---------------------------------------------------------------- roles */

static void on_role(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    struct session_view x;
    enum code code = o->code;
    if (code == CODE_OK) {
        code = svc_session_by_id(rq->svc, o->chat_id, rq->who.user_id, &rq->arena, &x);
    }
    for (uint32_t i = 0; code == CODE_OK && i < x.people_count; i++) {
        if (x.people[i].user.id == o->user_id) {
            reply_session_person(&rq->reply, &x.people[i]);
            handler_finish(rq, o->created ? 201 : 200);
            return;
        }
    }
    handler_fail(rq, code == CODE_OK ? CODE_MEMBER_NOT_FOUND : code, NULL); /* gone again meanwhile */
}

void session_role_put(struct http_request *rq)
{
    struct cmd c;
    struct str role;
    if (!handler_session_cmd(rq, CMD_SESSION_ROLE, SESSION_HOST, &c) ||
        !handler_param_id(rq, 1, ID_USER, &c.user_id) || !handler_string(rq, "role", true, &role)) {
        return;
    }
    c.number = session_role_parse(role);
    if (c.number == SESSION_NOBODY) {
        http_fail_field(rq, CODE_INVALID_FIELD, "role", "role must be host or staff.");
        return;
    }
    handler_submit(rq, &c, on_role, rq);
}

void session_role_delete(struct http_request *rq)
{
    struct cmd c;
    if (handler_session_cmd(rq, CMD_SESSION_ROLE, SESSION_STAFF, &c) &&
        handler_param_id(rq, 1, ID_USER, &c.user_id)) {
        handler_submit(rq, &c, handler_done_empty, rq);
    }
}

/* ---------------------------------------------------------------- scanner key */

struct key_call {
    struct http_request *rq;
    struct str key;
};

/* A repeat has changed nothing, and what the key was is stored nowhere. */
static void on_key(void *ctx, const struct outcome *o)
{
    struct key_call *call = ctx;
    struct http_request *rq = call->rq;
    struct session_view x;
    enum code code = o->code;
    if (code == CODE_OK) {
        code = svc_session_by_id(rq->svc, o->chat_id, rq->who.user_id, &rq->arena, &x);
    }
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    buf_add_char(&rq->reply, '{');
    reply_session_id(&rq->reply, "session_id", &x.uuid);
    if (o->created) {
        json_key_str(&rq->reply, "scanner_key", call->key);
    } else {
        json_key_null(&rq->reply, "scanner_key");
    }
    buf_add_char(&rq->reply, '}');
    http_add_header(rq, "Cache-Control", "no-store");
    handler_finish(rq, o->created ? 201 : 200);
}

void session_key_post(struct http_request *rq)
{
    struct cmd c;
    struct key_call *call = arena_alloc(&rq->arena, sizeof(*call));
    if (!handler_session_cmd(rq, CMD_SESSION_KEY, SESSION_HOST, &c)) {
        return;
    }
    struct buf text = BUF_INIT;
    unsigned char random[32];
    random_bytes(random, sizeof(random));
    base64url_add(&text, random, sizeof(random));
    struct str key = arena_str(&rq->arena, buf_str(&text));
    buf_release(&text);
    if (!call || !key.p) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return;
    }
    *call = (struct key_call){rq, key};
    hash16(key, &c.key2);
    handler_submit(rq, &c, on_key, call);
}
