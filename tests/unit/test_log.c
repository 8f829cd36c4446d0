#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "shared/log.h"

/* Standard error goes into a pipe while a test looks at it. */
static int read_end = -1, saved_stderr = -1;
static char captured[16384];

static void capture_start(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    read_end = ends[0];
}

static const char *capture_stop(void)
{
    dup2(saved_stderr, STDERR_FILENO); /* also closes the pipe's last writer */
    close(saved_stderr);
    size_t len = 0;
    ssize_t got;
    while ((got = read(read_end, captured + len, sizeof(captured) - 1 - len)) > 0) {
        len += (size_t)got;
    }
    captured[len] = '\0';
    close(read_end);
    return captured;
}

static void test_log_line_has_its_form(void **state)
{
    (void)state;
    log_init("rest", LOG_LEVEL_INFO);
    capture_start();
    log_info("ready", "listeners=%d name=%s", 3, log_esc(STR("x")));
    const char *line = capture_stop();
    int at = 0, pid = 0;
    char z = 0;
    int n =
        sscanf(line, "%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3d%c info rest[%d] ready %n", &z, &pid, &at);
    assert_int_equal(n, 2);
    assert_int_equal(z, 'Z');
    assert_int_equal(pid, getpid());
    assert_string_equal(line + at, "listeners=3 name=\"x\"\n");
}

static void test_log_levels_filter(void **state)
{
    (void)state;
    log_init("rest", LOG_LEVEL_WARN);
    capture_start();
    log_info("info", "x=1");
    log_debug("debug", "x=1");
    log_warn("warning", "x=1");
    log_err("error", "x=1");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("detail", "x=1");
    const char *text = capture_stop();
    assert_null(strstr(text, " info "));
    assert_non_null(strstr(text, " warn rest["));
    assert_non_null(strstr(text, " err rest["));
    assert_non_null(strstr(text, "] detail x=1\n"));
    assert_null(strstr(text, "] debug x=1\n"));
}

static void test_log_keeps_errno_and_the_line_one_line(void **state)
{
    (void)state;
    log_init("ws0", LOG_LEVEL_INFO);
    capture_start();
    errno = ENOENT;
    log_warn("odd", "%s", "two\nlines\x1b[0m\r");
    assert_int_equal(errno, ENOENT);
    const char *line = capture_stop();
    assert_non_null(strstr(line, "] odd two?lines?[0m?\n"));
    assert_ptr_equal(strchr(line, '\n') + 1, line + strlen(line));
}

static void test_log_long_line_is_cut_and_ends(void **state)
{
    (void)state;
    char text[9000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    capture_start();
    log_info("long", "%s", text);
    const char *line = capture_stop();
    assert_true(strlen(line) <= 4096);
    assert_int_equal(line[strlen(line) - 1], '\n');
}

static void test_log_long_process_name_is_cut(void **state)
{
    (void)state;
    log_init("0123456789012345678901234567890123456789", LOG_LEVEL_INFO);
    capture_start();
    log_info("x", "%s", "");
    const char *line = capture_stop();
    assert_non_null(strstr(line, " 0123456789012345678901234567890["));
    assert_non_null(strstr(line, "] x\n"));
    log_init("test", LOG_LEVEL_INFO);
}

static void test_log_limited_warns_once_a_second(void **state)
{
    (void)state;
    capture_start();
    for (int i = 0; i < 1000; i++) {
        log_warn_limited("flood", "i=%d", i);
    }
    const char *text = capture_stop();
    const char *first = strstr(text, " flood i=0\n");
    assert_non_null(first);
    /* The loop takes far less than a second; a stalled machine may show a second line, not a tenth.
     */
    int lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++) {
        lines++;
    }
    assert_in_range(lines, 1, 5);
}

static void test_log_allow_counts_a_second(void **state)
{
    (void)state;
    unsigned long long mark = 0;
    assert_true(log_allow(&mark));
    assert_false(log_allow(&mark));
    mark -= mark > 1000 ? 1000 : 0;
    assert_true(log_allow(&mark) || mark <= 1000);
}

static void test_log_esc_makes_printable_text(void **state)
{
    (void)state;
    assert_string_equal(log_esc(STR("")), "\"\"");
    assert_string_equal(log_esc(STR("a \"b\" \\")), "\"a \\\"b\\\" \\\\\"");
    assert_string_equal(log_esc(STR("\n\x1b\xc3\xa9\0z")), "\"\\x0a\\x1b\\xc3\\xa9\\x00z\"");
}

static void test_log_esc_cuts_and_never_in_an_escape(void **state)
{
    (void)state;
    char text[200];
    for (size_t n = 110; n < sizeof(text); n++) {
        memset(text, 'x', n);
        text[n - 1] = '\n';
        const char *shown = log_esc((struct str){text, n});
        assert_true(strlen(shown) <= 120 + 5);
        assert_int_equal(shown[strlen(shown) - 1], '"');
        bool whole = n - 1 + 4 <= 120;
        assert_string_equal(shown + strlen(shown) - 4, whole ? "x0a\"" : "...\"");
    }
}

static void test_log_esc_eight_results_live_at_once(void **state)
{
    (void)state;
    const char *shown[8];
    char text[1];
    for (int i = 0; i < 8; i++) {
        text[0] = (char)('a' + i);
        shown[i] = log_esc((struct str){text, 1});
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(shown[i][1], 'a' + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_line_has_its_form),
        cmocka_unit_test(test_log_levels_filter),
        cmocka_unit_test(test_log_keeps_errno_and_the_line_one_line),
        cmocka_unit_test(test_log_long_line_is_cut_and_ends),
        cmocka_unit_test(test_log_long_process_name_is_cut),
        cmocka_unit_test(test_log_limited_warns_once_a_second),
        cmocka_unit_test(test_log_allow_counts_a_second),
        cmocka_unit_test(test_log_esc_makes_printable_text),
        cmocka_unit_test(test_log_esc_cuts_and_never_in_an_escape),
        cmocka_unit_test(test_log_esc_eight_results_live_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
