/*
 * handler_conversation.c -- /chats: the REST side of the Socket.IO dialect, in that document's own names
 *
 * The same services as /api/chats; what differs are paths, keys and forms of ids.
 */
#include "rest/handlers.h"

#include "rest/reply.h"
#include "rest/svc_read.h"
#include "shared/conversation.h"

struct conversation_call {
    struct http_request *rq;
    struct message_view sent;
    struct read_request read;
};

/* ---------------------------------------------------------------- objects */

static struct conversation_user person(const struct user_view *u)
{
    return (struct conversation_user){u->id, u->username, u->name};
}

static void add_direct(struct buf *out, const struct chat_view *chat, const struct user_view *me)
{
    const struct user_view *users[2] = {me, &chat->peer};
    for (unsigned i = 0; i < 2; i++) {
        struct conversation_user u = person(users[(me->id > chat->peer.id) ^ i]);
        buf_add_z(out, i > 0 ? "," : "");
        conversation_add_user(out, &u);
    }
}

static enum code add_group(struct http_request *rq, const struct chat_view *chat)
{
    struct member_page page;
    enum code code = svc_members(rq->svc, chat->viewer_id, chat->id, 0, CONVERSATION_PARTICIPANTS_MAX,
                                 &rq->arena, &page);
    for (unsigned i = 0; code == CODE_OK && i < page.count; i++) {
        struct conversation_user u = person(&page.members[i].user);
        buf_add_z(&rq->reply, i > 0 ? "," : "");
        conversation_add_user(&rq->reply, &u);
    }
    return code;
}

/* {"conversation","participants"} */
static enum code add_conversation(struct http_request *rq, const struct chat_view *chat)
{
    struct buf *out = &rq->reply;
    struct user_view me;
    enum code code = svc_user(rq->svc, chat->viewer_id, &rq->arena, &me);
    if (code != CODE_OK) {
        return code;
    }
    struct conversation c = {
        .id = chat->id,
        .created_us = chat->created_us,
        .updated_us = chat->updated_us,
        .user_id = {me.id < chat->peer.id ? me.id : chat->peer.id,
                    me.id < chat->peer.id ? chat->peer.id : me.id},
        .is_group = chat->kind == CHAT_GROUP,
        .name = chat->name,
    };
    buf_add_z(out, "{\"conversation\":");
    conversation_add(out, &c);
    buf_add_z(out, ",\"participants\":[");
    if (c.is_group) {
        code = add_group(rq, chat);
    } else {
        add_direct(out, chat, &me);
    }
    buf_add_z(out, "]}");
    return code;
}

static void add_message(struct buf *out, const struct message_view *m)
{
    struct conversation_message message = {m->id, m->chat_id, m->sender.id, m->created_us, m->content};
    conversation_add_message(out, &message);
}

static struct conversation_call *new_call(struct http_request *rq)
{
    struct conversation_call *call = arena_alloc(&rq->arena, sizeof(*call));
    if (!call) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return NULL;
    }
    call->rq = rq;
    call->read = (struct read_request){.svc = rq->svc, .arena = &rq->arena, .ctx = call};
    return call;
}

/* ---------------------------------------------------------------- create and list */

static void on_created(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    struct chat_view chat;
    enum code code = o->code;
    if (code == CODE_OK) {
        code = svc_chat(rq->svc, rq->who.user_id, o->chat_id, &rq->arena, &chat);
    }
    if (code == CODE_OK) {
        chat.updated_us = o->created ? o->at_us : chat.updated_us;
        code = add_conversation(rq, &chat);
    }
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    handler_finish(rq, o->created ? 201 : 200);
}

/* An integer as the document has it, or any other form of an id. false: answered. */
static bool read_other(struct http_request *rq, uint64_t *out)
{
    struct jval v = json_get(json_root(rq->json), "user2_id");
    struct str text;
    enum code code = CODE_OK;
    if (json_str(v, &text)) {
        code = svc_find_user(rq->svc, text, false, out);
    } else if (!json_u64(v, out) || *out == 0 || *out > ID_MAX) {
        code = CODE_INVALID_FIELD;
    }
    if (code != CODE_OK) {
        handler_fail(rq, code, code == CODE_INVALID_FIELD ? "user2_id" : NULL);
    }
    return code == CODE_OK;
}

void conversations_post(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_CHAT_CREATE_DIRECT, &c) && read_other(rq, &c.user_id)) {
        handler_submit(rq, &c, on_created, rq);
    }
}

