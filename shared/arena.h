/*
 * arena.h -- allocate many, free once
 *
 * One arena per request: everything the handler and the services allocate dies with it.
 * Ownership  Blocks belong to the arena. Nothing is freed alone.
 * Limits     max_bytes caps the sum of the blocks, each rounded up to the alignment; past it, or
 *            without memory, the result is NULL.
 * Threads    One owner at a time.
 */
#ifndef SHARED_ARENA_H
#define SHARED_ARENA_H

#include <stddef.h>

#include "shared/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks;
    size_t total_bytes;
    size_t max_bytes; /* 0: 64 MB */
};

#define ARENA_INIT(max) ((struct arena){NULL, 0, (max)})

void arena_release(struct arena *a);
/* Zeroed, aligned for any type; NULL past the cap. */
void *arena_alloc(struct arena *a, size_t bytes);
/* count * bytes with the multiplication checked. */
void *arena_calloc(struct arena *a, size_t count, size_t bytes);
/* A copy with a NUL behind it; {NULL,0} past the cap. */
struct str arena_str(struct arena *a, struct str s);

#endif
