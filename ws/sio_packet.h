/*
 * sio_packet.h -- Socket.IO packets, protocol 5: the text inside an Engine.IO message
 *
 * Source     Socket.IO protocol revision 5, "Packet encoding":
 *                <type>[<attachments>-][<namespace>,][<ack id>][JSON]
 * Checks     The grammar, and what each type may carry: an event is a list that begins with its name, an
 *            acknowledgement a list, CONNECT an object or nothing, DISCONNECT nothing. The JSON itself is checked
 *            (json_scan), placeholders of attachments are counted by the reader of the document.
 * Ownership  Views into the input.
 * Pure: no connection, no time.
 */
#ifndef WS_SIO_PACKET_H
#define WS_SIO_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/json.h"
#include "shared/rc.h"
#include "shared/str.h"

enum sio_type {
    SIO_CONNECT = 0,
    SIO_DISCONNECT = 1,
    SIO_EVENT = 2,
    SIO_ACK = 3,
    SIO_CONNECT_ERROR = 4, /* server only */
    SIO_BINARY_EVENT = 5,
    SIO_BINARY_ACK = 6,
};

#define SIO_NAMESPACE_MAX_BYTES 128

struct sio_packet {
    uint8_t type; /* enum sio_type */
    uint32_t attachments;
    struct str nsp; /* "/" when none is named */
    bool has_id;
    uint64_t id;     /* of the acknowledgement that is wanted, or that this is; at most 2^53 - 1 */
    struct str json; /* empty: none */
};

/* RC_INVALID: no packet that a client may send; RC_TOO_BIG: more attachments than allowed, or over the limits. */
RC_CHECK enum rc sio_read(struct str text, uint32_t attachments_max, const struct json_limits *limits,
                          struct sio_packet *out);
/* Append everything before the JSON, the Engine.IO message type '4' included. */
void sio_begin(struct buf *out, const struct sio_packet *p);

#endif
