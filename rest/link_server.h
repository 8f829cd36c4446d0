/*
 * link_server.h -- the link's listening socket and every worker's connection
 *
 * Shape      One thread with epoll. It knows frames, packets and descriptors, not rules: a joined
 *            worker's frames go up to the feed, the bytes of its stream go down, and an eventfd tells
 *            that a stream has something.
 * Layer      transport. Calls feed.h; nobody calls it but main.
 * Limits     A worker's stream is taken only when what was taken before is sent, so its bound is the
 *            feed's. Hello within timeout_ms; a link that is silent, or takes nothing, for timeout_ms
 *            is closed. Reading never waits for sending.
 * Errors     A malformed frame, a wrong direction, an acknowledgement of something that was not sent, or
 *            more than commands_max unanswered commands close that link with one log line.
 * Threads    start and stop from one thread; the rest is the server's own.
 */
#ifndef REST_LINK_SERVER_H
#define REST_LINK_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "shared/buf.h"
#include "shared/rc.h"

struct feed;
struct link_server;

struct link_server_conf {
    const char *path;      /* link_socket; copied */
    uid_t allowed_uid;     /* of the workers, besides our own and root; (uid_t)-1: none */
    uint64_t ping_ms;      /* link_ping_ms */
    uint64_t timeout_ms;   /* link_timeout_ms */
    uint64_t commands_max; /* link_commands_max */
};

/* Listen and start the thread. Failure leaves nothing behind and a sentence in why. */
RC_CHECK enum rc link_server_start(const struct link_server_conf *conf, struct feed *feed,
                                   struct link_server **out, struct buf *why);
/* Send what still fits, close every link (the feed hears of each), remove the socket file if it is ours. NULL is fine. */
void link_server_stop(struct link_server *s);

#endif
