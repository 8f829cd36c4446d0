#include "rest/push_read.h"

#include "rest/push_crypt.h"
#include "rest/push_http.h"
#include "shared/id.h"

/* Some libraries pad. */
static struct str without_padding(struct str s)
{
    for (unsigned i = 0; i < 2 && s.len > 0 && s.p[s.len - 1] == '='; i++) {
        s.len--;
    }
    return s;
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7f) {
            return false;
        }
    }
    return s.len > 0;
}

static enum code read_endpoint(struct jval v, const struct push_limits *limits, struct push_call *out, struct buf *why)
{
    struct str text;
    if (!json_str(v, &text) || !is_plain(text)) {
        buf_add_z(why, "endpoint must be a URL.");
        return CODE_INVALID_FIELD;
    }
    if (text.len > limits->endpoint_max_bytes) {
        return CODE_TOO_LARGE;
    }
    out->endpoint = arena_str(out->arena, text);
    if (out->endpoint.p == NULL) {
        return CODE_UNAVAILABLE;
    }
    buf_add_z(why, "endpoint ");
    if (push_url_check(out->endpoint.p, true, limits->private_endpoints, NULL, why) != RC_OK) {
        buf_add_char(why, '.');
        return CODE_INVALID_FIELD;
    }
    buf_clear(why);
    return CODE_OK;
}

static bool is_point(struct str bytes)
{
    return push_public_valid(bytes);
}

static bool is_secret(struct str bytes)
{
    return bytes.len == PUSH_AUTH_BYTES;
}

static enum code read_key(struct jval v, bool (*is_good)(struct str), struct push_call *out, struct str *to)
{
    struct buf bytes = BUF_INIT;
    struct str text = STR_NONE;
    bool good = json_str(v, &text) && text.len <= 128;
    text = without_padding(text);
    good = good && base64url_decode(text, &bytes) && is_good(buf_str(&bytes));
    buf_release(&bytes);
    if (!good) {
        return CODE_INVALID_FIELD;
    }
    *to = arena_str(out->arena, text);
    return to->p != NULL ? CODE_OK : CODE_UNAVAILABLE;
}

enum code push_read(struct jval subscription, const struct push_limits *limits, struct push_call *out,
                    const char **field, struct buf *why)
{
    struct jval keys = json_get(subscription, "keys");
    *field = "endpoint";
    enum code code = read_endpoint(json_get(subscription, "endpoint"), limits, out, why);
    if (code == CODE_OK) {
        *field = "keys.p256dh";
        code = read_key(json_get(keys, "p256dh"), is_point, out, &out->p256dh);
    }
    if (code == CODE_OK) {
        *field = "keys.auth";
        code = read_key(json_get(keys, "auth"), is_secret, out, &out->auth);
    }
    return code;
}
