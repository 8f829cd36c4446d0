#include "rest/door_refuse.h"

#include <string.h>

#include "rest/http_error.h"

/* -- SHA-1, which RFC 6455 wants for the accept value; nothing here relies on its strength ------- */

static uint32_t rotate(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static void sha1_block(uint32_t h[5], const unsigned char block[64])
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    unsigned i;

    for (i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (; i < 80; i++) {
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    for (i = 0; i < 80; i++) {
        uint32_t f, k, next;

        if (i < 20) {
            f = (b & c) | (~b & d);
            k = 0x5a827999;
        } else if (i < 40) {
            f = b ^ c ^ d;
            k = 0x6ed9eba1;
        } else if (i < 60) {
            f = (b & c) | (b & d) | (c & d);
            k = 0x8f1bbcdc;
        } else {
            f = b ^ c ^ d;
            k = 0xca62c1d6;
        }
        next = rotate(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/* Of at most 119 bytes: two blocks with the padding. */
static void sha1_short(const unsigned char *p, size_t len, unsigned char out[20])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char blocks[128] = {0};
    size_t total = len < 56 ? 64 : 128;
    unsigned i;

    memcpy(blocks, p, len);
    blocks[len] = 0x80;
    blocks[total - 2] = (unsigned char)(len * 8 >> 8);
    blocks[total - 1] = (unsigned char)(len * 8);
    sha1_block(h, blocks);
    if (total == 128) {
        sha1_block(h, blocks + 64);
    }
    for (i = 0; i < 20; i++) {
        out[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
    }
}

/* 20 bytes are 28 digits, the last of which is '='. */
static void base64_20(const unsigned char in[20], char out[29])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned i;
    char *o = out;

    for (i = 0; i < 21; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | (i + 2 < 20 ? in[i + 2] : 0u);

        *o++ = digits[v >> 18];
        *o++ = digits[v >> 12 & 63];
        *o++ = digits[v >> 6 & 63];
        *o++ = digits[v & 63];
    }
    out[27] = '=';
    out[28] = '\0';
}

void door_accept_value(struct str key, char out[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char text[64], digest[20];
    size_t len = key.len < 24 ? key.len : 24;

    memcpy(text, key.p, len);
    memcpy(text + len, guid, sizeof(guid) - 1);
    sha1_short(text, len + sizeof(guid) - 1, digest);
    base64_20(digest, out);
}

/* -- answers ----------------------------------------------------------------------------------- */

static void status_headers(struct buf *out, enum code code)
{
    unsigned wait = http_retry_after(code);

    if (wait > 0) {
        buf_addf(out, "Retry-After: %u\r\n", wait);
    }
    switch (code_status(code)) {
    case 401:
        buf_add_z(out, "WWW-Authenticate: Bearer\r\n");
        break;
    case 405:
        buf_add_z(out, "Allow: GET\r\n");
        break;
    case 426:
        buf_add_z(out, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
        break;
    default:
        break;
    }
}

void door_refuse_http(struct buf *out, enum code code, const char *detail, const char *request_id)
{
    struct buf body = BUF_INIT;
    int status = code_status(code);

    http_problem(&body, code, detail, NULL, request_id);
    buf_addf(out, "HTTP/1.1 %d %s\r\nContent-Type: " HTTP_PROBLEM_TYPE "\r\n", status,
             http_reason(status));
    buf_addf(out, "Content-Length: %zu\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
             body.len);
    if (request_id != NULL) {
        buf_addf(out, "X-Request-Id: %s\r\n", request_id);
    }
    status_headers(out, code);
    buf_addf(out, "Connection: %s\r\n\r\n", status == 426 ? "close, Upgrade" : "close");
    buf_add_str(out, buf_str(&body));
    buf_release(&body);
}

void door_refuse_close(struct buf *out, enum code code, struct str key, const char *subprotocol)
{
    char accept[29];
    const char *name = code_name(code);
    size_t len = strlen(name);

    door_accept_value(key, accept);
    buf_addf(out,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n",
             accept);
    if (subprotocol != NULL) {
        buf_addf(out, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
    }
    buf_add_z(out, "\r\n");
    buf_add_be8(out, 0x88); /* FIN, Close */
    buf_add_be8(out, (uint8_t)(2 + len));
    buf_add_be16(out, (uint16_t)code_close(code));
    buf_add(out, name, len);
}

void door_canonical_head(struct buf *out, struct str key, const char *subprotocol)
{
    buf_add_z(out, "GET /ws HTTP/1.1\r\nHost: confab\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
    buf_add_str(out, key);
    if (subprotocol != NULL) {
        buf_addf(out, "\r\nSec-WebSocket-Protocol: %s", subprotocol);
    }
    buf_add_z(out, "\r\n\r\n");
}
