#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/buf.h"
#include "ws/conn.h"
#include "ws/hub.h"

struct fixture {
    struct conns conns;
    struct hub hub;
    char seen[1024]; /* "index:number " of each call */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    conns_init(&f->conns, 5000, 41);
    hub_init(&f->hub, &f->conns,
             &(struct hub_limits){.users = 1000, .topics = 3, .set_members = 100});
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    hub_release(&f->hub);
    for (uint32_t i = 0; i < f->conns.made; i++) {
        struct conn *c = conns_at(&f->conns, i);
        if (c != NULL && c->interest != NULL) {
            free(c->interest);
        }
    }
    conns_release(&f->conns);
    free(f);
    return 0;
}

static struct conn *join(struct fixture *f, uint32_t slot, uint64_t user)
{
    struct conn *c = conns_take(&f->conns);
    assert_int_equal(hub_adopt(&f->hub, slot, user), RC_OK);
    hub_join(&f->hub, slot, c);
    return c;
}

static void on_conn(void *ctx, struct conn *c, uint32_t number)
{
    struct fixture *f = ctx;
    size_t len = strlen(f->seen);
    snprintf(f->seen + len, sizeof(f->seen) - len, "%u:%u ", c->index, number);
}

static const char *each(struct fixture *f, const struct link_recipients *to)
{
    f->seen[0] = '\0';
    hub_each(&f->hub, to, on_conn, f);
    return f->seen;
}

static enum rc set_add(struct fixture *f, uint64_t set, const uint32_t *slots, uint32_t count)
{
    struct buf b = BUF_INIT;
    for (uint32_t i = 0; i < count; i++) {
        buf_add_be32(&b, slots[i]);
    }
    struct rd r = rd_of(b.p, b.len);
    enum rc rc = hub_set_add(&f->hub, set, &r, count);
    buf_release(&b);
    return rc;
}

static void set_remove(struct fixture *f, uint64_t set, uint32_t slot)
{
    unsigned char bytes[4] = {(unsigned char)(slot >> 24), (unsigned char)(slot >> 16),
                              (unsigned char)(slot >> 8), (unsigned char)slot};
    struct rd r = rd_of(bytes, sizeof(bytes));
    hub_set_remove(&f->hub, set, &r, 1);
}

static void test_conns_ids_never_meet_a_later_tenant(void **state)
{
    struct fixture *f = *state;
    struct conn *a = conns_take(&f->conns);
    uint64_t first = conn_session(a);
    assert_int_equal(first >> 32, 42);
    assert_ptr_equal(conns_find(&f->conns, first), a);
    conns_give(&f->conns, a);
    assert_null(conns_find(&f->conns, first));
    struct conn *b = conns_take(&f->conns);
    assert_ptr_equal(a, b);
    assert_null(conns_find(&f->conns, first));
    assert_ptr_equal(conns_find(&f->conns, conn_session(b)), b);
    assert_null(conns_find(&f->conns, 99999));
}

static void test_conns_stop_at_the_limit(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5000; i++) {
        assert_non_null(conns_take(&f->conns));
    }
    assert_null(conns_take(&f->conns));
    conns_give(&f->conns, conns_at(&f->conns, 1234));
    assert_int_equal(conns_take(&f->conns)->index, 1234);
}

static void test_hub_finds_all_sessions_of_a_user(void **state)
{
    struct fixture *f = *state;
    struct conn *a = join(f, 3, 30), *b = join(f, 3, 30), *c = join(f, 3, 30);
    join(f, 4, 40);
    struct link_recipients to = {.to = LINK_TO_SLOTS, .count = 2, .slots = STR("\0\0\0\3\0\0\0\7")};
    assert_string_equal(each(f, &to), "2:0 1:0 0:0 ");
    assert_false(hub_leave(&f->hub, 3, b));
    assert_string_equal(each(f, &to), "2:0 0:0 ");
    assert_false(hub_leave(&f->hub, 3, c));
    assert_true(hub_leave(&f->hub, 3, a));
    assert_string_equal(each(f, &to), "");
    assert_null(hub_user(&f->hub, 3));
    assert_int_equal(f->hub.users_count, 1);
}

