/*
 * core_recovery.c -- connections that come back (Socket.IO): who goes on with whose rooms, and from where
 *
 * A connection that logs in gets a pid: 128 random bits and the cursor at which it begins. confab-rest keeps its
 * rooms under it, of which it is told in whole whenever they change. That it is in a room, or in one no more, the
 * client hears only when that is in the database: what it knows outlives both programs. A client that lost its
 * connection brings the pid and the cursor of the last event that it has got; confab-rest knows the rooms and whose
 * they are, and the replay (core_attach.c) is what happened in them since. The login is answered with the first of
 * the replay, when it is certain that there is no gap: then with the same pid, which tells the client that it has
 * missed nothing, else with a new one and without any rooms. (A pid that both programs have forgotten, since they
 * ended before it was stored, is such a case.)
 * Every room has the place in the log where it was joined: what happened there before is not replayed.
 */
#include "ws/core.h"

#include <stdlib.h>
#include <string.h>

#include "shared/cursor.h"
#include "shared/id.h"
#include "shared/mem.h"
#include "shared/rd.h"
#include "ws/link_client.h"
#include "ws/pending.h"

#define PID_RANDOM_BYTES 16

enum recovery_state {
    RECOVERY_ASKED = 1,   /* the client wants to go on; confab-rest has not answered */
    RECOVERY_CATCHING_UP, /* it may; its login waits for the replay */
    RECOVERY_LIVE,
};

struct pid { /* its text is "<random, base64url>.<cursor>" */
    unsigned char random[PID_RANDOM_BYTES];
    uint64_t begun;
    uint32_t log;
};

struct recovery { /* every connection of Socket.IO has one: small */
    struct pid pid;
    uint8_t state; /* enum recovery_state */
    uint8_t verb;  /* of the login that waits */
    bool is_listed;
    uint32_t told, stored;    /* confab-rest has been told so often; what it was told until then is in the database */
    struct buf *held;         /* answers that wait for that: length32, text; NULL: none */
    uint64_t since;           /* asked for */
    uint64_t hint, expires_s; /* of the login that waits */
};

/* -- texts ------------------------------------------------------------------------------------------------- */

static bool read_pid(struct str text, struct pid *out)
{
    struct buf random = BUF_INIT;
    struct str head;
    struct str cursor = str_cut(text, '.', &head);
    bool good = text.len <= LINK_PID_MAX_BYTES && base64url_decode(head, &random) &&
                random.len == PID_RANDOM_BYTES && cursor_read(cursor, &out->log, &out->begun);
    if (good) {
        memcpy(out->random, random.p, sizeof(out->random));
    }
    buf_release(&random);
    return good;
}

struct str core_recovery_pid(const struct conn *c)
{
    struct buf *out = &c->core->pid;
    if (c->recovery == NULL) {
        return STR_NONE;
    }
    buf_clear(out);
    base64url_add(out, c->recovery->pid.random, PID_RANDOM_BYTES);
    buf_add_char(out, '.');
    cursor_add(out, c->recovery->pid.log, c->recovery->pid.begun);
    return buf_str(out);
}

/* -- telling confab-rest ------------------------------------------------------------------------------------- */

/* More rooms than a frame takes: such a connection cannot be recovered. */
static void tell(struct conn *c, enum link_recovery_state state)
{
    struct core *k = c->core;
    const struct interest *i = c->interest;
    uint32_t count = i != NULL ? i->chats_count : 0;
    struct buf rooms = BUF_INIT;
    if (!link_client_is_up(k->link)) {
        return;
    }
    state = count > LINK_ROOMS_MAX ? LINK_RECOVERY_ENDED : state;
    for (uint32_t n = 0; n < count && state != LINK_RECOVERY_ENDED; n++) {
        link_add_room(&rooms, (struct link_room){i->chats[n].id, i->chats[n].since});
    }
    struct link_recovery m = {.slot = c->slot,
                              .session = conn_session(c),
                              .number = ++c->recovery->told,
                              .state = (uint8_t)state,
                              .position = k->position,
                              .pid = core_recovery_pid(c),
                              .rooms = buf_str(&rooms)};
    link_put_recovery(link_client_out(k->link), &m);
    buf_release(&rooms);
}

