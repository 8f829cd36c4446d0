#include "ws/dialect_util.h"

#include "shared/cursor.h"

#define FRAME_LIMITS    ((struct json_limits){1024 * 1024, 8, 32})
#define TOKEN_MAX_BYTES 8192

/* -- in ---------------------------------------------------------------------------------------------- */

static void finish(struct conn *c, const struct request *r, enum code code)
{
    if (code != CODE_OK) {
        dialect_fail(c, r->op.verb, r->op.ref, code);
    } else if (r->reply.len > 0) {
        dialect_send(c, r->reply, false);
    } else {
        dialect_submit(c, &r->op);
    }
}

void dialect_receive(struct conn *c, struct str message, bool binary, request_fn read)
{
    const struct json_limits limits = FRAME_LIMITS;
    struct request r = {0};
    struct json *doc = NULL;
    if (binary) {
        finish(c, &r, CODE_UNSUPPORTED_TYPE);
        return;
    }
    if (json_parse(message, &limits, &doc, NULL) != RC_OK) {
        finish(c, &r, CODE_BAD_JSON);
        return;
    }
    r.frame = json_root(doc);
    finish(c, &r, json_type(r.frame) == JSON_OBJECT ? read(&r) : CODE_BAD_REQUEST);
    json_free(doc);
}

enum code dialect_read_frame(struct request *r, const struct client_frame *frames, size_t count,
                             struct str type)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(type, str_of(frames[i].type))) {
            r->op.kind = OP_COMMAND;
            r->op.verb = frames[i].verb;
            return frames[i].read(r);
        }
    }
    return CODE_UNSUPPORTED_TYPE;
}

const char *dialect_verb_name(const struct client_frame *frames, size_t count, uint8_t verb)
{
    for (size_t i = 0; i < count; i++) {
        if (frames[i].verb == verb) {
            return frames[i].type;
        }
    }
    return "";
}

bool dialect_is_absent(struct jval v)
{
    return json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL;
}

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

enum code dialect_take_id(struct jval frame, const char *key, enum id_kind kind, uint64_t *out)
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

enum code dialect_take_text(struct jval frame, const char *key, struct str *out)
{
    return json_str(json_get(frame, key), out) ? CODE_OK : CODE_INVALID_FIELD;
}

enum code dialect_take_kind(struct jval frame, const char *key, struct str *out)
{
    *out = STR("text");
    return dialect_is_absent(json_get(frame, key)) ? CODE_OK : dialect_take_text(frame, key, out);
}

enum code dialect_take_target(struct request *r, const char *chat_key, const char *user_key)
{
    struct cmd *c = &r->op.cmd;
    bool by_chat = !dialect_is_absent(json_get(r->frame, chat_key));
    bool by_user = !dialect_is_absent(json_get(r->frame, user_key));
    if (by_chat == by_user) {
        return CODE_INVALID_FIELD;
    }
    return by_chat ? dialect_take_id(r->frame, chat_key, ID_CHAT, &c->chat_id)
                   : dialect_take_id(r->frame, user_key, ID_USER, &c->user_id);
}

bool dialect_take_ref(struct request *r, const char *key)
{
    struct jval ref = json_get(r->frame, key);
    if (dialect_is_absent(ref)) {
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

enum code dialect_read_cursor(struct request *r, const char *chat_key, const char *message_key)
{
    struct cmd *c = &r->op.cmd;
    c->kind = CMD_READ;
    enum code code = dialect_take_id(r->frame, chat_key, ID_CHAT, &c->chat_id);
    if (code == CODE_OK && !dialect_is_absent(json_get(r->frame, message_key))) {
        code = dialect_take_id(r->frame, message_key, ID_MESSAGE, &c->message_id);
    }
    return code;
}

enum code dialect_read_typing(struct request *r, const char *chat_key, const char *on_key)
{
    struct cmd *c = &r->op.cmd;
    bool on = false;
    c->kind = CMD_TYPING;
    enum code code = dialect_take_id(r->frame, chat_key, ID_CHAT, &c->chat_id);
    if (code == CODE_OK && !json_bool(json_get(r->frame, on_key), &on)) {
        code = CODE_INVALID_FIELD;
    }
    c->number = on;
    return code;
}

enum code dialect_read_focus(struct request *r, const char *chat_key)
{
    r->op.cmd.kind = CMD_FOCUS;
    return json_type(json_get(r->frame, chat_key)) == JSON_NULL
               ? CODE_OK
               : dialect_take_id(r->frame, chat_key, ID_CHAT, &r->op.cmd.chat_id);
}

enum code dialect_read_auth(struct request *r)
{
    r->op.kind = OP_AUTH;
    enum code code = dialect_take_text(r->frame, "token", &r->op.token);
    bool fits = r->op.token.len > 0 && r->op.token.len <= TOKEN_MAX_BYTES;
    return code == CODE_OK && !fits ? CODE_INVALID_FIELD : code;
}

enum code dialect_read_ping(struct request *r)
{
    r->reply = STR("{\"type\":\"pong\"}");
    return CODE_OK;
}

bool dialect_asked_for(const struct event *e, uint32_t options)
{
    switch (e->kind) {
    case EV_TYPING:
        return (options & CONN_EVENTS_TYPING) != 0;
    case EV_PRESENCE:
        return (options & CONN_EVENTS_STATUS) != 0;
    case EV_UPLOAD:
        return (options & CONN_EVENTS_UPLOAD) != 0;
    default:
        return true;
    }
}

/* -- out --------------------------------------------------------------------------------------------- */

void dialect_key_time(struct buf *out, const char *key, uint64_t at_us,
                      enum clock_precision precision)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    clock_add_rfc3339(out, at_us, precision);
    buf_add_char(out, '"');
}

void dialect_key_hex(struct buf *out, const char *key, enum id_kind kind, uint64_t id,
                     uint64_t created_us)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    id_add_hex(out, kind, id, created_us);
    buf_add_char(out, '"');
}

