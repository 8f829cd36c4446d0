/* link_recode.c -- one small function per type of frame: decode, encode again */
#include "tests/lib/link_recode.h"

#include <stdlib.h>

#define RECODE(name) static enum rc recode_##name(const struct link_frame *f, struct buf *out)
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum rc rc_ = (call);                                                                      \
        if (rc_ != RC_OK) {                                                                        \
            return rc_;                                                                            \
        }                                                                                          \
    } while (0)

RECODE(empty)
{
    TRY(link_get_empty(f->body));
    link_put_empty(out, f->type, f->request);
    return RC_OK;
}

RECODE(hello)
{
    struct link_hello m;
    TRY(link_get_hello(f->body, &m));
    link_put_hello(out, &m);
    return RC_OK;
}

RECODE(hello_users)
{
    static struct link_hello_user users[LINK_ENTRIES_MAX];
    uint16_t count;
    TRY(link_get_hello_users(f->body, users, LINK_ENTRIES_MAX, &count));
    link_put_hello_users(out, users, count);
    return RC_OK;
}

RECODE(hello_peers)
{
    static struct link_hello_peer peers[LINK_ENTRIES_MAX];
    uint16_t count;
    TRY(link_get_hello_peers(f->body, peers, LINK_ENTRIES_MAX, &count));
    link_put_hello_peers(out, peers, count);
    return RC_OK;
}

RECODE(welcome)
{
    struct link_welcome m;
    TRY(link_get_welcome(f->body, &m));
    link_put_welcome(out, &m);
    return RC_OK;
}

RECODE(refused)
{
    enum code code;
    struct str reason;
    TRY(link_get_refused(f->body, &code, &reason));
    link_put_refused(out, code, reason);
    return RC_OK;
}

RECODE(adopt)
{
    struct link_adopt m;
    TRY(link_get_adopt(f->body, &m));
    link_put_adopt(out, f->request, &m);
    return RC_OK;
}

RECODE(adopted)
{
    uint64_t session;
    TRY(link_get_adopted(f->body, &session));
    link_put_adopted(out, f->request, session);
    return RC_OK;
}

RECODE(adopt_failed)
{
    enum code code;
    TRY(link_get_adopt_failed(f->body, &code));
    link_put_adopt_failed(out, f->request, code);
    return RC_OK;
}

RECODE(gone)
{
    uint32_t slot, adopts;
    TRY(link_get_gone(f->body, &slot, &adopts));
    link_put_gone(out, slot, adopts);
    return RC_OK;
}

RECODE(session_closed)
{
    static struct link_closed closed[LINK_ENTRIES_MAX];
    uint16_t count;
    TRY(link_get_session_closed(f->body, closed, LINK_ENTRIES_MAX, &count));
    link_put_session_closed(out, closed, count);
    return RC_OK;
}

RECODE(topic)
{
    uint64_t topic;
    uint32_t sessions, adopts;
    TRY(link_get_topic(f->body, &topic, &sessions, &adopts));
    link_put_topic(out, topic, sessions, adopts);
    return RC_OK;
}

RECODE(event)
{
    struct link_event m;
    TRY(link_get_event(f->body, &m));
    struct buf event = BUF_INIT;
    event_encode(&event, &m.event);
    link_put_event(out, f->type, &m.to, buf_str(&event));
    buf_release(&event);
    return RC_OK;
}

RECODE(position)
{
    uint64_t event_id;
    TRY(link_get_position(f->body, &event_id));
    link_put_position(out, event_id);
    return RC_OK;
}

RECODE(set)
{
    uint64_t set;
    struct rd entries;
    uint16_t count;
    TRY(link_get_set(f->body, &set, &entries, &count));
    static uint32_t slots[UINT16_MAX];
    for (uint32_t i = 0; i < count; i++) {
        slots[i] = rd_be32(&entries);
    }
    link_put_set(out, f->type, set, slots, count);
    return rd_end(&entries) ? RC_OK : RC_INTERNAL;
}

