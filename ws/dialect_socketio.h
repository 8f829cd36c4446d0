/*
 * dialect_socketio.h -- between the files of the Socket.IO dialect (D2)
 *
 * dialect_socketio.c: packets, namespaces, client events, answers. dialect_socketio_event.c: events to frames.
 * dialect_socketio_echo.c: the echo namespaces of the protocol suites.
 */
#ifndef WS_DIALECT_SOCKETIO_H
#define WS_DIALECT_SOCKETIO_H

#include "ws/dialect.h"
#include "ws/sio_packet.h"

#define SOCKETIO_NAMESPACE STR("/chat")
#define SOCKETIO_ATTACHMENTS_MAX 10

extern const struct dialect dialect_socketio, dialect_eio_echo, dialect_echo;

struct socketio_pieces; /* an event whose attachments are still coming */

struct socketio { /* of one connection */
    bool chat;    /* the namespace /chat is joined */
    uint8_t echo; /* bits of the echo namespaces that are joined */
    struct socketio_pieces *pieces;
};

bool socketio_wants(const struct event *e, uint64_t viewer_id, uint32_t options);
bool socketio_joins(const struct event *e, uint64_t viewer_id);
void socketio_encode(const struct event *e, const struct dialect_view *v, struct dialect_frame *f);

/* -- the echo namespaces: false: none of theirs ------------------------------------------------------------- */

bool socketio_echo_packet(struct conn *c, struct socketio *s, const struct sio_packet *p);
/* An attachment has come. */
void socketio_echo_bytes(struct conn *c, struct socketio *s, struct str bytes);
void socketio_echo_release(struct socketio *s);

#endif
