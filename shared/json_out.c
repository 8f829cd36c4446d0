/* json_out.c -- writing JSON text straight into a buffer, without a tree */
#include "shared/json.h"

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static void add_escaped(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *named = c != 0 ? strchr(from, c) : NULL;
    if (named) {
        buf_add(out, (char[]){'\\', to[named - from]}, 2);
    } else {
        buf_add(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
}

void json_add_str(struct buf *out, struct str s)
{
    buf_add_char(out, '"');
    size_t plain_from = 0; /* what stands for itself is copied in runs */
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (needs_escape(c)) {
            buf_add(out, s.p + plain_from, i - plain_from);
            add_escaped(out, c);
            plain_from = i + 1;
        }
    }
    if (s.len > 0) {
        buf_add(out, s.p + plain_from, s.len - plain_from);
    }
    buf_add_char(out, '"');
}

/* A value or key that stands before ends in a quote, digit, letter or closing bracket. */
static bool is_first_member(const struct buf *out)
{
    char last = out->len > 0 ? out->p[out->len - 1] : '{';
    return last == '{' || last == '[';
}

void json_add_key(struct buf *out, const char *key)
{
    if (!is_first_member(out)) {
        buf_add_char(out, ',');
    }
    buf_add_char(out, '"');
    buf_add_z(out, key);
    buf_add(out, "\":", 2);
}

void json_key_str(struct buf *out, const char *key, struct str s)
{
    json_add_key(out, key);
    json_add_str(out, s);
}

void json_key_u64(struct buf *out, const char *key, uint64_t n)
{
    json_add_key(out, key);
    buf_add_u64(out, n);
}

void json_key_i64(struct buf *out, const char *key, int64_t n)
{
    json_add_key(out, key);
    buf_add_i64(out, n);
}

void json_key_bool(struct buf *out, const char *key, bool v)
{
    json_add_key(out, key);
    buf_add_z(out, v ? "true" : "false");
}

void json_key_null(struct buf *out, const char *key)
{
    json_add_key(out, key);
    buf_add_z(out, "null");
}
