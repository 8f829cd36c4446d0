/* Progress of uploads: to the sessions of the uploader that asked for it, on whatever worker they are. */
#include "rest/event_fill.h"
#include "rest/feed_int.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"

static void encode(struct feed *f, const struct feed_upload *u, struct buf *out)
{
    const struct row_event row = {.kind = EV_UPLOAD,
                                  .chat_id = u->chat_id,
                                  .actor_id = u->user_id,
                                  .seq = u->total,
                                  .number = u->bytes,
                                  .at_us = wall_us()};
    struct event e;
    cache_rdlock(f->cache);
    event_fill(f->cache, &row, &(struct event_rows){0}, &e);
    e.message_id = u->id;
    e.message_created_us = u->created_us;
    e.version = u->state;
    event_encode(out, &e);
    cache_unlock(f->cache);
}

static uint32_t user_index(struct feed *f, uint64_t user_id)
{
    cache_rdlock(f->cache);
    uint32_t user = cache_user_index(f->cache, user_id);
    cache_unlock(f->cache);
    return user;
}

void feed_upload_progress(struct feed *f, const struct feed_upload *u)
{
    struct buf encoded = BUF_INIT, slots = BUF_INIT;
    feed_lock(f);
    uint32_t user = user_index(f, u->user_id);
    for (unsigned i = 0; i < f->workers_count && user != CACHE_NONE; i++) {
        struct feed_worker *w = f->workers[i];
        uint32_t slot = feed_slot_of(w, user);
        if (slot == 0 || (w->slots[slot].watch & CONN_EVENTS_UPLOAD) == 0) {
            continue;
        }
        if (encoded.len == 0) {
            encode(f, u, &encoded);
        }
        buf_clear(&slots);
        buf_add_be32(&slots, slot);
        const struct link_recipients to = {
            .to = LINK_TO_SLOTS, .count = 1, .slots = buf_str(&slots)};
        bool was_empty = w->q.len == 0;
        link_put_event(&w->q, LINK_EPHEMERAL, &to, buf_str(&encoded));
        feed_appended(f, w, was_empty);
    }
    feed_unlock(f);
    buf_release(&encoded);
    buf_release(&slots);
}
