/* Replay from the ring: what is in memory, and going live behind it. */
#include <stdlib.h>

#include "rest/event_fill.h"
#include "rest/feed_int.h"
#include "rest/metrics.h"
#include "rest/note_text.h"
#include "rest/notes.h"
#include "shared/utf8.h"

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool visible(const struct cache_member *m, const struct ring_entry *e)
{
    return !event_is_message(e->kind) || e->seq > m->joined_seq;
}

/* More ids than this are too much whatever is dropped from them later. */
static bool is_full(const struct feed *f, const struct buf *ids)
{
    return ids->len / sizeof(uint64_t) > 4 * f->conf.replay_max_events;
}

static void collect_chat(const struct feed *f, const struct cache_chat *chat, const struct cache_member *m,
                         uint64_t after, struct buf *ids)
{
    for (const struct ring_entry *e = ring_at(&f->ring, chat->last_event); e != NULL && e->id > after;
         e = ring_at(&f->ring, e->prev_in_chat)) {
        if (visible(m, e)) {
            buf_add(ids, &e->id, sizeof(e->id));
        }
        if (is_full(f, ids)) {
            return;
        }
    }
}

/* Ids of the ring's events for the user after `after`, rising; at least one too many when there are too many. */
static void collect(const struct feed *f, uint32_t user, uint64_t after, struct buf *ids)
{
    const struct cache_user *u = cache_user(f->cache, user);
    for (uint32_t i = 0; i < u->chats_count && !is_full(f, ids); i++) {
        const struct cache_chat *chat = cache_chat(f->cache, u->chats[i]);
        const struct cache_member *m =
            chat != NULL && chat->last_event > after ? cache_member(chat, user) : NULL;
        if (m != NULL) {
            collect_chat(f, chat, m, after, ids);
        }
    }
    bool has_own = u->last_event > after || cache_last_broadcast(f->cache) > after;
    size_t own = has_own ? ring_own_after(&f->ring, after) : f->ring.own_count;
    for (; own < f->ring.own_count; own++) {
        const struct own_event *e = &f->ring.own[own];
        if (e->user == user ||
            (e->user == RING_EVERYBODY && cache_has_broadcast_for(f->cache, e->event_id, user))) {
            buf_add(ids, &f->ring.own[own].event_id, sizeof(uint64_t));
        }
    }
    if (ids->len > 0) {
        qsort(ids->p, ids->len / sizeof(uint64_t), sizeof(uint64_t), by_id);
    }
}

/* Sorted ids without doubles (an own event may also be the chat's) and without what was before a joining. */
static size_t select_ids(const struct feed *f, uint64_t me, uint64_t *ids, size_t count)
{
    struct map64 j = MAP64_INIT;
    size_t kept = count; /* filled from the end */
    for (size_t i = count; i-- > 0;) {
        const struct ring_entry *e = ring_at(&f->ring, ids[i]);
        bool twice = i + 1 < count && kept < count && ids[kept] == ids[i];
        if (e != NULL && !twice && !feed_before_joining(&j, me, e->kind, e->chat_id, e->subject_id)) {
            ids[--kept] = ids[i];
        }
    }
    map64_release(&j);
    if (kept > 0 && kept < count) {
        memmove(ids, ids + kept, (count - kept) * sizeof(ids[0]));
    }
    return count - kept;
}

/* Where each message's newest event is: replay shows messages as they are now, as the database would. */
static void find_newest(const struct feed *f, const uint64_t *ids, size_t count, struct map64 *newest)
{
    for (size_t i = 0; i < count; i++) {
        const struct ring_entry *e = ring_at(&f->ring, ids[i]);
        if (event_is_message(e->kind)) {
            map64_put(newest, map64_hash_pair(e->chat_id, e->seq), (uint32_t)i);
        }
    }
}

