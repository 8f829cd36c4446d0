/*
 * door_listen.h -- the public listeners: the setting, the sockets, those inherited from a predecessor
 *
 * `listen` is a comma-separated list of ADDRESS:PORT DIALECT [proxy]. Sockets passed by a service
 * manager (LISTEN_PID, LISTEN_FDS) are used instead of a new one when their address is the same, so
 * a restart does not close a listener.
 * Errors     Sentences for people in why.
 */
#ifndef REST_DOOR_LISTEN_H
#define REST_DOOR_LISTEN_H

#include <stdbool.h>

#include "rest/addr.h"
#include "shared/buf.h"
#include "shared/dialect_id.h"
#include "shared/rc.h"

#define DOOR_LISTENERS_MAX 16

struct door_listener {
    struct addr at;
    enum dialect_id dialect; /* default of the shared path /ws */
    bool proxy;              /* connections begin with a PROXY header */
    bool inherited;
    int fd; /* -1 before door_listen_open */
};

/* Parse the setting; fds are -1. */
RC_CHECK enum rc door_listen_parse(const char *setting, struct door_listener *out, unsigned *count,
                                   struct buf *why);
/* Bind all of them (or none); they do not listen yet, unless inherited. Port 0 gets one of the system's, shown in at. */
RC_CHECK enum rc door_listen_open(struct door_listener *listeners, unsigned count, struct buf *why);
/* Whether door_listen_open would succeed now. A process that cannot serve must find out before it takes the log over from
 * one that does. */
RC_CHECK enum rc door_listen_probe(const char *setting, struct buf *why);
void door_listen_close(struct door_listener *listeners, unsigned count);

#endif
