/* Connections that come back: pids, rooms, what confab-rest is told, and what waits until it is stored. */
#include <stdio.h>

#include "tests/lib/core_world.h"
#include "tests/unit/unit.h"

#define PID "AAAAAAAAAAAAAAAAAAAAAA"
#define LOG "abcd1234" /* the world's */

enum { CHAT = DIALECT_SOCKETIO };

static int set_up(void **state)
{
    struct world *w = world_new();
    w->recovers = true;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world_free(*state);
    return 0;
}

/* Without what its user looks at. */
static const char *heard(struct world *w)
{
    static char out[8192];
    const char *all = world_heard(w);
    size_t len = 0;
    while (*all != '\0') {
        size_t line = strcspn(all, "\n") + 1;
        bool shown = strncmp(all, "presence ", 9) != 0;
        assert_true(len + line < sizeof(out));
        memcpy(out + len, all, shown ? line : 0);
        len += shown ? line : 0;
        all += line;
    }
    out[len] = '\0';
    return out;
}

static struct conn *nobody(struct world *w)
{
    struct conn *c = world_connect(w, 0, CHAT, 0);
    (void)heard(w);
    assert_string_equal(world_got(w, c), "");
    return c;
}

static struct buf rooms(unsigned count, const struct link_room *list)
{
    struct buf out = BUF_INIT;
    for (unsigned i = 0; i < count; i++) {
        link_add_room(&out, list[i]);
    }
    return out;
}

/* The connection says frame, and is user 5 from there on; pid: it goes on with that, with these rooms. */
static void log_in(struct world *w, struct conn *c, const char *frame, const char *pid, struct str its_rooms)
{
    unsigned nth = w->requests_count;
    world_say(w, c, frame);
    (void)heard(w);
    world_login_reply(w, nth, &(struct link_login_reply){.session = conn_session(c),
                                                         .slot = 5,
                                                         .user_id = 50,
                                                         .username = STR("bob"),
                                                         .name = STR("Bob"),
                                                         .pid = str_of(pid),
                                                         .rooms = its_rooms});
}

/* A client that is logged in and in no room, and of which everything is stored. */
static struct conn *bob(struct world *w)
{
    struct conn *c = nobody(w);
    log_in(w, c, "login t", "", STR_NONE);
    (void)heard(w);
    link_put_recovery_stored(world_link(w), conn_session(c), 1);
    assert_non_null(strstr(world_got(w, c), "login ok pid="));
    return c;
}

static void stored(struct world *w, struct conn *c, uint32_t number)
{
    link_put_recovery_stored(world_link(w), conn_session(c), number);
    world_turn(w);
}

static void join(struct world *w, struct conn *c, uint64_t chat)
{
    char frame[32];
    unsigned nth = w->requests_count;
    (void)snprintf(frame, sizeof(frame), "sub %u", (unsigned)chat);
    world_say(w, c, frame);
    world_query_reply(w, nth, CODE_OK);
}

static struct event message(uint64_t id, uint64_t chat)
{
    return (struct event){.event_id = id, .kind = EV_MESSAGE, .chat_id = chat};
}

static void position(struct world *w, uint64_t upto)
{
    link_put_position(world_link(w), upto);
    world_turn(w);
}

static void chunk(struct world *w, struct conn *c, const struct event *list, uint16_t count)
{
    struct buf events = BUF_INIT;
    for (uint16_t i = 0; i < count; i++) {
        event_encode(&events, &list[i]);
    }
    link_put_chunk(world_link(w), conn_session(c), c->attach_generation, count, list[count - 1].event_id,
                   buf_str(&events));
    buf_release(&events);
    world_turn(w);
}

static void live(struct world *w, struct conn *c, uint64_t upto)
{
    link_put_live(world_link(w), conn_session(c), c->attach_generation, upto);
    world_turn(w);
}

/* -- coming -------------------------------------------------------------------------------------------------- */

static void test_a_pid_holds_the_place_where_the_connection_began(void **state)
{
    struct world *w = *state;
    world_start(w);
    position(w, 123);
    struct conn *c = nobody(w);
    log_in(w, c, "login t", "", STR_NONE);
    const char *got = world_got(w, c);
    const char *pid = strstr(got, "pid=");
    assert_int_equal(strncmp(got, "login ok pid=", 13), 0);
    assert_non_null(pid);
    assert_string_equal(pid + 4 + 22, "." LOG ".123\n");
    assert_string_equal(heard(w), "recovery live slot=5 n=1\n");
}

