#include "tests/lib/fuzz_dialect.h"

#include "shared/json.h"
#include "shared/mem.h"
#include "tests/fuzz/fuzz.h"

struct conn {
    const struct dialect *dialect;
    void *state;
    unsigned count; /* of things that came of frames */
    bool submitted;
    struct op op; /* its views are gone but for ref */
    struct buf ref;
};

static void check_json(const struct buf *out)
{
    const struct json_limits limits = JSON_LIMITS_DEFAULT;
    size_t at;
    CHECK(buf_ok(out));
    CHECK(json_scan(buf_str(out), &limits, &at, NULL) == RC_OK);
}

static void answer(const struct conn *c, const struct op_result *r, bool ext)
{
    struct buf out = BUF_INIT;
    struct dialect_frame f = {.out = &out, .number_at = DIALECT_NO_NUMBER};
    struct dialect_view v = {.ext = ext, .log_prefix = 0xabcd1234, .viewer_id = 1, .now_us = 1};
    c->dialect->answer(r, &v, &f);
    CHECK(out.len > 0 || r->code == CODE_OK); /* success may be silent */
    if (out.len > 0) {
        check_json(&out);
    }
    buf_release(&out);
}

static void check_op(const struct op *op)
{
    const struct cmd *cmd = &op->cmd;
    CHECK(op->ref.len <= DIALECT_REF_MAX_BYTES);
    CHECK(cmd->chat_id <= ID_MAX && cmd->user_id <= ID_MAX && cmd->message_id <= ID_MAX);
    switch (op->kind) {
    case OP_COMMAND:
        CHECK(cmd->kind != CMD_NONE);
        CHECK(cmd->kind != CMD_TYPING || cmd->number <= 1);
        break;
    case OP_AUTH:
        CHECK(op->token.len > 0);
        break;
    default:
        CHECK(op->kind == OP_SUBSCRIBE || op->kind == OP_UNSUBSCRIBE);
        CHECK(cmd->chat_id != 0);
    }
}

void dialect_submit(struct conn *c, const struct op *op)
{
    check_op(op);
    c->count++;
    c->submitted = true;
    c->op = *op;
    buf_add_str(&c->ref, op->ref);
}

void dialect_fail(struct conn *c, uint8_t verb, struct str ref, enum code code)
{
    CHECK(code != CODE_OK && ref.len <= DIALECT_REF_MAX_BYTES);
    c->count++;
    answer(c, &(struct op_result){.verb = verb, .ref = ref, .code = code}, true);
}

void dialect_close(struct conn *c, enum code code)
{
    CHECK(code != CODE_OK);
    c->count++;
}

uint32_t dialect_options(const struct conn *c)
{
    (void)c;
    return 0;
}

void dialect_send(struct conn *c, struct str payload, bool binary)
{
    struct buf out = BUF_INIT;
    CHECK(!binary);
    c->count++;
    buf_add_str(&out, payload);
    check_json(&out);
    buf_release(&out);
}

static void answer_all(const struct conn *c)
{
    struct op_result r = {.kind = c->op.kind,
                          .verb = c->op.verb,
                          .hint = c->op.hint,
                          .ref = buf_str(&c->ref),
                          .outcome = {.chat_id = 1}};
    for (int code = CODE_OK + 1; code < CODE_COUNT; code++) {
        r.code = (enum code)code;
        answer(c, &r, code % 2 == 0);
    }
    r.code = CODE_OK;
    r.outcome = (struct outcome){.event_id = 7, .chat_id = 1, .message_id = 7, .seq = 1};
    answer(c, &r, true);
    answer(c, &r, false);
}

int fuzz_dialect(enum dialect_id id, const uint8_t *data, size_t size)
{
    struct conn c = {.dialect = dialect_by_id(id), .ref = BUF_INIT};
    struct str message = {size > 0 ? (const char *)data : "", size};
    c.state = mem_new(c.dialect->state_bytes + 1);
    c.dialect->receive(&c, c.state, message, false);
    CHECK(c.count == 1);
    if (c.submitted) {
        answer_all(&c);
    }
    c.dialect->receive(&c, c.state, message, true);
    CHECK(c.count == 2);
    if (c.dialect->close != NULL) {
        c.dialect->close(c.state);
    }
    free(c.state);
    buf_release(&c.ref);
    return 0;
}
