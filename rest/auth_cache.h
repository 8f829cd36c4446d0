/*
 * auth_cache.h -- tokens that have been verified, by their hash
 *
 * Shape      A fixed table of sets of four; a full set gives up an expired entry, else one that was not
 *            used since the last look (clock). Nothing is allocated after the start.
 * Why        Checking a signature costs from half a microsecond (HS256) to a hundred (RS256, ES256); a
 *            client shows the same token on every request for a quarter of an hour.
 * Threads    Any; a few locks, each for a share of the sets.
 */
#ifndef REST_AUTH_CACHE_H
#define REST_AUTH_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/id.h"

struct auth_cache;

struct auth_seen { /* what a token said */
    uint64_t user_id, family;
    uint64_t stamp_us; /* of struct identity */
    uint64_t expires_s;
};

/* max: tokens remembered, rounded to a power of two; 0: nothing is. */
struct auth_cache *auth_cache_new(uint64_t max);
void auth_cache_free(struct auth_cache *c);
/* Expired entries (expires_s <= now_s) are not found. */
bool auth_cache_get(struct auth_cache *c, const struct key16 *hash, uint64_t now_s,
                    struct auth_seen *out);
void auth_cache_put(struct auth_cache *c, const struct key16 *hash, uint64_t now_s,
                    const struct auth_seen *seen);

#endif
