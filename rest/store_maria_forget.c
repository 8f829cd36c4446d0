/*
 * store_maria_forget.c -- what has outlived its use, found and deleted a piece at a time
 *
 * A statement reads or deletes no more than its limit, so the writer, whose connection this is, never waits long.
 */
#include "rest/store_maria.h"

#define TEXT_OF(n)  #n
#define NUMBER_TEXT(n) TEXT_OF(n)

static const struct statement sql_forget_keys = {
    .sql = "DELETE FROM op_keys WHERE at_us < ? LIMIT " NUMBER_TEXT(STORE_FORGET_MAX),
    .in = COLS_NUMBER,
};
static const struct statement sql_forget_families = {
    .sql = "DELETE FROM families WHERE expires_s < ? LIMIT " NUMBER_TEXT(STORE_FORGET_MAX),
    .in = COLS_NUMBER,
};

enum store_rc store_forget(struct store *s, uint64_t keys_us, uint64_t expires_s, bool *more)
{
    uint64_t keys = 0, families = 0;
    enum store_rc rc = db_write(s, &sql_forget_keys, &keys_us, sizeof(keys_us), 1, &keys);

    if (rc == STORE_OK) {
        rc = db_write(s, &sql_forget_families, &expires_s, sizeof(expires_s), 1, &families);
    }
    *more = keys == STORE_FORGET_MAX || families == STORE_FORGET_MAX;
    return rc;
}

/* -- notifications ------------------------------------------------------------------------------- */

static const struct col first_note_cols[] = {
    COL(struct row_note, user_id),
    COL(struct row_note, id),
    COL(struct row_note, created_us),
};
static const struct statement sql_first_notes = {
    .sql = "",
    .each = "(SELECT user_id, id, created_us FROM notifications FORCE INDEX (PRIMARY) WHERE user_id = ? "
            "ORDER BY id LIMIT 1)",
    .between = " UNION ALL ",
    .in = COLS_NUMBER,
    .out = COLS(first_note_cols),
};

static enum store_rc each_note(struct query *q, const struct row_note *row, store_on_note on, void *ctx)
{
    while (query_next(q)) {
        on(ctx, row);
    }
    return q->rc;
}

enum store_rc store_first_notes(struct store *s, const uint64_t *users, unsigned count, store_on_note on, void *ctx)
{
    struct row_note row = {0};
    struct query q;

    query_start(&q, s, &sql_first_notes, users, sizeof(*users), count, &row);
    return each_note(&q, &row, on, ctx);
}

struct note_start {
    uint64_t user_id, after, limit;
};
static const struct col note_start_cols[] = {
    COL(struct note_start, user_id),
    COL(struct note_start, after),
    COL(struct note_start, limit),
};
static const struct col note_age_cols[] = {
    COL(struct row_note, user_id),         COL(struct row_note, id),
    COL(struct row_note, created_us),      COL_NULL(struct row_note, read_us),
    COL_NULL(struct row_note, deleted_us), COL(struct row_note, last_event),
};
static const struct statement sql_notes_after = {
    .sql = "SELECT user_id, id, created_us, read_us, deleted_us, last_event FROM notifications FORCE INDEX (PRIMARY) "
           "WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?",
    .in = COLS(note_start_cols),
    .out = COLS(note_age_cols),
};

enum store_rc store_notes_after(struct store *s, uint64_t user_id, uint64_t after, unsigned limit, store_on_note on,
                                void *ctx)
{
    struct note_start key = {user_id, after, limit};
    struct row_note row = {0};
    struct query q;

    query_start(&q, s, &sql_notes_after, &key, sizeof(key), 1, &row);
    return each_note(&q, &row, on, ctx);
}

static const struct col mark_key_cols[] = {COL(struct row_note, user_id), COL(struct row_note, id)};
static const struct statement sql_note_marks = {
    .sql = "SELECT user_id, note_id FROM notification_marks FORCE INDEX (note) WHERE note_id = ?",
    .in = COLS_NUMBER,
    .out = COLS(mark_key_cols),
};

enum store_rc store_note_marks(struct store *s, uint64_t id, store_on_note on, void *ctx)
{
    struct row_note row = {0};
    struct query q;

    query_start(&q, s, &sql_note_marks, &id, sizeof(id), 1, &row);
    return each_note(&q, &row, on, ctx);
}

static const struct col note_key_cols[] = {COL(struct note_key, user_id), COL(struct note_key, id)};
static const struct statement sql_drop_note = {
    .sql = "DELETE FROM notifications WHERE user_id = ? AND id = ?",
    .in = COLS(note_key_cols),
};
static const struct statement sql_epoch = {
    .sql = "SELECT epoch FROM log_head WHERE part = 0 LOCK IN SHARE MODE",
    .out = COLS_NUMBER,
};

enum store_rc store_drop_notes(struct store *s, uint64_t epoch, const struct note_key *keys, unsigned count)
{
    uint64_t now = 0;
    bool found = false;
    enum store_rc rc = db_command(s, "START TRANSACTION");

    if (rc == STORE_OK) {
        rc = query_one(s, &sql_epoch, NULL, 0, &now, &found);
    }
    if (rc == STORE_OK && (!found || now != epoch)) {
        rc = STORE_FENCED;
    }
    if (rc == STORE_OK) {
        rc = db_write(s, &sql_drop_note, keys, sizeof(*keys), count, NULL);
    }
    return rc == STORE_OK ? store_batch_commit(s) : db_rollback(s, rc);
}

static const struct statement sql_forget_marks = {
    .sql = "DELETE FROM notification_marks WHERE note_id <= ? LIMIT " NUMBER_TEXT(STORE_FORGET_MAX),
    .in = COLS_NUMBER,
};

enum store_rc store_forget_marks(struct store *s, uint64_t upto, bool *more)
{
    uint64_t marks = 0;
    enum store_rc rc = db_write(s, &sql_forget_marks, &upto, sizeof(upto), 1, &marks);

    *more = marks == STORE_FORGET_MAX;
    return rc;
}

/* -- check-ins ------------------------------------------------------------------------------------ */

/* The session's row stays: its number is not to be given again. */
static const struct statement sql_old_checkins = {
    .sql = "SELECT e.id FROM event_sessions e WHERE e.deleted_us < ? AND EXISTS (SELECT 1 FROM checkins c "
           "WHERE c.session_id = e.id) LIMIT 1",
    .in = COLS_NUMBER,
    .out = COLS_NUMBER,
};
static const struct statement sql_forget_checkins = {
    .sql = "DELETE FROM checkins WHERE session_id = ? LIMIT " NUMBER_TEXT(STORE_FORGET_MAX),
    .in = COLS_NUMBER,
};

enum store_rc store_forget_checkins(struct store *s, uint64_t before_us, bool *more)
{
    uint64_t session_id = 0;
    bool found = false;
    enum store_rc rc = query_one(s, &sql_old_checkins, &before_us, sizeof(before_us), &session_id, &found);

    if (rc == STORE_OK && found) {
        rc = db_write(s, &sql_forget_checkins, &session_id, sizeof(session_id), 1, NULL);
    }
    *more = found;
    return rc;
}
