/* Engine.IO sessions in the worker: handshake, heartbeat, polls and posts, the upgrade, and their ends. */
#include <stdio.h>

#include "tests/lib/core_world.h"
#include "tests/unit/unit.h"

enum { GET = LINK_POLL_GET, POST = LINK_POLL_POST, INTERVAL = 25000, TIMEOUT = 20000 };

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

/* A session that polls, and its name. */
struct session {
    struct conn *c;
    char sid[64];
};

static void read_sid(struct session *s, const char *open)
{
    const char *sid = strstr(open, "0{\"sid\":\"");
    assert_non_null(sid);
    assert_int_equal(sscanf(sid, "0{\"sid\":\"%63[A-Za-z0-9_-]", s->sid), 1);
}

static struct conn *newest(struct world *w)
{
    struct conn *c = NULL;
    for (uint32_t i = 0; i < w->core.conns.made; i++) {
        struct conn *at = conns_at(&w->core.conns, i);
        c = at != NULL ? at : c;
    }
    return c;
}

static struct session open_polling(struct world *w)
{
    struct session s = {0};
    (void)world_heard(w);
    (void)world_poll(w, GET, "", "");
    read_sid(&s, world_heard(w));
    s.c = newest(w);
    return s;
}

static struct conn *connect(struct world *w, const char *query)
{
    static uint64_t key = 1000;
    return world_adopt(w, &(struct link_adopt){.dialect = DIALECT_EIO_ECHO, .peer_key = ++key, .asked = str_of(query),
                                               .head = STR("head")});
}

/* A WebSocket that asks for this session. */
static struct conn *probe(struct world *w, const struct session *s)
{
    char query[128];
    snprintf(query, sizeof(query), "EIO=4&transport=websocket&sid=%s", s->sid);
    return connect(w, query);
}

#define BAD     "400 {\"code\":3,\"message\":\"Bad request\"}"
#define UNKNOWN "400 {\"code\":1,\"message\":\"Session ID unknown\"}"

/* This, and nothing else. */
static void assert_answer(struct world *w, uint32_t id, const char *answer)
{
    char expected[256];
    snprintf(expected, sizeof(expected), "poll %u %s\n", id, answer);
    assert_string_equal(world_heard(w), expected);
}

static uint32_t get(struct world *w, const struct session *s)
{
    return world_poll(w, GET, s->sid, "");
}

/* The post is answered at once. */
static void post(struct world *w, const struct session *s, const char *body)
{
    (void)world_heard(w);
    assert_answer(w, world_poll(w, POST, s->sid, body), "200 ok");
}

static void log_in(struct world *w, const struct session *s)
{
    (void)world_poll(w, POST, s->sid, "4login t");
    world_login_reply(w, 0, &(struct link_login_reply){.session = conn_session(s->c), .slot = 3, .user_id = 3});
    (void)get(w, s);
    assert_non_null(strstr(world_heard(w), "login ok"));
}

static void assert_unknown(struct world *w, const struct session *s)
{
    (void)world_heard(w);
    assert_answer(w, get(w, s), UNKNOWN);
}

/* -- handshake ------------------------------------------------------------------------------------------------------- */

static void test_the_handshake_says_what_the_protocol_wants(void **state)
{
    struct world *w = *state;
    char polling[256], socket[256];
    world_start(w);
    (void)world_poll(w, GET, "", "");
    int end = 0;
    const char *heard = world_heard(w);
    assert_int_equal(sscanf(heard, "poll 1 200 0{\"sid\":\"%255[A-Za-z0-9_-]\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
                                   "\"pingTimeout\":20000,\"maxPayload\":1000000}%n", polling, &end), 1);
    assert_true(end > 0 && strcmp(heard + end, "\n") == 0);
    struct conn *c = connect(w, "EIO=4&transport=websocket");
    heard = world_got(w, c);
    end = 0;
    assert_int_equal(sscanf(heard, "0{\"sid\":\"%255[A-Za-z0-9_-]\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,"
                                   "\"maxPayload\":1000000}%n", socket, &end), 1);
    assert_true(end > 0 && strcmp(heard + end, "\n") == 0);
    assert_int_equal(strlen(polling), 35);
    assert_int_equal(strlen(socket), 35);
    assert_int_equal(strncmp(polling, socket, 13), 0); /* the worker, and since when it is there */
    assert_int_not_equal(strcmp(polling + 14, socket + 14), 0);
}

