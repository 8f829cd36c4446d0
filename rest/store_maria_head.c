/*
 * store_maria_head.c -- log_head: taking the log over, reading the head, trimming
 *
 * The head's row lock is what two writers meet at. Every batch updates it last, so it is held for one round trip and
 * the COMMIT; an owner that hangs inside those is ended by its successor.
 */
#include "rest/store_maria.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/log.h"
#include "shared/mem.h"

#define FENCE_ATTEMPTS    10
#define FENCE_LOCK_WAIT_S 1
#define TRIM_STEP         1000

static const struct col head_cols[] = {
    COL(struct store_head, log_id),     COL(struct store_head, epoch),
    COL(struct store_head, next_event), COL(struct store_head, trimmed_to),
    COL(struct store_head, last_batch), COL(struct store_head, checkpoint),
};
#define HEAD_SELECT                                                                                \
    "SELECT log_id, epoch, next_event, trimmed_to, last_batch, checkpoint FROM log_head "          \
    "WHERE part = 0"

static const struct statement sql_head = {.sql = HEAD_SELECT, .out = COLS(head_cols)};
/* Waits for a transaction that is still committing: after a lost connection its outcome may be open for a moment. */
static const struct statement sql_head_settled = {.sql = HEAD_SELECT " LOCK IN SHARE MODE",
                                                  .out = COLS(head_cols)};
static const struct statement sql_head_new = {
    .sql = "INSERT INTO log_head (part, log_id, epoch, next_event, trimmed_to, last_batch, "
           "checkpoint, owner_session) VALUES (0, ?, 0, 1, 0, 0, 0, 0)",
    .in = COLS_NUMBER,
};
static const struct statement sql_owner = {
    .sql = "SELECT owner_session FROM log_head WHERE part = 0",
    .out = COLS_NUMBER,
};

static enum store_rc read_head(struct store *s, const struct statement *st, struct store_head *out,
                               bool *found)
{
    struct store_head head;
    enum store_rc rc = query_one(s, st, NULL, 0, &head, found);

    if (rc == STORE_OK && *found) {
        *out = head;
    }
    return rc;
}

enum store_rc store_read_head(struct store *s, struct store_head *out)
{
    bool found = false;
    enum store_rc rc = read_head(s, &sql_head_settled, out, &found);

    return rc == STORE_OK && !found ? STORE_ERROR : rc;
}

/* -- a batch in doubt -------------------------------------------------------------------------- */

struct void_key {
    uint64_t epoch, last_batch;
};
static const struct col void_cols[] = {COL(struct void_key, epoch), COL(struct void_key, last_batch)};
/* Two further, so that whoever asks again after a lost answer can tell this from a batch that was stored. */
static const struct statement sql_void = {
    .sql = "UPDATE log_head SET last_batch = last_batch + 2 WHERE part = 0 AND epoch = ? AND last_batch = ?",
    .in = COLS(void_cols),
};
_Static_assert(STORE_BATCH_VOID == 2 && STORE_BATCH_DONE == 1, "the steps in sql_void and in the batch's own");

/*
 * A lost connection is not a dead session: behind a lock (a backup's, an ALTER's), or with the statement still unread in
 * its socket, the server carries the batch out later. So it is not enough to look; the head moves, and what comes
 * later finds another last_batch and is rolled back. The row lock waits for one that is committing now.
 */
enum store_rc store_settle(struct store *s, const struct store_head *ours, uint64_t *last_batch)
{
    struct void_key key = {ours->epoch, ours->last_batch};
    struct store_head head;
    uint64_t changed = 0;
    bool found = false;
    enum store_rc rc = db_write(s, &sql_void, &key, sizeof(key), 1, &changed);

    if (rc == STORE_OK) {
        rc = read_head(s, &sql_head, &head, &found);
    }
    if (rc != STORE_OK || !found) {
        return rc == STORE_OK ? STORE_ERROR : rc;
    }
    if (head.epoch != ours->epoch || head.last_batch <= ours->last_batch ||
        head.last_batch > ours->last_batch + STORE_BATCH_VOID) {
        return STORE_FENCED;
    }
    *last_batch = head.last_batch;
    return STORE_OK;
}

