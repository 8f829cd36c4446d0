/* link_sample.c -- for tests: a frame of every type with telling values */
#include "tests/lib/link_recode.h"

#include <stdio.h>

#include "shared/dialect_id.h"

/* Gives each field its value, in the order in which it is asked. */
struct gen {
    enum link_sample_kind kind;
    uint64_t n;
};

static uint64_t value(struct gen *g, uint64_t max)
{
    switch (g->kind) {
    case SAMPLE_DISTINCT:
        g->n++;
        return (g->n * UINT64_C(0x0123456789abcdef) >> 3) & max;
    case SAMPLE_MAX:
        return max;
    default:
        return 0;
    }
}

static uint64_t u64(struct gen *g)
{
    return value(g, UINT64_MAX);
}

static uint32_t u32(struct gen *g)
{
    return (uint32_t)value(g, UINT32_MAX);
}

static uint16_t u16(struct gen *g)
{
    return (uint16_t)value(g, UINT16_MAX);
}

static bool flag(struct gen *g)
{
    return g->kind != SAMPLE_ZERO;
}

#define BIG_TEXT_BYTES (256 * 1024)

static struct str text(struct gen *g, size_t max)
{
    static char small[64][16];
    static char big[BIG_TEXT_BYTES];
    switch (g->kind) {
    case SAMPLE_DISTINCT: {
        char *p = small[g->n++ % 64];
        return (struct str){p, (size_t)snprintf(p, sizeof(small[0]), "text %u", (unsigned)g->n)};
    }
    case SAMPLE_MAX:
        memset(big, 0xff, sizeof(big));
        return (struct str){big, max < sizeof(big) ? max : sizeof(big)};
    default:
        return STR("");
    }
}

static struct str text16(struct gen *g)
{
    return text(g, UINT16_MAX);
}

static struct str text32(struct gen *g)
{
    return text(g, BIG_TEXT_BYTES);
}

static enum code code(struct gen *g)
{
    static const enum code codes[] = {CODE_FORBIDDEN, CODE_COUNT - 1, CODE_OK};
    return codes[g->kind];
}

static uint8_t dialect(struct gen *g)
{
    static const uint8_t dialects[] = {DIALECT_SOCKETIO, DIALECT_COUNT - 1, DIALECT_NONE};
    return dialects[g->kind];
}

static uint16_t list_count(struct gen *g)
{
    return g->kind == SAMPLE_ZERO ? 0 : g->kind == SAMPLE_MAX ? LINK_ENTRIES_MAX : 3;
}

/* -- events ------------------------------------------------------------------------------------ */

static struct event_user event_user(struct gen *g)
{
    struct event_user u;
    u.id = u64(g);
    u.created_us = u64(g);
    u.username = text(g, 300);
    u.name = text(g, 300);
    return u;
}

static struct event_note event_note(struct gen *g)
{
    struct event_note n = {0};
    n.id = u64(g);
    n.created_us = u64(g);
    n.is_read = flag(g);
    n.preview = flag(g) ? PREVIEW_NONE : PREVIEW_FULL;
    n.kind = text(g, 100);
    n.title = text(g, 300);
    n.text = text(g, 300);
    n.link = flag(g) ? text(g, 300) : STR_NONE;
    return n;
}

struct event link_sample_event(uint8_t event_kind, enum link_sample_kind kind)
{
    struct gen g = {kind, event_kind};
    struct event e = {.kind = event_kind};
    e.event_id = u64(&g);
    e.at_us = u64(&g);
    e.chat_id = u64(&g);
    e.chat_kind = flag(&g) ? CHAT_GROUP : 0;
    e.chat_created_us = u64(&g);
    e.chat_updated_us = u64(&g);
    e.chat_name = text(&g, UINT16_MAX);
    e.peer[0] = event_user(&g);
    e.peer[1] = event_user(&g);
    e.actor = event_user(&g);
    e.subject = event_user(&g);
    e.message_id = u64(&g);
    e.seq = u64(&g);
    e.version = u32(&g);
    e.message_flags = flag(&g) ? MESSAGE_EDITED | MESSAGE_DELETED : 0;
    e.message_created_us = u64(&g);
    e.sender = event_user(&g);
    e.message_kind = text(&g, 100);
    e.content = text32(&g);
    e.payload = text32(&g);
    e.note = event_note(&g);
    bool is_role = event_kind == EV_MEMBER_ADDED || event_kind == EV_MEMBER_ROLE;
    e.number = is_role ? (flag(&g) ? ROLE_OWNER : 0) : u64(&g);
    e.origin_worker = u16(&g);
    e.origin_session = u64(&g);
    return e;
}

