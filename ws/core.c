/*
 * core.c -- birth, life and death of connections, and the turn of the loop
 */
#include "ws/core.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/id.h"
#include "shared/log.h"
#include "shared/mem.h"
#include "ws/link_client.h"

_Static_assert(MSG_HOLE_BYTES == DIALECT_NUMBER_BYTES && MSG_NO_HOLE == DIALECT_NO_NUMBER,
               "the hole of a frame is the number of a dialect");

void core_init(struct core *k, const struct ws_conf *conf, uint16_t worker)
{
    *k = (struct core){.conf = conf, .worker = worker, .now_ms = mono_ms()};
    k->incarnation = random_u64();
    conns_init(&k->conns, (uint32_t)conf->sessions_max, (uint32_t)random_u64());
    hub_init(&k->hub, &k->conns,
             &(struct hub_limits){.users = (uint32_t)conf->users_max,
                                  .topics = (uint32_t)conf->topics_max,
                                  .set_members = conf->set_members_max});
    outq_pool_init(&k->queues, (uint32_t)conf->queue_frames_max);
    wheel_init(&k->wheel, k->now_ms);
    k->ping = msg_new(MSG_PING, STR("c"), MSG_NO_HOLE); /* libwebsockets hides pongs without a payload */
}

void core_release(struct core *k)
{
    for (uint32_t i = 0; i < k->adopted_count; i++) {
        free(k->adopted[i].head);
    }
    free(k->adopted);
    free(k->dirty);
    free(k->waiting);
    free(k->recoveries);
    buf_release(&k->pid);
    msg_unref(k->ping);
    wheel_release(&k->wheel);
    outq_pool_release(&k->queues);
    hub_release(&k->hub);
    conns_release(&k->conns);
    eio_table_release(&k->engine);
    buf_release(&k->text);
    buf_release(&k->frame);
}

uint32_t core_log_prefix(const struct core *k)
{
    return (uint32_t)(k->log_id >> 32);
}

/* -- sending -------------------------------------------------------------------------------------------- */

void core_mark_dirty(struct core *k, struct conn *c)
{
    if (conn_has(c, CONN_IS_DIRTY)) {
        return;
    }
    if (k->dirty_first + k->dirty_count == k->dirty_room) {
        if (k->dirty_count > 0) {
            memmove(k->dirty, k->dirty + k->dirty_first, k->dirty_count * sizeof(k->dirty[0]));
        }
        k->dirty_first = 0;
        if (k->dirty_count * 2 >= k->dirty_room) {
            k->dirty_room = k->dirty_room == 0 ? 256 : k->dirty_room * 2;
            k->dirty = mem_grow(k->dirty, k->dirty_room, sizeof(k->dirty[0]));
        }
    }
    conn_set(c, CONN_IS_DIRTY, true);
    k->dirty[k->dirty_first + k->dirty_count++] = c->index;
}

/* A replay pulls one chunk at a time, whose size only the link bounds. */
static size_t queue_room(const struct conn *c)
{
    size_t extra = conn_has(c, CONN_IS_CATCHING_UP) ? (size_t)4 * LINK_BODY_MAX_BYTES : 0;
    return c->core->conf->queue_max_bytes + extra;
}

/* Over the cap: ephemeral frames go first, then what the socket takes, then the connection. */
static bool make_room(struct conn *c, const struct msg *m)
{
    struct core *k = c->core;
    k->stats.drops += outq_drop_ephemeral(&k->queues, &c->out);
    if (c->out.bytes + m->len <= queue_room(c)) {
        return true;
    }
    if (c->state == CONN_OPEN && !conn_has(c, CONN_IS_BLOCKED)) {
        c->carrier->flush(c);
        if (c->out.bytes + m->len <= queue_room(c)) {
            return true;
        }
    }
    if (m->ephemeral) {
        k->stats.drops++;
        return false;
    }
    k->stats.evictions++;
    log_warn_limited("slow_consumer", "session=%llx queue_bytes=%u",
                     (unsigned long long)conn_session(c), c->out.bytes);
    conn_set(c, CONN_DROPS_QUEUE, true);
    core_close(c, CODE_SLOW_CONSUMER);
    return false;
}

