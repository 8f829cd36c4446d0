/*
 * store_maria_probe.c -- whether the database would take a change
 *
 * A read-only server refuses every statement that could change something before it looks at any row. A full disk is
 * found out only by needing more of it: tables that exist may have room of their own, and what a rolled-back INSERT
 * has added to one stays, so the probe is a table of its own.
 */
#include "rest/store_maria.h"

#define ROOM "1048576" /* bytes */

enum store_rc store_probe_write(struct store *s)
{
    return db_command(s, "UPDATE log_head SET last_batch = last_batch WHERE FALSE");
}

enum store_rc store_probe_room(struct store *s)
{
    static const char drop[] = "DROP TABLE IF EXISTS room_probe";
    enum store_rc rc = db_command(s, drop);

    if (rc == STORE_OK) {
        rc = db_command(s, "CREATE TABLE room_probe (filler LONGBLOB NOT NULL) ENGINE=InnoDB");
    }
    if (rc == STORE_OK) {
        enum store_rc left;

        rc = db_command(s, "INSERT INTO room_probe VALUES (REPEAT('x', " ROOM "))");
        left = db_command(s, drop);
        rc = rc == STORE_OK ? left : rc;
    }
    return rc;
}