static void sample_event(struct gen *g, uint16_t type, struct buf *out)
{
    static const char slots[8] = {0, 0, 1, 2, 0, 0, 3, 4};
    static const uint8_t to[] = {LINK_TO_SLOTS_NUMBERED, LINK_TO_SET, LINK_TO_ALL};
    struct link_recipients r = {.to = to[g->kind]};
    if (r.to == LINK_TO_SET) {
        r.set = u64(g);
        r.count = 2;
        r.slots = (struct str){slots, 8};
    } else if (r.to == LINK_TO_SLOTS_NUMBERED) {
        r.count = 1;
        r.slots = (struct str){slots, 8};
    }
    struct event e = link_sample_event(type == LINK_EVENT ? EV_MESSAGE : EV_TYPING, g->kind);
    struct buf encoded = BUF_INIT;
    event_encode(&encoded, &e);
    link_put_event(out, type, &r, buf_str(&encoded));
    buf_release(&encoded);
}

static void sample_chunk(struct gen *g, struct buf *out)
{
    struct buf events = BUF_INIT;
    uint16_t count = g->kind == SAMPLE_ZERO ? 0 : 2;
    for (uint16_t i = 0; i < count; i++) {
        struct event e = link_sample_event(i == 0 ? EV_MESSAGE : EV_MEMBER_ADDED, g->kind);
        event_encode(&events, &e);
    }
    link_put_chunk(out, u64(g), u32(g), count, u64(g), buf_str(&events));
    buf_release(&events);
}

/* -- connections ------------------------------------------------------------------------------- */

static void sample_hello(struct gen *g, struct buf *out)
{
    struct link_hello m = {.magic = LINK_MAGIC, .major = LINK_MAJOR, .minor = LINK_MINOR};
    m.worker = u16(g);
    m.incarnation = u64(g);
    m.log_id = u64(g);
    m.position = u64(g);
    m.capacity = u32(g);
    m.users = u32(g);
    m.build = text16(g);
    link_put_hello(out, &m);
}

static void sample_hello_users(struct gen *g, struct buf *out)
{
    static struct link_hello_user users[LINK_ENTRIES_MAX];
    uint16_t count = list_count(g);
    for (uint16_t i = 0; i < count; i++) {
        users[i].slot = u32(g);
        users[i].user_id = u64(g);
        users[i].sessions = u32(g);
        users[i].adopts = u32(g);
    }
    link_put_hello_users(out, users, count);
}

static void sample_hello_peers(struct gen *g, struct buf *out)
{
    static struct link_hello_peer peers[LINK_ENTRIES_MAX];
    uint16_t count = list_count(g);
    for (uint16_t i = 0; i < count; i++) {
        peers[i].peer_key = u64(g);
        peers[i].sessions = u32(g);
    }
    link_put_hello_peers(out, peers, count);
}

static void sample_welcome(struct gen *g, struct buf *out)
{
    struct link_welcome m = {.magic = LINK_MAGIC, .major = LINK_MAJOR, .minor = LINK_MINOR};
    m.incarnation = u64(g);
    m.log_id = u64(g);
    m.published = u64(g);
    m.resumed = flag(g);
    m.recovers = flag(g);
    link_put_welcome(out, &m);
}

