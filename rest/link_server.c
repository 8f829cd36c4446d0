/* link_server.c -- one thread, all links: accepting, the loop, the watchdog, start and stop */
#include "rest/link_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rest/link_int.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/link_sock.h"
#include "shared/log.h"
#include "shared/mem.h"

#define EVENTS_PER_TURN 64
#define TICK_MAX_MS 250
#define TICK_MIN_MS 10

/* -- accepting --------------------------------------------------------------------------------- */

static void add_link(struct link_server *s, int fd)
{
    if (s->links_count == LINKS_MAX) {
        log_warn_limited("link_full", "links=%u", s->links_count);
        close(fd);
        return;
    }
    struct link *l = mem_new(sizeof(*l));
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
        log_err("link_epoll", "error=\"%s\"", strerror(errno));
        close(fd);
        free(l);
        return;
    }
    l->fd = fd;
    l->out.q = BUF_INIT;
    link_reader_init(&l->reader);
    l->heard_ms = l->moved_ms = l->pinged_ms = mono_ms();
    s->links[s->links_count++] = l;
}

static void listen_for(struct link_server *s, unsigned events)
{
    struct epoll_event ev = {.events = events, .data.ptr = &s->listener};
    if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listener, &ev) != 0) {
        log_err("link_epoll", "error=\"%s\"", strerror(errno));
    }
    s->listener_paused = events == 0;
}

static void on_connect(struct link_server *s)
{
    for (unsigned i = 0; i < EVENTS_PER_TURN; i++) {
        int fd;
        enum rc rc = link_sock_accept(s->listener, s->conf.allowed_uid, &fd);
        switch (rc) {
        case RC_OK:
            add_link(s, fd);
            break;
        case RC_FORBIDDEN:
            metric_add(METRIC_LINK_REFUSED, 1);
            log_warn_limited("link_foreign", "reason=\"peer of another uid\"");
            break;
        case RC_AGAIN:
            return;
        default: /* no descriptors left: they would all be reported again at once */
            log_err("link_accept", "rc=%s", rc_name(rc));
            listen_for(s, 0);
            return;
        }
    }
}

/* -- the loop ---------------------------------------------------------------------------------- */

static void sweep(struct link_server *s)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < s->links_count; i++) {
        if (s->links[i]->state == LINK_DEAD) {
            link_free(s->links[i]);
        } else {
            s->links[kept++] = s->links[i];
        }
    }
    s->links_count = kept;
}

static void tick_link(struct link_server *s, struct link *l, uint64_t now)
{
    bool is_blocked = !link_out_is_empty(&l->out) && !l->one_way;
    if (now - l->heard_ms > s->conf.timeout_ms) {
        metric_add(METRIC_LINK_TIMEOUT, 1);
        link_fail(s, l, l->state == LINK_JOINED ? "silent for too long" : "no hello in time");
    } else if (is_blocked && now - l->moved_ms > s->conf.timeout_ms) {
        metric_add(METRIC_LINK_TIMEOUT, 1);
        link_fail(s, l, "took nothing for too long");
    } else if (l->state == LINK_JOINED && now - l->pinged_ms >= s->conf.ping_ms) {
        l->pinged_ms = now;
        l->ping_due = true;
    }
    if (l->state != LINK_DEAD && (l->stalled || (l->ping_due && link_out_is_empty(&l->out)))) {
        link_pump(s, l);
    }
}

static void tick(struct link_server *s)
{
    uint64_t now = mono_ms();
    for (unsigned i = 0; i < s->links_count; i++) {
        if (s->links[i]->state != LINK_DEAD) {
            tick_link(s, s->links[i], now);
        }
    }
    if (s->listener_paused) {
        listen_for(s, EPOLLIN);
    }
}

static void on_wake(struct link_server *s)
{
    uint64_t count;
    if (read(s->wake_fd, &count, sizeof(count)) < 0) {
        return; /* another turn has seen it */
    }
    for (unsigned i = 0; i < s->links_count; i++) {
        struct link *l = s->links[i];
        if (l->state == LINK_JOINED && link_out_is_empty(&l->out)) {
            link_pump(s, l);
        }
    }
}

