#include "ws/msg.h"

#include <stdlib.h>
#include <string.h>

#include "shared/bug.h"
#include "shared/mem.h"

static size_t put_header(unsigned char *h, enum msg_opcode opcode, size_t len)
{
    h[0] = (unsigned char)(0x80 | opcode);
    if (len < 126) {
        h[1] = (unsigned char)len;
        return 2;
    }
    unsigned length_bytes = len < 65536 ? 2 : 8;
    h[1] = length_bytes == 2 ? 126 : 127;
    for (unsigned i = 0; i < length_bytes; i++) {
        h[2 + i] = (unsigned char)((uint64_t)len >> (8 * (length_bytes - 1 - i)));
    }
    return 2 + length_bytes;
}

struct msg *msg_new(enum msg_opcode opcode, struct str payload, size_t hole_at)
{
    unsigned char header[10];
    if (payload.len > MSG_PAYLOAD_MAX_BYTES) {
        return NULL;
    }
    BUG_IF(hole_at != MSG_NO_HOLE &&
           (payload.len < MSG_HOLE_BYTES || hole_at > payload.len - MSG_HOLE_BYTES));
    size_t header_len = put_header(header, opcode, payload.len);
    struct msg *m = mem_try(1, sizeof(*m) + header_len + payload.len);
    if (m == NULL) {
        return NULL;
    }
    m->refs = 1;
    m->len = (uint32_t)(header_len + payload.len);
    m->hole_at = hole_at == MSG_NO_HOLE ? 0 : (uint32_t)(header_len + hole_at);
    memcpy(m->bytes, header, header_len);
    if (payload.len > 0) {
        memcpy(m->bytes + header_len, payload.p, payload.len);
    }
    return m;
}

struct msg *msg_new_close(unsigned code, const char *reason)
{
    char payload[125]; /* RFC 6455 section 5.5 */
    size_t len = strnlen(reason, sizeof(payload) - 2);
    payload[0] = (char)(code >> 8);
    payload[1] = (char)code;
    memcpy(payload + 2, reason, len);
    return msg_new(MSG_CLOSE, (struct str){payload, len + 2}, MSG_NO_HOLE);
}

void msg_unref(struct msg *m)
{
    if (m != NULL && --m->refs == 0) {
        free(m);
    }
}

static void put_number(char *digits, uint32_t number)
{
    for (int i = MSG_HOLE_BYTES - 1; i >= 0; i--) {
        digits[i] = (char)('0' + number % 10);
        number /= 10;
        if (number == 0) {
            memset(digits, ' ', (size_t)i);
            return;
        }
    }
}

unsigned msg_pieces(const struct msg *m, uint32_t number, char *digits, struct iovec iov[3])
{
    if (m->hole_at == 0) {
        iov[0] = (struct iovec){(char *)(uintptr_t)m->bytes, m->len};
        return 1;
    }
    size_t after = m->hole_at + MSG_HOLE_BYTES;
    put_number(digits, number);
    iov[0] = (struct iovec){(char *)(uintptr_t)m->bytes, m->hole_at};
    iov[1] = (struct iovec){digits, MSG_HOLE_BYTES};
    iov[2] = (struct iovec){(char *)(uintptr_t)m->bytes + after, m->len - after};
    return 3;
}

bool msg_is_binary(const struct msg *m)
{
    return (m->bytes[0] & 0x0F) == MSG_BINARY;
}

void msg_add_payload(const struct msg *m, uint32_t number, struct buf *out)
{
    unsigned char length = (unsigned char)m->bytes[1];
    size_t header = length < 126 ? 2 : length == 126 ? 4 : 10;
    size_t before = out->len;
    buf_add(out, m->bytes + header, m->len - header);
    if (m->hole_at != 0 && buf_ok(out)) {
        put_number(out->p + before + m->hole_at - header, number);
    }
}
