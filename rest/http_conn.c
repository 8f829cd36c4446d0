#include "rest/http_conn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "shared/mem.h"

#define FDS_MAX ((rlim_t)1 << 20)

void http_conns_init(struct http_conns *t)
{
    struct rlimit limit = {1024, 1024};

    memset(t, 0, sizeof(*t));
    pthread_mutex_init(&t->lock, NULL);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    t->fds = (unsigned)(limit.rlim_max < FDS_MAX ? limit.rlim_max : FDS_MAX);
    t->by_fd = mem_new(t->fds * sizeof(*t->by_fd));
}

static void conn_free(struct http_conn *c)
{
    http_request_end(c);
    buf_release(&c->body);
    free(c);
}

void http_conns_release(struct http_conns *t)
{
    unsigned i;

    for (i = 0; i < t->fds; i++) {
        struct http_conn *c = atomic_load(&t->by_fd[i]);
        if (c != NULL) {
            conn_free(c);
        }
    }
    free(t->by_fd);
    pthread_mutex_destroy(&t->lock);
}

struct http_conn *http_conn_new(struct http_conns *t, struct http_server *server, int fd,
                                const struct http_peer *peer)
{
    struct http_conn *c;

    if (fd < 0 || (unsigned)fd >= t->fds) {
        return NULL;
    }
    c = mem_try(1, sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    c->server = server;
    c->fd = fd;
    c->peer = *peer;
    addr_text(&peer->socket_peer, c->peer_text);
    atomic_fetch_add(&t->count, 1);
    atomic_store(&t->by_fd[fd], c);
    return c;
}

struct http_conn *http_conn_started(struct http_conns *t, int fd)
{
    struct http_conn *c = NULL;

    if (fd >= 0 && (unsigned)fd < t->fds) {
        c = atomic_exchange(&t->by_fd[fd], NULL);
    }
    if (c == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&t->lock);
    c->next = t->live;
    if (t->live != NULL) {
        t->live->prev = c;
    }
    t->live = c;
    pthread_mutex_unlock(&t->lock);
    return c;
}

uint64_t http_conn_closed(struct http_conns *t, struct http_conn *c)
{
    uint64_t key = c->peer.peer_key;

    pthread_mutex_lock(&t->lock);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        t->live = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    pthread_mutex_unlock(&t->lock);
    atomic_fetch_sub(&t->count, 1);
    conn_free(c);
    return key;
}

uint64_t http_conn_forget(struct http_conns *t, int fd)
{
    struct http_conn *c = NULL;
    uint64_t key = 0;

    if (fd >= 0 && (unsigned)fd < t->fds) {
        c = atomic_exchange(&t->by_fd[fd], NULL);
    }
    if (c != NULL) {
        key = c->peer.peer_key;
        atomic_fetch_sub(&t->count, 1);
        conn_free(c);
    }
    return key;
}

unsigned http_conns_tick(struct http_conns *t, uint64_t now_ms)
{
    struct http_conn *c;
    unsigned longest = 0;

    pthread_mutex_lock(&t->lock);
    for (c = t->live; c != NULL; c = c->next) {
        uint64_t deadline = atomic_load_explicit(&c->deadline_ms, memory_order_relaxed);

        if (deadline != 0 && now_ms >= deadline) {
            /* The library closes the descriptor only after http_conn_closed, so the number is still ours. */
            (void)shutdown(c->fd, SHUT_RDWR);
            atomic_store_explicit(&c->deadline_ms, 0, memory_order_relaxed);
        }
        c->stuck_ticks = atomic_load(&c->state) == HTTP_STATE_FINISHED ? c->stuck_ticks + 1 : 0;
        longest = c->stuck_ticks > longest ? c->stuck_ticks : longest;
    }
    pthread_mutex_unlock(&t->lock);
    return longest;
}
