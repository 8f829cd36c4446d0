#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ws/outq.h"

static struct msg *text(const char *payload)
{
    return msg_new(MSG_TEXT, str_of(payload), MSG_NO_HOLE);
}

static void push(struct outq_pool *p, struct outq *q, struct msg *m)
{
    assert_int_equal(outq_push(p, q, m, 0), RC_OK);
}

/* Everything that waits, batch after batch, as payload bytes of one-byte frames or raw bytes. */
static void drain(struct outq_pool *p, struct outq *q, size_t step, struct buf *out)
{
    struct buf rest = BUF_INIT;
    while (q->head != 0) {
        struct outq_batch b;
        outq_batch(p, q, &b);
        size_t take = b.bytes < step ? b.bytes : step;
        size_t left = take;
        for (unsigned i = 0; i < b.count && left > 0; i++) {
            size_t n = b.iov[i].iov_len < left ? b.iov[i].iov_len : left;
            buf_add(out, b.iov[i].iov_base, n);
            left -= n;
        }
        outq_sent(p, q, take, &rest);
        buf_add_str(out, buf_str(&rest));
        buf_clear(&rest);
    }
    buf_release(&rest);
}

static void test_outq_keeps_order_and_counts_bytes(void **state)
{
    (void)state;
    struct outq_pool p;
    struct outq q = {0};
    struct buf out = BUF_INIT;
    outq_pool_init(&p, 1000);
    push(&p, &q, text("a"));
    push(&p, &q, text("b"));
    push(&p, &q, text("c"));
    assert_int_equal(q.bytes, 9);
    assert_int_equal(p.bytes, 9);
    assert_int_equal(p.used, 3);
    drain(&p, &q, 1000, &out);
    assert_memory_equal(out.p, "\x81\x01" "a\x81\x01" "b\x81\x01" "c", 9);
    assert_int_equal(q.bytes + p.bytes + p.used + q.tail, 0);
    buf_release(&out);
    outq_pool_release(&p);
}

/* Whatever a socket takes at a time, the bytes are the same. Frames with a hole among them. */
static void test_outq_gives_the_same_bytes_for_every_short_write(void **state)
{
    (void)state;
    struct outq_pool p;
    struct buf whole = BUF_INIT, pieces = BUF_INIT;
    outq_pool_init(&p, 1000);
    for (size_t step = 1; step < 40; step++) {
        struct outq q = {0};
        for (uint32_t i = 0; i < 100; i++) {
            char payload[32];
            snprintf(payload, sizeof(payload), "%u:          !", i);
            size_t hole = i % 3 == 0 ? MSG_NO_HOLE : (size_t)(strchr(payload, ':') - payload + 1);
            assert_int_equal(
                outq_push(&p, &q, msg_new(MSG_TEXT, str_of(payload), hole), i * 1000003u), RC_OK);
        }
        struct buf *out = step == 1 ? &whole : &pieces;
        buf_clear(out);
        drain(&p, &q, step == 1 ? SIZE_MAX : step, out);
        if (step > 1) {
            assert_int_equal(pieces.len, whole.len);
            assert_memory_equal(pieces.p, whole.p, whole.len);
        }
    }
    buf_release(&whole);
    buf_release(&pieces);
    outq_pool_release(&p);
}

static void test_outq_push_over_limit_keeps_queue(void **state)
{
    (void)state;
    struct outq_pool p;
    struct outq q = {0};
    struct msg *m = text("x");
    outq_pool_init(&p, 2);
    push(&p, &q, msg_ref(m));
    push(&p, &q, msg_ref(m));
    assert_int_equal(outq_push(&p, &q, msg_ref(m), 0), RC_TOO_BIG);
    assert_int_equal(m->refs, 3);
    assert_int_equal(q.bytes, 6);
    outq_clear(&p, &q);
    assert_int_equal(m->refs, 1);
    push(&p, &q, m);
    outq_clear(&p, &q);
    outq_pool_release(&p);
}

static void test_outq_drops_only_ephemeral_frames(void **state)
{
    (void)state;
    struct outq_pool p;
    outq_pool_init(&p, 1000);
    for (unsigned pattern = 0; pattern < 64; pattern++) { /* which of 6 frames are ephemeral */
        struct outq q = {0};
        struct buf out = BUF_INIT;
        char expected[8] = "";
        unsigned dropped = 0;
        for (unsigned i = 0; i < 6; i++) {
            char payload[2] = {(char)('a' + i), '\0'};
            struct msg *m = text(payload);
            m->ephemeral = (pattern >> i & 1) != 0;
            dropped += m->ephemeral;
            if (!m->ephemeral) {
                expected[strlen(expected)] = payload[0];
            }
            push(&p, &q, m);
        }
        assert_int_equal(outq_drop_ephemeral(&p, &q), dropped);
        push(&p, &q, text("z"));
        expected[strlen(expected)] = 'z';
        assert_int_equal(q.bytes, 3 * strlen(expected));
        drain(&p, &q, 3, &out);
        for (size_t i = 0; i < strlen(expected); i++) {
            assert_int_equal(out.p[3 * i + 2], expected[i]);
        }
        buf_release(&out);
    }
    outq_pool_release(&p);
}

static struct msg *state(char payload, uint64_t key)
{
    struct msg *m = text((char[]){payload, '\0'});
    m->state_key = key;
    m->ephemeral = true;
    return m;
}

static void check_payloads(struct outq_pool *p, struct outq *q, const char *expected)
{
    struct buf out = BUF_INIT;
    size_t len = strlen(expected);
    assert_int_equal(q->bytes, 3 * len);
    drain(p, q, 1000, &out);
    assert_int_equal(out.len, 3 * len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(out.p[3 * i + 2], expected[i]);
    }
    assert_int_equal(q->head + q->tail + q->states + q->bytes, 0);
    buf_release(&out);
}

