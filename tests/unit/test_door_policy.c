/* Origins, dialects, carriers, options, and the bytes of a refusal. */
#include "tests/unit/unit.h"

#include "rest/door_policy.h"
#include "rest/door_refuse.h"

static struct rest_conf conf;

static struct door_policy *policy(int profile, const char *origins, const char *proxies)
{
    struct door_policy *p = NULL;
    struct buf why = BUF_INIT;

    conf.profile = profile;
    conf.origins = (char *)(uintptr_t)origins;
    conf.trusted_proxies = (char *)(uintptr_t)proxies;
    if (door_policy_new(&conf, &p, &why) != RC_OK) {
        p = NULL;
    }
    buf_release(&why);
    return p;
}

static struct door_head head_of(const char *text)
{
    struct door_head head;
    enum code code;

    assert_int_equal(door_head_parse(str_of(text), &head, &code), DOOR_HEAD_OK);
    return head;
}

#define HEAD(target, more) head_of("GET " target " HTTP/1.1\r\nHost: h\r\n" more "\r\n")

/* -- origins ----------------------------------------------------------------------------------- */

static void test_dev_allows_pages_of_this_machine_only(void **state)
{
    struct door_policy *p = policy(PROFILE_DEV, "", "");

    (void)state;
    assert_true(door_origin_allowed(p, STR("http://localhost")));
    assert_true(door_origin_allowed(p, STR("http://localhost:5173")));
    assert_true(door_origin_allowed(p, STR("https://127.0.0.1:8000")));
    assert_true(door_origin_allowed(p, STR("http://[::1]:3000")));
    assert_false(door_origin_allowed(p, STR("http://localhost.evil.example")));
    assert_false(door_origin_allowed(p, STR("http://evil.example")));
    assert_false(door_origin_allowed(p, STR("http://localhost@evil.example")));
    assert_false(door_origin_allowed(p, STR("http://evil.example:80@localhost")));
    assert_false(door_origin_allowed(p, STR("http://localhost:80:80")));
    assert_false(door_origin_allowed(p, STR("http://localhost:")));
    assert_false(door_origin_allowed(p, STR("ftp://localhost")));
    assert_false(door_origin_allowed(p, STR("null")));
    assert_false(door_origin_allowed(p, STR("")));
    assert_false(door_origin_allowed(p, STR_NONE));
    door_policy_free(p);
}

static void test_prod_allows_its_list_only(void **state)
{
    struct door_policy *p = policy(PROFILE_PROD, "https://a.example, https://*.b.example:8443", "");

    (void)state;
    assert_true(door_origin_allowed(p, STR("https://a.example")));
    assert_true(door_origin_allowed(p, STR("https://A.example")));
    assert_true(door_origin_allowed(p, STR("https://x.b.example:8443")));
    assert_true(door_origin_allowed(p, STR("https://x.y.b.example:8443")));
    assert_false(door_origin_allowed(p, STR("https://b.example:8443")));
    assert_false(door_origin_allowed(p, STR("https://xb.example:8443")));
    assert_false(door_origin_allowed(p, STR("https://x.b.example")));
    assert_false(door_origin_allowed(p, STR("http://x.b.example:8443")));
    assert_false(door_origin_allowed(p, STR("http://a.example")));
    assert_false(door_origin_allowed(p, STR("https://a.example.evil.example")));
    assert_false(door_origin_allowed(p, STR("http://localhost")));
    door_policy_free(p);
    assert_null(policy(PROFILE_PROD, "a.example", ""));
    assert_null(policy(PROFILE_PROD, "https://a*.example", ""));
    assert_null(policy(PROFILE_PROD, "https://*.", ""));
}

static void test_a_cookie_needs_an_origin(void **state)
{
    struct door_policy *p = policy(PROFILE_DEV, "", "");

    (void)state;
    assert_int_equal(door_origin_check(p, STR_NONE, false), CODE_OK);
    assert_int_equal(door_origin_check(p, STR_NONE, true), CODE_ORIGIN_REFUSED);
    assert_int_equal(door_origin_check(p, STR("http://localhost:1"), true), CODE_OK);
    assert_int_equal(door_origin_check(p, STR("http://evil.example"), true), CODE_ORIGIN_REFUSED);
    assert_int_equal(door_origin_check(p, STR("http://evil.example"), false), CODE_ORIGIN_REFUSED);
    door_policy_free(p);
}

