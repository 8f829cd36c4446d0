/*
 * fuzz_dialect_socketio.c -- any frames of a Socket.IO client, with the echo namespaces and without
 *
 * The first byte chooses whether the connection is marked for the echo; then frames follow, each behind a byte: its
 * lowest bit says binary, the next whether waiting operations are answered first, the rest how long it is.
 */
#include "shared/json.h"
#include "shared/mem.h"
#include "tests/fuzz/fuzz.h"
#include "ws/dialect_socketio.h"

#define REFS_MAX 64

struct conn {
    struct socketio *state;
    uint32_t options;
    bool closed, waits;
    struct op op;
    char ref[REFS_MAX];
};

/* Behind the types, the namespace and numbers: nothing, or JSON. */
static void check_frame(struct str frame)
{
    const struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct sio_packet p;
    size_t at = 0;
    const char *slash = memchr(frame.p, '/', frame.len < 8 ? frame.len : 8);
    const char *comma = slash != NULL ? memchr(slash, ',', (size_t)(frame.p + frame.len - slash)) : NULL;
    at = comma != NULL ? (size_t)(comma - frame.p) : 0; /* a namespace may hold anything but a comma */
    while (at < frame.len && frame.p[at] != '[' && frame.p[at] != '{') {
        at++;
    }
    CHECK(frame.len > 1 && frame.p[0] == '4');
    CHECK(at == frame.len || json_scan(str_from(frame, at), &limits, NULL, NULL) == RC_OK);
    CHECK(frame.p[1] == '4' || sio_read(str_from(frame, 1), SOCKETIO_ATTACHMENTS_MAX, &limits, &p) == RC_OK);
}

static void answer(struct conn *c, const struct op_result *r)
{
    struct buf out = BUF_INIT;
    struct dialect_view v = {.log_prefix = 1, .viewer_id = 1, .now_us = 1};
    struct dialect_frame f = {.out = &out, .number_at = DIALECT_NO_NUMBER};
    dialect_socketio.settle(c->state, r);
    do {
        f.more = false;
        buf_clear(&out);
        dialect_socketio.answer(r, &v, &f);
        if (out.len > 0) {
            check_frame(buf_str(&out));
        }
        f.part++;
        CHECK(f.part < 4);
    } while (f.more);
    buf_release(&out);
}

void dialect_submit(struct conn *c, const struct op *op)
{
    CHECK(!c->closed && op->ref.len < REFS_MAX);
    c->waits = op->kind != OP_LOGOUT;
    c->op = *op;
    if (op->ref.len > 0) {
        memcpy(c->ref, op->ref.p, op->ref.len);
    }
    c->op.ref = (struct str){c->ref, op->ref.len};
}

void dialect_fail(struct conn *c, uint8_t verb, struct str ref, enum code code)
{
    CHECK(!c->closed && code != CODE_OK);
    answer(c, &(struct op_result){.verb = verb, .ref = ref, .code = code});
}

void dialect_send(struct conn *c, struct str payload, bool binary)
{
    CHECK(!c->closed);
    if (!binary) {
        check_frame(payload);
    }
}

void dialect_close(struct conn *c, enum code code)
{
    CHECK(code != CODE_OK);
    c->closed = true;
}

uint32_t dialect_options(const struct conn *c)
{
    return c->options;
}

static void answer_waiting(struct conn *c, bool well)
{
    struct op_result r = {.kind = c->op.kind, .verb = c->op.verb, .ref = c->op.ref,
                          .code = well ? CODE_OK : CODE_TOKEN_EXPIRED, .session = STR("S"),
                          .outcome = {.chat_id = 1, .message_id = 2, .at_us = 3}};
    if (c->waits) {
        c->waits = false;
        answer(c, &r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct socketio state = {0};
    struct conn c = {.state = &state};
    size_t at = 0;
    if (size > 0) {
        c.options = data[at++] & 1 ? CONN_FIXTURE : 0;
    }
    while (at < size && !c.closed) {
        uint8_t head = data[at++];
        size_t len = head >> 2;
        len = len * 4 < size - at ? len * 4 : size - at;
        if (head & 2) {
            answer_waiting(&c, (head & 4) != 0);
        }
        dialect_socketio.receive(&c, &state, (struct str){(const char *)data + at, len}, head & 1);
        at += len;
    }
    dialect_socketio.close(&state);
    return 0;
}
