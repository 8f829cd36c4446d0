#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>

#include "shared/id.h"
#include "shared/jwt.h"
#include "tests/unit/jwt_vectors.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW      1500

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const char claims_ok[] = "{\"sub\":\"42\",\"exp\":2000}";
static const char header_ok[] = "{\"alg\":\"HS256\"}";

/* header.claims.signature of any two texts, signed by libcrypto's own function. */
static void make_token(struct buf *out, struct str header, struct str claims, const char *key)
{
    buf_clear(out);
    base64url_add(out, header.p, header.len);
    buf_add_char(out, '.');
    base64url_add(out, claims.p, claims.len);
    unsigned char mac[32];
    unsigned len = 0;
    HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)out->p, out->len, mac, &len);
    buf_add_char(out, '.');
    base64url_add(out, mac, len);
}

static struct jwt_keys *hs256_keys(const char *kid, const char *issuer, const char *audience,
                                   uint64_t leeway_s)
{
    struct jwt_keys *keys = jwt_keys_new(issuer, audience, leeway_s);
    assert_int_equal(jwt_keys_add_hs256(keys, kid, str_of(secret)), RC_OK);
    return keys;
}

static enum rc verify_made(const struct jwt_keys *keys, const char *header, const char *claims,
                           uint64_t now, struct jwt_claims *out)
{
    struct buf token = BUF_INIT;
    make_token(&token, str_of(header), str_of(claims), secret);
    enum rc rc = jwt_verify(keys, buf_str(&token), now, out);
    buf_release(&token);
    return rc;
}

/* ---------------------------------------------------------------- our own tokens */

static void test_jwt_signs_what_it_verifies(void **state)
{
    (void)state;
    const char *kids[] = {NULL, "k1", "key \"with\" quotes"};
    for (size_t i = 0; i < COUNT(kids); i++) {
        struct jwt_keys *keys = hs256_keys(kids[i], "confab", "web", 0);
        struct jwt_claims in = {.sub = "42",
                                .family = UINT64_MAX,
                                .issued_us = 1000000000,
                                .expires_s = 2000,
                                .has_stamp = i > 0,
                                .stamp_us = i},
                          out;
        struct buf token = BUF_INIT;
        buf_add_z(&token, "Bearer ");
        assert_int_equal(jwt_sign(keys, &in, &token), RC_OK);
        memset(&out, 1, sizeof(out));
        assert_int_equal(jwt_verify(keys, str_from(buf_str(&token), 7), NOW, &out), RC_OK);
        assert_string_equal(out.sub, "42");
        assert_true(out.family == UINT64_MAX);
        assert_int_equal(out.issued_us, 1000000000);
        assert_int_equal(out.expires_s, 2000);
        assert_true(out.has_stamp == (i > 0) && out.stamp_us == i);
        buf_release(&token);
        jwt_keys_free(keys);
    }
}

static void test_jwt_signed_text_is_stable(void **state)
{
    (void)state;
    struct jwt_keys *keys = hs256_keys("k1", "confab", "confab", 0);
    struct jwt_claims claims = {.sub = "42", .family = 9, .issued_us = 1000000000, .expires_s = 2000};
    struct buf token = BUF_INIT, want = BUF_INIT;
    assert_int_equal(jwt_sign(keys, &claims, &token), RC_OK);
    make_token(&want, STR("{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"),
               STR("{\"iss\":\"confab\",\"sub\":\"42\",\"fam\":\"9\",\"iat\":1000,\"exp\":2000,"
                   "\"aud\":\"confab\"}"),
               secret);
    assert_string_equal(token.p, want.p);
    buf_release(&token);
    buf_release(&want);
    jwt_keys_free(keys);
}

static void test_jwt_sign_without_a_secret_is_unsupported(void **state)
{
    (void)state;
    struct jwt_keys *keys = jwt_keys_new(NULL, NULL, 0);
    struct jwt_claims claims = {.sub = "1", .expires_s = 2000};
    struct buf out = BUF_INIT;
    assert_int_equal(jwt_sign(keys, &claims, &out), RC_UNSUPPORTED);
    assert_int_equal(out.len, 0);
    jwt_keys_free(keys);
    jwt_keys_free(NULL);
}

