/*
 * db_watch.h -- how the database is, for those who must not wait for it
 *
 * Shape      A thread with a connection of its own asks the database a small question again and again. Who wants to know
 *            gets the last answer at once, and "away" when the present one is overdue: a frozen server refuses nothing.
 *            After the writer was refused for want of room it tries for itself whether there is some, since nobody
 *            sends requests to a server that is not ready.
 * Limits     check_ms between two questions (db_check_ms), wait_ms for an answer (db_check_wait_ms).
 * Threads    db_watch_state from any.
 */
#ifndef REST_DB_WATCH_H
#define REST_DB_WATCH_H

#include <stdint.h>

#include "rest/store.h"

struct db_watch;
struct writer;

enum db_state { DB_READY, DB_AWAY, DB_READ_ONLY, DB_FULL };

/* DB_READY until the first answer. The strings of conf, and the writer, must outlive it. */
struct db_watch *db_watch_new(const struct store_conf *conf, struct writer *writer, uint64_t check_ms,
                              uint64_t wait_ms);
RC_CHECK enum rc db_watch_run(struct db_watch *w);
/* Waits for the database no longer than wait_ms. NULL is fine. */
void db_watch_free(struct db_watch *w);
/* No I/O. */
enum db_state db_watch_state(const struct db_watch *w);
/* "database_away" and so on: what /readyz gives as its reason. */
const char *db_state_name(enum db_state state);

#endif
