#include "ws/dialect_subscribe_event.h"

#include "ws/dialect_util.h"

/* -- pieces ------------------------------------------------------------------------------------------ */

void subscribe_key_time(struct buf *out, const char *key, uint64_t at_us)
{
    dialect_key_time(out, key, at_us, CLOCK_MILLIS);
}

static void add_chat(struct buf *out, const struct event *e)
{
    dialect_key_tagged(out, "chatId", ID_CHAT, e->chat_id);
}

static void add_user(struct buf *out, const struct event_user *u)
{
    dialect_key_tagged(out, "userId", ID_USER, u->id);
    json_key_str(out, "username", u->username);
}

static void add_message(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    json_add_key(out, "message");
    buf_add_char(out, '{');
    dialect_key_tagged(out, "id", ID_MESSAGE, e->message_id);
    json_key_str(out, "text", e->content);
    json_key_str(out, "sender", e->sender.username);
    subscribe_key_time(out, "timestamp", e->message_created_us);
    json_key_bool(out, "isOwnMessage", e->sender.id == v->viewer_id);
    buf_add_char(out, '}');
}

static void add_note_id(struct buf *out, const struct event *e)
{
    dialect_key_tagged(out, "notificationId", ID_NOTIFICATION, e->note.id);
}

/* -- one function per frame: everything between its type and its timestamp ------------------------------ */

static void add_new_message(struct dialect_frame *f, const struct event *e,
                            const struct dialect_view *v)
{
    add_chat(f->out, e);
    add_message(f->out, e, v);
}

static void add_chat_update(struct dialect_frame *f, const struct event *e,
                            const struct dialect_view *v)
{
    (void)v;
    add_chat(f->out, e);
    if (e->message_created_us != 0) {
        json_key_str(f->out, "lastMessage", e->content);
        subscribe_key_time(f->out, "lastMessageTime", e->message_created_us);
    } else {
        json_key_null(f->out, "lastMessage");
        json_key_null(f->out, "lastMessageTime");
    }
    dialect_key_number(f, "unreadCount");
}

static void add_typing(struct dialect_frame *f, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_chat(f->out, e);
    add_user(f->out, &e->actor);
    json_key_bool(f->out, "isTyping", e->number != 0);
}

static void add_status(struct dialect_frame *f, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_user(f->out, &e->subject);
    dialect_key_status(f->out, e);
    if (e->at_us != 0) {
        subscribe_key_time(f->out, "lastSeen", e->at_us);
    } else {
        json_key_null(f->out, "lastSeen");
    }
}

static void add_read(struct dialect_frame *f, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_chat(f->out, e);
    dialect_key_tagged(f->out, "userId", ID_USER, e->actor.id);
    dialect_key_tagged(f->out, "messageId", ID_MESSAGE, e->message_id);
}

static void add_upload(struct dialect_frame *f, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    dialect_key_tagged(f->out, "uploadId", ID_UPLOAD, e->message_id);
    add_chat(f->out, e);
    dialect_key_progress(f->out, e);
}

static void add_message_deleted(struct dialect_frame *f, const struct event *e,
                                const struct dialect_view *v)
{
    (void)v;
    add_chat(f->out, e);
    dialect_key_tagged(f->out, "messageId", ID_MESSAGE, e->message_id);
    dialect_key_tagged(f->out, "deletedBy", ID_USER, e->actor.id);
}

static void add_room(struct dialect_frame *f, const struct event *e, const struct dialect_view *v)
{
    add_chat(f->out, e);
    json_key_str(f->out, "chatName", event_chat_name(e, v->viewer_id));
}

static void add_chat_only(struct dialect_frame *f, const struct event *e,
                          const struct dialect_view *v)
{
    (void)v;
    add_chat(f->out, e);
}

static void add_member(struct dialect_frame *f, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_chat(f->out, e);
    add_user(f->out, &e->subject);
}

static void add_note(struct dialect_frame *f, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_note_id(f->out, e);
    dialect_key_note(f->out, e);
}

static void add_note_unread(struct dialect_frame *f, const struct event *e,
                            const struct dialect_view *v)
{
    (void)v;
    add_note_id(f->out, e);
    json_key_u64(f->out, "unreadCount", e->number);
}

