/* The request head: what is read, what is refused, and that nothing depends on how the bytes arrive. */
#include "tests/unit/unit.h"

#include "rest/door_head.h"
#include "shared/buf.h"

#define UPGRADE                                                                                    \
    "GET /ws?ext=1 HTTP/1.1\r\nHost: localhost:8000\r\nUpgrade: websocket\r\n"                      \
    "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"            \
    "Sec-WebSocket-Version: 13\r\n"

static enum door_head_result parse(const char *text, struct door_head *head, enum code *code)
{
    *code = CODE_OK;
    return door_head_parse(str_of(text), head, code);
}

static void test_a_plain_request_is_read(void **state)
{
    static const char text[] = "GET /api/chats?limit=5 HTTP/1.1\r\nHost: h\r\nCookie:  a=b \r\n\r\nrest";
    struct door_head head;
    enum code code;

    (void)state;
    assert_int_equal(parse(text, &head, &code), DOOR_HEAD_OK);
    assert_int_equal(head.len, sizeof(text) - 1 - 4);
    assert_str(head.method, "GET");
    assert_str(head.path, "/api/chats");
    assert_str(head.query, "limit=5");
    assert_str(head.field[DOOR_COOKIE], "a=b");
    assert_int_equal(head.minor, 1);
    assert_false(door_head_is_upgrade(&head));
}

/* Each byte may be the last one of a segment. The text is copied so that a read past its end is seen. */
static void test_every_beginning_asks_for_more(void **state)
{
    static const char text[] = "\r\n" UPGRADE "X-Empty:\r\n\r\n";
    struct door_head head;
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(text) - 1; n++) {
        char *part = malloc(n > 0 ? n : 1);
        enum code code = CODE_OK;

        memcpy(part, text, n);
        assert_int_equal(door_head_parse((struct str){part, n}, &head, &code), DOOR_HEAD_MORE);
        free(part);
    }
    enum code code;
    assert_int_equal(parse(text, &head, &code), DOOR_HEAD_OK);
    assert_int_equal(head.len, sizeof(text) - 1);
    assert_int_equal(door_head_check_upgrade(&head), CODE_OK);
}