static void test_jwt_first_secret_signs_and_all_verify(void **state)
{
    (void)state;
    const char other[] = "ffffffffffffffffffffffffffffffff";
    struct jwt_keys *old_first = hs256_keys("old", NULL, NULL, 0),
                    *new_first = jwt_keys_new(NULL, NULL, 0);
    assert_int_equal(jwt_keys_add_hs256(new_first, "new", str_of(other)), RC_OK);
    assert_int_equal(jwt_keys_add_hs256(new_first, "old", str_of(secret)), RC_OK);
    struct jwt_claims in = {.sub = "7", .expires_s = 2000}, out;
    struct buf before = BUF_INIT, after = BUF_INIT;
    assert_int_equal(jwt_sign(old_first, &in, &before), RC_OK);
    assert_int_equal(jwt_sign(new_first, &in, &after), RC_OK);
    assert_int_equal(jwt_verify(new_first, buf_str(&before), NOW, &out), RC_OK);
    assert_int_equal(jwt_verify(new_first, buf_str(&after), NOW, &out), RC_OK);
    assert_int_equal(jwt_verify(old_first, buf_str(&after), NOW, &out), RC_INVALID);
    buf_release(&before);
    buf_release(&after);
    jwt_keys_free(old_first);
    jwt_keys_free(new_first);
}

/* ---------------------------------------------------------------- shape and signature */

