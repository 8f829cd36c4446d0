/*
 * id.c -- ids in four text forms, 128-bit keys, random bytes, base64url
 *
 * Nothing here looks anything up: the forms carry kind and number themselves. Each form has one
 * canonical text per id (hex digits of either case are read), so a client can compare ids as
 * strings.
 */
#include "shared/id.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/random.h>

#include "shared/bug.h"
#include "shared/clock.h"

#define HEX_FORM_LEN 24
#define HEX_KIND_AT  8
#define HEX_N_AT     10
#define UUID_LEN     36

/*
 * Our UUIDv8: bytes 0-5 are this mark, byte 7 the kind, bytes 8-15 the number (below the variant
 * bits). Six fixed bytes, and three that are mostly zero, keep a random UUID from being taken for
 * ours.
 */
static const unsigned char uuid_mark[6] = {'c', 'o', 'n', 'f', 'a', 'b'};

struct tag {
    enum id_kind kind;
    unsigned base;
    struct str prefix;
};

static const struct tag tags[] = {
    {ID_USER, 10, {"user", 4}},    {ID_CHAT, 10, {"chat_", 5}},
    {ID_MESSAGE, 36, {"msg_", 4}}, {ID_NOTIFICATION, 10, {"ntf_", 4}},
    {ID_SESSION, 10, {"ses_", 4}}, {ID_UPLOAD, 10, {"upl_", 4}},
    {ID_PUSH, 10, {"psh_", 4}},
};

static bool in_range(uint64_t n)
{
    return n >= 1 && n <= ID_MAX;
}

/* ---------------------------------------------------------------- digits */

static const char digits36[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_hex(struct str s, uint64_t *out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int digit = hex_value(s.p[i]);
        if (digit < 0) {
            return false;
        }
        n = n << 4 | (unsigned)digit;
    }
    *out = n;
    return true;
}

static void add_hex(struct buf *out, uint64_t n, size_t digits)
{
    char text[16];
    for (size_t i = digits; i > 0; i--) {
        text[i - 1] = digits36[n & 15];
        n >>= 4;
    }
    buf_add(out, text, digits);
}

/* Lower-case digits of the base without leading zeros: one text per number. */
static bool parse_number(struct str s, unsigned base, uint64_t *out)
{
    if (s.len == 0 || s.len > 16 || s.p[0] == '0') { /* 2^53-1 has 16 decimal digits */
        return false;
    }
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *digit = s.p[i] ? strchr(digits36, s.p[i]) : NULL;
        if (!digit || (size_t)(digit - digits36) >= base || n > ID_MAX) {
            return false;
        }
        n = n * base + (uint64_t)(digit - digits36);
    }
    if (!in_range(n)) {
        return false;
    }
    *out = n;
    return true;
}

static void add_base36(struct buf *out, uint64_t n)
{
    char text[13];
    size_t at = sizeof(text);
    do {
        text[--at] = digits36[n % 36];
        n /= 36;
    } while (n != 0);
    buf_add(out, text + at, sizeof(text) - at);
}

/* ---------------------------------------------------------------- UUID text */

static bool is_uuid_dash(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

static bool parse_uuid(struct str text, unsigned char out[16])
{
    if (text.len != UUID_LEN) {
        return false;
    }
    unsigned char bytes[16];
    size_t n = 0;
    for (size_t i = 0; i < UUID_LEN;) {
        if (is_uuid_dash(i)) {
            if (text.p[i++] != '-') {
                return false;
            }
            continue;
        }
        uint64_t byte;
        if (!parse_hex((struct str){text.p + i, 2}, &byte)) {
            return false;
        }
        bytes[n++] = (unsigned char)byte;
        i += 2;
    }
    memcpy(out, bytes, sizeof(bytes));
    return true;
}

static void add_uuid(struct buf *out, const unsigned char bytes[16])
{
    char text[UUID_LEN];
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (is_uuid_dash(at)) {
            text[at++] = '-';
        }
        text[at++] = digits36[bytes[i] >> 4];
        text[at++] = digits36[bytes[i] & 15];
    }
    buf_add(out, text, sizeof(text));
}

