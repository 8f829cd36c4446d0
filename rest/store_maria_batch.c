/*
 * store_maria_batch.c -- what one batch of the writer writes
 *
 * One statement per kind of row, in one fixed order (two batches on two connections never wait for each other in a
 * circle), each a single round trip however many rows there are; the head row last, which is the fence.
 */
#include "rest/store_maria.h"
#include "rest/store_maria_seal.h"
#include "rest/store_maria_attachment.h"

#include <mysqld_error.h>

#include "shared/clock.h"

/* -- users, logins ---------------------------------------------------------------------------- */

static const struct col user_insert_cols[] = {
    COL(struct row_user, id),
    COL(struct row_user, username),
    COL(struct row_user, name),
    COL_NULL(struct row_user, external_id),
    COL_NULL(struct row_user, password_hash),
    COL(struct row_user, status),
    COL(struct row_user, created_us),
    COL_NULL(struct row_user, valid_from_us),
};
static const struct statement sql_user_insert = {
    .sql = "INSERT INTO users (id, username, name, external_id, password_hash, status, "
           "created_us, valid_from_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    .in = COLS(user_insert_cols),
};
static const struct col user_update_cols[] = {
    COL(struct row_user, name),
    COL_NULL(struct row_user, profile_url),
    COL(struct row_user, status),
    COL_NULL(struct row_user, valid_from_us),
    COL_NULL(struct row_user, password_hash),
    COL(struct row_user, id),
};
static const struct statement sql_user_update = {
    .sql = "UPDATE users SET name = ?, profile_url = ?, status = ?, valid_from_us = ?, "
           "password_hash = COALESCE(?, password_hash) WHERE id = ?",
    .in = COLS(user_update_cols),
};

static const struct col family_insert_cols[] = {
    COL(struct row_family, id),
    COL(struct row_family, user_id),
    COL(struct row_family, refresh_hash),
    COL(struct row_family, previous_hash),
    COL(struct row_family, created_us),
    COL(struct row_family, expires_s),
    COL_NULL(struct row_family, revoked_us),
};
static const struct statement sql_family_insert = {
    .sql = "INSERT INTO families (id, user_id, refresh_hash, previous_hash, created_us, "
           "expires_s, revoked_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
    .in = COLS(family_insert_cols),
};
static const struct col family_update_cols[] = {
    COL(struct row_family, refresh_hash),
    COL(struct row_family, previous_hash),
    COL(struct row_family, expires_s),
    COL_NULL(struct row_family, revoked_us),
    COL(struct row_family, id),
};
static const struct statement sql_family_update = {
    .sql = "UPDATE families SET refresh_hash = ?, previous_hash = ?, expires_s = ?, "
           "revoked_us = ? WHERE id = ?",
    .in = COLS(family_update_cols),
};

/* -- chats, members --------------------------------------------------------------------------- */

static const struct col chat_insert_cols[] = {
    COL(struct row_chat, id),
    COL(struct row_chat, kind),
    COL(struct row_chat, name),
    COL(struct row_chat, created_us),
    COL(struct row_chat, created_by),
    COL_NULL(struct row_chat, open),
    COL_NULL(struct row_chat, renamed_us),
    COL_NULL(struct row_chat, peer[0]),
    COL_NULL(struct row_chat, peer[1]),
};
static const struct statement sql_chat_insert = {
    .sql = "INSERT INTO chats (id, kind, name, created_us, created_by, open, renamed_us, peer_low, "
           "peer_high) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    .in = COLS(chat_insert_cols),
};
static const struct col chat_update_cols[] = {
    COL_NULL(struct row_chat, name),
    COL_NULL(struct row_chat, open),
    COL_NULL(struct row_chat, renamed_us),
    COL(struct row_chat, id),
};
static const struct statement sql_chat_update = {
    .sql = "UPDATE chats SET name = COALESCE(?, name), open = COALESCE(?, open), renamed_us = ? WHERE id = ?",
    .in = COLS(chat_update_cols),
};
/* The pair of a deleted direct chat is free for a new one. */
static const struct statement sql_chat_delete = {
    .sql = "UPDATE chats SET deleted_us = CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED), "
           "peer_low = NULL, peer_high = NULL WHERE id = ?",
    .in = COLS_NUMBER,
};
static const struct statement sql_chat_members_delete = {
    .sql = "DELETE FROM members WHERE chat_id = ?",
    .in = COLS_NUMBER,
};

