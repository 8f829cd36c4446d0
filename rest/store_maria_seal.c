#include "rest/store_maria_seal.h"

#include <stdlib.h>

#include "rest/metrics.h"
#include "rest/sealer.h"
#include "shared/bug.h"
#include "shared/log.h"
#include "shared/mem.h"

#define KEPT_BYTES ((size_t)1024 * 1024) /* of a buffer; what a batch of long texts took is given back */

struct db_seals {
    struct store_batch batch;
    struct row_message *rows;
    uint32_t room;
    struct buf sealed; /* of all rows of a batch */
    struct buf opened; /* of one row */
    struct buf place;
};

static struct db_seals *seals_of(struct store *s)
{
    if (s->seals == NULL) {
        s->seals = mem_new(sizeof(*s->seals));
        s->seals->opened = s->seals->place = (struct buf)BUF_INIT;
        s->seals->sealed = (struct buf)BUF_INIT_MAX(SIZE_MAX / 2); /* the batch is what is bounded */
    }
    return s->seals;
}

void db_seal_release(struct store *s)
{
    if (s->seals != NULL) {
        buf_release(&s->seals->sealed);
        buf_release(&s->seals->opened);
        buf_release(&s->seals->place);
        free(s->seals->rows);
        free(s->seals);
        s->seals = NULL;
    }
}

/* A message's place never changes. */
static struct str place_of(struct db_seals *x, const struct row_message *row)
{
    buf_clear(&x->place);
    buf_add_z(&x->place, "messages");
    buf_add_be64(&x->place, row->chat_id);
    buf_add_be64(&x->place, row->seq);
    return buf_str(&x->place);
}

/* Rows with their texts sealed behind each other; where each begins is all that is known before the last one is there. */
static void seal_rows(struct db_seals *x, const struct sealer *sealer, const struct row_message *rows, unsigned count,
                      struct row_message *out)
{
    for (unsigned i = 0; i < count; i++) {
        out[i] = rows[i];
        if (rows[i].content.p != NULL) {
            size_t before = x->sealed.len;
            sealer_seal(sealer, place_of(x, &rows[i]), rows[i].content, &x->sealed);
            out[i].content.len = x->sealed.len - before;
        }
    }
}

static void place_texts(const struct db_seals *x, unsigned count)
{
    const char *at = x->sealed.p;
    for (unsigned i = 0; i < count; i++) {
        if (x->rows[i].content.p != NULL) {
            x->rows[i].content.p = at;
            at += x->rows[i].content.len;
        }
    }
}

const struct store_batch *db_seal(struct store *s, const struct store_batch *b)
{
    unsigned count = b->messages_new_count + b->messages_set_count;
    if (s->conf.sealer == NULL || count == 0) {
        return b;
    }
    struct db_seals *x = seals_of(s);
    if (count > x->room) {
        x->rows = mem_grow(x->rows, count, sizeof(*x->rows));
        x->room = count;
    }
    if (x->sealed.room > KEPT_BYTES) {
        buf_release(&x->sealed);
    }
    buf_clear(&x->sealed);
    seal_rows(x, s->conf.sealer, b->messages_new, b->messages_new_count, x->rows);
    seal_rows(x, s->conf.sealer, b->messages_set, b->messages_set_count, x->rows + b->messages_new_count);
    BUG_IF(!buf_ok(&x->sealed)); /* no memory: better none of them than some without a text */
    place_texts(x, count);
    x->batch = *b;
    x->batch.messages_new = x->rows;
    x->batch.messages_set = x->rows + b->messages_new_count;
    return &x->batch;
}

void db_unseal(struct store *s, struct row_message *row)
{
    if (!sealer_is_sealed(row->content)) {
        return;
    }
    struct db_seals *x = seals_of(s);
    buf_clear(&x->opened);
    enum rc rc = s->conf.sealer != NULL ? sealer_open(s->conf.sealer, place_of(x, row), row->content, &x->opened)
                                        : RC_NOT_FOUND;
    if (rc == RC_OK) {
        row->content = x->opened.len > 0 ? buf_str(&x->opened) : STR("");
        return;
    }
    metric_add(METRIC_STORE_UNOPENED, 1);
    log_warn_limited("message_not_opened", "chat=%llu seq=%llu why=%s", (unsigned long long)row->chat_id,
                     (unsigned long long)row->seq, rc == RC_NOT_FOUND ? "unknown_key" : "damaged");
    row->content = STR("\xef\xbf\xbd");
}

/* -- which keys the texts are under ------------------------------------------------------------------------ */

struct row_content_key {
    struct str id;
};
static const struct col content_key_cols[] = {COL(struct row_content_key, id)};
static const struct statement sql_content_key_insert = {
    .sql = "INSERT IGNORE INTO content_keys (id) VALUES (?)",
    .in = COLS(content_key_cols),
};
static const struct statement sql_content_keys = {
    .sql = "SELECT id FROM content_keys ORDER BY id",
    .out = COLS(content_key_cols),
};

enum store_rc store_content_keys(struct store *s, struct buf *missing)
{
    const struct sealer *sealer = s->conf.sealer;
    struct row_content_key row = {0};
    struct query q;
    query_start(&q, s, &sql_content_keys, NULL, 0, 1, &row);
    while (query_next(&q)) {
        if (sealer == NULL || !sealer_has(sealer, row.id)) {
            buf_addf(missing, "%s%.*s", missing->len > 0 ? ", " : "", (int)row.id.len, row.id.p);
        }
    }
    if (q.rc != STORE_OK || sealer == NULL || missing->len > 0) {
        return q.rc;
    }
    row.id = sealer_id(sealer);
    return db_write(s, &sql_content_key_insert, &row, sizeof(row), 1, NULL);
}
