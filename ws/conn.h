/*
 * conn.h -- one WebSocket connection, and the table of all of them
 *
 * Shape      Connections in chunks of 1024, so that a pointer stays good as long as the connection lives
 *            and an index fits 32 bits. A session id is generation << 32 | index; the generation changes
 *            with every use of a place, so a late id never meets a stranger. Everything of a connection
 *            hangs here, what few have behind a pointer; what it shares with the user's other connections
 *            is in the hub.
 * Layer      ws/connection. Knows dialects as a table, the carrier as a table; no libwebsockets.
 * Life       conns_take -> ADOPTED -> HANDSHAKE -> OPEN -> CLOSING -> conns_give. Only core_on_closed gives
 *            a connection back; everybody else marks CLOSING through core_close.
 * Threads    Loop thread only.
 */
#ifndef WS_CONN_H
#define WS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/code.h"
#include "ws/dialect.h"
#include "ws/interest.h"
#include "ws/limits.h"
#include "ws/outq.h"

struct core;
struct conn;
struct eio;

/* How bytes get to the client. WebSocket is one carrier; each call is safe in every state. */
struct carrier {
    void (*flush)(struct conn *c);         /* write what waits in c->out, as far as the peer takes it */
    void (*close)(struct conn *c);         /* the close frame of c->close_code, behind what waits */
    void (*kill)(struct conn *c);          /* now, without a close frame; core_on_closed runs inside */
    void (*read)(struct conn *c, bool on); /* take the client's frames or leave them in the socket */
    void (*move)(struct conn *from, struct conn *to); /* to goes on with from's socket; from has none then */
};

enum conn_state {
    CONN_FREE,
    CONN_ADOPTED,   /* the descriptor is ours, confab-rest may not know yet; nothing was written */
    CONN_HANDSHAKE, /* given to the carrier */
    CONN_OPEN,
    CONN_CLOSING, /* nothing but the close frame is written any more */
};

enum conn_flag {
    CONN_IS_CATCHING_UP = 1, /* the stream is not for it; replayed chunks are */
    CONN_IS_ATTACHED = 2,    /* ATTACH was sent on this link */
    CONN_WANTS_CHUNK = 4,    /* PULL when the queue is low */
    CONN_IS_DIRTY = 8,       /* on the list of connections to flush */
    CONN_IS_BLOCKED = 16,    /* the socket took less than we had; the carrier will call */
    CONN_AWAITS_PONG = 32,
    CONN_HOLDS_FRAME = 64, /* a client frame waits for a free command place */
    CONN_DROPS_QUEUE = 128,  /* closing for slowness: what waits is not sent */
    CONN_GOT_CHUNK = 1024,   /* since the replay was last looked after */
    CONN_IS_DRAINING = 256,  /* its deadline is the end */
    CONN_HEARS_ITSELF = 512, /* a command was given up, so its events are not left out any more */
    CONN_HOLDS_BINARY = 2048, /* the held frame is a binary one */
    CONN_IS_LOGGING_IN = 8192, /* OP_LOGIN has no answer yet */
    CONN_IS_RESUMING = 4096, /* catches up from an earlier connection, so it cannot have subscribed yet */
};

enum conn_pause { CONN_PAUSE_CATCH_UP = 1, CONN_PAUSE_COMMANDS = 2 };

struct conn {
    struct core *core;
    const struct carrier *carrier;
    void *handle; /* the carrier's; NULL: not there, or gone */
    const struct dialect *dialect;
    void *dialect_state;
    struct buf *rx; /* pieces of a message, or a held one; NULL: none */
    struct interest *interest; /* what it looks at; NULL: nothing yet */
    struct recovery *recovery; /* NULL: it cannot be recovered */
    struct eio *eio;           /* its Engine.IO session; NULL: a plain WebSocket */
    uint64_t family, peer_key;
    uint64_t expires_s;   /* wall clock, 0 = never */
    uint64_t cursor;      /* last event id that is delivered or in the queue */
    uint64_t born;        /* position of the stream when it was adopted */
    uint64_t deadline_ms; /* of the state: handshake, next ping, pong, close */
    uint32_t index, generation;
    uint32_t slot;       /* user slot; 0: none */
    uint32_t next, prev; /* the user's sessions: index + 1, 0 = end */
    uint32_t since_log;  /* prefix of the log that cursor belongs to */
    uint32_t attach_generation;
    uint32_t options; /* enum conn_option */
    int fd;
    struct outq out;
    struct bucket frames, messages;
    uint16_t frame_strikes; /* frames refused since the bucket was full */
    uint16_t strikes;       /* operations and errors refused since the last one that was not */
    uint16_t flags;         /* enum conn_flag */
    uint8_t close_code; /* enum code */
    uint8_t state;      /* enum conn_state */
    uint8_t pause;    /* enum conn_pause */
};

struct conns {
    struct conn **chunks;
    uint32_t made, count, max;
    uint32_t free; /* index + 1 of the first free place, linked by next */
    uint32_t seed; /* first generation: random, so that ids of an earlier process mean nobody here */
};

void conns_init(struct conns *t, uint32_t max, uint32_t seed);
void conns_release(struct conns *t);
/* Zeroed but for index and generation; NULL: the limit is reached. */
struct conn *conns_take(struct conns *t);
/* Releases what it owns, but for its queue, which must be empty. */
void conns_give(struct conns *t, struct conn *c);
/* NULL: nothing (or another generation) there. */
struct conn *conns_find(const struct conns *t, uint64_t session);
/* NULL: free. index < made. */
struct conn *conns_at(const struct conns *t, uint32_t index);

/* Its interest, which is made when there is none. */
struct interest *conn_interest(struct conn *c);

static inline uint64_t conn_session(const struct conn *c)
{
    return (uint64_t)c->generation << 32 | c->index;
}
static inline bool conn_has(const struct conn *c, enum conn_flag flag)
{
    return (c->flags & flag) != 0;
}
static inline void conn_set(struct conn *c, enum conn_flag flag, bool on)
{
    c->flags = (uint16_t)(on ? c->flags | flag : c->flags & ~flag);
}
static inline uint64_t conn_topic(const struct conn *c)
{
    return c->interest != NULL ? c->interest->topic : 0;
}
static inline bool conn_is_ext(const struct conn *c)
{
    return (c->options & CONN_EXT) != 0;
}

#endif