/* -- the fence -------------------------------------------------------------------------------- */

static enum store_rc create_head(struct store *s)
{
    struct store_head head;
    bool found = false;
    uint64_t log_id = random_u64() | 1;
    enum store_rc rc = read_head(s, &sql_head, &head, &found);

    if (rc != STORE_OK || found) {
        return rc;
    }
    rc = db_write(s, &sql_head_new, &log_id, sizeof(log_id), 1, NULL);
    return rc == STORE_DUPLICATE ? STORE_OK : rc; /* another one was faster; the epoch decides */
}

static enum store_rc raise_epoch(struct store *s, struct store_head *out)
{
    struct store_head head;
    bool found = false;
    enum store_rc rc = db_command(s, "START TRANSACTION");

    if (rc == STORE_OK) {
        rc = db_command(s, "UPDATE log_head SET epoch = epoch + 1, "
                           "owner_session = CONNECTION_ID() WHERE part = 0");
    }
    /* Inside the transaction: after the COMMIT a third process could have raised it again. */
    if (rc == STORE_OK) {
        rc = read_head(s, &sql_head, &head, &found);
    }
    if (rc != STORE_OK || !found) {
        return db_rollback(s, rc == STORE_OK ? STORE_ERROR : rc);
    }
    rc = store_batch_commit(s);
    if (rc == STORE_OK) {
        *out = head;
    }
    return rc;
}

/* READ UNCOMMITTED shows what the transaction that holds the row lock wrote into it: its own session. */
static enum store_rc find_owner(struct store *s, uint64_t *session)
{
    bool found = false;
    enum store_rc rc = db_command(s, "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED");

    *session = 0;
    return rc == STORE_OK ? query_one(s, &sql_owner, NULL, 0, session, &found) : rc;
}

static enum store_rc end_owner(struct store *s)
{
    char sql[64];
    uint64_t session;
    enum store_rc rc = find_owner(s, &session);

    if (rc != STORE_OK || session == 0 || session == s->session) {
        return rc;
    }
    log_warn("fence_kill", "session=%llu", (unsigned long long)session);
    snprintf(sql, sizeof(sql), "KILL CONNECTION %llu", (unsigned long long)session);
    rc = db_command(s, sql);
    /* No such session, or not ours: it is gone, or was nobody's; the lock tells. */
    return rc == STORE_LOST ? rc : STORE_OK;
}

static enum store_rc set_lock_wait(struct store *s, unsigned seconds)
{
    char sql[64];

    snprintf(sql, sizeof(sql), "SET SESSION innodb_lock_wait_timeout = %u", seconds);
    return db_command(s, sql);
}

enum store_rc store_fence(struct store *s, struct store_head *out)
{
    enum store_rc rc = set_lock_wait(s, FENCE_LOCK_WAIT_S);
    enum store_rc restored;

    if (rc == STORE_OK) {
        rc = create_head(s);
    }
    if (rc == STORE_OK) {
        rc = raise_epoch(s, out);
    }
    for (int i = 1; rc == STORE_RETRY && i < FENCE_ATTEMPTS; i++) {
        rc = end_owner(s);
        if (rc == STORE_OK) {
            rc = raise_epoch(s, out);
        }
    }
    restored = set_lock_wait(s, db_lock_wait_s(s));
    return rc == STORE_OK ? restored : rc;
}

/* -- trimming --------------------------------------------------------------------------------- */

struct trim_step {
    uint64_t epoch, from, to;
};
static const struct col trim_range_cols[] = {COL(struct trim_step, from),
                                             COL(struct trim_step, to)};
static const struct col trim_head_cols[] = {COL(struct trim_step, to), COL(struct trim_step, epoch),
                                            COL(struct trim_step, to)};
