#include "tests/lib/core_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/bug.h"
#include "shared/link_sock.h"
#include "shared/log.h"
#include "shared/mem.h"
#include "ws/link_client.h"
#include "ws/net_lws_loop.h"

#define LOG_ID 0xabcd123400000001u

static struct {
    struct world *w;
    bool is_up;      /* connections are taken */
    bool resumed;    /* what WELCOME says */
    uint64_t log_id;
    bool is_slow;    /* no WELCOME for now */
    struct buf down; /* frames for the worker */
    uint32_t polls;  /* id of the last one */
    net_watch_fn on_link;
    void *on_link_ctx;
} me;

/* -- what is replaced: clock, loop, the link's socket ------------------------------------------------------ */

uint64_t __wrap_mono_ms(void);
uint64_t __wrap_mono_ms(void)
{
    return me.w != NULL ? me.w->now_ms : 1;
}

struct net_watch *net_watch_new(struct net_loop *l, int fd, net_watch_fn fn, void *ctx)
{
    static char watch;
    (void)l;
    (void)fd;
    me.on_link = fn;
    me.on_link_ctx = ctx;
    return (struct net_watch *)(void *)&watch;
}

void net_watch_want(struct net_watch *w, bool read, bool write)
{
    (void)w;
    (void)read;
    (void)write;
}

void net_watch_free(struct net_watch *w)
{
    (void)w;
    me.on_link = NULL;
}

enum rc link_sock_connect(const char *path, int *fd)
{
    (void)path;
    if (!me.is_up) {
        return RC_UNAVAILABLE;
    }
    *fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return RC_OK;
}

