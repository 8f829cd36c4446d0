/* link_msg_stream.c -- bodies of the stream: events and whom they are for, recipient sets, attach and replay */
#include "shared/link_msg.h"

#include "shared/wire.h"

#define SLOT_BYTES 4
#define NUMBERED_BYTES 8

static enum rc done(const struct rd *r)
{
    return rd_end(r) ? RC_OK : RC_PROTOCOL;
}

/* -- events ------------------------------------------------------------------------------------ */

static bool has_slots(uint8_t to)
{
    return to == LINK_TO_SLOTS || to == LINK_TO_SET || to == LINK_TO_SLOTS_NUMBERED;
}

static bool has_set(uint8_t to)
{
    return to == LINK_TO_SET || to == LINK_TO_TOPIC;
}

static size_t entry_bytes(uint8_t to)
{
    return to == LINK_TO_SLOTS_NUMBERED ? NUMBERED_BYTES : SLOT_BYTES;
}

/* to8; for a set or a topic its set64; for slots (extra ones beside a set) count32 and the entries. */
static void add_recipients(struct buf *q, const struct link_recipients *to)
{
    buf_add_be8(q, to->to);
    if (has_set(to->to)) {
        buf_add_be64(q, to->set);
    }
    if (has_slots(to->to)) {
        buf_add_be32(q, to->count);
        buf_add(q, to->slots.p, to->count * entry_bytes(to->to));
    }
}

static struct link_recipients get_recipients(struct rd *r)
{
    struct link_recipients to = {0};
    to.to = rd_be8(r);
    if (to.to > LINK_TO_TOPIC) {
        r->bad = true;
        return to;
    }
    if (has_set(to.to)) {
        to.set = rd_be64(r);
    }
    if (has_slots(to.to)) {
        to.count = rd_be32(r);
        if (to.count > r->left / entry_bytes(to.to)) {
            r->bad = true;
            return to;
        }
        to.slots = rd_bytes(r, to.count * entry_bytes(to.to));
    }
    return to;
}

void link_put_event(struct buf *q, uint16_t type, const struct link_recipients *to,
                    struct str encoded_event)
{
    size_t start = link_frame_begin(q, type, 0);
    add_recipients(q, to);
    buf_add_str(q, encoded_event);
    link_frame_end(q, start);
}

enum rc link_get_event(struct str body, struct link_event *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_recipients to = get_recipients(&r);
    if (r.bad) {
        return RC_PROTOCOL;
    }
    struct rd event = r;
    struct event e;
    if (event_decode(&event, &e) != RC_OK || !rd_end(&event)) {
        return RC_PROTOCOL;
    }
    m->to = to;
    m->event = e;
    return RC_OK;
}

uint32_t link_slot_at(const struct link_recipients *to, uint32_t i, uint32_t *number)
{
    size_t bytes = entry_bytes(to->to);
    struct rd r = rd_of(to->slots.p + i * bytes, bytes);
    uint32_t slot = rd_be32(&r);
    if (number) {
        *number = bytes == NUMBERED_BYTES ? rd_be32(&r) : 0;
    }
    return slot;
}

void link_put_position(struct buf *q, uint64_t event_id)
{
    link_put_u64(q, LINK_POSITION, event_id);
}

enum rc link_get_position(struct str body, uint64_t *event_id)
{
    return link_get_u64(body, event_id);
}

/* -- recipient sets ---------------------------------------------------------------------------- */

void link_put_set(struct buf *q, uint16_t type, uint64_t set, const uint32_t *slots, uint16_t count)
{
    size_t start = link_frame_begin(q, type, 0);
    buf_add_be64(q, set);
    buf_add_be16(q, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_add_be32(q, slots[i]);
    }
    link_frame_end(q, start);
}

enum rc link_get_set(struct str body, uint64_t *set, struct rd *slots, uint16_t *count)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t id = rd_be64(&r);
    uint16_t n = rd_be16(&r);
    if (r.bad || r.left != n * (size_t)SLOT_BYTES) {
        return RC_PROTOCOL;
    }
    *set = id;
    *slots = r;
    *count = n;
    return RC_OK;
}

