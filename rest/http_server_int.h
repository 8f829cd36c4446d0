/*
 * http_server_int.h -- inside the HTTP server: its state, and upgrades on connections that the library owns
 *
 * http_server.c, _body.c, _loop.c and _upgrade.c are the only files that know libmicrohttpd.
 */
#ifndef REST_HTTP_SERVER_INT_H
#define REST_HTTP_SERVER_INT_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rest/door.h"
#include "rest/http_conn.h"

#define HTTP_LOOPS_MAX 64 /* http_threads' bound */

/*
 * One thread with a daemon of the library in it. The thread is ours, because the library's own one can stand still: it
 * reads at most 128 events at a time, and when it gets exactly that many it waits for more before it looks at any
 * (MHD_epoll, all versions up to 1.0.1; 256 busy connections on two threads run into it all the time). Asked
 * to run without waiting, it cannot.
 */
struct http_loop {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    int library_fd; /* the daemon's epoll set */
    int wake_fd;
    int watch_fd;   /* an epoll set of clients whose requests rest for long */
    pthread_t thread;
    bool runs;
    atomic_uint count;    /* connections, also those on their way */
    atomic_ulong turns;   /* for the watchdog */

    /* the loop's thread only */
    struct http_conn *live;
    struct http_conn *given; /* to the library, not yet reported by it */
    uint64_t tick_ms;

    pthread_mutex_t lock; /* the mailbox */
    struct http_conn *arrivals, *finished;
    bool woken;
};

struct http_server {
    struct http_server_env env;
    struct http_loop *loops;
    unsigned loops_count, connections_max;
    bool repairs_heads; /* the library's version does, see http_tidy.h */
    atomic_bool ready, draining;
    atomic_uint held;     /* requests with handlers */
    atomic_uint requests; /* requests between their first line and their last byte */
    atomic_uint_fast64_t request_timeout_ms, idle_timeout_ms, move_timeout_ms;

    pthread_t watchdog;
    bool watchdog_runs;
    atomic_bool stop;
};

/* -- loops (http_server_loop.c) ---------------------------------------------------------------- */

/* The daemon comes from http_server.c. false: no descriptors or no thread. */
bool http_loop_start(struct http_loop *l, struct http_server *server, struct MHD_Daemon *daemon);
/* Ends the thread, then the daemon with all its connections. Fine for a loop that did not start. */
void http_loop_stop(struct http_loop *l);
/* The library reports fd: its connection, now live; NULL: not one of ours. Loop thread. */
struct http_conn *http_loop_started(struct http_loop *l, int fd);
/* From any thread. */
void http_loop_arrive(struct http_loop *l, struct http_conn *c);
void http_loop_finished(struct http_loop *l, struct http_conn *c);
/* Ends when server->stop is set. */
void *http_watchdog_main(void *server);

/* -- upgrades (http_server_upgrade.c) ---------------------------------------------------------- */

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
/* The connection is suspended: neither number is in the library's epoll set. The library gets one end of a socket pair
 * under the number it knows; *fd is the client, *far the other end. false: nothing has happened. */
bool http_exchange(struct http_conn *c, int *fd, int *far);

/* -- bodies that go to a sink, files as answers (http_server_body.c) ---------------------------- */

/* The headers of the answer; those of the framing (length, date, connection) are not among them. */
typedef void (*http_on_header)(void *ctx, const char *name, const char *value);
void http_answer_headers(struct http_conn *c, http_on_header on, void *ctx);
/* Queue what is in c->rq. */
enum MHD_Result http_send_answer(struct http_conn *c);
/* The same for a refusal on the head, whether or not a body is on its way. */
enum MHD_Result http_body_refused(struct http_conn *c);
/* The handler of a stream, as soon as the head is there. */
enum MHD_Result http_body_begin(struct http_conn *c);
/* Bytes of such a body, all of them are taken; none: it is complete. */
enum MHD_Result http_body_data(struct http_conn *c, const char *data, size_t len);
/* A connection is about to come back from its rest. Loop thread. */
void http_body_wake(struct http_conn *c);
/*
 * The answer is in c->rq and the request's body is not: it is written past the library, the sending side closed and
 * what the client goes on sending thrown away for a moment, so that it gets to see the answer. The connection is
 * suspended. The library finds a dead socket when it resumes it.
 */
void http_refuse_rest(struct http_conn *c);

#endif
