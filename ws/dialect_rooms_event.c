#include "ws/dialect_rooms_event.h"

#include "shared/chat_room.h"
#include "ws/dialect_util.h"

/* -- pieces ------------------------------------------------------------------------------------------ */

void rooms_add_ext(struct buf *out, const struct dialect_view *v, const struct rooms_ext *ext)
{
    if (!dialect_open_ext(out, v, ext->event_id, ext->seq)) {
        return;
    }
    if (ext->chat_id != 0) {
        dialect_key_hex(out, "chat_id", ID_CHAT, ext->chat_id, ext->chat_created_us);
    }
    buf_add_char(out, '}');
}

static void add_time(struct buf *out, const char *key, uint64_t at_us)
{
    dialect_key_time(out, key, at_us, CLOCK_SECONDS);
}

static void add_chat(struct buf *out, const struct event *e)
{
    dialect_key_hex(out, "chat_id", ID_CHAT, e->chat_id, e->chat_created_us);
}

static void add_user(struct buf *out, const char *key, const struct event_user *u)
{
    dialect_key_hex(out, key, ID_USER, u->id, u->created_us);
}

static void add_room(struct buf *out, const struct event *e, uint64_t viewer_id)
{
    struct chat_room room = {e->chat_id, e->chat_created_us, e->chat_updated_us,
                             event_chat_name(e, viewer_id)};
    json_add_key(out, "chat_room");
    chat_room_add(out, &room);
}

/* The payload of a message; its key set is fixed by the document. */
static void add_message_members(struct buf *out, const struct event *e)
{
    dialect_key_hex(out, "message_id", ID_MESSAGE, e->message_id, e->message_created_us);
    add_chat(out, e);
    add_user(out, "sender_id", &e->sender);
    json_key_str(out, "sender_name", e->sender.name);
    json_key_str(out, "content", e->content);
    json_key_str(out, "message_type", e->message_kind);
    add_time(out, "created_at", e->message_created_us);
}

/* -- one function per frame: everything between the opening brace and _ext ----------------------------- */

static void add_new_chat_room(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    buf_add_z(out, "\"type\":\"new_chat_room\"");
    add_room(out, e, v->viewer_id);
}

static void add_message(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    if (e->chat_kind == CHAT_GROUP) {
        buf_add_z(out, "\"type\":\"group_message\"");
        add_chat(out, e);
    } else {
        buf_add_z(out, "\"type\":\"personal_message\"");
    }
    buf_add_z(out, ",\"data\":{");
    add_message_members(out, e);
    buf_add_char(out, '}');
}

static void add_message_edited(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    buf_add_z(out, "\"type\":\"message_edited\"");
    add_chat(out, e);
    buf_add_z(out, ",\"data\":{");
    add_message_members(out, e);
    json_key_u64(out, "version", e->version);
    add_time(out, "edited_at", e->at_us);
    buf_add_char(out, '}');
}

static void add_message_deleted(struct buf *out, const struct event *e,
                                const struct dialect_view *v)
{
    (void)v;
    buf_add_z(out, "\"type\":\"message_deleted\"");
    add_chat(out, e);
    dialect_key_hex(out, "message_id", ID_MESSAGE, e->message_id, e->message_created_us);
    add_user(out, "deleted_by", &e->actor);
}

static void add_message_read(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    buf_add_z(out, "\"type\":\"message_read\"");
    add_chat(out, e);
    add_user(out, "user_id", &e->actor);
    json_key_u64(out, "seq", e->seq);
}

static void add_chat_renamed(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    buf_add_z(out, "\"type\":\"chat_renamed\"");
    add_room(out, e, v->viewer_id);
    add_user(out, "renamed_by", &e->actor);
}

static void add_chat_deleted(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    buf_add_z(out, "\"type\":\"chat_deleted\"");
    add_chat(out, e);
}

static void add_member(struct buf *out, const char *type, const struct event *e)
{
    buf_add_z(out, "\"type\":");
    json_add_str(out, str_of(type));
    add_chat(out, e);
    add_user(out, "user_id", &e->subject);
}

static void add_member_added(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_member(out, "member_added", e);
    json_key_str(out, "username", e->subject.username);
    json_key_str(out, "name", e->subject.name);
    json_key_str(out, "role", str_of(dialect_role_name(e->number)));
    add_user(out, "added_by", &e->actor);
}

static void add_member_removed(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_member(out, "member_removed", e);
    add_user(out, "removed_by", &e->actor);
}

static void add_member_role(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_member(out, "member_role", e);
    json_key_str(out, "role", str_of(dialect_role_name(e->number)));
}

