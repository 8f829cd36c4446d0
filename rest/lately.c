#include "rest/lately.h"

#include <stdlib.h>

#include "shared/mem.h"

enum list { OF_CHAT, OF_USER, OF_ALL, LISTS };

struct lately_entry {
    struct lately_item item;
    struct {
        uint32_t prev, next; /* 0: none */
    } in[LISTS];
};

void lately_release(struct lately *l)
{
    free(l->entries);
    map64_release(&l->places);
    map64_release(&l->chats);
    map64_release(&l->users);
    *l = LATELY_INIT;
}

/* -- lists --------------------------------------------------------------------------------------- */

static uint64_t place_of(uint64_t chat_id, uint64_t user_id, uint32_t link)
{
    uint64_t words[3] = {chat_id, user_id, link};
    return map64_hash((struct str){(const char *)words, sizeof(words)});
}

static void push_front(struct lately *l, struct map64 *heads, enum list list, uint64_t key, uint32_t i)
{
    uint32_t first = 0;
    (void)map64_get(heads, key, &first);
    l->entries[i].in[list].prev = 0;
    l->entries[i].in[list].next = first;
    if (first != 0) {
        l->entries[first].in[list].prev = i;
    }
    map64_put(heads, key, i);
}

static void unlink_from(struct lately *l, struct map64 *heads, enum list list, uint64_t key, uint32_t i)
{
    uint32_t prev = l->entries[i].in[list].prev, next = l->entries[i].in[list].next;
    if (next != 0) {
        l->entries[next].in[list].prev = prev;
    }
    if (prev != 0) {
        l->entries[prev].in[list].next = next;
    } else if (next != 0) {
        map64_put(heads, key, next);
    } else {
        map64_remove(heads, key);
    }
}

static void push_newest(struct lately *l, uint32_t i)
{
    l->entries[i].in[OF_ALL].prev = l->newest;
    l->entries[i].in[OF_ALL].next = 0;
    *(l->newest != 0 ? &l->entries[l->newest].in[OF_ALL].next : &l->oldest) = i;
    l->newest = i;
}

static void unlink_from_all(struct lately *l, uint32_t i)
{
    uint32_t prev = l->entries[i].in[OF_ALL].prev, next = l->entries[i].in[OF_ALL].next;
    *(prev != 0 ? &l->entries[prev].in[OF_ALL].next : &l->oldest) = next;
    *(next != 0 ? &l->entries[next].in[OF_ALL].prev : &l->newest) = prev;
}

/* -- entries --------------------------------------------------------------------------------------- */

static uint32_t find(const struct lately *l, uint64_t chat_id, uint64_t user_id, uint32_t link)
{
    uint32_t i = 0;
    (void)map64_get(&l->places, place_of(chat_id, user_id, link), &i);
    return i;
}

static void drop(struct lately *l, uint32_t i)
{
    struct lately_entry *e = &l->entries[i];
    map64_remove(&l->places, place_of(e->item.chat_id, e->item.user_id, e->item.link));
    unlink_from(l, &l->chats, OF_CHAT, e->item.chat_id, i);
    unlink_from(l, &l->users, OF_USER, e->item.user_id, i);
    unlink_from_all(l, i);
    e->in[OF_ALL].next = l->free_first;
    l->free_first = i;
    l->count--;
}

static uint32_t take_free(struct lately *l)
{
    uint32_t i = l->free_first;
    if (i != 0) {
        l->free_first = l->entries[i].in[OF_ALL].next;
        return i;
    }
    if (l->used >= l->room) {
        l->room = l->room != 0 ? l->room * 2 : 256;
        l->entries = mem_grow(l->entries, l->room, sizeof(l->entries[0]));
    }
    return l->used++;
}

bool lately_has(const struct lately *l, uint64_t chat_id, uint64_t user_id, uint32_t link)
{
    return find(l, chat_id, user_id, link) != 0;
}

void lately_put(struct lately *l, const struct lately_item *item)
{
    uint32_t i = find(l, item->chat_id, item->user_id, item->link);
    if (i != 0) {
        unlink_from(l, &l->chats, OF_CHAT, item->chat_id, i);
        unlink_from_all(l, i);
    } else {
        i = take_free(l);
        push_front(l, &l->users, OF_USER, item->user_id, i);
        map64_put(&l->places, place_of(item->chat_id, item->user_id, item->link), i);
        l->count++;
    }
    l->entries[i].item = *item;
    push_front(l, &l->chats, OF_CHAT, item->chat_id, i);
    push_newest(l, i);
}

bool lately_remove(struct lately *l, uint64_t chat_id, uint64_t user_id, uint32_t link)
{
    uint32_t i = find(l, chat_id, user_id, link);
    if (i != 0) {
        drop(l, i);
    }
    return i != 0;
}

bool lately_oldest(const struct lately *l, struct lately_item *out)
{
    if (l->oldest == 0) {
        return false;
    }
    *out = l->entries[l->oldest].item;
    return true;
}

bool lately_of_user(const struct lately *l, uint64_t user_id, struct lately_item *out)
{
    uint32_t i = 0;
    if (!map64_get(&l->users, user_id, &i)) {
        return false;
    }
    *out = l->entries[i].item;
    return true;
}

void lately_remove_user(struct lately *l, uint64_t user_id, uint32_t link)
{
    uint32_t i = 0;
    (void)map64_get(&l->users, user_id, &i);
    while (i != 0) {
        uint32_t next = l->entries[i].in[OF_USER].next;
        if (l->entries[i].item.link == link) {
            drop(l, i);
        }
        i = next;
    }
}

unsigned lately_of_chat(const struct lately *l, uint64_t chat_id, uint64_t since_ms, uint64_t *users, unsigned room)
{
    uint32_t i = 0;
    unsigned n = 0;
    (void)map64_get(&l->chats, chat_id, &i);
    for (; i != 0 && n < room && l->entries[i].item.at_ms >= since_ms; i = l->entries[i].in[OF_CHAT].next) {
        users[n++] = l->entries[i].item.user_id;
    }
    return n;
}
