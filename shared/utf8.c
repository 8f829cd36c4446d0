/*
 * utf8.c -- strict UTF-8
 *
 * The well-formed sequences are those of table 3-7 of the Unicode standard: only the second byte
 * depends on the first, which is what excludes overlong forms, surrogates and what lies above
 * U+10FFFF.
 */
#include "shared/utf8.h"

static bool is_continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* Range of the second byte after this first byte. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF; /* below: overlong */
    case 0xED:
        return second >= 0x80 && second <= 0x9F; /* above: surrogates */
    case 0xF0:
        return second >= 0x90 && second <= 0xBF; /* below: overlong */
    case 0xF4:
        return second >= 0x80 && second <= 0x8F; /* above: past U+10FFFF */
    default:
        return is_continuation(second);
    }
}

static size_t wanted_len(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        return 2;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        return 3;
    }
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

size_t utf8_step(const char *p, size_t left)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t len = left > 0 ? wanted_len(u[0]) : 0;
    if (len < 2 || len > left) {
        return len <= left ? len : 0;
    }
    if (!second_fits(u[0], u[1])) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_continuation(u[i])) {
            return 0;
        }
    }
    return len;
}

/* Most text is ASCII: eight bytes at once until a high bit shows. */
static size_t skip_ascii(struct str s, size_t at)
{
    uint64_t word;
    while (s.len - at >= sizeof(word)) {
        memcpy(&word, s.p + at, sizeof(word));
        if (word & UINT64_C(0x8080808080808080)) {
            break;
        }
        at += sizeof(word);
    }
    return at;
}

size_t utf8_valid_prefix(struct str s)
{
    size_t at = skip_ascii(s, 0);
    while (at < s.len) {
        size_t step = utf8_step(s.p + at, s.len - at);
        if (step == 0) {
            return at;
        }
        at += step;
        if (step == 1) {
            at = skip_ascii(s, at);
        }
    }
    return at;
}

size_t utf8_count(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += is_continuation((unsigned char)s.p[i]) ? 0 : 1;
    }
    return count;
}

struct str utf8_prefix(struct str s, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_continuation((unsigned char)s.p[i]) && count++ == max) {
            return (struct str){s.p, i};
        }
    }
    return s;
}

/* U+2028, U+2029, U+202A-E are E2 80 A8..AE; U+2066-9 are E2 81 A6..A9. */
static bool is_separator(const unsigned char *u)
{
    return u[0] == 0xE2 && ((u[1] == 0x80 && u[2] >= 0xA8 && u[2] <= 0xAE) ||
                            (u[1] == 0x81 && u[2] >= 0xA6 && u[2] <= 0xA9));
}

bool utf8_has_control(struct str s, bool lines_allowed)
{
    const unsigned char *u = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.len; i++) {
        size_t left = s.len - i;
        bool is_line_byte = u[i] == '\t' || u[i] == '\n' || u[i] == '\r';
        if ((u[i] < 0x20 && !(lines_allowed && is_line_byte)) || u[i] == 0x7F) {
            return true;
        }
        if (u[i] == 0xC2 && left >= 2 && u[i + 1] <= 0x9F) { /* C1: U+0080..U+009F */
            return true;
        }
        if (!lines_allowed && left >= 3 && is_separator(u + i)) {
            return true;
        }
    }
    return false;
}
