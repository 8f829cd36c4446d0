#include "ws/eio.h"

#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/id.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/mem.h"
#include "shared/wire.h"
#include "ws/core.h"

#define SID_BYTES (2 + 8 + EIO_RANDOM_BYTES)

/* -- ids -------------------------------------------------------------------------------------------------- */

static uint64_t key_of(const unsigned char random[EIO_RANDOM_BYTES])
{
    uint64_t key;
    memcpy(&key, random, sizeof(key));
    return key != 0 ? key : 1;
}

static void add_sid(const struct conn *c, struct buf *out)
{
    struct buf raw = BUF_INIT;
    buf_add_be16(&raw, c->core->worker);
    buf_add_be64(&raw, c->core->incarnation);
    buf_add(&raw, c->eio->random, EIO_RANDOM_BYTES);
    base64url_add(out, raw.p, raw.len);
    buf_release(&raw);
}

/* The random part, when the rest is ours. */
static bool read_sid(const struct core *k, struct str sid, unsigned char random[EIO_RANDOM_BYTES])
{
    struct buf raw = BUF_INIT;
    bool ok = sid.len <= 2 * SID_BYTES && base64url_decode(sid, &raw) && raw.len == SID_BYTES;
    if (ok) {
        struct rd r = rd_of(raw.p, raw.len);
        ok = rd_be16(&r) == k->worker && rd_be64(&r) == k->incarnation;
        memcpy(random, raw.p + SID_BYTES - EIO_RANDOM_BYTES, EIO_RANDOM_BYTES);
    }
    buf_release(&raw);
    return ok;
}

static bool is_over(const struct conn *c)
{
    const struct ws_conf *conf = c->core->conf;
    return mono_ms() >= c->eio->ping_due_ms + conf->eio_ping_timeout_ms;
}

/* Also one that is closing. */
static struct conn *find(const struct core *k, struct str sid)
{
    unsigned char random[EIO_RANDOM_BYTES];
    uint32_t index;
    if (!read_sid(k, sid, random) || !map64_get(&k->engine.sessions, key_of(random), &index)) {
        return NULL;
    }
    struct conn *c = conns_at(&k->conns, index);
    return c != NULL && c->eio != NULL && memcmp(c->eio->random, random, EIO_RANDOM_BYTES) == 0 ? c : NULL;
}

bool eio_take_noop(struct core *k, struct str sid)
{
    struct conn *c = find(k, sid);
    bool owes = c != NULL && c->state == CONN_CLOSING && c->eio->owes_noop;
    if (owes) {
        c->eio->owes_noop = false;
    }
    return owes;
}

struct conn *eio_find(struct core *k, struct str sid)
{
    struct conn *c = find(k, sid);
    if (c == NULL || c->state == CONN_CLOSING) {
        return NULL;
    }
    if (is_over(c)) {
        core_close(c, CODE_IDLE);
        return NULL;
    }
    return c;
}

void eio_table_release(struct eio_table *t)
{
    map64_release(&t->sessions);
    map64_release(&t->polls);
}

/* -- birth and death --------------------------------------------------------------------------------------- */

void eio_begin(struct conn *c, enum eio_role role)
{
    struct core *k = c->core;
    c->eio = mem_new(sizeof(*c->eio));
    c->eio->role = (uint8_t)role;
    c->eio->nobodys_ms = mono_ms();
    if (role == EIO_POLLING || role == EIO_WEBSOCKET) {
        random_bytes(c->eio->random, EIO_RANDOM_BYTES);
        map64_put(&k->engine.sessions, key_of(c->eio->random), c->index);
        c->eio->ping_due_ms = c->eio->nobodys_ms + k->conf->eio_ping_interval_ms;
    }
}

void eio_add_open(const struct conn *c, struct buf *out)
{
    const struct ws_conf *conf = c->core->conf;
    buf_add_z(out, "0{\"sid\":\"");
    add_sid(c, out);
    buf_add_z(out, c->eio->role == EIO_POLLING ? "\",\"upgrades\":[\"websocket\"]" : "\",\"upgrades\":[]");
    json_key_u64(out, "pingInterval", conf->eio_ping_interval_ms);
    json_key_u64(out, "pingTimeout", conf->eio_ping_timeout_ms);
    json_key_u64(out, "maxPayload", conf->eio_max_payload);
    buf_add_char(out, '}');
}

static void send_text(struct conn *c, struct str packet)
{
    struct dialect_frame f = core_frame(c->core);
    buf_add_str(f.out, packet);
    core_send_text(c, &f);
}

static bool query_sid(struct str query, struct str *sid)
{
    struct str pair, key;
    while (query.p != NULL) {
        query = str_cut(query, '&', &pair);
        *sid = str_cut(pair, '=', &key);
        if (str_eq(key, STR("sid")) && sid->p != NULL) {
            return true;
        }
    }
    return false;
}

