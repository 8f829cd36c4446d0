/*
 * json.h -- JSON in (checked, then json-c) and JSON out (into a buf)
 *
 * In: json_scan is an RFC 8259 validator of our own in front of json-c, because json-c accepts text
 * that is not JSON and changes values silently. It refuses, with the byte position: bad grammar,
 * bad UTF-8 (surrogates included, lone \u escapes too), \u0000, duplicate keys in an object, depth
 * and size over the limits, numbers outside +-2^53 when integral and beyond double range otherwise,
 * anything after the value. json_parse scans, then builds the document.
 * Ownership  A struct json is owned by the caller (json_free). struct jval and the strings it gives
 *            are views until then.
 * Threads    One owner thread per document (json-c's counts are plain).
 */
#ifndef SHARED_JSON_H
#define SHARED_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/rc.h"
#include "shared/str.h"

struct json; /* a parsed document */
struct json_object;
struct jval { /* a value inside it; o == NULL means absent */
    struct json_object *o;
    bool present; /* json-c represents null as NULL, so presence is kept apart */
};

struct json_limits {
    size_t max_bytes;
    unsigned max_depth; /* nesting of arrays and objects */
    unsigned max_keys;  /* keys in one object */
};
#define JSON_DEPTH_MAX      128 /* a larger max_depth means this */
#define JSON_LIMITS_DEFAULT ((struct json_limits){1024 * 1024, 32, 256})

/* RC_OK, RC_INVALID or RC_TOO_BIG (size, depth, keys), RC_NO_MEMORY; on failure *at (may be NULL)
 * is the byte position and why (may be NULL) gets one sentence with it. Uses no memory beyond the
 * stack but for the duplicate-key check of objects with many keys. */
RC_CHECK enum rc json_scan(struct str text, const struct json_limits *limits, size_t *at,
                           struct buf *why);
/* The same checks, then the document. RC_INTERNAL: json-c refused what the scan accepted. */
RC_CHECK enum rc json_parse(struct str text, const struct json_limits *limits, struct json **out,
                            struct buf *why);
void json_free(struct json *doc); /* NULL is fine */
struct jval json_root(const struct json *doc);

enum json_type {
    JSON_ABSENT,
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_DOUBLE,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};
enum json_type json_type(struct jval v);
/* Member of an object; absent when v is no object or has no such key. */
struct jval json_get(struct jval v, const char *key);
size_t json_length(struct jval array);
struct jval json_at(struct jval array, size_t i);
/* Iterate an object's members in order: call with *i = 0 and until false. *i is no count. */
bool json_next(struct jval object, size_t *i, struct str *key, struct jval *value);

/* Typed access without conversion. false: other type or absent; *out untouched. */
bool json_str(struct jval v, struct str *out);
bool json_str_is(struct jval v, const char *text);       /* a string, and that one */
bool json_list_has(struct jval array, const char *text); /* an array with that string */
bool json_u64(struct jval v, uint64_t *out);             /* integral, 0..2^53 */
bool json_i64(struct jval v, int64_t *out);
bool json_bool(struct jval v, bool *out);
bool json_double(struct jval v, double *out); /* integers too */
/* Compact text of any value, key order kept, '/' not escaped. */
void json_write(struct buf *out, struct jval v);

/* Out. */
void json_add_str(struct buf *out, struct str s); /* quoted and escaped; s must be valid UTF-8 */
/* ,"key": with the comma left out right after '{' or '['. key must need no escaping. */
void json_add_key(struct buf *out, const char *key);
void json_key_str(struct buf *out, const char *key, struct str s);
void json_key_u64(struct buf *out, const char *key, uint64_t n);
void json_key_i64(struct buf *out, const char *key, int64_t n);
void json_key_bool(struct buf *out, const char *key, bool v);
void json_key_null(struct buf *out, const char *key);

#endif
