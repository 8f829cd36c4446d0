/*
 * core_link.c -- frames of the link, one case each, and what a new or a lost link means
 */
#include "ws/core.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/log.h"
#include "shared/map64.h"
#include "shared/mem.h"
#include "ws/link_client.h"

/* -- hand-off ------------------------------------------------------------------------------------------- */

static void remember_head(struct core *k, const struct conn *c, struct str head)
{
    if (k->adopted_count == k->adopted_room) {
        k->adopted_room = k->adopted_room == 0 ? 64 : k->adopted_room * 2;
        k->adopted = mem_grow(k->adopted, k->adopted_room, sizeof(k->adopted[0]));
    }
    k->adopted[k->adopted_count++] =
        (struct core_adopted){conn_session(c), mem_copy(head.p, head.len), head.len};
}

static struct conn *make_conn(struct core *k, const struct link_adopt *m, int fd)
{
    struct conn *c = conns_take(&k->conns);
    if (c == NULL) {
        return NULL;
    }
    bool resumes = m->topic == 0 && (m->options & CONN_EXT) != 0 && (m->options & CONN_SINCE) != 0;
    bool replays = m->topic != 0 && (m->options & CONN_REPLAY) != 0 && m->since != 0;
    c->core = k;
    c->carrier = k->carrier;
    c->dialect = dialect_by_id(m->dialect);
    c->dialect_state = c->dialect->state_bytes != 0 ? mem_new(c->dialect->state_bytes) : NULL;
    c->family = m->family;
    c->peer_key = m->peer_key;
    c->expires_s = m->expires_s;
    c->options = m->options;
    c->born = k->position;
    c->cursor = resumes ? m->since : replays ? 0 : k->position;
    c->since_log = resumes ? m->since_log : core_log_prefix(k);
    conn_set(c, CONN_IS_CATCHING_UP, resumes || replays);
    conn_set(c, CONN_IS_RESUMING, resumes);
    if (replays) {
        conn_interest(c)->replay = m->since;
    }
    c->fd = fd;
    c->deadline_ms = k->now_ms + k->conf->handshake_timeout_ms;
    wheel_set(&k->wheel, c->index, c->deadline_ms);
    return c;
}

struct conn *core_new_session(struct core *k, const struct carrier *carrier, const struct link_poll *m)
{
    const struct dialect *d = dialect_by_id(m->dialect);
    struct conn *c = d != NULL && d->engine ? conns_take(&k->conns) : NULL;
    if (c == NULL) {
        return NULL;
    }
    c->core = k;
    c->carrier = carrier;
    c->dialect = d;
    c->dialect_state = d->state_bytes != 0 ? mem_new(d->state_bytes) : NULL;
    c->peer_key = m->peer_key;
    c->options = m->options;
    c->born = c->cursor = k->position;
    c->since_log = core_log_prefix(k);
    c->fd = -1;
    return c;
}

/* The frames that come before everything else. Any of them may be the end of the connection. */
static void greet(struct core *k, const struct link_adopt *m, uint64_t session)
{
    struct conn *c = conns_find(&k->conns, session);
    if (c->dialect->engine) {
        eio_adopt(c, m->asked);
        c = conns_find(&k->conns, session);
    }
    if (c != NULL && c->dialect->greet != NULL) {
        struct dialect_view view = core_view(c);
        struct dialect_hello hello = {view.viewer_id, m->username, m->name, m->asked};
        struct dialect_frame f = core_frame(k);
        c->dialect->greet(&hello, &view, &f);
        core_send_text(c, &f);
    }
    c = conns_find(&k->conns, session);
    if (c != NULL && conn_is_ext(c) && !conn_has(c, CONN_IS_CATCHING_UP)) {
        core_notice(c, NOTICE_LIVE, c->cursor, NULL);
    }
}

/* The connection exists from here on, for kicks and events; its 101 is written once confab-rest has been told. */
static enum code adopt(struct core *k, const struct link_adopt *m, int fd, uint64_t *session)
{
    if (fd < 0) {
        return CODE_UNAVAILABLE;
    }
    if (k->is_draining) {
        return CODE_RESTARTING;
    }
    if (dialect_by_id(m->dialect) == NULL) {
        return CODE_UNSUPPORTED_TYPE;
    }
    struct conn *c = make_conn(k, m, fd);
    if (c == NULL) {
        return CODE_TOO_MANY_CONNECTIONS;
    }
    if (m->slot != 0) {
        hub_join(&k->hub, m->slot, c);
    }
    if (m->topic != 0) {
        hub_topic_join(&k->hub, m->topic, c);
    }
    remember_head(k, c, m->head);
    *session = conn_session(c);
    greet(k, m, *session);
    return CODE_OK;
}

