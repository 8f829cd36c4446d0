/*
 * link_list.h -- bodies that are a 16-bit count and that many entries, for link_msg_*.c only
 *
 * Writers cut a list into frames of at most LINK_ENTRIES_MAX entries; an empty list is one empty frame.
 */
#ifndef SHARED_LINK_LIST_H
#define SHARED_LINK_LIST_H

#include "shared/link_msg.h"

/* One frame's share of a list: entries from..from+count-1, as long as `more` says there is one. */
struct link_cut {
    uint32_t from, count;
    bool more;
};

static inline struct link_cut link_cut_at(uint32_t from, uint32_t total, bool more)
{
    uint32_t left = total - from;
    return (struct link_cut){from, left < LINK_ENTRIES_MAX ? left : LINK_ENTRIES_MAX, more};
}

static inline struct link_cut link_cut_first(uint32_t total)
{
    return link_cut_at(0, total, true);
}

static inline struct link_cut link_cut_next(struct link_cut cut, uint32_t total)
{
    uint32_t from = cut.from + cut.count;
    return link_cut_at(from, total, from < total);
}

static inline size_t link_list_begin(struct buf *q, uint16_t type, uint32_t count)
{
    size_t start = link_frame_begin(q, type, 0);
    buf_add_be16(q, (uint16_t)count);
    return start;
}

/* The entries of a list whose entries all have entry_bytes, nothing behind them. RC_PROTOCOL; RC_TOO_BIG: more than room. */
RC_CHECK static inline enum rc link_list_open(struct str body, size_t entry_bytes, uint16_t room,
                                              struct rd *entries, uint16_t *count)
{
    struct rd r = rd_of(body.p, body.len);
    uint16_t n = rd_be16(&r);
    if (r.bad || r.left != n * entry_bytes) {
        return RC_PROTOCOL;
    }
    if (n > room) {
        return RC_TOO_BIG;
    }
    *entries = r;
    *count = n;
    return RC_OK;
}

#endif
