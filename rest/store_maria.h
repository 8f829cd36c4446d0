/*
 * store_maria.h -- inside the store: statements as data, rows bound through column tables
 *
 * Shape      A statement is a constant: SQL text, which fields of a row struct its parameters come
 *            from, and which fields its result columns go to. It is prepared at first use, once per
 *            connection. db_write executes it once per row of an array; struct query reads rows.
 * Layer      Only rest/store_maria*.c include this file; nothing else knows the client library.
 * Errors     The server's error numbers end in db_failed; everybody above sees enum store_rc.
 */
#ifndef REST_STORE_MARIA_H
#define REST_STORE_MARIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mysql.h>

#include "rest/store.h"

/* -- columns ---------------------------------------------------------------------------------- */

enum col_type { COL_U8, COL_U16, COL_U32, COL_U64, COL_KEY16, COL_STR };

struct col {
    enum col_type type;
    bool nullable; /* SQL NULL stands for 0, or for a str whose p is NULL */
    size_t at;     /* offset of the field in the row */
};

#define COL_TYPE(row, field)                                                                       \
    _Generic(((row *)NULL)->field, uint8_t                                                         \
             : COL_U8, uint16_t                                                                    \
             : COL_U16, uint32_t                                                                   \
             : COL_U32, uint64_t                                                                   \
             : COL_U64, struct key16                                                               \
             : COL_KEY16, struct str                                                               \
             : COL_STR)
#define COL(row, field)      {COL_TYPE(row, field), false, offsetof(row, field)}
#define COL_NULL(row, field) {COL_TYPE(row, field), true, offsetof(row, field)}

struct cols {
    const struct col *c;
    unsigned count;
};
#define COLS(table) {(table), sizeof(table) / sizeof((table)[0])}

/* One number that is not in a struct: a uint64_t. */
#define COLS_NUMBER {&(const struct col){COL_U64, false, 0}, 1}

/* -- statements ------------------------------------------------------------------------------- */

struct statement {
    const char *sql;
    /* A statement over a list: sql each between each ... tail, with one `each` per key. NULL: a single one. */
    const char *each, *between, *tail;
    struct cols in;  /* parameters (of one `each`) */
    struct cols out; /* result columns */
};

#define DB_LIST_MAX       256  /* keys in one statement over a list; a longer list takes several */
#define DB_WRITE_ROWS_MAX 1024 /* rows in one round trip */
#define DB_WRITE_COLS_MAX 12

/* Execute for each row; *changed (may be NULL) counts rows changed. No rows: nothing happens. */
RC_CHECK enum store_rc db_write(struct store *s, const struct statement *st, const void *rows,
                                size_t row_size, unsigned count, uint64_t *changed);

struct query {
    struct store *s;
    const struct statement *st;
    const char *keys; /* rows of parameters not yet used */
    size_t key_size;
    unsigned keys_left;
    void *row;
    struct prepared *open; /* a result is being read */
    enum store_rc rc;
};
/* One result over count keys (for a statement without a list: 1, also when it has no parameters). Rows arrive in
 * row; its strings are views until the next query_next. Nothing else may use the store before the end. */
void query_start(struct query *q, struct store *s, const struct statement *st, const void *keys,
                 size_t key_size, unsigned count, void *row);
/* true: row is filled. false: no more rows, and q->rc says whether all went well. */
bool query_next(struct query *q);
/* Exactly one row is expected, the others are read away. *found says whether there was one. */
RC_CHECK enum store_rc query_one(struct store *s, const struct statement *st, const void *key,
                                 size_t key_size, void *row, bool *found);

/* -- the connection --------------------------------------------------------------------------- */

#define DB_QUICK_MAX       64           /* messages in a batch that goes in one round trip */
#define DB_QUICK_MAX_BYTES (512 * 1024) /* of text in them: far below the server's largest packet */

struct store {
    MYSQL *mysql;
    int abort_fd;           /* a second descriptor of its socket, which the library does not close under us */
    struct store_conf conf; /* strings belong to the caller of store_open */
    uint64_t session;
    size_t row_bytes_max; /* what one packet can hold, with room to spare */
    bool lost;
    bool committed; /* the batch was short and is committed already */
    MYSQL_STMT *quick[DB_QUICK_MAX + 1]; /* by number of messages, made at first use */
    struct quick_params *quick_params;   /* made at first use */
    struct db_seals *seals;              /* likewise */
    enum store_unique duplicate;
    const struct statement *last; /* what ran last, for messages */
    struct prepared **prepared;
    unsigned prepared_count, prepared_room;
    struct write_block *block;
};

/* A connection with another read timeout (migrations may rebuild a table). */
RC_CHECK enum rc store_connect(const struct store_conf *conf, unsigned read_timeout_s,
                               struct store **out, struct buf *why);
/* Text protocol: transaction control, session settings, migrations. */
RC_CHECK enum store_rc db_text(struct store *s, const char *sql, size_t len);
RC_CHECK enum store_rc db_command(struct store *s, const char *sql);
/* Note an error of the client library: classify, log, forget the connection when it is gone. */
enum store_rc db_failed(struct store *s, unsigned number, const char *text);
/* ROLLBACK (STORE_OK commits nothing and is returned as it is); rc comes back. */
enum store_rc db_rollback(struct store *s, enum store_rc rc);
void db_forget_statements(struct store *s);
/* Whether the batch is a few messages and nothing else: then db_quick_run stores and commits it in one round trip. A
 * connection that fails on the way is STORE_IN_DOUBT. */
bool db_quick_fits(const struct store_batch *b);
RC_CHECK enum store_rc db_quick_run(struct store *s, const struct store_batch *b);
void db_quick_forget(struct store *s);
/* The session's innodb_lock_wait_timeout. */
unsigned db_lock_wait_s(const struct store *s);

#define DB_SQL_LEN_MAX ((size_t)128 * 1024)

/* -- shared columns --------------------------------------------------------------------------- */

/* Content is last, so that one column less leaves it out. */
#define MESSAGE_COLUMNS                                                                            \
    "m.chat_id, m.seq, m.id, m.sender_id, m.created_us, m.version, m.flags, m.last_event, "        \
    "m.client_key, m.op_hash, m.kind, m.content"
#define MESSAGE_COLS 12
extern const struct col message_cols[MESSAGE_COLS];
#define EVENT_COLUMNS "event_id, kind, chat_id, seq, actor_id, subject_id, number, version, at_us"
#define EVENT_COLS    9
extern const struct col event_cols[EVENT_COLS];
#define KEY_COLUMNS                                                                                \
    "user_id, op_key, op_hash, kind, code, event_id, chat_id, other_id, number, at_us"
#define KEY_COLS 10
extern const struct col key_cols[KEY_COLS];
extern const struct statement sql_key_insert;
/* store_maria_note.c */
extern const struct statement sql_note_insert, sql_note_update, sql_note_mark_put, sql_note_user_put,
    sql_note_unread_put, sql_preferences_put, sql_decision_put, sql_notifier_put;

/* store_maria_session.c: what a batch writes of event sessions. */
extern const struct statement sql_seen_put;
/* store_maria_recovery.c */
extern const struct statement sql_recovery_put, sql_recovery_delete;
extern const struct statement sql_session_put, sql_session_role_put, sql_attendee_insert, sql_attendee_update,
    sql_session_roles_delete, sql_session_attendees_delete, sql_checkin_insert;

#endif
