/*
 * auth.h -- tokens: check, issue, remember
 *
 * Layer      service. One verifier for HTTP, upgrades and in-band refresh.
 * Cache      Verified tokens by hash, bounded (token_cache_max), each until its expiry. A hit still asks
 *            the cache of users whether the token has been revoked meanwhile.
 * Threads    Any.
 */
#ifndef REST_AUTH_H
#define REST_AUTH_H

#include <stdint.h>

#include "rest/cache.h"
#include "rest/http_msg.h"
#include "rest/rest_conf.h"
#include "shared/code.h"
#include "shared/jwt.h"

struct auth;

/* Reads the key files (creates the HS256 secret and the admin secret, 0600, under the development profile or when the
 * settings say so). RC_INVALID with a sentence. */
RC_CHECK enum rc auth_new(const struct rest_conf *conf, struct cache *cache, struct auth **out,
                          struct buf *why);
void auth_free(struct auth *a);

/* CODE_OK with who (user, family, expiry) and *stamp_us; else CODE_UNAUTHENTICATED, CODE_TOKEN_EXPIRED,
 * CODE_TOKEN_REVOKED, CODE_USER_DISABLED. */
enum code auth_token(struct auth *a, struct str token, struct identity *who, uint64_t *stamp_us);
/* Whether text is the admin secret (constant time). */
bool auth_is_admin(const struct auth *a, struct str text);
/* Append an access token for a user and family. */
RC_CHECK enum rc auth_issue(struct auth *a, uint64_t user_id, uint64_t family, uint64_t ttl_s,
                            struct buf *out, uint64_t *expires_s);
/* 128 bits that only a server with the same signing key can make for a text of at most 100 bytes: to know what we once
 * gave out from what somebody made up. The same every time. RC_UNSUPPORTED without a signing key. */
RC_CHECK enum rc auth_tag(const struct auth *a, struct str text, struct key16 *out);

/* One-time tickets for WebSocket URLs, in memory, ticket_ttl_ms each, at most ticket_max alive. */
RC_CHECK enum rc auth_ticket_new(struct auth *a, const struct identity *who, struct buf *out);

/* Every carrier a request may use, before any is checked; absent ones have p == NULL. */
struct auth_carriers {
    struct str authorization; /* the header's value, "Bearer ..." */
    struct str subprotocol;   /* token offered as a subprotocol "bearer.<token>" */
    struct str ticket;        /* ?ticket= */
    struct str cookie;        /* cookie named by cookie_name */
    struct str query;         /* ?access_token= or ?token= */
};
/* Precedence as listed; all that are present must name the same user (CODE_CARRIERS_DISAGREE). CODE_UNAUTHENTICATED when
 * there is none. *by_cookie: the only carrier was the cookie (then Origin matters). */
enum code auth_carriers_check(struct auth *a, const struct auth_carriers *c, struct identity *who,
                              uint64_t *stamp_us, bool *by_cookie);

#endif
