#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rest/door_int.h"
#include "rest/metrics.h"
#include "rest/proxy.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

#define TURN_MS 500
#define EVENTS 256
#define ACCEPTS_PER_TURN 128
#define BACKLOG 4096
#define PAUSE_MS 100 /* without descriptors nothing is accepted for a while */

/* -- accepting --------------------------------------------------------------------------------- */

static void begin(struct door *d, unsigned listener, int fd, const struct sockaddr_storage *ss)
{
    bool proxy = d->listeners[listener].proxy;
    struct pending *p;
    enum code code;

    metric_add(METRIC_DOOR_ACCEPTED, 1);
    door_make_room(d);
    p = pending_add(&d->pending, fd, proxy ? PENDING_PROXY : PENDING_HEAD,
                    mono_ms() + atomic_load(&d->head_timeout_ms));
    if (p == NULL) {
        close(fd);
        return;
    }
    p->listener = (uint16_t)listener;
    p->addr = addr_of_sockaddr(ss);
    code = proxy ? CODE_OK : door_enter(d, p);
    if (code != CODE_OK) {
        door_refuse_pending(d, p, code);
    } else if (door_look(d, p) == STEP_WAIT && !door_poll(d, p)) {
        door_drop(d, p);
    }
}

static void poll_listeners(struct door *d, bool on)
{
    unsigned i;

    for (i = 0; i < d->listeners_count; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &d->listeners[i]};

        (void)epoll_ctl(d->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, d->listeners[i].fd, &ev);
    }
}

static void pause_accepting(struct door *d)
{
    log_warn_limited("accept", "errno=%d no descriptors, waiting", errno);
    poll_listeners(d, false);
    d->accept_again_ms = mono_ms() + PAUSE_MS;
}

static void accept_some(struct door *d, unsigned listener)
{
    unsigned i;

    for (i = 0; i < ACCEPTS_PER_TURN && d->accept_again_ms == 0; i++) {
        struct sockaddr_storage ss;
        socklen_t len = sizeof(ss);
        int fd = accept4(d->listeners[listener].fd, (struct sockaddr *)&ss, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            begin(d, listener, fd, &ss);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            pause_accepting(d);
        }
    }
}

/* -- the thread -------------------------------------------------------------------------------- */

static void expire(struct door *d, uint64_t now_ms)
{
    struct pending *p;

    while ((p = pending_expired(&d->pending, now_ms)) != NULL) {
        if (p->state == PENDING_HEAD) {
            metric_add(METRIC_DOOR_TIMEOUT, 1);
            door_refuse_pending(d, p, CODE_REQUEST_TIMEOUT);
        } else {
            door_drop(d, p);
        }
    }
    if (d->accept_again_ms != 0 && now_ms >= d->accept_again_ms) {
        d->accept_again_ms = 0;
        poll_listeners(d, true);
    }
}

static void dispatch(struct door *d, const struct epoll_event *ev)
{
    struct door_listener *l = ev->data.ptr;

    if (ev->data.ptr == d) {
        door_read_mail(d);
    } else if (l >= d->listeners && l < d->listeners + d->listeners_count) {
        accept_some(d, (unsigned)(l - d->listeners));
    } else {
        door_on_ready(d, ev->data.ptr, ev->events);
    }
}

static void *door_main(void *arg)
{
    struct door *d = arg;
    struct epoll_event events[EVENTS];
    int i, n;

    door_thread_begins(d);
    while (!atomic_load(&d->stop)) {
        uint64_t now = mono_ms();

        atomic_store(&d->progress_ms, now);
        metric_set(METRIC_DOOR_PENDING, d->pending.count);
        n = epoll_wait(d->epoll_fd, events, EVENTS,
                       pending_wait_ms(&d->pending, now, d->accept_again_ms ? PAUSE_MS : TURN_MS));
        for (i = 0; i < n; i++) {
            dispatch(d, &events[i]);
        }
        expire(d, mono_ms());
        pending_bury(&d->pending);
    }
    return NULL;
}

/* -- life -------------------------------------------------------------------------------------- */

void door_reload(struct door *d)
{
    atomic_store(&d->head_timeout_ms, d->svc->conf->door_head_timeout_ms);
}

