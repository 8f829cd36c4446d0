#include "tests/unit/unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "shared/conf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct {
    bool flag;
    uint64_t number, any, wait_ms, pause_ms, size;
    char *name, *path, *secret;
    int mode;
} conf;

static const struct conf_key keys[] = {
    {"flag", CONF_BOOL, &conf.flag, "yes", 0, 0, NULL, 0, "a flag"},
    {"number", CONF_U64, &conf.number, "5", 1, 9, NULL, CONF_RELOADABLE, "a small number"},
    {"any", CONF_U64, &conf.any, "0", 0, 0, NULL, 0, "any number"},
    {"wait_ms", CONF_MS, &conf.wait_ms, "90s", 100, 86400000, NULL, 0, "a time"},
    {"pause_ms", CONF_MS, &conf.pause_ms, "0", 0, 0, NULL, 0, "a time, or none"},
    {"size", CONF_BYTES, &conf.size, "64k", 0, UINT64_C(1) << 40, NULL, 0, "a size"},
    {"name", CONF_STRING, &conf.name, "a b, c", 2, 10, NULL, 0, "a name"},
    {"path", CONF_STRING, &conf.path, "", 0, 0, NULL, 0, "a path"},
    {"secret", CONF_STRING, &conf.secret, NULL, 0, 0, NULL, CONF_SECRET, "a secret"},
    {"mode", CONF_ENUM, &conf.mode, "warn", 0, 0, "off|warn|required", CONF_RELOADABLE, "a mode"},
};

static int setup(void **state)
{
    (void)state;
    conf_defaults(keys, COUNT(keys));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    conf_release(keys, COUNT(keys));
    return 0;
}

static enum rc parse(const char *text, struct buf *why)
{
    return conf_parse(keys, COUNT(keys), "f", str_of(text), why);
}

static void assert_parses(const char *text)
{
    struct buf why = BUF_INIT;
    if (parse(text, &why) != RC_OK) {
        fail_msg("%s", buf_str(&why).p);
    }
    assert_int_equal(why.len, 0);
    buf_release(&why);
}

static void assert_refused(const char *text, const char *sentence)
{
    struct buf why = BUF_INIT;
    assert_int_equal(parse(text, &why), RC_INVALID);
    assert_string_equal(buf_str(&why).p, sentence);
    buf_release(&why);
}

/* ---------------------------------------------------------------- reading */

static void test_conf_defaults(void **state)
{
    (void)state;
    assert_true(conf.flag);
    assert_int_equal(conf.number, 5);
    assert_int_equal(conf.wait_ms, 90000);
    assert_int_equal(conf.pause_ms, 0);
    assert_int_equal(conf.size, 65536);
    assert_string_equal(conf.name, "a b, c");
    assert_string_equal(conf.path, "");
    assert_string_equal(conf.secret, "");
    assert_int_equal(conf.mode, 1);
}

static void test_conf_reads_lines_comments_and_blanks(void **state)
{
    (void)state;
    assert_parses("# a comment = with an equals sign\n"
                  "\n"
                  "  \t \n"
                  "flag=no\r\n"
                  "\tnumber =\t7 # said why\n"
                  "name = x#y #z\n"
                  "path = a = b\n"
                  "   # indented\n"
                  "mode = required");
    assert_false(conf.flag);
    assert_int_equal(conf.number, 7);
    assert_string_equal(conf.name, "x#y");
    assert_string_equal(conf.path, "a = b");
    assert_int_equal(conf.mode, 2);
    assert_int_equal(conf.wait_ms, 90000);
    assert_parses("");
    assert_parses("number = 1\nnumber = 2\n");
    assert_int_equal(conf.number, 2);
}

static void test_conf_quoted_strings(void **state)
{
    (void)state;
    assert_parses("path = \"  # \\\"x\\\\ \" # a comment\n");
    assert_string_equal(conf.path, "  # \"x\\ ");
    assert_parses("path = \"\"");
    assert_string_equal(conf.path, "");
    assert_parses("path = a\"b");
    assert_string_equal(conf.path, "a\"b");
    assert_parses("path = #nothing");
    assert_string_equal(conf.path, "");
    assert_parses("path =");
    assert_parses("number = \"3\"");
    assert_int_equal(conf.number, 3);
    const char *bad[] = {"path = \"",      "path = \"a",     "path = \"a\\\"",
                         "path = \"a\" b", "path = \"\\n\"", "path = \"\\"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_refused(bad[i], "f:1: the quotes are not closed, or more follows them.\n");
    }
}