static void test_outq_newer_state_replaces_the_one_that_waits(void **unused)
{
    (void)unused;
    struct outq_pool p;
    struct outq q = {0};
    outq_pool_init(&p, 1000);
    push(&p, &q, state('A', 1));
    push(&p, &q, text("m"));
    push(&p, &q, state('B', 2));
    push(&p, &q, state('C', 3));
    push(&p, &q, state('b', 2)); /* from the middle */
    push(&p, &q, text("n"));
    push(&p, &q, state('a', 1)); /* from the front */
    push(&p, &q, state('x', 1)); /* from the end */
    assert_int_equal(p.replaced, 3);
    assert_int_equal(p.used, 5);
    check_payloads(&p, &q, "mCbnx");
    push(&p, &q, state('A', 1)); /* what has gone out is not there any more */
    check_payloads(&p, &q, "A");
    push(&p, &q, state('A', 1));
    push(&p, &q, text("m"));
    assert_int_equal(outq_drop_ephemeral(&p, &q), 1);
    push(&p, &q, state('B', 1));
    assert_int_equal(p.replaced, 3);
    check_payloads(&p, &q, "mB");
    outq_pool_release(&p);
}

/* Against the plain rule: of each key the newest stays, in the order of pushing. */
static void test_outq_states_agree_with_a_model(void **unused)
{
    (void)unused;
    enum { STEPS = 30000, ROOM = 64 };
    struct outq_pool p;
    struct outq q = {0};
    struct buf rest = BUF_INIT;
    char chars[ROOM];
    uint64_t keys[ROOM];
    unsigned count = 0;
    outq_pool_init(&p, 1000);
    srand(11);
    for (int step = 0; step < STEPS; step++) {
        if (rand() % 5 < 3 && count < ROOM) {
            uint64_t key = (uint64_t)rand() % 8;
            char c = (char)('a' + rand() % 26);
            push(&p, &q, state(c, key));
            for (unsigned i = 0; i < count && key != 0; i++) {
                if (keys[i] == key) {
                    memmove(&keys[i], &keys[i + 1], (count - i - 1) * sizeof(keys[0]));
                    memmove(&chars[i], &chars[i + 1], count - i - 1);
                    count--;
                }
            }
            keys[count] = key;
            chars[count++] = c;
        } else if (count > 0) {
            assert_int_equal(p.entries[q.head].m->bytes[2], chars[0]);
            assert_int_equal(outq_sent(&p, &q, 3, &rest), 1);
            count--;
            memmove(&keys[0], &keys[1], count * sizeof(keys[0]));
            memmove(&chars[0], &chars[1], count);
        }
        assert_int_equal(p.used, count);
    }
    outq_clear(&p, &q);
    assert_int_equal(q.states, 0);
    outq_pool_release(&p);
}

static void test_outq_states_of_one_queue_are_bounded(void **unused)
{
    (void)unused;
    struct outq_pool p;
    struct outq q = {0};
    outq_pool_init(&p, 5000);
    for (uint64_t key = 1; key <= OUTQ_STATES_MAX + 10; key++) {
        push(&p, &q, state('s', key));
    }
    assert_int_equal(p.used, OUTQ_STATES_MAX);
    assert_int_equal(p.entries[q.head].m->state_key, 11);
    push(&p, &q, state('t', 500)); /* one that waits makes room for itself */
    assert_int_equal(p.entries[q.head].m->state_key, 11);
    assert_int_equal(p.used, OUTQ_STATES_MAX);
    outq_clear(&p, &q);
    outq_pool_release(&p);
}

/* Many queues share the pool: entries are given back and used again, nothing is mixed up. */
static void test_outq_pool_serves_many_queues(void **state)
{
    (void)state;
    enum { QUEUES = 50, STEPS = 20000 };
    struct outq_pool p;
    struct outq q[QUEUES] = {{0}};
    unsigned in[QUEUES] = {0}, out[QUEUES] = {0};
    outq_pool_init(&p, 100000);
    srand(7);
    for (int step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)rand() % QUEUES;
        if (rand() % 3 != 0) {
            struct msg *m = text("xx");
            m->bytes[2] = (char)i;
            m->bytes[3] = (char)in[i]++;
            push(&p, &q[i], m);
        } else if (q[i].head != 0) {
            struct outq_batch b;
            struct buf rest = BUF_INIT;
            outq_batch(&p, &q[i], &b);
            const char *bytes = b.iov[0].iov_base;
            assert_int_equal((unsigned char)bytes[2], i);
            assert_int_equal((unsigned char)bytes[3], out[i]++ & 255);
            assert_int_equal(outq_sent(&p, &q[i], 4, &rest), 1);
            assert_int_equal(rest.len, 0);
        }
    }
    for (unsigned i = 0; i < QUEUES; i++) {
        outq_clear(&p, &q[i]);
    }
    assert_int_equal(p.used, 0);
    assert_int_equal(p.bytes, 0);
    outq_pool_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outq_keeps_order_and_counts_bytes),
        cmocka_unit_test(test_outq_gives_the_same_bytes_for_every_short_write),
        cmocka_unit_test(test_outq_push_over_limit_keeps_queue),
        cmocka_unit_test(test_outq_drops_only_ephemeral_frames),
        cmocka_unit_test(test_outq_newer_state_replaces_the_one_that_waits),
        cmocka_unit_test(test_outq_states_agree_with_a_model),
        cmocka_unit_test(test_outq_states_of_one_queue_are_bounded),
        cmocka_unit_test(test_outq_pool_serves_many_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