void core_send(struct conn *c, struct msg *m, uint32_t number)
{
    struct core *k = c->core;
    if (c->state == CONN_CLOSING ||
        (c->out.bytes + m->len > queue_room(c) && !make_room(c, m))) {
        msg_unref(m);
        return;
    }
    if (outq_push(&k->queues, &c->out, m, number) != RC_OK) {
        k->stats.evictions++;
        conn_set(c, CONN_DROPS_QUEUE, true);
        core_close(c, CODE_SLOW_CONSUMER);
        return;
    }
    k->stats.deliveries++;
    core_mark_dirty(k, c);
}

struct dialect_view core_view(const struct conn *c)
{
    const struct hub_user *u = hub_user(&c->core->hub, c->slot);
    return (struct dialect_view){
        .ext = conn_is_ext(c),
        .log_prefix = core_log_prefix(c->core),
        .viewer_id = u != NULL ? u->id : 0,
        .recovers = core_may_recover(c),
        .now_us = wall_us(),
    };
}

struct dialect_frame core_frame(struct core *k)
{
    buf_clear(&k->text);
    return (struct dialect_frame){.out = &k->text, .number_at = DIALECT_NO_NUMBER};
}

void core_send_text(struct conn *c, const struct dialect_frame *f)
{
    struct core *k = c->core;
    if (k->text.len == 0 && buf_ok(&k->text)) {
        return;
    }
    struct msg *m = buf_ok(&k->text) ? msg_new(f->binary ? MSG_BINARY : MSG_TEXT,
                                               buf_str(&k->text), f->number_at)
                                     : NULL;
    if (m == NULL) {
        core_close(c, CODE_INTERNAL);
        return;
    }
    core_send(c, m, 0);
}

/* -- opening and closing ------------------------------------------------------------------------------------ */

void core_on_open(struct conn *c)
{
    struct core *k = c->core;
    if (c->state != CONN_HANDSHAKE) {
        return;
    }
    c->state = CONN_OPEN;
    k->stats.handshakes++;
    core_renew(c);
    wheel_set(&k->wheel, c->index, k->now_ms); /* the tick looks at the token, too */
    if (conn_has(c, CONN_IS_CATCHING_UP)) {
        core_attach(c);
    }
    if (c->out.head != 0) {
        core_mark_dirty(k, c);
    }
    if (c->eio != NULL) {
        eio_on_open(c);
    }
}

bool core_on_peer_close(struct conn *c)
{
    struct core *k = c->core;
    if (c->state == CONN_OPEN) {
        c->state = CONN_CLOSING;
        core_recovery_lost(c);
        core_look_away(c);
        c->deadline_ms = k->now_ms + k->conf->close_timeout_ms;
        wheel_set(&k->wheel, c->index, c->deadline_ms);
        outq_clear(&k->queues, &c->out);
        return false;
    }
    return c->close_code != CODE_OK;
}

void core_close(struct conn *c, enum code code)
{
    struct core *k = c->core;
    enum conn_state was = c->state;
    if (was == CONN_CLOSING || was == CONN_FREE) {
        return;
    }
    c->close_code = (uint8_t)code;
    log_debug("close", "session=%llx code=%s", (unsigned long long)conn_session(c),
              code_name(code));
    c->state = CONN_CLOSING;
    core_recovery_lost(c);
    core_look_away(c);
    if (was == CONN_OPEN) {
        if (conn_has(c, CONN_DROPS_QUEUE)) {
            outq_clear(&k->queues, &c->out);
        }
        c->deadline_ms = k->now_ms + k->conf->close_timeout_ms;
        wheel_set(&k->wheel, c->index, c->deadline_ms);
        c->carrier->close(c);
        core_pause(c, (enum conn_pause)c->pause, false); /* the answer to the close frame is to be read */
        return;
    }
    if (was == CONN_ADOPTED) {
        close(c->fd);
        core_on_closed(c);
    } else {
        c->deadline_ms = k->now_ms; /* in the handshake: the next tick cuts it off */
        wheel_set(&k->wheel, c->index, c->deadline_ms);
    }
}