static void make_probe(struct conn *c, struct conn *session)
{
    c->eio->partner = conn_session(session);
    session->eio->partner = conn_session(c);
    c->deadline_ms = c->core->now_ms + c->core->conf->eio_upgrade_timeout_ms;
    wheel_set(&c->core->wheel, c->index, c->deadline_ms);
}

void eio_adopt(struct conn *c, struct str query)
{
    struct str sid;
    if (!query_sid(query, &sid)) {
        eio_begin(c, EIO_WEBSOCKET);
        struct dialect_frame f = core_frame(c->core);
        eio_add_open(c, f.out);
        core_send_text(c, &f);
        return;
    }
    struct conn *session = eio_find(c->core, sid);
    bool good = session != NULL && session->eio->role == EIO_POLLING && session->eio->partner == 0;
    eio_begin(c, good ? EIO_PROBE : EIO_STRANGER);
    if (good) {
        make_probe(c, session);
    }
}

/* The heartbeat's next turn, or the end of the time to join something, whichever is first. */
static uint64_t next_deadline(const struct conn *c, uint64_t heartbeat_ms)
{
    uint64_t unused_ms = c->eio->nobodys_ms + c->core->conf->eio_connect_timeout_ms;
    return c->slot == 0 && c->dialect->subscribes && unused_ms > c->core->now_ms && unused_ms < heartbeat_ms
               ? unused_ms
               : heartbeat_ms;
}

uint64_t eio_deadline(const struct conn *c)
{
    return next_deadline(c, c->eio->ping_due_ms);
}

/* The handshake is completed first, because clients make an unhandled error of a refused one. */
void eio_on_open(struct conn *c)
{
    struct core *k = c->core;
    if (c->eio->role == EIO_STRANGER) {
        core_close(c, CODE_BAD_REQUEST);
    } else if (c->eio->role == EIO_WEBSOCKET) {
        c->deadline_ms = eio_deadline(c);
    } else {
        c->deadline_ms = k->now_ms + k->conf->eio_upgrade_timeout_ms;
    }
    wheel_set(&k->wheel, c->index, c->deadline_ms);
}

static void leave_partner(struct conn *c)
{
    struct conn *other = c->eio->partner != 0 ? conns_find(&c->core->conns, c->eio->partner) : NULL;
    c->eio->partner = 0;
    if (other == NULL || other->eio == NULL) {
        return;
    }
    other->eio->partner = 0;
    other->eio->is_probed = false;
    if (other->eio->role == EIO_PROBE) {
        core_close(other, CODE_BAD_REQUEST);
    }
}

void eio_release(struct conn *c)
{
    struct core *k = c->core;
    struct eio *e = c->eio;
    if (e == NULL) {
        return;
    }
    leave_partner(c);
    if (e->role == EIO_POLLING || e->role == EIO_WEBSOCKET) {
        map64_remove(&k->engine.sessions, key_of(e->random));
    }
    if (e->post_poll != 0) {
        eio_reader_release(&e->packets);
    }
    buf_release(&e->post);
    free(e);
    c->eio = NULL;
}

void eio_add_name(const struct conn *c, struct buf *out)
{
    unsigned char random[15];
    (void)c;
    random_bytes(random, sizeof(random));
    base64url_add(out, random, sizeof(random));
}

/* -- the upgrade --------------------------------------------------------------------------------------------- */

/* Of a connection that has given its socket away. */
static void none_flush(struct conn *c)
{
    (void)c;
}

static void none_close(struct conn *c)
{
    c->deadline_ms = c->core->now_ms;
    wheel_set(&c->core->wheel, c->index, c->deadline_ms);
}

static void none_kill(struct conn *c)
{
    core_on_closed(c);
}

static void none_read(struct conn *c, bool on)
{
    (void)c;
    (void)on;
}

static void none_move(struct conn *from, struct conn *to)
{
    (void)from;
    (void)to;
}

static const struct carrier no_carrier = {none_flush, none_close, none_kill, none_read, none_move};

/* The session goes on over the probe's socket; what waited for the next poll goes first. A client changes over when its
 * last post has been answered: what is left of one would have nobody to read it. */
static void upgrade(struct conn *probe)
{
    struct core *k = probe->core;
    struct conn *c = conns_find(&k->conns, probe->eio->partner);
    if (c == NULL || c->state != CONN_OPEN || !c->eio->is_probed || c->eio->post_poll != 0) {
        core_close(probe, CODE_BAD_REQUEST);
        return;
    }
    eio_poll_answer(c, STR("6"));
    probe->eio->partner = 0;
    c->eio->partner = 0;
    c->eio->is_probed = false;
    c->eio->role = EIO_WEBSOCKET;
    probe->carrier->move(probe, c);
    probe->carrier = &no_carrier;
    k->stats.upgrades++;
    core_mark_dirty(k, c);
    core_close(probe, CODE_GOODBYE); /* an empty shell now: the next tick frees it */
}