void core_rooms_changed(struct conn *c)
{
    struct core *k = c->core;
    struct recovery *r = c->recovery;
    if (r == NULL || r->state != RECOVERY_LIVE || r->is_listed) {
        return;
    }
    if (k->recoveries_count == k->recoveries_room) {
        k->recoveries_room = k->recoveries_room == 0 ? 64 : k->recoveries_room * 2;
        k->recoveries = mem_grow(k->recoveries, k->recoveries_room, sizeof(k->recoveries[0]));
    }
    r->is_listed = true;
    k->recoveries[k->recoveries_count++] = conn_session(c);
}

void core_report_recoveries(struct core *k)
{
    if (!link_client_is_up(k->link)) {
        return; /* what is held waits for the next one */
    }
    for (uint32_t i = 0; i < k->recoveries_count; i++) {
        struct conn *c = conns_find(&k->conns, k->recoveries[i]);
        if (c != NULL && c->recovery != NULL && c->recovery->is_listed) {
            c->recovery->is_listed = false;
            tell(c, LINK_RECOVERY_LIVE);
        }
    }
    k->recoveries_count = 0;
}

/* -- answers that wait for the database ------------------------------------------------------------------------ */

bool core_recovery_waits(const struct conn *c)
{
    const struct recovery *r = c->recovery;
    return r != NULL && r->state == RECOVERY_LIVE && (r->is_listed || r->told != r->stored);
}

void core_recovery_hold(struct conn *c, const struct dialect_frame *f)
{
    if (f->out->len == 0) {
        return;
    }
    if (c->recovery->held == NULL) {
        c->recovery->held = mem_new(sizeof(struct buf));
    }
    struct buf *held = c->recovery->held;
    if (held->len + f->out->len > c->core->conf->queue_max_bytes) {
        core_close(c, CODE_SLOW_CONSUMER); /* it does not wait for answers */
        return;
    }
    buf_add_be32(held, (uint32_t)f->out->len);
    buf_add_str(held, buf_str(f->out));
}

static void free_held(struct buf *held)
{
    if (held != NULL) {
        buf_release(held);
        free(held);
    }
}

static void let_go(struct conn *c)
{
    struct buf *held = c->recovery->held;
    struct rd r = held != NULL ? rd_of(held->p, held->len) : rd_of(NULL, 0);
    c->recovery->held = NULL;
    while (r.left > 0 && c->state == CONN_OPEN) {
        struct dialect_frame f = core_frame(c->core);
        buf_add_str(f.out, rd_str32(&r));
        core_send_text(c, &f);
    }
    free_held(held);
}

enum rc core_recovery_stored(struct core *k, struct str body)
{
    uint64_t session;
    uint32_t number;
    enum rc rc = link_get_recovery_stored(body, &session, &number);
    struct conn *c = rc == RC_OK ? conns_find(&k->conns, session) : NULL;
    if (c != NULL && c->recovery != NULL && number == c->recovery->told) {
        c->recovery->stored = number;
        if (!core_recovery_waits(c)) {
            let_go(c);
        }
    }
    return rc;
}

/* -- coming --------------------------------------------------------------------------------------------------- */

void core_recovery_drop(struct conn *c)
{
    if (c->recovery != NULL) {
        free_held(c->recovery->held);
        free(c->recovery);
        c->recovery = NULL;
    }
}

static void begin(struct conn *c)
{
    if (c->recovery == NULL) {
        c->recovery = mem_new(sizeof(*c->recovery));
    }
    c->recovery->state = RECOVERY_LIVE;
    random_bytes(c->recovery->pid.random, PID_RANDOM_BYTES);
    c->recovery->pid.log = core_log_prefix(c->core);
    c->recovery->pid.begun = c->cursor;
    core_rooms_changed(c);
}

bool core_may_recover(const struct conn *c)
{
    return c->core->recovers && (c->options & CONN_NO_RECOVERY) == 0;
}