static void test_conf_booleans(void **state)
{
    (void)state;
    const char *words[] = {"no", "yes", "off", "on", "false", "true", "NO", "Yes"};
    for (size_t i = 0; i < COUNT(words); i++) {
        char line[32];
        snprintf(line, sizeof(line), "flag = %s", words[i]);
        conf.flag = i % 2 == 0;
        assert_parses(line);
        assert_int_equal(conf.flag, i % 2 == 1);
    }
    assert_refused("flag = 1", "f:1: flag cannot be \"1\"; it must be yes or no.\n");
    assert_refused("flag =", "f:1: flag cannot be \"\"; it must be yes or no.\n");
}

static void test_conf_units(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint64_t ms;
    } times[] = {{"100ms", 100},   {"1s", 1000},     {"2m", 120000}, {"3h", 10800000},
                 {"1d", 86400000}, {"1D", 86400000}, {"007s", 7000}};
    for (size_t i = 0; i < COUNT(times); i++) {
        char line[32];
        snprintf(line, sizeof(line), "wait_ms = %s", times[i].text);
        assert_parses(line);
        assert_int_equal(conf.wait_ms, times[i].ms);
    }
    const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {{"0", 0},    {"1", 1}, {"1k", 1024}, {"3m", 3145728}, {"2g", UINT64_C(2147483648)},
                 {"1K", 1024}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char line[32];
        snprintf(line, sizeof(line), "size = %s", sizes[i].text);
        assert_parses(line);
        assert_true(conf.size == sizes[i].bytes);
    }
    assert_parses("pause_ms = 1ms");
    assert_parses("pause_ms = 0");
    assert_int_equal(conf.pause_ms, 0);
    assert_refused("pause_ms = 7",
                   "f:1: pause_ms cannot be \"7\"; it must be a number with a unit.\n");
    assert_refused("pause_ms = 0x",
                   "f:1: pause_ms cannot be \"0x\"; it must be a number with a unit.\n");
    assert_parses("any = 18446744073709551615");
    assert_true(conf.any == UINT64_MAX);
}

static void test_conf_bad_numbers(void **state)
{
    (void)state;
    const char *bad[] = {"number = ",
                         "number = x",
                         "number = -1",
                         "number = +1",
                         "number = 1.5",
                         "number = 1k",
                         "number = 0x1",
                         "number = 1 2",
                         "any = 18446744073709551616",
                         "wait_ms = 5",
                         "wait_ms = 5 s",
                         "wait_ms = s",
                         "wait_ms = 5x",
                         "wait_ms = 5k",
                         "wait_ms = 99999999999999999999d",
                         "wait_ms = 999999999999999999d",
                         "size = 1s",
                         "size = 1kb",
                         "size = -1k",
                         "size = 18446744073709551615k",
                         "size = 1.5m"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct buf why = BUF_INIT;
        assert_int_equal(parse(bad[i], &why), RC_INVALID);
        assert_true(why.len > 0);
        buf_release(&why);
    }
    assert_int_equal(conf.number, 5);
    assert_int_equal(conf.wait_ms, 90000);
    assert_int_equal(conf.size, 65536);
}

static void test_conf_bounds_are_exact(void **state)
{
    (void)state;
    assert_parses("number = 1");
    assert_parses("number = 9");
    assert_refused("number = 0", "f:1: number cannot be \"0\"; it must be 1 to 9.\n");
    assert_refused("number = 10", "f:1: number cannot be \"10\"; it must be 1 to 9.\n");
    assert_parses("wait_ms = 100ms");
    assert_parses("wait_ms = 1d");
    assert_refused("wait_ms = 99ms", "f:1: wait_ms cannot be \"99ms\"; it must be 100ms to 1d.\n");
    assert_refused("wait_ms = 0", "f:1: wait_ms cannot be \"0\"; it must be 100ms to 1d.\n");
    assert_refused("wait_ms = 86401s",
                   "f:1: wait_ms cannot be \"86401s\"; it must be 100ms to 1d.\n");
    assert_parses("name = ab");
    assert_parses("name = abcdefghij");
    assert_refused("name = a", "f:1: name cannot be \"a\"; it must be 2 to 10 characters.\n");
    assert_refused("name = abcdefghijk",
                   "f:1: name cannot be \"abcdefghijk\"; it must be 2 to 10 characters.\n");
}

