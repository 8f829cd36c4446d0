/*
 * msg.h -- one WebSocket frame, made once and shared by every connection that sends it
 *
 * Shape      Immutable bytes of a whole unmasked server frame (RFC 6455 section 5.2) with a reference
 *            count. A frame may have one hole: MSG_HOLE_BYTES of its payload that differ per receiver.
 *            They are filled with a decimal number, padded with spaces on the left (JSON allows white
 *            space before a value), so that the length is the same for everybody. A frame of state
 *            has a key: of two with the same key that wait for a connection, the newer one says it all.
 * Layer      ws/connection. Knows no queue and no dialect.
 * Ownership  msg_new gives one reference; msg_unref gives one back.
 * Threads    Loop thread only: the count is plain.
 */
#ifndef WS_MSG_H
#define WS_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "shared/buf.h"
#include "shared/str.h"

enum msg_opcode { MSG_TEXT = 1, MSG_BINARY = 2, MSG_CLOSE = 8, MSG_PING = 9 };

#define MSG_HOLE_BYTES 10 /* digits of the largest 32-bit number */
#define MSG_NO_HOLE SIZE_MAX
#define MSG_PAYLOAD_MAX_BYTES ((size_t)16 * 1024 * 1024)

struct msg {
    uint64_t state_key; /* 0: no state */
    uint32_t refs;
    uint32_t len;     /* of bytes, frame header included */
    uint32_t hole_at; /* offset in bytes of the hole; 0: none (a header stands there) */
    bool ephemeral;   /* may be dropped when the receiver is slow */
    char bytes[];
};

/* hole_at: offset of MSG_HOLE_BYTES in the payload that are replaced, or MSG_NO_HOLE. NULL: too large or no memory. */
struct msg *msg_new(enum msg_opcode opcode, struct str payload, size_t hole_at);
static inline struct msg *msg_ref(struct msg *m)
{
    m->refs++;
    return m;
}
/* A close frame: the code and a reason of at most 123 bytes. */
struct msg *msg_new_close(unsigned code, const char *reason);
/* NULL is fine. */
void msg_unref(struct msg *m);
/* What the frame carries, and its payload with the hole filled in. */
bool msg_is_binary(const struct msg *m);
void msg_add_payload(const struct msg *m, uint32_t number, struct buf *out);
/* The pieces to send: 1, or 3 when there is a hole; digits has room for MSG_HOLE_BYTES and must live as long as iov. */
unsigned msg_pieces(const struct msg *m, uint32_t number, char *digits, struct iovec iov[3]);

#endif
