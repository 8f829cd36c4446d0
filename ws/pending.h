/*
 * pending.h -- requests to confab-rest that have no answer yet
 *
 * Shape      A fixed table and a FIFO through it, in the order of submission. A request id is
 *            generation << 16 | place. A command keeps its frame, so that it can be sent again, with the
 *            same idempotency key, over the next link, and so does a read; a request with a token keeps
 *            none and ends with its link.
 * Layer      ws/link. Bytes and numbers only.
 * Limits     `max` places; a full table is RC_AGAIN, and the client's socket waits.
 * Threads    Loop thread only.
 */
#ifndef WS_PENDING_H
#define WS_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/rc.h"

struct pending {
    uint64_t session;
    uint64_t hint;
    uint64_t since_ms; /* submitted */
    uint64_t chat_id;  /* of the op */
    char *bytes;       /* the client's ref, then the frame; NULL when there is neither */
    uint32_t frame_len, request;
    uint16_t next; /* place + 1, 0: last */
    uint16_t prev;
    uint8_t kind, verb; /* of the op */
    uint8_t cmd;        /* its command, 0: none */
    uint8_t ref_len;
    bool used, sent;
};

struct pendings {
    struct pending *places;
    uint32_t max, count;
    uint16_t first, last, free; /* place + 1 */
};

void pendings_init(struct pendings *t, uint32_t max);
void pendings_release(struct pendings *t);
/* A new request at the end, zeroed but for its id. RC_AGAIN: full. */
RC_CHECK enum rc pendings_take(struct pendings *t, struct pending **out);
/* Keep ref and frame (copied). RC_NO_MEMORY. frame may be empty. */
RC_CHECK enum rc pending_keep(struct pending *p, struct str ref, struct str frame);
struct pending *pendings_find(const struct pendings *t, uint32_t request);
void pendings_give(struct pendings *t, struct pending *p);
/* The oldest, and the one after p; NULL at the end. */
struct pending *pendings_first(const struct pendings *t);
struct pending *pendings_next(const struct pendings *t, const struct pending *p);

static inline struct str pending_ref(const struct pending *p)
{
    return (struct str){p->bytes, p->ref_len};
}
static inline struct str pending_frame(const struct pending *p)
{
    return (struct str){p->bytes + p->ref_len, p->frame_len};
}

#endif
