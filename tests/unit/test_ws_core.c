/* The worker's core: greetings, filters, state, limits, held frames, topics. */
#include <stdio.h>

#include "tests/lib/core_world.h"
#include "tests/unit/unit.h"

enum { ROOMS = DIALECT_ROOMS, SUBS = DIALECT_SUBSCRIBE, BOARD = DIALECT_DASHBOARD };

static int set_up(void **state)
{
    *state = world_new();
    return 0;
}

static int tear_down(void **state)
{
    world_free(*state);
    return 0;
}

static struct event message(uint64_t id, uint64_t chat)
{
    return (struct event){.event_id = id, .kind = EV_MESSAGE, .chat_id = chat};
}

static struct event checkin(uint64_t id, const char *payload)
{
    return (struct event){.event_id = id, .kind = EV_CHECKIN, .payload = str_of(payload)};
}

static struct event update(uint64_t chat, uint32_t unread)
{
    return (struct event){.kind = EV_CHAT_UPDATE, .chat_id = chat, .number = unread};
}

/* -- first frames ------------------------------------------------------------------------------------------- */

static void test_greeting_comes_before_everything_else(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct link_adopt m = {.slot = 5,
                           .user_id = 50,
                           .dialect = SUBS,
                           .options = CONN_EXT,
                           .peer_key = 900,
                           .username = STR("bob"),
                           .name = STR("Bob"),
                           .asked = STR("user50"),
                           .head = STR("head")};
    struct event e = {.event_id = 101, .kind = EV_NOTIFICATION};
    struct buf *down = world_link(w), encoded = BUF_INIT;
    link_put_adopt(down, 1, &m); /* and an event in the same packet */
    event_encode(&encoded, &e);
    link_put_event(down, LINK_EVENT, &(struct link_recipients){.to = LINK_TO_SLOTS, .count = 1, .slots = STR("\0\0\0\5")},
                   buf_str(&encoded));
    buf_release(&encoded);
    world_turn(w);
    assert_string_equal(world_got(w, conns_at(&w->core.conns, 0)),
                        "hello 50 bob Bob user50\nlive 100\ne101 k14 c0 ext\n");
}

static void test_greeting_of_nobody_names_nobody(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_adopt(w, &(struct link_adopt){.dialect = SUBS, .peer_key = 1, .head = STR("h")});
    assert_string_equal(world_got(w, c), "hello 0   \n");
}

static void test_a_greeting_that_does_not_fit_ends_only_its_connection(void **state)
{
    struct world *w = *state;
    char name[2000];
    w->conf->queue_max_bytes = 1024;
    memset(name, 'n', sizeof(name));
    world_start(w);
    struct link_adopt m = {.slot = 5, .user_id = 5, .dialect = SUBS, .options = CONN_EXT, .peer_key = 1, .topic = 9,
                           .name = {name, sizeof(name)}, .head = STR("h")};
    assert_null(world_adopt(w, &m));
    assert_int_equal(w->core.conns.count, 0);
    assert_string_equal(world_heard(w), "closed 5\ngone 5 adopts=1\ntopic 9 sessions=0 adopts=1\n");
}

/* -- who gets what --------------------------------------------------------------------------------------------- */

static void test_filters_see_the_options_and_what_the_dialect_watches(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *a = world_connect(w, 1, ROOMS, 0);
    struct conn *b = world_connect(w, 1, ROOMS, CONN_EVENTS_TYPING);
    struct conn *c = world_connect(w, 1, ROOMS, CONN_HEARS_OWN);
    struct event typing = {.kind = EV_TYPING, .chat_id = 5};
    struct event own = message(101, 5);
    own.actor.id = 1;
    world_event(w, &typing, 1);
    world_event(w, &own, 1);
    assert_string_equal(world_got(w, a), "");
    assert_string_equal(world_got(w, b), "e0 k32 c5\n");
    assert_string_equal(world_got(w, c), "e101 k7 c5\n");
    assert_int_equal(w->core.stats.encodings, 2);
    assert_int_equal(a->cursor, 101); /* it is not asked for again */
}

