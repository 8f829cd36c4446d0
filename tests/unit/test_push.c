/* Rules and texts of push: what an answer means, when again, what a subscription is, what is sent. */
#include "tests/unit/unit.h"

#include "rest/push_http.h"
#include "rest/push_read.h"
#include "rest/push_rule.h"
#include "rest/push_text.h"

/* -- rules ---------------------------------------------------------------------------------------------- */

static void test_verdicts(void **state)
{
    static const struct {
        long status;
        enum push_verdict web, webhook;
    } cases[] = {
        {200, PUSH_SENT, PUSH_SENT},       {201, PUSH_SENT, PUSH_SENT},       {299, PUSH_SENT, PUSH_SENT},
        {301, PUSH_REFUSED, PUSH_REFUSED}, {307, PUSH_REFUSED, PUSH_REFUSED}, {400, PUSH_REFUSED, PUSH_REFUSED},
        {403, PUSH_REFUSED, PUSH_REFUSED}, {404, PUSH_GONE, PUSH_REFUSED},    {410, PUSH_GONE, PUSH_REFUSED},
        {413, PUSH_REFUSED, PUSH_REFUSED}, {408, PUSH_AGAIN, PUSH_AGAIN},     {425, PUSH_AGAIN, PUSH_AGAIN},
        {429, PUSH_AGAIN, PUSH_AGAIN},     {500, PUSH_AGAIN, PUSH_AGAIN},     {503, PUSH_AGAIN, PUSH_AGAIN},
        {599, PUSH_AGAIN, PUSH_AGAIN},     {0, PUSH_AGAIN, PUSH_AGAIN},       {100, PUSH_AGAIN, PUSH_AGAIN},
        {103, PUSH_AGAIN, PUSH_AGAIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(push_judge(cases[i].status, false), cases[i].web);
        assert_int_equal(push_judge(cases[i].status, true), cases[i].webhook);
    }
}

static void test_delays(void **state)
{
    (void)state;
    assert_int_equal(push_delay_ms(1, 2000, 3600000, 0, 0), 2000);
    assert_int_equal(push_delay_ms(2, 2000, 3600000, 0, 0), 4000);
    assert_int_equal(push_delay_ms(5, 2000, 3600000, 0, 0), 32000);
    assert_int_equal(push_delay_ms(100, 2000, 3600000, 0, 0), 3600000);
    assert_int_equal(push_delay_ms(1, 5000, 1000, 0, 0), 1000);
    assert_int_equal(push_delay_ms(1, 2000, 3600000, 90000, 0), 90000);
    for (uint64_t random = 0; random < 1000; random++) {
        uint64_t delay = push_delay_ms(3, 100, 10000, 0, random);
        assert_true(delay >= 320 && delay <= 400);
    }
}

static void check_url(const char *url, bool is_guarded, bool private_endpoints, const char *origin)
{
    struct buf out = BUF_INIT, why = BUF_INIT;
    enum rc rc = push_url_check(url, is_guarded, private_endpoints, &out, &why);
    assert_int_equal(rc, origin != NULL ? RC_OK : RC_INVALID);
    if (origin != NULL) {
        assert_string_equal(out.p, origin);
    } else {
        assert_true(why.len > 0 && out.len == 0);
    }
    buf_release(&out);
    buf_release(&why);
}

static void test_urls(void **state)
{
    static const char *const bad[] = {
        "", "push.example.org", "/x", "http://push.example.org/", "ftp://push.example.org/", "https://", "https:///x", "https:x", "https:/x",
        "https://user@push.example.org/", "https://user:x@push.example.org/", "https://push.example.org/#x", "file:///etc/passwd",
        "https://127.0.0.1/", "https://localhost/", "https://LOCALHOST:1/", "https://[::1]/", "https://169.254.169.254/latest",
        "https://2130706433/", "https://0x7f000001/", "https://127.1/", "https://[::ffff:10.0.0.1]/", "https://push.example.org:99999/"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check_url(bad[i], true, false, NULL);
    }
    check_url("https://push.example.org/a?b=c", true, false, "https://push.example.org");
    check_url("https://push.example.org:443/a", true, false, "https://push.example.org");
    check_url("https://push.example.org:8443/a", true, false, "https://push.example.org:8443");
    check_url("https://8.8.8.8/a", true, false, "https://8.8.8.8");
    check_url("https://[2606:4700::1111]/a", true, false, "https://[2606:4700::1111]");
    check_url("https://127.0.0.1:9/a", true, true, "https://127.0.0.1:9");
    check_url("http://127.0.0.1:9/a", true, true, NULL);
    check_url("http://127.0.0.1:9/a", false, true, "http://127.0.0.1:9");
}

/* -- subscriptions ---------------------------------------------------------------------------------------- */

#define POINT  "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define SECRET "BTBZMqHH6r4Tts7J_aSIgg"
#define URL    "https://push.example.org/send/abc"

static void read_text(const char *text, enum code expected, const char *expected_field)
{
    const struct push_limits limits = {64, false};
    struct json_limits json_limits = JSON_LIMITS_DEFAULT;
    struct json *doc = NULL;
    struct arena arena = ARENA_INIT(0);
    struct push_call call = {.arena = &arena};
    const char *field = NULL;
    struct buf why = BUF_INIT;
    assert_int_equal(json_parse(str_of(text), &json_limits, &doc, NULL), RC_OK);
    assert_int_equal(push_read(json_root(doc), &limits, &call, &field, &why), expected);
    if (expected == CODE_OK) {
        assert_true(str_eq(call.endpoint, STR(URL)) && str_eq(call.p256dh, STR(POINT)) && str_eq(call.auth, STR(SECRET)));
    } else {
        assert_string_equal(field, expected_field);
    }
    buf_release(&why);
    arena_release(&arena);
    json_free(doc);
}

static void test_subscriptions(void **state)
{
    (void)state;
    read_text("{\"endpoint\":\"" URL "\",\"expirationTime\":null,\"keys\":{\"p256dh\":\"" POINT "\",\"auth\":\"" SECRET "\"}}", CODE_OK, NULL);
    read_text("{\"endpoint\":\"" URL "\",\"keys\":{\"p256dh\":\"" POINT "=\",\"auth\":\"" SECRET "==\"}}", CODE_OK, NULL);
    read_text("{}", CODE_INVALID_FIELD, "endpoint");
    read_text("{\"endpoint\":5}", CODE_INVALID_FIELD, "endpoint");
    read_text("{\"endpoint\":\"\"}", CODE_INVALID_FIELD, "endpoint");
    read_text("{\"endpoint\":\"https://push.example.org/a b\"}", CODE_INVALID_FIELD, "endpoint");
    read_text("{\"endpoint\":\"https://push.example.org/\xc3\xa4\"}", CODE_INVALID_FIELD, "endpoint");
    read_text("{\"endpoint\":\"https://127.0.0.1/\"}", CODE_INVALID_FIELD, "endpoint");
    read_text("{\"endpoint\":\"https://push.example.org/0123456789012345678901234567890123456789\"}", CODE_TOO_LARGE, "endpoint");
    read_text("{\"endpoint\":\"" URL "\"}", CODE_INVALID_FIELD, "keys.p256dh");
    read_text("{\"endpoint\":\"" URL "\",\"keys\":[]}", CODE_INVALID_FIELD, "keys.p256dh");
    read_text("{\"endpoint\":\"" URL "\",\"keys\":{\"p256dh\":\"AAAA\"}}", CODE_INVALID_FIELD, "keys.p256dh");
    read_text("{\"endpoint\":\"" URL "\",\"keys\":{\"p256dh\":\"" POINT "!\"}}", CODE_INVALID_FIELD, "keys.p256dh");
    read_text("{\"endpoint\":\"" URL "\",\"keys\":{\"p256dh\":\"" POINT "\"}}", CODE_INVALID_FIELD, "keys.auth");
    read_text("{\"endpoint\":\"" URL "\",\"keys\":{\"p256dh\":\"" POINT "\",\"auth\":\"AAAA\"}}", CODE_INVALID_FIELD, "keys.auth");
    read_text("{\"endpoint\":\"" URL "\",\"keys\":{\"p256dh\":\"" POINT "\",\"auth\":7}}", CODE_INVALID_FIELD, "keys.auth");
}

/* -- texts ------------------------------------------------------------------------------------------------ */

static const struct note_view example = {
    .id = 7,
    .created_us = 1700000000000000,
    .kind = {"new_message", 11},
    .title = {"New message from Ann", 20},
    .text = {"hi \"you\"", 8},
    .link = {"/chat/x", 7},
    .chat_id = 3,
    .chat_created_us = 1600000000000000,
    .message_id = 6,
    .message_created_us = 1700000000000000,
    .sender_id = 2,
    .sender_created_us = 1600000000000000,
};

#define EXAMPLE                                                                                                       \
    "{\"id\":\"6553f1000400000000000007\",\"type\":\"new_message\",\"title\":\"New message from Ann\","                 \
    "\"message\":\"hi \\\"you\\\"\",\"link\":\"/chat/x\",\"created_at\":\"2023-11-14T22:13:20Z\","                     \
    "\"chat_id\":\"5f5e10000200000000000003\",\"message_id\":\"6553f1000300000000000006\","                             \
    "\"sender_id\":\"5f5e10000100000000000002\",\"unread_count\":4}"

static void test_note(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    push_text_note(&out, &example, 4, 3072);
    assert_string_equal(out.p, EXAMPLE);
    buf_clear(&out);
    const struct push_person who = {.id = 2, .created_us = 1600000000000000, .username = STR("bob")};
    push_text_webhook(&out, &example, 4, &who);
    assert_string_equal(out.p, "{\"notification\":" EXAMPLE
                               ",\"user\":{\"id\":\"5f5e10000100000000000002\",\"username\":\"bob\",\"external_id\":null}}");
    buf_release(&out);
}

/* Cut between characters, as long as it fits, whatever has to be escaped. */
static void test_long_notes(void **state)
{
    static const char *const pieces[] = {"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\"", "\x01"};
    struct buf text = BUF_INIT, link = BUF_INIT, out = BUF_INIT;
    struct note_view n = example;
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        for (unsigned count = 1500; count < 5000; count += 501) {
            struct json *doc = NULL;
            buf_clear(&text);
            buf_clear(&out);
            for (unsigned k = 0; k < count; k++) {
                buf_add_z(&text, pieces[i]);
            }
            n.text = buf_str(&text);
            push_text_note(&out, &n, 4, 2048);
            assert_true(out.len <= 2048);
            assert_int_equal(json_parse(buf_str(&out), &limits, &doc, NULL), RC_OK);
            json_free(doc);
        }
    }
    for (unsigned k = 0; k < 4000; k++) {
        buf_add_char(&link, 'x');
    }
    n.link = buf_str(&link);
    buf_clear(&out);
    push_text_note(&out, &n, 4, 2048);
    assert_true(out.len <= 2048);
    assert_non_null(strstr(out.p, "\"link\":null"));
    buf_release(&text);
    buf_release(&link);
    buf_release(&out);
}

static void test_signature(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    /* printf '1700000000.{}' | openssl dgst -sha256 -hmac secret */
    assert_int_equal(push_text_signature(&out, STR("secret"), STR("{}"), 1700000000), RC_OK);
    assert_true(str_starts(buf_str(&out), STR("X-Confab-Signature: t=1700000000,v1=")));
    assert_int_equal(out.len, strlen("X-Confab-Signature: t=1700000000,v1=") + 64);
    struct buf mac = BUF_INIT;
    assert_int_equal(push_hmac_hex(STR("secret"), STR("1700000000.{}"), &mac), RC_OK);
    assert_string_equal(out.p + out.len - 64, mac.p);
    buf_release(&mac);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),      cmocka_unit_test(test_delays), cmocka_unit_test(test_urls),
        cmocka_unit_test(test_subscriptions), cmocka_unit_test(test_note),   cmocka_unit_test(test_long_notes),
        cmocka_unit_test(test_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
