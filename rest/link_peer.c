/* link_peer.c -- one link: how it ends, and sending down it */
#include "rest/link_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/log.h"

#define FILLS_PER_TURN 8 /* before the other links are looked at */

/* -- the end of a link ------------------------------------------------------------------------- */

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

void link_close(struct link_server *s, struct link *l, const char *reason)
{
    if (l->state == LINK_JOINED) {
        log_info("link_closed", "worker=%u reason=\"%s\"", l->number, reason);
    }
    if (l->state != LINK_DEAD) {
        kill_link(s, l);
    }
}

/* One line for each worker that is lost; strangers that never were one cannot fill the log. */
void link_fail(struct link_server *s, struct link *l, const char *reason)
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

void link_free(struct link *l)
{
    link_hello_release(&l->hello);
    link_reader_release(&l->reader);
    link_out_release(&l->out);
    free(l);
}

/* -- sending ----------------------------------------------------------------------------------- */

static void want_out(struct link_server *s, struct link *l, bool wanted)
{
    if (wanted == l->wants_out) {
        return;
    }
    struct epoll_event ev = {.events = EPOLLIN | (wanted ? (unsigned)EPOLLOUT : 0), .data.ptr = l};
    if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, l->fd, &ev) != 0) {
        link_fail(s, l, strerror(errno));
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
        link_fail(s, l, "sending failed");
    }
}

void link_pump(struct link_server *s, struct link *l)
{
    enum rc rc = RC_OK;
    for (unsigned i = 0; i < FILLS_PER_TURN && rc == RC_OK; i++) {
        if (l->state == LINK_DEAD || l->one_way) {
            return;
        }
        if (link_out_is_empty(&l->out)) {
            if (!refill(l)) {
                link_fail(s, l, "stream broken off, the worker was too slow");
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

void link_refuse(struct link_server *s, struct link *l, enum code code, struct str reason)
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
