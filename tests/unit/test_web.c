/* The web application's files: what is read, what a path finds, which coding is sent. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "rest/web.h"

static char dir[] = "/tmp/confab-web-XXXXXX";
static struct rest_conf conf;
static struct buf why;

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void take_away(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(remove(path), 0);
}

static int make_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    folder("assets");
    folder("api");
    folder("docs");
    folder(".git");
    folder(".well-known");
    put("index.html", "<!doctype html>");
    put("robots.txt", "User-agent: *");
    put("a b.txt", "space");
    put("assets/app-1234.js", "a script that is long enough");
    put("assets/app-1234.js.gz", "gzip");
    put("assets/app-1234.js.br", "br");
    put("assets/tiny.css", "x");
    put("assets/tiny.css.gz", "larger than the file");
    put("alone.gz", "an archive");
    put("api/chats", "hidden");
    put("docs/index.html", "docs");
    put(".git/config", "secret");
    put(".env", "secret");
    put(".well-known/security.txt", "mail us");
    return 0;
}

static int remove_files(void **state)
{
    static const char *const names[] = {
        "index.html", "robots.txt", "a b.txt", "assets/app-1234.js", "assets/app-1234.js.gz", "assets/app-1234.js.br",
        "assets/tiny.css", "assets/tiny.css.gz", "alone.gz", "api/chats", "docs/index.html", ".git/config", ".env",
        ".well-known/security.txt", "assets", "api", "docs", ".git", ".well-known", ""};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        take_away(names[i]);
    }
    return 0;
}

static int defaults(void **state)
{
    struct rest_conf *shared = NULL;
    const struct conf_key *keys = rest_conf_keys(&shared);
    (void)state;
    conf_defaults(keys, rest_conf_keys_count);
    conf = *shared;
    conf.web_dir = dir;
    why = BUF_INIT;
    return 0;
}

static int release(void **state)
{
    struct rest_conf *shared = NULL;
    (void)state;
    buf_release(&why);
    conf_release(rest_conf_keys(&shared), rest_conf_keys_count);
    return 0;
}

static struct web *load(void)
{
    struct web *w = NULL;
    assert_int_equal(web_load(&conf, &w, &why), RC_OK);
    return w;
}

static void assert_refused(enum rc rc, const char *said)
{
    struct web *w = NULL;
    buf_clear(&why);
    assert_int_equal(web_load(&conf, &w, &why), rc);
    assert_null(w);
    buf_add_char(&why, '\0');
    if (strstr(why.p, said) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", why.p, said);
    }
}

/* -- reading ----------------------------------------------------------------------------------- */

static void test_no_folder_no_application(void **state)
{
    static char empty[] = "";
    struct web *w = (struct web *)1;
    (void)state;
    conf.web_dir = empty;
    assert_int_equal(web_load(&conf, &w, &why), RC_OK);
    assert_null(w);
    assert_null(web_find(NULL, STR("/")));
    assert_null(web_page(NULL, STR("/")));
}

static void test_a_folder_that_is_not_there(void **state)
{
    static char missing[] = "/nowhere/at/all";
    (void)state;
    conf.web_dir = missing;
    assert_refused(RC_INVALID, "/nowhere/at/all");
}

static void test_a_folder_without_an_index(void **state)
{
    char path[256];
    (void)state;
    snprintf(path, sizeof(path), "%s/assets", dir);
    conf.web_dir = path;
    assert_refused(RC_INVALID, "has no index.html");
}

static void test_the_limits(void **state)
{
    (void)state;
    conf.web_files_max = 16; /* 12 files and 4 folders; what begins with a dot does not count */
    conf.web_max_bytes = 115;
    web_free(load());
    conf.web_files_max = 15;
    assert_refused(RC_TOO_BIG, "web_files_max = 15");
    conf.web_files_max = 16;
    conf.web_max_bytes = 114;
    assert_refused(RC_TOO_BIG, "web_max_bytes = 114");
}

static void test_too_deep(void **state)
{
    char path[64] = "d";
    int depth;
    (void)state;
    folder(path);
    for (depth = 1; depth < 12; depth++) {
        strcat(path, "/d");
        folder(path);
    }
    web_free(load());
    strcat(path, "/e");
    put(path, "x");
    assert_refused(RC_TOO_BIG, "deeper than 12 folders");
    for (; depth >= 0; depth--) {
        take_away(path);
        path[strlen(path) > 1 ? strlen(path) - 2 : 0] = '\0';
    }
}

