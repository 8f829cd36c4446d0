/* handler_message.c -- /api/chats/{id}/messages */
#include "rest/handlers.h"

#include "rest/content_type.h"
#include "rest/reply.h"
#include "rest/svc_read.h"

struct message_call {
    struct http_request *rq;
    struct message_view sent;
    struct str client_msg_id;
    struct cmd cmd; /* of a message with an attachment */
    struct attachment_read attachment;
    struct read_request read;
    uint64_t event_id; /* of the change, 0: a plain read */
    uint64_t published;
};

static struct message_call *new_call(struct http_request *rq)
{
    struct message_call *call = arena_alloc(&rq->arena, sizeof(*call));
    if (!call) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return NULL;
    }
    call->rq = rq;
    call->read = (struct read_request){.svc = rq->svc, .arena = &rq->arena, .ctx = call};
    return call;
}

/* ---------------------------------------------------------------- send */

/* Everything but the numbers is there already: the row need not be read, and the writer's thread only prints. */
static void on_sent(void *ctx, const struct outcome *o)
{
    struct message_call *call = ctx;
    struct http_request *rq = call->rq;
    if (o->code != CODE_OK) {
        handler_fail(rq, o->code, NULL);
        return;
    }
    call->sent.id = o->message_id;
    call->sent.seq = o->seq;
    call->sent.created_us = o->at_us;
    reply_message(&rq->reply, &call->sent, true);
    if (call->client_msg_id.p) {
        json_key_str(&rq->reply, "client_msg_id", call->client_msg_id);
    }
    handler_cursor(rq, "event_id", o->message_id); /* a message's id is the event that made it */
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, o->created ? 201 : 200);
}

/* Sends, edits and deletions count alike. false: answered. */
static bool within_rate(struct http_request *rq)
{
    bool ok = svc_message_rate(rq->svc, rq->who.user_id);
    if (!ok) {
        handler_fail(rq, CODE_RATE_LIMITED, NULL);
    }
    return ok;
}

/* An id in any form, also as a number; absent: 0. false: answered. */
static bool read_attachment_id(struct http_request *rq, uint64_t *out)
{
    struct jval v = json_get(json_root(rq->json), "attachment_id");
    struct str text;
    *out = 0;
    if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL) {
        return true;
    }
    bool good = json_str(v, &text) ? id_parse(text, ID_UPLOAD, out) == RC_OK : json_u64(v, out) && *out > 0 && *out <= ID_MAX;
    if (!good) {
        handler_fail(rq, CODE_BAD_ID, "attachment_id");
    }
    return good;
}

/* The message's own key goes before the header's. */
static bool read_send(struct http_request *rq, struct cmd *c, struct str *client_msg_id)
{
    if (!handler_cmd(rq, CMD_MESSAGE_SEND, c) || !handler_param_id(rq, 0, ID_CHAT, &c->chat_id) ||
        !read_attachment_id(rq, &c->number2) ||
        !handler_string(rq, "content", c->number2 == 0, &c->content) ||
        !handler_string(rq, "message_type", false, &c->name) ||
        !handler_string(rq, "client_msg_id", false, client_msg_id)) {
        return false;
    }
    if (!c->name.p && c->number2 == 0) {
        c->name = STR("text");
    }
    if (client_msg_id->p) {
        c->has_key = key16_from_text(*client_msg_id, &c->key);
        if (!c->has_key) {
            handler_fail(rq, CODE_INVALID_FIELD, "client_msg_id");
            return false;
        }
    }
    return true;
}

/*
 * What the message says by itself: its kind and, without a text, where the file is. Whether the attachment may be used is
 * the writer's to decide; here it is only read.
 */
static void on_attachment(void *ctx, enum code code)
{
    struct message_call *call = ctx;
    struct http_request *rq = call->rq;
    const struct attachment_view *a = &call->attachment.attachment;
    if (code != CODE_OK || a->uploader_id != rq->who.user_id) {
        handler_fail(rq, code == CODE_OK ? CODE_ATTACHMENT_NOT_FOUND : code, NULL);
        return;
    }
    if (!call->cmd.name.p) {
        call->cmd.name = content_type_message_kind(a->mime_type);
    }
    if (call->cmd.content.len == 0) {
        struct buf path = BUF_INIT;
        reply_attachment_path(&path, a->id, a->created_us);
        call->cmd.content = arena_str(&rq->arena, buf_str(&path));
        buf_release(&path);
    }
    call->sent.kind = call->cmd.name;
    call->sent.content = call->cmd.content;
    call->sent.attachment = a;
    handler_submit(rq, &call->cmd, on_sent, call);
}

static void send_attached(struct message_call *call)
{
    struct http_request *rq = call->rq;
    call->attachment = (struct attachment_read){.svc = rq->svc,
                                                .arena = &rq->arena,
                                                .done = on_attachment,
                                                .ctx = call,
                                                .viewer_id = rq->who.user_id,
                                                .id = call->cmd.number2};
    enum code code = read_attachment(&call->attachment);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
    }
}

void messages_post(struct http_request *rq)
{
    struct cmd c;
    struct str client_msg_id;
    if (!read_send(rq, &c, &client_msg_id) || !within_rate(rq)) {
        return;
    }
    struct message_call *call = new_call(rq);
    if (!call) {
        return;
    }
    enum code code = svc_sender(rq->svc, rq->who.user_id, c.chat_id, &rq->arena, &call->sent);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    call->sent.kind = c.name;
    call->sent.content = c.content;
    call->client_msg_id = client_msg_id;
    if (c.number2 != 0) {
        call->cmd = c;
        send_attached(call);
        return;
    }
    handler_submit(rq, &c, on_sent, call);
}