static void test_jwt_every_changed_byte_is_refused(void **state)
{
    (void)state;
    struct jwt_keys *keys = hs256_keys("k1", NULL, NULL, 0);
    struct jwt_claims in = {.sub = "42", .issued_us = 1000000000, .expires_s = 2000}, out;
    struct buf token = BUF_INIT;
    assert_int_equal(jwt_sign(keys, &in, &token), RC_OK);
    for (size_t i = 0; i < token.len; i++) {
        char was = token.p[i];
        token.p[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(jwt_verify(keys, buf_str(&token), NOW, &out), RC_INVALID);
        token.p[i] = (char)(was | 0x80);
        assert_int_equal(jwt_verify(keys, buf_str(&token), NOW, &out), RC_INVALID);
        token.p[i] = was;
        assert_int_equal(jwt_verify(keys, (struct str){token.p, i}, NOW, &out), RC_INVALID);
    }
    assert_int_equal(jwt_verify(keys, buf_str(&token), NOW, &out), RC_OK);
    buf_add_char(&token, '=');
    assert_int_equal(jwt_verify(keys, buf_str(&token), NOW, &out), RC_INVALID);
    buf_release(&token);
    jwt_keys_free(keys);
}

static void test_jwt_refuses_other_shapes(void **state)
{
    (void)state;
    struct jwt_keys *keys = hs256_keys(NULL, NULL, NULL, 0);
    struct jwt_claims out;
    const char *bad[] = {
        "",         ".",           "..",    "...",           "a",         "a.b", "a.b.c",
        "e30.e30.", "e30.e30.e30", "!.!.!", "bnVsbA.e30.AA", "W10.W10.AA"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(jwt_verify(keys, str_of(bad[i]), NOW, &out), RC_INVALID);
    }
    assert_int_equal(jwt_verify(keys, STR_NONE, NOW, &out), RC_INVALID);

    struct buf token = BUF_INIT;
    make_token(&token, str_of(header_ok), str_of(claims_ok), secret);
    assert_int_equal(jwt_verify(keys, buf_str(&token), NOW, &out), RC_OK);
    buf_add_z(&token, ".e30");
    assert_int_equal(jwt_verify(keys, buf_str(&token), NOW, &out), RC_INVALID);
    make_token(&token, str_of(header_ok), str_of(claims_ok), "another secret of good length 123");
    assert_int_equal(jwt_verify(keys, buf_str(&token), NOW, &out), RC_INVALID);
    buf_release(&token);
    jwt_keys_free(keys);
}

static void test_jwt_size_limit_is_exact(void **state)
{
    (void)state;
    struct jwt_keys *keys = hs256_keys(NULL, NULL, NULL, 0);
    bool reached = false;
    for (size_t pad = 6000; pad < 6200; pad++) {
        struct buf claims = BUF_INIT, token = BUF_INIT;
        struct jwt_claims out;
        buf_addf(&claims, "{\"sub\":\"42\",\"exp\":2000,\"x\":\"%0*d\"}", (int)pad, 0);
        make_token(&token, str_of(header_ok), buf_str(&claims), secret);
        enum rc want = token.len <= JWT_MAX_BYTES ? RC_OK : RC_INVALID;
        assert_int_equal(jwt_verify(keys, buf_str(&token), NOW, &out), want);
        reached = reached || want != RC_OK;
        buf_release(&claims);
        buf_release(&token);
    }
    assert_true(reached);
    jwt_keys_free(keys);
}

/* ---------------------------------------------------------------- header */

static void test_jwt_header_rules(void **state)
{
    (void)state;
    const struct {
        const char *header;
        enum rc rc;
    } rows[] = {
        {"{\"alg\":\"HS256\"}", RC_OK},
        {"{\"alg\":\"HS256\",\"kid\":\"k1\"}", RC_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", RC_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"jwt\"}", RC_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", RC_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"application/at+jwt\"}", RC_OK},
        {"{\"alg\":\"HS256\",\"x5t\":\"anything\"}", RC_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}", RC_INVALID},
        {"{\"alg\":\"HS256\",\"typ\":1}", RC_INVALID},
        {"{\"alg\":\"HS256\",\"kid\":\"k2\"}", RC_INVALID},
        {"{\"alg\":\"HS256\",\"kid\":\"\"}", RC_INVALID},
        {"{\"alg\":\"HS256\",\"kid\":null}", RC_INVALID},
        {"{\"alg\":\"HS256\",\"kid\":1}", RC_INVALID},
        {"{\"alg\":\"none\"}", RC_INVALID},
        {"{\"alg\":\"None\"}", RC_INVALID},
        {"{\"alg\":\"\"}", RC_INVALID},
        {"{\"alg\":\"hs256\"}", RC_INVALID},
        {"{\"alg\":\"HS512\"}", RC_INVALID},
        {"{\"alg\":\"RS256\"}", RC_INVALID},
        {"{\"alg\":null}", RC_INVALID},
        {"{\"alg\":[\"HS256\"]}", RC_INVALID},
        {"{}", RC_INVALID},
        {"{\"alg\":\"HS256\",\"crit\":[]}", RC_INVALID},
        {"{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", RC_INVALID},
        {"{\"alg\":\"HS256\",\"crit\":null}", RC_INVALID},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\"}", RC_INVALID},
        {"{\"alg\":\"none\",\"alg\":\"HS256\"}", RC_INVALID},
        {"{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}", RC_INVALID},
        {"[\"HS256\"]", RC_INVALID},
        {"\"HS256\"", RC_INVALID},
        {"null", RC_INVALID},
        {"{\"alg\":\"HS256\"} x", RC_INVALID},
        {"", RC_INVALID},
    };
    struct jwt_keys *keys = hs256_keys("k1", NULL, NULL, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jwt_claims out;
        if (verify_made(keys, rows[i].header, claims_ok, NOW, &out) != rows[i].rc) {
            fail_msg("%s", rows[i].header);
        }
    }
    jwt_keys_free(keys);
}

static void test_jwt_alg_none_with_an_empty_signature_is_refused(void **state)
{
    (void)state;
    struct jwt_keys *keys = hs256_keys(NULL, NULL, NULL, 0);
    struct jwt_claims out;
    struct buf token = BUF_INIT;
    const char header[] = "{\"alg\":\"none\"}";
    base64url_add(&token, header, sizeof(header) - 1);
    buf_add_char(&token, '.');
    base64url_add(&token, claims_ok, sizeof(claims_ok) - 1);
    buf_add_char(&token, '.');
    assert_int_equal(jwt_verify(keys, buf_str(&token), NOW, &out), RC_INVALID);
    buf_release(&token);
    jwt_keys_free(keys);
}

