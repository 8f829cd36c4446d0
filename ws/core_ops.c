/*
 * core_ops.c -- the op switch: what a dialect submits, and the way back of the result
 */
#include "ws/core.h"

#include "shared/bug.h"
#include "shared/json.h"
#include "ws/link_client.h"
#include "ws/pending.h"

/* -- answers ------------------------------------------------------------------------------------------------- */

/* Who is told that it is in a room, or is not, will be there also after both programs have ended. */
static bool is_to_last(const struct conn *c, const struct op_result *result)
{
    bool is_of_room = result->kind == OP_SUBSCRIBE || result->kind == OP_UNSUBSCRIBE ||
                      (result->kind == OP_COMMAND && result->body.len > 0);
    return is_of_room && result->code == CODE_OK && core_recovery_waits(c);
}

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
    if (c->dialect->settle != NULL) {
        c->dialect->settle(c->dialect_state, &shown);
    }
    bool lasts = is_to_last(c, result);
    do {
        unsigned part = f.part;
        f = core_frame(c->core);
        f.part = part;
        c->dialect->answer(&shown, &view, &f);
        lasts ? core_recovery_hold(c, &f) : core_send_text(c, &f);
        f.part++;
    } while (f.more && c->state == CONN_OPEN);
}

void core_answer_login(struct conn *c, uint8_t verb, uint64_t hint, uint64_t expires_s)
{
    struct buf name = BUF_INIT;
    struct op_result r = {.kind = OP_LOGIN, .verb = verb, .hint = hint, .expires_s = expires_s};
    eio_add_name(c, &name);
    r.session = buf_str(&name);
    r.recovery = core_recovery_pid(c);
    answer(c, &r);
    buf_release(&name);
}

void core_answer_error(struct conn *c, uint8_t verb, struct str ref, enum code code)
{
    answer(c, &(struct op_result){.verb = verb, .ref = ref, .code = code});
}

/* The end of an operation that has not gone up. */
static void answer_op(struct conn *c, const struct op *op, enum code code)
{
    struct op_result r = {
        .kind = op->kind, .verb = op->verb, .hint = op->hint, .ref = op->ref, .code = code};
    if (op->kind == OP_SUBSCRIBE || op->kind == OP_UNSUBSCRIBE) {
        r.outcome.chat_id = op->cmd.chat_id;
    }
    answer(c, &r);
}

static enum code code_of(enum rc rc)
{
    switch (rc) {
    case RC_UNAUTHENTICATED:
        return CODE_UNAUTHENTICATED;
    case RC_AGAIN:
        return CODE_QUEUE_FULL;
    case RC_TOO_BIG:
        return CODE_TOO_MANY_SUBSCRIPTIONS;
    case RC_CONFLICT:
        return CODE_CONFLICT;
    default:
        return CODE_UNAVAILABLE;
    }
}

/* -- operations that go up --------------------------------------------------------------------------------------- */

/* An idempotency key for who brings none: this process and a counter. */
static void stamp(struct core *k, struct cmd *cmd)
{
    uint64_t parts[2] = {k->incarnation, ++k->commands_stamped};
    for (int i = 0; i < 16; i++) {
        cmd->key.b[i] = (unsigned char)(parts[i / 8] >> (56 - 8 * (i % 8)));
    }
    cmd->has_key = true;
}

static bool has_user(const struct conn *c)
{
    const struct hub_user *u = hub_user(&c->core->hub, c->slot);
    return u != NULL && u->id != 0;
}

static enum rc submit_command(struct conn *c, struct op *op)
{
    struct core *k = c->core;
    if (!has_user(c)) {
        return RC_UNAUTHENTICATED;
    }
    op->cmd.actor_id = hub_user(&k->hub, c->slot)->id;
    op->cmd.origin_worker = k->worker;
    op->cmd.origin_session = conn_session(c);
    if (!op->cmd.has_key) {
        stamp(k, &op->cmd);
    }
    k->stats.commands++;
    return link_client_command(k->link, conn_session(c), c->slot, op);
}

/* Whether the user is in the chat is known above only. */
static enum rc submit_chat_query(struct conn *c, const struct op *op, enum link_query_kind kind)
{
    struct core *k = c->core;
    struct buf body = BUF_INIT;
    if (!has_user(c)) {
        return RC_UNAUTHENTICATED;
    }
    buf_add_char(&body, '{');
    json_key_u64(&body, "chat_id", op->cmd.chat_id);
    buf_add_char(&body, '}');
    k->stats.queries++;
    enum rc rc = buf_ok(&body) ? link_client_query(k->link, conn_session(c), c->slot, op,
                                                   kind, buf_str(&body))
                               : RC_NO_MEMORY;
    buf_release(&body);
    return rc;
}

