/* handler_chat.c -- /api/chat/create/..., /api/chats and /api/chats/{id} */
#include "rest/handlers.h"

#include "rest/reply.h"
#include "rest/svc_read.h"

/* ---------------------------------------------------------------- create */

/*
 * The bare chat_room object: 201 for a new chat, 200 for the one that was there. A new room shows the time of its
 * creation even when a message of the same batch is already in it, as the frame does.
 */
static void on_created(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    struct chat_view chat;
    enum code code = o->code;
    if (code == CODE_OK) {
        code = svc_chat(rq->svc, rq->who.user_id, o->chat_id, &rq->arena, &chat);
    }
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    if (o->created) {
        chat.updated_us = o->at_us;
    }
    reply_room(&rq->reply, &chat);
    handler_finish(rq, o->created ? 201 : 200);
}

void chat_create_personal(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_CHAT_CREATE_DIRECT, &c) && handler_body_user(rq, &c.user_id)) {
        handler_submit(rq, &c, on_created, rq);
    }
}

void chat_create_group(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_CHAT_CREATE_GROUP, &c) &&
        handler_string(rq, "chat_name", true, &c.name) && handler_flag(rq, "open", &c.number2) &&
        handler_body_users(rq, "participants", &c.users, &c.users_count)) {
        handler_submit(rq, &c, on_created, rq);
    }
}

/* ---------------------------------------------------------------- list and one */

struct chat_call {
    struct http_request *rq;
    struct read_request read;
    struct chat_page page;
    bool is_list;
};

static void write_list(struct http_request *rq, const struct chat_page *page)
{
    struct buf *out = &rq->reply;
    buf_add_z(out, "{\"chats\":[");
    for (unsigned i = 0; i < page->count; i++) {
        buf_add_z(out, i ? "," : "");
        reply_chat(out, &page->chats[i]);
    }
    buf_add_char(out, ']');
    if (page->has_more) {
        buf_add_z(out, ",\"next_cursor\":\"");
        place_write(out, &page->chats[page->count - 1]);
        buf_add_char(out, '"');
    } else {
        json_key_null(out, "next_cursor");
    }
    handler_cursor(rq, "event_id", page->published);
}

/* Without the database the list is still right, only the texts of the last messages are missing. */
static void answer_chats(struct chat_call *call, bool degraded)
{
    struct http_request *rq = call->rq;
    if (call->is_list) {
        write_list(rq, &call->page);
    } else {
        reply_chat(&rq->reply, &call->page.chats[0]);
        buf_truncate(&rq->reply, rq->reply.len - 1); /* reopened for what follows */
    }
    if (degraded) {
        json_key_bool(&rq->reply, "degraded", true);
    }
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, 200);
}

static void on_lasts(void *ctx, enum code code)
{
    struct chat_call *call = ctx;
    for (unsigned i = 0; code != CODE_OK && i < call->page.count; i++) {
        call->page.chats[i].last = NULL; /* read, but perhaps not published */
    }
    answer_chats(call, code != CODE_OK);
}

static struct chat_call *new_call(struct http_request *rq, bool is_list)
{
    struct chat_call *call = arena_alloc(&rq->arena, sizeof(*call));
    if (!call) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return NULL;
    }
    call->rq = rq;
    call->is_list = is_list;
    call->read = (struct read_request){.svc = rq->svc,
                                       .arena = &rq->arena,
                                       .done = on_lasts,
                                       .ctx = call,
                                       .page = &call->page};
    return call;
}

static void read_and_answer(struct chat_call *call, enum code code)
{
    if (code != CODE_OK) {
        handler_fail(call->rq, code, NULL);
    } else if (read_lasts(&call->read) != CODE_OK) {
        answer_chats(call, true);
    }
}

void chats_get(struct http_request *rq)
{
    struct chat_place after = {0, 0};
    struct str text;
    unsigned limit;
    if (!handler_limit(rq, 50, rq->svc->conf->list_page_max, &limit)) {
        return;
    }
    if (http_query(rq, "cursor", &text) && !place_read(text, &after)) {
        handler_fail(rq, CODE_INVALID_FIELD, "cursor");
        return;
    }
    struct chat_call *call = new_call(rq, true);
    if (call) {
        enum code code =
            svc_chats(rq->svc, rq->who.user_id, after, limit, &rq->arena, &call->page);
        read_and_answer(call, code);
    }
}

