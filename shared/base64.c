#include "shared/base64.h"

#include <sodium.h>

#define VARIANT sodium_base64_VARIANT_ORIGINAL

void base64_encode(struct buf *out, struct str bytes)
{
    size_t room = sodium_base64_encoded_len(bytes.len, VARIANT); /* with the NUL */
    char *to = buf_reserve(out, room);
    if (to != NULL) {
        (void)sodium_bin2base64(to, room, (const unsigned char *)bytes.p, bytes.len, VARIANT);
        buf_commit(out, room - 1);
    }
}

/* libsodium 1.0.18 takes some bytes from 0x80 on for digits. */
static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

enum rc base64_decode(struct str text, struct buf *out)
{
    size_t len = 0;
    const char *end = NULL;
    unsigned char *to = (unsigned char *)buf_reserve(out, text.len / 4 * 3 + 3);
    if (to == NULL) {
        return RC_NO_MEMORY;
    }
    if (!is_ascii(text) ||
        sodium_base642bin(to, text.len / 4 * 3 + 3, text.len ? text.p : "", text.len, NULL, &len, &end,
                          VARIANT) != 0 ||
        end != (text.len ? text.p : end) + text.len) {
        return RC_INVALID;
    }
    buf_commit(out, len);
    return RC_OK;
}
