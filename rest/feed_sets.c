/*
 * Recipient sets: a worker knows which of its users are in a large chat, so that an event names the set.
 *
 * A set is exact at every place of the stream: it is built when the chat is first announced, follows
 * memberships and users that come and go, and ends with the chat. A slot that is given to somebody else
 * must not be in any set that its former user was in.
 */
#include <stdlib.h>

#include "rest/feed_int.h"
#include "shared/mem.h"

/* Slots of w's users in the chat; the caller frees them. */
static uint32_t *local_slots(const struct feed_worker *w, const struct cache_chat *chat, uint16_t *count)
{
    uint32_t *slots = mem_grow(NULL, chat->members_count, sizeof(slots[0]));
    *count = 0;
    for (uint32_t i = 0; i < chat->members_count && *count < UINT16_MAX; i++) {
        uint32_t slot = feed_slot_of(w, chat->members[i].user);
        if (slot != 0) {
            slots[(*count)++] = slot;
        }
    }
    return slots;
}

/* One frame for all of it: the worker takes the first members of a set without looking for doubles. */
static void build(struct feed_worker *w, const struct cache_chat *chat)
{
    uint16_t count = 0;
    uint32_t *slots = local_slots(w, chat, &count);
    if (count > 0) {
        link_put_set(&w->q, LINK_SET_ADD, chat->id, slots, count);
    }
    map64_put(&w->sets, chat->id, count);
    free(slots);
}

uint32_t feed_set_use(struct feed_worker *w, const struct cache_chat *chat)
{
    uint32_t count = 0;
    if (!map64_get(&w->sets, chat->id, &count)) {
        build(w, chat);
        (void)map64_get(&w->sets, chat->id, &count);
    }
    return count;
}

static void change(struct feed_worker *w, uint64_t chat_id, uint32_t slot, bool add)
{
    uint32_t count = 0;
    if (slot != 0 && map64_get(&w->sets, chat_id, &count)) {
        link_put_set(&w->q, add ? LINK_SET_ADD : LINK_SET_REMOVE, chat_id, &slot, 1);
        map64_put(&w->sets, chat_id, add ? count + 1 : count - (count > 0));
    }
}

void feed_sets_user(struct feed *f, struct feed_worker *w, uint32_t user, bool add)
{
    const struct cache_user *u = cache_user(f->cache, user);
    for (uint32_t i = 0; w->sets.count > 0 && u != NULL && i < u->chats_count; i++) {
        const struct cache_chat *chat = cache_chat(f->cache, u->chats[i]);
        if (chat != NULL) {
            change(w, chat->id, feed_slot_of(w, user), add);
        }
    }
}

void feed_sets_member(struct feed *f, uint64_t chat_id, uint64_t user_id, bool add)
{
    uint32_t user = cache_user_index(f->cache, user_id);
    for (unsigned i = 0; i < f->workers_count; i++) {
        change(f->workers[i], chat_id, feed_slot_of(f->workers[i], user), add);
    }
}

void feed_sets_end(struct feed *f, const struct cache_chat *chat)
{
    for (unsigned i = 0; i < f->workers_count; i++) {
        struct feed_worker *w = f->workers[i];
        uint16_t count = 0;
        uint32_t *slots = local_slots(w, chat, &count);
        if (map64_remove(&w->sets, chat->id) && count > 0) {
            link_put_set(&w->q, LINK_SET_REMOVE, chat->id, slots, count);
        }
        free(slots);
    }
}
