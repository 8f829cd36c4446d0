/*
 * link_server.c -- one thread, all links
 *
 * Life of a link: accepted, hello within a deadline, joined to the feed, dead. A dead link is closed
 * at once and freed at the end of the turn, because the same turn may still hold events for it.
 *
 * No circular wait: a link is always read, whatever its own queue does. What a worker asks for is
 * bounded by its credit of commands; what it is sent, by the feed's limit on its stream.
 */
#include "rest/link_server.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rest/feed.h"
#include "rest/link_hello.h"
#include "rest/link_out.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/link_sock.h"
#include "shared/log.h"
#include "shared/mem.h"

#define LINKS_MAX 128 /* joined and those that still say hello */
#define EVENTS_PER_TURN 64
#define PACKETS_PER_TURN 16 /* read from one link before the others are looked at */
#define FILLS_PER_TURN 8
#define TICK_MAX_MS 250
#define TICK_MIN_MS 10

enum link_state { LINK_SAYS_HELLO, LINK_JOINED, LINK_DEAD };

struct link {
    int fd;
    enum link_state state;
    struct link_hello_in hello;
    struct feed_worker *worker; /* once joined */
    uint16_t number, minor;     /* of the worker; 0 before its hello */
    struct link_reader reader;
    struct link_out out;
    bool wants_out; /* EPOLLOUT is asked for */
    bool stalled;   /* the system lacks something; the next tick tries again */
    bool one_way;   /* the peer reads no more: receive until end of file */
    bool pong_due, ping_due;
    uint64_t pong_stamp;
    uint64_t heard_ms, moved_ms, pinged_ms; /* mono_ms: last packet in, last progress out, last ping */
};

struct link_server {
    struct link_server_conf conf;
    char *path;
    struct feed *feed;
    int listener, epoll, wake_fd, stop_fd;
    bool listener_paused; /* no descriptors left; the next tick listens again */
    pthread_t thread;
    struct link *links[LINKS_MAX];
    unsigned links_count;
    char packet[LINK_PACKET_MAX_BYTES];
};

/* -- the end of a link ------------------------------------------------------------------------------ */

static void kill_link(struct link_server *s, struct link *l)
{
    if (l->state == LINK_JOINED) {
        feed_leave(s->feed, l->worker);
        metric_worker_gone(l->number);
    }
    close(l->fd); /* leaves the epoll set too */
    l->worker = NULL;
    l->state = LINK_DEAD;
}

/* A worker that ended, or was told to. */
static void close_link(struct link_server *s, struct link *l, const char *reason)
{
    if (l->state == LINK_JOINED) {
        log_info("link_closed", "worker=%u reason=\"%s\"", l->number, reason);
    }
    if (l->state != LINK_DEAD) {
        kill_link(s, l);
    }
}

/* One line for each worker that is lost; strangers that never were one cannot fill the log. */
static void fail_link(struct link_server *s, struct link *l, const char *reason)
{
    if (l->state == LINK_JOINED) {
        log_warn("link_failed", "worker=%u reason=\"%s\"", l->number, reason);
    } else if (l->state == LINK_SAYS_HELLO) {
        log_warn_limited("link_failed", "worker=%u reason=\"%s\" during=hello", l->number, reason);
    }
    if (l->state != LINK_DEAD) {
        kill_link(s, l);
    }
}

/* Nonsense from a worker. */
static void fail_packet(struct link_server *s, struct link *l, const char *reason)
{
    metric_add(METRIC_LINK_BAD, 1);
    fail_link(s, l, reason);
}

static void fail_frame(struct link_server *s, struct link *l, const struct link_frame *f,
                       const char *reason)
{
    const char *name = link_type_name(f->type);
    struct buf text = BUF_INIT;
    buf_addf(&text, "%s, %zu bytes of %s (%u)", reason, f->body.len, name ? name : "?", f->type);
    fail_packet(s, l, text.p);
    buf_release(&text);
}

