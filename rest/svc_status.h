/*
 * svc_status.h -- how the service is doing, for health checks and administrators
 *
 * Threads    Any. Takes the feed's and the cache's lock for a moment each, and never waits for the database.
 */
#ifndef REST_SVC_STATUS_H
#define REST_SVC_STATUS_H

#include <stdbool.h>

#include "rest/svc.h"

#define STATUS_WORKERS_MAX 64

struct svc_status {
    const char *database_reason; /* why it serves not fully, db_state_name; NULL: it does */
    bool database; /* it answers */
    bool writer;   /* it owns the log and can commit */
    unsigned workers_ready, workers_count;
    struct feed_worker_info workers[STATUS_WORKERS_MAX];
    uint64_t published, log_id;
    uint32_t users, chats; /* chats: deleted ones included */
    uint64_t writer_queue, read_queue;
};

void svc_status(struct svc *svc, struct svc_status *out);

#endif
