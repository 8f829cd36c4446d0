#include "rest/event_fill.h"

#include "rest/conversation_text.h"
#include "rest/note_text.h"
#include "rest/sessions.h"
#include "shared/checkin.h"
#include "shared/conversation.h"

bool event_is_message(uint8_t kind)
{
    return kind == EV_MESSAGE || kind == EV_MESSAGE_EDITED || kind == EV_MESSAGE_DELETED;
}

static void fill_user(const struct cache *c, uint64_t id, struct event_user *out)
{
    const struct cache_user *u = cache_user(c, cache_user_index(c, id));
    *out = (struct event_user){.id = id};
    if (u != NULL) {
        out->created_us = u->created_us;
        out->username = str_of(u->username);
        out->name = str_of(u->name);
    }
}

static void fill_peer(const struct cache *c, uint32_t index, bool named, struct event_user *out)
{
    const struct cache_user *u = cache_user(c, index);
    if (u == NULL) {
        return;
    }
    if (named) {
        fill_user(c, u->id, out);
    } else {
        out->id = u->id;
    }
}

static void fill_chat(const struct cache *c, const struct row_event *e, struct event *out)
{
    const struct cache_chat *chat = cache_chat_ever(c, e->chat_id);
    out->chat_id = e->chat_id;
    if (chat == NULL) {
        bool has_time = e->kind == EV_CHAT_DELETED || e->kind == EV_MEMBER_REMOVED;
        out->chat_created_us = has_time ? e->number : 0;
        out->chat_kind = CHAT_GROUP;
        return;
    }
    out->chat_kind = chat->kind;
    out->chat_created_us = chat->created_us;
    out->chat_updated_us = cache_chat_updated(chat);
    out->chat_name = str_of(chat->name);
    if (chat->kind == CHAT_DIRECT) {
        bool named = e->kind == EV_CHAT_CREATED;
        fill_peer(c, chat->peer[0], named, &out->peer[0]);
        fill_peer(c, chat->peer[1], named, &out->peer[1]);
    }
}

static void fill_message(const struct cache *c, const struct row_message *m, struct event *out)
{
    out->message_id = m->id;
    out->seq = m->seq;
    out->version = m->version;
    out->message_flags = m->flags & (uint8_t)~ROW_MESSAGE_ATTACHED;
    out->message_created_us = m->created_us;
    out->message_kind = m->kind;
    out->content = m->flags & MESSAGE_DELETED ? STR("") : m->content;
    fill_user(c, m->sender_id, &out->sender);
}

/* Its chat, though the log says of none: the event is the subject's own. */
static void fill_subject_message(const struct cache *c, const struct row_note *note, const struct row_message *m,
                                 struct event *out)
{
    fill_chat(c, &(struct row_event){.kind = EV_NOTIFICATION, .chat_id = note->chat_id}, out);
    out->seq = note->seq;
    if (m != NULL) {
        fill_message(c, m, out);
    }
    out->content = out->note.text;
    out->sender = (struct event_user){0};
    if (note->preview != PREVIEW_NONE) {
        fill_user(c, note->sender_id, &out->sender);
    }
}

static void fill_note(const struct cache *c, const struct event_rows *rows, struct event *out)
{
    struct row_note note;
    note_text(c, rows->note, rows->message, rows->texts, &note);
    out->note = (struct event_note){
        .id = note.id,
        .created_us = note.created_us,
        .is_read = note.read_us != 0,
        .preview = note.preview,
        .kind = note.kind,
        .title = note.title,
        .text = note.text,
        .link = note.link,
    };
    if (note.chat_id != 0) {
        fill_subject_message(c, &note, rows->message, out);
    }
}

/* What happened to notifications: which one, and how many are unread now. */
static void fill_note_change(const struct cache *c, const struct row_event *e, struct event *out)
{
    out->note.id = e->number;
    out->number = cache_notes_unread(c, cache_user_index(c, e->subject_id));
}

/* Who is in a group that is new to somebody. A large group has everybody told of every new member, so not there. */
static void fill_participants(const struct cache *c, const struct event_rows *rows, struct event *out)
{
    bool is_new = out->kind == EV_CHAT_CREATED || out->kind == EV_MEMBER_ADDED;
    const struct cache_chat *chat = is_new ? cache_chat(c, cache_chat_index(c, out->chat_id)) : NULL;
    if (chat == NULL || chat->kind != CHAT_GROUP || rows->texts == NULL ||
        (out->kind == EV_MEMBER_ADDED && chat->members_count > CONVERSATION_PARTICIPANTS_MAX)) {
        return;
    }
    buf_clear(rows->texts);
    conversation_add_participants(c, chat, rows->texts);
    out->payload = buf_str(rows->texts);
}

void event_fill(const struct cache *c, const struct row_event *e, const struct event_rows *rows,
                struct event *out)
{
    *out = (struct event){
        .event_id = e->id, .kind = e->kind, .at_us = e->at_us, .seq = e->seq, .number = e->number};
    if (e->chat_id != 0) {
        fill_chat(c, e, out);
    }
    if (e->actor_id != 0) {
        fill_user(c, e->actor_id, &out->actor);
    }
    if (e->subject_id != 0) {
        fill_user(c, e->subject_id, &out->subject);
    }
    fill_participants(c, rows, out);
    if (e->kind == EV_READ) {
        out->message_id = e->number;
        out->number = 0;
    }
    if (rows->note != NULL) {
        fill_note(c, rows, out);
    } else if (rows->message != NULL) {
        fill_message(c, rows->message, out);
    }
    if (e->kind == EV_SESSION) {
        out->version = e->version;
    }
    if (rows->checkin != NULL) {
        buf_clear(rows->texts);
        event_render_checkin(c, rows->checkin, rows->texts);
        out->payload = buf_str(rows->texts);
    }
    if (event_is_note(e->kind) && e->kind != EV_NOTIFICATION) {
        fill_note_change(c, e, out);
    }
}

bool event_checkin(const struct cache *c, const struct row_checkin *r, struct checkin *out)
{
    const struct session *x = sessions_find(cache_sessions(c), r->session_id);
    const struct cache_user *u = cache_user(c, cache_user_index(c, r->user_id));
    if (x == NULL) {
        return false;
    }
    *out = (struct checkin){
        .session = x->uuid,
        .at_us = r->at_us,
        .user_id = r->user_id,
        .result = r->result,
        .name = r->name,
        .profile_url = u != NULL ? str_of(u->profile_url) : STR_NONE,
    };
    return true;
}

void event_render_checkin(const struct cache *c, const struct row_checkin *r, struct buf *out)
{
    const struct session *x = sessions_find(cache_sessions(c), r->session_id);
    struct checkin shown;
    if (event_checkin(c, r, &shown)) {
        checkin_add(out, &shown, x->visibility == SESSION_PUBLIC);
    }
}
