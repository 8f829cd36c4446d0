/*
 * fuzz_json.c -- any bytes as JSON
 *
 * Whatever the scanner accepts json-c must build, and writing it must be a fixed point: text,
 * document, text again, document again give the same text. What is refused has a position inside
 * the text and a reason.
 */
#include "shared/json.h"
#include "shared/utf8.h"
#include "tests/fuzz/fuzz.h"

static const struct json_limits limits = JSON_LIMITS_DEFAULT;

static void write_text(struct str text, struct buf *out)
{
    struct json *doc = NULL;
    CHECK(json_parse(text, &limits, &doc, NULL) == RC_OK);
    json_write(out, json_root(doc));
    json_free(doc);
    CHECK(buf_ok(out) && utf8_valid(buf_str(out)));
}

static void check_accepted(struct str text)
{
    struct buf first = BUF_INIT, second = BUF_INIT;
    write_text(text, &first);
    write_text(buf_str(&first), &second);
    CHECK(str_eq(buf_str(&first), buf_str(&second)));
    CHECK(first.len <= text.len); /* blanks and escapes only get fewer */
    buf_release(&first);
    buf_release(&second);
}

static void check_refused(struct str text, enum rc rc, size_t at, const struct buf *why)
{
    struct json *doc = NULL;
    CHECK(rc == RC_INVALID || rc == RC_TOO_BIG);
    CHECK(at <= text.len && why->len > 0 && why->p[why->len - 1] == '.');
    CHECK(json_parse(text, &limits, &doc, NULL) == rc && !doc);
}

/* The string writer on any valid text. */
static void check_string(struct str text)
{
    if (!utf8_valid(text) || memchr(text.p, '\0', text.len)) {
        return;
    }
    struct buf quoted = BUF_INIT;
    struct json *doc = NULL;
    struct str back;
    json_add_str(&quoted, text);
    CHECK(json_parse(buf_str(&quoted), &limits, &doc, NULL) == RC_OK);
    CHECK(json_str(json_root(doc), &back) && str_eq(back, text));
    json_free(doc);
    buf_release(&quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size > 0 ? (const char *)data : "", size};
    struct buf why = BUF_INIT;
    size_t at = 0;
    enum rc rc = json_scan(text, &limits, &at, &why);
    if (rc == RC_OK) {
        check_accepted(text);
    } else {
        check_refused(text, rc, at, &why);
    }
    if (size < 4096) {
        check_string(text);
    }
    buf_release(&why);
    return 0;
}
