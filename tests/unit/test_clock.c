#include "tests/unit/unit.h"

#include <time.h>

#include "shared/clock.h"

static void test_clock_formats_the_three_precisions(void **state)
{
    (void)state;
    const uint64_t us = UINT64_C(1705314600123456); /* 2024-01-15 */
    struct buf b = BUF_INIT;
    clock_add_rfc3339(&b, us, CLOCK_SECONDS);
    buf_add_char(&b, ' ');
    clock_add_rfc3339(&b, us, CLOCK_MILLIS);
    buf_add_char(&b, ' ');
    clock_add_rfc3339(&b, us, CLOCK_MICROS);
    assert_str(buf_str(&b),
               "2024-01-15T10:30:00Z 2024-01-15T10:30:00.123Z 2024-01-15T10:30:00.123456Z");
    buf_release(&b);
}

static void test_clock_knows_the_edges(void **state)
{
    (void)state;
    const struct {
        uint64_t s;
        const char *text;
    } edges[] = {
        {0, "1970-01-01T00:00:00Z"},
        {951782399, "2000-02-28T23:59:59Z"},
        {951782400, "2000-02-29T00:00:00Z"},
        {951868800, "2000-03-01T00:00:00Z"},
        {4107542399, "2100-02-28T23:59:59Z"},
        {4107542400, "2100-03-01T00:00:00Z"},
        {253402300799, "9999-12-31T23:59:59Z"},
        {253402300800, "9999-12-31T23:59:59Z"},
        {UINT64_MAX / 1000000, "9999-12-31T23:59:59Z"},
    };
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        struct buf b = BUF_INIT;
        clock_add_rfc3339(&b, edges[i].s * 1000000, CLOCK_SECONDS);
        assert_string_equal(b.p, edges[i].text);
        buf_release(&b);
    }
}

/* Every day for 800 years, and an odd second of it, as libc sees them. */
static void test_clock_agrees_with_gmtime(void **state)
{
    (void)state;
    for (uint64_t day = 0; day < (uint64_t)146097 * 2; day++) {
        time_t s = (time_t)(day * 86400 + day * 7919 % 86400);
        struct tm tm;
        char want[64];
        strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&s, &tm));
        char room[64];
        struct buf b = {room, 0, sizeof(room) - 1, sizeof(room) - 1, false};
        clock_add_rfc3339(&b, (uint64_t)s * 1000000, CLOCK_SECONDS);
        assert_string_equal(room, want);
    }
}

static void test_clock_readings_are_plausible(void **state)
{
    (void)state;
    uint64_t before = mono_us();
    assert_true(mono_us() >= before);
    assert_true(mono_ms() >= before / 1000);
    assert_true(wall_s() > UINT64_C(1700000000));
    assert_true(wall_us() / 1000000 >= (uint64_t)time(NULL) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_formats_the_three_precisions),
        cmocka_unit_test(test_clock_knows_the_edges),
        cmocka_unit_test(test_clock_agrees_with_gmtime),
        cmocka_unit_test(test_clock_readings_are_plausible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
