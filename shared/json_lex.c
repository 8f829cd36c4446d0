/*
 * json_lex.c -- strings and numbers of RFC 8259, checked where they stand
 *
 * Nothing is decoded or converted to be checked: strings are passed over eight bytes at a time, and
 * the range of a number is decided from its digits.
 */
#include "shared/json_lex.h"

#include "shared/utf8.h"

#define INT_LITERAL_MAX UINT64_C(9007199254740991)

static bool fail(struct json_lex *l, const char *at, const char *problem)
{
    l->p = at;
    l->problem = problem;
    return false;
}

/* The next byte, or 0 at the end: no rule allows a NUL byte, so it is refused either way. */
static char peek(const struct json_lex *l)
{
    return l->p < l->end ? *l->p : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---------------------------------------------------------------- strings */

/* Not zero if one of the eight bytes is; which one is not said. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
}

/* A byte of a string that stands for itself and needs no look at what follows. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Eight bytes at once while all of them stand for themselves. */
static const char *skip_plain(const char *p, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word;
    while ((size_t)(end - p) >= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        uint64_t high = word & (ones * 0x80);
        uint64_t control = (word - ones * 0x20) & ~word & (ones * 0x80);
        if (high | control | zero_bytes(word ^ ones * '"') | zero_bytes(word ^ ones * '\\')) {
            break;
        }
        p += sizeof(word);
    }
    while (p < end && is_plain((unsigned char)*p)) {
        p++;
    }
    return p;
}

/* Four hex digits at p; -1 when they are not there. */
static int hex4(const char *p, const char *end)
{
    if (end - p < 4) {
        return -1;
    }
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = is_digit(c)              ? c - '0'
                    : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                    : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                             : -1;
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

static bool is_high_surrogate(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* \uXXXX at l->p; a surrogate only as the first half of a pair, which is taken whole. */
static bool unicode_escape(struct json_lex *l)
{
    const char *at = l->p;
    int unit = hex4(at + 2, l->end);
    if (unit < 0) {
        return fail(l, at, "\\u needs four hex digits");
    }
    if (unit == 0) {
        return fail(l, at, "\\u0000 is not accepted");
    }
    l->p += 6;
    if (is_low_surrogate(unit)) {
        return fail(l, at, "a lone surrogate is not a character");
    }
    if (is_high_surrogate(unit)) {
        bool pair = l->end - l->p >= 6 && l->p[0] == '\\' && l->p[1] == 'u' &&
                    is_low_surrogate(hex4(l->p + 2, l->end));
        if (!pair) {
            return fail(l, at, "a lone surrogate is not a character");
        }
        l->p += 6;
    }
    return true;
}

static bool escape(struct json_lex *l)
{
    switch (l->end - l->p >= 2 ? l->p[1] : '\0') {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        l->p += 2;
        return true;
    case 'u':
        return unicode_escape(l);
    default:
        return fail(l, l->p, "unknown escape in a string");
    }
}

bool json_lex_string(struct json_lex *l, struct str *raw, bool *escaped)
{
    const char *first = ++l->p;
    *escaped = false;
    for (;;) {
        l->p = skip_plain(l->p, l->end);
        if (l->p == l->end) {
            return fail(l, l->p, "the string does not end");
        }
        unsigned char c = (unsigned char)*l->p;
        if (c == '"') {
            *raw = (struct str){first, (size_t)(l->p++ - first)};
            return true;
        }
        if (c < 0x20) {
            return fail(l, l->p, "control characters in a string must be escaped");
        }
        if (c == '\\') {
            *escaped = true;
            if (!escape(l)) {
                return false;
            }
            continue;
        }
        size_t step = utf8_step(l->p, (size_t)(l->end - l->p));
        if (step == 0) {
            return fail(l, l->p, "the string is not valid UTF-8");
        }
        l->p += step;
    }
}

/* ---------------------------------------------------------------- comparing keys */

/* Walks the decoded bytes of a checked string literal. */
struct decoder {
    const char *p, *end;
    unsigned char pending[4]; /* the rest of a decoded \u escape, last byte first */
    unsigned pending_count;
};

static void decode_unicode(struct decoder *d)
{
    unsigned code = (unsigned)hex4(d->p + 2, d->end);
    d->p += 6;
    if (is_high_surrogate((int)code)) {
        unsigned low = (unsigned)hex4(d->p + 2, d->end);
        d->p += 6;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    unsigned lead = code < 0x80 ? 0 : code < 0x800 ? 0xC0 : code < 0x10000 ? 0xE0 : 0xF0;
    unsigned follow = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    d->pending_count = 0;
    for (unsigned i = 0; i < follow; i++) {
        d->pending[d->pending_count++] = (unsigned char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    d->pending[d->pending_count++] = (unsigned char)(lead | code);
}

/* The next decoded byte, -1 at the end. */
static int decode_next(struct decoder *d)
{
    if (d->pending_count > 0) {
        return d->pending[--d->pending_count];
    }
    if (d->p == d->end) {
        return -1;
    }
    if (*d->p != '\\') {
        return (unsigned char)*d->p++;
    }
    if (d->p[1] == 'u') {
        decode_unicode(d);
        return d->pending[--d->pending_count];
    }
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = d->p[1];
    const char *named = strchr(from, c);
    d->p += 2;
    return named ? to[named - from] : (unsigned char)c; /* \" \\ \/ stand for themselves */
}

static struct decoder decoder_of(struct str raw)
{
    return (struct decoder){raw.p, raw.p + raw.len, {0}, 0};
}

uint32_t json_lex_hash(struct str raw, bool escaped)
{
    uint32_t hash = 2166136261U; /* FNV-1a; collisions only cost a comparison */
    if (!escaped) {
        for (size_t i = 0; i < raw.len; i++) {
            hash = (hash ^ (unsigned char)raw.p[i]) * 16777619U;
        }
        return hash;
    }
    struct decoder d = decoder_of(raw);
    for (int c = decode_next(&d); c >= 0; c = decode_next(&d)) {
        hash = (hash ^ (unsigned)c) * 16777619U;
    }
    return hash;
}

bool json_lex_same(struct str a, struct str b)
{
    struct decoder da = decoder_of(a), db = decoder_of(b);
    int c;
    do {
        c = decode_next(&da);
        if (c != decode_next(&db)) {
            return false;
        }
    } while (c >= 0);
    return true;
}

/* ---------------------------------------------------------------- numbers */

static struct str take_digits(struct json_lex *l)
{
    const char *first = l->p;
    while (l->p < l->end && is_digit(*l->p)) {
        l->p++;
    }
    return (struct str){first, (size_t)(l->p - first)};
}

struct number {
    struct str whole, fraction;
    int64_t exponent;
};

/* The exponent's value, held at 10^9: beyond that only the sign matters, no text has so many
 * digits. */
static int64_t clamp_exponent(struct str digits, bool negative)
{
    int64_t value = 0;
    for (size_t i = 0; i < digits.len && value < 1000000000; i++) {
        value = value * 10 + (digits.p[i] - '0');
    }
    return negative ? -value : value;
}

/*
 * Is the magnitude at most DBL_MAX, 1.7976931348623157e308? Seventeen significant digits decide it;
 * what follows them rounds down to DBL_MAX. The digits need no conversion, so a number of a million
 * digits costs no more than reading it.
 */
static bool is_finite(const struct number *n)
{
    static const char largest[] = "17976931348623157";
    int64_t power = (int64_t)n->whole.len - 1 + n->exponent; /* of ten, at the first digit */
    char top[sizeof(largest) - 1];
    size_t filled = 0;
    for (size_t i = 0; i < n->whole.len + n->fraction.len && filled < sizeof(top); i++) {
        char c = i < n->whole.len ? n->whole.p[i] : n->fraction.p[i - n->whole.len];
        if (filled > 0 || c != '0') {
            top[filled++] = c;
        } else {
            power--; /* a leading zero */
        }
    }
    if (filled == 0 || power < 308) {
        return true;
    }
    memset(top + filled, '0', sizeof(top) - filled);
    return power == 308 && memcmp(top, largest, sizeof(top)) <= 0;
}

static bool fits_integer(struct str digits)
{
    uint64_t n;
    return str_u64(digits, &n) && n <= INT_LITERAL_MAX;
}

bool json_lex_number(struct json_lex *l)
{
    const char *at = l->p;
    struct number n = {STR_NONE, STR_NONE, 0};
    bool integral = true;
    l->p += *l->p == '-' ? 1 : 0;
    n.whole = take_digits(l);
    if (n.whole.len == 0 || (n.whole.len > 1 && n.whole.p[0] == '0')) {
        return fail(l, at,
                    n.whole.len == 0 ? "a digit is expected" : "a number has a leading zero");
    }
    if (peek(l) == '.') {
        integral = false;
        l->p++;
        n.fraction = take_digits(l);
        if (n.fraction.len == 0) {
            return fail(l, l->p, "a digit is expected after the decimal point");
        }
    }
    if (peek(l) == 'e' || peek(l) == 'E') {
        integral = false;
        l->p++;
        bool negative = peek(l) == '-';
        l->p += negative || peek(l) == '+' ? 1 : 0;
        struct str digits = take_digits(l);
        if (digits.len == 0) {
            return fail(l, l->p, "a digit is expected in the exponent");
        }
        n.exponent = clamp_exponent(digits, negative);
    }
    if (integral ? !fits_integer(n.whole) : !is_finite(&n)) {
        return fail(l, at, "a number is out of range");
    }
    return true;
}
