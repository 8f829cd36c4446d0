#include "ws/eio_packet.h"

#include "shared/base64.h"
#include "shared/utf8.h"

/* The server alone opens a session and has nothing to wait for. */
static bool may_come(char type)
{
    return type >= EIO_CLOSE && type <= EIO_NOOP;
}

enum rc eio_read_text(struct str frame, struct eio_packet *out)
{
    if (frame.len == 0 || !may_come(frame.p[0])) {
        return RC_INVALID;
    }
    *out = (struct eio_packet){.type = (uint8_t)frame.p[0], .data = str_from(frame, 1)};
    return RC_OK;
}

void eio_reader_init(struct eio_reader *r, struct str payload, unsigned max_packets)
{
    *r = (struct eio_reader){.rest = payload, .left = max_packets, .scratch = BUF_INIT};
    if (payload.p == NULL) {
        r->rest = STR("");
    }
}

void eio_reader_release(struct eio_reader *r)
{
    buf_release(&r->scratch);
}

static enum rc read_binary(struct eio_reader *r, struct str text, struct eio_packet *out)
{
    buf_clear(&r->scratch);
    if (base64_decode(text, &r->scratch) != RC_OK) {
        return RC_INVALID;
    }
    *out = (struct eio_packet){.type = EIO_MESSAGE, .binary = true, .data = buf_str(&r->scratch)};
    return RC_OK;
}

enum rc eio_reader_next(struct eio_reader *r, struct eio_packet *out)
{
    struct str packet;
    if (r->rest.p == NULL) {
        return RC_CLOSED;
    }
    if (r->left == 0) {
        return RC_TOO_BIG;
    }
    r->left--;
    r->rest = str_cut(r->rest, EIO_SEPARATOR, &packet);
    if (packet.len > 0 && packet.p[0] == 'b') {
        return read_binary(r, str_from(packet, 1), out);
    }
    /* A WebSocket frame is checked by its carrier; this came by HTTP. */
    return utf8_valid(packet) ? eio_read_text(packet, out) : RC_INVALID;
}

static void separate(struct buf *out)
{
    if (out->len > 0) {
        buf_add_char(out, EIO_SEPARATOR);
    }
}

void eio_payload_text(struct buf *out, struct str packet)
{
    separate(out);
    buf_add_str(out, packet);
}

void eio_payload_binary(struct buf *out, struct str data)
{
    separate(out);
    buf_add_char(out, 'b');
    base64_encode(out, data);
}
