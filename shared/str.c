/* str.c -- cutting and reading views */
#include "shared/str.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.p[s.len - 1])) {
        s.len--;
    }
    return s;
}

struct str str_cut(struct str s, char sep, struct str *head)
{
    const char *at = s.len > 0 ? memchr(s.p, sep, s.len) : NULL;
    if (!at) {
        *head = s;
        return STR_NONE;
    }
    size_t head_len = (size_t)(at - s.p);
    *head = (struct str){s.p, head_len};
    return (struct str){at + 1, s.len - head_len - 1};
}

bool str_u64(struct str s, uint64_t *out)
{
    if (s.len == 0) {
        return false;
    }
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(s.p[i] - '0'), &n)) {
            return false;
        }
    }
    *out = n;
    return true;
}
