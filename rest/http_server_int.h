/*
 * http_server_int.h -- inside the HTTP server: its state, and upgrades on connections that the library owns
 *
 * http_server.c and http_server_upgrade.c are the only files that know libmicrohttpd.
 */
#ifndef REST_HTTP_SERVER_INT_H
#define REST_HTTP_SERVER_INT_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rest/door.h"
#include "rest/http_conn.h"

struct http_server {
    struct http_server_env env;
    struct http_conns conns;
    struct MHD_Daemon *daemon;
    unsigned threads, connections_max;
    atomic_bool ready, draining;
    atomic_uint held;     /* requests with handlers */
    atomic_uint requests; /* requests between their first line and their last byte */
    uint64_t watchdog_ticks;
    bool repairs_heads; /* the library's version does, see http_tidy.h */

    pthread_t timer;
    bool timer_runs;
    atomic_bool stop;
    int dead_fd; /* a socket whose other end is closed */
};

/*
 * An upgrade that arrives on a kept-alive connection (aiohttp, undici and nginx's upstream do that). The library must
 * not answer it, but has read it, perhaps with bytes behind it. So its descriptor is exchanged for one end of a
 * socket pair while the connection is suspended; the library then writes its own 101 into the pair and gives
 * back, as for any upgrade, what it has read too much. The real descriptor goes to the door with those bytes.
 */
/* true: the connection is on its way out of the library; the handler returns MHD_YES. false: c->early is to be answered. */
bool http_upgrade_take(struct http_conn *c);
/* The library asks again after the exchange. */
enum MHD_Result http_upgrade_answer(struct http_conn *c);
/* The request has ended, whatever has happened. */
void http_upgrade_end(struct http_conn *c);

#endif
