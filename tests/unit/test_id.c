#include "tests/unit/unit.h"

#include "shared/clock.h"
#include "shared/id.h"

static const enum id_kind kinds[] = {ID_USER,         ID_CHAT,    ID_MESSAGE,
                                     ID_NOTIFICATION, ID_SESSION, ID_UPLOAD, ID_PUSH};
static const uint64_t numbers[] = {1,   2,     9,          10,         35,         36,    255,
                                   256, 65535, 4294967295, 4294967296, ID_MAX - 1, ID_MAX};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef void add_form(struct buf *out, enum id_kind kind, uint64_t n);

static void add_decimal(struct buf *out, enum id_kind kind, uint64_t n)
{
    (void)kind;
    buf_add_u64(out, n);
}

static void add_hex(struct buf *out, enum id_kind kind, uint64_t n)
{
    id_add_hex(out, kind, n, UINT64_C(1705314600999999));
}

static void check_form(add_form *add, bool carries_kind)
{
    for (size_t k = 0; k < COUNT(kinds); k++) {
        for (size_t i = 0; i < COUNT(numbers); i++) {
            struct buf b = BUF_INIT;
            uint64_t n = 0;
            add(&b, kinds[k], numbers[i]);
            assert_int_equal(id_parse(buf_str(&b), kinds[k], &n), RC_OK);
            assert_true(n == numbers[i]);
            n = 5;
            enum id_kind other = kinds[(k + 1) % COUNT(kinds)];
            assert_int_equal(id_parse(buf_str(&b), other, &n), carries_kind ? RC_NOT_FOUND : RC_OK);
            assert_true(n == (carries_kind ? 5 : numbers[i]));
            buf_release(&b);
        }
    }
}

static void test_id_every_form_reads_back_and_knows_its_kind(void **state)
{
    (void)state;
    check_form(add_decimal, false);
    check_form(add_hex, true);
    check_form(id_add_tagged, true);
    check_form(id_add_uuid, true);
}

static void test_id_forms_look_as_documented(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    id_add_hex(&b, ID_CHAT, 77, UINT64_C(1705314600123456));
    assert_str(buf_str(&b), "65a50928020000000000004d");
    buf_clear(&b);
    id_add_hex(&b, ID_USER, ID_MAX, 0);
    assert_str(buf_str(&b), "00000000011fffffffffffff");
    buf_clear(&b);
    id_add_tagged(&b, ID_CHAT, 42);
    buf_add_char(&b, ' ');
    id_add_tagged(&b, ID_USER, 42);
    buf_add_char(&b, ' ');
    id_add_tagged(&b, ID_MESSAGE, 36 * 36 - 1);
    buf_add_char(&b, ' ');
    id_add_tagged(&b, ID_NOTIFICATION, 42);
    assert_str(buf_str(&b), "chat_42 user42 msg_zz ntf_42");
    buf_clear(&b);
    id_add_uuid(&b, ID_NOTIFICATION, ID_MAX);
    assert_str(buf_str(&b), "636f6e66-6162-8004-801f-ffffffffffff");
    buf_release(&b);
}

static void test_id_hex_digits_of_either_case_and_any_time(void **state)
{
    (void)state;
    uint64_t n;
    assert_int_equal(id_parse(STR("FFFFFFFF020000000000ABCD"), ID_CHAT, &n), RC_OK);
    assert_int_equal(n, 0xabcd);
    assert_int_equal(id_parse(STR("636F6E66-6162-8002-8000-00000000ABCD"), ID_CHAT, &n), RC_OK);
    assert_int_equal(n, 0xabcd);
}

static void test_id_refuses_what_is_no_id(void **state)
{
    (void)state;
    const char *bad[] = {
        "",
        "0",
        "00",
        "01",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x1",
        "a",
        "chat_",
        "chat_0",
        "chat_01",
        "chat_-1",
        "chat_1x",
        "chat_ 1",
        "Chat_1",
        "chat1",
        "user",
        "user_1",
        "msg_",
        "msg_0",
        "msg_0a",
        "msg_A",
        "msg_!",
        "msg_1.",
        "_1",
        "9007199254740992",
        "9999999999999999",
        "18446744073709551617",
        "chat_9007199254740992",
        "msg_2gosa7pa2gw",
        "msg_zzzzzzzzzzzzzzz",
        "msg_zzzzzzzzzzzzzzzz",
        "65a50928020000000000004",
        "65a50928020000000000004dd",
        "65a50928020000000000004g",
        "-5a50928020000000000004d",
        "636f6e66-6162-8002-8000-00000000004g",
        "636f6e6606162-8002-8000-00000000004d",
        "636f6e66-6162-8002-8000000000000004dx",
        "636f6e66616280028000000000000000004d",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint64_t n = 99;
        for (size_t k = 0; k < COUNT(kinds); k++) {
            assert_int_equal(id_parse(str_of(bad[i]), kinds[k], &n), RC_INVALID);
        }
        assert_int_equal(n, 99);
    }
    uint64_t n;
    assert_int_equal(id_parse(STR("1\0"), ID_CHAT, &n), RC_INVALID);
    assert_int_equal(id_parse(STR("msg_\0"), ID_MESSAGE, &n), RC_INVALID);
    assert_int_equal(id_parse(STR_NONE, ID_CHAT, &n), RC_INVALID);
}

