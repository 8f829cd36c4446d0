/*
 * svc_note.h -- what a user reads of notifications, and why there was one
 *
 * Shape      Views are copies in the caller's arena. Lists run on the database pool and end in `done`; what is shown is
 *            published by then (svc_read.h).
 * Threads    Any; `done` is called on a pool thread.
 */
#ifndef REST_SVC_NOTE_H
#define REST_SVC_NOTE_H

#include "rest/svc_read.h"

struct note_view {
    uint64_t id, created_us;
    bool is_read;
    struct str kind, title, text, link; /* link.p == NULL: none */
    /* about a message; 0: not, or not to be seen */
    uint64_t chat_id, chat_created_us, message_id, message_created_us, sender_id, sender_created_us;
};

struct note_request {
    /* in */
    struct svc *svc;
    struct arena *arena;
    read_done done;
    void *ctx;
    uint64_t user_id;
    uint64_t before; /* ids below it */
    unsigned limit;
    bool unread_only;
    uint64_t message_id; /* svc_note_explain: why user_id was notified of it or was not */
    /* out */
    struct note_view *notes; /* newest first */
    unsigned count;
    bool has_more;
    uint64_t unread;
    bool decided; /* svc_note_explain; false: not yet, or forgotten with the log */
    uint8_t reason; /* enum note_reason */
    uint64_t decided_us;
    /* internal */
    struct row_note *rows;
    struct row_message *messages;
    unsigned rows_count, messages_count;
    uint64_t chat_id, seq, newest_event;
    bool cut;
    enum code (*run)(struct note_request *r, struct store *store);
};

/* Each: CODE_OK: done will be called; else it will not be. */
enum code svc_notes(struct note_request *r);
enum code svc_note_explain(struct note_request *r); /* done: CODE_MESSAGE_NOT_FOUND: no such message */

/* Unread notifications of the user, broadcasts among them. */
uint64_t svc_notes_unread(struct svc *svc, uint64_t user_id);
/* Append the user's preferences, with chats as 24 hex digits. CODE_USER_NOT_FOUND. */
enum code svc_preferences(struct svc *svc, uint64_t user_id, struct buf *out);

#endif
