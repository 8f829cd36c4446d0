/*
 * jwt_keys.c -- keys of JSON Web Tokens, and what libcrypto does with them
 *
 * HS256 keeps one keyed MAC context per key and copies it for each token: hashing the key's padding
 * again would double the work.
 */
#include "shared/jwt_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "shared/id.h"
#include "shared/json.h"
#include "shared/mem.h"
#include "shared/utf8.h"

#define HS256_SECRET_MIN_BYTES 32   /* RFC 7518 section 3.2: at least the size of the hash */
#define RSA_MIN_BITS           2048 /* RFC 7518 section 3.3 */
#define P256_FIELD_BYTES       32
#define ED25519_KEY_BYTES      32
#define KID_MAX_BYTES          256

static const struct json_limits jwks_limits = {256 * 1024, 8, 64};

const char *const jwt_alg_names[] = {
    [JWT_HS256] = "HS256",
    [JWT_RS256] = "RS256",
    [JWT_ES256] = "ES256",
    [JWT_EDDSA] = "EdDSA",
};

/* ---------------------------------------------------------------- the key set */

struct jwt_keys *jwt_keys_new(const char *issuer, const char *audience, uint64_t leeway_s)
{
    struct jwt_keys *keys = mem_new(sizeof(*keys));
    keys->issuer = issuer ? mem_copy(issuer, strlen(issuer)) : NULL;
    keys->audience = audience ? mem_copy(audience, strlen(audience)) : NULL;
    keys->leeway_s = leeway_s;
    return keys;
}

static void key_release(struct jwt_key *key)
{
    free(key->kid);
    EVP_MAC_CTX_free(key->mac);
    EVP_PKEY_free(key->public);
    *key = (struct jwt_key){0};
}

static void drop_keys_from(struct jwt_keys *keys, size_t first)
{
    while (keys->count > first) {
        key_release(&keys->keys[--keys->count]);
    }
}

void jwt_keys_free(struct jwt_keys *keys)
{
    if (keys) {
        drop_keys_from(keys, 0);
        free(keys->issuer);
        free(keys->audience);
        free(keys);
    }
}

const struct jwt_key *jwt_keys_find(const struct jwt_keys *keys, struct str kid)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct jwt_key *key = &keys->keys[i];
        if (kid.p && key->kid ? str_eq(kid, str_of(key->kid)) : !kid.p && !key->kid) {
            return key;
        }
    }
    return NULL;
}

/* An empty slot for a key of this kid; NULL when the set is full or the kid is taken or unusable.
 */
static struct jwt_key *new_key(struct jwt_keys *keys, enum jwt_alg alg, struct str kid)
{
    if (keys->count == JWT_MAX_KEYS || kid.len > KID_MAX_BYTES || !utf8_valid(kid) ||
        jwt_keys_find(keys, kid)) {
        return NULL;
    }
    struct jwt_key *key = &keys->keys[keys->count++];
    key->alg = alg;
    key->kid = kid.p ? mem_copy(kid.p, kid.len) : NULL;
    return key;
}