static void test_id_well_formed_but_not_ours_is_not_found(void **state)
{
    (void)state;
    const char *foreign[] = {
        "507f1f77bcf86cd799439011", /* an ObjectId of somebody else */
        "65a509280200000000000000", /* number 0 */
        "65a509280220000000000000", /* past 2^53-1 */
        "65a5092802ffffffffffffff",
        "f81d4fae-7dec-41d0-a765-00a0c91e6bf6", /* a random UUID */
        "636f6e66-6162-4002-8000-00000000004d", /* version 4 */
        "636f6e66-6162-8002-c000-00000000004d", /* another variant */
        "636f6e66-6162-8102-8000-00000000004d", /* a reserved bit */
        "636f6e66-6163-8002-8000-00000000004d", /* another mark */
        "636f6e66-6162-8002-8000-000000000000", /* number 0 */
        "636f6e66-6162-8002-8020-000000000000", /* past 2^53-1 */
        "00000000-0000-0000-0000-000000000000",
    };
    for (size_t i = 0; i < COUNT(foreign); i++) {
        uint64_t n = 99;
        assert_int_equal(id_parse(str_of(foreign[i]), ID_CHAT, &n), RC_NOT_FOUND);
        assert_int_equal(n, 99);
    }
}

static void too_large(void)
{
    struct buf b = BUF_INIT;
    id_add_hex(&b, ID_CHAT, ID_MAX + 1, 0);
}

static void test_id_number_over_53_bits_is_our_bug(void **state)
{
    (void)state;
    assert_true(aborts(too_large));
}

static void test_key16_uuid_keeps_its_bytes(void **state)
{
    (void)state;
    struct key16 k;
    struct buf b = BUF_INIT;
    assert_true(key16_from_text(STR("f81D4fae-7dec-41d0-a765-00a0c91e6bf6"), &k));
    assert_memory_equal(k.b, "\xf8\x1d\x4f\xae\x7d\xec\x41\xd0\xa7\x65\x00\xa0\xc9\x1e\x6b\xf6",
                        16);
    key16_add_uuid(&b, &k);
    assert_str(buf_str(&b), "f81d4fae-7dec-41d0-a765-00a0c91e6bf6");
    buf_release(&b);
}

static void test_key16_other_text_is_hashed(void **state)
{
    (void)state;
    struct key16 a, b;
    /* BLAKE2b-128("abc"), computed elsewhere */
    assert_true(key16_from_text(STR("abc"), &a));
    assert_memory_equal(a.b, "\xcf\x4a\xb7\x91\xc6\x2b\x8d\x2b\x21\x09\xc9\x02\x75\x28\x78\x16",
                        16);
    assert_true(key16_from_text(STR("abd"), &b));
    assert_false(key16_eq(&a, &b));
    assert_true(key16_from_text(STR("g81d4fae-7dec-41d0-a765-00a0c91e6bf6"), &b));
    assert_true(key16_from_text(STR("f81d4fae07dec-41d0-a765-00a0c91e6bf6"), &a));
    assert_false(key16_eq(&a, &b));
}

static void test_key16_text_has_bounds(void **state)
{
    (void)state;
    char text[ID_KEY_TEXT_MAX + 1];
    memset(text, 'k', sizeof(text));
    struct key16 k = {{7}};
    assert_false(key16_from_text(STR_NONE, &k));
    assert_false(key16_from_text((struct str){text, ID_KEY_TEXT_MAX + 1}, &k));
    assert_int_equal(k.b[0], 7);
    assert_true(key16_from_text((struct str){text, ID_KEY_TEXT_MAX}, &k));
    assert_true(key16_from_text((struct str){text, 1}, &k));
}

