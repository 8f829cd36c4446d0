#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rest/http_server_int.h"
#include "shared/mem.h"

struct http_taken {
    struct door_upgrade up;
    int fd;  /* the client; -1 once given away */
    int far; /* the other end of what the library has now */
};

static void taken_free(struct http_taken *t)
{
    if (t->fd >= 0) {
        close(t->fd);
    }
    if (t->far >= 0) {
        close(t->far);
    }
    free(t);
}

bool http_exchange(struct http_conn *c, int *fd, int *far)
{
    int pair[2], real, off = 0, on = 1;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return false;
    }
    real = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
    if (real < 0 || dup3(pair[0], c->fd, O_CLOEXEC) < 0) {
        if (real >= 0) {
            close(real);
        }
        close(pair[0]);
        close(pair[1]);
        return false;
    }
    close(pair[0]);
    (void)setsockopt(real, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
    (void)setsockopt(real, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *fd = real;
    *far = pair[1];
    return true;
}

bool http_upgrade_take(struct http_conn *c)
{
    /* A client that was counted by its own address when it came in is not counted again. */
    uint64_t key = addr_eq(&c->client, &c->peer.socket_peer) ? c->peer.peer_key : 0;
    struct http_taken *t = mem_new(sizeof(*t));

    t->fd = t->far = -1;
    c->early = door_check_upgrade(http_server_env(c->server)->door, &c->head, &c->client, key,
                                  c->peer.listener, &t->up);
    if (c->early != CODE_OK && t->up.choice.style == DOOR_STYLE_HTTP) {
        taken_free(t);
        return false;
    }
    MHD_suspend_connection(c->library);
    if (http_exchange(c, &t->fd, &t->far)) {
        c->taken = t;
    } else {
        taken_free(t);
    }
    c->deadline_ms = 0;
    atomic_store(&c->state, HTTP_STATE_TAKEN);
    MHD_resume_connection(c->library);
    return true;
}

static void on_upgraded(void *cls, struct MHD_Connection *library, void *request, const char *extra,
                        size_t extra_len, MHD_socket sock, struct MHD_UpgradeResponseHandle *handle)
{
    struct http_conn *c = cls;
    struct door *door = http_server_env(c->server)->door;
    struct http_taken *t = c->taken;
    int fd = t->fd;

    (void)library;
    (void)request;
    (void)sock;
    t->fd = -1;
    if (c->early == CODE_OK) {
        door_give(door, &c->head, &t->up, (struct str){extra, extra_len}, fd);
    } else {
        door_refuse(door, &c->head, &t->up.choice, c->early, fd);
    }
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

enum MHD_Result http_upgrade_answer(struct http_conn *c)
{
    struct MHD_Response *response;
    enum MHD_Result result = MHD_NO;

    if (c->taken == NULL) {
        return MHD_NO;
    }
    response = MHD_create_response_for_upgrade(on_upgraded, c);
    if (response == NULL) {
        return MHD_NO;
    }
    if (MHD_add_response_header(response, "Upgrade", "websocket") == MHD_YES) {
        result = MHD_queue_response(c->library, MHD_HTTP_SWITCHING_PROTOCOLS, response);
    }
    MHD_destroy_response(response);
    return result;
}

void http_upgrade_end(struct http_conn *c)
{
    if (c->taken != NULL) {
        taken_free(c->taken);
        c->taken = NULL;
    }
}