static enum rc submit_subscribe(struct conn *c, const struct op *op)
{
    const struct interest *i = c->interest;
    uint64_t count = i != NULL ? (uint64_t)i->chats_count + i->asking : 0;
    if (count >= c->core->conf->subscriptions_max && !interest_has_chat(i, op->cmd.chat_id)) {
        return RC_TOO_BIG;
    }
    enum rc rc = submit_chat_query(c, op, LINK_QUERY_SUBSCRIBE);
    if (rc == RC_OK) {
        conn_interest(c)->asking++;
    }
    return rc;
}

static enum rc submit_login(struct conn *c, const struct op *op)
{
    if (c->slot != 0 || conn_has(c, CONN_IS_LOGGING_IN)) {
        return RC_CONFLICT;
    }
    struct op asked = *op;
    if (!core_recovery_ask(c, op)) {
        asked.recovery = STR_NONE;
    }
    enum rc rc = link_client_login(c->core->link, conn_session(c), c->dialect->id, c->peer_key, &asked);
    conn_set(c, CONN_IS_LOGGING_IN, rc == RC_OK);
    if (rc != RC_OK) {
        core_recovery_drop(c);
    }
    return rc;
}

static enum rc submit(struct conn *c, struct op *op)
{
    switch (op->kind) {
    case OP_COMMAND:
        return submit_command(c, op);
    case OP_AUTH:
        return link_client_reauth(c->core->link, conn_session(c), c->slot, op);
    case OP_SUBSCRIBE:
        return submit_subscribe(c, op);
    case OP_UNSUBSCRIBE:
        return submit_chat_query(c, op, LINK_QUERY_CHAT);
    case OP_LOGIN:
        return submit_login(c, op);
    default:
        BUG("a dialect submits an operation that nobody knows");
    }
}

/* -- operations that may end here ---------------------------------------------------------------------------------- */

/* What is no news is dropped, and what would take a place from commands when half of them are taken: the next frame says
 * it again, and it ends by itself above. */
static void type(struct conn *c, const struct op *op)
{
    struct core *k = c->core;
    struct op copy = *op;
    bool can_go = link_client_is_up(k->link) &&
                  (uint64_t)link_client_pending(k->link) * 2 < k->conf->commands_max;
    if (!has_user(c)) {
        dialect_fail(c, op->verb, op->ref, CODE_UNAUTHENTICATED);
        return;
    }
    core_has_spoken(c);
    if (!can_go || !interest_types(conn_interest(c), op->cmd.chat_id, op->cmd.number != 0, k->now_ms,
                                   k->conf->typing_repeat_ms, (uint32_t)k->conf->typing_per_s)) {
        k->stats.typing_dropped++;
    } else if (submit_command(c, &copy) != RC_OK) {
        answer_op(c, op, CODE_UNAVAILABLE);
    }
}

/* Behind subscriptions that have no answer yet an unsubscription goes the same way, so that the last word counts. */
static bool ends_here(const struct conn *c, const struct op *op)
{
    return op->kind == OP_UNSUBSCRIBE && (c->interest == NULL || c->interest->asking == 0);
}

/* The connection stays, as nobody's. */
static void log_out(struct conn *c)
{
    struct core *k = c->core;
    uint32_t slot = c->slot;
    core_recovery_ended(c);
    core_look_away(c);
    if (slot != 0) {
        (void)hub_leave(&k->hub, slot, c);
        c->slot = 0;
        c->expires_s = c->family = 0;
        core_left(k, slot, 0);
        if (c->eio != NULL) {
            eio_on_logout(c);
        }
    }
}

/* Clients do not try again after an answer, but they do when the connection ends. */
static bool may_pass(enum code code)
{
    return code == CODE_UNAVAILABLE || code == CODE_QUEUE_FULL || code == CODE_RESTARTING;
}

void dialect_submit(struct conn *c, const struct op *op)
{
    struct op copy = *op;
    BUG_IF(op->ref.len > DIALECT_REF_MAX_BYTES);
    if (core_is_held(c) || c->state != CONN_OPEN) {
        return;
    }
    if (op->kind == OP_COMMAND && op->cmd.kind == CMD_TYPING) {
        type(c, op);
        return;
    }
    if (op->kind == OP_LOGOUT) {
        core_has_spoken(c);
        log_out(c);
        return;
    }
    if (ends_here(c, op)) {
        core_has_spoken(c);
        core_unsubscribe(c, op->cmd.chat_id);
        answer_op(c, op, CODE_OK);
        return;
    }
    if (core_holds_instead(c)) {
        return;
    }
    core_has_spoken(c);
    enum rc rc = RC_RATE_LIMITED;
    if (core_within_rate(c)) {
        rc = submit(c, &copy);
    }
    enum code code = rc == RC_OK ? CODE_OK : rc == RC_RATE_LIMITED ? CODE_RATE_LIMITED : code_of(rc);
    if (op->kind == OP_LOGIN && may_pass(code)) {
        core_close(c, CODE_RESTARTING);
    } else if (code != CODE_OK) {
        answer_op(c, op, code);
    }
}

