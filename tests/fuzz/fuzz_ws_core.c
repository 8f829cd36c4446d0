/*
 * fuzz_ws_core.c -- the worker's core under any sequence of link frames, client frames and loss of the link
 *
 * The clock, the WebSocket carrier and the link are replaced; so are the dialects, by three whose frames are event ids:
 * plain, with subscriptions, and on Engine.IO, where requests are relayed, too. Checked: each connection sees rising event
 * ids (a gap may set it back), queues, topics and counts agree, and when everybody is closed nothing is left. What rarely
 * happens by chance, a login or an upgrade from beginning to end, is a step of its own.
 */
#include <fcntl.h>
#include <unistd.h>

#include "shared/log.h"
#include "shared/mem.h"
#include "tests/fuzz/fuzz.h"
#include "ws/core.h"
#include "ws/link_client.h"
#include "ws/pending.h"

enum { SESSIONS = 24, STEPS = 400, PLACES = 3 };

static struct {
    const uint8_t *p;
    size_t left;
} input;

static uint64_t now_ms;

uint64_t __wrap_mono_ms(void);
uint64_t __wrap_mono_ms(void)
{
    return now_ms;
}

static uint64_t take(unsigned bytes)
{
    uint64_t n = 0;
    for (; bytes > 0 && input.left > 0; bytes--, input.left--) {
        n = n << 8 | *input.p++;
    }
    return n;
}

/* -- the link ----------------------------------------------------------------------------------------------- */

struct link_client {
    bool up;
    struct buf out;
    struct pendings pendings;
};

static struct link_client fake_link;
static struct core the_core;

bool link_client_is_up(const struct link_client *l)
{
    return l->up;
}

bool link_client_has_greeted(const struct link_client *l)
{
    return l->up;
}

struct buf *link_client_out(struct link_client *l)
{
    return &l->out;
}

bool link_client_flush(struct link_client *l)
{
    CHECK(buf_ok(&l->out));
    buf_clear(&l->out);
    return l->up;
}

void link_client_pause(struct link_client *l, bool pause)
{
    (void)l;
    (void)pause;
}

bool link_client_has_room(const struct link_client *l)
{
    return l->pendings.free != 0;
}

uint32_t link_client_pending(const struct link_client *l)
{
    return l->pendings.count;
}

enum rc link_client_command(struct link_client *l, uint64_t session, uint32_t slot,
                            const struct op *op)
{
    struct pending *p = NULL;
    enum rc rc = pendings_take(&l->pendings, &p);
    CHECK(rc == RC_OK && slot != 0 && op->cmd.actor_id != 0 && op->cmd.has_key);
    p->session = session;
    p->kind = op->kind;
    p->cmd = op->cmd.kind;
    p->chat_id = op->cmd.chat_id;
    return pending_keep(p, op->ref, STR("frame"));
}

enum rc link_client_query(struct link_client *l, uint64_t session, uint32_t slot,
                          const struct op *op, uint8_t kind, struct str body)
{
    struct pending *p = NULL;
    CHECK(slot != 0 && kind == (op->kind == OP_SUBSCRIBE ? LINK_QUERY_SUBSCRIBE : LINK_QUERY_CHAT) && body.len > 0);
    CHECK(pendings_take(&l->pendings, &p) == RC_OK);
    p->session = session;
    p->kind = op->kind;
    p->chat_id = op->cmd.chat_id;
    return pending_keep(p, op->ref, STR("frame"));
}

enum rc link_client_reauth(struct link_client *l, uint64_t session, uint32_t slot,
                           const struct op *op)
{
    (void)l;
    (void)session;
    (void)slot;
    (void)op;
    return RC_UNAVAILABLE;
}

enum rc link_client_login(struct link_client *l, uint64_t session, enum dialect_id dialect,
                          uint64_t peer_key, const struct op *op)
{
    struct pending *p = NULL;
    (void)dialect;
    (void)peer_key;
    if (!l->up) {
        return RC_UNAVAILABLE;
    }
    CHECK(pendings_take(&l->pendings, &p) == RC_OK);
    p->session = session;
    p->kind = op->kind;
    return RC_OK;
}