static void test_only_logged_events_are_left_out_for_who_caused_them(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 1, ROOMS, 0);
    struct event e = message(101, 5), u = update(5, 3);
    e.origin_worker = u.origin_worker = 3;
    e.origin_session = u.origin_session = conn_session(c);
    world_event(w, &e, 1);
    world_event(w, &u, 1);
    assert_string_equal(world_got(w, c), "e0 k35 c5 n         3\n");
}

static void test_the_newest_state_that_waits_replaces_an_older_one(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = world_connect(w, 1, ROOMS, 0);
    w->is_deaf = true;
    for (uint32_t i = 1; i <= 3; i++) {
        struct event e = message(100 + i, 5), five = update(5, i), six = update(6, 10 * i);
        world_event(w, &e, 1);
        world_event(w, &five, 1);
        world_event(w, &six, 1);
    }
    assert_int_equal(w->core.queues.replaced, 4);
    w->is_deaf = false;
    core_on_writable(c);
    assert_string_equal(world_got(w, c), "e101 k7 c5\ne102 k7 c5\ne103 k7 c5\n"
                                         "e0 k35 c5 n         3\ne0 k35 c6 n        30\n");
}

/* -- counts ------------------------------------------------------------------------------------------------------ */

static void test_who_goes_before_the_welcome_is_reported_behind_the_hello(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *a = world_connect(w, 1, ROOMS, 0), *b = world_connect(w, 2, ROOMS, 0);
    struct conn *c = world_connect(w, 3, ROOMS, 0);
    world_link_lost(w);
    world_close(w, a);
    world_link_greeted(w);
    world_close(w, b);
    assert_string_equal(world_heard(w), "closed 2\ngone 2 adopts=1\n");
    world_link_up(w, true);
    world_close(w, c);
    assert_string_equal(world_heard(w), "watch 3 options=0\nclosed 3\ngone 3 adopts=1\n");
}

/* -- limits ------------------------------------------------------------------------------------------------------ */

static void test_operations_and_errors_share_a_limit_and_the_rest_has_none(void **state)
{
    struct world *w = *state;
    w->conf->messages_per_s = 1;
    w->conf->messages_burst = 4;
    w->conf->messages_refused_max = 3;
    world_start(w);
    struct conn *c = world_connect(w, 1, ROOMS, 0);
    for (int i = 0; i < 20; i++) {
        world_say(w, c, "ping");
        world_say(w, c, "unsub 5");
    }
    (void)world_got(w, c);
    world_say(w, c, "nonsense");
    world_say(w, c, "send 5 x");
    world_say(w, c, "sub 5");
    world_say(w, c, "nonsense");
    assert_string_equal(world_got(w, c), "error bad_request\nerror bad_request\n");
    world_say(w, c, "send 7 x");
    world_say(w, c, "ping");
    world_say(w, c, "sub 8");
    assert_string_equal(world_got(w, c), "send rate_limited ref=7\npong\n"
                                         "sub rate_limited chat=8 ref=8\n");
    assert_string_equal(world_heard(w), "command 8 chat=5 number=0 slot=1\nquery 2 slot=1 {\"chat_id\":5}\n");
    world_wait(w, 1000);
    world_say(w, c, "nonsense"); /* one in time: the count of refusals begins anew */
    assert_string_equal(world_got(w, c), "error bad_request\n");
    world_say(w, c, "nonsense");
    world_say(w, c, "send 5 x");
    assert_string_equal(world_got(w, c), "error rate_limited\nsend rate_limited ref=5\n");
    world_say(w, c, "nonsense");
    assert_string_equal(world_got(w, c), "close rate_limited\n");
}

