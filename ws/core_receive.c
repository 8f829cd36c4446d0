/*
 * core_receive.c -- frames of a client: put together, counted, given to the dialect, held while no place is free
 *
 * Two limits: every frame counts against frames_per_s, which keeps out floods; what reaches confab-rest, and
 * every error, against messages_per_s. An operation that finds no free place makes its frame wait: it stays
 * here, the following ones in the socket, and the dialect reads it once more when there is a place.
 */
#include "ws/core.h"

#include <stdlib.h>
#include <string.h>

#include "shared/mem.h"
#include "ws/link_client.h"

void core_pause(struct conn *c, enum conn_pause reason, bool on)
{
    uint8_t before = c->pause;
    c->pause = (uint8_t)(on ? c->pause | reason : c->pause & ~reason);
    if ((before == 0) != (c->pause == 0) && c->handle != NULL) {
        c->carrier->read(c, c->pause == 0);
    }
}

void core_renew(struct conn *c)
{
    struct core *k = c->core;
    if (!conn_has(c, CONN_IS_DRAINING)) {
        conn_set(c, CONN_AWAITS_PONG, false);
        c->deadline_ms = k->now_ms + k->conf->ping_interval_ms;
    }
}

/* -- limits ---------------------------------------------------------------------------------------------- */

static bool take_message(struct conn *c)
{
    struct core *k = c->core;
    return bucket_take(&c->messages, k->now_ms, (uint32_t)k->conf->messages_per_s,
                       (uint32_t)k->conf->messages_burst);
}

bool core_within_rate(struct conn *c)
{
    struct core *k = c->core;
    if (take_message(c)) {
        c->strikes = 0;
        return true;
    }
    k->stats.rate_limited++;
    if (++c->strikes >= k->conf->messages_refused_max) {
        core_close(c, CODE_RATE_LIMITED);
    }
    return false;
}

/* The hard limit: a client that goes on above it is closed, and told so as often as it may be told anything. */
static bool within_frames(struct conn *c)
{
    struct core *k = c->core;
    uint32_t per_s = (uint32_t)k->conf->frames_per_s;
    if (bucket_is_full(&c->frames, k->now_ms, per_s)) {
        c->frame_strikes = 0;
    }
    if (bucket_take(&c->frames, k->now_ms, per_s, (uint32_t)k->conf->frames_burst)) {
        return true;
    }
    k->stats.rate_limited++;
    if (++c->frame_strikes >= k->conf->messages_refused_max) {
        core_close(c, CODE_RATE_LIMITED);
    } else if (take_message(c)) {
        core_answer_error(c, 0, STR_NONE, CODE_RATE_LIMITED);
    }
    return false;
}

/* -- one message ------------------------------------------------------------------------------------------ */

static struct buf *rx_of(struct conn *c)
{
    if (c->rx == NULL) {
        c->rx = mem_new(sizeof(*c->rx));
        c->rx->max_bytes = c->core->conf->frame_max_bytes + 1;
    }
    return c->rx;
}

static void drop_rx(struct conn *c)
{
    if (c->rx != NULL) {
        buf_release(c->rx);
        free(c->rx);
        c->rx = NULL;
    }
}

static void hold(struct conn *c, struct str message, bool binary)
{
    struct core *k = c->core;
    if (c->rx == NULL || c->rx->p != message.p) {
        buf_add_str(rx_of(c), message);
    }
    if (k->waiting_count == k->waiting_room) {
        k->waiting_room = k->waiting_room == 0 ? 64 : k->waiting_room * 2;
        k->waiting = mem_grow(k->waiting, k->waiting_room, sizeof(k->waiting[0]));
    }
    k->waiting[k->waiting_count++] = conn_session(c);
    k->stats.commands_held++;
    conn_set(c, CONN_HOLDS_FRAME, true);
    conn_set(c, CONN_HOLDS_BINARY, binary);
    core_pause(c, CONN_PAUSE_COMMANDS, true);
}

bool core_holds_instead(struct conn *c)
{
    struct core *k = c->core;
    if (k->receiving == c && !link_client_has_room(k->link)) {
        k->must_hold = true;
    }
    return core_is_held(c);
}

bool core_is_held(const struct conn *c)
{
    return c->core->must_hold && c->core->receiving == c;
}

void core_has_spoken(struct conn *c)
{
    if (c->core->receiving == c) {
        c->core->receiving = NULL;
    }
}

static void on_message(struct conn *c, struct str message, bool binary)
{
    struct core *k = c->core;
    if (c->state != CONN_OPEN) {
        return;
    }
    k->receiving = c;
    k->must_hold = false;
    if (c->eio != NULL) {
        eio_receive(c, message, binary);
    } else {
        c->dialect->receive(c, c->dialect_state, message, binary);
    }
    bool must_hold = core_is_held(c);
    k->receiving = NULL;
    if (must_hold && c->state == CONN_OPEN) {
        hold(c, message, binary);
    } else {
        drop_rx(c);
    }
}

void core_resume_held(struct core *k)
{
    while (k->waiting_count > 0 && link_client_has_room(k->link)) {
        struct conn *c = conns_find(&k->conns, k->waiting[0]);
        k->waiting_count--;
        memmove(k->waiting, k->waiting + 1, k->waiting_count * sizeof(k->waiting[0]));
        if (c == NULL || !conn_has(c, CONN_HOLDS_FRAME)) {
            continue;
        }
        conn_set(c, CONN_HOLDS_FRAME, false);
        on_message(c, buf_str(c->rx), conn_has(c, CONN_HOLDS_BINARY));
        core_pause(c, CONN_PAUSE_COMMANDS, conn_has(c, CONN_HOLDS_FRAME));
    }
}

/* -- from the carrier --------------------------------------------------------------------------------------- */

void core_on_piece(struct conn *c, struct str piece, bool final, bool binary)
{
    struct core *k = c->core;
    k->stats.bytes_received += piece.len;
    if (c->state != CONN_OPEN) {
        return;
    }
    size_t have = c->rx != NULL && !conn_has(c, CONN_HOLDS_FRAME) ? c->rx->len : 0;
    if (have + piece.len > k->conf->frame_max_bytes) {
        drop_rx(c);
        core_close(c, CODE_TOO_LARGE);
        return;
    }
    if (conn_has(c, CONN_HOLDS_FRAME)) {
        dialect_fail(c, 0, STR_NONE, CODE_QUEUE_FULL); /* reading is off, so this is rare */
        return;
    }
    if (!final && piece.len == 0 && !within_frames(c)) {
        return; /* empty fragments never become too large */
    }
    if (!final || have > 0) {
        buf_add_str(rx_of(c), piece);
        piece = buf_str(c->rx);
    }
    if (!final) {
        return;
    }
    k->stats.messages_received++;
    if (c->eio == NULL) { /* those live by their own pongs, which are frames, too */
        core_renew(c);
    }
    if (within_frames(c)) {
        if (c->eio == NULL) {
            core_refresh_focus(c);
        }
        on_message(c, piece, binary);
    } else {
        drop_rx(c);
    }
}

void core_on_pong(struct conn *c)
{
    if (c->state == CONN_OPEN) {
        core_renew(c);
        wheel_set(&c->core->wheel, c->index, c->deadline_ms); /* else it fires at the end of ping_timeout_ms */
    }
}