static void finish(struct core *k, struct pending *p, const struct op_result *r)
{
    core_finish_op(k, p, r);
    pendings_give(&fake_link.pendings, p);
    core_resume_held(k);
}

void link_client_answer(struct link_client *l, uint32_t request, const struct op_result *r)
{
    struct pending *p = pendings_find(&l->pendings, request);
    if (p != NULL) {
        struct op_result full = *r;
        full.kind = p->kind;
        finish(&the_core, p, &full);
    }
}

static void lose_link(void)
{
    struct pending *next;
    fake_link.up = false;
    for (struct pending *p = pendings_first(&fake_link.pendings); p != NULL; p = next) {
        next = pendings_next(&fake_link.pendings, p);
        if (p->kind == OP_LOGIN) {
            finish(&the_core, p, &(struct op_result){.kind = p->kind, .code = CODE_UNAVAILABLE});
        }
    }
    core_link_down(&the_core);
}

/* -- the dialect ---------------------------------------------------------------------------------------------- */

enum { SAYS_LOGOUT = 128, SAYS_LOGIN = 128 + 32, SAYS_LOGIN_AGAIN = 128 + 32 + 16, SAYS_SUBSCRIBE = 128 + 64 };
static uint64_t forced; /* what clients say, whatever the input says */
static bool comes_back[SESSIONS]; /* by index: may be shown again what it was shown, after another login */

static struct conn *any_conn(struct core *k);

/* What some connection was given to come back with. */
static void add_recovery(struct conn *c, struct op *op)
{
    static char pid[LINK_PID_MAX_BYTES + 1];
    const struct conn *other = any_conn(c->core);
    struct str of = other != NULL ? core_recovery_pid(other) : STR_NONE;
    memcpy(pid, of.len > 0 ? of.p : "", of.len);
    op->recovery = (struct str){pid, of.len};
    op->offset = take(1) & 1 ? STR("00000001.7") : STR("");
    comes_back[c->index] = true;
}

static void receive(struct conn *c, void *state, struct str message, bool binary)
{
    static const uint8_t commands[] = {CMD_MESSAGE_SEND, CMD_TYPING, CMD_FOCUS, CMD_READ};
    struct op op = {.kind = OP_COMMAND, .ref = {message.p, message.len % 9}};
    uint64_t what = forced != 0 ? forced : take(1);
    (void)state;
    op.cmd.kind = commands[what % 4];
    op.cmd.number = what & 1;
    op.cmd.chat_id = what >> 2 & 3;
    if ((what & 64) != 0) {
        op.kind = what & 128 ? OP_SUBSCRIBE : OP_UNSUBSCRIBE;
    } else if ((what & 128) != 0) {
        op.kind = what & 32 ? OP_LOGIN : OP_LOGOUT;
        if ((what & 16) != 0) {
            add_recovery(c, &op);
        }
    }
    if (binary) {
        dialect_fail(c, 0, STR_NONE, CODE_BAD_REQUEST);
    } else {
        dialect_submit(c, &op);
    }
}

static void add(const struct dialect_frame *f, char kind, uint64_t id)
{
    buf_add_char(f->out, kind);
    buf_add_be64(f->out, id);
}

static void encode(const struct event *e, const struct dialect_view *v, struct dialect_frame *f)
{
    (void)v;
    if (e->kind % 5 != 4) { /* some kinds are not shown */
        add(f, 'e', e->event_id);
    }
}

static void greet(const struct dialect_hello *h, const struct dialect_view *v,
                  struct dialect_frame *f)
{
    CHECK(h->user_id == v->viewer_id && v->now_us != 0);
    add(f, 'h', h->user_id);
}