enum rc link_sock_recv(int fd, void *room, size_t size, size_t *len, int *fds, unsigned fds_room,
                       unsigned *count, bool *truncated)
{
    unsigned adopts = 0;
    (void)fd;
    if (!me.is_up) {
        return RC_CLOSED;
    }
    size_t n = link_packet_size(buf_str(&me.down), fds_room, &adopts);
    if (n == 0) {
        return RC_AGAIN;
    }
    BUG_IF(n > size);
    memcpy(room, me.down.p, n);
    buf_consume(&me.down, n);
    for (unsigned i = 0; i < adopts; i++) {
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    *len = n;
    *count = adopts;
    *truncated = false;
    return RC_OK;
}

/* -- confab-rest --------------------------------------------------------------------------------------------- */

static void remember(uint32_t request)
{
    BUG_IF(me.w->requests_count == WORLD_REQUESTS);
    me.w->requests[me.w->requests_count++] = request;
}

static void hear_command(const struct link_frame *f, struct buf *out)
{
    uint64_t session, *users = NULL;
    uint32_t slot;
    struct cmd c;
    BUG_IF(link_get_command(f->body, &session, &slot, &c, &users) != RC_OK);
    free(users);
    remember(f->request);
    buf_addf(out, "command %u chat=%llu number=%llu slot=%u\n", c.kind,
             (unsigned long long)c.chat_id, (unsigned long long)c.number, slot);
}

static void hear_query(const struct link_frame *f, struct buf *out)
{
    struct link_query q;
    BUG_IF(link_get_query(f->body, &q) != RC_OK);
    remember(f->request);
    buf_addf(out, "query %u slot=%u %.*s\n", q.kind, q.slot, (int)q.body.len, q.body.p);
}

static void hear_presence(const struct link_frame *f, struct buf *out)
{
    static struct link_presence list[LINK_ENTRIES_MAX];
    uint16_t count = 0;
    BUG_IF(link_get_presence(f->body, list, LINK_ENTRIES_MAX, &count) != RC_OK);
    for (uint16_t i = 0; i < count; i++) {
        buf_addf(out, "presence %u chat=%llu %s\n", list[i].slot,
                 (unsigned long long)list[i].focus_chat, list[i].active ? "on" : "off");
    }
}

static void hear_login(const struct link_frame *f, struct buf *out)
{
    struct link_login m;
    BUG_IF(link_get_login(f->body, &m) != RC_OK);
    remember(f->request);
    buf_addf(out, "login %.*s pid=%.*s\n", (int)m.token.len, m.token.p, (int)m.pid.len, m.pid.p);
}

static void hear_recovery(const struct link_frame *f, struct buf *out)
{
    static const char *const states[] = {"", "live", "lost", "ended"};
    struct link_recovery m;
    BUG_IF(link_get_recovery(f->body, &m) != RC_OK);
    buf_addf(out, "recovery %s slot=%u n=%u", states[m.state], m.slot, m.number);
    for (uint32_t i = 0; i < m.rooms.len / LINK_ROOM_BYTES; i++) {
        struct link_room room = link_room_at(m.rooms, i);
        buf_addf(out, " %llu:%llu", (unsigned long long)room.chat_id, (unsigned long long)room.since);
    }
    buf_add_char(out, '\n');
}

static void hear_attach(const struct link_frame *f, struct buf *out)
{
    struct link_attach a;
    BUG_IF(link_get_attach(f->body, &a) != RC_OK);
    buf_addf(out, "attach %u since=%llu topic=%llu\n", a.generation, (unsigned long long)a.since,
             (unsigned long long)a.topic);
}

static void hear_closed(const struct link_frame *f, struct buf *out)
{
    static struct link_closed list[LINK_ENTRIES_MAX];
    uint16_t count = 0;
    BUG_IF(link_get_session_closed(f->body, list, LINK_ENTRIES_MAX, &count) != RC_OK);
    for (uint16_t i = 0; i < count; i++) {
        buf_addf(out, "closed %u\n", list[i].slot);
    }
}

static void hear_poll_reply(const struct link_frame *f, struct buf *out)
{
    struct link_poll_reply r;
    BUG_IF(link_get_poll_reply(f->body, &r) != RC_OK);
    buf_addf(out, "poll %u %u %.*s\n", f->request, r.status, (int)r.body.len, r.body.p);
}

static void welcome(void)
{
    if (me.is_slow) {
        return;
    }
    struct link_welcome m = {.magic = LINK_MAGIC,
                             .major = LINK_MAJOR,
                             .minor = LINK_MINOR,
                             .log_id = me.log_id,
                             .published = me.resumed ? me.w->core.position : 100,
                             .resumed = me.resumed,
                             .recovers = me.w->recovers};
    link_put_welcome(&me.down, &m);
}

static void hear(const struct link_frame *f, struct buf *out)
{
    uint64_t a = 0;
    uint32_t b = 0, c = 0;
    enum code code = CODE_OK;
    switch (f->type) {
    case LINK_HELLO_DONE:
        welcome();
        return;
    case LINK_ADOPT_FAILED:
        BUG_IF(link_get_adopt_failed(f->body, &code) != RC_OK);
        buf_addf(out, "adopt_failed %s\n", code_name(code));
        return;
    case LINK_GONE:
        BUG_IF(link_get_gone(f->body, &b, &c) != RC_OK);
        buf_addf(out, "gone %u adopts=%u\n", b, c);
        return;
    case LINK_WATCH:
        BUG_IF(link_get_watch(f->body, &b, &c) != RC_OK);
        buf_addf(out, "watch %u options=%u\n", b, c);
        return;
    case LINK_TOPIC:
        BUG_IF(link_get_topic(f->body, &a, &b, &c) != RC_OK);
        buf_addf(out, "topic %llu sessions=%u adopts=%u\n", (unsigned long long)a, b, c);
        return;
    case LINK_SESSION_CLOSED:
        hear_closed(f, out);
        return;
    case LINK_COMMAND:
        hear_command(f, out);
        return;
    case LINK_QUERY:
        hear_query(f, out);
        return;
    case LINK_PRESENCE:
        hear_presence(f, out);
        return;
    case LINK_ATTACH:
        hear_attach(f, out);
        return;
    case LINK_REAUTH:
        remember(f->request);
        buf_add_z(out, "reauth\n");
        return;
    case LINK_LOGIN:
        hear_login(f, out);
        return;
    case LINK_RECOVERY:
        hear_recovery(f, out);
        return;
    case LINK_PULL:
        buf_add_z(out, "pull\n");
        return;
    case LINK_PING:
        BUG_IF(link_get_u64(f->body, &a) != RC_OK);
        link_put_u64(&me.down, LINK_PONG, a);
        return;
    case LINK_POLL_REPLY:
        hear_poll_reply(f, out);
        return;
    default:
        return;
    }
}

enum rc link_sock_send(int fd, const void *packet, size_t len, const int *fds, unsigned count)
{
    struct link_reader reader;
    struct link_frame f;
    struct str rest = {packet, len};
    (void)fd;
    (void)fds;
    (void)count;
    if (!me.is_up) {
        return RC_CLOSED;
    }
    link_reader_init(&reader);
    while (link_reader_next(&reader, &rest, &f) == RC_OK) {
        hear(&f, &me.w->heard);
    }
    link_reader_release(&reader);
    return RC_OK;
}

/* -- dialects --------------------------------------------------------------------------------------------------- */

enum { V_SEND = 1, V_SUB, V_UNSUB, V_TYPE, V_FOCUS, V_AUTH, V_DIRECT, V_LOGIN, V_LOGOUT, VERBS };
static const char *const verbs[VERBS] = {"error", "send", "sub", "unsub", "type", "focus", "auth", "direct", "login", "logout"};

static struct op read_op(struct str frame)
{
    static const uint8_t kinds[VERBS] = {[V_SUB] = OP_SUBSCRIBE, [V_UNSUB] = OP_UNSUBSCRIBE, [V_AUTH] = OP_AUTH,
                                         [V_LOGIN] = OP_LOGIN, [V_LOGOUT] = OP_LOGOUT};
    static const uint8_t cmds[VERBS] = {[V_TYPE] = CMD_TYPING, [V_FOCUS] = CMD_FOCUS, [V_DIRECT] = CMD_CHAT_CREATE_DIRECT};
    struct op op = {.kind = OP_COMMAND, .cmd = {.name = STR("text")}};
    struct str word, arg;
    struct str rest = str_cut(frame, ' ', &word);
    for (uint8_t i = 1; i < VERBS; i++) {
        op.verb = str_eq(word, str_of(verbs[i])) ? i : op.verb;
    }
    rest = str_cut(rest, ' ', &arg);
    op.token = arg;
    op.ref = arg;
    (void)str_u64(arg, &op.cmd.chat_id);
    op.cmd.number = str_eq(rest, STR("1"));
    op.cmd.content = rest;
    op.offset = str_cut(rest, ' ', &op.recovery);
    op.kind = kinds[op.verb] != 0 ? kinds[op.verb] : OP_COMMAND;
    op.cmd.kind = cmds[op.verb] != 0 ? cmds[op.verb] : CMD_MESSAGE_SEND;
    return op;
}

static void receive(struct conn *c, void *state, struct str frame, bool binary)
{
    struct op op = read_op(frame);
    (void)state;
    if (binary) {
        dialect_send(c, frame, true);
    } else if (str_eq(frame, STR("ping"))) {
        dialect_send(c, STR("pong"), false);
    } else if (str_starts(frame, STR("twice"))) {
        op = read_op(str_from(frame, 1)); /* "wice": no verb, a message */
        op.verb = 1;
        dialect_submit(c, &op);
        dialect_submit(c, &op);
    } else if (op.verb == 0) {
        dialect_fail(c, 0, STR_NONE, CODE_BAD_REQUEST);
    } else {
        dialect_submit(c, &op);
    }
}

static void greet(const struct dialect_hello *h, const struct dialect_view *v,
                  struct dialect_frame *f)
{
    buf_addf(f->out, "hello %llu %.*s %.*s %.*s%s", (unsigned long long)h->user_id,
             (int)h->username.len, h->username.p, (int)h->name.len, h->name.p, (int)h->asked.len,
             h->asked.p, v->now_us != 0 ? "" : " without a time");
}

/* Kind EV_TYPING to who asked, a message of the viewer only to who wants to hear it. */
static bool wants(const struct event *e, uint64_t viewer_id, uint32_t options)
{
    if (e->kind == EV_TYPING) {
        return (options & CONN_EVENTS_TYPING) != 0;
    }
    return e->kind != EV_MESSAGE || e->actor.id == 0 || e->actor.id != viewer_id ||
           (options & CONN_HEARS_OWN) != 0;
}

static uint64_t state_key(const struct event *e)
{
    return e->kind == EV_CHAT_UPDATE || e->kind == EV_MESSAGE ? e->chat_id : 0;
}

static void encode(const struct event *e, const struct dialect_view *v, struct dialect_frame *f)
{
    if (e->kind == EV_CHECKIN) {
        buf_add_str(f->out, e->payload);
        return;
    }
    buf_addf(f->out, "e%llu k%u c%llu%s", (unsigned long long)e->event_id, e->kind,
             (unsigned long long)e->chat_id, v->ext ? " ext" : "");
    if (e->kind == EV_CHAT_UPDATE) {
        buf_add_z(f->out, " n");
        f->number_at = f->out->len;
        buf_add_z(f->out, "          ");
    }
}

static void answer(const struct op_result *r, const struct dialect_view *v, struct dialect_frame *f)
{
    (void)v;
    buf_addf(f->out, "%s %s", verbs[r->verb], code_name(r->code));
    if (r->kind == OP_SUBSCRIBE || r->kind == OP_UNSUBSCRIBE) {
        buf_addf(f->out, " chat=%llu", (unsigned long long)r->outcome.chat_id);
    }
    if (r->kind == OP_LOGIN) {
        buf_addf(f->out, " pid=%.*s", (int)r->recovery.len, r->recovery.p);
    } else if (r->ref.len > 0) {
        buf_addf(f->out, " ref=%.*s", (int)r->ref.len, r->ref.p);
    }
}

static void notice(const struct notice *n, const struct dialect_view *v, struct dialect_frame *f)
{
    (void)v;
    buf_addf(f->out, "%s %llu", n->kind == NOTICE_LIVE ? "live" : "gap",
             (unsigned long long)n->event_id);
}

#define CALLS                                                                                      \
    .receive = receive, .wants = wants, .state_key = state_key, .encode = encode,                  \
    .answer = answer, .notice = notice

static const struct dialect plain = {.id = DIALECT_ROOMS, .name = "plain", CALLS};
static const struct dialect subs = {.id = DIALECT_SUBSCRIBE,
                                    .name = "subs",
                                    .greet = greet,
                                    .subscribes = true,
                                    .watches = CONN_CHAT_UPDATES,
                                    CALLS};
static const struct dialect engine = {.id = DIALECT_EIO_ECHO,
                                      .name = "engine",
                                      .engine = true,
                                      .hears_origin = true,
                                      .subscribes = true,
                                      CALLS};
static bool joins(const struct event *e, uint64_t viewer_id)
{
    (void)viewer_id;
    return e->kind == EV_CHAT_CREATED;
}

static const struct dialect chat = {.id = DIALECT_SOCKETIO, .name = "chat", .subscribes = true, .joins = joins, CALLS};
static const struct dialect board = {.id = DIALECT_DASHBOARD, .name = "board", CALLS};

const struct dialect *dialect_by_id(unsigned id)
{
    static const struct dialect *const all[] = {&plain, &subs, &board, &engine, &chat};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i]->id == id) {
            return all[i];
        }
    }
    return NULL;
}

