/* Facts about a message and its chat's members, and what the rule says to them. */
#include <stdlib.h>

#include "rest/cache.h"
#include "rest/notifier_int.h"
#include "rest/notify_rule.h"
#include "shared/clock.h"
#include "shared/mem.h"

#define MENTIONS_MAX 256 /* in one message; further ones are plain text */
#define FOCUSED_MAX  1024

struct choosing {
    struct notifier *n;
    const struct note_item *item;
    const uint64_t *focused; /* sorted */
    unsigned focused_count;
    uint32_t mentioned[MENTIONS_MAX];
    unsigned mentioned_count;
    struct notify_facts facts;
};

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int by_user(const void *a, const void *b)
{
    return by_number(&((const struct note_choice *)a)->user_id, &((const struct note_choice *)b)->user_id);
}

static void add_choice(struct notifier *n, uint64_t user_id, enum note_reason reason, uint8_t preview)
{
    if (n->choices_count == n->choices_room) {
        n->choices_room = n->choices_room ? n->choices_room * 2 : 256;
        n->choices = mem_grow(n->choices, n->choices_room, sizeof(n->choices[0]));
    }
    n->choices[n->choices_count++] = (struct note_choice){user_id, (uint8_t)reason, preview};
}

static bool is_mentioned(const struct choosing *k, uint32_t user)
{
    for (unsigned i = 0; i < k->mentioned_count; i++) {
        if (k->mentioned[i] == user) {
            return true;
        }
    }
    return false;
}

static bool is_focused(const struct choosing *k, uint64_t user_id)
{
    return k->focused_count > 0 &&
           bsearch(&user_id, k->focused, k->focused_count, sizeof(user_id), by_number) != NULL;
}

static void choose(struct choosing *k, const struct cache *c, uint32_t index)
{
    const struct cache_user *u = cache_user(c, index);
    const struct prefs *p = cache_prefs(c, index);
    struct notify_facts f = k->facts;
    f.is_sender = u->id == k->item->user_id;
    f.is_disabled = u->status != USER_ACTIVE;
    f.is_focused = is_focused(k, u->id);
    f.is_mentioned = is_mentioned(k, index);
    enum note_reason reason = notify_rule(&f, p);
    if (reason != NOTE_LARGE_CHAT) { /* that is said once, for all of them */
        add_choice(k->n, u->id, reason, p->preview);
    }
}

/* Members as they were when it was sent, of those who still are. */
static void choose_members(struct choosing *k, const struct cache *c, const struct cache_chat *chat,
                           uint64_t after_user)
{
    k->facts.is_large = chat->members_count > CONF_NOW(k->n->svc->conf->notify_all_max_members);
    for (uint32_t i = 0; i < chat->members_count; i++) {
        const struct cache_member *m = &chat->members[i];
        if (m->joined_seq < k->item->seq && cache_user(c, m->user)->id > after_user) {
            choose(k, c, m->user);
        }
    }
    if (k->facts.is_large && after_user == 0) {
        add_choice(k->n, 0, NOTE_LARGE_CHAT, 0);
    }
}

void notifier_choose(struct notifier *n, const struct note_item *item, uint64_t after_user)
{
    uint64_t focused[FOCUSED_MAX];
    struct cache *c = n->svc->cache;
    struct choosing k = {.n = n, .item = item, .focused = item->focused, .focused_count = item->focused_count};
    k.facts = (struct notify_facts){.chat_id = item->chat_id, .now_s = wall_s()};
    if (!item->has_focus) {
        k.focused = focused;
        k.focused_count = feed_focused(n->svc->feed, item->chat_id, focused, FOCUSED_MAX);
        qsort(focused, k.focused_count, sizeof(focused[0]), by_number);
    }
    n->choices_count = 0;
    cache_rdlock(c);
    const struct cache_chat *chat = cache_chat(c, cache_chat_index(c, item->chat_id));
    if (chat != NULL) {
        k.mentioned_count = notify_mentions(c, item->content, k.mentioned, MENTIONS_MAX);
        choose_members(&k, c, chat, after_user);
    }
    cache_unlock(c);
    if (n->choices_count > 0) {
        qsort(n->choices, n->choices_count, sizeof(n->choices[0]), by_user);
    }
}
