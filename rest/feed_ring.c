/* The newest events in memory: a reconnect storm reads no database. */
#include <stdlib.h>

#include "rest/event_fill.h"
#include "rest/feed_int.h"
#include "shared/bug.h"
#include "shared/clock.h"
#include "shared/mem.h"

#define RING_FIRST_ROOM 1024

void ring_init(struct ring *r, uint64_t next_id)
{
    *r = (struct ring){.room = RING_FIRST_ROOM, .first = next_id, .next = next_id};
    r->slots = mem_grow(NULL, r->room, sizeof(r->slots[0]));
}

void ring_release(struct ring *r)
{
    for (uint64_t id = r->first; id < r->next; id++) {
        free(r->slots[id & (r->room - 1)]);
    }
    free(r->slots);
    free(r->own);
    *r = (struct ring){0};
}

static void grow(struct ring *r)
{
    uint64_t room = r->room * 2;
    struct ring_entry **slots = mem_grow(NULL, room, sizeof(slots[0]));
    for (uint64_t id = r->first; id < r->next; id++) {
        slots[id & (room - 1)] = r->slots[id & (r->room - 1)];
    }
    free(r->slots);
    r->slots = slots;
    r->room = room;
}

struct ring_entry *ring_entry_new(const struct event *e, struct str encoded, uint64_t prev_in_chat)
{
    struct ring_entry *entry = mem_grow(NULL, 1, sizeof(*entry) + encoded.len);
    *entry = (struct ring_entry){
        .id = e->event_id,
        .at_ms = mono_ms(),
        .prev_in_chat = prev_in_chat,
        /* A notification is its user's own, not the chat's, of which he may be no member any more. */
        .chat_id = event_is_note(e->kind) ? 0 : e->chat_id,
        .seq = event_is_note(e->kind) ? 0 : e->seq,
        .subject_id = e->subject.id,
        .topic = event_topic(e),
        .kind = e->kind,
        .len = (uint32_t)encoded.len,
    };
    memcpy(entry->bytes, encoded.p, encoded.len);
    return entry;
}

void ring_push(struct ring *r, struct ring_entry *e)
{
    BUG_IF(e->id != r->next);
    if (r->next - r->first == r->room) {
        grow(r);
    }
    r->slots[e->id & (r->room - 1)] = e;
    r->next++;
    r->bytes += sizeof(*e) + e->len;
}

void ring_push_own(struct ring *r, uint64_t event_id, uint32_t user)
{
    if (r->own_count == r->own_room) {
        if (r->own_first > r->own_room / 2) {
            memmove(r->own, r->own + r->own_first,
                    (r->own_count - r->own_first) * sizeof(r->own[0]));
            r->own_count -= r->own_first;
            r->own_first = 0;
        } else {
            r->own_room = r->own_room ? r->own_room * 2 : 64;
            r->own = mem_grow(r->own, r->own_room, sizeof(r->own[0]));
        }
    }
    r->own[r->own_count++] = (struct own_event){.event_id = event_id, .user = user};
}

const struct ring_entry *ring_at(const struct ring *r, uint64_t id)
{
    return id >= r->first && id < r->next ? r->slots[id & (r->room - 1)] : NULL;
}

size_t ring_own_after(const struct ring *r, uint64_t after)
{
    size_t low = r->own_first, high = r->own_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (r->own[mid].event_id <= after) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

void ring_trim(struct ring *r, uint64_t max_bytes, uint64_t oldest_ms)
{
    while (r->first < r->next) {
        struct ring_entry *e = r->slots[r->first & (r->room - 1)];
        if (r->bytes <= max_bytes && e->at_ms >= oldest_ms) {
            break;
        }
        r->bytes -= sizeof(*e) + e->len;
        free(e);
        r->first++;
    }
    while (r->own_first < r->own_count && r->own[r->own_first].event_id < r->first) {
        r->own_first++;
    }
}