bool core_recovery_ask(struct conn *c, const struct op *op)
{
    struct recovery r = {.state = RECOVERY_ASKED};
    uint32_t log = 0;
    uint64_t got = 0;
    if (!core_may_recover(c) || !read_pid(op->recovery, &r.pid) ||
        (op->offset.len > 0 && !cursor_read(op->offset, &log, &got))) {
        return false;
    }
    /* Clients also bring the offset of an earlier connection: then nothing has come on this one. */
    r.since = log == r.pid.log && got > r.pid.begun ? got : r.pid.begun;
    core_recovery_drop(c);
    c->recovery = mem_new(sizeof(r));
    *c->recovery = r;
    return true;
}

static void restore(struct conn *c, const struct link_login_reply *m)
{
    for (uint32_t i = 0; i < m->rooms.len / LINK_ROOM_BYTES; i++) {
        struct link_room room = link_room_at(m->rooms, i);
        (void)core_subscribe(c, room.chat_id, room.since);
    }
    c->recovery->state = RECOVERY_CATCHING_UP;
    c->cursor = c->recovery->since;
    c->since_log = c->recovery->pid.log;
    conn_set(c, CONN_IS_CATCHING_UP, true);
    core_attach(c);
}

void core_recovery_log_in(struct conn *c, const struct link_login_reply *m)
{
    if (!core_may_recover(c)) {
        core_recovery_drop(c);
    } else if (m->pid.len > 0 && str_eq(m->pid, core_recovery_pid(c))) {
        restore(c, m);
    } else {
        c->core->stats.recoveries_refused += c->recovery != NULL;
        begin(c);
    }
}

bool core_recovery_holds(struct conn *c, const struct pending *p, const struct op_result *result)
{
    struct recovery *r = c->recovery;
    if (result->code != CODE_OK || r == NULL) {
        core_recovery_drop(c);
        return false;
    }
    r->verb = p->verb;
    r->hint = p->hint;
    r->expires_s = result->expires_s;
    return r->state == RECOVERY_CATCHING_UP;
}

static void answer_login(struct conn *c)
{
    const struct recovery r = *c->recovery;
    core_answer_login(c, r.verb, r.hint, r.expires_s);
}

void core_recovered(struct conn *c)
{
    if (c->recovery != NULL && c->recovery->state == RECOVERY_CATCHING_UP) {
        c->recovery->state = RECOVERY_LIVE;
        c->core->stats.recovered++;
        core_rooms_changed(c);
        answer_login(c);
    }
}

bool core_recovery_refused(struct conn *c)
{
    if (c->recovery == NULL) {
        return true;
    }
    if (c->recovery->state != RECOVERY_CATCHING_UP) {
        core_close(c, CODE_RESTARTING);
        return false;
    }
    c->core->stats.recoveries_refused++;
    tell(c, LINK_RECOVERY_ENDED);
    while (c->interest != NULL && c->interest->chats_count > 0) {
        core_unsubscribe(c, c->interest->chats[0].id);
    }
    begin(c);
    answer_login(c);
    return true;
}

bool core_recovery_lives(const struct conn *c)
{
    return c->recovery != NULL && c->recovery->state != RECOVERY_ASKED;
}

/* -- going ----------------------------------------------------------------------------------------------------- */

static void leave(struct conn *c, enum link_recovery_state state)
{
    if (core_recovery_lives(c)) {
        tell(c, state);
    }
    core_recovery_drop(c);
}

void core_recovery_lost(struct conn *c)
{
    leave(c, LINK_RECOVERY_LOST);
}

void core_recovery_ended(struct conn *c)
{
    leave(c, LINK_RECOVERY_ENDED);
}

void core_recovery_link_up(struct core *k, bool recovers)
{
    k->recovers = recovers;
    for (uint32_t i = 0; i < k->conns.made; i++) {
        struct conn *c = conns_at(&k->conns, i);
        if (c != NULL && c->recovery != NULL && !recovers) {
            bool waits = c->recovery->state == RECOVERY_CATCHING_UP;
            let_go(c);
            core_recovery_drop(c);
            if (waits) {
                core_close(c, CODE_RESTARTING); /* its login would have no answer */
            }
        } else if (c != NULL) {
            core_rooms_changed(c);
        }
    }
}
