#include "rest/content_type.h"

#include <string.h>

/* -- tables ------------------------------------------------------------------------------------------------ */

enum family {
    FAMILY_NONE, /* a type we know nothing about */
    FAMILY_TEXT, /* no signature: any readable text */
    FAMILY_ZIP,
    FAMILY_OLE,
    FAMILY_MP4,
    FAMILY_OGG,
    FAMILY_MATROSKA,
    FAMILY_RIFF_AUDIO,
    FAMILY_ASF,
    FAMILY_MPEG_AUDIO, /* without a tag in front often not recognised */
    FAMILY_HTML,
    FAMILY_SVG,
    FAMILY_GZIP,
    FAMILY_ALONE, /* one type, one signature: nothing else looks like it */
};

static const struct known {
    const char *type;
    enum family family;
} known[] = {
    {"application/epub+zip", FAMILY_ZIP},
    {"application/gzip", FAMILY_GZIP},
    {"application/java-archive", FAMILY_ZIP},
    {"application/javascript", FAMILY_TEXT},
    {"application/json", FAMILY_TEXT},
    {"application/msword", FAMILY_OLE},
    {"application/pdf", FAMILY_ALONE},
    {"application/rtf", FAMILY_TEXT},
    {"application/vnd.android.package-archive", FAMILY_ZIP},
    {"application/vnd.microsoft.portable-executable", FAMILY_ALONE},
    {"application/vnd.ms-excel", FAMILY_OLE},
    {"application/vnd.ms-office", FAMILY_OLE},
    {"application/vnd.ms-outlook", FAMILY_OLE},
    {"application/vnd.ms-powerpoint", FAMILY_OLE},
    {"application/x-7z-compressed", FAMILY_ALONE},
    {"application/x-bzip2", FAMILY_ALONE},
    {"application/x-cfb", FAMILY_OLE},
    {"application/x-executable", FAMILY_ALONE},
    {"application/x-msi", FAMILY_OLE},
    {"application/x-ole-storage", FAMILY_OLE},
    {"application/x-pie-executable", FAMILY_ALONE},
    {"application/x-rar", FAMILY_ALONE},
    {"application/x-sharedlib", FAMILY_ALONE},
    {"application/x-sqlite3", FAMILY_ALONE},
    {"application/x-subrip", FAMILY_TEXT},
    {"application/x-tar", FAMILY_ALONE},
    {"application/x-xz", FAMILY_ALONE},
    {"application/xhtml+xml", FAMILY_HTML},
    {"application/xml", FAMILY_TEXT},
    {"application/yaml", FAMILY_TEXT},
    {"application/zip", FAMILY_ZIP},
    {"application/zstd", FAMILY_ALONE},
    {"audio/aac", FAMILY_MPEG_AUDIO},
    {"audio/aiff", FAMILY_ALONE},
    {"audio/amr", FAMILY_ALONE},
    {"audio/flac", FAMILY_ALONE},
    {"audio/midi", FAMILY_ALONE},
    {"audio/mp4", FAMILY_MP4},
    {"audio/mpeg", FAMILY_MPEG_AUDIO},
    {"audio/ogg", FAMILY_OGG},
    {"audio/opus", FAMILY_OGG},
    {"audio/vorbis", FAMILY_OGG},
    {"audio/wav", FAMILY_RIFF_AUDIO},
    {"audio/webm", FAMILY_MATROSKA},
    {"audio/x-matroska", FAMILY_MATROSKA},
    {"audio/x-ms-wma", FAMILY_ASF},
    {"image/avif", FAMILY_MP4},
    {"image/bmp", FAMILY_ALONE},
    {"image/gif", FAMILY_ALONE},
    {"image/heic", FAMILY_MP4},
    {"image/heif", FAMILY_MP4},
    {"image/jpeg", FAMILY_ALONE},
    {"image/png", FAMILY_ALONE},
    {"image/svg+xml", FAMILY_SVG},
    {"image/tiff", FAMILY_ALONE},
    {"image/vnd.adobe.photoshop", FAMILY_ALONE},
    {"image/vnd.microsoft.icon", FAMILY_ALONE},
    {"image/webp", FAMILY_ALONE},
    {"message/rfc822", FAMILY_TEXT},
    {"text/html", FAMILY_HTML},
    {"text/rtf", FAMILY_TEXT},
    {"video/3gpp", FAMILY_MP4},
    {"video/mp4", FAMILY_MP4},
    {"video/mpeg", FAMILY_ALONE},
    {"video/ogg", FAMILY_OGG},
    {"video/quicktime", FAMILY_MP4},
    {"video/webm", FAMILY_MATROSKA},
    {"video/x-matroska", FAMILY_MATROSKA},
    {"video/x-ms-asf", FAMILY_ASF},
    {"video/x-ms-wmv", FAMILY_ASF},
    {"video/x-msvideo", FAMILY_ALONE},
};

