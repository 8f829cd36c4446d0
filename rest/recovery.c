#include "rest/recovery.h"

#include <stdlib.h>
#include <string.h>

#include "shared/link_msg.h"
#include "shared/map64.h"
#include "shared/mem.h"
#include "shared/wire.h"

struct recovery { /* every connection of Socket.IO has one: small */
    bool queued, writing; /* in the queue; in the hands of the writer */
    bool again;           /* changed while it was written */
    bool stored;          /* there may be a row */
    bool gone;            /* not found any more: only its row is still to go */
    bool unsure;          /* what joined it to a room may not have been stored */
    uint64_t key;
    uint64_t user_id;
    uint64_t lost_us; /* 0: live */
    uint64_t position;
    struct recovery_owner owner;
    uint32_t number, taken_number; /* the owner's last word; that of what is written now */
    char *rooms;
    uint32_t rooms_len;
    uint32_t at; /* in entries */
    uint8_t pid_len;
    char pid[];
};

struct lost { /* in order of lost_us; an entry that has come back since has another time */
    uint64_t key, lost_us;
};

struct recoveries {
    uint64_t max, keep_us;
    struct map64 by_pid;
    struct recovery **entries;
    uint32_t count, room;
    uint32_t gone_count;     /* of them */
    struct recovery **queue; /* queue[first .. first + queued - 1] */
    size_t queue_first, queue_count, queue_room;
    struct lost *lost;
    size_t lost_first, lost_count, lost_room;
};

struct recoveries *recoveries_new(uint64_t max, uint64_t keep_us)
{
    struct recoveries *t = mem_new(sizeof(*t));
    t->max = max;
    t->keep_us = keep_us;
    return t;
}

static void entry_free(struct recovery *e)
{
    free(e->rooms);
    free(e);
}

void recoveries_free(struct recoveries *t)
{
    if (t == NULL) {
        return;
    }
    for (uint32_t i = 0; i < t->count; i++) {
        entry_free(t->entries[i]);
    }
    free(t->entries);
    free(t->queue);
    free(t->lost);
    map64_release(&t->by_pid);
    free(t);
}

uint64_t recoveries_count(const struct recoveries *t)
{
    return t->count - t->gone_count;
}

uint64_t recoveries_gone(const struct recoveries *t)
{
    return t->gone_count;
}

/* -- queues ------------------------------------------------------------------------------------------------ */

/* Room for one more at the end: what was taken from the front is used again first. */
static void *make_room(void *list, size_t *first, size_t count, size_t *room, size_t size)
{
    if (*first + count < *room) {
        return list;
    }
    if (*first > count) {
        memmove(list, (char *)list + *first * size, count * size);
        *first = 0;
        return list;
    }
    *room = *room != 0 ? *room * 2 : 64;
    return mem_grow(list, *room, size);
}

static void enqueue(struct recoveries *t, struct recovery *e)
{
    if (e->writing) {
        e->again = true;
        return;
    }
    if (e->queued) {
        return;
    }
    t->queue = make_room(t->queue, &t->queue_first, t->queue_count, &t->queue_room, sizeof(t->queue[0]));
    t->queue[t->queue_first + t->queue_count++] = e;
    e->queued = true;
}

static void note_lost(struct recoveries *t, const struct recovery *e)
{
    t->lost = make_room(t->lost, &t->lost_first, t->lost_count, &t->lost_room, sizeof(t->lost[0]));
    t->lost[t->lost_first + t->lost_count++] = (struct lost){e->key, e->lost_us};
}

/* -- entries ------------------------------------------------------------------------------------------------ */

static struct str pid_of(const struct recovery *e)
{
    return (struct str){e->pid, e->pid_len};
}

/* Also one that has gone, as long as its row has not. */
static struct recovery *look_up(const struct recoveries *t, struct str pid)
{
    uint32_t at = 0;
    if (!map64_get(&t->by_pid, map64_hash(pid), &at) || !str_eq(pid_of(t->entries[at]), pid)) {
        return NULL;
    }
    return t->entries[at];
}

static struct recovery *find(const struct recoveries *t, struct str pid)
{
    struct recovery *e = look_up(t, pid);
    return e != NULL && !e->gone ? e : NULL;
}

static void forget(struct recoveries *t, struct recovery *e)
{
    struct recovery *last = t->entries[--t->count];
    map64_remove(&t->by_pid, e->key);
    if (last != e) {
        t->entries[e->at] = last;
        last->at = e->at;
        map64_put(&t->by_pid, last->key, last->at);
    }
    t->gone_count--;
    entry_free(e);
}

