/*
 * dialect_subscribe.c -- D1: client frames to operations, results and errors to frames (events: dialect_subscribe_event.c)
 *
 * Client frames are named by `action` or, without one, by `type`:
 *   {"action":"subscribe","chatId"}   {"action":"unsubscribe","chatId"}   {"type":"typing","chatId","isTyping"}
 *   {"action":"read","chatId","messageId"?}   {"type":"auth","token"}     (the last two are not in the document)
 * A frame that is wrong is answered with an error frame and the connection stays. Typing and reading are
 * answered only when they are refused; what reading changes is told by chat_update.
 */
#include "ws/dialect_subscribe.h"

#include "ws/dialect_subscribe_event.h"
#include "ws/dialect_util.h"

enum verb { VERB_NONE, VERB_SUBSCRIBE, VERB_UNSUBSCRIBE, VERB_TYPING, VERB_READ, VERB_AUTH };

/* -- client frames ----------------------------------------------------------------------------------- */

/* What the frame named goes back with the result, for the details of an error. */
static void keep_mark(struct request *r, struct jval named)
{
    struct str text;
    if (json_str(named, &text) && text.len <= DIALECT_REF_MAX_BYTES) {
        r->op.ref = text;
    }
}

static enum code keep_chat(struct request *r, enum code code)
{
    bool other =
        code == CODE_BAD_ID && r->op.cmd.chat_id != 0; /* it is not the chat's id that is bad */
    keep_mark(r, json_get(r->frame, other ? "messageId" : "chatId"));
    r->op.hint = r->op.cmd.chat_id;
    return code;
}

static enum code read_subscribe(struct request *r)
{
    r->op.kind = OP_SUBSCRIBE;
    return keep_chat(r, dialect_take_id(r->frame, "chatId", ID_CHAT, &r->op.cmd.chat_id));
}

static enum code read_unsubscribe(struct request *r)
{
    r->op.kind = OP_UNSUBSCRIBE;
    return keep_chat(r, dialect_take_id(r->frame, "chatId", ID_CHAT, &r->op.cmd.chat_id));
}

static enum code read_typing(struct request *r)
{
    return keep_chat(r, dialect_read_typing(r, "chatId", "isTyping"));
}

static enum code read_read(struct request *r)
{
    return keep_chat(r, dialect_read_cursor(r, "chatId", "messageId"));
}

static const struct client_frame client_frames[] = {
    {"subscribe", VERB_SUBSCRIBE, read_subscribe},
    {"unsubscribe", VERB_UNSUBSCRIBE, read_unsubscribe},
    {"typing", VERB_TYPING, read_typing},
    {"read", VERB_READ, read_read},
    {"auth", VERB_AUTH, dialect_read_auth},
};
#define CLIENT_FRAMES (sizeof(client_frames) / sizeof(client_frames[0]))

static enum code read_frame(struct request *r)
{
    struct jval name = json_get(r->frame, "action");
    struct str text;
    if (dialect_is_absent(name)) {
        name = json_get(r->frame, "type");
    }
    if (!json_str(name, &text)) {
        return CODE_INVALID_FIELD;
    }
    enum code code = dialect_read_frame(r, client_frames, CLIENT_FRAMES, text);
    if (code == CODE_UNSUPPORTED_TYPE) {
        keep_mark(r, name);
    }
    return code;
}

static void subscribe_receive(struct conn *c, void *state, struct str message, bool binary)
{
    (void)state;
    dialect_receive(c, message, binary, read_frame);
}

/* -- errors ------------------------------------------------------------------------------------------ */

/* The document's words where it has some, else the code's name as a title: "Rate limited". */
static void add_title(struct buf *out, enum code code)
{
    const char *name = code_name(code);
    json_add_key(out, "error");
    switch (code) {
    case CODE_BAD_JSON:
        buf_add_z(out, "\"Invalid JSON\"");
        return;
    case CODE_BAD_REQUEST:
        buf_add_z(out, "\"Invalid message\"");
        return;
    case CODE_UNSUPPORTED_TYPE:
        buf_add_z(out, "\"Unknown message type\"");
        return;
    default:
        break;
    }
    buf_add_char(out, '"');
    buf_add_char(out, (char)(name[0] - 'a' + 'A'));
    for (const char *p = name + 1; *p != '\0'; p++) {
        buf_add_char(out, *p == '_' ? ' ' : *p);
    }
    buf_add_char(out, '"');
}

static const char *needs(uint8_t verb)
{
    switch (verb) {
    case VERB_NONE:
        return "The message needs an action or a type";
    case VERB_TYPING:
        return "typing needs chatId, and isTyping as true or false";
    case VERB_READ:
        return "read needs chatId; messageId may be given and is an id";
    case VERB_AUTH:
        return "auth needs token";
    default:
        return "chatId is missing or no id";
    }
}

/* What a sentence ends with: the chat that was meant, or what the client named. false: nothing is known. */
static bool add_chat_named(struct buf *out, const char *text, const struct op_result *r)
{
    uint64_t chat_id = r->outcome.chat_id != 0 ? r->outcome.chat_id : r->hint;
    if (chat_id == 0 && r->ref.len == 0) {
        return false;
    }
    buf_add_z(out, text);
    if (chat_id != 0) {
        id_add_tagged(out, ID_CHAT, chat_id);
    } else {
        buf_add_str(out, r->ref);
    }
    return true;
}

