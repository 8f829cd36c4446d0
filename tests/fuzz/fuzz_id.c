/*
 * fuzz_id.c -- any bytes as an id, a key or base64url
 *
 * What reads as an id of a kind reads back as the same from every form; base64url and UUIDs are
 * canonical; any number survives every form.
 */
#include <ctype.h>

#include "shared/id.h"
#include "tests/fuzz/fuzz.h"

static void read_back(struct buf *form, enum id_kind kind, uint64_t n)
{
    uint64_t back = 0;
    CHECK(buf_ok(form) && id_parse(buf_str(form), kind, &back) == RC_OK && back == n);
    buf_clear(form);
}

static void check_number(enum id_kind kind, uint64_t n, uint64_t created_us)
{
    struct buf form = BUF_INIT;
    buf_add_u64(&form, n);
    read_back(&form, kind, n);
    id_add_hex(&form, kind, n, created_us);
    read_back(&form, kind, n);
    id_add_tagged(&form, kind, n);
    read_back(&form, kind, n);
    id_add_uuid(&form, kind, n);
    read_back(&form, kind, n);
    buf_release(&form);
}

static void check_text(struct str text)
{
    unsigned kinds_read = 0;
    for (enum id_kind kind = ID_USER; kind <= ID_UPLOAD; kind++) {
        uint64_t n = 0;
        enum rc rc = id_parse(text, kind, &n);
        CHECK(rc == RC_OK || rc == RC_INVALID || rc == RC_NOT_FOUND);
        CHECK((rc == RC_OK) == (n != 0) && n <= ID_MAX);
        if (rc == RC_OK) {
            kinds_read++;
            check_number(kind, n, 0);
        }
    }
    CHECK(kinds_read <= 1 ||
          isdigit((unsigned char)text.p[0])); /* only decimal fits several kinds */
}

static void check_key(struct str text)
{
    struct key16 key, again;
    struct buf uuid = BUF_INIT;
    CHECK(key16_from_text(text, &key) == (text.len >= 1 && text.len <= ID_KEY_TEXT_MAX));
    if (text.len >= 1 && text.len <= ID_KEY_TEXT_MAX) {
        key16_add_uuid(&uuid, &key);
        CHECK(key16_from_text(buf_str(&uuid), &again) && key16_eq(&key, &again));
    }
    buf_release(&uuid);
}

static void check_base64url(struct str text)
{
    struct buf bytes = BUF_INIT, back = BUF_INIT;
    if (base64url_decode(text, &bytes)) {
        base64url_add(&back, bytes.p, bytes.len);
        CHECK(str_eq(buf_str(&back), text));
    }
    buf_clear(&bytes);
    buf_clear(&back);
    base64url_add(&back, text.p, text.len);
    CHECK(base64url_decode(buf_str(&back), &bytes) && str_eq(buf_str(&bytes), text));
    buf_release(&bytes);
    buf_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size > 0 ? (const char *)data : "", size};
    check_text(text);
    check_key(text);
    check_base64url(text);
    uint64_t words[2] = {0, 0};
    memcpy(words, text.p, size < sizeof(words) ? size : sizeof(words));
    check_number((enum id_kind)(ID_USER + words[1] % ID_UPLOAD), words[0] % ID_MAX + 1, words[1]);
    return 0;
}