void open_chats_get(struct http_request *rq)
{
    uint64_t after = 0;
    struct str cursor;
    struct chat_page page;
    unsigned limit;
    if (!handler_limit(rq, 50, rq->svc->conf->list_page_max, &limit)) {
        return;
    }
    if (http_query(rq, "cursor", &cursor) && id_parse(cursor, ID_CHAT, &after) != RC_OK) {
        handler_fail(rq, CODE_INVALID_FIELD, "cursor");
        return;
    }
    enum code code = svc_open_chats(rq->svc, rq->who.user_id, after, limit, &rq->arena, &page);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    struct buf *out = &rq->reply;
    buf_add_z(out, "{\"chats\":[");
    for (unsigned i = 0; i < page.count; i++) {
        buf_add_z(out, i ? "," : "");
        reply_open_chat(out, &page.chats[i]);
    }
    buf_add_char(out, ']');
    if (page.has_more) {
        const struct chat_view *last = &page.chats[page.count - 1];
        reply_id(out, "next_cursor", ID_CHAT, last->id, last->created_us);
    } else {
        json_key_null(out, "next_cursor");
    }
    buf_add_char(out, '}');
    handler_finish(rq, 200);
}

static void answer_one(struct http_request *rq, uint64_t chat_id)
{
    struct chat_call *call = new_call(rq, false);
    if (!call) {
        return;
    }
    call->page.chats = arena_alloc(&rq->arena, sizeof(*call->page.chats));
    call->page.count = 1;
    enum code code = CODE_UNAVAILABLE;
    if (call->page.chats) {
        code = svc_chat(rq->svc, rq->who.user_id, chat_id, &rq->arena, call->page.chats);
    }
    read_and_answer(call, code);
}

void chat_get(struct http_request *rq)
{
    uint64_t id;
    if (handler_param_id(rq, 0, ID_CHAT, &id)) {
        answer_one(rq, id);
    }
}

/* ---------------------------------------------------------------- rename, leave, delete */

static void on_renamed(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    if (o->code != CODE_OK) {
        handler_fail(rq, o->code, NULL);
        return;
    }
    answer_one(rq, o->chat_id);
}

void chat_patch(struct http_request *rq)
{
    struct cmd c;
    if (!handler_cmd(rq, CMD_CHAT_RENAME, &c) || !handler_param_id(rq, 0, ID_CHAT, &c.chat_id) ||
        !handler_flag(rq, "open", &c.number2) ||
        !handler_string(rq, "chat_name", c.number2 == CMD_FLAG_KEEP, &c.name)) {
        return;
    }
    if (c.name.p != NULL && c.name.len == 0) { /* the command takes an empty name for "no change" */
        handler_fail(rq, CODE_INVALID_FIELD, "chat_name");
        return;
    }
    handler_submit(rq, &c, on_renamed, rq);
}

/*
 * For the owner of a group the chat ends for everybody; anybody else leaves it, and so does an owner with ?leave=1
 * (the last one cannot). A personal chat cannot be left.
 */
void chat_delete(struct http_request *rq)
{
    struct cmd c;
    struct chat_view chat;
    uint64_t leave = 0;
    if (!handler_cmd(rq, CMD_CHAT_DELETE, &c) || !handler_param_id(rq, 0, ID_CHAT, &c.chat_id) ||
        !handler_query_u64(rq, "leave", 1, &leave)) {
        return;
    }
    enum code code = svc_chat(rq->svc, rq->who.user_id, c.chat_id, &rq->arena, &chat);
    if (code != CODE_OK && !c.has_key) { /* with a key it may be the repeat of one that worked */
        handler_fail(rq, code, NULL);
        return;
    }
    if (code == CODE_OK && (chat.role != ROLE_OWNER || leave)) {
        c.kind = CMD_MEMBER_REMOVE;
        c.user_id = rq->who.user_id;
    }
    handler_submit(rq, &c, handler_done_empty, rq);
}
