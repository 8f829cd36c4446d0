/*
 * store_maria_bind.c -- statements as data: prepare once, bind rows through column tables, execute, fetch
 *
 * Writes use the array binding of Connector/C (one packet, one round trip, for INSERT, UPDATE and DELETE alike).
 * The alternative, prepared multi-row VALUES in sizes 1, 2, 4 .. 256, was measured against it (MariaDB 10.11, 4 cores,
 * a message row, its event row and the head row per batch, COMMIT with fsync): equal within noise up to 256 rows a batch
 * (array / VALUES, rows per second: 1 row 1.5 / 1.7 k, 16 rows 17 / 17 k, 64 rows 39 / 42 k, 256 rows 68 / 68 k) and
 * faster above (1000 rows: 77 / 58 k); it needs one statement instead of nine per table, and does UPDATE too.
 *
 * Numbers travel as unsigned 64-bit, whatever their width in the row: one way to bind, and the server narrows.
 */
#include "rest/store_maria.h"

#include <stdlib.h>
#include <string.h>

#include "shared/bug.h"
#include "shared/mem.h"

/* A result column while it is fetched. */
struct cell {
    uint64_t number;
    char *text;
    size_t room;
    unsigned long len;
    my_bool is_null, error;
};

struct prepared {
    const struct statement *def;
    unsigned keys; /* how often `each` stands in it */
    MYSQL_STMT *handle;
    MYSQL_BIND *params;
    uint64_t *numbers; /* behind params */
    MYSQL_BIND *results;
    struct cell *cells; /* behind results */
};

/* Column-wise arrays, as Connector/C wants them. */
struct write_block {
    struct {
        union {
            uint64_t number[DB_WRITE_ROWS_MAX];
            const char *text[DB_WRITE_ROWS_MAX];
        };
        unsigned long len[DB_WRITE_ROWS_MAX];
        char indicator[DB_WRITE_ROWS_MAX];
    } col[DB_WRITE_COLS_MAX];
};

/* -- fields of a row -------------------------------------------------------------------------- */

static bool is_text(const struct col *c)
{
    return c->type == COL_STR || c->type == COL_KEY16;
}

static uint64_t field_number(const struct col *c, const char *row)
{
    const void *field = row + c->at;

    switch (c->type) {
    case COL_U8:
        return *(const uint8_t *)field;
    case COL_U16:
        return *(const uint16_t *)field;
    case COL_U32:
        return *(const uint32_t *)field;
    case COL_U64:
        return *(const uint64_t *)field;
    case COL_KEY16:
    case COL_STR:
        break;
    }
    BUG("not a number");
}

static struct str field_text(const struct col *c, const char *row)
{
    const void *field = row + c->at;

    if (c->type == COL_KEY16) {
        return (struct str){(const char *)((const struct key16 *)field)->b, 16};
    }
    return *(const struct str *)field;
}

static bool field_is_null(const struct col *c, const char *row)
{
    if (!c->nullable) {
        return false;
    }
    return is_text(c) ? field_text(c, row).p == NULL : field_number(c, row) == 0;
}

static void field_set(const struct col *c, char *row, const struct cell *cell)
{
    void *field = row + c->at;
    uint64_t number = cell->is_null ? 0 : cell->number;

    switch (c->type) {
    case COL_U8:
        *(uint8_t *)field = (uint8_t)number;
        break;
    case COL_U16:
        *(uint16_t *)field = (uint16_t)number;
        break;
    case COL_U32:
        *(uint32_t *)field = (uint32_t)number;
        break;
    case COL_U64:
        *(uint64_t *)field = number;
        break;
    case COL_KEY16:
        memset(field, 0, sizeof(struct key16));
        if (!cell->is_null) {
            memcpy(field, cell->text, cell->len < 16 ? cell->len : 16);
        }
        break;
    case COL_STR:
        *(struct str *)field = cell->is_null ? STR_NONE : (struct str){cell->text, cell->len};
        break;
    }
}

/* -- prepared statements ---------------------------------------------------------------------- */

static void prepared_free(struct prepared *p, const struct cols *out)
{
    if (p->handle) {
        mysql_stmt_close(p->handle);
    }
    for (unsigned i = 0; p->cells && i < out->count; i++) {
        free(p->cells[i].text);
    }
    free(p->params);
    free(p->numbers);
    free(p->results);
    free(p->cells);
    free(p);
}

