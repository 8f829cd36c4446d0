/*
 * door_int.h -- inside the front door: its state, and the two halves of its thread
 *
 * door.c accepts, keeps time and ends; door_serve.c looks at heads and decides where a connection goes.
 */
#ifndef REST_DOOR_INT_H
#define REST_DOOR_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "rest/door.h"
#include "rest/door_listen.h"
#include "rest/door_pending.h"

struct door {
    struct svc *svc;
    struct door_policy *policy;
    struct peers *peers;
    struct http_server *http;

    struct door_listener listeners[DOOR_LISTENERS_MAX];
    unsigned listeners_count;
    int epoll_fd, wake_fd;
    struct pending_set pending;
    char *room; /* one head, peeked */
    size_t head_max;
    uint64_t accept_again_ms; /* 0: accepting */

    pthread_t thread;
    atomic_bool runs;
    atomic_bool stop;
    atomic_uint_fast64_t head_timeout_ms, progress_ms;

    pthread_mutex_t lock; /* the mailbox: descriptors to drain, from other threads */
    int *mail;
    unsigned mail_count, mail_room;
};

enum step {
    STEP_AGAIN, /* something was taken, look again */
    STEP_WAIT,  /* for more bytes */
    STEP_GONE,  /* not the door's any more */
};

/* Door thread only; first of all: */
void door_thread_begins(const struct door *d);
enum step door_look(struct door *d, struct pending *p);
void door_on_ready(struct door *d, struct pending *p, uint32_t events);
/* Count the connection under its address; CODE_OK or how to refuse it. */
enum code door_enter(struct door *d, struct pending *p);
bool door_poll(struct door *d, struct pending *p);
void door_drop(struct door *d, struct pending *p);
/* Answer instead of what it wanted. */
void door_refuse_pending(struct door *d, struct pending *p, enum code code);
/* Throw out the oldest when there are too many. */
void door_make_room(struct door *d);
void door_read_mail(struct door *d);
void door_wake(struct door *d);
/* The feed's answer; any thread. */
void door_on_adopt_done(void *ctx, int fd, enum code code);

#endif