static void test_there_is_no_session_where_there_is_no_room(void **state)
{
    struct world *w = *state;
    w->conf->sessions_max = 1;
    world_start(w);
    (void)open_polling(w);
    assert_answer(w, world_poll(w, GET, "", ""), "503 {\"code\":3,\"message\":\"Bad request\"}");
}

static void test_names_of_other_sessions_mean_nobody(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct session s = open_polling(w), other;
    const char *const sids[] = {"x", "!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < sizeof(sids) / sizeof(sids[0]); i++) {
        snprintf(other.sid, sizeof(other.sid), "%s", sids[i]);
        assert_unknown(w, &other);
    }
    for (size_t i = 0; i < strlen(s.sid) - 1; i++) { /* the last digit has bits that count for nothing */
        other = s;
        other.sid[i] = s.sid[i] == 'A' ? 'B' : 'A';
        assert_unknown(w, &other);
    }
    post(w, &s, "6");
}

/* -- polls and posts --------------------------------------------------------------------------------------------------- */

static void test_packets_in_and_out(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct session s = open_polling(w);
    post(w, &s, "4ping\x1e" "4ping\x1e" "bAQID");
    assert_answer(w, get(w, &s), "200 pong\x1epong\x1e" "bAQID");
    uint32_t held = get(w, &s);
    assert_string_equal(world_heard(w), "");
    uint32_t sent = world_poll(w, POST, s.sid, "4ping");
    char expected[64];
    snprintf(expected, sizeof(expected), "poll %u 200 ok\npoll %u 200 pong\n", sent, held);
    assert_string_equal(world_heard(w), expected);
}

static void test_an_answer_is_no_larger_than_was_promised(void **state)
{
    struct world *w = *state;
    char body[2048], *end = body;
    w->conf->eio_max_payload = 1024;
    world_start(w);
    struct session s = open_polling(w);
    for (int i = 0; i < 300; i++) {
        end += sprintf(end, "%s4ping", i > 0 ? "\x1e" : "");
    }
    post(w, &s, body);
    unsigned pongs = 0, answers = 0;
    for (; pongs < 300; answers++) {
        assert_true(answers < 10);
        (void)get(w, &s);
        const char *heard = world_heard(w);
        assert_true(strlen(heard) < 1024 + sizeof("poll 4711 200 \n"));
        for (const char *at = heard; (at = strstr(at, "pong")) != NULL; at++) {
            pongs++;
        }
    }
    assert_true(answers > 1 && pongs == 300);
}

static void test_two_polls_at_once_are_the_end(void **state)
{
    struct world *w = *state;
    char expected[160];
    world_start(w);
    struct session s = open_polling(w);
    uint32_t first = get(w, &s), second = get(w, &s);
    snprintf(expected, sizeof(expected), "poll %u " BAD "\npoll %u 200 1\n", second, first);
    assert_string_equal(world_heard(w), expected);
    assert_unknown(w, &s);
    world_wait(w, 200);
    assert_int_equal(w->core.conns.count, 0);
    assert_string_equal(world_heard(w), "closed 0\n");
}

static void test_a_poll_that_the_good_bye_has_overtaken_ends_like_a_held_one(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct session s = open_polling(w);
    post(w, &s, "1");
    assert_answer(w, get(w, &s), "200 6");
    assert_unknown(w, &s); /* one only */
    s = open_polling(w);
    (void)get(w, &s);
    (void)world_poll(w, POST, s.sid, "1");
    assert_unknown(w, &s); /* it was held */
    s = open_polling(w);
    post(w, &s, "1");
    (void)world_heard(w);
    assert_answer(w, world_poll(w, POST, s.sid, "4x"), UNKNOWN);
    world_wait(w, 400);
    assert_int_equal(w->core.conns.count, 0);
    assert_unknown(w, &s); /* not for ever */
    w->conf->eio_last_poll_ms = 5000;
    s = open_polling(w);
    post(w, &s, "1");
    world_wait(w, 4000);
    assert_answer(w, get(w, &s), "200 6");
    w->conf->eio_last_poll_ms = 0;
    s = open_polling(w);
    post(w, &s, "1");
    world_wait(w, 100);
    assert_unknown(w, &s);
}

