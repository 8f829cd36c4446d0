/* rd.c -- reading big-endian fields; the only place that compares a wanted size with what is left
 */
#include "shared/rd.h"

/* The next n bytes, or NULL from the first short read on. */
static const unsigned char *take(struct rd *r, size_t n)
{
    if (r->bad || n > r->left) {
        r->bad = true;
        return NULL;
    }
    const unsigned char *p = r->p;
    r->p += n;
    r->left -= n;
    return p;
}

static uint64_t take_be(struct rd *r, size_t bytes)
{
    const unsigned char *p = take(r, bytes);
    uint64_t v = 0;
    for (size_t i = 0; p && i < bytes; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

uint8_t rd_be8(struct rd *r)
{
    return (uint8_t)take_be(r, 1);
}

uint16_t rd_be16(struct rd *r)
{
    return (uint16_t)take_be(r, 2);
}

uint32_t rd_be32(struct rd *r)
{
    return (uint32_t)take_be(r, 4);
}

uint64_t rd_be64(struct rd *r)
{
    return take_be(r, 8);
}

struct str rd_bytes(struct rd *r, size_t n)
{
    if (n == 0) {
        return (struct str){"", 0}; /* p of an empty input may be NULL: never pass that on */
    }
    const unsigned char *p = take(r, n);
    return p ? (struct str){(const char *)p, n} : (struct str){"", 0};
}

struct str rd_str16(struct rd *r)
{
    return rd_bytes(r, rd_be16(r));
}

struct str rd_str32(struct rd *r)
{
    return rd_bytes(r, rd_be32(r));
}