static const struct {
    const char *other, *usual;
} spellings[] = {
    {"application/cdfv2", "application/x-ole-storage"},
    {"application/ogg", "audio/ogg"},
    {"application/vnd.rar", "application/x-rar"},
    {"application/x-bzip", "application/x-bzip2"},
    {"application/x-dosexec", "application/vnd.microsoft.portable-executable"},
    {"application/x-gzip", "application/gzip"},
    {"application/x-javascript", "application/javascript"},
    {"application/x-msdownload", "application/vnd.microsoft.portable-executable"},
    {"application/x-pdf", "application/pdf"},
    {"application/x-rar-compressed", "application/x-rar"},
    {"application/x-zip-compressed", "application/zip"},
    {"application/x-zstd", "application/zstd"},
    {"audio/m4a", "audio/mp4"},
    {"audio/mp3", "audio/mpeg"},
    {"audio/wave", "audio/wav"},
    {"audio/x-aiff", "audio/aiff"},
    {"audio/x-flac", "audio/flac"},
    {"audio/x-hx-aac-adts", "audio/aac"},
    {"audio/x-m4a", "audio/mp4"},
    {"audio/x-wav", "audio/wav"},
    {"image/jpg", "image/jpeg"},
    {"image/pjpeg", "image/jpeg"},
    {"image/svg", "image/svg+xml"},
    {"image/x-icon", "image/vnd.microsoft.icon"},
    {"image/x-ms-bmp", "image/bmp"},
    {"image/x-png", "image/png"},
    {"text/javascript", "application/javascript"},
    {"text/json", "application/json"},
    {"text/xml", "application/xml"},
    {"video/avi", "video/x-msvideo"},
    {"video/x-m4v", "video/mp4"},
};

