/*
 * job.h -- one command on its way through the writer
 *
 * Ownership  One heap block: the struct and copies of everything the command points to. Made by
 *            job_new, freed by the writer after `done`.
 */
#ifndef REST_JOB_H
#define REST_JOB_H

#include "rest/overlay.h"
#include "rest/store.h"
#include "rest/svc.h"
#include "shared/cmd.h"

struct feed_worker;

struct job {
    struct job *next;                /* in the queue */
    struct job *live_prev, *live_next; /* among the unanswered */
    struct cmd cmd;
    struct key16 hash; /* of operation and body: what an idempotency key stands for */
    svc_done done;
    void *ctx;
    uint64_t deadline_ms;
    struct outcome outcome;

    /* A command from a socket is answered in its worker's stream instead of by done. */
    struct feed_reply_to reply_to;

    /* What the look-ups before deciding found. */
    bool has_message;
    struct ov_message message; /* of cmd.message_id */
    bool has_attachment;
    struct ov_attachment attachment; /* of cmd.number2 */
    bool has_own_at; /* CMD_READ below the newest message: */
    uint32_t own_at; /* own messages at or below the cursor asked for */
    bool has_note;
    struct row_note note; /* of cmd.number2, without its texts */
    struct note_key *seen; /* CMD_NOTIFICATIONS_SEEN, _TRIM: unread ones; owned */
    uint32_t seen_count, seen_room;
    bool seen_more; /* there may be more than these */
    bool has_stored;            /* the key was used before: */
    struct key16 stored_hash;
    struct outcome stored;

    /* This job's rows in the batch. */
    uint32_t first_draft, drafts;
    bool started;   /* taken from the queue (under the writer's lock) */
    bool answered;  /* the caller has been answered (under the writer's lock) */
    bool keys_asked, keys_checked; /* its key is being, has been looked for in the database */
};

/* A copy of c with everything behind it. NULL without memory. */
struct job *job_new(const struct cmd *c, svc_done done, void *ctx, uint64_t deadline_ms);
void job_free(struct job *j);

#endif
