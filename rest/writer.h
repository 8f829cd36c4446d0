/*
 * writer.h -- the one thread that changes things
 *
 * Shape      Takes what is queued, decides it serially in memory (decide.h), stores the outcome in one
 *            transaction, commits, publishes (feed_write.h) and answers. No batching delay: commit time
 *            makes the batches.
 * Promise    Nothing is answered or published before its COMMIT has returned. A job is answered exactly
 *            once; past its deadline with CODE_OUTCOME_UNKNOWN (or CODE_UNAVAILABLE while it was still
 *            waiting, then it is not carried out).
 * Limits     writer_queue_max, writer_batch_max_rows, writer_deadline_ms.
 * Threads    writer_submit from any thread.
 */
#ifndef REST_WRITER_H
#define REST_WRITER_H

#include "rest/families.h"
#include "rest/feed_write.h"
#include "rest/job.h"
#include "rest/rest_conf.h"
#include "rest/store.h"

struct writer;

struct writer_start { /* what start-up found in the database */
    struct store *store; /* the fenced connection; the writer's from now on */
    struct store_conf store_conf;
    struct store_head head;
    struct store_maxima maxima;
    struct row_notifier notifier;
    struct families *families; /* taken */
    struct buf own_moved; /* taken: chat and user (big-endian) whose own messages the table does not count all */
};

/* on_fenced: another process owns the log; must not return. */
struct writer *writer_new(const struct rest_conf *conf, struct cache *cache, struct feed *feed,
                          const struct writer_start *start, void (*on_fenced)(void));
RC_CHECK enum rc writer_run(struct writer *w);
/* Take nothing more, finish what is queued (within the deadline), write the checkpoint, stop. */
void writer_stop(struct writer *w);
void writer_free(struct writer *w);

/* CODE_OK: job is the writer's. CODE_QUEUE_FULL, CODE_UNAVAILABLE (database away), CODE_RESTARTING (stopping): it
 * stays the caller's. */
enum code writer_submit(struct writer *w, struct job *job);
/* Whether the database answered last time. */
bool writer_healthy(const struct writer *w);
/* Whether a batch was refused because the database takes no changes (CODE_STORE_FULL). Smaller ones may succeed on a disk
 * that is full, so it stays until somebody has found out that there is room. */
bool writer_is_refused(const struct writer *w);
void writer_not_refused(struct writer *w);
unsigned writer_depth(struct writer *w);
/* Commands that wait, and those of the batch that is being carried out. */
unsigned writer_load(struct writer *w);
/* mono_ms of the thread's last turn, for the watchdog; 0 while it has nothing to do. */
uint64_t writer_busy_since_ms(const struct writer *w);

#endif
