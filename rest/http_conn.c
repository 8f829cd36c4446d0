#include "rest/http_conn.h"

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

unsigned http_conns_tick(struct http_conn *live, uint64_t now_ms)
{
    struct http_conn *c;
    unsigned longest = 0;

    for (c = live; c != NULL; c = c->next) {
        if (c->deadline_ms != 0 && now_ms >= c->deadline_ms) {
            (void)shutdown(c->fd, SHUT_RDWR);
            c->deadline_ms = 0;
        }
        c->stuck_ticks = atomic_load(&c->state) == HTTP_STATE_FINISHED ? c->stuck_ticks + 1 : 0;
        longest = c->stuck_ticks > longest ? c->stuck_ticks : longest;
    }
    return longest;
}
