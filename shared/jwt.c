/*
 * jwt.c -- JSON Web Tokens: the text form and its rules
 *
 * The order of checks matters: shape, header, key, algorithm, signature, and only then claims, so
 * that nothing of an unsigned payload is interpreted. The algorithm comes from the key; the token's
 * own "alg" must agree with it and is never used to choose (RFC 8725 section 3.1), which rules out
 * "none" and an HMAC made with a public key.
 */
#include "shared/jwt.h"

#include "shared/id.h"
#include "shared/json.h"
#include "shared/jwt_keys.h"

static const struct json_limits token_limits = {JWT_MAX_BYTES, 8, 128};

/* ---------------------------------------------------------------- header */

/* "typ" is optional; tokens made for another purpose say so there (RFC 8725 section 3.11). */
static bool is_access_type(struct jval header)
{
    struct str typ;
    if (!json_get(header, "typ").present) {
        return true;
    }
    return json_str(json_get(header, "typ"), &typ) &&
           (str_ieq(typ, STR("JWT")) || str_ieq(typ, STR("at+jwt")) ||
            str_ieq(typ, STR("application/at+jwt")));
}

static const struct jwt_key *choose_key(const struct jwt_keys *keys, struct jval header)
{
    struct str kid;
    if (!json_get(header, "kid").present) {
        return keys->count == 1 ? &keys->keys[0] : jwt_keys_find(keys, STR_NONE);
    }
    return json_str(json_get(header, "kid"), &kid) ? jwt_keys_find(keys, kid) : NULL;
}

/* The key of a header that asks for nothing we do not understand; NULL otherwise. */
static const struct jwt_key *read_header(const struct jwt_keys *keys, struct jval header)
{
    if (json_type(header) != JSON_OBJECT || json_get(header, "crit").present ||
        !is_access_type(header)) {
        return NULL;
    }
    const struct jwt_key *key = choose_key(keys, header);
    return key && json_str_is(json_get(header, "alg"), jwt_alg_names[key->alg]) ? key : NULL;
}

/* ---------------------------------------------------------------- claims */

/* An optional time: *out is 0 when absent. false when it is there and not a non-negative integer.
 */
static bool read_time(struct jval claims, const char *name, uint64_t *out)
{
    *out = 0;
    return !json_get(claims, name).present || json_u64(json_get(claims, name), out);
}

/* Seconds, which may have a fraction (RFC 7519, NumericDate). What is far beyond any clock stays beyond it. */
static bool read_issued(struct jval claims, uint64_t *out)
{
    double s;
    uint64_t whole;
    if (read_time(claims, "iat", &whole)) {
        if (__builtin_mul_overflow(whole, (uint64_t)1000000, out)) {
            *out = UINT64_MAX;
        }
        return true;
    }
    if (!json_double(json_get(claims, "iat"), &s) || !(s >= 0)) {
        return false;
    }
    *out = s < 1e12 ? (uint64_t)(s * 1e6) : UINT64_MAX;
    return true;
}

static bool read_subject(struct jval claims, struct jwt_claims *out)
{
    struct str sub;
    if (!json_str(json_get(claims, "sub"), &sub) || sub.len == 0 || sub.len >= sizeof(out->sub)) {
        return false;
    }
    memcpy(out->sub, sub.p, sub.len);
    out->sub[sub.len] = '\0';
    return true;
}

/* Ours is a decimal string, because a JSON number holds only 53 bits. */
static bool read_family(struct jval claims, struct jwt_claims *out)
{
    struct jval value = json_get(claims, "fam");
    struct str text;
    out->family = 0;
    return json_type(value) == JSON_ABSENT || json_u64(value, &out->family) ||
           (json_str(value, &text) && str_u64(text, &out->family));
}

static bool is_for_us(const struct jwt_keys *keys, struct jval claims)
{
    bool issuer_ok = !keys->issuer || json_str_is(json_get(claims, "iss"), keys->issuer);
    bool audience_ok = !keys->audience || json_str_is(json_get(claims, "aud"), keys->audience) ||
                       json_list_has(json_get(claims, "aud"), keys->audience);
    return issuer_ok && audience_ok;
}

static enum rc read_claims(const struct jwt_keys *keys, struct jval claims, uint64_t now_s,
                           struct jwt_claims *out)
{
    uint64_t not_before, latest_start, still_valid;
    out->has_stamp = json_get(claims, "rev").present;
    if (json_type(claims) != JSON_OBJECT || !json_u64(json_get(claims, "exp"), &out->expires_s) ||
        !read_issued(claims, &out->issued_us) || !read_time(claims, "nbf", &not_before) ||
        !read_time(claims, "rev", &out->stamp_us) || !read_subject(claims, out) || !read_family(claims, out) || !is_for_us(keys, claims)) {
        return RC_INVALID;
    }
    if (__builtin_add_overflow(now_s, keys->leeway_s, &latest_start)) {
        latest_start = UINT64_MAX;
    }
    if (__builtin_add_overflow(out->expires_s, keys->leeway_s, &still_valid)) {
        still_valid = UINT64_MAX;
    }
    bool in_time =
        now_s < still_valid && not_before <= latest_start && out->issued_us / 1000000 <= latest_start;
    return in_time ? RC_OK : RC_TIMEOUT;
}