/* Both counts stand for ADOPT frames, whatever comes of them. */
static enum rc count_adopt(struct core *k, const struct link_adopt *m)
{
    enum rc of_user = m->slot != 0 ? hub_adopt(&k->hub, m->slot, m->user_id) : RC_OK;
    enum rc of_topic = m->topic != 0 ? hub_topic_adopt(&k->hub, m->topic) : RC_OK;
    return of_user != RC_OK ? of_user : of_topic;
}

static enum rc on_adopt(struct core *k, const struct link_frame *frame, int fd)
{
    struct link_adopt m;
    uint64_t session = 0;
    struct buf *out = link_client_out(k->link);
    enum rc rc = link_get_adopt(frame->body, &m);
    if (rc == RC_OK) {
        rc = count_adopt(k, &m);
    }
    enum code code = rc == RC_OK ? adopt(k, &m, fd, &session) : CODE_UNAVAILABLE;
    if (code == CODE_OK) {
        struct conn *c = conns_find(&k->conns, session);
        k->stats.adopts++;
        link_put_adopted(out, frame->request, session);
        if (c != NULL) {
            core_watch_more(c);
        }
        return RC_OK;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (rc == RC_PROTOCOL) {
        return RC_PROTOCOL;
    }
    k->stats.adopt_failures++;
    link_put_adopt_failed(out, frame->request, code);
    if (m.slot < k->hub.users_room && m.slot != 0 && hub_user(&k->hub, m.slot) == NULL) {
        link_put_gone(out, m.slot, k->hub.users[m.slot].adopts);
    }
    return RC_OK;
}

/* -- one function per frame --------------------------------------------------------------------------------- */

static enum rc on_event(struct core *k, struct str body)
{
    struct link_event m;
    enum rc rc = link_get_event(body, &m);
    if (rc == RC_OK) {
        core_event(k, &m);
    }
    return rc;
}

static enum rc on_position(struct core *k, struct str body)
{
    uint64_t position;
    enum rc rc = link_get_position(body, &position);
    if (rc == RC_OK && position > k->position) {
        k->position = position;
    }
    return rc;
}

static enum rc on_set(struct core *k, uint16_t type, struct str body)
{
    uint64_t set;
    struct rd slots;
    uint16_t count;
    enum rc rc = link_get_set(body, &set, &slots, &count);
    if (rc != RC_OK) {
        return rc;
    }
    if (type == LINK_SET_REMOVE) {
        hub_set_remove(&k->hub, set, &slots, count);
        return RC_OK;
    }
    return hub_set_add(&k->hub, set, &slots, count);
}

static enum rc on_reply(struct core *k, const struct link_frame *frame)
{
    uint64_t session;
    struct op_result result = {0};
    struct str body;
    enum rc rc = link_get_reply(frame->body, &session, &result.outcome, &body);
    if (rc == RC_OK) {
        result.code = result.outcome.code;
        result.body = body;
        link_client_answer(k->link, frame->request, &result);
    }
    return rc;
}

static enum rc on_query_reply(struct core *k, const struct link_frame *frame)
{
    uint64_t session;
    struct op_result result = {0};
    struct str body;
    enum rc rc = link_get_query_reply(frame->body, &session, &result.code, &body);
    if (rc == RC_OK) {
        link_client_answer(k->link, frame->request, &result);
    }
    return rc;
}

static enum rc on_reauth_reply(struct core *k, const struct link_frame *frame)
{
    uint64_t session, family;
    struct op_result result = {0};
    enum rc rc = link_get_reauth_reply(frame->body, &session, &result.code, &family,
                                       &result.expires_s);
    if (rc != RC_OK) {
        return rc;
    }
    struct conn *c = conns_find(&k->conns, session);
    if (c != NULL && result.code == CODE_OK) {
        c->family = family;
        c->expires_s = result.expires_s;
        wheel_set(&k->wheel, c->index, k->now_ms); /* the tick finds the new end */
    }
    link_client_answer(k->link, frame->request, &result);
    return RC_OK;
}

/* The connection is its user's from here on in the stream. */
static void log_in(struct core *k, struct conn *c, const struct link_login_reply *m)
{
    c->slot = m->slot;
    c->family = m->family;
    c->expires_s = m->expires_s;
    c->born = c->cursor = k->position;
    c->since_log = core_log_prefix(k);
    hub_join(&k->hub, m->slot, c);
    core_watch_more(c);
    wheel_set(&k->wheel, c->index, k->now_ms); /* the tick finds the end of the token */
    core_recovery_log_in(c, m);
}

/* The session that was to go on with it has gone: another one may. */
static void give_back_pid(struct core *k, const struct link_login_reply *m)
{
    struct link_recovery r = {
        .slot = m->slot, .session = m->session, .state = LINK_RECOVERY_LOST, .position = k->position, .pid = m->pid,
        .rooms = m->rooms};
    if (m->pid.len > 0 && link_client_is_up(k->link)) {
        link_put_recovery(link_client_out(k->link), &r);
    }
}

static enum rc on_login_reply(struct core *k, const struct link_frame *frame)
{
    struct link_login_reply m;
    struct buf name = BUF_INIT;
    struct op_result result = {0};
    enum rc rc = link_get_login_reply(frame->body, &m);
    if (rc == RC_OK && m.code == CODE_OK) {
        rc = hub_adopt(&k->hub, m.slot, m.user_id);
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct conn *c = conns_find(&k->conns, m.session);
    bool lives = c != NULL && c->state == CONN_OPEN && conn_has(c, CONN_IS_LOGGING_IN);
    if (lives && m.code == CODE_OK) {
        log_in(k, c, &m);
        eio_add_name(c, &name);
    } else if (m.code == CODE_OK) {
        give_back_pid(k, &m);
        core_left(k, m.slot, 0); /* it has gone meanwhile */
    }
    result.code = m.code;
    result.expires_s = m.expires_s;
    result.session = buf_str(&name);
    link_client_answer(k->link, frame->request, &result);
    buf_release(&name);
    return RC_OK;
}

static enum rc on_poll(struct core *k, const struct link_frame *frame)
{
    struct link_poll m;
    enum rc rc = link_get_poll(frame->body, &m);
    if (rc == RC_OK) {
        eio_on_poll(k, frame->request, &m);
    }
    return rc;
}

static enum rc on_poll_abort(struct core *k, const struct link_frame *frame)
{
    enum rc rc = link_get_empty(frame->body);
    if (rc == RC_OK) {
        eio_on_poll_abort(k, frame->request);
    }
    return rc;
}

static enum rc on_kick(struct core *k, struct str body)
{
    uint32_t slot;
    uint64_t session, family;
    enum code code;
    enum rc rc = link_get_kick(body, &slot, &session, &family, &code);
    if (rc != RC_OK) {
        return rc;
    }
    if (session == 0) {
        core_close_family(k, slot, family, code);
        return RC_OK;
    }
    struct conn *c = conns_find(&k->conns, session);
    if (c != NULL) {
        core_close(c, code);
    }
    return RC_OK;
}

static enum rc on_drain(struct core *k, struct str body)
{
    uint32_t grace_ms;
    enum rc rc = link_get_drain(body, &grace_ms);
    if (rc == RC_OK) {
        core_drain(k, grace_ms);
    }
    return rc;
}

enum rc core_link_frame(struct core *k, const struct link_frame *frame, int fd)
{
    switch (frame->type) {
    case LINK_ADOPT:
        return on_adopt(k, frame, fd);
    case LINK_EVENT:
    case LINK_EPHEMERAL:
        return on_event(k, frame->body);
    case LINK_POSITION:
        return on_position(k, frame->body);
    case LINK_SET_ADD:
    case LINK_SET_REMOVE:
        return on_set(k, frame->type, frame->body);
    case LINK_REPLY:
        return on_reply(k, frame);
    case LINK_QUERY_REPLY:
        return on_query_reply(k, frame);
    case LINK_REAUTH_REPLY:
        return on_reauth_reply(k, frame);
    case LINK_LOGIN_REPLY:
        return on_login_reply(k, frame);
    case LINK_RECOVERY_STORED:
        return core_recovery_stored(k, frame->body);
    case LINK_POLL:
        return on_poll(k, frame);
    case LINK_POLL_ABORT:
        return on_poll_abort(k, frame);
    case LINK_CHUNK:
        return core_chunk(k, frame->body);
    case LINK_LIVE:
        return core_live(k, frame->body);
    case LINK_GAP:
        return core_gap(k, frame->body);
    case LINK_KICK:
        return on_kick(k, frame->body);
    case LINK_DRAIN:
        return on_drain(k, frame->body);
    default:
        /* A newer minor version may send more than we know; what only goes up is nonsense here. */
        k->stats.link_unknown++;
        return link_type_direction(frame->type) == LINK_UP ? RC_PROTOCOL : RC_OK;
    }
}

/* -- hello and good-bye ------------------------------------------------------------------------------------ */

static void put_users(const struct core *k, struct buf *out)
{
    struct link_hello_user list[LINK_ENTRIES_MAX];
    uint16_t count = 0;
    for (uint32_t slot = 1; slot < k->hub.users_room; slot++) {
        const struct hub_user *u = hub_user(&k->hub, slot);
        if (u == NULL) {
            continue;
        }
        list[count++] = (struct link_hello_user){slot, u->id, u->sessions, u->adopts};
        if (count == LINK_ENTRIES_MAX) {
            link_put_hello_users(out, list, count);
            count = 0;
        }
    }
    if (count > 0) {
        link_put_hello_users(out, list, count);
    }
}

static void count_peers(const struct core *k, struct map64 *peers)
{
    for (uint32_t i = 0; i < k->conns.made; i++) {
        const struct conn *c = conns_at(&k->conns, i);
        uint32_t sessions = 0;
        if (c != NULL && c->peer_key != 0) {
            (void)map64_get(peers, c->peer_key, &sessions);
            map64_put(peers, c->peer_key, sessions + 1);
        }
    }
}

static void put_peers(const struct core *k, struct buf *out)
{
    struct link_hello_peer list[LINK_ENTRIES_MAX];
    struct map64 peers = MAP64_INIT;
    uint32_t at = 0, sessions;
    uint64_t key;
    uint16_t count = 0;
    count_peers(k, &peers);
    while (map64_next(&peers, &at, &key, &sessions)) {
        list[count++] = (struct link_hello_peer){key, sessions};
        if (count == LINK_ENTRIES_MAX) {
            link_put_hello_peers(out, list, count);
            count = 0;
        }
    }
    if (count > 0) {
        link_put_hello_peers(out, list, count);
    }
    map64_release(&peers);
}

void core_link_hello(struct core *k, struct buf *out, struct str build)
{
    uint32_t room = k->conns.max - k->conns.count;
    hub_forget_adopts(&k->hub);
    k->closed_count = 0; /* the lists below say who is left */
    link_put_hello(out, &(struct link_hello){
                            .magic = LINK_MAGIC,
                            .major = LINK_MAJOR,
                            .minor = LINK_MINOR,
                            .worker = k->worker,
                            .incarnation = k->incarnation,
                            .log_id = k->log_id,
                            .position = k->position,
                            .capacity = k->is_draining ? 0 : room,
                            .users = k->hub.users_count,
                            .build = build,
                        });
    put_users(k, out);
    put_peers(k, out);
    link_put_empty(out, LINK_HELLO_DONE, 0);
}

/* The stream begins anew: who has a cursor fetches what is missing, the others go on from here. A topic is not fetched
 * twice. */
static void restart_stream(struct conn *c, uint64_t reached, uint64_t published, bool is_same_log)
{
    uint64_t from = is_same_log && c->cursor > published ? c->cursor : published;
    if (conn_topic(c) != 0) {
        if (!conn_has(c, CONN_IS_CATCHING_UP) || c->cursor != 0) {
            c->cursor = from;
            core_go_live(c);
        }
    } else if (core_recovery_lives(c) && !conn_has(c, CONN_IS_CATCHING_UP)) {
        c->cursor = reached > c->cursor ? reached : c->cursor; /* of the old stream it had all */
        conn_set(c, CONN_IS_CATCHING_UP, true);
    } else if (conn_is_ext(c) || core_recovery_lives(c)) {
        conn_set(c, CONN_IS_CATCHING_UP, true);
    } else {
        c->cursor = from;
    }
}

void core_link_up(struct core *k, const struct link_welcome *w)
{
    bool is_same_log = k->log_id == w->log_id;
    uint64_t reached = k->position;
    core_recovery_link_up(k, w->recovers);
    hub_sets_clear(&k->hub); /* they are built anew on every link */
    if (k->is_draining) {
        link_put_drain(link_client_out(k->link), 0); /* the new link does not know */
    }
    if (!w->resumed) {
        k->log_id = w->log_id;
        k->position = w->published;
    }
    for (uint32_t i = 0; i < k->conns.made; i++) {
        struct conn *c = conns_at(&k->conns, i);
        if (c == NULL) {
            continue;
        }
        if (!w->resumed) {
            restart_stream(c, reached, w->published, is_same_log);
        }
        if (conn_has(c, CONN_IS_CATCHING_UP) && c->state == CONN_OPEN) {
            core_attach(c);
        }
    }
    core_report_watches(k);
    core_report_foci(k);
}

void core_link_down(struct core *k)
{
    for (uint32_t i = 0; i < k->conns.made; i++) {
        struct conn *c = conns_at(&k->conns, i);
        if (c != NULL) {
            conn_set(c, CONN_IS_ATTACHED, false);
            conn_set(c, CONN_WANTS_CHUNK, false);
        }
    }
    eio_on_link_down(k);
}
