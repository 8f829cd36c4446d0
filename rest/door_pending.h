/*
 * door_pending.h -- inside the front door: connections that it still holds, by deadline
 *
 * Shape      Two queues in the order of their deadlines: heads that are not complete, and refused
 *            connections that are drained. Door thread only.
 * Limits     `max` together; a new one then throws out the oldest, drained ones first.
 */
#ifndef REST_DOOR_PENDING_H
#define REST_DOOR_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/addr.h"

enum pending_state {
    PENDING_PROXY, /* a PROXY header comes first */
    PENDING_HEAD,
    PENDING_DRAIN, /* answered and half-closed */
    PENDING_GONE,
};

struct pending {
    int fd;
    uint8_t state; /* enum pending_state */
    bool polled;   /* in the epoll set */
    uint16_t listener;
    unsigned wakeups;
    uint64_t deadline_ms;
    uint64_t key; /* counted under it; 0: not counted */
    struct addr addr;
    struct pending *prev, *next;
};

struct pending_queue {
    struct pending *first, *last;
};

struct pending_set {
    struct pending_queue heads, drains;
    struct pending *gone;
    unsigned count, max;
};

/* Appended by its state; NULL without memory. Room must have been made. */
struct pending *pending_add(struct pending_set *s, int fd, enum pending_state state,
                            uint64_t deadline_ms);
/* Unlink; the descriptor stays open. The memory stays until pending_bury, because events of the same turn may still
 * point to it. */
void pending_remove(struct pending_set *s, struct pending *p);
void pending_bury(struct pending_set *s);
/* The one to throw out so that another fits; NULL: there is room. */
struct pending *pending_surplus(const struct pending_set *s);
/* One that is past its deadline; NULL: none. */
struct pending *pending_expired(const struct pending_set *s, uint64_t now_ms);
/* Milliseconds until the next deadline, at most most_ms. */
int pending_wait_ms(const struct pending_set *s, uint64_t now_ms, int most_ms);

#endif
