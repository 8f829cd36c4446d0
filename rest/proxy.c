#include "rest/proxy.h"

#include <string.h>

static const char v2_mark[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool begins(struct str bytes, const char *mark, size_t len)
{
    return memcmp(bytes.p, mark, bytes.len < len ? bytes.len : len) == 0;
}

/* The next word up to a single space; false when the line is used up. */
static bool word(struct str *line, struct str *out)
{
    if (line->p == NULL) {
        return false;
    }
    *line = str_cut(*line, ' ', out);
    return out->len > 0;
}

/* "TCP4 192.0.2.1 198.51.100.1 56324 443" */
static enum rc v1_line(struct str line, struct addr *client)
{
    struct str proto, source, target, source_port, target_port;
    struct addr a, b;
    uint64_t n, m;
    uint8_t family;

    if (!word(&line, &proto)) {
        return RC_INVALID;
    }
    if (str_eq(proto, STR("UNKNOWN"))) {
        *client = (struct addr){ADDR_NONE, {0}, 0};
        return RC_OK;
    }
    family = str_eq(proto, STR("TCP4")) ? ADDR_V4 : str_eq(proto, STR("TCP6")) ? ADDR_V6 : ADDR_NONE;
    if (family == ADDR_NONE || !word(&line, &source) || !word(&line, &target) ||
        !word(&line, &source_port) || !word(&line, &target_port) || line.p != NULL ||
        addr_parse(source, false, &a) != RC_OK || addr_parse(target, false, &b) != RC_OK ||
        !str_u64(source_port, &n) || n > 65535 || !str_u64(target_port, &m) || m > 65535 ||
        (memchr(source.p, ':', source.len) != NULL) != (family == ADDR_V6)) {
        return RC_INVALID;
    }
    a.port = (uint16_t)n;
    *client = a;
    return RC_OK;
}

static enum rc v1_parse(struct str bytes, size_t *len, struct addr *client)
{
    size_t n = 0;
    enum rc rc;

    while (n < bytes.len && bytes.p[n] >= 0x20 && bytes.p[n] < 0x7f) {
        n++;
    }
    if (n + 2 > PROXY_V1_MAX_BYTES || (n < bytes.len && bytes.p[n] != '\r')) {
        return RC_INVALID;
    }
    if (n + 2 > bytes.len) {
        return RC_AGAIN;
    }
    if (bytes.p[n + 1] != '\n') {
        return RC_INVALID;
    }
    rc = v1_line(str_from((struct str){bytes.p, n}, 6), client);
    if (rc == RC_OK) {
        *len = n + 2;
    }
    return rc;
}

/* 16 bytes: mark, version and command, family and transport, length; then addresses and TLVs. */
static enum rc v2_parse(struct str bytes, size_t *len, struct addr *client)
{
    const unsigned char *b = (const unsigned char *)bytes.p;
    struct addr a = {ADDR_NONE, {0}, 0};
    size_t body;

    if (bytes.len < 16) {
        return RC_AGAIN;
    }
    body = (size_t)b[14] << 8 | b[15];
    if (b[12] >> 4 != 2 || (b[12] & 15) > 1 || 16 + body > PROXY_V2_MAX_BYTES) {
        return RC_INVALID;
    }
    if (bytes.len < 16 + body) {
        return RC_AGAIN;
    }
    if ((b[12] & 15) == 1 && b[13] == 0x11) {
        if (body < 12) {
            return RC_INVALID;
        }
        a.family = ADDR_V4;
        memcpy(a.b, b + 16, 4);
        a.port = (uint16_t)(b[24] << 8 | b[25]);
    } else if ((b[12] & 15) == 1 && b[13] == 0x21) {
        if (body < 36) {
            return RC_INVALID;
        }
        a = addr_of_v6(b + 16, (uint16_t)(b[48] << 8 | b[49]));
    }
    *client = a;
    *len = 16 + body;
    return RC_OK;
}

enum rc proxy_parse(struct str bytes, size_t *len, struct addr *client)
{
    if (bytes.len == 0) {
        return RC_AGAIN;
    }
    if (begins(bytes, v2_mark, sizeof(v2_mark))) {
        return v2_parse(bytes, len, client);
    }
    if (begins(bytes, "PROXY ", 6)) {
        return v1_parse(bytes, len, client);
    }
    return RC_INVALID;
}

static bool is_trusted(const struct addr *a, const struct addr_net *trusted, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (addr_in(a, &trusted[i])) {
            return true;
        }
    }
    return false;
}

/* The last element of a comma-separated list, cut off from it; false when nothing is left. */
static bool last_element(struct str *list, struct str *out)
{
    size_t at = list->len;

    if (list->p == NULL || list->len == 0) {
        return false;
    }
    while (at > 0 && list->p[at - 1] != ',') {
        at--;
    }
    *out = str_trim(str_from(*list, at));
    list->len = at > 0 ? at - 1 : 0;
    return true;
}

struct addr proxy_client(const struct addr *peer, const struct str *lists, unsigned lists_count,
                         const struct addr_net *trusted, unsigned trusted_count)
{
    struct addr client = *peer, next;
    struct str element;
    unsigned i;

    for (i = lists_count; i > 0; i--) {
        struct str list = lists[i - 1];

        while (last_element(&list, &element)) {
            if (!is_trusted(&client, trusted, trusted_count) ||
                addr_parse(element, true, &next) != RC_OK) {
                return client;
            }
            client = next;
        }
    }
    return client;
}
