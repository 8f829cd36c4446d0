/*
 * batch.h -- what one transaction is going to store, and what it is going to announce
 *
 * Shape      The store's row arrays with room to grow, one draft per event, and an arena for texts that
 *            have to live as long as the batch.
 * Threads    Writer only.
 */
#ifndef REST_BATCH_H
#define REST_BATCH_H

#include "rest/store.h"
#include "shared/arena.h"

/* One event: the row that is logged, and which of the batch's rows it speaks of (BATCH_NONE: none). */
#define BATCH_NONE UINT32_MAX
struct draft {
    struct row_event event;
    uint32_t message_new, message_set; /* index into messages_new / messages_set */
    uint32_t user;                     /* index into users_new, or users_set for EV_USER_CHANGED */
    uint32_t chat;                     /* index into chats_new / chats_set */
    uint32_t member, members;          /* range of members_put */
    uint32_t session, session_role;    /* EV_SESSION: index into sessions_put, session_roles_put */
    uint32_t attendees;                /* how many of attendees_new */
    uint32_t checkin;                  /* index into checkins */
    uint32_t note, note_message;       /* index into notes_new, and of the message it is about into note_messages */
    uint32_t note_count;               /* index into note_counts */
    uint16_t origin_worker;
    uint64_t origin_session;
};

/* What a user's counters of notifications are after an event. */
struct note_count {
    uint64_t user_id, read_all_id;
    uint32_t unread, marked;
};

struct batch {
    struct store_batch rows;
    struct draft *drafts;
    uint32_t drafts_count;
    /* For publishing only. */
    struct row_message *note_messages;
    uint32_t note_messages_count;
    struct note_count *note_counts;
    uint32_t note_counts_count;
    struct {
        uint32_t users_new, users_set, chats_new, chats_set, chats_deleted, members_put, members_gone,
            attachments_new, attachments_used, attachments_dropped, attachments_gone,
            messages_new, messages_set, deletions, events, event_users, keys, families_new,
            families_set, seen, recoveries, recoveries_gone,
            sessions_put, session_roles_put, attendees_new, attendees_set,
            sessions_deleted, checkins, notes_new, notes_set, note_marks, note_users, note_unread, preferences, decisions, notifier,
            note_messages, note_counts, drafts;
    } room;
    struct arena texts;
};

void batch_init(struct batch *b);
void batch_release(struct batch *b);
/* Empty again, memory kept. */
void batch_clear(struct batch *b);
/* Rows in all arrays together. */
uint32_t batch_rows(const struct batch *b);

/* Append a zeroed row and return it; valid until the next append to the same array. */
struct row_user *batch_user_new(struct batch *b);
struct row_user *batch_user_set(struct batch *b);
struct row_chat *batch_chat_new(struct batch *b);
struct row_chat *batch_chat_set(struct batch *b);
uint64_t *batch_chat_deleted(struct batch *b);
struct row_member *batch_member_put(struct batch *b);
struct row_member *batch_member_gone(struct batch *b);
struct row_message *batch_message_new(struct batch *b);
struct row_message *batch_message_set(struct batch *b);
struct row_deletion *batch_deletion(struct batch *b);
struct row_event *batch_event(struct batch *b);
struct row_event_user *batch_event_user(struct batch *b);
struct row_key *batch_key(struct batch *b);
struct row_family *batch_family_new(struct batch *b);
struct row_family *batch_family_set(struct batch *b);
struct row_session *batch_session_put(struct batch *b);
struct row_session_role *batch_session_role_put(struct batch *b);
struct row_attendee *batch_attendee_new(struct batch *b);
struct row_attendee *batch_attendee_set(struct batch *b);
uint64_t *batch_session_deleted(struct batch *b);
struct row_checkin *batch_checkin(struct batch *b);
struct row_attachment *batch_attachment_new(struct batch *b);
struct row_attachment *batch_attachment_used(struct batch *b);
struct row_attachment *batch_attachment_dropped(struct batch *b);
uint64_t *batch_attachment_gone(struct batch *b);
struct row_note *batch_note_new(struct batch *b);
struct row_note_mark *batch_note_set(struct batch *b);
struct row_note_mark *batch_note_mark(struct batch *b);
struct row_note_user *batch_note_user(struct batch *b);
struct row_note_user *batch_note_unread(struct batch *b);
struct row_preferences *batch_preferences(struct batch *b);
struct row_decision *batch_decision(struct batch *b);
struct row_notifier *batch_notifier(struct batch *b);
struct row_message *batch_note_message(struct batch *b);
struct note_count *batch_note_count(struct batch *b);
struct row_seen *batch_seen(struct batch *b);
struct row_recovery *batch_recovery(struct batch *b);
struct row_recovery *batch_recovery_gone(struct batch *b);
struct draft *batch_draft(struct batch *b);

#endif
