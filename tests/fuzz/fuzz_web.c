/*
 * fuzz_web.c -- any bytes as an Accept-Encoding header or as a request's path for the web application
 *
 * The first byte chooses. A coding is one of those there are; a path finds nothing or a file of the folder, never a
 * compressed form, and never one where the API is.
 */
#include <stdio.h>

#include "rest/web.h"
#include "tests/fuzz/fuzz.h"

static struct web *web;

static void put(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "we");
    CHECK(f != NULL && fputs(name, f) >= 0 && fclose(f) == 0);
}

static void take_away(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    CHECK(remove(path) == 0);
}

static void make_web(void)
{
    static const char *const names[] = {"index.html", "a.js", "a.js.gz", "api", "a b"};
    char dir[] = "/tmp/confab-fuzz-web-XXXXXX", policy[] = "default-src 'self'", immutable[] = "a";
    struct rest_conf conf = {
        .web_dir = dir, .web_policy = policy, .web_immutable = immutable, .web_files_max = 100, .web_max_bytes = 10000};
    struct buf why = BUF_INIT;
    CHECK(mkdtemp(dir) != NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        put(dir, names[i]);
    }
    CHECK(web_load(&conf, &web, &why) == RC_OK);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        take_away(dir, names[i]);
    }
    take_away(dir, "");
    buf_release(&why);
}

static void check_path(struct str path)
{
    const struct web_file *file = web_find(web, path), *page = web_page(web, path);
    CHECK(file == NULL || file == page);
    if (page != NULL) {
        CHECK(!page->is_form && !web_is_api(path) && path.p[0] == '/');
        CHECK(str_eq(page->forms[CODING_PLAIN].bytes, str_of(page->path))); /* each has its name inside */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (web == NULL) {
        make_web();
    }
    if (size == 0) {
        return 0;
    }
    struct str text = {(const char *)data + 1, size - 1};
    if (data[0] % 2 == 0) {
        check_path(text);
        return 0;
    }
    for (unsigned have = 0; have < 1u << CODING_COUNT; have += 2) {
        enum coding c = accept_encoding_choose(text, have);
        CHECK(c == CODING_PLAIN || (have & 1u << c) != 0);
    }
    return 0;
}
