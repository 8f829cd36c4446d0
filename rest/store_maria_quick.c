/*
 * store_maria_quick.c -- a few messages in one round trip
 *
 * At a low rate a batch is one message, and what it waits for is the network: four statements and their
 * answers take longer than the disk. One compound statement does the same work in the same order,
 * fence and COMMIT included. Measured on one connection against array binding, messages a second:
 * batches of 1: 7,900 to 2,200; of 32: 45,000 to 38,000; of 64: 68,000 to 60,000; of 128: the same.
 */
#include "rest/store_maria.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdlib.h>

#include "shared/bug.h"
#include "shared/buf.h"
#include "shared/mem.h"

#define HEAD_PARAMS 3
#define PARAMS_MAX  (DB_QUICK_MAX * (MESSAGE_COLS + EVENT_COLS) + HEAD_PARAMS)

bool db_quick_fits(const struct store_batch *b)
{
    unsigned others = b->users_new_count + b->users_set_count + b->chats_new_count + b->chats_set_count +
                      b->chats_deleted_count + b->members_put_count + b->members_gone_count +
                      b->messages_set_count + b->deletions_count + b->event_users_count +
                      b->keys_count + b->families_new_count + b->families_set_count +
                      b->seen_count + b->sessions_put_count + b->session_roles_put_count + b->attendees_new_count +
                      b->attendees_set_count + b->sessions_deleted_count + b->checkins_count + b->notes_new_count +
                      b->notes_set_count + b->note_marks_count + b->note_users_count + b->note_unread_count +
                      b->preferences_count + b->decisions_count + b->notifier_count;
    others += b->attachments_new_count + b->attachments_used_count + b->attachments_dropped_count +
              b->attachments_gone_count + b->recoveries_count + b->recoveries_gone_count;
    size_t bytes = 0;
    if (others != 0 || b->checkpoint != 0 || b->messages_new_count == 0 ||
        b->messages_new_count > DB_QUICK_MAX || b->events_count != b->messages_new_count) {
        return false;
    }
    for (unsigned i = 0; i < b->messages_new_count; i++) {
        bytes += b->messages_new[i].content.len;
    }
    return bytes <= DB_QUICK_MAX_BYTES;
}

/* -- the statement ------------------------------------------------------------------------------------ */

static void add_rows(struct buf *sql, unsigned rows, unsigned cols)
{
    for (unsigned r = 0; r < rows; r++) {
        buf_add_z(sql, r ? ", (" : " (");
        for (unsigned c = 0; c < cols; c++) {
            buf_add_z(sql, c ? ", ?" : "?");
        }
        buf_add_char(sql, ')');
    }
}

static void add_text(struct buf *sql, unsigned n)
{
    buf_add_z(sql, "BEGIN NOT ATOMIC START TRANSACTION; "
                   "INSERT INTO messages (chat_id, seq, id, sender_id, created_us, version, flags, "
                   "last_event, client_key, op_hash, kind, content) VALUES");
    add_rows(sql, n, MESSAGE_COLS);
    buf_add_z(sql, "; INSERT INTO events (" EVENT_COLUMNS ") VALUES");
    add_rows(sql, n, EVENT_COLS);
    buf_add_z(sql, "; UPDATE log_head SET next_event = ?, last_batch = last_batch + 1, "
                   "owner_session = CONNECTION_ID() WHERE part = 0 AND epoch = ? AND last_batch = ?; "
                   "IF ROW_COUNT() = 0 THEN ROLLBACK; SIGNAL SQLSTATE '45000' "
                   "SET MESSAGE_TEXT = 'fenced'; END IF; COMMIT; END");
}

static enum store_rc prepare(struct store *s, unsigned n)
{
    struct buf sql = BUF_INIT_MAX(DB_SQL_LEN_MAX);
    if (s->quick[n] != NULL) {
        return STORE_OK;
    }
    add_text(&sql, n);
    BUG_IF(!buf_ok(&sql));
    MYSQL_STMT *st = mysql_stmt_init(s->mysql);
    enum store_rc rc = STORE_OK;
    if (st == NULL) {
        rc = db_failed(s, mysql_errno(s->mysql), mysql_error(s->mysql));
    } else if (mysql_stmt_prepare(st, sql.p, sql.len) != 0) {
        rc = db_failed(s, mysql_stmt_errno(st), mysql_stmt_error(st));
        mysql_stmt_close(st);
    } else {
        s->quick[n] = st;
    }
    buf_release(&sql);
    return rc;
}

