/* fuzz_dialect_rooms.c -- any bytes as a client frame: exactly one thing comes of it, and what comes out is JSON */
#include "shared/json.h"
#include "tests/fuzz/fuzz.h"
#include "ws/dialect_rooms.h"

struct conn {
    unsigned count;
    bool submitted;
    struct op op;
    struct buf ref;
};

static void check_json(const struct buf *out)
{
    const struct json_limits limits = JSON_LIMITS_DEFAULT;
    size_t at;
    CHECK(buf_ok(out) && out->len > 0);
    CHECK(json_scan(buf_str(out), &limits, &at, NULL) == RC_OK);
}

static void answer(const struct op_result *r, bool ext)
{
    struct buf out = BUF_INIT;
    struct dialect_frame f = {.out = &out, .number_at = DIALECT_NO_NUMBER};
    struct dialect_view v = {.ext = ext, .log_prefix = 0xabcd1234, .viewer_id = 1};
    dialect_rooms.answer(r, &v, &f);
    check_json(&out);
    buf_release(&out);
}

void dialect_submit(struct conn *c, const struct op *op)
{
    CHECK(op->ref.len <= DIALECT_REF_MAX_BYTES);
    CHECK(op->kind == OP_COMMAND || (op->kind == OP_AUTH && op->token.len > 0));
    CHECK(op->kind != OP_COMMAND || op->cmd.kind != CMD_NONE);
    CHECK(op->cmd.chat_id <= ID_MAX && op->cmd.user_id <= ID_MAX && op->cmd.message_id <= ID_MAX);
    c->count++;
    c->submitted = true;
    c->op = *op;
    buf_add_str(&c->ref, op->ref);
}

void dialect_fail(struct conn *c, uint8_t verb, struct str ref, enum code code)
{
    CHECK(code != CODE_OK);
    c->count++;
    answer(&(struct op_result){.verb = verb, .ref = ref, .code = code}, true);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conn c = {.ref = BUF_INIT};
    dialect_rooms.receive(&c, NULL, (struct str){size > 0 ? (const char *)data : "", size}, false);
    CHECK(c.count == 1);
    if (c.submitted) {
        struct op_result r = {.kind = c.op.kind,
                              .verb = c.op.verb,
                              .hint = c.op.hint,
                              .ref = buf_str(&c.ref),
                              .outcome = {.event_id = 7, .chat_id = 1, .message_id = 7, .seq = 1}};
        answer(&r, true);
        answer(&r, false);
    }
    buf_release(&c.ref);
    dialect_rooms.receive(&c, NULL, (struct str){size > 0 ? (const char *)data : "", size}, true);
    CHECK(c.count == 2);
    return 0;
}
