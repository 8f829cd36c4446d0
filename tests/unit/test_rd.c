#include "tests/unit/unit.h"

#include "shared/buf.h"
#include "shared/rd.h"

static void test_rd_reads_what_buf_wrote(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_add_be8(&b, 200);
    buf_add_be16(&b, 60000);
    buf_add_be32(&b, 4000000000U);
    buf_add_be64(&b, UINT64_MAX - 1);
    buf_add_be16(&b, 3);
    buf_add_z(&b, "abc");
    buf_add_be32(&b, 2);
    buf_add_z(&b, "de");
    buf_add_z(&b, "rest");
    struct rd r = rd_of(b.p, b.len);
    assert_int_equal(rd_be8(&r), 200);
    assert_int_equal(rd_be16(&r), 60000);
    assert_int_equal(rd_be32(&r), 4000000000U);
    assert_true(rd_be64(&r) == UINT64_MAX - 1);
    assert_str(rd_str16(&r), "abc");
    assert_str(rd_str32(&r), "de");
    assert_false(rd_end(&r));
    assert_str(rd_bytes(&r, 4), "rest");
    assert_true(rd_end(&r));
    buf_release(&b);
}

static void test_rd_every_short_field_is_bad_and_zero(void **state)
{
    (void)state;
    const unsigned char bytes[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    struct rd r = rd_of(bytes, 0);
    assert_int_equal(rd_be8(&r), 0);
    assert_true(r.bad);
    r = rd_of(bytes, 1);
    assert_int_equal(rd_be16(&r), 0);
    assert_true(r.bad);
    r = rd_of(bytes, 3);
    assert_int_equal(rd_be32(&r), 0);
    assert_true(r.bad);
    r = rd_of(bytes, 7);
    assert_int_equal(rd_be64(&r), 0);
    assert_true(r.bad);
    r = rd_of(bytes, 3);
    assert_int_equal(rd_bytes(&r, 4).len, 0);
    assert_true(r.bad);
}

static void test_rd_stays_bad(void **state)
{
    (void)state;
    struct rd r = rd_of("\x01\x02", 2);
    assert_int_equal(rd_be32(&r), 0);
    assert_int_equal(rd_be8(&r), 0);
    assert_int_equal(rd_bytes(&r, 1).len, 0);
    assert_false(rd_end(&r));
}

static void test_rd_length_longer_than_the_rest_is_bad(void **state)
{
    (void)state;
    struct rd r = rd_of("\x00\x05"
                        "abcd",
                        6);
    assert_int_equal(rd_str16(&r).len, 0);
    assert_true(r.bad);
    r = rd_of("\xff\xff\xff\xff"
              "abcd",
              8);
    assert_int_equal(rd_str32(&r).len, 0);
    assert_true(r.bad);
    r = rd_of("\x00", 1);
    assert_int_equal(rd_str16(&r).len, 0);
    assert_true(r.bad);
}

static void test_rd_empty_fields_have_an_address(void **state)
{
    (void)state;
    struct rd r = rd_of(NULL, 0);
    struct str s = rd_bytes(&r, 0);
    assert_non_null(s.p);
    assert_int_equal(s.len, 0);
    assert_true(rd_end(&r));
    r = rd_of("\x00\x00", 2);
    assert_non_null(rd_str16(&r).p);
    assert_true(rd_end(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rd_reads_what_buf_wrote),
        cmocka_unit_test(test_rd_every_short_field_is_bad_and_zero),
        cmocka_unit_test(test_rd_stays_bad),
        cmocka_unit_test(test_rd_length_longer_than_the_rest_is_bad),
        cmocka_unit_test(test_rd_empty_fields_have_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
