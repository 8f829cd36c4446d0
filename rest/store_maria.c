/*
 * store_maria.c -- a connection: opening it, what its errors mean, transaction control
 */
#include "rest/store_maria.h"
#include "rest/store_maria_seal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <errmsg.h>
#include <mysqld_error.h>

#include "shared/log.h"
#include "shared/mem.h"

/* What the session relies on, never left to the server's configuration.
 * READ COMMITTED: no gap locks, so batches on two connections do not wait for each other; every statement sees what is
 * committed. STRICT_ALL_TABLES: text that does not fit is refused, not cut. An owner of the log that hangs inside a
 * transaction (stopped, or its machine gone) loses it after idle_write_transaction_timeout. */
#define SESSION_FORMAT                                                                             \
    "SET SESSION sql_mode='STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', " \
    "autocommit=1, time_zone='+00:00', idle_write_transaction_timeout=60, "                        \
    "innodb_lock_wait_timeout=%u"
#define SESSION_CHARSET   "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin"
#define SESSION_ISOLATION "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"

/* -- errors ----------------------------------------------------------------------------------- */

/* Of the server's file layer, without names in the client library's headers: no space while writing. */
enum { FILE_WRITE = 3, FILE_DISK_FULL = 20 };

static const struct {
    unsigned number;
    enum store_rc rc;
} meanings[] = {
    {ER_DUP_ENTRY, STORE_DUPLICATE},
    {ER_DUP_ENTRY_WITH_KEY_NAME, STORE_DUPLICATE},

    {ER_LOCK_WAIT_TIMEOUT, STORE_RETRY},
    {ER_LOCK_DEADLOCK, STORE_RETRY},
    {ER_QUERY_INTERRUPTED, STORE_RETRY}, /* KILL QUERY: the connection stays */
    {ER_STATEMENT_TIMEOUT, STORE_RETRY},
    {ER_NEED_REPREPARE, STORE_RETRY},
    {ER_TABLE_DEF_CHANGED, STORE_RETRY},
    {ER_CHECKREAD, STORE_RETRY}, /* 1020: the row changed since it was read */

    {ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, STORE_DATA}, /* 1366 */
    {ER_DATA_TOO_LONG, STORE_DATA},                   /* 1406 */
    {ER_WARN_DATA_OUT_OF_RANGE, STORE_DATA},          /* 1264 */
    {WARN_DATA_TRUNCATED, STORE_DATA},                /* 1265 */
    {ER_TRUNCATED_WRONG_VALUE, STORE_DATA},           /* 1292 */
    {ER_BAD_NULL_ERROR, STORE_DATA},                  /* 1048 */
    {ER_TOO_BIG_ROWSIZE, STORE_DATA},                 /* 1118 */
    {ER_INVALID_CHARACTER_STRING, STORE_DATA},        /* 1300 */
    {ER_CONSTRAINT_FAILED, STORE_DATA},

    {ER_RECORD_FILE_FULL, STORE_FULL}, /* 1114 */
    {ER_DISK_FULL, STORE_FULL},        /* 1021 */
    {ER_ERROR_ON_WRITE, STORE_FULL},   /* 1026 */
    {FILE_WRITE, STORE_FULL},
    {FILE_DISK_FULL, STORE_FULL},
    {ER_OPTION_PREVENTS_STATEMENT, STORE_FULL}, /* 1290: read only */
    {ER_READ_ONLY_MODE, STORE_FULL},            /* 1836 */
    {ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, STORE_FULL},

    {ER_SERVER_SHUTDOWN, STORE_LOST},
    {ER_CONNECTION_KILLED, STORE_LOST},
    {ER_UNKNOWN_COM_ERROR, STORE_LOST}, /* 1047: a Galera node that left its cluster */
    {ER_UNKNOWN_STMT_HANDLER, STORE_LOST}, /* the server forgot our statements: start anew */
    {ER_NET_PACKET_TOO_LARGE, STORE_LOST}, /* it closes the connection; our own cap should be below */
    {ER_NET_READ_ERROR, STORE_LOST},
    {ER_NET_READ_INTERRUPTED, STORE_LOST},
    {ER_NET_ERROR_ON_WRITE, STORE_LOST},
    {ER_NET_WRITE_INTERRUPTED, STORE_LOST},
    {ER_NEW_ABORTING_CONNECTION, STORE_LOST},
};