static void test_conf_choices(void **state)
{
    (void)state;
    assert_parses("mode = off");
    assert_int_equal(conf.mode, 0);
    assert_refused("mode = Off",
                   "f:1: mode cannot be \"Off\"; it must be one of off, warn, required.\n");
    assert_refused("mode = ", "f:1: mode cannot be \"\"; it must be one of off, warn, required.\n");
    assert_refused("mode = off|warn",
                   "f:1: mode cannot be \"off|warn\"; it must be one of off, warn, required.\n");
    assert_int_equal(conf.mode, 0);
}

static void test_conf_strings_are_one_line_of_utf8(void **state)
{
    (void)state;
    assert_parses("path = gr\xc3\xbc\xc3\x9f");
    assert_refused("path = \xff",
                   "f:1: path cannot be \"?\"; it must be one line of UTF-8 text.\n");
    assert_refused("path = a\x01",
                   "f:1: path cannot be \"a?\"; it must be one line of UTF-8 text.\n");
    struct buf why = BUF_INIT;
    assert_int_equal(conf_parse(keys, COUNT(keys), "f", STR("path = a\0b"), &why), RC_INVALID);
    buf_release(&why);
    assert_string_equal(conf.path, "gr\xc3\xbc\xc3\x9f");
}

static void test_conf_unknown_keys_and_bad_lines(void **state)
{
    (void)state;
    assert_refused("colour = red", "f:1: there is no setting \"colour\".\n");
    assert_refused("Number = 1", "f:1: there is no setting \"Number\".\n");
    assert_refused("= 1", "f:1: there is no setting \"\".\n");
    assert_refused("\n\nnumber", "f:3: a line is key = value.\n");
    assert_refused("[section]", "f:1: a line is key = value.\n");
    assert_refused("a\x1b[31m = 1", "f:1: there is no setting \"a?[31m\".\n");
}

static void test_conf_reports_every_error_up_to_a_bound(void **state)
{
    (void)state;
    assert_refused("x = 1\nnumber = 4\nnumber = 0\n",
                   "f:1: there is no setting \"x\".\n"
                   "f:3: number cannot be \"0\"; it must be 1 to 9.\n");
    struct buf text = BUF_INIT, why = BUF_INIT;
    for (int i = 0; i < 1000; i++) {
        buf_add_z(&text, "x\n");
    }
    assert_int_equal(parse(text.p, &why), RC_INVALID);
    assert_null(strstr(why.p, "f:21:"));
    assert_non_null(strstr(why.p, "f:20:"));
    buf_release(&text);
    buf_release(&why);
}

static void test_conf_secret_is_not_in_an_error(void **state)
{
    (void)state;
    struct buf why = BUF_INIT;
    assert_int_equal(parse("secret = hunter2\x01", &why), RC_INVALID);
    assert_null(strstr(why.p, "hunter2"));
    buf_release(&why);
}

static void test_conf_overrides_are_literal(void **state)
{
    (void)state;
    struct buf why = BUF_INIT;
    assert_int_equal(conf_set(keys, COUNT(keys), "path=\"x\" # y", &why), RC_OK);
    assert_string_equal(conf.path, "\"x\" # y");
    assert_int_equal(conf_set(keys, COUNT(keys), " number = 8 ", &why), RC_OK);
    assert_int_equal(conf.number, 8);
    assert_int_equal(conf_set(keys, COUNT(keys), "path=", &why), RC_OK);
    assert_string_equal(conf.path, "");
    assert_int_equal(why.len, 0);
    assert_int_equal(conf_set(keys, COUNT(keys), "path", &why), RC_INVALID);
    assert_int_equal(conf_set(keys, COUNT(keys), "nothing=1", &why), RC_INVALID);
    assert_int_equal(conf_set(keys, COUNT(keys), "number=0", &why), RC_INVALID);
    assert_int_equal(conf_set(keys, COUNT(keys), "path=a\nb", &why), RC_INVALID);
    assert_string_equal(why.p,
                        "--set: an override is key=value.\n"
                        "--set: there is no setting \"nothing\".\n"
                        "--set: number cannot be \"0\"; it must be 1 to 9.\n"
                        "--set: path cannot be \"a?b\"; it must be one line of UTF-8 text.\n");
    buf_release(&why);
}

/* ---------------------------------------------------------------- files */

