/*
 * eio.h -- Engine.IO sessions, protocol 4: one connection for the core, whatever carries it
 *
 * Source     Engine.IO protocol version 4 (handshake, heartbeat, upgrade, close).
 * Shape      A session is a struct conn with conn->eio. Its carrier is WebSocket or the polling carrier (eio_poll.c),
 *            and changes from polling to WebSocket once: the second connection, the probe, is a conn without a
 *            session of its own, and gives its socket to the session when the client says so.
 * Heartbeat  We ping every eio_ping_interval_ms after the last pong; a session without a pong for
 *            eio_ping_interval_ms + eio_ping_timeout_ms is over, which every request looks at itself because timers
 *            are coarse.
 * Ids        worker, incarnation and 128 random bits: a stranger cannot guess one, and confab-rest knows whose it is.
 * Layer      ws/core. Knows conn, the core and the link's poll frames; knows no dialect.
 * Threads    Loop thread only.
 */
#ifndef WS_EIO_H
#define WS_EIO_H

#include "shared/buf.h"
#include "shared/link_msg.h"
#include "shared/map64.h"
#include "ws/eio_packet.h"

struct conn;
struct core;

#define EIO_RANDOM_BYTES 16

enum eio_role {
    EIO_POLLING = 1, /* a session whose client polls */
    EIO_WEBSOCKET,   /* a session on a WebSocket */
    EIO_PROBE,       /* a WebSocket that may become a session's */
    EIO_STRANGER,    /* a WebSocket that asked for a session which cannot be: closed as soon as it is open */
};

struct eio {
    unsigned char random[EIO_RANDOM_BYTES]; /* sessions */
    uint8_t role;                           /* enum eio_role */
    bool owes_noop;       /* the client has closed it, and its last poll has not been here */
    bool is_probed;       /* a probe has said hello; polls are answered at once, frames are kept */
    uint64_t partner;     /* session id of the probe, or of the session that is probed; 0: none */
    uint64_t ping_due_ms; /* sessions: when the next ping is due */
    uint64_t nobodys_ms;  /* since when it is nobody's, when it is */
    uint32_t get_poll;    /* the poll that waits for frames, 0: none */
    uint32_t post_poll;   /* the post whose packets are not all taken yet, 0: none */
    struct buf post;      /* its payload */
    struct eio_reader packets;
};

struct eio_table {
    struct map64 sessions; /* half of the random part -> index of the connection */
    struct map64 polls;    /* poll id -> index of the connection, while it is held */
};

void eio_table_release(struct eio_table *t);

/* A WebSocket has been adopted; query as the client wrote it. Queues the open packet, or makes a probe of it. */
void eio_adopt(struct conn *c, struct str query);
/* A whole message of a client, from either carrier. */
void eio_receive(struct conn *c, struct str message, bool binary);
/* The WebSocket is open. */
void eio_on_open(struct conn *c);
/* A fresh name for what is on top of the session. */
void eio_add_name(const struct conn *c, struct buf *out);
/* It is nobody's again, and has time to be somebody's. */
void eio_on_logout(struct conn *c);
/* Its deadline: ping, or the end. */
void eio_on_due(struct conn *c);
/* The connection is being freed. */
void eio_release(struct conn *c);

/* -- eio_poll.c ---------------------------------------------------------------------------------------- */

/* Requests that confab-rest relays. */
void eio_on_poll(struct core *k, uint32_t poll_id, const struct link_poll *m);
void eio_on_poll_abort(struct core *k, uint32_t poll_id);
/* Held requests are lost with the link, and what was in their answers: such sessions end, clients come back. */
void eio_on_link_down(struct core *k);
/* Answer what is held with one packet. */
void eio_poll_answer(struct conn *c, struct str packet);

/* -- between the two files ------------------------------------------------------------------------------- */

/* "sid":..., and what else the open packet says. */
void eio_add_open(const struct conn *c, struct buf *out);
/* NULL: no such session, or it is over. */
struct conn *eio_find(struct core *k, struct str sid);
/* Whether the session has just been closed by its client while no poll was held: the first one that comes yet gets what a
 * held one had got. */
bool eio_take_noop(struct core *k, struct str sid);
void eio_begin(struct conn *c, enum eio_role role);
/* Of a session that was just heard of: when to look at it again. */
uint64_t eio_deadline(const struct conn *c);

#endif
