/*
 * outq.h -- frames waiting to be written to one connection
 *
 * Shape      A FIFO of (frame, number) pairs. The entries of all queues live in one pool of 24-byte
 *            slots, so an idle connection owns 16 bytes here and a push allocates nothing. Frames of state
 *            that wait are chained through the queue, so that a newer one finds the one it replaces
 *            without a look at the rest.
 * Layer      ws/connection. Knows msg; does not know connections, dialects or libwebsockets.
 * Ownership  push takes one reference, always. The pieces are views until the next call on the queue.
 * Limits     entries_max over all queues, OUTQ_STATES_MAX frames of state in one; the byte cap of one queue
 *            is its owner's business.
 * Threads    Loop thread only.
 */
#ifndef WS_OUTQ_H
#define WS_OUTQ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "shared/buf.h"
#include "shared/rc.h"
#include "ws/msg.h"

#define OUTQ_STATES_MAX 1024 /* waiting in one queue; beyond it the oldest is dropped for the newest */

struct outq_entry {
    struct msg *m;
    uint32_t number;     /* for the frame's hole */
    uint32_t next, prev; /* next 0: last; prev of the first means nothing */
    uint32_t next_state; /* 0: last, or no frame of state */
};

struct outq_pool {
    struct outq_entry *entries; /* [0] is never used */
    uint32_t room, made, free;  /* free: first of the free list, 0 = none */
    uint32_t used, entries_max;
    uint64_t bytes;    /* waiting in all queues */
    uint64_t replaced; /* frames of state, by newer ones */
};

struct outq { /* zeroed = empty */
    uint32_t head, tail;
    uint32_t bytes;  /* of whole frames */
    uint32_t states; /* first frame of state, 0: none waits */
};

#define OUTQ_BATCH 32 /* frames of one write */
struct outq_batch {
    struct iovec iov[3 * OUTQ_BATCH];
    char digits[OUTQ_BATCH][MSG_HOLE_BYTES];
    unsigned count;
    size_t bytes;
};

void outq_pool_init(struct outq_pool *p, uint32_t entries_max);
void outq_pool_release(struct outq_pool *p); /* all queues must be empty */

/* RC_OK; RC_TOO_BIG when the pool is used up. The reference is taken either way. A waiting frame with the same state key goes. */
RC_CHECK enum rc outq_push(struct outq_pool *p, struct outq *q, struct msg *m, uint32_t number);
void outq_clear(struct outq_pool *p, struct outq *q);
/* Remove every ephemeral frame; how many. */
unsigned outq_drop_ephemeral(struct outq_pool *p, struct outq *q);
/* The oldest frame, until the next call on the queue; the queue is not empty. */
const struct outq_entry *outq_head(const struct outq_pool *p, const struct outq *q);
/* The first frames as one vector. */
void outq_batch(const struct outq_pool *p, const struct outq *q, struct outq_batch *out);
/* The first n bytes went out. A frame that was sent in part leaves the queue; what remains of it is appended to rest.
 * Returns the number of frames that left. */
unsigned outq_sent(struct outq_pool *p, struct outq *q, size_t n, struct buf *rest);

#endif
