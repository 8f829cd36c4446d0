/* Limits per client address. */
#include "tests/unit/unit.h"

#include "rest/peers.h"

static struct rest_conf conf;

static struct peers *fresh(uint64_t connections, uint64_t per_s, uint64_t burst, uint64_t addresses)
{
    conf.address_connections_max = connections;
    conf.address_handshakes_per_s = per_s;
    conf.address_handshakes_burst = burst;
    conf.addresses_max = addresses;
    return peers_new(&conf, 42);
}

static uint64_t key(struct peers *p, const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(str_of(text), false, &a), RC_OK);
    return peers_key(p, &a);
}

static void test_keys_follow_the_address_and_the_secret(void **state)
{
    struct peers *p = fresh(1, 1, 1, 1024), *q = peers_new(&conf, 42), *r = peers_new(&conf, 43);
    struct addr none = {0};

    (void)state;
    assert_true(key(p, "10.0.0.1") == key(q, "10.0.0.1"));
    assert_true(key(p, "10.0.0.1") != key(r, "10.0.0.1"));
    assert_true(key(p, "10.0.0.1") != key(p, "10.0.0.2"));
    assert_true(key(p, "2001:db8::1") == key(p, "2001:db8::ffff"));
    assert_true(key(p, "2001:db8::1") != key(p, "2001:db8:0:1::1"));
    assert_true(peers_key(p, &none) == 0);
    assert_int_equal(peers_enter(p, 0, 0), CODE_OK);
    peers_free(p);
    peers_free(q);
    peers_free(r);
}

static void test_connections_are_capped_and_given_back(void **state)
{
    struct peers *p = fresh(2, 1000, 1000, 1024);
    uint64_t a = key(p, "10.0.0.1"), b = key(p, "10.0.0.2");

    (void)state;
    assert_int_equal(peers_enter(p, a, 0), CODE_OK);
    assert_int_equal(peers_enter(p, a, 0), CODE_OK);
    assert_int_equal(peers_enter(p, a, 0), CODE_TOO_MANY_CONNECTIONS);
    assert_int_equal(peers_enter(p, b, 0), CODE_OK);
    peers_leave(p, a);
    assert_int_equal(peers_enter(p, a, 0), CODE_OK);
    assert_int_equal(peers_connections(p, a), 2);
    peers_leave(p, a);
    peers_leave(p, a);
    peers_leave(p, a);
    assert_int_equal(peers_connections(p, a), 0);
    peers_free(p);
}

static void test_handshakes_are_limited_and_come_back(void **state)
{
    struct peers *p = fresh(1000, 10, 5, 1024);
    uint64_t a = key(p, "10.0.0.1");
    unsigned i;

    (void)state;
    for (i = 0; i < 5; i++) {
        assert_int_equal(peers_enter(p, a, 1000), CODE_OK);
    }
    assert_int_equal(peers_enter(p, a, 1000), CODE_RATE_LIMITED);
    assert_int_equal(peers_enter(p, a, 1099), CODE_RATE_LIMITED);
    assert_int_equal(peers_enter(p, a, 1100), CODE_OK);
    assert_int_equal(peers_enter(p, a, 1100), CODE_RATE_LIMITED);
    for (i = 0; i < 5; i++) {
        assert_int_equal(peers_enter(p, a, 1000000), CODE_OK);
    }
    assert_int_equal(peers_enter(p, a, 1000000), CODE_RATE_LIMITED);
    peers_free(p);
}

static void test_a_full_table_forgets_the_idle_and_refuses_beyond(void **state)
{
    struct peers *p = fresh(10, 10, 10, 4);
    unsigned i;

    (void)state;
    for (i = 1; i <= 100; i++) {
        assert_int_equal(peers_enter(p, i, 0), CODE_OK);
        peers_leave(p, i);
    }
    for (i = 1; i <= 4; i++) {
        assert_int_equal(peers_enter(p, i, 0), CODE_OK);
    }
    assert_int_equal(peers_enter(p, 5, 0), CODE_TOO_MANY_CONNECTIONS);
    assert_int_equal(peers_connections(p, 3), 1);
    peers_leave(p, 2);
    assert_int_equal(peers_enter(p, 5, 0), CODE_OK);
    assert_int_equal(peers_connections(p, 3), 1);
    peers_free(p);
}

static void test_limits_are_reloaded(void **state)
{
    struct peers *p = fresh(1, 10, 10, 16);

    (void)state;
    assert_int_equal(peers_enter(p, 7, 0), CODE_OK);
    assert_int_equal(peers_enter(p, 7, 0), CODE_TOO_MANY_CONNECTIONS);
    conf.address_connections_max = 2;
    peers_reload(p, &conf);
    assert_int_equal(peers_enter(p, 7, 0), CODE_OK);
    peers_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_follow_the_address_and_the_secret),
        cmocka_unit_test(test_connections_are_capped_and_given_back),
        cmocka_unit_test(test_handshakes_are_limited_and_come_back),
        cmocka_unit_test(test_a_full_table_forgets_the_idle_and_refuses_beyond),
        cmocka_unit_test(test_limits_are_reloaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
