/*
 * fake_store.h -- store.h without a database, for tests of what stands above it
 *
 * Linked instead of store_maria*.c. One database in this process: rows of committed batches are kept, unique keys
 * and the fence work as sql/ says, and each enum store_rc can be had on demand.
 * Threads  One lock around everything.
 */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H

#include "rest/store.h"

/* An empty database whose head says epoch 1 and next event 1. */
void fake_db_reset(void);
void fake_db_release(void);
struct store *fake_db_open(void);

/* The next `times` calls answer rc and do nothing else. */
void fake_db_answer_run(enum store_rc rc, unsigned times);
void fake_db_answer_find(enum store_rc rc, unsigned times);
/* The next commit: answer rc, and the rows are there or not. */
void fake_db_answer_commit(enum store_rc rc, bool stored);
/* A batch with a message of this text (or a user of this name) answers rc. NULL: none does. */
void fake_db_dislike(const char *text, enum store_rc rc);
/* Nothing connects any more, and what is connected is lost. */
void fake_db_down(bool down);
/* Called inside each commit, before anything is stored. */
void fake_db_on_commit(void (*on)(void *ctx), void *ctx);
/* A commit waits for this to become false. */
void fake_db_hold(bool hold);
/* Another process has raised the epoch. */
void fake_db_take_over(void);
/* Store rows as a commit would. */
void fake_db_apply(const struct store_batch *b);

struct fake_db_counts {
    unsigned opens, runs, commits, finds, counts, trims;
    unsigned messages, events, keys, members_put;
};
struct fake_db_counts fake_db_counts(void);
struct store_head fake_db_head(void);
/* The newest row of a membership. false: none. */
bool fake_db_member(uint64_t chat_id, uint64_t user_id, struct row_member *out);
/* The text that a message has. NULL: no such message. */
const char *fake_db_content(uint64_t chat_id, uint64_t seq);
/* How far the notifier has come, and how many notifications the user has (0: broadcasts). */
struct row_notifier fake_db_notifier(void);
unsigned fake_db_notes(uint64_t user_id);

/* Between fake_store.c and fake_store_session.c, whose tables only one thread at a time uses. */
enum store_rc fake_db_begin_find(struct store *s);
void fake_sessions_release(void);
void fake_sessions_apply(const struct store_batch *b);
/* The batch inserts what is there already. */
bool fake_sessions_conflict(const struct store_batch *b);

#endif