/* -- attach and replay ------------------------------------------------------------------------- */

void link_put_attach(struct buf *q, const struct link_attach *m)
{
    size_t start = link_frame_begin(q, LINK_ATTACH, 0);
    buf_add_be64(q, m->session);
    buf_add_be32(q, m->generation);
    buf_add_be32(q, m->slot);
    buf_add_be32(q, m->since_log);
    buf_add_be64(q, m->since);
    buf_add_be32(q, m->options);
    buf_add_be64(q, m->topic);
    link_frame_end(q, start);
}

enum rc link_get_attach(struct str body, struct link_attach *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_attach a = {0};
    a.session = rd_be64(&r);
    a.generation = rd_be32(&r);
    a.slot = rd_be32(&r);
    a.since_log = rd_be32(&r);
    a.since = rd_be64(&r);
    a.options = rd_be32(&r);
    a.topic = rd_be64(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *m = a;
    return RC_OK;
}

static void add_generation(struct buf *q, uint64_t session, uint32_t generation)
{
    buf_add_be64(q, session);
    buf_add_be32(q, generation);
}

void link_put_pull(struct buf *q, uint64_t session, uint32_t generation)
{
    size_t start = link_frame_begin(q, LINK_PULL, 0);
    add_generation(q, session, generation);
    link_frame_end(q, start);
}

enum rc link_get_pull(struct str body, uint64_t *session, uint32_t *generation)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t id = rd_be64(&r);
    uint32_t g = rd_be32(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *session = id;
    *generation = g;
    return RC_OK;
}

void link_put_chunk(struct buf *q, uint64_t session, uint32_t generation, uint16_t count,
                    uint64_t last, struct str events)
{
    size_t start = link_frame_begin(q, LINK_CHUNK, 0);
    add_generation(q, session, generation);
    buf_add_be16(q, count);
    buf_add_be64(q, last);
    buf_add_str(q, events);
    link_frame_end(q, start);
}

/* The events are checked as they are decoded, one after the other: count of them, nothing behind. */
enum rc link_get_chunk(struct str body, uint64_t *session, uint32_t *generation, uint16_t *count,
                       uint64_t *last, struct rd *events)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t id = rd_be64(&r);
    uint32_t g = rd_be32(&r);
    uint16_t n = rd_be16(&r);
    uint64_t l = rd_be64(&r);
    if (r.bad || (n == 0) != (r.left == 0)) {
        return RC_PROTOCOL;
    }
    *session = id;
    *generation = g;
    *count = n;
    *last = l;
    *events = r;
    return RC_OK;
}

void link_put_live(struct buf *q, uint64_t session, uint32_t generation, uint64_t position)
{
    size_t start = link_frame_begin(q, LINK_LIVE, 0);
    add_generation(q, session, generation);
    buf_add_be64(q, position);
    link_frame_end(q, start);
}

enum rc link_get_live(struct str body, uint64_t *session, uint32_t *generation, uint64_t *position)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t id = rd_be64(&r);
    uint32_t g = rd_be32(&r);
    uint64_t p = rd_be64(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *session = id;
    *generation = g;
    *position = p;
    return RC_OK;
}

void link_put_gap(struct buf *q, uint64_t session, uint32_t generation, uint64_t position,
                  uint8_t reason)
{
    size_t start = link_frame_begin(q, LINK_GAP, 0);
    add_generation(q, session, generation);
    buf_add_be64(q, position);
    buf_add_be8(q, reason);
    link_frame_end(q, start);
}

enum rc link_get_gap(struct str body, uint64_t *session, uint32_t *generation, uint64_t *position,
                     uint8_t *reason)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t id = rd_be64(&r);
    uint32_t g = rd_be32(&r);
    uint64_t p = rd_be64(&r);
    uint8_t why = rd_be8(&r);
    if (done(&r) != RC_OK || why < LINK_GAP_TRIMMED || why > LINK_GAP_MALFORMED) {
        return RC_PROTOCOL;
    }
    *session = id;
    *generation = g;
    *position = p;
    *reason = why;
    return RC_OK;
}
