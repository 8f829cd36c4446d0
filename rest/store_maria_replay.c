/*
 * store_maria_replay.c -- the next events of some chats, of one user and of everybody
 *
 * Two steps. First the ids: per chat one range of the index (chat_id, event_id) that stops at the limit, many chats in
 * one UNION ALL, merged here; so a page costs at most limit index entries per chat, however much happened in between or
 * in other chats. An IN over all chats with one ORDER BY would read everything up to `upto` for every page. Then the
 * rows of the ids that are left, by primary key.
 */
#include "rest/store_maria.h"

#include <stdlib.h>

#include "shared/mem.h"

#define REPLAY_CHATS_PER_STATEMENT 64

struct arm {
    uint64_t id; /* chat or user */
    uint64_t after, upto, limit;
};
static const struct col arm_cols[] = {
    COL(struct arm, id),
    COL(struct arm, after),
    COL(struct arm, upto),
    COL(struct arm, limit),
};
static const struct statement sql_chat_arms = {
    .sql = "",
    .each = "(SELECT event_id FROM events FORCE INDEX (chat) WHERE chat_id = ? "
            "AND event_id > ? AND event_id <= ? ORDER BY event_id LIMIT ?)",
    .between = " UNION ALL ",
    .in = COLS(arm_cols),
    .out = COLS_NUMBER,
};
static const struct statement sql_user_arm = {
    .sql = "SELECT event_id FROM event_users FORCE INDEX (PRIMARY) WHERE user_id = ? "
           "AND event_id > ? AND event_id <= ? ORDER BY event_id LIMIT ?",
    .in = COLS(arm_cols),
    .out = COLS_NUMBER,
};
/* A notification is its creation event; those of user 0 are everybody's. */
static const struct statement sql_note_arms = {
    .sql = "",
    .each = "(SELECT id FROM notifications FORCE INDEX (PRIMARY) WHERE user_id = ? "
            "AND id > ? AND id <= ? ORDER BY id LIMIT ?)",
    .between = " UNION ALL ",
    .in = COLS(arm_cols),
    .out = COLS_NUMBER,
};
static const struct statement sql_events_by_id = {
    .sql = "SELECT " EVENT_COLUMNS " FROM events WHERE event_id IN (",
    .each = "?",
    .between = ", ",
    .tail = ") ORDER BY event_id",
    .in = COLS_NUMBER,
    .out = {event_cols, EVENT_COLS},
};

/* The smallest `limit` ids seen so far: twice the room, cut when full. */
struct lowest {
    uint64_t *ids;
    unsigned count, limit;
    uint64_t upto; /* larger ones are of no interest any more */
};

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void lowest_cut(struct lowest *l)
{
    unsigned kept = 0;

    qsort(l->ids, l->count, sizeof(*l->ids), by_id);
    for (unsigned i = 0; i < l->count && kept < l->limit; i++) {
        if (kept == 0 || l->ids[kept - 1] != l->ids[i]) {
            l->ids[kept++] = l->ids[i];
        }
    }
    l->count = kept;
    if (kept == l->limit) {
        l->upto = l->ids[kept - 1];
    }
}

static void lowest_add(struct lowest *l, uint64_t id)
{
    if (id > l->upto) {
        return;
    }
    if (l->count == 2 * l->limit) {
        lowest_cut(l);
    }
    l->ids[l->count++] = id;
}

static enum store_rc collect(struct store *s, const struct statement *st, const struct arm *arms,
                             unsigned count, struct lowest *l)
{
    uint64_t id = 0;
    struct query q;

    query_start(&q, s, st, arms, sizeof(*arms), count, &id);
    while (query_next(&q)) {
        lowest_add(l, id);
    }
    lowest_cut(l);
    return q.rc;
}

static enum store_rc collect_ids(struct store *s, const uint64_t *chats, unsigned count,
                                 uint64_t user_id, uint64_t after, struct lowest *l)
{
    struct arm arms[REPLAY_CHATS_PER_STATEMENT];
    struct arm user = {user_id, after, l->upto, l->limit};
    enum store_rc rc = collect(s, &sql_user_arm, &user, 1, l);
    struct arm notes[2] = {{user_id, after, l->upto, l->limit}, {0, after, l->upto, l->limit}};

    if (rc == STORE_OK) {
        rc = collect(s, &sql_note_arms, notes, 2, l);
    }

    while (rc == STORE_OK && count > 0) {
        unsigned n = count < REPLAY_CHATS_PER_STATEMENT ? count : REPLAY_CHATS_PER_STATEMENT;

        for (unsigned i = 0; i < n; i++) {
            arms[i] = (struct arm){chats[i], after, l->upto, l->limit};
        }
        rc = collect(s, &sql_chat_arms, arms, n, l);
        chats += n;
        count -= n;
    }
    return rc;
}

enum store_rc store_replay(struct store *s, const uint64_t *chats, unsigned count,
                           uint64_t user_id, uint64_t after, uint64_t upto, unsigned limit,
                           store_on_event on, void *ctx)
{
    struct lowest l = {mem_grow(NULL, limit ? 2 * (size_t)limit : 1, sizeof(*l.ids)), 0, limit,
                       upto};
    struct row_event row = {0};
    struct query q;
    enum store_rc rc = limit ? collect_ids(s, chats, count, user_id, after, &l) : STORE_OK;

    if (rc == STORE_OK) {
        query_start(&q, s, &sql_events_by_id, l.ids, sizeof(*l.ids), l.count, &row);
        while (query_next(&q)) {
            on(ctx, &row);
        }
        rc = q.rc;
    }
    free(l.ids);
    return rc;
}