/* ---------------------------------------------------------------- whole tokens */

/* One base64url segment that holds JSON. */
static bool read_segment(struct str segment, struct json **out)
{
    struct buf text = BUF_INIT_MAX(JWT_MAX_BYTES);
    bool ok = base64url_decode(segment, &text) &&
              json_parse(buf_str(&text), &token_limits, out, NULL) == RC_OK;
    buf_release(&text);
    return ok;
}

static bool check_segment(const struct jwt_key *key, struct str input, struct str segment)
{
    char room[JWT_SIGNATURE_MAX_BYTES + 1];
    struct buf signature = {room, 0, JWT_SIGNATURE_MAX_BYTES, JWT_SIGNATURE_MAX_BYTES, false};
    return base64url_decode(segment, &signature) && jwt_key_check(key, input, buf_str(&signature));
}

enum rc jwt_verify(const struct jwt_keys *keys, struct str token, uint64_t now_s,
                   struct jwt_claims *out)
{
    struct str header_text, claims_text;
    struct str rest = str_cut(token, '.', &header_text);
    struct str signature = str_cut(rest, '.', &claims_text);
    if (token.len > JWT_MAX_BYTES || !signature.p) {
        return RC_INVALID;
    }
    enum rc rc = RC_INVALID;
    struct json *header = NULL, *claims = NULL;
    if (!read_segment(header_text, &header)) {
        goto out;
    }
    const struct jwt_key *key = read_header(keys, json_root(header));
    struct str input = {token.p, (size_t)(signature.p - token.p) - 1};
    if (!key || !check_segment(key, input, signature) || !read_segment(claims_text, &claims)) {
        goto out;
    }
    struct jwt_claims found = {0};
    rc = read_claims(keys, json_root(claims), now_s, &found);
    if (rc == RC_OK) {
        *out = found;
    }
out:
    json_free(header);
    json_free(claims);
    return rc;
}

static const struct jwt_key *signing_key(const struct jwt_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->keys[i].alg == JWT_HS256) {
            return &keys->keys[i];
        }
    }
    return NULL;
}

static void write_header(struct buf *out, const struct jwt_key *key)
{
    buf_add_char(out, '{');
    json_key_str(out, "alg", STR("HS256"));
    json_key_str(out, "typ", STR("JWT"));
    if (key->kid) {
        json_key_str(out, "kid", str_of(key->kid));
    }
    buf_add_char(out, '}');
}

static void write_claims(struct buf *out, const struct jwt_keys *keys,
                         const struct jwt_claims *claims)
{
    buf_add_char(out, '{');
    if (keys->issuer) {
        json_key_str(out, "iss", str_of(keys->issuer));
    }
    json_key_str(out, "sub", str_of(claims->sub));
    if (claims->family != 0) {
        json_add_key(out, "fam");
        buf_addf(out, "\"%llu\"", (unsigned long long)claims->family);
    }
    json_key_u64(out, "iat", claims->issued_us / 1000000);
    json_key_u64(out, "exp", claims->expires_s);
    if (claims->has_stamp) {
        json_key_u64(out, "rev", claims->stamp_us);
    }
    if (keys->audience) {
        json_key_str(out, "aud", str_of(keys->audience));
    }
    buf_add_char(out, '}');
}

enum rc jwt_sign(const struct jwt_keys *keys, const struct jwt_claims *claims, struct buf *out)
{
    const struct jwt_key *key = signing_key(keys);
    if (!key) {
        return RC_UNSUPPORTED;
    }
    struct buf json = BUF_INIT_MAX(JWT_MAX_BYTES), token = BUF_INIT_MAX(JWT_MAX_BYTES);
    write_header(&json, key);
    base64url_add(&token, buf_str(&json).p, json.len);
    buf_add_char(&token, '.');
    buf_clear(&json);
    write_claims(&json, keys, claims);
    base64url_add(&token, buf_str(&json).p, json.len);

    unsigned char mac[JWT_MAC_BYTES];
    enum rc rc = buf_ok(&json) && jwt_key_mac(key, buf_str(&token), mac) ? RC_OK : RC_INTERNAL;
    buf_add_char(&token, '.');
    base64url_add(&token, mac, sizeof(mac));
    rc = rc == RC_OK && !buf_ok(&token) ? RC_TOO_BIG : rc;
    if (rc == RC_OK) {
        buf_add_str(out, buf_str(&token));
    }
    buf_release(&json);
    buf_release(&token);
    return rc;
}
