/*
 * password.h -- argon2id through libsodium
 *
 * Every call costs tens of milliseconds and the configured memory: only on the work pool.
 * Threads    Any.
 */
#ifndef REST_PASSWORD_H
#define REST_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/rc.h"
#include "shared/str.h"

struct password_cost {
    uint64_t memory_bytes;
    uint64_t passes;
};

/* Append the hash in its text form ($argon2id$...). RC_NO_MEMORY. */
RC_CHECK enum rc password_hash(struct password_cost cost, struct str password, struct buf *out);
/*
 * RC_OK, RC_UNAUTHENTICATED (wrong), RC_NO_MEMORY. An empty hash (unknown user, or one without a password) is
 * RC_UNAUTHENTICATED after the same work, so that time does not tell who exists. *rehash: the hash was made at
 * another cost than today's (only with RC_OK; may be NULL).
 */
RC_CHECK enum rc password_verify(struct password_cost cost, struct str hash, struct str password,
                                 bool *rehash);

#endif
