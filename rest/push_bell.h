/*
 * push_bell.h -- how the feed tells the pusher that there is something new, without waiting for it or knowing it
 *
 * Threads    Any. It rings once until the pusher has heard it.
 */
#ifndef REST_PUSH_BELL_H
#define REST_PUSH_BELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

struct push_bell {
    int fd; /* an eventfd */
    _Atomic bool rung;
};

/* NULL: nobody listens. */
static inline void push_bell_ring(struct push_bell *b)
{
    if (b != NULL && !atomic_exchange(&b->rung, true)) {
        ssize_t n = write(b->fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)n; /* it cannot fail before 2^64 rings */
    }
}

#endif
