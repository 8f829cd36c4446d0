#include "rest/door_head.h"

#include <string.h>

/* RFC 9110 section 5.6.2: what names and methods are made of. */
static bool is_token_char(unsigned char c)
{
    static const unsigned char extra[] = "!#$%&'*+-.^_`|~";

    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != 0 && strchr((const char *)extra, c) != NULL);
}

static bool is_token(struct str s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (!is_token_char((unsigned char)s.p[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_field_char(unsigned char c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* -- lines ------------------------------------------------------------------------------------- */

enum line_result { LINE_OK, LINE_MORE, LINE_BAD };

/* The line that starts at *at, without its CRLF. Control characters are refused as soon as they are seen, so that
 * rubbish (a TLS greeting, say) is not waited for. */
static enum line_result next_line(struct str bytes, size_t *at, struct str *line)
{
    size_t i;

    for (i = *at; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.p[i];

        if (c == '\r') {
            if (i + 1 == bytes.len) {
                return LINE_MORE;
            }
            if (bytes.p[i + 1] != '\n') {
                return LINE_BAD;
            }
            *line = (struct str){bytes.p + *at, i - *at};
            *at = i + 2;
            return LINE_OK;
        }
        if (!is_field_char(c)) {
            return LINE_BAD;
        }
    }
    return LINE_MORE;
}

/* -- request line ------------------------------------------------------------------------------ */

static bool escape_is_good(struct str s, size_t i)
{
    int high, low;

    if (i + 2 >= s.len) {
        return false;
    }
    high = hex_digit(s.p[i + 1]);
    low = hex_digit(s.p[i + 2]);
    return high >= 0 && low >= 0 && (high != 0 || low != 0);
}

enum code door_head_target(struct door_head *head, struct str target)
{
    size_t i;

    if (target.len == 0 || target.p[0] != '/') {
        return CODE_BAD_REQUEST;
    }
    for (i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.p[i];

        if (c <= 0x20 || c >= 0x7f || c == '#' || (c == '%' && !escape_is_good(target, i))) {
            return CODE_BAD_REQUEST;
        }
    }
    head->target = target;
    head->query = str_cut(target, '?', &head->path);
    return CODE_OK;
}

static enum code request_line(struct str line, struct door_head *head)
{
    struct str rest = str_cut(line, ' ', &head->method), target;
    struct str version;

    if (rest.p == NULL || !is_token(head->method)) {
        return CODE_BAD_REQUEST;
    }
    version = str_cut(rest, ' ', &target);
    if (version.p == NULL || version.len != 8 || memcmp(version.p, "HTTP/1.", 7) != 0 ||
        (version.p[7] != '0' && version.p[7] != '1')) {
        return CODE_BAD_REQUEST;
    }
    head->minor = (unsigned)(version.p[7] - '0');
    return door_head_target(head, target);
}

/* -- header lines ------------------------------------------------------------------------------ */

static const struct str field_names[DOOR_FIELD_COUNT] = {
    [DOOR_HOST] = {"Host", 4},
    [DOOR_CONTENT_LENGTH] = {"Content-Length", 14},
    [DOOR_TRANSFER_ENCODING] = {"Transfer-Encoding", 17},
    [DOOR_CONNECTION] = {"Connection", 10},
    [DOOR_UPGRADE] = {"Upgrade", 7},
    [DOOR_WS_KEY] = {"Sec-WebSocket-Key", 17},
    [DOOR_WS_VERSION] = {"Sec-WebSocket-Version", 21},
    [DOOR_WS_PROTOCOL] = {"Sec-WebSocket-Protocol", 22},
    [DOOR_WS_EXTENSIONS] = {"Sec-WebSocket-Extensions", 24},
    [DOOR_ORIGIN] = {"Origin", 6},
    [DOOR_AUTHORIZATION] = {"Authorization", 13},
    [DOOR_COOKIE] = {"Cookie", 6},
};

enum code door_head_add(struct door_head *head, struct str name, struct str value)
{
    unsigned i;
    size_t at;

    if (!is_token(name)) {
        return CODE_BAD_REQUEST;
    }
    for (at = 0; at < value.len; at++) {
        if (!is_field_char((unsigned char)value.p[at])) {
            return CODE_BAD_REQUEST;
        }
    }
    if (++head->headers_count > DOOR_HEADERS_MAX) {
        return CODE_HEAD_TOO_LARGE;
    }
    value = str_trim(value);
    for (i = 0; i < DOOR_FIELD_COUNT; i++) {
        if (str_ieq(name, field_names[i])) {
            head->field[i] = value;
            head->seen[i] = (unsigned char)(head->seen[i] < 255 ? head->seen[i] + 1 : 255);
            return CODE_OK;
        }
    }
    if (str_ieq(name, STR("X-Forwarded-For"))) {
        if (head->forwarded_count == DOOR_FORWARDED_MAX) {
            return CODE_HEAD_TOO_LARGE;
        }
        head->forwarded[head->forwarded_count++] = value;
    }
    return CODE_OK;
}

static enum code header_line(struct str line, struct door_head *head)
{
    struct str name, value = str_cut(line, ':', &name);

    /* A line that begins with white space would continue the one before (obs-fold): its name is no token. */
    if (value.p == NULL) {
        return CODE_BAD_REQUEST;
    }
    return door_head_add(head, name, value);
}

enum code door_head_check(const struct door_head *head)
{
    struct str length = head->field[DOOR_CONTENT_LENGTH];
    uint64_t n;

    if (head->seen[DOOR_HOST] > 1 || (head->minor == 1 && head->seen[DOOR_HOST] == 0) ||
        head->seen[DOOR_CONTENT_LENGTH] > 1 || head->seen[DOOR_AUTHORIZATION] > 1) {
        return CODE_BAD_REQUEST;
    }
    if (head->seen[DOOR_CONTENT_LENGTH] == 1 && !str_u64(length, &n)) {
        return CODE_BAD_REQUEST;
    }
    if (head->seen[DOOR_TRANSFER_ENCODING] > 0) {
        return head->seen[DOOR_CONTENT_LENGTH] > 0 ? CODE_BAD_REQUEST : CODE_LENGTH_REQUIRED;
    }
    return CODE_OK;
}

static enum door_head_result bad(enum code *out, enum code code)
{
    *out = code;
    return DOOR_HEAD_BAD;
}

enum door_head_result door_head_parse(struct str bytes, struct door_head *out, enum code *code)
{
    struct door_head head = {0};
    struct str line;
    size_t at = 0;
    bool first = true;
    enum code c;

    /* One empty line in front of a request is allowed (RFC 9112 section 2.2). */
    if (bytes.len >= 2 && bytes.p[0] == '\r' && bytes.p[1] == '\n') {
        at = 2;
    }
    for (;;) {
        enum line_result lr = next_line(bytes, &at, &line);

        if (lr != LINE_OK) {
            return lr == LINE_MORE ? DOOR_HEAD_MORE : bad(code, CODE_BAD_REQUEST);
        }
        if (line.len == 0 && !first) {
            break;
        }
        c = first ? request_line(line, &head) : header_line(line, &head);
        if (c != CODE_OK) {
            return bad(code, c);
        }
        first = false;
    }
    c = door_head_check(&head);
    if (c != CODE_OK) {
        return bad(code, c);
    }
    head.len = at;
    *out = head;
    return DOOR_HEAD_OK;
}

/* -- upgrades ---------------------------------------------------------------------------------- */

bool door_head_is_upgrade(const struct door_head *head)
{
    return head->seen[DOOR_UPGRADE] > 0 &&
           door_list_has(head->field[DOOR_UPGRADE], STR("websocket"));
}

/* 16 bytes in canonical base64 are 22 digits and "==", the last digit with its low bits clear. */
static bool key_is_good(struct str key)
{
    size_t i;

    if (key.len != 24 || key.p[22] != '=' || key.p[23] != '=') {
        return false;
    }
    for (i = 0; i < 22; i++) {
        unsigned char c = (unsigned char)key.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              c == '+' || c == '/')) {
            return false;
        }
    }
    return strchr("AQgw", key.p[21]) != NULL;
}

enum code door_head_check_upgrade(const struct door_head *head)
{
    static const enum door_field single[] = {DOOR_CONNECTION,  DOOR_UPGRADE,       DOOR_WS_KEY,
                                             DOOR_WS_VERSION,  DOOR_WS_PROTOCOL,   DOOR_WS_EXTENSIONS,
                                             DOOR_ORIGIN,      DOOR_COOKIE};
    struct str length = head->field[DOOR_CONTENT_LENGTH];
    unsigned i;

    if (!str_eq(head->method, STR("GET"))) {
        return CODE_METHOD_NOT_ALLOWED;
    }
    for (i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        if (head->seen[single[i]] > 1) {
            return CODE_BAD_REQUEST;
        }
    }
    if (head->minor != 1 || !door_list_has(head->field[DOOR_CONNECTION], STR("upgrade")) ||
        !str_ieq(head->field[DOOR_UPGRADE], STR("websocket")) ||
        (length.p != NULL && !str_eq(length, STR("0")))) {
        return CODE_BAD_REQUEST;
    }
    if (!str_eq(head->field[DOOR_WS_VERSION], STR("13"))) {
        return CODE_NOT_ACCEPTABLE_UPGRADE;
    }
    return key_is_good(head->field[DOOR_WS_KEY]) ? CODE_OK : CODE_BAD_REQUEST;
}

/* -- lists and queries ------------------------------------------------------------------------- */

bool door_list_next(struct str *list, struct str *element)
{
    struct str head;

    while (list->p != NULL) {
        *list = str_cut(*list, ',', &head);
        head = str_trim(head);
        if (head.len > 0) {
            *element = head;
            return true;
        }
    }
    return false;
}

bool door_list_has(struct str list, struct str token)
{
    struct str element;

    while (door_list_next(&list, &element)) {
        if (str_ieq(element, token)) {
            return true;
        }
    }
    return false;
}

bool door_query_raw(struct str query, struct str name, struct str *value)
{
    struct str pair, key;

    while (query.p != NULL) {
        query = str_cut(query, '&', &pair);
        pair = str_cut(pair, '=', &key);
        if (str_eq(key, name)) {
            *value = pair.p != NULL ? pair : STR("");
            return true;
        }
    }
    return false;
}

bool door_percent_decode(struct str raw, bool plus, char *room, size_t size, size_t *len)
{
    size_t i, n = 0;

    for (i = 0; i < raw.len; i++) {
        char c = raw.p[i];

        if (c == '%') {
            if (!escape_is_good(raw, i)) {
                return false;
            }
            c = (char)(hex_digit(raw.p[i + 1]) << 4 | hex_digit(raw.p[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0' || n == size) {
            return false;
        }
        room[n++] = c;
    }
    *len = n;
    return true;
}

void door_redact(struct buf *out, struct str path, struct str query)
{
    struct str pair, key;
    char mark = '?';

    buf_add_str(out, path);
    while (query.p != NULL) {
        query = str_cut(query, '&', &pair);
        pair = str_cut(pair, '=', &key);
        buf_add_char(out, mark);
        buf_add_str(out, key);
        if (pair.p != NULL) {
            buf_add_z(out, "=*");
        }
        mark = '&';
    }
}
