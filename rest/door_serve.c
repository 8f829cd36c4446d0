/* door_serve.c -- what the front door does with a connection: look, refuse, hand on */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "rest/door_int.h"
#include "rest/door_refuse.h"
#include "rest/door_upgrade.h"
#include "rest/metrics.h"
#include "rest/proxy.h"
#include "shared/clock.h"
#include "shared/log.h"

#define DRAIN_MS 1000
#define MAIL_AT_ONCE 256

/* The door whose thread this is: its queues may be touched directly. */
static _Thread_local const struct door *this_thread_serves;

void door_thread_begins(const struct door *d)
{
    this_thread_serves = d;
}

/* -- ends of connections ----------------------------------------------------------------------- */

static void unpoll(struct door *d, struct pending *p)
{
    if (p->polled) {
        (void)epoll_ctl(d->epoll_fd, EPOLL_CTL_DEL, p->fd, NULL);
        p->polled = false;
    }
}

/* Out of the door's hands; the descriptor stays open and its count stays taken. */
static void let_go(struct door *d, struct pending *p)
{
    unpoll(d, p);
    pending_remove(&d->pending, p);
}

void door_drop(struct door *d, struct pending *p)
{
    int fd = p->fd;

    peers_leave(d->peers, p->key);
    let_go(d, p);
    close(fd);
}

void door_make_room(struct door *d)
{
    struct pending *p = pending_surplus(&d->pending);

    if (p != NULL) {
        door_drop(d, p);
    }
}

bool door_poll(struct door *d, struct pending *p)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = p};

    p->polled = epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, p->fd, &ev) == 0;
    return p->polled;
}

/* Read and forget until the client has closed. true: it has. */
static bool drained(struct door *d, int fd)
{
    ssize_t n;
    unsigned i;

    for (i = 0; i < 16; i++) {
        n = recv(fd, d->room, d->head_max, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            return true;
        }
        if (n < 0) {
            return false;
        }
    }
    return false;
}

/* Answered and half-closed: wait for the client to read it. Door thread. */
static void linger_here(struct door *d, int fd)
{
    struct pending *p;

    if (drained(d, fd)) {
        close(fd);
        return;
    }
    door_make_room(d);
    p = pending_add(&d->pending, fd, PENDING_DRAIN, mono_ms() + DRAIN_MS);
    if (p == NULL) {
        close(fd);
    } else if (!door_poll(d, p)) {
        door_drop(d, p);
    }
}

void door_wake(struct door *d)
{
    const uint64_t one = 1;

    (void)!write(d->wake_fd, &one, sizeof(one));
}

static void linger(struct door *d, int fd)
{
    bool posted = false;

    (void)shutdown(fd, SHUT_WR);
    if (d == this_thread_serves) {
        linger_here(d, fd);
        return;
    }
    pthread_mutex_lock(&d->lock);
    if (d->mail_count < d->mail_room) {
        d->mail[d->mail_count++] = fd;
        posted = true;
    }
    pthread_mutex_unlock(&d->lock);
    if (posted) {
        door_wake(d);
    } else {
        close(fd);
    }
}

void door_read_mail(struct door *d)
{
    int fds[MAIL_AT_ONCE];
    unsigned n, i;
    uint64_t count;

    (void)!read(d->wake_fd, &count, sizeof(count));
    do {
        pthread_mutex_lock(&d->lock);
        n = d->mail_count < MAIL_AT_ONCE ? d->mail_count : MAIL_AT_ONCE;
        d->mail_count -= n;
        memcpy(fds, d->mail + d->mail_count, n * sizeof(int));
        pthread_mutex_unlock(&d->lock);
        for (i = 0; i < n; i++) {
            linger_here(d, fds[i]);
        }
    } while (n == MAIL_AT_ONCE);
}

/* The answer is small and the socket's buffer empty, so it goes whole or the client is gone. */
void door_say_goodbye(struct door *d, struct str bytes, int fd)
{
    ssize_t n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n != (ssize_t)bytes.len) {
        close(fd);
        return;
    }
    linger(d, fd);
}

