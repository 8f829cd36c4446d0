/*
 * eio_packet.h -- Engine.IO packets, protocol 4: one text frame, or one polling payload of several
 *
 * Source     Engine.IO protocol version 4, "Packet encoding": a digit for the type, then the data. In a polling
 *            payload packets are separated by 0x1E, and binary data is 'b' and base64 instead of a type (always a
 *            message). On WebSocket binary data is a binary frame without a type.
 * Ownership  Views into the input; binary data of a payload is decoded into the reader's scratch, which the next
 *            packet overwrites.
 * Pure: no connection, no time.
 */
#ifndef WS_EIO_PACKET_H
#define WS_EIO_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/rc.h"
#include "shared/str.h"

#define EIO_SEPARATOR '\x1e'

enum eio_type {
    EIO_OPEN = '0',
    EIO_CLOSE = '1',
    EIO_PING = '2',
    EIO_PONG = '3',
    EIO_MESSAGE = '4',
    EIO_UPGRADE = '5',
    EIO_NOOP = '6',
};

struct eio_packet {
    uint8_t type; /* enum eio_type */
    bool binary;  /* a message's bytes, not text */
    struct str data;
};

/* A WebSocket text frame. RC_INVALID: no packet that a client may send. */
RC_CHECK enum rc eio_read_text(struct str frame, struct eio_packet *out);

struct eio_reader { /* of a polling payload */
    struct str rest; /* p == NULL: at the end */
    unsigned left;   /* packets that may still come */
    struct buf scratch;
};
/* max_packets bounds the work of one payload. */
void eio_reader_init(struct eio_reader *r, struct str payload, unsigned max_packets);
void eio_reader_release(struct eio_reader *r);
/* RC_OK; RC_CLOSED at the end; RC_INVALID: no packet; RC_TOO_BIG: more packets than allowed. */
RC_CHECK enum rc eio_reader_next(struct eio_reader *r, struct eio_packet *out);

/* Append to a polling payload, with the separator when something is there already. */
void eio_payload_text(struct buf *out, struct str packet); /* the type is its first byte */
void eio_payload_binary(struct buf *out, struct str data);

#endif
