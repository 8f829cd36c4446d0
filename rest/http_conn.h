/*
 * http_conn.h -- inside the HTTP server: its connections, their one request at a time, their deadlines
 *
 * Layer      transport; private to http_server.c, http_request.c and http_conn.c. Only http_server.c knows
 *            the library behind it.
 * Shape      A struct http_conn per connection with the request embedded, so that a kept-alive connection
 *            allocates nothing per request but what the handler asks for. It is found by descriptor from
 *            the moment the door gives it until the library reports it, and is on the live list after that.
 * Deadlines  A request has http_request_timeout_ms from its first line to its last byte, an idle connection
 *            http_idle_timeout_ms, however the bytes dribble. Past it the socket is shut down and the library
 *            cleans up.
 * Threads    A connection belongs to one thread of the library; `state`, `deadline_ms` and `finished` are
 *            shared with the thread that finishes a request and with the timer.
 */
#ifndef REST_HTTP_CONN_H
#define REST_HTTP_CONN_H

#include <pthread.h>
#include <stdatomic.h>

#include "rest/door_head.h"
#include "rest/http_msg.h"
#include "rest/http_router.h"
#include "rest/http_server.h"
#include "rest/http_tidy.h"

enum http_state {
    HTTP_STATE_IDLE,
    HTTP_STATE_HEAD,     /* request line seen */
    HTTP_STATE_BODY,
    HTTP_STATE_RUNNING,  /* with the handler, or with whoever the handler gave it to */
    HTTP_STATE_FINISHED, /* the answer is complete, not yet queued */
    HTTP_STATE_SENDING,
    HTTP_STATE_TAKEN,    /* an upgrade: the descriptor has gone to the door */
};

struct http_conn {
    struct http_server *server;
    void *library; /* its connection */
    int fd;
    struct http_peer peer;
    char peer_text[ADDR_TEXT_BYTES];
    struct http_conn *prev, *next; /* live list, under the table's lock */
    atomic_uint_fast64_t deadline_ms; /* 0: none */
    atomic_int state;                 /* enum http_state */
    unsigned stuck_ticks;             /* timer only */

    struct http_request rq;
    struct door_head head;
    const struct http_route *route;
    struct str uri;       /* as sent; in rq.arena */
    struct buf body;
    enum code early;      /* refused before the body was read */
    struct addr client;   /* after proxy rules */
    struct str origin;    /* allowed Origin of a page, else p == NULL */
    unsigned allow;       /* methods of the path, for 405 and OPTIONS */
    bool close_after, is_async;
    bool counted;         /* among the server's requests */
    const char *uri_at;   /* the library's own copy, not to be read: an address for http_tidy */
    struct http_tidy tidy;
    struct http_taken *taken; /* an upgrade on its way to the door */
    uint64_t started_us;
};

/* -- the table of connections (http_conn.c) ---------------------------------------------------- */

struct http_conns {
    pthread_mutex_t lock;
    struct http_conn *live; /* doubly linked */
    _Atomic(struct http_conn *) *by_fd; /* given by the door, not yet reported by the library */
    unsigned fds;
    atomic_uint count;
    atomic_uint_fast64_t request_timeout_ms, idle_timeout_ms;
};

void http_conns_init(struct http_conns *t);
void http_conns_release(struct http_conns *t);
/* NULL: the descriptor's number is beyond the table, or no memory. */
struct http_conn *http_conn_new(struct http_conns *t, struct http_server *server, int fd,
                                const struct http_peer *peer);
/* The library has begun with fd: its entry moves to the live list. NULL: not one of the door's. */
struct http_conn *http_conn_started(struct http_conns *t, int fd);
/* The library has ended with it: leave the list, free. Returns the key to leave. */
uint64_t http_conn_closed(struct http_conns *t, struct http_conn *c);
/* The entry of a descriptor that the library refused, or closed without a word: forget it. Returns its key. */
uint64_t http_conn_forget(struct http_conns *t, int fd);
/* One look at all live connections: shut down those past their deadline. Returns how many ticks the longest has
 * been finished without being picked up. */
unsigned http_conns_tick(struct http_conns *t, uint64_t now_ms);

/* -- one request (http_request.c) -------------------------------------------------------------- */

void http_request_begin(struct http_conn *c, struct str uri);
/* The head is complete in c->head (fields) and c->uri: check it, find the route, authenticate. Sets c->early, and
 * c->close_after where the rest of the connection cannot be trusted. */
void http_request_head(struct http_conn *c, struct str method, struct str version);
/* Whether to answer now instead of reading the body that was announced. */
bool http_request_answer_now(const struct http_conn *c);
/* The body is complete: parse it. false: the answer is in rq already. */
bool http_request_prepare(struct http_conn *c);
/* Whether the handler has set this header of the answer. */
bool http_has_header(const struct http_request *rq, const char *name);
/* The answer is complete: make it one, count it, log it. */
void http_request_seal(struct http_conn *c);
void http_request_end(struct http_conn *c);

/* -- what http_server.c gives back ------------------------------------------------------------- */

struct http_server_env { /* read only for http_request.c */
    struct svc *svc;
    struct door_policy *policy;
    struct peers *peers;
    struct http_router *router;
    struct door *door;
};
const struct http_server_env *http_server_env(const struct http_server *h);
bool http_server_serves(const struct http_server *h, const struct http_route *route, enum code *why);

#endif
