/*
 * core_focus.c -- what confab-rest is told of the users here: which chats they look at, what they want to hear of
 *
 * A connection looks at its focus and at every chat it has subscribed to; each frame of its client says that
 * somebody is there, pongs do not. That is reported at most once per focus_report_ms, with many subscriptions less
 * often, and what is new at once.
 * Reports collect until the end of the turn. A report that is lost with its link is made again on the next one.
 */
#include "ws/core.h"

#include "ws/link_client.h"

/* -- presence ---------------------------------------------------------------------------------------------- */

void core_report_presence(struct core *k)
{
    if (k->presence_count > 0 && link_client_is_up(k->link)) {
        link_put_presence(link_client_out(k->link), k->presence, k->presence_count);
    }
    k->presence_count = 0;
}

static void tell(struct core *k, uint32_t slot, uint64_t chat_id, bool active)
{
    if (slot == 0 || chat_id == 0 || !link_client_is_up(k->link)) {
        return;
    }
    if (k->presence_count == LINK_ENTRIES_MAX) {
        core_report_presence(k);
    }
    k->presence[k->presence_count++] = (struct link_presence){slot, chat_id, active};
}

/* One more chat, and somebody is there. */
static void tell_new(struct conn *c, uint64_t chat_id)
{
    struct interest *i = c->interest;
    i->seen_ms = c->core->now_ms;
    i->told_ms = i->told_ms != 0 ? i->told_ms : i->seen_ms;
    tell(c->core, c->slot, chat_id, true);
}

static void tell_all(struct conn *c)
{
    struct core *k = c->core;
    struct interest *i = c->interest;
    i->told_ms = k->now_ms;
    if (i->focus_chat != 0 && !interest_has_chat(i, i->focus_chat)) {
        tell(k, c->slot, i->focus_chat, true);
    }
    for (uint32_t n = 0; n < i->chats_count; n++) {
        tell(k, c->slot, i->chats[n].id, true);
    }
}

/* A session whose client has been silent for long looks at nothing, whatever it said last. */
static bool is_fresh(const struct core *k, const struct interest *i)
{
    return k->now_ms - i->seen_ms <= k->conf->focus_fresh_ms;
}

struct search {
    uint64_t chat_id;
    bool found;
};

static void search(void *ctx, struct conn *c, uint32_t number)
{
    struct search *s = ctx;
    (void)number;
    s->found = s->found || (interest_looks_at(c->interest, s->chat_id) && is_fresh(c->core, c->interest));
}

/* A session has stopped looking. One that is silent must not live on by what was heard of this one. */
static void tell_if_last(struct core *k, uint32_t slot, uint64_t chat_id)
{
    struct search s = {chat_id, false};
    hub_each_of_user(&k->hub, slot, 0, search, &s);
    if (!s.found) {
        tell(k, slot, chat_id, false);
    }
}

#define CHATS_PER_REPORT 64 /* and focus_report_ms, on average */

/* Long before what was told is too old to count. */
static uint64_t report_ms(const struct conn *c)
{
    const struct ws_conf *conf = c->core->conf;
    uint64_t ms = conf->focus_report_ms * (1 + c->interest->chats_count / CHATS_PER_REPORT);
    uint64_t most = conf->focus_fresh_ms / 3;
    return ms > most && most > conf->focus_report_ms ? most : ms;
}

void core_refresh_focus(struct conn *c)
{
    struct core *k = c->core;
    struct interest *i = c->interest;
    if (i == NULL) {
        return;
    }
    i->seen_ms = k->now_ms;
    if (k->now_ms - i->told_ms >= report_ms(c)) {
        tell_all(c);
    }
}

void core_set_focus(struct conn *c, uint64_t chat_id, bool is_chosen)
{
    struct interest *i = conn_interest(c);
    uint64_t before = i->focus_chat;
    if (i->focus_is_chosen && !is_chosen) {
        return;
    }
    i->focus_is_chosen = is_chosen;
    i->focus_chat = chat_id;
    if (before != 0 && before != chat_id) {
        tell_if_last(c->core, c->slot, before);
    }
    tell_new(c, chat_id);
}

