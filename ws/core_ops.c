/*
 * core_ops.c -- the op switch: what a dialect submits, and the way back of the result
 */
#include "ws/core.h"

#include "shared/bug.h"
#include "ws/link_client.h"
#include "ws/pending.h"

static void answer(struct conn *c, const struct op_result *result)
{
    struct dialect_view view = core_view(c);
    struct dialect_frame f = core_frame(c->core);
    struct op_result shown = *result;
    if (conn_has(c, CONN_IS_CATCHING_UP)) {
        shown.outcome.event_id = 0; /* the replay is not there yet: no cursor ahead of it */
    } else if (result->outcome.event_id > c->cursor) {
        c->cursor = result->outcome.event_id;
    }
    c->dialect->answer(&shown, &view, &f);
    core_send_text(c, &f);
}

/* An idempotency key for who brings none: this process and a counter. */
static void stamp(struct core *k, struct cmd *cmd)
{
    uint64_t parts[2] = {k->incarnation, ++k->commands_stamped};
    for (int i = 0; i < 16; i++) {
        cmd->key.b[i] = (unsigned char)(parts[i / 8] >> (56 - 8 * (i % 8)));
    }
    cmd->has_key = true;
}

static enum rc submit_command(struct conn *c, struct op *op)
{
    struct core *k = c->core;
    const struct hub_user *u = hub_user(&k->hub, c->slot);
    if (u == NULL || u->id == 0) {
        return RC_UNAUTHENTICATED;
    }
    op->cmd.actor_id = u->id;
    op->cmd.origin_worker = k->worker;
    op->cmd.origin_session = conn_session(c);
    if (!op->cmd.has_key) {
        stamp(k, &op->cmd);
    }
    k->stats.commands++;
    return link_client_command(k->link, conn_session(c), c->slot, op);
}

static enum code code_of(enum rc rc)
{
    switch (rc) {
    case RC_UNAUTHENTICATED:
        return CODE_UNAUTHENTICATED;
    case RC_AGAIN:
        return CODE_QUEUE_FULL;
    default:
        return CODE_UNAVAILABLE;
    }
}

void dialect_submit(struct conn *c, const struct op *op)
{
    struct op copy = *op;
    enum rc rc = RC_UNSUPPORTED;
    BUG_IF(op->ref.len > DIALECT_REF_MAX_BYTES);
    switch (op->kind) {
    case OP_COMMAND:
        rc = submit_command(c, &copy);
        break;
    case OP_AUTH:
        rc = link_client_reauth(c->core->link, conn_session(c), c->slot, op);
        break;
    default:
        BUG("a dialect submits an operation that nobody knows");
    }
    if (rc != RC_OK) {
        dialect_fail(c, op->verb, op->ref, code_of(rc));
    }
}

void dialect_fail(struct conn *c, uint8_t verb, struct str ref, enum code code)
{
    answer(c, &(struct op_result){.verb = verb, .ref = ref, .code = code});
}

void dialect_send(struct conn *c, struct str payload, bool binary)
{
    struct dialect_frame f = core_frame(c->core);
    f.binary = binary;
    buf_add_str(f.out, payload);
    core_send_text(c, &f);
}

void core_finish_op(struct core *k, const struct pending *p, const struct op_result *result)
{
    struct conn *c = conns_find(&k->conns, p->session);
    if (c == NULL || c->state == CONN_CLOSING) {
        return;
    }
    if (result->code == CODE_OUTCOME_UNKNOWN) {
        conn_set(c, CONN_HEARS_ITSELF, true);
    }
    answer(c, result);
}
