#include "tests/unit/unit.h"

#include "shared/cursor.h"

static void test_a_cursor_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const struct {
        uint32_t log;
        uint64_t event;
        const char *text;
    } all[] = {{0, 0, "00000000.0"},
               {0xabcd1234, 57, "abcd1234.57"},
               {0xffffffff, UINT64_MAX, "ffffffff.18446744073709551615"}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct buf out = BUF_INIT;
        uint32_t log = 1;
        uint64_t event = 1;
        cursor_add(&out, all[i].log, all[i].event);
        assert_true(str_eq(buf_str(&out), str_of(all[i].text)));
        assert_true(cursor_read(buf_str(&out), &log, &event));
        assert_int_equal(log, all[i].log);
        assert_int_equal(event, all[i].event);
        buf_release(&out);
    }
}

static void test_anything_else_is_no_cursor(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", ".", "1", "00000000", "00000000.", ".1", "0000000.1", "000000000.1", "ABCDEF01.1", "0000000g.1",
        "00000000.1.", "00000000.-1", "00000000.+1", "00000000. 1", "00000000.1x", "00000000.18446744073709551616",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint32_t log = 7;
        uint64_t event = 8;
        assert_false(cursor_read(str_of(bad[i]), &log, &event));
        assert_int_equal(log, 7);
        assert_int_equal(event, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cursor_is_read_as_it_was_written),
        cmocka_unit_test(test_anything_else_is_no_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