static bool wants(const struct event *e, uint64_t viewer_id, uint32_t options)
{
    return (e->subject.id ^ viewer_id ^ options) % 7 != 3;
}

static uint64_t state_key(const struct event *e)
{
    return e->number;
}

static uint8_t variant(const struct event *e, uint64_t viewer_id)
{
    return (uint8_t)((e->number + viewer_id) % DIALECT_VARIANTS);
}

static void answer(const struct op_result *r, const struct dialect_view *v, struct dialect_frame *f)
{
    (void)v;
    add(f, 'r', r->outcome.event_id);
}

static void notice(const struct notice *n, const struct dialect_view *v, struct dialect_frame *f)
{
    (void)v;
    add(f, n->kind == NOTICE_GAP ? 'g' : 'l', n->event_id);
}

#define DIALECT(number)                                                                            \
    .id = (number), .name = "ids", .state_bytes = 8, .receive = receive,                           \
    .wants = wants, .state_key = state_key, .variant = variant, .encode = encode,                  \
    .answer = answer, .notice = notice

static const struct dialect ids = {DIALECT(DIALECT_ROOMS), .greet = greet};
static const struct dialect subscribed_ids = {DIALECT(DIALECT_SUBSCRIBE), .greet = greet, .subscribes = true,
                                              .watches = CONN_CHAT_UPDATES};

static bool joins(const struct event *e, uint64_t viewer_id)
{
    return e->kind == EV_MEMBER_ADDED && e->subject.id == viewer_id;
}

static const struct dialect engine_ids = {DIALECT(DIALECT_SOCKETIO), .subscribes = true,
                                          .engine = true, .hears_origin = true, .joins = joins};

const struct dialect *dialect_by_id(unsigned id)
{
    return id == ids.id              ? &ids
           : id == subscribed_ids.id ? &subscribed_ids
           : id == engine_ids.id     ? &engine_ids
                                     : NULL;
}

/* -- the carrier ------------------------------------------------------------------------------------------------ */

static uint64_t seen[SESSIONS]; /* by index: the last event id that went out */

static void check_frame(const struct conn *c, const struct msg *m)
{
    uint64_t id = 0;
    if (m->bytes[0] != (char)0x81 || m->len != 11) {
        return; /* ping, close */
    }
    for (int i = 3; i < 11; i++) {
        id = id << 8 | (unsigned char)m->bytes[i];
    }
    if (m->bytes[2] == 'g') {
        seen[c->index] = id;
    } else if (m->bytes[2] == 'e' && id != 0) {
        CHECK(id > seen[c->index] || comes_back[c->index]);
        seen[c->index] = id;
    }
}

static void flush(struct conn *c)
{
    struct core *k = c->core;
    unsigned frames = (unsigned)take(1);
    for (; c->out.head != 0 && frames > 0; frames--) {
        const struct msg *m = k->queues.entries[c->out.head].m;
        struct buf rest = BUF_INIT;
        check_frame(c, m);
        CHECK(outq_sent(&k->queues, &c->out, frames == 1 ? 1 : m->len, &rest) == 1);
        buf_release(&rest);
    }
    conn_set(c, CONN_IS_BLOCKED, c->out.head != 0);
}

static void close_conn(struct conn *c)
{
    flush(c);
}

static void kill_conn(struct conn *c)
{
    core_on_closed(c);
}

static void set_read(struct conn *c, bool on)
{
    (void)c;
    (void)on;
}

static void move_conn(struct conn *from, struct conn *to)
{
    CHECK(from->handle == from);
    to->carrier = from->carrier;
    to->handle = to;
    to->fd = from->fd;
    from->handle = NULL;
    seen[to->index] = 0; /* what it was polled for does not come by here */
    comes_back[to->index] = true;
}

static const struct carrier carrier = {flush, close_conn, kill_conn, set_read, move_conn};

static bool start(void *ctx, struct conn *c, struct str head)
{
    (void)ctx;
    CHECK(head.len == 4);
    close(c->fd);
    c->handle = c;
    seen[c->index] = 0;
    comes_back[c->index] = false;
    core_on_open(c);
    return true;
}

