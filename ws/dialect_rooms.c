/*
 * dialect_rooms.c -- D0: client frames to operations, results and errors to frames (events: dialect_rooms_event.c)
 *
 * Client frames are an extension of the document, which shows none:
 *   {"type":"message","chat_id"|"user_id","content","message_type"?,"client_msg_id"?}
 *   {"type":"edit","chat_id","message_id","content"}   {"type":"delete","chat_id","message_id"}
 *   {"type":"read","chat_id","message_id"?,"seq"?}     {"type":"auth","token"}     {"type":"ping"}
 *   {"type":"typing","chat_id","is_typing"}            {"type":"active_chat","chat_id"|null}
 * A frame that is wrong is answered with an error frame and the connection stays. Keys that are not
 * known are ignored. The text of a client_msg_id comes back in the answer, whatever the answer is; typing
 * is answered only when it is refused.
 */
#include "ws/dialect_rooms.h"

#include "ws/dialect_rooms_event.h"
#include "ws/dialect_util.h"

enum verb {
    VERB_NONE,
    VERB_MESSAGE,
    VERB_EDIT,
    VERB_DELETE,
    VERB_READ,
    VERB_TYPING,
    VERB_FOCUS,
    VERB_AUTH,
    VERB_PING,
};

/* The creation time in the first 8 digits of a 24-hex id, so that the answer shows the id as the room has it. */
static uint64_t hex_seconds(struct jval id)
{
    struct str text;
    uint64_t seconds = 0;
    if (!json_str(id, &text) || text.len != 24) {
        return 0;
    }
    for (int i = 0; i < 8; i++) {
        char c = text.p[i];
        unsigned digit = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a' + 10);
        seconds = seconds << 4 | (digit & 15);
    }
    return seconds;
}

/* -- one function per client frame: fill in the command ----------------------------------------------- */

static enum code read_message(struct request *r)
{
    struct cmd *c = &r->op.cmd;
    c->kind = CMD_MESSAGE_SEND;
    enum code code = dialect_take_target(r, "chat_id", "user_id");
    if (code == CODE_OK) {
        code = dialect_take_kind(r->frame, "message_type", &c->name);
    }
    r->op.hint = hex_seconds(json_get(r->frame, "chat_id"));
    return code != CODE_OK ? code : dialect_take_text(r->frame, "content", &c->content);
}

static enum code read_place(struct request *r)
{
    enum code code = dialect_take_id(r->frame, "chat_id", ID_CHAT, &r->op.cmd.chat_id);
    return code != CODE_OK
               ? code
               : dialect_take_id(r->frame, "message_id", ID_MESSAGE, &r->op.cmd.message_id);
}

static enum code read_edit(struct request *r)
{
    enum code code = read_place(r);
    r->op.cmd.kind = CMD_MESSAGE_EDIT;
    return code != CODE_OK ? code : dialect_take_text(r->frame, "content", &r->op.cmd.content);
}

static enum code read_delete(struct request *r)
{
    r->op.cmd.kind = CMD_MESSAGE_DELETE;
    return read_place(r);
}

static enum code read_read(struct request *r)
{
    enum code code = dialect_read_cursor(r, "chat_id", "message_id");
    struct jval seq = json_get(r->frame, "seq");
    if (code == CODE_OK && !dialect_is_absent(seq) && !json_u64(seq, &r->op.cmd.seq)) {
        code = CODE_INVALID_FIELD;
    }
    return code;
}

static enum code read_typing(struct request *r)
{
    return dialect_read_typing(r, "chat_id", "is_typing");
}

static enum code read_active_chat(struct request *r)
{
    return dialect_read_focus(r, "chat_id");
}

static const struct client_frame client_frames[] = {
    {"message", VERB_MESSAGE, read_message}, {"edit", VERB_EDIT, read_edit},
    {"delete", VERB_DELETE, read_delete},    {"read", VERB_READ, read_read},
    {"typing", VERB_TYPING, read_typing},    {"active_chat", VERB_FOCUS, read_active_chat},
    {"auth", VERB_AUTH, dialect_read_auth},  {"ping", VERB_PING, dialect_read_ping},
};
#define CLIENT_FRAMES (sizeof(client_frames) / sizeof(client_frames[0]))

static enum code read_frame(struct request *r)
{
    struct str type;
    if (!dialect_take_ref(r, "client_msg_id") || !json_str(json_get(r->frame, "type"), &type)) {
        return CODE_INVALID_FIELD;
    }
    return dialect_read_frame(r, client_frames, CLIENT_FRAMES, type);
}

static void rooms_receive(struct conn *c, void *state, struct str message, bool binary)
{
    (void)state;
    dialect_receive(c, message, binary, read_frame);
}

/* -- results ----------------------------------------------------------------------------------------- */

static void add_sent(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    const struct outcome *o = &r->outcome;
    uint64_t chat_created_us = o->number != 0 ? o->number : r->hint * 1000000;
    struct rooms_ext ext = {o->event_id, o->seq, o->chat_id, chat_created_us};
    buf_add_z(out, "{\"type\":\"message_sent\"");
    dialect_key_hex(out, "message_id", ID_MESSAGE, o->message_id, o->at_us);
    dialect_key_hex(out, "chat_id", ID_CHAT, o->chat_id, chat_created_us);
    json_key_u64(out, "seq", o->seq);
    dialect_key_time(out, "created_at", o->at_us, CLOCK_SECONDS);
    dialect_key_ref(out, r->ref);
    rooms_add_ext(out, v, &ext);
    buf_add_char(out, '}');
}

static void add_ok(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    struct rooms_ext ext = {.event_id = r->outcome.event_id};
    buf_add_z(out, "{\"type\":\"ok\"");
    json_key_str(out, "op", str_of(dialect_verb_name(client_frames, CLIENT_FRAMES, r->verb)));
    dialect_key_ref(out, r->ref);
    rooms_add_ext(out, v, &ext);
    buf_add_char(out, '}');
}

static void rooms_answer(const struct op_result *r, const struct dialect_view *v,
                         struct dialect_frame *f)
{
    if (r->code != CODE_OK) {
        dialect_add_error(f->out, r);
    } else if (r->kind == OP_AUTH) {
        dialect_add_auth_ok(f->out, r);
    } else if (r->verb == VERB_MESSAGE) {
        add_sent(f->out, r, v);
    } else {
        add_ok(f->out, r, v);
    }
}

const struct dialect dialect_rooms = {
    .id = DIALECT_ROOMS,
    .name = "rooms",
    .subprotocol = "rooms.v1",
    .receive = rooms_receive,
    .wants = rooms_wants,
    .variant = rooms_variant,
    .encode = rooms_encode,
    .answer = rooms_answer,
    .notice = dialect_notice,
};