static EVP_MAC_CTX *new_hmac(struct str secret)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    if (ctx && EVP_MAC_init(ctx, (const unsigned char *)secret.p, secret.len, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

enum rc jwt_keys_add_hs256(struct jwt_keys *keys, const char *kid, struct str secret)
{
    if (secret.len < HS256_SECRET_MIN_BYTES) {
        return RC_INVALID;
    }
    EVP_MAC_CTX *mac = new_hmac(secret);
    if (!mac) {
        ERR_clear_error();
        return RC_INTERNAL;
    }
    struct jwt_key *key = new_key(keys, JWT_HS256, str_of(kid));
    if (!key) {
        EVP_MAC_CTX_free(mac);
        return RC_INVALID;
    }
    key->mac = mac;
    return RC_OK;
}

/* ---------------------------------------------------------------- JWKS (RFC 7517, 7518, 8037) */

/* The base64url member of a key, decoded into out (cleared first). */
static bool key_bytes(struct jval jwk, const char *member, struct buf *out)
{
    struct str text;
    buf_clear(out);
    return json_str(json_get(jwk, member), &text) && base64url_decode(text, out) && out->len > 0;
}

static EVP_PKEY *pkey_from(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

static EVP_PKEY *read_rsa(struct jval jwk)
{
    EVP_PKEY *pkey = NULL;
    struct buf n_bytes = BUF_INIT_MAX(JWT_RSA_MAX_BITS / 8 + 1), e_bytes = BUF_INIT_MAX(8);
    BIGNUM *n = NULL, *e = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (!build || !key_bytes(jwk, "n", &n_bytes) || !key_bytes(jwk, "e", &e_bytes)) {
        goto out;
    }
    n = BN_bin2bn((const unsigned char *)n_bytes.p, (int)n_bytes.len, NULL);
    e = BN_bin2bn((const unsigned char *)e_bytes.p, (int)e_bytes.len, NULL);
    if (!n || !e || BN_num_bits(n) < RSA_MIN_BITS || BN_num_bits(n) > JWT_RSA_MAX_BITS ||
        !BN_is_odd(n) || !BN_is_odd(e) || BN_is_one(e)) {
        goto out;
    }
    if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
        pkey = pkey_from("RSA", build);
    }
out:
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(build);
    buf_release(&n_bytes);
    buf_release(&e_bytes);
    return pkey;
}

/* libcrypto checks that the point is on the curve. */
static EVP_PKEY *read_p256(struct jval jwk)
{
    EVP_PKEY *pkey = NULL;
    struct buf x = BUF_INIT_MAX(64), y = BUF_INIT_MAX(64);
    unsigned char point[1 + 2 * P256_FIELD_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build && key_bytes(jwk, "x", &x) && key_bytes(jwk, "y", &y) && x.len == P256_FIELD_BYTES &&
        y.len == P256_FIELD_BYTES) {
        memcpy(point + 1, x.p, P256_FIELD_BYTES);
        memcpy(point + 1 + P256_FIELD_BYTES, y.p, P256_FIELD_BYTES);
        if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
            OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                             sizeof(point)) == 1) {
            pkey = pkey_from("EC", build);
        }
    }
    OSSL_PARAM_BLD_free(build);
    buf_release(&x);
    buf_release(&y);
    return pkey;
}

static EVP_PKEY *read_ed25519(struct jval jwk)
{
    struct buf x = BUF_INIT_MAX(64);
    EVP_PKEY *pkey = NULL;
    if (key_bytes(jwk, "x", &x) && x.len == ED25519_KEY_BYTES) {
        pkey =
            EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.p, x.len);
    }
    buf_release(&x);
    return pkey;
}

/* What a JWK of a set offers. crv is NULL where the key type has no curves. */
struct kind {
    const char *kty, *crv;
    enum jwt_alg alg;
    EVP_PKEY *(*read)(struct jval jwk);
};

static const struct kind kinds[] = {
    {"RSA", NULL, JWT_RS256, read_rsa},
    {"EC", "P-256", JWT_ES256, read_p256},
    {"OKP", "Ed25519", JWT_EDDSA, read_ed25519},
};

/* NULL for keys that are for something else (RFC 7517 section 5: ignore them). */
static const struct kind *kind_of(struct jval jwk)
{
    if ((json_get(jwk, "use").present && !json_str_is(json_get(jwk, "use"), "sig")) ||
        (json_get(jwk, "key_ops").present && !json_list_has(json_get(jwk, "key_ops"), "verify"))) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct kind *kind = &kinds[i];
        if (json_str_is(json_get(jwk, "kty"), kind->kty) &&
            (!kind->crv || json_str_is(json_get(jwk, "crv"), kind->crv)) &&
            (!json_get(jwk, "alg").present ||
             json_str_is(json_get(jwk, "alg"), jwt_alg_names[kind->alg]))) {
            return kind;
        }
    }
    return NULL;
}