static void test_what_is_no_packet_is_the_end(void **state)
{
    static const char *const bodies[] = {"abc", "", "6\x1e", "\x1e" "6", "0", "2", "5", "6\x1e" "6\x1e" "6\x1e" "6"};
    struct world *w = *state;
    w->conf->eio_packets_max = 3;
    world_start(w);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct session s = open_polling(w);
        assert_answer(w, world_poll(w, POST, s.sid, bodies[i]), BAD);
        assert_unknown(w, &s);
    }
    struct session s = open_polling(w);
    post(w, &s, "6\x1e" "6\x1e" "6");
}

static void test_a_client_that_hangs_up_has_left(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct session s = open_polling(w);
    world_poll_abort(w, 4711);
    post(w, &s, "6");
    world_poll_abort(w, get(w, &s));
    world_wait(w, 100);
    assert_string_equal(world_heard(w), "closed 0\n");
    assert_unknown(w, &s);
}

static void test_good_bye(void **state)
{
    struct world *w = *state;
    char expected[64];
    world_start(w);
    struct session s = open_polling(w);
    uint32_t held = get(w, &s), bye = world_poll(w, POST, s.sid, "1\x1e" "4ping");
    snprintf(expected, sizeof(expected), "poll %u 200 6\npoll %u 200 ok\n", held, bye);
    assert_string_equal(world_heard(w), expected);
    assert_unknown(w, &s);
}

static void test_good_bye_on_a_socket(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = connect(w, "EIO=4&transport=websocket");
    (void)world_got(w, c);
    world_say(w, c, "1");
    assert_string_equal(world_got(w, c), "close goodbye\n");
}

/* -- heartbeat ----------------------------------------------------------------------------------------------------------- */

static void test_a_session_lives_as_long_as_it_answers(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct session s = open_polling(w);
    log_in(w, &s); /* who joins nothing is not kept that long */
    for (int i = 0; i < 5; i++) {
        uint32_t held = get(w, &s);
        world_wait(w, INTERVAL - 100);
        assert_string_equal(world_heard(w), "");
        world_wait(w, 200);
        assert_answer(w, held, "200 2");
        world_wait(w, TIMEOUT - 200);
        post(w, &s, "3");
    }
    world_wait(w, INTERVAL + TIMEOUT - 100);
    assert_answer(w, get(w, &s), "200 2"); /* nobody was there to take it earlier */
    world_wait(w, 200);
    assert_unknown(w, &s);
    assert_int_equal(w->core.conns.count, 0);
    assert_int_equal(w->core.stats.ping_timeouts, 1);
}

/* Requests look at the time themselves: the clock of the core is coarse. */
static void test_a_session_is_over_to_the_millisecond(void **state)
{
    struct world *w = *state;
    w->conf->eio_connect_timeout_ms = 600000;
    world_start(w);
    struct session s = open_polling(w);
    w->now_ms += INTERVAL + TIMEOUT - 1;
    post(w, &s, "6");
    w->now_ms += 1;
    assert_unknown(w, &s);
}

static void test_a_socket_is_pinged_by_the_protocol(void **state)
{
    struct world *w = *state;
    w->conf->eio_connect_timeout_ms = 600000;
    world_start(w);
    struct conn *c = connect(w, "EIO=4&transport=websocket");
    (void)world_got(w, c);
    for (int i = 0; i < 3; i++) {
        world_wait(w, INTERVAL + 100);
        assert_string_equal(world_got(w, c), "2\n");
        world_say(w, c, "3");
    }
    world_wait(w, INTERVAL + TIMEOUT + 100);
    assert_string_equal(world_got(w, c), "2\nclose idle\n");
}

static void test_who_joins_nothing_is_not_kept(void **state)
{
    struct world *w = *state;
    w->conf->eio_connect_timeout_ms = 3000;
    world_start(w);
    struct session s = open_polling(w);
    struct conn *c = connect(w, "EIO=4&transport=websocket");
    (void)world_got(w, c);
    world_wait(w, 2900);
    post(w, &s, "6");
    uint32_t held = get(w, &s);
    world_wait(w, 200);
    assert_string_equal(world_got(w, c), "close unauthenticated\n");
    char expected[64];
    snprintf(expected, sizeof(expected), "poll %u 200 1\nclosed 0\n", held);
    assert_string_equal(world_heard(w), expected);
}