static void report_closed(struct core *k)
{
    if (k->closed_count > 0 && link_client_has_greeted(k->link)) {
        link_put_session_closed(link_client_out(k->link), k->closed, k->closed_count);
    }
    k->closed_count = 0;
}

void core_left(struct core *k, uint32_t slot, uint64_t peer_key)
{
    if (k->closed_count == LINK_ENTRIES_MAX) {
        report_closed(k);
    }
    k->closed[k->closed_count++] = (struct link_closed){slot, peer_key};
    if (slot != 0 && hub_user(&k->hub, slot) == NULL && link_client_has_greeted(k->link)) {
        report_closed(k);
        core_report_presence(k); /* the slot may mean somebody else afterwards */
        link_put_gone(link_client_out(k->link), slot, k->hub.users[slot].adopts);
    }
    core_watch_less(k, slot);
}

void core_on_closed(struct conn *c)
{
    struct core *k = c->core;
    uint32_t slot = c->slot;
    core_recovery_lost(c);
    core_look_away(c);
    eio_release(c);
    outq_clear(&k->queues, &c->out);
    wheel_clear(&k->wheel, c->index);
    if (conn_topic(c) != 0) {
        hub_topic_leave(&k->hub, c);
    }
    if (slot != 0) {
        (void)hub_leave(&k->hub, slot, c);
    }
    core_left(k, slot, c->peer_key);
    k->stats.closed++;
    conns_give(&k->conns, c);
}

/* -- time ------------------------------------------------------------------------------------------------------ */

static bool is_expired(const struct conn *c)
{
    return c->expires_s != 0 && wall_s() >= c->expires_s;
}

/* When to look at the connection again: its deadline, or the end of its token. */
static void arm(struct conn *c)
{
    struct core *k = c->core;
    uint64_t due = c->deadline_ms;
    if (c->expires_s != 0 && c->state == CONN_OPEN) {
        uint64_t now_us = wall_us(), end_us = c->expires_s * 1000000;
        uint64_t left_ms = end_us > now_us ? (end_us - now_us) / 1000 + 1 : 0;
        due = k->now_ms + left_ms < due ? k->now_ms + left_ms : due;
    }
    wheel_set(&k->wheel, c->index, due);
}

static void ping_or_close(struct conn *c)
{
    struct core *k = c->core;
    if (conn_has(c, CONN_IS_DRAINING)) {
        core_close(c, CODE_RESTARTING);
        return;
    }
    if (c->eio != NULL) {
        eio_on_due(c);
        return;
    }
    if (c->pause != 0) {
        core_renew(c); /* its pongs are in the socket */
        core_attach_again_if_stuck(c);
    } else if (conn_has(c, CONN_AWAITS_PONG)) {
        k->stats.ping_timeouts++;
        conn_set(c, CONN_DROPS_QUEUE, true);
        core_close(c, CODE_IDLE);
        return;
    } else {
        k->stats.pings++;
        conn_set(c, CONN_AWAITS_PONG, true);
        c->deadline_ms = k->now_ms + k->conf->ping_timeout_ms;
        core_send(c, msg_ref(k->ping), 0);
    }
}

static void on_due(void *ctx, uint32_t index)
{
    struct core *k = ctx;
    struct conn *c = conns_at(&k->conns, index);
    if (c == NULL) {
        return;
    }
    bool late = k->now_ms >= c->deadline_ms;
    if (c->state == CONN_CLOSING || c->state == CONN_HANDSHAKE || c->state == CONN_ADOPTED) {
        if (late && c->state == CONN_ADOPTED) {
            core_close(c, CODE_UNAVAILABLE);
        } else if (late) {
            c->carrier->kill(c);
        } else {
            arm(c);
        }
        return;
    }
    if (is_expired(c)) {
        core_close(c, CODE_TOKEN_EXPIRED);
        return;
    }
    if (late) {
        ping_or_close(c);
    }
    if (c->state == CONN_OPEN) {
        arm(c);
    }
}