/* -- the carrier --------------------------------------------------------------------------------------------------- */

static void flush(struct conn *c)
{
    struct core *k = c->core;
    struct buf *out = &me.w->got[c->index];
    while (c->out.head != 0 && !me.w->is_deaf) {
        const struct outq_entry *e = &k->queues.entries[c->out.head];
        char digits[MSG_HOLE_BYTES];
        struct iovec iov[3];
        struct buf rest = BUF_INIT;
        unsigned pieces = msg_pieces(e->m, e->number, digits, iov);
        size_t skip = e->m->len > 127 ? 4 : 2;
        bool is_text = (e->m->bytes[0] & 15) == MSG_TEXT;
        for (unsigned i = 0; i < pieces && is_text; i++) {
            buf_add(out, (char *)iov[i].iov_base + skip, iov[i].iov_len - skip);
            skip = 0;
        }
        buf_add_z(out, is_text ? "\n" : "");
        (void)outq_sent(&k->queues, &c->out, e->m->len, &rest);
    }
    conn_set(c, CONN_IS_BLOCKED, c->out.head != 0);
}

static void close_conn(struct conn *c)
{
    buf_addf(&me.w->got[c->index], "close %s\n", code_name((enum code)c->close_code));
}

static void kill_conn(struct conn *c)
{
    core_on_closed(c);
}

