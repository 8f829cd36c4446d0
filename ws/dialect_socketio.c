/*
 * dialect_socketio.c -- D2: Socket.IO packets, the namespace /chat, its client events and their answers
 *
 * Client events, each with an acknowledgement when the client passes a callback:
 *   createConversation {user2_id}                    sendMessage {convId, message:{message}, client_msg_id?}
 *   joinConversation {convId}   leaveConversation {convId}
 *   typing {convId,isTyping}    markRead {convId,messageId?}     (extensions)
 * What is no packet ends the connection, as the protocol wants it; what is no good request is answered with an
 * acknowledgement that says so and the event `error`. The mark of a request (op.ref) is its acknowledgement id.
 */
#include "ws/dialect_socketio.h"

#include <stdio.h>

#include "shared/conversation.h"
#include "shared/json.h"
#include "ws/dialect_util.h"

#define PACKET_LIMITS ((struct json_limits){1024 * 1024, 16, 64})

enum verb { VERB_NONE, VERB_CONNECT, VERB_CREATE, VERB_SEND, VERB_JOIN, VERB_LEAVE, VERB_TYPING, VERB_READ };

/* -- client events: fill in the operation -------------------------------------------------------------------- */

static enum code read_create(struct request *r)
{
    r->op.cmd.kind = CMD_CHAT_CREATE_DIRECT;
    return dialect_take_id(r->frame, "user2_id", ID_USER, &r->op.cmd.user_id);
}

/* {"message":{"message":"text"}}; a bare text means the same. */
static enum code read_send(struct request *r)
{
    struct cmd *c = &r->op.cmd;
    struct jval message = json_get(r->frame, "message");
    struct jval mark = json_get(r->frame, "client_msg_id");
    struct str text;
    c->kind = CMD_MESSAGE_SEND;
    c->name = STR("text");
    if (json_type(message) == JSON_OBJECT) {
        message = json_get(message, "message");
    }
    if (!dialect_is_absent(mark)) {
        c->has_key = json_str(mark, &text) && key16_from_text(text, &c->key);
        if (!c->has_key) {
            return CODE_INVALID_FIELD;
        }
    }
    enum code code = dialect_take_id(r->frame, "convId", ID_CHAT, &c->chat_id);
    return code == CODE_OK && !json_str(message, &c->content) ? CODE_INVALID_FIELD : code;
}

static enum code read_join(struct request *r)
{
    r->op.kind = OP_SUBSCRIBE;
    return dialect_take_id(r->frame, "convId", ID_CHAT, &r->op.cmd.chat_id);
}

static enum code read_leave(struct request *r)
{
    r->op.kind = OP_UNSUBSCRIBE;
    return dialect_take_id(r->frame, "convId", ID_CHAT, &r->op.cmd.chat_id);
}

static enum code read_typing(struct request *r)
{
    return dialect_read_typing(r, "convId", "isTyping");
}

static enum code read_read(struct request *r)
{
    return dialect_read_cursor(r, "convId", "messageId");
}

static const struct client_frame client_events[] = {
    {"createConversation", VERB_CREATE, read_create}, {"sendMessage", VERB_SEND, read_send},
    {"joinConversation", VERB_JOIN, read_join},       {"leaveConversation", VERB_LEAVE, read_leave},
    {"typing", VERB_TYPING, read_typing},             {"markRead", VERB_READ, read_read},
};
#define CLIENT_EVENTS (sizeof(client_events) / sizeof(client_events[0]))

static void on_event(struct conn *c, const struct sio_packet *p)
{
    const struct json_limits limits = PACKET_LIMITS;
    struct json *doc = NULL;
    struct request r = {0};
    struct str name;
    char id[24] = "";
    if (json_parse(p->json, &limits, &doc, NULL) != RC_OK) {
        dialect_close(c, CODE_BAD_JSON);
        return;
    }
    if (p->has_id) {
        snprintf(id, sizeof(id), "%llu", (unsigned long long)p->id);
    }
    r.op.ref = str_of(id);
    r.frame = json_at(json_root(doc), 1);
    (void)json_str(json_at(json_root(doc), 0), &name);
    enum code code = json_type(r.frame) == JSON_OBJECT
                         ? dialect_read_frame(&r, client_events, CLIENT_EVENTS, name)
                         : CODE_INVALID_FIELD;
    r.op.ref = str_of(id);
    if (code == CODE_OK) {
        dialect_submit(c, &r.op);
    } else {
        dialect_fail(c, r.op.verb, r.op.ref, code);
    }
    json_free(doc);
}

/* -- namespaces ------------------------------------------------------------------------------------------------ */