/* The client library's own errors, all of which leave the connection in an unknown state. */
static bool is_client_error(unsigned number)
{
    return (number >= CR_MIN_ERROR && number <= CR_MAX_ERROR) || (number >= 5000 && number < 6000);
}

static enum store_rc classify(unsigned number)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].number == number) {
            return meanings[i].rc;
        }
    }
    return is_client_error(number) ? STORE_LOST : STORE_ERROR;
}

/* "Duplicate entry '...' for key 'name'": which key. The names are those of the schema. */
static enum store_unique which_unique(const struct store *s, const char *text)
{
    static const struct {
        const char *suffix;
        enum store_unique unique;
    } keys[] = {
        {"for key 'client_key'", STORE_UNIQUE_MESSAGE_KEY},
        {"for key 'username'", STORE_UNIQUE_USERNAME},
        {"for key 'external_id'", STORE_UNIQUE_EXTERNAL_ID},
        {"for key 'peers'", STORE_UNIQUE_PEERS},
    };
    size_t len = strlen(text);

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t n = strlen(keys[i].suffix);

        if (len >= n && strcmp(text + len - n, keys[i].suffix) == 0) {
            return keys[i].unique;
        }
    }
    return s->last == &sql_key_insert ? STORE_UNIQUE_OP_KEY : STORE_UNIQUE_OTHER;
}

/* No room, passed through by the storage engine: ENOSPC, or its own number for a full table. */
static bool is_full(unsigned number, const char *text)
{
    return (number == ER_GET_ERRNO && strncmp(text, "Got error 28 ", 13) == 0) ||
           (number == ER_CANT_CREATE_TABLE &&
            (strstr(text, "(errno: 28 ") != NULL || strstr(text, "(errno: 135 ") != NULL));
}

enum store_rc db_failed(struct store *s, unsigned number, const char *text)
{
    enum store_rc rc = classify(number);

    if (is_full(number, text)) {
        rc = STORE_FULL;
    }
    if (rc == STORE_DUPLICATE) {
        s->duplicate = which_unique(s, text);
        return rc;
    }
    if (rc == STORE_LOST) {
        s->lost = true;
    }
    if (rc == STORE_ERROR) {
        log_err("store_error", "number=%u text=%s sql=%s", number, log_esc(str_of(text)),
                log_esc(str_of(s->last ? s->last->sql : "")));
    } else {
        log_warn_limited("store_failed", "number=%u text=%s", number, log_esc(str_of(text)));
    }
    return rc;
}

enum store_unique store_duplicate(const struct store *s)
{
    return s->duplicate;
}

/* -- text protocol ---------------------------------------------------------------------------- */

enum store_rc db_text(struct store *s, const char *sql, size_t len)
{
    MYSQL_RES *result;

    if (s->lost) {
        return STORE_LOST;
    }
    s->last = NULL;
    if (mysql_real_query(s->mysql, sql, len) != 0) {
        return db_failed(s, mysql_errno(s->mysql), mysql_error(s->mysql));
    }
    result = mysql_store_result(s->mysql);
    if (result) {
        mysql_free_result(result);
    }
    return STORE_OK;
}

enum store_rc db_command(struct store *s, const char *sql)
{
    return db_text(s, sql, strlen(sql));
}

enum store_rc db_rollback(struct store *s, enum store_rc rc)
{
    if (rc != STORE_OK && !s->lost && db_command(s, "ROLLBACK") != STORE_OK) {
        s->lost = true; /* whatever it holds, the server ends it with the connection */
    }
    return rc;
}

/* -- life ------------------------------------------------------------------------------------- */

void store_library_init(void)
{
    mysql_library_init(0, NULL, NULL);
}

void store_thread_end(void)
{
    mysql_thread_end();
}

