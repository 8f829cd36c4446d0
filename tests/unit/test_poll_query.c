/* What is said of an Engine.IO request before its session is known: the reference server's errors, and where a sid leads. */
#include "tests/unit/unit.h"

#include "rest/poll.h"
#include "shared/id.h"

static struct poll_query query(const char *eio, const char *transport, const char *sid)
{
    return (struct poll_query){eio != NULL ? str_of(eio) : STR_NONE,
                               transport != NULL ? str_of(transport) : STR_NONE,
                               sid != NULL ? str_of(sid) : STR_NONE};
}

static enum poll_error get(const char *eio, const char *transport, const char *sid)
{
    struct poll_query q = query(eio, transport, sid);
    return poll_check(&q, STR("polling"), true);
}

static enum poll_error post(const char *eio, const char *transport, const char *sid)
{
    struct poll_query q = query(eio, transport, sid);
    return poll_check(&q, STR("polling"), false);
}

static void test_a_handshake_and_a_session(void **state)
{
    (void)state;
    assert_int_equal(get("4", "polling", NULL), POLL_OK);
    assert_int_equal(get("4", "polling", "x"), POLL_OK); /* whose it is comes later */
    assert_int_equal(get("4", "polling", ""), POLL_OK);
    assert_int_equal(post("4", "polling", "x"), POLL_OK);
    struct poll_query q = query("4", "websocket", NULL);
    assert_int_equal(poll_check(&q, STR("websocket"), true), POLL_OK);
}

static void test_errors_come_in_the_order_of_the_reference(void **state)
{
    (void)state;
    assert_int_equal(get(NULL, NULL, NULL), POLL_TRANSPORT);
    assert_int_equal(get("3", "webtransport", NULL), POLL_TRANSPORT);
    assert_int_equal(get("4", "", NULL), POLL_TRANSPORT);
    assert_int_equal(get("4", "Polling", NULL), POLL_TRANSPORT);
    assert_int_equal(get("3", "polling", NULL), POLL_VERSION);
    assert_int_equal(get(NULL, "polling", NULL), POLL_VERSION);
    assert_int_equal(get("", "polling", NULL), POLL_VERSION);
    assert_int_equal(get("44", "polling", "x"), POLL_VERSION);
    assert_int_equal(get("3", "websocket", NULL), POLL_VERSION);
    assert_int_equal(get("4", "websocket", NULL), POLL_BAD_REQUEST); /* it brings no upgrade */
    assert_int_equal(post("4", "polling", NULL), POLL_METHOD);
}

static void assert_error(enum poll_error error, const char *expected)
{
    struct buf out = BUF_INIT;
    poll_add_error(&out, error);
    assert_true(str_eq(buf_str(&out), str_of(expected)));
    buf_release(&out);
}

static void test_bodies_are_those_of_the_reference(void **state)
{
    (void)state;
    assert_error(POLL_TRANSPORT, "{\"code\":0,\"message\":\"Transport unknown\"}");
    assert_error(POLL_SID, "{\"code\":1,\"message\":\"Session ID unknown\"}");
    assert_error(POLL_METHOD, "{\"code\":2,\"message\":\"Bad handshake method\"}");
    assert_error(POLL_BAD_REQUEST, "{\"code\":3,\"message\":\"Bad request\"}");
    assert_error(POLL_FORBIDDEN, "{\"code\":4,\"message\":\"Forbidden\"}");
    assert_error(POLL_VERSION, "{\"code\":5,\"message\":\"Unsupported protocol version\"}");
}

static void make_sid(struct buf *sid, uint16_t worker, uint64_t incarnation, size_t more)
{
    struct buf raw = BUF_INIT;
    buf_add_be16(&raw, worker);
    buf_add_be64(&raw, incarnation);
    buf_add(&raw, "0123456789abcdef0123456789abcdef", more);
    base64url_add(sid, raw.p, raw.len);
    buf_release(&raw);
}

static void test_a_sid_leads_to_its_worker(void **state)
{
    struct buf sid = BUF_INIT;
    struct feed_place place = {0};
    (void)state;
    make_sid(&sid, 65535, 0xfedcba9876543210u, 16);
    assert_true(poll_place(buf_str(&sid), &place));
    assert_int_equal(place.worker, 65535);
    assert_true(place.incarnation == 0xfedcba9876543210u);
    buf_release(&sid);
}

static void test_what_is_no_sid_leads_nowhere(void **state)
{
    const char *const texts[] = {"", "x", "!!!!", "AAAA AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="};
    const size_t lengths[] = {0, 15, 17, 32};
    struct feed_place place = {7, 8};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(poll_place(str_of(texts[i]), &place));
    }
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct buf sid = BUF_INIT;
        make_sid(&sid, 1, 2, lengths[i]);
        assert_false(poll_place(buf_str(&sid), &place));
        buf_release(&sid);
    }
    assert_false(poll_place((struct str){"AAA\0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 35}, &place));
    assert_int_equal(place.worker, 7);
    assert_int_equal(place.incarnation, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_handshake_and_a_session),
        cmocka_unit_test(test_errors_come_in_the_order_of_the_reference),
        cmocka_unit_test(test_bodies_are_those_of_the_reference),
        cmocka_unit_test(test_a_sid_leads_to_its_worker),
        cmocka_unit_test(test_what_is_no_sid_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