static void free_link(struct link *l)
{
    link_hello_release(&l->hello);
    link_reader_release(&l->reader);
    link_out_release(&l->out);
    free(l);
}

static void sweep(struct link_server *s)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < s->links_count; i++) {
        if (s->links[i]->state == LINK_DEAD) {
            free_link(s->links[i]);
        } else {
            s->links[kept++] = s->links[i];
        }
    }
    s->links_count = kept;
}

/* -- sending ---------------------------------------------------------------------------------------- */

static void want_out(struct link_server *s, struct link *l, bool wanted)
{
    if (wanted == l->wants_out) {
        return;
    }
    struct epoll_event ev = {.events = EPOLLIN | (wanted ? (unsigned)EPOLLOUT : 0), .data.ptr = l};
    if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, l->fd, &ev) != 0) {
        fail_link(s, l, strerror(errno));
        return;
    }
    l->wants_out = wanted;
}

/* Take what waits for an empty queue: the stream, and pings behind it. */
static bool refill(struct link *l)
{
    if (l->state == LINK_JOINED && !feed_take(l->worker, &l->out.q, &l->out.fds)) {
        return false;
    }
    if (l->pong_due) {
        link_put_u64(&l->out.q, LINK_PONG, l->pong_stamp);
        l->pong_due = false;
    }
    if (l->ping_due) {
        link_put_u64(&l->out.q, LINK_PING, mono_ms());
        l->ping_due = false;
    }
    return buf_ok(&l->out.q);
}

static void sent(struct link_server *s, struct link *l, enum rc rc, size_t bytes)
{
    if (bytes != 0) {
        l->moved_ms = mono_ms();
    }
    l->stalled = rc == RC_UNAVAILABLE;
    if (rc == RC_CLOSED) {
        l->one_way = true;
        want_out(s, l, false);
    } else if (rc == RC_OK || rc == RC_AGAIN || rc == RC_UNAVAILABLE) {
        want_out(s, l, rc == RC_AGAIN);
    } else {
        fail_link(s, l, "sending failed");
    }
}

/* Send until nothing is left or the peer takes no more. */
static void pump(struct link_server *s, struct link *l)
{
    enum rc rc = RC_OK;
    for (unsigned i = 0; i < FILLS_PER_TURN && rc == RC_OK; i++) {
        if (l->state == LINK_DEAD || l->one_way) {
            return;
        }
        if (link_out_is_empty(&l->out)) {
            if (!refill(l)) {
                fail_link(s, l, "stream broken off, the worker was too slow");
                return;
            }
            l->moved_ms = mono_ms();
        }
        if (link_out_is_empty(&l->out)) {
            want_out(s, l, false);
            return;
        }
        size_t bytes;
        rc = link_out_send(&l->out, l->fd, &bytes);
        sent(s, l, rc, bytes);
    }
    if (rc == RC_OK && l->state != LINK_DEAD) {
        want_out(s, l, true); /* there may be more, but others wait too */
    }
}

/* -- hello ------------------------------------------------------------------------------------------ */

/* One last frame for a worker that must go; it is lost if its socket is full. */
static void refuse(struct link_server *s, struct link *l, enum code code, struct str reason)
{
    metric_add(METRIC_LINK_REFUSED, 1);
    if (!l->one_way && link_out_is_empty(&l->out)) {
        link_put_refused(&l->out.q, code, reason);
        size_t bytes;
        if (link_out_send(&l->out, l->fd, &bytes) != RC_OK) {
            log_debug("link_refusal_lost", "worker=%u", l->number);
        }
    }
    log_warn_limited("link_refused", "worker=%u reason=%s", l->number, log_esc(reason));
    kill_link(s, l);
}