void db_forget_statements(struct store *s)
{
    db_quick_forget(s);
    for (unsigned i = 0; i < s->prepared_count; i++) {
        prepared_free(s->prepared[i], &s->prepared[i]->def->out);
    }
    free(s->prepared);
    s->prepared = NULL;
    s->prepared_count = s->prepared_room = 0;
    free(s->block);
    s->block = NULL;
}

static void add_sql(struct buf *sql, const struct statement *st, unsigned keys)
{
    buf_add_z(sql, st->sql);
    for (unsigned i = 0; st->each && i < keys; i++) {
        if (i > 0) {
            buf_add_z(sql, st->between);
        }
        buf_add_z(sql, st->each);
    }
    if (st->tail) {
        buf_add_z(sql, st->tail);
    }
}

static enum store_rc statement_failed(struct store *s, MYSQL_STMT *handle)
{
    return db_failed(s, mysql_stmt_errno(handle), mysql_stmt_error(handle));
}

static enum store_rc prepare(struct store *s, struct prepared *p)
{
    struct buf sql = BUF_INIT_MAX(DB_SQL_LEN_MAX);
    const struct statement *st = p->def;
    enum store_rc rc = STORE_OK;

    add_sql(&sql, st, p->keys);
    BUG_IF(!buf_ok(&sql));
    p->handle = mysql_stmt_init(s->mysql);
    if (!p->handle) {
        rc = db_failed(s, mysql_errno(s->mysql), mysql_error(s->mysql));
    } else if (mysql_stmt_prepare(p->handle, sql.p, sql.len) != 0) {
        rc = statement_failed(s, p->handle);
    } else {
        BUG_IF(mysql_stmt_param_count(p->handle) != (unsigned long)st->in.count * p->keys);
        BUG_IF(mysql_stmt_field_count(p->handle) != st->out.count);
    }
    buf_release(&sql);
    return rc;
}

static void bind_cells(struct prepared *p)
{
    const struct cols *out = &p->def->out;

    for (unsigned i = 0; i < out->count; i++) {
        MYSQL_BIND *b = &p->results[i];
        struct cell *cell = &p->cells[i];

        b->buffer_type = is_text(&out->c[i]) ? MYSQL_TYPE_STRING : MYSQL_TYPE_LONGLONG;
        b->buffer = is_text(&out->c[i]) ? (void *)cell->text : &cell->number;
        b->buffer_length = is_text(&out->c[i]) ? cell->room : sizeof(cell->number);
        b->is_unsigned = 1;
        b->length = &cell->len;
        b->is_null = &cell->is_null;
        b->error = &cell->error;
    }
}

static struct prepared *prepared_new(const struct statement *st, unsigned keys)
{
    struct prepared *p = mem_new(sizeof(*p));

    p->def = st;
    p->keys = keys;
    if (st->in.count > 0) {
        p->params = mem_new(sizeof(*p->params) * st->in.count * keys);
        p->numbers = mem_new(sizeof(*p->numbers) * st->in.count * keys);
    }
    if (st->out.count > 0) {
        p->results = mem_new(sizeof(*p->results) * st->out.count);
        p->cells = mem_new(sizeof(*p->cells) * st->out.count);
    }
    for (unsigned i = 0; i < st->out.count; i++) {
        if (is_text(&st->out.c[i])) {
            p->cells[i].room = st->out.c[i].type == COL_KEY16 ? 16 : 256;
            p->cells[i].text = mem_new(p->cells[i].room);
        }
    }
    return p;
}

/* The statement for `keys` keys on this connection; prepared when it is not yet. */
static enum store_rc get_prepared(struct store *s, const struct statement *st, unsigned keys,
                                  struct prepared **out)
{
    struct prepared *p;
    enum store_rc rc;

    if (s->lost) {
        return STORE_LOST;
    }
    s->last = st;
    for (unsigned i = 0; i < s->prepared_count; i++) {
        if (s->prepared[i]->def == st && s->prepared[i]->keys == keys) {
            *out = s->prepared[i];
            return STORE_OK;
        }
    }
    p = prepared_new(st, keys);
    rc = prepare(s, p);
    if (rc != STORE_OK) {
        prepared_free(p, &st->out);
        return rc;
    }
    if (s->prepared_count == s->prepared_room) {
        s->prepared_room = s->prepared_room ? s->prepared_room * 2 : 64;
        s->prepared = mem_grow(s->prepared, s->prepared_room, sizeof(*s->prepared));
    }
    s->prepared[s->prepared_count++] = p;
    *out = p;
    return STORE_OK;
}

