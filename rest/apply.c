#include "rest/apply.h"

#include "rest/event_fill.h"
#include "rest/prefs.h"
#include "rest/sessions.h"
#include "shared/checkin.h"

static void apply_preferences(struct cache *c, const struct row_preferences *row)
{
    uint32_t user = cache_user_index(c, row->user_id);
    struct prefs *p = NULL;
    if (user != CACHE_NONE && prefs_parse(row->text, &p) == RC_OK) {
        cache_set_prefs(c, user, p);
    }
}

void apply_batch(struct cache *c, const struct batch *b)
{
    for (unsigned i = 0; i < b->rows.families_set_count; i++) {
        const struct row_family *f = &b->rows.families_set[i];
        if (f->revoked_us != 0) {
            cache_revoke_family(c, f->id, f->revoked_us / 1000000);
        }
    }
    for (unsigned i = 0; i < b->rows.preferences_count; i++) {
        apply_preferences(c, &b->rows.preferences[i]);
    }
}

static void delete_chat(struct cache *c, uint32_t index, uint64_t event_id)
{
    const struct cache_chat *chat = cache_chat(c, index);
    for (uint32_t i = 0; i < chat->members_count; i++) {
        cache_touch_user(c, chat->members[i].user, event_id);
    }
    cache_delete_chat(c, index);
}

static void apply_chat(struct cache *c, const struct batch *b, const struct draft *d)
{
    uint32_t chat = cache_chat_index(c, d->event.chat_id);
    switch (d->event.kind) {
    case EV_CHAT_CREATED:
        chat = cache_put_chat(c, &b->rows.chats_new[d->chat]);
        break;
    case EV_CHAT_RENAMED:
        cache_rename_chat(c, chat, &b->rows.chats_set[d->chat]);
        break;
    case EV_MEMBER_REMOVED:
        cache_drop_member(c, chat, cache_user_index(c, d->event.subject_id));
        break;
    case EV_MESSAGE:
        cache_add_message(c, chat, cache_user_index(c, d->event.actor_id), d->event.seq, d->event.id,
                          d->event.at_us);
        break;
    case EV_MESSAGE_EDITED:
        cache_change_message(c, chat, d->event.seq, d->event.id);
        break;
    case EV_MESSAGE_DELETED:
        cache_change_message(c, chat, d->event.seq, d->event.id);
        cache_add_deletion(c, chat, d->event.seq,
                           cache_user_index(c, b->rows.messages_set[d->message_set].sender_id));
        break;
    default:
        break;
    }
    for (uint32_t i = 0; i < d->members; i++) {
        const struct row_member *m = &b->rows.members_put[d->member + i];
        if (d->event.kind == EV_READ) {
            cache_set_read(c, chat, cache_user_index(c, m->user_id), m->read_seq, m->own_at_read);
        } else {
            cache_put_member(c, m);
        }
    }
    cache_touch_chat(c, chat, d->event.id);
    if (d->event.kind == EV_CHAT_DELETED) {
        delete_chat(c, chat, d->event.id);
    }
}

static void apply_session(struct sessions *s, const struct batch *b, const struct draft *d)
{
    bool arrived = d->checkin != BATCH_NONE && b->rows.checkins[d->checkin].result == CHECKIN_DONE;
    if (d->session != BATCH_NONE) {
        sessions_put(s, &b->rows.sessions_put[d->session]);
    }
    if (d->session_role != BATCH_NONE) {
        sessions_put_role(s, &b->rows.session_roles_put[d->session_role]);
    }
    sessions_count(s, d->event.number, d->attendees, arrived);
}

static void apply_note(struct cache *c, const struct batch *b, const struct draft *d)
{
    if (event_is_broadcast(d->event.kind, d->event.subject_id)) {
        cache_add_broadcast(c, d->event.id, d->event.at_us);
    }
    if (d->note_count != BATCH_NONE) {
        const struct note_count *n = &b->note_counts[d->note_count];
        uint32_t user = cache_user_index(c, n->user_id);
        if (user != CACHE_NONE) {
            cache_set_notes(c, user, n->read_all_id, n->unread, n->marked);
        }
    }
}

void apply_draft(struct cache *c, const struct batch *b, const struct draft *d)
{
    if (d->event.kind == EV_SESSION || d->event.kind == EV_CHECKIN) {
        apply_session(cache_sessions_to_change(c), b, d);
        return; /* nobody's own */
    }
    if (d->event.chat_id != 0) {
        apply_chat(c, b, d);
    } else if (event_is_note(d->event.kind)) {
        apply_note(c, b, d);
    } else if (d->event.kind == EV_USER_CREATED) {
        cache_put_user(c, &b->rows.users_new[d->user]);
    } else if (d->user != BATCH_NONE) {
        cache_put_user(c, &b->rows.users_set[d->user]);
    }
    if (d->event.subject_id != 0 && d->event.kind != EV_CHECKIN) { /* a check-in is no event of one's own */
        uint32_t user = cache_user_index(c, d->event.subject_id);
        if (user != CACHE_NONE) {
            cache_touch_user(c, user, d->event.id);
        }
    }
}