static void refuse_version(struct link_server *s, struct link *l)
{
    struct buf reason = BUF_INIT;
    buf_addf(&reason, "The worker speaks link version %u.%u, this side %u.%u.",
             l->hello.hello.major, l->hello.hello.minor, LINK_MAJOR, LINK_MINOR);
    refuse(s, l, CODE_CONFLICT, buf_str(&reason));
    buf_release(&reason);
}

/* The newest process with a number wins: the older one is dead or about to be told so. */
static void replace_older(struct link_server *s, const struct link *newer)
{
    for (unsigned i = 0; i < s->links_count; i++) {
        struct link *l = s->links[i];
        if (l->state == LINK_JOINED && l != newer && l->number == newer->number) {
            refuse(s, l, CODE_CONFLICT, STR("Another process has come with this worker number."));
        }
    }
}

static void join(struct link_server *s, struct link *l, const struct link_frame *last)
{
    const struct link_hello_in *in = &l->hello;
    replace_older(s, l);
    enum rc rc = feed_join(s->feed, &in->hello, in->users, in->users_count, in->peers,
                           in->peers_count, &l->worker);
    if (rc == RC_UNAVAILABLE) {
        refuse(s, l, CODE_UNAVAILABLE, STR("Not ready for workers yet."));
        return;
    }
    if (rc != RC_OK) {
        fail_frame(s, l, last, rc_name(rc));
        return;
    }
    l->state = LINK_JOINED;
    l->heard_ms = mono_ms();
    metric_add(METRIC_LINK_JOINED, 1);
    log_info("link_joined", "worker=%u version=%u.%u users=%u position=%llu", l->number,
             in->hello.major, in->hello.minor, in->users_count,
             (unsigned long long)in->hello.position);
    link_hello_release(&l->hello);
    pump(s, l);
}

static void on_hello_frame(struct link_server *s, struct link *l, const struct link_frame *f)
{
    enum rc rc = link_hello_take(&l->hello, f);
    l->number = l->hello.hello.worker;
    l->minor = l->hello.hello.minor;
    if (rc == RC_OK) {
        join(s, l, f);
    } else if (rc == RC_UNSUPPORTED) {
        refuse_version(s, l);
    } else if (rc != RC_AGAIN) {
        fail_frame(s, l, f, "not a hello");
    }
}

/* -- frames from workers ------------------------------------------------------------------------------ */

static enum rc on_ping(struct link *l, const struct link_frame *f)
{
    enum rc rc = link_get_u64(f->body, &l->pong_stamp);
    l->pong_due = l->pong_due || rc == RC_OK;
    return rc;
}

static enum rc on_pong(const struct link_frame *f)
{
    uint64_t stamp;
    return link_get_u64(f->body, &stamp); /* that it came is what counts */
}

static void on_joined_frame(struct link_server *s, struct link *l, const struct link_frame *f)
{
    enum rc rc;
    const char *reason = "malformed";
    switch (f->type) {
    case LINK_HELLO:
    case LINK_HELLO_USERS:
    case LINK_HELLO_PEERS:
    case LINK_HELLO_DONE:
        rc = RC_PROTOCOL;
        reason = "hello again";
        break;
    case LINK_PING:
        rc = on_ping(l, f);
        break;
    case LINK_PONG:
        rc = on_pong(f);
        break;
    case LINK_ADOPTED:
    case LINK_ADOPT_FAILED:
        reason = "answers an adopt that it has not got";
        rc = link_out_answered(&l->out, f->request) ? feed_up(s->feed, l->worker, f) : RC_PROTOCOL;
        break;
    case LINK_COMMAND:
        reason = "too many unanswered commands";
        rc = ++l->out.commands <= s->conf.commands_max ? feed_up(s->feed, l->worker, f)
                                                       : RC_PROTOCOL;
        break;
    default:
        rc = feed_up(s->feed, l->worker, f);
        break;
    }
    if (rc != RC_OK) {
        fail_frame(s, l, f, rc == RC_PROTOCOL ? reason : rc_name(rc));
    }
}