void db_quick_forget(struct store *s)
{
    for (unsigned n = 0; n <= DB_QUICK_MAX; n++) {
        if (s->quick[n] != NULL) {
            mysql_stmt_close(s->quick[n]);
            s->quick[n] = NULL;
        }
    }
    free(s->quick_params);
    s->quick_params = NULL;
    s->committed = false;
}

/* -- parameters ----------------------------------------------------------------------------------------- */

struct quick_params {
    MYSQL_BIND bind[PARAMS_MAX];
    unsigned long length[PARAMS_MAX];
    unsigned count;
};

static void add_number(struct quick_params *p, enum enum_field_types type, const void *at, bool is_null)
{
    MYSQL_BIND *b = &p->bind[p->count++];
    *b = (MYSQL_BIND){.buffer_type = is_null ? MYSQL_TYPE_NULL : type,
                      .buffer = (void *)(uintptr_t)at,
                      .is_unsigned = 1};
}

static void add_bytes(struct quick_params *p, const void *at, size_t len)
{
    MYSQL_BIND *b = &p->bind[p->count];
    p->length[p->count] = len;
    *b = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING,
                      .buffer = (void *)(uintptr_t)at,
                      .buffer_length = len,
                      .length = &p->length[p->count]};
    p->count++;
}

static void add_field(struct quick_params *p, const struct col *c, const char *row)
{
    const char *at = row + c->at;
    switch (c->type) {
    case COL_U8:
        add_number(p, MYSQL_TYPE_TINY, at, c->nullable && *(const uint8_t *)at == 0);
        break;
    case COL_U16:
        add_number(p, MYSQL_TYPE_SHORT, at, c->nullable && *(const uint16_t *)(const void *)at == 0);
        break;
    case COL_U32:
        add_number(p, MYSQL_TYPE_LONG, at, c->nullable && *(const uint32_t *)(const void *)at == 0);
        break;
    case COL_U64:
        add_number(p, MYSQL_TYPE_LONGLONG, at, c->nullable && *(const uint64_t *)(const void *)at == 0);
        break;
    case COL_KEY16:
        add_bytes(p, at, sizeof(struct key16));
        break;
    case COL_STR: {
        const struct str *text = (const void *)at;
        add_bytes(p, text->len ? text->p : "", text->len);
        break;
    }
    }
}

static void add_params(struct quick_params *p, const struct store_batch *b)
{
    p->count = 0;
    for (unsigned r = 0; r < b->messages_new_count; r++) {
        for (unsigned c = 0; c < MESSAGE_COLS; c++) {
            add_field(p, &message_cols[c], (const char *)&b->messages_new[r]);
        }
    }
    for (unsigned r = 0; r < b->events_count; r++) {
        for (unsigned c = 0; c < EVENT_COLS; c++) {
            add_field(p, &event_cols[c], (const char *)&b->events[r]);
        }
    }
    add_number(p, MYSQL_TYPE_LONGLONG, &b->next_event, false);
    add_number(p, MYSQL_TYPE_LONGLONG, &b->epoch, false);
    add_number(p, MYSQL_TYPE_LONGLONG, &b->last_batch, false);
}

/* -- running ----------------------------------------------------------------------------------------------- */

/* The server may have got as far as COMMIT before the connection went. */
static enum store_rc failed(struct store *s, MYSQL_STMT *st)
{
    unsigned number = mysql_stmt_errno(st);
    if (number == ER_SIGNAL_EXCEPTION) {
        return STORE_FENCED;
    }
    enum store_rc rc = db_failed(s, number, mysql_stmt_error(st));
    return rc == STORE_LOST ? STORE_IN_DOUBT : db_rollback(s, rc);
}

enum store_rc db_quick_run(struct store *s, const struct store_batch *b)
{
    unsigned n = b->messages_new_count;
    if (s->lost) {
        return STORE_LOST;
    }
    enum store_rc rc = prepare(s, n);
    if (rc != STORE_OK) {
        return rc;
    }
    MYSQL_STMT *st = s->quick[n];
    if (s->quick_params == NULL) {
        s->quick_params = mem_new(sizeof(*s->quick_params));
    }
    add_params(s->quick_params, b);
    BUG_IF(mysql_stmt_param_count(st) != s->quick_params->count);
    if (mysql_stmt_bind_param(st, s->quick_params->bind) != 0 || mysql_stmt_execute(st) != 0) {
        return failed(s, st);
    }
    while (mysql_stmt_more_results(st)) {
        if (mysql_stmt_next_result(st) > 0) {
            return failed(s, st);
        }
    }
    s->committed = true;
    return STORE_OK;
}