/* The text of a message that is gone, or not the user's to see any more, is in no notification either. */
static void add_note_as_now(const struct feed *f, uint64_t me, const struct ring_entry *e, const struct map64 *newest,
                            const uint64_t *ids, struct buf *events)
{
    struct rd bytes = rd_of(e->bytes, e->len), now_bytes;
    struct event note, last;
    uint32_t at = 0;
    if (event_decode(&bytes, &note) != RC_OK || note.chat_id == 0) {
        buf_add(events, e->bytes, e->len);
        return;
    }
    const struct ring_entry *now =
        map64_get(newest, map64_hash_pair(note.chat_id, note.seq), &at) ? ring_at(&f->ring, ids[at]) : NULL;
    if (now != NULL) {
        now_bytes = rd_of(now->bytes, now->len);
    }
    if (!note_message_visible(f->cache, me, note.chat_id, note.seq)) {
        note.content = note.note.text = STR("");
    } else if (note.note.preview == PREVIEW_FULL && now != NULL && event_decode(&now_bytes, &last) == RC_OK) {
        note.content = note.note.text = utf8_prefix(last.content, NOTE_TEXT_MAX_CHARS);
    }
    event_encode(events, &note);
}

static void add_as_now(const struct ring_entry *e, const struct ring_entry *now, struct buf *events)
{
    struct rd then_bytes = rd_of(e->bytes, e->len), now_bytes = rd_of(now->bytes, now->len);
    struct event then, last;
    if (e == now || event_decode(&then_bytes, &then) != RC_OK ||
        event_decode(&now_bytes, &last) != RC_OK) {
        buf_add(events, e->bytes, e->len);
        return;
    }
    then.content = last.content;
    then.message_flags = last.message_flags;
    then.version = last.version;
    event_encode(events, &then);
}

/* Encoded events of the first ids, as many as make a chunk. How many those are. */
static size_t gather(const struct feed *f, uint64_t me, const uint64_t *ids, size_t count, struct buf *events)
{
    struct map64 newest = MAP64_INIT;
    size_t taken = 0;
    find_newest(f, ids, count, &newest);
    cache_rdlock(f->cache);
    for (; taken < count && taken < f->conf.replay_chunk_events && events->len < FEED_CHUNK_MAX_BYTES; taken++) {
        const struct ring_entry *e = ring_at(&f->ring, ids[taken]);
        uint32_t at = (uint32_t)taken;
        if (e->kind == EV_NOTIFICATION) {
            add_note_as_now(f, me, e, &newest, ids, events);
            continue;
        }
        if (event_is_message(e->kind)) {
            (void)map64_get(&newest, map64_hash_pair(e->chat_id, e->seq), &at);
        }
        add_as_now(e, ring_at(&f->ring, ids[at]), events);
    }
    cache_unlock(f->cache);
    map64_release(&newest);
    return taken;
}

/* The next chunk, and LIVE when it is the last. */
static void put_chunk(struct feed *f, struct feed_worker *w, struct attach *a, const uint64_t *ids, size_t count)
{
    struct buf events = BUF_INIT;
    bool was_empty = w->q.len == 0;
    size_t taken = gather(f, a->user_id, ids, count, &events);
    if (taken > 0) {
        a->cursor = ids[taken - 1];
        link_put_chunk(&w->q, a->session, a->generation, (uint16_t)taken, a->cursor, buf_str(&events));
        metric_add(METRIC_FEED_REPLAYED, (int64_t)taken);
    }
    if (taken == count) {
        link_put_live(&w->q, a->session, a->generation, atomic_load(&f->published));
        feed_attach_drop(w, a->session);
    }
    feed_appended(f, w, was_empty);
    buf_release(&events);
}

void feed_attach_from_ring(struct feed *f, struct feed_worker *w, struct attach *a)
{
    struct buf ids = BUF_INIT;
    cache_rdlock(f->cache);
    uint32_t user = cache_user_index(f->cache, a->user_id);
    if (user != CACHE_NONE) {
        collect(f, user, a->cursor, &ids);
    }
    cache_unlock(f->cache);
    uint64_t *list = (uint64_t *)(void *)ids.p;
    bool full = is_full(f, &ids);
    size_t count = full ? 0 : select_ids(f, a->user_id, list, ids.len / sizeof(list[0]));
    if (full || count > f->conf.replay_max_events) {
        feed_attach_gap(f, w, a, LINK_GAP_TOO_MUCH);
    } else {
        put_chunk(f, w, a, list, count);
    }
    buf_release(&ids);
}