static void set_options(MYSQL *mysql, const struct store_conf *conf, unsigned read_timeout_s)
{
    const my_bool off = 0, on = 1;
    const unsigned no = 0, tcp = MYSQL_PROTOCOL_TCP;

    if (conf->socket == NULL) { /* the library takes "localhost" for a socket of its own choice */
        mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp);
    }
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(mysql, MYSQL_OPT_RECONNECT, &off);
    mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no);
    mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &conf->connect_timeout_s);
    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &read_timeout_s);
    mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &conf->io_timeout_s);
    /* Newer client libraries verify by default, also where no TLS was asked for; we say which. */
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, conf->tls_ca ? &on : &off);
    if (conf->tls_ca) {
        mysql_ssl_set(mysql, conf->tls_key, conf->tls_cert, conf->tls_ca, NULL, NULL);
    }
}

static bool connect_server(struct store *s, unsigned read_timeout_s)
{
    const struct store_conf *conf = &s->conf;

    s->mysql = mysql_init(NULL);
    if (!s->mysql) {
        return false;
    }
    set_options(s->mysql, conf, read_timeout_s);
    return mysql_real_connect(s->mysql, conf->socket ? NULL : conf->host, conf->user,
                              conf->password ? conf->password : "", conf->database,
                              conf->socket ? 0 : conf->port, conf->socket, 0) != NULL;
}

struct session_row {
    uint64_t id, packet_max;
};
static const struct col session_cols[] = {COL(struct session_row, id),
                                          COL(struct session_row, packet_max)};
static const struct statement sql_session = {
    .sql = "SELECT CONNECTION_ID(), @@max_allowed_packet",
    .out = COLS(session_cols),
};

/* Below the read timeout, so that a wait ends with an answer and not with a lost connection. */
unsigned db_lock_wait_s(const struct store *s)
{
    return s->conf.io_timeout_s > 2 ? s->conf.io_timeout_s / 2 : 1;
}

static enum store_rc prepare_session(struct store *s)
{
    char settings[512];
    struct session_row row;
    bool found = false;
    enum store_rc rc = db_command(s, SESSION_CHARSET);

    if (rc == STORE_OK) {
        rc = db_command(s, SESSION_ISOLATION);
    }
    if (rc == STORE_OK) {
        snprintf(settings, sizeof(settings), SESSION_FORMAT, db_lock_wait_s(s));
        rc = db_command(s, settings);
    }
    if (rc == STORE_OK) {
        rc = query_one(s, &sql_session, NULL, 0, &row, &found);
    }
    if (rc == STORE_OK) {
        s->session = row.id;
        s->row_bytes_max = row.packet_max - row.packet_max / 8;
    }
    return rc;
}

enum rc store_connect(const struct store_conf *conf, unsigned read_timeout_s, struct store **out,
                      struct buf *why)
{
    struct store *s = mem_new(sizeof(*s));

    s->conf = *conf;
    s->abort_fd = -1;
    if (!connect_server(s, read_timeout_s) || prepare_session(s) != STORE_OK) {
        /* The reason first: a log line is cut. */
        buf_addf(why, "%s (user %s at %s)", s->mysql ? mysql_error(s->mysql) : "No memory.", conf->user,
                 conf->socket ? conf->socket : conf->host);
        store_close(s);
        return RC_UNAVAILABLE;
    }
    s->abort_fd = fcntl(mysql_get_socket(s->mysql), F_DUPFD_CLOEXEC, 0);
    *out = s;
    return RC_OK;
}

enum rc store_open(const struct store_conf *conf, struct store **out, struct buf *why)
{
    return store_connect(conf, conf->io_timeout_s, out, why);
}

void store_close(struct store *s)
{
    if (!s) {
        return;
    }
    db_forget_statements(s);
    db_seal_release(s);
    if (s->mysql) {
        mysql_close(s->mysql);
    }
    if (s->abort_fd >= 0) {
        close(s->abort_fd);
    }
    free(s);
}

void store_abort(struct store *s)
{
    (void)shutdown(s->abort_fd, SHUT_RDWR);
}

uint64_t store_session_id(const struct store *s)
{
    return s->session;
}

bool store_alive(const struct store *s)
{
    return !s->lost;
}

bool store_ping(struct store *s)
{
    return db_command(s, "SELECT 1") == STORE_OK;
}
