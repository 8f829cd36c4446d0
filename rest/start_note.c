/* What start-up loads of notifications: numbers and preferences; the notifications themselves stay in the database. */
#include <stdlib.h>

#include "rest/prefs.h"
#include "rest/start.h"
#include "shared/log.h"
#include "shared/mem.h"

struct broadcasts { /* newest first, as they come */
    struct row_note *rows;
    unsigned count, room;
};

static void on_broadcast(void *ctx, const struct row_note *r)
{
    struct broadcasts *b = ctx;
    if (b->count == b->room) {
        b->room = b->room ? b->room * 2 : 64;
        b->rows = mem_grow(b->rows, b->room, sizeof(b->rows[0]));
    }
    b->rows[b->count++] = (struct row_note){.id = r->id, .created_us = r->created_us};
}

static enum store_rc load_broadcasts(const struct rest_conf *conf, struct store *s, struct cache *c, uint64_t *first)
{
    struct broadcasts b = {0};
    enum store_rc rc = store_load_broadcasts(s, (unsigned)conf->broadcasts_unread_max, on_broadcast, &b);
    *first = b.count > 0 ? b.rows[b.count - 1].id : UINT64_MAX; /* marks can outlive their broadcasts for a moment */
    while (b.count > 0) {
        b.count--;
        cache_add_broadcast(c, b.rows[b.count].id, b.rows[b.count].created_us);
    }
    free(b.rows);
    return rc;
}

static void on_user(void *ctx, const struct row_note_user *r)
{
    struct cache *c = ctx;
    uint32_t index = cache_user_index(c, r->user_id);
    const struct cache_user *u = cache_user(c, index);
    if (u != NULL) {
        cache_set_notes(c, index, u->read_all_id + r->read_all_id, u->notes_unread + (uint32_t)r->unread,
                        u->notes_marked + (uint32_t)r->marked);
    }
}

static void on_preferences(void *ctx, const struct row_preferences *r)
{
    struct cache *c = ctx;
    uint32_t index = cache_user_index(c, r->user_id);
    struct prefs *p = NULL;
    if (index == CACHE_NONE) {
        return;
    }
    if (prefs_parse(r->text, &p) != RC_OK) {
        log_warn("preferences_unreadable", "user=%llu", (unsigned long long)r->user_id);
        return;
    }
    cache_set_prefs(c, index, p);
}

enum store_rc start_load_notes(const struct rest_conf *conf, struct store *s, struct cache *cache,
                               uint64_t checkpoint, struct row_notifier *notifier)
{
    uint64_t first = 0;
    enum store_rc rc = load_broadcasts(conf, s, cache, &first);
    if (rc == STORE_OK) {
        rc = store_recount_notes(s, checkpoint);
    }
    if (rc == STORE_OK) {
        rc = store_load_note_users(s, first, on_user, cache);
    }
    if (rc == STORE_OK) {
        rc = store_load_preferences(s, on_preferences, cache);
    }
    if (rc == STORE_OK) {
        rc = store_load_notifier(s, notifier);
    }
    return rc;
}
