/* fuzz_conf.c -- any bytes as settings: what is accepted is in bounds, prints, and loads back */
#include "shared/conf.h"
#include "tests/fuzz/fuzz.h"

static struct {
    bool flag;
    uint64_t number, wait_ms, bytes;
    char *name, *path;
    int mode;
} conf;

static const struct conf_key keys[] = {
    {"flag", CONF_BOOL, &conf.flag, "no", 0, 0, NULL, 0, "a flag"},
    {"number", CONF_U64, &conf.number, "5", 1, 900, NULL, 0, "a number"},
    {"wait", CONF_MS, &conf.wait_ms, "5s", 0, 0, NULL, 0, "a time"},
    {"bytes", CONF_BYTES, &conf.bytes, "64k", 0, 0, NULL, 0, "a size"},
    {"name", CONF_STRING, &conf.name, "ab", 2, 10, NULL, 0, "a short text"},
    {"path", CONF_STRING, &conf.path, "", 0, 0, NULL, 0, "a text"},
    {"mode", CONF_ENUM, &conf.mode, "warn", 0, 0, "off|warn|on", 0, "a choice"},
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static char *print(size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    CHECK(out);
    conf_print(keys, KEYS, out);
    fclose(out);
    return text;
}

static void check_values(void)
{
    size_t name_len = strlen(conf.name);
    CHECK(conf.number >= 1 && conf.number <= 900);
    CHECK(name_len >= 2 && name_len <= 10);
    CHECK(conf.mode >= 0 && conf.mode <= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf why = BUF_INIT;
    struct str text = {size > 0 ? (const char *)data : "", size};
    conf_defaults(keys, KEYS);
    enum rc rc = conf_parse(keys, KEYS, "fuzz", text, &why);
    CHECK((rc == RC_OK) == (why.len == 0) && (rc == RC_OK || rc == RC_INVALID));
    check_values(); /* also after an error: a bad line changes nothing */

    size_t first_len = 0, second_len = 0;
    char *first = print(&first_len);
    conf_release(keys, KEYS);
    conf_defaults(keys, KEYS);
    buf_clear(&why);
    CHECK(conf_parse(keys, KEYS, "printed", (struct str){first, first_len}, &why) == RC_OK);
    char *second = print(&second_len);
    CHECK(first_len == second_len && memcmp(first, second, first_len) == 0);
    free(first);
    free(second);
    conf_release(keys, KEYS);
    buf_release(&why);
    return 0;
}
