/*
 * fuzz_push.c -- what a browser or its user hands in for Web Push: an address that is taken is what it looks like, a
 * subscription that is taken can be encrypted to, and every text of a notification fits
 */
#include "rest/push_crypt.h"
#include "rest/push_http.h"
#include "rest/push_read.h"
#include "rest/push_text.h"
#include "shared/id.h"
#include "shared/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check_origin(struct str origin)
{
    CHECK(str_starts(origin, STR("https://")) && origin.len > 8);
    for (size_t i = 8; i < origin.len; i++) {
        CHECK(origin.p[i] != '/' && origin.p[i] != '@' && origin.p[i] != '#' && origin.p[i] != '\r' && origin.p[i] != '\n');
    }
}

/* An origin is an address itself, of the same place. */
static void check_url(const char *url)
{
    struct buf origin = BUF_INIT, again = BUF_INIT, why = BUF_INIT;
    if (push_url_check(url, true, false, &origin, &why) == RC_OK) {
        CHECK(why.len == 0);
        check_origin(buf_str(&origin));
        CHECK(push_url_check(origin.p, true, false, &again, &why) == RC_OK);
        CHECK(str_eq(buf_str(&origin), buf_str(&again)));
    } else {
        CHECK(why.len > 0 && origin.len == 0);
    }
    buf_release(&origin);
    buf_release(&again);
    buf_release(&why);
}

static void check_encryption(const struct push_call *call)
{
    static const unsigned char salt[PUSH_SALT_BYTES];
    struct buf point = BUF_INIT, auth = BUF_INIT, out = BUF_INIT;
    struct push_key *sender = push_key_new();
    CHECK(sender != NULL && base64url_decode(call->p256dh, &point) && base64url_decode(call->auth, &auth));
    CHECK(push_encrypt(sender, salt, buf_str(&point), buf_str(&auth), STR("x"), &out) == RC_OK);
    CHECK(out.len == 1 + PUSH_OVERHEAD_BYTES);
    push_key_free(sender);
    buf_release(&point);
    buf_release(&auth);
    buf_release(&out);
}

static void check_subscription(struct str text)
{
    const struct json_limits json = {64 * 1024, 16, 64};
    const struct push_limits limits = {256, false};
    struct json *doc = NULL;
    struct arena arena = ARENA_INIT(0);
    struct push_call call = {.arena = &arena};
    const char *field = NULL;
    struct buf why = BUF_INIT;
    if (json_parse(text, &json, &doc, NULL) == RC_OK) {
        if (push_read(json_root(doc), &limits, &call, &field, &why) == CODE_OK) {
            CHECK(call.endpoint.len <= 256 && strlen(call.endpoint.p) == call.endpoint.len);
            check_encryption(&call);
        } else {
            CHECK(field != NULL);
        }
        json_free(doc);
    }
    arena_release(&arena);
    buf_release(&why);
}

static void check_note(struct str text)
{
    const struct json_limits json = JSON_LIMITS_DEFAULT;
    struct str title = {text.p, text.len < 200 ? text.len : 0};
    const struct note_view n = {.id = 1, .kind = STR("news"), .title = title, .text = text, .link = text, .chat_id = 2};
    struct buf out = BUF_INIT;
    struct json *doc = NULL;
    push_text_note(&out, &n, 3, 2048);
    CHECK(out.len <= 2048 && json_parse(buf_str(&out), &json, &doc, NULL) == RC_OK);
    json_free(doc);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size > 0 ? (const char *)data : "", size};
    struct buf url = BUF_INIT;
    buf_add_str(&url, text);
    buf_add_char(&url, '\0');
    check_url(url.p);
    check_subscription(text);
    if (utf8_valid(text) && memchr(text.p, 0, text.len) == NULL) { /* as in every message */
        check_note(text);
    }
    buf_release(&url);
    return 0;
}
