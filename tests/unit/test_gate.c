/* At most one per period, and the last one is never lost. */
#include "tests/unit/unit.h"

#include "rest/gate.h"
#include "shared/event.h"

static struct happening by(uint64_t actor, uint64_t seq)
{
    return (struct happening){.chat_id = 1, .actor_id = actor, .seq = seq, .kind = 7};
}

static bool pass(struct gate *g, uint64_t key, uint64_t actor, uint64_t seq, uint64_t now)
{
    struct happening h = by(actor, seq);
    return gate_pass(g, key, &h, now, 250);
}

static void test_the_first_passes_and_the_last_is_kept(void **state)
{
    (void)state;
    struct gate g = GATE_INIT;
    struct happening h;
    uint32_t at = 0;
    assert_true(pass(&g, 5, 10, 1, 1000));
    assert_false(pass(&g, 5, 10, 2, 1000));
    assert_true(pass(&g, 6, 10, 9, 1001));
    assert_false(pass(&g, 5, 10, 3, 1249));
    assert_false(gate_next(&g, &at, 1249, 250, &h));
    at = 0;
    assert_true(gate_next(&g, &at, 1250, 250, &h));
    assert_true(h.seq == 3 && h.actor_id == 10 && h.kind == 7);
    assert_false(gate_next(&g, &at, 1250, 250, &h));
    /* The one given out begins a period as well. */
    assert_false(pass(&g, 5, 10, 4, 1499));
    at = 0;
    assert_true(gate_next(&g, &at, 1500, 250, &h));
    assert_true(h.seq == 4);
    /* Quiet for a period: forgotten. */
    at = 0;
    assert_false(gate_next(&g, &at, 1750, 250, &h));
    assert_int_equal(g.count, 0);
    assert_int_equal(g.at.count, 0);
    assert_true(pass(&g, 5, 10, 5, 1751));
    /* What is held is not overtaken, however late it is given out. */
    assert_false(pass(&g, 5, 10, 6, 1800));
    assert_false(pass(&g, 5, 10, 7, 9000));
    at = 0;
    assert_true(gate_next(&g, &at, 9000, 250, &h));
    assert_true(h.seq == 7);
    gate_release(&g);
}

static void test_of_several_doers_none_is_named(void **state)
{
    (void)state;
    struct happening a = by(10, 1), b = by(11, 2), c = by(11, 3);
    happening_merge(&a, &b);
    assert_true(a.actor_id == 0 && a.seq == 2);
    happening_merge(&a, &c);
    assert_true(a.actor_id == 0 && a.seq == 3);
    happening_merge(&b, &c);
    assert_int_equal(b.actor_id, 11);
    c.kind = 8;
    happening_merge(&b, &c);
    assert_true(b.actor_id == 0 && b.kind == 8);
}

static void test_a_deletion_is_not_forgotten_over_what_comes_behind_it(void **state)
{
    (void)state;
    struct happening a = by(10, 1), b = by(10, 2);
    a.kind = EV_MESSAGE_DELETED;
    happening_merge(&a, &b);
    assert_true(a.kind == EV_MESSAGE_DELETED && a.actor_id == 0 && a.seq == 2);
    b.kind = EV_MESSAGE_EDITED;
    happening_merge(&a, &b);
    assert_true(a.kind == EV_MESSAGE_DELETED && a.actor_id == 0);
}

/* Many keys that come and go: each is given out at most once a period, and the last of each in the end. */
static void test_nothing_is_lost_among_many_keys(void **state)
{
    (void)state;
    struct gate g = GATE_INIT;
    enum { KEYS = 50 };
    uint64_t out_ms[KEYS] = {0}, last_in[KEYS] = {0}, last_out[KEYS] = {0}, seed = 88172645463325252u, now = 1000;
    for (unsigned step = 0; step < 100000; step++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        unsigned key = (unsigned)(seed >> 20) % KEYS;
        struct happening h = {.chat_id = key, .seq = step + 1};
        now += (seed >> 40) % 3;
        if (step < 90000) {
            last_in[key] = step + 1;
            if (gate_pass(&g, key + 1, &h, now, 250)) {
                assert_true(out_ms[key] == 0 || now >= out_ms[key] + 250);
                out_ms[key] = now;
                last_out[key] = step + 1;
            }
        }
        for (uint32_t at = 0; step % 7 == 0 && gate_next(&g, &at, now, 250, &h);) {
            assert_true(now >= out_ms[h.chat_id] + 250);
            assert_true(h.seq > last_out[h.chat_id]);
            out_ms[h.chat_id] = now;
            last_out[h.chat_id] = h.seq;
        }
    }
    for (unsigned i = 0; i < KEYS; i++) {
        assert_true(last_in[i] == last_out[i]);
    }
    assert_int_equal(g.count, 0);
    gate_release(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_passes_and_the_last_is_kept),
        cmocka_unit_test(test_of_several_doers_none_is_named),
        cmocka_unit_test(test_a_deletion_is_not_forgotten_over_what_comes_behind_it),
        cmocka_unit_test(test_nothing_is_lost_among_many_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
