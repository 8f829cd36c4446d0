/* The published example of RFC 8291, a signature that libcrypto itself verifies, what is refused; which addresses are public. */
#include "tests/unit/unit.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "rest/addr_public.h"
#include "rest/push_crypt.h"
#include "shared/id.h"

/* RFC 8291 appendix A */
#define AS_PRIVATE "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
#define AS_PUBLIC  "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
#define UA_PUBLIC  "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define SALT       "DGv6ra1nlYgDCS1FRnbzlw"
#define AUTH       "BTBZMqHH6r4Tts7J_aSIgg"
#define PLAIN      "When I grow up, I want to be a watermelon"
#define BODY                                                                                                                 \
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95" \
    "bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"

static struct buf decoded(const char *text)
{
    struct buf b = BUF_INIT;
    assert_true(base64url_decode(str_of(text), &b));
    return b;
}

static struct push_key *example_key(void)
{
    struct buf scalar = decoded(AS_PRIVATE);
    struct push_key *k = NULL;
    assert_int_equal(push_key_from(buf_str(&scalar), &k), RC_OK);
    buf_release(&scalar);
    return k;
}

static void test_public_key(void **state)
{
    struct push_key *k = example_key();
    struct buf text = BUF_INIT;
    (void)state;
    base64url_add(&text, push_key_public(k).p, push_key_public(k).len);
    assert_string_equal(text.p, AS_PUBLIC);
    buf_release(&text);
    push_key_free(k);
}

static void test_example(void **state)
{
    struct push_key *k = example_key();
    struct buf salt = decoded(SALT), auth = decoded(AUTH), receiver = decoded(UA_PUBLIC), out = BUF_INIT, text = BUF_INIT;
    (void)state;
    buf_add_z(&out, "before");
    assert_int_equal(push_encrypt(k, (const unsigned char *)salt.p, buf_str(&receiver), buf_str(&auth), STR(PLAIN), &out),
                     RC_OK);
    assert_int_equal(out.len, 6 + sizeof(PLAIN) - 1 + PUSH_OVERHEAD_BYTES);
    base64url_add(&text, out.p + 6, out.len - 6);
    assert_string_equal(text.p, BODY);
    buf_release(&salt);
    buf_release(&auth);
    buf_release(&receiver);
    buf_release(&out);
    buf_release(&text);
    push_key_free(k);
}

static void test_limits_of_encryption(void **state)
{
    struct push_key *k = push_key_new();
    struct buf salt = decoded(SALT), auth = decoded(AUTH), receiver = decoded(UA_PUBLIC), out = BUF_INIT;
    static char plain[PUSH_PLAIN_MAX_BYTES + 1];
    const unsigned char *s = (const unsigned char *)salt.p;
    struct str to = buf_str(&receiver), secret = buf_str(&auth);
    (void)state;
    assert_non_null(k);
    assert_int_equal(push_encrypt(k, s, to, secret, (struct str){plain, sizeof(plain)}, &out), RC_TOO_BIG);
    assert_int_equal(push_encrypt(k, s, to, (struct str){secret.p, 15}, STR("x"), &out), RC_INVALID);
    assert_int_equal(push_encrypt(k, s, (struct str){to.p, 64}, secret, STR("x"), &out), RC_INVALID);
    assert_int_equal(out.len, 0);
    assert_int_equal(push_encrypt(k, s, to, secret, (struct str){plain, sizeof(plain) - 1}, &out), RC_OK);
    assert_int_equal(out.len, 4096);
    buf_clear(&out);
    assert_int_equal(push_encrypt(k, s, to, secret, STR(""), &out), RC_OK);
    assert_int_equal(out.len, PUSH_OVERHEAD_BYTES);
    buf_release(&salt);
    buf_release(&auth);
    buf_release(&receiver);
    buf_release(&out);
    push_key_free(k);
}

static void test_points(void **state)
{
    struct buf point = decoded(UA_PUBLIC);
    (void)state;
    assert_true(push_public_valid(buf_str(&point)));
    assert_false(push_public_valid((struct str){point.p, 64}));
    assert_false(push_public_valid(STR("")));
    point.p[64] ^= 1; /* not on the curve */
    assert_false(push_public_valid(buf_str(&point)));
    point.p[64] ^= 1;
    point.p[0] = 2; /* compressed points are shorter */
    assert_false(push_public_valid(buf_str(&point)));
    buf_release(&point);
}