static void test_without_recovery_there_is_no_pid(void **state)
{
    struct world *w = *state;
    w->recovers = false;
    world_start(w);
    struct conn *c = nobody(w);
    log_in(w, c, "login t " PID "." LOG ".90", "", STR_NONE);
    assert_string_equal(world_got(w, c), "login ok pid=\n");
    join(w, c, 7);
    assert_string_equal(world_got(w, c), "sub ok chat=7 ref=7\n");
    assert_null(strstr(heard(w), "recovery"));
}

static void test_who_wants_none_of_it_gets_no_pid(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 0, CHAT, CONN_NO_RECOVERY);
    log_in(w, c, "login t " PID "." LOG ".90", "", STR_NONE);
    assert_string_equal(world_got(w, c), "login ok pid=\n");
    join(w, c, 7);
    assert_string_equal(world_got(w, c), "sub ok chat=7 ref=7\n");
    assert_null(strstr(heard(w), "recovery"));
    assert_false(core_view(c).recovers);
    assert_true(core_view(bob(w)).recovers);
}

static void test_only_what_can_be_a_pid_and_a_cursor_is_asked_for(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *said, *asked;
    } all[] = {
        {PID "." LOG ".90", PID "." LOG ".90"},
        {PID "." LOG ".90 " LOG ".95", PID "." LOG ".90"},
        {PID "." LOG ".90 " LOG ".5", PID "." LOG ".90"},   /* of an earlier connection */
        {PID "." LOG ".90 00000000.5", PID "." LOG ".90"},
        {PID "." LOG ".90 nonsense", ""},
        {PID "." LOG ".90 " LOG ".", ""},
        {"A" PID "." LOG ".90", ""},
        {"AAAA." LOG ".90", ""},
        {PID "." LOG, ""},
        {PID, ""},
        {PID ".", ""},
        {PID "." LOG ".90000000000000000000000", ""},
        {PID "." LOG ".00000000000000000000000000000000000000000000000000000000090", ""},
        {"!!!!!!!!!!!!!!!!!!!!!!." LOG ".90", ""},
    };
    world_start(w);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char frame[256], expected[256];
        struct conn *c = nobody(w);
        (void)snprintf(frame, sizeof(frame), "login t %s", all[i].said);
        (void)snprintf(expected, sizeof(expected), "login t pid=%s\n", all[i].asked);
        world_say(w, c, frame);
        assert_string_equal(heard(w), expected);
        world_login_reply(w, w->requests_count - 1, &(struct link_login_reply){.session = conn_session(c),
                                                                               .code = CODE_UNAUTHENTICATED});
        assert_string_equal(world_got(w, c), "login unauthenticated pid=\n");
        assert_null(c->recovery);
        world_close(w, c);
    }
}

/* -- rooms --------------------------------------------------------------------------------------------------- */

static void test_a_room_is_confirmed_when_it_is_stored(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = bob(w);
    position(w, 110);
    join(w, c, 7);
    assert_string_equal(heard(w), "query 2 slot=5 {\"chat_id\":7}\nrecovery live slot=5 n=2 7:110\n");
    assert_string_equal(world_got(w, c), "");
    struct event e = message(111, 7); /* it is there all the same */
    world_event(w, &e, 5);
    assert_string_equal(world_got(w, c), "e111 k7 c7\n");
    stored(w, c, 1); /* what was said before */
    assert_string_equal(world_got(w, c), "");
    stored(w, c, 2);
    assert_string_equal(world_got(w, c), "sub ok chat=7 ref=7\n");
    world_say(w, c, "unsub 7");
    assert_string_equal(heard(w), "recovery live slot=5 n=3\n");
    assert_string_equal(world_got(w, c), "");
    stored(w, c, 3);
    assert_string_equal(world_got(w, c), "unsub ok chat=7 ref=7\n");
}