static const struct col member_cols[] = {
    COL(struct row_member, chat_id),    COL(struct row_member, user_id),
    COL(struct row_member, role),       COL(struct row_member, joined_seq),
    COL(struct row_member, read_seq),   COL(struct row_member, own_total),
    COL(struct row_member, own_at_read), COL(struct row_member, own_seq),
};
static const struct statement sql_member_put = {
    .sql = "INSERT INTO members (chat_id, user_id, role, joined_seq, read_seq, own_total, "
           "own_at_read, own_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE "
           "role = VALUES(role), joined_seq = VALUES(joined_seq), read_seq = VALUES(read_seq), "
           "own_total = VALUES(own_total), own_at_read = VALUES(own_at_read), "
           "own_seq = VALUES(own_seq)",
    .in = COLS(member_cols),
};
static const struct col member_id_cols[] = {
    COL(struct row_member, chat_id),
    COL(struct row_member, user_id),
};
static const struct statement sql_member_delete = {
    .sql = "DELETE FROM members WHERE chat_id = ? AND user_id = ?",
    .in = COLS(member_id_cols),
};

/* -- messages --------------------------------------------------------------------------------- */

const struct col message_cols[MESSAGE_COLS] = {
    COL(struct row_message, chat_id),    COL(struct row_message, seq),
    COL(struct row_message, id),         COL(struct row_message, sender_id),
    COL(struct row_message, created_us), COL(struct row_message, version),
    COL(struct row_message, flags),      COL(struct row_message, last_event),
    COL(struct row_message, key),        COL(struct row_message, hash),
    COL(struct row_message, kind),       COL(struct row_message, content),
};
static const struct statement sql_message_insert = {
    .sql = "INSERT INTO messages (chat_id, seq, id, sender_id, created_us, version, flags, "
           "last_event, client_key, op_hash, kind, content) "
           "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    .in = {message_cols, MESSAGE_COLS},
};
/* A deletion brings no content: the text stays for the retention, the flag hides it. */
static const struct col message_update_cols[] = {
    COL_NULL(struct row_message, content), COL(struct row_message, version),
    COL(struct row_message, flags),   COL(struct row_message, last_event),
    COL(struct row_message, chat_id), COL(struct row_message, seq),
};
static const struct statement sql_message_update = {
    .sql = "UPDATE messages SET content = COALESCE(?, content), version = ?, flags = ?, last_event = ? "
           "WHERE chat_id = ? AND seq = ?",
    .in = COLS(message_update_cols),
};
static const struct col deletion_cols[] = {
    COL(struct row_deletion, chat_id),
    COL(struct row_deletion, seq),
    COL(struct row_deletion, sender_id),
};
static const struct statement sql_deletion_insert = {
    .sql = "INSERT INTO message_deletions (chat_id, seq, sender_id) VALUES (?, ?, ?)",
    .in = COLS(deletion_cols),
};

/* -- the log ---------------------------------------------------------------------------------- */

const struct col event_cols[EVENT_COLS] = {
    COL(struct row_event, id),
    COL(struct row_event, kind),
    COL_NULL(struct row_event, chat_id),
    COL_NULL(struct row_event, seq),
    COL_NULL(struct row_event, actor_id),
    COL_NULL(struct row_event, subject_id),
    COL_NULL(struct row_event, number),
    COL_NULL(struct row_event, version),
    COL(struct row_event, at_us),
};
static const struct statement sql_event_insert = {
    .sql = "INSERT INTO events (" EVENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    .in = {event_cols, EVENT_COLS},
};
static const struct col event_user_cols[] = {
    COL(struct row_event_user, user_id),
    COL(struct row_event_user, event_id),
};
static const struct statement sql_event_user_insert = {
    .sql = "INSERT INTO event_users (user_id, event_id) VALUES (?, ?)",
    .in = COLS(event_user_cols),
};
const struct col key_cols[KEY_COLS] = {
    COL(struct row_key, user_id),      COL(struct row_key, key),
    COL(struct row_key, hash),         COL(struct row_key, kind),
    COL(struct row_key, code),         COL_NULL(struct row_key, event_id),
    COL_NULL(struct row_key, chat_id), COL_NULL(struct row_key, other_id),
    COL_NULL(struct row_key, number),  COL(struct row_key, at_us),
};
const struct statement sql_key_insert = {
    .sql = "INSERT INTO op_keys (" KEY_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    .in = {key_cols, KEY_COLS},
};

