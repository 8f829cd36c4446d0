/* Focus: which chat somebody looks at, as sessions report it (LINK_PRESENCE) or say it outright (CMD_FOCUS). */
#include "rest/feed_int.h"
#include "rest/presence.h"
#include "shared/clock.h"

/* The user's membership of the chat (NULL: none), under the cache lock. */
static const struct cache_member *find_member(const struct feed *f, uint64_t chat_id, uint32_t user,
                                              const struct cache_chat **chat)
{
    *chat = cache_chat(f->cache, cache_chat_index(f->cache, chat_id));
    return *chat != NULL && user != CACHE_NONE ? cache_member(*chat, user) : NULL;
}

static void take_change(struct feed *f, struct feed_worker *w, const struct link_presence *c, uint64_t now)
{
    const struct slot *s = &w->slots[c->slot];
    const struct cache_chat *chat;
    if (s->user_id == 0 || c->focus_chat == 0) {
        return;
    }
    if (!c->active) {
        presence_unfocus(f->presence, c->focus_chat, s->user_id, w->serial);
    } else if (find_member(f, c->focus_chat, s->user, &chat) != NULL) {
        presence_focus(f->presence, c->focus_chat, s->user_id, w->serial, now);
    }
}

enum rc feed_on_presence(struct feed *f, struct feed_worker *w, struct str body)
{
    struct link_presence changes[LINK_ENTRIES_MAX];
    uint16_t count = 0;
    enum rc rc = link_get_presence(body, changes, LINK_ENTRIES_MAX, &count);
    if (rc != RC_OK) {
        return rc;
    }
    uint64_t now = mono_ms();
    feed_lock(f);
    cache_rdlock(f->cache);
    for (uint16_t i = 0; i < count && rc == RC_OK; i++) {
        if (changes[i].slot >= w->slots_count) {
            rc = RC_PROTOCOL;
        } else {
            take_change(f, w, &changes[i], now);
        }
    }
    cache_unlock(f->cache);
    feed_unlock(f);
    return rc;
}

/* A refusal (the queue is full) is made good by the next command or by the client's own reading. */
static void read_all(struct feed *f, uint64_t user_id, uint64_t chat_id)
{
    const struct cmd read = {.kind = CMD_READ, .actor_id = user_id, .chat_id = chat_id};
    (void)svc_submit(f->svc, &read, NULL, NULL, NULL);
}

/* Who looks at a chat has read it, once a period at most; what comes faster is done when the period is over. */
static bool reads_now(struct feed *f, uint64_t user_id, uint64_t chat_id, uint64_t now_ms)
{
    const struct happening h = {.chat_id = chat_id, .actor_id = user_id, .kind = EV_READ};
    return gate_pass(&f->focus_reads, map64_hash_pair(user_id, chat_id), &h, now_ms, f->conf.receipt_ms);
}

void feed_focus_tick(struct feed *f, uint64_t now_ms)
{
    struct buf due = BUF_INIT;
    struct happening h;
    uint32_t at = 0;
    feed_lock(f);
    while (gate_next(&f->focus_reads, &at, now_ms, f->conf.receipt_ms, &h)) {
        buf_add(&due, &h, sizeof(h));
    }
    feed_unlock(f);
    const struct happening *list = (const struct happening *)(const void *)due.p;
    for (size_t i = 0; i < due.len / sizeof(h); i++) {
        read_all(f, list[i].actor_id, list[i].chat_id);
    }
    buf_release(&due);
}

/* Chat 0 is no chat: the worker itself tells when no session is on the former one any more. */
enum code feed_focus(struct feed *f, struct feed_worker *w, uint32_t slot, const struct cmd *c)
{
    const struct cache_chat *chat = NULL;
    uint64_t now = mono_ms();
    bool reads = false;
    if (c->chat_id == 0) {
        return CODE_OK;
    }
    feed_lock(f);
    cache_rdlock(f->cache);
    const struct cache_member *m = find_member(f, c->chat_id, w->slots[slot].user, &chat);
    if (m != NULL) {
        presence_focus(f->presence, c->chat_id, c->actor_id, w->serial, now);
        reads = cache_unread(chat, m) > 0 && reads_now(f, c->actor_id, c->chat_id, now);
    }
    cache_unlock(f->cache);
    feed_unlock(f);
    if (reads) {
        read_all(f, c->actor_id, c->chat_id);
    }
    return m != NULL ? CODE_OK : CODE_CHAT_NOT_FOUND;
}

void feed_focus_worker_gone(struct feed *f, const struct feed_worker *w)
{
    for (uint32_t i = 1; i < w->slots_count; i++) {
        if (w->slots[i].user_id != 0) {
            presence_gone(f->presence, w->slots[i].user_id, w->serial);
        }
    }
}

unsigned feed_focused(struct feed *f, uint64_t chat_id, uint64_t *users, unsigned room)
{
    feed_lock(f);
    unsigned count = presence_focused(f->presence, chat_id, mono_ms(), users, room);
    feed_unlock(f);
    return count;
}
