/*
 * net_lws_loop.h -- the event loop: one thread, one turn after the other
 *
 * Shape      A foreign libuv loop that libwebsockets shares. Before each wait it calls `turn`, which
 *            finishes what the turn has made (flushes, batched reports); while turn says that there is
 *            more to do the loop does not wait.
 * Layer      ws/transport. The only place besides net_lws.c that knows the loop's library.
 */
#ifndef WS_NET_LWS_LOOP_H
#define WS_NET_LWS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct net_loop;
struct net_watch; /* one descriptor */

struct net_loop_calls {
    bool (*turn)(void *ctx);                /* true: come again without waiting */
    void (*tick)(void *ctx, uint64_t now_ms);
    void (*stop)(void *ctx);                /* SIGTERM or SIGINT */
};

struct net_loop *net_loop_new(const struct net_loop_calls *calls, void *ctx, uint32_t tick_ms);
/* Until net_loop_end. */
void net_loop_run(struct net_loop *l);
void net_loop_end(struct net_loop *l);
/* Close the loop's own handles and turn until every handle is closed; nothing is called back any more. All watches must be
 * gone and libwebsockets stopped. */
void net_loop_stop(struct net_loop *l);
void net_loop_free(struct net_loop *l);
/* For libwebsockets' foreign_loops. */
void *net_loop_handle(struct net_loop *l);

typedef void (*net_watch_fn)(void *ctx, bool readable, bool writable);
/* NULL: the descriptor cannot be watched. Does not own fd. */
struct net_watch *net_watch_new(struct net_loop *l, int fd, net_watch_fn fn, void *ctx);
void net_watch_want(struct net_watch *w, bool read, bool write);
/* Call before the descriptor is closed. */
void net_watch_free(struct net_watch *w);

#endif