/* -- writing ---------------------------------------------------------------------------------- */

static void pack_column(struct write_block *block, unsigned i, const struct col *c, const char *rows,
                        size_t row_size, unsigned count)
{
    for (unsigned r = 0; r < count; r++) {
        const char *row = rows + r * row_size;

        block->col[i].indicator[r] = field_is_null(c, row) ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
        if (is_text(c)) {
            struct str text = field_text(c, row);

            block->col[i].text[r] = text.p ? text.p : "";
            block->col[i].len[r] = text.len;
        } else {
            block->col[i].number[r] = field_number(c, row);
        }
    }
}

static enum store_rc write_chunk(struct store *s, struct prepared *p, const char *rows,
                                 size_t row_size, unsigned count, uint64_t *changed)
{
    const struct cols *in = &p->def->in;
    struct write_block *block = s->block;

    memset(p->params, 0, sizeof(*p->params) * in->count);
    for (unsigned i = 0; i < in->count; i++) {
        MYSQL_BIND *b = &p->params[i];

        pack_column(block, i, &in->c[i], rows, row_size, count);
        b->buffer_type = is_text(&in->c[i]) ? MYSQL_TYPE_STRING : MYSQL_TYPE_LONGLONG;
        b->buffer = block->col[i].number;
        b->length = is_text(&in->c[i]) ? block->col[i].len : NULL;
        b->is_unsigned = 1;
        b->u.indicator = block->col[i].indicator;
    }
    if (mysql_stmt_attr_set(p->handle, STMT_ATTR_ARRAY_SIZE, &count) != 0 ||
        mysql_stmt_bind_param(p->handle, p->params) != 0 || mysql_stmt_execute(p->handle) != 0) {
        return statement_failed(s, p->handle);
    }
    if (changed) {
        *changed += mysql_stmt_affected_rows(p->handle);
    }
    return STORE_OK;
}

static size_t text_bytes(const struct cols *in, const char *row)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < in->count; i++) {
        bytes += is_text(&in->c[i]) ? field_text(&in->c[i], row).len : 0;
    }
    return bytes + (size_t)in->count * 10;
}

/* How many of the rows fit one packet, at least 1; 0 when not even the first does. */
static unsigned rows_that_fit(const struct store *s, const struct cols *in, const char *rows,
                              size_t row_size, unsigned count)
{
    size_t bytes = 0;
    unsigned n = 0;

    while (n < count && n < DB_WRITE_ROWS_MAX) {
        bytes += text_bytes(in, rows + n * row_size);
        if (bytes > s->row_bytes_max) {
            break;
        }
        n++;
    }
    return n;
}

enum store_rc db_write(struct store *s, const struct statement *st, const void *rows,
                       size_t row_size, unsigned count, uint64_t *changed)
{
    const char *at = rows;
    struct prepared *p;
    enum store_rc rc = count > 0 ? get_prepared(s, st, 1, &p) : STORE_OK;

    BUG_IF(st->in.count == 0 || st->in.count > DB_WRITE_COLS_MAX);
    if (!s->block) {
        s->block = mem_new(sizeof(*s->block));
    }
    while (rc == STORE_OK && count > 0) {
        unsigned n = rows_that_fit(s, &st->in, at, row_size, count);

        if (n == 0) {
            return STORE_DATA;
        }
        rc = write_chunk(s, p, at, row_size, n, changed);
        at += n * row_size;
        count -= n;
    }
    return rc;
}

/* -- reading ---------------------------------------------------------------------------------- */

void query_start(struct query *q, struct store *s, const struct statement *st, const void *keys,
                 size_t key_size, unsigned count, void *row)
{
    BUG_IF(!st->each && count > 1);
    *q = (struct query){s, st, keys, key_size, count, row, NULL, STORE_OK};
}

/* Lists come in sizes 1, 2, 4 .. DB_LIST_MAX, so that there are few statements; the last key fills up. */
static unsigned list_size(const struct statement *st, unsigned keys)
{
    unsigned size = 1;

    while (st->each && size < keys && size < DB_LIST_MAX) {
        size *= 2;
    }
    return size;
}