RECODE(command)
{
    uint64_t session, *users;
    uint32_t slot;
    struct cmd c;
    TRY(link_get_command(f->body, &session, &slot, &c, &users));
    link_put_command(out, f->request, session, slot, &c);
    free(users);
    return RC_OK;
}

RECODE(reply)
{
    uint64_t session;
    struct outcome o;
    struct str body;
    TRY(link_get_reply(f->body, &session, &o, &body));
    link_put_reply(out, f->request, session, &o, body);
    return RC_OK;
}

RECODE(reauth)
{
    uint64_t session;
    uint32_t slot;
    struct str token;
    TRY(link_get_reauth(f->body, &session, &slot, &token));
    link_put_reauth(out, f->request, session, slot, token);
    return RC_OK;
}

RECODE(reauth_reply)
{
    uint64_t session, family, expires_s;
    enum code code;
    TRY(link_get_reauth_reply(f->body, &session, &code, &family, &expires_s));
    link_put_reauth_reply(out, f->request, session, code, family, expires_s);
    return RC_OK;
}

RECODE(login)
{
    struct link_login m;
    TRY(link_get_login(f->body, &m));
    link_put_login(out, f->request, &m);
    return RC_OK;
}

RECODE(recovery)
{
    struct link_recovery m;
    TRY(link_get_recovery(f->body, &m));
    link_put_recovery(out, &m);
    return RC_OK;
}

RECODE(recovery_stored)
{
    uint64_t session;
    uint32_t number;
    TRY(link_get_recovery_stored(f->body, &session, &number));
    link_put_recovery_stored(out, session, number);
    return RC_OK;
}

RECODE(login_reply)
{
    struct link_login_reply m;
    TRY(link_get_login_reply(f->body, &m));
    link_put_login_reply(out, f->request, &m);
    return RC_OK;
}

RECODE(attach)
{
    struct link_attach m;
    TRY(link_get_attach(f->body, &m));
    link_put_attach(out, &m);
    return RC_OK;
}

RECODE(pull)
{
    uint64_t session;
    uint32_t generation;
    TRY(link_get_pull(f->body, &session, &generation));
    link_put_pull(out, session, generation);
    return RC_OK;
}

static enum rc recode_events(struct rd *in, uint16_t count, struct buf *out)
{
    for (uint16_t i = 0; i < count; i++) {
        struct event e;
        TRY(event_decode(in, &e));
        event_encode(out, &e);
    }
    return rd_end(in) ? RC_OK : RC_PROTOCOL;
}

RECODE(chunk)
{
    uint64_t session, last;
    uint32_t generation;
    uint16_t count;
    struct rd entries;
    TRY(link_get_chunk(f->body, &session, &generation, &count, &last, &entries));
    struct buf events = BUF_INIT;
    enum rc rc = recode_events(&entries, count, &events);
    if (rc == RC_OK) {
        link_put_chunk(out, session, generation, count, last, buf_str(&events));
    }
    buf_release(&events);
    return rc;
}

RECODE(live)
{
    uint64_t session, position;
    uint32_t generation;
    TRY(link_get_live(f->body, &session, &generation, &position));
    link_put_live(out, session, generation, position);
    return RC_OK;
}

RECODE(gap)
{
    uint64_t session, position;
    uint32_t generation;
    uint8_t reason;
    TRY(link_get_gap(f->body, &session, &generation, &position, &reason));
    link_put_gap(out, session, generation, position, reason);
    return RC_OK;
}

RECODE(kick)
{
    uint32_t slot;
    uint64_t session, family;
    enum code code;
    TRY(link_get_kick(f->body, &slot, &session, &family, &code));
    link_put_kick(out, slot, session, family, code);
    return RC_OK;
}

RECODE(query)
{
    struct link_query m;
    TRY(link_get_query(f->body, &m));
    link_put_query(out, f->request, &m);
    return RC_OK;
}

RECODE(query_reply)
{
    uint64_t session;
    enum code code;
    struct str body;
    TRY(link_get_query_reply(f->body, &session, &code, &body));
    link_put_query_reply(out, f->request, session, code, body);
    return RC_OK;
}