/* ---------------------------------------------------------------- history */

static void on_history(void *ctx, enum code code)
{
    struct message_call *call = ctx;
    struct http_request *rq = call->rq;
    const struct read_request *r = &call->read;
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    struct buf *out = &rq->reply;
    buf_add_z(out, "{\"messages\":[");
    for (unsigned i = 0; i < r->count; i++) {
        buf_add_z(out, i ? "," : "");
        reply_message(out, &r->messages[i], false);
    }
    buf_add_char(out, ']');
    json_key_bool(out, "has_more", r->range.has_more || r->cut);
    json_key_u64(out, "first_seq", r->count ? r->messages[0].seq : 0);
    json_key_u64(out, "last_seq", r->count ? r->messages[r->count - 1].seq : 0);
    handler_cursor(rq, "event_id", call->published);
    buf_add_char(out, '}');
    handler_finish(rq, 200);
}

/* Which of before, after, around is given. false: answered. */
static bool read_mode(struct http_request *rq, enum history_mode *mode, uint64_t *at)
{
    static const struct {
        const char *name;
        enum history_mode mode;
    } modes[] = {
        {"before", HISTORY_BEFORE}, {"after", HISTORY_AFTER}, {"around", HISTORY_AROUND}};
    *mode = HISTORY_LATEST;
    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        uint64_t n = UINT64_MAX;
        if (!handler_query_u64(rq, modes[i].name, ID_MAX, &n)) {
            return false;
        }
        if (n != UINT64_MAX && *mode != HISTORY_LATEST) {
            http_fail_field(rq, CODE_INVALID_FIELD, modes[i].name,
                            "Only one of before, after and around can be given.");
            return false;
        }
        if (n != UINT64_MAX) {
            *mode = modes[i].mode;
            *at = n;
        }
    }
    return true;
}

/* The published id first, then the chat's last seq, then rows: whatever comes later is newer than the cursor given. */
static bool open_chat(struct message_call *call)
{
    struct http_request *rq = call->rq;
    uint64_t chat_id;
    if (!handler_param_id(rq, 0, ID_CHAT, &chat_id)) {
        return false;
    }
    call->published = feed_published(rq->svc->feed);
    enum code code = svc_chat(rq->svc, rq->who.user_id, chat_id, &rq->arena, &call->read.chat);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
    }
    return code == CODE_OK;
}

static void start(struct message_call *call, enum code code)
{
    if (code != CODE_OK) {
        handler_fail(call->rq, code, NULL);
    }
}

void messages_get(struct http_request *rq)
{
    unsigned limit;
    enum history_mode mode;
    uint64_t at = 0;
    struct message_call *call = new_call(rq);
    if (!call || !handler_limit(rq, 50, rq->svc->conf->history_page_max, &limit) ||
        !read_mode(rq, &mode, &at) || !open_chat(call)) {
        return;
    }
    const struct chat_view *chat = &call->read.chat;
    call->read.range = history_plan(mode, at, limit, chat->joined_seq, chat->last_seq);
    call->read.done = on_history;
    start(call, read_history(&call->read));
}

/* ---------------------------------------------------------------- one message: get, edit, delete */

static void on_message(void *ctx, enum code code)
{
    struct message_call *call = ctx;
    struct http_request *rq = call->rq;
    if (code != CODE_OK) {
        /* The change is stored; only its answer failed. A repeat finds nothing to change and answers. */
        bool unknown = call->event_id != 0 && code == CODE_UNAVAILABLE;
        handler_fail(rq, unknown ? CODE_OUTCOME_UNKNOWN : code, NULL);
        return;
    }
    reply_message(&rq->reply, &call->read.messages[0], true);
    if (call->event_id != 0) {
        handler_cursor(rq, "event_id", call->event_id);
    }
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, 200);
}

void message_get(struct http_request *rq)
{
    struct message_call *call = new_call(rq);
    if (call && open_chat(call) &&
        handler_param_id(rq, 1, ID_MESSAGE, &call->read.message_id)) {
        call->read.done = on_message;
        start(call, read_message(&call->read));
    }
}

/* The row as it is now, by its place: sender, time and flags are not part of the outcome. */
static void on_changed(void *ctx, const struct outcome *o)
{
    struct message_call *call = ctx;
    struct http_request *rq = call->rq;
    enum code code = o->code;
    if (code == CODE_OK) {
        code = svc_chat(rq->svc, rq->who.user_id, o->chat_id, &rq->arena, &call->read.chat);
    }
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    call->event_id = o->event_id;
    call->read.seq = o->seq;
    call->read.done = on_message;
    code = read_message(&call->read);
    start(call, code == CODE_OK ? CODE_OK : CODE_OUTCOME_UNKNOWN);
}

static void change(struct http_request *rq, enum cmd_kind kind)
{
    struct cmd c;
    if (!handler_cmd(rq, kind, &c) || !handler_param_id(rq, 0, ID_CHAT, &c.chat_id) ||
        !handler_param_id(rq, 1, ID_MESSAGE, &c.message_id) ||
        (kind == CMD_MESSAGE_EDIT && !handler_string(rq, "content", true, &c.content)) ||
        !within_rate(rq)) {
        return;
    }
    struct message_call *call = new_call(rq);
    if (call) {
        handler_submit(rq, &c, on_changed, call);
    }
}

void message_patch(struct http_request *rq)
{
    change(rq, CMD_MESSAGE_EDIT);
}

void message_delete(struct http_request *rq)
{
    change(rq, CMD_MESSAGE_DELETE);
}
