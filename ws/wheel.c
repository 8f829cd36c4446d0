#include "ws/wheel.h"

#include <stdbool.h>
#include <stdlib.h>

#include "shared/mem.h"

#define ASIDE (WHEEL_SLOTS + 1) /* head of the list that is being fired */
#define FIRST_ID (WHEEL_SLOTS + 2)

static uint32_t list_of(uint32_t tick)
{
    return 1 + tick % WHEEL_SLOTS;
}

static void grow(struct wheel *w, uint32_t ids)
{
    w->nodes = mem_grow(w->nodes, FIRST_ID + ids, sizeof(w->nodes[0]));
    for (uint32_t i = w->ids; i < ids; i++) {
        w->nodes[FIRST_ID + i] = (struct wheel_node){0};
    }
    w->ids = ids;
}

void wheel_init(struct wheel *w, uint64_t now_ms)
{
    *w = (struct wheel){.start_ms = now_ms};
    grow(w, 64);
    w->nodes[0] = (struct wheel_node){0};
    for (uint32_t i = 1; i < FIRST_ID; i++) {
        w->nodes[i] = (struct wheel_node){.next = i, .prev = i};
    }
}

void wheel_release(struct wheel *w)
{
    free(w->nodes);
    *w = (struct wheel){0};
}

static void unlink_node(struct wheel *w, uint32_t n)
{
    struct wheel_node *node = &w->nodes[n];
    if (node->next != 0) {
        w->nodes[node->prev].next = node->next;
        w->nodes[node->next].prev = node->prev;
        node->next = 0;
        node->prev = 0;
    }
}

static void link_node(struct wheel *w, uint32_t n, uint32_t list)
{
    uint32_t last = w->nodes[list].prev;
    w->nodes[n].next = list;
    w->nodes[n].prev = last;
    w->nodes[last].next = n;
    w->nodes[list].prev = n;
}

/* On the list of its tick, or on the farthest one. */
static void place(struct wheel *w, uint32_t n)
{
    uint32_t ahead = w->nodes[n].due - w->now;
    uint32_t tick = ahead < WHEEL_SLOTS ? w->nodes[n].due : w->now + WHEEL_SLOTS - 1;
    link_node(w, n, list_of(tick));
}

void wheel_set(struct wheel *w, uint32_t id, uint64_t due_ms)
{
    if (id >= w->ids) {
        grow(w, id < 32768 ? (id + 1) * 2 : id + 32768);
    }
    uint64_t from_start = due_ms > w->start_ms ? due_ms - w->start_ms : 0;
    uint32_t due = (uint32_t)((from_start + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS);
    uint32_t n = FIRST_ID + id;
    if ((int32_t)(due - w->now) < 1) {
        due = w->now + 1;
    }
    unlink_node(w, n);
    w->nodes[n].due = due;
    place(w, n);
}

void wheel_clear(struct wheel *w, uint32_t id)
{
    if (id < w->ids) {
        unlink_node(w, FIRST_ID + id);
    }
}

/* The list is moved aside first, so that what the callbacks put on it waits a full turn. */
static void fire_list(struct wheel *w, uint32_t list, wheel_fn fire, void *ctx)
{
    const uint32_t aside = ASIDE;
    if (w->nodes[list].next == list) {
        return;
    }
    w->nodes[aside] = w->nodes[list];
    w->nodes[w->nodes[aside].next].prev = aside;
    w->nodes[w->nodes[aside].prev].next = aside;
    w->nodes[list].next = list;
    w->nodes[list].prev = list;
    while (w->nodes[aside].next != aside) {
        uint32_t n = w->nodes[aside].next;
        w->nodes[aside].next = w->nodes[n].next;
        w->nodes[w->nodes[n].next].prev = aside;
        w->nodes[n].next = 0;
        w->nodes[n].prev = 0;
        if (w->nodes[n].due == w->now) {
            fire(ctx, n - FIRST_ID);
        } else {
            place(w, n);
        }
    }
}

void wheel_advance(struct wheel *w, uint64_t now_ms, wheel_fn fire, void *ctx)
{
    uint32_t until = (uint32_t)((now_ms - w->start_ms) / WHEEL_TICK_MS);
    while ((int32_t)(until - w->now) > 0) {
        w->now++;
        fire_list(w, list_of(w->now), fire, ctx);
    }
}