static void on_probe_ping(struct conn *probe)
{
    struct conn *c = conns_find(&probe->core->conns, probe->eio->partner);
    if (c == NULL || c->state != CONN_OPEN) {
        core_close(probe, CODE_BAD_REQUEST);
        return;
    }
    send_text(probe, STR("3probe"));
    c->eio->is_probed = true;
    eio_poll_answer(c, STR("6"));
}

static void receive_as_probe(struct conn *c, const struct eio_packet *p)
{
    if (p->type == EIO_PING && str_eq(p->data, STR("probe"))) {
        on_probe_ping(c);
    } else if (p->type == EIO_UPGRADE) {
        upgrade(c);
    } else {
        core_close(c, CODE_BAD_REQUEST);
    }
}

/* -- packets --------------------------------------------------------------------------------------------------- */

static void on_pong(struct conn *c)
{
    struct core *k = c->core;
    conn_set(c, CONN_AWAITS_PONG, false);
    c->eio->ping_due_ms = mono_ms() + k->conf->eio_ping_interval_ms;
    if (!conn_has(c, CONN_IS_DRAINING)) {
        c->deadline_ms = eio_deadline(c);
        wheel_set(&k->wheel, c->index, c->deadline_ms);
    }
}

static void receive_as_session(struct conn *c, const struct eio_packet *p)
{
    switch (p->type) {
    case EIO_MESSAGE:
        core_refresh_focus(c);
        c->dialect->receive(c, c->dialect_state, p->data, p->binary);
        break;
    case EIO_PONG:
        on_pong(c);
        break;
    case EIO_CLOSE: /* its poll may be under way on another connection, and overtaken */
        c->eio->owes_noop = c->eio->role == EIO_POLLING && c->eio->get_poll == 0 && c->eio->partner == 0;
        eio_poll_answer(c, STR("6"));
        core_close(c, CODE_GOODBYE);
        break;
    case EIO_NOOP:
        break;
    default:
        core_close(c, CODE_BAD_REQUEST);
        break;
    }
}

void eio_receive(struct conn *c, struct str message, bool binary)
{
    struct eio_packet p = {.type = EIO_MESSAGE, .binary = true, .data = message};
    bool is_session = c->eio->role == EIO_POLLING || c->eio->role == EIO_WEBSOCKET;
    if (!binary && eio_read_text(message, &p) != RC_OK) {
        core_close(c, CODE_BAD_REQUEST);
        return;
    }
    if (is_session) {
        receive_as_session(c, &p);
    } else {
        receive_as_probe(c, &p);
    }
}

/* -- heartbeat --------------------------------------------------------------------------------------------------- */

/* A session that nobody logs in to, or joins a namespace of, is held open for nothing. */
static bool is_unused(const struct conn *c)
{
    return c->dialect->subscribes && c->slot == 0 && (c->options & CONN_FIXTURE) == 0 &&
           mono_ms() >= c->eio->nobodys_ms + c->core->conf->eio_connect_timeout_ms;
}

void eio_on_logout(struct conn *c)
{
    c->eio->nobodys_ms = mono_ms();
}

void eio_on_due(struct conn *c)
{
    struct core *k = c->core;
    struct eio *e = c->eio;
    if (c->pause != 0 && (e->role != EIO_POLLING || e->post_poll != 0)) { /* its pongs are not taken now */
        e->ping_due_ms = mono_ms() + k->conf->eio_ping_interval_ms;
        c->deadline_ms = e->ping_due_ms;
        core_attach_again_if_stuck(c);
        return;
    }
    if (is_unused(c)) {
        core_close(c, CODE_UNAUTHENTICATED);
        return;
    }
    if (e->role == EIO_PROBE || e->role == EIO_STRANGER || is_over(c)) {
        k->stats.ping_timeouts += e->role == EIO_POLLING || e->role == EIO_WEBSOCKET;
        conn_set(c, CONN_DROPS_QUEUE, true);
        core_close(c, CODE_IDLE);
        return;
    }
    if (mono_ms() >= e->ping_due_ms && !conn_has(c, CONN_AWAITS_PONG) && !e->is_probed) {
        k->stats.pings++;
        conn_set(c, CONN_AWAITS_PONG, true);
        send_text(c, STR("2"));
    }
    bool is_pinged = conn_has(c, CONN_AWAITS_PONG);
    c->deadline_ms = next_deadline(c, is_pinged ? e->ping_due_ms + k->conf->eio_ping_timeout_ms
                                                : e->ping_due_ms);
}
