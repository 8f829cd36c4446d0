/*
 * fuzz_attachment.c -- any bytes as a range, a list of tags, a file name, its header, a media type, a digest
 *
 * The first byte chooses. A part lies inside the file; a clean name stays what it is when it is cleaned again, is one
 * line of valid text without a path, and survives its header; a clean type stays what it is.
 */
#include "rest/content_type.h"
#include "rest/file_name.h"
#include "rest/http_range.h"
#include "rest/sha256.h"
#include "shared/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check_range(struct str text)
{
    static const uint64_t sizes[] = {0, 1, 10, 4096, UINT64_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t from = 0, length = 0;
        if (http_range_parse(text, sizes[i], &from, &length) == HTTP_RANGE_PART) {
            CHECK(from < sizes[i] && length > 0 && length <= sizes[i] - from);
        }
    }
    (void)http_etag_listed(text, STR("\"abc\""));
    (void)http_if_range(text, STR("\"abc\""));
}

static void check_name(struct str raw)
{
    struct buf name = BUF_INIT, again = BUF_INIT, header = BUF_INIT;
    file_name_clean(raw, &name);
    struct str clean = buf_str(&name);
    CHECK(clean.len > 0 && clean.len <= FILE_NAME_MAX_BYTES && utf8_valid(clean));
    CHECK(!utf8_has_control(clean, false) && clean.p[0] != '.');
    CHECK(memchr(clean.p, '/', clean.len) == NULL && memchr(clean.p, '\\', clean.len) == NULL);
    file_name_clean(clean, &again);
    CHECK(str_eq(clean, buf_str(&again)));
    file_name_add_disposition(&header, clean);
    buf_clear(&again);
    CHECK(file_name_from_disposition(buf_str(&header), &again) && str_eq(clean, buf_str(&again)));
    buf_release(&name);
    buf_release(&again);
    buf_release(&header);
}

static void check_header(struct str text)
{
    struct buf raw = BUF_INIT;
    if (file_name_from_disposition(text, &raw)) {
        CHECK(raw.len <= text.len);
        check_name(buf_str(&raw));
    }
    buf_release(&raw);
}

static void check_type(struct str text)
{
    struct buf type = BUF_INIT, again = BUF_INIT;
    if (content_type_clean(text, &type)) {
        CHECK(type.len <= CONTENT_TYPE_MAX_BYTES);
        CHECK(content_type_clean(buf_str(&type), &again) && str_eq(buf_str(&type), buf_str(&again)));
        CHECK(content_type_fits(buf_str(&type), buf_str(&type), false));
    }
    (void)content_type_listed(text, STR("image/png"));
    (void)content_type_of_extension(text);
    (void)content_is_readable(text);
    buf_release(&type);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char hex[SHA256_HEX_ROOM];
    if (size == 0) {
        return 0;
    }
    struct str text = {(const char *)data + 1, size - 1};
    switch (data[0] % 5) {
    case 0:
        check_range(text);
        break;
    case 1:
        check_name(text);
        break;
    case 2:
        check_header(text);
        break;
    case 3:
        check_type(text);
        break;
    default:
        CHECK(!sha256_from_hex(text, hex) || hex[SHA256_HEX_ROOM - 1] == '\0');
        CHECK(!sha256_from_digest_header(text, hex) || hex[SHA256_HEX_ROOM - 1] == '\0');
        break;
    }
    return 0;
}
