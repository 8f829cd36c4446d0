/* cache_open.c -- the groups that everybody may join, in the order of their ids */
#include <stdlib.h>
#include <string.h>

#include "rest/cache_int.h"
#include "shared/mem.h"

/* The first place whose group's id is above this one. Indexes rise as ids do: chats are loaded and made in that order. */
static uint32_t place_after(const struct cache *c, uint64_t chat_id)
{
    uint32_t low = 0, high = c->open_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->chats[c->open[middle]].id > chat_id) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static void add(struct cache *c, uint32_t chat)
{
    uint32_t at = place_after(c, c->chats[chat].id);
    if (c->open_count == c->open_room) {
        c->open_room = c->open_room ? c->open_room * 2 : 16;
        c->open = mem_grow(c->open, c->open_room, sizeof(c->open[0]));
    }
    memmove(c->open + at + 1, c->open + at, (c->open_count - at) * sizeof(c->open[0]));
    c->open[at] = chat;
    c->open_count++;
}

static void drop(struct cache *c, uint32_t chat)
{
    uint32_t at = place_after(c, c->chats[chat].id) - 1; /* it is in the list */
    c->open_count--;
    memmove(c->open + at, c->open + at + 1, (c->open_count - at) * sizeof(c->open[0]));
}

void cache_set_open(struct cache *c, uint32_t chat, bool is_open)
{
    if (c->chats[chat].is_open == is_open) {
        return;
    }
    c->chats[chat].is_open = is_open;
    (is_open ? add : drop)(c, chat);
}

uint32_t cache_open_chat_after(const struct cache *c, uint64_t chat_id)
{
    uint32_t at = place_after(c, chat_id);
    return at < c->open_count ? c->open[at] : CACHE_NONE;
}
