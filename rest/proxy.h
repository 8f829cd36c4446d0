/*
 * proxy.h -- who the client is when a proxy stands in between
 *
 * PROXY protocol (HAProxy, versions 1 and 2) in front of the first byte, only on listeners marked
 * `proxy`; X-Forwarded-For only from trusted_proxies. Pure functions over bytes; fuzzed.
 */
#ifndef REST_PROXY_H
#define REST_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "rest/addr.h"
#include "shared/rc.h"
#include "shared/str.h"

#define PROXY_V1_MAX_BYTES 107
#define PROXY_V2_MAX_BYTES 1024 /* header with TLVs; larger ones are refused */

/* RC_OK: *len bytes belong to the header; *client is the source (ADDR_NONE for LOCAL and UNKNOWN: keep the socket's).
 * RC_AGAIN: the bytes are a beginning of one. RC_INVALID: not a PROXY header. */
RC_CHECK enum rc proxy_parse(struct str bytes, size_t *len, struct addr *client);

/*
 * The client behind trusted proxies: walk X-Forwarded-For from the right, starting with the peer of the
 * socket; the first address that is not trusted is the client. lists are the header's lines in order.
 * An entry that is no address ends the walk at the last good one.
 */
struct addr proxy_client(const struct addr *peer, const struct str *lists, unsigned lists_count,
                         const struct addr_net *trusted, unsigned trusted_count);

#endif