static void sample_adopt(struct gen *g, struct buf *out)
{
    struct link_adopt m;
    uint32_t id = u32(g);
    m.slot = u32(g);
    m.user_id = u64(g);
    m.family = u64(g);
    m.dialect = dialect(g);
    m.options = u32(g);
    m.expires_s = u64(g);
    m.since_log = u32(g);
    m.since = u64(g);
    m.topic = u64(g);
    m.peer_key = u64(g);
    m.peer = text(g, LINK_ADOPT_TEXT_MAX_BYTES);
    m.username = text(g, LINK_ADOPT_TEXT_MAX_BYTES);
    m.name = text(g, LINK_ADOPT_TEXT_MAX_BYTES);
    m.asked = text(g, LINK_ADOPT_TEXT_MAX_BYTES);
    m.head = text(g, LINK_ADOPT_TEXT_MAX_BYTES);
    link_put_adopt(out, id, &m);
}

static void sample_session_closed(struct gen *g, struct buf *out)
{
    static struct link_closed closed[LINK_ENTRIES_MAX];
    uint16_t count = list_count(g);
    for (uint16_t i = 0; i < count; i++) {
        closed[i].slot = u32(g);
        closed[i].peer_key = u64(g);
    }
    link_put_session_closed(out, closed, count);
}

static void sample_presence(struct gen *g, struct buf *out)
{
    static struct link_presence changes[LINK_ENTRIES_MAX];
    uint16_t count = list_count(g);
    for (uint16_t i = 0; i < count; i++) {
        changes[i].slot = u32(g);
        changes[i].focus_chat = u64(g);
        changes[i].active = i % 2 == 0;
    }
    link_put_presence(out, changes, count);
}

static void sample_stats(struct gen *g, struct buf *out)
{
    static struct link_stat stats[LINK_ENTRIES_MAX];
    uint16_t count = list_count(g);
    for (uint16_t i = 0; i < count; i++) {
        stats[i].name = text(g, 100);
        stats[i].value = u64(g);
    }
    link_put_stats(out, stats, count);
}

static void sample_set(struct gen *g, uint16_t type, struct buf *out)
{
    static uint32_t slots[UINT16_MAX];
    uint16_t count = g->kind == SAMPLE_MAX ? UINT16_MAX : list_count(g);
    uint64_t set = u64(g);
    for (uint32_t i = 0; i < count; i++) {
        slots[i] = u32(g);
    }
    link_put_set(out, type, set, slots, count);
}

static void sample_attach(struct gen *g, struct buf *out)
{
    struct link_attach m;
    m.session = u64(g);
    m.generation = u32(g);
    m.slot = u32(g);
    m.since_log = u32(g);
    m.since = u64(g);
    m.options = u32(g);
    m.topic = u64(g);
    link_put_attach(out, &m);
}

/* -- calls ------------------------------------------------------------------------------------- */

static void sample_command(struct gen *g, struct buf *out)
{
    static uint64_t users[CMD_USERS_MAX];
    struct cmd c = {.kind = g->kind == SAMPLE_ZERO ? CMD_TYPING : CMD_CHAT_CREATE_GROUP};
    c.actor_id = u64(g);
    c.has_key = flag(g);
    if (c.has_key) {
        memset(c.key.b, 0xa5, sizeof(c.key.b));
    }
    c.chat_id = u64(g);
    c.user_id = u64(g);
    c.message_id = u64(g);
    c.seq = u64(g);
    c.number = u64(g);
    c.number2 = u64(g);
    c.name = text16(g);
    c.content = text32(g);
    c.users_count = g->kind == SAMPLE_ZERO ? 0 : g->kind == SAMPLE_MAX ? CMD_USERS_MAX : 3;
    c.users = users;
    for (uint32_t i = 0; i < c.users_count; i++) {
        users[i] = u64(g);
    }
    c.origin_worker = u16(g);
    c.origin_session = u64(g);
    link_put_command(out, u32(g), u64(g), u32(g), &c);
}

