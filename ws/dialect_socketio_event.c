/* dialect_socketio_event.c -- D2: events to frames of the namespace /chat */
#include "ws/dialect_socketio.h"

#include "shared/conversation.h"
#include "shared/cursor.h"
#include "shared/json.h"
#include "ws/dialect_util.h"

/* -- pieces -------------------------------------------------------------------------------------------- */

static void begin(struct buf *out, const char *name)
{
    struct sio_packet p = {.type = SIO_EVENT, .nsp = SOCKETIO_NAMESPACE};
    sio_begin(out, &p);
    buf_add_z(out, "[\"");
    buf_add_z(out, name);
    buf_add_z(out, "\",");
}

/* The offset: clients keep that of the last event and bring it when they come back. */
static void end(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    if (e->event_id != 0 && v->recovers) {
        buf_add_z(out, ",\"");
        cursor_add(out, v->log_prefix, e->event_id);
        buf_add_char(out, '"');
    }
    buf_add_char(out, ']');
}

static void add_person(struct buf *out, const struct event_user *u)
{
    struct conversation_user user = {u->id, u->username, u->name};
    conversation_add_user(out, &user);
}

static void add_participants(struct buf *out, const struct event *e)
{
    if (e->chat_kind == CHAT_DIRECT) {
        buf_add_char(out, '[');
        add_person(out, &e->peer[0]);
        buf_add_char(out, ',');
        add_person(out, &e->peer[1]);
        buf_add_char(out, ']');
    } else if (e->payload.len > 0) {
        buf_add_str(out, e->payload);
    } else {
        buf_add_z(out, "[]");
    }
}

static void add_conversation(struct buf *out, const struct event *e)
{
    struct conversation c = {
        .id = e->chat_id,
        .created_us = e->chat_created_us,
        .updated_us = e->chat_updated_us,
        .user_id = {e->peer[0].id, e->peer[1].id},
        .is_group = e->chat_kind != CHAT_DIRECT,
        .name = e->chat_name,
    };
    conversation_add(out, &c);
}

static void add_message(struct buf *out, const struct event *e)
{
    struct conversation_message m = {e->message_id, e->chat_id, e->sender.id, e->message_created_us,
                                     e->content};
    conversation_add_message(out, &m);
}

/* -- one function per event ------------------------------------------------------------------------------ */

static void conversation_created(struct buf *out, const struct event *e)
{
    begin(out, "conversationCreated");
    buf_add_z(out, "{\"conversation\":");
    add_conversation(out, e);
    buf_add_z(out, ",\"participants\":");
    add_participants(out, e);
    buf_add_char(out, '}');
}

static void new_message(struct buf *out, const struct event *e)
{
    begin(out, "newMessage");
    buf_add_z(out, "{\"message\":");
    add_message(out, e);
    buf_add_z(out, ",\"sender\":");
    add_person(out, &e->sender);
    buf_add_char(out, '}');
}

static void message_updated(struct buf *out, const struct event *e)
{
    begin(out, "messageUpdated");
    buf_add_z(out, "{\"message\":");
    add_message(out, e);
    dialect_key_time(out, "edited_at", e->at_us, CLOCK_MILLIS);
    buf_add_char(out, '}');
}

static void message_deleted(struct buf *out, const struct event *e)
{
    begin(out, "messageDeleted");
    buf_add_char(out, '{');
    json_key_u64(out, "convId", e->chat_id);
    json_key_u64(out, "message_id", e->message_id);
    json_key_u64(out, "deleted_by", e->actor.id);
    buf_add_char(out, '}');
}

static void message_read(struct buf *out, const struct event *e)
{
    begin(out, "messageRead");
    buf_add_char(out, '{');
    json_key_u64(out, "convId", e->chat_id);
    json_key_u64(out, "user_id", e->actor.id);
    json_key_u64(out, "message_id", e->message_id);
    buf_add_char(out, '}');
}

static void typing(struct buf *out, const struct event *e)
{
    begin(out, "typing");
    buf_add_char(out, '{');
    json_key_u64(out, "convId", e->chat_id);
    buf_add_z(out, ",\"user\":");
    add_person(out, &e->actor);
    json_key_bool(out, "isTyping", e->number != 0);
    buf_add_char(out, '}');
}

static void user_status(struct buf *out, const struct event *e)
{
    begin(out, "userStatus");
    buf_add_z(out, "{\"user\":");
    add_person(out, &e->subject);
    dialect_key_status(out, e);
    buf_add_char(out, '}');
}

static const struct event_frame {
    uint8_t kind;
    bool strict; /* shown to everybody, not only with ext; ephemeral ones by what was asked for */
    void (*add)(struct buf *out, const struct event *e);
} event_frames[] = {
    {EV_CHAT_CREATED, true, conversation_created},
    {EV_MEMBER_ADDED, true, conversation_created}, /* to the one who was added */
    {EV_MESSAGE, true, new_message},
    {EV_MESSAGE_EDITED, false, message_updated},
    {EV_MESSAGE_DELETED, false, message_deleted},
    {EV_READ, true, message_read},
    {EV_TYPING, true, typing},
    {EV_PRESENCE, true, user_status},
};

bool socketio_joins(const struct event *e, uint64_t viewer_id)
{
    return e->kind == EV_CHAT_CREATED || (e->kind == EV_MEMBER_ADDED && e->subject.id == viewer_id);
}

bool socketio_wants(const struct event *e, uint64_t viewer_id, uint32_t options)
{
    switch (e->kind) {
    case EV_MEMBER_ADDED:
        return e->subject.id == viewer_id;
    case EV_READ:
        return (options & CONN_EVENTS_READ) != 0 && e->actor.id != viewer_id;
    default:
        return dialect_asked_for(e, options);
    }
}

void socketio_encode(const struct event *e, const struct dialect_view *v, struct dialect_frame *f)
{
    for (size_t i = 0; i < sizeof(event_frames) / sizeof(event_frames[0]); i++) {
        const struct event_frame *frame = &event_frames[i];
        if (frame->kind == e->kind && (frame->strict || v->ext)) {
            frame->add(f->out, e);
            end(f->out, e, v);
            return;
        }
    }
}