static void test_jwt_without_kid_needs_one_key_or_the_one_without_kid(void **state)
{
    (void)state;
    struct jwt_claims out;
    struct jwt_keys *keys = jwt_keys_new(NULL, NULL, 0);
    assert_int_equal(verify_made(keys, header_ok, claims_ok, NOW, &out), RC_INVALID);
    assert_int_equal(jwt_keys_add_hs256(keys, "k1", str_of(secret)), RC_OK);
    assert_int_equal(verify_made(keys, header_ok, claims_ok, NOW, &out), RC_OK);
    assert_int_equal(jwt_keys_add_hs256(keys, "k2", STR("ffffffffffffffffffffffffffffffff")),
                     RC_OK);
    assert_int_equal(verify_made(keys, header_ok, claims_ok, NOW, &out), RC_INVALID);
    jwt_keys_free(keys);

    keys = jwt_keys_new(NULL, NULL, 0);
    assert_int_equal(jwt_keys_add_hs256(keys, "k2", STR("ffffffffffffffffffffffffffffffff")),
                     RC_OK);
    assert_int_equal(jwt_keys_add_hs256(keys, NULL, str_of(secret)), RC_OK);
    assert_int_equal(verify_made(keys, header_ok, claims_ok, NOW, &out), RC_OK);
    assert_int_equal(verify_made(keys, "{\"alg\":\"HS256\",\"kid\":\"\"}", claims_ok, NOW, &out),
                     RC_INVALID);
    jwt_keys_free(keys);
}

/* ---------------------------------------------------------------- claims */

static void test_jwt_claim_rules(void **state)
{
    (void)state;
    const struct {
        const char *claims;
        enum rc rc;
    } rows[] = {
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000}", RC_OK},
        {"{\"iss\":\"idp\",\"aud\":[\"x\",\"confab\"],\"sub\":\"42\",\"exp\":2000}", RC_OK},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000,\"fam\":"
         "\"18446744073709551615\"}",
         RC_OK},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000,\"fam\":7}", RC_OK},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000,\"realm_access\":{"
         "\"roles\":[\"a\"]}}",
         RC_OK},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\"}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":\"2000\"}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000.5}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2e3}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":-1}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":null}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":true}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":99999999999999999999}",
         RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000,\"exp\":3000}",
         RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000,\"nbf\":\"1\"}",
         RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000,\"iat\":1.5}",
         RC_OK},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000,\"fam\":\"x\"}",
         RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000,\"fam\":-1}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000,\"fam\":null}",
         RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"exp\":2000}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"\",\"exp\":2000}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":42,\"exp\":2000}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confab\",\"sub\":\"4\\u00002\",\"exp\":2000}", RC_INVALID},
        {"{\"iss\":\"other\",\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000}", RC_INVALID},
        {"{\"iss\":[\"idp\"],\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000}", RC_INVALID},
        {"{\"aud\":\"confab\",\"sub\":\"42\",\"exp\":2000}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":\"confa\",\"sub\":\"42\",\"exp\":2000}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":[\"confabs\"],\"sub\":\"42\",\"exp\":2000}", RC_INVALID},
        {"{\"iss\":\"idp\",\"aud\":[],\"sub\":\"42\",\"exp\":2000}", RC_INVALID},
        {"{\"iss\":\"idp\",\"sub\":\"42\",\"exp\":2000}", RC_INVALID},
        {"[]", RC_INVALID},
        {"null", RC_INVALID},
        {"", RC_INVALID},
        {"{\"iss\":\"idp\"", RC_INVALID},
    };
    struct jwt_keys *keys = hs256_keys("k1", "idp", "confab", 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jwt_claims out = {.sub = "kept"};
        if (verify_made(keys, header_ok, rows[i].claims, NOW, &out) != rows[i].rc) {
            fail_msg("%s", rows[i].claims);
        }
        assert_string_equal(out.sub, rows[i].rc == RC_OK ? "42" : "kept");
    }
    jwt_keys_free(keys);
}

static void test_jwt_issuer_and_audience_are_not_asked_for_unless_set(void **state)
{
    (void)state;
    struct jwt_keys *keys = hs256_keys("k1", NULL, NULL, 0);
    struct jwt_claims out;
    assert_int_equal(verify_made(keys, header_ok, claims_ok, NOW, &out), RC_OK);
    assert_int_equal(out.family, 0);
    assert_int_equal(out.issued_us, 0);
    assert_int_equal(verify_made(keys, header_ok,
                                 "{\"iss\":1,\"aud\":2,\"sub\":\"42\",\"exp\":2000}", NOW, &out),
                     RC_OK);
    jwt_keys_free(keys);
}