void dialect_key_tagged(struct buf *out, const char *key, enum id_kind kind, uint64_t id)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    id_add_tagged(out, kind, id);
    buf_add_char(out, '"');
}

void dialect_key_uuid(struct buf *out, const char *key, enum id_kind kind, uint64_t id)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    id_add_uuid(out, kind, id);
    buf_add_char(out, '"');
}

void dialect_key_ref(struct buf *out, struct str ref)
{
    if (ref.len > 0) {
        json_key_str(out, "client_msg_id", ref);
    }
}

void dialect_key_code(struct buf *out, enum code code)
{
    json_key_str(out, "code", str_of(code_name(code)));
    json_key_str(out, "message", str_of(code_sentence(code)));
}

bool dialect_open_ext(struct buf *out, const struct dialect_view *v, uint64_t event_id,
                      uint64_t seq)
{
    if (!v->ext || event_id == 0) {
        return false;
    }
    json_add_key(out, "_ext");
    buf_add_z(out, "{\"event_id\":\"");
    cursor_add(out, v->log_prefix, event_id);
    buf_add_char(out, '"');
    if (seq != 0) {
        json_key_u64(out, "seq", seq);
    }
    return true;
}

uint64_t dialect_message_seq(const struct event *e)
{
    return e->kind == EV_MESSAGE || e->kind == EV_MESSAGE_EDITED || e->kind == EV_MESSAGE_DELETED
               ? e->seq
               : 0;
}

void dialect_key_status(struct buf *out, const struct event *e)
{
    json_key_str(out, "status", e->number != 0 ? STR("online") : STR("offline"));
}

void dialect_key_note(struct buf *out, const struct event *e)
{
    json_key_str(out, "kind", e->note.kind);
    json_key_str(out, "title", e->note.title);
    json_key_str(out, "text", e->note.text);
    if (e->note.link.p != NULL) {
        json_key_str(out, "link", e->note.link);
    } else {
        json_key_null(out, "link");
    }
}

static const char *upload_state_name(uint32_t state)
{
    return state == UPLOAD_RUNNING ? "running" : state == UPLOAD_DONE ? "done" : "failed";
}

void dialect_key_progress(struct buf *out, const struct event *e)
{
    uint64_t done = e->number, total = e->seq;
    json_key_u64(out, "bytes", done);
    json_key_u64(out, "total", total);
    json_key_u64(out, "percent",
                 total != 0                  ? done * 100 / total
                 : e->version == UPLOAD_DONE ? 100
                                             : 0);
    json_key_str(out, "state", str_of(upload_state_name(e->version)));
}

const char *dialect_role_name(uint64_t role)
{
    return role == ROLE_OWNER ? "owner" : role == ROLE_ADMIN ? "admin" : "member";
}

bool dialect_is_second_peer(const struct event *e, uint64_t viewer_id)
{
    return e->chat_kind == CHAT_DIRECT && viewer_id == e->peer[1].id;
}

void dialect_key_number(struct dialect_frame *f, const char *key)
{
    json_add_key(f->out, key);
    f->number_at = f->out->len;
    for (int i = 0; i < DIALECT_NUMBER_BYTES; i++) {
        buf_add_char(f->out, ' ');
    }
}

void dialect_add_error(struct buf *out, const struct op_result *r)
{
    buf_add_z(out, "{\"type\":\"error\"");
    dialect_key_code(out, r->code);
    dialect_key_ref(out, r->ref);
    buf_add_char(out, '}');
}

void dialect_add_auth_ok(struct buf *out, const struct op_result *r)
{
    buf_add_z(out, "{\"type\":\"auth_ok\"");
    if (r->expires_s != 0) {
        dialect_key_time(out, "expires_at", r->expires_s * 1000000, CLOCK_SECONDS);
    } else {
        json_key_null(out, "expires_at");
    }
    dialect_key_ref(out, r->ref);
    buf_add_char(out, '}');
}

void dialect_notice(const struct notice *n, const struct dialect_view *v, struct dialect_frame *f)
{
    buf_add_z(f->out, n->kind == NOTICE_LIVE ? "{\"type\":\"live\"" : "{\"type\":\"gap\"");
    if (n->kind == NOTICE_GAP) {
        json_key_str(f->out, "reason", str_of(n->reason));
    }
    buf_add_z(f->out, ",\"_ext\":{\"event_id\":\""); /* also in an empty log, at 0 */
    cursor_add(f->out, v->log_prefix, n->event_id);
    buf_add_z(f->out, "\"}}");
}
