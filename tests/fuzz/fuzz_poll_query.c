/*
 * fuzz_poll_query.c -- any query of an Engine.IO request: what is refused has a body that is JSON, and a sid that leads to a
 * worker has one form
 */
#include "rest/poll.h"
#include "shared/id.h"
#include "shared/json.h"
#include "tests/fuzz/fuzz.h"

#define SID_BYTES 26

static void check_error(enum poll_error error)
{
    const struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct buf body = BUF_INIT;
    CHECK(error >= POLL_TRANSPORT && error <= POLL_VERSION);
    poll_add_error(&body, error);
    CHECK(buf_ok(&body) && json_scan(buf_str(&body), &limits, NULL, NULL) == RC_OK);
    buf_release(&body);
}

static void check_sid(struct str sid)
{
    struct feed_place place = {0};
    struct buf raw = BUF_INIT, again = BUF_INIT;
    bool is_ours = poll_place(sid, &place);
    CHECK(!is_ours || (base64url_decode(sid, &raw) && raw.len == SID_BYTES));
    if (is_ours) {
        struct buf head = BUF_INIT;
        buf_add_be16(&head, place.worker);
        buf_add_be64(&head, place.incarnation);
        CHECK(str_eq((struct str){raw.p, head.len}, buf_str(&head)));
        base64url_add(&again, raw.p, raw.len);
        CHECK(str_eq(buf_str(&again), sid));
        buf_release(&head);
    }
    buf_release(&raw);
    buf_release(&again);
}

static struct str next(struct str *rest)
{
    struct str part = STR_NONE;
    if (rest->p != NULL) {
        *rest = str_cut(*rest, '&', &part);
    }
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {size > 0 ? (const char *)data : "", size};
    struct poll_query q;
    q.transport = next(&rest);
    q.eio = next(&rest);
    q.sid = next(&rest);
    for (int is_get = 0; is_get < 2; is_get++) {
        enum poll_error error = poll_check(&q, STR("polling"), is_get != 0);
        if (error != POLL_OK) {
            check_error(error);
        } else {
            CHECK(str_eq(q.transport, STR("polling")) && str_eq(q.eio, STR("4")));
            CHECK(is_get != 0 || q.sid.p != NULL);
        }
    }
    if (q.sid.p != NULL) {
        check_sid(q.sid);
    }
    return 0;
}
