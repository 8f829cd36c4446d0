/* Sessions without a socket of their own: requests on their way to a worker and back, and who says afterwards who he is. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "rest/ratelimit.h"
#include "shared/dialect_id.h"
#include "tests/lib/feed_world.h"

enum { PEER = 9, CHAT_SESSION = 70 };

/* -- what comes back to the HTTP side -------------------------------------------------------------------------- */

static struct {
    uint32_t started[64];
    unsigned started_count;
    char said[512]; /* "<id> <status> <body>;" or "<id> gone;" */
} http;

static void before(void *ctx, uint32_t poll_id)
{
    (void)ctx;
    http.started[http.started_count++ % 64] = poll_id;
}

static void done(void *ctx, uint32_t poll_id, const struct link_poll_reply *r)
{
    size_t at = strlen(http.said);
    char *to = http.said + at;
    size_t room = sizeof(http.said) - at;
    (void)ctx;
    if (r == NULL) {
        snprintf(to, room, "%u gone;", poll_id);
    } else {
        snprintf(to, room, "%u %u %.*s;", poll_id, r->status, (int)r->body.len, r->body.p);
    }
}

static void assert_said(const char *expected)
{
    assert_string_equal(http.said, expected);
    http.said[0] = '\0';
}

static struct world *make(uint64_t connections_max)
{
    struct feed_conf conf;
    world_conf(&conf);
    conf.address_connections_max = connections_max;
    conf.user_connections_max = 2;
    struct world *w = world_new(&conf, 5, 1);
    feed_on_poll_done(w->feed, done, NULL);
    memset(&http, 0, sizeof(http));
    world_token_user = 2;
    world_token_family = 33;
    return w;
}

static enum code poll_to(struct world *w, const struct feed_place *to, uint64_t peer)
{
    struct link_poll m = {.method = LINK_POLL_GET, .dialect = DIALECT_SOCKETIO, .peer_key = peer,
                          .sid = to != NULL ? STR("sid") : STR("")};
    return feed_poll(w->feed, &m, to, before, NULL);
}

/* Its id. */
static uint32_t opens(struct world *w, uint64_t peer)
{
    assert_int_equal(poll_to(w, NULL, peer), CODE_OK);
    return http.started[(http.started_count - 1) % 64];
}

static uint32_t asks(struct world *w, uint16_t worker, uint64_t incarnation)
{
    assert_int_equal(poll_to(w, &(struct feed_place){worker, incarnation}, PEER), CODE_OK);
    return http.started[(http.started_count - 1) % 64];
}

static enum rc replies(struct world *w, struct feed_worker *worker, uint32_t poll_id, uint16_t status, const char *body)
{
    struct buf up = BUF_INIT;
    link_put_poll_reply(&up, poll_id, &(struct link_poll_reply){.status = status, .content_type = STR("text/plain"),
                                                                .body = str_of(body)});
    enum rc rc = world_up(w, worker, &up);
    buf_release(&up);
    return rc;
}

static void closes(struct world *w, struct feed_worker *worker, uint32_t slot, uint64_t peer)
{
    struct buf up = BUF_INIT;
    link_put_session_closed(&up, &(struct link_closed){slot, peer}, 1);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    buf_release(&up);
}

static unsigned sent(struct feed_worker *worker, uint16_t type)
{
    struct inbox in = {0};
    inbox_take(&in, worker);
    unsigned n = inbox_count(&in, type);
    inbox_clear(&in);
    return n;
}

static unsigned counted(const struct world *w)
{
    return feed_counted(&w->feed->peers, PEER);
}

/* -- polls ---------------------------------------------------------------------------------------------------------- */

