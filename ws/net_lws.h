/*
 * net_lws.h -- libwebsockets: the context on our loop, and the WebSocket carrier
 *
 * Shape      One context without a listener; connections come as descriptors with a complete, canonical
 *            request head (the front door has validated it). libwebsockets does the handshake, parses and
 *            unmasks client frames, validates UTF-8 and does the close handshake; frames to clients are
 *            made by msg.c and written to the descriptor directly.
 * Direct writes are safe because: this thread only; only while libwebsockets has nothing buffered for the
 *            connection; the rest of a short write goes through it, raw, so that it knows and its own
 *            pongs and close frames stay behind it; nothing after closing began; no permessage-deflate.
 * Files      net_lws.c: the context. net_lws_ws.c: callbacks and the carrier.
 */
#ifndef WS_NET_LWS_H
#define WS_NET_LWS_H

#include <stdbool.h>

#include "shared/str.h"
#include "ws/conn.h"

struct net_loop;
struct net_lws;

/* NULL: the context cannot be made (logged). */
struct net_lws *net_lws_new(struct net_loop *loop);
/*
 * The end comes in two steps, as libwebsockets wants it on a loop that is not its own: stop closes every connection that is
 * left, then the loop must turn until all handles are closed (net_loop_stop), then free lets go of the memory.
 */
void net_lws_stop(struct net_lws *n);
void net_lws_free(struct net_lws *n);
/* Data that libwebsockets holds back is served in the next turn; call before each wait. */
void net_lws_turn(struct net_lws *n);

extern const struct carrier net_lws_carrier;
/* core_start_fn; ctx is the struct net_lws. */
bool net_lws_start(void *ctx, struct conn *c, struct str head);

/* Between the two files. */
struct lws;
struct lws_vhost;
struct net_lws {
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct conn *starting; /* whose descriptor is being adopted */
};
struct lws_protocols;
const struct lws_protocols *net_lws_protocols(void);

#endif
