/* handler_member.c -- /api/chats/{id}/members */
#include "rest/handlers.h"

#include "rest/reply.h"
#include "rest/svc_read.h"

/* ---------------------------------------------------------------- list */

static void write_members(struct http_request *rq, const struct member_page *page)
{
    struct buf *out = &rq->reply;
    buf_add_z(out, "{\"members\":[");
    for (unsigned i = 0; i < page->count; i++) {
        buf_add_z(out, i ? "," : "");
        reply_member(out, &page->members[i]);
    }
    buf_add_char(out, ']');
    if (page->has_more) {
        const struct user_view *last = &page->members[page->count - 1].user;
        reply_id(out, "next_cursor", ID_USER, last->id, last->created_us);
    } else {
        json_key_null(out, "next_cursor");
    }
    buf_add_char(out, '}');
}

void members_get(struct http_request *rq)
{
    uint64_t chat_id, after = 0;
    unsigned limit;
    struct str cursor;
    struct member_page page;
    if (!handler_param_id(rq, 0, ID_CHAT, &chat_id) ||
        !handler_limit(rq, 100, rq->svc->conf->list_page_max, &limit)) {
        return;
    }
    if (http_query(rq, "cursor", &cursor) && id_parse(cursor, ID_USER, &after) != RC_OK) {
        handler_fail(rq, CODE_INVALID_FIELD, "cursor");
        return;
    }
    enum code code =
        svc_members(rq->svc, rq->who.user_id, chat_id, after, limit, &rq->arena, &page);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    write_members(rq, &page);
    handler_finish(rq, 200);
}

/* ---------------------------------------------------------------- add */

struct add_call {
    struct http_request *rq;
    const uint64_t *users;
    uint32_t count;
};

/* The members that were asked for, as they are now; of a great many only as many as a page holds. */
static void on_added(void *ctx, const struct outcome *o)
{
    struct add_call *call = ctx;
    struct http_request *rq = call->rq;
    if (o->code != CODE_OK) {
        handler_fail(rq, o->code, NULL);
        return;
    }
    struct buf *out = &rq->reply;
    const char *separator = "";
    buf_add_z(out, "{\"members\":[");
    for (uint32_t i = 0; i < call->count; i++) {
        struct member_view m;
        if (svc_member(rq->svc, rq->who.user_id, o->chat_id, call->users[i], &rq->arena, &m) ==
            CODE_OK) {
            buf_add_z(out, separator);
            reply_member(out, &m);
            separator = ",";
        }
    }
    buf_add_z(out, "]}");
    handler_finish(rq, o->created ? 201 : 200);
}

/* Optional "role" of the body into number. false: answered. */
static bool read_role(struct http_request *rq, bool required, uint64_t *number)
{
    struct str text;
    if (!handler_string(rq, "role", required, &text)) {
        return false;
    }
    if (!text.p) {
        return true;
    }
    *number = role_parse(text);
    if (*number == ROLE_NONE) {
        handler_fail(rq, CODE_INVALID_FIELD, "role");
        return false;
    }
    return true;
}

static bool read_new_members(struct http_request *rq, struct cmd *c)
{
    if (json_type(json_get(json_root(rq->json), "participants")) != JSON_ABSENT) {
        return handler_body_users(rq, "participants", &c->users, &c->users_count);
    }
    uint64_t *one = arena_alloc(&rq->arena, sizeof(*one));
    if (!one) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return false;
    }
    c->users = one;
    c->users_count = 1;
    return handler_body_user(rq, one);
}

void members_post(struct http_request *rq)
{
    struct cmd c;
    struct add_call *call = arena_alloc(&rq->arena, sizeof(*call));
    if (!handler_cmd(rq, CMD_MEMBER_ADD, &c) || !handler_param_id(rq, 0, ID_CHAT, &c.chat_id) ||
        !read_role(rq, false, &c.number) || !read_new_members(rq, &c)) {
        return;
    }
    if (!call) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return;
    }
    uint32_t shown = (uint32_t)rq->svc->conf->list_page_max;
    *call = (struct add_call){rq, c.users, c.users_count < shown ? c.users_count : shown};
    handler_submit(rq, &c, on_added, call);
}

/* ---------------------------------------------------------------- role, remove */

static void on_role(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    struct member_view m;
    enum code code = o->code;
    if (code == CODE_OK) {
        code = svc_member(rq->svc, rq->who.user_id, o->chat_id, o->user_id, &rq->arena, &m);
    }
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    reply_member(&rq->reply, &m);
    handler_finish(rq, 200);
}

void member_patch(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_MEMBER_ROLE, &c) && handler_param_id(rq, 0, ID_CHAT, &c.chat_id) &&
        handler_param_id(rq, 1, ID_USER, &c.user_id) && read_role(rq, true, &c.number)) {
        handler_submit(rq, &c, on_role, rq);
    }
}

void member_delete(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_MEMBER_REMOVE, &c) && handler_param_id(rq, 0, ID_CHAT, &c.chat_id) &&
        handler_param_id(rq, 1, ID_USER, &c.user_id)) {
        handler_submit(rq, &c, handler_done_empty, rq);
    }
}
