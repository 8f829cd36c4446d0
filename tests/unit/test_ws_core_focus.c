/* The worker's core: subscriptions, focus, typing, watches, and what a lost link does to them. */
#include <stdio.h>

#include "tests/lib/core_world.h"
#include "tests/unit/unit.h"

enum { ROOMS = DIALECT_ROOMS, SUBS = DIALECT_SUBSCRIBE };

static int set_up(void **state)
{
    struct world *w = world_new();
    w->conf->focus_report_ms = 1000;
    w->conf->typing_repeat_ms = 2000;
    w->conf->ping_interval_ms = 3600000; /* pings are no part of this */
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world_free(*state);
    return 0;
}

static void happen(struct world *w, uint64_t id, uint8_t kind, uint64_t chat, uint64_t subject)
{
    world_event(w, &(struct event){.event_id = id, .kind = kind, .chat_id = chat, .subject = {.id = subject}}, 1);
}

/* Subscribe, allowed, and forget what was said. */
static void subscribe(struct world *w, struct conn *c, unsigned chat)
{
    char frame[32];
    snprintf(frame, sizeof(frame), "sub %u", chat);
    world_say(w, c, frame);
    world_query_reply(w, w->requests_count - 1, CODE_OK);
    (void)world_got(w, c);
    (void)world_heard(w);
}

static void answer(struct world *w, enum code code, uint64_t chat)
{
    world_reply(w, w->requests_count - 1, &(struct outcome){.code = code, .chat_id = chat});
}

/* -- subscriptions --------------------------------------------------------------------------------------------- */

static void test_events_of_chats_come_from_the_answer_on(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 1, SUBS, 0);
    (void)world_got(w, c);
    happen(w, 101, EV_MESSAGE, 5, 0);
    world_say(w, c, "sub 5");
    happen(w, 102, EV_MESSAGE, 5, 0);
    world_query_reply(w, 0, CODE_OK);
    happen(w, 103, EV_MESSAGE, 5, 0);
    happen(w, 104, EV_MESSAGE, 6, 0);
    happen(w, 0, EV_CHAT_UPDATE, 5, 0);
    happen(w, 0, EV_CHAT_UPDATE, 6, 0);
    assert_string_equal(world_got(w, c), "sub ok chat=5 ref=5\ne103 k7 c5\ne0 k35 c5 n         0\n");
    world_say(w, c, "unsub 5");
    happen(w, 105, EV_MESSAGE, 5, 0);
    world_say(w, c, "unsub 99");
    assert_string_equal(world_got(w, c), "unsub ok chat=5 ref=5\nunsub ok chat=99 ref=99\n");
}

static void test_what_is_about_the_user_comes_without_subscription(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 1, SUBS, 0);
    (void)world_got(w, c);
    happen(w, 101, EV_NOTIFICATION, 5, 1);
    happen(w, 102, EV_CHAT_CREATED, 5, 0);
    happen(w, 103, EV_MEMBER_ADDED, 5, 1);
    happen(w, 104, EV_MEMBER_ADDED, 5, 2);
    happen(w, 105, EV_MEMBER_REMOVED, 5, 1);
    happen(w, 106, EV_CHAT_RENAMED, 5, 0);
    happen(w, 0, EV_PRESENCE, 5, 2);
    happen(w, 0, EV_UPLOAD, 5, 0);
    assert_string_equal(world_got(w, c),
                        "e101 k14 c5\ne102 k1 c5\ne103 k4 c5\ne105 k5 c5\ne0 k33 c5\ne0 k34 c5\n");
}

static void test_a_refused_subscription_is_none(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 1, SUBS, 0);
    world_say(w, c, "sub 5");
    world_query_reply(w, 0, CODE_FORBIDDEN);
    world_say(w, c, "sub 6");
    world_query_reply(w, 1, CODE_CHAT_NOT_FOUND);
    assert_string_equal(world_got(w, c), "hello 1 ann Ann asked\nsub forbidden chat=5 ref=5\n"
                                         "sub chat_not_found chat=6 ref=6\n");
    happen(w, 101, EV_MESSAGE, 5, 0);
    assert_string_equal(world_got(w, c), "");
    assert_int_equal(c->interest->asking, 0);
}