static void test_a_request_goes_to_the_worker_that_has_the_session(void **state)
{
    struct world *w = make(10);
    struct feed_worker *one = world_join(w, 1, 100), *two = world_join(w, 2, 200);
    struct inbox in = {0};
    struct link_poll m;
    (void)state;
    uint32_t id = asks(w, 2, 200);
    assert_int_equal(sent(one, LINK_POLL), 0);
    inbox_take(&in, two);
    const struct link_frame *f = inbox_at(&in, LINK_POLL, 0);
    assert_non_null(f);
    assert_int_equal(f->request, id);
    assert_int_equal(link_get_poll(f->body, &m), RC_OK);
    assert_true(str_eq(m.sid, STR("sid")));
    assert_int_equal(counted(w), 0); /* it was counted when it was opened */
    inbox_clear(&in);
    assert_int_equal(replies(w, two, id, 200, "4hello"), RC_OK);
    assert_said("1 200 4hello;");
    assert_int_equal(poll_to(w, &(struct feed_place){2, 199}, PEER), CODE_NOT_FOUND);
    assert_int_equal(poll_to(w, &(struct feed_place){3, 200}, PEER), CODE_NOT_FOUND);
    assert_int_equal(http.started_count, 1);
    feed_leave(w->feed, one);
    feed_leave(w->feed, two);
    world_free(w);
}

static void test_a_session_goes_where_there_is_most_room(void **state)
{
    struct world *w = make(10);
    (void)state;
    assert_int_equal(poll_to(w, NULL, PEER), CODE_NO_WORKER);
    struct feed_worker *one = world_join(w, 1, 100), *two = world_join(w, 2, 200);
    for (unsigned i = 0; i < 6; i++) {
        (void)opens(w, PEER);
    }
    assert_int_equal(sent(one, LINK_POLL), 3);
    assert_int_equal(sent(two, LINK_POLL), 3);
    assert_int_equal(counted(w), 6);
    feed_leave(w->feed, one);
    feed_leave(w->feed, two);
    world_free(w);
}

static void test_an_address_has_a_limit(void **state)
{
    struct world *w = make(2);
    struct feed_worker *one = world_join(w, 1, 100);
    (void)state;
    (void)opens(w, PEER);
    uint32_t id = opens(w, PEER);
    assert_int_equal(poll_to(w, NULL, PEER), CODE_TOO_MANY_CONNECTIONS);
    assert_int_equal(poll_to(w, NULL, 10), CODE_OK);
    (void)asks(w, 1, 100); /* what is there goes on */
    assert_int_equal(replies(w, one, id, 503, "{}"), RC_OK);
    assert_int_equal(counted(w), 1); /* it was not opened */
    (void)opens(w, PEER);
    closes(w, one, 0, PEER);
    assert_int_equal(counted(w), 1);
    feed_leave(w->feed, one);
    assert_int_equal(counted(w), 0);
    world_free(w);
}

static void test_a_client_that_goes_away_is_told_to_the_worker(void **state)
{
    struct world *w = make(10);
    struct feed_worker *one = world_join(w, 1, 100);
    (void)state;
    uint32_t id = asks(w, 1, 100);
    feed_poll_abort(w->feed, id);
    feed_poll_abort(w->feed, id);
    feed_poll_abort(w->feed, 0);
    feed_poll_abort(w->feed, 4711);
    assert_int_equal(sent(one, LINK_POLL_ABORT), 1);
    assert_int_equal(replies(w, one, id, 200, "too late"), RC_OK);
    assert_said("");
    feed_leave(w->feed, one);
    world_free(w);
}

static void test_one_that_opens_is_counted_until_the_worker_has_spoken(void **state)
{
    struct world *w = make(10);
    struct feed_worker *one = world_join(w, 1, 100);
    (void)state;
    uint32_t good = opens(w, PEER), bad = opens(w, PEER);
    feed_poll_abort(w->feed, good);
    feed_poll_abort(w->feed, bad);
    assert_int_equal(sent(one, LINK_POLL_ABORT), 0); /* the worker does not know it by this id */
    assert_int_equal(counted(w), 2);
    assert_int_equal(replies(w, one, bad, 503, "{}"), RC_OK);
    assert_int_equal(counted(w), 1);
    assert_int_equal(replies(w, one, good, 200, "0{}"), RC_OK);
    assert_int_equal(counted(w), 1); /* a session now, which ends by its heartbeat */
    closes(w, one, 0, PEER);
    assert_int_equal(counted(w), 0);
    feed_leave(w->feed, one);
    world_free(w);
}