static void test_confirmations_keep_their_order_and_need_the_last_word(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = bob(w);
    join(w, c, 7);
    join(w, c, 8);
    world_say(w, c, "unsub 7");
    (void)heard(w);
    uint32_t last = 4;
    stored(w, c, 2);
    stored(w, c, 3);
    stored(w, c, 99);
    assert_string_equal(world_got(w, c), "");
    stored(w, c, last);
    assert_string_equal(world_got(w, c), "sub ok chat=7 ref=7\nsub ok chat=8 ref=8\nunsub ok chat=7 ref=7\n");
    stored(w, c, last);
    assert_string_equal(world_got(w, c), "");
}

static void test_what_changes_nothing_does_not_wait(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = bob(w);
    world_say(w, c, "unsub 7");
    assert_string_equal(world_got(w, c), "unsub ok chat=7 ref=7\n");
    join(w, c, 7);
    stored(w, c, 2);
    (void)world_got(w, c);
    (void)heard(w);
    join(w, c, 7);
    assert_string_equal(world_got(w, c), "sub ok chat=7 ref=7\n");
    assert_null(strstr(heard(w), "recovery"));
    unsigned nth = w->requests_count;
    join(w, c, 9);
    world_say(w, c, "send 7 hello"); /* messages have nothing to do with it */
    world_reply(w, nth + 1, &(struct outcome){.code = CODE_OK, .chat_id = 7});
    assert_string_equal(world_got(w, c), "send ok ref=7\n");
    nth = w->requests_count;
    world_say(w, c, "sub 10");
    world_query_reply(w, nth, CODE_FORBIDDEN);
    assert_string_equal(world_got(w, c), "sub forbidden chat=10 ref=10\n");
}

static void test_a_chat_that_is_made_is_joined_and_told(void **state)
{
    struct world *w = *state;
    struct event made = {.event_id = 120, .kind = EV_CHAT_CREATED, .chat_id = 9};
    world_start(w);
    struct conn *c = bob(w);
    world_event(w, &made, 5);
    assert_string_equal(heard(w), "recovery live slot=5 n=2 9:120\n");
    (void)world_got(w, c);
    unsigned nth = w->requests_count;
    world_say(w, c, "direct 4");
    struct outcome o = {.code = CODE_OK, .chat_id = 8};
    link_put_reply(world_link(w), w->requests[nth], conn_session(c), &o, STR("{}"));
    world_turn(w);
    assert_non_null(strstr(heard(w), "recovery live slot=5 n=3 8:120 9:120\n"));
    assert_string_equal(world_got(w, c), "");
    stored(w, c, 3);
    assert_string_equal(world_got(w, c), "direct ok ref=4\n");
}

static void test_answers_that_wait_are_bounded(void **state)
{
    struct world *w = *state;
    w->conf->queue_max_bytes = 1024;
    w->conf->queue_low_bytes = 512;
    w->conf->messages_per_s = 0;
    world_start(w);
    struct conn *c = bob(w);
    for (unsigned i = 0; i < 200 && c->state == CONN_OPEN; i++) {
        join(w, c, 7 + i % 2);
        w->requests_count = 0;
        world_say(w, c, i % 2 == 0 ? "unsub 7" : "unsub 8");
    }
    assert_int_equal(c->state, CONN_CLOSING);
    assert_int_equal(c->close_code, CODE_SLOW_CONSUMER);
}

static void test_more_rooms_than_a_frame_takes_end_it(void **state)
{
    struct world *w = *state;
    w->conf->subscriptions_max = LINK_ROOMS_MAX + 1;
    w->conf->messages_per_s = 0;
    world_start(w);
    struct conn *c = bob(w);
    for (unsigned i = 1; i <= LINK_ROOMS_MAX; i++) {
        assert_true(core_subscribe(c, i, 100));
    }
    assert_null(strstr(heard(w), "ended"));
    assert_true(core_subscribe(c, LINK_ROOMS_MAX + 1, 100));
    assert_non_null(strstr(heard(w), "recovery ended slot=5 n=3\n"));
    core_unsubscribe(c, 1);
    assert_non_null(strstr(heard(w), "recovery live slot=5 n=4 2:100"));
}

/* -- coming back ----------------------------------------------------------------------------------------------- */

