/* link_msg_call.c -- bodies of requests with an answer: commands, reads, relayed polls */
#include "shared/link_msg.h"

#include <stdlib.h>

#include "shared/dialect_id.h"
#include "shared/wire.h"

static enum rc done(const struct rd *r)
{
    return rd_end(r) ? RC_OK : RC_PROTOCOL;
}

/* -- commands ---------------------------------------------------------------------------------- */

void link_put_command(struct buf *q, uint32_t request, uint64_t session, uint32_t slot,
                      const struct cmd *c)
{
    size_t start = link_frame_begin(q, LINK_COMMAND, request);
    buf_add_be64(q, session);
    buf_add_be32(q, slot);
    cmd_encode(q, c);
    link_frame_end(q, start);
}

enum rc link_get_command(struct str body, uint64_t *session, uint32_t *slot, struct cmd *c,
                         uint64_t **users_out)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t id = rd_be64(&r);
    uint32_t s = rd_be32(&r);
    struct cmd cmd;
    uint64_t *users;
    enum rc rc = cmd_decode(&r, &cmd, &users);
    if (rc != RC_OK) {
        return rc;
    }
    if (done(&r) != RC_OK) {
        free(users);
        return RC_PROTOCOL;
    }
    *session = id;
    *slot = s;
    *c = cmd;
    *users_out = users;
    return RC_OK;
}

void link_put_reply(struct buf *q, uint32_t request, uint64_t session, const struct outcome *o,
                    struct str body)
{
    size_t start = link_frame_begin(q, LINK_REPLY, request);
    buf_add_be64(q, session);
    outcome_encode(q, o);
    wire_add_str32(q, body);
    link_frame_end(q, start);
}

enum rc link_get_reply(struct str frame_body, uint64_t *session, struct outcome *o,
                       struct str *body)
{
    struct rd r = rd_of(frame_body.p, frame_body.len);
    uint64_t id = rd_be64(&r);
    struct outcome outcome;
    if (outcome_decode(&r, &outcome) != RC_OK) {
        return RC_PROTOCOL;
    }
    struct str text = rd_str32(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *session = id;
    *o = outcome;
    *body = text;
    return RC_OK;
}

/* -- reads ------------------------------------------------------------------------------------- */

void link_put_query(struct buf *q, uint32_t request, const struct link_query *m)
{
    size_t start = link_frame_begin(q, LINK_QUERY, request);
    buf_add_be64(q, m->session);
    buf_add_be32(q, m->slot);
    buf_add_be8(q, m->kind);
    wire_add_str32(q, m->body);
    link_frame_end(q, start);
}

enum rc link_get_query(struct str body, struct link_query *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_query query = {0};
    query.session = rd_be64(&r);
    query.slot = rd_be32(&r);
    query.kind = rd_be8(&r);
    query.body = rd_str32(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *m = query;
    return RC_OK;
}

void link_put_query_reply(struct buf *q, uint32_t request, uint64_t session, enum code code,
                          struct str body)
{
    size_t start = link_frame_begin(q, LINK_QUERY_REPLY, request);
    buf_add_be64(q, session);
    wire_add_code(q, code);
    wire_add_str32(q, body);
    link_frame_end(q, start);
}

enum rc link_get_query_reply(struct str frame_body, uint64_t *session, enum code *code,
                             struct str *body)
{
    struct rd r = rd_of(frame_body.p, frame_body.len);
    uint64_t id = rd_be64(&r);
    enum code c = wire_code(&r);
    struct str text = rd_str32(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *session = id;
    *code = c;
    *body = text;
    return RC_OK;
}

/* -- Engine.IO polling ------------------------------------------------------------------------- */

void link_put_poll(struct buf *q, uint32_t poll_id, const struct link_poll *m)
{
    size_t start = link_frame_begin(q, LINK_POLL, poll_id);
    buf_add_be8(q, m->method);
    buf_add_be8(q, m->dialect);
    buf_add_be32(q, m->options);
    buf_add_be64(q, m->peer_key);
    wire_add_str16(q, m->peer);
    wire_add_str16(q, m->sid);
    wire_add_str32(q, m->body);
    link_frame_end(q, start);
}

enum rc link_get_poll(struct str body, struct link_poll *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_poll p = {0};
    p.method = rd_be8(&r);
    p.dialect = rd_be8(&r);
    p.options = rd_be32(&r);
    p.peer_key = rd_be64(&r);
    p.peer = rd_str16(&r);
    p.sid = rd_str16(&r);
    p.body = rd_str32(&r);
    bool method_known = p.method == LINK_POLL_GET || p.method == LINK_POLL_POST;
    if (done(&r) != RC_OK || !method_known || p.dialect >= DIALECT_COUNT) {
        return RC_PROTOCOL;
    }
    *m = p;
    return RC_OK;
}

#define STATUS_MIN 200
#define STATUS_MAX 599

void link_put_poll_reply(struct buf *q, uint32_t poll_id, const struct link_poll_reply *m)
{
    size_t start = link_frame_begin(q, LINK_POLL_REPLY, poll_id);
    buf_add_be16(q, m->status);
    wire_add_str16(q, m->content_type);
    wire_add_str16(q, m->headers);
    wire_add_str32(q, m->body);
    link_frame_end(q, start);
}

enum rc link_get_poll_reply(struct str body, struct link_poll_reply *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_poll_reply p = {0};
    p.status = rd_be16(&r);
    p.content_type = rd_str16(&r);
    p.headers = rd_str16(&r);
    p.body = rd_str32(&r);
    if (done(&r) != RC_OK || p.status < STATUS_MIN || p.status > STATUS_MAX) {
        return RC_PROTOCOL;
    }
    *m = p;
    return RC_OK;
}
