/*
 * dialect_conversations.c -- D3: client frames to operations, results and errors to frames (events: dialect_conversations_event.c)
 *
 * The one client frame of the document sends a message:
 *   {"conversation_id","content","type"?,"client_msg_id"?}
 * Ours beside it are told by `event`, as the server's are:
 *   {"event":"typing","conversation_id","is_typing"}       {"event":"read","conversation_id","message_id"?}
 *   {"event":"active_chat","conversation_id"|null}         {"event":"auth","token"}
 * What goes well is answered to receivers with ext only, by frames that hold nothing but `_ext`; what does not is answered
 * {"error":{"code","message"}} and the connection stays. Keys that are not known are ignored.
 */
#include "ws/dialect_conversations.h"

#include "shared/cursor.h"
#include "ws/dialect_conversations_event.h"
#include "ws/dialect_util.h"

enum verb { VERB_SEND = 1, VERB_TYPING, VERB_READ, VERB_FOCUS, VERB_AUTH };

/* -- client frames --------------------------------------------------------------------------------------- */

static bool has(const struct request *r, const char *key)
{
    return !dialect_is_absent(json_get(r->frame, key));
}

static enum code read_send(struct request *r)
{
    struct cmd *c = &r->op.cmd;
    r->op.kind = OP_COMMAND;
    r->op.verb = VERB_SEND;
    c->kind = CMD_MESSAGE_SEND;
    enum code code = dialect_take_id(r->frame, "conversation_id", ID_CHAT, &c->chat_id);
    if (code == CODE_OK) {
        code = dialect_take_kind(r->frame, "type", &c->name);
    }
    return code != CODE_OK ? code : dialect_take_text(r->frame, "content", &c->content);
}

static enum code read_typing(struct request *r)
{
    return dialect_read_typing(r, "conversation_id", "is_typing");
}

static enum code read_read(struct request *r)
{
    return dialect_read_cursor(r, "conversation_id", "message_id");
}

static enum code read_active_chat(struct request *r)
{
    return dialect_read_focus(r, "conversation_id");
}

static const struct client_frame named_frames[] = {
    {"typing", VERB_TYPING, read_typing},
    {"read", VERB_READ, read_read},
    {"active_chat", VERB_FOCUS, read_active_chat},
    {"auth", VERB_AUTH, dialect_read_auth},
};
#define NAMED_FRAMES (sizeof(named_frames) / sizeof(named_frames[0]))

static enum code read_frame(struct request *r)
{
    struct jval event = json_get(r->frame, "event");
    struct str name;
    if (!dialect_take_ref(r, "client_msg_id")) {
        return CODE_INVALID_FIELD;
    }
    if (dialect_is_absent(event)) { /* a frame of another dialect has none of these */
        bool is_ours = has(r, "conversation_id") || has(r, "content");
        return is_ours ? read_send(r) : CODE_UNSUPPORTED_TYPE;
    }
    return json_str(event, &name) ? dialect_read_frame(r, named_frames, NAMED_FRAMES, name)
                                  : CODE_INVALID_FIELD;
}

static void conversations_receive(struct conn *c, void *state, struct str message, bool binary)
{
    (void)state;
    dialect_receive(c, message, binary, read_frame);
}

/* -- answers ------------------------------------------------------------------------------------------------ */

/* {...,"_ext":{..."event":"..." of an answer, which has one even when there is no event. */
static void open_ext(struct buf *out, const struct dialect_view *v, const struct outcome *o,
                     const char *event)
{
    if (!dialect_open_ext(out, v, o->event_id, o->seq)) {
        json_add_key(out, "_ext");
        buf_add_char(out, '{');
        if (o->seq != 0) {
            json_key_u64(out, "seq", o->seq);
        }
    }
    if (o->chat_id != 0) {
        dialect_key_uuid(out, "chat_id", ID_CHAT, o->chat_id);
    }
    json_key_str(out, "event", str_of(event));
}

static void close_ext(struct buf *out, struct str ref)
{
    dialect_key_ref(out, ref);
    buf_add_z(out, "}}");
}

static void add_error(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    buf_add_z(out, "{\"error\":{");
    dialect_key_code(out, r->code);
    buf_add_char(out, '}');
    if (!v->ext) {
        buf_add_char(out, '}');
        return;
    }
    open_ext(out, v, &(struct outcome){0}, "error");
    close_ext(out, r->ref);
}

static void add_sent(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    const struct outcome *o = &r->outcome;
    buf_add_char(out, '{');
    open_ext(out, v, o, "sent");
    dialect_key_uuid(out, "message_id", ID_MESSAGE, o->message_id);
    dialect_key_time(out, "created_at", o->at_us, CLOCK_MICROS);
    close_ext(out, r->ref);
}

static void add_auth_ok(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    buf_add_char(out, '{');
    open_ext(out, v, &(struct outcome){0}, "auth_ok");
    if (r->expires_s != 0) {
        dialect_key_time(out, "expires_at", r->expires_s * 1000000, CLOCK_MICROS);
    } else {
        json_key_null(out, "expires_at");
    }
    close_ext(out, r->ref);
}

static void add_ok(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    buf_add_char(out, '{');
    open_ext(out, v, &(struct outcome){.event_id = r->outcome.event_id}, "ok");
    json_key_str(out, "op", str_of(dialect_verb_name(named_frames, NAMED_FRAMES, r->verb)));
    close_ext(out, r->ref);
}

static void conversations_answer(const struct op_result *r, const struct dialect_view *v,
                                 struct dialect_frame *f)
{
    if (r->code != CODE_OK) {
        add_error(f->out, r, v);
    } else if (!v->ext) {
        return; /* the document has no frame for it */
    } else if (r->kind == OP_AUTH) {
        add_auth_ok(f->out, r, v);
    } else if (r->verb == VERB_SEND) {
        add_sent(f->out, r, v);
    } else {
        add_ok(f->out, r, v);
    }
}

static void conversations_notice(const struct notice *n, const struct dialect_view *v,
                                 struct dialect_frame *f)
{
    buf_add_z(f->out, "{\"_ext\":{\"event_id\":\""); /* also in an empty log, at 0 */
    cursor_add(f->out, v->log_prefix, n->event_id);
    buf_add_char(f->out, '"');
    json_key_str(f->out, "event", n->kind == NOTICE_LIVE ? STR("live") : STR("gap"));
    if (n->kind == NOTICE_GAP) {
        json_key_str(f->out, "reason", str_of(n->reason));
    }
    buf_add_z(f->out, "}}");
}

const struct dialect dialect_conversations = {
    .id = DIALECT_CONVERSATIONS,
    .name = "conversations",
    .subprotocol = "conversations.v1",
    .receive = conversations_receive,
    .wants = conversations_wants,
    .variant = conversations_variant,
    .encode = conversations_encode,
    .answer = conversations_answer,
    .notice = conversations_notice,
};