static void send_stats(struct core *k)
{
    k->stats_at_ms = k->now_ms + 1000;
    k->stats.connections = k->conns.count;
    k->stats.users = k->hub.users_count;
    k->stats.queue_bytes = k->queues.bytes;
    k->stats.queue_frames = k->queues.used;
    k->stats.states_replaced = k->queues.replaced;
    k->stats.commands_pending = link_client_pending(k->link);
    if (link_client_is_up(k->link)) {
        stats_put(link_client_out(k->link), &k->stats);
    }
}

void core_tick(struct core *k, uint64_t now_ms)
{
    k->now_ms = now_ms;
    wheel_advance(&k->wheel, now_ms, on_due, k);
    if (now_ms >= k->stats_at_ms) {
        send_stats(k);
    }
}

void core_drain(struct core *k, uint64_t grace_ms)
{
    k->is_draining = true;
    log_info("drain", "grace_ms=%llu sessions=%u", (unsigned long long)grace_ms, k->conns.count);
    for (uint32_t i = 0; i < k->conns.made; i++) {
        struct conn *c = conns_at(&k->conns, i);
        if (c != NULL && c->state != CONN_CLOSING && !conn_has(c, CONN_IS_DRAINING)) {
            conn_set(c, CONN_IS_DRAINING, true);
            c->deadline_ms = k->now_ms + random_u64() % (grace_ms + 1);
            wheel_set(&k->wheel, c->index, c->deadline_ms);
        }
    }
}

/* -- the turn ---------------------------------------------------------------------------------------------------- */

/* The 101 may be written: the door has been told that the descriptor is ours, or it will find out by losing the link. */
static void start_adopted(struct core *k)
{
    for (uint32_t i = 0; i < k->adopted_count; i++) {
        struct core_adopted *a = &k->adopted[i];
        struct conn *c = conns_find(&k->conns, a->session);
        if (c != NULL && c->state == CONN_ADOPTED) {
            c->state = CONN_HANDSHAKE;
            (void)k->start(k->start_ctx, c, (struct str){a->head, a->head_len});
        }
        free(a->head);
    }
    k->adopted_count = 0;
}

static void flush_one(struct core *k)
{
    uint32_t index = k->dirty[k->dirty_first++];
    k->dirty_count--;
    struct conn *c = conns_at(&k->conns, index);
    if (c == NULL || !conn_has(c, CONN_IS_DIRTY)) {
        return; /* the place has another tenant, or none */
    }
    conn_set(c, CONN_IS_DIRTY, false);
    if (c->state == CONN_OPEN && !conn_has(c, CONN_IS_BLOCKED)) {
        c->carrier->flush(c);
        core_pull_if_low(c);
    }
}

void core_on_writable(struct conn *c)
{
    conn_set(c, CONN_IS_BLOCKED, false);
    c->carrier->flush(c);
    if (c->state == CONN_OPEN) {
        core_pull_if_low(c);
    }
}

bool core_turn(struct core *k)
{
    core_report_recoveries(k);
    report_closed(k);
    core_report_presence(k);
    core_report_topics(k);
    if (link_client_flush(k->link) || !link_client_is_up(k->link)) {
        start_adopted(k);
    }
    for (uint64_t i = 0; i < k->conf->flush_turn_max && k->dirty_count > 0; i++) {
        flush_one(k);
    }
    if (k->dirty_count == 0) {
        k->dirty_first = 0;
    }
    (void)link_client_flush(k->link); /* what the flushes pulled */
    link_client_pause(k->link, k->dirty_count > 0);
    return k->dirty_count > 0;
}
