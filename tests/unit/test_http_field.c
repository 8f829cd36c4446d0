/* The words for fields. */
#include "tests/unit/unit.h"

#include "rest/http_field.h"

static struct rest_conf *conf;

static void assert_rule(const char *field, const char *sentence)
{
    struct buf out = BUF_INIT;
    http_field_rule(&out, conf, field);
    assert_true(str_eq(buf_str(&out), str_of(sentence)));
    buf_release(&out);
}

static void test_numbers_are_the_settings(void **state)
{
    (void)state;
    assert_rule("username", "username must be 1 to 32 characters of a-z, A-Z, 0-9, _ . and -, and not look like an id.");
    assert_rule("password", "password must be text of at least 8 characters and at most 256 bytes.");
    conf->password_min_chars = 12;
    assert_rule("password", "password must be text of at least 12 characters and at most 256 bytes.");
    assert_rule("role", "role must be member, admin or owner.");
}

static void test_a_field_without_words(void **state)
{
    (void)state;
    assert_rule("nonsense", "");
    assert_rule("user", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_the_settings),
        cmocka_unit_test(test_a_field_without_words),
    };
    const struct conf_key *keys = rest_conf_keys(&conf);
    conf_defaults(keys, rest_conf_keys_count);
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    conf_release(keys, rest_conf_keys_count);
    return status;
}
