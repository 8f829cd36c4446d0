/*
 * Read receipts in large chats: the reader's own sessions get every move of the cursor, the others at most one per
 * period and reader, and only those that asked for them. The last of a burst comes when the period is over, as an
 * ephemeral event, since events behind it have gone out by then; a replay shows them all.
 */
#include "rest/feed_int.h"

#include "rest/event_fill.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"

static void add_slot(struct buf *slots, struct link_recipients *to, uint32_t slot)
{
    buf_add_be32(slots, slot);
    to->count++;
}

/* false: nobody on w. */
static bool find_receivers(const struct feed_worker *w, const struct cache_chat *chat, uint32_t reader, bool own,
                           bool others, struct buf *slots, struct link_recipients *to)
{
    uint32_t slot = reader != CACHE_NONE ? feed_slot_of(w, reader) : 0;
    *to = (struct link_recipients){.to = LINK_TO_SLOTS};
    buf_clear(slots);
    if (own && slot != 0) {
        add_slot(slots, to, slot);
    }
    for (uint32_t i = 0; others && w->watchers[WATCH_READ] > 0 && i < chat->members_count; i++) {
        uint32_t at = feed_slot_of(w, chat->members[i].user);
        if (at != slot && feed_watches(w, at, CONN_EVENTS_READ | CONN_EXT)) {
            add_slot(slots, to, at);
        }
    }
    to->slots = buf_str(slots);
    return to->count > 0;
}

static void put(struct feed *f, uint16_t type, uint64_t chat_id, uint64_t actor_id, bool own, bool others,
                struct str encoded)
{
    struct buf slots = BUF_INIT;
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, chat_id));
    uint32_t reader = cache_user_index(f->cache, actor_id);
    for (unsigned i = 0; chat != NULL && i < f->workers_count; i++) {
        struct link_recipients to;
        if (find_receivers(f->workers[i], chat, reader, own, others, &slots, &to)) {
            link_put_event(&f->workers[i]->q, type, &to, encoded);
        }
    }
    buf_release(&slots);
}

void feed_receipt_send(struct feed *f, const struct event *e, struct str encoded)
{
    const struct happening h = {.chat_id = e->chat_id,
                                .actor_id = e->actor.id,
                                .at_us = e->at_us,
                                .seq = e->seq,
                                .message_id = e->message_id,
                                .kind = EV_READ};
    bool others = feed_has_watchers(f, WATCH_READ);
    if (others && !gate_pass(&f->receipts, map64_hash_pair(e->chat_id, e->actor.id), &h, mono_ms(), f->conf.receipt_ms)) {
        others = false;
        metric_add(METRIC_RECEIPTS_HELD, 1);
    }
    put(f, LINK_EVENT, e->chat_id, e->actor.id, true, others, encoded);
}

void feed_receipts_tick(struct feed *f, uint64_t now_ms)
{
    uint32_t at = 0;
    struct happening h;
    struct buf encoded = BUF_INIT;
    while (gate_next(&f->receipts, &at, now_ms, f->conf.receipt_ms, &h)) {
        struct event e;
        const struct row_event row = {.kind = EV_READ,
                                      .chat_id = h.chat_id,
                                      .seq = h.seq,
                                      .actor_id = h.actor_id,
                                      .number = h.message_id,
                                      .at_us = h.at_us};
        event_fill(f->cache, &row, &(struct event_rows){0}, &e);
        buf_clear(&encoded);
        event_encode(&encoded, &e);
        put(f, LINK_EPHEMERAL, h.chat_id, h.actor_id, false, true, buf_str(&encoded));
    }
    buf_release(&encoded);
}
