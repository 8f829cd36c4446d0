/*
 * net_lws_ws.c -- WebSocket as a carrier: callbacks of libwebsockets in, bytes out
 *
 * A connection finds its struct lws in conn.handle and back through the opaque pointer; whichever of
 * the closing callbacks comes first takes both away, so neither outlives the other.
 * Close frames are ours, too, the last in the queue: in its debug form, which distributions ship,
 * libwebsockets 4.1 on libuv drops a connection at once where it should first send the close frame of
 * lws_close_reason. The peer's answer then ends the connection; a deadline of the core ends it otherwise.
 */
#include "ws/net_lws.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <libwebsockets.h>

#include "shared/log.h"
#include "ws/core.h"

#define CLOSE_TOO_BIG 1009 /* RFC 6455 section 7.4.1 */

/* -- out --------------------------------------------------------------------------------------------------- */

/* The peer is gone or broken. libwebsockets learns it from the socket, or, while that is not watched, from the timeout. */
static void hang_up(struct conn *c)
{
    conn_set(c, CONN_IS_BLOCKED, true);
    shutdown(c->fd, SHUT_RDWR);
    lws_set_timeout(c->handle, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* The rest of a frame that the socket took in part. libwebsockets keeps it and sends it before anything else. */
static bool hand_over(struct conn *c, struct buf *rest)
{
    struct core *k = c->core;
    bool ok = buf_ok(rest) && lws_write(c->handle, (unsigned char *)rest->p, rest->len,
                                        LWS_WRITE_HTTP) == (int)rest->len;
    k->stats.writes_short++;
    buf_release(rest);
    return ok;
}

/* Bytes that went out, 0: the socket is full, -1: it is broken. */
static ssize_t write_batch(const struct conn *c, struct outq_batch *batch)
{
    struct msghdr m = {.msg_iov = batch->iov, .msg_iovlen = batch->count};
    ssize_t n;
    do {
        n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : n;
}

static void wait_writable(struct conn *c)
{
    conn_set(c, CONN_IS_BLOCKED, true);
    lws_callback_on_writable(c->handle);
}

static void ws_flush(struct conn *c)
{
    struct core *k = c->core;
    if (c->handle == NULL) {
        return;
    }
    while (c->out.head != 0) {
        struct outq_batch batch;
        struct buf rest = BUF_INIT;
        if (lws_partial_buffered(c->handle)) {
            wait_writable(c);
            return;
        }
        outq_batch(&k->queues, &c->out, &batch);
        ssize_t n = write_batch(c, &batch);
        if (n == 0) {
            wait_writable(c);
            return;
        }
        if (n < 0) {
            hang_up(c);
            return;
        }
        k->stats.writes++;
        k->stats.bytes_sent += (uint64_t)n;
        k->stats.frames_sent += outq_sent(&k->queues, &c->out, (size_t)n, &rest);
        if (rest.len > 0 && !hand_over(c, &rest)) {
            hang_up(c);
            return;
        }
    }
}

static void ws_close(struct conn *c)
{
    struct core *k = c->core;
    enum code code = c->close_code;
    unsigned status = code == CODE_TOO_LARGE ? CLOSE_TOO_BIG : (unsigned)code_close(code);
    struct msg *m = msg_new_close(status, code_name(code));
    if (m == NULL || outq_push(&k->queues, &c->out, m, 0) != RC_OK) {
        hang_up(c);
        return;
    }
    if (!conn_has(c, CONN_IS_BLOCKED)) {
        ws_flush(c);
    }
}

static void ws_kill(struct conn *c)
{
    if (c->handle != NULL) {
        shutdown(c->fd, SHUT_RDWR); /* else it waits for bytes that it still holds */
        lws_set_timeout(c->handle, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    }
}

static void ws_read(struct conn *c, bool on)
{
    if (c->handle != NULL) {
        lws_rx_flow_control(c->handle, on);
    }
}

static void ws_move(struct conn *from, struct conn *to)
{
    to->carrier = from->carrier;
    to->handle = from->handle;
    to->fd = from->fd;
    conn_set(to, CONN_IS_BLOCKED, conn_has(from, CONN_IS_BLOCKED));
    from->handle = NULL;
    from->fd = -1;
    if (to->handle != NULL) {
        lws_set_opaque_user_data(to->handle, to);
        lws_rx_flow_control(to->handle, to->pause == 0);
    }
}

const struct carrier net_lws_carrier = {ws_flush, ws_close, ws_kill, ws_read, ws_move};

/* -- callbacks ------------------------------------------------------------------------------------------------ */

static void detach(struct lws *wsi, struct conn *c)
{
    if (c->handle == wsi) {
        lws_set_opaque_user_data(wsi, NULL);
        c->handle = NULL;
        core_on_closed(c);
    }
}

static void on_receive(struct lws *wsi, struct conn *c, const void *in, size_t len)
{
    core_on_piece(c, (struct str){in, len}, lws_is_final_fragment(wsi) != 0,
                  lws_frame_is_binary(wsi) != 0);
}

/* The first callback of an adopted descriptor: now the two know each other. */
static void on_adopted(struct lws *wsi)
{
    struct net_lws *n = lws_context_user(lws_get_context(wsi));
    struct conn *c = n->starting;
    if (c != NULL) {
        n->starting = NULL;
        c->handle = wsi;
        lws_set_opaque_user_data(wsi, c);
    }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct conn *c = wsi != NULL ? lws_get_opaque_user_data(wsi) : NULL;
    (void)user;
    if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED) {
        on_adopted(wsi);
        return 0;
    }
    if (c == NULL) {
        return reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION ? -1 : 0;
    }
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return c->state != CONN_HANDSHAKE ? -1 : 0;
    case LWS_CALLBACK_ESTABLISHED:
        core_on_open(c);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        on_receive(wsi, c, in, len);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        core_on_pong(c);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        core_on_writable(c);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return core_on_peer_close(c) ? -1 : 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY:
        detach(wsi, c);
        return 0;
    case LWS_CALLBACK_HTTP: /* not an upgrade: the door would not have sent it */
        return -1;
    default:
        return 0;
    }
}

#define PROTOCOL(name)                                                                             \
    {name, on_event, 0, RX_BYTES, 0, NULL, TX_BYTES}
#define RX_BYTES 128 /* each connection has a buffer of this size */
#define TX_BYTES (1024 * 1024)
#define PROTOCOLS_MAX 16

/* The first entry serves connections without a subprotocol; the others confirm the dialect's. */
const struct lws_protocols *net_lws_protocols(void)
{
    static struct lws_protocols table[PROTOCOLS_MAX + 2];
    size_t count, used = 0;
    const struct dialect *const *list = dialect_list(&count);
    table[used++] = (struct lws_protocols)PROTOCOL("");
    for (size_t i = 0; i < count && used <= PROTOCOLS_MAX; i++) {
        if (list[i]->subprotocol != NULL) {
            table[used++] = (struct lws_protocols)PROTOCOL(list[i]->subprotocol);
        }
    }
    return table;
}

bool net_lws_start(void *ctx, struct conn *c, struct str head)
{
    struct net_lws *n = ctx;
    const int on = 1;
    int fd = c->fd;
    uint64_t session = conn_session(c);
    struct core *k = c->core;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    n->starting = c;
    struct lws *wsi = lws_adopt_socket_vhost_readbuf(n->vhost, fd, head.p, head.len);
    if (n->starting != NULL) {
        n->starting = NULL; /* it failed before it began; the descriptor is closed */
        core_on_closed(c);
        return false;
    }
    return wsi != NULL && conns_find(&k->conns, session) == c;
}