static const struct {
    const char *extension, *type;
} extensions[] = {
    {"3gp", "video/3gpp"},
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apk", "application/vnd.android.package-archive"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"dll", "application/vnd.microsoft.portable-executable"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"epub", "application/epub+zip"},
    {"exe", "application/vnd.microsoft.portable-executable"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"heic", "image/heic"},
    {"heif", "image/heif"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar"},
    {"jar", "application/java-archive"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "application/javascript"},
    {"json", "application/json"},
    {"log", "text/plain"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"md", "text/markdown"},
    {"mkv", "video/x-matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"ogg", "audio/ogg"},
    {"opus", "audio/opus"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"rar", "application/x-rar"},
    {"rtf", "text/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"txt", "text/plain"},
    {"vcf", "text/vcard"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"wma", "audio/x-ms-wma"},
    {"wmv", "video/x-ms-wmv"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* -- one type ---------------------------------------------------------------------------------------------- */

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$&-^_.+", c) != NULL);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.p[i])) {
            return false;
        }
    }
    return s.len > 0;
}

bool content_type_clean(struct str value, struct buf *out)
{
    struct str type, top, parameters = str_cut(value, ';', &type);
    (void)parameters;
    type = str_trim(type);
    struct str sub = str_cut(type, '/', &top);
    if (type.len > CONTENT_TYPE_MAX_BYTES || sub.p == NULL || !is_token(top) || !is_token(sub)) {
        return false;
    }
    for (size_t i = 0; i < COUNT(spellings); i++) {
        if (str_ieq(type, str_of(spellings[i].other))) {
            buf_add_z(out, spellings[i].usual);
            return true;
        }
    }
    for (size_t i = 0; i < type.len; i++) {
        char c = type.p[i];
        buf_add_char(out, (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
    }
    return true;
}

struct str content_type_of_extension(struct str extension)
{
    for (size_t i = 0; i < COUNT(extensions); i++) {
        if (str_ieq(extension, str_of(extensions[i].extension))) {
            return str_of(extensions[i].type);
        }
    }
    return STR("");
}

static enum family family_of(struct str type)
{
    for (size_t i = 0; i < COUNT(known); i++) {
        if (str_eq(type, str_of(known[i].type))) {
            return known[i].family;
        }
    }
    if (str_starts(type, STR("application/vnd.openxmlformats-")) ||
        str_starts(type, STR("application/vnd.oasis.opendocument."))) {
        return FAMILY_ZIP;
    }
    return str_starts(type, STR("text/")) ? FAMILY_TEXT : FAMILY_NONE;
}

bool content_type_is_vague(struct str type)
{
    return type.len == 0 || str_eq(type, STR("application/octet-stream")) ||
           str_eq(type, STR("application/x-www-form-urlencoded")) ||
           str_eq(type, STR("multipart/form-data"));
}

/* -- two types --------------------------------------------------------------------------------------------- */

/* Content without a signature: the claim has to do, unless what it claims has one. */
static bool unsigned_fits(enum family claimed)
{
    return claimed == FAMILY_NONE || claimed == FAMILY_MPEG_AUDIO;
}

bool content_is_readable(struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.p[i];
        if (c == 0 || (c < 0x20 && strchr("\t\n\f\r\033", c) == NULL)) {
            return false;
        }
    }
    return true;
}

bool content_type_fits(struct str found, struct str claimed, bool readable)
{
    if (content_type_is_vague(claimed) || str_eq(found, claimed)) {
        return true;
    }
    enum family f = family_of(found), c = family_of(claimed);
    if (readable &&
        c == FAMILY_TEXT) { /* texts are often taken for something else by the way they begin */
        return true;
    }
    if (content_type_is_vague(found)) {
        return unsigned_fits(c);
    }
    switch (f) {
    case FAMILY_NONE: /* recognised as something that is not in our tables */
        return c == FAMILY_NONE;
    case FAMILY_ALONE:
        return false;
    case FAMILY_TEXT: /* markup at the start of a text may have been taken for a format of its own, or not */
        return c == FAMILY_TEXT || c == FAMILY_NONE || c == FAMILY_SVG || c == FAMILY_HTML;
    case FAMILY_ZIP:
    case FAMILY_OLE:
    case FAMILY_GZIP: /* containers of formats that are not in our tables */
        return c == f || c == FAMILY_NONE;
    default:
        return c == f;
    }
}

bool content_type_may_become(struct str found, struct str claimed, bool readable)
{
    return content_type_fits(found, claimed, readable) ||
           (content_type_is_vague(found) && family_of(claimed) == FAMILY_ZIP);
}

bool content_type_listed(struct str list, struct str type)
{
    while (list.p != NULL) {
        struct str item;
        list = str_cut(list, ',', &item);
        item = str_trim(item);
        bool is_group = item.len > 2 && str_eq(str_from(item, item.len - 2), STR("/*"));
        struct str top = {item.p, is_group ? item.len - 1 : 0};
        if (str_eq(item, STR("*/*")) || str_ieq(item, type) ||
            (is_group && type.len > top.len && str_ieq((struct str){type.p, top.len}, top))) {
            return true;
        }
    }
    return false;
}

struct str content_type_message_kind(struct str type)
{
    return str_starts(type, STR("image/"))   ? STR("image")
           : str_starts(type, STR("audio/")) ? STR("audio")
           : str_starts(type, STR("video/")) ? STR("video")
                                             : STR("file");
}