static void test_subscriptions_are_bounded_with_those_on_their_way(void **state)
{
    struct world *w = *state;
    w->conf->subscriptions_max = 2;
    world_start(w);
    struct conn *c = world_connect(w, 1, SUBS, 0);
    subscribe(w, c, 5);
    world_say(w, c, "sub 6");
    world_say(w, c, "sub 7");
    world_say(w, c, "sub 5"); /* is there already */
    assert_string_equal(world_got(w, c), "sub too_many_subscriptions chat=7 ref=7\n");
    world_query_reply(w, 1, CODE_OK);
    world_query_reply(w, 2, CODE_OK);
    assert_string_equal(world_got(w, c), "sub ok chat=6 ref=6\nsub ok chat=5 ref=5\n");
    world_say(w, c, "sub 7");
    assert_string_equal(world_got(w, c), "sub too_many_subscriptions chat=7 ref=7\n");
    world_say(w, c, "unsub 6");
    world_say(w, c, "sub 5");
    world_say(w, c, "sub 7"); /* 5, and two on their way: one of them is 5, which nobody counts on */
    world_say(w, c, "unsub 5");
    world_say(w, c, "sub 5");
    assert_int_equal(c->interest->chats_count, 1);
}

static void test_the_last_word_counts_when_answers_take_time(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 1, SUBS, 0);
    world_say(w, c, "sub 5");
    world_say(w, c, "unsub 5");
    world_say(w, c, "sub 6");
    world_say(w, c, "unsub 6");
    world_say(w, c, "sub 6");
    (void)world_got(w, c);
    for (unsigned i = 0; i < 5; i++) {
        world_query_reply(w, i, CODE_OK);
    }
    assert_string_equal(world_got(w, c), "sub ok chat=5 ref=5\nunsub ok chat=5 ref=5\nsub ok chat=6 ref=6\n"
                                         "unsub ok chat=6 ref=6\nsub ok chat=6 ref=6\n");
    assert_false(interest_has_chat(c->interest, 5));
    assert_true(interest_has_chat(c->interest, 6));
}

static void test_an_answer_to_who_has_gone_or_closes_means_nothing(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *a = world_connect(w, 1, SUBS, 0), *b = world_connect(w, 1, SUBS, 0);
    world_say(w, a, "sub 5");
    world_say(w, b, "sub 5");
    world_close(w, a);
    core_close(b, CODE_RESTARTING);
    struct conn *c = world_connect(w, 1, SUBS, 0); /* in the place of a */
    assert_ptr_equal(a, c);
    (void)world_got(w, c);
    (void)world_heard(w);
    world_query_reply(w, 0, CODE_OK);
    world_query_reply(w, 1, CODE_OK);
    assert_string_equal(world_heard(w), "");
    happen(w, 101, EV_MESSAGE, 5, 0);
    assert_string_equal(world_got(w, c), "");
}

static void test_subscriptions_outlive_a_lost_link_and_questions_are_asked_again(void **state)
{
    struct world *w = *state;
    world_start(w);
    for (int resumed = 0; resumed < 2; resumed++) {
        struct conn *c = world_connect(w, 1, SUBS, 0);
        subscribe(w, c, 5);
        world_say(w, c, "sub 6");
        unsigned asked = w->requests_count - 1;
        uint32_t request = w->requests[asked];
        world_link_lost(w);
        world_say(w, c, "sub 7"); /* waits for the link */
        (void)world_heard(w);
        world_link_up(w, resumed != 0);
        assert_int_equal(w->requests[asked + 1], request);
        assert_string_equal(world_heard(w), "watch 1 options=128\npresence 1 chat=5 on\nquery 2 slot=1 {\"chat_id\":6}\n"
                                            "query 2 slot=1 {\"chat_id\":7}\n");
        world_query_reply(w, asked + 1, CODE_OK);
        world_query_reply(w, asked + 2, CODE_OK);
        uint64_t id = w->core.position + 1;
        happen(w, id, EV_MESSAGE, 5, 0);
        happen(w, id + 1, EV_MESSAGE, 7, 0);
        const char *got = world_got(w, c);
        assert_non_null(strstr(got, "sub ok chat=6 ref=6\nsub ok chat=7 ref=7\n"));
        assert_non_null(strstr(got, "k7 c5\n"));
        assert_non_null(strstr(got, "k7 c7\n"));
        world_close(w, c);
    }
}

