/*
 * wheel.h -- one deadline per id, cheap to move, for tens of thousands of ids
 *
 * Shape      A hashed timing wheel: WHEEL_SLOTS lists of WHEEL_TICK_MS each, linked by index (12 bytes an
 *            id). A deadline beyond the horizon waits in the farthest list and is put on again there.
 * Why        libwebsockets keeps its timeouts in a sorted list, which is linear per insertion.
 * Units      mono_ms; a deadline fires at most one tick late, never early.
 * Threads    Loop thread only. The callback may set and clear any id.
 */
#ifndef WS_WHEEL_H
#define WS_WHEEL_H

#include <stdint.h>

#define WHEEL_TICK_MS 50
#define WHEEL_SLOTS 1024

struct wheel_node {
    uint32_t next, prev; /* 0, 0: not on the wheel; the nodes 1..WHEEL_SLOTS head the lists */
    uint32_t due;        /* tick, wraps after 6.8 years */
};

struct wheel {
    struct wheel_node *nodes; /* lists, then one per id */
    uint32_t ids;
    uint32_t now; /* tick that has been worked off */
    uint64_t start_ms;
};

typedef void (*wheel_fn)(void *ctx, uint32_t id);

void wheel_init(struct wheel *w, uint64_t now_ms);
void wheel_release(struct wheel *w);
/* Replaces the id's earlier deadline. Room for the id is made. */
void wheel_set(struct wheel *w, uint32_t id, uint64_t due_ms);
void wheel_clear(struct wheel *w, uint32_t id);
/* Fire what is due; each id is off the wheel when its callback runs. */
void wheel_advance(struct wheel *w, uint64_t now_ms, wheel_fn fire, void *ctx);

#endif