static void test_conf_loads_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/test_conf_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    const char text[] = "number = 3\n";
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    struct buf why = BUF_INIT;
    assert_int_equal(conf_load(keys, COUNT(keys), path, &why), RC_OK);
    assert_int_equal(conf.number, 3);
    for (int i = 0; i < 1030; i++) { /* over a megabyte of comments */
        char comment[1024];
        memset(comment, '#', sizeof(comment));
        assert_int_equal(write(fd, comment, sizeof(comment)), sizeof(comment));
    }
    assert_int_equal(conf_load(keys, COUNT(keys), path, &why), RC_TOO_BIG);
    close(fd);
    unlink(path);
    assert_int_equal(conf_load(keys, COUNT(keys), path, &why), RC_IO);
    assert_non_null(strstr(why.p, "cannot open: No such file"));
    buf_clear(&why);
    assert_int_equal(conf_load(keys, COUNT(keys), "/tmp", &why), RC_IO);
    assert_string_equal(why.p, "/tmp: cannot read: Is a directory.\n");
    buf_release(&why);
}

/* ---------------------------------------------------------------- printing */

static char *print(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    conf_print(keys, COUNT(keys), out);
    fclose(out);
    return text;
}

static void test_conf_prints_its_form(void **state)
{
    (void)state;
    assert_parses("secret = hunter2\npath = \" x\"\n");
    char *text = print();
    assert_string_equal(text, "# a flag (yes or no)\nflag = yes\n\n"
                              "# a small number (1 to 9; reloadable)\nnumber = 5\n\n"
                              "# any number\nany = 0\n\n"
                              "# a time (100ms to 1d)\nwait_ms = 90s\n\n"
                              "# a time, or none\npause_ms = 0s\n\n"
                              "# a size (0 to 1024g)\nsize = 64k\n\n"
                              "# a name (2 to 10 characters)\nname = a b, c\n\n"
                              "# a path\npath = \" x\"\n\n"
                              "# a secret\n# secret = (secret)\n\n"
                              "# a mode (one of off, warn, required; reloadable)\nmode = warn\n");
    free(text);
}

static void test_conf_print_loads_back(void **state)
{
    (void)state;
    const char *paths[] = {"",      "a",   " a", "a ",        "#", "a #b",     "a#b",      "\"",
                           "\"a\"", "a\"", "\\", "\" # \\\"", "=", "a\tb # c", "\xc3\xa9 "};
    const uint64_t waits[] = {100, 101, 999, 1000, 1500, 60000, 61000, 3600000, 5400000, 86400000};
    const uint64_t sizes[] = {
        0, 1, 1023, 1024, 1025, 1 << 20, (1 << 20) + 1024, UINT64_C(1) << 30, UINT64_C(1) << 40};
    for (size_t i = 0; i < COUNT(paths); i++) {
        free(conf.path);
        conf.path = strdup(paths[i]);
        conf.wait_ms = waits[i % COUNT(waits)];
        conf.size = sizes[i % COUNT(sizes)];
        conf.any = UINT64_MAX - i;
        conf.flag = i % 2;
        conf.mode = (int)(i % 3);
        char *text = print();
        conf_release(keys, COUNT(keys));
        conf_defaults(keys, COUNT(keys));
        if (strchr(paths[i], '\t')) { /* a tab is a control character: printed, but not accepted */
            free(text);
            continue;
        }
        assert_parses(text);
        assert_string_equal(conf.path, paths[i]);
        assert_int_equal(conf.wait_ms, waits[i % COUNT(waits)]);
        assert_true(conf.size == sizes[i % COUNT(sizes)]);
        assert_true(conf.any == UINT64_MAX - i);
        assert_int_equal(conf.flag, i % 2);
        assert_int_equal(conf.mode, i % 3);
        free(text);
    }
}

static void test_conf_release_may_be_repeated(void **state)
{
    (void)state;
    conf_release(keys, COUNT(keys));
    assert_null(conf.name);
    conf_release(keys, COUNT(keys));
    conf_defaults(keys, COUNT(keys));
    conf_defaults(keys, COUNT(keys));
    assert_string_equal(conf.name, "a b, c");
}

/* ---------------------------------------------------------------- bad tables */

static uint64_t value;

static void bad_fallback(void)
{
    const struct conf_key table[] = {{"n", CONF_U64, &value, "x", 0, 0, NULL, 0, "n"}};
    conf_defaults(table, 1);
}