static void set_place(struct recovery *e, struct recovery_place place)
{
    free(e->rooms);
    e->rooms = place.rooms.len > 0 ? mem_copy(place.rooms.p, place.rooms.len) : NULL;
    e->rooms_len = (uint32_t)place.rooms.len;
    e->position = place.position;
}

/* It is found no more; its memory goes when its row has. */
static void end(struct recoveries *t, struct recovery *e)
{
    e->gone = true;
    t->gone_count++;
    set_place(e, (struct recovery_place){STR_NONE, 0});
    if (e->stored || e->writing) {
        enqueue(t, e);
    } else if (!e->queued) {
        forget(t, e);
    }
}

/* The oldest of the lost ones, if it is still lost; NULL: there is none, or the front was out of date. */
static struct recovery *first_lost(struct recoveries *t)
{
    while (t->lost_count > 0) {
        const struct lost *l = &t->lost[t->lost_first];
        uint32_t at = 0;
        struct recovery *e = map64_get(&t->by_pid, l->key, &at) ? t->entries[at] : NULL;
        if (e != NULL && !e->gone && e->lost_us == l->lost_us) {
            return e;
        }
        t->lost_first++;
        t->lost_count--;
    }
    return NULL;
}

/* Those that have gone stay as long as their rows, which is for long when the database is away. */
static bool has_room(struct recoveries *t)
{
    if (t->gone_count > t->max) {
        return false;
    }
    struct recovery *oldest = recoveries_count(t) >= t->max ? first_lost(t) : NULL;
    if (oldest != NULL) {
        end(t, oldest);
    }
    return recoveries_count(t) < t->max;
}

static struct recovery *insert(struct recoveries *t, struct str pid)
{
    if (t->count == t->room) {
        t->room = t->room != 0 ? t->room * 2 : 64;
        t->entries = mem_grow(t->entries, t->room, sizeof(struct recovery *));
    }
    struct recovery *e = mem_new(sizeof(*e) + pid.len);
    memcpy(e->pid, pid.p, pid.len);
    e->pid_len = (uint8_t)pid.len;
    e->key = map64_hash(pid);
    e->at = t->count;
    t->entries[t->count++] = e;
    map64_put(&t->by_pid, e->key, e->at);
    return e;
}

/* NULL: there is no room for one more. */
static struct recovery *add(struct recoveries *t, struct str pid, uint64_t user_id)
{
    uint32_t at = 0;
    if (pid.len == 0 || pid.len > LINK_PID_MAX_BYTES || !has_room(t)) {
        return NULL;
    }
    struct recovery *e = look_up(t, pid);
    if (e != NULL) {
        e->gone = e->unsure = false; /* so the row that was to go is written instead */
        e->owner = (struct recovery_owner){0, 0};
        e->number = e->taken_number = 0;
        t->gone_count--;
    } else if (!map64_get(&t->by_pid, map64_hash(pid), &at)) {
        e = insert(t, pid);
    }
    if (e != NULL) {
        e->user_id = user_id;
    }
    return e;
}

void recoveries_load(struct recoveries *t, struct str pid, uint64_t user_id, uint64_t lost_us, bool was_live,
                     struct recovery_place place)
{
    struct recovery *e = add(t, pid, user_id);
    if (e != NULL) {
        e->stored = true;
        e->unsure = was_live;
        e->lost_us = lost_us;
        set_place(e, place);
        note_lost(t, e);
    }
}

struct recovery *recoveries_find(struct recoveries *t, struct str pid, uint64_t user_id, uint64_t now_us)
{
    struct recovery *e = find(t, pid);
    bool ended = e != NULL && e->lost_us != 0 && now_us >= e->lost_us + t->keep_us;
    return e == NULL || ended || e->user_id != user_id ? NULL : e;
}

struct recovery_place recovery_place(const struct recovery *e)
{
    return (struct recovery_place){{e->rooms, e->rooms_len}, e->position};
}

bool recovery_is_unsure(const struct recovery *e)
{
    return e->unsure;
}

struct recovery_owner recovery_owner(const struct recovery *e)
{
    return e->owner;
}

void recovery_take_over(struct recoveries *t, struct recovery *e, struct recovery_owner by)
{
    e->owner = by;
    e->lost_us = 0;
    e->number = e->taken_number = 0;
    enqueue(t, e);
}

