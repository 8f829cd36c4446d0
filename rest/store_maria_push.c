/* store_maria_push.c -- Web Push subscriptions and deliveries */
#include "rest/store_push.h"

#include "rest/store_maria.h"

/* End the transaction: what is in doubt may be done again. */
static enum store_rc end_transaction(struct store *s, enum store_rc rc)
{
    if (rc == STORE_OK) {
        rc = db_command(s, "COMMIT");
    }
    return rc == STORE_OK ? STORE_OK : db_rollback(s, rc);
}

/* -- subscriptions --------------------------------------------------------------------------------- */

#define SUBSCRIPTION_COLUMNS "id, user_id, created_us, endpoint_hash, endpoint, p256dh, auth"
static const struct col subscription_cols[] = {
    COL(struct row_subscription, id),       COL(struct row_subscription, user_id),
    COL(struct row_subscription, created_us), COL(struct row_subscription, hash),
    COL(struct row_subscription, endpoint), COL(struct row_subscription, p256dh),
    COL(struct row_subscription, auth),
};
static const struct col key_hash_cols[] = {
    COL(struct row_subscription, hash),
};
static const struct col owner_cols[] = {
    COL(struct row_subscription, id),
    COL(struct row_subscription, user_id),
    COL(struct row_subscription, created_us),
};
static const struct statement sql_by_endpoint = {
    .sql = "SELECT id, user_id, created_us FROM push_subscriptions WHERE endpoint_hash = ? FOR UPDATE",
    .in = COLS(key_hash_cols),
    .out = COLS(owner_cols),
};
struct number {
    uint64_t n;
};
static const struct col number_cols[] = {
    COL(struct number, n),
};
static const struct statement sql_count_of_user = {
    .sql = "SELECT COUNT(*) FROM push_subscriptions WHERE user_id = ?",
    .in = COLS_NUMBER,
    .out = COLS(number_cols),
};
static const struct statement sql_insert = {
    .sql = "INSERT INTO push_subscriptions (" SUBSCRIPTION_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)",
    .in = COLS(subscription_cols),
};
static const struct col keys_cols[] = {
    COL(struct row_subscription, p256dh),
    COL(struct row_subscription, auth),
    COL(struct row_subscription, id),
};
static const struct statement sql_set_keys = {
    .sql = "UPDATE push_subscriptions SET p256dh = ?, auth = ? WHERE id = ?",
    .in = COLS(keys_cols),
};
static const struct statement sql_delete = {
    .sql = "DELETE FROM push_subscriptions WHERE id = ?",
    .in = COLS_NUMBER,
};
static const struct statement sql_delete_waiting = {
    .sql = "DELETE FROM push_queue WHERE subscription_id = ?",
    .in = COLS_NUMBER,
};

static enum store_rc insert(struct store *s, const struct row_subscription *r, uint64_t max,
                            enum store_push_added *how)
{
    struct number have = {0};
    bool found;
    enum store_rc rc = query_one(s, &sql_count_of_user, &r->user_id, sizeof(r->user_id), &have, &found);
    if (rc == STORE_OK && have.n >= max) {
        *how = PUSH_TOO_MANY;
        return STORE_OK;
    }
    *how = PUSH_ADDED;
    return rc == STORE_OK ? db_write(s, &sql_insert, r, sizeof(*r), 1, NULL) : rc;
}

enum store_rc store_push_add(struct store *s, struct row_subscription *r, uint64_t max, enum store_push_added *how,
                             uint64_t *gone)
{
    struct row_subscription old = {0};
    bool found = false;
    uint64_t waiting = 0;
    enum store_rc rc = db_command(s, "START TRANSACTION");
    if (rc == STORE_OK) {
        rc = query_one(s, &sql_by_endpoint, r, sizeof(*r), &old, &found);
    }
    if (rc == STORE_OK && found && old.user_id == r->user_id) {
        *how = PUSH_REPLACED;
        r->id = old.id;
        r->created_us = old.created_us;
        rc = db_write(s, &sql_set_keys, r, sizeof(*r), 1, NULL);
        return end_transaction(s, rc);
    }
    if (rc == STORE_OK && found) {
        rc = db_write(s, &sql_delete, &old.id, sizeof(old.id), 1, NULL);
    }
    if (rc == STORE_OK && found) {
        rc = db_write(s, &sql_delete_waiting, &old.id, sizeof(old.id), 1, &waiting);
    }
    if (rc == STORE_OK) {
        rc = insert(s, r, max, how);
    }
    rc = end_transaction(s, rc);
    if (rc == STORE_OK) {
        *gone = waiting;
    }
    return rc;
}