/* -- steps --------------------------------------------------------------------------------------------------------- */

static struct conn *any_conn(struct core *k)
{
    uint32_t i = (uint32_t)take(1) % SESSIONS;
    return i < k->conns.made ? conns_at(&k->conns, i) : NULL;
}

static uint64_t any_session(struct core *k)
{
    const struct conn *c = any_conn(k);
    return c != NULL ? conn_session(c) : take(2);
}

static void down_frame(struct core *k, struct buf *frame, int fd)
{
    struct link_reader r;
    struct link_frame f;
    struct str packet = buf_str(frame);
    link_reader_init(&r);
    if (link_reader_next(&r, &packet, &f) == RC_OK) {
        if (core_link_frame(k, &f, fd) != RC_OK) {
            lose_link();
        }
    } else if (fd >= 0) {
        close(fd);
    }
    link_reader_release(&r);
    buf_release(frame);
}

/* The name of a session, in quotes. */
static void add_sid(const struct conn *c, struct buf *out)
{
    struct buf open = BUF_INIT;
    struct str rest, sid = STR_NONE;
    if (c != NULL && c->eio != NULL) {
        eio_add_open(c, &open);
        rest = str_from(buf_str(&open), strlen("0{\"sid\":\""));
        (void)str_cut(rest, '"', &sid);
    }
    buf_add_str(out, sid);
    buf_release(&open);
}

/* A frame of a client, as far as Engine.IO has an opinion. */
static struct str any_packet(void)
{
    static const char *const packets[] = {"4hello", "3", "2probe", "5", "1", "6", "bAAAA", "x"};
    uint64_t which = take(1);
    return str_of(packets[which % (which > 200 ? 8 : 4)]);
}

static void step_poll(struct core *k)
{
    static uint32_t polls;
    struct buf frame = BUF_INIT, sid = BUF_INIT, body = BUF_INIT;
    uint64_t how = take(1);
    const struct conn *c = any_conn(k);
    if (how % 8 == 7) {
        uint32_t held = c == NULL || c->eio == NULL ? polls : how & 8 ? c->eio->post_poll : c->eio->get_poll;
        link_put_empty(&frame, LINK_POLL_ABORT, held);
        down_frame(k, &frame, -1);
        return;
    }
    if (how % 4 != 0) {
        add_sid(c, &sid);
    }
    for (uint64_t n = how >> 3 & 3; n > 0; n--) {
        struct str packet = any_packet();
        eio_payload_text(&body, packet);
    }
    struct link_poll m = {.method = how & 128 ? LINK_POLL_POST : LINK_POLL_GET,
                          .dialect = DIALECT_SOCKETIO,
                          .peer_key = 5,
                          .sid = buf_str(&sid),
                          .body = buf_str(&body)};
    link_put_poll(&frame, ++polls, &m);
    down_frame(k, &frame, -1);
    buf_release(&sid);
    buf_release(&body);
}

static void step_login(struct core *k)
{
    struct buf frame = BUF_INIT;
    struct pending *p = pendings_first(&fake_link.pendings);
    uint64_t how = take(1);
    while (p != NULL && p->kind != OP_LOGIN) {
        p = pendings_next(&fake_link.pendings, p);
    }
    uint32_t slot = (uint32_t)(how >> 4) % 8;
    const struct conn *c = p != NULL ? conns_find(&k->conns, p->session) : NULL;
    struct buf rooms = BUF_INIT;
    if (c != NULL && (how & 3) == 3) {
        link_add_room(&rooms, (struct link_room){1, take(1)});
        link_add_room(&rooms, (struct link_room){2 + take(1) % 3, 0});
    }
    struct link_login_reply m = {.session = p != NULL ? p->session : any_session(k),
                                 .code = how & 1 ? CODE_OK : CODE_UNAUTHENTICATED,
                                 .slot = how & 1 ? slot : 0,
                                 .user_id = how & 1 ? slot * 10 : 0,
                                 .pid = rooms.len > 0 ? core_recovery_pid(c) : STR_NONE,
                                 .rooms = buf_str(&rooms)};
    link_put_login_reply(&frame, p != NULL ? p->request : 1, &m);
    down_frame(k, &frame, -1);
    buf_release(&rooms);
}

