/*
 * rd.h -- reading big-endian fields from bytes, bounds checked once for all
 *
 * A reader never runs past its end: the first short read sets `bad`, and from then on every get
 * yields zero. Callers read all fields and ask rd_end once.
 */
#ifndef SHARED_RD_H
#define SHARED_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/str.h"

struct rd {
    const unsigned char *p;
    size_t left;
    bool bad;
};

static inline struct rd rd_of(const void *p, size_t len)
{
    return (struct rd){p, len, false};
}
uint8_t rd_be8(struct rd *r);
uint16_t rd_be16(struct rd *r);
uint32_t rd_be32(struct rd *r);
uint64_t rd_be64(struct rd *r);
/* n bytes as a view into the input. */
struct str rd_bytes(struct rd *r, size_t n);
/* A 16-bit length and that many bytes; a 32-bit length for rd_str32. */
struct str rd_str16(struct rd *r);
struct str rd_str32(struct rd *r);
/* True when everything was read and nothing was short. */
static inline bool rd_end(const struct rd *r)
{
    return !r->bad && r->left == 0;
}

#endif
