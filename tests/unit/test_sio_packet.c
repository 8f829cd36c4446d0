/* Socket.IO packets: what a client may send, and what is refused. */
#include "tests/unit/unit.h"

#include "ws/sio_packet.h"

static const struct json_limits limits = {100000, 16, 64};

static struct sio_packet good(const char *text)
{
    struct sio_packet p = {0};
    assert_int_equal(sio_read(str_of(text), 10, &limits, &p), RC_OK);
    return p;
}

static void test_sio_reads_every_type(void **state)
{
    (void)state;
    struct sio_packet p = good("0");
    assert_int_equal(p.type, SIO_CONNECT);
    assert_str(p.nsp, "/");
    assert_str(p.json, "");
    p = good("0/chat,{\"token\":\"x\"}");
    assert_str(p.nsp, "/chat");
    assert_str(p.json, "{\"token\":\"x\"}");
    p = good("0/custom");
    assert_str(p.nsp, "/custom");
    p = good("1/custom,");
    assert_int_equal(p.type, SIO_DISCONNECT);
    p = good("2[\"message\",1,\"2\",{\"3\":[true]}]");
    assert_false(p.has_id);
    p = good("2/chat,456[\"sendMessage\",{}]");
    assert_true(p.has_id);
    assert_int_equal(p.id, 456);
    p = good("30[]");
    assert_true(p.has_id && p.id == 0);
    p = good("52-/chat,789[\"a\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    assert_int_equal(p.attachments, 2);
    assert_int_equal(p.id, 789);
    p = good("50-[\"a\"]");
    assert_int_equal(p.attachments, 0);
    p = good("61-12[{\"_placeholder\":true,\"num\":0}]");
    assert_int_equal(p.type, SIO_BINARY_ACK);
    p = good("29007199254740991[\"a\"]");
    assert_true(p.id == 9007199254740991u);
    p = good("2[ \"spaced\" ]");
    assert_str(p.json, "[ \"spaced\" ]");
}

static void test_sio_refuses_the_rest(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "7", "abc", "9[\"a\"]", "2", "2{}", "2[]", "2[1]", "2[null]", "2[\"a\"", "2[\"a\"]x", "2\"a\"", "2abc[\"a\"]",
        "2-1[\"a\"]", "21.5[\"a\"]", "29007199254740992[\"a\"]", "299999999999999999999999[\"a\"]", "0[]", "0\"x\"", "01{}",
        "0{\"a\":1,\"a\":2}", "1{}", "15", "1/a,1", "3[]", "31{}", "31", "4{}", "4/chat,{\"message\":\"x\"}", "5[\"a\"]",
        "5-[\"a\"]", "5x-[\"a\"]", "51[\"a\"]", "61-[]", "2[\"\\ud800\"]", "2[\"a\",NaN]", "2/chat[\"a\"]",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sio_packet p = {.type = 99};
        enum rc rc = sio_read(str_of(bad[i]), 10, &limits, &p);
        if (rc != RC_INVALID) {
            fail_msg("\"%s\": %s", bad[i], rc_name(rc));
        }
        assert_int_equal(p.type, 99);
    }
}

static void test_sio_knows_its_limits(void **state)
{
    (void)state;
    struct sio_packet p;
    assert_int_equal(sio_read(STR("510-[\"a\"]"), 10, &limits, &p), RC_OK);
    assert_int_equal(sio_read(STR("511-[\"a\"]"), 10, &limits, &p), RC_TOO_BIG);
    assert_int_equal(sio_read(STR("2[\"a\",[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]"), 10, &limits, &p), RC_TOO_BIG);
    char nsp[SIO_NAMESPACE_MAX_BYTES + 8];
    memset(nsp, 'n', sizeof(nsp));
    nsp[0] = '0';
    nsp[1] = '/';
    assert_int_equal(sio_read((struct str){nsp, 1 + SIO_NAMESPACE_MAX_BYTES}, 10, &limits, &p), RC_OK);
    assert_int_equal(sio_read((struct str){nsp, 2 + SIO_NAMESPACE_MAX_BYTES}, 10, &limits, &p), RC_INVALID);
}

static void test_sio_writes_what_it_reads(void **state)
{
    (void)state;
    static const char *const texts[] = {"0/chat,", "2", "2/chat,", "3/chat,7", "452-", "62-/a,9"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct buf out = BUF_INIT;
        struct sio_packet p = {0};
        const char *t = texts[i];
        bool has_four = t[0] == '4';
        p.type = (uint8_t)(t[has_four] - '0');
        p.nsp = strchr(t, '/') ? (strstr(t, "chat") ? STR("/chat") : STR("/a")) : STR("/");
        p.attachments = 2;
        p.has_id = i == 3 || i == 5;
        p.id = i == 3 ? 7 : 9;
        sio_begin(&out, &p);
        assert_int_equal(out.p[0], '4');
        assert_string_equal(out.p + 1, t + has_four);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sio_reads_every_type),
        cmocka_unit_test(test_sio_refuses_the_rest),
        cmocka_unit_test(test_sio_knows_its_limits),
        cmocka_unit_test(test_sio_writes_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
