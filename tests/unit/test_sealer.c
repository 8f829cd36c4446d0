/* Texts and hashes under the keys of a file. */
#include "tests/unit/unit.h"

#include "rest/sealer.h"

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define KEY_B "a0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct sealer *with(const char *keys)
{
    struct sealer *s = NULL;
    struct buf why = BUF_INIT;
    assert_int_equal(sealer_new(str_of(keys), &s, &why), RC_OK);
    buf_release(&why);
    return s;
}

static enum rc opened(const struct sealer *s, const char *aad, struct str sealed, struct buf *out)
{
    buf_clear(out);
    return sealer_open(s, str_of(aad), sealed, out);
}

static void test_key_files(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *why;
    } bad[] = {
        {"", "content_key_file has no key.\n"},
        {"\n# only a comment\n", "content_key_file has no key.\n"},
        {KEY_A "\nabc\n", "content_key_file, line 2: a key is 64 hex digits (openssl rand -hex 32).\n"},
        {KEY_A "0", "content_key_file, line 1: a key is 64 hex digits (openssl rand -hex 32).\n"},
        {"x0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
         "content_key_file, line 1: a key is 64 hex digits (openssl rand -hex 32).\n"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf why = BUF_INIT;
        struct sealer *s = NULL;
        assert_int_equal(sealer_new(str_of(bad[i].keys), &s, &why), RC_INVALID);
        assert_null(s);
        assert_true(str_eq(buf_str(&why), str_of(bad[i].why)));
        buf_release(&why);
    }
    struct buf many = BUF_INIT, why = BUF_INIT;
    struct sealer *s = NULL;
    for (int i = 0; i < SEALER_KEYS_MAX; i++) {
        buf_add_z(&many, KEY_A "\r\n");
    }
    assert_int_equal(sealer_new(buf_str(&many), &s, &why), RC_OK);
    sealer_free(s);
    buf_add_z(&many, KEY_A);
    assert_int_equal(sealer_new(buf_str(&many), &s, &why), RC_INVALID);
    buf_release(&many);
    buf_release(&why);
}

static void test_what_is_sealed_opens_at_its_place_only(void **state)
{
    (void)state;
    struct sealer *s = with(KEY_A);
    struct buf sealed = BUF_INIT, again = BUF_INIT, out = BUF_INIT;
    static const char *const texts[] = {"", "x", "Pizza? \xf0\x9f\x8d\x95", "a text that is longer than one block of the cipher"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        buf_clear(&sealed);
        buf_clear(&again);
        sealer_seal(s, STR("place 1"), str_of(texts[i]), &sealed);
        sealer_seal(s, STR("place 1"), str_of(texts[i]), &again);
        assert_true(sealer_is_sealed(buf_str(&sealed)));
        assert_false(sealer_is_sealed(str_of(texts[i])));
        assert_false(str_eq(buf_str(&sealed), buf_str(&again))); /* equal texts do not look equal */
        assert_int_equal(opened(s, "place 1", buf_str(&sealed), &out), RC_OK);
        assert_true(str_eq(buf_str(&out), str_of(texts[i])));
        assert_int_equal(opened(s, "place 2", buf_str(&sealed), &out), RC_INVALID);
        assert_int_equal(out.len, 0);
    }
    buf_release(&sealed);
    buf_release(&again);
    buf_release(&out);
    sealer_free(s);
}

/* Whatever byte is changed, cut off or added: it does not open, and it does not become another text. */
static void test_no_changed_byte_goes_unnoticed(void **state)
{
    (void)state;
    struct sealer *s = with(KEY_A);
    struct buf sealed = BUF_INIT, out = BUF_INIT;
    sealer_seal(s, STR("p"), STR("twelve chars"), &sealed);
    for (size_t i = 0; i < sealed.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            sealed.p[i] = (char)(sealed.p[i] ^ (1 << bit));
            enum rc rc = opened(s, "p", buf_str(&sealed), &out);
            assert_true(rc == RC_INVALID || rc == RC_NOT_FOUND);
            assert_int_equal(out.len, 0);
            sealed.p[i] = (char)(sealed.p[i] ^ (1 << bit));
        }
        assert_int_not_equal(opened(s, "p", (struct str){sealed.p, i}, &out), RC_OK);
    }
    buf_add_z(&sealed, "AAAA");
    assert_int_equal(opened(s, "p", buf_str(&sealed), &out), RC_INVALID);
    buf_release(&sealed);
    buf_release(&out);
    sealer_free(s);
}

static void test_a_new_key_in_front_leaves_the_old_texts_readable(void **state)
{
    (void)state;
    struct sealer *old = with(KEY_A), *new = with("# this year's\n" KEY_B "\n" KEY_A "\n"), *other = with(KEY_B);
    struct buf before = BUF_INIT, now = BUF_INIT, out = BUF_INIT;
    sealer_seal(old, STR("p"), STR("before"), &before);
    sealer_seal(new, STR("p"), STR("now"), &now);
    assert_int_equal(opened(new, "p", buf_str(&before), &out), RC_OK);
    assert_str(buf_str(&out), "before");
    assert_int_equal(opened(other, "p", buf_str(&now), &out), RC_OK);
    assert_int_equal(opened(old, "p", buf_str(&now), &out), RC_NOT_FOUND);
    assert_int_equal(opened(other, "p", buf_str(&before), &out), RC_NOT_FOUND);
    assert_true(str_eq(sealer_id(new), sealer_id(other)));
    assert_true(sealer_has(new, sealer_id(old)));
    assert_false(sealer_has(old, sealer_id(new)));
    buf_release(&before);
    buf_release(&now);
    buf_release(&out);
    sealer_free(old);
    sealer_free(new);
    sealer_free(other);
}

static void test_hashes_are_known_again_under_any_key_and_under_none(void **state)
{
    (void)state;
    struct sealer *old = with(KEY_A), *new = with(KEY_B "\n" KEY_A);
    struct key16 plain, other, kept;
    hash16(STR("Pizza?"), &plain);
    hash16(STR("Pasta!"), &other);
    kept = plain;
    sealer_hash(old, &kept);
    assert_false(key16_eq(&kept, &plain));
    assert_true(sealer_hash_is(old, &kept, &plain));
    assert_true(sealer_hash_is(new, &kept, &plain));
    assert_true(sealer_hash_is(new, &plain, &plain));
    assert_true(sealer_hash_is(NULL, &plain, &plain));
    assert_false(sealer_hash_is(new, &kept, &other));
    assert_false(sealer_hash_is(NULL, &kept, &plain));
    sealer_free(old);
    sealer_free(new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_files),
        cmocka_unit_test(test_what_is_sealed_opens_at_its_place_only),
        cmocka_unit_test(test_no_changed_byte_goes_unnoticed),
        cmocka_unit_test(test_a_new_key_in_front_leaves_the_old_texts_readable),
        cmocka_unit_test(test_hashes_are_known_again_under_any_key_and_under_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
