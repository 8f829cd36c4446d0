/*
 * json_scan.c -- an RFC 8259 validator in one pass, without recursion
 *
 * A small state machine: a value is expected, or a value has just ended. The open arrays and
 * objects are a stack of fixed size. Every check that json-c lacks or gets wrong happens here, so
 * the parser behind only ever sees text that it reads correctly.
 *
 * Duplicate keys: the keys of all open objects form one stack, the newest object's on top. A new
 * key is compared with the keys of its object by hash first. That is quadratic in max_keys at
 * worst, with a step of one integer comparison; a hash table would cost more for the few keys of
 * ordinary messages. Keys are equal when their decoded texts are, so "a" and "\u0061" collide.
 */
#include "shared/json.h"

#include <stdlib.h>

#include "shared/utf8.h"

#define INT_LITERAL_MAX UINT64_C(9007199254740991)
#define KEYS_INLINE     64

/* Character classes inside a string literal. */
#define IN_STRING_PLAIN(c) ((c) >= 0x20 && (c) < 0x80 && (c) != '"' && (c) != '\\')

struct key {
    uint32_t hash;
    bool escaped;
    struct str raw; /* between the quotes, as written */
};

struct level {
    bool is_object;
    size_t first_key; /* of this object, in scan.keys */
};

struct scan {
    const char *start, *p, *end;
    const char *bad; /* where the problem is, once `problem` is set */
    const char *problem;
    enum rc rc;
    unsigned depth, max_depth, max_keys;
    struct level levels[JSON_DEPTH_MAX];
    struct key *keys;
    size_t key_count, key_room;
    struct key keys_inline[KEYS_INLINE];
};

static bool fail_as(struct scan *s, enum rc rc, const char *at, const char *problem)
{
    s->rc = rc;
    s->bad = at;
    s->problem = problem;
    return false;
}

static bool fail(struct scan *s, const char *at, const char *problem)
{
    return fail_as(s, RC_INVALID, at, problem);
}

static void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t')) {
        s->p++;
    }
}

/* The next byte, or 0 at the end: no grammar rule allows a NUL byte, so it is refused either way.
 */