static void answer(struct door *d, int fd, const struct buf *text)
{
    door_say_goodbye(d, buf_str(text), fd);
}

static void refuse_http(struct door *d, int fd, enum code code)
{
    struct buf text = BUF_INIT;

    metric_add(METRIC_DOOR_REFUSED, 1);
    metric_add(METRIC_RATE_LIMITED, code_status(code) == 429 ? 1 : 0);
    door_refuse_http(&text, code, NULL, NULL);
    answer(d, fd, &text);
    buf_release(&text);
}

void door_refuse(struct door *d, const struct door_head *head, const struct door_choice *choice,
                 enum code code, int fd)
{
    struct buf text = BUF_INIT;

    if (choice->style == DOOR_STYLE_HTTP || code == CODE_NO_WORKER) {
        refuse_http(d, fd, code);
        return;
    }
    metric_add(METRIC_DOOR_REFUSED, 1);
    door_refuse_close(&text, code, head->field[DOOR_WS_KEY], choice->subprotocol);
    answer(d, fd, &text);
    buf_release(&text);
}

/* A pending connection gets an answer instead of what it wanted. */
void door_refuse_pending(struct door *d, struct pending *p, enum code code)
{
    int fd = p->fd;

    peers_leave(d->peers, p->key);
    let_go(d, p);
    refuse_http(d, fd, code);
}

/* -- upgrades ---------------------------------------------------------------------------------- */

static void log_upgrade(const struct door_head *head, const struct door_upgrade *up, enum code code)
{
    struct buf target = BUF_INIT;
    char peer[ADDR_TEXT_BYTES];

    addr_text(&up->client, peer);
    door_redact(&target, head->path, head->query);
    log_debug("upgrade", "target=%s dialect=%s by=%s user=%llu peer=%s code=%s",
              log_esc(buf_str(&target)), door_dialect_name(up->choice.dialect),
              up->choice.reason != NULL ? up->choice.reason : "", (unsigned long long)up->who.user_id,
              peer, code_name(code));
    buf_release(&target);
}

enum code door_check_upgrade(struct door *d, const struct door_head *head, const struct addr *client,
                             uint64_t key, enum dialect_id listener, struct door_upgrade *up)
{
    enum code code = door_upgrade_check(d->svc, d->policy, d->peers, head, client, key, listener, up);

    if (CONF_NOW(d->svc->conf->log_level) >= LOG_LEVEL_DEBUG) {
        log_upgrade(head, up, code);
    }
    return code;
}

void door_give(struct door *d, const struct door_head *head, const struct door_upgrade *up,
               struct str early, int fd)
{
    enum code code = door_upgrade_adopt(d->svc, head, up, early, fd);

    if (code == CODE_OK) {
        metric_add(METRIC_DOOR_HANDED, 1);
    } else {
        door_refuse(d, head, &up->choice, code, fd);
    }
}

/* The feed's answer: a worker has its own copy, or none wanted it. */
void door_on_adopt_done(void *ctx, int fd, enum code code)
{
    if (code == CODE_OK) {
        close(fd);
    } else {
        refuse_http(ctx, fd, code_status(code) < 500 ? code : CODE_NO_WORKER);
    }
}

/* Take exactly the head, so that whatever follows is the worker's. */
static bool read_head(int fd, char *room, size_t len)
{
    return recv(fd, room, len, MSG_DONTWAIT) == (ssize_t)len;
}

