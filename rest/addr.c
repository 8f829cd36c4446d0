#include "rest/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* An IPv4 client on an IPv6 listener is the same client. */
struct addr addr_of_v6(const unsigned char b[16], uint16_t port)
{
    struct addr a = {ADDR_V6, {0}, port};

    if (memcmp(b, mapped, sizeof(mapped)) == 0) {
        a.family = ADDR_V4;
        memcpy(a.b, b + 12, 4);
    } else {
        memcpy(a.b, b, 16);
    }
    return a;
}

struct addr addr_of_sockaddr(const struct sockaddr_storage *ss)
{
    struct addr a = {ADDR_NONE, {0}, 0};

    if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
        a.family = ADDR_V4;
        a.port = ntohs(in->sin_port);
        memcpy(a.b, &in->sin_addr, 4);
    } else if (ss->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
        return addr_of_v6(in6->sin6_addr.s6_addr, ntohs(in6->sin6_port));
    }
    return a;
}

static enum rc parse_port(struct str text, uint16_t *port)
{
    uint64_t n;

    if (!str_u64(text, &n) || n > 65535) {
        return RC_INVALID;
    }
    *port = (uint16_t)n;
    return RC_OK;
}

static enum rc parse_host(struct str host, struct addr *out)
{
    char z[INET6_ADDRSTRLEN];
    unsigned char b[16];

    if (host.len == 0 || host.len >= sizeof(z) || memchr(host.p, '\0', host.len) != NULL) {
        return RC_INVALID;
    }
    memcpy(z, host.p, host.len);
    z[host.len] = '\0';
    if (inet_pton(AF_INET, z, b) == 1) {
        *out = (struct addr){ADDR_V4, {0}, 0};
        memcpy(out->b, b, 4);
        return RC_OK;
    }
    if (inet_pton(AF_INET6, z, b) == 1) {
        *out = addr_of_v6(b, 0);
        return RC_OK;
    }
    return RC_INVALID;
}

/* "[v6]" with what follows the bracket in *rest. */
static enum rc parse_bracketed(struct str text, struct addr *a, struct str *rest)
{
    struct str host;

    *rest = str_cut(str_from(text, 1), ']', &host);
    if (rest->p == NULL || memchr(host.p, ':', host.len) == NULL) {
        return RC_INVALID;
    }
    return parse_host(host, a);
}

enum rc addr_parse(struct str text, bool with_port, struct addr *out)
{
    struct addr a;
    struct str rest = STR_NONE;
    enum rc rc;

    if (text.len == 0) {
        return RC_INVALID;
    }
    if (text.p[0] == '[') {
        rc = parse_bracketed(text, &a, &rest);
        if (rc == RC_OK && rest.len > 0) {
            rc = with_port && rest.p[0] == ':' ? parse_port(str_from(rest, 1), &a.port) : RC_INVALID;
        }
    } else {
        const char *colon = memchr(text.p, ':', text.len);
        bool single = colon != NULL && memchr(colon + 1, ':', (size_t)(text.p + text.len - colon - 1)) == NULL;
        struct str host = text;

        if (with_port && single) {
            rest = str_cut(text, ':', &host);
        }
        rc = parse_host(host, &a);
        if (rc == RC_OK && rest.p != NULL) {
            rc = parse_port(rest, &a.port);
        }
    }
    if (rc == RC_OK) {
        *out = a;
    }
    return rc;
}

void addr_text(const struct addr *a, char out[ADDR_TEXT_BYTES])
{
    if (a->family == ADDR_NONE ||
        inet_ntop(a->family == ADDR_V4 ? AF_INET : AF_INET6, a->b, out, ADDR_TEXT_BYTES) == NULL) {
        memcpy(out, "-", 2);
    }
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && memcmp(a->b, b->b, a->family == ADDR_V4 ? 4 : 16) == 0;
}

enum rc addr_net_parse(struct str text, struct addr_net *out)
{
    struct str host, bits_text = str_cut(text, '/', &host);
    struct addr_net net = {{ADDR_NONE, {0}, 0}, 0};
    uint64_t bits;
    enum rc rc = addr_parse(host, false, &net.base);

    if (rc != RC_OK) {
        return rc;
    }
    bits = net.base.family == ADDR_V4 ? 32 : 128;
    net.bits = (unsigned)bits;
    if (bits_text.p != NULL) {
        if (!str_u64(bits_text, &bits) || bits > net.bits) {
            return RC_INVALID;
        }
        net.bits = (unsigned)bits;
    }
    *out = net;
    return RC_OK;
}

bool addr_in(const struct addr *a, const struct addr_net *net)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;

    if (a->family != net->base.family || a->family == ADDR_NONE) {
        return false;
    }
    if (memcmp(a->b, net->base.b, whole) != 0) {
        return false;
    }
    return rest == 0 || ((a->b[whole] ^ net->base.b[whole]) >> (8 - rest)) == 0;
}
