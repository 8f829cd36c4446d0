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

#include "shared/json_lex.h"

#define KEYS_INLINE 64

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
    struct json_lex lex; /* where we are, and what is wrong there */
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
    s->lex.p = at;
    s->lex.problem = problem;
    return false;
}

static bool fail(struct scan *s, const char *problem)
{
    return fail_as(s, RC_INVALID, s->lex.p, problem);
}

static void skip_space(struct scan *s)
{
    while (s->lex.p < s->lex.end &&
           (*s->lex.p == ' ' || *s->lex.p == '\n' || *s->lex.p == '\r' || *s->lex.p == '\t')) {
        s->lex.p++;
    }
}

/* The next byte, or 0 at the end: no rule allows a NUL byte, so it is refused either way. */
static char peek(const struct scan *s)
{
    return s->lex.p < s->lex.end ? *s->lex.p : '\0';
}

static bool same_key(const struct key *a, const struct key *b)
{
    if (a->hash != b->hash) {
        return false;
    }
    return a->escaped || b->escaped ? json_lex_same(a->raw, b->raw) : str_eq(a->raw, b->raw);
}

static bool push_key(struct scan *s, struct key key)
{
    if (s->key_count == s->key_room) {
        size_t room = s->key_room * 2;
        struct key *was = s->keys == s->keys_inline ? NULL : s->keys;
        struct key *grown = reallocarray(was, room, sizeof(*grown));
        if (!grown) {
            return fail_as(s, RC_NO_MEMORY, s->lex.p, "there is no memory to check the keys");
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

/* "key" : with the blanks around; leaves s->lex.p at the member's value. */
static bool scan_key(struct scan *s)
{
    const char *at = s->lex.p;
    if (peek(s) != '"') {
        return fail(s, "a key in double quotes is expected");
    }
    struct key key;
    if (!json_lex_string(&s->lex, &key.raw, &key.escaped)) {
        return false;
    }
    key.hash = json_lex_hash(key.raw, key.escaped);
    size_t first = s->levels[s->depth - 1].first_key;
    if (s->key_count - first >= s->max_keys) {
        return fail_as(s, RC_TOO_BIG, at, "an object has too many keys");
    }
    for (size_t i = first; i < s->key_count; i++) {
        if (same_key(&s->keys[i], &key)) {
            return fail_as(s, RC_INVALID, at, "an object has the same key twice");
        }
    }
    if (!push_key(s, key)) {
        return false;
    }
    skip_space(s);
    if (peek(s) != ':') {
        return fail(s, "a colon is expected after the key");
    }
    s->lex.p++;
    return true;
}

/* ---------------------------------------------------------------- values */

static bool scan_word(struct scan *s, struct str word)
{
    struct str rest = {s->lex.p, (size_t)(s->lex.end - s->lex.p)};
    if (!str_starts(rest, word)) {
        return fail(s, "a value is expected");
    }
    s->lex.p += word.len;
    return true;
}

static bool scan_scalar(struct scan *s)
{
    struct str raw;
    bool escaped;
    switch (peek(s)) {
    case '"':
        return json_lex_string(&s->lex, &raw, &escaped);
    case 't':
        return scan_word(s, STR("true"));
    case 'f':
        return scan_word(s, STR("false"));
    case 'n':
        return scan_word(s, STR("null"));
    default:
        if (peek(s) == '-' || (peek(s) >= '0' && peek(s) <= '9')) {
            return json_lex_number(&s->lex);
        }
        return fail(s, s->lex.p == s->lex.end ? "the text ends too early" : "a value is expected");
    }
}

static bool open_level(struct scan *s)
{
    if (s->depth == s->max_depth) {
        return fail_as(s, RC_TOO_BIG, s->lex.p, "the nesting is too deep");
    }
    s->levels[s->depth++] = (struct level){*s->lex.p == '{', s->key_count};
    s->lex.p++;
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
    s->lex.p++;
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
            return s->lex.p == s->lex.end || fail(s, "there is text after the value");
        }
        if (peek(s) == closer(s)) {
            close_level(s);
            continue;
        }
        if (peek(s) != ',') {
            return fail(s, s->lex.p == s->lex.end ? "the text ends too early"
                                                  : "a comma or the end of the list is expected");
        }
        s->lex.p++;
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
    s->lex.p = text.len > 0 ? text.p : "";
    s->lex.end = s->lex.p + text.len;
    s->lex.problem = NULL;
    s->rc = RC_INVALID; /* what a failure means unless it says otherwise */
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
    const char *start = s.lex.p;
    if (text.len > limits->max_bytes) {
        fail_as(&s, RC_TOO_BIG, start + limits->max_bytes, "the text is too long");
    } else if (scan_text(&s)) {
        s.rc = RC_OK;
    }
    if (s.keys != s.keys_inline) {
        free(s.keys);
    }
    if (s.rc == RC_OK) {
        return RC_OK;
    }
    size_t position = (size_t)(s.lex.p - start);
    if (at) {
        *at = position;
    }
    if (why) {
        buf_addf(why, "JSON, byte %zu: %s.", position, s.lex.problem);
    }
    return s.rc;
}
