/*
 * store_maria_note.c -- notifications: what a batch writes of them, look-ups, lists, and what start-up loads
 *
 * Rows of user 0 are broadcasts; notification_marks says what single users did with them. Both kinds are read through one
 * shape, in which a broadcast carries the marks of the one who asks.
 */
#include "rest/store_maria.h"

/* -- writing ---------------------------------------------------------------------------------- */

static const struct col note_insert_cols[] = {
    COL(struct row_note, user_id),        COL(struct row_note, id),
    COL(struct row_note, created_us),     COL(struct row_note, last_event),
    COL_NULL(struct row_note, chat_id),   COL_NULL(struct row_note, seq),
    COL_NULL(struct row_note, sender_id), COL(struct row_note, preview),
    COL_NULL(struct row_note, kind),      COL_NULL(struct row_note, title),
    COL_NULL(struct row_note, text),      COL_NULL(struct row_note, link),
};
const struct statement sql_note_insert = {
    .sql = "INSERT INTO notifications (user_id, id, created_us, last_event, chat_id, seq, sender_id, "
           "preview, kind, title, body, link) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    .in = COLS(note_insert_cols),
};

static const struct col note_update_cols[] = {
    COL_NULL(struct row_note_mark, read_us),
    COL_NULL(struct row_note_mark, deleted_us),
    COL(struct row_note_mark, last_event),
    COL(struct row_note_mark, user_id),
    COL(struct row_note_mark, id),
};
const struct statement sql_note_update = {
    .sql = "UPDATE notifications SET read_us = COALESCE(?, read_us), deleted_us = COALESCE(?, deleted_us), "
           "last_event = ? WHERE user_id = ? AND id = ?",
    .in = COLS(note_update_cols),
};

static const struct col note_mark_cols[] = {
    COL(struct row_note_mark, user_id),
    COL(struct row_note_mark, id),
    COL_NULL(struct row_note_mark, read_us),
    COL_NULL(struct row_note_mark, deleted_us),
    COL(struct row_note_mark, last_event),
};
const struct statement sql_note_mark_put = {
    .sql = "INSERT INTO notification_marks (user_id, note_id, read_us, deleted_us, last_event) "
           "VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE read_us = COALESCE(VALUES(read_us), read_us), "
           "deleted_us = COALESCE(VALUES(deleted_us), deleted_us), last_event = VALUES(last_event)",
    .in = COLS(note_mark_cols),
};

static const struct col note_user_put_cols[] = {
    COL(struct row_note_user, user_id),
    COL(struct row_note_user, read_all_id),
};
const struct statement sql_note_user_put = {
    .sql = "INSERT INTO notification_users (user_id, read_all_id) VALUES (?, ?) "
           "ON DUPLICATE KEY UPDATE read_all_id = VALUES(read_all_id)",
    .in = COLS(note_user_put_cols),
};

static const struct col note_unread_put_cols[] = {
    COL(struct row_note_user, user_id),
    COL(struct row_note_user, read_all_id),
    COL(struct row_note_user, unread),
};
const struct statement sql_note_unread_put = {
    .sql = "INSERT INTO notification_users (user_id, read_all_id, unread) VALUES (?, ?, ?) "
           "ON DUPLICATE KEY UPDATE unread = VALUES(unread)",
    .in = COLS(note_unread_put_cols),
};

static const struct col preferences_cols[] = {
    COL(struct row_preferences, user_id),
    COL(struct row_preferences, text),
};
const struct statement sql_preferences_put = {
    .sql = "INSERT INTO notification_preferences (user_id, preferences) VALUES (?, ?) "
           "ON DUPLICATE KEY UPDATE preferences = VALUES(preferences)",
    .in = COLS(preferences_cols),
};

static const struct col decision_put_cols[] = {
    COL(struct row_decision, message_id),
    COL(struct row_decision, decided_us),
    COL(struct row_decision, decisions),
};
const struct statement sql_decision_put = {
    .sql = "INSERT INTO notification_decisions (message_id, decided_us, decisions) VALUES (?, ?, ?) "
           "ON DUPLICATE KEY UPDATE decided_us = VALUES(decided_us), "
           "decisions = CONCAT(decisions, VALUES(decisions))",
    .in = COLS(decision_put_cols),
};

static const struct col notifier_cols[] = {
    COL(struct row_notifier, event_id),
    COL(struct row_notifier, user_id),
};
const struct statement sql_notifier_put = {
    .sql = "INSERT INTO notifier (part, event_id, user_id) VALUES (0, ?, ?) "
           "ON DUPLICATE KEY UPDATE event_id = VALUES(event_id), user_id = VALUES(user_id)",
    .in = COLS(notifier_cols),
};

