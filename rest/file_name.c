#include "rest/file_name.h"

#include "shared/utf8.h"

/* -- in -------------------------------------------------------------------------------------------------- */

static struct str last_part(struct str s)
{
    for (size_t i = s.len; i > 0; i--) {
        if (s.p[i - 1] == '/' || s.p[i - 1] == '\\') {
            return str_from(s, i);
        }
    }
    return s;
}

static bool is_refused(char c)
{
    return c != '\0' && strchr("<>:\"|?*", c) != NULL;
}

/* One character of the raw text, or '_' for it. Returns how many bytes it was. */
static size_t add_char(struct buf *out, struct str left)
{
    size_t n = utf8_step(left.p, left.len);
    struct str c = {left.p, n ? n : 1};
    if (n == 0 || utf8_has_control(c, false) || (n == 1 && is_refused(c.p[0]))) {
        buf_add_char(out, '_');
    } else {
        buf_add_str(out, c);
    }
    return c.len;
}

static struct str trimmed(struct str s)
{
    while (s.len > 0 && (s.p[0] == '.' || s.p[0] == ' ')) {
        s = str_from(s, 1);
    }
    while (s.len > 0 && (s.p[s.len - 1] == '.' || s.p[s.len - 1] == ' ')) {
        s.len--;
    }
    return s;
}

/* At most max bytes of valid text, cut between characters. */
static struct str at_most(struct str s, size_t max)
{
    size_t len = 0, n;
    while (len < s.len && (n = utf8_step(s.p + len, s.len - len)) > 0 && len + n <= max) {
        len += n;
    }
    return (struct str){s.p, len};
}

struct str file_name_extension(struct str name)
{
    for (size_t i = name.len; i > 1; i--) {
        if (name.p[i - 1] == '.') {
            return str_from(name, i);
        }
    }
    return (struct str){name.p + name.len, 0};
}

static void add_short(struct buf *out, struct str s)
{
    struct str extension = file_name_extension(s);
    if (s.len <= FILE_NAME_MAX_BYTES) {
        buf_add_str(out, s);
        return;
    }
    if (extension.len == 0 || extension.len > 16) {
        buf_add_str(out, trimmed(at_most(s, FILE_NAME_MAX_BYTES)));
        return;
    }
    struct str stem = {s.p, s.len - extension.len - 1};
    buf_add_str(out, at_most(stem, FILE_NAME_MAX_BYTES - extension.len - 1));
    buf_add_char(out, '.');
    buf_add_str(out, extension);
}

void file_name_clean(struct str raw, struct buf *out)
{
    struct buf text = BUF_INIT;
    struct str left = last_part(raw);
    while (left.len > 0 && text.len < 16 * FILE_NAME_MAX_BYTES) {
        left = str_from(left, add_char(&text, left));
    }
    struct str name = trimmed(buf_str(&text));
    if (name.len == 0) {
        buf_add_z(out, "file");
    } else {
        add_short(out, name);
    }
    buf_release(&text);
}

/* -- Content-Disposition --------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* UTF-8''percent-encoded (RFC 8187); other character sets are not read. */
static bool extended_value(struct str value, struct buf *out)
{
    struct str charset, language, text = str_cut(value, '\'', &charset);
    if (text.p == NULL || !str_ieq(charset, STR("UTF-8"))) {
        return false;
    }
    text = str_cut(text, '\'', &language);
    if (text.p == NULL) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == '%') {
            int high = text.len - i > 2 ? hex_value(text.p[i + 1]) : -1;
            int low = text.len - i > 2 ? hex_value(text.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        buf_add_char(out, c);
    }
    return true;
}

/* The value at the beginning of *left: a quoted string without its escapes, or a token. */
static void take_value(struct str *left, struct buf *out)
{
    size_t i = 0;
    if (left->len == 0 || left->p[0] != '"') {
        while (i < left->len && left->p[i] != ';') {
            i++;
        }
        buf_add_str(out, str_trim((struct str){left->p, i}));
        *left = str_from(*left, i);
        return;
    }
    for (i = 1; i < left->len && left->p[i] != '"'; i++) {
        if (left->p[i] == '\\' && i + 1 < left->len) {
            i++;
        }
        buf_add_char(out, left->p[i]);
    }
    *left = str_from(*left, i + 1);
}

bool file_name_from_disposition(struct str header, struct buf *out)
{
    struct str type, left = str_cut(header, ';', &type);
    struct buf value = BUF_INIT, plain = BUF_INIT, extended = BUF_INIT;
    bool has_plain = false, has_extended = false;
    while (left.p != NULL && left.len > 0) {
        struct str name, after = str_cut(left, '=', &name);
        if (after.p == NULL) {
            break;
        }
        /* A parameter without a value may stand in front of this one. */
        for (struct str rest = name; rest.p != NULL;) {
            rest = str_cut(rest, ';', &name);
        }
        left = str_trim(after);
        buf_clear(&value);
        take_value(&left, &value);
        if (str_ieq(str_trim(name), STR("filename*")) && !has_extended) {
            buf_clear(&extended);
            has_extended = extended_value(buf_str(&value), &extended);
        } else if (str_ieq(str_trim(name), STR("filename")) && !has_plain) {
            buf_add_str(&plain, buf_str(&value));
            has_plain = true;
        }
        struct str skipped;
        left = str_cut(left, ';', &skipped);
    }
    if (has_extended || has_plain) {
        buf_add_str(out, buf_str(has_extended ? &extended : &plain));
    }
    buf_release(&value);
    buf_release(&plain);
    buf_release(&extended);
    return has_extended || has_plain;
}

/* -- out --------------------------------------------------------------------------------------------------- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

void file_name_add_disposition(struct buf *out, struct str name)
{
    static const char digits[] = "0123456789ABCDEF";
    bool all_ascii = true;
    buf_add_z(out, "attachment; filename=\"");
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.p[i];
        bool good = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%';
        all_ascii = all_ascii && good;
        if (c < 0x80 || c >= 0xc0) { /* one for each character */
            buf_add_char(out, good ? (char)c : '_');
        }
    }
    buf_add_char(out, '"');
    if (all_ascii) {
        return;
    }
    buf_add_z(out, "; filename*=UTF-8''");
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (is_plain((char)c)) {
            buf_add_char(out, (char)c);
        } else {
            buf_add_char(out, '%');
            buf_add_char(out, digits[c >> 4]);
            buf_add_char(out, digits[c & 15]);
        }
    }
}
