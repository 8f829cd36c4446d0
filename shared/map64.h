/*
 * map64.h -- 64-bit keys to 32-bit values, in one flat table
 *
 * Shape      Open addressing with linear probing, 12 bytes a slot, at most 3/4 full; removal closes the
 *            gap, so there are no tombstones. Key 0 is not allowed. Text is looked up by map64_hash.
 * Why        A node per entry (as uthash has) costs 56 bytes and a cache miss; memory per membership
 *            and per connection is a promise of ours.
 * Threads    One writer, or readers under the owner's lock.
 */
#ifndef SHARED_MAP64_H
#define SHARED_MAP64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/str.h"

struct map64 {
    uint64_t *keys; /* 0: free */
    uint32_t *values;
    uint32_t count, room; /* room is a power of two, or 0 */
};

#define MAP64_INIT ((struct map64){NULL, NULL, 0, 0})

void map64_release(struct map64 *m);
/* Empty again, memory kept. */
void map64_clear(struct map64 *m);
/* false: absent, *value untouched. */
bool map64_get(const struct map64 *m, uint64_t key, uint32_t *value);
/* Insert or replace. Aborts without memory: callers bound the number of entries. */
void map64_put(struct map64 *m, uint64_t key, uint32_t value);
/* true when it was there. */
bool map64_remove(struct map64 *m, uint64_t key);
/* Iterate: *at = 0 first; false at the end. Nothing may be put or removed meanwhile. */
bool map64_next(const struct map64 *m, uint32_t *at, uint64_t *key, uint32_t *value);

/* A keyed hash (SipHash under a random key of this process), never 0. */
uint64_t map64_hash(struct str bytes);
uint64_t map64_hash_pair(uint64_t a, uint64_t b);

#endif
