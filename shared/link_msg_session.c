/* link_msg_session.c -- bodies about connections: handed over, gone, kicked; users that come later; who looks at what */
#include "shared/link_msg.h"

#include "shared/dialect_id.h"
#include "shared/link_list.h"
#include "shared/wire.h"

static enum rc done(const struct rd *r)
{
    return rd_end(r) ? RC_OK : RC_PROTOCOL;
}

/* A number that the worker looks up in its table of dialects. */
static uint8_t get_dialect(struct rd *r)
{
    uint8_t dialect = rd_be8(r);
    r->bad = r->bad || dialect >= DIALECT_COUNT;
    return dialect;
}

/* -- adopt ------------------------------------------------------------------------------------- */

static void add_adopt_text(struct buf *q, struct str s)
{
    wire_add_str16_max(q, s, LINK_ADOPT_TEXT_MAX_BYTES);
}

void link_put_adopt(struct buf *q, uint32_t adopt_id, const struct link_adopt *m)
{
    size_t start = link_frame_begin(q, LINK_ADOPT, adopt_id);
    buf_add_be32(q, m->slot);
    buf_add_be64(q, m->user_id);
    buf_add_be64(q, m->family);
    buf_add_be8(q, m->dialect);
    buf_add_be32(q, m->options);
    buf_add_be64(q, m->expires_s);
    buf_add_be32(q, m->since_log);
    buf_add_be64(q, m->since);
    buf_add_be64(q, m->topic);
    buf_add_be64(q, m->peer_key);
    add_adopt_text(q, m->peer);
    add_adopt_text(q, m->username);
    add_adopt_text(q, m->name);
    add_adopt_text(q, m->asked);
    add_adopt_text(q, m->head);
    link_frame_end(q, start);
}