static void set_version(unsigned char bytes[16], unsigned version)
{
    bytes[6] = (unsigned char)(version << 4 | (bytes[6] & 0x0F));
    bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3F));
}

/* ---------------------------------------------------------------- reading ids */

/*
 * A well-formed hex or UUID text that we did not make, or made for another kind, names nothing of
 * this kind: "not found" rather than "malformed", as for any other unknown ObjectId or UUID.
 */
static enum rc accept_if(bool ours, uint64_t n, uint64_t *out)
{
    if (!ours || !in_range(n)) {
        return RC_NOT_FOUND;
    }
    *out = n;
    return RC_OK;
}

static enum rc parse_hex_form(struct str text, enum id_kind kind, uint64_t *out)
{
    uint64_t time, kind_found, n;
    if (!parse_hex((struct str){text.p, HEX_KIND_AT}, &time) ||
        !parse_hex((struct str){text.p + HEX_KIND_AT, HEX_N_AT - HEX_KIND_AT}, &kind_found) ||
        !parse_hex((struct str){text.p + HEX_N_AT, HEX_FORM_LEN - HEX_N_AT}, &n)) {
        return RC_INVALID;
    }
    return accept_if(kind_found == (uint64_t)kind, n, out);
}

static enum rc parse_uuid_form(struct str text, enum id_kind kind, uint64_t *out)
{
    unsigned char bytes[16];
    if (!parse_uuid(text, bytes)) {
        return RC_INVALID;
    }
    uint64_t n = bytes[8] & 0x3F;
    for (size_t i = 9; i < 16; i++) {
        n = n << 8 | bytes[i];
    }
    bool ours = memcmp(bytes, uuid_mark, sizeof(uuid_mark)) == 0 && bytes[6] == 0x80 &&
                bytes[7] == (unsigned char)kind && (bytes[8] & 0xC0) == 0x80;
    return accept_if(ours, n, out);
}

static enum rc parse_tagged(struct str text, enum id_kind kind, uint64_t *out)
{
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        uint64_t n;
        if (str_starts(text, tags[i].prefix) &&
            parse_number(str_from(text, tags[i].prefix.len), tags[i].base, &n)) {
            return accept_if(tags[i].kind == kind, n, out);
        }
    }
    return RC_INVALID;
}

enum rc id_parse(struct str text, enum id_kind kind, uint64_t *out)
{
    if (text.len == HEX_FORM_LEN) {
        return parse_hex_form(text, kind, out);
    }
    if (text.len == UUID_LEN) {
        return parse_uuid_form(text, kind, out);
    }
    return parse_number(text, 10, out) ? RC_OK : parse_tagged(text, kind, out);
}

/* ---------------------------------------------------------------- writing ids */

void id_add_hex(struct buf *out, enum id_kind kind, uint64_t n, uint64_t created_us)
{
    BUG_IF(n > ID_MAX);
    add_hex(out, created_us / 1000000 & 0xFFFFFFFF, HEX_KIND_AT);
    add_hex(out, (uint64_t)kind, HEX_N_AT - HEX_KIND_AT);
    add_hex(out, n, HEX_FORM_LEN - HEX_N_AT);
}

void id_add_tagged(struct buf *out, enum id_kind kind, uint64_t n)
{
    BUG_IF(n > ID_MAX);
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (tags[i].kind == kind) {
            buf_add_str(out, tags[i].prefix);
            if (tags[i].base == 36) {
                add_base36(out, n);
            } else {
                buf_add_u64(out, n);
            }
            return;
        }
    }
    BUG("an id kind without a tag");
}

void id_add_uuid(struct buf *out, enum id_kind kind, uint64_t n)
{
    BUG_IF(n > ID_MAX);
    unsigned char bytes[16] = {0};
    memcpy(bytes, uuid_mark, sizeof(uuid_mark));
    bytes[7] = (unsigned char)kind;
    for (size_t i = 15; i >= 9; i--) { /* 53 bits fit into seven bytes */
        bytes[i] = (unsigned char)n;
        n >>= 8;
    }
    set_version(bytes, 8);
    add_uuid(out, bytes);
}

