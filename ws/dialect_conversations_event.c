#include "ws/dialect_conversations_event.h"

#include "ws/dialect_util.h"

/* -- pieces ------------------------------------------------------------------------------------------ */

/* A broadcast belongs to nobody: the nil UUID, so that the field keeps its form. */
static void add_owner(struct buf *out, const char *key, uint64_t user_id)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    id_add_uuid_or_nil(out, ID_USER, user_id);
    buf_add_char(out, '"');
}

/* A nullable string as its maker's database library prints it. */
static void add_null_string(struct buf *out, const char *key, struct str s)
{
    json_add_key(out, key);
    buf_add_char(out, '{');
    json_key_str(out, "String", s.p != NULL ? s : STR(""));
    json_key_bool(out, "Valid", s.p != NULL);
    buf_add_char(out, '}');
}

static void add_chat(struct buf *out, const struct event *e)
{
    dialect_key_uuid(out, "conversation_id", ID_CHAT, e->chat_id);
}

static void add_user(struct buf *out, const char *key, const struct event_user *u)
{
    dialect_key_uuid(out, key, ID_USER, u->id);
}

/* -- what the document shows ---------------------------------------------------------------------------- */

/* The same object whatever happened to the message: the flags tell. */
static void add_message(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    bool deleted = (e->message_flags & MESSAGE_DELETED) != 0;
    (void)v;
    dialect_key_uuid(out, "id", ID_MESSAGE, e->message_id);
    add_chat(out, e);
    add_user(out, "sender_id", &e->sender);
    json_key_str(out, "content", deleted ? STR("") : e->content);
    json_key_str(out, "message_type", e->message_kind);
    dialect_key_time(out, "created_at", e->message_created_us, CLOCK_MICROS);
    json_key_bool(out, "is_edited", (e->message_flags & MESSAGE_EDITED) != 0);
    json_key_bool(out, "is_deleted", deleted);
}

static void add_notification(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    const struct event_note *n = &e->note;
    (void)v;
    dialect_key_uuid(out, "id", ID_NOTIFICATION, n->id);
    add_owner(out, "user_id", e->subject.id);
    json_key_str(out, "type", n->kind);
    json_key_str(out, "title", n->title);
    json_key_str(out, "message", n->text);
    add_null_string(out, "link", n->link);
    json_key_bool(out, "is_read", n->is_read);
    dialect_key_time(out, "created_at", n->created_us, CLOCK_MICROS);
}

static void add_notification_id(struct buf *out, const struct event *e,
                                const struct dialect_view *v)
{
    (void)v;
    dialect_key_uuid(out, "notification_id", ID_NOTIFICATION, e->note.id);
}

static void add_nothing(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)out;
    (void)e;
    (void)v;
}

/* -- extensions -------------------------------------------------------------------------------------------- */

static void add_conversation(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    json_add_key(out, "conversation");
    buf_add_char(out, '{');
    dialect_key_uuid(out, "id", ID_CHAT, e->chat_id);
    json_key_str(out, "name", event_chat_name(e, v->viewer_id));
    json_key_bool(out, "is_group", e->chat_kind == CHAT_GROUP);
    dialect_key_time(out, "created_at", e->chat_created_us, CLOCK_MICROS);
    dialect_key_time(out, "updated_at", e->chat_updated_us, CLOCK_MICROS);
    buf_add_char(out, '}');
}

static void add_conversation_id(struct buf *out, const struct event *e,
                                const struct dialect_view *v)
{
    (void)v;
    add_chat(out, e);
}

static void add_member(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_chat(out, e);
    add_user(out, "user_id", &e->subject);
    json_key_str(out, "username", e->subject.username);
    json_key_str(out, "name", e->subject.name);
    json_key_str(out, "role", str_of(dialect_role_name(e->number)));
    add_user(out, "added_by", &e->actor);
}

static void add_member_removed(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_chat(out, e);
    add_user(out, "user_id", &e->subject);
    add_user(out, "removed_by", &e->actor);
}

static void add_member_role(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_chat(out, e);
    add_user(out, "user_id", &e->subject);
    json_key_str(out, "role", str_of(dialect_role_name(e->number)));
}

static void add_read(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_chat(out, e);
    add_user(out, "user_id", &e->actor);
    if (e->message_id != 0) {
        dialect_key_uuid(out, "message_id", ID_MESSAGE, e->message_id);
    } else {
        json_key_null(out, "message_id");
    }
    dialect_key_time(out, "read_at", e->at_us, CLOCK_MICROS);
}

static void add_typing(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_chat(out, e);
    add_user(out, "user_id", &e->actor);
    json_key_str(out, "username", e->actor.username);
    json_key_bool(out, "is_typing", e->number != 0);
}

static void add_presence(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    add_user(out, "user_id", &e->subject);
    json_key_str(out, "username", e->subject.username);
    dialect_key_status(out, e);
    if (e->at_us != 0) {
        dialect_key_time(out, "last_seen", e->at_us, CLOCK_MICROS);
    } else {
        json_key_null(out, "last_seen");
    }
}

static void add_upload(struct buf *out, const struct event *e, const struct dialect_view *v)
{
    (void)v;
    dialect_key_uuid(out, "upload_id", ID_UPLOAD, e->message_id);
    add_chat(out, e);
    dialect_key_progress(out, e);
}

