/* What the sessions of a worker's users wait for. */
#include "rest/feed_int.h"
#include "shared/dialect_id.h"

static const uint32_t bits_of[WATCH_KINDS] = {
    [WATCH_STATUS] = CONN_EVENTS_STATUS,
    [WATCH_READ] = CONN_EVENTS_READ | CONN_EXT, /* extended frames show every logged event */
    [WATCH_UPLOAD] = CONN_EVENTS_UPLOAD,
    [WATCH_TYPING] = CONN_EVENTS_TYPING,
    [WATCH_UPDATES] = CONN_CHAT_UPDATES,
};

/* The same as struct dialect's `watches` in the workers, which tell it again once they have the connection. */
uint32_t feed_watch_of_dialect(uint8_t dialect)
{
    switch (dialect) {
    case DIALECT_SUBSCRIBE:
        return CONN_CHAT_UPDATES | CONN_EVENTS_TYPING;
    case DIALECT_INBOX:
        return CONN_CHAT_UPDATES;
    default:
        return 0;
    }
}

void feed_watch_set(struct feed_worker *w, uint32_t slot, uint32_t options)
{
    uint32_t before = w->slots[slot].watch;
    for (unsigned i = 0; i < WATCH_KINDS; i++) {
        w->watchers[i] += (options & bits_of[i]) != 0;
        w->watchers[i] -= (before & bits_of[i]) != 0;
    }
    w->slots[slot].watch = options;
}

static bool awaits_adopt(const struct feed_worker *w, uint32_t slot)
{
    for (uint32_t i = 0; i < w->adopts_count; i++) {
        if (w->adopts[i].slot == slot) {
            return true;
        }
    }
    return false;
}

enum rc feed_on_watch(struct feed *f, struct feed_worker *w, struct str body)
{
    uint32_t slot = 0, options = 0;
    enum rc rc = link_get_watch(body, &slot, &options);
    if (rc != RC_OK) {
        return rc;
    }
    feed_lock(f);
    if (slot == 0 || slot >= w->slots_count) {
        rc = RC_PROTOCOL;
    } else if (w->slots[slot].user_id != 0) {
        /* A connection on its way may wait for more than those the worker knows of. */
        feed_watch_set(w, slot, awaits_adopt(w, slot) ? w->slots[slot].watch | options : options);
    }
    feed_unlock(f);
    return rc;
}
