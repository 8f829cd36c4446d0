/* Typing: from one member's session to those of the others who show it, and never for ever. */
#include "rest/feed_int.h"

#include "rest/event_fill.h"
#include "rest/metrics.h"
#include "rest/ratelimit.h"
#include "rest/typing.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"

/* Sessions of the other members that show it. Nobody left of it: nothing is made. */
static bool find_receivers(struct feed_worker *w, const struct cache_chat *chat, uint32_t typist, struct buf *slots,
                           struct link_recipients *to)
{
    *to = (struct link_recipients){.to = LINK_TO_SLOTS};
    buf_clear(slots);
    for (uint32_t i = 0; w->watchers[WATCH_TYPING] > 0 && i < chat->members_count; i++) {
        uint32_t slot = feed_slot_of(w, chat->members[i].user);
        if (chat->members[i].user != typist && feed_watches(w, slot, CONN_EVENTS_TYPING)) {
            buf_add_be32(slots, slot);
            to->count++;
        }
    }
    to->slots = buf_str(slots);
    return to->count > 0;
}

static void tell(struct feed *f, uint64_t chat_id, uint64_t user_id, bool is_typing)
{
    struct buf encoded = BUF_INIT, slots = BUF_INIT;
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, chat_id));
    uint32_t typist = cache_user_index(f->cache, user_id);
    for (unsigned i = 0; chat != NULL && i < f->workers_count; i++) {
        struct link_recipients to;
        if (!find_receivers(f->workers[i], chat, typist, &slots, &to)) {
            continue;
        }
        if (encoded.len == 0) {
            const struct row_event row = {.kind = EV_TYPING,
                                          .chat_id = chat_id,
                                          .actor_id = user_id,
                                          .number = is_typing,
                                          .at_us = wall_us()};
            struct event e;
            event_fill(f->cache, &row, &(struct event_rows){0}, &e);
            event_encode(&encoded, &e);
        }
        link_put_event(&f->workers[i]->q, LINK_EPHEMERAL, &to, buf_str(&encoded));
        metric_add(METRIC_TYPING_EVENTS, 1);
    }
    buf_release(&encoded);
    buf_release(&slots);
}

static void change(struct feed *f, const struct cmd *c)
{
    struct typing_end ended;
    if (c->number != 0) {
        if (typing_start(f->typing, c->chat_id, c->actor_id, mono_ms(), &ended)) {
            tell(f, ended.chat_id, ended.user_id, false);
        }
        tell(f, c->chat_id, c->actor_id, true);
    } else if (typing_stop(f->typing, c->chat_id, c->actor_id)) {
        tell(f, c->chat_id, c->actor_id, false);
    }
}

/* Whoever types in a large chat is told that all is well, and nobody hears of it. */
static enum code check(struct feed *f, uint32_t user, const struct cmd *c, bool *is_shown)
{
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, c->chat_id));
    if (chat == NULL || user == CACHE_NONE || cache_member(chat, user) == NULL) {
        return CODE_CHAT_NOT_FOUND;
    }
    *is_shown = chat->members_count <= f->conf.typing_members_max;
    return CODE_OK;
}

enum code feed_typing(struct feed *f, struct feed_worker *w, uint32_t slot, const struct cmd *c)
{
    const struct rest_conf *conf = f->svc->conf;
    const struct rate rate = {CONF_NOW(conf->user_typing_per_s) * 60, CONF_NOW(conf->user_typing_burst)};
    bool was_empty[FEED_WORKERS_MAX], is_shown = false;
    if (f->svc->typing != NULL && !ratelimit_take(f->svc->typing, c->actor_id, rate, mono_ms(), NULL)) {
        metric_add(METRIC_RATE_LIMITED, 1);
        return CODE_RATE_LIMITED;
    }
    feed_lock(f);
    cache_rdlock(f->cache);
    enum code code = check(f, w->slots[slot].user, c, &is_shown);
    if (code == CODE_OK && is_shown) {
        feed_streams_begin(f, was_empty);
        change(f, c);
        feed_streams_end(f, was_empty);
    }
    cache_unlock(f->cache);
    feed_unlock(f);
    return code;
}

void feed_typing_tick(struct feed *f, uint64_t now_ms)
{
    struct typing_end ended;
    while (typing_expired(f->typing, now_ms, f->conf.typing_expire_ms, &ended)) {
        tell(f, ended.chat_id, ended.user_id, false);
    }
}

void feed_typing_gone(struct feed *f, uint64_t user_id)
{
    struct typing_end ended;
    while (typing_gone(f->typing, user_id, &ended)) {
        tell(f, ended.chat_id, ended.user_id, false);
    }
}
