/*
 * start.h -- from an empty process to caches that equal the database
 *
 * Order (design: the fence comes first): connect, migrate, raise the epoch, only then read ids, load the
 * caches, warm the ring with the log's newest events, and start the feed.
 */
#ifndef REST_START_H
#define REST_START_H

#include "rest/cache_write.h"
#include "rest/feed_write.h"
#include "rest/rest_conf.h"
#include "rest/writer.h"

/* Strings point into conf and *password, which must stay. */
void start_store_conf(const struct rest_conf *conf, const char *password, struct store_conf *out);
/* The password from its file, without the line end; empty when none is set. RC_IO with a sentence. */
RC_CHECK enum rc start_read_secret(const char *path, struct buf *out, struct buf *why);
/* *out NULL: content_key_file is empty. RC_IO, RC_INVALID with a sentence. */
RC_CHECK enum rc start_read_content_keys(const struct rest_conf *conf, struct sealer **out, struct buf *why);
/* Connect, trying again until the deadline: the database may be starting too. RC_CLOSED: stop_fd became readable. */
RC_CHECK enum rc start_connect(const struct store_conf *conf, uint64_t deadline_ms, int stop_fd,
                               struct store **out, struct buf *why);
/* Migrate, fence, load. Fills *out for writer_new (store and families are its to take). */
RC_CHECK enum rc start_load(const struct rest_conf *conf, struct store *store,
                            const struct store_conf *store_conf, struct cache *cache,
                            struct feed *feed, struct writer_start *out, struct buf *why);
/* start_note.c: counters, broadcasts, preferences, and where the notifier stands. After the users. */
RC_CHECK enum store_rc start_load_notes(const struct rest_conf *conf, struct store *s, struct cache *cache,
                                        uint64_t checkpoint, struct row_notifier *notifier);

#endif