static void sample_reply(struct gen *g, struct buf *out)
{
    struct outcome o = {.code = code(g), .created = flag(g)};
    o.event_id = u64(g);
    o.chat_id = u64(g);
    o.user_id = u64(g);
    o.message_id = u64(g);
    o.seq = u64(g);
    o.at_us = u64(g);
    o.number = u64(g);
    link_put_reply(out, u32(g), u64(g), &o, text32(g));
}

static struct str pid(struct gen *g)
{
    static char longest[LINK_PID_MAX_BYTES];
    memset(longest, 'p', sizeof(longest));
    struct str all = {longest, sizeof(longest)};
    return g->kind == SAMPLE_ZERO ? STR_NONE : g->kind == SAMPLE_MAX ? all : STR("AAAAAAAAAAAAAAAAAAAAAA.00112233.7");
}

static struct str rooms(struct gen *g)
{
    static char most[LINK_ROOMS_MAX * LINK_ROOM_BYTES];
    struct str all = {most, sizeof(most)};
    return g->kind == SAMPLE_ZERO ? STR_NONE : g->kind == SAMPLE_MAX ? all : (struct str){most, 2 * LINK_ROOM_BYTES};
}

static void sample_login(struct gen *g, struct buf *out)
{
    struct link_login m;
    m.session = u64(g);
    m.dialect = dialect(g);
    m.peer_key = u64(g);
    m.token = text16(g);
    m.pid = pid(g);
    link_put_login(out, u32(g), &m);
}

static void sample_login_reply(struct gen *g, struct buf *out)
{
    struct link_login_reply m;
    m.session = u64(g);
    m.code = code(g);
    m.slot = u32(g);
    m.user_id = u64(g);
    m.family = u64(g);
    m.expires_s = u64(g);
    m.username = text16(g);
    m.name = text16(g);
    m.pid = pid(g);
    m.rooms = rooms(g);
    link_put_login_reply(out, u32(g), &m);
}

static void sample_recovery(struct gen *g, struct buf *out)
{
    struct link_recovery m = {.state = LINK_RECOVERY_LOST, .pid = STR("p")};
    m.slot = u32(g);
    m.session = u64(g);
    m.number = u32(g);
    m.position = u64(g);
    m.pid = pid(g).len > 0 ? pid(g) : m.pid;
    m.rooms = rooms(g);
    link_put_recovery(out, &m);
}

static void sample_query(struct gen *g, struct buf *out)
{
    struct link_query m;
    m.session = u64(g);
    m.slot = u32(g);
    m.kind = (uint8_t)value(g, UINT8_MAX);
    m.body = text32(g);
    link_put_query(out, u32(g), &m);
}

static void sample_poll(struct gen *g, struct buf *out)
{
    struct link_poll m;
    m.method = flag(g) ? LINK_POLL_POST : LINK_POLL_GET;
    m.dialect = dialect(g);
    m.options = u32(g);
    m.peer_key = u64(g);
    m.peer = text16(g);
    m.sid = text16(g);
    m.body = text32(g);
    link_put_poll(out, u32(g), &m);
}

static void sample_poll_reply(struct gen *g, struct buf *out)
{
    struct link_poll_reply m;
    m.status = g->kind == SAMPLE_ZERO ? 200 : g->kind == SAMPLE_MAX ? 599 : 413;
    m.content_type = text16(g);
    m.headers = text16(g);
    m.body = text32(g);
    link_put_poll_reply(out, u32(g), &m);
}

static uint8_t gap_reason(struct gen *g)
{
    return g->kind == SAMPLE_MAX ? LINK_GAP_MALFORMED : LINK_GAP_TRIMMED;
}

/* -- the table --------------------------------------------------------------------------------- */