static void test_who_leaves_has_time_to_come_again(void **state)
{
    struct world *w = *state;
    w->conf->eio_connect_timeout_ms = 3000;
    world_start(w);
    struct session s = open_polling(w);
    log_in(w, &s);
    world_wait(w, 10000);
    (void)world_poll(w, POST, s.sid, "4logout");
    world_wait(w, 2000);
    post(w, &s, "6");
    world_wait(w, 1500);
    post(w, &s, "6"); /* only looked at with its heartbeat, which is soon enough */
    world_wait(w, INTERVAL);
    assert_unknown(w, &s);
}

/* -- the upgrade ----------------------------------------------------------------------------------------------------------- */

static void test_a_session_moves_to_a_socket(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct session s = open_polling(w);
    struct conn *p = probe(w, &s);
    assert_string_equal(world_got(w, p), "");
    uint32_t held = get(w, &s);
    assert_string_equal(world_heard(w), "");
    world_say(w, p, "2probe");
    assert_string_equal(world_got(w, p), "3probe\n");
    assert_answer(w, held, "200 6");
    for (int i = 0; i < 3; i++) { /* every poll is sent back at once, or the client waits for the next ping */
        assert_answer(w, get(w, &s), "200 6");
    }
    post(w, &s, "4ping");
    assert_answer(w, get(w, &s), "200 6"); /* the frame waits for the socket */
    world_say(w, p, "5");
    assert_string_equal(world_got(w, s.c), "pong\n");
    world_say(w, s.c, "4ping");
    assert_string_equal(world_got(w, s.c), "pong\n");
    world_wait(w, 200);
    assert_int_equal(w->core.conns.count, 1);
    assert_int_equal(w->core.stats.upgrades, 1);
    assert_string_equal(world_heard(w), "closed 0\n"); /* the probe, which was counted, too */
    assert_answer(w, get(w, &s), BAD);
    struct conn *late = probe(w, &s);
    assert_string_equal(world_got(w, late), "close bad_request\n");
    assert_int_equal(s.c->state, CONN_OPEN);
}

static void test_an_upgrade_that_stalls_ends_alone(void **state)
{
    struct world *w = *state;
    w->conf->eio_upgrade_timeout_ms = 5000;
    world_start(w);
    for (int says_hello = 0; says_hello < 2; says_hello++) {
        struct session s = open_polling(w);
        struct conn *p = probe(w, &s);
        if (says_hello) {
            world_say(w, p, "2probe");
            assert_string_equal(world_got(w, p), "3probe\n");
        }
        post(w, &s, "4ping");
        world_wait(w, 5200);
        assert_non_null(strstr(world_got(w, p), "close "));
        world_close(w, p);
        (void)world_heard(w);
        assert_answer(w, get(w, &s), "200 pong");
        assert_int_equal(s.c->eio->partner, 0);
        struct conn *again = probe(w, &s);
        world_say(w, again, "2probe");
        assert_string_equal(world_got(w, again), "3probe\n");
        world_say(w, again, "5");
        assert_int_equal(s.c->eio->role, EIO_WEBSOCKET);
    }
}

static void test_there_is_no_ping_during_the_upgrade(void **state)
{
    struct world *w = *state;
    w->conf->eio_connect_timeout_ms = 600000;
    world_start(w);
    struct session s = open_polling(w);
    world_wait(w, INTERVAL - 1000);
    struct conn *p = probe(w, &s);
    world_say(w, p, "2probe");
    (void)world_got(w, p);
    world_wait(w, 2000);
    assert_answer(w, get(w, &s), "200 6");
    world_say(w, p, "5");
    assert_string_equal(world_got(w, s.c), "");
    world_wait(w, 100);
    assert_string_equal(world_got(w, s.c), "2\n"); /* now */
}

static void test_nonsense_ends_the_probe_alone(void **state)
{
    static const char *const frames[] = {"5", "2", "2prob", "4ping", "1", "3", "abc"};
    struct world *w = *state;
    world_start(w);
    struct session s = open_polling(w);
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        struct conn *p = probe(w, &s);
        world_say(w, p, frames[i]);
        assert_string_equal(world_got(w, p), "close bad_request\n");
        world_close(w, p);
    }
    struct conn *p = probe(w, &s), *second = probe(w, &s);
    assert_string_equal(world_got(w, second), "close bad_request\n"); /* one at a time */
    assert_string_equal(world_got(w, p), "");
    post(w, &s, "6");
}

