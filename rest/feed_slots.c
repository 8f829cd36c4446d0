/* The slots that a worker's users have. */
#include <stdlib.h>

#include "rest/feed_int.h"
#include "shared/mem.h"

uint32_t feed_slot_of(const struct feed_worker *w, uint32_t user)
{
    return user < w->slot_of_room ? w->slot_of[user] : 0;
}

static void set_slot_of(struct feed_worker *w, uint32_t user, uint32_t slot)
{
    if (user == CACHE_NONE) {
        return;
    }
    if (user >= w->slot_of_room) {
        uint32_t room = user + user / 4 + 64;
        w->slot_of = mem_grow(w->slot_of, room, sizeof(w->slot_of[0]));
        memset(w->slot_of + w->slot_of_room, 0,
               (size_t)(room - w->slot_of_room) * sizeof(w->slot_of[0]));
        w->slot_of_room = room;
    }
    w->slot_of[user] = slot;
}

void feed_room_for_slot(struct feed_worker *w, uint32_t slot)
{
    if (slot >= w->slots_room) {
        uint32_t room = slot + slot / 2 + 64;
        w->slots = mem_grow(w->slots, room, sizeof(w->slots[0]));
        memset(w->slots + w->slots_room, 0, (size_t)(room - w->slots_room) * sizeof(w->slots[0]));
        w->slots_room = room;
    }
    if (slot >= w->slots_count) {
        w->slots_count = slot + 1;
    }
}

void feed_use_slot(struct feed_worker *w, uint32_t slot, uint64_t user_id, uint32_t user)
{
    feed_room_for_slot(w, slot);
    w->slots[slot].user_id = user_id;
    w->slots[slot].user = user;
    set_slot_of(w, user, slot);
    w->users++;
}

static void add_free(struct feed_worker *w, uint32_t slot)
{
    if (w->free_count == w->free_room) {
        w->free_room = w->free_room ? w->free_room * 2 : 64;
        w->free_slots = mem_grow(w->free_slots, w->free_room, sizeof(w->free_slots[0]));
    }
    w->free_slots[w->free_count++] = slot;
}

/* The count of adopts stays: both sides count those of the slot, whoever has it. */
void feed_free_slot(struct feed_worker *w, uint32_t slot)
{
    struct slot *s = &w->slots[slot];
    set_slot_of(w, s->user, 0);
    feed_watch_set(w, slot, 0);
    s->user_id = 0;
    s->user = s->sessions = 0;
    w->users--;
    add_free(w, slot);
}

void feed_find_free_slots(struct feed_worker *w)
{
    for (uint32_t i = w->slots_count; i-- > 1;) {
        if (w->slots[i].user_id == 0) {
            add_free(w, i);
        }
    }
}

uint32_t feed_give_slot(struct feed *f, struct feed_worker *w, uint64_t user_id)
{
    cache_rdlock(f->cache);
    uint32_t user = cache_user_index(f->cache, user_id);
    uint32_t slot = user == CACHE_NONE ? 0 : feed_slot_of(w, user);
    if (slot == 0 && user != CACHE_NONE && (w->free_count > 0 || w->slots_count <= FEED_SLOTS_MAX)) {
        slot = w->free_count > 0 ? w->free_slots[--w->free_count] : w->slots_count;
        feed_use_slot(w, slot, user_id, user);
        feed_sets_user(f, w, user, true);
    }
    cache_unlock(f->cache);
    return slot;
}
