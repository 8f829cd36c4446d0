/*
 * dialect_rooms.c -- D0: client frames to operations, results and errors to frames (events: dialect_rooms_event.c)
 *
 * Client frames are an extension of the document, which shows none:
 *   {"type":"message","chat_id"|"user_id","content","message_type"?,"client_msg_id"?}
 *   {"type":"edit","chat_id","message_id","content"}   {"type":"delete","chat_id","message_id"}
 *   {"type":"read","chat_id","message_id"?,"seq"?}     {"type":"auth","token"}     {"type":"ping"}
 * A frame that is wrong is answered with an error frame and the connection stays. Keys that are not
 * known are ignored. The text of a client_msg_id comes back in the answer, whatever the answer is.
 */
#include "ws/dialect_rooms.h"

#include "shared/clock.h"
#include "shared/id.h"
#include "shared/json.h"
#include "ws/dialect_rooms_event.h"

#define FRAME_LIMITS ((struct json_limits){1024 * 1024, 8, 32})
#define TOKEN_MAX_BYTES 8192

enum verb { VERB_NONE, VERB_MESSAGE, VERB_EDIT, VERB_DELETE, VERB_READ, VERB_AUTH, VERB_PING };

struct request { /* a client frame on its way to an operation */
    struct jval frame;
    struct op op;
};

/* -- fields ---------------------------------------------------------------------------------------- */

static enum code code_of_unknown(enum id_kind kind)
{
    switch (kind) {
    case ID_CHAT:
        return CODE_CHAT_NOT_FOUND;
    case ID_MESSAGE:
        return CODE_MESSAGE_NOT_FOUND;
    default:
        return CODE_USER_NOT_FOUND;
    }
}

/* An id in any text form, or a JSON number. */
static enum code take_id(struct jval frame, const char *key, enum id_kind kind, uint64_t *out)
{
    struct jval v = json_get(frame, key);
    struct str text;
    uint64_t n = 0;
    if (json_u64(v, &n)) {
        if (n == 0 || n > ID_MAX) {
            return CODE_BAD_ID;
        }
        *out = n;
        return CODE_OK;
    }
    if (!json_str(v, &text)) {
        return CODE_INVALID_FIELD;
    }
    switch (id_parse(text, kind, out)) {
    case RC_OK:
        return CODE_OK;
    case RC_NOT_FOUND:
        return code_of_unknown(kind);
    default:
        return CODE_BAD_ID;
    }
}

static enum code take_text(struct jval frame, const char *key, struct str *out)
{
    return json_str(json_get(frame, key), out) ? CODE_OK : CODE_INVALID_FIELD;
}

static bool is_absent(struct jval v)
{
    return json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL;
}

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
    bool by_chat = !is_absent(json_get(r->frame, "chat_id"));
    bool by_user = !is_absent(json_get(r->frame, "user_id"));
    if (by_chat == by_user) {
        return CODE_INVALID_FIELD;
    }
    enum code code = by_chat ? take_id(r->frame, "chat_id", ID_CHAT, &c->chat_id)
                             : take_id(r->frame, "user_id", ID_USER, &c->user_id);
    if (code != CODE_OK) {
        return code;
    }
    struct jval kind = json_get(r->frame, "message_type");
    c->name = STR("text");
    if (!is_absent(kind) && !json_str(kind, &c->name)) {
        return CODE_INVALID_FIELD;
    }
    c->kind = CMD_MESSAGE_SEND;
    r->op.hint = hex_seconds(json_get(r->frame, "chat_id"));
    return take_text(r->frame, "content", &c->content);
}

static enum code read_place(struct request *r)
{
    enum code code = take_id(r->frame, "chat_id", ID_CHAT, &r->op.cmd.chat_id);
    return code != CODE_OK ? code
                           : take_id(r->frame, "message_id", ID_MESSAGE, &r->op.cmd.message_id);
}

