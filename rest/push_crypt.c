#include "rest/push_crypt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "shared/mem.h"

#define CURVE        "prime256v1"
#define SHARED_BYTES 32
#define KEY_BYTES    16
#define NONCE_BYTES  12
#define TAG_BYTES    16
#define RECORD_SIZE  4096
#define LAST_RECORD  2 /* the delimiter before the padding */

struct push_key {
    EVP_PKEY *pkey;
    unsigned char public[PUSH_PUBLIC_BYTES];
};

/* ---------------------------------------------------------------- keys */

static EVP_PKEY *pkey_from(OSSL_PARAM_BLD *build, int selection)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

/* The public key of others. */
static EVP_PKEY *public_from(struct str point)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL && point.len == PUSH_PUBLIC_BYTES && point.p[0] == 4 &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, CURVE, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.len) == 1) {
        pkey = pkey_from(build, EVP_PKEY_PUBLIC_KEY);
    }
    OSSL_PARAM_BLD_free(build);
    ERR_clear_error();
    return pkey;
}

bool push_public_valid(struct str point)
{
    EVP_PKEY *pkey = public_from(point);
    EVP_PKEY_free(pkey);
    return pkey != NULL;
}

static bool compute_public(const BIGNUM *scalar, unsigned char out[PUSH_PUBLIC_BYTES])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
    bool good = point != NULL && !BN_is_zero(scalar) && BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0 &&
                EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1 &&
                EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, PUSH_PUBLIC_BYTES, NULL) ==
                    PUSH_PUBLIC_BYTES;
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return good;
}

static EVP_PKEY *private_from(const BIGNUM *scalar, const unsigned char public[PUSH_PUBLIC_BYTES])
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, CURVE, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, public, PUSH_PUBLIC_BYTES) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar) == 1) {
        pkey = pkey_from(build, EVP_PKEY_KEYPAIR);
    }
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

enum rc push_key_from(struct str scalar, struct push_key **out)
{
    struct push_key *k = mem_new(sizeof(*k));
    BIGNUM *n = scalar.len == PUSH_SCALAR_BYTES ? BN_secure_new() : NULL;
    if (n != NULL && BN_bin2bn((const unsigned char *)scalar.p, PUSH_SCALAR_BYTES, n) != NULL &&
        compute_public(n, k->public)) {
        k->pkey = private_from(n, k->public);
    }
    BN_clear_free(n);
    if (k->pkey == NULL) {
        push_key_free(k);
        ERR_clear_error();
        return RC_INVALID;
    }
    *out = k;
    return RC_OK;
}

struct push_key *push_key_new(void)
{
    struct push_key *k = mem_new(sizeof(*k));
    size_t len = 0;
    k->pkey = EVP_EC_gen(CURVE);
    if (k->pkey == NULL ||
        EVP_PKEY_get_octet_string_param(k->pkey, OSSL_PKEY_PARAM_PUB_KEY, k->public, sizeof(k->public), &len) != 1 ||
        len != PUSH_PUBLIC_BYTES) {
        push_key_free(k);
        ERR_clear_error();
        return NULL;
    }
    return k;
}

void push_key_free(struct push_key *k)
{
    if (k != NULL) {
        EVP_PKEY_free(k->pkey);
        free(k);
    }
}

struct str push_key_public(const struct push_key *k)
{
    return (struct str){(const char *)k->public, PUSH_PUBLIC_BYTES};
}

/* ---------------------------------------------------------------- RFC 8291 section 3.4 */

static bool agree(const struct push_key *own, struct str other, unsigned char out[SHARED_BYTES])
{
    EVP_PKEY *peer = public_from(other);
    EVP_PKEY_CTX *ctx = peer != NULL ? EVP_PKEY_CTX_new(own->pkey, NULL) : NULL;
    size_t len = SHARED_BYTES;
    bool good = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
                EVP_PKEY_derive(ctx, out, &len) == 1 && len == SHARED_BYTES;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    return good;
}

static bool hkdf(struct str salt, struct str secret, struct str info, unsigned char *out, size_t len)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.p, salt.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.p, secret.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.p, info.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool good = ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return good;
}

/* RFC 8188: the names of the two keys end with a NUL. */
#define KEY_INFO   ((struct str){"Content-Encoding: aes128gcm", 28})
#define NONCE_INFO ((struct str){"Content-Encoding: nonce", 24})
#define PUSH_INFO  ((struct str){"WebPush: info", 14})

struct secrets {
    unsigned char ecdh[SHARED_BYTES], ikm[SHARED_BYTES], key[KEY_BYTES], nonce[NONCE_BYTES];
};

