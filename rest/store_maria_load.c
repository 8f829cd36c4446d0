/*
 * store_maria_load.c -- everything that the caches hold, read once at start
 *
 * Rows stream from the server one by one; nothing here holds a whole table in memory. What is derived from messages and
 * events is one look-up at the end of a chat's range of an index, never a scan.
 */
#include "rest/store_maria.h"

static const struct col maxima_cols[] = {
    COL(struct store_maxima, user_id),
    COL(struct store_maxima, chat_id),
    COL(struct store_maxima, family_id),
    COL(struct store_maxima, session_id),
};
static const struct statement sql_maxima = {
    .sql = "SELECT (SELECT COALESCE(MAX(id), 0) FROM users), "
           "(SELECT COALESCE(MAX(id), 0) FROM chats), "
           "(SELECT COALESCE(MAX(id), 0) FROM families), "
           "(SELECT COALESCE(MAX(id), 0) FROM event_sessions)",
    .out = COLS(maxima_cols),
};

enum store_rc store_load_maxima(struct store *s, struct store_maxima *out)
{
    struct store_maxima row;
    bool found;
    enum store_rc rc = query_one(s, &sql_maxima, NULL, 0, &row, &found);

    if (rc == STORE_OK) {
        *out = row;
    }
    return rc;
}

static const struct col user_cols[] = {
    COL(struct row_user, id),
    COL(struct row_user, created_us),
    COL(struct row_user, username),
    COL(struct row_user, name),
    COL_NULL(struct row_user, external_id),
    COL_NULL(struct row_user, profile_url),
    COL(struct row_user, status),
    COL_NULL(struct row_user, valid_from_us),
    COL_NULL(struct row_user, last_event),
};
static const struct statement sql_users = {
    .sql = "SELECT id, created_us, username, name, external_id, profile_url, status, valid_from_us, "
           "GREATEST(COALESCE((SELECT event_id FROM event_users FORCE INDEX (PRIMARY) WHERE user_id = u.id "
           "ORDER BY event_id DESC LIMIT 1), 0), COALESCE((SELECT n.id FROM notifications n "
           "FORCE INDEX (PRIMARY) WHERE n.user_id = u.id ORDER BY n.id DESC LIMIT 1), 0)) "
           "FROM users u ORDER BY id",
    .out = COLS(user_cols),
};

enum store_rc store_load_users(struct store *s, store_on_user on, void *ctx)
{
    struct row_user row = {0};
    struct query q;

