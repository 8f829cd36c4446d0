#include "rest/batch.h"

#include <stdlib.h>

#include "shared/mem.h"

#define TEXTS_MAX_BYTES ((size_t)256 * 1024 * 1024)

static void *append(void **rows, uint32_t *count, uint32_t *room, size_t size)
{
    if (*count == *room) {
        *room = *room ? *room * 2 : 32;
        *rows = mem_grow(*rows, *room, size);
    }
    char *row = (char *)*rows + (size_t)*count * size;
    memset(row, 0, size);
    (*count)++;
    return row;
}

#define APPENDER(function, type, field)                                                            \
    type *function(struct batch *b)                                                                \
    {                                                                                              \
        void *rows = b->rows.field;                                                                \
        type *row = append(&rows, &b->rows.field##_count, &b->room.field, sizeof(type));           \
        b->rows.field = rows;                                                                      \
        return row;                                                                                \
    }

APPENDER(batch_user_new, struct row_user, users_new)
APPENDER(batch_user_set, struct row_user, users_set)
APPENDER(batch_chat_new, struct row_chat, chats_new)
APPENDER(batch_chat_set, struct row_chat, chats_set)
APPENDER(batch_chat_deleted, uint64_t, chats_deleted)
APPENDER(batch_member_put, struct row_member, members_put)
APPENDER(batch_member_gone, struct row_member, members_gone)
APPENDER(batch_message_new, struct row_message, messages_new)
APPENDER(batch_message_set, struct row_message, messages_set)
APPENDER(batch_deletion, struct row_deletion, deletions)
APPENDER(batch_event, struct row_event, events)
APPENDER(batch_event_user, struct row_event_user, event_users)
APPENDER(batch_key, struct row_key, keys)
APPENDER(batch_family_new, struct row_family, families_new)
APPENDER(batch_family_set, struct row_family, families_set)
APPENDER(batch_seen, struct row_seen, seen)
APPENDER(batch_recovery, struct row_recovery, recoveries)
APPENDER(batch_recovery_gone, struct row_recovery, recoveries_gone)
APPENDER(batch_session_put, struct row_session, sessions_put)
APPENDER(batch_session_role_put, struct row_session_role, session_roles_put)
APPENDER(batch_attendee_new, struct row_attendee, attendees_new)
APPENDER(batch_attendee_set, struct row_attendee, attendees_set)
APPENDER(batch_session_deleted, uint64_t, sessions_deleted)
APPENDER(batch_checkin, struct row_checkin, checkins)
APPENDER(batch_attachment_new, struct row_attachment, attachments_new)
APPENDER(batch_attachment_used, struct row_attachment, attachments_used)
APPENDER(batch_attachment_dropped, struct row_attachment, attachments_dropped)
APPENDER(batch_attachment_gone, uint64_t, attachments_gone)
APPENDER(batch_note_new, struct row_note, notes_new)
APPENDER(batch_note_set, struct row_note_mark, notes_set)
APPENDER(batch_note_mark, struct row_note_mark, note_marks)
APPENDER(batch_note_user, struct row_note_user, note_users)
APPENDER(batch_note_unread, struct row_note_user, note_unread)
APPENDER(batch_preferences, struct row_preferences, preferences)
APPENDER(batch_decision, struct row_decision, decisions)
APPENDER(batch_notifier, struct row_notifier, notifier)

struct row_message *batch_note_message(struct batch *b)
{
    void *rows = b->note_messages;
    struct row_message *m = append(&rows, &b->note_messages_count, &b->room.note_messages, sizeof(*m));
    b->note_messages = rows;
    return m;
}

struct note_count *batch_note_count(struct batch *b)
{
    void *rows = b->note_counts;
    struct note_count *n = append(&rows, &b->note_counts_count, &b->room.note_counts, sizeof(*n));
    b->note_counts = rows;
    return n;
}

struct draft *batch_draft(struct batch *b)
{
    void *rows = b->drafts;
    struct draft *d = append(&rows, &b->drafts_count, &b->room.drafts, sizeof(*d));
    b->drafts = rows;
    d->message_new = d->message_set = d->user = d->chat = d->member = BATCH_NONE;
    d->session = d->session_role = d->checkin = BATCH_NONE;
    d->note = d->note_message = d->note_count = BATCH_NONE;
    return d;
}

void batch_init(struct batch *b)
{
    memset(b, 0, sizeof(*b));
    b->texts = ARENA_INIT(TEXTS_MAX_BYTES);
}

void batch_release(struct batch *b)
{
    free(b->rows.users_new);
    free(b->rows.users_set);
    free(b->rows.chats_new);
    free(b->rows.chats_set);
    free(b->rows.chats_deleted);
    free(b->rows.members_put);
    free(b->rows.members_gone);
    free(b->rows.messages_new);
    free(b->rows.messages_set);
    free(b->rows.deletions);
    free(b->rows.events);
    free(b->rows.event_users);
    free(b->rows.keys);
    free(b->rows.families_new);
    free(b->rows.families_set);
    free(b->rows.seen);
    free(b->rows.recoveries);
    free(b->rows.recoveries_gone);
    free(b->rows.sessions_put);
    free(b->rows.session_roles_put);
    free(b->rows.attendees_new);
    free(b->rows.attendees_set);
    free(b->rows.sessions_deleted);
    free(b->rows.checkins);
    free(b->rows.attachments_new);
    free(b->rows.attachments_used);
    free(b->rows.attachments_dropped);
    free(b->rows.attachments_gone);
    free(b->rows.notes_new);
    free(b->rows.notes_set);
    free(b->rows.note_marks);
    free(b->rows.note_users);
    free(b->rows.note_unread);
    free(b->rows.preferences);
    free(b->rows.decisions);
    free(b->rows.notifier);
    free(b->note_messages);
    free(b->note_counts);
    free(b->drafts);
    arena_release(&b->texts);
    memset(b, 0, sizeof(*b));
}

void batch_clear(struct batch *b)
{
    struct store_batch *r = &b->rows;
    r->users_new_count = r->users_set_count = r->chats_new_count = r->chats_set_count = 0;
    r->chats_deleted_count = r->members_put_count = r->members_gone_count = 0;
    r->messages_new_count = r->messages_set_count = r->deletions_count = r->events_count = 0;
    r->event_users_count = r->keys_count = r->families_new_count = r->families_set_count = 0;
    r->seen_count = r->sessions_put_count = r->session_roles_put_count = r->attendees_new_count = 0;
    r->attendees_set_count = r->sessions_deleted_count = r->checkins_count = 0;
    r->attachments_new_count = r->attachments_used_count = 0;
    r->attachments_dropped_count = r->attachments_gone_count = 0;
    r->notes_new_count = r->notes_set_count = r->note_marks_count = r->note_users_count = r->note_unread_count = 0;
    r->preferences_count = r->decisions_count = r->notifier_count = 0;
    r->recoveries_count = r->recoveries_gone_count = 0;
    b->note_messages_count = b->note_counts_count = 0;
    r->epoch = r->last_batch = r->next_event = r->checkpoint = 0;
    b->drafts_count = 0;
    arena_release(&b->texts);
    b->texts = ARENA_INIT(TEXTS_MAX_BYTES);
}

uint32_t batch_rows(const struct batch *b)
{
    const struct store_batch *r = &b->rows;
    return r->attachments_new_count + r->attachments_used_count + r->attachments_dropped_count +
           r->attachments_gone_count + r->users_new_count + r->users_set_count + r->chats_new_count + r->chats_set_count +
           r->chats_deleted_count + r->members_put_count + r->members_gone_count +
           r->messages_new_count + r->messages_set_count + r->deletions_count + r->events_count +
           r->event_users_count + r->keys_count + r->families_new_count + r->families_set_count +
           r->seen_count + r->sessions_put_count + r->session_roles_put_count + r->attendees_new_count +
           r->attendees_set_count + r->sessions_deleted_count + r->checkins_count +
           r->notes_new_count + r->notes_set_count + r->note_marks_count + r->note_users_count + r->note_unread_count +
           r->preferences_count + r->decisions_count + r->notifier_count +
           r->recoveries_count + r->recoveries_gone_count;
}
