/*
 * EV_CHAT_UPDATE: the present state of a chat for those who show lists of chats, behind the events that changed it.
 *
 * It is state: one for each chat at the end of a batch, and for large chats one per period. Nothing is made while no
 * session anywhere waits for it. Unread counts are each receiver's own, so they travel beside the shared event. Whoever
 * wants no texts in notifications (the preview policy) gets none here either.
 */
#include "rest/feed_int.h"

#include "rest/event_fill.h"
#include "rest/metrics.h"
#include "rest/prefs.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"
#include "shared/utf8.h"

bool feed_has_watchers(const struct feed *f, enum feed_watch what)
{
    for (unsigned i = 0; i < f->workers_count; i++) {
        if (f->workers[i]->watchers[what] > 0) {
            return true;
        }
    }
    return false;
}

/* -- noting --------------------------------------------------------------------------------------------- */

static void note(struct feed_updates *u, const struct happening *h, uint32_t reader)
{
    uint32_t at = 0;
    struct feed_update one = {*h, reader};
    struct feed_update *list = (struct feed_update *)(void *)u->noted.p;
    if (reader == CACHE_NONE && map64_get(&u->noted_at, h->chat_id, &at)) {
        happening_merge(&list[at].why, h);
        return;
    }
    if (reader == CACHE_NONE) {
        map64_put(&u->noted_at, h->chat_id, (uint32_t)(u->noted.len / sizeof(one)));
    }
    buf_add(&u->noted, &one, sizeof(one));
}

void feed_update_note(struct feed *f, const struct event *e)
{
    if ((!event_is_message(e->kind) && e->kind != EV_READ) || !feed_has_watchers(f, WATCH_UPDATES)) {
        return;
    }
    const struct happening h = {
        .chat_id = e->chat_id, .actor_id = e->actor.id, .at_us = e->at_us, .kind = e->kind};
    uint32_t reader = e->kind == EV_READ ? cache_user_index(f->cache, e->actor.id) : CACHE_NONE;
    if (e->kind != EV_READ || reader != CACHE_NONE) {
        note(&f->updates, &h, reader);
    }
}

/* -- sending ---------------------------------------------------------------------------------------------- */

bool feed_update_text(const struct feed *f, const struct cache_chat *chat, struct str *text)
{
    struct event last;
    *text = STR("");
    if (chat->last_seq == 0) {
        return true;
    }
    const struct ring_entry *r = ring_at(&f->ring, chat->last_text_event);
    if (r == NULL) {
        return false;
    }
    struct rd bytes = rd_of(r->bytes, r->len);
    if (event_decode(&bytes, &last) != RC_OK) {
        return false;
    }
    *text = last.content;
    return true;
}

/* visible: the last message is from after the receiver's joining. */
static void encode(struct feed *f, const struct cache_chat *chat, const struct happening *why, struct str text,
                   bool visible, struct buf *out)
{
    struct event e;
    const struct row_event row = {.kind = EV_CHAT_UPDATE,
                                  .chat_id = chat->id,
                                  .seq = visible ? chat->last_seq : 0,
                                  .actor_id = why->actor_id,
                                  .number = why->kind,
                                  .at_us = why->at_us};
    event_fill(f->cache, &row, &(struct event_rows){0}, &e);
    if (visible && chat->last_seq > 0) {
        e.message_id = chat->last_message_id;
        e.message_created_us = chat->last_message_us;
        e.content = utf8_prefix(text, FEED_UPDATE_CHARS);
    }
    event_encode(out, &e);
}

/* Two kinds of receivers: those who see the text, and those whose preview policy hides it. */
struct receivers {
    struct buf slots;
    uint32_t count;
};
enum { OPEN, HIDDEN, KINDS };

static void add_receiver(struct feed *f, struct feed_worker *w, const struct cache_chat *chat,
                         const struct cache_member *m, struct receivers to[KINDS])
{
    uint32_t slot = feed_slot_of(w, m->user);
    if (feed_watches(w, slot, CONN_CHAT_UPDATES)) {
        uint64_t unread = cache_unread(chat, m);
        struct receivers *r = &to[cache_prefs(f->cache, m->user)->preview == PREVIEW_FULL ? OPEN : HIDDEN];
        buf_add_be32(&r->slots, slot);
        buf_add_be32(&r->slots, unread < UINT32_MAX ? (uint32_t)unread : UINT32_MAX);
        r->count++;
    }
}

/* Receivers on w: the reader, or all who see the last message (what is new about it is nothing to those who came
 * later). */
