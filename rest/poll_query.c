/* poll_query.c -- what can be said of an Engine.IO request without its session */
#include "rest/poll.h"

#include "shared/id.h"
#include "shared/json.h"
#include "shared/rd.h"

#define SID_BYTES 26 /* worker, incarnation, random: ws/eio.c */

void poll_add_error(struct buf *out, enum poll_error error)
{
    static const char *const messages[] = {"Transport unknown", "Session ID unknown", "Bad handshake method",
                                           "Bad request", "Forbidden", "Unsupported protocol version"};

    buf_add_char(out, '{');
    json_key_u64(out, "code", (uint64_t)error);
    json_key_str(out, "message", str_of(messages[error]));
    buf_add_char(out, '}');
}

bool poll_place(struct str sid, struct feed_place *out)
{
    struct buf raw = BUF_INIT;
    bool ok = sid.len <= 2 * SID_BYTES && base64url_decode(sid, &raw) && raw.len == SID_BYTES;

    if (ok) {
        struct rd r = rd_of(raw.p, raw.len);
        out->worker = rd_be16(&r);
        out->incarnation = rd_be64(&r);
    }
    buf_release(&raw);
    return ok;
}

enum poll_error poll_check(const struct poll_query *q, struct str transport, bool is_get)
{
    if (!str_eq(q->transport, STR("polling")) && !str_eq(q->transport, STR("websocket"))) {
        return POLL_TRANSPORT;
    }
    if (!str_eq(q->eio, STR("4"))) {
        return POLL_VERSION;
    }
    if (!str_eq(q->transport, transport)) {
        return POLL_BAD_REQUEST;
    }
    return q->sid.p == NULL && !is_get ? POLL_METHOD : POLL_OK;
}