static void test_a_worker_answers_only_its_own(void **state)
{
    struct world *w = make(10);
    struct feed_worker *one = world_join(w, 1, 100), *two = world_join(w, 2, 200);
    (void)state;
    uint32_t id = asks(w, 1, 100);
    assert_int_equal(replies(w, two, id, 200, "foreign"), RC_OK);
    assert_int_equal(replies(w, two, 0, 200, "nobody's"), RC_OK);
    assert_said("");
    assert_int_equal(replies(w, one, id, 200, "mine"), RC_OK);
    assert_int_equal(replies(w, one, id, 200, "twice"), RC_OK);
    assert_said("1 200 mine;");
    feed_leave(w->feed, one);
    feed_leave(w->feed, two);
    world_free(w);
}

static void test_a_worker_that_goes_ends_what_is_held(void **state)
{
    struct world *w = make(10);
    struct feed_worker *one = world_join(w, 1, 100), *two = world_join(w, 2, 200);
    (void)state;
    (void)asks(w, 1, 100);
    uint32_t left = asks(w, 2, 200);
    (void)asks(w, 1, 100);
    uint32_t aborted = asks(w, 1, 100);
    feed_poll_abort(w->feed, aborted);
    (void)opens(w, PEER);
    assert_int_equal(counted(w), 1);
    feed_leave(w->feed, one);
    assert_non_null(strstr(http.said, "1 gone;"));
    assert_non_null(strstr(http.said, "3 gone;"));
    assert_null(strstr(http.said, "2 gone;"));
    assert_null(strstr(http.said, "4 gone;"));
    http.said[0] = '\0';
    assert_int_equal(replies(w, two, left, 200, "here"), RC_OK);
    assert_said("2 200 here;");
    feed_leave(w->feed, two);
    assert_int_equal(counted(w), 0);
    world_free(w);
}

/* More are held at once than fit into the first table, and places are used again. */
static void test_many_at_once(void **state)
{
    struct world *w = make(10);
    struct feed_worker *one = world_join(w, 1, 100);
    uint32_t first = 0;
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 200; i++) {
            uint32_t id = asks(w, 1, 100);
            first = i == 0 ? id : first;
        }
        for (unsigned i = 0; i < 200; i++) {
            http.said[0] = '\0';
            assert_int_equal(replies(w, one, first + (i * 7) % 200, 200, ""), RC_OK);
            assert_true(http.said[0] != '\0');
        }
        assert_int_equal(w->feed->polls.count, 0);
    }
    feed_leave(w->feed, one);
    world_free(w);
}

/* -- who is it ---------------------------------------------------------------------------------------------------- */

static struct link_login_reply log_in(struct world *w, struct feed_worker *worker, uint64_t session)
{
    struct inbox in = {0};
    struct buf up = BUF_INIT;
    struct link_login_reply r;
    link_put_login(&up, 5, &(struct link_login){.session = session, .dialect = DIALECT_SOCKETIO, .peer_key = PEER,
                                                .token = STR("a token")});
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    inbox_take(&in, worker);
    const struct link_frame *f = inbox_at(&in, LINK_LOGIN_REPLY, 0);
    assert_non_null(f);
    assert_int_equal(f->request, 5);
    assert_int_equal(link_get_login_reply(f->body, &r), RC_OK);
    r.username = r.name = STR_NONE; /* views into what is freed now */
    inbox_clear(&in);
    buf_release(&up);
    return r;
}

static void test_who_logs_in_gets_a_place_in_the_stream(void **state)
{
    struct world *w = make(10);
    struct feed_worker *one = world_join(w, 1, 100);
    (void)state;
    uint64_t chat = world_group(w, 1, 3);
    (void)replies(w, one, opens(w, PEER), 200, "0{}");
    assert_int_equal(feed_counted(&w->feed->user_sessions, 2), 0);
    struct link_login_reply r = log_in(w, one, CHAT_SESSION);
    assert_int_equal(r.code, CODE_OK);
    assert_int_equal(r.session, CHAT_SESSION);
    assert_int_equal(r.user_id, 2);
    assert_int_equal(r.family, 33);
    assert_int_equal(r.expires_s, 77);
    assert_true(r.slot != 0);
    assert_int_equal(feed_counted(&w->feed->user_sessions, 2), 1);
    assert_int_equal(counted(w), 1); /* it was counted when it was opened */
    (void)world_send(w, 1, chat, "for those who are in");
    assert_int_equal(sent(one, LINK_EVENT), 1);
    closes(w, one, r.slot, 0); /* logs out, and stays open */
    assert_int_equal(feed_counted(&w->feed->user_sessions, 2), 0);
    assert_int_equal(counted(w), 1);
    closes(w, one, 0, PEER);
    assert_int_equal(counted(w), 0);
    feed_leave(w->feed, one);
    world_free(w);
}

