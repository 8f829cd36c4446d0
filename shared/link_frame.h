/*
 * link_frame.h -- frames and packets of the link, as bytes (no descriptors, no I/O)
 *
 * A packet is one SOCK_SEQPACKET datagram of at most LINK_PACKET_MAX_BYTES and carries whole frames.
 * Frame header, big-endian, 12 bytes: length of the body (32), type (16), flags (16), request id (32).
 * A body that does not fit a packet is cut into frames of the same type and request id, all but the
 * last with LINK_MORE; nothing else comes between them. Whole bodies have at most LINK_BODY_MAX_BYTES.
 * ADOPT is never cut, since a descriptor belongs to each of its frames.
 * A frame that breaks a rule is RC_PROTOCOL: the link closes, never the process.
 */
#ifndef SHARED_LINK_FRAME_H
#define SHARED_LINK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/rc.h"
#include "shared/str.h"

#define LINK_HEADER_BYTES 12
#define LINK_PACKET_MAX_BYTES 65536
#define LINK_BODY_MAX_BYTES (2 * 1024 * 1024)
#define LINK_FDS_PER_PACKET 32

enum link_type {
#define LINK(name, number, direction, layout) LINK_##name = (number),
#include "shared/link.def"
#undef LINK
};
enum link_direction { LINK_UP = 1, LINK_DOWN = 2, LINK_BOTH = 3 };
enum link_flag { LINK_MORE = 1 };

/* "EVENT"; NULL for an unknown number. */
const char *link_type_name(uint16_t type);
/* 0 for an unknown number. */
enum link_direction link_type_direction(uint16_t type);

struct link_frame {
    uint16_t type;
    uint32_t request;
    struct str body; /* view: into the packet, or into the reader for a reassembled body */
};

/* Append one frame to a byte queue. Bodies above a packet are cut (several frames, see above); one above
 * LINK_BODY_MAX_BYTES sets out->failed and adds nothing, as a full buffer does. */
void link_frame_add(struct buf *out, uint16_t type, uint32_t request, struct str body);
/* The same in place: begin, append the body to out, end (with what begin returned). */
size_t link_frame_begin(struct buf *out, uint16_t type, uint32_t request);
void link_frame_end(struct buf *out, size_t start);
/* How many leading bytes of a queue of frames make one packet (whole frames only, at most
 * LINK_PACKET_MAX_BYTES and max_adopts ADOPT frames, whose number goes to *adopts). */
size_t link_packet_size(struct str frames, unsigned max_adopts, unsigned *adopts);

/* The header of the first frame in a queue; false: not one whole frame is left. */
struct link_frame_head {
    size_t len; /* of the body */
    uint16_t type;
    uint16_t flags; /* enum link_flag */
    uint32_t request;
};
bool link_frame_head(struct str frames, struct link_frame_head *out);

struct link_reader { /* reassembles; one per link */
    struct buf whole;
    uint16_t type;
    uint32_t request;
    bool partial;
};
void link_reader_init(struct link_reader *r);
void link_reader_release(struct link_reader *r);
/* Take the next frame from *packet (advanced). RC_OK; RC_AGAIN when the packet is used up; RC_PROTOCOL;
 * RC_NO_MEMORY. Types are not checked. A reassembled body is valid until the next call. */
RC_CHECK enum rc link_reader_next(struct link_reader *r, struct str *packet,
                                  struct link_frame *out);

#endif