static bool derive(const struct push_key *sender, struct str salt, struct str receiver, struct str auth,
                   struct secrets *s)
{
    char info[14 + 2 * PUSH_PUBLIC_BYTES];
    if (!agree(sender, receiver, s->ecdh)) {
        return false;
    }
    memcpy(info, PUSH_INFO.p, PUSH_INFO.len);
    memcpy(info + PUSH_INFO.len, receiver.p, PUSH_PUBLIC_BYTES);
    memcpy(info + PUSH_INFO.len + PUSH_PUBLIC_BYTES, sender->public, PUSH_PUBLIC_BYTES);
    const struct str ecdh = {(const char *)s->ecdh, SHARED_BYTES}, ikm = {(const char *)s->ikm, SHARED_BYTES};
    return hkdf(auth, ecdh, (struct str){info, sizeof(info)}, s->ikm, SHARED_BYTES) &&
           hkdf(salt, ikm, KEY_INFO, s->key, KEY_BYTES) && hkdf(salt, ikm, NONCE_INFO, s->nonce, NONCE_BYTES);
}

/* plain, the delimiter, the tag: at to. */
static bool seal(const struct secrets *s, struct str plain, unsigned char *to)
{
    static const unsigned char last[1] = {LAST_RECORD};
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool good = ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, s->key, s->nonce) == 1 &&
                EVP_EncryptUpdate(ctx, to, &n, (const unsigned char *)plain.p, (int)plain.len) == 1 &&
                EVP_EncryptUpdate(ctx, to + plain.len, &n, last, 1) == 1 &&
                EVP_EncryptFinal_ex(ctx, to + plain.len + 1, &n) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, to + plain.len + 1) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

enum rc push_encrypt(const struct push_key *sender, const unsigned char salt[PUSH_SALT_BYTES], struct str receiver_public,
                     struct str auth, struct str plain, struct buf *out)
{
    struct secrets s;
    size_t sealed = plain.len + 1 + TAG_BYTES;
    if (plain.len > PUSH_PLAIN_MAX_BYTES) {
        return RC_TOO_BIG;
    }
    if (auth.len != PUSH_AUTH_BYTES || !push_public_valid(receiver_public)) {
        return RC_INVALID;
    }
    size_t before = out->len;
    bool good = derive(sender, (struct str){(const char *)salt, PUSH_SALT_BYTES}, receiver_public, auth, &s);
    buf_add(out, salt, PUSH_SALT_BYTES);
    buf_add_be32(out, RECORD_SIZE);
    buf_add_be8(out, PUSH_PUBLIC_BYTES);
    buf_add(out, sender->public, PUSH_PUBLIC_BYTES);
    char *to = good ? buf_reserve(out, sealed) : NULL;
    if (to != NULL && seal(&s, plain, (unsigned char *)to)) {
        buf_commit(out, sealed);
    } else {
        buf_truncate(out, before);
        good = false;
    }
    explicit_bzero(&s, sizeof(s));
    ERR_clear_error();
    return good ? RC_OK : RC_INTERNAL;
}

/* ---------------------------------------------------------------- signatures */

static bool split_signature(const unsigned char *der, size_t len, unsigned char out[PUSH_SIGNATURE_BYTES])
{
    const unsigned char *at = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    bool good = sig != NULL &&
                BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, PUSH_SIGNATURE_BYTES / 2) == PUSH_SIGNATURE_BYTES / 2 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + PUSH_SIGNATURE_BYTES / 2, PUSH_SIGNATURE_BYTES / 2) ==
                    PUSH_SIGNATURE_BYTES / 2;
    ECDSA_SIG_free(sig);
    return good;
}

enum rc push_key_sign(const struct push_key *k, struct str text, unsigned char out[PUSH_SIGNATURE_BYTES])
{
    unsigned char der[80];
    size_t len = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
                EVP_DigestSign(ctx, der, &len, (const unsigned char *)text.p, text.len) == 1 &&
                split_signature(der, len, out);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good ? RC_OK : RC_INTERNAL;
}

enum rc push_hmac_hex(struct str secret, struct str text, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (HMAC(EVP_sha256(), secret.p, (int)secret.len, (const unsigned char *)text.p, text.len, mac, &len) == NULL) {
        return RC_INTERNAL;
    }
    for (unsigned i = 0; i < len; i++) {
        buf_add_char(out, digits[mac[i] >> 4]);
        buf_add_char(out, digits[mac[i] & 15]);
    }
    return RC_OK;
}
