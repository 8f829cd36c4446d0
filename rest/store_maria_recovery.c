/* store_maria_recovery.c -- connections that can be recovered */
#include "rest/store_maria.h"

static const struct col recovery_cols[] = {
    COL(struct row_recovery, pid),
    COL(struct row_recovery, user_id),
    COL(struct row_recovery, lost_us),
    COL(struct row_recovery, position),
    COL(struct row_recovery, rooms),
};
const struct statement sql_recovery_put = {
    .sql = "INSERT INTO socketio_recoveries (pid, user_id, lost_us, position, rooms) VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY "
           "UPDATE lost_us = VALUES(lost_us), position = VALUES(position), rooms = VALUES(rooms)",
    .in = COLS(recovery_cols),
};
static const struct col recovery_gone_cols[] = {
    COL(struct row_recovery, pid),
};
const struct statement sql_recovery_delete = {
    .sql = "DELETE FROM socketio_recoveries WHERE pid = ?",
    .in = COLS(recovery_gone_cols),
};
static const struct statement sql_recoveries = {
    .sql = "SELECT pid, user_id, lost_us, position, rooms FROM socketio_recoveries "
           "ORDER BY pid <> '', lost_us = 0, lost_us, pid",
    .out = COLS(recovery_cols),
};

enum store_rc store_load_recoveries(struct store *s, store_on_recovery on, void *ctx)
{
    struct row_recovery row = {0};
    struct query q;

    query_start(&q, s, &sql_recoveries, NULL, 0, 1, &row);
    while (query_next(&q)) {
        on(ctx, &row);
    }
    return q.rc;
}
