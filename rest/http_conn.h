/*
 * http_conn.h -- inside the HTTP server: its connections and their one request at a time
 *
 * Layer      transport; private to http_server*.c, http_request.c and http_conn.c. Only http_server*.c know the
 *            library behind it.
 * Shape      A struct http_conn per connection with the request embedded, so that a kept-alive connection
 *            allocates nothing per request but what the handler asks for.
 * Deadlines  A request has http_request_timeout_ms from its first line to its last byte, an idle connection
 *            http_idle_timeout_ms, however the bytes dribble. Files may take as long as they want both ways, if only
 *            they move: at least HTTP_MOVE_BYTES in upload_idle_timeout_ms. Past the deadline the socket is shut
 *            down and the library cleans up.
 * Threads    A connection belongs to one loop and is touched by its thread only; but for `state`, which whoever
 *            finishes a request sets last.
 */
#ifndef REST_HTTP_CONN_H
#define REST_HTTP_CONN_H

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
    HTTP_STATE_REFUSED,  /* answered over the library's head: its part of the connection ends */
};

#define HTTP_MOVE_BYTES 4096

struct http_loop;

struct http_conn {
    struct http_server *server;
    struct http_loop *loop;
    void *library; /* its connection */
    int fd;
    struct http_peer peer;
    char peer_text[ADDR_TEXT_BYTES];
    struct http_conn *prev, *next; /* the loop's live list */
    struct http_conn *mail;        /* next one on its way to the loop */
    uint64_t deadline_ms;          /* 0: none */
    atomic_int state;              /* enum http_state */
    unsigned stuck_ticks;

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
    bool is_watched;      /* the loop's epoll set has it */

    /* bodies that go to a sink, and answers from files */
    bool body_complete;
    uint64_t received, moved_to; /* bytes of the body; how many when the deadline was last put off */
    uint64_t piece_due_ms;
    uint64_t sent_to;            /* bytes the client has confirmed, likewise; the answer is a file when send_idle_ms is set */
    uint64_t send_idle_ms;
    bool counted;         /* among the server's requests */
    const char *uri_at;   /* the library's own copy, not to be read: an address for http_tidy */
    struct http_tidy tidy;
    struct http_taken *taken; /* an upgrade on its way to the door */
    uint64_t started_us;
};

/* -- connections (http_conn.c) ------------------------------------------------------------------ */

/* NULL without memory. */
struct http_conn *http_conn_new(struct http_server *server, int fd, const struct http_peer *peer);
void http_conn_free(struct http_conn *c);
void http_conn_link(struct http_conn **live, struct http_conn *c);
void http_conn_unlink(struct http_conn **live, struct http_conn *c);
/* One look at all live connections: shut down those past their deadline, hand on what a slow client has sent of a stream.
 * Returns how many ticks the longest has been finished without being picked up. */
unsigned http_conns_tick(struct http_conn *live, uint64_t now_ms);
/* http_server_body.c: the stream's bytes so far, if it is time for them. */
void http_body_tick(struct http_conn *c, uint64_t now_ms);

/* -- one request (http_request.c) -------------------------------------------------------------- */

void http_request_begin(struct http_conn *c, struct str uri);
/* The head is complete in c->head (fields) and c->uri: check it, find the route, authenticate. Sets c->early, and
 * c->close_after where the rest of the connection cannot be trusted. */
void http_request_head(struct http_conn *c, struct str method, struct str version);
/* Whether to answer now instead of reading the body that was announced. */
bool http_request_answer_now(const struct http_conn *c);
/* The body is complete: parse it. false: the answer is in rq already. */
bool http_request_prepare(struct http_conn *c);
/* A sink must hear that nothing more comes. */
void http_request_lost(struct http_conn *c);
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
