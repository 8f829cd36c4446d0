/* rc.c -- names of the result codes, for logs and tests */
#include "shared/rc.h"

#include <stddef.h>

static const char *const names[RC_COUNT] = {
    [RC_OK] = "ok",
    [RC_INVALID] = "invalid",
    [RC_TOO_BIG] = "too_big",
    [RC_UNSUPPORTED] = "unsupported",
    [RC_UNAUTHENTICATED] = "unauthenticated",
    [RC_FORBIDDEN] = "forbidden",
    [RC_NOT_FOUND] = "not_found",
    [RC_CONFLICT] = "conflict",
    [RC_RATE_LIMITED] = "rate_limited",
    [RC_TOO_SLOW] = "too_slow",
    [RC_TIMEOUT] = "timeout",
    [RC_UNAVAILABLE] = "unavailable",
    [RC_CLOSED] = "closed",
    [RC_AGAIN] = "again",
    [RC_PROTOCOL] = "protocol",
    [RC_NO_MEMORY] = "no_memory",
    [RC_IO] = "io",
    [RC_INTERNAL] = "internal",
};

const char *rc_name(enum rc rc)
{
    const char *name = (unsigned)rc < RC_COUNT ? names[rc] : NULL;
    return name ? name : "unknown";
}
