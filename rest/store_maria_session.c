/*
 * store_maria_session.c -- event sessions, roles, attendees and check-ins
 */
#include "rest/store_maria.h"

/* -- what a batch writes ---------------------------------------------------------------------- */

#define SESSION_COLUMNS                                                                            \
    "id, uuid, title, visibility, open_registration, created_by, created_us, updated_us, "         \
    "deleted_us, key_hash"
static const struct col session_cols[] = {
    COL(struct row_session, id),
    COL(struct row_session, uuid),
    COL(struct row_session, title),
    COL(struct row_session, visibility),
    COL(struct row_session, open_registration),
    COL(struct row_session, created_by),
    COL(struct row_session, created_us),
    COL(struct row_session, updated_us),
    COL_NULL(struct row_session, deleted_us),
    COL(struct row_session, key_hash),
    COL_NULL(struct row_session, attendees),
    COL_NULL(struct row_session, arrived),
};
#define SESSION_COLS 10 /* the last two are counted */
const struct statement sql_session_put = {
    .sql = "INSERT INTO event_sessions (" SESSION_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
           "ON DUPLICATE KEY UPDATE title = VALUES(title), visibility = VALUES(visibility), "
           "open_registration = VALUES(open_registration), updated_us = VALUES(updated_us), "
           "deleted_us = VALUES(deleted_us), key_hash = VALUES(key_hash)",
    .in = {session_cols, SESSION_COLS},
};
static const struct col role_cols[] = {
    COL(struct row_session_role, session_id),
    COL(struct row_session_role, user_id),
    COL(struct row_session_role, role),
};
const struct statement sql_session_role_put = {
    .sql = "INSERT INTO session_roles (session_id, user_id, role) VALUES (?, ?, ?) "
           "ON DUPLICATE KEY UPDATE role = VALUES(role)",
    .in = COLS(role_cols),
};
const struct statement sql_session_roles_delete = {
    .sql = "DELETE FROM session_roles WHERE session_id = ?",
    .in = COLS_NUMBER,
};
const struct statement sql_session_attendees_delete = {
    .sql = "DELETE FROM session_attendees WHERE session_id = ?",
    .in = COLS_NUMBER,
};

#define ATTENDEE_COLUMNS "session_id, user_id, code, checkin_id, checkin_us, last_event"
static const struct col attendee_cols[] = {
    COL(struct row_attendee, session_id),      COL(struct row_attendee, user_id),
    COL_NULL(struct row_attendee, code),       COL_NULL(struct row_attendee, checkin_id),
    COL_NULL(struct row_attendee, checkin_us), COL(struct row_attendee, last_event),
};
const struct statement sql_attendee_insert = {
    .sql = "INSERT INTO session_attendees (" ATTENDEE_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)",
    .in = COLS(attendee_cols),
};
static const struct col attendee_update_cols[] = {
    COL_NULL(struct row_attendee, code),       COL_NULL(struct row_attendee, checkin_id),
    COL_NULL(struct row_attendee, checkin_us), COL(struct row_attendee, last_event),
    COL(struct row_attendee, session_id),      COL(struct row_attendee, user_id),
};
const struct statement sql_attendee_update = {
    .sql = "UPDATE session_attendees SET code = ?, checkin_id = ?, checkin_us = ?, last_event = ? "
           "WHERE session_id = ? AND user_id = ?",
    .in = COLS(attendee_update_cols),
};

/* success is what a person looks for in the table; the program reads the reason, 0 for success. */
#define CHECKIN_COLUMNS "event_id, session_id, user_id, by_user_id, at_us, reason, user_name"
static const struct col checkin_cols[] = {
    COL(struct row_checkin, id),           COL(struct row_checkin, session_id),
    COL_NULL(struct row_checkin, user_id), COL_NULL(struct row_checkin, by_user_id),
    COL(struct row_checkin, at_us),        COL(struct row_checkin, result),
    COL(struct row_checkin, name),         COL(struct row_checkin, result),
};
#define CHECKIN_COLS 7
const struct statement sql_checkin_insert = {
    .sql = "INSERT INTO checkins (" CHECKIN_COLUMNS ", success) VALUES (?, ?, ?, ?, ?, ?, ?, ? = 0)",
    .in = COLS(checkin_cols),
};

/* -- loading ---------------------------------------------------------------------------------- */

#define COUNT_OF(what)                                                                             \
    "(SELECT COUNT(" what ") FROM session_attendees FORCE INDEX (PRIMARY) WHERE session_id = s.id)"
static const struct statement sql_sessions = {
    .sql = "SELECT " SESSION_COLUMNS ", " COUNT_OF("*") ", " COUNT_OF("checkin_id")
           " FROM event_sessions s WHERE deleted_us IS NULL ORDER BY id",
    .out = COLS(session_cols),
};
static const struct statement sql_session_roles = {
    .sql = "SELECT r.session_id, r.user_id, r.role FROM session_roles r JOIN event_sessions s "
           "ON s.id = r.session_id WHERE s.deleted_us IS NULL AND r.role <> 0 "
           "ORDER BY r.session_id, r.user_id",
    .out = COLS(role_cols),
};

