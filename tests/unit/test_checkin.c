/* The dashboard's object and the codes at the door. */
#include "tests/unit/unit.h"

#include "shared/checkin.h"

static const struct key16 uuid = {{0x6f, 0x9b, 0x1e, 0x2a, 0, 0, 0x41, 0x11, 0x81, 0x22, 1, 2, 3, 4, 5, 6}};

static void assert_json(const struct checkin *c, bool masked, const char *expected)
{
    struct buf out = BUF_INIT;
    checkin_add(&out, c, masked);
    assert_string_equal(out.p, expected);
    buf_release(&out);
}

static void test_a_check_in_has_exactly_seven_members(void **state)
{
    (void)state;
    struct checkin c = {.session = uuid, .at_us = 1705314600123456, .user_id = 123, .name = STR("John \"J\" Doe"),
                        .profile_url = STR("https://example.org/j.png")};
    assert_json(&c, false,
                "{\"checkin_time\":\"2024-01-15T10:30:00.123456Z\",\"message\":\"Check-in successful\","
                "\"profile_url\":\"https://example.org/j.png\",\"session_id\":\"6f9b1e2a-0000-4111-8122-010203040506\","
                "\"success\":true,\"user_id\":\"636f6e66-6162-8001-8000-00000000007b\",\"user_name\":\"John \\\"J\\\" Doe\"}");
    c.profile_url = STR_NONE;
    c.result = CHECKIN_ALREADY;
    assert_json(&c, false,
                "{\"checkin_time\":\"2024-01-15T10:30:00.123456Z\",\"message\":\"Already checked in\","
                "\"profile_url\":null,\"session_id\":\"6f9b1e2a-0000-4111-8122-010203040506\","
                "\"success\":false,\"user_id\":\"636f6e66-6162-8001-8000-00000000007b\",\"user_name\":\"John \\\"J\\\" Doe\"}");
}

static void test_nobody_and_masked_people_have_no_id(void **state)
{
    (void)state;
    struct checkin c = {.session = uuid, .result = CHECKIN_UNKNOWN_CODE, .name = STR("")};
    const char *nobody = "{\"checkin_time\":\"1970-01-01T00:00:00.000000Z\",\"message\":\"Unknown code\","
                         "\"profile_url\":null,\"session_id\":\"6f9b1e2a-0000-4111-8122-010203040506\","
                         "\"success\":false,\"user_id\":\"00000000-0000-0000-0000-000000000000\",\"user_name\":\"\"}";
    assert_json(&c, false, nobody);
    assert_json(&c, true, nobody);
    struct checkin john = {.session = uuid, .user_id = 123, .name = STR("John Doe"), .profile_url = STR("https://x/")};
    assert_json(&john, true,
                "{\"checkin_time\":\"1970-01-01T00:00:00.000000Z\",\"message\":\"Check-in successful\","
                "\"profile_url\":null,\"session_id\":\"6f9b1e2a-0000-4111-8122-010203040506\","
                "\"success\":true,\"user_id\":\"00000000-0000-0000-0000-000000000000\",\"user_name\":\"J. D.\"}");
}

static void test_initials_of_names(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"John Doe", "J. D."}, {"jane_doe", "j."}, {"", ""}, {"   ", ""}, {"  Ada   Lovelace ", "A. L."},
        {"\xc3\x85sa \xe6\x9d\x8e", "\xc3\x85. \xe6\x9d\x8e."}, {"a b c d e f", "a. b. c. d."},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct buf out = BUF_INIT;
        checkin_add_initials(&out, str_of(names[i][0]));
        assert_true(str_eq(buf_str(&out), str_of(names[i][1])));
        buf_release(&out);
    }
}

static void test_every_result_has_its_message(void **state)
{
    (void)state;
    assert_str(checkin_message(CHECKIN_DONE), "Check-in successful");
    assert_str(checkin_message(CHECKIN_ALREADY), "Already checked in");
    assert_str(checkin_message(CHECKIN_UNKNOWN_CODE), "Unknown code");
    assert_str(checkin_message(CHECKIN_NOT_REGISTERED), "Not registered");
    assert_str(checkin_message(CHECKIN_RESULTS), "Check-in failed");
}

static void test_codes_are_read_as_people_write_them(void **state)
{
    (void)state;
    assert_true(checkin_code_parse(STR("000000000001")) == 1);
    assert_true(checkin_code_parse(STR("ZZZZZZZZZZZZ")) == CHECKIN_CODE_MAX);
    assert_true(checkin_code_parse(STR("zzzz-zzzz zzzz")) == CHECKIN_CODE_MAX);
    assert_true(checkin_code_parse(STR("OooOooOooO1L")) == (1 << 5 | 1));
    assert_true(checkin_code_parse(STR("oooooooooooI")) == 1);
    static const char *const bad[] = {"", "-", "00000000000", "0000000000000", "00000000000U", "00000000000\xc3",
                                      "000000000000 x", "00000000000*"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_true(checkin_code_parse(str_of(bad[i])) == 0);
    }
    assert_true(checkin_code_parse((struct str){"0000000000\0001", 12}) == 0);
    assert_true(checkin_code_parse(STR_NONE) == 0);
    for (unsigned i = 0; i < 10000; i++) {
        struct buf out = BUF_INIT;
        uint64_t code = checkin_code_new();
        checkin_code_add(&out, code);
        assert_int_equal(out.len, CHECKIN_CODE_CHARS);
        assert_true(code != 0 && checkin_code_parse(buf_str(&out)) == code);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_check_in_has_exactly_seven_members),
        cmocka_unit_test(test_nobody_and_masked_people_have_no_id),
        cmocka_unit_test(test_initials_of_names),
        cmocka_unit_test(test_every_result_has_its_message),
        cmocka_unit_test(test_codes_are_read_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
