/*
 * push_read.h -- a browser's PushSubscription, checked
 *
 * Layer      service. Pure.
 */
#ifndef REST_PUSH_READ_H
#define REST_PUSH_READ_H

#include "rest/push.h"
#include "shared/json.h"

struct push_limits {
    size_t endpoint_max_bytes;
    bool private_endpoints;
};
/*
 * {"endpoint":"https://..","keys":{"p256dh":"..","auth":".."}}: endpoint, p256dh and auth of *out, in base64url without
 * padding, in its arena. CODE_OK; CODE_INVALID_FIELD and CODE_TOO_LARGE with *field and perhaps a sentence in *why;
 * CODE_UNAVAILABLE: no memory.
 */
enum code push_read(struct jval subscription, const struct push_limits *limits, struct push_call *out,
                    const char **field, struct buf *why);

#endif