/* -- reading one shape ------------------------------------------------------------------------- */

static enum store_rc each_note(struct query *q, const struct row_note *row, store_on_note on, void *ctx)
{
    while (query_next(q)) {
        on(ctx, row);
    }
    return q->rc;
}

static const struct col note_cols[] = {
    COL(struct row_note, user_id),        COL(struct row_note, id),
    COL(struct row_note, created_us),     COL_NULL(struct row_note, read_us),
    COL_NULL(struct row_note, deleted_us), COL(struct row_note, last_event),
    COL_NULL(struct row_note, chat_id),   COL_NULL(struct row_note, seq),
    COL_NULL(struct row_note, sender_id), COL(struct row_note, preview),
    COL_NULL(struct row_note, kind),      COL_NULL(struct row_note, title),
    COL_NULL(struct row_note, text),      COL_NULL(struct row_note, link),
    COL(struct row_note, viewer_id),
};
#define NOTE_TEXTS "n.chat_id, n.seq, n.sender_id, n.preview, n.kind, n.title, n.body, n.link"
/* Parameters: the viewer (three times) and the id. */
#define OWN_NOTE                                                                                   \
    "(SELECT n.user_id, n.id, n.created_us, COALESCE(n.read_us, m.read_us), "                      \
    "COALESCE(n.deleted_us, m.deleted_us), GREATEST(n.last_event, COALESCE(m.last_event, 0)), "    \
    NOTE_TEXTS ", CAST(? AS UNSIGNED) FROM notifications n FORCE INDEX (PRIMARY) "                 \
    "LEFT JOIN notification_marks m ON m.user_id = ? AND m.note_id = n.id "                        \
    "WHERE n.user_id IN (0, ?) AND n.id = ?)"
static const struct col note_key_cols[] = {
    COL(struct note_key, user_id),
    COL(struct note_key, user_id),
    COL(struct note_key, user_id),
    COL(struct note_key, id),
};
static const struct statement sql_notes = {
    .sql = "",
    .each = OWN_NOTE,
    .between = " UNION ALL ",
    .in = COLS(note_key_cols),
    .out = COLS(note_cols),
};

#define NOTES_PER_STATEMENT 64

/* Powers of two only: a list of another size is filled up with its last key, whose rows would come twice. */
static unsigned piece_of(unsigned count)
{
    unsigned n = 1;

    while (2 * n <= count && 2 * n <= NOTES_PER_STATEMENT) {
        n *= 2;
    }
    return n;
}

enum store_rc store_find_notes(struct store *s, const struct note_key *keys, unsigned count, store_on_note on,
                               void *ctx)
{
    enum store_rc rc = STORE_OK;

    while (rc == STORE_OK && count > 0) {
        unsigned n = piece_of(count);
        struct row_note row = {0};
        struct query q;

        query_start(&q, s, &sql_notes, keys, sizeof(*keys), n, &row);
        rc = each_note(&q, &row, on, ctx);
        keys += n;
        count -= n;
    }
    return rc;
}

static const struct col range_cols[] = {
    COL(struct note_range, user_id), COL(struct note_range, chat_id),
    COL(struct note_range, seq),     COL(struct note_range, read_all_id),
    COL(struct note_range, limit),
};
static const struct col unread_cols[] = {
    COL(struct row_note, user_id),
    COL(struct row_note, id),
    COL(struct row_note, chat_id),
    COL(struct row_note, seq),
};
static const struct statement sql_unread = {
    .sql = "",
    .each = "(SELECT user_id, id, chat_id, seq FROM notifications FORCE INDEX (message) WHERE user_id = ? "
            "AND chat_id = ? AND seq <= ? AND id > ? AND read_us IS NULL AND deleted_us IS NULL "
            "ORDER BY seq DESC LIMIT ?)",
    .between = " UNION ALL ",
    .in = COLS(range_cols),
    .out = COLS(unread_cols),
};

