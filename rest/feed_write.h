/*
 * feed_write.h -- the writer's and the start-up's side of the feed
 */
#ifndef REST_FEED_WRITE_H
#define REST_FEED_WRITE_H

#include "rest/batch.h"
#include "rest/feed.h"
#include "rest/job.h"

struct cache;
struct event_rows;
struct row_recovery;

struct feed *feed_new(const struct feed_conf *conf, struct cache *cache);
void feed_bind(struct feed *f, struct svc *svc);
/* Take over the limits that may change while running: replay_max_events, user_ and address_connections_max,
 * dashboard_viewers_max, dashboard_replay_max, focus_max_age_ms, chat_update_ms, chat_update_members_max, receipt_ms,
 * typing_expire_ms, typing_members_max, presence_*, last_seen_ms. */
void feed_reload(struct feed *f, const struct feed_conf *conf);
void feed_free(struct feed *f);
/* The thread for what happens as time goes by: after feed_bind. Stopping hands the writer what is still to be stored, so
 * it comes before the writer's. RC_NO_MEMORY. */
RC_CHECK enum rc feed_run(struct feed *f);
void feed_stop(struct feed *f);
/* What it does each time. */
void feed_tick(struct feed *f, uint64_t now_ms);
/* Start: the log as the fence found it. From here on workers may join. */
void feed_start(struct feed *f, const struct store_head *head);
/* Start: an event of the log's end, in id order, before feed_start. */
void feed_warm(struct feed *f, const struct row_event *row, const struct event_rows *about);
/* Start: the event just warmed is also this user's own. For the end of a chat, whose members the cache has never seen. */
void feed_warm_own(struct feed *f, uint64_t event_id, uint64_t user_id);
/* Start: when the user was seen last, and whether others had been told then that they are there. */
void feed_warm_seen(struct feed *f, uint64_t user_id, uint64_t seen_us, bool was_online);
/* Start: as stored, in the order of store_load_recoveries. */
void feed_warm_recovery(struct feed *f, const struct row_recovery *row);
/* Where the warm events begin: call before the first feed_warm. */
void feed_warm_from(struct feed *f, uint64_t first_id);

/*
 * The batch is committed: in one critical section apply it to the caches, append its events to the
 * ring and to every worker's stream in id order, put each socket command's reply behind its events,
 * and advance published. Other jobs are answered by the caller afterwards.
 */
void feed_publish(struct feed *f, const struct batch *b, struct job **jobs, unsigned jobs_count);
/* An answer outside any batch, e.g. a deadline. */
void feed_reply(struct feed *f, const struct feed_reply_to *to, const struct outcome *o);
void feed_trimmed(struct feed *f, uint64_t upto);

#endif