/* -- the table ------------------------------------------------------------------------------------------------ */

enum { CREATED_FOR_PEER = 1, ADDED_ONESELF = 2 }; /* variants */

static const struct event_frame {
    uint8_t kind;
    uint8_t variant;
    bool named; /* begins with "event" */
    uint32_t
        asked; /* enum conn_option: the client has asked for one of them; 0: everybody sees it */
    const char *name;
    void (*add)(struct buf *out, const struct event *e, const struct dialect_view *v);
} event_frames[] = {
    {EV_MESSAGE, 0, false, 0, "message", add_message},
    {EV_MESSAGE_EDITED, 0, false, 0, "message_edited", add_message},
    {EV_MESSAGE_DELETED, 0, false, 0, "message_deleted", add_message},
    {EV_NOTIFICATION, 0, false, 0, "created", add_notification},
    {EV_NOTIFICATION_READ, 0, true, 0, "read", add_notification_id},
    {EV_NOTIFICATION_READ_ALL, 0, true, 0, "read_all", add_nothing},
    {EV_NOTIFICATION_DELETED, 0, true, 0, "deleted", add_notification_id},
    {EV_CHAT_CREATED, 0, true, CONN_EXT, "conversation_created", add_conversation},
    {EV_CHAT_CREATED, CREATED_FOR_PEER, true, CONN_EXT, "conversation_created", add_conversation},
    {EV_MEMBER_ADDED, ADDED_ONESELF, true, CONN_EXT, "conversation_created", add_conversation},
    {EV_CHAT_RENAMED, 0, true, CONN_EXT, "conversation_renamed", add_conversation},
    {EV_CHAT_DELETED, 0, true, CONN_EXT, "conversation_deleted", add_conversation_id},
    {EV_MEMBER_ADDED, 0, true, CONN_EXT, "member_added", add_member},
    {EV_MEMBER_REMOVED, 0, true, CONN_EXT, "member_removed", add_member_removed},
    {EV_MEMBER_ROLE, 0, true, CONN_EXT, "member_role", add_member_role},
    {EV_READ, 0, true, CONN_EXT | CONN_EVENTS_READ, "message_read", add_read},
    {EV_TYPING, 0, true, CONN_EVENTS_TYPING, "typing", add_typing},
    {EV_PRESENCE, 0, true, CONN_EVENTS_STATUS, "presence", add_presence},
    {EV_UPLOAD, 0, true, CONN_EVENTS_UPLOAD, "upload_progress", add_upload},
};

static const struct event_frame *find_frame(uint8_t kind, uint8_t variant)
{
    for (size_t i = 0; i < sizeof(event_frames) / sizeof(event_frames[0]); i++) {
        if (event_frames[i].kind == kind && event_frames[i].variant == variant) {
            return &event_frames[i];
        }
    }
    return NULL;
}

static const struct event_frame *frame_for(const struct event *e, uint64_t viewer_id)
{
    return find_frame(e->kind, conversations_variant(e, viewer_id));
}

/* What one did oneself is known: a message where the server is set to leave its sender out, a receipt unless all of the
 * user's connections are to keep in step. */
static bool is_own(const struct event *e, uint64_t viewer_id, uint32_t options)
{
    return (e->kind == EV_MESSAGE && e->sender.id == viewer_id && !(options & CONN_HEARS_OWN)) ||
           (e->kind == EV_READ && e->actor.id == viewer_id && !(options & CONN_EXT));
}

bool conversations_wants(const struct event *e, uint64_t viewer_id, uint32_t options)
{
    const struct event_frame *frame = frame_for(e, viewer_id);
    if (frame == NULL || is_own(e, viewer_id, options)) {
        return false;
    }
    return frame->asked == 0 || (frame->asked & options) != 0;
}

/* For the one who was added to a group it is new. */
uint8_t conversations_variant(const struct event *e, uint64_t viewer_id)
{
    if (e->kind == EV_CHAT_CREATED) {
        return dialect_is_second_peer(e, viewer_id) ? CREATED_FOR_PEER : 0;
    }
    return e->kind == EV_MEMBER_ADDED && viewer_id == e->subject.id ? ADDED_ONESELF : 0;
}

static void add_ext(struct buf *out, const struct event *e, const struct dialect_view *v,
                    const char *name)
{
    uint64_t seq = e->kind == EV_NOTIFICATION ? e->seq : dialect_message_seq(e);
    if (!dialect_open_ext(out, v, e->event_id, seq)) {
        return;
    }
    if (e->chat_id != 0) {
        dialect_key_uuid(out, "chat_id", ID_CHAT, e->chat_id);
    }
    json_key_str(out, "event", str_of(name));
    buf_add_char(out, '}');
}

void conversations_encode(const struct event *e, const struct dialect_view *v,
                          struct dialect_frame *f)
{
    const struct event_frame *frame = find_frame(e->kind, v->variant);
    if (frame == NULL) {
        return;
    }
    buf_add_char(f->out, '{');
    if (frame->named) {
        json_key_str(f->out, "event", str_of(frame->name));
    }
    frame->add(f->out, e, v);
    add_ext(f->out, e, v, frame->name);
    buf_add_char(f->out, '}');
}