enum store_rc store_unread_notes(struct store *s, const struct note_range *ranges, unsigned count,
                                 store_on_note on, void *ctx)
{
    enum store_rc rc = STORE_OK;

    while (rc == STORE_OK && count > 0) {
        unsigned n = piece_of(count);
        struct row_note row = {0};
        struct query q;

        query_start(&q, s, &sql_unread, ranges, sizeof(*ranges), n, &row);
        rc = each_note(&q, &row, on, ctx);
        ranges += n;
        count -= n;
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
static const struct statement sql_note_events = {
    .sql = "SELECT " EVENT_COLUMNS " FROM events FORCE INDEX (PRIMARY) WHERE event_id > ? AND event_id <= ? "
           "AND kind IN (7, 10) ORDER BY event_id LIMIT ?",
    .in = COLS(event_range_cols),
    .out = {event_cols, EVENT_COLS},
};
_Static_assert(EV_MESSAGE == 7 && EV_READ == 10, "the kinds in sql_note_events");

enum store_rc store_load_note_events(struct store *s, uint64_t after, uint64_t upto, unsigned limit,
                                     store_on_event on, void *ctx)
{
    struct event_range key = {after, upto, limit};
    struct row_event row = {0};
    struct query q;

    query_start(&q, s, &sql_note_events, &key, sizeof(key), 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

/* -- lists ------------------------------------------------------------------------------------- */

struct list_key {
    uint64_t user_id, before, after, limit, broadcasts_after, since_us;
};
static const struct col list_cols[] = {
    COL(struct list_key, user_id), COL(struct list_key, user_id),  COL(struct list_key, before),
    COL(struct list_key, after),   COL(struct list_key, limit),    COL(struct list_key, user_id),
    COL(struct list_key, user_id), COL(struct list_key, before),   COL(struct list_key, broadcasts_after),
    COL(struct list_key, since_us), COL(struct list_key, limit),   COL(struct list_key, limit),
};
/* Each arm stops at the limit, so a page reads at most twice what it shows. */
#define LIST(unread_own, unread_broadcast)                                                         \
    "(SELECT n.user_id, n.id, n.created_us, n.read_us, n.deleted_us, n.last_event, " NOTE_TEXTS    \
    ", CAST(? AS UNSIGNED) FROM notifications n FORCE INDEX (PRIMARY) WHERE n.user_id = ? "        \
    "AND n.id < ? AND n.id > ? AND n.deleted_us IS NULL " unread_own                               \
    "ORDER BY n.id DESC LIMIT ?) UNION ALL "                                                       \
    "(SELECT n.user_id, n.id, n.created_us, m.read_us, m.deleted_us, "                             \
    "GREATEST(n.last_event, COALESCE(m.last_event, 0)), " NOTE_TEXTS ", CAST(? AS UNSIGNED) "      \
    "FROM notifications n FORCE INDEX (PRIMARY) LEFT JOIN notification_marks m "                   \
    "ON m.user_id = ? AND m.note_id = n.id WHERE n.user_id = 0 AND n.id < ? AND n.id > ? "         \
    "AND n.created_us >= ? AND m.deleted_us IS NULL " unread_broadcast                             \
    "ORDER BY n.id DESC LIMIT ?) ORDER BY id DESC LIMIT ?"
static const struct statement sql_list = {
    .sql = LIST("", ""),
    .in = COLS(list_cols),
    .out = COLS(note_cols),
};
static const struct statement sql_list_unread = {
    .sql = LIST("AND n.read_us IS NULL ", "AND m.read_us IS NULL "),
    .in = COLS(list_cols),
    .out = COLS(note_cols),
};

enum store_rc store_list_notes(struct store *s, const struct note_page *page, store_on_note on, void *ctx)
{
    uint64_t from = page->after > page->broadcasts_after ? page->after : page->broadcasts_after;
    struct list_key key = {page->user_id, page->before, page->after, page->limit, from, page->since_us};
    struct row_note row = {0};
    struct query q;

    query_start(&q, s, page->unread_only ? &sql_list_unread : &sql_list, &key, sizeof(key), 1, &row);
    return each_note(&q, &row, on, ctx);
}

/* -- decisions ----------------------------------------------------------------------------------- */

static const struct col decision_cols[] = {
    COL(struct row_decision, decided_us),
    COL(struct row_decision, decisions),
};
static const struct statement sql_decision = {
    .sql = "SELECT decided_us, decisions FROM notification_decisions WHERE message_id = ?",
    .in = COLS_NUMBER,
    .out = COLS(decision_cols),
};

enum store_rc store_decision(struct store *s, uint64_t message_id, struct buf *decisions, uint64_t *decided_us,
                             bool *found)
{
    struct row_decision row = {0};
    bool is_there = false;
    enum store_rc rc = query_one(s, &sql_decision, &message_id, sizeof(message_id), &row, &is_there);

    if (rc == STORE_OK) {
        *found = is_there;
        *decided_us = row.decided_us;
        buf_add_str(decisions, row.decisions);
    }
    return rc;
}

/* -- loading ------------------------------------------------------------------------------------- */

static const struct col broadcast_cols[] = {
    COL(struct row_note, id),
    COL(struct row_note, created_us),
};
static const struct statement sql_broadcasts = {
    .sql = "SELECT id, created_us FROM notifications FORCE INDEX (PRIMARY) WHERE user_id = 0 "
           "ORDER BY id DESC LIMIT ?",
    .in = COLS_NUMBER,
    .out = COLS(broadcast_cols),
};

enum store_rc store_load_broadcasts(struct store *s, unsigned limit, store_on_note on, void *ctx)
{
    uint64_t key = limit;
    struct row_note row = {0};
    struct query q;

    query_start(&q, s, &sql_broadcasts, &key, sizeof(key), 1, &row);
    return each_note(&q, &row, on, ctx);
}

static const struct col note_user_cols[] = {
    COL(struct row_note_user, user_id),
    COL(struct row_note_user, read_all_id),
    COL(struct row_note_user, unread),
    COL(struct row_note_user, marked),
};
static const struct statement sql_note_users = {
    .sql = "SELECT user_id, read_all_id, unread, 0 FROM notification_users UNION ALL "
           "SELECT m.user_id, 0, 0, COUNT(*) FROM notification_marks m FORCE INDEX (note) "
           "LEFT JOIN notification_users u ON u.user_id = m.user_id "
           "WHERE m.note_id >= ? AND m.note_id > COALESCE(u.read_all_id, 0) GROUP BY m.user_id",
    .in = COLS_NUMBER,
    .out = COLS(note_user_cols),
};
/* The users whom the log's end speaks of, and of each what is above read_all_id. */
#define RECOUNT                                                                                    \
    "INSERT INTO notification_users (user_id, read_all_id, unread) "                               \
    "SELECT t.user_id, 0, (SELECT COUNT(*) FROM notifications n FORCE INDEX (PRIMARY) "            \
    "WHERE n.user_id = t.user_id AND n.id > COALESCE(u.read_all_id, 0) AND n.read_us IS NULL "     \
    "AND n.deleted_us IS NULL) FROM (SELECT DISTINCT subject_id AS user_id FROM events "           \
    "FORCE INDEX (PRIMARY) WHERE event_id > %llu AND kind IN (14, 15, 16, 17) AND subject_id > 0) t " \
    "LEFT JOIN notification_users u ON u.user_id = t.user_id "                                     \
    "ON DUPLICATE KEY UPDATE unread = VALUES(unread)"
_Static_assert(EV_NOTIFICATION == 14 && EV_NOTIFICATION_READ == 15 && EV_NOTIFICATION_READ_ALL == 16 &&
                   EV_NOTIFICATION_DELETED == 17, "the kinds in sql_note_recount");

/* By the text protocol: what db_write uses takes no INSERT ... SELECT. */
enum store_rc store_recount_notes(struct store *s, uint64_t after)
{
    struct buf sql = BUF_INIT;

    buf_addf(&sql, RECOUNT, (unsigned long long)after);
    enum store_rc rc = db_text(s, sql.p, sql.len);
    buf_release(&sql);
    return rc;
}

enum store_rc store_load_note_users(struct store *s, uint64_t first_broadcast, store_on_note_user on, void *ctx)
{
    struct row_note_user row = {0};
    struct query q;

    query_start(&q, s, &sql_note_users, &first_broadcast, sizeof(first_broadcast), 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

static const struct statement sql_preferences = {
    .sql = "SELECT user_id, preferences FROM notification_preferences",
    .out = COLS(preferences_cols),
};

enum store_rc store_load_preferences(struct store *s, store_on_preferences on, void *ctx)
{
    struct row_preferences row = {0};
    struct query q;

    query_start(&q, s, &sql_preferences, NULL, 0, 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

static const struct statement sql_notifier = {
    .sql = "SELECT event_id, user_id FROM notifier WHERE part = 0",
    .out = COLS(notifier_cols),
};

enum store_rc store_load_notifier(struct store *s, struct row_notifier *out)
{
    struct row_notifier row = {0};
    bool found;
    enum store_rc rc = query_one(s, &sql_notifier, NULL, 0, &row, &found);

    if (rc == STORE_OK) {
        *out = row;
    }
    return rc;
}
