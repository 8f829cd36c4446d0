#include "shared/cursor.h"

#define PREFIX_DIGITS 8

void cursor_add(struct buf *out, uint32_t log_prefix, uint64_t event_id)
{
    buf_addf(out, "%08x.", (unsigned)log_prefix);
    buf_add_u64(out, event_id);
}

static bool hex32(struct str s, uint32_t *out)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        unsigned v = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
        if (v > 15) {
            return false;
        }
        n = n << 4 | v;
    }
    *out = n;
    return s.len == PREFIX_DIGITS;
}

bool cursor_read(struct str text, uint32_t *log_prefix, uint64_t *event_id)
{
    struct str hex;
    struct str number = str_cut(text, '.', &hex);
    uint32_t prefix = 0;
    uint64_t id = 0;
    if (!hex32(hex, &prefix) || !str_u64(number, &id)) {
        return false;
    }
    *log_prefix = prefix;
    *event_id = id;
    return true;
}