static void bind_keys(struct prepared *p, const char *keys, size_t key_size, unsigned count)
{
    const struct cols *in = &p->def->in;

    if (in->count == 0) {
        return;
    }
    memset(p->params, 0, sizeof(*p->params) * in->count * p->keys);
    for (unsigned k = 0; k < p->keys; k++) {
        const char *key = keys + (k < count ? k : count - 1) * key_size;

        for (unsigned i = 0; i < in->count; i++) {
            MYSQL_BIND *b = &p->params[k * in->count + i];

            b->is_unsigned = 1;
            if (is_text(&in->c[i])) {
                struct str text = field_text(&in->c[i], key);

                b->buffer_type = MYSQL_TYPE_STRING;
                b->buffer = (void *)(uintptr_t)(text.p ? text.p : "");
                b->buffer_length = text.len;
            } else {
                uint64_t *number = &p->numbers[k * in->count + i];

                *number = field_number(&in->c[i], key);
                b->buffer_type = MYSQL_TYPE_LONGLONG;
                b->buffer = number;
            }
        }
    }
}

static enum store_rc execute_next(struct query *q)
{
    unsigned size = list_size(q->st, q->keys_left);
    unsigned used = q->keys_left < size ? q->keys_left : size;
    struct prepared *p;
    enum store_rc rc = get_prepared(q->s, q->st, size, &p);

    if (rc != STORE_OK) {
        return rc;
    }
    bind_keys(p, q->keys, q->key_size, used);
    if ((p->params && mysql_stmt_bind_param(p->handle, p->params) != 0) ||
        mysql_stmt_execute(p->handle) != 0) {
        return statement_failed(q->s, p->handle);
    }
    bind_cells(p);
    if (mysql_stmt_bind_result(p->handle, p->results) != 0) {
        return statement_failed(q->s, p->handle);
    }
    q->open = p;
    q->keys_left -= used;
    q->keys = q->keys ? q->keys + used * q->key_size : NULL;
    return STORE_OK;
}

/* Text longer than its cell: make the cell larger (it stays so, *grown) and fetch the column again. */
static bool fetch_long_text(struct prepared *p, bool *grown)
{
    *grown = false;

    for (unsigned i = 0; i < p->def->out.count; i++) {
        struct cell *cell = &p->cells[i];

        if (!is_text(&p->def->out.c[i]) || cell->is_null || cell->len <= cell->room) {
            continue;
        }
        cell->room = cell->len + cell->len / 2;
        cell->text = mem_grow(cell->text, cell->room, 1);
        bind_cells(p);
        if (mysql_stmt_fetch_column(p->handle, &p->results[i], i, 0) != 0) {
            return false;
        }
        *grown = true;
    }
    return true;
}

/* The rest of a result is read away before the connection does anything else. */
static bool query_end(struct query *q, enum store_rc rc)
{
    if (q->open) {
        mysql_stmt_free_result(q->open->handle);
    }
    q->open = NULL;
    q->keys_left = 0;
    q->rc = rc;
    return false;
}

static bool query_row(struct query *q)
{
    const struct cols *out = &q->st->out;
    struct prepared *p = q->open;
    bool grown;

    if (!fetch_long_text(p, &grown)) {
        return query_end(q, statement_failed(q->s, p->handle));
    }
    for (unsigned i = 0; i < out->count; i++) {
        field_set(&out->c[i], q->row, &p->cells[i]);
    }
    /* Not before: some versions of the client library (3.3.19, not 3.3.20) set the lengths to 0 by it. */
    if (grown && mysql_stmt_bind_result(p->handle, p->results) != 0) {
        return query_end(q, statement_failed(q->s, p->handle));
    }
    return true;
}

bool query_next(struct query *q)
{
    while (q->open || q->keys_left > 0) {
        int fetched;

        if (!q->open) {
            enum store_rc rc = execute_next(q);

            if (rc != STORE_OK) {
                return query_end(q, rc);
            }
        }
        fetched = mysql_stmt_fetch(q->open->handle);
        if (fetched == 0 || fetched == MYSQL_DATA_TRUNCATED) {
            return query_row(q);
        }
        if (fetched != MYSQL_NO_DATA) {
            return query_end(q, statement_failed(q->s, q->open->handle));
        }
        mysql_stmt_free_result(q->open->handle);
        q->open = NULL;
    }
    return false;
}

enum store_rc query_one(struct store *s, const struct statement *st, const void *key,
                        size_t key_size, void *row, bool *found)
{
    struct query q;

    query_start(&q, s, st, key, key_size, 1, row);
    *found = query_next(&q);
    if (*found) {
        query_end(&q, STORE_OK);
    }
    return q.rc;
}
