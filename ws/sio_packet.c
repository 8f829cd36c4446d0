#include "ws/sio_packet.h"

#include "shared/id.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_binary(uint8_t type)
{
    return type == SIO_BINARY_EVENT || type == SIO_BINARY_ACK;
}

/* Digits at the front of *text, which is moved behind them; at most 2^53 - 1. */
static bool take_number(struct str *text, uint64_t *out)
{
    size_t len = 0;
    while (len < text->len && is_digit(text->p[len])) {
        len++;
    }
    if (!str_u64((struct str){text->p, len}, out) || *out > ID_MAX) {
        return false;
    }
    *text = str_from(*text, len);
    return true;
}

static enum rc take_attachments(struct str *text, uint32_t max, struct sio_packet *p)
{
    uint64_t n;
    if (!is_binary(p->type)) {
        return RC_OK;
    }
    if (!take_number(text, &n) || text->len == 0 || text->p[0] != '-') {
        return RC_INVALID;
    }
    if (n > max) {
        return RC_TOO_BIG;
    }
    p->attachments = (uint32_t)n;
    *text = str_from(*text, 1);
    return RC_OK;
}

static bool take_namespace(struct str *text, struct sio_packet *p)
{
    p->nsp = STR("/");
    if (text->len == 0 || text->p[0] != '/') {
        return true;
    }
    struct str rest = str_cut(*text, ',', &p->nsp);
    *text = rest.p != NULL ? rest : STR("");
    return p->nsp.len <= SIO_NAMESPACE_MAX_BYTES;
}

static bool take_id(struct str *text, struct sio_packet *p)
{
    if (text->len == 0 || !is_digit(text->p[0])) {
        return true;
    }
    p->has_id = true;
    return take_number(text, &p->id);
}

/* The first element of a list is a string: the name of the event. */
static bool begins_with_string(struct str json)
{
    size_t at = 1;
    while (at < json.len && (json.p[at] == ' ' || json.p[at] == '\t' || json.p[at] == '\n' || json.p[at] == '\r')) {
        at++;
    }
    return at < json.len && json.p[at] == '"';
}

static bool fits_type(const struct sio_packet *p)
{
    char first = p->json.len > 0 ? p->json.p[0] : '\0';
    switch (p->type) {
    case SIO_CONNECT:
        return (first == '\0' || first == '{') && !p->has_id;
    case SIO_DISCONNECT:
        return first == '\0' && !p->has_id;
    case SIO_EVENT:
    case SIO_BINARY_EVENT:
        return first == '[' && begins_with_string(p->json);
    case SIO_ACK:
    case SIO_BINARY_ACK:
        return first == '[' && p->has_id;
    default:
        return false;
    }
}

enum rc sio_read(struct str text, uint32_t attachments_max, const struct json_limits *limits,
                 struct sio_packet *out)
{
    struct sio_packet p = {0};
    if (text.len == 0 || text.p[0] < '0' || text.p[0] > '6') {
        return RC_INVALID;
    }
    p.type = (uint8_t)(text.p[0] - '0');
    text = str_from(text, 1);
    enum rc rc = take_attachments(&text, attachments_max, &p);
    if (rc != RC_OK) {
        return rc;
    }
    if (!take_namespace(&text, &p) || !take_id(&text, &p)) {
        return RC_INVALID;
    }
    p.json = text;
    if (!fits_type(&p)) {
        return RC_INVALID;
    }
    rc = p.json.len > 0 ? json_scan(p.json, limits, NULL, NULL) : RC_OK;
    if (rc == RC_OK) {
        *out = p;
    }
    return rc;
}

void sio_begin(struct buf *out, const struct sio_packet *p)
{
    buf_add_char(out, '4');
    buf_add_char(out, (char)('0' + p->type));
    if (is_binary(p->type)) {
        buf_add_u64(out, p->attachments);
        buf_add_char(out, '-');
    }
    if (!str_eq(p->nsp, STR("/"))) {
        buf_add_str(out, p->nsp);
        buf_add_char(out, ',');
    }
    if (p->has_id) {
        buf_add_u64(out, p->id);
    }
}
