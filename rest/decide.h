/*
 * decide.h -- the rules: what a command does, decided serially in memory
 *
 * Shape      decide() looks at the overlay (state as of the batches in flight), refuses by rule without
 *            a trace, or appends rows and one draft per event to the batch and moves the overlay on.
 * Layer      service. No SQL, no JSON, no HTTP; time and ids come from struct decider.
 * Threads    Whoever holds the writer's decide turn.
 */
#ifndef REST_DECIDE_H
#define REST_DECIDE_H

#include "rest/batch.h"
#include "rest/families.h"
#include "rest/job.h"
#include "rest/overlay.h"
#include "rest/rest_conf.h"

struct decider {
    const struct rest_conf *conf;
    const struct sealer *sealer; /* or NULL */
    struct cache *cache;
    struct overlay *overlay;
    struct families *families;
    struct batch *batch;  /* being filled */
    uint64_t batch_number;
    uint64_t now_us;      /* of the batch; rises from batch to batch */
    uint64_t next_event, next_user, next_chat, next_family, next_session;
    struct row_notifier notifier; /* the cursor as the batches so far leave it */
};

/* Fill job->outcome, job->first_draft and job->drafts. */
void decide(struct decider *d, struct job *job);

/* -- between the decide_*.c files ------------------------------------------------------------------ */

/* Log *e for the job: id, time and actor are filled in. The draft is valid until the next one. */
struct draft *decide_event(struct decider *d, struct job *job, const struct row_event *e);
/* The chat, if the actor is in it; else NULL with *code set. */
struct ov_chat *decide_chat(struct decider *d, const struct cmd *c, struct ov_member **actor,
                            enum code *code);

/* The command's hash as it is kept. */
struct key16 decide_hash(const struct decider *d, const struct job *job);
/* The actor is known and active. */
enum code decide_check_actor(struct decider *d, const struct cmd *c);
/* The direct chat of two users, created when there is none (*created). */
enum code decide_direct(struct decider *d, struct job *job, uint64_t peer_id, struct ov_chat **out,
                        bool *created);
/* A membership row as the overlay has it. */
void decide_put_member(struct decider *d, const struct ov_chat *chat, const struct ov_member *m);
/* How many notifications the user has not read, as the overlay has it. */
void decide_put_unread(struct decider *d, uint64_t user_id);

/* What cmd.number2 of a send names: CODE_OK, CODE_ATTACHMENT_NOT_FOUND (also somebody else's, or another chat's),
 * CODE_ATTACHMENT_USED. */
enum code decide_attachment_check(struct decider *d, const struct job *job);
/* After that: this message refers to it. */
void decide_attachment_use(struct decider *d, const struct job *job, uint64_t seq);
/* The message that referred to one is deleted. */
void decide_attachment_drop(struct decider *d, uint64_t chat_id, uint64_t seq);

enum code decide_create_direct(struct decider *d, struct job *job);
enum code decide_create_group(struct decider *d, struct job *job);
enum code decide_rename(struct decider *d, struct job *job);
enum code decide_delete_chat(struct decider *d, struct job *job);
enum code decide_member_add(struct decider *d, struct job *job);
enum code decide_member_remove(struct decider *d, struct job *job);
enum code decide_member_role(struct decider *d, struct job *job);
enum code decide_send(struct decider *d, struct job *job);
enum code decide_edit(struct decider *d, struct job *job);
enum code decide_delete_message(struct decider *d, struct job *job);
enum code decide_read(struct decider *d, struct job *job);
enum code decide_user_create(struct decider *d, struct job *job);
enum code decide_user_update(struct decider *d, struct job *job);
enum code decide_last_seen(struct decider *d, struct job *job);
enum code decide_recovery(struct decider *d, struct job *job);
enum code decide_family_create(struct decider *d, struct job *job);
enum code decide_family_rotate(struct decider *d, struct job *job);
enum code decide_revoke(struct decider *d, struct job *job);
enum code decide_session_create(struct decider *d, struct job *job);
enum code decide_session_update(struct decider *d, struct job *job);
enum code decide_session_delete(struct decider *d, struct job *job);
enum code decide_session_role(struct decider *d, struct job *job);
enum code decide_session_attendees(struct decider *d, struct job *job);
enum code decide_session_key(struct decider *d, struct job *job);
enum code decide_checkin(struct decider *d, struct job *job);
enum code decide_attachment_add(struct decider *d, struct job *job);
enum code decide_attachment_remove(struct decider *d, struct job *job);
enum code decide_notify(struct decider *d, struct job *job);
enum code decide_note_create(struct decider *d, struct job *job);
enum code decide_note_read(struct decider *d, struct job *job);
enum code decide_note_delete(struct decider *d, struct job *job);
enum code decide_note_read_all(struct decider *d, struct job *job);
enum code decide_notes_seen(struct decider *d, struct job *job);
enum code decide_notes_trim(struct decider *d, struct job *job);
enum code decide_preferences(struct decider *d, struct job *job);

#endif