static enum code read_edit(struct request *r)
{
    enum code code = read_place(r);
    r->op.cmd.kind = CMD_MESSAGE_EDIT;
    return code != CODE_OK ? code : take_text(r->frame, "content", &r->op.cmd.content);
}

static enum code read_delete(struct request *r)
{
    r->op.cmd.kind = CMD_MESSAGE_DELETE;
    return read_place(r);
}

static enum code read_read(struct request *r)
{
    struct cmd *c = &r->op.cmd;
    c->kind = CMD_READ;
    enum code code = take_id(r->frame, "chat_id", ID_CHAT, &c->chat_id);
    if (code == CODE_OK && !is_absent(json_get(r->frame, "message_id"))) {
        code = take_id(r->frame, "message_id", ID_MESSAGE, &c->message_id);
    }
    struct jval seq = json_get(r->frame, "seq");
    if (code == CODE_OK && !is_absent(seq) && !json_u64(seq, &c->seq)) {
        code = CODE_INVALID_FIELD;
    }
    return code;
}

static enum code read_auth(struct request *r)
{
    r->op.kind = OP_AUTH;
    enum code code = take_text(r->frame, "token", &r->op.token);
    bool fits = r->op.token.len > 0 && r->op.token.len <= TOKEN_MAX_BYTES;
    return code == CODE_OK && !fits ? CODE_INVALID_FIELD : code;
}

static const struct client_frame {
    const char *type;
    uint8_t verb;
    enum code (*read)(struct request *r); /* NULL: answered at once */
} client_frames[] = {
    {"message", VERB_MESSAGE, read_message}, {"edit", VERB_EDIT, read_edit},
    {"delete", VERB_DELETE, read_delete},    {"read", VERB_READ, read_read},
    {"auth", VERB_AUTH, read_auth},          {"ping", VERB_PING, NULL},
};

static const struct client_frame *find_frame(struct str type)
{
    for (size_t i = 0; i < sizeof(client_frames) / sizeof(client_frames[0]); i++) {
        if (str_eq(type, str_of(client_frames[i].type))) {
            return &client_frames[i];
        }
    }
    return NULL;
}

/* The client's mark. false: it is there, but cannot be used. */
static bool take_ref(struct request *r)
{
    struct jval ref = json_get(r->frame, "client_msg_id");
    if (is_absent(ref)) {
        return true;
    }
    struct str text;
    if (!json_str(ref, &text) || !key16_from_text(text, &r->op.cmd.key)) {
        return false;
    }
    r->op.ref = text;
    r->op.cmd.has_key = true;
    return true;
}

static enum code read_frame(struct request *r, const struct client_frame **found)
{
    struct str type;
    if (json_type(r->frame) != JSON_OBJECT) {
        return CODE_BAD_REQUEST;
    }
    if (!take_ref(r) || !json_str(json_get(r->frame, "type"), &type)) {
        return CODE_INVALID_FIELD;
    }
    *found = find_frame(type);
    if (*found == NULL) {
        return CODE_UNSUPPORTED_TYPE;
    }
    r->op.kind = OP_COMMAND;
    r->op.verb = (*found)->verb;
    return (*found)->read != NULL ? (*found)->read(r) : CODE_OK;
}

static void rooms_receive(struct conn *c, void *state, struct str message, bool binary)
{
    (void)state;
    const struct json_limits limits = FRAME_LIMITS;
    struct request r = {0};
    const struct client_frame *found = NULL;
    struct json *doc = NULL;
    if (binary) {
        dialect_fail(c, VERB_NONE, STR_NONE, CODE_UNSUPPORTED_TYPE);
        return;
    }
    if (json_parse(message, &limits, &doc, NULL) != RC_OK) {
        dialect_fail(c, VERB_NONE, STR_NONE, CODE_BAD_JSON);
        return;
    }
    r.frame = json_root(doc);
    enum code code = read_frame(&r, &found);
    if (code != CODE_OK) {
        dialect_fail(c, r.op.verb, r.op.ref, code);
    } else if (found->read == NULL) {
        dialect_send(c, STR("{\"type\":\"pong\"}"), false);
    } else {
        dialect_submit(c, &r.op);
    }
    json_free(doc);
}