static void send_poll(struct core *k, uint8_t method, const struct conn *c, const char *body)
{
    static uint32_t polls = 1u << 31;
    struct buf frame = BUF_INIT, sid = BUF_INIT;
    add_sid(c, &sid);
    struct link_poll m = {.method = method, .dialect = DIALECT_SOCKETIO, .peer_key = 5, .sid = buf_str(&sid), .body = str_of(body)};
    link_put_poll(&frame, ++polls, &m);
    down_frame(k, &frame, -1);
    buf_release(&sid);
}

static void say(struct conn *c, uint64_t what)
{
    if (c->state != CONN_OPEN || (c->eio->role != EIO_POLLING && c->eio->role != EIO_WEBSOCKET)) {
        return;
    }
    forced = what;
    if (c->eio->role == EIO_POLLING) {
        send_poll(c->core, LINK_POLL_POST, c, "4x");
    } else if (c->handle != NULL && c->pause == 0) {
        core_on_piece(c, STR("4x"), true, false);
    }
    forced = 0;
}

static void upgrade(struct core *k, const struct conn *c)
{
    struct buf frame = BUF_INIT, asked = BUF_INIT;
    uint32_t before = k->conns.count;
    buf_add_z(&asked, "EIO=4&sid=");
    add_sid(c, &asked);
    struct link_adopt m = {.dialect = DIALECT_SOCKETIO, .peer_key = 6, .asked = buf_str(&asked), .head = STR("head")};
    link_put_adopt(&frame, 1, &m);
    down_frame(k, &frame, open("/dev/null", O_RDONLY | O_CLOEXEC));
    buf_release(&asked);
    (void)core_turn(k);
    for (uint32_t i = 0; i < k->conns.made && k->conns.count > before; i++) {
        struct conn *p = conns_at(&k->conns, i);
        if (p != NULL && p->state == CONN_OPEN && p->eio != NULL && p->eio->role == EIO_PROBE) {
            core_on_piece(p, STR("2probe"), true, false);
            uint64_t how = take(1);
            if (how & 1) {
                send_poll(k, how & 2 ? LINK_POLL_POST : LINK_POLL_GET, c, "4x");
            }
            if (p->state == CONN_OPEN && (how & 4) != 0) {
                core_on_piece(p, STR("5"), true, false);
            }
            return;
        }
    }
}

/* From beginning to end. */
static void step_story(struct core *k)
{
    static const uint64_t words[] = {SAYS_LOGIN, SAYS_LOGIN_AGAIN, SAYS_LOGOUT, SAYS_SUBSCRIBE};
    uint64_t how = take(1);
    struct conn *c = any_conn(k);
    if (how % 8 == 7) {
        send_poll(k, LINK_POLL_GET, NULL, "");
    } else if (c == NULL || c->eio == NULL) {
        return;
    } else if (how % 8 == 6) {
        upgrade(k, c);
    } else if (how % 8 >= 4) {
        send_poll(k, LINK_POLL_GET, c, "");
    } else {
        say(c, words[how % 8]);
        if (how % 8 < 2 && fake_link.up) {
            step_login(k);
        }
    }
}

static void step_stored(struct core *k)
{
    struct buf frame = BUF_INIT;
    uint64_t session = any_session(k);
    link_put_recovery_stored(&frame, session, (uint32_t)take(1) % 4);
    down_frame(k, &frame, -1);
}

