/*
 * link_frame.c -- frames: written in place behind a queue, cut into packets, read and put together again
 *
 * A body is written first and its length filled in afterwards, so no message needs a buffer of its
 * own. A body too long for one packet is cut in place: the pieces move apart from the last one on.
 */
#include "shared/link_frame.h"

#include "shared/bug.h"
#include "shared/rd.h"

#define PIECE_MAX_BYTES (LINK_PACKET_MAX_BYTES - LINK_HEADER_BYTES)

const char *link_type_name(uint16_t type)
{
    switch (type) {
#define LINK(name, number, direction, layout)                                                      \
    case (number):                                                                                 \
        return #name;
#include "shared/link.def"
#undef LINK
    default:
        return NULL;
    }
}

enum link_direction link_type_direction(uint16_t type)
{
    switch (type) {
#define LINK(name, number, direction, layout)                                                      \
    case (number):                                                                                 \
        return LINK_##direction;
#include "shared/link.def"
#undef LINK
    default:
        return (enum link_direction)0;
    }
}

static struct link_frame_head head_at(const char *p)
{
    struct rd r = rd_of(p, LINK_HEADER_BYTES);
    struct link_frame_head head;
    head.len = rd_be32(&r);
    head.type = rd_be16(&r);
    head.flags = rd_be16(&r);
    head.request = rd_be32(&r);
    return head;
}

/* -- writing ----------------------------------------------------------------------------------- */

static void put_header(char *to, size_t len, uint16_t type, uint16_t flags, uint32_t request)
{
    uint64_t high = (uint64_t)len << 32 | (uint64_t)type << 16 | flags;
    for (unsigned i = 0; i < 8; i++) {
        to[i] = (char)(high >> (56 - 8 * i));
    }
    for (unsigned i = 0; i < 4; i++) {
        to[8 + i] = (char)(request >> (24 - 8 * i));
    }
}

size_t link_frame_begin(struct buf *out, uint16_t type, uint32_t request)
{
    size_t start = out->len;
    char *to = buf_reserve(out, LINK_HEADER_BYTES);
    if (to) {
        put_header(to, 0, type, 0, request);
        buf_commit(out, LINK_HEADER_BYTES);
    }
    return start;
}

/* Open gaps for the headers of all pieces but the first, last piece first. */
static void cut_body(struct buf *out, size_t start, size_t len, uint16_t type, uint32_t request)
{
    size_t pieces = (len + PIECE_MAX_BYTES - 1) / PIECE_MAX_BYTES;
    size_t extra = (pieces - 1) * LINK_HEADER_BYTES;
    if (!buf_reserve(out, extra)) {
        buf_truncate(out, start);
        return;
    }
    char *frame = out->p + start;
    char *body = frame + LINK_HEADER_BYTES;
    for (size_t i = pieces; i-- > 0;) {
        size_t at = i * PIECE_MAX_BYTES;
        bool last = i == pieces - 1;
        size_t piece = last ? len - at : PIECE_MAX_BYTES;
        char *to = frame + i * LINK_PACKET_MAX_BYTES;
        memmove(to + LINK_HEADER_BYTES, body + at, piece);
        put_header(to, piece, type, last ? 0 : LINK_MORE, request);
    }
    buf_commit(out, extra);
}

void link_frame_end(struct buf *out, size_t start)
{
    if (!buf_ok(out)) {
        buf_truncate(out, start); /* no half frame stays behind */
        return;
    }
    BUG_IF(out->len < start + LINK_HEADER_BYTES);
    size_t len = out->len - start - LINK_HEADER_BYTES;
    struct link_frame_head head = head_at(out->p + start);
    if (len <= PIECE_MAX_BYTES) {
        put_header(out->p + start, len, head.type, 0, head.request);
        return;
    }
    BUG_IF(head.type == LINK_ADOPT);
    if (len > LINK_BODY_MAX_BYTES) {
        buf_truncate(out, start);
        out->failed = true;
        return;
    }
    cut_body(out, start, len, head.type, head.request);
}