void dialect_fail(struct conn *c, uint8_t verb, struct str ref, enum code code)
{
    if (core_is_held(c)) {
        return;
    }
    core_has_spoken(c);
    core_answer_error(c, verb, ref, core_within_rate(c) ? code : CODE_RATE_LIMITED);
}

void dialect_close(struct conn *c, enum code code)
{
    core_has_spoken(c);
    core_close(c, code);
}

uint32_t dialect_options(const struct conn *c)
{
    return c->options;
}

void dialect_send(struct conn *c, struct str payload, bool binary)
{
    if (core_is_held(c)) {
        return;
    }
    core_has_spoken(c);
    struct msg *m = msg_new(binary ? MSG_BINARY : MSG_TEXT, payload, MSG_NO_HOLE); /* without payload, too */
    if (m == NULL) {
        core_close(c, CODE_INTERNAL);
        return;
    }
    core_send(c, m, 0);
}

/* -- results --------------------------------------------------------------------------------------------------------- */

static void end_command(struct conn *c, const struct pending *p, const struct op_result *result)
{
    bool ok = result->code == CODE_OK;
    if (result->code == CODE_OUTCOME_UNKNOWN) {
        conn_set(c, CONN_HEARS_ITSELF, true);
    }
    if (ok && p->cmd == CMD_FOCUS) {
        core_set_focus(c, p->chat_id, true);
    } else if (ok && p->cmd == CMD_MESSAGE_SEND && result->outcome.chat_id != 0) {
        core_set_focus(c, result->outcome.chat_id, false);
    }
    if (ok && c->dialect->joins != NULL && p->cmd == CMD_CHAT_CREATE_DIRECT) {
        (void)core_subscribe(c, result->outcome.chat_id, c->core->position); /* also to one that was there */
    }
    if (!ok || p->cmd != CMD_TYPING) {
        answer(c, result);
    }
}

static void end_subscribe(struct conn *c, const struct pending *p, const struct op_result *result)
{
    struct op_result shown = *result;
    c->interest->asking--;
    if (shown.code == CODE_OK && !core_subscribe(c, p->chat_id, c->core->position)) {
        shown.code = CODE_TOO_MANY_SUBSCRIPTIONS;
    }
    answer(c, &shown);
}

/* Whatever was answered above. */
static void end_unsubscribe(struct conn *c, const struct pending *p, const struct op_result *result)
{
    struct op_result shown = *result;
    core_unsubscribe(c, p->chat_id);
    shown.code = CODE_OK;
    answer(c, &shown);
}

/* Who asked has logged out meanwhile. */
static bool is_of_nobody(struct conn *c, const struct pending *p)
{
    if (!c->dialect->engine || c->slot != 0 || p->kind == OP_LOGIN) {
        return false;
    }
    if (p->kind == OP_SUBSCRIBE) {
        c->interest->asking--;
    }
    return true;
}

static void end_login(struct conn *c, const struct pending *p, const struct op_result *result)
{
    struct op_result shown = *result;
    if (may_pass(result->code)) {
        core_recovery_drop(c);
        core_close(c, CODE_RESTARTING);
    } else if (!core_recovery_holds(c, p, result)) {
        shown.recovery = core_recovery_pid(c);
        answer(c, &shown);
    }
}

void core_finish_op(struct core *k, const struct pending *p, const struct op_result *result)
{
    struct conn *c = conns_find(&k->conns, p->session);
    if (c == NULL || c->state == CONN_CLOSING) {
        return;
    }
    if (is_of_nobody(c, p)) {
        return;
    }
    switch (p->kind) {
    case OP_LOGIN:
        conn_set(c, CONN_IS_LOGGING_IN, false);
        end_login(c, p, result);
        break;
    case OP_COMMAND:
        end_command(c, p, result);
        break;
    case OP_SUBSCRIBE:
        end_subscribe(c, p, result);
        break;
    case OP_UNSUBSCRIBE:
        end_unsubscribe(c, p, result);
        break;
    default:
        answer(c, result);
    }
}
