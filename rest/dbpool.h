/*
 * dbpool.h -- a bounded pool of threads with a database connection each, for reads
 *
 * A job runs on a pool thread with that thread's store. Jobs are for reads only: every change goes
 * through the writer. A job whose connection fails is told so by a NULL-like error from the store
 * calls; the pool reconnects with back-off before the next job.
 * Order      Reads and replays, each in the order in which they came, but replays that have begun before others.
 *            When both wait they are served in turn, and one thread (of more than one) is for reads only.
 * Time       A read that has no answer after wait_ms, in the queue or in the database, ends: its job runs without a
 *            store, or its connection is cut and the store says STORE_LOST. A replay has as long once it runs.
 * Limits     db_read_threads, db_read_queue, db_replay_queue: a full queue refuses at once. A replay that has begun
 *            is not refused: each session has one job at a time, and few have begun.
 */
#ifndef REST_DBPOOL_H
#define REST_DBPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/rc.h"

struct dbpool;
struct store;
struct store_conf;

/* store is NULL when the database cannot be reached, or not in time (then on another thread): answer
 * CODE_UNAVAILABLE. */
typedef void (*dbpool_job)(struct store *store, void *ctx);

struct dbpool_conf {
    unsigned threads, reads_max, replays_max;
    uint64_t wait_ms;
};

struct dbpool *dbpool_new(const struct store_conf *store, const struct dbpool_conf *conf);
/* Run the queue empty, then stop the threads. */
void dbpool_free(struct dbpool *pool);
/* RC_OK: job will be called exactly once, on a pool thread; RC_UNAVAILABLE: the queue is full, it will not. */
RC_CHECK enum rc dbpool_submit(struct dbpool *pool, dbpool_job job, void *ctx);
/* The same for what a session that catches up waits for: many come at once, and none of them is a request.
 * begun: it has had some of what it missed. */
RC_CHECK enum rc dbpool_submit_replay(struct dbpool *pool, bool begun, dbpool_job job, void *ctx);
/* Jobs that wait, of both kinds. */
unsigned dbpool_depth(struct dbpool *pool);

#endif