enum rc link_get_adopt(struct str body, struct link_adopt *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_adopt a = {0};
    a.slot = rd_be32(&r);
    a.user_id = rd_be64(&r);
    a.family = rd_be64(&r);
    a.dialect = get_dialect(&r);
    a.options = rd_be32(&r);
    a.expires_s = rd_be64(&r);
    a.since_log = rd_be32(&r);
    a.since = rd_be64(&r);
    a.topic = rd_be64(&r);
    a.peer_key = rd_be64(&r);
    a.peer = rd_str16(&r);
    a.username = rd_str16(&r);
    a.name = rd_str16(&r);
    a.asked = rd_str16(&r);
    a.head = rd_str16(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *m = a;
    return RC_OK;
}

void link_put_adopted(struct buf *q, uint32_t adopt_id, uint64_t session)
{
    size_t start = link_frame_begin(q, LINK_ADOPTED, adopt_id);
    buf_add_be64(q, session);
    link_frame_end(q, start);
}

enum rc link_get_adopted(struct str body, uint64_t *session)
{
    return link_get_u64(body, session);
}

void link_put_adopt_failed(struct buf *q, uint32_t adopt_id, enum code code)
{
    size_t start = link_frame_begin(q, LINK_ADOPT_FAILED, adopt_id);
    wire_add_code(q, code);
    link_frame_end(q, start);
}

enum rc link_get_adopt_failed(struct str body, enum code *code)
{
    struct rd r = rd_of(body.p, body.len);
    enum code c = wire_code(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *code = c;
    return RC_OK;
}

/* -- gone -------------------------------------------------------------------------------------- */

void link_put_gone(struct buf *q, uint32_t slot, uint32_t adopts)
{
    size_t start = link_frame_begin(q, LINK_GONE, 0);
    buf_add_be32(q, slot);
    buf_add_be32(q, adopts);
    link_frame_end(q, start);
}

enum rc link_get_gone(struct str body, uint32_t *slot, uint32_t *adopts)
{
    struct rd r = rd_of(body.p, body.len);
    uint32_t s = rd_be32(&r);
    uint32_t a = rd_be32(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *slot = s;
    *adopts = a;
    return RC_OK;
}

#define CLOSED_BYTES 12

void link_put_session_closed(struct buf *q, const struct link_closed *closed, uint16_t count)
{
    for (struct link_cut cut = link_cut_first(count); cut.more; cut = link_cut_next(cut, count)) {
        size_t start = link_list_begin(q, LINK_SESSION_CLOSED, cut.count);
        for (uint32_t i = cut.from; i < cut.from + cut.count; i++) {
            buf_add_be32(q, closed[i].slot);
            buf_add_be64(q, closed[i].peer_key);
        }
        link_frame_end(q, start);
    }
}

enum rc link_get_session_closed(struct str body, struct link_closed *closed, uint16_t room,
                                uint16_t *count)
{
    struct rd r;
    uint16_t n;
    enum rc rc = link_list_open(body, CLOSED_BYTES, room, &r, &n);
    if (rc != RC_OK) {
        return rc;
    }
    for (uint16_t i = 0; i < n; i++) {
        closed[i].slot = rd_be32(&r);
        closed[i].peer_key = rd_be64(&r);
    }
    *count = n;
    return RC_OK;
}

void link_put_topic(struct buf *q, uint64_t topic, uint32_t sessions, uint32_t adopts)
{
    size_t start = link_frame_begin(q, LINK_TOPIC, 0);
    buf_add_be64(q, topic);
    buf_add_be32(q, sessions);
    buf_add_be32(q, adopts);
    link_frame_end(q, start);
}

enum rc link_get_topic(struct str body, uint64_t *topic, uint32_t *sessions, uint32_t *adopts)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t t = rd_be64(&r);
    uint32_t s = rd_be32(&r);
    uint32_t a = rd_be32(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *topic = t;
    *sessions = s;
    *adopts = a;
    return RC_OK;
}

void link_put_kick(struct buf *q, uint32_t slot, uint64_t session, uint64_t family, enum code code)
{
    size_t start = link_frame_begin(q, LINK_KICK, 0);
    buf_add_be32(q, slot);
    buf_add_be64(q, session);
    buf_add_be64(q, family);
    wire_add_code(q, code);
    link_frame_end(q, start);
}

enum rc link_get_kick(struct str body, uint32_t *slot, uint64_t *session, uint64_t *family,
                      enum code *code)
{
    struct rd r = rd_of(body.p, body.len);
    uint32_t s = rd_be32(&r);
    uint64_t id = rd_be64(&r);
    uint64_t f = rd_be64(&r);
    enum code c = wire_code(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *slot = s;
    *session = id;
    *family = f;
    *code = c;
    return RC_OK;
}

/* -- users that come after the hand-off, tokens that are renewed ------------------------------- */

static bool can_be_rooms(struct str pid, struct str rooms)
{
    return pid.len <= LINK_PID_MAX_BYTES && rooms.len <= (size_t)LINK_ROOMS_MAX * LINK_ROOM_BYTES &&
           rooms.len % LINK_ROOM_BYTES == 0;
}

void link_put_login(struct buf *q, uint32_t request, const struct link_login *m)
{
    size_t start = link_frame_begin(q, LINK_LOGIN, request);
    buf_add_be64(q, m->session);
    buf_add_be8(q, m->dialect);
    buf_add_be64(q, m->peer_key);
    wire_add_str16(q, m->token);
    wire_add_str16(q, m->pid);
    link_frame_end(q, start);
}

enum rc link_get_login(struct str body, struct link_login *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_login l = {0};
    l.session = rd_be64(&r);
    l.dialect = get_dialect(&r);
    l.peer_key = rd_be64(&r);
    l.token = rd_str16(&r);
    l.pid = rd_str16(&r);
    if (done(&r) != RC_OK || l.pid.len > LINK_PID_MAX_BYTES) {
        return RC_PROTOCOL;
    }
    *m = l;
    return RC_OK;
}

void link_put_login_reply(struct buf *q, uint32_t request, const struct link_login_reply *m)
{
    size_t start = link_frame_begin(q, LINK_LOGIN_REPLY, request);
    buf_add_be64(q, m->session);
    wire_add_code(q, m->code);
    buf_add_be32(q, m->slot);
    buf_add_be64(q, m->user_id);
    buf_add_be64(q, m->family);
    buf_add_be64(q, m->expires_s);
    wire_add_str16(q, m->username);
    wire_add_str16(q, m->name);
    wire_add_str16(q, m->pid);
    wire_add_str16(q, m->rooms);
    link_frame_end(q, start);
}

enum rc link_get_login_reply(struct str body, struct link_login_reply *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_login_reply l = {0};
    l.session = rd_be64(&r);
    l.code = wire_code(&r);
    l.slot = rd_be32(&r);
    l.user_id = rd_be64(&r);
    l.family = rd_be64(&r);
    l.expires_s = rd_be64(&r);
    l.username = rd_str16(&r);
    l.name = rd_str16(&r);
    l.pid = rd_str16(&r);
    l.rooms = rd_str16(&r);
    if (done(&r) != RC_OK || !can_be_rooms(l.pid, l.rooms)) {
        return RC_PROTOCOL;
    }
    *m = l;
    return RC_OK;
}

void link_put_recovery(struct buf *q, const struct link_recovery *m)
{
    size_t start = link_frame_begin(q, LINK_RECOVERY, 0);
    buf_add_be32(q, m->slot);
    buf_add_be64(q, m->session);
    buf_add_be32(q, m->number);
    buf_add_be8(q, m->state);
    buf_add_be64(q, m->position);
    wire_add_str16(q, m->pid);
    wire_add_str16(q, m->rooms);
    link_frame_end(q, start);
}

enum rc link_get_recovery(struct str body, struct link_recovery *m)
{
    struct rd r = rd_of(body.p, body.len);
    struct link_recovery l = {0};
    l.slot = rd_be32(&r);
    l.session = rd_be64(&r);
    l.number = rd_be32(&r);
    l.state = rd_be8(&r);
    l.position = rd_be64(&r);
    l.pid = rd_str16(&r);
    l.rooms = rd_str16(&r);
    if (done(&r) != RC_OK || l.pid.len == 0 || !can_be_rooms(l.pid, l.rooms) ||
        l.state < LINK_RECOVERY_LIVE || l.state > LINK_RECOVERY_ENDED) {
        return RC_PROTOCOL;
    }
    *m = l;
    return RC_OK;
}

void link_put_recovery_stored(struct buf *q, uint64_t session, uint32_t number)
{
    size_t start = link_frame_begin(q, LINK_RECOVERY_STORED, 0);
    buf_add_be64(q, session);
    buf_add_be32(q, number);
    link_frame_end(q, start);
}

enum rc link_get_recovery_stored(struct str body, uint64_t *session, uint32_t *number)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t s = rd_be64(&r);
    uint32_t n = rd_be32(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *session = s;
    *number = n;
    return RC_OK;
}

void link_add_room(struct buf *rooms, struct link_room room)
{
    buf_add_be64(rooms, room.chat_id);
    buf_add_be64(rooms, room.since);
}

struct link_room link_room_at(struct str rooms, uint32_t i)
{
    struct rd r = rd_of(rooms.p + (size_t)i * LINK_ROOM_BYTES, LINK_ROOM_BYTES);
    struct link_room room = {.chat_id = rd_be64(&r)};
    room.since = rd_be64(&r);
    return room;
}

void link_put_reauth(struct buf *q, uint32_t request, uint64_t session, uint32_t slot,
                     struct str token)
{
    size_t start = link_frame_begin(q, LINK_REAUTH, request);
    buf_add_be64(q, session);
    buf_add_be32(q, slot);
    wire_add_str16(q, token);
    link_frame_end(q, start);
}

enum rc link_get_reauth(struct str body, uint64_t *session, uint32_t *slot, struct str *token)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t id = rd_be64(&r);
    uint32_t s = rd_be32(&r);
    struct str t = rd_str16(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *session = id;
    *slot = s;
    *token = t;
    return RC_OK;
}

void link_put_reauth_reply(struct buf *q, uint32_t request, uint64_t session, enum code code,
                           uint64_t family, uint64_t expires_s)
{
    size_t start = link_frame_begin(q, LINK_REAUTH_REPLY, request);
    buf_add_be64(q, session);
    wire_add_code(q, code);
    buf_add_be64(q, family);
    buf_add_be64(q, expires_s);
    link_frame_end(q, start);
}

enum rc link_get_reauth_reply(struct str body, uint64_t *session, enum code *code,
                              uint64_t *family, uint64_t *expires_s)
{
    struct rd r = rd_of(body.p, body.len);
    uint64_t id = rd_be64(&r);
    enum code c = wire_code(&r);
    uint64_t f = rd_be64(&r);
    uint64_t expires = rd_be64(&r);
    if (done(&r) != RC_OK) {
        return RC_PROTOCOL;
    }
    *session = id;
    *code = c;
    *family = f;
    *expires_s = expires;
    return RC_OK;
}

/* -- who looks at what ------------------------------------------------------------------------- */

#define PRESENCE_BYTES 13

void link_put_presence(struct buf *q, const struct link_presence *changes, uint16_t count)
{
    for (struct link_cut cut = link_cut_first(count); cut.more; cut = link_cut_next(cut, count)) {
        size_t start = link_list_begin(q, LINK_PRESENCE, cut.count);
        for (uint32_t i = cut.from; i < cut.from + cut.count; i++) {
            buf_add_be32(q, changes[i].slot);
            buf_add_be64(q, changes[i].focus_chat);
            buf_add_be8(q, changes[i].active);
        }
        link_frame_end(q, start);
    }
}

enum rc link_get_presence(struct str body, struct link_presence *changes, uint16_t room,
                          uint16_t *count)
{
    struct rd r;
    uint16_t n;
    enum rc rc = link_list_open(body, PRESENCE_BYTES, room, &r, &n);
    if (rc != RC_OK) {
        return rc;
    }
    for (uint16_t i = 0; i < n; i++) {
        changes[i].slot = rd_be32(&r);
        changes[i].focus_chat = rd_be64(&r);
        changes[i].active = wire_bool(&r);
    }
    if (r.bad) {
        return RC_PROTOCOL;
    }
    *count = n;
    return RC_OK;
}

void link_put_watch(struct buf *q, uint32_t slot, uint32_t options)
{
    size_t start = link_frame_begin(q, LINK_WATCH, 0);
    buf_add_be32(q, slot);
    buf_add_be32(q, options);
    link_frame_end(q, start);
}

enum rc link_get_watch(struct str body, uint32_t *slot, uint32_t *options)
{
    return link_get_gone(body, slot, options);
}
