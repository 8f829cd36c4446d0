/*
 * http_server.h -- the HTTP API's server: with its _int.h, _body.c, _loop.c and _upgrade.c all that knows libmicrohttpd
 *
 * Shape      No listener of its own: connections come from the front door (http_server_add). http_threads
 *            loops, each a thread of ours with a daemon of libmicrohttpd in it, parse and write and keep the
 *            deadlines. Handlers see struct http_request (http_msg.h) only.
 * Checks     What libmicrohttpd lets pass is refused here on every request: codings instead of lengths,
 *            doubled Host or Content-Length, header names that are no tokens, %00, absolute targets.
 * Layer      transport.
 * Limits     http_* settings; the connection cap is ours and lies below the library's.
 * Threads    Handlers run on the loops' threads; finishing a request is allowed from any thread.
 */
#ifndef REST_HTTP_SERVER_H
#define REST_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rest/addr.h"
#include "rest/door_policy.h"
#include "rest/http_msg.h"
#include "rest/peers.h"
#include "rest/svc.h"
#include "shared/dialect_id.h"

struct http_server;
struct door;

RC_CHECK enum rc http_server_new(struct svc *svc, struct door_policy *policy, struct peers *peers,
                                 struct http_server **out, struct buf *why);
/* Upgrades on connections it owns go to the door. Called by door_new. */
void http_server_set_door(struct http_server *h, struct door *door);
/* Before this only routes with ROUTE_OPEN are served, the others answer 503. */
void http_server_set_ready(struct http_server *h, bool ready);
/* Settings that may change while it runs. */
void http_server_reload(struct http_server *h);

/* What the door knows of a connection. */
struct http_peer {
    struct addr socket_peer;   /* of the socket, or from its PROXY header */
    uint64_t peer_key;         /* counted by peers_enter; left when the connection ends. 0: not counted */
    enum dialect_id listener;  /* default dialect of the listener */
};
/* Take fd with everything unread. CODE_OK: it is the server's; CODE_TOO_MANY_CONNECTIONS and CODE_UNAVAILABLE: it stays
 * the caller's. The count under peer_key goes with the descriptor. */
enum code http_server_add(struct http_server *h, int fd, const struct http_peer *peer);

/* Answer new requests with 503 and wait until none is being worked on. false: some are after the deadline. */
bool http_server_drain(struct http_server *h, uint64_t deadline_ms);
/* Ends all connections. Requests that are still with a handler make that unsafe: then it returns false and frees
 * nothing; the process must end with _exit. */
bool http_server_free(struct http_server *h);

#endif