static enum store_rc each_subscription(struct query *q, const struct row_subscription *row,
                                       store_on_subscription on, void *ctx)
{
    while (query_next(q)) {
        on(ctx, row);
    }
    return q->rc;
}

static const struct statement sql_list = {
    .sql = "SELECT " SUBSCRIPTION_COLUMNS " FROM push_subscriptions WHERE user_id = ? ORDER BY created_us, id",
    .in = COLS_NUMBER,
    .out = COLS(subscription_cols),
};

enum store_rc store_push_list(struct store *s, uint64_t user_id, store_on_subscription on, void *ctx)
{
    struct row_subscription row = {0};
    struct query q;
    query_start(&q, s, &sql_list, &user_id, sizeof(user_id), 1, &row);
    return each_subscription(&q, &row, on, ctx);
}

static const struct statement sql_of_users = {
    .sql = "SELECT id, user_id, created_us FROM push_subscriptions WHERE user_id IN (",
    .each = "?",
    .between = ", ",
    .tail = ")",
    .in = COLS_NUMBER,
    .out = COLS(owner_cols),
};

enum store_rc store_push_of(struct store *s, const uint64_t *users, unsigned count, store_on_subscription on, void *ctx)
{
    struct row_subscription row = {0};
    struct query q;
    query_start(&q, s, &sql_of_users, users, sizeof(users[0]), count, &row);
    return each_subscription(&q, &row, on, ctx);
}

static const struct col owned_cols[] = {
    COL(struct row_subscription, id),
    COL(struct row_subscription, user_id),
    COL(struct row_subscription, user_id),
};
static const struct statement sql_delete_owned = {
    .sql = "DELETE FROM push_subscriptions WHERE id = ? AND (user_id = ? OR ? = 0)",
    .in = COLS(owned_cols),
};

enum store_rc store_push_remove(struct store *s, uint64_t id, uint64_t user_id, bool *found, uint64_t *gone)
{
    const struct row_subscription key = {.id = id, .user_id = user_id};
    uint64_t changed = 0, waiting = 0;
    enum store_rc rc = db_command(s, "START TRANSACTION");
    if (rc == STORE_OK) {
        rc = db_write(s, &sql_delete_owned, &key, sizeof(key), 1, &changed);
    }
    /* What waits for one that is gone is of no use either. */
    if (rc == STORE_OK && (changed > 0 || user_id == 0)) {
        rc = db_write(s, &sql_delete_waiting, &id, sizeof(id), 1, &waiting);
    }
    rc = end_transaction(s, rc);
    if (rc == STORE_OK) {
        *found = changed > 0;
        *gone = waiting;
    }
    return rc;
}

/* -- from the log ----------------------------------------------------------------------------------- */

static const struct col place_cols[] = {
    COL(struct row_notifier, event_id),
    COL(struct row_notifier, user_id),
};
static const struct statement sql_cursor = {
    .sql = "SELECT event_id, user_id FROM push_cursor WHERE part = 0",
    .out = COLS(place_cols),
};

enum store_rc store_push_cursor(struct store *s, struct row_notifier *out)
{
    struct row_notifier row = {0};
    bool found;
    enum store_rc rc = query_one(s, &sql_cursor, NULL, 0, &row, &found);
    if (rc == STORE_OK && !found) { /* the log is younger than the table */
        rc = db_command(s, "INSERT IGNORE INTO push_cursor (part, event_id, user_id) VALUES (0, 0, 0)");
    }
    if (rc == STORE_OK) {
        *out = row;
    }
    return rc;
}

struct event_range {
    uint64_t after, upto, limit;
};
static const struct col event_range_cols[] = {
    COL(struct event_range, after),
    COL(struct event_range, upto),
    COL(struct event_range, limit),
};
static const struct statement sql_events = {
    .sql = "SELECT " EVENT_COLUMNS " FROM events FORCE INDEX (PRIMARY) WHERE event_id > ? AND event_id <= ? "
           "AND kind = 14 ORDER BY event_id LIMIT ?",
    .in = COLS(event_range_cols),
    .out = {event_cols, EVENT_COLS},
};
_Static_assert(EV_NOTIFICATION == 14, "the kind in sql_events");