static void test_a_probe_ends_with_its_session(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct session s = open_polling(w);
    struct conn *p = probe(w, &s);
    world_say(w, p, "2probe");
    (void)world_got(w, p);
    post(w, &s, "1");
    world_wait(w, 100);
    assert_string_equal(world_got(w, p), "close bad_request\n");
    s = open_polling(w);
    p = probe(w, &s);
    world_close(w, p);
    assert_int_equal(s.c->eio->partner, 0);
    post(w, &s, "6");
}

/* -- posts that have to wait ------------------------------------------------------------------------------------------------- */

/* A session whose post waits, because the second of its commands finds no place. */
static struct session with_a_held_post(struct world *w, uint32_t *id)
{
    w->conf->commands_max = 1;
    w->conf->eio_connect_timeout_ms = 600000;
    world_start(w);
    struct session s = open_polling(w);
    log_in(w, &s);
    *id = world_poll(w, POST, s.sid, "4send 1 a\x1e" "4send 2 b\x1e" "4ping");
    assert_string_equal(world_heard(w), "command 8 chat=1 number=0 slot=3\n");
    return s;
}

static void test_a_post_waits_for_room(void **state)
{
    struct world *w = *state;
    uint32_t id;
    struct session s = with_a_held_post(w, &id);
    char expected[128];
    world_reply(w, 1, &(struct outcome){.code = CODE_OK});
    snprintf(expected, sizeof(expected), "command 8 chat=2 number=0 slot=3\npoll %u 200 ok\n", id);
    assert_string_equal(world_heard(w), expected);
    world_reply(w, 2, &(struct outcome){.code = CODE_OK});
    (void)get(w, &s);
    const char *heard = world_heard(w);
    assert_non_null(strstr(heard, "send ok"));
    assert_non_null(strstr(heard, "\x1epong"));
}

static void test_a_second_post_does_not_overtake_the_one_that_waits(void **state)
{
    struct world *w = *state;
    uint32_t id;
    char expected[160];
    struct session s = with_a_held_post(w, &id);
    uint32_t second = world_poll(w, POST, s.sid, "6");
    snprintf(expected, sizeof(expected), "poll %u " BAD "\npoll %u " BAD "\n", second, id);
    assert_string_equal(world_heard(w), expected);
    assert_unknown(w, &s);
}

static void test_who_hangs_up_while_his_post_waits_has_left(void **state)
{
    struct world *w = *state;
    uint32_t id;
    struct session s = with_a_held_post(w, &id);
    world_poll_abort(w, id);
    world_wait(w, 100);
    assert_unknown(w, &s);
    assert_int_equal(w->core.conns.count, 0);
    assert_int_equal(w->core.engine.polls.count, 0);
    world_reply(w, 1, &(struct outcome){.code = CODE_OK});
}

static void test_there_is_no_upgrade_before_the_last_post_is_answered(void **state)
{
    struct world *w = *state;
    uint32_t id;
    struct session s = with_a_held_post(w, &id);
    struct conn *p = probe(w, &s);
    world_say(w, p, "2probe");
    assert_string_equal(world_got(w, p), "3probe\n");
    world_say(w, p, "5");
    assert_string_equal(world_got(w, p), "close bad_request\n");
    world_reply(w, 1, &(struct outcome){.code = CODE_OK});
    assert_non_null(strstr(world_heard(w), "200 ok"));
    assert_int_equal(s.c->eio->role, EIO_POLLING);
}

/* -- who it is, and the link --------------------------------------------------------------------------------------------------- */