static void test_key16_new_is_a_uuid_of_now(void **state)
{
    (void)state;
    uint64_t before = wall_us() / 1000;
    struct key16 last = {{0}};
    for (int i = 0; i < 1000; i++) {
        struct key16 k;
        key16_new(&k);
        uint64_t ms = 0;
        for (int j = 0; j < 6; j++) {
            ms = ms << 8 | k.b[j];
        }
        assert_in_range(ms, before, wall_us() / 1000);
        assert_int_equal(k.b[6] >> 4, 7);
        assert_int_equal(k.b[8] >> 6, 2);
        assert_true(memcmp(last.b, k.b, 8) <= 0); /* in order down to a quarter of a microsecond */
        assert_false(key16_eq(&k, &last));
        last = k;
    }
}

static void test_random_bytes_differ(void **state)
{
    (void)state;
    assert_true(random_u64() != random_u64());
    unsigned char big[1000] = {0};
    random_bytes(big, sizeof(big));
    unsigned zeros = 0;
    for (size_t i = 0; i < sizeof(big); i++) {
        zeros += big[i] == 0;
    }
    assert_true(zeros < 50);
    random_bytes(NULL, 0);
}

static void test_base64url_known_texts(void **state)
{
    (void)state;
    const struct {
        const char *plain, *text;
    } rows[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b = BUF_INIT;
        base64url_add(&b, rows[i].plain, strlen(rows[i].plain));
        assert_string_equal(buf_str(&b).p, rows[i].text);
        buf_clear(&b);
        assert_true(base64url_decode(str_of(rows[i].text), &b));
        assert_string_equal(buf_str(&b).p, rows[i].plain);
        buf_release(&b);
    }
}

static void test_base64url_every_length_reads_back(void **state)
{
    (void)state;
    unsigned char bytes[70];
    random_bytes(bytes, sizeof(bytes));
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        struct buf text = BUF_INIT, back = BUF_INIT;
        buf_add_z(&back, "x");
        base64url_add(&text, bytes, n);
        assert_true(base64url_decode(buf_str(&text), &back));
        assert_int_equal(back.len, n + 1);
        assert_memory_equal(back.p + 1, bytes, n);
        buf_release(&text);
        buf_release(&back);
    }
}

static void test_base64url_refuses_other_texts(void **state)
{
    (void)state;
    const char *bad[] = {"A",   "AAAAA", "Zg==", "Zm9v=", "Zh",      "Zm9",       "Z+8",
                         "Z/8", "Zg\n",  " Zg",  "Z g",   "Zm9v Zg", "\xc3\xa9zz"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct buf b = BUF_INIT;
        buf_add_z(&b, "kept");
        assert_false(base64url_decode(str_of(bad[i]), &b));
        assert_str(buf_str(&b), "kept");
        buf_release(&b);
    }
    struct buf small = BUF_INIT_MAX(2);
    assert_false(base64url_decode(STR("Zm9v"), &small));
    buf_release(&small);
}

static void test_random_uuids_have_version_4_and_come_back(void **state)
{
    (void)state;
    struct key16 a, b, back;
    key16_new_random(&a);
    key16_new_random(&b);
    assert_false(key16_eq(&a, &b));
    assert_false(key16_eq_secret(&a, &b));
    struct buf text = BUF_INIT;
    key16_add_uuid(&text, &a);
    assert_int_equal(text.p[14], '4');
    assert_non_null(strchr("89ab", text.p[19]));
    assert_true(key16_from_uuid(buf_str(&text), &back));
    assert_true(key16_eq_secret(&a, &back));
    assert_false(key16_from_uuid(STR("chat_1"), &back));
    assert_false(key16_from_uuid(STR_NONE, &back));
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id_every_form_reads_back_and_knows_its_kind),
        cmocka_unit_test(test_id_forms_look_as_documented),
        cmocka_unit_test(test_id_hex_digits_of_either_case_and_any_time),
        cmocka_unit_test(test_id_refuses_what_is_no_id),
        cmocka_unit_test(test_id_well_formed_but_not_ours_is_not_found),
        cmocka_unit_test(test_id_number_over_53_bits_is_our_bug),
        cmocka_unit_test(test_key16_uuid_keeps_its_bytes),
        cmocka_unit_test(test_key16_other_text_is_hashed),
        cmocka_unit_test(test_key16_text_has_bounds),
        cmocka_unit_test(test_key16_new_is_a_uuid_of_now),
        cmocka_unit_test(test_random_bytes_differ),
        cmocka_unit_test(test_base64url_known_texts),
        cmocka_unit_test(test_base64url_every_length_reads_back),
        cmocka_unit_test(test_base64url_refuses_other_texts),
        cmocka_unit_test(test_random_uuids_have_version_4_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