RECODE(presence)
{
    static struct link_presence changes[LINK_ENTRIES_MAX];
    uint16_t count;
    TRY(link_get_presence(f->body, changes, LINK_ENTRIES_MAX, &count));
    link_put_presence(out, changes, count);
    return RC_OK;
}

RECODE(watch)
{
    uint32_t slot, options;
    TRY(link_get_watch(f->body, &slot, &options));
    link_put_watch(out, slot, options);
    return RC_OK;
}

RECODE(poll)
{
    struct link_poll m;
    TRY(link_get_poll(f->body, &m));
    link_put_poll(out, f->request, &m);
    return RC_OK;
}

RECODE(poll_reply)
{
    struct link_poll_reply m;
    TRY(link_get_poll_reply(f->body, &m));
    link_put_poll_reply(out, f->request, &m);
    return RC_OK;
}

RECODE(stats)
{
    static struct link_stat stats[LINK_ENTRIES_MAX];
    uint16_t count;
    TRY(link_get_stats(f->body, stats, LINK_ENTRIES_MAX, &count));
    link_put_stats(out, stats, count);
    return RC_OK;
}

RECODE(drain)
{
    uint32_t grace_ms;
    TRY(link_get_drain(f->body, &grace_ms));
    link_put_drain(out, grace_ms);
    return RC_OK;
}

RECODE(u64)
{
    uint64_t value;
    TRY(link_get_u64(f->body, &value));
    link_put_u64(out, f->type, value);
    return RC_OK;
}

static const struct {
    uint16_t type;
    enum rc (*recode)(const struct link_frame *f, struct buf *out);
} table[] = {
    {LINK_HELLO, recode_hello},
    {LINK_HELLO_USERS, recode_hello_users},
    {LINK_HELLO_PEERS, recode_hello_peers},
    {LINK_HELLO_DONE, recode_empty},
    {LINK_WELCOME, recode_welcome},
    {LINK_REFUSED, recode_refused},
    {LINK_ADOPT, recode_adopt},
    {LINK_ADOPTED, recode_adopted},
    {LINK_ADOPT_FAILED, recode_adopt_failed},
    {LINK_GONE, recode_gone},
    {LINK_SESSION_CLOSED, recode_session_closed},
    {LINK_TOPIC, recode_topic},
    {LINK_EVENT, recode_event},
    {LINK_POSITION, recode_position},
    {LINK_EPHEMERAL, recode_event},
    {LINK_SET_ADD, recode_set},
    {LINK_SET_REMOVE, recode_set},
    {LINK_COMMAND, recode_command},
    {LINK_REPLY, recode_reply},
    {LINK_REAUTH, recode_reauth},
    {LINK_REAUTH_REPLY, recode_reauth_reply},
    {LINK_LOGIN, recode_login},
    {LINK_LOGIN_REPLY, recode_login_reply},
    {LINK_RECOVERY, recode_recovery},
    {LINK_RECOVERY_STORED, recode_recovery_stored},
    {LINK_ATTACH, recode_attach},
    {LINK_PULL, recode_pull},
    {LINK_CHUNK, recode_chunk},
    {LINK_LIVE, recode_live},
    {LINK_GAP, recode_gap},
    {LINK_KICK, recode_kick},
    {LINK_QUERY, recode_query},
    {LINK_QUERY_REPLY, recode_query_reply},
    {LINK_PRESENCE, recode_presence},
    {LINK_WATCH, recode_watch},
    {LINK_POLL, recode_poll},
    {LINK_POLL_REPLY, recode_poll_reply},
    {LINK_POLL_ABORT, recode_empty},
    {LINK_STATS, recode_stats},
    {LINK_DRAIN, recode_drain},
    {LINK_PING, recode_u64},
    {LINK_PONG, recode_u64},
};

enum rc link_recode(const struct link_frame *frame, struct buf *out)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].type == frame->type) {
            return table[i].recode(frame, out);
        }
    }
    return RC_UNSUPPORTED;
}