static void find_receivers(struct feed *f, struct feed_worker *w, const struct cache_chat *chat, uint32_t reader,
                           struct receivers to[KINDS])
{
    for (int i = 0; i < KINDS; i++) {
        buf_clear(&to[i].slots);
        to[i].count = 0;
    }
    if (reader != CACHE_NONE) {
        const struct cache_member *m = cache_member(chat, reader);
        if (m != NULL) {
            add_receiver(f, w, chat, m, to);
        }
    }
    for (uint32_t i = 0; reader == CACHE_NONE && i < chat->members_count; i++) {
        if (chat->last_seq > chat->members[i].joined_seq) {
            add_receiver(f, w, chat, &chat->members[i], to);
        }
    }
}

static bool sees_last(const struct cache_chat *chat, uint32_t reader)
{
    const struct cache_member *m = reader != CACHE_NONE ? cache_member(chat, reader) : NULL;
    return m == NULL || chat->last_seq > m->joined_seq;
}

static void put(struct feed_worker *w, const struct receivers *r, const struct buf *encoded)
{
    const struct link_recipients to = {
        .to = LINK_TO_SLOTS_NUMBERED, .count = r->count, .slots = buf_str(&r->slots)};
    link_put_event(&w->q, LINK_EPHEMERAL, &to, buf_str(encoded));
    metric_add(METRIC_CHAT_UPDATES, 1);
}

void feed_update_put(struct feed *f, const struct cache_chat *chat, const struct feed_update *u, struct str text,
                     const struct feed_worker *only)
{
    struct buf encoded[KINDS] = {BUF_INIT, BUF_INIT};
    struct receivers to[KINDS] = {{.slots = BUF_INIT}, {.slots = BUF_INIT}};
    for (unsigned i = 0; i < f->workers_count; i++) {
        struct feed_worker *w = f->workers[i];
        if (w->watchers[WATCH_UPDATES] == 0 || (only != NULL && w != only)) {
            continue;
        }
        find_receivers(f, w, chat, u->reader, to);
        for (int k = 0; k < KINDS; k++) {
            if (to[k].count > 0 && encoded[k].len == 0) {
                encode(f, chat, &u->why, k == OPEN ? text : STR(""), sees_last(chat, u->reader), &encoded[k]);
            }
            if (to[k].count > 0) {
                put(w, &to[k], &encoded[k]);
            }
        }
    }
    for (int k = 0; k < KINDS; k++) {
        buf_release(&encoded[k]);
        buf_release(&to[k].slots);
    }
}

static void send(struct feed *f, const struct feed_update *u, const struct feed_worker *only)
{
    struct str text;
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, u->why.chat_id));
    if (chat == NULL) {
        return;
    }
    if (!sees_last(chat, u->reader)) {
        feed_update_put(f, chat, u, STR(""), only);
    } else if (feed_update_text(f, chat, &text)) {
        feed_update_put(f, chat, u, text, only);
    } else {
        feed_text_want(f, u);
    }
}

bool feed_chat_is_large(const struct feed *f, uint64_t chat_id)
{
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, chat_id));
    return chat != NULL && chat->members_count > f->conf.chat_update_members_max;
}

void feed_updates_send(struct feed *f, struct feed_worker *only)
{
    const struct feed_update *list = (const struct feed_update *)(const void *)f->updates.noted.p;
    size_t count = f->updates.noted.len / sizeof(list[0]);
    uint64_t now = count > 0 ? mono_ms() : 0;
    for (size_t i = 0; i < count; i++) {
        const struct happening *why = &list[i].why;
        if (only != NULL || list[i].reader != CACHE_NONE || !feed_chat_is_large(f, why->chat_id) ||
            gate_pass(&f->updates.gate, why->chat_id, why, now, f->conf.chat_update_ms)) {
            send(f, &list[i], only);
        } else {
            metric_add(METRIC_CHAT_UPDATES_HELD, 1);
        }
    }
    buf_clear(&f->updates.noted);
    map64_clear(&f->updates.noted_at);
}

void feed_updates_tick(struct feed *f, uint64_t now_ms)
{
    uint32_t at = 0;
    struct feed_update u = {.reader = CACHE_NONE};
    while (gate_next(&f->updates.gate, &at, now_ms, f->conf.chat_update_ms, &u.why)) {
        send(f, &u, NULL);
    }
}

void feed_updates_release(struct feed *f)
{
    buf_release(&f->updates.noted);
    map64_release(&f->updates.noted_at);
    gate_release(&f->updates.gate);
}
