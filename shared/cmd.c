/*
 * cmd.c -- the wire forms of a command and of its outcome: fixed fields, then texts, then the user list
 *
 * Commands that carry secrets (users, token families, revocations) belong to confab-rest alone: the
 * decoder refuses them, so a worker that was taken over cannot issue them.
 */
#include "shared/cmd.h"

#include "shared/mem.h"
#include "shared/wire.h"

void cmd_encode(struct buf *out, const struct cmd *c)
{
    uint32_t count = c->users_count < CMD_USERS_MAX ? c->users_count : CMD_USERS_MAX;
    buf_add_be8(out, c->kind);
    buf_add_be8(out, c->has_key);
    if (c->has_key) {
        buf_add(out, c->key.b, sizeof(c->key.b));
    }
    buf_add_be64(out, c->actor_id);
    buf_add_be64(out, c->chat_id);
    buf_add_be64(out, c->user_id);
    buf_add_be64(out, c->message_id);
    buf_add_be64(out, c->seq);
    buf_add_be64(out, c->number);
    buf_add_be64(out, c->number2);
    buf_add_be16(out, c->origin_worker);
    buf_add_be64(out, c->origin_session);
    wire_add_str16(out, c->name);
    wire_add_str32(out, c->content);
    buf_add_be32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_add_be64(out, c->users[i]);
    }
}

static bool crosses_the_link(uint8_t kind)
{
    return (kind >= CMD_CHAT_CREATE_DIRECT && kind <= CMD_READ) || kind == CMD_TYPING ||
           kind == CMD_FOCUS;
}

static void get_key(struct rd *r, struct cmd *c)
{
    c->has_key = wire_bool(r);
    if (c->has_key) {
        struct str key = rd_bytes(r, sizeof(c->key.b));
        memcpy(c->key.b, key.p, key.len); /* shorter only when the input is */
    }
}

static void get_fields(struct rd *r, struct cmd *c)
{
    c->actor_id = rd_be64(r);
    c->chat_id = rd_be64(r);
    c->user_id = rd_be64(r);
    c->message_id = rd_be64(r);
    c->seq = rd_be64(r);
    c->number = rd_be64(r);
    c->number2 = rd_be64(r);
    c->origin_worker = rd_be16(r);
    c->origin_session = rd_be64(r);
    c->name = rd_str16(r);
    c->content = rd_str32(r);
    c->users_count = rd_be32(r);
}

/* The ids, which have their claimed number of bytes in the input; NULL for none. */
static enum rc get_users(struct rd *r, uint32_t count, uint64_t **out)
{
    *out = NULL;
    if (count == 0) {
        return RC_OK;
    }
    uint64_t *users = mem_try(count, sizeof(*users));
    if (!users) {
        return RC_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        users[i] = rd_be64(r);
    }
    *out = users;
    return RC_OK;
}

enum rc cmd_decode(struct rd *in, struct cmd *out, uint64_t **users_out)
{
    struct rd r = *in;
    struct cmd c = {0};
    c.kind = rd_be8(&r);
    get_key(&r, &c);
    get_fields(&r, &c);
    if (r.bad || !crosses_the_link(c.kind)) {
        return RC_PROTOCOL;
    }
    if (c.users_count > CMD_USERS_MAX) {
        return RC_TOO_BIG;
    }
    if (c.users_count > r.left / sizeof(uint64_t)) {
        return RC_PROTOCOL;
    }
    uint64_t *users;
    enum rc rc = get_users(&r, c.users_count, &users);
    if (rc != RC_OK) {
        return rc;
    }
    c.users = users;
    *in = r;
    *out = c;
    *users_out = users;
    return RC_OK;
}

void outcome_encode(struct buf *out, const struct outcome *o)
{
    wire_add_code(out, o->code);
    buf_add_be8(out, o->created);
    buf_add_be64(out, o->event_id);
    buf_add_be64(out, o->chat_id);
    buf_add_be64(out, o->user_id);
    buf_add_be64(out, o->message_id);
    buf_add_be64(out, o->seq);
    buf_add_be64(out, o->at_us);
    buf_add_be64(out, o->number);
}

enum rc outcome_decode(struct rd *in, struct outcome *out)
{
    struct rd r = *in;
    struct outcome o = {0};
    o.code = wire_code(&r);
    o.created = wire_bool(&r);
    o.event_id = rd_be64(&r);
    o.chat_id = rd_be64(&r);
    o.user_id = rd_be64(&r);
    o.message_id = rd_be64(&r);
    o.seq = rd_be64(&r);
    o.at_us = rd_be64(&r);
    o.number = rd_be64(&r);
    if (r.bad) {
        return RC_PROTOCOL;
    }
    *in = r;
    *out = o;
    return RC_OK;
}