enum store_rc store_push_events(struct store *s, uint64_t after, uint64_t upto, unsigned limit, store_on_event on,
                                void *ctx)
{
    struct event_range key = {after, upto, limit};
    struct row_event row = {0};
    struct query q;
    query_start(&q, s, &sql_events, &key, sizeof(key), 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

static const struct col users_after_cols[] = {
    COL(struct event_range, after),
    COL(struct event_range, limit),
};
static const struct col user_cols[] = {
    COL(struct row_subscription, user_id),
};
static const struct statement sql_users = {
    .sql = "SELECT id FROM users WHERE id > ? ORDER BY id LIMIT ?",
    .in = COLS(users_after_cols),
    .out = COLS(user_cols),
};
static const struct statement sql_subscribers = {
    .sql = "SELECT DISTINCT user_id FROM push_subscriptions WHERE user_id > ? ORDER BY user_id LIMIT ?",
    .in = COLS(users_after_cols),
    .out = COLS(user_cols),
};

enum store_rc store_push_users(struct store *s, uint64_t after, bool with_subscription, unsigned limit,
                               store_on_subscription on, void *ctx)
{
    struct event_range key = {.after = after, .limit = limit};
    struct row_subscription row = {0};
    struct query q;
    query_start(&q, s, with_subscription ? &sql_subscribers : &sql_users, &key, sizeof(key), 1, &row);
    return each_subscription(&q, &row, on, ctx);
}

static const struct col delivery_cols[] = {
    COL(struct row_delivery, subscription_id), COL(struct row_delivery, note_id),
    COL(struct row_delivery, user_id),         COL(struct row_delivery, due_us),
    COL(struct row_delivery, attempts),
};
static const struct statement sql_enqueue = {
    .sql = "INSERT IGNORE INTO push_queue (subscription_id, note_id, user_id, due_us, attempts) VALUES (?, ?, ?, ?, ?)",
    .in = COLS(delivery_cols),
};
struct move {
    uint64_t event_to, user_to, event_from, user_from;
};
static const struct col move_cols[] = {
    COL(struct move, event_to),
    COL(struct move, user_to),
    COL(struct move, event_from),
    COL(struct move, user_from),
};
static const struct statement sql_move = {
    .sql = "UPDATE push_cursor SET event_id = ?, user_id = ? WHERE part = 0 AND event_id = ? AND user_id = ?",
    .in = COLS(move_cols),
};

enum store_rc store_push_enqueue(struct store *s, const struct row_notifier *from, const struct row_notifier *to,
                                 const struct row_delivery *rows, unsigned count, uint64_t *added)
{
    const struct move move = {to->event_id, to->user_id, from->event_id, from->user_id};
    uint64_t moved = 0, inserted = 0;
    enum store_rc rc = db_command(s, "START TRANSACTION");
    if (rc == STORE_OK) {
        rc = db_write(s, &sql_move, &move, sizeof(move), 1, &moved);
    }
    if (rc == STORE_OK && moved == 0) {
        rc = STORE_FENCED;
    }
    if (rc == STORE_OK) {
        rc = db_write(s, &sql_enqueue, rows, sizeof(rows[0]), count, &inserted);
    }
    rc = end_transaction(s, rc);
    if (rc == STORE_OK) {
        *added = inserted;
    }
    return rc;
}

/* -- sending ------------------------------------------------------------------------------------------ */

static const struct statement sql_count = {
    .sql = "SELECT COUNT(*) FROM push_queue",
    .out = COLS(number_cols),
};

enum store_rc store_push_count(struct store *s, uint64_t *out)
{
    struct number row = {0};
    bool found;
    enum store_rc rc = query_one(s, &sql_count, NULL, 0, &row, &found);
    if (rc == STORE_OK) {
        *out = row.n;
    }
    return rc;
}

static const struct col target_cols[] = {
    COL(struct row_push_target, subscription_id),
    COL(struct row_push_target, due_us),
};
/* A loose scan of the index: one look per target, however much waits for each. */
static const struct statement sql_targets = {
    .sql = "SELECT subscription_id, MIN(due_us) FROM push_queue FORCE INDEX (due) GROUP BY subscription_id "
           "ORDER BY 2 LIMIT ?",
    .in = COLS_NUMBER,
    .out = COLS(target_cols),
};

enum store_rc store_push_targets(struct store *s, unsigned limit, store_on_target on, void *ctx)
{
    uint64_t key = limit;
    struct row_push_target row = {0};
    struct query q;
    query_start(&q, s, &sql_targets, &key, sizeof(key), 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

struct next_key {
    uint64_t subscription_id, now_us, limit;
};
static const struct col next_key_cols[] = {
    COL(struct next_key, subscription_id),
    COL(struct next_key, now_us),
    COL(struct next_key, limit),
};
static const struct col next_cols[] = {
    COL(struct row_delivery, subscription_id), COL(struct row_delivery, note_id),
    COL(struct row_delivery, user_id),         COL(struct row_delivery, due_us),
    COL(struct row_delivery, attempts),        COL_NULL(struct row_delivery, endpoint),
    COL_NULL(struct row_delivery, p256dh),     COL_NULL(struct row_delivery, auth),
};
static const struct statement sql_next = {
    .sql = "SELECT q.subscription_id, q.note_id, q.user_id, q.due_us, q.attempts, s.endpoint, s.p256dh, s.auth "
           "FROM push_queue q FORCE INDEX (due) LEFT JOIN push_subscriptions s ON s.id = q.subscription_id "
           "AND s.user_id = q.user_id WHERE q.subscription_id = ? AND q.due_us <= ? "
           "ORDER BY q.due_us, q.note_id LIMIT ?",
    .in = COLS(next_key_cols),
    .out = COLS(next_cols),
};

enum store_rc store_push_next(struct store *s, uint64_t subscription_id, uint64_t now_us, unsigned limit,
                              store_on_delivery on, void *ctx)
{
    struct next_key key = {subscription_id, now_us, limit};
    struct row_delivery row = {0};
    struct query q;
    query_start(&q, s, &sql_next, &key, sizeof(key), 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

static const struct col delivery_key_cols[] = {
    COL(struct row_delivery, subscription_id),
    COL(struct row_delivery, note_id),
    COL(struct row_delivery, user_id),
};
static const struct statement sql_done = {
    .sql = "DELETE FROM push_queue WHERE subscription_id = ? AND note_id = ? AND user_id = ?",
    .in = COLS(delivery_key_cols),
};

enum store_rc store_push_done(struct store *s, const struct row_delivery *r, uint64_t *gone)
{
    uint64_t changed = 0;
    enum store_rc rc = db_write(s, &sql_done, r, sizeof(*r), 1, &changed);
    if (rc == STORE_OK) {
        *gone = changed;
    }
    return rc;
}

static const struct col again_cols[] = {
    COL(struct row_delivery, attempts), COL(struct row_delivery, due_us),
    COL(struct row_delivery, subscription_id), COL(struct row_delivery, note_id),
    COL(struct row_delivery, user_id),
};
static const struct statement sql_again = {
    .sql = "UPDATE push_queue SET attempts = ?, due_us = ? WHERE subscription_id = ? AND note_id = ? AND user_id = ?",
    .in = COLS(again_cols),
};
static const struct col hold_cols[] = {
    COL(struct row_push_target, due_us),
    COL(struct row_push_target, subscription_id),
    COL(struct row_push_target, due_us),
};
static const struct statement sql_hold = {
    .sql = "UPDATE push_queue SET due_us = ? WHERE subscription_id = ? AND due_us < ?",
    .in = COLS(hold_cols),
};

enum store_rc store_push_again(struct store *s, const struct row_delivery *r, uint64_t hold_us)
{
    const struct row_push_target target = {r->subscription_id, hold_us};
    enum store_rc rc = db_command(s, "START TRANSACTION");
    if (rc == STORE_OK) {
        rc = db_write(s, &sql_again, r, sizeof(*r), 1, NULL);
    }
    if (rc == STORE_OK && hold_us != 0) {
        rc = db_write(s, &sql_hold, &target, sizeof(target), 1, NULL);
    }
    return end_transaction(s, rc);
}
