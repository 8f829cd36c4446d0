/*
 * link_msg_hello.c -- bodies of the hello, and of what a link says about itself (stats, drain, ping)
 *
 * HELLO and WELCOME start with magic, major and minor in every version to come; the rest is read only
 * under our own major version, and a higher minor may have added fields behind the ones we know.
 */
#include "shared/link_msg.h"

#include "shared/link_list.h"
#include "shared/wire.h"

static enum rc done(const struct rd *r)
{
    return rd_end(r) ? RC_OK : RC_PROTOCOL;
}

/* -- hello ------------------------------------------------------------------------------------- */

void link_put_hello(struct buf *q, const struct link_hello *m)
{
    size_t start = link_frame_begin(q, LINK_HELLO, 0);
    buf_add_be32(q, m->magic);
    buf_add_be16(q, m->major);
    buf_add_be16(q, m->minor);
    buf_add_be16(q, m->worker);
    buf_add_be64(q, m->incarnation);
    buf_add_be64(q, m->log_id);
    buf_add_be64(q, m->position);
    buf_add_be32(q, m->capacity);
    buf_add_be32(q, m->users);
    wire_add_str16(q, m->build);
    link_frame_end(q, start);
}

/* Everything read, or something added by a newer minor. */
static enum rc done_versioned(const struct rd *r, uint16_t minor)
{
    return !r->bad && (r->left == 0 || minor > LINK_MINOR) ? RC_OK : RC_PROTOCOL;
}

enum rc link_get_hello(struct str body, struct link_hello *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_hello h = {0};
    h.magic = rd_be32(&r);
    h.major = rd_be16(&r);
    h.minor = rd_be16(&r);
    if (r.bad || h.magic != LINK_MAGIC) {
        return RC_PROTOCOL;
    }
    if (h.major != LINK_MAJOR) {
        *m = h;
        return RC_OK;
    }
    h.worker = rd_be16(&r);
    h.incarnation = rd_be64(&r);
    h.log_id = rd_be64(&r);
    h.position = rd_be64(&r);
    h.capacity = rd_be32(&r);
    h.users = rd_be32(&r);
    h.build = rd_str16(&r);
    enum rc rc = done_versioned(&r, h.minor);
    if (rc == RC_OK) {
        *m = h;
    }
    return rc;
}

#define USER_BYTES 20

void link_put_hello_users(struct buf *q, const struct link_hello_user *users, uint16_t count)
{
    for (struct link_cut cut = link_cut_first(count); cut.more; cut = link_cut_next(cut, count)) {
        size_t start = link_list_begin(q, LINK_HELLO_USERS, cut.count);
        for (uint32_t i = cut.from; i < cut.from + cut.count; i++) {
            buf_add_be32(q, users[i].slot);
            buf_add_be64(q, users[i].user_id);
            buf_add_be32(q, users[i].sessions);
            buf_add_be32(q, users[i].adopts);
        }
        link_frame_end(q, start);
    }
}

enum rc link_get_hello_users(struct str body, struct link_hello_user *users, uint16_t room,
                             uint16_t *count)
{
    struct rd r;
    uint16_t n;
    enum rc rc = link_list_open(body, USER_BYTES, room, &r, &n);
    if (rc != RC_OK) {
        return rc;
    }
    for (uint16_t i = 0; i < n; i++) {
        users[i].slot = rd_be32(&r);
        users[i].user_id = rd_be64(&r);
        users[i].sessions = rd_be32(&r);
        users[i].adopts = rd_be32(&r);
    }
    *count = n;
    return RC_OK;
}

#define PEER_BYTES 12

void link_put_hello_peers(struct buf *q, const struct link_hello_peer *peers, uint16_t count)
{
    for (struct link_cut cut = link_cut_first(count); cut.more; cut = link_cut_next(cut, count)) {
        size_t start = link_list_begin(q, LINK_HELLO_PEERS, cut.count);
        for (uint32_t i = cut.from; i < cut.from + cut.count; i++) {
            buf_add_be64(q, peers[i].peer_key);
            buf_add_be32(q, peers[i].sessions);
        }
        link_frame_end(q, start);
    }
}

