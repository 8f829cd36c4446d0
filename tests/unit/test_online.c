/* Who is there, as others are told. */
#include "tests/unit/unit.h"

#include "rest/online.h"

static void test_who_comes_is_told_at_once_and_who_goes_after_a_time_of_grace(void **state)
{
    (void)state;
    struct online *o = online_new();
    struct seen s;
    assert_false(online_next(o, 1000, &s));
    assert_true(!online_get(o, 7).online && online_get(o, 7).seen_us == 0);
    online_comes(o, 7, 1000, 111, false);
    assert_true(online_get(o, 7).online);
    assert_true(online_next(o, 1000, &s));
    assert_true(s.user == 7 && s.online && s.seen_us == 111);
    assert_int_equal(online_count(o), 1);
    assert_false(online_next(o, 1000, &s));
    online_goes(o, 7, 12000, 222);
    assert_false(online_next(o, 11999, &s));
    assert_true(online_get(o, 7).online);
    assert_true(online_next(o, 12000, &s));
    assert_true(s.user == 7 && !s.online && s.seen_us == 222);
    assert_int_equal(online_count(o), 0);
    online_free(o);
}

static void test_who_comes_back_in_time_was_never_gone(void **state)
{
    (void)state;
    struct online *o = online_new();
    struct seen s;
    online_comes(o, 7, 1000, 1, false);
    assert_true(online_next(o, 1000, &s));
    online_goes(o, 7, 11000, 2);
    online_comes(o, 7, 10999, 3, false);
    assert_false(online_next(o, 50000, &s));
    assert_true(online_get(o, 7).online && online_get(o, 7).seen_us == 3);
    online_goes(o, 7, 61000, 4);
    assert_false(online_next(o, 60999, &s));
    assert_true(online_next(o, 61000, &s));
    online_free(o);
}

/* Here and gone before anybody was told: it was nothing, but for the time. */
static void test_a_short_visit_is_no_news(void **state)
{
    (void)state;
    struct online *o = online_new();
    struct seen s, stored[4];
    online_comes(o, 7, 1000, 1, false);
    online_goes(o, 7, 11000, 2);
    assert_false(online_next(o, 90000, &s));
    assert_int_equal(online_take_changed(o, stored, 4), 1);
    assert_true(stored[0].user == 7 && !stored[0].online && stored[0].seen_us == 2);
    online_free(o);
}

static void test_a_restart_is_no_news_for_those_who_come_back(void **state)
{
    (void)state;
    struct online *o = online_new();
    struct seen s;
    online_load(o, 1, 100, true, 61000);
    online_load(o, 2, 200, true, 61000);
    online_load(o, 3, 300, false, 61000);
    assert_true(online_get(o, 1).online && !online_get(o, 3).online);
    assert_int_equal(online_get(o, 3).seen_us, 300);
    assert_int_equal(online_count(o), 2);
    online_comes(o, 1, 2000, 101, false);
    online_comes(o, 4, 2000, 401, true); /* was there, though it had not been stored yet */
    assert_false(online_next(o, 60999, &s));
    assert_true(online_get(o, 4).online);
    assert_true(online_next(o, 61000, &s));
    assert_true(s.user == 2 && !s.online && s.seen_us == 200);
    assert_false(online_next(o, 99000, &s));
    assert_int_equal(online_count(o), 2);
    online_free(o);
}

static void test_what_changed_is_stored_once(void **state)
{
    (void)state;
    struct online *o = online_new();
    struct seen s, stored[8];
    for (uint32_t user = 0; user < 5; user++) {
        online_comes(o, user, 1000, 10 + user, false);
    }
    while (online_next(o, 1000, &s)) {
    }
    assert_int_equal(online_take_changed(o, stored, 3), 3);
    assert_int_equal(online_take_changed(o, stored + 3, 5), 2);
    assert_int_equal(online_take_changed(o, stored, 8), 0);
    online_changed(o, 2); /* could not be stored */
    online_changed(o, 2);
    assert_int_equal(online_take_changed(o, stored, 8), 1);
    assert_true(stored[0].user == 2 && stored[0].online && stored[0].seen_us == 12);
    online_goes(o, 4, 2000, 40);
    assert_true(online_next(o, 2000, &s));
    online_stop(o, 99);
    unsigned n = online_take_changed(o, stored, 8);
    assert_int_equal(n, 5);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(stored[i].seen_us, stored[i].user == 4 ? 40 : 99);
        assert_int_equal(stored[i].online, stored[i].user != 4);
    }
    online_free(o);
}

/* Whatever happens in whatever order: what was told last is what is so, once all is quiet, and nothing was told twice. */
static void test_in_the_end_everybody_was_told_what_is_so(void **state)
{
    (void)state;
    enum { USERS = 40 };
    struct online *o = online_new();
    struct seen s;
    bool here[USERS] = {false}, told[USERS] = {false};
    uint64_t now = UINT32_MAX - 20000, seed = 88172645463325252u; /* the low half of the time turns over */
    for (unsigned step = 0; step < 200000; step++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        uint32_t user = (uint32_t)(seed >> 20) % USERS;
        now += (seed >> 40) % 3;
        if (step < 150000 && (seed >> 50) % 4 == 0) {
            here[user] = !here[user];
            if (here[user]) {
                online_comes(o, user, now, now * 1000, false);
            } else {
                online_goes(o, user, now + (seed >> 55) % 2 * 500 + 100, now * 1000);
            }
        }
        if ((seed >> 58) % 3 == 0 && online_next(o, now, &s)) {
            assert_true(told[s.user] != s.online);
            assert_true(here[s.user] == s.online);
            told[s.user] = s.online;
        }
    }
    uint32_t count = 0;
    for (unsigned i = 0; i < USERS; i++) {
        assert_true(told[i] == here[i] && online_get(o, i).online == here[i]);
        count += here[i];
    }
    assert_int_equal(online_count(o), count);
    online_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_comes_is_told_at_once_and_who_goes_after_a_time_of_grace),
        cmocka_unit_test(test_who_comes_back_in_time_was_never_gone),
        cmocka_unit_test(test_a_short_visit_is_no_news),
        cmocka_unit_test(test_a_restart_is_no_news_for_those_who_come_back),
        cmocka_unit_test(test_what_changed_is_stored_once),
        cmocka_unit_test(test_in_the_end_everybody_was_told_what_is_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