static enum rc sample_large(struct gen *g, uint16_t type, struct buf *out)
{
    switch (type) {
    case LINK_HELLO:
        return sample_hello(g, out), RC_OK;
    case LINK_HELLO_USERS:
        return sample_hello_users(g, out), RC_OK;
    case LINK_HELLO_PEERS:
        return sample_hello_peers(g, out), RC_OK;
    case LINK_WELCOME:
        return sample_welcome(g, out), RC_OK;
    case LINK_ADOPT:
        return sample_adopt(g, out), RC_OK;
    case LINK_SESSION_CLOSED:
        return sample_session_closed(g, out), RC_OK;
    case LINK_EVENT:
    case LINK_EPHEMERAL:
        return sample_event(g, type, out), RC_OK;
    case LINK_SET_ADD:
    case LINK_SET_REMOVE:
        return sample_set(g, type, out), RC_OK;
    case LINK_COMMAND:
        return sample_command(g, out), RC_OK;
    case LINK_REPLY:
        return sample_reply(g, out), RC_OK;
    case LINK_LOGIN:
        return sample_login(g, out), RC_OK;
    case LINK_RECOVERY:
        return sample_recovery(g, out), RC_OK;
    case LINK_LOGIN_REPLY:
        return sample_login_reply(g, out), RC_OK;
    case LINK_ATTACH:
        return sample_attach(g, out), RC_OK;
    case LINK_CHUNK:
        return sample_chunk(g, out), RC_OK;
    case LINK_QUERY:
        return sample_query(g, out), RC_OK;
    case LINK_PRESENCE:
        return sample_presence(g, out), RC_OK;
    case LINK_POLL:
        return sample_poll(g, out), RC_OK;
    case LINK_POLL_REPLY:
        return sample_poll_reply(g, out), RC_OK;
    case LINK_STATS:
        return sample_stats(g, out), RC_OK;
    default:
        return RC_UNSUPPORTED;
    }
}

enum rc link_sample(uint16_t type, enum link_sample_kind kind, struct buf *out)
{
    struct gen gen = {kind, type};
    struct gen *g = &gen;
    switch (type) {
    case LINK_HELLO_DONE:
        return link_put_empty(out, type, 0), RC_OK;
    case LINK_POLL_ABORT:
        return link_put_empty(out, type, u32(g)), RC_OK;
    case LINK_REFUSED:
        return link_put_refused(out, code(g), text16(g)), RC_OK;
    case LINK_ADOPTED:
        return link_put_adopted(out, u32(g), u64(g)), RC_OK;
    case LINK_ADOPT_FAILED:
        return link_put_adopt_failed(out, u32(g), code(g)), RC_OK;
    case LINK_GONE:
        return link_put_gone(out, u32(g), u32(g)), RC_OK;
    case LINK_TOPIC:
        return link_put_topic(out, u64(g), u32(g), u32(g)), RC_OK;
    case LINK_POSITION:
        return link_put_position(out, u64(g)), RC_OK;
    case LINK_REAUTH:
        return link_put_reauth(out, u32(g), u64(g), u32(g), text16(g)), RC_OK;
    case LINK_REAUTH_REPLY:
        return link_put_reauth_reply(out, u32(g), u64(g), code(g), u64(g), u64(g)), RC_OK;
    case LINK_RECOVERY_STORED:
        return link_put_recovery_stored(out, u64(g), u32(g)), RC_OK;
    case LINK_PULL:
        return link_put_pull(out, u64(g), u32(g)), RC_OK;
    case LINK_LIVE:
        return link_put_live(out, u64(g), u32(g), u64(g)), RC_OK;
    case LINK_GAP:
        return link_put_gap(out, u64(g), u32(g), u64(g), gap_reason(g)), RC_OK;
    case LINK_KICK:
        return link_put_kick(out, u32(g), u64(g), u64(g), code(g)), RC_OK;
    case LINK_QUERY_REPLY:
        return link_put_query_reply(out, u32(g), u64(g), code(g), text32(g)), RC_OK;
    case LINK_WATCH:
        return link_put_watch(out, u32(g), u32(g)), RC_OK;
    case LINK_DRAIN:
        return link_put_drain(out, u32(g)), RC_OK;
    case LINK_PING:
    case LINK_PONG:
        return link_put_u64(out, type, u64(g)), RC_OK;
    default:
        return sample_large(g, type, out);
    }
}
