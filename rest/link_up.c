/*
 * link_up.c -- what workers send: the hello, then frames for the feed
 *
 * Whatever a frame asks for, nothing here waits for the link's own sending: what a worker can ask for
 * is bounded by its credit of commands, what it is sent by the feed's limit on its stream.
 */
#include "rest/link_int.h"

#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/link_sock.h"
#include "shared/log.h"

#define PACKETS_PER_TURN 16 /* before the other links are looked at */

/* Nonsense from a worker. */
static void fail_packet(struct link_server *s, struct link *l, const char *reason)
{
    metric_add(METRIC_LINK_BAD, 1);
    link_fail(s, l, reason);
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

/* -- hello ------------------------------------------------------------------------------------- */

static void refuse_version(struct link_server *s, struct link *l)
{
    struct buf reason = BUF_INIT;
    buf_addf(&reason, "The worker speaks link version %u.%u, this side %u.%u.",
             l->hello.hello.major, l->hello.hello.minor, LINK_MAJOR, LINK_MINOR);
    link_refuse(s, l, CODE_CONFLICT, buf_str(&reason));
    buf_release(&reason);
}

/* The newest process with a number wins: the older one is dead or about to be told so. */
static void replace_older(struct link_server *s, const struct link *newer)
{
    for (unsigned i = 0; i < s->links_count; i++) {
        struct link *l = s->links[i];
        if (l->state == LINK_JOINED && l != newer && l->number == newer->number) {
            link_refuse(s, l, CODE_CONFLICT,
                        STR("Another process has come with this worker number."));
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
        link_refuse(s, l, CODE_UNAVAILABLE, STR("Not ready for workers yet."));
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
    link_pump(s, l);
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

/* -- frames from workers ----------------------------------------------------------------------- */

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

void link_read(struct link_server *s, struct link *l)
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
            link_close(s, l, "end of file");
        } else if (rc != RC_OK) {
            link_fail(s, l, "receiving failed");
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
        link_pump(s, l);
    }
}