static void test_reads_and_signals_end_with_unavailable_and_what_lasts_is_unknown(void **state)
{
    struct world *w = *state;
    w->conf->command_wait_ms = 500;
    world_start(w);
    struct conn *c = world_connect(w, 1, SUBS, 0);
    (void)world_got(w, c);
    world_say(w, c, "sub 5");
    world_say(w, c, "focus 5");
    world_say(w, c, "type 5 1");
    world_turn(w);
    assert_false(conn_has(c, CONN_HEARS_ITSELF));
    world_link_lost(w);
    world_wait(w, 600);
    assert_string_equal(world_got(w, c), "sub unavailable chat=5 ref=5\nfocus unavailable ref=5\ntype unavailable ref=5\n");
    assert_false(conn_has(c, CONN_HEARS_ITSELF));
    world_link_up(w, true);
    world_say(w, c, "send 5 x");
    world_link_lost(w);
    world_wait(w, 600);
    assert_string_equal(world_got(w, c), "send outcome_unknown ref=5\n");
    assert_true(conn_has(c, CONN_HEARS_ITSELF));
    assert_int_equal(c->interest->asking, 0);
}

static void test_who_resumes_gets_what_happened_in_all_chats(void **state)
{
    struct world *w = *state;
    struct buf events = BUF_INIT;
    world_start(w);
    struct conn *c = world_adopt(w, &(struct link_adopt){.slot = 1, .user_id = 1, .dialect = SUBS,
                                                         .options = CONN_EXT | CONN_SINCE, .since = 50,
                                                         .since_log = 0xabcd1234, .peer_key = 1, .head = STR("h")});
    event_encode(&events, &(struct event){.event_id = 60, .kind = EV_MESSAGE, .chat_id = 5});
    link_put_chunk(world_link(w), conn_session(c), 1, 1, 60, buf_str(&events));
    link_put_live(world_link(w), conn_session(c), 1, 100);
    world_turn(w);
    happen(w, 101, EV_MESSAGE, 5, 0);
    assert_string_equal(world_got(w, c), "(pause)\nhello 1   \ne60 k7 c5 ext\nlive 100\n");
    world_link_lost(w);
    world_link_up(w, false); /* from here on it could have subscribed */
    buf_clear(&events);
    event_encode(&events, &(struct event){.event_id = 102, .kind = EV_MESSAGE, .chat_id = 5});
    link_put_chunk(world_link(w), conn_session(c), 2, 1, 102, buf_str(&events));
    link_put_live(world_link(w), conn_session(c), 2, 102);
    assert_string_equal(world_got(w, c), "(pause)\nlive 102\n");
    buf_release(&events);
}

/* -- focus -------------------------------------------------------------------------------------------------------- */

static void test_frames_refresh_what_is_looked_at_and_pongs_do_not(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 1, SUBS, 0);
    world_say(w, c, "ping");
    assert_null(c->interest);
    subscribe(w, c, 5);
    subscribe(w, c, 6);
    for (int i = 0; i < 9; i++) {
        world_wait(w, 100);
        world_say(w, c, "ping");
    }
    assert_string_equal(world_heard(w), "");
    world_wait(w, 100);
    core_on_pong(c);
    assert_string_equal(world_heard(w), "");
    core_on_piece(c, STR("pi"), false, false); /* half a frame */
    assert_string_equal(world_heard(w), "");
    core_on_piece(c, STR("ng"), true, false);
    assert_string_equal(world_heard(w), "presence 1 chat=5 on\npresence 1 chat=6 on\n");
}

static void test_many_subscriptions_are_reported_less_often(void **state)
{
    struct world *w = *state;
    w->conf->focus_fresh_ms = 9000;
    world_start(w);
    struct conn *c = world_connect(w, 1, SUBS, 0);
    for (uint64_t chat = 1; chat <= 130; chat++) {
        assert_true(core_subscribe(c, chat, 0));
    }
    (void)world_heard(w);
    world_wait(w, 2950);
    world_say(w, c, "ping");
    assert_string_equal(world_heard(w), "");
    world_wait(w, 50);
    world_say(w, c, "ping");
    assert_non_null(strstr(world_heard(w), "presence 1 chat=130 on\n"));
    for (uint64_t chat = 200; chat <= 800; chat++) { /* twelve times less often, were it not for focus_fresh_ms */
        assert_true(core_subscribe(c, chat, 0));
    }
    (void)world_heard(w);
    world_wait(w, 3000);
    world_say(w, c, "ping");
    assert_non_null(strstr(world_heard(w), "presence 1 chat=800 on\n"));
}

static void test_nobody_looks_once_the_last_session_does_not(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *a = world_connect(w, 1, SUBS, 0), *b = world_connect(w, 1, SUBS, 0);
    struct conn *other = world_connect(w, 2, SUBS, 0);
    subscribe(w, a, 5);
    subscribe(w, b, 5);
    subscribe(w, b, 6);
    subscribe(w, other, 5);
    world_say(w, a, "unsub 5");
    assert_string_equal(world_heard(w), "");
    subscribe(w, a, 6);
    core_close(b, CODE_RESTARTING);
    assert_string_equal(world_heard(w), "presence 1 chat=5 off\n");
    world_close(w, b);
    assert_string_equal(world_heard(w), "closed 1\n");
    world_close(w, a);
    assert_string_equal(world_heard(w), "closed 1\npresence 1 chat=6 off\ngone 1 adopts=2\n");
    assert_false(core_on_peer_close(other));
    assert_string_equal(world_heard(w), "presence 2 chat=5 off\n");
}

