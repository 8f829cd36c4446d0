/*
 * dialect_dashboard.c -- D3's dashboard: a check-in is its payload as it stands; there is nothing to send
 *
 * What may be seen is decided where the payload is made and where the viewer is let in.
 */
#include "ws/dialect_dashboard.h"

#include "ws/dialect_util.h"

static void dashboard_receive(struct conn *c, void *state, struct str message, bool binary)
{
    (void)state;
    (void)message;
    (void)binary;
    dialect_fail(c, 0, STR_NONE, CODE_UNSUPPORTED_TYPE);
}

static bool dashboard_wants(const struct event *e, uint64_t viewer_id, uint32_t options)
{
    (void)viewer_id;
    (void)options;
    return e->kind == EV_CHECKIN;
}

static void dashboard_encode(const struct event *e, const struct dialect_view *v,
                             struct dialect_frame *f)
{
    (void)v;
    if (e->kind == EV_CHECKIN) {
        buf_add_str(f->out, e->payload);
    }
}

static void dashboard_answer(const struct op_result *r, const struct dialect_view *v,
                             struct dialect_frame *f)
{
    (void)v;
    buf_add_z(f->out, "{\"error\":{");
    dialect_key_code(f->out, r->code);
    buf_add_z(f->out, "}}");
}

const struct dialect dialect_dashboard = {
    .id = DIALECT_DASHBOARD,
    .name = "dashboard",
    .subprotocol = "dashboard.v1",
    .receive = dashboard_receive,
    .wants = dashboard_wants,
    .encode = dashboard_encode,
    .answer = dashboard_answer,
};
