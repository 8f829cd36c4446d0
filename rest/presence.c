/*
 * presence.c -- entries in one array, in three lists each: of its chat, of its user, and of all by age
 *
 * Every operation touches a few entries: a report is one look-up by hash, a message walks its chat's list (which is
 * kept newest first, so it ends at the first entry that is too old), a departure walks the user's list.
 */
#include "rest/presence.h"

#include <stdlib.h>

#include "rest/metrics.h"
#include "shared/map64.h"
#include "shared/mem.h"

enum list { OF_CHAT, OF_USER, OF_ALL, LISTS };

struct entry {
    uint64_t chat_id, user_id, at_ms;
    struct {
        uint32_t prev, next; /* 0: none */
    } in[LISTS];
    uint32_t link;
};

struct presence {
    uint64_t max_age_ms;
    uint32_t entries_max;
    struct entry *entries; /* [0] is none */
    uint32_t used, room;   /* entries[1 .. used-1] have been used */
    uint32_t free_first;   /* through in[OF_ALL].next */
    uint32_t count, oldest, newest;
    struct map64 places; /* hash of (chat, user, link) -> entry */
    struct map64 chats, users; /* -> first entry of its list */
};

struct presence *presence_new(uint64_t entries_max, uint64_t max_age_ms)
{
    struct presence *p = mem_new(sizeof(*p));
    p->entries_max = (uint32_t)entries_max;
    p->max_age_ms = max_age_ms;
    p->used = 1;
    return p;
}

void presence_free(struct presence *p)
{
    if (p != NULL) {
        free(p->entries);
        map64_release(&p->places);
        map64_release(&p->chats);
        map64_release(&p->users);
        free(p);
    }
}

void presence_set_max_age(struct presence *p, uint64_t max_age_ms)
{
    p->max_age_ms = max_age_ms;
}

/* -- lists --------------------------------------------------------------------------------------- */

static uint64_t place_of(uint64_t chat_id, uint64_t user_id, uint32_t link)
{
    uint64_t words[3] = {chat_id, user_id, link};
    return map64_hash((struct str){(const char *)words, sizeof(words)});
}

static void push_front(struct presence *p, struct map64 *heads, enum list list, uint64_t key, uint32_t i)
{
    uint32_t first = 0;
    (void)map64_get(heads, key, &first);
    p->entries[i].in[list].prev = 0;
    p->entries[i].in[list].next = first;
    if (first != 0) {
        p->entries[first].in[list].prev = i;
    }
    map64_put(heads, key, i);
}

static void unlink_from(struct presence *p, struct map64 *heads, enum list list, uint64_t key, uint32_t i)
{
    uint32_t prev = p->entries[i].in[list].prev, next = p->entries[i].in[list].next;
    if (next != 0) {
        p->entries[next].in[list].prev = prev;
    }
    if (prev != 0) {
        p->entries[prev].in[list].next = next;
    } else if (next != 0) {
        map64_put(heads, key, next);
    } else {
        map64_remove(heads, key);
    }
}

static void push_newest(struct presence *p, uint32_t i)
{
    p->entries[i].in[OF_ALL].prev = p->newest;
    p->entries[i].in[OF_ALL].next = 0;
    *(p->newest != 0 ? &p->entries[p->newest].in[OF_ALL].next : &p->oldest) = i;
    p->newest = i;
}

static void unlink_from_all(struct presence *p, uint32_t i)
{
    uint32_t prev = p->entries[i].in[OF_ALL].prev, next = p->entries[i].in[OF_ALL].next;
    *(prev != 0 ? &p->entries[prev].in[OF_ALL].next : &p->oldest) = next;
    *(next != 0 ? &p->entries[next].in[OF_ALL].prev : &p->newest) = prev;
}

/* -- entries --------------------------------------------------------------------------------------- */

static void drop(struct presence *p, uint32_t i)
{
    struct entry *e = &p->entries[i];
    map64_remove(&p->places, place_of(e->chat_id, e->user_id, e->link));
    unlink_from(p, &p->chats, OF_CHAT, e->chat_id, i);
    unlink_from(p, &p->users, OF_USER, e->user_id, i);
    unlink_from_all(p, i);
    e->in[OF_ALL].next = p->free_first;
    p->free_first = i;
    metric_set(METRIC_FOCUS_ENTRIES, --p->count);
}

static uint32_t take_free(struct presence *p)
{
    uint32_t i = p->free_first;
    if (i != 0) {
        p->free_first = p->entries[i].in[OF_ALL].next;
        return i;
    }
    if (p->used >= p->room) {
        p->room = p->room != 0 ? p->room * 2 : 256;
        p->entries = mem_grow(p->entries, p->room, sizeof(p->entries[0]));
    }
    return p->used++;
}

static bool is_old(const struct presence *p, const struct entry *e, uint64_t now_ms)
{
    return now_ms > e->at_ms + p->max_age_ms;
}

/* Old ones go as new ones come, two for one, so that none stay when all is quiet but for one user. */
static void make_room(struct presence *p, uint64_t now_ms)
{
    for (unsigned i = 0; i < 2 && p->oldest != 0 && is_old(p, &p->entries[p->oldest], now_ms); i++) {
        drop(p, p->oldest);
    }
    if (p->count >= p->entries_max) {
        metric_add(METRIC_FOCUS_EVICTED, 1);
        drop(p, p->oldest);
    }
}

void presence_focus(struct presence *p, uint64_t chat_id, uint64_t user_id, uint32_t link, uint64_t now_ms)
{
    uint64_t place = place_of(chat_id, user_id, link);
    uint32_t i = 0;
    if (map64_get(&p->places, place, &i)) {
        unlink_from(p, &p->chats, OF_CHAT, chat_id, i);
        unlink_from_all(p, i);
    } else {
        make_room(p, now_ms);
        i = take_free(p);
        p->entries[i] = (struct entry){.chat_id = chat_id, .user_id = user_id, .link = link};
        push_front(p, &p->users, OF_USER, user_id, i);
        map64_put(&p->places, place, i);
        metric_set(METRIC_FOCUS_ENTRIES, ++p->count);
    }
    p->entries[i].at_ms = now_ms;
    push_front(p, &p->chats, OF_CHAT, chat_id, i);
    push_newest(p, i);
}

void presence_unfocus(struct presence *p, uint64_t chat_id, uint64_t user_id, uint32_t link)
{
    uint32_t i = 0;
    if (map64_get(&p->places, place_of(chat_id, user_id, link), &i)) {
        drop(p, i);
    }
}

void presence_gone(struct presence *p, uint64_t user_id, uint32_t link)
{
    uint32_t i = 0;
    (void)map64_get(&p->users, user_id, &i);
    while (i != 0) {
        uint32_t next = p->entries[i].in[OF_USER].next;
        if (p->entries[i].link == link) {
            drop(p, i);
        }
        i = next;
    }
}

unsigned presence_focused(struct presence *p, uint64_t chat_id, uint64_t now_ms, uint64_t *users, unsigned room)
{
    uint32_t i = 0;
    unsigned n = 0;
    (void)map64_get(&p->chats, chat_id, &i);
    for (; i != 0 && n < room && !is_old(p, &p->entries[i], now_ms); i = p->entries[i].in[OF_CHAT].next) {
        users[n++] = p->entries[i].user_id;
    }
    return n;
}