static void test_who_comes_back_gets_what_it_missed_in_its_rooms(void **state)
{
    struct world *w = *state;
    struct link_room list[] = {{7, 80}, {8, 95}};
    struct buf its = rooms(2, list);
    world_start(w);
    struct conn *c = nobody(w);
    log_in(w, c, "login t " PID "." LOG ".70 " LOG ".90", PID "." LOG ".70", buf_str(&its));
    assert_string_equal(heard(w), "attach 1 since=90 topic=0\n");
    assert_string_equal(world_got(w, c), "(pause)\n"); /* nothing before it is certain */
    struct event missed[] = {message(91, 7), message(92, 8), message(93, 9), message(96, 8),
                             {.event_id = 97, .kind = EV_CHAT_CREATED, .chat_id = 10}, message(98, 10)};
    chunk(w, c, missed, 6);
    assert_string_equal(world_got(w, c), "login ok pid=" PID "." LOG ".70\ne91 k7 c7\ne96 k7 c8\ne97 k1 c10\ne98 k7 c10\n");
    live(w, c, 100);
    assert_string_equal(world_got(w, c), "");
    struct event e = message(101, 7), other = message(102, 9);
    world_event(w, &e, 5);
    world_event(w, &other, 5);
    assert_string_equal(world_got(w, c), "e101 k7 c7\n");
    assert_non_null(strstr(heard(w), "recovery live slot=5 n=1 7:80 8:95 10:97\n"));
    buf_release(&its);
}

static void test_who_missed_nothing_is_told_so(void **state)
{
    struct world *w = *state;
    struct link_room room = {7, 80};
    struct buf its = rooms(1, &room);
    world_start(w);
    struct conn *c = nobody(w);
    log_in(w, c, "login t " PID "." LOG ".100", PID "." LOG ".100", buf_str(&its));
    assert_string_equal(heard(w), "attach 1 since=100 topic=0\n");
    live(w, c, 100);
    assert_string_equal(world_got(w, c), "(pause)\nlogin ok pid=" PID "." LOG ".100\n");
    buf_release(&its);
}

static void test_who_is_not_known_any_more_begins_anew(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = nobody(w);
    log_in(w, c, "login t " PID "." LOG ".70", "", STR_NONE);
    const char *got = world_got(w, c);
    assert_non_null(strstr(got, "login ok pid="));
    assert_null(strstr(got, PID));
    assert_string_equal(heard(w), "recovery live slot=5 n=1\n");
}

static void test_a_gap_begins_anew_without_rooms(void **state)
{
    struct world *w = *state;
    struct link_room room = {7, 80};
    struct buf its = rooms(1, &room);
    world_start(w);
    struct conn *c = nobody(w);
    log_in(w, c, "login t " PID "." LOG ".70", PID "." LOG ".70", buf_str(&its));
    (void)heard(w);
    link_put_gap(world_link(w), conn_session(c), c->attach_generation, 100, LINK_GAP_TRIMMED);
    const char *got = world_got(w, c);
    assert_non_null(strstr(got, "login ok pid="));
    assert_null(strstr(got, PID));
    assert_string_equal(heard(w), "recovery ended slot=5 n=1\nrecovery live slot=5 n=2\n");
    struct event e = message(101, 7);
    world_event(w, &e, 5);
    assert_string_equal(world_got(w, c), "");
    buf_release(&its);
}

static void test_a_gap_behind_the_first_events_closes(void **state)
{
    struct world *w = *state;
    struct link_room room = {7, 60};
    struct buf its = rooms(1, &room);
    struct event missed = message(91, 7);
    world_start(w);
    struct conn *c = nobody(w);
    log_in(w, c, "login t " PID "." LOG ".70", PID "." LOG ".70", buf_str(&its));
    chunk(w, c, &missed, 1);
    (void)world_got(w, c);
    (void)heard(w);
    link_put_gap(world_link(w), conn_session(c), c->attach_generation, 100, LINK_GAP_TRIMMED);
    assert_string_equal(world_got(w, c), "close restarting\n");
    assert_non_null(strstr(heard(w), "recovery lost slot=5 n=2 7:60\n")); /* it may come again */
    buf_release(&its);
}

static void test_what_nobody_goes_on_with_is_given_back(void **state)
{
    struct world *w = *state;
    struct link_room room = {7, 80};
    struct buf its = rooms(1, &room);
    world_start(w);
    struct conn *c = nobody(w);
    uint64_t session = conn_session(c);
    world_say(w, c, "login t " PID "." LOG ".70");
    world_close(w, c);
    (void)heard(w);
    world_login_reply(w, 0, &(struct link_login_reply){.session = session, .slot = 5, .user_id = 50,
                                                       .pid = STR(PID "." LOG ".70"), .rooms = buf_str(&its)});
    assert_non_null(strstr(heard(w), "recovery lost slot=5 n=0 7:80\n"));
    buf_release(&its);
}

