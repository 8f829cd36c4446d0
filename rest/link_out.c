/*
 * link_out.c -- cutting a stream into packets and sending them
 *
 * A packet takes its descriptors with it in the order of its ADOPT frames. The feed closes its copy
 * of a descriptor when the worker acknowledges it, so an acknowledgement is believed only after the
 * descriptor was sent: else its number, used again by then, could be sent as something else.
 */
#include "rest/link_out.h"

#include <stdlib.h>

#include "rest/metrics.h"
#include "shared/bug.h"
#include "shared/link_sock.h"
#include "shared/mem.h"

#define PACKETS_PER_TURN 64
#define KEEP_ROOM_BYTES (1024 * 1024) /* a larger block goes back once it is sent */

void link_out_release(struct link_out *o)
{
    buf_release(&o->q);
    free(o->fds.fd);
    free(o->adopts);
    *o = (struct link_out){.q = BUF_INIT};
}

static void remember_adopt(struct link_out *o, uint32_t id)
{
    if (o->adopts_count == o->adopts_room) {
        o->adopts_room = o->adopts_room ? o->adopts_room * 2 : 64;
        o->adopts = mem_grow(o->adopts, o->adopts_room, sizeof(*o->adopts));
    }
    o->adopts[o->adopts_count++] = id;
}

bool link_out_answered(struct link_out *o, uint32_t adopt_id)
{
    for (unsigned i = 0; i < o->adopts_count; i++) {
        if (o->adopts[i] == adopt_id) {
            o->adopts[i] = o->adopts[--o->adopts_count];
            return true;
        }
    }
    return false;
}

static void note_frame(struct link_out *o, const struct link_frame_head *head)
{
    if (head->type == LINK_ADOPT) {
        remember_adopt(o, head->request);
    } else if (head->type == LINK_REPLY && (head->flags & LINK_MORE) == 0 && o->commands > 0) {
        o->commands--;
    }
}

/* What the frames of a packet that is on its way mean for the books. */
static void note_packet(struct link_out *o, struct str packet)
{
    struct link_frame_head head;
    while (link_frame_head(packet, &head)) {
        note_frame(o, &head);
        packet = str_from(packet, LINK_HEADER_BYTES + head.len);
    }
}

static void sent_all(struct link_out *o)
{
    o->at = 0;
    o->fds_at = 0;
    o->fds.count = 0;
    if (o->q.room > KEEP_ROOM_BYTES) {
        buf_release(&o->q);
    } else {
        buf_clear(&o->q);
    }
}

static enum rc send_packet(struct link_out *o, int fd, size_t *size)
{
    unsigned room = o->fds.count - o->fds_at;
    unsigned adopts;
    struct str left = str_from(buf_str(&o->q), o->at);
    room = room < LINK_FDS_PER_PACKET ? room : LINK_FDS_PER_PACKET;
    *size = link_packet_size(left, room, &adopts);
    BUG_IF(*size == 0); /* an adopt without its descriptor */
    const int *fds = adopts != 0 ? o->fds.fd + o->fds_at : NULL;
    enum rc rc = link_sock_send(fd, left.p, *size, fds, adopts);
    if (rc == RC_OK) {
        note_packet(o, (struct str){left.p, *size});
        o->at += *size;
        o->fds_at += adopts;
    }
    return rc;
}

enum rc link_out_send(struct link_out *o, int fd, size_t *sent)
{
    *sent = 0;
    for (unsigned turn = 0; turn < PACKETS_PER_TURN && o->at < o->q.len; turn++) {
        size_t size;
        enum rc rc = send_packet(o, fd, &size);
        if (rc != RC_OK) {
            return rc;
        }
        *sent += size;
        metric_add(METRIC_LINK_PACKETS_SENT, 1);
        metric_add(METRIC_LINK_BYTES_SENT, (int64_t)size);
    }
    if (o->at < o->q.len) {
        return RC_AGAIN;
    }
    sent_all(o);
    return RC_OK;
}
