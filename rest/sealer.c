#include "rest/sealer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "shared/base64.h"
#include "shared/bug.h"
#include "shared/mem.h"

#define KEY_BYTES   32
#define NONCE_BYTES 12
#define TAG_BYTES   16
#define MARK        "\x01" "1"
#define HEAD_BYTES  (sizeof(MARK) - 1 + SEALER_ID_DIGITS)

struct key {
    char id[SEALER_ID_DIGITS];
    unsigned char text[KEY_BYTES], hash[KEY_BYTES];
};

struct sealer {
    EVP_CIPHER *cipher; /* looked up once: that costs more than sealing */
    unsigned count;
    struct key keys[SEALER_KEYS_MAX];
};

/* -- keys ---------------------------------------------------------------------------------------------- */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_hex(struct str line, unsigned char *out)
{
    bool good = line.len == (size_t)2 * KEY_BYTES;
    for (size_t i = 0; good && i < KEY_BYTES; i++) {
        int high = digit(line.p[2 * i]), low = digit(line.p[2 * i + 1]);
        good = high >= 0 && low >= 0;
        out[i] = (unsigned char)(good ? high * 16 + low : 0);
    }
    return good;
}

static void mac(const unsigned char *key, struct str text, unsigned char out[KEY_BYTES])
{
    unsigned len = KEY_BYTES;
    BUG_IF(HMAC(EVP_sha256(), key, KEY_BYTES, (const unsigned char *)text.p, text.len, out, &len) == NULL);
}

/* Each use has a key of its own. */
static void derive(struct key *k, const unsigned char *secret)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char id[KEY_BYTES];
    mac(secret, STR("confab text"), k->text);
    mac(secret, STR("confab hash"), k->hash);
    mac(secret, STR("confab id"), id);
    for (unsigned i = 0; i < SEALER_ID_DIGITS; i++) {
        k->id[i] = hex[(id[i / 2] >> (i % 2 ? 0 : 4)) & 15];
    }
}

static enum rc add_key(struct sealer *s, struct str line, unsigned number, struct buf *why)
{
    unsigned char secret[KEY_BYTES];
    if (s->count == SEALER_KEYS_MAX) {
        buf_addf(why, "content_key_file: more than %d keys.\n", SEALER_KEYS_MAX);
        return RC_INVALID;
    }
    if (!read_hex(line, secret)) {
        buf_addf(why, "content_key_file, line %u: a key is %d hex digits (openssl rand -hex %d).\n", number, 2 * KEY_BYTES,
                 KEY_BYTES);
        return RC_INVALID;
    }
    derive(&s->keys[s->count++], secret);
    OPENSSL_cleanse(secret, sizeof(secret));
    return RC_OK;
}

enum rc sealer_new(struct str keys, struct sealer **out, struct buf *why)
{
    struct sealer *s = mem_new(sizeof(*s));
    unsigned number = 0;
    enum rc rc = RC_OK;
    while (keys.p != NULL && rc == RC_OK) {
        struct str line;
        keys = str_cut(keys, '\n', &line);
        line.len -= line.len > 0 && line.p[line.len - 1] == '\r';
        line = str_trim(line);
        number++;
        if (line.len > 0 && line.p[0] != '#') {
            rc = add_key(s, line, number, why);
        }
    }
    if (rc == RC_OK && s->count == 0) {
        buf_add_z(why, "content_key_file has no key.\n");
        rc = RC_INVALID;
    }
    if (rc != RC_OK) {
        sealer_free(s);
        return rc;
    }
    s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    BUG_IF(s->cipher == NULL);
    *out = s;
    return RC_OK;
}

void sealer_free(struct sealer *s)
{
    if (s != NULL) {
        EVP_CIPHER_free(s->cipher);
        OPENSSL_cleanse(s, sizeof(*s));
        free(s);
    }
}

struct str sealer_id(const struct sealer *s)
{
    return (struct str){s->keys[0].id, SEALER_ID_DIGITS};
}

static const struct key *find_key(const struct sealer *s, struct str id)
{
    for (unsigned i = 0; i < s->count; i++) {
        if (str_eq((struct str){s->keys[i].id, SEALER_ID_DIGITS}, id)) {
            return &s->keys[i];
        }
    }
    return NULL;
}

bool sealer_has(const struct sealer *s, struct str id)
{
    return find_key(s, id) != NULL;
}