static void test_reload_replaces_or_keeps(void **state)
{
    struct door_policy *p = policy(PROFILE_PROD, "https://a.example", "10.0.0.0/8");
    struct addr a = {ADDR_V4, {10, 1, 2, 3}, 0};
    struct buf why = BUF_INIT;

    (void)state;
    assert_true(door_proxy_trusted(p, &a));
    conf.origins = (char *)(uintptr_t)"nonsense";
    assert_int_equal(door_policy_reload(p, &conf, &why), RC_INVALID);
    assert_true(why.len > 0);
    assert_true(door_origin_allowed(p, STR("https://a.example")));
    conf.origins = (char *)(uintptr_t)"https://b.example";
    conf.trusted_proxies = (char *)(uintptr_t)"";
    assert_int_equal(door_policy_reload(p, &conf, &why), RC_OK);
    assert_false(door_origin_allowed(p, STR("https://a.example")));
    assert_true(door_origin_allowed(p, STR("https://b.example")));
    assert_false(door_proxy_trusted(p, &a));
    buf_release(&why);
    door_policy_free(p);
}

/* -- dialects ---------------------------------------------------------------------------------- */

static void choose(struct door_head head, enum dialect_id listener, enum dialect_id want, const char *reason)
{
    struct door_choice choice;

    assert_int_equal(door_choose(&head, listener, &choice), CODE_OK);
    assert_int_equal(choice.dialect, want);
    assert_string_equal(choice.reason, reason);
}

static void test_the_dialect_is_chosen_by_the_first_match(void **state)
{
#define BEARER "Authorization: Bearer x\r\n"
#define OFFER(p) "Sec-WebSocket-Protocol: " p "\r\n"
    (void)state;
    choose(HEAD("/ws", ""), DIALECT_ROOMS, DIALECT_ROOMS, "listener");
    choose(HEAD("/ws", ""), DIALECT_CONVERSATIONS, DIALECT_CONVERSATIONS, "listener");
    choose(HEAD("/ws", BEARER), DIALECT_ROOMS, DIALECT_CONVERSATIONS, "authorization");
    choose(HEAD("/ws?access_token=x", ""), DIALECT_ROOMS, DIALECT_ROOMS, "listener");
    choose(HEAD("/ws", BEARER OFFER("rooms.v1")), DIALECT_CONVERSATIONS, DIALECT_ROOMS, "subprotocol");
    choose(HEAD("/ws", OFFER("bearer.x, other, conversations.v1, rooms.v1")), DIALECT_ROOMS,
           DIALECT_CONVERSATIONS, "subprotocol");
    choose(HEAD("/ws?dialect=rooms", BEARER OFFER("conversations.v1")), DIALECT_CONVERSATIONS, DIALECT_ROOMS,
           "query");
    choose(HEAD("/api/ws?userId=1", BEARER), DIALECT_ROOMS, DIALECT_SUBSCRIBE, "path");
    choose(HEAD("/ws/notifications", ""), DIALECT_ROOMS, DIALECT_INBOX, "path");
    choose(HEAD("/ws/chat", ""), DIALECT_ROOMS, DIALECT_INBOX_CHAT, "path");
    choose(HEAD("/ws/dashboard/4711", ""), DIALECT_ROOMS, DIALECT_DASHBOARD, "path");
    choose(HEAD("/ws/dashboard/4711", OFFER("dashboard.v1, bearer.x")), DIALECT_ROOMS, DIALECT_DASHBOARD, "path");
    choose(HEAD("/ws", OFFER("dashboard.v1")), DIALECT_ROOMS, DIALECT_ROOMS, "listener");
    choose(HEAD("/socket.io/?EIO=4&transport=websocket", ""), DIALECT_ROOMS, DIALECT_SOCKETIO, "path");
}