/* NULL when done, else what is wrong with the key. */
static const char *add_jwk(struct jwt_keys *keys, struct jval jwk)
{
    const struct kind *kind = kind_of(jwk);
    if (!kind) {
        return NULL;
    }
    struct str kid = STR_NONE;
    if (json_get(jwk, "kid").present && !json_str(json_get(jwk, "kid"), &kid)) {
        return "its kid is not a string";
    }
    EVP_PKEY *public = kind->read(jwk);
    if (!public) {
        ERR_clear_error();
        return "its numbers are missing, malformed, too short or too long";
    }
    struct jwt_key *key = new_key(keys, kind->alg, kid);
    if (!key) {
        EVP_PKEY_free(public);
        return keys->count == JWT_MAX_KEYS ? "there are too many keys"
                                           : "its kid is too long or used by another key";
    }
    key->public = public;
    return NULL;
}

enum rc jwt_keys_add_jwks(struct jwt_keys *keys, struct str text, struct buf *why)
{
    struct json *doc;
    enum rc rc = json_parse(text, &jwks_limits, &doc, why);
    if (rc != RC_OK) {
        return rc;
    }
    size_t before = keys->count;
    struct jval list = json_get(json_root(doc), "keys");
    const char *problem = NULL;
    size_t i = 0;
    while (i < json_length(list) && !problem) {
        problem = add_jwk(keys, json_at(list, i++));
    }
    if (problem) {
        buf_addf(why, "JWKS key number %zu: %s.", i, problem);
    } else if (keys->count == before) {
        problem = "none";
        buf_add_z(why, "The JWKS has no key for RS256, ES256 (P-256) or EdDSA (Ed25519).");
    }
    if (problem) {
        drop_keys_from(keys, before);
        rc = RC_INVALID;
    }
    json_free(doc);
    return rc;
}

/* ---------------------------------------------------------------- signatures */

bool jwt_key_mac(const struct jwt_key *key, struct str input, unsigned char mac[JWT_MAC_BYTES])
{
    size_t len = 0;
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(key->mac);
    bool ok = ctx && EVP_MAC_update(ctx, (const unsigned char *)input.p, input.len) == 1 &&
              EVP_MAC_final(ctx, mac, &len, JWT_MAC_BYTES) == 1 && len == JWT_MAC_BYTES;
    EVP_MAC_CTX_free(ctx);
    return ok;
}

static bool check_hs256(const struct jwt_key *key, struct str input, struct str signature)
{
    unsigned char mac[JWT_MAC_BYTES];
    return signature.len == sizeof(mac) && jwt_key_mac(key, input, mac) &&
           CRYPTO_memcmp(mac, signature.p, sizeof(mac)) == 0;
}

static bool check_public(const struct jwt_key *key, const EVP_MD *digest, struct str input,
                         const unsigned char *signature, size_t signature_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key->public) == 1 &&
              EVP_DigestVerify(ctx, signature, signature_len, (const unsigned char *)input.p,
                               input.len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* A JWT carries r and s as two numbers of the field's size (RFC 7518 section 3.4), libcrypto wants
 * DER. */
static bool check_es256(const struct jwt_key *key, struct str input, struct str signature)
{
    if (signature.len != (size_t)2 * P256_FIELD_BYTES) {
        return false;
    }
    const unsigned char *raw = (const unsigned char *)signature.p;
    bool ok = false;
    unsigned char *der = NULL;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, P256_FIELD_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(raw + P256_FIELD_BYTES, P256_FIELD_BYTES, NULL);
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* now sig's */
        int len = i2d_ECDSA_SIG(sig, &der);
        ok = len > 0 && check_public(key, EVP_sha256(), input, der, (size_t)len);
    }
    OPENSSL_free(der);
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return ok;
}

bool jwt_key_check(const struct jwt_key *key, struct str input, struct str signature)
{
    const unsigned char *bytes = (const unsigned char *)signature.p;
    bool ok = false;
    switch (key->alg) {
    case JWT_HS256:
        return check_hs256(key, input, signature);
    case JWT_RS256: /* the context's default padding is PKCS #1 v1.5, which is what RS256 means */
        ok = check_public(key, EVP_sha256(), input, bytes, signature.len);
        break;
    case JWT_ES256:
        ok = check_es256(key, input, signature);
        break;
    case JWT_EDDSA:
        ok = check_public(key, NULL, input, bytes, signature.len);
        break;
    }
    if (!ok) {
        ERR_clear_error(); /* a forged token must not fill the thread's error queue */
    }
    return ok;
}
