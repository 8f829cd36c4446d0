/*
 * fuzz_jwt.c -- any bytes as a token, as the content of a rightly signed token, and as a JWKS
 *
 * The first byte chooses. A fuzzer cannot forge a signature, so header and claims are also given to
 * it in the clear ("header\nclaims") and signed here.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "shared/id.h"
#include "shared/jwt.h"
#include "shared/utf8.h"
#include "tests/fuzz/fuzz.h"

#define NOW    1500
#define LEEWAY 5

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const char jwks[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"d1\",\"x\":"
                           "\"7xyiaVdmWxXGnVBH2RYmYouyLmN7eawbuFsMWeNXh7g\"},"
                           "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e1\",\"x\":\"Y208lIZAWCR-"
                           "zzjPkF8hTs2bWDsso8JUBExpnkSrmdM\","
                           "\"y\":\"H4aqZOMxnp-V5HjVwDi-PLRanWUL_i_dENjpRIg3JeI\"}]}";

static struct jwt_keys *set_up(void)
{
    struct jwt_keys *keys = jwt_keys_new(NULL, NULL, LEEWAY);
    struct buf why = BUF_INIT;
    CHECK(jwt_keys_add_hs256(keys, "k1", str_of(secret)) == RC_OK);
    CHECK(jwt_keys_add_jwks(keys, str_of(jwks), &why) == RC_OK);
    buf_release(&why);
    return keys;
}

static enum rc verify(const struct jwt_keys *keys, struct str token)
{
    struct jwt_claims out = {.sub = "untouched"};
    enum rc rc = jwt_verify(keys, token, NOW, &out);
    CHECK(rc == RC_OK || rc == RC_INVALID || rc == RC_TIMEOUT);
    if (rc == RC_OK) {
        CHECK(memchr(out.sub, '\0', sizeof(out.sub)) && out.sub[0] != '\0');
        CHECK(utf8_valid(str_of(out.sub)));
        CHECK(out.expires_s + LEEWAY > NOW && out.issued_us / 1000000 <= NOW + LEEWAY);
    } else {
        CHECK(strcmp(out.sub, "untouched") == 0);
    }
    return rc;
}

static void check_signed(const struct jwt_keys *keys, struct str text)
{
    struct str header;
    struct str claims = str_cut(text, '\n', &header);
    struct buf token = BUF_INIT;
    base64url_add(&token, header.p, header.len);
    buf_add_char(&token, '.');
    base64url_add(&token, claims.p, claims.len);
    unsigned char mac[32];
    unsigned len = 0;
    HMAC(EVP_sha256(), secret, sizeof(secret) - 1, (const unsigned char *)token.p, token.len, mac,
         &len);
    buf_add_char(&token, '.');
    base64url_add(&token, mac, len);
    enum rc rc = verify(keys, buf_str(&token));
    token.p[token.len - 1] = token.p[token.len - 1] == 'A' ? 'E' : 'A'; /* one other signature */
    CHECK(rc != RC_OK || verify(keys, buf_str(&token)) == RC_INVALID);
    buf_release(&token);
}

/* Any subject we could hold survives signing and verifying. */
static void check_subject(const struct jwt_keys *keys, struct str text)
{
    struct jwt_claims in = {.expires_s = 2000, .issued_us = 1000000000, .family = text.len}, out;
    if (text.len == 0 || text.len >= sizeof(in.sub) || !utf8_valid(text) ||
        memchr(text.p, '\0', text.len)) {
        return;
    }
    memcpy(in.sub, text.p, text.len);
    struct buf token = BUF_INIT;
    CHECK(jwt_sign(keys, &in, &token) == RC_OK);
    CHECK(jwt_verify(keys, buf_str(&token), NOW, &out) == RC_OK);
    CHECK(strcmp(in.sub, out.sub) == 0 && in.family == out.family);
    buf_release(&token);
}

static void check_jwks(struct str text)
{
    struct jwt_keys *keys = jwt_keys_new(NULL, NULL, 0);
    struct buf why = BUF_INIT;
    enum rc rc = jwt_keys_add_jwks(keys, text, &why);
    CHECK((rc == RC_OK) == (why.len == 0));
    if (rc != RC_OK) { /* nothing of it was added */
        CHECK(jwt_keys_add_jwks(keys, str_of(jwks), &why) == RC_OK);
    }
    buf_release(&why);
    jwt_keys_free(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jwt_keys *keys; /* making keys costs more than everything else here */
    if (!keys) {
        keys = set_up();
    }
    if (size == 0) {
        return 0;
    }
    struct str text = {(const char *)data + 1, size - 1};
    switch (data[0]) {
    case 's':
        check_signed(keys, text);
        break;
    case 'u':
        check_subject(keys, text);
        break;
    case 'k':
        check_jwks(text);
        break;
    default:
        verify(keys, text);
        break;
    }
    return 0;
}