static void test_what_names_no_dialect_is_refused(void **state)
{
    static const char *const paths[] = {"/", "/chat", "/wss", "/ws/", "/ws/dashboard", "/ws/dashboard/",
                                        "/ws/dashboard/a/b", "/socket.io", "/socket.io/x", "/api/ws/"};
    struct door_head head = HEAD("/ws?dialect=klingon", "");
    struct door_choice choice;
    unsigned i;

    (void)state;
    assert_int_equal(door_choose(&head, DIALECT_ROOMS, &choice), CODE_DIALECT_OFF);
    assert_int_equal(choice.style, DOOR_STYLE_CLOSE);
    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_false(door_is_ws_path(str_of(paths[i])));
    }
    assert_true(door_is_ws_path(STR("/ws")));
    assert_true(door_is_ws_path(STR("/socket.io/")));
    head = HEAD("/nowhere", "");
    assert_int_equal(door_choose(&head, DIALECT_ROOMS, &choice), CODE_ROUTE_NOT_FOUND);
}

static void test_only_an_offered_subprotocol_is_answered(void **state)
{
    struct door_head head = HEAD("/ws", OFFER("x, rooms.v1, bearer.t"));
    struct door_choice choice;

    (void)state;
    assert_int_equal(door_choose(&head, DIALECT_ROOMS, &choice), CODE_OK);
    assert_string_equal(choice.subprotocol, "rooms.v1");
    head = HEAD("/ws/dashboard/4711", OFFER("dashboard.v1, bearer.t"));
    assert_int_equal(door_choose(&head, DIALECT_ROOMS, &choice), CODE_OK);
    assert_string_equal(choice.subprotocol, "dashboard.v1");
    head = HEAD("/ws", OFFER("bearer.t"));
    assert_int_equal(door_choose(&head, DIALECT_ROOMS, &choice), CODE_OK);
    assert_null(choice.subprotocol);
    assert_int_equal(choice.style, DOOR_STYLE_CLOSE);
    head = HEAD("/ws", BEARER);
    assert_int_equal(door_choose(&head, DIALECT_ROOMS, &choice), CODE_OK);
    assert_int_equal(choice.style, DOOR_STYLE_HTTP);
}

static void test_dialects_have_names(void **state)
{
    int d;

    (void)state;
    for (d = 1; d < DIALECT_COUNT; d++) {
        assert_int_equal(door_dialect_by_name(str_of(door_dialect_name((enum dialect_id)d))), d);
    }
    assert_int_equal(door_dialect_by_name(STR("none")), DIALECT_NONE);
    assert_true(door_dialect_enabled(DIALECT_ROOMS));
    assert_false(door_dialect_enabled(DIALECT_NONE));
    assert_false(door_dialect_enabled(DIALECT_COUNT));
}

/* -- carriers and options ---------------------------------------------------------------------- */

static void test_carriers_are_found(void **state)
{
    struct door_head head = HEAD("/ws?token=q%2Br&ticket=t&access_token=q%2br",
                                 BEARER "Cookie: other=1; tok=\"c\"; atok=d\r\n" OFFER("rooms.v1, bearer.s"));
    struct door_room room;
    struct auth_carriers c;

    (void)state;
    assert_int_equal(door_carriers(&head, "tok", &room, &c), CODE_OK);
    assert_str(c.authorization, "Bearer x");
    assert_str(c.subprotocol, "s");
    assert_str(c.ticket, "t");
    assert_str(c.cookie, "c");
    assert_str(c.query, "q+r");
    head = HEAD("/ws?token=a&access_token=b", "");
    assert_int_equal(door_carriers(&head, "tok", &room, &c), CODE_CARRIERS_DISAGREE);
    head = HEAD("/ws?token=a&token=%61", "Cookie: tok=a; tok=\"a\"\r\n");
    assert_int_equal(door_carriers(&head, "tok", &room, &c), CODE_OK);
    assert_str(c.query, "a");
    assert_str(c.cookie, "a");
    head = HEAD("/ws", "Cookie: tok=a; tok=b\r\n");
    assert_int_equal(door_carriers(&head, "tok", &room, &c), CODE_CARRIERS_DISAGREE);

    head = HEAD("/ws?token=q%2Br", "Cookie: atok=1\r\n");
    assert_int_equal(door_carriers(&head, "tok", &room, &c), CODE_OK);
    assert_str(c.query, "q+r");
    assert_null(c.cookie.p);
    assert_null(c.authorization.p);
    assert_null(c.ticket.p);
    assert_null(c.subprotocol.p);
}

