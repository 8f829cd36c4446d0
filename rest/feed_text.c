/*
 * Texts for chat updates that are in memory no more: read on the pool, one read per chat at a time, sent when they
 * are there. What happens meanwhile is sent by itself; the text read is used only if it is still the newest.
 */
#include <stdlib.h>

#include "rest/event_fill.h"
#include "rest/feed_int.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/mem.h"
#include "shared/utf8.h"

#define TRY_AGAIN_MS 1000
#define READS_PER_TICK 64
#define PUBLISHED_WITHIN_MS 5000

struct text_wait { /* a chat whose last message is being read */
    uint64_t chat_id, try_ms; /* when to try next; UINT64_MAX: a job is on its way */
    struct feed_update *updates;
    uint32_t count, room;
};

struct text_read { /* a job of the read pool */
    struct feed *f;
    uint64_t chat_id, seq;
    uint64_t last_event; /* of the message; 0: it was not found */
    char *text;
    size_t len;
};

/* -- waiting ------------------------------------------------------------------------------------------------ */

static void forget(struct feed *f, uint32_t i)
{
    struct feed_texts *t = &f->texts;
    t->total -= t->waits[i].count;
    free(t->waits[i].updates);
    map64_remove(&t->at, t->waits[i].chat_id);
    t->waits[i] = t->waits[--t->count];
    if (i < t->count) {
        map64_put(&t->at, t->waits[i].chat_id, i);
    }
    metric_set(METRIC_CHAT_UPDATES_WAITING, t->total);
}

static struct text_wait *wait_of(struct feed *f, uint64_t chat_id)
{
    struct feed_texts *t = &f->texts;
    uint32_t i = 0;
    if (map64_get(&t->at, chat_id, &i)) {
        return &t->waits[i];
    }
    if (t->count == t->room) {
        t->room = t->room != 0 ? t->room * 2 : 16;
        t->waits = mem_grow(t->waits, t->room, sizeof(t->waits[0]));
    }
    map64_put(&t->at, chat_id, t->count);
    t->waits[t->count] = (struct text_wait){.chat_id = chat_id};
    return &t->waits[t->count++];
}

/* The same receivers again: the newer one. */
static bool merge(struct text_wait *w, const struct feed_update *u)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if (w->updates[i].reader == u->reader) {
            happening_merge(&w->updates[i].why, &u->why);
            return true;
        }
    }
    return false;
}

static void start_read(struct feed *f, struct text_wait *w, uint64_t now_ms);

void feed_text_want(struct feed *f, const struct feed_update *u)
{
    if (f->texts.total >= f->conf.chat_update_waits_max) {
        metric_add(METRIC_CHAT_UPDATES_DROPPED, 1);
        return;
    }
    struct text_wait *w = wait_of(f, u->why.chat_id);
    if (!merge(w, u)) {
        if (w->count == w->room) {
            w->room = w->room != 0 ? w->room * 2 : 2;
            w->updates = mem_grow(w->updates, w->room, sizeof(w->updates[0]));
        }
        w->updates[w->count++] = *u;
        metric_set(METRIC_CHAT_UPDATES_WAITING, ++f->texts.total);
    }
    if (w->try_ms == 0) {
        start_read(f, w, mono_ms());
    }
}

void feed_texts_tick(struct feed *f, uint64_t now_ms)
{
    unsigned reads = 0;
    for (uint32_t i = 0; i < f->texts.count && reads < READS_PER_TICK; i++) {
        if (f->texts.waits[i].try_ms <= now_ms) {
            start_read(f, &f->texts.waits[i], now_ms);
            reads++;
        }
    }
}

void feed_texts_release(struct feed *f)
{
    while (f->texts.count > 0) {
        forget(f, f->texts.count - 1);
    }
    free(f->texts.waits);
    map64_release(&f->texts.at);
}

/* -- reading ---------------------------------------------------------------------------------------------- */

static void on_message(void *ctx, const struct row_message *m)
{
    struct text_read *r = ctx;
    struct str text = m->flags & MESSAGE_DELETED ? STR("") : utf8_prefix(m->content, FEED_UPDATE_CHARS);
    free(r->text);
    r->last_event = m->last_event;
    r->text = mem_copy(text.len > 0 ? text.p : "", text.len);
    r->len = text.len;
}

/* The newest text, from the ring where it is by now. false: it has changed since it was read, and is gone again. */
static bool newest(const struct feed *f, const struct cache_chat *chat, const struct text_read *r, struct str *text)
{
    if (feed_update_text(f, chat, text)) {
        return true;
    }
    *text = (struct str){r->text, r->len};
    return r->last_event != 0 && r->last_event == chat->last_text_event;
}

static void send_all(struct feed *f, const struct text_wait *w, const struct cache_chat *chat, struct str text)
{
    bool was_empty[FEED_WORKERS_MAX];
    feed_streams_begin(f, was_empty);
    for (uint32_t i = 0; i < w->count; i++) {
        feed_update_put(f, chat, &w->updates[i], text, NULL);
    }
    feed_streams_end(f, was_empty);
}

static void finish(struct feed *f, const struct text_read *r, uint64_t now_ms)
{
    uint32_t i = 0;
    struct str text;
    if (!map64_get(&f->texts.at, r->chat_id, &i)) {
        return;
    }
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, r->chat_id));
    if (chat == NULL) {
        forget(f, i);
    } else if (newest(f, chat, r, &text)) {
        send_all(f, &f->texts.waits[i], chat, text);
        forget(f, i);
    } else {
        f->texts.waits[i].try_ms = now_ms + TRY_AGAIN_MS;
    }
}

static void read_free(struct text_read *r)
{
    free(r->text);
    free(r);
}

static void read_job(struct store *store, void *ctx)
{
    struct text_read *r = ctx;
    struct feed *f = r->f;
    const struct chat_seq at = {r->chat_id, r->seq};
    if (store == NULL || store_messages_at(store, &at, 1, on_message, r) != STORE_OK) {
        r->last_event = 0;
    }
    /* What was read may be newer than what is published: nothing of it may be shown before. */
    bool shown = feed_wait_published(f, r->last_event, mono_ms() + PUBLISHED_WITHIN_MS);
    feed_lock(f);
    cache_rdlock(f->cache);
    r->last_event = shown ? r->last_event : 0;
    finish(f, r, mono_ms());
    cache_unlock(f->cache);
    feed_unlock(f);
    read_free(r);
}

static void start_read(struct feed *f, struct text_wait *w, uint64_t now_ms)
{
    const struct cache_chat *chat = cache_chat_ever(f->cache, w->chat_id);
    struct text_read *r = mem_new(sizeof(*r));
    r->f = f;
    r->chat_id = w->chat_id;
    r->seq = chat != NULL ? chat->last_seq : 0;
    w->try_ms = UINT64_MAX;
    if (dbpool_submit(f->svc->dbpool, read_job, r) != RC_OK) {
        w->try_ms = now_ms + TRY_AGAIN_MS;
        read_free(r);
    }
    metric_add(METRIC_CHAT_UPDATE_READS, 1);
}