static void connect_chat(struct conn *c, const struct sio_packet *p)
{
    const struct json_limits limits = PACKET_LIMITS;
    struct json *doc = NULL;
    struct op op = {.kind = OP_LOGIN, .verb = VERB_CONNECT};
    if (p->json.len > 0 && json_parse(p->json, &limits, &doc, NULL) != RC_OK) {
        dialect_close(c, CODE_BAD_JSON);
        return;
    }
    struct jval auth = doc != NULL ? json_root(doc) : (struct jval){NULL, false};
    struct jval offset = json_get(auth, "offset");
    bool has_token = json_str(json_get(auth, "token"), &op.token) && op.token.len > 0;
    if (has_token) {
        (void)json_str(json_get(auth, "pid"), &op.recovery);
        if (!dialect_is_absent(offset) && (!json_str(offset, &op.offset) || op.offset.len == 0)) {
            op.recovery = STR_NONE; /* where it was is not known */
        }
        dialect_submit(c, &op);
    } else {
        dialect_fail(c, VERB_CONNECT, STR_NONE, CODE_UNAUTHENTICATED);
    }
    json_free(doc);
}

static void refuse_namespace(struct conn *c, const struct sio_packet *p)
{
    struct buf out = BUF_INIT;
    struct sio_packet answer = {.type = SIO_CONNECT_ERROR, .nsp = p->nsp};
    sio_begin(&out, &answer);
    buf_add_z(&out, "{\"message\":\"Invalid namespace\"}");
    dialect_send(c, buf_str(&out), false);
    buf_release(&out);
}

static void on_chat(struct conn *c, struct socketio *s, const struct sio_packet *p)
{
    if (p->type == SIO_CONNECT && !s->chat) {
        connect_chat(c, p);
    } else if (p->type == SIO_DISCONNECT && s->chat) {
        s->chat = false;
        dialect_submit(c, &(struct op){.kind = OP_LOGOUT});
    } else if (p->type == SIO_EVENT && s->chat) {
        on_event(c, p);
    } else if (p->type != SIO_ACK) { /* nothing of ours is acknowledged; the rest is out of turn, or has attachments */
        dialect_close(c, CODE_BAD_REQUEST);
    }
}

static void socketio_receive(struct conn *c, void *state, struct str message, bool binary)
{
    const struct json_limits limits = PACKET_LIMITS;
    struct socketio *s = state;
    struct sio_packet p;
    if (binary != (s->pieces != NULL)) { /* attachments follow their packet, and nothing else does */
        dialect_close(c, CODE_BAD_REQUEST);
        return;
    }
    if (binary) {
        socketio_echo_bytes(c, s, message);
        return;
    }
    if (sio_read(message, SOCKETIO_ATTACHMENTS_MAX, &limits, &p) != RC_OK) {
        dialect_close(c, CODE_BAD_REQUEST);
        return;
    }
    if (str_eq(p.nsp, SOCKETIO_NAMESPACE)) {
        on_chat(c, s, &p);
    } else if (socketio_echo_packet(c, s, &p)) {
        return;
    } else if (p.type == SIO_CONNECT) {
        refuse_namespace(c, &p);
    } else {
        dialect_close(c, CODE_BAD_REQUEST);
    }
}

static void socketio_settle(void *state, const struct op_result *r)
{
    struct socketio *s = state;
    if (r->verb == VERB_CONNECT) {
        s->chat = r->code == CODE_OK;
    }
}

static void socketio_close(void *state)
{
    socketio_echo_release(state);
}

/* -- answers ----------------------------------------------------------------------------------------------------- */

static void begin_event(struct buf *out, const char *name)
{
    struct sio_packet p = {.type = SIO_EVENT, .nsp = SOCKETIO_NAMESPACE};
    sio_begin(out, &p);
    buf_add_z(out, "[\"");
    buf_add_z(out, name);
    buf_add_z(out, "\",");
}

static void begin_ack(struct buf *out, const struct op_result *r)
{
    struct sio_packet p = {.type = SIO_ACK, .nsp = SOCKETIO_NAMESPACE, .has_id = true};
    (void)str_u64(r->ref, &p.id);
    sio_begin(out, &p);
    buf_add_char(out, '[');
}

/* An unknown conversation and a foreign one are told apart nowhere. */
static enum code shown(const struct op_result *r)
{
    return r->verb == VERB_JOIN && r->code == CODE_FORBIDDEN ? CODE_CHAT_NOT_FOUND : r->code;
}

