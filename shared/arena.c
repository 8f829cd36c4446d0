/*
 * arena.c -- bump allocation in a list of chunks
 *
 * The newest chunk is the head of the list and the only one that is filled; what is left of an
 * older one is given up. Chunks double up to a limit, so a request of any size costs few mallocs.
 */
#include "shared/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define ARENA_DEFAULT_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define CHUNK_FIRST_BYTES       ((size_t)4 * 1024)
#define CHUNK_MAX_BYTES         ((size_t)64 * 1024)

struct arena_chunk {
    struct arena_chunk *next;
    size_t room;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

void arena_release(struct arena *a)
{
    struct arena_chunk *chunk = a->chunks;
    while (chunk) {
        struct arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *a = ARENA_INIT(a->max_bytes);
}

static struct arena_chunk *add_chunk(struct arena *a, size_t needed)
{
    size_t room = a->chunks ? a->chunks->room * 2 : CHUNK_FIRST_BYTES;
    if (room > CHUNK_MAX_BYTES) {
        room = CHUNK_MAX_BYTES;
    }
    if (room < needed) {
        room = needed;
    }
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + room);
    if (!chunk) {
        return NULL;
    }
    chunk->next = a->chunks;
    chunk->room = room;
    chunk->used = 0;
    a->chunks = chunk;
    return chunk;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    size_t max = a->max_bytes != 0 ? a->max_bytes : ARENA_DEFAULT_MAX_BYTES;
    if (bytes > max - a->total_bytes) {
        return NULL;
    }
    /* Every block starts aligned because every block is a multiple of the alignment long. */
    size_t align = alignof(max_align_t);
    size_t whole = bytes > SIZE_MAX - align ? 0 : (bytes + align - 1) / align * align;
    if (whole == 0) {
        if (bytes != 0) {
            return NULL;
        }
        whole = align; /* an empty block still has an address of its own */
    }
    struct arena_chunk *chunk = a->chunks;
    if (!chunk || whole > chunk->room - chunk->used) {
        chunk = add_chunk(a, whole);
        if (!chunk) {
            return NULL;
        }
    }
    void *p = chunk->bytes + chunk->used;
    chunk->used += whole;
    a->total_bytes += bytes;
    memset(p, 0, whole);
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t bytes)
{
    size_t total;
    return __builtin_mul_overflow(count, bytes, &total) ? NULL : arena_alloc(a, total);
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : NULL;
    if (!p) {
        return STR_NONE;
    }
    if (s.len > 0) {
        memcpy(p, s.p, s.len);
    }
    return (struct str){p, s.len};
}