void id_add_uuid_or_nil(struct buf *out, enum id_kind kind, uint64_t n)
{
    static const unsigned char nil[16];
    if (n == 0) {
        add_uuid(out, nil);
    } else {
        id_add_uuid(out, kind, n);
    }
}

/* ---------------------------------------------------------------- 128-bit keys */

bool key16_from_text(struct str text, struct key16 *out)
{
    if (text.len == 0 || text.len > ID_KEY_TEXT_MAX) {
        return false;
    }
    if (!parse_uuid(text, out->b)) {
        hash16(text, out);
    }
    return true;
}

void key16_new(struct key16 *out)
{
    uint64_t now_us = wall_us();
    uint64_t ms = now_us / 1000;
    random_bytes(out->b, sizeof(out->b));
    for (size_t i = 6; i > 0; i--) {
        out->b[i - 1] = (unsigned char)ms;
        ms >>= 8;
    }
    /* The 12 bits after the version hold the fraction of the millisecond (RFC 9562 section 6.2,
     * method 3), so that keys made within one millisecond are in time order too. */
    unsigned fraction = (unsigned)(now_us % 1000 * 4096 / 1000);
    out->b[6] = (unsigned char)(fraction >> 8);
    out->b[7] = (unsigned char)fraction;
    set_version(out->b, 7);
}

void key16_new_random(struct key16 *out)
{
    random_bytes(out->b, sizeof(out->b));
    set_version(out->b, 4);
}

void key16_add_uuid(struct buf *out, const struct key16 *k)
{
    add_uuid(out, k->b);
}

bool key16_from_uuid(struct str text, struct key16 *out)
{
    return parse_uuid(text, out->b);
}

bool key16_eq_secret(const struct key16 *a, const struct key16 *b)
{
    return sodium_memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/* ---------------------------------------------------------------- random, hash */

void random_bytes(void *out, size_t n)
{
    unsigned char *to = out;
    while (n > 0) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        BUG_IF(got <=
               0); /* cannot fail otherwise on the kernels we support, and nothing works without */
        to += got;
        n -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t n;
    random_bytes(&n, sizeof(n));
    return n;
}

static void start_sodium(void)
{
    BUG_IF(sodium_init() < 0);
}

void hash16(struct str bytes, struct key16 *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT; /* sodium_init picks the fast implementations */
    pthread_once(&once, start_sodium);
    crypto_generichash(out->b, sizeof(out->b), (const unsigned char *)bytes.p, bytes.len, NULL, 0);
}

/* ---------------------------------------------------------------- base64url (RFC 4648 section 5)
 */

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_add(struct buf *out, const void *p, size_t n)
{
    const unsigned char *in = p;
    while (n > 0) {
        size_t take = n < 3 ? n : 3;
        unsigned bits =
            (unsigned)in[0] << 16 | (take > 1 ? (unsigned)in[1] << 8 : 0) | (take > 2 ? in[2] : 0U);
        char group[4];
        for (size_t i = 0; i < 4; i++) {
            group[i] = digits64[bits >> (18 - 6 * i) & 63];
        }
        buf_add(out, group, take + 1);
        in += take;
        n -= take;
    }
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* One group of 2 to 4 characters into at most 3 bytes; the bits that no byte uses must be zero. */
static bool decode_group(const char *p, size_t chars, char to[3])
{
    unsigned bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < chars ? base64url_value(p[i]) : 0;
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (unsigned)value;
    }
    unsigned unused = chars == 2 ? 0xFFFF : chars == 3 ? 0xFF : 0;
    to[0] = (char)(bits >> 16);
    to[1] = (char)(bits >> 8);
    to[2] = (char)bits;
    return chars >= 2 && (bits & unused) == 0;
}

bool base64url_decode(struct str text, struct buf *out)
{
    size_t before = out->len;
    while (text.len > 0) {
        size_t chars = text.len < 4 ? text.len : 4;
        char group[3];
        if (!decode_group(text.p, chars, group)) {
            buf_truncate(out, before);
            return false;
        }
        buf_add(out, group, chars - 1);
        text = str_from(text, chars);
    }
    return buf_ok(out);
}