/* -- what workers say ----------------------------------------------------------------------------------------- */

static bool is_owner(const struct recovery *e, struct recovery_owner by)
{
    return e->owner.worker == by.worker && e->owner.session == by.session;
}

bool recoveries_live(struct recoveries *t, struct str pid, uint64_t user_id, struct recovery_owner by,
                     struct recovery_place place, uint32_t number)
{
    struct recovery *e = find(t, pid);
    if (e == NULL) {
        e = add(t, pid, user_id);
    }
    if (e == NULL || e->user_id != user_id || (e->owner.worker != 0 && !is_owner(e, by))) {
        return false;
    }
    e->owner = by;
    e->lost_us = 0;
    e->number = number;
    e->unsure = false;
    set_place(e, place);
    enqueue(t, e);
    return true;
}

static void lose(struct recoveries *t, struct recovery *e, uint64_t now_us)
{
    e->owner = (struct recovery_owner){0, 0};
    e->number = e->taken_number = 0;
    e->lost_us = now_us;
    note_lost(t, e);
    enqueue(t, e);
}

void recoveries_lost(struct recoveries *t, struct str pid, struct recovery_owner by,
                     struct recovery_place place, uint64_t now_us)
{
    struct recovery *e = find(t, pid);
    if (e != NULL && is_owner(e, by)) {
        e->unsure = false;
        set_place(e, place);
        lose(t, e, now_us);
    }
}

bool recoveries_ended(struct recoveries *t, struct str pid, struct recovery_owner by, uint32_t number)
{
    struct recovery *e = find(t, pid);
    if (e == NULL || !is_owner(e, by)) {
        return false;
    }
    e->number = number;
    end(t, e);
    return look_up(t, pid) != NULL;
}

void recoveries_worker_gone(struct recoveries *t, uint32_t worker, uint64_t now_us)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct recovery *e = t->entries[i];
        if (!e->gone && e->owner.worker == worker) {
            lose(t, e, now_us);
        }
    }
}

void recoveries_tick(struct recoveries *t, uint64_t now_us)
{
    for (struct recovery *e = first_lost(t); e != NULL && now_us >= e->lost_us + t->keep_us; e = first_lost(t)) {
        end(t, e);
    }
}

/* -- writing -------------------------------------------------------------------------------------------------- */

static void add_row(struct buf *content, bool gone, struct str pid, uint64_t user_id, uint64_t lost_us,
                    struct recovery_place place)
{
    buf_add_be8(content, gone ? 0 : 1);
    wire_add_str16(content, pid);
    buf_add_be64(content, user_id);
    buf_add_be64(content, lost_us);
    buf_add_be64(content, place.position);
    wire_add_str16(content, place.rooms);
}

void recoveries_add_clock(struct buf *content, uint64_t now_us)
{
    add_row(content, false, STR(""), 0, now_us, (struct recovery_place){STR(""), 0});
}

bool recoveries_wait(const struct recoveries *t)
{
    return t->queue_count > 0;
}

unsigned recoveries_take(struct recoveries *t, struct recovery **out, unsigned room, struct buf *content)
{
    unsigned taken = 0;
    while (t->queue_count > 0 && taken < room && content->len < RECOVERY_BYTES) {
        struct recovery *e = t->queue[t->queue_first++];
        t->queue_count--;
        e->queued = false;
        if (e->gone && !e->stored) {
            forget(t, e);
            continue;
        }
        struct recovery_place place = e->gone ? (struct recovery_place){STR(""), 0} : recovery_place(e);
        add_row(content, e->gone, pid_of(e), e->user_id, e->lost_us, place);
        e->writing = e->stored = true;
        e->taken_number = e->number;
        out[taken++] = e;
    }
    return taken;
}

bool recovery_written(const struct recovery *e, struct recovery_owner *owner, uint32_t *number)
{
    *owner = e->owner;
    *number = e->taken_number;
    return e->owner.worker != 0 && e->taken_number != 0;
}

void recoveries_stored(struct recoveries *t, struct recovery *const *taken, unsigned count, bool good)
{
    for (unsigned i = 0; i < count; i++) {
        struct recovery *e = taken[i];
        bool again = e->again || !good;
        e->writing = e->again = false;
        if (again) {
            enqueue(t, e);
        } else if (e->gone) {
            forget(t, e);
        }
    }
}