void link_frame_add(struct buf *out, uint16_t type, uint32_t request, struct str body)
{
    size_t start = link_frame_begin(out, type, request);
    buf_add_str(out, body);
    link_frame_end(out, start);
}

/* -- cutting a queue into packets -------------------------------------------------------------- */

bool link_frame_head(struct str frames, struct link_frame_head *out)
{
    if (frames.len < LINK_HEADER_BYTES) {
        return false;
    }
    struct link_frame_head head = head_at(frames.p);
    if (head.len > frames.len - LINK_HEADER_BYTES) {
        return false;
    }
    *out = head;
    return true;
}

size_t link_packet_size(struct str frames, unsigned max_adopts, unsigned *adopts)
{
    size_t size = 0;
    unsigned count = 0;
    struct link_frame_head head;
    while (link_frame_head(str_from(frames, size), &head)) {
        BUG_IF(head.len > PIECE_MAX_BYTES);
        bool is_adopt = head.type == LINK_ADOPT;
        size_t whole = LINK_HEADER_BYTES + head.len;
        if (whole > LINK_PACKET_MAX_BYTES - size || (is_adopt && count == max_adopts)) {
            break;
        }
        size += whole;
        count += is_adopt;
    }
    *adopts = count;
    return size;
}

/* -- reading ----------------------------------------------------------------------------------- */

void link_reader_init(struct link_reader *r)
{
    *r = (struct link_reader){.whole = BUF_INIT_MAX(LINK_BODY_MAX_BYTES)};
}

void link_reader_release(struct link_reader *r)
{
    buf_release(&r->whole);
    r->partial = false;
}

struct piece {
    uint16_t type;
    bool more;
    uint32_t request;
    struct str body;
};

static enum rc next_piece(struct str *packet, struct piece *out)
{
    struct rd in = rd_of(packet->p, packet->len);
    size_t len = rd_be32(&in);
    out->type = rd_be16(&in);
    uint16_t flags = rd_be16(&in);
    out->request = rd_be32(&in);
    out->body = rd_bytes(&in, len);
    out->more = (flags & LINK_MORE) != 0;
    if (in.bad || len > PIECE_MAX_BYTES || (flags & ~LINK_MORE) != 0) {
        return RC_PROTOCOL;
    }
    if (out->more && (len == 0 || out->type == LINK_ADOPT)) {
        return RC_PROTOCOL; /* would make no progress; a descriptor belongs to one frame */
    }
    *packet = str_from(*packet, packet->len - in.left);
    return RC_OK;
}

/* The first or a further piece of a body that is in several. RC_AGAIN while more is to come. */
static enum rc join_piece(struct link_reader *r, const struct piece *piece)
{
    if (!r->partial) {
        buf_clear(&r->whole);
        r->type = piece->type;
        r->request = piece->request;
        r->partial = true;
    } else if (piece->type != r->type || piece->request != r->request) {
        return RC_PROTOCOL;
    }
    if (piece->body.len > LINK_BODY_MAX_BYTES - r->whole.len) {
        return RC_PROTOCOL;
    }
    buf_add_str(&r->whole, piece->body);
    if (!buf_ok(&r->whole)) {
        return RC_NO_MEMORY;
    }
    r->partial = piece->more;
    return piece->more ? RC_AGAIN : RC_OK;
}

enum rc link_reader_next(struct link_reader *r, struct str *packet, struct link_frame *out)
{
    while (packet->len != 0) {
        struct piece piece;
        enum rc rc = next_piece(packet, &piece);
        if (rc != RC_OK) {
            return rc;
        }
        if (!r->partial && !piece.more) {
            *out = (struct link_frame){piece.type, piece.request, piece.body};
            return RC_OK;
        }
        rc = join_piece(r, &piece);
        if (rc == RC_OK) {
            *out = (struct link_frame){r->type, r->request, buf_str(&r->whole)};
        }
        if (rc != RC_AGAIN) {
            return rc;
        }
    }
    return RC_AGAIN;
}
