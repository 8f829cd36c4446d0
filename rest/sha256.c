#include "rest/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bug.h"
#include "shared/mem.h"

struct sha256 {
    EVP_MD_CTX *ctx;
};

struct sha256 *sha256_new(void)
{
    struct sha256 *s = mem_new(sizeof(*s));
    s->ctx = EVP_MD_CTX_new();
    if (s->ctx == NULL || EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL) != 1) {
        sha256_free(s);
        return NULL;
    }
    return s;
}

void sha256_free(struct sha256 *s)
{
    if (s != NULL) {
        EVP_MD_CTX_free(s->ctx);
        free(s);
    }
}

void sha256_add(struct sha256 *s, const void *p, size_t n)
{
    BUG_IF(EVP_DigestUpdate(s->ctx, p, n) != 1);
}

static void add_hex(const unsigned char *bytes, char out[SHA256_HEX_ROOM])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < SHA256_BYTES; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * SHA256_BYTES] = '\0';
}

void sha256_end(struct sha256 *s, char out[SHA256_HEX_ROOM])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    BUG_IF(EVP_DigestFinal_ex(s->ctx, digest, &len) != 1 || len != SHA256_BYTES);
    add_hex(digest, out);
}

bool sha256_from_hex(struct str text, char out[SHA256_HEX_ROOM])
{
    if (text.len != 2 * SHA256_BYTES) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        c = (char)(c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        out[i] = c;
    }
    out[text.len] = '\0';
    return true;
}

/* RFC 9530 with the syntax of RFC 8941: a dictionary of byte sequences. 32 bytes are 44 digits, the last of which is '='. */
#define DIGITS_LEN 44

bool sha256_from_digest_header(struct str value, char out[SHA256_HEX_ROOM])
{
    while (value.p != NULL) {
        struct str item, key;
        value = str_cut(value, ',', &item);
        struct str digits = str_cut(str_trim(item), '=', &key);
        unsigned char bytes[3 * DIGITS_LEN / 4 + 1];
        if (!str_ieq(key, STR("sha-256")) || digits.len != DIGITS_LEN + 2 || digits.p[0] != ':' ||
            digits.p[DIGITS_LEN + 1] != ':' || digits.p[DIGITS_LEN] != '=' ||
            digits.p[DIGITS_LEN - 1] == '=') {
            continue;
        }
        if (EVP_DecodeBlock(bytes, (const unsigned char *)digits.p + 1, DIGITS_LEN) ==
            SHA256_BYTES + 1) {
            add_hex(bytes, out);
            return true;
        }
    }
    return false;
}
