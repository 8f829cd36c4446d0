/*
 * http_watch.h -- requests that rest for long: who still waits for the answer
 *
 * libmicrohttpd does not look at a suspended connection; its loop does, for requests that ask for it.
 * Layer      transport; http_server_loop.c.
 */
#ifndef REST_HTTP_WATCH_H
#define REST_HTTP_WATCH_H

#include "rest/http_msg.h"

/*
 * From a handler with ROUTE_ASYNC, before the request is given to anybody: when the client hangs up, or at the deadline
 * (mono_ms, instead of the request's own), gone is called on the loop's thread, once at most. It may find that somebody is
 * finishing the request at this moment; rq stays readable during the call.
 */
void http_watch_client(struct http_request *rq, void (*gone)(struct http_request *rq), uint64_t deadline_ms);
/* The client's address as peers.h counts it. */
uint64_t http_peer_key(struct http_request *rq);
/* What the query asks of a connection: enum conn_option. */
uint32_t http_ws_options(struct http_request *rq);

#endif