/* -- results ----------------------------------------------------------------------------------------- */

static const char *verb_name(uint8_t verb)
{
    for (size_t i = 0; i < sizeof(client_frames) / sizeof(client_frames[0]); i++) {
        if (client_frames[i].verb == verb) {
            return client_frames[i].type;
        }
    }
    return "";
}

static void add_ref(struct buf *out, struct str ref)
{
    if (ref.len > 0) {
        json_key_str(out, "client_msg_id", ref);
    }
}

static void add_error(struct buf *out, const struct op_result *r)
{
    buf_add_z(out, "{\"type\":\"error\"");
    json_key_str(out, "code", str_of(code_name(r->code)));
    json_key_str(out, "message", str_of(code_sentence(r->code)));
    add_ref(out, r->ref);
    buf_add_char(out, '}');
}

static void add_sent(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    const struct outcome *o = &r->outcome;
    uint64_t chat_created_us = o->number != 0 ? o->number : r->hint * 1000000;
    struct rooms_ext ext = {o->event_id, o->seq, o->chat_id, chat_created_us};
    buf_add_z(out, "{\"type\":\"message_sent\"");
    rooms_add_id(out, "message_id", ID_MESSAGE, o->message_id, o->at_us);
    rooms_add_id(out, "chat_id", ID_CHAT, o->chat_id, chat_created_us);
    json_key_u64(out, "seq", o->seq);
    rooms_add_time(out, "created_at", o->at_us);
    add_ref(out, r->ref);
    rooms_add_ext(out, v, &ext);
    buf_add_char(out, '}');
}

static void add_ok(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    struct rooms_ext ext = {.event_id = r->outcome.event_id};
    buf_add_z(out, "{\"type\":\"ok\"");
    json_key_str(out, "op", str_of(verb_name(r->verb)));
    add_ref(out, r->ref);
    rooms_add_ext(out, v, &ext);
    buf_add_char(out, '}');
}

static void add_auth_ok(struct buf *out, const struct op_result *r)
{
    buf_add_z(out, "{\"type\":\"auth_ok\"");
    if (r->expires_s != 0) {
        rooms_add_time(out, "expires_at", r->expires_s * 1000000);
    } else {
        json_key_null(out, "expires_at");
    }
    add_ref(out, r->ref);
    buf_add_char(out, '}');
}

static void rooms_answer(const struct op_result *r, const struct dialect_view *v,
                         struct dialect_frame *f)
{
    if (r->code != CODE_OK) {
        add_error(f->out, r);
    } else if (r->kind == OP_AUTH) {
        add_auth_ok(f->out, r);
    } else if (r->verb == VERB_MESSAGE) {
        add_sent(f->out, r, v);
    } else {
        add_ok(f->out, r, v);
    }
}

static void rooms_notice(const struct notice *n, const struct dialect_view *v,
                         struct dialect_frame *f)
{
    buf_add_z(f->out, n->kind == NOTICE_LIVE ? "{\"type\":\"live\"" : "{\"type\":\"gap\"");
    if (n->kind == NOTICE_GAP) {
        json_key_str(f->out, "reason", str_of(n->reason));
    }
    buf_add_z(f->out, ",\"_ext\":{\"event_id\":\""); /* also in an empty log, at 0 */
    dialect_add_cursor(f->out, v->log_prefix, n->event_id);
    buf_add_z(f->out, "\"}}");
}

const struct dialect dialect_rooms = {
    .id = DIALECT_ROOMS,
    .name = "rooms",
    .subprotocol = "rooms.v1",
    .receive = rooms_receive,
    .variant = rooms_variant,
    .encode = rooms_encode,
    .answer = rooms_answer,
    .notice = rooms_notice,
};