enum store_rc store_load_sessions(struct store *s, store_on_session on, void *ctx)
{
    struct row_session row = {0};
    struct query q;

    query_start(&q, s, &sql_sessions, NULL, 0, 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

enum store_rc store_load_session_roles(struct store *s, store_on_session_role on, void *ctx)
{
    struct row_session_role row = {0};
    struct query q;

    query_start(&q, s, &sql_session_roles, NULL, 0, 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

/* -- looking up ------------------------------------------------------------------------------- */

static enum store_rc each_attendee(struct store *s, const struct statement *st, const void *keys,
                                   size_t key_size, unsigned count, store_on_attendee on, void *ctx)
{
    struct row_attendee row = {0};
    struct query q;

    query_start(&q, s, st, keys, key_size, count, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

static enum store_rc each_checkin(struct store *s, const struct statement *st, const void *keys,
                                  size_t key_size, unsigned count, store_on_checkin on, void *ctx)
{
    struct row_checkin row = {0};
    struct query q;

    query_start(&q, s, st, keys, key_size, count, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}

static const struct col attendee_key_cols[] = {
    COL(struct attendee_key, session_id),
    COL(struct attendee_key, number),
};
static const struct statement sql_attendees_by_user = {
    .sql = "SELECT " ATTENDEE_COLUMNS " FROM session_attendees FORCE INDEX (PRIMARY) WHERE ",
    .each = "(session_id = ? AND user_id = ?)",
    .between = " OR ",
    .in = COLS(attendee_key_cols),
    .out = COLS(attendee_cols),
};
static const struct statement sql_attendees_by_code = {
    .sql = "SELECT " ATTENDEE_COLUMNS " FROM session_attendees FORCE INDEX (code) WHERE ",
    .each = "(session_id = ? AND code = ?)",
    .between = " OR ",
    .in = COLS(attendee_key_cols),
    .out = COLS(attendee_cols),
};

enum store_rc store_find_attendees(struct store *s, const struct attendee_key *keys, unsigned count,
                                   store_on_attendee on, void *ctx)
{
    return each_attendee(s, &sql_attendees_by_user, keys, sizeof(*keys), count, on, ctx);
}

enum store_rc store_find_codes(struct store *s, const struct attendee_key *keys, unsigned count,
                               store_on_attendee on, void *ctx)
{
    return each_attendee(s, &sql_attendees_by_code, keys, sizeof(*keys), count, on, ctx);
}

static const struct statement sql_checkins_by_id = {
    .sql = "SELECT " CHECKIN_COLUMNS " FROM checkins FORCE INDEX (PRIMARY) WHERE event_id IN (",
    .each = "?",
    .between = ", ",
    .tail = ")",
    .in = COLS_NUMBER,
    .out = {checkin_cols, CHECKIN_COLS},
};

enum store_rc store_find_checkins(struct store *s, const uint64_t *ids, unsigned count,
                                  store_on_checkin on, void *ctx)
{
    return each_checkin(s, &sql_checkins_by_id, ids, sizeof(*ids), count, on, ctx);
}

/* -- reading ---------------------------------------------------------------------------------- */

struct page_key {
    uint64_t session_id, from, limit;
};
static const struct col page_cols[] = {
    COL(struct page_key, session_id),
    COL(struct page_key, from),
    COL(struct page_key, limit),
};
static const struct statement sql_attendees = {
    .sql = "SELECT " ATTENDEE_COLUMNS " FROM session_attendees FORCE INDEX (PRIMARY) "
           "WHERE session_id = ? AND user_id > ? ORDER BY user_id LIMIT ?",
    .in = COLS(page_cols),
    .out = COLS(attendee_cols),
};
static const struct statement sql_checkins = {
    .sql = "SELECT " CHECKIN_COLUMNS " FROM checkins FORCE INDEX (session_id) "
           "WHERE session_id = ? AND event_id <= ? ORDER BY event_id DESC LIMIT ?",
    .in = COLS(page_cols),
    .out = {checkin_cols, CHECKIN_COLS},
};

enum store_rc store_attendees(struct store *s, uint64_t session_id, uint64_t after, unsigned limit,
                              store_on_attendee on, void *ctx)
{
    struct page_key key = {session_id, after, limit};

    return each_attendee(s, &sql_attendees, &key, sizeof(key), 1, on, ctx);
}

enum store_rc store_checkins(struct store *s, uint64_t session_id, uint64_t upto, unsigned limit,
                             store_on_checkin on, void *ctx)
{
    struct page_key key = {session_id, upto, limit};

    return each_checkin(s, &sql_checkins, &key, sizeof(key), 1, on, ctx);
}