static void test_jwt_issued_between_two_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        enum rc rc;
        uint64_t issued_us;
    } rows[] = {
        {"{\"sub\":\"42\",\"iat\":900.25,\"exp\":2000}", RC_OK, 900250000},
        {"{\"sub\":\"42\",\"iat\":9e2,\"exp\":2000}", RC_OK, 900000000},
        {"{\"sub\":\"42\",\"iat\":0.5,\"exp\":2000}", RC_OK, 500000},
        {"{\"sub\":\"42\",\"iat\":-0.5,\"exp\":2000}", RC_INVALID, 0},
        {"{\"sub\":\"42\",\"iat\":\"900\",\"exp\":2000}", RC_INVALID, 0},
        {"{\"sub\":\"42\",\"iat\":1e300,\"exp\":2000}", RC_TIMEOUT, 0},
        {"{\"sub\":\"42\",\"iat\":9007199254740991,\"exp\":2000}", RC_TIMEOUT, 0},
        {"{\"sub\":\"42\",\"rev\":-1,\"exp\":2000}", RC_INVALID, 0},
    };
    struct jwt_keys *keys = hs256_keys(NULL, NULL, NULL, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jwt_claims out = {0};
        assert_int_equal(verify_made(keys, header_ok, rows[i].claims, NOW, &out), rows[i].rc);
        assert_int_equal(out.issued_us, rows[i].issued_us);
    }
    jwt_keys_free(keys);
}

static void test_jwt_times_with_and_without_leeway(void **state)
{
    (void)state;
    const char claims[] = "{\"sub\":\"42\",\"iat\":900,\"nbf\":1000,\"exp\":2000}";
    const char future[] = "{\"sub\":\"42\",\"iat\":1000,\"exp\":2000}";
    const uint64_t leeways[] = {0, 30};
    for (size_t i = 0; i < COUNT(leeways); i++) {
        struct jwt_keys *keys = hs256_keys(NULL, NULL, NULL, leeways[i]);
        struct jwt_claims out;
        uint64_t first = 1000 - leeways[i], last = 1999 + leeways[i];
        assert_int_equal(verify_made(keys, header_ok, claims, first - 1, &out), RC_TIMEOUT);
        assert_int_equal(verify_made(keys, header_ok, claims, first, &out), RC_OK);
        assert_int_equal(verify_made(keys, header_ok, claims, last, &out), RC_OK);
        assert_int_equal(verify_made(keys, header_ok, claims, last + 1, &out), RC_TIMEOUT);
        assert_int_equal(verify_made(keys, header_ok, future, first - 1, &out), RC_TIMEOUT);
        assert_int_equal(verify_made(keys, header_ok, future, first, &out), RC_OK);
        jwt_keys_free(keys);
    }
    struct jwt_keys *keys = hs256_keys(NULL, NULL, NULL, UINT64_MAX);
    struct jwt_claims out;
    assert_int_equal(verify_made(keys, header_ok, claims, UINT64_MAX - 1, &out), RC_OK);
    jwt_keys_free(keys);
}

static void test_jwt_subject_of_127_bytes_is_the_longest(void **state)
{
    (void)state;
    struct jwt_keys *keys = hs256_keys(NULL, NULL, NULL, 0);
    for (int len = 126; len <= 129; len++) {
        struct buf claims = BUF_INIT;
        struct jwt_claims out;
        buf_addf(&claims, "{\"sub\":\"%0*d\",\"exp\":2000}", len, 0);
        assert_int_equal(verify_made(keys, header_ok, claims.p, NOW, &out),
                         len <= 127 ? RC_OK : RC_INVALID);
        if (len <= 127) {
            assert_int_equal(strlen(out.sub), len);
        }
        buf_release(&claims);
    }
    jwt_keys_free(keys);
}

/* ---------------------------------------------------------------- keys */

