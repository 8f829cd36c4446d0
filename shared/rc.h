/*
 * rc.h -- what went wrong inside the program, by what the caller would do differently
 *
 * Values are fixed. People and other programs see enum code (code.h) instead.
 */
#ifndef SHARED_RC_H
#define SHARED_RC_H

#define RC_CHECK __attribute__((warn_unused_result))

enum rc {
    RC_OK = 0,
    RC_INVALID = 1,     /* the input is malformed */
    RC_TOO_BIG = 2,     /* a cap was reached */
    RC_UNSUPPORTED = 3, /* well-formed, but not something we do */
    RC_UNAUTHENTICATED = 4,
    RC_FORBIDDEN = 5,
    RC_NOT_FOUND = 6,
    RC_CONFLICT = 7,
    RC_RATE_LIMITED = 8,
    RC_TOO_SLOW = 9, /* the peer does not read fast enough */
    RC_TIMEOUT = 10,
    RC_UNAVAILABLE = 11, /* try later */
    RC_CLOSED = 12,      /* the peer is gone */
    RC_AGAIN = 13,       /* nothing now; wait for the descriptor */
    RC_PROTOCOL = 14,    /* our own sibling spoke nonsense */
    RC_NO_MEMORY = 15,
    RC_IO = 16,
    RC_INTERNAL = 17,
    RC_COUNT
};

/* The name of rc, never NULL. */
const char *rc_name(enum rc rc);

#endif
