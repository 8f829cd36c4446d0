/* handler_read.c -- POST /api/chats/{id}/read */
#include "rest/handlers.h"

#include "rest/reply.h"
#include "rest/svc_read.h"

struct read_call {
    struct http_request *rq;
    struct read_request read;
    struct cmd cmd;
};

static void on_moved(void *ctx, const struct outcome *o)
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
    buf_add_char(&rq->reply, '{');
    reply_id(&rq->reply, "chat_id", ID_CHAT, chat.id, chat.created_us);
    json_key_u64(&rq->reply, "read_seq", chat.read_seq);
    json_key_u64(&rq->reply, "unread_count", chat.unread);
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, 200);
}

/* The writer keeps no message in memory: it is told the place and how many own messages lie below it. */
static void on_position(void *ctx, enum code code)
{
    struct read_call *call = ctx;
    if (code != CODE_OK) {
        handler_fail(call->rq, code, code == CODE_MESSAGE_NOT_FOUND ? "message_id" : NULL);
        return;
    }
    call->cmd.seq = call->read.seq;
    call->cmd.number = 1;
    call->cmd.number2 = call->read.own_at;
    handler_submit(call->rq, &call->cmd, on_moved, call->rq);
}

/* message_id or seq of the body, both optional. false: answered. */
static bool read_body(struct http_request *rq, uint64_t *message_id, uint64_t *seq)
{
    struct jval root = rq->json ? json_root(rq->json) : (struct jval){NULL, false};
    struct jval id = json_get(root, "message_id"), at = json_get(root, "seq");
    struct str text;
    enum json_type type = json_type(id);
    if (type == JSON_STRING && json_str(id, &text)) {
        enum rc rc = id_parse(text, ID_MESSAGE, message_id);
        if (rc != RC_OK) {
            handler_fail(rq, rc == RC_INVALID ? CODE_BAD_ID : CODE_MESSAGE_NOT_FOUND, "message_id");
            return false;
        }
    } else if (type != JSON_ABSENT && type != JSON_NULL &&
               !(json_u64(id, message_id) && *message_id > 0 && *message_id <= ID_MAX)) {
        handler_fail(rq, CODE_INVALID_FIELD, "message_id");
        return false;
    }
    type = json_type(at);
    if (type != JSON_ABSENT && type != JSON_NULL && !json_u64(at, seq)) {
        handler_fail(rq, CODE_INVALID_FIELD, "seq");
        return false;
    }
    return true;
}

void read_post(struct http_request *rq)
{
    uint64_t message_id = 0, seq = UINT64_MAX; /* neither: everything */
    struct read_call *call = arena_alloc(&rq->arena, sizeof(*call));
    struct cmd c;
    if (!call) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return;
    }
    if (!handler_cmd(rq, CMD_READ, &c) || !handler_param_id(rq, 0, ID_CHAT, &c.chat_id) ||
        !read_body(rq, &message_id, &seq)) {
        return;
    }
    struct read_request r = {.svc = rq->svc, .arena = &rq->arena, .done = on_position, .ctx = call};
    enum code code = svc_chat(rq->svc, rq->who.user_id, c.chat_id, &rq->arena, &r.chat);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    *call = (struct read_call){.rq = rq, .read = r, .cmd = c};
    if (message_id == 0 && seq == UINT64_MAX) {
        handler_submit(rq, &call->cmd, on_moved, rq);
        return;
    }
    call->read.message_id = message_id;
    call->read.seq = seq < r.chat.last_seq ? seq : r.chat.last_seq;
    if (message_id == 0 && call->read.seq == 0) { /* zeros in a command would mean everything */
        on_moved(rq, &(struct outcome){.code = CODE_OK, .chat_id = c.chat_id});
        return;
    }
    code = read_position(&call->read);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
    }
}