/* -- going ------------------------------------------------------------------------------------------------------- */

static void test_a_loss_and_a_good_bye_are_told_apart(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = bob(w);
    join(w, c, 7);
    (void)heard(w);
    world_close(w, c);
    assert_non_null(strstr(heard(w), "recovery lost slot=5 n=3 7:100\n"));
    c = bob(w);
    world_say(w, c, "logout");
    assert_non_null(strstr(heard(w), "recovery ended slot=5 n=2\n"));
    assert_null(c->recovery);
    world_close(w, c);
    assert_null(strstr(heard(w), "recovery"));
}

static void test_a_login_that_cannot_be_answered_now_is_tried_again(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = nobody(w);
    world_say(w, c, "login t");
    world_link_lost(w);
    assert_string_equal(world_got(w, c), "close restarting\n"); /* stock clients come again, but not after an error */
    world_link_up(w, true);
}

/* -- the link -------------------------------------------------------------------------------------------------------- */

static void test_a_new_link_hears_of_all_of_them(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = bob(w);
    join(w, c, 7);
    (void)heard(w);
    world_link_lost(w);
    world_say(w, c, "unsub 7"); /* nobody hears */
    assert_string_equal(world_got(w, c), "");
    world_link_up(w, true);
    assert_non_null(strstr(heard(w), "recovery live slot=5 n=3\n"));
    stored(w, c, 2); /* of the old link */
    assert_string_equal(world_got(w, c), "");
    stored(w, c, 3);
    assert_string_equal(world_got(w, c), "sub ok chat=7 ref=7\nunsub ok chat=7 ref=7\n");
}

static void test_a_new_stream_is_caught_up_with(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = bob(w);
    join(w, c, 7);
    stored(w, c, 2);
    position(w, 130);
    (void)world_got(w, c);
    world_link_lost(w);
    (void)heard(w);
    world_link_up(w, false);
    assert_non_null(strstr(heard(w), "attach 1 since=130 topic=0\n")); /* of the old one it had all */
    assert_string_equal(world_got(w, c), "(pause)\n");
}

static void test_a_link_without_recovery_lets_everything_go(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = bob(w);
    join(w, c, 7);
    assert_string_equal(world_got(w, c), "");
    struct conn *waits = nobody(w);
    log_in(w, waits, "login t " PID "." LOG ".70", PID "." LOG ".70", STR_NONE);
    world_link_lost(w);
    w->recovers = false;
    world_link_up(w, true);
    assert_string_equal(world_got(w, c), "sub ok chat=7 ref=7\n");
    assert_null(c->recovery);
    assert_non_null(strstr(world_got(w, waits), "close restarting\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_pid_holds_the_place_where_the_connection_began),
        TEST(test_without_recovery_there_is_no_pid),
        TEST(test_who_wants_none_of_it_gets_no_pid),
        TEST(test_only_what_can_be_a_pid_and_a_cursor_is_asked_for),
        TEST(test_a_room_is_confirmed_when_it_is_stored),
        TEST(test_confirmations_keep_their_order_and_need_the_last_word),
        TEST(test_what_changes_nothing_does_not_wait),
        TEST(test_a_chat_that_is_made_is_joined_and_told),
        TEST(test_answers_that_wait_are_bounded),
        TEST(test_more_rooms_than_a_frame_takes_end_it),
        TEST(test_who_comes_back_gets_what_it_missed_in_its_rooms),
        TEST(test_who_missed_nothing_is_told_so),
        TEST(test_who_is_not_known_any_more_begins_anew),
        TEST(test_a_gap_begins_anew_without_rooms),
        TEST(test_a_gap_behind_the_first_events_closes),
        TEST(test_what_nobody_goes_on_with_is_given_back),
        TEST(test_a_loss_and_a_good_bye_are_told_apart),
        TEST(test_a_login_that_cannot_be_answered_now_is_tried_again),
        TEST(test_a_new_link_hears_of_all_of_them),
        TEST(test_a_new_stream_is_caught_up_with),
        TEST(test_a_link_without_recovery_lets_everything_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
