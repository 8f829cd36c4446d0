/* Addresses, PROXY headers and X-Forwarded-For. */
#include "tests/unit/unit.h"

#include "rest/proxy.h"

static struct addr at(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(str_of(text), true, &a), RC_OK);
    return a;
}

static void assert_addr(const struct addr *a, const char *text)
{
    char got[ADDR_TEXT_BYTES];

    addr_text(a, got);
    assert_string_equal(got, text);
}

static void test_addresses_are_parsed(void **state)
{
    static const char *const bad[] = {"", "1.2.3", "1.2.3.4:", "1.2.3.4:99999", "[::1", "[1.2.3.4]:1",
                                      "::1]", "localhost", "1.2.3.4:a", "[::1]x"};
    struct addr a;
    unsigned i;

    (void)state;
    a = at("192.0.2.1:80");
    assert_addr(&a, "192.0.2.1");
    assert_int_equal(a.port, 80);
    a = at("[2001:db8::1]:443");
    assert_addr(&a, "2001:db8::1");
    assert_int_equal(a.port, 443);
    a = at("2001:db8::1");
    assert_addr(&a, "2001:db8::1");
    a = at("::ffff:192.0.2.9");
    assert_int_equal(a.family, ADDR_V4);
    assert_addr(&a, "192.0.2.9");
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(addr_parse(str_of(bad[i]), true, &a), RC_INVALID);
    }
    assert_int_equal(addr_parse(STR("1.2.3.4:80"), false, &a), RC_INVALID);
}

static void test_networks_hold_their_addresses(void **state)
{
    struct addr_net net;
    struct addr a = at("10.1.2.3"), b = at("10.2.0.0"), c = at("2001:db8:0:1::5");

    (void)state;
    assert_int_equal(addr_net_parse(STR("10.1.0.0/16"), &net), RC_OK);
    assert_true(addr_in(&a, &net));
    assert_false(addr_in(&b, &net));
    assert_false(addr_in(&c, &net));
    assert_int_equal(addr_net_parse(STR("10.0.0.0/14"), &net), RC_OK);
    assert_true(addr_in(&b, &net));
    assert_int_equal(addr_net_parse(STR("2001:db8::/47"), &net), RC_OK);
    assert_true(addr_in(&c, &net));
    assert_int_equal(addr_net_parse(STR("0.0.0.0/0"), &net), RC_OK);
    assert_true(addr_in(&a, &net));
    assert_int_equal(addr_net_parse(STR("10.0.0.0/33"), &net), RC_INVALID);
    assert_int_equal(addr_net_parse(STR("10.0.0.0/"), &net), RC_INVALID);
}

static void test_proxy_v1_at_every_split(void **state)
{
    static const char text[] = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\nGET /";
    const size_t whole = sizeof(text) - 1 - 5;
    struct addr client = {0};
    size_t n, len = 0;

    (void)state;
    for (n = 0; n < whole; n++) {
        char *part = malloc(n > 0 ? n : 1);
        memcpy(part, text, n);
        assert_int_equal(proxy_parse((struct str){part, n}, &len, &client), RC_AGAIN);
        free(part);
    }
    assert_int_equal(proxy_parse(str_of(text), &len, &client), RC_OK);
    assert_int_equal(len, whole);
    assert_addr(&client, "192.0.2.7");
    assert_int_equal(client.port, 56324);
}

