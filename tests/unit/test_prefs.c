/* Preferences: what is taken, what is written, what is meant. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "rest/prefs.h"
#include "shared/clock.h"
#include "shared/id.h"

static const struct prefs_limits limits = {3, 3};

static struct prefs *read_ok(const char *text)
{
    struct prefs *p = NULL;
    assert_int_equal(prefs_parse(str_of(text), &p), RC_OK);
    return p;
}

static void is_bad(const char *text, const char *wrong, enum rc expected)
{
    const struct json_limits json = {10000, 8, 100};
    struct json *doc = NULL;
    struct prefs *p = NULL;
    const char *field = NULL;
    assert_int_equal(json_parse(str_of(text), &json, &doc, NULL), RC_OK);
    assert_int_equal(prefs_read(json_root(doc), &limits, &p, &field), expected);
    assert_string_equal(field, wrong);
    assert_null(p);
    json_free(doc);
}

static void test_absent_members_are_the_defaults(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct prefs *p = read_ok("{}");
    assert_int_equal(p->level, LEVEL_ALL);
    prefs_write(&out, p, NULL, NULL);
    assert_str(buf_str(&out), "{\"preview\":\"full\",\"level\":\"all\",\"kinds\":{},\"chats\":{},\"do_not_disturb\":null}");
    assert_true(prefs_kind_is_on(p, STR("anything")));
    assert_null(prefs_chat(p, 1));
    assert_false(prefs_dnd(p, wall_s()));
    prefs_free(p);
    buf_release(&out);
}

static void test_the_canonical_form_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const char text[] =
        "{\"preview\":\"none\",\"level\":\"mentions\",\"kinds\":{\"a\":true,\"b-2\":false},\"chats\":{\"7\":{\"level\":\"none\"},"
        "\"12\":{\"level\":\"all\",\"muted_until\":\"2030-01-02T03:04:05Z\"},\"9007199254740991\":{}},"
        "\"do_not_disturb\":{\"from\":\"22:30\",\"to\":\"06:00\",\"utc_offset_minutes\":-90}}";
    struct buf out = BUF_INIT;
    struct prefs *p = read_ok(text);
    prefs_write(&out, p, NULL, NULL);
    assert_true(str_eq(buf_str(&out), str_of(text)));
    assert_int_equal(prefs_chat(p, 7)->level, LEVEL_NONE);
    assert_true(prefs_chat(p, 12)->muted_until_s == 1893553445);
    assert_int_equal(prefs_chat(p, ID_MAX)->level, LEVEL_UNSET);
    assert_null(prefs_chat(p, 8));
    assert_true(prefs_kind_is_on(p, STR("a")));
    assert_false(prefs_kind_is_on(p, STR("b-2")));
    prefs_free(p);
    buf_release(&out);
}

static void test_order_and_forms_do_not_matter(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct prefs *p = read_ok("{\"chats\":{\"chat_12\":{},\"7\":{\"muted_until\":null}},\"kinds\":{\"z\":false,\"a\":true},\"other\":1}");
    prefs_write(&out, p, NULL, NULL);
    assert_str(buf_str(&out), "{\"preview\":\"full\",\"level\":\"all\",\"kinds\":{\"a\":true,\"z\":false},\"chats\":{\"7\":{},\"12\":{}},"
                              "\"do_not_disturb\":null}");
    prefs_free(p);
    buf_release(&out);
}

static void test_what_is_wrong_is_named(void **state)
{
    (void)state;
    is_bad("{\"preview\":\"\"}", "preview", RC_INVALID);
    is_bad("{\"level\":true}", "level", RC_INVALID);
    is_bad("{\"kinds\":{\"A\":true}}", "kinds", RC_INVALID);
    is_bad("{\"kinds\":{\"a\":null}}", "kinds", RC_INVALID);
    is_bad("{\"kinds\":7}", "kinds", RC_INVALID);
    is_bad("{\"chats\":{\"x\":{}}}", "chats", RC_INVALID);
    is_bad("{\"chats\":{\"1\":{},\"chat_1\":{}}}", "chats", RC_INVALID);
    is_bad("{\"chats\":{\"1\":{\"muted_until\":\"2030-02-30T00:00:00Z\"}}}", "chats", RC_INVALID);
    is_bad("{\"do_not_disturb\":{\"from\":\"1:00\",\"to\":\"02:00\"}}", "do_not_disturb", RC_INVALID);
    is_bad("{\"do_not_disturb\":{\"from\":\"24:00\",\"to\":\"02:00\"}}", "do_not_disturb", RC_INVALID);
    is_bad("{\"kinds\":{\"a\":true,\"b\":true,\"c\":true,\"d\":true}}", "kinds", RC_TOO_BIG);
    is_bad("{\"chats\":{\"1\":{},\"2\":{},\"3\":{},\"4\":{}}}", "chats", RC_TOO_BIG);
    struct prefs *p = NULL;
    assert_int_equal(prefs_parse(STR("{"), &p), RC_INVALID);
    assert_null(p);
}

static uint64_t muted_until(const char *moment)
{
    char text[100];
    snprintf(text, sizeof(text), "{\"chats\":{\"1\":{\"muted_until\":\"%s\"}}}", moment);
    struct prefs *p = NULL;
    if (prefs_parse(str_of(text), &p) != RC_OK) {
        return 0;
    }
    uint64_t at = prefs_chat(p, 1)->muted_until_s;
    prefs_free(p);
    return at;
}

static void test_moments(void **state)
{
    (void)state;
    assert_true(muted_until("2024-02-29T12:00:00Z") == 1709208000);
    assert_true(muted_until("2024-02-29T12:00:00.999999z") == 1709208000);
    assert_true(muted_until("2024-02-29t13:30:00+01:30") == 1709208000);
    assert_true(muted_until("2024-02-29T00:00:00-12:00") == 1709208000);
    assert_true(muted_until("1971-01-01T00:00:00Z") == 31536000);
    assert_true(muted_until("1971-01-01T00:01:00+00:01") == 31536000);
    assert_true(muted_until("9999-12-31T23:59:59Z") == 253402300799);
    static const char *const bad[] = {"2023-02-29T12:00:00Z", "2024-02-29T12:00:00",  "2024-02-29T12:00Z",      "2024-02-29 12:00:00Z",
                                      "2024-2-29T12:00:00Z",  "2024-02-29T24:00:00Z", "2024-02-29T12:60:00Z",   "2024-00-01T00:00:00Z",
                                      "2024-01-00T00:00:00Z", "1970-12-31T00:00:00Z", "2024-02-29T12:00:00.Z",  "2024-02-29T12:00:00+1:00",
                                      "2024-02-29T12:00:00Zx", "",                    "2024-02-29T12:00:00+24:00",
                                      "1971-01-01T00:00:00+00:01"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_true(muted_until(bad[i]) == 0);
    }
}

#define HOUR 3600
static void test_hours_not_to_be_disturbed(void **state)
{
    (void)state;
    struct prefs *night = read_ok("{\"do_not_disturb\":{\"from\":\"22:00\",\"to\":\"07:00\"}}");
    struct prefs *noon = read_ok("{\"do_not_disturb\":{\"from\":\"12:00\",\"to\":\"13:30\",\"utc_offset_minutes\":120}}");
    const uint64_t day = UINT64_C(20000) * 86400;
    assert_false(prefs_dnd(night, day + 22 * HOUR - 1));
    assert_true(prefs_dnd(night, day + 22 * HOUR));
    assert_true(prefs_dnd(night, day));
    assert_true(prefs_dnd(night, day + 7 * HOUR - 1));
    assert_false(prefs_dnd(night, day + 7 * HOUR));
    assert_false(prefs_dnd(noon, day + 10 * HOUR - 1));
    assert_true(prefs_dnd(noon, day + 10 * HOUR));
    assert_true(prefs_dnd(noon, day + 11 * HOUR + HOUR / 2 - 1));
    assert_false(prefs_dnd(noon, day + 11 * HOUR + HOUR / 2));
    prefs_free(night);
    prefs_free(noon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_members_are_the_defaults),
        cmocka_unit_test(test_the_canonical_form_is_read_as_it_was_written),
        cmocka_unit_test(test_order_and_forms_do_not_matter),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_hours_not_to_be_disturbed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
