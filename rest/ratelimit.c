/*
 * ratelimit.c -- small sets of buckets, a mutex for some sets each
 *
 * A bucket stores when it would be full again instead of a token count (the "virtual scheduling" form
 * of the leaky bucket): one number, no refill step, and a bucket that is full again equals an unused one.
 */
#include "rest/ratelimit.h"

#include <pthread.h>
#include <stdlib.h>

#include "shared/mem.h"
#include "shared/id.h"

#define WAYS 8u
#define LOCKS 16u

struct bucket {
    uint64_t key;
    uint64_t full_at_us; /* 0: unused */
};

struct ratelimit {
    pthread_mutex_t locks[LOCKS];
    size_t sets; /* a power of two */
    uint64_t salt;
    struct bucket *buckets; /* sets * WAYS */
};

struct ratelimit *ratelimit_new(size_t keys)
{
    struct ratelimit *r = mem_new(sizeof(*r));
    r->sets = LOCKS;
    while (r->sets * WAYS < keys) {
        r->sets *= 2;
    }
    r->buckets = mem_new(r->sets * WAYS * sizeof(*r->buckets));
    r->salt = random_u64();
    for (unsigned i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&r->locks[i], NULL);
    }
    return r;
}

void ratelimit_free(struct ratelimit *r)
{
    if (!r) {
        return;
    }
    for (unsigned i = 0; i < LOCKS; i++) {
        pthread_mutex_destroy(&r->locks[i]);
    }
    free(r->buckets);
    free(r);
}

/* Salted (splitmix64's finisher), so that nobody can aim keys at one set. */
static size_t set_of(const struct ratelimit *r, uint64_t key)
{
    uint64_t x = key + r->salt;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (size_t)(x ^ (x >> 31)) & (r->sets - 1);
}

static struct bucket *find(struct ratelimit *r, size_t set, uint64_t key)
{
    struct bucket *at = r->buckets + set * WAYS;
    struct bucket *victim = at;
    for (unsigned i = 0; i < WAYS; i++) {
        if (at[i].full_at_us != 0 && at[i].key == key) {
            return &at[i];
        }
        if (at[i].full_at_us < victim->full_at_us) {
            victim = &at[i];
        }
    }
    *victim = (struct bucket){key, 0};
    return victim;
}

bool ratelimit_take(struct ratelimit *r, uint64_t key, struct rate rate, uint64_t now_ms,
                    uint64_t *retry_ms)
{
    uint64_t step_us = 60000000 / (rate.per_minute ? rate.per_minute : 1);
    uint64_t window_us = step_us * (rate.burst ? rate.burst : 1);
    uint64_t now_us = now_ms * 1000;
    size_t set = set_of(r, key);
    pthread_mutex_t *lock = &r->locks[set % LOCKS];
    pthread_mutex_lock(lock);
    struct bucket *b = find(r, set, key);
    uint64_t from_us = b->full_at_us > now_us ? b->full_at_us : now_us;
    bool ok = from_us + step_us <= now_us + window_us;
    if (ok) {
        b->full_at_us = from_us + step_us;
    } else if (retry_ms) {
        *retry_ms = (from_us + step_us - now_us - window_us + 999) / 1000;
    }
    pthread_mutex_unlock(lock);
    return ok;
}
