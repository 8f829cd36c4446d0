/*
 * core_world.h -- the worker's core with its link, without sockets, processes or a real clock
 *
 * The socket of the link, the loop, the clients' carrier and the dialects are replaced; everything between is the
 * real thing. What confab-rest would hear and what clients get are texts, one line for each frame.
 * Dialects: ROOMS ("plain"), SUBSCRIBE ("subs": with subscriptions), DASHBOARD ("board"), EIO_ECHO ("engine": with
 * subscriptions, on Engine.IO) and SOCKETIO ("chat": with subscriptions, new chats are joined, connections can be
 * recovered; no Engine.IO here). Their client frames:
 *   send CHAT TEXT   sub CHAT   unsub CHAT   type CHAT 0|1   focus CHAT   auth TOKEN   direct CHAT   twice CHAT
 *   login TOKEN [PID [OFFSET]]   logout   ping
 * and anything else is an error; binary ones come back. What they send: "hello ...", "e<id> k<kind> c<chat> ...",
 * "<op> <code> ...", "pong".
 */
#ifndef TESTS_LIB_CORE_WORLD_H
#define TESTS_LIB_CORE_WORLD_H

#include "ws/core.h"

#define WORLD_CONNS 64
#define WORLD_REQUESTS 64

struct world {
    struct core core;
    struct ws_conf *conf; /* the defaults; set_up may change it before world_start */
    uint64_t now_ms;
    bool is_deaf;         /* clients take nothing */
    bool recovers;        /* what WELCOME says */
    struct buf heard;     /* by confab-rest */
    struct buf got[WORLD_CONNS]; /* by clients, by index */
    uint32_t requests[WORLD_REQUESTS]; /* of commands and queries, in the order in which they came */
    unsigned requests_count;
};

/* One at a time. Connects at once, in a new log at position 100. */
struct world *world_new(void);
void world_start(struct world *w);
void world_free(struct world *w);

/* Let what waits arrive on both sides, and the turn end. */
void world_turn(struct world *w);
/* Time passes, with ticks on the way. */
void world_wait(struct world *w, uint64_t ms);
/* What confab-rest has heard since the last call, without STATS, PING and HELLO. Good until the next call. */
const char *world_heard(struct world *w);
/* What the client has got since the last call. */
const char *world_got(struct world *w, const struct conn *c);

/* The connection, open, if it was taken. */
struct conn *world_adopt(struct world *w, const struct link_adopt *m);
/* A user on the slot user. */
struct conn *world_connect(struct world *w, uint32_t user, uint8_t dialect, uint32_t options);
void world_say(struct world *w, struct conn *c, const char *frame);
void world_close(struct world *w, struct conn *c);

/* From confab-rest. */
struct buf *world_link(struct world *w); /* frames, to be followed by world_turn */
void world_event(struct world *w, const struct event *e, uint32_t slot);
void world_event_to_topic(struct world *w, const struct event *e, uint64_t topic);
/* The nth request of all. */
void world_reply(struct world *w, unsigned n, const struct outcome *o);
void world_query_reply(struct world *w, unsigned n, enum code code);
/* A request of Engine.IO (enum link_poll_method); its id, as it is heard in "poll <id> <status> <body>". */
uint32_t world_poll(struct world *w, uint8_t method, const char *sid, const char *body);
void world_poll_abort(struct world *w, uint32_t id);
void world_login_reply(struct world *w, unsigned n, const struct link_login_reply *m);
/* The link is lost; it comes back with the next world_link_up: resumed, or with another log, at 100. */
void world_link_lost(struct world *w);
void world_link_up(struct world *w, bool resumed);
/* It is back, but for WELCOME, which comes with the next world_link_up. */
void world_link_greeted(struct world *w);

#endif