static enum rc prepare(struct door *d, struct buf *why)
{
    const struct rest_conf *conf = d->svc->conf;
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = d};

    d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    d->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (d->epoll_fd < 0 || d->wake_fd < 0 ||
        epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, d->wake_fd, &ev) != 0) {
        buf_addf(why, "The front door cannot start: %s.\n", strerror(errno));
        return RC_UNAVAILABLE;
    }
    d->head_max = conf->door_head_max_bytes;
    d->room = mem_new(d->head_max + PROXY_V2_MAX_BYTES);
    d->pending.max = (unsigned)conf->door_pending_max;
    d->mail_room = d->pending.max;
    d->mail = mem_new(d->mail_room * sizeof(int));
    door_reload(d);
    return door_listen_open(d->listeners, d->listeners_count, why);
}

enum rc door_new(struct svc *svc, struct door_policy *policy, struct peers *peers,
                 struct http_server *http, struct door **out, struct buf *why)
{
    struct door *d = mem_new(sizeof(*d));
    enum rc rc;

    d->svc = svc;
    d->policy = policy;
    d->peers = peers;
    d->http = http;
    d->epoll_fd = d->wake_fd = -1;
    pthread_mutex_init(&d->lock, NULL);
    rc = door_listen_parse(svc->conf->listen, d->listeners, &d->listeners_count, why);
    if (rc == RC_OK) {
        rc = prepare(d, why);
    }
    if (rc != RC_OK) {
        door_free(d);
        return rc;
    }
    feed_on_adopt_done(svc->feed, door_on_adopt_done, d);
    http_server_set_door(http, d);
    *out = d;
    return RC_OK;
}

static void log_listeners(const struct door *d)
{
    unsigned i;

    for (i = 0; i < d->listeners_count; i++) {
        const struct door_listener *l = &d->listeners[i];
        char text[ADDR_TEXT_BYTES];

        addr_text(&l->at, text);
        log_info("listening", "address=%s port=%u dialect=%s%s%s", text, l->at.port,
                 door_dialect_name(l->dialect), l->proxy ? " proxy" : "",
                 l->inherited ? " inherited" : "");
    }
}

/* Show a connection when its first bytes are there, or after about a second without any: most heads are complete at
 * the first look, which saves a handshake three system calls and a wake-up (measured: 25 % more handshakes). */
static void defer_accept(int fd)
{
    int seconds = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds));
}

enum rc door_start(struct door *d, struct buf *why)
{
    unsigned i;

    for (i = 0; i < d->listeners_count; i++) {
        defer_accept(d->listeners[i].fd);
        if (!d->listeners[i].inherited && listen(d->listeners[i].fd, BACKLOG) != 0) {
            buf_addf(why, "Cannot listen on port %u: %s.\n", d->listeners[i].at.port,
                     strerror(errno));
            return RC_UNAVAILABLE;
        }
    }
    poll_listeners(d, true);
    if (pthread_create(&d->thread, NULL, door_main, d) != 0) {
        buf_add_z(why, "The front door cannot start its thread.\n");
        return RC_UNAVAILABLE;
    }
    atomic_store(&d->runs, true);
    log_listeners(d);
    return RC_OK;
}

void door_stop(struct door *d)
{
    struct pending *p;

    if (atomic_load(&d->runs)) {
        atomic_store(&d->stop, true);
        door_wake(d);
        pthread_join(d->thread, NULL);
        atomic_store(&d->runs, false);
    }
    door_listen_close(d->listeners, d->listeners_count);
    while ((p = d->pending.heads.first) != NULL || (p = d->pending.drains.first) != NULL) {
        door_drop(d, p);
    }
    pending_bury(&d->pending);
}

void door_free(struct door *d)
{
    unsigned i;

    if (d == NULL) {
        return;
    }
    door_stop(d);
    for (i = 0; i < d->mail_count; i++) {
        close(d->mail[i]);
    }
    if (d->epoll_fd >= 0) {
        close(d->epoll_fd);
    }
    if (d->wake_fd >= 0) {
        close(d->wake_fd);
    }
    free(d->mail);
    free(d->room);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

unsigned door_port(const struct door *d, unsigned i)
{
    return i < d->listeners_count ? d->listeners[i].at.port : 0;
}

uint64_t door_progress_ms(const struct door *d)
{
    return atomic_load(&d->progress_ms);
}
