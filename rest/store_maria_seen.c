/* store_maria_seen.c -- when users were seen last */
#include "rest/store_maria.h"

static const struct col seen_cols[] = {
    COL(struct row_seen, user_id),
    COL(struct row_seen, seen_us),
    COL(struct row_seen, online),
};
const struct statement sql_seen_put = {
    .sql = "INSERT INTO last_seen (user_id, seen_us, is_online) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE "
           "seen_us = VALUES(seen_us), is_online = VALUES(is_online)",
    .in = COLS(seen_cols),
};
static const struct statement sql_seen = {
    .sql = "SELECT user_id, seen_us, is_online FROM last_seen ORDER BY user_id",
    .out = COLS(seen_cols),
};

enum store_rc store_load_seen(struct store *s, store_on_seen on, void *ctx)
{
    struct row_seen row = {0};
    struct query q;

    query_start(&q, s, &sql_seen, NULL, 0, 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}
