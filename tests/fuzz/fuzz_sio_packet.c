/* fuzz_sio_packet.c -- any bytes as a Socket.IO packet; what is read holds what its type promises, and is written back */
#include "tests/fuzz/fuzz.h"
#include "ws/sio_packet.h"

static void check_type(const struct sio_packet *p)
{
    char first = p->json.len > 0 ? p->json.p[0] : '\0';
    bool is_list = p->type == SIO_EVENT || p->type == SIO_ACK || p->type == SIO_BINARY_EVENT ||
                   p->type == SIO_BINARY_ACK;
    CHECK(p->type <= SIO_BINARY_ACK && p->type != SIO_CONNECT_ERROR);
    CHECK(p->attachments == 0 || p->type >= SIO_BINARY_EVENT);
    CHECK(!is_list || first == '[');
    CHECK(p->type != SIO_DISCONNECT || p->json.len == 0);
    CHECK(p->nsp.len > 0 && p->nsp.p[0] == '/' && p->nsp.len <= SIO_NAMESPACE_MAX_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct json_limits limits = {64 * 1024, 16, 64};
    struct str text = {size > 0 ? (const char *)data : "", size};
    struct sio_packet p, again;
    if (sio_read(text, 10, &limits, &p) != RC_OK) {
        return 0;
    }
    check_type(&p);
    CHECK(p.attachments <= 10);
    struct buf out = BUF_INIT;
    sio_begin(&out, &p);
    buf_add_str(&out, p.json);
    CHECK(sio_read(str_from(buf_str(&out), 1), 10, &limits, &again) == RC_OK);
    CHECK(again.type == p.type && again.attachments == p.attachments && again.has_id == p.has_id && again.id == p.id);
    CHECK(str_eq(again.nsp, p.nsp) && str_eq(again.json, p.json));
    buf_release(&out);
    return 0;
}