static void test_proxy_v1_forms(void **state)
{
    static const char *const bad[] = {"GET / HTTP/1.1\r\n", "PROXY\r\n", "PROXY \r\n",
                                      "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
                                      "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
                                      "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
                                      "PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n", "PROXY TCP4 1.2.3.4\n",
                                      "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", "\r\n\r\nx"};
    struct addr client = {0};
    char longest[200];
    size_t len;
    unsigned i;

    (void)state;
    assert_int_equal(proxy_parse(STR("PROXY UNKNOWN\r\n"), &len, &client), RC_OK);
    assert_int_equal(client.family, ADDR_NONE);
    assert_int_equal(proxy_parse(STR("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), &len, &client), RC_OK);
    assert_int_equal(proxy_parse(STR("PROXY TCP6 2001:db8::1 ::1 5 6\r\n"), &len, &client), RC_OK);
    assert_addr(&client, "2001:db8::1");
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(proxy_parse(str_of(bad[i]), &len, &client), RC_INVALID);
    }
    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "PROXY ", 6);
    assert_int_equal(proxy_parse((struct str){longest, sizeof(longest)}, &len, &client), RC_INVALID);
}

static void test_proxy_v2(void **state)
{
    unsigned char text[16 + 12 + 4] = "\r\n\r\n\0\r\nQUIT\n";
    struct addr client = {0};
    size_t n, len;

    (void)state;
    text[12] = 0x21;
    text[13] = 0x11;
    text[15] = 12 + 4; /* addresses and a TLV */
    memcpy(text + 16, "\xc0\x00\x02\x08\xc6\x33\x64\x01\x12\x34\x00\x50", 12);
    for (n = 0; n < sizeof(text); n++) {
        char *part = malloc(n > 0 ? n : 1);
        memcpy(part, text, n);
        assert_int_equal(proxy_parse((struct str){part, n}, &len, &client), RC_AGAIN);
        free(part);
    }
    assert_int_equal(proxy_parse((struct str){(char *)text, sizeof(text)}, &len, &client), RC_OK);
    assert_int_equal(len, sizeof(text));
    assert_addr(&client, "192.0.2.8");
    assert_int_equal(client.port, 0x1234);
    text[12] = 0x20; /* LOCAL: a health check of the proxy's own */
    assert_int_equal(proxy_parse((struct str){(char *)text, sizeof(text)}, &len, &client), RC_OK);
    assert_int_equal(client.family, ADDR_NONE);
    text[12] = 0x11;
    assert_int_equal(proxy_parse((struct str){(char *)text, sizeof(text)}, &len, &client), RC_INVALID);
    text[12] = 0x21;
    text[15] = 4; /* too short for its addresses */
    assert_int_equal(proxy_parse((struct str){(char *)text, sizeof(text)}, &len, &client), RC_INVALID);
    text[14] = 0xff;
    assert_int_equal(proxy_parse((struct str){(char *)text, sizeof(text)}, &len, &client), RC_INVALID);
}

static void test_client_behind_trusted_proxies(void **state)
{
    struct addr peer = at("10.0.0.1"), client;
    struct addr_net trusted[1];
    struct str one[1] = {STR("198.51.100.7, 203.0.113.5, 10.0.0.9")};
    struct str two[2] = {STR("203.0.113.5"), STR("10.0.0.9")};
    struct str broken[1] = {STR("203.0.113.5, unknown, 10.0.0.9")};
    struct str inside[1] = {STR("10.0.0.7")};

    (void)state;
    assert_int_equal(addr_net_parse(STR("10.0.0.0/8"), &trusted[0]), RC_OK);
    client = proxy_client(&peer, one, 1, trusted, 1);
    assert_addr(&client, "203.0.113.5"); /* what stands left of it may be invented */
    client = proxy_client(&peer, two, 2, trusted, 1);
    assert_addr(&client, "203.0.113.5");
    client = proxy_client(&peer, broken, 1, trusted, 1);
    assert_addr(&client, "10.0.0.9");
    client = proxy_client(&peer, inside, 1, trusted, 1);
    assert_addr(&client, "10.0.0.7");
    client = proxy_client(&peer, one, 1, trusted, 0);
    assert_addr(&client, "10.0.0.1");
    peer = at("192.0.2.1");
    client = proxy_client(&peer, one, 1, trusted, 1);
    assert_addr(&client, "192.0.2.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_parsed),
        cmocka_unit_test(test_networks_hold_their_addresses),
        cmocka_unit_test(test_proxy_v1_at_every_split),
        cmocka_unit_test(test_proxy_v1_forms),
        cmocka_unit_test(test_proxy_v2),
        cmocka_unit_test(test_client_behind_trusted_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