static const struct statement sql_trim_event_users = {
    .sql = "DELETE FROM event_users WHERE event_id > ? AND event_id <= ?",
    .in = COLS(trim_range_cols),
};
static const struct statement sql_trim_events = {
    .sql = "DELETE FROM events WHERE event_id > ? AND event_id <= ? AND kind <> 7",
    .in = COLS(trim_range_cols),
};
static const struct col note_key_cols[] = {COL(struct note_key, user_id), COL(struct note_key, id)};
static const struct statement sql_deleted_notes = {
    .sql = "SELECT subject_id, number FROM events WHERE event_id > ? AND event_id <= ? AND kind = 17",
    .in = COLS(trim_range_cols),
    .out = COLS(note_key_cols),
};
/* Not a broadcast, whose row is everybody's. */
static const struct statement sql_trim_note = {
    .sql = "DELETE FROM notifications WHERE user_id = ? AND id = ? AND deleted_us IS NOT NULL",
    .in = COLS(note_key_cols),
};
static const struct statement sql_trim_decisions = {
    .sql = "DELETE FROM notification_decisions WHERE message_id > ? AND message_id <= ?",
    .in = COLS(trim_range_cols),
};
static const struct statement sql_trim_head = {
    .sql = "UPDATE log_head SET trimmed_to = ? WHERE part = 0 AND epoch = ? AND trimmed_to < ?",
    .in = COLS(trim_head_cols),
};
_Static_assert(EV_MESSAGE == 7, "the kind in sql_trim_events");
_Static_assert(EV_NOTIFICATION_DELETED == 17, "the kind in sql_deleted_notes");

/* Before the events go: they say which ones. */
static enum store_rc trim_notes(struct store *s, const struct trim_step *step)
{
    struct note_key *keys = mem_grow(NULL, TRIM_STEP, sizeof(keys[0]));
    struct note_key key = {0};
    unsigned count = 0;
    struct query q;

    query_start(&q, s, &sql_deleted_notes, step, sizeof(*step), 1, &key);
    while (query_next(&q)) {
        keys[count++] = key;
    }
    enum store_rc rc = q.rc == STORE_OK ? db_write(s, &sql_trim_note, keys, sizeof(keys[0]), count, NULL) : q.rc;
    free(keys);
    return rc;
}

static enum store_rc trim_step(struct store *s, const struct trim_step *step)
{
    uint64_t changed = 0;
    enum store_rc rc = db_command(s, "START TRANSACTION");

    if (rc == STORE_OK) {
        rc = db_write(s, &sql_trim_event_users, step, sizeof(*step), 1, NULL);
    }
    if (rc == STORE_OK) {
        rc = trim_notes(s, step);
    }
    if (rc == STORE_OK) {
        rc = db_write(s, &sql_trim_decisions, step, sizeof(*step), 1, NULL);
    }
    if (rc == STORE_OK) {
        rc = db_write(s, &sql_trim_events, step, sizeof(*step), 1, NULL);
    }
    if (rc == STORE_OK) {
        rc = db_write(s, &sql_trim_head, step, sizeof(*step), 1, &changed);
    }
    if (rc == STORE_OK && changed == 0) {
        rc = STORE_FENCED;
    }
    return rc == STORE_OK ? store_batch_commit(s) : db_rollback(s, rc);
}

/* In small transactions: the writer waits for the head's lock meanwhile. */
enum store_rc store_trim(struct store *s, uint64_t epoch, uint64_t upto)
{
    struct store_head head;
    bool found = false;
    enum store_rc rc = read_head(s, &sql_head, &head, &found);

    if (rc == STORE_OK && (!found || head.epoch != epoch)) {
        return STORE_FENCED;
    }
    while (rc == STORE_OK && head.trimmed_to < upto) {
        uint64_t left = upto - head.trimmed_to;
        struct trim_step step = {epoch, head.trimmed_to,
                                 head.trimmed_to + (left < TRIM_STEP ? left : TRIM_STEP)};

        rc = trim_step(s, &step);
        head.trimmed_to = step.to;
    }
    return rc;
}
