/*
 * dialect_inbox.c -- D4: the notification socket
 *
 * Frames: a notification as one of its own kind (new_message has the document's keys, all others share one shape),
 * notifications_update when notifications were read or deleted, unread_update when the user's read cursor moved on
 * any of his connections. Whether there is a notification at all, and how much of a message it may show, was
 * decided when it was made.
 */
#include "ws/dialect_inbox.h"

#include "shared/utf8.h"
#include "ws/dialect_inbox_common.h"

#define PREVIEW_MAX_CHARS 50 /* code points */

static bool is_about_message(const struct event_note *n)
{
    return str_eq(n->kind, STR("new_message"));
}

static void add_preview(struct buf *out, const struct event *e)
{
    struct str shown = utf8_prefix(e->content, PREVIEW_MAX_CHARS);
    struct buf preview = BUF_INIT;
    if (e->note.preview == PREVIEW_FULL) {
        buf_add_str(&preview, shown);
        buf_add_z(&preview, shown.len < e->content.len ? "..." : "");
    }
    json_key_str(out, "content_preview", buf_str(&preview));
    buf_release(&preview);
}

static void add_sentence(struct buf *out, struct str sender_name)
{
    struct buf sentence = BUF_INIT;
    buf_add_z(&sentence, "New message");
    if (sender_name.len > 0) {
        buf_add_z(&sentence, " from ");
        buf_add_str(&sentence, sender_name);
    }
    json_key_str(out, "message", buf_str(&sentence));
    buf_release(&sentence);
}

/* -- one function per frame: everything between the type and _ext ---------------------------------------- */

static void add_new_message(struct buf *out, const struct event *e)
{
    bool is_named = e->note.preview != PREVIEW_NONE;
    struct str name = is_named ? e->sender.name : STR("");
    add_sentence(out, name);
    json_key_u64(out, "chat_id", e->chat_id);
    json_key_u64(out, "sender_id", is_named ? e->sender.id : 0);
    json_key_str(out, "sender_name", name);
    add_preview(out, e);
    json_key_str(out, "message_type", inbox_kind_shown(e->message_kind));
    inbox_key_time(out, "timestamp", e->message_created_us);
}

static void add_note(struct buf *out, const struct event_note *n)
{
    json_key_str(out, "title", n->title);
    json_key_str(out, "message", n->text);
    if (n->link.p != NULL) {
        json_key_str(out, "link", n->link);
    } else {
        json_key_null(out, "link");
    }
    inbox_key_time(out, "timestamp", n->created_us);
}

static void add_notification(struct buf *out, const struct event *e)
{
    json_key_str(out, "type", e->note.kind);
    if (is_about_message(&e->note)) {
        add_new_message(out, e);
    } else {
        add_note(out, &e->note);
    }
}

static void add_notifications_update(struct buf *out, const struct event *e)
{
    json_key_str(out, "type", STR("notifications_update"));
    json_key_u64(out, "unread_count", e->number);
    inbox_key_time(out, "timestamp", e->at_us);
}

static void add_unread_update(struct dialect_frame *f, const struct event *e)
{
    json_key_str(f->out, "type", STR("unread_update"));
    json_key_u64(f->out, "chat_id", e->chat_id);
    dialect_key_number(f, "unread_count");
    inbox_key_time(f->out, "timestamp", e->at_us);
}

/* -- the table -------------------------------------------------------------------------------------------- */

static void inbox_receive(struct conn *c, void *state, struct str message, bool binary)
{
    (void)state;
    dialect_receive(c, message, binary, inbox_read);
}

static bool inbox_wants(const struct event *e, uint64_t viewer_id, uint32_t options)
{
    (void)viewer_id;
    (void)options;
    switch (e->kind) {
    case EV_NOTIFICATION:
    case EV_NOTIFICATION_READ:
    case EV_NOTIFICATION_READ_ALL:
    case EV_NOTIFICATION_DELETED:
        return true;
    case EV_CHAT_UPDATE:
        /* Messages have notifications; a deletion may take the last unread message away. */
        return e->number == EV_READ || e->number == EV_MESSAGE_DELETED;
    default:
        return false;
    }
}

static uint64_t inbox_state_key(const struct event *e)
{
    return e->kind == EV_CHAT_UPDATE ? e->chat_id : 0;
}

static void inbox_encode(const struct event *e, const struct dialect_view *v,
                         struct dialect_frame *f)
{
    buf_add_char(f->out, '{');
    switch (e->kind) {
    case EV_NOTIFICATION:
        add_notification(f->out, e);
        break;
    case EV_CHAT_UPDATE:
        add_unread_update(f, e);
        break;
    default:
        add_notifications_update(f->out, e);
        break;
    }
    inbox_end_event(f->out, v, e);
}

const struct dialect dialect_inbox = {
    .id = DIALECT_INBOX,
    .name = "inbox",
    .subprotocol = "inbox.v1",
    .watches = CONN_CHAT_UPDATES,
    .receive = inbox_receive,
    .wants = inbox_wants,
    .state_key = inbox_state_key,
    .encode = inbox_encode,
    .answer = inbox_answer,
    .notice = dialect_notice,
};