static void set_read(struct conn *c, bool on)
{
    buf_add_z(&me.w->got[c->index], on ? "" : "(pause)\n");
}

static void move_conn(struct conn *from, struct conn *to)
{
    to->carrier = from->carrier;
    to->handle = to;
    from->handle = NULL;
}

static const struct carrier carrier = {
    .flush = flush, .close = close_conn, .kill = kill_conn, .read = set_read, .move = move_conn};

static bool start(void *ctx, struct conn *c, struct str head)
{
    (void)ctx;
    (void)head;
    close(c->fd);
    c->handle = c;
    core_on_open(c);
    return true;
}

/* -- life ------------------------------------------------------------------------------------------------------------ */

struct world *world_new(void)
{
    struct world *w = mem_new(sizeof(*w));
    const struct conf_key *keys = ws_conf_keys(&w->conf);
    conf_defaults(keys, ws_conf_keys_count);
    log_init("unit", LOG_LEVEL_ERR);
    w->now_ms = 1000000;
    me.w = w;
    me.is_up = true;
    me.resumed = false;
    me.log_id = LOG_ID;
    me.polls = 0;
    return w;
}

void world_start(struct world *w)
{
    core_init(&w->core, w->conf, 3);
    w->core.carrier = &carrier;
    w->core.start = start;
    w->core.link = link_client_new(&w->core, w->conf, NULL, "unit");
    world_link_up(w, false);
    (void)world_heard(w);
}