static void test_the_chat_of_the_last_message_is_the_focus_unless_one_is_named(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 1, ROOMS, 0);
    world_say(w, c, "send 5 x");
    assert_null(c->interest); /* not before it is there */
    answer(w, CODE_OK, 5);
    assert_string_equal(world_heard(w), "command 8 chat=5 number=0 slot=1\npresence 1 chat=5 on\n");
    world_say(w, c, "send 6 x");
    answer(w, CODE_FORBIDDEN, 0);
    world_say(w, c, "send 5 x");
    answer(w, CODE_OK, 5);
    world_say(w, c, "send 7 x");
    (void)world_heard(w);
    answer(w, CODE_OK, 7);
    assert_string_equal(world_heard(w), "presence 1 chat=5 off\npresence 1 chat=7 on\n");
    world_say(w, c, "focus 8");
    answer(w, CODE_FORBIDDEN, 0);
    assert_int_equal(c->interest->focus_chat, 7);
    world_say(w, c, "focus 8");
    (void)world_heard(w);
    answer(w, CODE_OK, 0);
    assert_string_equal(world_heard(w), "presence 1 chat=7 off\npresence 1 chat=8 on\n");
    world_say(w, c, "send 5 x");
    answer(w, CODE_OK, 5);
    assert_int_equal(c->interest->focus_chat, 8);
    world_say(w, c, "focus 0");
    (void)world_heard(w);
    answer(w, CODE_OK, 0);
    world_say(w, c, "send 5 x");
    answer(w, CODE_OK, 5);
    assert_string_equal(world_heard(w), "presence 1 chat=8 off\ncommand 8 chat=5 number=0 slot=1\n");
}

static void test_a_subscribed_focus_is_told_once_and_ends_once(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 1, SUBS, 0);
    subscribe(w, c, 5);
    world_say(w, c, "focus 5");
    answer(w, CODE_OK, 0);
    (void)world_heard(w);
    world_wait(w, 1000);
    world_say(w, c, "ping");
    assert_string_equal(world_heard(w), "presence 1 chat=5 on\n");
    world_say(w, c, "unsub 5");
    assert_string_equal(world_heard(w), "");
    core_close(c, CODE_RESTARTING);
    assert_string_equal(world_heard(w), "presence 1 chat=5 off\n");
}

static void test_a_new_link_hears_of_fresh_foci_and_all_watches(void **state)
{
    struct world *w = *state;
    w->conf->focus_fresh_ms = 10000;
    world_start(w);
    struct conn *a = world_connect(w, 1, SUBS, 0), *b = world_connect(w, 2, ROOMS, CONN_EVENTS_TYPING);
    (void)world_connect(w, 3, ROOMS, 0);
    subscribe(w, a, 5);
    world_say(w, b, "send 6 x");
    answer(w, CODE_OK, 6);
    world_wait(w, 6000);
    world_say(w, b, "ping");
    (void)world_heard(w);
    world_link_lost(w);
    core_unsubscribe(a, 99);
    world_wait(w, 5000);
    world_say(w, b, "ping"); /* there is nobody to be told */
    world_link_up(w, true);
    assert_string_equal(world_heard(w), "watch 1 options=128\nwatch 2 options=32\nwatch 3 options=0\n"
                                        "presence 2 chat=6 on\n");
}

/* -- typing --------------------------------------------------------------------------------------------------------- */

static void test_typing_is_told_when_it_changes_and_now_and_then(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 1, ROOMS, 0);
    for (int i = 0; i < 1000; i++) {
        world_say(w, c, "type 5 1");
    }
    assert_string_equal(world_heard(w), "command 32 chat=5 number=1 slot=1\n");
    answer(w, CODE_OK, 0);
    world_say(w, c, "type 6 1");
    world_say(w, c, "type 5 0");
    world_say(w, c, "type 5 0");
    assert_string_equal(world_heard(w), "command 32 chat=6 number=1 slot=1\ncommand 32 chat=5 number=0 slot=1\n");
    world_wait(w, 1950);
    world_say(w, c, "type 6 1");
    assert_string_equal(world_heard(w), "");
    world_wait(w, 50);
    world_say(w, c, "type 6 1");
    assert_string_equal(world_heard(w), "command 32 chat=6 number=1 slot=1\n");
    assert_string_equal(world_got(w, c), "");
    answer(w, CODE_FORBIDDEN, 0);
    assert_string_equal(world_got(w, c), "type forbidden ref=6\n");
    assert_int_equal(w->core.stats.rate_limited, 0);
}