static void on_link(struct link_server *s, struct link *l, unsigned events)
{
    if (l->state != LINK_DEAD && (events & EPOLLOUT)) {
        link_pump(s, l);
    }
    if (l->state != LINK_DEAD && (events & ~(unsigned)EPOLLOUT)) {
        link_read(s, l);
    }
}

/* false: asked to stop. */
static bool on_event(struct link_server *s, const struct epoll_event *ev)
{
    if (ev->data.ptr == &s->stop_fd) {
        return false;
    }
    if (ev->data.ptr == &s->wake_fd) {
        on_wake(s);
    } else if (ev->data.ptr == &s->listener) {
        on_connect(s);
    } else {
        on_link(s, ev->data.ptr, ev->events);
    }
    return true;
}

static int tick_ms(const struct link_server_conf *conf)
{
    uint64_t ms = conf->ping_ms / 4;
    return (int)(ms < TICK_MIN_MS ? TICK_MIN_MS : ms > TICK_MAX_MS ? TICK_MAX_MS : ms);
}

static void *run(void *arg)
{
    struct link_server *s = arg;
    struct epoll_event events[EVENTS_PER_TURN];
    uint64_t next_tick_ms = mono_ms();
    bool running = true;
    while (running) {
        int n = epoll_wait(s->epoll, events, EVENTS_PER_TURN, tick_ms(&s->conf));
        for (int i = 0; i < n; i++) {
            running = on_event(s, &events[i]) && running;
        }
        if (mono_ms() >= next_tick_ms) {
            tick(s);
            next_tick_ms = mono_ms() + (uint64_t)tick_ms(&s->conf);
        }
        sweep(s);
    }
    return NULL;
}

/* -- start and stop ---------------------------------------------------------------------------- */

static bool watch(struct link_server *s, int *fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = fd};
    return *fd >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, *fd, &ev) == 0;
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static void free_server(struct link_server *s)
{
    if (s->listener >= 0) {
        link_sock_unlink(s->listener, s->path);
    }
    close_fd(s->listener);
    close_fd(s->epoll);
    close_fd(s->wake_fd);
    close_fd(s->stop_fd);
    free(s->path);
    free(s);
}

static enum rc start_thread(struct link_server *s, struct buf *why)
{
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll < 0 || !watch(s, &s->listener) || !watch(s, &s->wake_fd) ||
        !watch(s, &s->stop_fd)) {
        buf_addf(why, "Cannot watch the link: %s.", strerror(errno));
        return RC_IO;
    }
    feed_set_wake(s->feed, s->wake_fd);
    int error = pthread_create(&s->thread, NULL, run, s);
    if (error != 0) {
        feed_set_wake(s->feed, -1);
        buf_addf(why, "Cannot start the link thread: %s.", strerror(error));
        return RC_IO;
    }
    return RC_OK;
}

enum rc link_server_start(const struct link_server_conf *conf, struct feed *feed,
                          struct link_server **out, struct buf *why)
{
    struct link_server *s = mem_new(sizeof(*s));
    s->conf = *conf;
    s->path = mem_copy(conf->path, strlen(conf->path));
    s->conf.path = s->path;
    s->feed = feed;
    s->listener = s->epoll = s->wake_fd = s->stop_fd = -1;
    enum rc rc = link_sock_listen(s->path, &s->listener, why);
    if (rc == RC_OK) {
        rc = start_thread(s, why);
    }
    if (rc != RC_OK) {
        free_server(s);
        return rc;
    }
    *out = s;
    return RC_OK;
}

void link_server_stop(struct link_server *s)
{
    if (!s) {
        return;
    }
    uint64_t one = 1;
    if (write(s->stop_fd, &one, sizeof(one)) != sizeof(one)) {
        log_err("link_stop", "error=\"%s\"", strerror(errno));
    }
    pthread_join(s->thread, NULL);
    for (unsigned i = 0; i < s->links_count; i++) {
        if (s->links[i]->state == LINK_JOINED) {
            link_pump(s, s->links[i]);
        }
        link_close(s, s->links[i], "stopping");
    }
    sweep(s);
    /* Every worker has left under the feed's lock, so nobody still holds the number of wake_fd. */
    feed_set_wake(s->feed, -1);
    free_server(s);
}
