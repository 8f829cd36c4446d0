#include "tests/unit/unit.h"

#include "rest/feed_int.h"
#include "shared/clock.h"

static void push(struct ring *r, uint64_t id, size_t bytes)
{
    static const char text[1000];
    ring_push(r, ring_entry_new(&(struct event){.event_id = id, .chat_id = 3, .kind = EV_READ},
                                (struct str){text, bytes}, id > 1 ? id - 1 : 0));
}

static void test_it_grows_and_keeps_every_place(void **state)
{
    (void)state;
    struct ring r;
    ring_init(&r, 7);
    assert_null(ring_at(&r, 7));
    for (uint64_t id = 7; id < 7 + 5000; id++) {
        push(&r, id, 10);
    }
    assert_true(r.room >= 5000 && r.first == 7 && r.next == 5007);
    for (uint64_t id = 7; id < 5007; id++) {
        assert_true(ring_at(&r, id)->id == id);
    }
    assert_null(ring_at(&r, 6));
    assert_null(ring_at(&r, 5007));
    assert_null(ring_at(&r, 0));
    ring_release(&r);
}

static void test_it_is_trimmed_by_bytes(void **state)
{
    (void)state;
    struct ring r;
    ring_init(&r, 1);
    for (uint64_t id = 1; id <= 10000; id++) {
        push(&r, id, 100);
        ring_trim(&r, 20000, 0);
        assert_true(r.bytes <= 20000);
    }
    assert_true(r.next == 10001 && r.next - r.first > 80);
    assert_true(r.room <= 1024); /* places are used again */
    assert_true(ring_at(&r, r.first)->id == r.first);
    ring_trim(&r, 0, 0);
    assert_true(r.first == r.next && r.bytes == 0);
    push(&r, 10001, 5);
    assert_non_null(ring_at(&r, 10001));
    ring_release(&r);
}

static void test_it_is_trimmed_by_age(void **state)
{
    (void)state;
    struct ring r;
    ring_init(&r, 1);
    for (uint64_t id = 1; id <= 10; id++) {
        push(&r, id, 10);
        ((struct ring_entry *)(uintptr_t)ring_at(&r, id))->at_ms = id * 100;
    }
    ring_trim(&r, UINT64_MAX, 500);
    assert_true(r.first == 5);
    ring_trim(&r, UINT64_MAX, mono_ms() + 1000000);
    assert_true(r.first == 11);
    ring_release(&r);
}

static void test_the_list_of_own_events_follows(void **state)
{
    (void)state;
    struct ring r;
    ring_init(&r, 1);
    assert_true(ring_own_after(&r, 0) == r.own_count);
    for (uint64_t id = 1; id <= 5000; id++) {
        push(&r, id, 100);
        for (uint32_t u = 0; u < id % 3; u++) {
            ring_push_own(&r, id, u);
        }
        ring_trim(&r, 10000, 0);
        assert_true(r.own_first == r.own_count || r.own[r.own_first].event_id >= r.first);
        assert_true(r.own_room <= 1024);
    }
    for (uint64_t after = r.first - 1; after < r.next; after++) {
        size_t at = ring_own_after(&r, after);
        assert_true(at == r.own_count || r.own[at].event_id > after);
        assert_true(at == r.own_first || r.own[at - 1].event_id <= after);
    }
    ring_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_grows_and_keeps_every_place),
        cmocka_unit_test(test_it_is_trimmed_by_bytes),
        cmocka_unit_test(test_it_is_trimmed_by_age),
        cmocka_unit_test(test_the_list_of_own_events_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