static void test_links_and_other_things_are_left_out(void **state)
{
    char from[256], fifo[256], below[256];
    (void)state;
    snprintf(from, sizeof(from), "%s/passwd.txt", dir);
    snprintf(below, sizeof(below), "%s/etc", dir);
    snprintf(fifo, sizeof(fifo), "%s/fifo.txt", dir);
    assert_int_equal(symlink("/etc/passwd", from), 0);
    assert_int_equal(symlink("/etc", below), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    struct web *w = load();
    assert_null(web_find(w, STR("/passwd.txt")));
    assert_null(web_find(w, STR("/etc/passwd")));
    assert_null(web_find(w, STR("/fifo.txt")));
    web_free(w);
    assert_int_equal(remove(from) | remove(below) | remove(fifo), 0);
}

/* -- finding ----------------------------------------------------------------------------------- */

static void assert_path(const struct web_file *f, const char *path)
{
    assert_non_null(f);
    assert_string_equal(f->path, path);
}

static void test_files_by_their_path(void **state)
{
    struct web *w = load();
    (void)state;
    assert_path(web_find(w, STR("/")), "index.html");
    assert_path(web_find(w, STR("/index.html")), "index.html");
    assert_path(web_find(w, STR("/assets/app-1234.js")), "assets/app-1234.js");
    assert_path(web_find(w, STR("/%61ssets/app%2d1234.js")), "assets/app-1234.js");
    assert_path(web_find(w, STR("/a%20b.txt")), "a b.txt");
    assert_path(web_find(w, STR("/docs")), "docs/index.html");
    assert_path(web_find(w, STR("/docs/")), "docs/index.html");
    assert_path(web_find(w, STR("/alone.gz")), "alone.gz");
    assert_path(web_find(w, STR("/.well-known/security.txt")), ".well-known/security.txt");
    assert_null(web_find(w, STR("/nothing")));
    assert_null(web_find(w, STR("/assets")));
    assert_null(web_find(w, STR("/Index.html")));
    web_free(w);
}

static void test_what_no_path_finds(void **state)
{
    static const char *const paths[] = {
        "", "index.html", "/.env", "/.git/config", "/assets/app-1234.js.gz", "/assets/app-1234.js.br",
        "/assets/tiny.css.gz", "/assets/../index.html", "/assets/%2e%2e/index.html", "/assets%2fapp-1234.js",
        "/assets%5capp-1234.js", "/assets//app-1234.js", "//index.html", "/./index.html", "/../index.html",
        "/index.html%00", "/index.html%0a", "/index.html%", "/index.html/", "/api/chats", "/%61pi/chats", "/api"};
    struct web *w = load();
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const struct web_file *f = web_find(w, str_of(paths[i]));
        if (f != NULL) {
            fail_msg("%s finds %s", paths[i], f->path);
        }
    }
    web_free(w);
}

static void test_pages_of_the_application(void **state)
{
    static const char *const pages[] = {"/", "/chat", "/chat/65f0c0", "/chat/", "/test-notifications", "/a/b/c",
                                        "/apis", "/chatsome", "/wsx", "/metricsx", "/%F0%9F%98%80"};
    static const char *const others[] = {
        "/api", "/api/", "/api/nothing", "/chats", "/chats/x", "/ws", "/ws/nothing", "/socket.io", "/socket.io/x",
        "/engine.io/x", "/healthz/x", "/readyz/x", "/metrics/x", "/%61pi/nothing", "/missing.js", "/a/missing.png",
        "/..", "/../etc/passwd", "/%2e%2e/etc/passwd", "/a//b", "/a%2fb", "/a%00", "/chat.x"};
    struct web *w = load();
    (void)state;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        assert_path(web_page(w, str_of(pages[i])), "index.html");
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const struct web_file *f = web_page(w, str_of(others[i]));
        if (f != NULL) {
            fail_msg("%s finds %s", others[i], f->path);
        }
    }
    assert_path(web_page(w, STR("/robots.txt")), "robots.txt");
    web_free(w);
}

static void test_long_paths(void **state)
{
    struct web *w = load();
    char path[3000];
    (void)state;
    for (size_t len = 2; len < sizeof(path); len++) {
        memset(path, 'x', len);
        path[0] = '/';
        assert_null(web_find(w, (struct str){path, len}));
        assert_int_equal(web_page(w, (struct str){path, len}) != NULL, len <= 1024);
    }
    web_free(w);
}

