/*
 * store_maria_attachment.c -- what is known of attachments; their bytes are elsewhere
 */
#include "rest/store_maria_attachment.h"

/* -- what a batch writes ------------------------------------------------------------------------------- */

#define ATTACHMENT_COLUMNS "id, chat_id, seq, uploader_id, size, created_us, unused_us, sha256, mime_type, name"
static const struct col attachment_cols[] = {
    COL(struct row_attachment, id),
    COL(struct row_attachment, chat_id),
    COL_NULL(struct row_attachment, seq),
    COL(struct row_attachment, uploader_id),
    COL(struct row_attachment, size),
    COL(struct row_attachment, created_us),
    COL_NULL(struct row_attachment, unused_us),
    COL(struct row_attachment, sha256),
    COL(struct row_attachment, mime_type),
    COL(struct row_attachment, name),
};
const struct statement sql_attachment_insert = {
    .sql = "INSERT INTO attachments (" ATTACHMENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    .in = COLS(attachment_cols),
};
static const struct col used_cols[] = {
    COL(struct row_attachment, seq),
    COL(struct row_attachment, id),
};
const struct statement sql_attachment_use = {
    .sql = "UPDATE attachments SET seq = ?, unused_us = NULL WHERE id = ?",
    .in = COLS(used_cols),
};
static const struct col dropped_cols[] = {
    COL(struct row_attachment, unused_us),
    COL(struct row_attachment, chat_id),
    COL(struct row_attachment, seq),
};
const struct statement sql_attachment_drop = {
    .sql = "UPDATE attachments SET unused_us = ? WHERE chat_id = ? AND seq = ?",
    .in = COLS(dropped_cols),
};
/* Nobody gets at the files of a conversation that is gone. */
const struct statement sql_attachment_drop_chat = {
    .sql = "UPDATE attachments SET unused_us = CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED) WHERE chat_id = ?",
    .in = COLS_NUMBER,
};
const struct statement sql_attachment_delete = {
    .sql = "DELETE FROM attachments WHERE id = ?",
    .in = COLS_NUMBER,
};

/* -- look-ups -------------------------------------------------------------------------------------------- */

static enum store_rc each_attachment(struct query *q, const struct row_attachment *row, store_on_attachment on,
                                     void *ctx)
{
    while (query_next(q)) {
        on(ctx, row);
    }
    return q->rc;
}

static const struct statement sql_attachments_by_id = {
    .sql = "SELECT " ATTACHMENT_COLUMNS " FROM attachments FORCE INDEX (PRIMARY) WHERE id IN (",
    .each = "?",
    .between = ", ",
    .tail = ")",
    .in = COLS_NUMBER,
    .out = COLS(attachment_cols),
};

enum store_rc store_find_attachments(struct store *s, const uint64_t *ids, unsigned count, store_on_attachment on,
                                     void *ctx)
{
    struct row_attachment row = {0};
    struct query q;

    query_start(&q, s, &sql_attachments_by_id, ids, sizeof(*ids), count, &row);
    return each_attachment(&q, &row, on, ctx);
}

static const struct col place_cols[] = {
    COL(struct chat_seq, chat_id),
    COL(struct chat_seq, seq),
};
static const struct statement sql_attachments_by_place = {
    .sql = "SELECT " ATTACHMENT_COLUMNS " FROM attachments FORCE INDEX (place) WHERE ",
    .each = "(chat_id = ? AND seq = ?)",
    .between = " OR ",
    .in = COLS(place_cols),
    .out = COLS(attachment_cols),
};

enum store_rc store_attachments_at(struct store *s, const struct chat_seq *at, unsigned count, store_on_attachment on,
                                   void *ctx)
{
    struct row_attachment row = {0};
    struct query q;

    query_start(&q, s, &sql_attachments_by_place, at, sizeof(*at), count, &row);
    return each_attachment(&q, &row, on, ctx);
}

struct unused_key {
    uint64_t before_us, limit;
};
static const struct col unused_key_cols[] = {
    COL(struct unused_key, before_us),
    COL(struct unused_key, limit),
};
static const struct statement sql_unused_attachments = {
    .sql = "SELECT " ATTACHMENT_COLUMNS " FROM attachments FORCE INDEX (unused_us) WHERE unused_us < ? "
           "ORDER BY unused_us LIMIT ?",
    .in = COLS(unused_key_cols),
    .out = COLS(attachment_cols),
};

enum store_rc store_unused_attachments(struct store *s, uint64_t before_us, unsigned limit, store_on_attachment on,
                                       void *ctx)
{
    struct unused_key key = {before_us, limit};
    struct row_attachment row = {0};
    struct query q;

    query_start(&q, s, &sql_unused_attachments, &key, sizeof(key), 1, &row);
    return each_attachment(&q, &row, on, ctx);
}

/* -- start ------------------------------------------------------------------------------------------------ */

static const struct col sum_cols[] = {
    COL(struct row_attachment, uploader_id),
    COL(struct row_attachment, size),
};
static const struct statement sql_attachment_sums = {
    .sql = "SELECT uploader_id, CAST(SUM(size) AS UNSIGNED) FROM attachments GROUP BY uploader_id",
    .out = COLS(sum_cols),
};

enum store_rc store_load_attachment_sums(struct store *s, store_on_attachment on, void *ctx)
{
    struct row_attachment row = {0};
    struct query q;

    query_start(&q, s, &sql_attachment_sums, NULL, 0, 1, &row);
    return each_attachment(&q, &row, on, ctx);
}