static void test_jwt_secret_and_kid_have_bounds(void **state)
{
    (void)state;
    struct jwt_keys *keys = jwt_keys_new(NULL, NULL, 0);
    char kid[300];
    memset(kid, 'k', sizeof(kid));
    assert_int_equal(jwt_keys_add_hs256(keys, "a", STR_NONE), RC_INVALID);
    assert_int_equal(jwt_keys_add_hs256(keys, "a", (struct str){secret, 31}), RC_INVALID);
    assert_int_equal(jwt_keys_add_hs256(keys, "a", (struct str){secret, 32}), RC_OK);
    assert_int_equal(jwt_keys_add_hs256(keys, "a", (struct str){secret, 32}), RC_INVALID);
    kid[257] = '\0';
    assert_int_equal(jwt_keys_add_hs256(keys, kid, str_of(secret)), RC_INVALID);
    kid[256] = '\0';
    assert_int_equal(jwt_keys_add_hs256(keys, kid, str_of(secret)), RC_OK);
    assert_int_equal(jwt_keys_add_hs256(keys, "\xff", str_of(secret)), RC_INVALID);
    jwt_keys_free(keys);
}

static void test_jwt_key_count_has_a_bound(void **state)
{
    (void)state;
    struct jwt_keys *keys = jwt_keys_new(NULL, NULL, 0);
    for (int i = 0; i < JWT_MAX_KEYS; i++) {
        char kid[8];
        snprintf(kid, sizeof(kid), "k%d", i);
        assert_int_equal(jwt_keys_add_hs256(keys, kid, str_of(secret)), RC_OK);
    }
    assert_int_equal(jwt_keys_add_hs256(keys, "one more", str_of(secret)), RC_INVALID);
    jwt_keys_free(keys);
}

static enum rc add_jwks(struct jwt_keys *keys, const char *list, struct buf *why)
{
    struct buf text = BUF_INIT;
    buf_addf(&text, "{\"keys\":[%s]}", list);
    enum rc rc = jwt_keys_add_jwks(keys, buf_str(&text), why);
    buf_release(&text);
    return rc;
}

static struct jwt_keys *public_keys(const char *issuer, const char *audience)
{
    struct jwt_keys *keys = jwt_keys_new(issuer, audience, 0);
    struct buf list = BUF_INIT, why = BUF_INIT;
    buf_addf(&list, "%s,%s,%s", JWK_RSA, JWK_EC, JWK_ED);
    assert_int_equal(add_jwks(keys, list.p, &why), RC_OK);
    assert_int_equal(why.len, 0);
    buf_release(&list);
    buf_release(&why);
    return keys;
}

static void test_jwt_verifies_tokens_of_another_implementation(void **state)
{
    (void)state;
    struct jwt_keys *keys = public_keys("idp", "confab");
    const char *tokens[] = {TOKEN_RS256, TOKEN_ES256, TOKEN_EDDSA};
    for (size_t i = 0; i < COUNT(tokens); i++) {
        struct jwt_claims out;
        assert_int_equal(jwt_verify(keys, str_of(tokens[i]), NOW, &out), RC_OK);
        assert_string_equal(out.sub, "alice");
        assert_int_equal(out.issued_us, 1000000000);
        assert_int_equal(out.expires_s, 2000);
        assert_int_equal(jwt_verify(keys, str_of(tokens[i]), 2000, &out), RC_TIMEOUT);
        assert_int_equal(jwt_verify(keys, str_of(tokens[i]), 999, &out), RC_TIMEOUT);
    }
    struct buf out = BUF_INIT;
    struct jwt_claims claims = {.sub = "1", .expires_s = 1};
    assert_int_equal(jwt_sign(keys, &claims, &out), RC_UNSUPPORTED);
    jwt_keys_free(keys);
}

static void test_jwt_changed_public_key_tokens_are_refused(void **state)
{
    (void)state;
    struct jwt_keys *keys = public_keys(NULL, NULL);
    const char *tokens[] = {TOKEN_RS256, TOKEN_ES256, TOKEN_EDDSA};
    for (size_t i = 0; i < COUNT(tokens); i++) {
        char text[2048];
        size_t len = strlen(tokens[i]);
        memcpy(text, tokens[i], len + 1);
        for (size_t at = 0; at < len; at += 3) {
            struct jwt_claims out;
            text[at] = tokens[i][at] == 'A' ? 'B' : 'A';
            assert_int_equal(jwt_verify(keys, (struct str){text, len}, NOW, &out), RC_INVALID);
            text[at] = tokens[i][at];
        }
    }
    jwt_keys_free(keys);
}