static void upgrade(struct door *d, struct pending *p, const struct door_head *head)
{
    struct addr client = door_client(d->policy, &p->addr, head->forwarded, head->forwarded_count);
    uint64_t key = addr_eq(&client, &p->addr) ? p->key : 0;
    struct door_upgrade up;
    int fd = p->fd, on = 1;
    enum code code = door_check_upgrade(d, head, &client, key, d->listeners[p->listener].dialect, &up);

    /* The same bytes again, as they were peeked: the views into the room stay right. */
    if (!read_head(fd, d->room, head->len)) {
        door_drop(d, p);
        return;
    }
    peers_leave(d->peers, p->key);
    let_go(d, p);
    if (code != CODE_OK) {
        door_refuse(d, head, &up.choice, code, fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    door_give(d, head, &up, STR_NONE, fd);
}

/* -- heads ------------------------------------------------------------------------------------- */

static void to_http(struct door *d, struct pending *p)
{
    struct http_peer peer = {p->addr, p->key, d->listeners[p->listener].dialect};
    int fd = p->fd;
    uint64_t key = p->key;
    enum code code;

    let_go(d, p);
    code = http_server_add(d->http, fd, &peer);
    if (code != CODE_OK) {
        peers_leave(d->peers, key);
        refuse_http(d, fd, CODE_UNAVAILABLE);
    }
}

/* Count the connection under its address, unless a trusted proxy stands for many. */
enum code door_enter(struct door *d, struct pending *p)
{
    uint64_t key;
    enum code code;

    if (door_proxy_trusted(d->policy, &p->addr)) {
        return CODE_OK;
    }
    key = peers_key(d->peers, &p->addr);
    code = peers_enter(d->peers, key, mono_ms());
    if (code == CODE_OK) {
        p->key = key;
    }
    return code;
}

static enum step on_proxy(struct door *d, struct pending *p, struct str bytes)
{
    size_t len;
    struct addr client;
    enum rc rc = proxy_parse(bytes, &len, &client);
    enum code code;

    if (rc == RC_AGAIN) {
        return STEP_WAIT;
    }
    if (rc != RC_OK || !read_head(p->fd, d->room, len)) {
        /* Whoever speaks here is not our proxy: no answer, as the protocol's text advises. */
        log_warn_limited("proxy_header", "listener=%u not a PROXY header", p->listener);
        door_drop(d, p);
        return STEP_GONE;
    }
    if (client.family != ADDR_NONE) {
        p->addr = client;
    }
    p->state = PENDING_HEAD;
    code = door_enter(d, p);
    if (code != CODE_OK) {
        door_refuse_pending(d, p, code);
        return STEP_GONE;
    }
    return STEP_AGAIN;
}

static enum step on_head(struct door *d, struct pending *p, struct str bytes)
{
    struct door_head head;
    enum code code = CODE_OK;

    switch (door_head_parse(bytes, &head, &code)) {
    case DOOR_HEAD_MORE:
        if (bytes.len >= d->head_max) {
            door_refuse_pending(d, p, CODE_HEAD_TOO_LARGE);
            return STEP_GONE;
        }
        return STEP_WAIT;
    case DOOR_HEAD_BAD:
        door_refuse_pending(d, p, code);
        return STEP_GONE;
    case DOOR_HEAD_OK:
        break;
    }
    if (door_head_is_upgrade(&head) && door_is_ws_path(head.path)) {
        upgrade(d, p, &head);
    } else {
        to_http(d, p);
    }
    return STEP_GONE;
}

/* Look at what is there, as often as something gets further. */
enum step door_look(struct door *d, struct pending *p)
{
    enum step step;

    do {
        ssize_t n = recv(p->fd, d->room, d->head_max, MSG_PEEK | MSG_DONTWAIT);
        struct str bytes = {d->room, n > 0 ? (size_t)n : 0};

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return STEP_WAIT;
        }
        if (n <= 0) {
            door_drop(d, p);
            return STEP_GONE;
        }
        step = p->state == PENDING_PROXY ? on_proxy(d, p, bytes) : on_head(d, p, bytes);
    } while (step == STEP_AGAIN);
    return step;
}

void door_on_ready(struct door *d, struct pending *p, uint32_t events)
{
    if (p->state == PENDING_GONE) {
        return;
    }
    if (p->state == PENDING_DRAIN) {
        if ((events & (EPOLLHUP | EPOLLERR)) != 0 || drained(d, p->fd)) {
            door_drop(d, p);
        }
        return;
    }
    if (door_look(d, p) != STEP_WAIT) {
        return;
    }
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        door_drop(d, p);
    } else if (++p->wakeups > d->svc->conf->door_wakeups_max) {
        metric_add(METRIC_DOOR_TIMEOUT, 1);
        door_refuse_pending(d, p, CODE_REQUEST_TIMEOUT);
    }
}
