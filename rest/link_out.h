/*
 * link_out.h -- what goes down one link: bytes of the stream, their descriptors, and what must be answered
 *
 * Ownership  Descriptors are borrowed from the feed.
 * Limits     None of its own: the caller fills it only when it is empty.
 * Threads    Link thread only.
 */
#ifndef REST_LINK_OUT_H
#define REST_LINK_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/feed.h"
#include "shared/buf.h"
#include "shared/rc.h"

struct link_out {
    struct buf q; /* whole frames; q.p[at..] is not sent yet */
    size_t at;
    struct feed_fds fds; /* of the ADOPT frames in q; fds.fd[fds_at..] are not sent yet */
    unsigned fds_at;
    uint32_t *adopts; /* ids that are sent and not answered */
    unsigned adopts_count, adopts_room;
    uint64_t commands; /* received and not answered */
};

void link_out_release(struct link_out *o);
static inline bool link_out_is_empty(const struct link_out *o)
{
    return o->q.len == 0;
}
/*
 * Send packets until all is sent (RC_OK; the queue is empty again), the peer takes no more or it is
 * somebody else's turn (RC_AGAIN). RC_UNAVAILABLE: the system lacks something, try again later.
 * RC_CLOSED, RC_IO: nothing more can be sent. *sent gets the bytes of this call.
 */
RC_CHECK enum rc link_out_send(struct link_out *o, int fd, size_t *sent);
/* An adopt was answered. false: it was not sent, or was answered before. */
bool link_out_answered(struct link_out *o, uint32_t adopt_id);

#endif
