#include "rest/http_conn.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "shared/mem.h"

struct http_conn *http_conn_new(struct http_server *server, int fd, const struct http_peer *peer)
{
    struct http_conn *c = mem_try(1, sizeof(*c));

    if (c == NULL) {
        return NULL;
    }
    c->server = server;
    c->fd = fd;
    c->peer = *peer;
    addr_text(&peer->socket_peer, c->peer_text);
    return c;
}

void http_conn_free(struct http_conn *c)
{
    http_request_end(c);
    buf_release(&c->body);
    free(c);
}

void http_conn_link(struct http_conn **live, struct http_conn *c)
{
    c->next = *live;
    if (*live != NULL) {
        (*live)->prev = c;
    }
    *live = c;
}

void http_conn_unlink(struct http_conn **live, struct http_conn *c)
{
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        *live = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    c->prev = c->next = NULL;
}

/* The kernel knows what has arrived at the other end; the library only what it has written. */
static bool file_moves(struct http_conn *c)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (c->send_idle_ms == 0 || getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        info.tcpi_bytes_acked < c->sent_to + HTTP_MOVE_BYTES) {
        return false;
    }
    c->sent_to = info.tcpi_bytes_acked;
    return true;
}

unsigned http_conns_tick(struct http_conn *live, uint64_t now_ms)
{
    struct http_conn *c;
    unsigned longest = 0;

    for (c = live; c != NULL; c = c->next) {
        if (c->deadline_ms != 0 && now_ms >= c->deadline_ms && file_moves(c)) {
            c->deadline_ms = now_ms + c->send_idle_ms;
        } else if (c->deadline_ms != 0 && now_ms >= c->deadline_ms) {
            (void)shutdown(c->fd, SHUT_RDWR);
            c->deadline_ms = 0;
        }
        if (c->rq.sink != NULL && atomic_load(&c->state) == HTTP_STATE_BODY) {
            http_body_tick(c, now_ms);
        }
        c->stuck_ticks = atomic_load(&c->state) == HTTP_STATE_FINISHED ? c->stuck_ticks + 1 : 0;
        longest = c->stuck_ticks > longest ? c->stuck_ticks : longest;
    }
    return longest;
}
