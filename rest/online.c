#include "rest/online.h"

#include <stdlib.h>

#include "shared/map64.h"
#include "shared/mem.h"

enum { IS_HERE = 1, IS_SHOWN = 2, IS_CHANGED = 4 };

struct online {
    uint64_t *seen_us; /* by user */
    uint8_t *state;
    uint32_t room, shown;
    struct map64 due;    /* user + 1 -> when, the low half of mono_ms: differences are what counts */
    uint64_t next_due_ms; /* nothing is due before */
    uint32_t *ready;     /* taken out of due */
    uint32_t ready_at, ready_count, ready_room;
    uint32_t *changed;
    uint32_t changed_count, changed_room;
};

struct online *online_new(void)
{
    struct online *o = mem_new(sizeof(*o));
    o->next_due_ms = UINT64_MAX;
    return o;
}

void online_free(struct online *o)
{
    if (o != NULL) {
        free(o->seen_us);
        free(o->state);
        map64_release(&o->due);
        free(o->ready);
        free(o->changed);
        free(o);
    }
}

static void room_for(struct online *o, uint32_t user)
{
    if (user >= o->room) {
        uint32_t room = user + user / 4 + 64;
        o->seen_us = mem_grow(o->seen_us, room, sizeof(o->seen_us[0]));
        o->state = mem_grow(o->state, room, sizeof(o->state[0]));
        memset(o->seen_us + o->room, 0, (size_t)(room - o->room) * sizeof(o->seen_us[0]));
        memset(o->state + o->room, 0, room - o->room);
        o->room = room;
    }
}

static void push(uint32_t **list, uint32_t *count, uint32_t *room, uint32_t user)
{
    if (*count == *room) {
        *room = *room != 0 ? *room * 2 : 64;
        *list = mem_grow(*list, *room, sizeof(**list));
    }
    (*list)[(*count)++] = user;
}

void online_changed(struct online *o, uint32_t user)
{
    if ((o->state[user] & IS_CHANGED) == 0) {
        o->state[user] |= IS_CHANGED;
        push(&o->changed, &o->changed_count, &o->changed_room, user);
    }
}

static void show(struct online *o, uint32_t user, bool online)
{
    bool was = (o->state[user] & IS_SHOWN) != 0;
    o->state[user] = online ? o->state[user] | IS_SHOWN : o->state[user] & (uint8_t)~IS_SHOWN;
    o->shown += (uint32_t)online - (uint32_t)was;
    online_changed(o, user);
}

static void set_due(struct online *o, uint32_t user, uint64_t due_ms)
{
    map64_put(&o->due, (uint64_t)user + 1, (uint32_t)due_ms);
    o->next_due_ms = due_ms < o->next_due_ms ? due_ms : o->next_due_ms;
}

void online_load(struct online *o, uint32_t user, uint64_t seen_us, bool was_online, uint64_t due_ms)
{
    room_for(o, user);
    o->seen_us[user] = seen_us;
    if (was_online) {
        o->state[user] |= IS_SHOWN;
        o->shown++;
        set_due(o, user, due_ms);
    }
}

void online_comes(struct online *o, uint32_t user, uint64_t now_ms, uint64_t seen_us, bool quietly)
{
    room_for(o, user);
    o->state[user] |= IS_HERE;
    o->seen_us[user] = seen_us;
    if (quietly && (o->state[user] & IS_SHOWN) == 0) {
        show(o, user, true);
    }
    if ((o->state[user] & IS_SHOWN) != 0) {
        map64_remove(&o->due, (uint64_t)user + 1);
    } else {
        set_due(o, user, now_ms);
    }
}

void online_goes(struct online *o, uint32_t user, uint64_t due_ms, uint64_t seen_us)
{
    room_for(o, user);
    o->state[user] &= (uint8_t)~IS_HERE;
    o->seen_us[user] = seen_us;
    if ((o->state[user] & IS_SHOWN) != 0) {
        set_due(o, user, due_ms);
    } else { /* nobody has been told that they came */
        map64_remove(&o->due, (uint64_t)user + 1);
        online_changed(o, user);
    }
}

struct seen online_get(const struct online *o, uint32_t user)
{
    struct seen s = {.user = user};
    if (user < o->room) {
        s.online = (o->state[user] & (IS_SHOWN | IS_HERE)) != 0;
        s.seen_us = o->seen_us[user];
    }
    return s;
}

uint32_t online_count(const struct online *o)
{
    return o->shown;
}

/* -- what is due ------------------------------------------------------------------------------------------ */

static bool is_due(uint64_t now_ms, uint32_t due, uint64_t *left_ms)
{
    int32_t left = (int32_t)(due - (uint32_t)now_ms);
    *left_ms = left > 0 ? (uint64_t)left : 0;
    return left <= 0;
}

static void find_due(struct online *o, uint64_t now_ms)
{
    uint32_t at = 0, due = 0;
    uint64_t key = 0, left_ms = 0;
    o->ready_at = o->ready_count = 0;
    o->next_due_ms = UINT64_MAX;
    while (map64_next(&o->due, &at, &key, &due)) {
        if (is_due(now_ms, due, &left_ms)) {
            push(&o->ready, &o->ready_count, &o->ready_room, (uint32_t)(key - 1));
        } else if (now_ms + left_ms < o->next_due_ms) {
            o->next_due_ms = now_ms + left_ms;
        }
    }
    for (uint32_t i = 0; i < o->ready_count; i++) {
        map64_remove(&o->due, (uint64_t)o->ready[i] + 1);
    }
}

bool online_next(struct online *o, uint64_t now_ms, struct seen *out)
{
    if (o->ready_at == o->ready_count && now_ms >= o->next_due_ms) {
        find_due(o, now_ms);
    }
    while (o->ready_at < o->ready_count) {
        uint32_t user = o->ready[o->ready_at++];
        bool here = (o->state[user] & IS_HERE) != 0, shown = (o->state[user] & IS_SHOWN) != 0;
        uint32_t due = 0;
        if (here != shown && !map64_get(&o->due, (uint64_t)user + 1, &due)) { /* due again: later */
            show(o, user, here);
            *out = online_get(o, user);
            return true;
        }
    }
    return false;
}

/* -- storing ------------------------------------------------------------------------------------------------ */

unsigned online_take_changed(struct online *o, struct seen *out, unsigned room)
{
    unsigned n = 0;
    while (n < room && o->changed_count > 0) {
        uint32_t user = o->changed[--o->changed_count];
        o->state[user] &= (uint8_t)~IS_CHANGED;
        out[n++] = online_get(o, user);
    }
    return n;
}

void online_stop(struct online *o, uint64_t seen_us)
{
    for (uint32_t user = 0; user < o->room; user++) {
        if ((o->state[user] & IS_HERE) != 0) {
            o->seen_us[user] = seen_us;
            online_changed(o, user);
        }
    }
}
