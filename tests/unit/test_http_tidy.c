/* Whether the library's pieces of a head stand one behind the other. The heads are cut here as version 0.9.75 does it. */
#include "tests/unit/unit.h"

#include "rest/http_tidy.h"

#define TAIL "\0\0\0\0" /* CRLF CRLF, cut off */

static void test_a_sound_head_has_no_gaps(void **state)
{
    static const char head[] = "GET\0/a?b\0HTTP/1.1\0\0Host\0 h\0\0X-Empty\0" TAIL;
    struct http_tidy t;

    (void)state;
    http_tidy_begin(&t, head, head + 4, 4, head + 9);
    http_tidy_header(&t, head + 19, head + 25);
    http_tidy_header(&t, head + 28, head + 36);
    assert_true(http_tidy_end(&t, sizeof(head) - 1));
}

static void test_without_headers(void **state)
{
    static const char head[] = "GET\0/\0HTTP/1.0" TAIL;
    struct http_tidy t;

    (void)state;
    http_tidy_begin(&t, head, head + 4, 1, head + 6);
    assert_true(http_tidy_end(&t, sizeof(head) - 1));
    assert_false(http_tidy_end(&t, sizeof(head)));
}

static void test_repairs_leave_gaps(void **state)
{
    static const char nul_in_path[] = "GET\0/a\0b\0HTTP/1.1" TAIL;
    static const char bare_lf[] = "GET\0/\0HTTP/1.1\0\0A\0b\0C\0d" TAIL;
    static const char nul_in_value[] = "GET\0/\0HTTP/1.1\0\0A\0b\0b\0\0C\0d" TAIL;
    static const char two_spaces[] = "GET\0/\0 HTTP/1.1" TAIL;
    static const char elsewhere[] = "A folded";
    struct http_tidy t;

    (void)state;
    http_tidy_begin(&t, nul_in_path, nul_in_path + 4, 2, nul_in_path + 9);
    assert_false(http_tidy_end(&t, sizeof(nul_in_path) - 1));

    http_tidy_begin(&t, bare_lf, bare_lf + 4, 1, bare_lf + 6);
    http_tidy_header(&t, bare_lf + 16, bare_lf + 18);
    http_tidy_header(&t, bare_lf + 20, bare_lf + 22);
    assert_false(http_tidy_end(&t, sizeof(bare_lf) - 1));

    http_tidy_begin(&t, nul_in_value, nul_in_value + 4, 1, nul_in_value + 6);
    http_tidy_header(&t, nul_in_value + 16, nul_in_value + 18);
    http_tidy_header(&t, nul_in_value + 23, nul_in_value + 25);
    assert_false(http_tidy_end(&t, sizeof(nul_in_value) - 1));

    http_tidy_begin(&t, two_spaces, two_spaces + 4, 1, two_spaces + 7);
    assert_false(http_tidy_end(&t, sizeof(two_spaces) - 1));

    http_tidy_begin(&t, bare_lf, bare_lf + 4, 1, bare_lf + 6);
    http_tidy_header(&t, elsewhere, bare_lf + 18);
    assert_false(http_tidy_end(&t, sizeof(bare_lf) - 1));
    http_tidy_begin(&t, bare_lf, bare_lf + 4, 1, bare_lf + 6);
    http_tidy_header(&t, bare_lf + 16, NULL);
    assert_false(http_tidy_end(&t, sizeof(bare_lf) - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sound_head_has_no_gaps),
        cmocka_unit_test(test_without_headers),
        cmocka_unit_test(test_repairs_leave_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
