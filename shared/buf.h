/*
 * buf.h -- growable bytes with a cap
 *
 * Shape      One heap block. The byte after the content is always NUL once the buffer is allocated.
 * Ownership  init/release in place; buf_detach gives the block to the caller.
 * Errors     Appending past the cap or without memory sets `failed` and drops the append and all
 *            later ones, until buf_clear. Callers that build a whole text check buf_ok at the end.
 * Threads    One owner.
 */
#ifndef SHARED_BUF_H
#define SHARED_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/str.h"

struct buf {
    char *p;
    size_t len;
    size_t room;      /* allocated, without the NUL */
    size_t max_bytes; /* 0: BUF_DEFAULT_MAX_BYTES */
    bool failed;
};

#define BUF_DEFAULT_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define BUF_INIT              ((struct buf){NULL, 0, 0, 0, false})
#define BUF_INIT_MAX(max)     ((struct buf){NULL, 0, 0, (max), false})

void buf_release(struct buf *b);
/* Empty again, memory kept. */
void buf_clear(struct buf *b);
static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p ? b->p : "", b->len};
}
/* Make room for n more bytes and return where they go, to be followed by buf_commit. On NULL the
 * buffer has failed. */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_z(struct buf *b, const char *z);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t n);
void buf_add_i64(struct buf *b, int64_t n);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drop the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* Cut to len bytes (no-op when shorter). */
void buf_truncate(struct buf *b, size_t len);
/* Give the block (NUL-terminated) to the caller, who frees it; the buffer is empty again. */
char *buf_detach(struct buf *b, size_t *len);

/* Big-endian integers, for wire formats. */
void buf_add_be8(struct buf *b, uint8_t v);
void buf_add_be16(struct buf *b, uint16_t v);
void buf_add_be32(struct buf *b, uint32_t v);
void buf_add_be64(struct buf *b, uint64_t v);

#endif