void conversations_get(struct http_request *rq)
{
    struct chat_place after = {0, 0};
    struct chat_page page;
    struct str text;
    unsigned limit;
    if (!handler_limit(rq, 50, rq->svc->conf->list_page_max, &limit)) {
        return;
    }
    if (http_query(rq, "cursor", &text) && !place_read(text, &after)) {
        handler_fail(rq, CODE_INVALID_FIELD, "cursor");
        return;
    }
    enum code code = svc_chats(rq->svc, rq->who.user_id, after, limit, &rq->arena, &page);
    buf_add_z(&rq->reply, "{\"conversations\":[");
    for (unsigned i = 0; code == CODE_OK && i < page.count; i++) {
        buf_add_z(&rq->reply, i > 0 ? "," : "");
        code = add_conversation(rq, &page.chats[i]);
        code = code == CODE_CHAT_NOT_FOUND ? CODE_UNAVAILABLE : code; /* left meanwhile: ask again */
    }
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    buf_add_char(&rq->reply, ']');
    if (page.has_more) {
        buf_add_z(&rq->reply, ",\"next_cursor\":\"");
        place_write(&rq->reply, &page.chats[page.count - 1]);
        buf_add_char(&rq->reply, '"');
    } else {
        json_key_null(&rq->reply, "next_cursor");
    }
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, 200);
}

/* ---------------------------------------------------------------- messages */

static void on_sent(void *ctx, const struct outcome *o)
{
    struct conversation_call *call = ctx;
    struct http_request *rq = call->rq;
    if (o->code != CODE_OK) {
        handler_fail(rq, o->code, NULL);
        return;
    }
    struct conversation_user sender = person(&call->sent.sender);
    call->sent.id = o->message_id;
    call->sent.created_us = o->at_us;
    buf_add_z(&rq->reply, "{\"message\":");
    add_message(&rq->reply, &call->sent);
    buf_add_z(&rq->reply, ",\"sender\":");
    conversation_add_user(&rq->reply, &sender);
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, o->created ? 201 : 200);
}

/* {"message":"text"}, or as the socket sends it {"message":{"message":"text"}}. false: answered. */
static bool read_text(struct http_request *rq, struct str *out)
{
    struct jval v = json_get(json_root(rq->json), "message");
    if (json_type(v) == JSON_OBJECT) {
        v = json_get(v, "message");
    }
    if (!json_str(v, out)) {
        handler_fail(rq, CODE_INVALID_FIELD, "message");
        return false;
    }
    return true;
}

void conversation_message_post(struct http_request *rq)
{
    struct cmd c;
    if (!handler_cmd(rq, CMD_MESSAGE_SEND, &c) || !handler_param_id(rq, 0, ID_CHAT, &c.chat_id) ||
        !read_text(rq, &c.content)) {
        return;
    }
    if (!svc_message_rate(rq->svc, rq->who.user_id)) {
        handler_fail(rq, CODE_RATE_LIMITED, NULL);
        return;
    }
    struct conversation_call *call = new_call(rq);
    if (!call) {
        return;
    }
    enum code code = svc_sender(rq->svc, rq->who.user_id, c.chat_id, &rq->arena, &call->sent);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    c.name = STR("text");
    call->sent.content = c.content;
    handler_submit(rq, &c, on_sent, call);
}

static void on_history(void *ctx, enum code code)
{
    struct conversation_call *call = ctx;
    struct http_request *rq = call->rq;
    const struct read_request *r = &call->read;
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    buf_add_z(&rq->reply, "{\"messages\":[");
    for (unsigned i = 0; i < r->count; i++) {
        buf_add_z(&rq->reply, i > 0 ? "," : "");
        add_message(&rq->reply, &r->messages[i]);
    }
    buf_add_char(&rq->reply, ']');
    json_key_bool(&rq->reply, "has_more", r->range.has_more || r->cut);
    json_key_u64(&rq->reply, "first_seq", r->count > 0 ? r->messages[0].seq : 0);
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, 200);
}

/* Rising, the newest `limit` before the place that the page before began with. */
void conversation_messages_get(struct http_request *rq)
{
    unsigned limit;
    uint64_t before = 0, chat_id;
    struct conversation_call *call = new_call(rq);
    if (!call || !handler_limit(rq, 50, rq->svc->conf->history_page_max, &limit) ||
        !handler_query_u64(rq, "before", ID_MAX, &before) || !handler_param_id(rq, 0, ID_CHAT, &chat_id)) {
        return;
    }
    enum code code = svc_chat(rq->svc, rq->who.user_id, chat_id, &rq->arena, &call->read.chat);
    if (code == CODE_OK) {
        const struct chat_view *chat = &call->read.chat;
        call->read.range = history_plan(before > 0 ? HISTORY_BEFORE : HISTORY_LATEST, before, limit,
                                        chat->joined_seq, chat->last_seq);
        call->read.done = on_history;
        code = read_history(&call->read);
    }
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
    }
}