    query_start(&q, s, &sql_users, NULL, 0, 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

static const struct col chat_cols[] = {
    COL(struct row_chat, id),
    COL(struct row_chat, kind),
    COL(struct row_chat, name),
    COL(struct row_chat, created_us),
    COL(struct row_chat, created_by),
    COL_NULL(struct row_chat, open),
    COL_NULL(struct row_chat, renamed_us),
    COL_NULL(struct row_chat, peer[0]),
    COL_NULL(struct row_chat, peer[1]),
    COL_NULL(struct row_chat, last_seq),
    COL_NULL(struct row_chat, last_message_id),
    COL_NULL(struct row_chat, last_text_event),
    COL_NULL(struct row_chat, last_message_us),
    COL_NULL(struct row_chat, last_event),
};
#define LAST_OF(what, table, key, order)                                                           \
    "(SELECT " what " FROM " table " FORCE INDEX (" key ") WHERE chat_id = c.id "                  \
    "ORDER BY " order " DESC LIMIT 1)"
static const struct statement sql_chats = {
    .sql = "SELECT id, kind, name, created_us, created_by, open, renamed_us, peer_low, peer_high, "
           LAST_OF("seq", "messages", "PRIMARY", "seq") ", "
           LAST_OF("id", "messages", "PRIMARY", "seq") ", "
           LAST_OF("last_event", "messages", "PRIMARY", "seq") ", "
           LAST_OF("created_us", "messages", "PRIMARY", "seq") ", "
           LAST_OF("event_id", "events", "chat", "event_id")
           " FROM chats c WHERE deleted_us IS NULL ORDER BY id",
    .out = COLS(chat_cols),
};

enum store_rc store_load_chats(struct store *s, store_on_chat on, void *ctx)
{
    struct row_chat row = {0};
    struct query q;

    query_start(&q, s, &sql_chats, NULL, 0, 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

static const struct col member_cols[] = {
    COL(struct row_member, chat_id),    COL(struct row_member, user_id),
    COL(struct row_member, role),       COL(struct row_member, joined_seq),
    COL(struct row_member, read_seq),   COL(struct row_member, own_total),
    COL(struct row_member, own_at_read), COL(struct row_member, own_seq),
};
static const struct statement sql_members = {
    .sql = "SELECT chat_id, user_id, role, joined_seq, read_seq, own_total, own_at_read, "
           "own_seq "
           "FROM members ORDER BY chat_id, user_id",
    .out = COLS(member_cols),
};

enum store_rc store_load_members(struct store *s, store_on_member on, void *ctx)
{
    struct row_member row = {0};
    struct query q;

    query_start(&q, s, &sql_members, NULL, 0, 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

static const struct col deletion_cols[] = {
    COL(struct row_deletion, chat_id),
    COL(struct row_deletion, seq),
    COL(struct row_deletion, sender_id),
};
static const struct statement sql_deletions = {
    .sql = "SELECT chat_id, seq, sender_id FROM message_deletions ORDER BY chat_id, seq",
    .out = COLS(deletion_cols),
};

enum store_rc store_load_deletions(struct store *s, store_on_deletion on, void *ctx)
{
    struct row_deletion row = {0};
    struct query q;

    query_start(&q, s, &sql_deletions, NULL, 0, 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

struct family_key {
    uint64_t now_s, revoked_us;
};
static const struct col family_key_cols[] = {
    COL(struct family_key, now_s),
    COL(struct family_key, revoked_us),
};
static const struct col family_cols[] = {
    COL(struct row_family, id),
    COL(struct row_family, user_id),
    COL(struct row_family, refresh_hash),
    COL(struct row_family, previous_hash),
    COL(struct row_family, created_us),
    COL(struct row_family, expires_s),
    COL_NULL(struct row_family, revoked_us),
};
#define FAMILY_SELECT                                                                              \
    "SELECT id, user_id, refresh_hash, previous_hash, created_us, expires_s, revoked_us "          \
    "FROM families "
static const struct statement sql_families = {
    .sql = FAMILY_SELECT "WHERE expires_s > ? AND revoked_us IS NULL UNION ALL " FAMILY_SELECT
                         "WHERE revoked_us >= ?",
    .in = COLS(family_key_cols),
    .out = COLS(family_cols),
};

enum store_rc store_load_families(struct store *s, uint64_t now_s, uint64_t keep_s,
                                  store_on_family on, void *ctx)
{
    struct family_key key = {now_s, (now_s > keep_s ? now_s - keep_s : 0) * 1000000};
    struct row_family row = {0};
    struct query q;

    query_start(&q, s, &sql_families, &key, sizeof(key), 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
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
    .sql = "SELECT " EVENT_COLUMNS " FROM events WHERE event_id > ? AND event_id <= ? "
           "ORDER BY event_id LIMIT ?",
    .in = COLS(event_range_cols),
    .out = {event_cols, EVENT_COLS},
};

enum store_rc store_load_events(struct store *s, uint64_t after, uint64_t upto, unsigned limit,
                                store_on_event on, void *ctx)
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

static const struct col event_user_key_cols[] = {
    COL(struct row_event_user, event_id),
};
static const struct col event_user_cols[] = {
    COL(struct row_event_user, user_id),
    COL(struct row_event_user, event_id),
};
static const struct statement sql_event_users = {
    .sql = "SELECT user_id, event_id FROM event_users FORCE INDEX (event_id) WHERE event_id = ? "
           "ORDER BY user_id",
    .in = COLS(event_user_key_cols),
    .out = COLS(event_user_cols),
};

enum store_rc store_load_event_users(struct store *s, uint64_t event_id, store_on_event_user on,
                                     void *ctx)
{
    struct row_event_user key = {.event_id = event_id};
    struct row_event_user row = {0};
    struct query q;

    query_start(&q, s, &sql_event_users, &key, sizeof(key), 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}
