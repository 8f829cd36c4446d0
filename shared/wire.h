/*
 * wire.h -- small field forms that the link's codecs share, on top of buf_add_be* and rd_be*
 *
 * Layer      shared, for cmd.c and link_msg*.c only.
 * Limits     A text longer than its length field can say is cut: callers cap texts long before, and
 *            an over-long token or name must not stop the link of everybody else.
 */
#ifndef SHARED_WIRE_H
#define SHARED_WIRE_H

#include "shared/buf.h"
#include "shared/code.h"
#include "shared/rd.h"

static inline void wire_add_str16_max(struct buf *out, struct str s, size_t max)
{
    s.len = s.len < max ? s.len : max;
    buf_add_be16(out, (uint16_t)s.len);
    buf_add_str(out, s);
}

static inline void wire_add_str16(struct buf *out, struct str s)
{
    wire_add_str16_max(out, s, UINT16_MAX);
}

static inline void wire_add_str32(struct buf *out, struct str s)
{
    buf_add_be32(out, (uint32_t)s.len);
    buf_add_str(out, s);
}

/* A byte that is 0 or 1; anything else spoils the reader. */
static inline bool wire_bool(struct rd *r)
{
    uint8_t v = rd_be8(r);
    r->bad = r->bad || v > 1;
    return v == 1;
}

static inline void wire_add_code(struct buf *out, enum code code)
{
    buf_add_be16(out, (uint16_t)code);
}

/* A code that only a newer sibling knows becomes "internal", as code_name would call it. */
static inline enum code wire_code(struct rd *r)
{
    uint16_t v = rd_be16(r);
    return v < CODE_COUNT ? (enum code)v : CODE_INTERNAL;
}

#endif