static void test_jwt_refuses_confused_and_foreign_tokens(void **state)
{
    (void)state;
    struct jwt_keys *keys = public_keys(NULL, NULL);
    const char *tokens[] = {TOKEN_CONFUSED,  TOKEN_EC_AS_RSA, TOKEN_ES256_FOREIGN,
                            TOKEN_ES256_DER, TOKEN_PS256,     TOKEN_RS256_PSS};
    struct jwt_claims out;
    for (size_t i = 0; i < COUNT(tokens); i++) {
        assert_int_equal(jwt_verify(keys, str_of(tokens[i]), NOW, &out), RC_INVALID);
    }
    jwt_keys_free(keys);
    keys = hs256_keys("k1", "idp", "confab", 0);
    assert_int_equal(jwt_verify(keys, str_of(TOKEN_RS256), NOW, &out), RC_INVALID);
    jwt_keys_free(keys);
}

static void test_jwt_jwks_skips_what_is_not_for_us(void **state)
{
    (void)state;
    const char *skipped[] = {
        "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
        "{\"kty\":\"RSA\",\"use\":\"enc\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
        "{\"kty\":\"RSA\",\"alg\":\"RS512\"}",
        "{\"kty\":\"RSA\",\"key_ops\":[\"encrypt\"]}",
        "{\"kty\":\"OKP\",\"crv\":\"X25519\"}",
        "{\"kty\":\"EC\",\"crv\":\"secp256k1\"}",
        "{\"kty\":1}",
        "{}",
        "7",
        JWK_P384,
    };
    for (size_t i = 0; i < COUNT(skipped); i++) {
        struct jwt_keys *keys = jwt_keys_new(NULL, NULL, 0);
        struct buf why = BUF_INIT, list = BUF_INIT;
        assert_int_equal(add_jwks(keys, skipped[i], &why), RC_INVALID);
        assert_non_null(strstr(why.p, "has no key"));
        buf_addf(&list, "%s,%s", skipped[i], JWK_ED);
        buf_clear(&why);
        assert_int_equal(add_jwks(keys, list.p, &why), RC_OK);
        struct jwt_claims out;
        assert_int_equal(jwt_verify(keys, str_of(TOKEN_EDDSA), NOW, &out), RC_OK);
        buf_release(&why);
        buf_release(&list);
        jwt_keys_free(keys);
    }
}

static void test_jwt_jwks_bad_key_adds_nothing_and_says_which(void **state)
{
    (void)state;
    const char *bad[] = {
        JWK_RSA_1024,
        JWK_EC, /* its kid is used already */
        "{\"kty\":\"RSA\",\"kid\":\"x\"}",
        "{\"kty\":\"RSA\",\"kid\":\"x\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
        "{\"kty\":\"RSA\",\"kid\":\"x\",\"n\":1,\"e\":\"AQAB\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"x\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"x\",\"x\":\"AA\",\"y\":\"AA\"}",
        /* 32 bytes each, but not a point of the curve */
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"x\",\"x\":"
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"x\",\"x\":\"AAAA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"x\",\"x\":\"!\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":7,\"x\":"
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct jwt_keys *keys = jwt_keys_new(NULL, NULL, 0);
        struct buf why = BUF_INIT, list = BUF_INIT;
        buf_addf(&list, "%s,%s", JWK_EC, bad[i]);
        assert_int_equal(add_jwks(keys, list.p, &why), RC_INVALID);
        assert_non_null(strstr(why.p, "key number 2: "));
        struct jwt_claims out;
        assert_int_equal(jwt_verify(keys, str_of(TOKEN_ES256), NOW, &out), RC_INVALID);
        assert_int_equal(add_jwks(keys, JWK_EC, &why), RC_OK);
        assert_int_equal(jwt_verify(keys, str_of(TOKEN_ES256), NOW, &out), RC_OK);
        buf_release(&why);
        buf_release(&list);
        jwt_keys_free(keys);
    }
}

static void test_jwt_jwks_text_must_be_a_key_set(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "{",
                         "null",
                         "[]",
                         "{}",
                         "{\"keys\":{}}",
                         "{\"keys\":[]}",
                         "{\"keys\":null}",
                         "{\"keys\":[],\"keys\":[]}"};
    struct jwt_keys *keys = jwt_keys_new(NULL, NULL, 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct buf why = BUF_INIT;
        assert_int_equal(jwt_keys_add_jwks(keys, str_of(bad[i]), &why), RC_INVALID);
        assert_true(why.len > 0);
        buf_release(&why);
    }
    jwt_keys_free(keys);
}

