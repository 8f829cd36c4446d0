/*
 * ratelimit.h -- token buckets by key, in a table of fixed size
 *
 * Shape      A key (user id, hash of an address) has a bucket of `burst` tokens that fills with
 *            `per_minute` tokens a minute. Rate and burst are parameters of each call, so that a reload
 *            of the settings applies at once.
 * Limits     The table never grows. A key without a slot takes that of the one that was quiet for longest among
 *            its few neighbours: what is lost is one key's memory of having been busy.
 * Threads    Any. Time is a parameter.
 */
#ifndef REST_RATELIMIT_H
#define REST_RATELIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ratelimit;

struct rate {
    uint64_t per_minute;
    uint64_t burst;
};

/* keys: how many are remembered, rounded up. */
struct ratelimit *ratelimit_new(size_t keys);
void ratelimit_free(struct ratelimit *r);
/* Take one token. false: none is left; *retry_ms (may be NULL) is when the next one comes. */
bool ratelimit_take(struct ratelimit *r, uint64_t key, struct rate rate, uint64_t now_ms,
                    uint64_t *retry_ms);

#endif
