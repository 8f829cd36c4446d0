/*
 * core_event.c -- one event to many connections: encoded once per kind of receiver, framed once, shared
 */
#include "ws/core.h"

#include "shared/log.h"

#define FAN_FRAMES_MAX (4 * DIALECT_VARIANTS * DIALECT_COUNT)

/* The frames of one event, made when the first receiver of a kind is met. */
struct fan {
    struct core *core;
    const struct event *event;
    bool is_from_here; /* one of our connections caused it */
    unsigned count;
    struct {
        const struct dialect *dialect;
        bool ext, recovers;
        uint8_t variant;
        struct msg *m; /* NULL: this kind of receiver gets no frame */
    } frames[FAN_FRAMES_MAX];
};

static struct msg *encode(struct fan *f, const struct conn *c, uint8_t variant)
{
    struct core *k = f->core;
    struct dialect_view view = core_view(c);
    struct dialect_frame frame = core_frame(k);
    view.variant = variant;
    c->dialect->encode(f->event, &view, &frame);
    if (k->text.len == 0) {
        return NULL;
    }
    k->stats.encodings++;
    struct msg *m = buf_ok(&k->text) ? msg_new(frame.binary ? MSG_BINARY : MSG_TEXT,
                                               buf_str(&k->text), frame.number_at)
                                     : NULL;
    if (m == NULL) {
        log_err("event_too_large", "event=%llu dialect=%s",
                (unsigned long long)f->event->event_id, c->dialect->name);
        return NULL;
    }
    m->ephemeral = f->event->event_id == 0;
    if (m->ephemeral && c->dialect->state_key != NULL) {
        m->state_key = c->dialect->state_key(f->event);
    }
    return m;
}

static uint64_t viewer(const struct conn *c)
{
    const struct hub_user *u = hub_user(&c->core->hub, c->slot);
    return u != NULL ? u->id : 0;
}

static struct msg *frame_for(struct fan *f, const struct conn *c)
{
    const struct dialect *d = c->dialect;
    bool ext = conn_is_ext(c), recovers = core_may_recover(c);
    uint8_t variant = d->variant != NULL ? d->variant(f->event, viewer(c)) : 0;
    for (unsigned i = 0; i < f->count; i++) {
        if (f->frames[i].dialect == d && f->frames[i].ext == ext && f->frames[i].recovers == recovers &&
            f->frames[i].variant == variant) {
            return f->frames[i].m;
        }
    }
    struct msg *m = encode(f, c, variant);
    f->frames[f->count].dialect = d;
    f->frames[f->count].ext = ext;
    f->frames[f->count].recovers = recovers;
    f->frames[f->count].variant = variant;
    f->frames[f->count++].m = m;
    return m;
}

static void release(struct fan *f)
{
    for (unsigned i = 0; i < f->count; i++) {
        msg_unref(f->frames[i].m);
    }
}

/* The connection that caused the event gets the reply to its command instead. Ephemeral events are no replies. */
static bool is_origin(const struct fan *f, const struct conn *c)
{
    return f->is_from_here && f->event->origin_session == conn_session(c) &&
           !c->dialect->hears_origin && !conn_has(c, CONN_HEARS_ITSELF);
}

/* Who resumes has had no chance yet to subscribe again. */
static bool is_subscribed(const struct fan *f, const struct conn *c)
{
    const struct event *e = f->event;
    uint64_t then = conn_has(c, CONN_IS_CATCHING_UP) ? e->event_id : 0;
    return conn_has(c, CONN_IS_RESUMING) || interest_had_chat(c->interest, e->chat_id, then) ||
           !interest_filters(e, viewer(c));
}

static bool is_wanted(const struct fan *f, const struct conn *c)
{
    const struct dialect *d = c->dialect;
    if (d->subscribes && !is_subscribed(f, c)) {
        return false;
    }
    return d->wants == NULL || d->wants(f->event, viewer(c), c->options | d->watches);
}

static void send_to(struct fan *f, struct conn *c, uint32_t number)
{
    const struct event *e = f->event;
    if (e->event_id != 0) {
        if (e->event_id <= c->cursor || is_origin(f, c)) {
            return; /* it has that one, or its reply is on the way */
        }
        c->cursor = e->event_id;
    }
    if (c->dialect->joins != NULL && c->dialect->joins(e, viewer(c))) {
        (void)core_subscribe(c, e->chat_id, e->event_id); /* beyond the limit it is left to the client */
    }
    if (!is_wanted(f, c)) {
        return;
    }
    struct msg *m = frame_for(f, c);
    if (m != NULL) {
        core_send(c, msg_ref(m), number);
    }
}

static void deliver(void *ctx, struct conn *c, uint32_t number)
{
    if (c->state != CONN_CLOSING && !conn_has(c, CONN_IS_CATCHING_UP)) {
        send_to(ctx, c, number);
    }
}

struct kick {
    uint64_t user_id; /* 0: not checked */
    uint64_t family;  /* 0: any */
    enum code code;
};

static void kick(void *ctx, struct conn *c, uint32_t number)
{
    const struct kick *q = ctx;
    const struct hub_user *u = hub_user(&c->core->hub, c->slot);
    (void)number;
    if ((q->family == 0 || q->family == c->family) &&
        (q->user_id == 0 || (u != NULL && u->id == q->user_id))) {
        core_close(c, q->code);
    }
}

void core_close_family(struct core *k, uint32_t slot, uint64_t family, enum code code)
{
    struct kick q = {.family = family, .code = code};
    hub_each_of_user(&k->hub, slot, 0, kick, &q);
}

void core_event(struct core *k, const struct link_event *m)
{
    const struct event *e = &m->event;
    struct fan f = {.core = k, .event = e, .is_from_here = e->origin_worker == k->worker};
    if (e->event_id != 0 && e->event_id < k->position) {
        k->stats.stale++;
        return;
    }
    k->stats.events++;
    if (e->kind == EV_REVOKED) {
        struct kick q = {e->subject.id, e->number, CODE_TOKEN_REVOKED};
        hub_each(&k->hub, &m->to, kick, &q);
    } else if (e->kind == EV_SESSION) { /* who looks on may not any more */
        struct kick q = {e->subject.id, 0, e->version < CODE_COUNT ? (enum code)e->version : CODE_FORBIDDEN};
        if (q.code != CODE_OK) {
            hub_each(&k->hub, &m->to, kick, &q);
        }
    } else {
        hub_each(&k->hub, &m->to, deliver, &f);
        release(&f);
    }
    if (e->event_id > k->position) {
        k->position = e->event_id;
    }
}

void core_replay(struct conn *c, const struct event *e)
{
    struct fan f = {.core = c->core, .event = e};
    if (e->kind == EV_REVOKED) {
        /* What was revoked before this connection began does not concern it: it came with a newer token. */
        if (e->event_id > c->born && (e->number == 0 || e->number == c->family)) {
            core_close(c, CODE_TOKEN_REVOKED);
        }
        return;
    }
    send_to(&f, c, 0);
    release(&f);
}