static void test_options_and_cursors(void **state)
{
    struct door_head head = HEAD("/ws?ext=1&events=status%2Ctyping,nonsense&since=00c0ffee.42", "");
    struct door_options o = door_options_of(&head);

    (void)state;
    assert_int_equal(o.options, CONN_EXT | CONN_SINCE | CONN_EVENTS_STATUS | CONN_EVENTS_TYPING);
    assert_int_equal(o.since_log, 0x00c0ffee);
    assert_int_equal(o.since, 42);
    head = HEAD("/ws?since=00c0ffee.42", ""); /* strict clients have no cursor */
    assert_int_equal(door_options_of(&head).options, 0);
    head = HEAD("/ws?ext=1&since=rubbish", "");
    o = door_options_of(&head);
    assert_int_equal(o.options, CONN_EXT | CONN_SINCE);
    assert_true(o.since == UINT64_MAX);
    head = HEAD("/socket.io/?EIO=4&recovery=0", "");
    assert_int_equal(door_options_of(&head).options, CONN_NO_RECOVERY);
    head = HEAD("/socket.io/?EIO=4&recovery=1", "");
    assert_int_equal(door_options_of(&head).options, 0);
    head = HEAD("/ws?ext=1&since=00c0ffee.", "");
    assert_true(door_options_of(&head).since == UINT64_MAX);
}

/* -- refusals ---------------------------------------------------------------------------------- */

static void test_accept_value_of_the_rfc(void **state)
{
    char accept[29];

    (void)state;
    door_accept_value(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void test_a_close_that_browsers_see(void **state)
{
    struct buf out = BUF_INIT;
    const char *end;

    (void)state;
    door_refuse_close(&out, CODE_UNAUTHENTICATED, STR("dGhlIHNhbXBsZSBub25jZQ=="), "rooms.v1");
    assert_non_null(strstr(out.p, "HTTP/1.1 101 Switching Protocols\r\n"));
    assert_non_null(strstr(out.p, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(strstr(out.p, "\r\nSec-WebSocket-Protocol: rooms.v1\r\n"));
    end = strstr(out.p, "\r\n\r\n") + 4;
    assert_memory_equal(end, "\x88\x11\x11\x31unauthenticated", 19); /* 4401 */
    assert_int_equal(out.len, (size_t)(end - out.p) + 19);
    buf_release(&out);
}

static void test_an_http_refusal(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    door_refuse_http(&out, CODE_NO_WORKER, NULL, "r1");
    assert_non_null(strstr(out.p, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_non_null(strstr(out.p, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(out.p, "\"code\":\"no_worker\""));
    assert_non_null(strstr(out.p, "\"request_id\":\"r1\""));
    buf_clear(&out);
    door_refuse_http(&out, CODE_NOT_ACCEPTABLE_UPGRADE, NULL, NULL);
    assert_non_null(strstr(out.p, "\r\nSec-WebSocket-Version: 13\r\n"));
    buf_release(&out);
}

static void test_the_canonical_head_is_small_and_strict(void **state)
{
    struct buf out = BUF_INIT;
    struct door_head head;

    (void)state;
    door_canonical_head(&out, STR("dGhlIHNhbXBsZSBub25jZQ=="), "rooms.v1");
    assert_true(out.len < 1024);
    head = head_of(out.p);
    assert_int_equal(head.len, out.len);
    assert_int_equal(door_head_check_upgrade(&head), CODE_OK);
    assert_str(head.field[DOOR_WS_PROTOCOL], "rooms.v1");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dev_allows_pages_of_this_machine_only),
        cmocka_unit_test(test_prod_allows_its_list_only),
        cmocka_unit_test(test_a_cookie_needs_an_origin),
        cmocka_unit_test(test_reload_replaces_or_keeps),
        cmocka_unit_test(test_the_dialect_is_chosen_by_the_first_match),
        cmocka_unit_test(test_what_names_no_dialect_is_refused),
        cmocka_unit_test(test_only_an_offered_subprotocol_is_answered),
        cmocka_unit_test(test_dialects_have_names),
        cmocka_unit_test(test_carriers_are_found),
        cmocka_unit_test(test_options_and_cursors),
        cmocka_unit_test(test_accept_value_of_the_rfc),
        cmocka_unit_test(test_a_close_that_browsers_see),
        cmocka_unit_test(test_an_http_refusal),
        cmocka_unit_test(test_the_canonical_head_is_small_and_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
