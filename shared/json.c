/*
 * json.c -- documents: json-c behind json_scan
 *
 * json-c builds the tree, nothing else of it is used: its tokener is given checked text only, its
 * getters convert, and its printer writes into the object it prints. Its strict mode is left off:
 * json_scan is stricter, and in json-c 0.18 that mode refuses every string with a byte from 0x80 up
 * (json-c/json-c#875).
 */
/* json-c has types of these names; ours are in our header. */
#define json_type jsonc_type
#define json_bool jsonc_bool
#include <json-c/json.h>
#undef json_type
#undef json_bool

#include "shared/json.h"

#include <limits.h>
#include <stdlib.h>

#include "shared/bug.h"
#include "shared/log.h"

struct json {
    struct json_object *root;
};

static const struct jval absent = {NULL, false};

static struct jval value_of(struct json_object *o)
{
    return (struct jval){o, true};
}

/* A NUL-terminated copy: the tokener looks one byte past a bare number to see that it ends. */
static struct json_object *build(struct str text, struct json_tokener *tok)
{
    char *copy = malloc(text.len + 1);
    if (!copy) {
        return NULL;
    }
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    struct json_object *root = json_tokener_parse_ex(tok, copy, (int)text.len + 1);
    free(copy);
    return root;
}

enum rc json_parse(struct str text, const struct json_limits *limits, struct json **out,
                   struct buf *why)
{
    enum rc rc = json_scan(text, limits, NULL, why);
    if (rc != RC_OK) {
        return rc;
    }
    if (text.len >= INT_MAX) { /* json-c counts in int */
        return RC_TOO_BIG;
    }
    struct json *doc = calloc(1, sizeof(*doc));
    /* json-c counts the innermost scalar as a level of its own, and clears its levels each time. */
    unsigned depth = limits->max_depth < JSON_DEPTH_MAX ? limits->max_depth : JSON_DEPTH_MAX;
    struct json_tokener *tok = json_tokener_new_ex((int)depth + 1);
    if (!doc || !tok) {
        rc = RC_NO_MEMORY;
        goto out;
    }
    doc->root = build(text, tok);
    enum json_tokener_error error = json_tokener_get_error(tok);
    if (error != json_tokener_success || json_tokener_get_parse_end(tok) != text.len) {
        log_err("json_build", "error=%s len=%zu", json_tokener_error_desc(error), text.len);
        rc = RC_INTERNAL; /* the text is valid: without memory, or the two parsers disagree */
        goto out;
    }
    *out = doc;
    doc = NULL;
out:
    if (tok) {
        json_tokener_free(tok);
    }
    json_free(doc);
    return rc;
}

void json_free(struct json *doc)
{
    if (doc) {
        json_object_put(doc->root);
        free(doc);
    }
}

struct jval json_root(const struct json *doc)
{
    return value_of(doc->root);
}

/* ---------------------------------------------------------------- reading */

enum json_type json_type(struct jval v)
{
    if (!v.present) {
        return JSON_ABSENT;
    }
    switch (json_object_get_type(v.o)) {
    case json_type_boolean:
        return JSON_BOOL;
    case json_type_int:
        return JSON_INT;
    case json_type_double:
        return JSON_DOUBLE;
    case json_type_string:
        return JSON_STRING;
    case json_type_array:
        return JSON_ARRAY;
    case json_type_object:
        return JSON_OBJECT;
    default:
        return JSON_NULL;
    }
}

struct jval json_get(struct jval v, const char *key)
{
    struct json_object *member;
    if (json_type(v) != JSON_OBJECT || !json_object_object_get_ex(v.o, key, &member)) {
        return absent;
    }
    return value_of(member);
}

size_t json_length(struct jval array)
{
    return json_type(array) == JSON_ARRAY ? json_object_array_length(array.o) : 0;
}

struct jval json_at(struct jval array, size_t i)
{
    return i < json_length(array) ? value_of(json_object_array_get_idx(array.o, i)) : absent;
}

