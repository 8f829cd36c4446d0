/*
 * dialect_inbox_chat.c -- D4: the chat socket
 *
 * Without options a client sees the messages of direct chats as private_message. Groups, typing, receipts, presence and
 * uploads have frames for those who asked for them (?events=), edits and deletions for those with ext.
 */
#include "ws/dialect_inbox_chat.h"

#include "ws/dialect_inbox_common.h"

/* -- its own client frame -------------------------------------------------------------------------------- */

static enum code read_private_message(struct request *r)
{
    struct cmd *c = &r->op.cmd;
    r->op.kind = OP_COMMAND;
    r->op.verb = INBOX_MESSAGE;
    c->kind = CMD_MESSAGE_SEND;
    if (!dialect_take_ref(r, "client_msg_id")) {
        return CODE_INVALID_FIELD;
    }
    enum code code = dialect_take_target(r, "chat_id", "receiver_id");
    if (code == CODE_OK) {
        code = dialect_take_kind(r->frame, "message_type", &c->name);
    }
    c->name = inbox_kind_meant(c->name);
    return code != CODE_OK ? code : dialect_take_text(r->frame, "content", &c->content);
}

static enum code read_frame(struct request *r)
{
    bool is_message = json_str_is(json_get(r->frame, "type"), "private_message");
    return is_message ? read_private_message(r) : inbox_read(r);
}

static void inbox_chat_receive(struct conn *c, void *state, struct str message, bool binary)
{
    (void)state;
    dialect_receive(c, message, binary, read_frame);
}

/* Its keys are always the same, so a client that gave no mark gets null. */
static void add_sent(struct buf *out, const struct op_result *r, const struct dialect_view *v)
{
    const struct outcome *o = &r->outcome;
    buf_add_z(out, "{\"type\":\"message_sent\"");
    json_key_u64(out, "message_id", o->message_id);
    json_key_u64(out, "chat_id", o->chat_id);
    if (r->ref.len > 0) {
        dialect_key_ref(out, r->ref);
    } else {
        json_key_null(out, "client_msg_id");
    }
    inbox_key_time(out, "timestamp", o->at_us);
    inbox_end(out, v, o->event_id, o->seq, o->chat_id);
}

static void inbox_chat_answer(const struct op_result *r, const struct dialect_view *v,
                              struct dialect_frame *f)
{
    if (r->code == CODE_OK && r->verb == INBOX_MESSAGE) {
        add_sent(f->out, r, v);
    } else {
        inbox_answer(r, v, f);
    }
}

/* -- one function per frame: everything between the type and _ext ---------------------------------------- */

static void add_message(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    json_key_u64(out, "message_id", e->message_id);
    json_key_u64(out, "chat_id", e->chat_id);
    json_key_u64(out, "sender_id", e->sender.id);
    json_key_str(out, "sender_name", e->sender.name);
    json_key_str(out, "content", e->content);
    json_key_str(out, "message_type", inbox_kind_shown(e->message_kind));
    inbox_key_time(out, "timestamp", e->message_created_us);
}

static void add_message_deleted(struct buf *out, const struct event *e,
                                const struct dialect_view *v)
{
    (void)v;
    json_key_u64(out, "message_id", e->message_id);
    json_key_u64(out, "chat_id", e->chat_id);
    json_key_u64(out, "deleted_by", e->actor.id);
    inbox_key_time(out, "timestamp", e->at_us);
}

static void add_typing(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    json_key_u64(out, "chat_id", e->chat_id);
    json_key_u64(out, "user_id", e->actor.id);
    json_key_str(out, "user_name", e->actor.name);
    json_key_bool(out, "is_typing", e->number != 0);
    inbox_key_time(out, "timestamp", e->at_us);
}

static void add_message_read(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    json_key_u64(out, "chat_id", e->chat_id);
    json_key_u64(out, "user_id", e->actor.id);
    json_key_u64(out, "message_id", e->message_id);
    inbox_key_time(out, "timestamp", e->at_us);
}

/* The time of such an event is when the user was last seen. */
static void add_user_status(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    json_key_u64(out, "user_id", e->subject.id);
    json_key_str(out, "user_name", e->subject.name);
    dialect_key_status(out, e);
    if (e->at_us != 0) {
        inbox_key_time(out, "last_seen", e->at_us);
    } else {
        json_key_null(out, "last_seen");
    }
    inbox_key_time(out, "timestamp", v->now_us);
}

static void add_upload_progress(struct buf *out, const struct event *e,
                                const struct dialect_view *v)
{
    (void)v;
    json_key_u64(out, "upload_id", e->message_id);
    json_key_u64(out, "chat_id", e->chat_id);
    dialect_key_progress(out, e);
    inbox_key_time(out, "timestamp", e->at_us);
}

static const struct event_frame {
    uint8_t kind;
    uint32_t asks; /* options that show it; 0: everybody */
    const char *type;
    void (*add)(struct buf *out, const struct event *e, const struct dialect_view *v);
} event_frames[] = {
    {EV_MESSAGE, 0, "private_message", add_message},
    {EV_MESSAGE_EDITED, CONN_EXT, "message_edited", add_message},
    {EV_MESSAGE_DELETED, CONN_EXT, "message_deleted", add_message_deleted},
    {EV_TYPING, CONN_EVENTS_TYPING, "typing", add_typing},
    {EV_READ, CONN_EVENTS_READ, "message_read", add_message_read},
    {EV_PRESENCE, CONN_EVENTS_STATUS, "user_status", add_user_status},
    {EV_UPLOAD, CONN_EVENTS_UPLOAD, "upload_progress", add_upload_progress},
};

static const struct event_frame *find_frame(const struct event *e)
{
    for (size_t i = 0; i < sizeof(event_frames) / sizeof(event_frames[0]); i++) {
        if (event_frames[i].kind == e->kind) {
            return &event_frames[i];
        }
    }
    return NULL;
}

/* -- the table -------------------------------------------------------------------------------------------- */

static bool is_group_message(const struct event *e)
{
    bool is_message = e->kind == EV_MESSAGE || e->kind == EV_MESSAGE_EDITED ||
                      e->kind == EV_MESSAGE_DELETED;
    return is_message && e->chat_kind == CHAT_GROUP;
}

/* One's own receipts are an unread_update on the other socket. */
static bool inbox_chat_wants(const struct event *e, uint64_t viewer_id, uint32_t options)
{
    const struct event_frame *frame = find_frame(e);
    if (frame == NULL || (frame->asks != 0 && (options & frame->asks) == 0)) {
        return false;
    }
    if (is_group_message(e) && (options & CONN_EVENTS_GROUP) == 0) {
        return false;
    }
    return e->kind != EV_READ || e->actor.id != viewer_id;
}

static void inbox_chat_encode(const struct event *e, const struct dialect_view *v,
                              struct dialect_frame *f)
{
    const struct event_frame *frame = find_frame(e);
    if (frame == NULL) {
        return;
    }
    bool is_group = e->kind == EV_MESSAGE && e->chat_kind == CHAT_GROUP;
    buf_add_char(f->out, '{');
    json_key_str(f->out, "type", str_of(is_group ? "group_message" : frame->type));
    frame->add(f->out, e, v);
    inbox_end_event(f->out, v, e);
}

const struct dialect dialect_inbox_chat = {
    .id = DIALECT_INBOX_CHAT,
    .name = "inbox_chat",
    .subprotocol = "inbox_chat.v1",
    .receive = inbox_chat_receive,
    .wants = inbox_chat_wants,
    .encode = inbox_chat_encode,
    .answer = inbox_chat_answer,
    .notice = dialect_notice,
};