static void test_what_a_file_is_sent_as(void **state)
{
    struct web *w = load();
    const struct web_file *js = web_find(w, STR("/assets/app-1234.js")), *css = web_find(w, STR("/assets/tiny.css")),
                          *html = web_find(w, STR("/"));
    (void)state;
    assert_string_equal(js->type, "text/javascript; charset=utf-8");
    assert_string_equal(css->type, "text/css; charset=utf-8");
    assert_string_equal(html->type, "text/html; charset=utf-8");
    assert_string_equal(web_find(w, STR("/alone.gz"))->type, "application/octet-stream");
    assert_true(js->is_immutable && css->is_immutable && !html->is_immutable);
    assert_int_equal(js->have, 1u << CODING_GZIP | 1u << CODING_BR);
    assert_int_equal(css->have, 0); /* the compressed form is larger */
    assert_str(js->forms[CODING_PLAIN].bytes, "a script that is long enough");
    assert_str(js->forms[CODING_GZIP].bytes, "gzip");
    assert_str(js->forms[CODING_BR].bytes, "br");
    for (int c = 0; c < CODING_COUNT; c++) {
        assert_int_equal(strlen(js->forms[c].etag), 34);
        assert_string_not_equal(js->forms[c].etag, html->forms[CODING_PLAIN].etag);
        assert_string_not_equal(js->forms[c].etag, js->forms[(c + 1) % CODING_COUNT].etag);
    }
    web_free(w);
}

/* -- codings ----------------------------------------------------------------------------------- */

static void test_which_coding_is_sent(void **state)
{
    static const unsigned gzip = 1u << CODING_GZIP, both = 1u << CODING_GZIP | 1u << CODING_BR;
    static const struct {
        const char *value;
        unsigned have;
        enum coding coding;
    } cases[] = {
        {NULL, both, CODING_PLAIN},
        {"", both, CODING_PLAIN},
        {"gzip, deflate, br, zstd", both, CODING_BR},
        {"gzip, deflate, br", gzip, CODING_GZIP},
        {"gzip, deflate, br", 0, CODING_PLAIN},
        {"deflate", both, CODING_PLAIN},
        {"gzip", both, CODING_GZIP},
        {"x-gzip", both, CODING_GZIP},
        {"GZip", both, CODING_GZIP},
        {"br;q=0.5, gzip;q=0.8", both, CODING_GZIP},
        {"br;q=0.8 , gzip;q=0.8", both, CODING_BR},
        {"br;q=0, gzip", both, CODING_GZIP},
        {"br;q=0, gzip;q=0.000", both, CODING_PLAIN},
        {"*", both, CODING_BR},
        {"*;q=0.5, gzip", both, CODING_GZIP},
        {"*;q=0", both, CODING_PLAIN},
        {"*;q=0, gzip;q=0.1", both, CODING_GZIP},
        {"identity", both, CODING_PLAIN},
        {"identity, gzip;q=0.5", both, CODING_PLAIN},
        {"identity;q=0.5, gzip;q=0.5", both, CODING_GZIP},
        {"identity;q=0", both, CODING_PLAIN},
        {"gzip ; q=1", both, CODING_GZIP},
        {"gzip;Q=0.001", both, CODING_GZIP},
        {"gzip;q=1.000", both, CODING_GZIP},
        {"gzip;q=1.001", both, CODING_PLAIN},
        {"gzip;q=2", both, CODING_PLAIN},
        {"gzip;q=0.1234", both, CODING_PLAIN},
        {"gzip;q=-1", both, CODING_PLAIN},
        {"gzip;q=", both, CODING_PLAIN},
        {"gzip;level=9", both, CODING_PLAIN},
        {";q=1", both, CODING_PLAIN},
        {",,gzip,,", both, CODING_GZIP},
        {"gzipped", both, CODING_PLAIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum coding got = accept_encoding_choose(str_of(cases[i].value), cases[i].have);
        if (got != cases[i].coding) {
            fail_msg("\"%s\" gets %s", cases[i].value, coding_name(got));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_folder_no_application, defaults, release),
        cmocka_unit_test_setup_teardown(test_a_folder_that_is_not_there, defaults, release),
        cmocka_unit_test_setup_teardown(test_a_folder_without_an_index, defaults, release),
        cmocka_unit_test_setup_teardown(test_the_limits, defaults, release),
        cmocka_unit_test_setup_teardown(test_too_deep, defaults, release),
        cmocka_unit_test_setup_teardown(test_links_and_other_things_are_left_out, defaults, release),
        cmocka_unit_test_setup_teardown(test_files_by_their_path, defaults, release),
        cmocka_unit_test_setup_teardown(test_what_no_path_finds, defaults, release),
        cmocka_unit_test_setup_teardown(test_pages_of_the_application, defaults, release),
        cmocka_unit_test_setup_teardown(test_long_paths, defaults, release),
        cmocka_unit_test_setup_teardown(test_what_a_file_is_sent_as, defaults, release),
        cmocka_unit_test(test_which_coding_is_sent),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