/* The cursor is 0 before the first member, then the address of the entry that was given last. */
bool json_next(struct jval object, size_t *i, struct str *key, struct jval *value)
{
    if (json_type(object) != JSON_OBJECT) {
        return false;
    }
    struct lh_entry *last = (struct lh_entry *)(uintptr_t)*i;
    struct lh_entry *entry =
        last ? lh_entry_next(last) : lh_table_head(json_object_get_object(object.o));
    if (!entry) {
        return false;
    }
    *i = (size_t)(uintptr_t)entry;
    *key = str_of(lh_entry_k(entry)); /* a key has no NUL inside: the scan refuses \u0000 */
    *value = value_of(lh_entry_v(entry));
    return true;
}

bool json_str(struct jval v, struct str *out)
{
    if (json_type(v) != JSON_STRING) {
        return false;
    }
    *out = (struct str){json_object_get_string(v.o), (size_t)json_object_get_string_len(v.o)};
    return true;
}

bool json_str_is(struct jval v, const char *text)
{
    struct str found;
    return json_str(v, &found) && str_eq(found, str_of(text));
}

bool json_list_has(struct jval array, const char *text)
{
    for (size_t i = 0; i < json_length(array); i++) {
        if (json_str_is(json_at(array, i), text)) {
            return true;
        }
    }
    return false;
}

bool json_i64(struct jval v, int64_t *out)
{
    if (json_type(v) != JSON_INT) {
        return false;
    }
    *out = json_object_get_int64(v.o); /* exact: the scan holds integers within +-2^53 */
    return true;
}

bool json_u64(struct jval v, uint64_t *out)
{
    int64_t n;
    if (!json_i64(v, &n) || n < 0) {
        return false;
    }
    *out = (uint64_t)n;
    return true;
}

bool json_bool(struct jval v, bool *out)
{
    if (json_type(v) != JSON_BOOL) {
        return false;
    }
    *out = json_object_get_boolean(v.o);
    return true;
}

bool json_double(struct jval v, double *out)
{
    enum json_type type = json_type(v);
    if (type != JSON_DOUBLE && type != JSON_INT) {
        return false;
    }
    *out = json_object_get_double(v.o);
    return true;
}

/* ---------------------------------------------------------------- writing a tree */

/* A double keeps the text it was read from, so that it goes out as it came in. */
static void write_double(struct buf *out, struct json_object *o)
{
    const char *text = json_object_get_userdata(o);
    BUG_IF(!text);
    buf_add_z(out, text);
}

static void write_scalar(struct buf *out, struct jval v)
{
    struct str text;
    switch (json_type(v)) {
    case JSON_STRING:
        BUG_IF(!json_str(v, &text));
        json_add_str(out, text);
        break;
    case JSON_INT:
        buf_add_i64(out, json_object_get_int64(v.o));
        break;
    case JSON_DOUBLE:
        write_double(out, v.o);
        break;
    case JSON_BOOL:
        buf_add_z(out, json_object_get_boolean(v.o) ? "true" : "false");
        break;
    default: /* null, and absent for want of anything better */
        buf_add_z(out, "null");
        break;
    }
}

/* A container that is being written, and how far. */
struct open {
    struct jval v;
    bool is_object;
    size_t next; /* index, or cursor of json_next */
};

/* The next member of the innermost container, with its key and comma in front; false at its end. */
static bool next_member(struct buf *out, struct open *top, struct jval *member)
{
    bool first = top->next == 0;
    struct str key;
    if (top->is_object) {
        if (!json_next(top->v, &top->next, &key, member)) {
            return false;
        }
    } else {
        if (top->next == json_length(top->v)) {
            return false;
        }
        *member = json_at(top->v, top->next++);
    }
    if (!first) {
        buf_add_char(out, ',');
    }
    if (top->is_object) {
        json_add_str(out, key);
        buf_add_char(out, ':');
    }
    return true;
}

void json_write(struct buf *out, struct jval v)
{
    struct open stack[JSON_DEPTH_MAX];
    size_t depth = 0;
    for (;;) {
        enum json_type type = json_type(v);
        if (type == JSON_OBJECT || type == JSON_ARRAY) {
            BUG_IF(depth == JSON_DEPTH_MAX);
            stack[depth++] = (struct open){v, type == JSON_OBJECT, 0};
            buf_add_char(out, type == JSON_OBJECT ? '{' : '[');
        } else {
            write_scalar(out, v);
        }
        while (depth > 0 && !next_member(out, &stack[depth - 1], &v)) {
            buf_add_char(out, stack[--depth].is_object ? '}' : ']');
        }
        if (depth == 0) {
            return;
        }
    }
}
