/*
 * str.h -- a view of bytes that somebody else owns
 *
 * Never NUL-terminated by promise, never freed. Valid as long as what it points into.
 */
#ifndef SHARED_STR_H
#define SHARED_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct str {
    const char *p;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE     ((struct str){NULL, 0})

static inline struct str str_of(const char *z)
{
    return (struct str){z, z ? strlen(z) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* ASCII case folded, as HTTP header names want it. */
static inline bool str_ieq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.p, b.p, a.len) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

/* The bytes from at on; empty when at is past the end. */
static inline struct str str_from(struct str s, size_t at)
{
    return at >= s.len ? (struct str){s.p + s.len, 0} : (struct str){s.p + at, s.len - at};
}

/* Without spaces and tabs at both ends. */
struct str str_trim(struct str s);
/* Cut s at the first sep: *head gets what is before it, the result is what comes after it. When
 * there is no sep, *head is all of s and the result is empty with p == NULL. */
struct str str_cut(struct str s, char sep, struct str *head);
/* Decimal digits only, no sign, no overflow, at least one digit. false leaves *out alone. */
bool str_u64(struct str s, uint64_t *out);

#endif