bool core_subscribe(struct conn *c, uint64_t chat_id, uint64_t since)
{
    uint32_t max = (uint32_t)c->core->conf->subscriptions_max;
    struct interest *i = conn_interest(c);
    uint32_t before = i->chats_count;
    bool added = interest_add_chat(i, chat_id, since, max);
    if (added) {
        tell_new(c, chat_id);
    }
    if (i->chats_count != before) {
        core_rooms_changed(c);
    }
    return added;
}

void core_unsubscribe(struct conn *c, uint64_t chat_id)
{
    if (c->interest != NULL && interest_remove_chat(c->interest, chat_id)) {
        tell_if_last(c->core, c->slot, chat_id);
        core_rooms_changed(c);
    }
}

void core_look_away(struct conn *c)
{
    struct interest *i = c->interest;
    if (i == NULL) {
        return;
    }
    while (i->chats_count > 0) {
        core_unsubscribe(c, i->chats[i->chats_count - 1].id);
    }
    uint64_t chat_id = i->focus_chat;
    i->focus_chat = 0;
    if (chat_id != 0) {
        tell_if_last(c->core, c->slot, chat_id);
    }
}

void core_report_foci(struct core *k)
{
    k->presence_count = 0;
    for (uint32_t n = 0; n < k->conns.made; n++) {
        struct conn *c = conns_at(&k->conns, n);
        if (c != NULL && c->interest != NULL && is_fresh(k, c->interest)) {
            tell_all(c);
        }
    }
    core_report_presence(k); /* ahead of the commands that are sent again */
}

/* -- watches ------------------------------------------------------------------------------------------------- */

#define WATCH_TOLD (1u << 31) /* of hub_user.watch: confab-rest was told something on this link */

static uint32_t watched(const struct conn *c)
{
    return (c->options | c->dialect->watches) & ~WATCH_TOLD;
}

static void collect(void *ctx, struct conn *c, uint32_t number)
{
    uint32_t *all = ctx;
    (void)number;
    *all |= watched(c);
}

static uint32_t watched_by_user(struct core *k, uint32_t slot)
{
    uint32_t all = 0;
    hub_each_of_user(&k->hub, slot, 0, collect, &all);
    return all;
}

static void tell_watch(struct core *k, uint32_t slot, uint32_t watch)
{
    k->hub.users[slot].watch = watch | WATCH_TOLD;
    if (link_client_is_up(k->link)) {
        link_put_watch(link_client_out(k->link), slot, watch);
    }
}

/* Also when nothing changes: what confab-rest heard while it had an adopt on the way, it only added. */
void core_watch_more(struct conn *c)
{
    struct hub_user *u = hub_user(&c->core->hub, c->slot);
    if (u != NULL && (u->watch | watched(c)) != 0) {
        tell_watch(c->core, c->slot, (u->watch & ~WATCH_TOLD) | watched(c));
    }
}

void core_watch_less(struct core *k, uint32_t slot)
{
    const struct hub_user *u = hub_user(&k->hub, slot);
    uint32_t left = u != NULL && u->watch != 0 ? watched_by_user(k, slot) : 0;
    if (u != NULL && left != (u->watch & ~WATCH_TOLD)) {
        tell_watch(k, slot, left);
    }
}

void core_report_watches(struct core *k)
{
    for (uint32_t slot = 1; slot < k->hub.users_room; slot++) {
        if (hub_user(&k->hub, slot) != NULL) {
            tell_watch(k, slot, watched_by_user(k, slot));
        }
    }
}

/* -- topics ---------------------------------------------------------------------------------------------------- */

void core_report_topics(struct core *k)
{
    const struct hub_topic *t;
    while (link_client_is_up(k->link) && (t = hub_topic_changed(&k->hub)) != NULL) {
        link_put_topic(link_client_out(k->link), t->id, t->sessions, t->adopts);
    }
}