static void add_connect(struct buf *out, const struct op_result *r)
{
    struct sio_packet p = {.type = r->code == CODE_OK ? SIO_CONNECT : SIO_CONNECT_ERROR,
                           .nsp = SOCKETIO_NAMESPACE};
    sio_begin(out, &p);
    buf_add_char(out, '{');
    if (r->code == CODE_OK) {
        json_key_str(out, "sid", r->session);
        if (r->recovery.len > 0) {
            json_key_str(out, "pid", r->recovery);
        }
    } else {
        json_key_str(out, "message", str_of(code_sentence(r->code)));
        buf_add_z(out, ",\"data\":{");
        json_key_str(out, "code", str_of(code_name(r->code)));
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
}

static void add_error_ack(struct buf *out, const struct op_result *r)
{
    begin_ack(out, r);
    buf_add_z(out, "{\"ok\":false,\"error\":{");
    json_key_str(out, "code", str_of(code_name(shown(r))));
    json_key_str(out, "message", str_of(code_sentence(shown(r))));
    buf_add_z(out, "}}]");
}

static void add_error_event(struct buf *out, const struct op_result *r)
{
    begin_event(out, "error");
    buf_add_char(out, '{');
    json_key_str(out, "message", str_of(code_sentence(shown(r))));
    buf_add_z(out, "}]");
}

static void add_room_event(struct buf *out, const struct op_result *r)
{
    begin_event(out, r->verb == VERB_JOIN ? "joinedConversation" : "leftConversation");
    buf_add_char(out, '{');
    json_key_u64(out, "convId", r->outcome.chat_id);
    buf_add_z(out, "}]");
}

/* The other user hears of a new conversation by its event; of one that was there already only the caller hears. */
static void add_known_conversation(struct buf *out, const struct op_result *r)
{
    begin_event(out, "conversationCreated");
    buf_add_str(out, r->body);
    buf_add_char(out, ']');
}

static void add_sent(struct buf *out, const struct op_result *r)
{
    const struct outcome *o = &r->outcome;
    json_key_u64(out, "id", o->message_id);
    json_key_u64(out, "convId", o->chat_id);
    dialect_key_time(out, "created_at", o->at_us, CLOCK_MILLIS);
}

static void add_ack(struct buf *out, const struct op_result *r)
{
    begin_ack(out, r);
    buf_add_z(out, "{\"ok\":true");
    if (r->verb == VERB_SEND) {
        add_sent(out, r);
    } else if (r->verb == VERB_CREATE && r->body.len > 1) {
        buf_add_char(out, ',');
        buf_add_str(out, (struct str){r->body.p + 1, r->body.len - 2});
    } else if (r->verb == VERB_JOIN || r->verb == VERB_LEAVE) {
        json_key_u64(out, "convId", r->outcome.chat_id);
    }
    buf_add_z(out, "}]");
}

static bool has_event(const struct op_result *r)
{
    return r->code != CODE_OK || r->verb == VERB_JOIN || r->verb == VERB_LEAVE ||
           (r->verb == VERB_CREATE && !r->outcome.created && r->body.len > 1);
}

static void add_event(struct buf *out, const struct op_result *r)
{
    if (r->code != CODE_OK) {
        add_error_event(out, r);
    } else if (r->verb == VERB_CREATE) {
        add_known_conversation(out, r);
    } else {
        add_room_event(out, r);
    }
}

/* The event first, then the acknowledgement, each where there is one. */
static void socketio_answer(const struct op_result *r, const struct dialect_view *v,
                            struct dialect_frame *f)
{
    bool wants_ack = r->ref.len > 0;
    (void)v;
    if (r->verb == VERB_CONNECT) {
        add_connect(f->out, r);
    } else if (f->part == 0 && has_event(r)) {
        add_event(f->out, r);
        f->more = wants_ack;
    } else if (wants_ack && r->code != CODE_OK) {
        add_error_ack(f->out, r);
    } else if (wants_ack) {
        add_ack(f->out, r);
    }
}

/* A gap is what the client finds out by itself: its connection is not marked as recovered. */
static void socketio_notice(const struct notice *n, const struct dialect_view *v, struct dialect_frame *f)
{
    (void)n;
    (void)v;
    (void)f;
}

const struct dialect dialect_socketio = {
    .id = DIALECT_SOCKETIO,
    .name = "socketio",
    .state_bytes = sizeof(struct socketio),
    .engine = true,
    .hears_origin = true,
    .subscribes = true,
    .joins = socketio_joins,
    .receive = socketio_receive,
    .settle = socketio_settle,
    .wants = socketio_wants,
    .encode = socketio_encode,
    .answer = socketio_answer,
    .notice = socketio_notice,
    .close = socketio_close,
};