static void test_jwt_jwks_more_keys_than_fit(void **state)
{
    (void)state;
    struct jwt_keys *keys = jwt_keys_new(NULL, NULL, 0);
    struct buf list = BUF_INIT, why = BUF_INIT;
    for (int i = 0; i <= JWT_MAX_KEYS; i++) {
        buf_addf(&list,
                 "%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k%d\",\"x\":"
                 "\"7xyiaVdmWxXGnVBH2RYmYouyLmN7eawbuFsMWeNXh7g\"}",
                 i > 0 ? "," : "", i);
    }
    assert_int_equal(add_jwks(keys, list.p, &why), RC_INVALID);
    assert_non_null(strstr(why.p, "too many keys"));
    buf_release(&list);
    buf_release(&why);
    jwt_keys_free(keys);
}

/* ---------------------------------------------------------------- threads */

struct shared_set {
    const struct jwt_keys *keys;
    struct buf token;
    unsigned failed;
};

static void *verify_often(void *arg)
{
    struct shared_set *set = arg;
    for (int i = 0; i < 500; i++) {
        struct jwt_claims out;
        bool ok = jwt_verify(set->keys, buf_str(&set->token), NOW, &out) == RC_OK &&
                  jwt_verify(set->keys, str_of(TOKEN_ES256), NOW, &out) == RC_OK;
        if (!ok) {
            __atomic_fetch_add(&set->failed, 1, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

static void test_jwt_one_set_serves_many_threads(void **state)
{
    (void)state;
    struct jwt_keys *keys = public_keys(NULL, NULL);
    assert_int_equal(jwt_keys_add_hs256(keys, "k1", str_of(secret)), RC_OK);
    struct shared_set set = {keys, BUF_INIT, 0};
    struct jwt_claims claims = {.sub = "42", .expires_s = 2000};
    assert_int_equal(jwt_sign(keys, &claims, &set.token), RC_OK);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, verify_often, &set), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(set.failed, 0);
    buf_release(&set.token);
    jwt_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jwt_signs_what_it_verifies),
        cmocka_unit_test(test_jwt_signed_text_is_stable),
        cmocka_unit_test(test_jwt_sign_without_a_secret_is_unsupported),
        cmocka_unit_test(test_jwt_first_secret_signs_and_all_verify),
        cmocka_unit_test(test_jwt_every_changed_byte_is_refused),
        cmocka_unit_test(test_jwt_refuses_other_shapes),
        cmocka_unit_test(test_jwt_size_limit_is_exact),
        cmocka_unit_test(test_jwt_header_rules),
        cmocka_unit_test(test_jwt_alg_none_with_an_empty_signature_is_refused),
        cmocka_unit_test(test_jwt_without_kid_needs_one_key_or_the_one_without_kid),
        cmocka_unit_test(test_jwt_claim_rules),
        cmocka_unit_test(test_jwt_issuer_and_audience_are_not_asked_for_unless_set),
        cmocka_unit_test(test_jwt_issued_between_two_seconds),
        cmocka_unit_test(test_jwt_times_with_and_without_leeway),
        cmocka_unit_test(test_jwt_subject_of_127_bytes_is_the_longest),
        cmocka_unit_test(test_jwt_secret_and_kid_have_bounds),
        cmocka_unit_test(test_jwt_key_count_has_a_bound),
        cmocka_unit_test(test_jwt_verifies_tokens_of_another_implementation),
        cmocka_unit_test(test_jwt_changed_public_key_tokens_are_refused),
        cmocka_unit_test(test_jwt_refuses_confused_and_foreign_tokens),
        cmocka_unit_test(test_jwt_jwks_skips_what_is_not_for_us),
        cmocka_unit_test(test_jwt_jwks_bad_key_adds_nothing_and_says_which),
        cmocka_unit_test(test_jwt_jwks_text_must_be_a_key_set),
        cmocka_unit_test(test_jwt_jwks_more_keys_than_fit),
        cmocka_unit_test(test_jwt_one_set_serves_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