/* -- texts ---------------------------------------------------------------------------------------------- */

bool sealer_is_sealed(struct str text)
{
    return str_starts(text, STR(MARK));
}

static const unsigned char *bytes(struct str s)
{
    return (const unsigned char *)(s.len > 0 ? s.p : "");
}

void sealer_seal(const struct sealer *s, struct str aad, struct str text, struct buf *out)
{
    struct buf raw = BUF_INIT;
    unsigned char *p = (unsigned char *)buf_reserve(&raw, NONCE_BYTES + text.len + TAG_BYTES);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, last = 0;
    BUG_IF(p == NULL || ctx == NULL);
    random_bytes(p, NONCE_BYTES);
    bool good = EVP_EncryptInit_ex2(ctx, s->cipher, s->keys[0].text, p, NULL) == 1 &&
                EVP_EncryptUpdate(ctx, NULL, &n, bytes(aad), (int)aad.len) == 1 &&
                EVP_EncryptUpdate(ctx, p + NONCE_BYTES, &n, bytes(text), (int)text.len) == 1 &&
                EVP_EncryptFinal_ex(ctx, p + NONCE_BYTES + n, &last) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, p + NONCE_BYTES + text.len) == 1;
    BUG_IF(!good || (size_t)(n + last) != text.len); /* nothing in it depends on what the text is */
    EVP_CIPHER_CTX_free(ctx);
    buf_commit(&raw, NONCE_BYTES + text.len + TAG_BYTES);
    buf_add_z(out, MARK);
    buf_add(out, s->keys[0].id, SEALER_ID_DIGITS);
    base64_encode(out, buf_str(&raw));
    buf_release(&raw);
}

static bool decrypt(const struct sealer *s, const struct key *k, struct str aad, struct str raw, struct buf *out)
{
    unsigned char tag[TAG_BYTES];
    size_t len = raw.len - NONCE_BYTES - TAG_BYTES;
    const unsigned char *p = bytes(raw);
    unsigned char *to = (unsigned char *)buf_reserve(out, len > 0 ? len : 1);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, last = 0;
    BUG_IF(to == NULL || ctx == NULL);
    memcpy(tag, p + NONCE_BYTES + len, TAG_BYTES);
    bool good = EVP_DecryptInit_ex2(ctx, s->cipher, k->text, p, NULL) == 1 &&
                EVP_DecryptUpdate(ctx, NULL, &n, bytes(aad), (int)aad.len) == 1 &&
                EVP_DecryptUpdate(ctx, to, &n, p + NONCE_BYTES, (int)len) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
                EVP_DecryptFinal_ex(ctx, to + n, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (good) {
        buf_commit(out, len);
    }
    return good;
}

enum rc sealer_open(const struct sealer *s, struct str aad, struct str sealed, struct buf *out)
{
    struct buf raw = BUF_INIT;
    if (!sealer_is_sealed(sealed) || sealed.len < HEAD_BYTES) {
        return RC_INVALID;
    }
    const struct key *k = find_key(s, (struct str){sealed.p + sizeof(MARK) - 1, SEALER_ID_DIGITS});
    if (k == NULL) {
        return RC_NOT_FOUND;
    }
    enum rc rc = base64_decode((struct str){sealed.p + HEAD_BYTES, sealed.len - HEAD_BYTES}, &raw);
    if (rc == RC_OK && (raw.len < NONCE_BYTES + TAG_BYTES || !decrypt(s, k, aad, buf_str(&raw), out))) {
        rc = RC_INVALID;
    }
    buf_release(&raw);
    return rc;
}

/* -- hashes ---------------------------------------------------------------------------------------------- */

static void hash_under(const struct key *k, struct key16 *hash)
{
    unsigned char out[KEY_BYTES];
    mac(k->hash, (struct str){(const char *)hash->b, sizeof(hash->b)}, out);
    memcpy(hash->b, out, sizeof(hash->b));
}

void sealer_hash(const struct sealer *s, struct key16 *hash)
{
    hash_under(&s->keys[0], hash);
}

bool sealer_hash_is(const struct sealer *s, const struct key16 *kept, const struct key16 *hash)
{
    bool same = key16_eq(kept, hash);
    for (unsigned i = 0; s != NULL && !same && i < s->count; i++) {
        struct key16 sealed = *hash;
        hash_under(&s->keys[i], &sealed);
        same = key16_eq(kept, &sealed);
    }
    return same;
}