void world_free(struct world *w)
{
    const struct conf_key *keys = ws_conf_keys(&w->conf);
    for (uint32_t i = 0; i < w->core.conns.made; i++) {
        struct conn *c = conns_at(&w->core.conns, i);
        if (c != NULL) {
            core_on_closed(c);
        }
    }
    BUG_IF(w->core.queues.used != 0 || w->core.hub.users_count != 0);
    link_client_free(w->core.link);
    core_release(&w->core);
    for (unsigned i = 0; i < WORLD_CONNS; i++) {
        buf_release(&w->got[i]);
    }
    buf_release(&w->heard);
    buf_release(&me.down);
    conf_release(keys, ws_conf_keys_count);
    me.w = NULL;
    free(w);
}

void world_turn(struct world *w)
{
    for (int i = 0; i < 4; i++) {
        if (me.on_link != NULL) {
            me.on_link(me.on_link_ctx, true, true);
        }
        (void)core_turn(&w->core);
    }
}

void world_wait(struct world *w, uint64_t ms)
{
    for (uint64_t end = w->now_ms + ms; w->now_ms < end;) {
        w->now_ms += end - w->now_ms < WHEEL_TICK_MS ? end - w->now_ms : WHEEL_TICK_MS;
        core_tick(&w->core, w->now_ms);
        link_client_tick(w->core.link, w->now_ms);
        world_turn(w);
    }
}

static const char *take(struct buf *from)
{
    static struct buf last;
    buf_clear(&last);
    buf_add_str(&last, buf_str(from));
    buf_clear(from);
    return last.len > 0 ? last.p : "";
}

const char *world_heard(struct world *w)
{
    world_turn(w);
    return take(&w->heard);
}

const char *world_got(struct world *w, const struct conn *c)
{
    world_turn(w);
    return take(&w->got[c->index]);
}

/* -- clients ---------------------------------------------------------------------------------------------------------- */

struct conn *world_adopt(struct world *w, const struct link_adopt *m)
{
    static uint32_t adopts;
    uint32_t made = w->core.conns.count;
    link_put_adopt(&me.down, ++adopts, m);
    world_turn(w);
    if (w->core.conns.count == made) {
        return NULL;
    }
    struct conn *newest = NULL; /* the one in its place since now */
    for (uint32_t i = 0; i < w->core.conns.made; i++) {
        struct conn *c = conns_at(&w->core.conns, i);
        if (c != NULL && c->peer_key == m->peer_key) {
            newest = c;
        }
    }
    return newest;
}