static void step_adopt(struct core *k)
{
    struct buf frame = BUF_INIT, asked = BUF_INIT;
    uint64_t options = take(1);
    int fd = options & 4 ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct link_adopt m = {.slot = (uint32_t)take(1) % 8,
                           .family = take(1) % 3,
                           .dialect = options & 8    ? (uint8_t)take(1)
                                      : options & 32 ? DIALECT_SUBSCRIBE
                                                     : DIALECT_ROOMS,
                           .options = (options & 3) | (options & 64 ? CONN_REPLAY : 0),
                           .topic = options & 128 ? take(1) % 4 : 0,
                           .since_log = (uint32_t)take(1),
                           .since = take(1),
                           .peer_key = take(1) % 4,
                           .head = STR("head")};
    m.user_id = options & 16 ? take(1) : m.slot * 10;
    if (options % 3 == 1) {
        m.dialect = DIALECT_SOCKETIO;
        m.slot = 0;
        m.user_id = 0;
        buf_add_z(&asked, options & 4 ? "EIO=4" : "EIO=4&sid=");
        add_sid(any_conn(k), &asked);
        m.asked = buf_str(&asked);
    }
    link_put_adopt(&frame, 1, &m);
    down_frame(k, &frame, fd);
    buf_release(&asked);
}

static struct event any_event(uint64_t id)
{
    return (struct event){.event_id = id,
                          .kind = (uint8_t)(take(1) % 20),
                          .number = take(1) % 3,
                          .chat_id = take(1) % 4,
                          .subject = {.id = take(1) % 8 * 10},
                          .origin_worker = (uint16_t)(take(1) % 2),
                          .origin_session = take(1)};
}

static void step_event(struct core *k)
{
    struct buf frame = BUF_INIT, encoded = BUF_INIT, slots = BUF_INIT;
    uint64_t how = take(1);
    struct event e = any_event(how & 64 ? 0 : k->position + take(1) % 3);
    struct link_recipients to = {.to = (uint8_t)(how % 6), .set = take(1) % 4};
    for (uint64_t n = how >> 3 & 3; n > 0; n--) {
        buf_add_be32(&slots, (uint32_t)take(1) % 9);
        if (to.to == LINK_TO_SLOTS_NUMBERED) {
            buf_add_be32(&slots, 7);
        }
        to.count++;
    }
    to.slots = buf_str(&slots);
    event_encode(&encoded, &e);
    link_put_event(&frame, LINK_EVENT, &to, buf_str(&encoded));
    down_frame(k, &frame, -1);
    buf_release(&encoded);
    buf_release(&slots);
}

static void step_chunk(struct core *k)
{
    struct buf frame = BUF_INIT, events = BUF_INIT;
    uint16_t count = (uint16_t)(take(1) % 4);
    uint64_t id = take(1);
    uint64_t session = any_session(k);
    for (uint16_t i = 0; i < count; i++) {
        struct event e = any_event(id);
        event_encode(&events, &e);
        id += take(1) % 3;
    }
    link_put_chunk(&frame, session, (uint32_t)take(1) % 4, count, id, buf_str(&events));
    down_frame(k, &frame, -1);
    buf_release(&events);
}

static void step_place(struct core *k) /* LIVE, GAP, KICK, POSITION, sets */
{
    struct buf frame = BUF_INIT;
    uint64_t session = any_session(k);
    uint32_t slots[3] = {(uint32_t)take(1) % 9, (uint32_t)take(1) % 9, 2};
    switch (take(1) % 6) {
    case 0:
        link_put_live(&frame, session, (uint32_t)take(1) % 4, k->position);
        break;
    case 1:
        link_put_gap(&frame, session, (uint32_t)take(1) % 4, k->position, (uint8_t)take(1));
        break;
    case 2:
        link_put_kick(&frame, slots[0], take(1) & 1 ? session : 0, take(1) % 3, CODE_TOKEN_REVOKED);
        break;
    case 3:
        link_put_position(&frame, k->position + take(1) % 4);
        break;
    case 4:
        link_put_set(&frame, LINK_SET_ADD, take(1) % 4, slots, 3);
        break;
    default:
        link_put_set(&frame, LINK_SET_REMOVE, take(1) % 4, slots, 2);
        break;
    }
    down_frame(k, &frame, -1);
}