static void test_hub_counts_adopts_until_the_link_is_new(void **state)
{
    struct fixture *f = *state;
    struct conn *a = join(f, 3, 30);
    hub_leave(&f->hub, 3, a);
    join(f, 3, 31);
    assert_int_equal(f->hub.users[3].adopts, 2);
    join(f, 4, 40);
    hub_leave(&f->hub, 3, conns_at(&f->conns, 1));
    hub_forget_adopts(&f->hub);
    assert_int_equal(f->hub.users[3].adopts, 0);
    assert_int_equal(f->hub.users[4].adopts, 1);
}

static void test_hub_refuses_bad_slots(void **state)
{
    struct fixture *f = *state;
    join(f, 3, 30);
    assert_int_equal(hub_adopt(&f->hub, 0, 1), RC_PROTOCOL);
    assert_int_equal(hub_adopt(&f->hub, 1001, 1), RC_TOO_BIG);
    assert_int_equal(hub_adopt(&f->hub, 3, 31), RC_PROTOCOL);
    assert_null(hub_user(&f->hub, 900));
    assert_null(hub_user(&f->hub, UINT32_MAX));
}

static void test_hub_sets_gain_and_lose_members(void **state)
{
    struct fixture *f = *state;
    join(f, 1, 10);
    join(f, 2, 20);
    join(f, 3, 30);
    struct link_recipients to = {.to = LINK_TO_SET, .set = 77};
    assert_string_equal(each(f, &to), "");
    assert_int_equal(set_add(f, 77, (const uint32_t[]){1, 2}, 2), RC_OK);
    assert_int_equal(set_add(f, 77, (const uint32_t[]){2, 3}, 2), RC_OK);
    assert_int_equal(f->hub.members, 3);
    assert_string_equal(each(f, &to), "0:0 1:0 2:0 ");
    set_remove(f, 77, 1);
    set_remove(f, 77, 1);
    assert_string_equal(each(f, &to), "2:0 1:0 ");
    to.count = 1;
    to.slots = STR("\0\0\0\1");
    assert_string_equal(each(f, &to), "2:0 1:0 0:0 ");
    set_remove(f, 77, 2);
    set_remove(f, 77, 3);
    assert_int_equal(f->hub.set_index.count, 0);
    assert_int_equal(f->hub.members, 0);
    assert_int_equal(set_add(f, 0, (const uint32_t[]){1}, 1), RC_PROTOCOL);
}

static void test_hub_sets_are_bounded_and_cleared(void **state)
{
    struct fixture *f = *state;
    uint32_t slots[60];
    for (uint32_t i = 0; i < 60; i++) {
        slots[i] = i + 1;
    }
    for (uint64_t set = 1; set <= 40; set++) {
        assert_int_equal(set_add(f, set, slots, 2), RC_OK);
    }
    assert_int_equal(set_add(f, 41, slots, 60), RC_TOO_BIG);
    set_remove(f, 7, 1);
    set_remove(f, 7, 2);
    assert_int_equal(set_add(f, 50, slots, 1), RC_OK);
    hub_sets_clear(&f->hub);
    assert_int_equal(f->hub.members, 0);
    assert_int_equal(set_add(f, 41, slots, 60), RC_OK);
}

static void test_hub_passes_numbers_on(void **state)
{
    struct fixture *f = *state;
    join(f, 1, 10);
    join(f, 2, 20);
    struct link_recipients to = {.to = LINK_TO_SLOTS_NUMBERED, .count = 2,
                                 .slots = STR("\0\0\0\2\0\0\0\5\0\0\0\1\0\0\1\0")};
    assert_string_equal(each(f, &to), "1:5 0:256 ");
}

static struct conn *view(struct fixture *f, uint64_t topic)
{
    struct conn *c = conns_take(&f->conns);
    assert_int_equal(hub_topic_adopt(&f->hub, topic), RC_OK);
    hub_topic_join(&f->hub, topic, c);
    return c;
}