static void fallback_out_of_bounds(void)
{
    const struct conf_key table[] = {{"n", CONF_U64, &value, "5", 6, 7, NULL, 0, "n"}};
    conf_defaults(table, 1);
}

static void crossed_bounds(void)
{
    const struct conf_key table[] = {{"n", CONF_U64, &value, "5", 7, 6, NULL, 0, "n"}};
    conf_defaults(table, 1);
}

static void same_name_twice(void)
{
    const struct conf_key table[] = {{"n", CONF_U64, &value, "5", 0, 0, NULL, 0, "n"},
                                     {"n", CONF_U64, &value, "5", 0, 0, NULL, 0, "n"}};
    conf_defaults(table, 2);
}

static void no_choices(void)
{
    const struct conf_key table[] = {{"n", CONF_ENUM, &value, "5", 0, 0, NULL, 0, "n"}};
    conf_defaults(table, 1);
}

static void test_conf_take_moves_what_is_reloadable(void **state)
{
    static struct {
        bool flag;
        uint64_t number, any, wait_ms, pause_ms, size;
        char *name, *path, *secret;
        int mode;
    } other;
    struct conf_key over[COUNT(keys)];
    struct buf why = BUF_INIT, changed = BUF_INIT, waiting = BUF_INIT;
    const char *path = conf.path;
    (void)state;
    _Static_assert(sizeof(other) == sizeof(conf), "the same fields");
    for (size_t i = 0; i < COUNT(keys); i++) {
        over[i] = keys[i];
        over[i].value = (char *)&other + ((char *)keys[i].value - (char *)&conf);
    }
    conf_defaults(over, COUNT(over));
    conf_take(keys, over, COUNT(keys), &changed, &waiting);
    assert_int_equal(changed.len + waiting.len, 0);

    assert_int_equal(conf_parse(over, COUNT(over), "f", STR("number = 7\nmode = off\npath = /x\nflag = no\n"), &why), RC_OK);
    conf_take(keys, over, COUNT(keys), &changed, &waiting);
    assert_true(str_eq(buf_str(&changed), STR("number,mode")));
    assert_true(str_eq(buf_str(&waiting), STR("flag,path")));
    assert_int_equal(conf.number, 7);
    assert_int_equal(conf.mode, 0);
    assert_true(conf.flag);
    assert_ptr_equal(conf.path, path);

    over[7].flags |= CONF_RELOADABLE;
    struct conf_key reloadable[COUNT(keys)];
    memcpy(reloadable, keys, sizeof(keys));
    reloadable[7].flags |= CONF_RELOADABLE;
    buf_clear(&changed);
    conf_take(reloadable, over, COUNT(keys), &changed, &waiting);
    assert_true(str_eq(buf_str(&changed), STR("path")));
    assert_string_equal(conf.path, "/x");
    assert_ptr_equal(other.path, path); /* to be released with the other table */

    conf_release(over, COUNT(over));
    buf_release(&why);
    buf_release(&changed);
    buf_release(&waiting);
}

static void test_conf_bad_table_is_our_bug(void **state)
{
    (void)state;
    assert_true(aborts(bad_fallback));
    assert_true(aborts(fallback_out_of_bounds));
    assert_true(aborts(crossed_bounds));
    assert_true(aborts(same_name_twice));
    assert_true(aborts(no_choices));
}

#define WITH_CONF(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CONF(test_conf_defaults),
        WITH_CONF(test_conf_reads_lines_comments_and_blanks),
        WITH_CONF(test_conf_quoted_strings),
        WITH_CONF(test_conf_booleans),
        WITH_CONF(test_conf_units),
        WITH_CONF(test_conf_bad_numbers),
        WITH_CONF(test_conf_bounds_are_exact),
        WITH_CONF(test_conf_choices),
        WITH_CONF(test_conf_strings_are_one_line_of_utf8),
        WITH_CONF(test_conf_unknown_keys_and_bad_lines),
        WITH_CONF(test_conf_reports_every_error_up_to_a_bound),
        WITH_CONF(test_conf_secret_is_not_in_an_error),
        WITH_CONF(test_conf_overrides_are_literal),
        WITH_CONF(test_conf_loads_a_file),
        WITH_CONF(test_conf_prints_its_form),
        WITH_CONF(test_conf_print_loads_back),
        WITH_CONF(test_conf_release_may_be_repeated),
        WITH_CONF(test_conf_take_moves_what_is_reloadable),
        cmocka_unit_test(test_conf_bad_table_is_our_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
