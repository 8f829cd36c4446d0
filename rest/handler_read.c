/* handler_read.c -- POST /api/chats/{id}/read */
#include "rest/handlers.h"

#include "rest/reply.h"
#include "rest/svc_read.h"

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

/* message_id, or else seq, of the body, both optional. false: answered. */
static bool read_body(struct http_request *rq, struct cmd *c, bool *has_seq)
{
    struct jval root = rq->json ? json_root(rq->json) : (struct jval){NULL, false};
    struct jval id = json_get(root, "message_id"), at = json_get(root, "seq");
    struct str text;
    if (json_str(id, &text)) {
        enum rc rc = id_parse(text, ID_MESSAGE, &c->message_id);
        if (rc != RC_OK) {
            handler_fail(rq, rc == RC_INVALID ? CODE_BAD_ID : CODE_MESSAGE_NOT_FOUND, "message_id");
        }
        return rc == RC_OK;
    }
    if (json_type(id) != JSON_ABSENT && json_type(id) != JSON_NULL) {
        if (!json_u64(id, &c->message_id) || c->message_id == 0 || c->message_id > ID_MAX) {
            handler_fail(rq, CODE_INVALID_FIELD, "message_id");
            return false;
        }
        return true;
    }
    *has_seq = json_type(at) != JSON_ABSENT && json_type(at) != JSON_NULL;
    if (*has_seq && !json_u64(at, &c->seq)) {
        handler_fail(rq, CODE_INVALID_FIELD, "seq");
        return false;
    }
    return true;
}

void read_post(struct http_request *rq)
{
    struct cmd c;
    bool has_seq = false;
    if (!handler_cmd(rq, CMD_READ, &c) || !handler_param_id(rq, 0, ID_CHAT, &c.chat_id) ||
        !read_body(rq, &c, &has_seq)) {
        return;
    }
    if (has_seq && c.seq == 0) { /* before the first message; zeros in a command would mean everything */
        on_moved(rq, &(struct outcome){.code = CODE_OK, .chat_id = c.chat_id});
        return;
    }
    handler_submit(rq, &c, on_moved, rq);
}