static const struct event_frame {
    uint8_t kind;
    bool strict; /* shown to everybody who wants it, not only with ext */
    const char *type;
    void (*add)(struct dialect_frame *f, const struct event *e, const struct dialect_view *v);
} event_frames[] = {
    {EV_MESSAGE, true, "new_message", add_new_message},
    {EV_CHAT_UPDATE, true, "chat_update", add_chat_update},
    {EV_TYPING, true, "user_typing", add_typing},
    {EV_PRESENCE, true, "user_status", add_status},
    {EV_READ, true, "message_read", add_read},
    {EV_UPLOAD, true, "upload_progress", add_upload},
    {EV_MESSAGE_EDITED, false, "message_edited", add_new_message},
    {EV_MESSAGE_DELETED, false, "message_deleted", add_message_deleted},
    {EV_CHAT_CREATED, false, "chat_created", add_room},
    {EV_CHAT_RENAMED, false, "chat_renamed", add_room},
    {EV_CHAT_DELETED, false, "chat_deleted", add_chat_only},
    {EV_MEMBER_ADDED, false, "member_added", add_member},
    {EV_MEMBER_REMOVED, false, "member_removed", add_member},
    {EV_NOTIFICATION, false, "notification", add_note},
    {EV_NOTIFICATION_READ, false, "notification_read", add_note_unread},
    {EV_NOTIFICATION_READ_ALL, false, "notification_read_all", add_note_unread},
    {EV_NOTIFICATION_DELETED, false, "notification_deleted", add_note_unread},
};

/* -- the table's functions --------------------------------------------------------------------------- */

bool subscribe_wants(const struct event *e, uint64_t viewer_id, uint32_t options)
{
    switch (e->kind) {
    case EV_MESSAGE:
        return e->sender.id != viewer_id || (options & CONN_HEARS_OWN) != 0;
    case EV_CHAT_UPDATE:
        return e->number != EV_MESSAGE || e->actor.id != viewer_id ||
               (options & CONN_HEARS_OWN) != 0;
    case EV_READ:
        return (options & CONN_EVENTS_READ) != 0 && e->actor.id != viewer_id;
    default:
        return dialect_asked_for(e, options);
    }
}

uint64_t subscribe_state_key(const struct event *e)
{
    return e->kind == EV_CHAT_UPDATE ? e->chat_id : 0;
}

static bool is_new_chat(const struct event *e, uint64_t viewer_id)
{
    return e->kind == EV_MEMBER_ADDED && viewer_id == e->subject.id;
}

/* Messages say whose they are; a direct chat is named after the other one; to who is added the chat is new. */
uint8_t subscribe_variant(const struct event *e, uint64_t viewer_id)
{
    switch (e->kind) {
    case EV_MESSAGE:
    case EV_MESSAGE_EDITED:
        return viewer_id == e->sender.id;
    case EV_CHAT_CREATED:
        return dialect_is_second_peer(e, viewer_id);
    case EV_MEMBER_ADDED:
        return is_new_chat(e, viewer_id);
    default:
        return 0;
    }
}

static void add_ext(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    if (!dialect_open_ext(out, v, e->event_id, dialect_message_seq(e))) {
        return;
    }
    if (e->chat_id != 0) {
        dialect_key_tagged(out, "chat_id", ID_CHAT, e->chat_id);
    }
    buf_add_char(out, '}');
}

void subscribe_encode(const struct event *e, const struct dialect_view *v, struct dialect_frame *f)
{
    uint8_t kind = is_new_chat(e, v->viewer_id) ? EV_CHAT_CREATED : e->kind;
    for (size_t i = 0; i < sizeof(event_frames) / sizeof(event_frames[0]); i++) {
        const struct event_frame *frame = &event_frames[i];
        if (frame->kind == kind && (frame->strict || v->ext)) {
            /* The time of a presence event is when the user was last seen. */
            uint64_t at_us = e->kind == EV_PRESENCE ? v->now_us : e->at_us;
            buf_add_z(f->out, "{\"type\":");
            json_add_str(f->out, str_of(frame->type));
            frame->add(f, e, v);
            subscribe_key_time(f->out, "timestamp", at_us);
            add_ext(f->out, e, v);
            buf_add_char(f->out, '}');
            return;
        }
    }
}
