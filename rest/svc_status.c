#include "rest/svc_status.h"

#include "rest/db_watch.h"
#include "rest/metrics.h"
#include "rest/writer.h"

void svc_status(struct svc *svc, struct svc_status *out)
{
    enum db_state db = db_watch_state(svc->db_watch);
    if (db == DB_READY && writer_is_refused(svc->writer)) {
        db = DB_FULL; /* just now, and not yet looked into */
    }
    *out = (struct svc_status){
        .database_reason = db != DB_READY ? db_state_name(db) : NULL,
        .database = db != DB_AWAY,
        .writer = writer_healthy(svc->writer) && db != DB_READ_ONLY && db != DB_FULL,
        .workers_ready = feed_workers_ready(svc->feed),
        .published = feed_published(svc->feed),
        .log_id = feed_log_id(svc->feed),
        .writer_queue = (uint64_t)metric_get(METRIC_WRITER_QUEUE),
        .read_queue = dbpool_depth(svc->dbpool),
    };
    out->workers_count = feed_workers(svc->feed, out->workers, STATUS_WORKERS_MAX);
    if (out->workers_count > STATUS_WORKERS_MAX) {
        out->workers_count = STATUS_WORKERS_MAX;
    }
    uint64_t waiting = 0;
    for (unsigned i = 0; i < out->workers_count; i++) {
        waiting += out->workers[i].stream_bytes;
    }
    metric_set(METRIC_FEED_STREAM_BYTES, (int64_t)waiting);
    cache_rdlock(svc->cache);
    out->users = cache_users_count(svc->cache);
    out->chats = cache_chats_count(svc->cache);
    cache_unlock(svc->cache);
}
