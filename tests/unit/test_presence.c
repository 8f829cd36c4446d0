/* Who looks at which chat: against a plain list that does the same. */
#include "tests/unit/unit.h"

#include "rest/metrics.h"
#include "rest/presence.h"

static bool has(const uint64_t *users, unsigned count, uint64_t user)
{
    for (unsigned i = 0; i < count; i++) {
        if (users[i] == user) {
            return true;
        }
    }
    return false;
}

static void test_focus_lasts_for_the_age_limit(void **state)
{
    (void)state;
    struct presence *p = presence_new(100, 45000);
    uint64_t users[8];
    assert_int_equal(presence_focused(p, 1, 0, users, 8), 0);
    presence_focus(p, 1, 10, 1, 1000);
    presence_focus(p, 1, 11, 1, 2000);
    presence_focus(p, 2, 12, 1, 2000);
    assert_int_equal(presence_focused(p, 1, 46000, users, 8), 2);
    assert_true(users[0] == 11 && users[1] == 10); /* the newest first */
    assert_int_equal(presence_focused(p, 1, 46001, users, 8), 1);
    assert_int_equal(users[0], 11);
    presence_focus(p, 1, 10, 1, 46500);
    assert_int_equal(presence_focused(p, 1, 46500, users, 8), 2);
    assert_int_equal(presence_focused(p, 1, 46500, users, 1), 1);
    assert_int_equal(users[0], 10);
    presence_set_max_age(p, 100);
    assert_int_equal(presence_focused(p, 1, 46601, users, 8), 0);
    presence_free(p);
}

static void test_leaving_ends_it_for_that_link_only(void **state)
{
    (void)state;
    struct presence *p = presence_new(100, 45000);
    uint64_t users[8];
    presence_focus(p, 1, 10, 1, 1000);
    presence_focus(p, 1, 10, 2, 1000);
    presence_unfocus(p, 1, 10, 1);
    presence_unfocus(p, 1, 10, 1);
    presence_unfocus(p, 7, 10, 2);
    assert_int_equal(presence_focused(p, 1, 1000, users, 8), 1);
    presence_focus(p, 2, 10, 2, 1000);
    presence_focus(p, 2, 10, 3, 1000);
    presence_gone(p, 10, 2);
    presence_gone(p, 99, 2);
    assert_int_equal(presence_focused(p, 1, 1000, users, 8), 0);
    assert_int_equal(presence_focused(p, 2, 1000, users, 8), 1);
    presence_free(p);
}

static void test_the_quietest_gives_way(void **state)
{
    (void)state;
    struct presence *p = presence_new(3, 45000);
    uint64_t users[8];
    int64_t evicted = metric_get(METRIC_FOCUS_EVICTED);
    for (uint64_t user = 1; user <= 3; user++) {
        presence_focus(p, 5, user, 1, 1000 + user);
    }
    presence_focus(p, 5, 1, 1, 2000); /* not the quietest any more */
    presence_focus(p, 5, 4, 1, 2001);
    assert_int_equal(presence_focused(p, 5, 2001, users, 8), 3);
    assert_false(has(users, 3, 2));
    assert_int_equal(metric_get(METRIC_FOCUS_EVICTED), evicted + 1);
    assert_int_equal(metric_get(METRIC_FOCUS_ENTRIES), 3);
    /* Those that are too old go by themselves, two for one. */
    presence_focus(p, 5, 9, 1, 100000);
    assert_int_equal(metric_get(METRIC_FOCUS_ENTRIES), 2);
    assert_int_equal(metric_get(METRIC_FOCUS_EVICTED), evicted + 1);
    presence_free(p);
}

enum { CHATS = 6, USERS = 9, LINKS = 3, ALL = CHATS * USERS * LINKS, AGE = 50 };

static void compare(unsigned max)
{
    struct presence *p = presence_new(max, AGE);
    uint64_t at[CHATS][USERS][LINKS] = {{{0}}}, now = 1, seed = 88172645463325252u;
    for (unsigned step = 0; step < 200000; step++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        unsigned r = (unsigned)(seed >> 20), chat = r % CHATS, user = r / 8 % USERS, link = r / 128 % LINKS;
        uint64_t users[USERS * LINKS];
        now += r / 512 % 2;
        switch (r / 1024 % 8) {
        case 0:
            presence_unfocus(p, chat + 1, user + 1, link + 1);
            at[chat][user][link] = 0;
            break;
        case 1:
            presence_gone(p, user + 1, link + 1);
            for (unsigned c = 0; c < CHATS; c++) {
                at[c][user][link] = 0;
            }
            break;
        default:
            presence_focus(p, chat + 1, user + 1, link + 1, now);
            at[chat][user][link] = now;
        }
        unsigned want = 0, got = presence_focused(p, chat + 1, now, users, USERS * LINKS);
        for (unsigned u = 0; u < USERS; u++) {
            for (unsigned l = 0; l < LINKS; l++) {
                bool fresh = at[chat][u][l] != 0 && now <= at[chat][u][l] + AGE;
                want += fresh;
                assert_true(!fresh || max < ALL || has(users, got, u + 1));
            }
        }
        assert_true(max < ALL ? got <= want : got == want);
        assert_true(metric_get(METRIC_FOCUS_ENTRIES) <= max);
    }
    presence_free(p);
}

static void test_it_does_as_a_plain_list_would(void **state)
{
    (void)state;
    compare(ALL);
    compare(60);
    compare(16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_focus_lasts_for_the_age_limit),
        cmocka_unit_test(test_leaving_ends_it_for_that_link_only),
        cmocka_unit_test(test_the_quietest_gives_way),
        cmocka_unit_test(test_it_does_as_a_plain_list_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