/* Takes all changes, the last first. */
static const char *changes(struct fixture *f)
{
    const struct hub_topic *t;
    f->seen[0] = '\0';
    while ((t = hub_topic_changed(&f->hub)) != NULL) {
        size_t len = strlen(f->seen);
        snprintf(f->seen + len, sizeof(f->seen) - len, "%u:%u/%u ", (unsigned)t->id, t->sessions,
                 t->adopts);
    }
    return f->seen;
}

static void test_hub_topics_have_sessions_with_and_without_users(void **state)
{
    struct fixture *f = *state;
    struct link_recipients to = {.to = LINK_TO_TOPIC, .set = 7};
    assert_string_equal(each(f, &to), "");
    struct conn *a = view(f, 7), *b = join(f, 1, 10), *c = view(f, 7), *d = view(f, 8);
    assert_int_equal(hub_topic_adopt(&f->hub, 7), RC_OK);
    hub_topic_join(&f->hub, 7, b);
    assert_string_equal(each(f, &to), "1:0 2:0 0:0 ");
    hub_topic_leave(&f->hub, c);
    assert_string_equal(each(f, &to), "1:0 0:0 ");
    hub_topic_leave(&f->hub, b);
    hub_topic_leave(&f->hub, a);
    assert_string_equal(each(f, &to), "");
    to.set = 8;
    assert_string_equal(each(f, &to), "3:0 ");
    hub_topic_leave(&f->hub, d);
    assert_int_equal(conn_topic(d), 0);
}

static void test_hub_reports_each_changed_topic_once(void **state)
{
    struct fixture *f = *state;
    struct conn *a = view(f, 7);
    view(f, 7);
    struct conn *b = view(f, 8);
    assert_string_equal(changes(f), "8:1/1 7:2/2 ");
    assert_string_equal(changes(f), "");
    hub_topic_leave(&f->hub, a);
    hub_topic_leave(&f->hub, b);
    assert_string_equal(changes(f), "8:0/1 7:1/2 ");
    view(f, 8);
    assert_string_equal(changes(f), "8:1/2 "); /* it was remembered */
    hub_topic_leave(&f->hub, conns_at(&f->conns, 3));
    hub_forget_adopts(&f->hub); /* and is no more on a new link */
    assert_string_equal(changes(f), "7:1/0 ");
    view(f, 8);
    assert_string_equal(changes(f), "8:1/1 ");
}

static void test_hub_topics_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct conn *a = view(f, 1);
    view(f, 2);
    view(f, 3);
    assert_int_equal(hub_topic_adopt(&f->hub, 4), RC_TOO_BIG);
    assert_int_equal(hub_topic_adopt(&f->hub, 2), RC_OK);
    hub_topic_leave(&f->hub, a);
    assert_int_equal(hub_topic_adopt(&f->hub, 4), RC_TOO_BIG);
    hub_forget_adopts(&f->hub);
    assert_int_equal(hub_topic_adopt(&f->hub, 4), RC_OK);
}

static void test_hub_all_means_everybody_who_is_logged_in(void **state)
{
    struct fixture *f = *state;
    join(f, 1, 10);
    struct conn *b = join(f, 2, 20);
    join(f, 2, 20);
    struct link_recipients to = {.to = LINK_TO_ALL};
    view(f, 7);
    assert_string_equal(each(f, &to), "0:0 1:0 2:0 ");
    hub_leave(&f->hub, 2, b);
    conns_give(&f->conns, b);
    assert_string_equal(each(f, &to), "0:0 2:0 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_conns_ids_never_meet_a_later_tenant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_conns_stop_at_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_finds_all_sessions_of_a_user, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_counts_adopts_until_the_link_is_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_refuses_bad_slots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_sets_gain_and_lose_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_sets_are_bounded_and_cleared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_passes_numbers_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_topics_have_sessions_with_and_without_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_reports_each_changed_topic_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_topics_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_all_means_everybody_who_is_logged_in, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