static void test_who_may_not_log_in(void **state)
{
    struct world *w = make(10);
    struct feed_worker *one = world_join(w, 1, 100);
    (void)state;
    world_token_code = CODE_TOKEN_EXPIRED;
    struct link_login_reply r = log_in(w, one, 1);
    assert_int_equal(r.code, CODE_TOKEN_EXPIRED);
    assert_true(r.slot == 0 && r.user_id == 0 && r.expires_s == 0);
    world_token_code = CODE_OK;
    world_token_user = 99; /* the token is good, the user has gone */
    assert_int_not_equal(log_in(w, one, 1).code, CODE_OK);
    world_token_user = 2;
    assert_int_equal(log_in(w, one, 1).code, CODE_OK);
    assert_int_equal(log_in(w, one, 2).code, CODE_OK);
    assert_int_equal(log_in(w, one, 3).code, CODE_TOO_MANY_CONNECTIONS);
    world_token_user = 3;
    assert_int_equal(log_in(w, one, 3).code, CODE_OK);
    assert_int_equal(feed_counted(&w->feed->user_sessions, 2), 2);
    feed_leave(w->feed, one);
    assert_int_equal(w->feed->user_sessions.count, 0);
    world_free(w);
}

static void test_revoked_tokens_are_good_no_more(void **state)
{
    struct world *w = make(10);
    struct feed_worker *one = world_join(w, 1, 100);
    (void)state;
    w->d.now_us = 1001 * 1000000ull; /* one second after tokens are issued here */
    (void)world_do(w, &(struct cmd){.kind = CMD_REVOKE, .user_id = 2});
    assert_int_equal(log_in(w, one, 1).code, CODE_TOKEN_REVOKED);
    assert_int_equal(feed_counted(&w->feed->user_sessions, 2), 0);
    feed_leave(w->feed, one);
    world_free(w);
}

static void test_guessing_tokens_is_limited_like_guessing_passwords(void **state)
{
    struct world *w = make(10);
    struct feed_worker *one = world_join(w, 1, 100);
    (void)state;
    w->svc.logins = ratelimit_new(16);
    w->conf->address_logins_per_minute = 3;
    world_token_code = CODE_UNAUTHENTICATED;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(log_in(w, one, 1).code, CODE_UNAUTHENTICATED);
    }
    assert_int_equal(log_in(w, one, 1).code, CODE_RATE_LIMITED);
    world_token_code = CODE_OK; /* a good one costs nothing */
    assert_int_equal(log_in(w, one, 1).code, CODE_OK);
    ratelimit_free(w->svc.logins);
    w->svc.logins = NULL;
    feed_leave(w->feed, one);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_goes_to_the_worker_that_has_the_session),
        cmocka_unit_test(test_a_session_goes_where_there_is_most_room),
        cmocka_unit_test(test_an_address_has_a_limit),
        cmocka_unit_test(test_a_client_that_goes_away_is_told_to_the_worker),
        cmocka_unit_test(test_one_that_opens_is_counted_until_the_worker_has_spoken),
        cmocka_unit_test(test_a_worker_answers_only_its_own),
        cmocka_unit_test(test_a_worker_that_goes_ends_what_is_held),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_who_logs_in_gets_a_place_in_the_stream),
        cmocka_unit_test(test_who_may_not_log_in),
        cmocka_unit_test(test_revoked_tokens_are_good_no_more),
        cmocka_unit_test(test_guessing_tokens_is_limited_like_guessing_passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
