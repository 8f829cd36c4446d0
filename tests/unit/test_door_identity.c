/* For whom a connection opens: tokens, and ?userId= of the subscribe dialect under each policy. */
#include "tests/unit/unit.h"

#include "rest/cache_write.h"
#include "rest/door_identity.h"
#include "rest/svc_session.h"
#include "shared/log.h"

static struct rest_conf conf;
static struct cache *cache;
static struct svc svc;

/* Tokens of this test: t123, t7 and so on name their user; anything else is bad. */
enum code auth_carriers_check(struct auth *a, const struct auth_carriers *c, struct identity *who,
                              uint64_t *stamp_us, bool *by_cookie)
{
    struct str token = c->cookie.p != NULL ? c->cookie : c->query;

    (void)a;
    if (token.p == NULL || token.len < 2 || !str_u64(str_from(token, 1), &who->user_id)) {
        return CODE_UNAUTHENTICATED;
    }
    who->family = 9;
    *stamp_us = 77;
    *by_cookie = c->cookie.p != NULL;
    return CODE_OK;
}

/* Three event sessions: open to everybody, for user 7 only, and none. */
enum code svc_dashboard(struct svc *s, struct str session_text, uint64_t user_id, uint64_t *topic, bool *needs_slot)
{
    (void)s;
    if (str_eq(session_text, STR("open"))) {
        *topic = 5;
        return CODE_OK;
    }
    *topic = 6;
    *needs_slot = true;
    return !str_eq(session_text, STR("host")) ? CODE_SESSION_NOT_FOUND : user_id == 7 ? CODE_OK : CODE_FORBIDDEN;
}

static struct door_head head_of(const char *text)
{
    struct door_head head;
    enum code code;

    assert_int_equal(door_head_parse(str_of(text), &head, &code), DOOR_HEAD_OK);
    return head;
}

#define HEAD(target, more) head_of("GET " target " HTTP/1.1\r\nHost: h\r\n" more "\r\n")

static struct door_upgrade up;
static bool by_cookie;

static enum code open_as(enum dialect_id dialect, struct door_head head)
{
    memset(&up, 0, sizeof(up));
    by_cookie = false;
    up.choice.dialect = dialect;
    return door_identify(&svc, &head, &up, &by_cookie);
}

static enum code subscribe(int policy, struct door_head head)
{
    conf.d1_auth = policy;
    return open_as(DIALECT_SUBSCRIBE, head);
}

static void test_a_token_says_who_it_is(void **state)
{
    (void)state;
    assert_int_equal(open_as(DIALECT_ROOMS, HEAD("/ws?access_token=t123", "")), CODE_OK);
    assert_int_equal(up.who.user_id, 123);
    assert_int_equal(up.stamp_us, 77);
    assert_false(by_cookie);
    assert_int_equal(open_as(DIALECT_ROOMS, HEAD("/ws", "Cookie: tok=t123\r\n")), CODE_OK);
    assert_true(by_cookie);
    assert_int_equal(open_as(DIALECT_INBOX, HEAD("/ws/notifications", "")), CODE_UNAUTHENTICATED);
}

static void test_a_user_id_is_needed_under_every_policy(void **state)
{
    (void)state;
    for (int p = D1_AUTH_AUTO; p <= D1_AUTH_REQUIRED; p++) {
        assert_int_equal(subscribe(p, HEAD("/api/ws", "")), CODE_INVALID_FIELD);
        assert_int_equal(subscribe(p, HEAD("/api/ws?userId=", "")), CODE_INVALID_FIELD);
        assert_int_equal(subscribe(p, HEAD("/api/ws?userId=&token=t123", "")), CODE_INVALID_FIELD);
    }
}

static void test_a_user_id_is_any_form_of_an_id_or_a_name(void **state)
{
    (void)state;
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=user123", "")), CODE_OK);
    assert_int_equal(up.who.user_id, 123);
    assert_int_equal(up.who.family, 0);
    assert_string_equal(up.asked, "user123");
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=123", "")), CODE_OK);
    assert_int_equal(up.who.user_id, 123);
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=testUser", "")), CODE_OK);
    assert_int_equal(up.who.user_id, 7);
    assert_string_equal(up.asked, "testUser");
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=test%55ser", "")), CODE_OK);
    assert_string_equal(up.asked, "testUser");
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=64fa0c1e9b3e4b0012345678", "")), CODE_OK);
    assert_int_equal(up.who.user_id, 7);
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=64fa0c1e9b3e4b0012345679", "")), CODE_USER_NOT_FOUND);
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=nobody", "")), CODE_USER_NOT_FOUND);
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=chat_1", "")), CODE_USER_NOT_FOUND);
    char head[512];
    snprintf(head, sizeof(head), "GET /api/ws?userId=%0300d HTTP/1.1\r\nHost: h\r\n\r\n", 1);
    assert_int_equal(subscribe(D1_AUTH_WARN, head_of(head)), CODE_USER_NOT_FOUND);
}

static void test_off_looks_at_no_token(void **state)
{
    (void)state;
    assert_int_equal(subscribe(D1_AUTH_OFF, HEAD("/api/ws?userId=testUser&token=bad", "")), CODE_OK);
    assert_int_equal(up.who.user_id, 7);
}