static void test_scalars(void **state)
{
    struct push_key *k = NULL;
    unsigned char n[32];
    const struct str scalar = {(const char *)n, 32};
    (void)state;
    memset(n, 0, sizeof(n));
    assert_int_equal(push_key_from(scalar, &k), RC_INVALID);
    memset(n, 0xff, sizeof(n)); /* above the order */
    assert_int_equal(push_key_from(scalar, &k), RC_INVALID);
    assert_int_equal(push_key_from((struct str){(const char *)n, 31}, &k), RC_INVALID);
    assert_null(k);
}

static bool verify(const struct push_key *k, struct str text, const unsigned char sig[PUSH_SIGNATURE_BYTES])
{
    EVP_PKEY *pkey = NULL;
    unsigned char *der = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    assert_int_equal(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, push_key_public(k).p, PUSH_PUBLIC_BYTES), 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
    ECDSA_SIG *parts = ECDSA_SIG_new();
    assert_int_equal(ECDSA_SIG_set0(parts, BN_bin2bn(sig, 32, NULL), BN_bin2bn(sig + 32, 32, NULL)), 1);
    int len = i2d_ECDSA_SIG(parts, &der);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, pkey), 1);
    bool good = EVP_DigestVerify(md, der, (size_t)len, (const unsigned char *)text.p, text.len) == 1;
    EVP_MD_CTX_free(md);
    OPENSSL_free(der);
    ECDSA_SIG_free(parts);
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return good;
}

/* Often, because r and s are shorter now and then. */
static void test_signatures(void **state)
{
    struct push_key *k = example_key();
    unsigned char sig[PUSH_SIGNATURE_BYTES];
    (void)state;
    for (int i = 0; i < 600; i++) {
        assert_int_equal(push_key_sign(k, STR("header.claims"), sig), RC_OK);
        assert_true(verify(k, STR("header.claims"), sig));
    }
    assert_false(verify(k, STR("header.claimz"), sig));
    push_key_free(k);
}

/* RFC 4231 case 2 */
static void test_hmac(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    assert_int_equal(push_hmac_hex(STR("Jefe"), STR("what do ya want for nothing?"), &out), RC_OK);
    assert_string_equal(out.p, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    buf_release(&out);
}

static void test_addresses(void **state)
{
    static const char *const public[] = {"1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1",
                                         "198.17.0.1", "198.20.0.1", "192.0.3.1", "223.255.255.255", "2606:4700::1111",
                                         "2a00:1450:4001::1", "::ffff:8.8.8.8", "2001:4860:4860::8888"};
    static const char *const others[] = {
        "0.0.0.0",     "0.1.2.3",      "10.0.0.1",    "127.0.0.1",   "127.255.255.255", "100.64.0.1",   "100.127.255.255", "169.254.169.254",
        "172.16.0.1",  "172.31.255.1", "192.168.0.1", "192.0.0.1",   "192.0.2.1",       "192.88.99.1",  "198.18.0.1",      "198.19.255.255",
        "198.51.100.1", "203.0.113.1", "224.0.0.1",   "240.0.0.1",   "255.255.255.255", "::",           "::1",             "fe80::1",
        "fc00::1",     "fd00::1",      "ff02::1",     "2001:db8::1", "2001::1",         "2002:7f00:1::", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "::127.0.0.1", "100::1",   "3fff::1",     "5f00::1"};
    struct addr a;
    (void)state;
    for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
        assert_int_equal(addr_parse(str_of(public[i]), false, &a), RC_OK);
        assert_true(addr_is_public(&a));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(addr_parse(str_of(others[i]), false, &a), RC_OK);
        assert_false(addr_is_public(&a));
    }
    assert_false(addr_is_public(&(struct addr){.family = ADDR_NONE}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_key), cmocka_unit_test(test_example), cmocka_unit_test(test_limits_of_encryption),
        cmocka_unit_test(test_points),     cmocka_unit_test(test_scalars), cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_hmac),       cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
