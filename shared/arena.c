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
    struct arena_chunk *chunk =
        room <= SIZE_MAX - sizeof(*chunk) ? malloc(sizeof(*chunk) + room) : NULL;
    if (!chunk) {
        return NULL;
    }
    chunk->next = a->chunks;
    chunk->room = room;
    chunk->used = 0;
    a->chunks = chunk;
    return chunk;
}

/* Every block starts aligned because every block is a multiple of the alignment long. An empty block
 * has an address of its own too. */
static size_t block_bytes(size_t bytes)
{
    const size_t align = alignof(max_align_t);
    return bytes == 0 ? align : (bytes + align - 1) / align * align;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    size_t left = (a->max_bytes != 0 ? a->max_bytes : ARENA_DEFAULT_MAX_BYTES) - a->total_bytes;
    size_t block = block_bytes(bytes);
    if (block < bytes || block > left) { /* less: rounding up went past the largest size */
        return NULL;
    }
    struct arena_chunk *chunk = a->chunks;
    if (!chunk || block > chunk->room - chunk->used) {
        chunk = add_chunk(a, block);
        if (!chunk) {
            return NULL;
        }
    }
    void *p = chunk->bytes + chunk->used;
    chunk->used += block;
    a->total_bytes += block;
    memset(p, 0, block);
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