static void on_frame(struct link_server *s, struct link *l, const struct link_frame *f)
{
    enum link_direction direction = link_type_direction(f->type);
    if (direction == 0 && l->minor > LINK_MINOR) {
        metric_add(METRIC_LINK_IGNORED, 1); /* from a newer program */
    } else if ((direction & LINK_UP) == 0) {
        fail_frame(s, l, f, direction == 0 ? "unknown type" : "wrong direction");
    } else if (l->state == LINK_SAYS_HELLO) {
        on_hello_frame(s, l, f);
    } else {
        on_joined_frame(s, l, f);
    }
}

static void on_packet(struct link_server *s, struct link *l, struct str packet)
{
    struct link_frame f;
    enum rc rc = RC_OK;
    while (l->state != LINK_DEAD && (rc = link_reader_next(&l->reader, &packet, &f)) == RC_OK) {
        on_frame(s, l, &f);
    }
    if (l->state != LINK_DEAD && rc != RC_AGAIN) {
        fail_packet(s, l, "malformed packet");
    }
}

static void on_readable(struct link_server *s, struct link *l)
{
    for (unsigned i = 0; i < PACKETS_PER_TURN && l->state != LINK_DEAD; i++) {
        size_t len;
        unsigned fds;
        bool truncated;
        enum rc rc = link_sock_recv(l->fd, s->packet, sizeof(s->packet), &len, NULL, 0, &fds,
                                    &truncated);
        if (rc == RC_AGAIN) {
            break;
        }
        if (rc == RC_CLOSED) {
            close_link(s, l, "end of file");
        } else if (rc != RC_OK) {
            fail_link(s, l, "receiving failed");
        } else if (truncated) {
            fail_packet(s, l, "packet too long or with descriptors");
        } else {
            if (l->state == LINK_JOINED) { /* a hello has one deadline, however slowly it comes */
                l->heard_ms = mono_ms();
            }
            metric_add(METRIC_LINK_PACKETS_RECEIVED, 1);
            on_packet(s, l, (struct str){s->packet, len});
        }
    }
    if (l->state != LINK_DEAD && l->pong_due && link_out_is_empty(&l->out)) {
        pump(s, l);
    }
}

/* -- accepting ---------------------------------------------------------------------------------------- */

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

/* -- the loop ----------------------------------------------------------------------------------------- */

static void tick_link(struct link_server *s, struct link *l, uint64_t now)
{
    bool is_blocked = !link_out_is_empty(&l->out) && !l->one_way;
    if (now - l->heard_ms > s->conf.timeout_ms) {
        metric_add(METRIC_LINK_TIMEOUT, 1);
        fail_link(s, l, l->state == LINK_JOINED ? "silent for too long" : "no hello in time");
    } else if (is_blocked && now - l->moved_ms > s->conf.timeout_ms) {
        metric_add(METRIC_LINK_TIMEOUT, 1);
        fail_link(s, l, "took nothing for too long");
    } else if (l->state == LINK_JOINED && now - l->pinged_ms >= s->conf.ping_ms) {
        l->pinged_ms = now;
        l->ping_due = true;
    }
    if (l->state != LINK_DEAD && (l->stalled || (l->ping_due && link_out_is_empty(&l->out)))) {
        pump(s, l);
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
            pump(s, l);
        }
    }
}

static void on_link(struct link_server *s, struct link *l, unsigned events)
{
    if (l->state != LINK_DEAD && (events & EPOLLOUT)) {
        pump(s, l);
    }
    if (l->state != LINK_DEAD && (events & ~(unsigned)EPOLLOUT)) {
        on_readable(s, l);
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

/* -- start and stop ------------------------------------------------------------------------------------- */

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
            pump(s, s->links[i]);
        }
        close_link(s, s->links[i], "stopping");
    }
    sweep(s);
    /* Every worker has left under the feed's lock, so nobody still holds the number of wake_fd. */
    feed_set_wake(s->feed, -1);
    free_server(s);
}