static void step_raw(struct core *k)
{
    struct buf frame = BUF_INIT, body = BUF_INIT;
    uint16_t type = (uint16_t)(take(1) % 152);
    for (uint64_t n = take(1) % 64; n > 0; n--) {
        buf_add_be8(&body, (uint8_t)take(1));
    }
    link_frame_add(&frame, type, (uint32_t)take(1), buf_str(&body));
    buf_release(&body);
    if (type == LINK_DRAIN) {
        buf_release(&frame); /* ends the game */
        return;
    }
    down_frame(k, &frame, -1);
}

static void step_client(struct core *k)
{
    struct conn *c = any_conn(k);
    uint64_t how = take(1);
    bool polls = c != NULL && c->eio != NULL && c->eio->role == EIO_POLLING;
    if (c == NULL || c->handle == NULL || polls) {
        return; /* without a socket nothing comes from it */
    }
    switch (how % 6) {
    case 0:
    case 1:
        core_on_piece(c, c->eio != NULL ? any_packet() : (struct str){"0123456789abcdef", how >> 4},
                      (how & 8) != 0, false);
        break;
    case 2:
        core_on_pong(c);
        break;
    case 3:
        core_on_writable(c);
        break;
    case 4:
        if (core_on_peer_close(c)) {
            core_on_closed(c);
        }
        break;
    default:
        core_on_closed(c);
    }
}

static void step_answer(struct core *k)
{
    struct pending *p = pendings_first(&fake_link.pendings);
    if (p != NULL && p->kind != OP_LOGIN) {
        static const enum code codes[] = {CODE_OK, CODE_OUTCOME_UNKNOWN, CODE_FORBIDDEN};
        struct op_result r = {.kind = p->kind, .code = codes[take(1) % 3]};
        r.outcome.event_id = r.code == CODE_OK && p->kind == OP_COMMAND ? k->position : 0;
        r.outcome.chat_id = p->chat_id;
        finish(k, p, &r);
    }
}

static void step_link(struct core *k)
{
    struct buf out = BUF_INIT;
    uint64_t how = take(1);
    if (fake_link.up) {
        lose_link();
        return;
    }
    core_link_hello(k, &out, STR("fuzz"));
    CHECK(buf_ok(&out));
    buf_release(&out);
    fake_link.up = true;
    core_link_up(k, &(struct link_welcome){.log_id = k->log_id != 0 ? k->log_id : 1,
                                           .published = k->position + how % 3,
                                           .recovers = (how & 96) != 0,
                                           .resumed = how > 127});
}

/* Subscriptions of the connection that wait for their answer. */
static uint32_t asking(const struct conn *c)
{
    uint32_t count = 0;
    for (const struct pending *p = pendings_first(&fake_link.pendings); p != NULL;
         p = pendings_next(&fake_link.pendings, p)) {
        count += p->session == conn_session(c) && p->kind == OP_SUBSCRIBE;
    }
    return count;
}