static char peek(const struct scan *s)
{
    return s->p < s->end ? *s->p : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---------------------------------------------------------------- strings */

/* Has any of the eight bytes the value zero? (Bits above a zero byte may be wrong, never the
 * answer.) */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
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
    while (p < end && IN_STRING_PLAIN((unsigned char)*p)) {
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

/* \uXXXX at s->p; a surrogate only as the first half of a pair, which is taken whole. */
static bool scan_unicode_escape(struct scan *s)
{
    const char *at = s->p;
    int unit = hex4(at + 2, s->end);
    if (unit < 0) {
        return fail(s, at, "\\u needs four hex digits");
    }
    if (unit == 0) {
        return fail(s, at, "\\u0000 is not accepted");
    }
    s->p += 6;
    if (is_low_surrogate(unit)) {
        return fail(s, at, "a lone surrogate is not a character");
    }
    if (is_high_surrogate(unit)) {
        bool pair = s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u' &&
                    is_low_surrogate(hex4(s->p + 2, s->end));
        if (!pair) {
            return fail(s, at, "a lone surrogate is not a character");
        }
        s->p += 6;
    }
    return true;
}

static bool scan_escape(struct scan *s)
{
    switch (s->end - s->p >= 2 ? s->p[1] : '\0') {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        s->p += 2;
        return true;
    case 'u':
        return scan_unicode_escape(s);
    default:
        return fail(s, s->p, "unknown escape in a string");
    }
}

/* A string literal at s->p (on its opening quote). *raw is what stands between the quotes. */
static bool scan_string(struct scan *s, struct str *raw, bool *escaped)
{
    const char *first = ++s->p;
    *escaped = false;
    for (;;) {
        s->p = skip_plain(s->p, s->end);
        if (s->p == s->end) {
            return fail(s, s->p, "the string does not end");
        }
        unsigned char c = (unsigned char)*s->p;
        if (c == '"') {
            *raw = (struct str){first, (size_t)(s->p++ - first)};
            return true;
        }
        if (c < 0x20) {
            return fail(s, s->p, "control characters in a string must be escaped");
        }
        if (c == '\\') {
            *escaped = true;
            if (!scan_escape(s)) {
                return false;
            }
            continue;
        }
        size_t step = utf8_step(s->p, (size_t)(s->end - s->p));
        if (step == 0) {
            return fail(s, s->p, "the string is not valid UTF-8");
        }
        s->p += step;
    }
}

/* ---------------------------------------------------------------- keys */

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

static uint32_t hash_key(struct str raw, bool escaped)
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

static bool same_key(const struct key *a, const struct key *b)
{
    if (a->hash != b->hash) {
        return false;
    }
    if (!a->escaped && !b->escaped) {
        return str_eq(a->raw, b->raw);
    }
    struct decoder da = decoder_of(a->raw), db = decoder_of(b->raw);
    int c;
    do {
        c = decode_next(&da);
        if (c != decode_next(&db)) {
            return false;
        }
    } while (c >= 0);
    return true;
}

static bool push_key(struct scan *s, struct key key)
{
    if (s->key_count == s->key_room) {
        size_t room = s->key_room * 2;
        struct key *was = s->keys == s->keys_inline ? NULL : s->keys;
        struct key *grown = reallocarray(was, room, sizeof(*grown));
        if (!grown) {
            return fail_as(s, RC_NO_MEMORY, s->p, "there is no memory to check the keys");
        }
        if (!was) {
            memcpy(grown, s->keys_inline, sizeof(s->keys_inline));
        }
        s->keys = grown;
        s->key_room = room;
    }
    s->keys[s->key_count++] = key;
    return true;
}

/* "key" : with the blanks around; leaves s->p at the member's value. */
static bool scan_key(struct scan *s)
{
    const char *at = s->p;
    if (peek(s) != '"') {
        return fail(s, at, "a key in double quotes is expected");
    }
    struct key key;
    if (!scan_string(s, &key.raw, &key.escaped)) {
        return false;
    }
    key.hash = hash_key(key.raw, key.escaped);
    size_t first = s->levels[s->depth - 1].first_key;
    if (s->key_count - first >= s->max_keys) {
        return fail_as(s, RC_TOO_BIG, at, "an object has too many keys");
    }
    for (size_t i = first; i < s->key_count; i++) {
        if (same_key(&s->keys[i], &key)) {
            return fail(s, at, "an object has the same key twice");
        }
    }
    if (!push_key(s, key)) {
        return false;
    }
    skip_space(s);
    if (peek(s) != ':') {
        return fail(s, s->p, "a colon is expected after the key");
    }
    s->p++;
    return true;
}

/* ---------------------------------------------------------------- numbers */

static struct str take_digits(struct scan *s)
{
    const char *first = s->p;
    while (s->p < s->end && is_digit(*s->p)) {
        s->p++;
    }
    return (struct str){first, (size_t)(s->p - first)};
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

static bool scan_number(struct scan *s)
{
    const char *at = s->p;
    struct number n = {STR_NONE, STR_NONE, 0};
    bool integral = true;
    s->p += *s->p == '-' ? 1 : 0;
    n.whole = take_digits(s);
    if (n.whole.len == 0 || (n.whole.len > 1 && n.whole.p[0] == '0')) {
        return fail(s, at,
                    n.whole.len == 0 ? "a digit is expected" : "a number has a leading zero");
    }
    if (peek(s) == '.') {
        integral = false;
        s->p++;
        n.fraction = take_digits(s);
        if (n.fraction.len == 0) {
            return fail(s, s->p, "a digit is expected after the decimal point");
        }
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        integral = false;
        s->p++;
        bool negative = peek(s) == '-';
        s->p += negative || peek(s) == '+' ? 1 : 0;
        struct str digits = take_digits(s);
        if (digits.len == 0) {
            return fail(s, s->p, "a digit is expected in the exponent");
        }
        n.exponent = clamp_exponent(digits, negative);
    }
    if (integral ? !fits_integer(n.whole) : !is_finite(&n)) {
        return fail(s, at, "a number is out of range");
    }
    return true;
}

/* ---------------------------------------------------------------- values */

static bool scan_word(struct scan *s, struct str word)
{
    struct str rest = {s->p, (size_t)(s->end - s->p)};
    if (!str_starts(rest, word)) {
        return fail(s, s->p, "a value is expected");
    }
    s->p += word.len;
    return true;
}

static bool scan_scalar(struct scan *s)
{
    struct str raw;
    bool escaped;
    switch (peek(s)) {
    case '"':
        return scan_string(s, &raw, &escaped);
    case 't':
        return scan_word(s, STR("true"));
    case 'f':
        return scan_word(s, STR("false"));
    case 'n':
        return scan_word(s, STR("null"));
    default:
        if (peek(s) == '-' || is_digit(peek(s))) {
            return scan_number(s);
        }
        return fail(s, s->p, s->p == s->end ? "the text ends too early" : "a value is expected");
    }
}

static bool open_level(struct scan *s)
{
    if (s->depth == s->max_depth) {
        return fail_as(s, RC_TOO_BIG, s->p, "the nesting is too deep");
    }
    s->levels[s->depth++] = (struct level){*s->p == '{', s->key_count};
    s->p++;
    skip_space(s);
    return true;
}

static char closer(const struct scan *s)
{
    return s->levels[s->depth - 1].is_object ? '}' : ']';
}

static void close_level(struct scan *s)
{
    s->key_count = s->levels[--s->depth].first_key;
    s->p++;
}

/* From the start of a value to the end of its first scalar or empty container: "[[{"a": 1". */
static bool descend(struct scan *s)
{
    for (;;) {
        skip_space(s);
        if (peek(s) != '{' && peek(s) != '[') {
            return scan_scalar(s);
        }
        if (!open_level(s)) {
            return false;
        }
        if (peek(s) == closer(s)) {
            close_level(s);
            return true;
        }
        if (s->levels[s->depth - 1].is_object && !scan_key(s)) {
            return false;
        }
    }
}

/* After a value: close what ends here. Sets *more when another value follows, false at the very
 * end. */
static bool ascend(struct scan *s, bool *more)
{
    for (;;) {
        skip_space(s);
        if (s->depth == 0) {
            *more = false;
            return s->p == s->end || fail(s, s->p, "there is text after the value");
        }
        if (peek(s) == closer(s)) {
            close_level(s);
            continue;
        }
        if (peek(s) != ',') {
            return fail(s, s->p,
                        s->p == s->end ? "the text ends too early"
                                       : "a comma or the end of the list is expected");
        }
        s->p++;
        *more = true;
        if (!s->levels[s->depth - 1].is_object) {
            return true;
        }
        skip_space(s);
        return scan_key(s);
    }
}

static bool scan_text(struct scan *s)
{
    bool more = true;
    while (more) {
        if (!descend(s) || !ascend(s, &more)) {
            return false;
        }
    }
    return true;
}

/* Not an initializer: that would also clear the large arrays, on the hot path. */
static void scan_init(struct scan *s, struct str text, const struct json_limits *limits)
{
    s->start = s->p = text.len > 0 ? text.p : "";
    s->end = s->start + text.len;
    s->bad = s->start;
    s->problem = NULL;
    s->rc = RC_OK;
    s->depth = 0;
    s->max_depth = limits->max_depth < JSON_DEPTH_MAX ? limits->max_depth : JSON_DEPTH_MAX;
    s->max_keys = limits->max_keys;
    s->keys = s->keys_inline;
    s->key_count = 0;
    s->key_room = KEYS_INLINE;
}

enum rc json_scan(struct str text, const struct json_limits *limits, size_t *at, struct buf *why)
{
    struct scan s;
    scan_init(&s, text, limits);
    if (text.len > limits->max_bytes) {
        fail_as(&s, RC_TOO_BIG, s.start + limits->max_bytes, "the text is too long");
    } else if (scan_text(&s)) {
        s.rc = RC_OK;
    }
    if (s.keys != s.keys_inline) {
        free(s.keys);
    }
    if (s.rc != RC_OK) {
        size_t position = (size_t)(s.bad - s.start);
        if (at) {
            *at = position;
        }
        if (why) {
            buf_addf(why, "JSON, byte %zu: %s.", position, s.problem);
        }
    }
    return s.rc;
}
