/*
 * workpool.h -- a few threads for CPU-heavy work (password hashing), bounded
 */
#ifndef REST_WORKPOOL_H
#define REST_WORKPOOL_H

#include "shared/rc.h"

struct workpool;
typedef void (*workpool_job)(void *ctx);

struct workpool *workpool_new(unsigned threads, unsigned queue_max);
/* Run the queue empty, then stop. */
void workpool_free(struct workpool *p);
/* RC_OK: job runs exactly once on a pool thread; RC_UNAVAILABLE: queue full, it will not. */
RC_CHECK enum rc workpool_submit(struct workpool *p, workpool_job job, void *ctx);

#endif