static const struct col advance_cols[] = {
    COL(struct store_batch, next_event),
    COL_NULL(struct store_batch, checkpoint),
    COL(struct store_batch, epoch),
    COL(struct store_batch, last_batch),
};
static const struct statement sql_head_advance = {
    .sql = "UPDATE log_head SET next_event = ?, last_batch = last_batch + 1, "
           "checkpoint = COALESCE(?, checkpoint), owner_session = CONNECTION_ID() "
           "WHERE part = 0 AND epoch = ? AND last_batch = ?",
    .in = COLS(advance_cols),
};

/* -- running ---------------------------------------------------------------------------------- */

static enum store_rc write_rows(struct store *s, const struct store_batch *b)
{
#define PART(statement, array) {&(statement), b->array, sizeof(*b->array), b->array##_count}
    const struct {
        const struct statement *st;
        const void *rows;
        size_t row_size;
        unsigned count;
    } parts[] = {
        PART(sql_user_insert, users_new),       PART(sql_user_update, users_set),
        PART(sql_chat_insert, chats_new),       PART(sql_chat_update, chats_set),
        PART(sql_chat_delete, chats_deleted),   PART(sql_chat_members_delete, chats_deleted),
        PART(sql_member_put, members_put),      PART(sql_member_delete, members_gone),
        PART(sql_message_insert, messages_new), PART(sql_message_update, messages_set),
        PART(sql_deletion_insert, deletions),   PART(sql_event_insert, events),
        PART(sql_event_user_insert, event_users), PART(sql_key_insert, keys),
        PART(sql_attachment_insert, attachments_new), PART(sql_attachment_use, attachments_used),
        PART(sql_attachment_drop, attachments_dropped), PART(sql_attachment_drop_chat, chats_deleted),
        PART(sql_attachment_delete, attachments_gone),
        PART(sql_family_insert, families_new),  PART(sql_family_update, families_set),
        PART(sql_seen_put, seen),
        PART(sql_recovery_put, recoveries),     PART(sql_recovery_delete, recoveries_gone),
        PART(sql_session_put, sessions_put),    PART(sql_session_role_put, session_roles_put),
        PART(sql_attendee_insert, attendees_new), PART(sql_attendee_update, attendees_set),
        PART(sql_session_roles_delete, sessions_deleted),
        PART(sql_session_attendees_delete, sessions_deleted), PART(sql_checkin_insert, checkins),
        PART(sql_note_insert, notes_new),       PART(sql_note_update, notes_set),
        PART(sql_note_mark_put, note_marks),    PART(sql_note_user_put, note_users),
        PART(sql_note_unread_put, note_unread),  PART(sql_preferences_put, preferences), PART(sql_decision_put, decisions),
        PART(sql_notifier_put, notifier),
    };
#undef PART
    enum store_rc rc = STORE_OK;

    for (size_t i = 0; rc == STORE_OK && i < sizeof(parts) / sizeof(parts[0]); i++) {
        rc = db_write(s, parts[i].st, parts[i].rows, parts[i].row_size, parts[i].count, NULL);
    }
    return rc;
}

enum store_rc store_batch_run(struct store *s, const struct store_batch *plain)
{
    const struct store_batch *b = db_seal(s, plain);
    uint64_t changed = 0;

    if (db_quick_fits(b)) {
        return db_quick_run(s, b);
    }
    enum store_rc rc = db_command(s, "START TRANSACTION");

    if (rc == STORE_OK) {
        rc = write_rows(s, b);
    }
    if (rc == STORE_OK) {
        rc = db_write(s, &sql_head_advance, b, sizeof(*b), 1, &changed);
    }
    if (rc == STORE_OK && changed == 0) {
        rc = STORE_FENCED;
    }
    return db_rollback(s, rc);
}

/* An error of COMMIT that is not a plain refusal leaves the outcome open; the caller finds out on a new connection. */
enum store_rc store_batch_commit(struct store *s)
{
    enum store_rc rc;

    if (s->committed) {
        s->committed = false;
        return STORE_OK;
    }
    if (s->lost) {
        return STORE_LOST;
    }
    rc = db_command(s, "COMMIT");
    if (rc == STORE_OK) {
        return rc;
    }
    if (rc == STORE_RETRY) {
        return db_rollback(s, rc); /* a Galera cluster certified another one first */
    }
    s->lost = true;
    return STORE_IN_DOUBT;
}
