/*
 * link_int.h -- the link server's inside, shared by link_server.c, link_peer.c and link_up.c only
 *
 * Life of a link: accepted, hello within a deadline, joined to the feed, dead. A dead link is closed
 * at once and freed at the end of the turn, because the same turn may still hold events for it, and
 * the callers up the stack still look at it.
 * Threads    Link thread only.
 */
#ifndef REST_LINK_INT_H
#define REST_LINK_INT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "rest/feed.h"
#include "rest/link_hello.h"
#include "rest/link_out.h"
#include "rest/link_server.h"

#define LINKS_MAX 128 /* joined and those that still say hello */

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

/* -- link_peer.c: one link's end, and what goes down it ---------------------------------------- */

/* A worker that ended, or was told to. */
void link_close(struct link_server *s, struct link *l, const char *reason);
/* A worker that is at fault: one line in the log. */
void link_fail(struct link_server *s, struct link *l, const char *reason);
/* One last REFUSED frame, which is lost if the socket is full, then close. */
void link_refuse(struct link_server *s, struct link *l, enum code code, struct str reason);
void link_free(struct link *l);
/* Send until nothing is left or the peer takes no more. */
void link_pump(struct link_server *s, struct link *l);

/* -- link_up.c: what comes up it --------------------------------------------------------------- */

/* Read what is there, a bounded number of packets. */
void link_read(struct link_server *s, struct link *l);

#endif
