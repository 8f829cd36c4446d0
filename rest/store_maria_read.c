/*
 * store_maria_read.c -- look-ups for the writer, and what clients read
 */
#include "rest/store_maria.h"
#include "rest/store_maria_seal.h"

/* -- messages --------------------------------------------------------------------------------- */

static enum store_rc each_message(struct query *q, struct row_message *row, store_on_message on,
                                  void *ctx)
{
    while (query_next(q)) {
        db_unseal(q->s, row);
        on(ctx, row);
    }
    return q->rc;
}

/* The optimizer must not start from messages, which has no key by id. */
static const struct statement sql_messages_by_id = {
    .sql = "SELECT " MESSAGE_COLUMNS " FROM events e STRAIGHT_JOIN messages m "
           "ON m.chat_id = e.chat_id AND m.seq = e.seq WHERE e.kind = 7 AND e.event_id IN (",
    .each = "?",
    .between = ", ",
    .tail = ")",
    .in = COLS_NUMBER,
    .out = {message_cols, MESSAGE_COLS},
};
_Static_assert(EV_MESSAGE == 7, "the kind in sql_messages_by_id");

enum store_rc store_find_messages(struct store *s, const uint64_t *ids, unsigned count,
                                  store_on_message on, void *ctx)
{
    struct row_message row = {0};
    struct query q;

    query_start(&q, s, &sql_messages_by_id, ids, sizeof(*ids), count, &row);
    return each_message(&q, &row, on, ctx);
}

static const struct col user_key_cols[] = {
    COL(struct user_key, user_id),
    COL(struct user_key, key),
};
/* OR of equalities, not IN of pairs: only the former becomes a range over the key. */
static const struct statement sql_messages_by_key = {
    .sql = "SELECT m.chat_id, m.seq, m.id, m.sender_id, m.created_us, m.version, m.flags, "
           "m.last_event, m.client_key, m.op_hash, m.kind FROM messages m "
           "FORCE INDEX (client_key) WHERE ",
    .each = "(m.sender_id = ? AND m.client_key = ?)",
    .between = " OR ",
    .in = COLS(user_key_cols),
    .out = {message_cols, MESSAGE_COLS - 1},
};

enum store_rc store_find_message_keys(struct store *s, const struct user_key *keys, unsigned count,
                                      store_on_message on, void *ctx)
{
    struct row_message row = {0};
    struct query q;

    query_start(&q, s, &sql_messages_by_key, keys, sizeof(*keys), count, &row);
    return each_message(&q, &row, on, ctx);
}

static const struct col place_cols[] = {
    COL(struct chat_seq, chat_id),
    COL(struct chat_seq, seq),
};
static const struct statement sql_messages_by_place = {
    .sql = "SELECT " MESSAGE_COLUMNS " FROM messages m FORCE INDEX (PRIMARY) WHERE ",
    .each = "(m.chat_id = ? AND m.seq = ?)",
    .between = " OR ",
    .in = COLS(place_cols),
    .out = {message_cols, MESSAGE_COLS},
};

enum store_rc store_messages_at(struct store *s, const struct chat_seq *at, unsigned count,
                                store_on_message on, void *ctx)
{
    struct row_message row = {0};
    struct query q;

    query_start(&q, s, &sql_messages_by_place, at, sizeof(*at), count, &row);
    return each_message(&q, &row, on, ctx);
}

struct history_key {
    uint64_t chat_id, from, to, limit;
};
static const struct col history_cols[] = {
    COL(struct history_key, chat_id),
    COL(struct history_key, from),
    COL(struct history_key, to),
    COL(struct history_key, limit),
};
#define HISTORY_SELECT                                                                             \
    "SELECT " MESSAGE_COLUMNS " FROM messages m FORCE INDEX (PRIMARY) "                            \
    "WHERE m.chat_id = ? AND m.seq >= ? AND m.seq <= ? ORDER BY m.seq "
static const struct statement sql_history_rising = {
    .sql = HISTORY_SELECT "LIMIT ?",
    .in = COLS(history_cols),
    .out = {message_cols, MESSAGE_COLS},
};
static const struct statement sql_history_falling = {
    .sql = HISTORY_SELECT "DESC LIMIT ?",
    .in = COLS(history_cols),
    .out = {message_cols, MESSAGE_COLS},
};

enum store_rc store_history(struct store *s, uint64_t chat_id, uint64_t from, uint64_t to,
                            bool falling, unsigned limit, store_on_message on, void *ctx)
{
    struct history_key key = {chat_id, from, to, limit};
    struct row_message row = {0};
    struct query q;

    query_start(&q, s, falling ? &sql_history_falling : &sql_history_rising, &key, sizeof(key), 1,
                &row);
    return each_message(&q, &row, on, ctx);
}

struct own_key {
    uint64_t chat_id, from, to, sender_id;
};
static const struct col own_cols[] = {
    COL(struct own_key, chat_id),
    COL(struct own_key, from),
    COL(struct own_key, to),
    COL(struct own_key, sender_id),
};
static const struct statement sql_count_own = {
    .sql = "SELECT COUNT(*) FROM messages FORCE INDEX (PRIMARY) "
           "WHERE chat_id = ? AND seq > ? AND seq <= ? AND sender_id = ?",
    .in = COLS(own_cols),
    .out = COLS_NUMBER,
};

enum store_rc store_count_own(struct store *s, uint64_t chat_id, uint64_t sender_id, uint64_t from,
                              uint64_t to, uint64_t *out)
{
    struct own_key key = {chat_id, from, to, sender_id};
    uint64_t count = 0;
    bool found;
    enum store_rc rc = query_one(s, &sql_count_own, &key, sizeof(key), &count, &found);

    if (rc == STORE_OK) {
        *out = count;
    }
    return rc;
}

/* -- keys, passwords -------------------------------------------------------------------------- */

static const struct statement sql_keys = {
    .sql = "SELECT " KEY_COLUMNS " FROM op_keys FORCE INDEX (PRIMARY) WHERE ",
    .each = "(user_id = ? AND op_key = ?)",
    .between = " OR ",
    .in = COLS(user_key_cols),
    .out = {key_cols, KEY_COLS},
};

enum store_rc store_find_keys(struct store *s, const struct user_key *keys, unsigned count,
                              store_on_key on, void *ctx)
{
    struct row_key row = {0};
    struct query q;

    query_start(&q, s, &sql_keys, keys, sizeof(*keys), count, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

static const struct col password_cols[] = {COL_NULL(struct row_user, password_hash)};
static const struct statement sql_password = {
    .sql = "SELECT password_hash FROM users WHERE id = ?",
    .in = COLS_NUMBER,
    .out = COLS(password_cols),
};

enum store_rc store_password(struct store *s, uint64_t user_id, struct buf *hash, bool *found)
{
    struct row_user row = {0};
    bool is_there = false;
    enum store_rc rc = query_one(s, &sql_password, &user_id, sizeof(user_id), &row, &is_there);

    if (rc == STORE_OK) {
        *found = is_there;
        buf_add_str(hash, row.password_hash);
    }
    return rc;
}