static void test_warn_believes_only_those_who_bring_no_token(void **state)
{
    (void)state;
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=testUser", "")), CODE_OK);
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=testUser&token=bad", "")), CODE_UNAUTHENTICATED);
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=testUser&token=", "")), CODE_UNAUTHENTICATED);
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=testUser&token=t123", "")), CODE_CARRIERS_DISAGREE);
    assert_int_equal(subscribe(D1_AUTH_WARN, HEAD("/api/ws?userId=testUser&token=t7", "")), CODE_OK);
    assert_int_equal(up.who.family, 9);
}

static void test_required_wants_a_token_of_that_user(void **state)
{
    (void)state;
    assert_int_equal(subscribe(D1_AUTH_REQUIRED, HEAD("/api/ws?userId=testUser", "")), CODE_UNAUTHENTICATED);
    assert_int_equal(subscribe(D1_AUTH_REQUIRED, HEAD("/api/ws?userId=nobody", "")), CODE_UNAUTHENTICATED);
    assert_int_equal(subscribe(D1_AUTH_REQUIRED, HEAD("/api/ws?userId=nobody&token=t7", "")), CODE_CARRIERS_DISAGREE);
    assert_int_equal(subscribe(D1_AUTH_REQUIRED, HEAD("/api/ws?userId=user123&token=t7", "")), CODE_CARRIERS_DISAGREE);
    assert_int_equal(subscribe(D1_AUTH_REQUIRED, HEAD("/api/ws?userId=user7", "Cookie: tok=t7\r\n")), CODE_OK);
    assert_int_equal(up.who.user_id, 7);
    assert_true(by_cookie);
}

static void test_a_dashboard_needs_no_token_but_takes_no_bad_one(void **state)
{
    (void)state;
    assert_int_equal(open_as(DIALECT_DASHBOARD, HEAD("/ws/dashboard/open", "")), CODE_OK);
    assert_int_equal(up.topic, 5);
    assert_int_equal(up.who.user_id, 0);
    assert_int_equal(open_as(DIALECT_DASHBOARD, HEAD("/ws/dashboard/open?token=bad", "")), CODE_UNAUTHENTICATED);
    assert_int_equal(open_as(DIALECT_DASHBOARD, HEAD("/ws/dashboard/open", "Cookie: tok=old\r\n")), CODE_OK);
    assert_int_equal(open_as(DIALECT_DASHBOARD, HEAD("/ws/dashboard/open?token=t7", "")), CODE_OK);
    assert_int_equal(up.who.user_id, 0);
    assert_int_equal(open_as(DIALECT_DASHBOARD, HEAD("/ws/dashboard/host", "")), CODE_FORBIDDEN);
    assert_int_equal(open_as(DIALECT_DASHBOARD, HEAD("/ws/dashboard/host?token=t123", "")), CODE_FORBIDDEN);
    assert_int_equal(open_as(DIALECT_DASHBOARD, HEAD("/ws/dashboard/host", "Cookie: tok=old\r\n")), CODE_FORBIDDEN);
    assert_int_equal(open_as(DIALECT_DASHBOARD, HEAD("/ws/dashboard/host", "Cookie: tok=t7\r\n")), CODE_OK);
    assert_int_equal(up.who.user_id, 7);
    assert_true(by_cookie);
    assert_int_equal(open_as(DIALECT_DASHBOARD, HEAD("/ws/dashboard/other", "")), CODE_SESSION_NOT_FOUND);
    assert_int_equal(open_as(DIALECT_DASHBOARD, HEAD("/ws?dialect=dashboard", "")), CODE_SESSION_NOT_FOUND);
}

static void test_the_policy_follows_the_profile(void **state)
{
    struct rest_conf c = {.profile = PROFILE_PROD, .jwt_secret_file = (char *)(uintptr_t)"x",
                          .origins = (char *)(uintptr_t)"", .link_timeout_ms = 10};
    struct buf why = BUF_INIT;

    (void)state;
    assert_int_equal(rest_conf_d1_auth(&c), D1_AUTH_REQUIRED);
    assert_int_equal(rest_conf_check(&c, &why), RC_OK);
    c.d1_auth = D1_AUTH_WARN;
    assert_int_equal(rest_conf_d1_auth(&c), D1_AUTH_WARN);
    assert_int_equal(rest_conf_check(&c, &why), RC_INVALID);
    c.d1_auth = D1_AUTH_AUTO;
    c.profile = PROFILE_DEV;
    assert_int_equal(rest_conf_d1_auth(&c), D1_AUTH_WARN);
    buf_release(&why);
}

static int set_up(void **state)
{
    (void)state;
    log_init("test", LOG_LEVEL_ERR);
    conf.cookie_name = (char *)(uintptr_t)"tok";
    cache = cache_new();
    (void)cache_put_user(cache, &(struct row_user){.id = 123, .username = STR("user123"), .name = STR("U")});
    (void)cache_put_user(cache, &(struct row_user){.id = 7, .username = STR("testUser"), .name = STR("T"),
                                                     .external_id = STR("64fa0c1e9b3e4b0012345678")});
    svc = (struct svc){.conf = &conf, .cache = cache};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cache_free(cache);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_says_who_it_is),
        cmocka_unit_test(test_a_user_id_is_needed_under_every_policy),
        cmocka_unit_test(test_a_user_id_is_any_form_of_an_id_or_a_name),
        cmocka_unit_test(test_off_looks_at_no_token),
        cmocka_unit_test(test_warn_believes_only_those_who_bring_no_token),
        cmocka_unit_test(test_required_wants_a_token_of_that_user),
        cmocka_unit_test(test_a_dashboard_needs_no_token_but_takes_no_bad_one),
        cmocka_unit_test(test_the_policy_follows_the_profile),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