static void test_frames_have_a_hard_limit_that_forgets_when_the_client_calms_down(void **state)
{
    struct world *w = *state;
    w->conf->frames_per_s = 10;
    w->conf->frames_burst = 20;
    w->conf->messages_burst = 2;
    w->conf->messages_refused_max = 10;
    world_start(w);
    struct conn *c = world_connect(w, 1, ROOMS, 0);
    for (int i = 0; i < 28; i++) { /* 20 pass, 8 are refused, of which 2 are told */
        core_on_piece(c, STR("ping"), true, false);
    }
    const char *got = world_got(w, c);
    assert_non_null(strstr(got, "pong\nerror rate_limited\nerror rate_limited\n"));
    assert_int_equal(strlen(got), 20 * 5 + 2 * 19);
    world_wait(w, 2500);
    assert_string_equal(world_got(w, c), "");
    for (int i = 0; i < 29; i++) {
        core_on_piece(c, STR("ping"), true, false);
    }
    assert_int_equal(c->state, CONN_OPEN);
    world_wait(w, 500); /* five more, but no calm */
    for (int i = 0; i < 6; i++) {
        core_on_piece(c, STR("ping"), true, false);
    }
    assert_int_equal(c->state, CONN_CLOSING);
    assert_int_equal(c->close_code, CODE_RATE_LIMITED);
}

/* -- places ---------------------------------------------------------------------------------------------------------- */

static void test_a_frame_waits_for_a_place_and_is_read_again(void **state)
{
    struct world *w = *state;
    struct outcome ok = {.code = CODE_OK, .chat_id = 1};
    w->conf->commands_max = 2;
    world_start(w);
    struct conn *a = world_connect(w, 1, ROOMS, 0), *b = world_connect(w, 2, ROOMS, 0);
    world_say(w, a, "send 1 x");
    world_say(w, a, "send 2 x");
    world_say(w, b, "ping");
    world_say(w, b, "nonsense");
    world_say(w, b, "type 5 1");
    assert_string_equal(world_got(w, b), "pong\nerror bad_request\n");
    world_say(w, b, "send 3 x");
    assert_string_equal(world_got(w, b), "(pause)\n");
    assert_int_equal(w->core.stats.commands_held, 1);
    world_say(w, b, "send 4 x"); /* what the carrier had read already */
    assert_string_equal(world_got(w, b), "error queue_full\n");
    (void)world_heard(w);
    world_reply(w, 0, &ok);
    assert_string_equal(world_heard(w), "command 8 chat=3 number=0 slot=2\npresence 1 chat=1 on\n");
    world_reply(w, 2, &ok);
    assert_string_equal(world_got(w, b), "send ok ref=3\n");
    assert_int_equal(b->pause, 0);
}

static void test_a_frame_that_has_done_something_is_not_read_again(void **state)
{
    struct world *w = *state;
    w->conf->commands_max = 1;
    world_start(w);
    struct conn *a = world_connect(w, 1, ROOMS, 0);
    world_say(w, a, "twice 5");
    assert_string_equal(world_heard(w), "command 8 chat=5 number=0 slot=1\n");
    assert_string_equal(world_got(w, a), "send queue_full ref=5\n");
}

static void test_a_held_frame_of_who_has_gone_is_forgotten(void **state)
{
    struct world *w = *state;
    struct outcome ok = {.code = CODE_OK, .chat_id = 1};
    w->conf->commands_max = 1;
    world_start(w);
    struct conn *a = world_connect(w, 1, ROOMS, 0), *b = world_connect(w, 2, ROOMS, 0);
    world_say(w, a, "send 1 x");
    world_say(w, b, "sub 5");
    world_close(w, b);
    (void)world_heard(w);
    world_reply(w, 0, &ok);
    assert_string_equal(world_heard(w), "presence 1 chat=1 on\n");
    assert_int_equal(w->core.waiting_count, 0);
}

/* -- topics ---------------------------------------------------------------------------------------------------------- */

static struct conn *view(struct world *w, uint64_t topic, uint32_t options, uint64_t since)
{
    static uint64_t key = 5000;
    return world_adopt(w, &(struct link_adopt){.dialect = BOARD,
                                               .options = options,
                                               .since = since,
                                               .topic = topic,
                                               .peer_key = ++key,
                                               .head = STR("head")});
}