static void add_typing(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    buf_add_z(out, "\"type\":\"typing\"");
    add_chat(out, e);
    add_user(out, "user_id", &e->actor);
    json_key_str(out, "user_name", e->actor.name);
    json_key_bool(out, "is_typing", e->number != 0);
}

static void add_user_status(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    buf_add_z(out, "\"type\":\"user_status\"");
    add_user(out, "user_id", &e->subject);
    json_key_str(out, "username", e->subject.username);
    dialect_key_status(out, e);
    if (e->at_us != 0) {
        add_time(out, "last_seen", e->at_us);
    } else {
        json_key_null(out, "last_seen");
    }
}

static void add_upload(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    buf_add_z(out, "\"type\":\"upload_progress\"");
    dialect_key_hex(out, "upload_id", ID_UPLOAD, e->message_id, e->message_created_us);
    add_chat(out, e);
    dialect_key_progress(out, e);
}

static void add_note_id(struct buf *out, const struct event *e)
{
    dialect_key_hex(out, "notification_id", ID_NOTIFICATION, e->note.id, e->note.created_us);
}

static void add_note(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    buf_add_z(out, "\"type\":\"notification\"");
    add_note_id(out, e);
    dialect_key_note(out, e);
    add_time(out, "created_at", e->note.created_us);
}

static void add_note_change(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    buf_add_z(out, e->kind == EV_NOTIFICATION_READ       ? "\"type\":\"notification_read\""
                   : e->kind == EV_NOTIFICATION_READ_ALL ? "\"type\":\"notification_read_all\""
                                                         : "\"type\":\"notification_deleted\"");
    add_note_id(out, e);
    json_key_u64(out, "unread_count", e->number);
}

static const struct event_frame {
    uint8_t kind;
    uint8_t variant; /* of rooms_variant */
    bool strict;     /* shown to everybody, not only with ext */
    void (*add)(struct buf *out, const struct event *e, const struct dialect_view *v);
} event_frames[] = {
    {EV_CHAT_CREATED, 0, true, add_new_chat_room},
    {EV_CHAT_CREATED, 1, true, add_new_chat_room},
    {EV_MEMBER_ADDED, 0, false, add_member_added},
    {EV_MEMBER_ADDED, 1, true, add_new_chat_room}, /* for the one who was added the room is new */
    {EV_MESSAGE, 0, true, add_message},
    {EV_MESSAGE_EDITED, 0, false, add_message_edited},
    {EV_MESSAGE_DELETED, 0, false, add_message_deleted},
    {EV_READ, 0, false, add_message_read},
    {EV_CHAT_RENAMED, 0, false, add_chat_renamed},
    {EV_CHAT_DELETED, 0, false, add_chat_deleted},
    {EV_MEMBER_REMOVED, 0, false, add_member_removed},
    {EV_MEMBER_ROLE, 0, false, add_member_role},
    {EV_TYPING, 0, true, add_typing},
    {EV_PRESENCE, 0, true, add_user_status},
    {EV_UPLOAD, 0, true, add_upload},
    {EV_NOTIFICATION, 0, false, add_note},
    {EV_NOTIFICATION_READ, 0, false, add_note_change},
    {EV_NOTIFICATION_READ_ALL, 0, false, add_note_change},
    {EV_NOTIFICATION_DELETED, 0, false, add_note_change},
};

bool rooms_wants(const struct event *e, uint64_t viewer_id, uint32_t options)
{
    (void)viewer_id;
    return dialect_asked_for(e, options);
}

uint8_t rooms_variant(const struct event *e, uint64_t viewer_id)
{
    if (e->kind == EV_CHAT_CREATED) {
        return dialect_is_second_peer(e, viewer_id);
    }
    return e->kind == EV_MEMBER_ADDED && viewer_id == e->subject.id;
}

void rooms_encode(const struct event *e, const struct dialect_view *v, struct dialect_frame *f)
{
    struct rooms_ext ext = {e->event_id, dialect_message_seq(e), e->chat_id, e->chat_created_us};
    for (size_t i = 0; i < sizeof(event_frames) / sizeof(event_frames[0]); i++) {
        const struct event_frame *frame = &event_frames[i];
        if (frame->kind == e->kind && frame->variant == v->variant && (frame->strict || v->ext)) {
            buf_add_char(f->out, '{');
            frame->add(f->out, e, v);
            rooms_add_ext(f->out, v, &ext);
            buf_add_char(f->out, '}');
            return;
        }
    }
}
