/*
 * fuzz_utf8.c -- any bytes as UTF-8, against a decoder that works the other way round
 *
 * The reference decodes first, as leniently as the bit patterns allow, and then asks whether the
 * number is allowed and has no shorter form.
 */
#include "shared/utf8.h"
#include "tests/fuzz/fuzz.h"

/* Bytes of the sequence at p and its number; 0 when there is none. */
static size_t decode(const uint8_t *p, size_t left, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = (p[0] & 0x80) == 0x00   ? 1
                 : (p[0] & 0xE0) == 0xC0 ? 2
                 : (p[0] & 0xF0) == 0xE0 ? 3
                 : (p[0] & 0xF8) == 0xF0 ? 4
                                         : 0;
    if (len == 0 || len > left) {
        return 0;
    }
    *code = len == 1 ? p[0] : p[0] & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (p[i] & 0x3F);
    }
    bool allowed =
        *code >= smallest[len] && *code <= 0x10FFFF && (*code < 0xD800 || *code > 0xDFFF);
    return allowed ? len : 0;
}

static bool is_control(uint32_t code, bool lines_allowed)
{
    bool line = code == '\t' || code == '\n' || code == '\r';
    bool separator = (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    return lines_allowed ? (code < 0x20 && !line) || (code >= 0x7F && code < 0xA0)
                         : code < 0x20 || (code >= 0x7F && code < 0xA0) || separator;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size > 0 ? (const char *)data : "", size};
    size_t at = 0, count = 0;
    bool control = false, control_in_lines = false;
    while (at < size) {
        uint32_t code = 0;
        size_t len = decode(data + at, size - at, &code);
        CHECK(utf8_step(text.p + at, size - at) == len);
        if (len == 0) {
            break;
        }
        count++;
        CHECK(utf8_prefix((struct str){text.p, at}, count).len == at);
        control = control || is_control(code, false);
        control_in_lines = control_in_lines || is_control(code, true);
        at += len;
    }
    CHECK(utf8_valid_prefix(text) == at);
    CHECK(utf8_valid(text) == (at == size));
    text.len = at;
    CHECK(utf8_count(text) == count);
    CHECK(utf8_has_control(text, false) == control);
    CHECK(utf8_has_control(text, true) == control_in_lines);
    struct str half = utf8_prefix(text, count / 2);
    CHECK(utf8_valid(half) && utf8_count(half) == count / 2);
    return 0;
}
