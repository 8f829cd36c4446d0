#include "tests/unit/unit.h"

#include "shared/buf.h"

static void test_buf_starts_empty_and_readable(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_true(buf_ok(&b));
    assert_string_equal(buf_str(&b).p, "");
    assert_int_equal(buf_str(&b).len, 0);
    buf_release(&b);
}

static void test_buf_appends_every_kind(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_add(&b, "ab", 2);
    buf_add_str(&b, STR("c"));
    buf_add_str(&b, STR_NONE);
    buf_add_z(&b, "-");
    buf_add_char(&b, 'd');
    buf_add_u64(&b, UINT64_MAX);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, INT64_MIN);
    buf_add_i64(&b, 0);
    buf_addf(&b, "[%s %d]", "x", 5);
    assert_str(buf_str(&b), "abc-d18446744073709551615 -92233720368547758080[x 5]");
    assert_int_equal(b.p[b.len], '\0');
    buf_release(&b);
    assert_null(b.p);
    buf_release(&b);
}

static void test_buf_grows_over_many_appends(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 100000; i++) {
        buf_addf(&b, "%d,", i % 10);
    }
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 200000);
    for (size_t i = 0; i < b.len; i += 2) {
        assert_int_equal(b.p[i], '0' + (int)(i / 2 % 10));
    }
    buf_release(&b);
}

static void test_buf_formats_text_of_any_length_around_its_room(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'x', sizeof(text));
    for (int n = 0; n < (int)sizeof(text); n++) {
        struct buf b = BUF_INIT;
        buf_add_char(&b, 'a');
        buf_addf(&b, "%.*s", n, text);
        assert_true(buf_ok(&b));
        assert_int_equal(b.len, n + 1);
        assert_int_equal(strlen(b.p), n + 1);
        buf_release(&b);
    }
}

static void test_buf_cap_is_exact(void **state)
{
    (void)state;
    struct buf b = BUF_INIT_MAX(5);
    buf_add_z(&b, "12345");
    assert_true(buf_ok(&b));
    assert_str(buf_str(&b), "12345");
    buf_add_char(&b, '6');
    assert_false(buf_ok(&b));
    assert_str(buf_str(&b), "12345");
    buf_release(&b);
}

static void test_buf_after_a_failure_drops_everything_until_clear(void **state)
{
    (void)state;
    struct buf b = BUF_INIT_MAX(5);
    buf_add_z(&b, "123");
    buf_addf(&b, "%s", "too long");
    assert_false(buf_ok(&b));
    assert_string_equal(b.p, "123");
    buf_add_char(&b, '4');
    buf_addf(&b, "%d", 4);
    buf_add_be32(&b, 1);
    assert_null(buf_reserve(&b, 1));
    assert_str(buf_str(&b), "123");
    buf_clear(&b);
    assert_true(buf_ok(&b));
    buf_add_z(&b, "12345");
    assert_true(buf_ok(&b));
    buf_release(&b);
}

static void test_buf_number_over_the_cap_adds_nothing(void **state)
{
    (void)state;
    struct buf b = BUF_INIT_MAX(3);
    buf_add_i64(&b, -12);
    assert_true(buf_ok(&b));
    buf_clear(&b);
    buf_add_i64(&b, -123);
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 0);
    buf_release(&b);
}

static void test_buf_has_a_default_cap(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_null(buf_reserve(&b, BUF_DEFAULT_MAX_BYTES + 1));
    assert_false(buf_ok(&b));
    buf_clear(&b);
    assert_null(buf_reserve(&b, SIZE_MAX));
    buf_release(&b);
}

static void test_buf_reserve_and_commit(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_add_z(&b, "ab");
    char *to = buf_reserve(&b, 1000);
    assert_non_null(to);
    memset(to, 'x', 1000);
    buf_commit(&b, 3);
    assert_str(buf_str(&b), "abxxx");
    assert_int_equal(b.p[5], '\0');
    buf_commit(&b, 0);
    buf_commit(&b, b.room - b.len);
    assert_int_equal(b.len, b.room);
    assert_int_equal(b.p[b.len], '\0');
    buf_release(&b);
}

static void commit_too_much(void)
{
    struct buf b = BUF_INIT;
    buf_add_z(&b, "a");
    buf_commit(&b, b.room);
}

static void consume_too_much(void)
{
    struct buf b = BUF_INIT;
    buf_add_z(&b, "a");
    buf_consume(&b, 2);
}

static void test_buf_misuse_aborts(void **state)
{
    (void)state;
    assert_true(aborts(commit_too_much));
    assert_true(aborts(consume_too_much));
}

static void test_buf_consume_and_truncate(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_consume(&b, 0);
    buf_truncate(&b, 0);
    buf_add_z(&b, "abcdef");
    buf_consume(&b, 2);
    assert_str(buf_str(&b), "cdef");
    assert_int_equal(b.p[4], '\0');
    buf_truncate(&b, 9);
    assert_str(buf_str(&b), "cdef");
    buf_truncate(&b, 1);
    assert_string_equal(b.p, "c");
    buf_consume(&b, 1);
    assert_string_equal(b.p, "");
    buf_release(&b);
}

static void test_buf_detach_hands_over_the_block(void **state)
{
    (void)state;
    struct buf b = BUF_INIT_MAX(100);
    buf_add(&b, "a\0b", 3);
    size_t len = 0;
    char *p = buf_detach(&b, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(p, "a\0b", 4);
    assert_null(b.p);
    assert_int_equal(b.max_bytes, 100);
    free(p);
    p = buf_detach(&b, NULL);
    assert_string_equal(p, "");
    free(p);
}

static void test_buf_big_endian(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_add_be8(&b, 0x01);
    buf_add_be16(&b, 0x0203);
    buf_add_be32(&b, 0x04050607);
    buf_add_be64(&b, 0x08090a0b0c0d0e0f);
    assert_str(buf_str(&b), "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_starts_empty_and_readable),
        cmocka_unit_test(test_buf_appends_every_kind),
        cmocka_unit_test(test_buf_grows_over_many_appends),
        cmocka_unit_test(test_buf_formats_text_of_any_length_around_its_room),
        cmocka_unit_test(test_buf_cap_is_exact),
        cmocka_unit_test(test_buf_after_a_failure_drops_everything_until_clear),
        cmocka_unit_test(test_buf_number_over_the_cap_adds_nothing),
        cmocka_unit_test(test_buf_has_a_default_cap),
        cmocka_unit_test(test_buf_reserve_and_commit),
        cmocka_unit_test(test_buf_misuse_aborts),
        cmocka_unit_test(test_buf_consume_and_truncate),
        cmocka_unit_test(test_buf_detach_hands_over_the_block),
        cmocka_unit_test(test_buf_big_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
