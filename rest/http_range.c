#include "rest/http_range.h"

/* Digits only, at least one; a number too large to be written down is as good as the largest. */
static bool number(struct str s, uint64_t *out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
    }
    *out = n;
    return s.len > 0;
}

static enum http_range last_bytes(struct str text, uint64_t size, uint64_t *from, uint64_t *length)
{
    uint64_t n = 0;
    if (!number(text, &n)) {
        return HTTP_RANGE_WHOLE;
    }
    if (n == 0 || size == 0) {
        return HTTP_RANGE_OUTSIDE;
    }
    *length = n < size ? n : size;
    *from = size - *length;
    return HTTP_RANGE_PART;
}

enum http_range http_range_parse(struct str value, uint64_t size, uint64_t *from, uint64_t *length)
{
    struct str unit, first, range = str_cut(value, '=', &unit);
    if (range.p == NULL || !str_ieq(str_trim(unit), STR("bytes")) ||
        memchr(range.p, ',', range.len) != NULL) {
        return HTTP_RANGE_WHOLE;
    }
    struct str last = str_cut(str_trim(range), '-', &first);
    uint64_t low = 0, high = UINT64_MAX;
    if (last.p == NULL) {
        return HTTP_RANGE_WHOLE;
    }
    if (first.len == 0) {
        return last_bytes(last, size, from, length);
    }
    if (!number(first, &low) || (last.len > 0 && !number(last, &high)) || low > high) {
        return HTTP_RANGE_WHOLE;
    }
    if (low >= size) {
        return HTTP_RANGE_OUTSIDE;
    }
    *from = low;
    *length = (high < size ? high + 1 : size) - low;
    return HTTP_RANGE_PART;
}

/* Tags may have commas inside, so the list is walked by its quotes. */
bool http_etag_listed(struct str list, struct str etag)
{
    struct str rest = str_trim(list);
    if (str_eq(rest, STR("*"))) {
        return true;
    }
    while (rest.len > 0) {
        if (str_starts(rest, STR("W/"))) {
            rest = str_from(rest, 2);
        }
        const char *end =
            rest.len > 1 && rest.p[0] == '"' ? memchr(rest.p + 1, '"', rest.len - 1) : NULL;
        if (end == NULL) {
            return false;
        }
        size_t len = (size_t)(end - rest.p) + 1;
        if (str_eq((struct str){rest.p, len}, etag)) {
            return true;
        }
        rest = str_trim(str_from(rest, len));
        if (rest.len > 0 && rest.p[0] != ',') {
            return false;
        }
        rest = str_trim(str_from(rest, 1));
    }
    return false;
}

bool http_if_range(struct str value, struct str etag)
{
    return str_eq(str_trim(value), etag);
}