static void test_topics_reach_viewers_without_a_user(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *a = view(w, 7, 0, 0), *b = view(w, 8, 0, 0);
    struct event e = checkin(101, "{\"in\":1}");
    assert_string_equal(world_heard(w), "topic 7 sessions=1 adopts=1\ntopic 8 sessions=1 adopts=1\n");
    world_event_to_topic(w, &e, 7);
    assert_string_equal(world_got(w, a), "{\"in\":1}\n");
    assert_string_equal(world_got(w, b), "");
    world_say(w, a, "send 5 x");
    assert_string_equal(world_got(w, a), "send unauthenticated ref=5\n");
    world_say(w, a, "sub 5");
    world_say(w, a, "type 5 1");
    assert_string_equal(world_got(w, a), "sub unauthenticated chat=5 ref=5\ntype unauthenticated ref=5\n");
    world_close(w, a);
    assert_string_equal(world_heard(w), "closed 0\ntopic 7 sessions=0 adopts=1\n");
}

static void test_topics_begin_with_their_last_events(void **state)
{
    struct world *w = *state;
    struct buf events = BUF_INIT;
    struct event old = checkin(40, "old"), now = checkin(101, "now"), next = checkin(102, "next");
    world_start(w);
    struct conn *c = view(w, 7, CONN_REPLAY, 20);
    assert_string_equal(world_heard(w), "topic 7 sessions=1 adopts=1\nattach 1 since=20 topic=7\n");
    world_event_to_topic(w, &now, 7);
    event_encode(&events, &old);
    event_encode(&events, &now);
    link_put_chunk(world_link(w), conn_session(c), 1, 2, 101, buf_str(&events));
    assert_string_equal(world_heard(w), "pull\n");
    link_put_live(world_link(w), conn_session(c), 1, 101);
    world_turn(w);
    world_event_to_topic(w, &next, 7);
    assert_string_equal(world_got(w, c), "(pause)\nold\nnow\nnext\n"); /* and no notice */
    buf_release(&events);
}

static void test_topics_are_counted_anew_on_a_new_link_and_go_on_live(void **state)
{
    struct world *w = *state;
    struct event before = checkin(150, "before"), after = checkin(101, "after");
    world_start(w);
    struct conn *live = view(w, 7, 0, 0), *ext = view(w, 7, CONN_EXT, 0);
    struct conn *begun = view(w, 8, CONN_REPLAY, 5), *gone = view(w, 9, 0, 0);
    world_event_to_topic(w, &before, 7);
    world_close(w, gone);
    (void)world_heard(w);
    (void)world_got(w, live);
    (void)world_got(w, ext);
    world_link_lost(w);
    world_link_up(w, false); /* a log at 100 */
    assert_string_equal(world_heard(w), "attach 2 since=5 topic=8\n"
                                        "topic 8 sessions=1 adopts=0\ntopic 7 sessions=2 adopts=0\n");
    world_event_to_topic(w, &after, 7);
    assert_string_equal(world_got(w, live), "after\n");
    assert_string_equal(world_got(w, ext), "after\n");
    link_put_live(world_link(w), conn_session(begun), 2, 101);
    world_turn(w);
    assert_int_equal(begun->pause, 0);
}

static void test_a_topic_is_not_fetched_twice(void **state)
{
    struct world *w = *state;
    struct buf events = BUF_INIT;
    struct event old = checkin(40, "old");
    world_start(w);
    struct conn *c = view(w, 7, CONN_REPLAY, 5);
    event_encode(&events, &old);
    link_put_chunk(world_link(w), conn_session(c), 1, 1, 40, buf_str(&events));
    world_turn(w);
    (void)world_heard(w);
    world_link_lost(w);
    world_link_up(w, false);
    assert_string_equal(world_heard(w), "topic 7 sessions=1 adopts=0\n");
    assert_int_equal(c->pause, 0);
    buf_release(&events);
}

/* A change of an event session that takes the right to look on from all (0) or from one user. */
static void end_right(struct world *w, uint64_t id, uint64_t topic, uint64_t user, unsigned code)
{
    struct event e = {.event_id = id, .kind = EV_SESSION, .number = topic, .version = code, .subject = {.id = user}};
    world_event_to_topic(w, &e, topic);
}