static void test_what_could_be_read_in_two_ways_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum code code;
    } rows[] = {
        {"GET / HTTP/1.1\nHost: h\n\n", CODE_BAD_REQUEST},                     /* bare LF */
        {"GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", CODE_BAD_REQUEST},    /* bare CR */
        {"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", CODE_BAD_REQUEST}, /* obs-fold */
        {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET / HTTP/1.1\r\n\r\n", CODE_BAD_REQUEST}, /* no Host */
        {"GET / HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n", CODE_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\n: v\r\n\r\n", CODE_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", CODE_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", CODE_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", CODE_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", CODE_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\n", CODE_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", CODE_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", CODE_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", CODE_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", CODE_LENGTH_REQUIRED},
        {"POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding:xchunked\r\n\r\n", CODE_LENGTH_REQUIRED},
        {"GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", CODE_BAD_REQUEST},
        {"GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET /a%0 HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET /a%zz HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET /a\x80 HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET /  HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET / HTTP/1.2\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET / http/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"GET /\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {" GET / HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", CODE_BAD_REQUEST},
        {"\x16\x03\x01\x02", CODE_BAD_REQUEST}, /* TLS: refused at once, not waited for */
        {"GET / HTTP/1.1\r\nHost: h\r\nA: \x7f\r\n\r\n", CODE_BAD_REQUEST},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct door_head head;
        enum code code;

        if (parse(rows[i].text, &head, &code) != DOOR_HEAD_BAD || code != rows[i].code) {
            fail_msg("row %u got code %s: %s", i, code_name(code), rows[i].text);
        }
    }
}

static void test_nul_is_refused(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\0\r\n\r\n";
    struct door_head head;
    enum code code = CODE_OK;

    (void)state;
    assert_int_equal(door_head_parse((struct str){text, sizeof(text) - 1}, &head, &code), DOOR_HEAD_BAD);
}

static void test_too_many_lines_are_too_large(void **state)
{
    struct buf text = BUF_INIT;
    struct door_head head;
    enum code code;
    unsigned i;

    (void)state;
    buf_add_z(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (i = 0; i < DOOR_HEADERS_MAX; i++) {
        buf_add_z(&text, "A: b\r\n");
    }
    assert_int_equal(parse(text.p, &head, &code), DOOR_HEAD_BAD);
    assert_int_equal(code, CODE_HEAD_TOO_LARGE);
    buf_release(&text);
}

static void check_upgrade(const char *text, enum code want)
{
    struct door_head head;
    enum code code;

    assert_int_equal(parse(text, &head, &code), DOOR_HEAD_OK);
    assert_int_equal(door_head_check_upgrade(&head), want);
}

static void test_upgrades_are_checked_completely(void **state)
{
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
#define UP "Connection: Upgrade\r\nUpgrade: WebSocket\r\n"
#define GET "GET /ws HTTP/1.1\r\nHost: h\r\n"
    (void)state;
    check_upgrade(UPGRADE "\r\n", CODE_OK);
    check_upgrade(GET UP KEY V13 "\r\n", CODE_OK);
    check_upgrade(GET UP KEY V13 "Content-Length: 0\r\n\r\n", CODE_OK);
    check_upgrade(GET UP KEY V13 "Content-Length: 5\r\n\r\n", CODE_BAD_REQUEST);
    check_upgrade("POST /ws HTTP/1.1\r\nHost: h\r\n" UP KEY V13 "\r\n", CODE_METHOD_NOT_ALLOWED);
    check_upgrade("GET /ws HTTP/1.0\r\nHost: h\r\n" UP KEY V13 "\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET UP KEY "\r\n", CODE_NOT_ACCEPTABLE_UPGRADE);
    check_upgrade(GET UP KEY "Sec-WebSocket-Version: 8\r\n\r\n", CODE_NOT_ACCEPTABLE_UPGRADE);
    check_upgrade(GET UP KEY "Sec-WebSocket-Version: 13, 8\r\n\r\n", CODE_NOT_ACCEPTABLE_UPGRADE);
    check_upgrade(GET UP V13 "\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET UP V13 "Sec-WebSocket-Key: short\r\n\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j*Q==\r\n\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET UP KEY KEY V13 "\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET UP UP KEY V13 "\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET UP KEY V13 V13 "\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET "Upgrade: websocket\r\n" KEY V13 "\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET "Connection: close\r\nUpgrade: websocket\r\n" KEY V13 "\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n" KEY V13 "\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET UP KEY V13 "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET UP KEY V13 "Cookie: a\r\nCookie: b\r\n\r\n", CODE_BAD_REQUEST);
    check_upgrade(GET UP KEY V13 "Origin: a\r\nOrigin: b\r\n\r\n", CODE_BAD_REQUEST);
}

static void test_other_upgrades_are_plain_requests(void **state)
{
    struct door_head head;
    enum code code;

    (void)state;
    assert_int_equal(parse(GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", &head, &code),
                     DOOR_HEAD_OK);
    assert_false(door_head_is_upgrade(&head));
}

static void test_forwarded_lines_keep_their_order(void **state)
{
    struct door_head head;
    enum code code;

    (void)state;
    assert_int_equal(parse(GET "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n\r\n", &head, &code),
                     DOOR_HEAD_OK);
    assert_int_equal(head.forwarded_count, 2);
    assert_str(head.forwarded[0], "1.1.1.1");
    assert_str(head.forwarded[1], "2.2.2.2");
}

static void test_queries_are_found_decoded_and_redacted(void **state)
{
    struct str query = STR("a=1&token=s%20e+c&flag&a=2"), value;
    struct buf text = BUF_INIT;
    char room[16];
    size_t len;

    (void)state;
    assert_true(door_query_raw(query, STR("a"), &value));
    assert_str(value, "1");
    assert_true(door_query_raw(query, STR("flag"), &value));
    assert_int_equal(value.len, 0);
    assert_false(door_query_raw(query, STR("tok"), &value));
    assert_true(door_query_raw(query, STR("token"), &value));
    assert_true(door_percent_decode(value, true, room, sizeof(room), &len));
    assert_int_equal(len, 5);
    assert_memory_equal(room, "s e c", 5);
    assert_false(door_percent_decode(STR("12345678901234567"), true, room, sizeof(room), &len));
    assert_false(door_percent_decode(STR("%00"), true, room, sizeof(room), &len));
    door_redact(&text, STR("/ws"), query);
    assert_str(buf_str(&text), "/ws?a=*&token=*&flag&a=*");
    buf_release(&text);
}

static void test_lists(void **state)
{
    struct str list = STR(" a , ,b,"), element;

    (void)state;
    assert_true(door_list_has(STR("keep-alive, UPGRADE"), STR("upgrade")));
    assert_false(door_list_has(STR("upgrades"), STR("upgrade")));
    assert_false(door_list_has(STR_NONE, STR("upgrade")));
    assert_true(door_list_next(&list, &element));
    assert_str(element, "a");
    assert_true(door_list_next(&list, &element));
    assert_str(element, "b");
    assert_false(door_list_next(&list, &element));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_request_is_read),
        cmocka_unit_test(test_every_beginning_asks_for_more),
        cmocka_unit_test(test_what_could_be_read_in_two_ways_is_refused),
        cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_too_many_lines_are_too_large),
        cmocka_unit_test(test_upgrades_are_checked_completely),
        cmocka_unit_test(test_other_upgrades_are_plain_requests),
        cmocka_unit_test(test_forwarded_lines_keep_their_order),
        cmocka_unit_test(test_queries_are_found_decoded_and_redacted),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