static void test_who_logs_in_hears_from_then_on(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = connect(w, "EIO=4&transport=websocket");
    (void)world_got(w, c);
    world_event(w, &(struct event){.event_id = 101, .kind = EV_NOTIFICATION}, 3);
    world_say(w, c, "4login secret");
    assert_non_null(strstr(world_heard(w), "login secret"));
    world_say(w, c, "4login again");
    assert_non_null(strstr(world_got(w, c), "login conflict"));
    world_login_reply(w, 0, &(struct link_login_reply){.session = conn_session(c), .slot = 3, .user_id = 3});
    assert_non_null(strstr(world_got(w, c), "login ok"));
    world_event(w, &(struct event){.event_id = 102, .kind = EV_NOTIFICATION}, 3);
    assert_string_equal(world_got(w, c), "e102 k14 c0\n");
    (void)world_heard(w);
    world_say(w, c, "4logout");
    assert_string_equal(world_heard(w), "closed 3\ngone 3 adopts=1\n");
    world_event(w, &(struct event){.event_id = 103, .kind = EV_NOTIFICATION}, 3);
    assert_string_equal(world_got(w, c), "");
    assert_int_equal(c->state, CONN_OPEN);
}

static void test_a_refused_token_leaves_the_connection(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = connect(w, "EIO=4&transport=websocket");
    (void)world_got(w, c);
    world_say(w, c, "4login bad");
    world_login_reply(w, 0, &(struct link_login_reply){.session = conn_session(c), .code = CODE_TOKEN_EXPIRED});
    assert_non_null(strstr(world_got(w, c), "login token_expired"));
    assert_int_equal(c->slot, 0);
    world_say(w, c, "4send 1 x");
    assert_non_null(strstr(world_got(w, c), "send unauthenticated"));
}

static void test_who_has_gone_before_he_is_known_is_counted_back(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct conn *c = connect(w, "EIO=4&transport=websocket");
    uint64_t session = conn_session(c);
    world_say(w, c, "4login t");
    (void)world_heard(w);
    world_close(w, c);
    world_login_reply(w, 0, &(struct link_login_reply){.session = session, .slot = 3, .user_id = 3});
    assert_string_equal(world_heard(w), "closed 0\nclosed 3\ngone 3 adopts=1\n");
}

static void test_polling_sessions_end_with_the_link(void **state)
{
    struct world *w = *state;
    w->conf->eio_connect_timeout_ms = 600000;
    world_start(w);
    struct session s = open_polling(w);
    struct conn *c = connect(w, "EIO=4&transport=websocket"), *waits = connect(w, "EIO=4&transport=websocket");
    (void)get(w, &s);
    (void)world_got(w, c);
    (void)world_got(w, waits);
    world_say(w, waits, "4login t");
    world_link_lost(w);
    world_wait(w, 200);
    assert_int_equal(c->state, CONN_OPEN);
    /* A refusal would be final for its client; who loses the connection comes back. */
    assert_string_equal(world_got(w, waits), "close restarting\n");
    world_link_up(w, true);
    assert_unknown(w, &s);
    world_say(w, c, "4ping");
    assert_string_equal(world_got(w, c), "pong\n");
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_handshake_says_what_the_protocol_wants),
        T(there_is_no_session_where_there_is_no_room),
        T(names_of_other_sessions_mean_nobody),
        T(packets_in_and_out),
        T(an_answer_is_no_larger_than_was_promised),
        T(two_polls_at_once_are_the_end),
        T(what_is_no_packet_is_the_end),
        T(a_client_that_hangs_up_has_left),
        T(good_bye),
        T(a_poll_that_the_good_bye_has_overtaken_ends_like_a_held_one),
        T(good_bye_on_a_socket),
        T(a_session_lives_as_long_as_it_answers),
        T(a_session_is_over_to_the_millisecond),
        T(a_socket_is_pinged_by_the_protocol),
        T(who_joins_nothing_is_not_kept),
        T(who_leaves_has_time_to_come_again),
        T(a_session_moves_to_a_socket),
        T(an_upgrade_that_stalls_ends_alone),
        T(there_is_no_ping_during_the_upgrade),
        T(nonsense_ends_the_probe_alone),
        T(a_probe_ends_with_its_session),
        T(a_post_waits_for_room),
        T(a_second_post_does_not_overtake_the_one_that_waits),
        T(who_hangs_up_while_his_post_waits_has_left),
        T(there_is_no_upgrade_before_the_last_post_is_answered),
        T(who_logs_in_hears_from_then_on),
        T(a_refused_token_leaves_the_connection),
        T(who_has_gone_before_he_is_known_is_counted_back),
        T(polling_sessions_end_with_the_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