static void test_viewers_go_when_they_are_told(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *a = view(w, 7, 0, 0), *b = view(w, 7, CONN_REPLAY, 9), *other = view(w, 8, 0, 0);
    struct conn *mine = world_adopt(w, &(struct link_adopt){.dialect = BOARD, .topic = 7, .slot = 3, .user_id = 3, .peer_key = 1,
                                                            .head = STR("head")});
    (void)world_heard(w);
    end_right(w, 101, 7, 0, CODE_OK); /* for nobody */
    assert_int_equal(mine->state, CONN_OPEN);
    end_right(w, 102, 7, 3, CODE_FORBIDDEN);
    assert_int_equal(mine->state, CONN_CLOSING);
    assert_int_equal(mine->close_code, CODE_FORBIDDEN);
    assert_int_equal(a->state, CONN_OPEN);
    end_right(w, 103, 7, 0, CODE_SESSION_NOT_FOUND);
    assert_int_equal(a->state, CONN_CLOSING);
    assert_int_equal(a->close_code, CODE_SESSION_NOT_FOUND);
    assert_int_equal(b->state, CONN_CLOSING); /* also while it catches up */
    assert_int_equal(other->state, CONN_OPEN);
    end_right(w, 0, 8, 0, 60000); /* without an event, with a code that is none */
    assert_int_equal(other->close_code, CODE_FORBIDDEN);
}

static void test_topics_are_bounded_and_count_refused_adopts(void **state)
{
    struct world *w = *state;
    w->conf->topics_max = 1;
    world_start(w);
    (void)view(w, 7, 0, 0);
    (void)world_heard(w);
    assert_null(view(w, 8, 0, 0));
    assert_string_equal(world_heard(w), "adopt_failed unavailable\n");
    struct link_adopt m = {.slot = 4, .user_id = 4, .dialect = BOARD, .topic = 8, .peer_key = 1, .head = STR("h")};
    assert_null(world_adopt(w, &m));
    assert_string_equal(world_heard(w), "adopt_failed unavailable\ngone 4 adopts=1\n");
    m.dialect = DIALECT_ECHO;
    m.topic = 7;
    assert_null(world_adopt(w, &m));
    assert_string_equal(world_heard(w), "adopt_failed unsupported_type\ngone 4 adopts=2\ntopic 7 sessions=1 adopts=2\n");
}

static void test_everybody_means_every_user(void **state)
{
    struct world *w = *state;
    struct event e = {.event_id = 101, .kind = EV_NOTIFICATION};
    struct buf encoded = BUF_INIT;
    world_start(w);
    struct conn *viewer = view(w, 7, 0, 0), *user = world_connect(w, 1, ROOMS, 0);
    event_encode(&encoded, &e);
    link_put_event(world_link(w), LINK_EVENT, &(struct link_recipients){.to = LINK_TO_ALL}, buf_str(&encoded));
    assert_string_equal(world_got(w, user), "e101 k14 c0\n");
    assert_string_equal(world_got(w, viewer), "");
    buf_release(&encoded);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_greeting_comes_before_everything_else),
        TEST(test_greeting_of_nobody_names_nobody),
        TEST(test_a_greeting_that_does_not_fit_ends_only_its_connection),
        TEST(test_filters_see_the_options_and_what_the_dialect_watches),
        TEST(test_only_logged_events_are_left_out_for_who_caused_them),
        TEST(test_the_newest_state_that_waits_replaces_an_older_one),
        TEST(test_who_goes_before_the_welcome_is_reported_behind_the_hello),
        TEST(test_operations_and_errors_share_a_limit_and_the_rest_has_none),
        TEST(test_frames_have_a_hard_limit_that_forgets_when_the_client_calms_down),
        TEST(test_a_frame_waits_for_a_place_and_is_read_again),
        TEST(test_a_frame_that_has_done_something_is_not_read_again),
        TEST(test_a_held_frame_of_who_has_gone_is_forgotten),
        TEST(test_topics_reach_viewers_without_a_user),
        TEST(test_topics_begin_with_their_last_events),
        TEST(test_topics_are_counted_anew_on_a_new_link_and_go_on_live),
        TEST(test_a_topic_is_not_fetched_twice),
        TEST(test_viewers_go_when_they_are_told),
        TEST(test_topics_are_bounded_and_count_refused_adopts),
        TEST(test_everybody_means_every_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