static void check_counts(const struct core *k)
{
    uint32_t conns = 0, users = 0, viewers = 0, seats = 0, sessions = 0, polls = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < k->conns.made; i++) {
        const struct conn *c = conns_at(&k->conns, i);
        conns += c != NULL;
        bytes += c != NULL ? c->out.bytes : 0;
        viewers += c != NULL && conn_topic(c) != 0;
        if (c != NULL && c->eio != NULL) {
            sessions += c->eio->role == EIO_POLLING || c->eio->role == EIO_WEBSOCKET;
            polls += (c->eio->get_poll != 0) + (c->eio->post_poll != 0);
            CHECK(c->state == CONN_OPEN || c->eio->post_poll == 0);
        }
        if (c != NULL && c->interest != NULL) {
            const struct interest *t = c->interest;
            CHECK(c->state == CONN_CLOSING || t->asking == asking(c));
            CHECK(c->state != CONN_CLOSING || (t->chats_count == 0 && t->focus_chat == 0));
            CHECK(t->chats_count <= k->conf->subscriptions_max);
        }
    }
    for (uint32_t i = 0; i < k->hub.topics_count; i++) {
        seats += k->hub.topics[i].sessions;
    }
    CHECK(viewers == seats && k->presence_count <= LINK_ENTRIES_MAX);
    CHECK(sessions == k->engine.sessions.count && polls == k->engine.polls.count);
    for (uint32_t slot = 0; slot < k->hub.users_room; slot++) {
        users += hub_user(&k->hub, slot) != NULL;
    }
    CHECK(conns == k->conns.count && users == k->hub.users_count && bytes == k->queues.bytes);
}

static void close_all(struct core *k)
{
    for (uint32_t i = 0; i < k->conns.made; i++) {
        struct conn *c = conns_at(&k->conns, i);
        if (c != NULL && c->state == CONN_ADOPTED) {
            core_close(c, CODE_RESTARTING);
        } else if (c != NULL) {
            core_on_closed(c);
        }
    }
    CHECK(k->conns.count == 0 && k->hub.users_count == 0);
    CHECK(k->queues.used == 0 && k->queues.bytes == 0);
}

static void play(struct core *k)
{
    static void (*const steps[])(struct core *) = {step_adopt,  step_event, step_event, step_chunk,
                                                   step_place,  step_raw,   step_client, step_answer,
                                                   step_client, step_event, step_poll, step_poll,
                                                   step_login, step_stored, step_story, step_story, step_story};
    const uint64_t count = sizeof(steps) / sizeof(steps[0]);
    for (unsigned i = 0; i < STEPS && input.left > 0; i++) {
        uint64_t what = take(1) % (count + 4);
        if (what < count) {
            if (fake_link.up || steps[what] == step_client || steps[what] == step_answer) {
                steps[what](k);
            }
        } else if (what == count) {
            step_link(k);
        } else if (what == count + 1) {
            now_ms += take(1) * 50;
            core_tick(k, now_ms);
        } else {
            core_turn(k);
        }
        check_counts(k);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ws_conf *conf;
    struct core *k = &the_core;
    if (conf == NULL) {
        const struct conf_key *keys = ws_conf_keys(&conf);
        conf_defaults(keys, ws_conf_keys_count);
        conf->sessions_max = SESSIONS;
        conf->queue_max_bytes = 200;
        conf->queue_low_bytes = 20;
        conf->frame_max_bytes = 64;
        conf->flush_turn_max = 3;
        conf->messages_per_s = 5;
        conf->messages_burst = 5;
        conf->messages_refused_max = 3;
        conf->frames_per_s = 20;
        conf->frames_burst = 20;
        conf->subscriptions_max = 2;
        conf->typing_per_s = 2;
        conf->topics_max = 2;
        conf->commands_max = PLACES;
        conf->eio_ping_interval_ms = 2000;
        conf->eio_ping_timeout_ms = 1000;
        conf->eio_connect_timeout_ms = 4000;
        conf->eio_upgrade_timeout_ms = 1000;
        conf->eio_packets_max = 3;
        conf->eio_max_payload = 100;
        log_init("fuzz", LOG_LEVEL_ERR);
    }
    input.p = data;
    input.left = size;
    fake_link = (struct link_client){.up = false};
    pendings_init(&fake_link.pendings, PLACES);
    now_ms = 1000;
    core_init(k, conf, 1);
    k->carrier = &carrier;
    k->start = start;
    k->link = &fake_link;
    step_link(k);
    play(k);
    close_all(k);
    core_release(k);
    pendings_release(&fake_link.pendings);
    buf_release(&fake_link.out);
    return 0;
}