struct conn *world_connect(struct world *w, uint32_t user, uint8_t dialect, uint32_t options)
{
    static uint64_t key;
    struct link_adopt m = {.slot = user,
                           .user_id = user,
                           .family = 7,
                           .dialect = dialect,
                           .options = options,
                           .peer_key = ++key,
                           .username = STR("ann"),
                           .name = STR("Ann"),
                           .asked = STR("asked"),
                           .head = STR("head")};
    return world_adopt(w, &m);
}

void world_say(struct world *w, struct conn *c, const char *frame)
{
    core_on_piece(c, str_of(frame), true, false);
    world_turn(w);
}

void world_close(struct world *w, struct conn *c)
{
    core_on_closed(c);
    world_turn(w);
}

/* -- from confab-rest ------------------------------------------------------------------------------------------------- */

struct buf *world_link(struct world *w)
{
    (void)w;
    return &me.down;
}

static void put_event(struct world *w, const struct event *e, const struct link_recipients *to)
{
    struct buf encoded = BUF_INIT;
    event_encode(&encoded, e);
    link_put_event(&me.down, e->event_id != 0 ? LINK_EVENT : LINK_EPHEMERAL, to,
                   buf_str(&encoded));
    buf_release(&encoded);
    world_turn(w);
}

void world_event(struct world *w, const struct event *e, uint32_t slot)
{
    struct buf slots = BUF_INIT;
    buf_add_be32(&slots, slot);
    buf_add_be32(&slots, (uint32_t)e->number);
    struct link_recipients to = {
        .to = LINK_TO_SLOTS_NUMBERED, .count = 1, .slots = buf_str(&slots)};
    put_event(w, e, &to);
    buf_release(&slots);
}

void world_event_to_topic(struct world *w, const struct event *e, uint64_t topic)
{
    put_event(w, e, &(struct link_recipients){.to = LINK_TO_TOPIC, .set = topic});
}

void world_reply(struct world *w, unsigned n, const struct outcome *o)
{
    BUG_IF(n >= w->requests_count);
    link_put_reply(&me.down, w->requests[n], 0, o, STR_NONE);
    world_turn(w);
}

void world_login_reply(struct world *w, unsigned n, const struct link_login_reply *m)
{
    BUG_IF(n >= w->requests_count);
    link_put_login_reply(&me.down, w->requests[n], m);
    world_turn(w);
}

void world_query_reply(struct world *w, unsigned n, enum code code)
{
    BUG_IF(n >= w->requests_count);
    link_put_query_reply(&me.down, w->requests[n], 0, code, STR("{}"));
    world_turn(w);
}

uint32_t world_poll(struct world *w, uint8_t method, const char *sid, const char *body)
{
    struct link_poll m = {.method = method, .dialect = DIALECT_EIO_ECHO, .peer_key = 5, .sid = str_of(sid),
                          .body = str_of(body)};
    link_put_poll(&me.down, ++me.polls, &m);
    world_turn(w);
    return me.polls;
}

void world_poll_abort(struct world *w, uint32_t id)
{
    link_put_empty(&me.down, LINK_POLL_ABORT, id);
    world_turn(w);
}

void world_link_lost(struct world *w)
{
    me.is_up = false;
    world_turn(w);
    buf_clear(&me.down);
}

void world_link_greeted(struct world *w)
{
    me.is_up = true;
    me.is_slow = true;
    for (int i = 0; i < 100 && !link_client_has_greeted(w->core.link); i++) {
        world_wait(w, 50);
    }
}

void world_link_up(struct world *w, bool resumed)
{
    me.is_up = true;
    me.resumed = resumed;
    me.log_id += !resumed;
    if (me.is_slow) {
        me.is_slow = false;
        welcome();
    }
    for (int i = 0; i < 100 && !link_client_is_up(w->core.link); i++) {
        world_wait(w, 50);
    }
}