static bool add_named(struct buf *out, const char *text, const struct op_result *r)
{
    if (r->ref.len == 0) {
        return false;
    }
    buf_add_z(out, text);
    buf_add_str(out, r->ref);
    return true;
}

static bool add_special(struct buf *out, const struct op_result *r)
{
    switch (r->code) {
    case CODE_BAD_JSON:
        buf_add_z(out, "Could not parse message as JSON");
        return true;
    case CODE_BAD_REQUEST:
        buf_add_z(out, "The message must be a JSON object");
        return true;
    case CODE_INVALID_FIELD:
        buf_add_z(out, needs(r->verb));
        return true;
    case CODE_UNSUPPORTED_TYPE:
        if (r->verb != VERB_NONE || !add_named(out, "There is no action or type ", r)) {
            buf_add_z(out, "Send JSON text with a known action or type");
        }
        return true;
    case CODE_BAD_ID:
        return add_named(out, "Not an id of the expected kind: ", r);
    case CODE_CHAT_NOT_FOUND:
        return add_chat_named(out, "There is no chat ", r);
    case CODE_FORBIDDEN:
        return add_chat_named(out, "Not a member of chat ", r);
    default:
        return false;
    }
}

static void add_details(struct buf *out, const struct op_result *r)
{
    struct buf text = BUF_INIT;
    if (!add_special(&text, r)) {
        buf_add_z(&text, code_sentence(r->code));
    }
    json_key_str(out, "details", buf_str(&text));
    buf_release(&text);
}

/* A chat of others is no different from one that does not exist, whichever of the two the core says. */
static struct op_result as_shown(const struct op_result *r)
{
    struct op_result shown = *r;
    if (r->code == CODE_CHAT_NOT_FOUND && r->hint != 0) {
        shown.code = CODE_FORBIDDEN;
    }
    return shown;
}

static void add_error(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    buf_add_z(out, "{\"type\":\"error\"");
    add_title(out, r->code);
    add_details(out, r);
    subscribe_key_time(out, "timestamp", v->now_us);
    if (v->ext) {
        buf_add_z(out, ",\"_ext\":{");
        json_key_str(out, "code", str_of(code_name(r->code)));
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
}

/* -- other answers ----------------------------------------------------------------------------------- */

static void add_confirmed(struct buf *out, const struct op_result *r)
{
    buf_add_z(out, "{\"type\":\"subscription_confirmed\"");
    json_key_str(out, "action", str_of(dialect_verb_name(client_frames, CLIENT_FRAMES, r->verb)));
    dialect_key_tagged(out, "chatId", ID_CHAT, r->outcome.chat_id);
    json_add_key(out, "message");
    buf_add_z(out, r->kind == OP_SUBSCRIBE ? "\"Subscribed to chat " : "\"Unsubscribed from chat ");
    id_add_tagged(out, ID_CHAT, r->outcome.chat_id);
    buf_add_z(out, "\"}");
}

static void add_auth_ok(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    buf_add_z(out, "{\"type\":\"auth_ok\"");
    if (r->expires_s != 0) {
        subscribe_key_time(out, "expiresAt", r->expires_s * 1000000);
    } else {
        json_key_null(out, "expiresAt");
    }
    subscribe_key_time(out, "timestamp", v->now_us);
    buf_add_char(out, '}');
}

static void subscribe_answer(const struct op_result *r, const struct dialect_view *v,
                             struct dialect_frame *f)
{
    if (r->code != CODE_OK) {
        struct op_result shown = as_shown(r);
        add_error(f->out, &shown, v);
    } else if (r->kind == OP_SUBSCRIBE || r->kind == OP_UNSUBSCRIBE) {
        add_confirmed(f->out, r);
    } else if (r->kind == OP_AUTH) {
        add_auth_ok(f->out, r, v);
    }
}

static void subscribe_greet(const struct dialect_hello *h, const struct dialect_view *v,
                            struct dialect_frame *f)
{
    buf_add_z(f->out, "{\"type\":\"connected\"");
    if (h->asked.len > 0) {
        json_key_str(f->out, "userId", h->asked);
    } else {
        dialect_key_tagged(f->out, "userId", ID_USER, h->user_id);
    }
    json_key_str(f->out, "message", STR("Successfully connected to WebSocket"));
    subscribe_key_time(f->out, "timestamp", v->now_us);
    buf_add_char(f->out, '}');
}

const struct dialect dialect_subscribe = {
    .id = DIALECT_SUBSCRIBE,
    .name = "subscribe",
    .subprotocol = "subscribe.v1",
    .receive = subscribe_receive,
    .watches = CONN_CHAT_UPDATES | CONN_EVENTS_TYPING,
    .subscribes = true,
    .greet = subscribe_greet,
    .wants = subscribe_wants,
    .state_key = subscribe_state_key,
    .variant = subscribe_variant,
    .encode = subscribe_encode,
    .answer = subscribe_answer,
    .notice = dialect_notice,
};
