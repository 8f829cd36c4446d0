/* fuzz_eio_payload.c -- any bytes as an Engine.IO polling payload; what is read is written back as the same packets */
#include "shared/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "ws/eio_packet.h"

#define PACKETS_MAX 64

static void check(const struct eio_packet *p)
{
    CHECK(p->type >= EIO_CLOSE && p->type <= EIO_NOOP);
    CHECK(!p->binary || p->type == EIO_MESSAGE);
    CHECK(p->binary || utf8_valid(p->data));
}

static void add(struct buf *out, const struct eio_packet *p)
{
    if (p->binary) {
        eio_payload_binary(out, p->data);
    } else {
        struct buf text = BUF_INIT;
        buf_add_char(&text, (char)p->type);
        buf_add_str(&text, p->data);
        eio_payload_text(out, buf_str(&text));
        buf_release(&text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str payload = {size > 0 ? (const char *)data : "", size};
    struct eio_reader r;
    struct eio_packet p;
    struct buf again = BUF_INIT;
    unsigned count = 0;
    enum rc rc;
    eio_reader_init(&r, payload, PACKETS_MAX);
    while ((rc = eio_reader_next(&r, &p)) == RC_OK) {
        check(&p);
        add(&again, &p);
        count++;
    }
    CHECK(count <= PACKETS_MAX);
    CHECK(rc == RC_CLOSED || rc == RC_INVALID || rc == RC_TOO_BIG);
    CHECK(rc != RC_CLOSED || str_eq(buf_str(&again), payload)); /* one form for every payload */
    eio_reader_release(&r);
    buf_release(&again);
    return 0;
}