static void test_typing_back_and_forth_is_bounded(void **state)
{
    struct world *w = *state;
    w->conf->typing_per_s = 3;
    world_start(w);
    struct conn *c = world_connect(w, 1, ROOMS, 0);
    for (int i = 0; i < 500; i++) {
        char frame[32];
        snprintf(frame, sizeof(frame), "type %d %d", i % 20, i & 1);
        world_say(w, c, frame);
    }
    assert_int_equal(w->requests_count, 3);
    assert_int_equal(w->core.stats.typing_dropped, 497);
    assert_int_equal(c->state, CONN_OPEN);
}

static void test_typing_takes_no_place_that_others_need(void **state)
{
    struct world *w = *state;
    w->conf->commands_max = 4;
    w->conf->typing_per_s = 100;
    world_start(w);
    struct conn *c = world_connect(w, 1, ROOMS, 0);
    world_say(w, c, "type 5 1");
    world_say(w, c, "type 6 1");
    world_say(w, c, "type 7 1");
    assert_int_equal(w->requests_count, 2);
    answer(w, CODE_OK, 0);
    world_say(w, c, "type 7 1"); /* what was dropped was not told */
    assert_int_equal(w->requests_count, 3);
    world_link_lost(w);
    world_say(w, c, "type 8 1");
    world_link_up(w, true);
    (void)world_heard(w);
    world_say(w, c, "type 8 1");
    assert_string_equal(world_got(w, c), "");
}

/* -- watches ---------------------------------------------------------------------------------------------------------- */

static void test_watches_are_the_union_over_the_sessions_of_a_user(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *a = world_connect(w, 1, ROOMS, 0);
    assert_string_equal(world_heard(w), "");
    struct conn *b = world_connect(w, 1, ROOMS, CONN_EVENTS_TYPING);
    assert_string_equal(world_heard(w), "watch 1 options=32\n");
    struct conn *c = world_connect(w, 1, SUBS, CONN_EXT);
    assert_string_equal(world_heard(w), "watch 1 options=161\n");
    world_close(w, b);
    assert_string_equal(world_heard(w), "watch 1 options=129\nclosed 1\n");
    world_close(w, a);
    assert_string_equal(world_heard(w), "closed 1\n");
    a = world_connect(w, 1, ROOMS, 0); /* an adopt that confab-rest only adds to what it knows */
    assert_string_equal(world_heard(w), "watch 1 options=129\n");
    world_close(w, c);
    assert_string_equal(world_heard(w), "watch 1 options=0\nclosed 1\n");
    world_close(w, a);
    assert_string_equal(world_heard(w), "closed 1\ngone 1 adopts=4\n");
    (void)world_connect(w, 1, ROOMS, 0);
    assert_string_equal(world_heard(w), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_events_of_chats_come_from_the_answer_on),
        TEST(test_what_is_about_the_user_comes_without_subscription),
        TEST(test_a_refused_subscription_is_none),
        TEST(test_subscriptions_are_bounded_with_those_on_their_way),
        TEST(test_the_last_word_counts_when_answers_take_time),
        TEST(test_an_answer_to_who_has_gone_or_closes_means_nothing),
        TEST(test_subscriptions_outlive_a_lost_link_and_questions_are_asked_again),
        TEST(test_reads_and_signals_end_with_unavailable_and_what_lasts_is_unknown),
        TEST(test_who_resumes_gets_what_happened_in_all_chats),
        TEST(test_frames_refresh_what_is_looked_at_and_pongs_do_not),
        TEST(test_many_subscriptions_are_reported_less_often),
        TEST(test_nobody_looks_once_the_last_session_does_not),
        TEST(test_the_chat_of_the_last_message_is_the_focus_unless_one_is_named),
        TEST(test_a_subscribed_focus_is_told_once_and_ends_once),
        TEST(test_a_new_link_hears_of_fresh_foci_and_all_watches),
        TEST(test_typing_is_told_when_it_changes_and_now_and_then),
        TEST(test_typing_back_and_forth_is_bounded),
        TEST(test_typing_takes_no_place_that_others_need),
        TEST(test_watches_are_the_union_over_the_sessions_of_a_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