enum rc link_get_hello_peers(struct str body, struct link_hello_peer *peers, uint16_t room,
                             uint16_t *count)
{
    struct rd r;
    uint16_t n;
    enum rc rc = link_list_open(body, PEER_BYTES, room, &r, &n);
    if (rc != RC_OK) {
        return rc;
    }
    for (uint16_t i = 0; i < n; i++) {
        peers[i].peer_key = rd_be64(&r);
        peers[i].sessions = rd_be32(&r);
    }
    *count = n;
    return RC_OK;
}

void link_put_empty(struct buf *q, uint16_t type, uint32_t request)
{
    link_frame_end(q, link_frame_begin(q, type, request));
}

enum rc link_get_empty(struct str body)
{
    return body.len == 0 ? RC_OK : RC_PROTOCOL;
}

void link_put_welcome(struct buf *q, const struct link_welcome *m)
{
    size_t start = link_frame_begin(q, LINK_WELCOME, 0);
    buf_add_be32(q, m->magic);
    buf_add_be16(q, m->major);
    buf_add_be16(q, m->minor);
    buf_add_be64(q, m->incarnation);
    buf_add_be64(q, m->log_id);
    buf_add_be64(q, m->published);
    buf_add_be8(q, m->resumed);
    buf_add_be8(q, m->recovers);
    link_frame_end(q, start);
}

enum rc link_get_welcome(struct str body, struct link_welcome *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_welcome w = {0};
    w.magic = rd_be32(&r);
    w.major = rd_be16(&r);
    w.minor = rd_be16(&r);
    if (r.bad || w.magic != LINK_MAGIC) {
        return RC_PROTOCOL;
    }
    if (w.major != LINK_MAJOR) {
        *m = w;
        return RC_OK;
    }
    w.incarnation = rd_be64(&r);
    w.log_id = rd_be64(&r);
    w.published = rd_be64(&r);
    w.resumed = wire_bool(&r);
    w.recovers = wire_bool(&r);
    enum rc rc = done_versioned(&r, w.minor);
    if (rc == RC_OK) {
        *m = w;
    }
    return rc;
}

void link_put_refused(struct buf *q, enum code code, struct str reason)
{
    size_t start = link_frame_begin(q, LINK_REFUSED, 0);
    wire_add_code(q, code);
    wire_add_str16(q, reason);
    link_frame_end(q, start);
}

enum rc link_get_refused(struct str body, enum code *code, struct str *reason)
{
    struct rd r = rd_of(body.p, body.len);
    enum code c = wire_code(&r);
    struct str text = rd_str16(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *code = c;
    *reason = text;
    return RC_OK;
}

/* -- about the link itself --------------------------------------------------------------------- */

void link_put_stats(struct buf *q, const struct link_stat *stats, uint16_t count)
{
    for (struct link_cut cut = link_cut_first(count); cut.more; cut = link_cut_next(cut, count)) {
        size_t start = link_list_begin(q, LINK_STATS, cut.count);
        for (uint32_t i = cut.from; i < cut.from + cut.count; i++) {
            wire_add_str16(q, stats[i].name);
            buf_add_be64(q, stats[i].value);
        }
        link_frame_end(q, start);
    }
}

enum rc link_get_stats(struct str body, struct link_stat *stats, uint16_t room, uint16_t *count)
{
    struct rd r = rd_of(body.p, body.len);
    uint16_t n = rd_be16(&r);
    if (n > room) {
        return RC_TOO_BIG;
    }
    for (uint16_t i = 0; i < n && !r.bad; i++) {
        stats[i].name = rd_str16(&r);
        stats[i].value = rd_be64(&r);
    }
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *count = n;
    return RC_OK;
}

void link_put_u64(struct buf *q, uint16_t type, uint64_t value)
{
    size_t start = link_frame_begin(q, type, 0);
    buf_add_be64(q, value);
    link_frame_end(q, start);
}

enum rc link_get_u64(struct str body, uint64_t *value)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t v = rd_be64(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *value = v;
    return RC_OK;
}

void link_put_drain(struct buf *q, uint32_t grace_ms)
{
    size_t start = link_frame_begin(q, LINK_DRAIN, 0);
    buf_add_be32(q, grace_ms);
    link_frame_end(q, start);
}

enum rc link_get_drain(struct str body, uint32_t *grace_ms)
{
    struct rd r = rd_of(body.p, body.len);
    uint32_t v = rd_be32(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *grace_ms = v;
    return RC_OK;
}
