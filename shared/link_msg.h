/*
 * link_msg.h -- the bodies of link frames: one struct with an encode/decode pair per type
 *
 * link.def is the table; this file is its C form. Encoders append a whole frame (header included) to
 * a byte queue. Decoders give views into the body; they check every length, and RC_PROTOCOL means
 * the sibling spoke nonsense (RC_TOO_BIG: more entries than `room`). The version is bumped with every
 * change of link.def: another major version closes the link, a higher minor may send types that we
 * ignore and count, and may add fields at the end of HELLO and WELCOME; nobody sends event kinds that
 * the other's minor does not know. Of a hello or welcome with another major version only magic, major
 * and minor are filled in.
 * Texts longer than their length field are cut (callers cap them long before).
 */
#ifndef SHARED_LINK_MSG_H
#define SHARED_LINK_MSG_H

#include "shared/cmd.h"
#include "shared/event.h"
#include "shared/link_frame.h"

#define LINK_MAGIC 0x434f4e46u /* CONF */
#define LINK_MAJOR 2
#define LINK_MINOR 0

struct link_hello {
    uint32_t magic;
    uint16_t major, minor;
    uint16_t worker;      /* 1.. ; 0 is "none" in origin fields */
    uint64_t incarnation; /* random per process start */
    uint64_t log_id;      /* of the stream it followed; 0 = fresh */
    uint64_t position;    /* last event id it has applied */
    uint32_t capacity;    /* descriptors it can still take */
    uint32_t users;       /* entries that follow in HELLO_USERS */
    struct str build;
};
struct link_hello_user {
    uint32_t slot;
    uint64_t user_id;
    uint32_t sessions;
    uint32_t adopts;
};
struct link_hello_peer {
    uint64_t peer_key; /* opaque, as given in ADOPT */
    uint32_t sessions;
};
struct link_closed {
    uint32_t slot; /* 0: the session had no user */
    uint64_t peer_key;
};
struct link_welcome {
    uint32_t magic;
    uint16_t major, minor;
    uint64_t incarnation;
    uint64_t log_id;
    uint64_t published;
    bool resumed; /* the stream continues after hello.position; else every session re-attaches or is told of the gap */
    bool recovers; /* sessions that log in get a pid (LINK_RECOVERY) */
};
struct link_adopt {
    uint32_t slot;
    uint64_t user_id; /* 0: not authenticated yet (Socket.IO) or a viewer */
    uint64_t family;
    uint8_t dialect;
    uint32_t options; /* enum conn_option */
    uint64_t expires_s; /* token expiry, 0 = never */
    uint32_t since_log;
    uint64_t since;
    uint64_t topic; /* recipient set to join, 0 = none */
    uint64_t peer_key; /* opaque; given back in SESSION_CLOSED and HELLO_PEERS */
    struct str peer, username, name;
    struct str asked; /* the user as the client named it (?userId=); empty: not */
    struct str head;
};
enum link_to { LINK_TO_NONE = 0, LINK_TO_ALL = 1, LINK_TO_SLOTS = 2, LINK_TO_SET = 3, LINK_TO_SLOTS_NUMBERED = 4, LINK_TO_TOPIC = 5 };
struct link_recipients {
    uint8_t to;          /* enum link_to */
    uint64_t set;        /* LINK_TO_SET: chat id; LINK_TO_TOPIC: topic, whose sessions may have no user */
    uint32_t count;      /* LINK_TO_SLOTS*, also extra slots beside a set (a removed member) */
    struct str slots;    /* count * (slot32), or count * (slot32 number32) when numbered */
};
struct link_event {
    struct link_recipients to;
    struct event event;
};
struct link_attach {
    uint64_t session;
    uint32_t generation;
    uint32_t slot;
    uint32_t since_log;
    uint64_t since;
    uint32_t options;
    uint64_t topic; /* not 0: the last `since` events of the topic instead */
};
enum link_gap_reason { LINK_GAP_TRIMMED = 1, LINK_GAP_FUTURE = 2, LINK_GAP_OTHER_LOG = 3, LINK_GAP_TOO_MUCH = 4, LINK_GAP_MALFORMED = 5 };

/* Lists of entries are sent in frames of at most this many (encoders cut longer ones), so a receiver
 * needs room for no more. SET_ADD, SET_REMOVE and the slots of an event are not cut. */
#define LINK_ENTRIES_MAX 1024
/* Each text of ADOPT is cut there, so that the frame fits a packet whatever the door was told. */
#define LINK_ADOPT_TEXT_MAX_BYTES 8192

/* Every encoder takes the queue first; request is 0 where the table names none. */
void link_put_hello(struct buf *q, const struct link_hello *m);
RC_CHECK enum rc link_get_hello(struct str body, struct link_hello *m);
void link_put_hello_users(struct buf *q, const struct link_hello_user *users, uint16_t count);
RC_CHECK enum rc link_get_hello_users(struct str body, struct link_hello_user *users, uint16_t room,
                                      uint16_t *count);
void link_put_hello_peers(struct buf *q, const struct link_hello_peer *peers, uint16_t count);
RC_CHECK enum rc link_get_hello_peers(struct str body, struct link_hello_peer *peers, uint16_t room,
                                      uint16_t *count);
void link_put_empty(struct buf *q, uint16_t type, uint32_t request); /* HELLO_DONE, POLL_ABORT */
RC_CHECK enum rc link_get_empty(struct str body);
void link_put_welcome(struct buf *q, const struct link_welcome *m);
RC_CHECK enum rc link_get_welcome(struct str body, struct link_welcome *m);
void link_put_refused(struct buf *q, enum code code, struct str reason);
RC_CHECK enum rc link_get_refused(struct str body, enum code *code, struct str *reason);

void link_put_adopt(struct buf *q, uint32_t adopt_id, const struct link_adopt *m);
RC_CHECK enum rc link_get_adopt(struct str body, struct link_adopt *m);
void link_put_adopted(struct buf *q, uint32_t adopt_id, uint64_t session);
RC_CHECK enum rc link_get_adopted(struct str body, uint64_t *session);
void link_put_adopt_failed(struct buf *q, uint32_t adopt_id, enum code code);
RC_CHECK enum rc link_get_adopt_failed(struct str body, enum code *code);
void link_put_gone(struct buf *q, uint32_t slot, uint32_t adopts);
RC_CHECK enum rc link_get_gone(struct str body, uint32_t *slot, uint32_t *adopts);
void link_put_session_closed(struct buf *q, const struct link_closed *closed, uint16_t count);
RC_CHECK enum rc link_get_session_closed(struct str body, struct link_closed *closed, uint16_t room,
                                         uint16_t *count);
void link_put_topic(struct buf *q, uint64_t topic, uint32_t sessions, uint32_t adopts);
RC_CHECK enum rc link_get_topic(struct str body, uint64_t *topic, uint32_t *sessions,
                                uint32_t *adopts);

/* The event's wire form is made once (event_encode) and shared by every worker's stream. */
void link_put_event(struct buf *q, uint16_t type, const struct link_recipients *to,
                    struct str encoded_event); /* LINK_EVENT or LINK_EPHEMERAL */
RC_CHECK enum rc link_get_event(struct str body, struct link_event *m);
uint32_t link_slot_at(const struct link_recipients *to, uint32_t i, uint32_t *number);
void link_put_position(struct buf *q, uint64_t event_id);
RC_CHECK enum rc link_get_position(struct str body, uint64_t *event_id);
void link_put_set(struct buf *q, uint16_t type, uint64_t set, const uint32_t *slots,
                  uint16_t count); /* LINK_SET_ADD, LINK_SET_REMOVE */
RC_CHECK enum rc link_get_set(struct str body, uint64_t *set, struct rd *slots, uint16_t *count);

void link_put_command(struct buf *q, uint32_t request, uint64_t session, uint32_t slot,
                      const struct cmd *c);
RC_CHECK enum rc link_get_command(struct str body, uint64_t *session, uint32_t *slot, struct cmd *c,
                                  uint64_t **users_out);
void link_put_reply(struct buf *q, uint32_t request, uint64_t session, const struct outcome *o,
                    struct str body);
RC_CHECK enum rc link_get_reply(struct str frame_body, uint64_t *session, struct outcome *o,
                                struct str *body);
void link_put_reauth(struct buf *q, uint32_t request, uint64_t session, uint32_t slot,
                     struct str token);
RC_CHECK enum rc link_get_reauth(struct str body, uint64_t *session, uint32_t *slot,
                                 struct str *token);
void link_put_reauth_reply(struct buf *q, uint32_t request, uint64_t session, enum code code,
                           uint64_t family, uint64_t expires_s);
RC_CHECK enum rc link_get_reauth_reply(struct str body, uint64_t *session, enum code *code,
                                       uint64_t *family, uint64_t *expires_s);
struct link_login {
    uint64_t session;
    uint8_t dialect;
    uint64_t peer_key; /* as in ADOPT, for the limit on failed attempts */
    struct str token;
    struct str pid; /* of the connection to go on with; empty: none */
};
struct link_login_reply {
    uint64_t session;
    enum code code; /* not CODE_OK: the rest is zero */
    uint32_t slot;
    uint64_t user_id;
    uint64_t family;
    uint64_t expires_s; /* 0 = never */
    struct str username, name;
    struct str pid;   /* not empty: the session goes on with it */
    struct str rooms; /* see struct link_recovery */
};
void link_put_login(struct buf *q, uint32_t request, const struct link_login *m);
RC_CHECK enum rc link_get_login(struct str body, struct link_login *m);
void link_put_login_reply(struct buf *q, uint32_t request, const struct link_login_reply *m);
RC_CHECK enum rc link_get_login_reply(struct str body, struct link_login_reply *m);

/* With what a connection can be recovered. The rooms are entries of LINK_ROOM_BYTES, rising chats. */
#define LINK_PID_MAX_BYTES 63
#define LINK_ROOM_BYTES 16
#define LINK_ROOMS_MAX 1024
enum link_recovery_state {
    LINK_RECOVERY_LIVE = 1,  /* these are its rooms now */
    LINK_RECOVERY_LOST = 2,  /* they were when it went away; it may come back */
    LINK_RECOVERY_ENDED = 3, /* it said good-bye, or is another one's */
};
struct link_recovery {
    uint32_t slot;
    uint64_t session;
    uint32_t number; /* comes back when it is stored; 0: it does not */
    uint8_t state; /* enum link_recovery_state */
    uint64_t position; /* of the stream, when these were its rooms */
    struct str pid, rooms;
};
struct link_room {
    uint64_t chat_id;
    uint64_t since; /* events up to this id are not for it: it was joined afterwards */
};
void link_put_recovery_stored(struct buf *q, uint64_t session, uint32_t number);
RC_CHECK enum rc link_get_recovery_stored(struct str body, uint64_t *session, uint32_t *number);
void link_put_recovery(struct buf *q, const struct link_recovery *m);
RC_CHECK enum rc link_get_recovery(struct str body, struct link_recovery *m);
void link_add_room(struct buf *rooms, struct link_room room);
struct link_room link_room_at(struct str rooms, uint32_t i);

/* Reads that a dialect needs and the worker cannot answer; bodies are JSON, in and out. A kind that
 * confab-rest does not know is answered with CODE_UNSUPPORTED_TYPE. */
enum link_query_kind {
    LINK_QUERY_CHAT = 1,      /* {"chat_id"}: may the user see it */
    LINK_QUERY_SUBSCRIBE = 2, /* the same, and who is not in an open group joins it */
};
struct link_query {
    uint64_t session;
    uint32_t slot;
    uint8_t kind; /* enum link_query_kind, or a newer one */
    struct str body;
};
void link_put_query(struct buf *q, uint32_t request, const struct link_query *m);
RC_CHECK enum rc link_get_query(struct str body, struct link_query *m);
void link_put_query_reply(struct buf *q, uint32_t request, uint64_t session, enum code code,
                          struct str body);
RC_CHECK enum rc link_get_query_reply(struct str frame_body, uint64_t *session, enum code *code,
                                      struct str *body);

void link_put_attach(struct buf *q, const struct link_attach *m);
RC_CHECK enum rc link_get_attach(struct str body, struct link_attach *m);
void link_put_pull(struct buf *q, uint64_t session, uint32_t generation);
RC_CHECK enum rc link_get_pull(struct str body, uint64_t *session, uint32_t *generation);
/* events: count encoded events, one behind the other. */
void link_put_chunk(struct buf *q, uint64_t session, uint32_t generation, uint16_t count,
                    uint64_t last, struct str events);
RC_CHECK enum rc link_get_chunk(struct str body, uint64_t *session, uint32_t *generation,
                                uint16_t *count, uint64_t *last, struct rd *events);
void link_put_live(struct buf *q, uint64_t session, uint32_t generation, uint64_t position);
RC_CHECK enum rc link_get_live(struct str body, uint64_t *session, uint32_t *generation,
                               uint64_t *position);
void link_put_gap(struct buf *q, uint64_t session, uint32_t generation, uint64_t position,
                  uint8_t reason);
RC_CHECK enum rc link_get_gap(struct str body, uint64_t *session, uint32_t *generation,
                              uint64_t *position, uint8_t *reason);
void link_put_kick(struct buf *q, uint32_t slot, uint64_t session, uint64_t family, enum code code);
RC_CHECK enum rc link_get_kick(struct str body, uint32_t *slot, uint64_t *session, uint64_t *family,
                               enum code *code);

struct link_presence {
    uint32_t slot;
    uint64_t focus_chat;
    bool active; /* false: no session of the user here is on it any more */
};
void link_put_presence(struct buf *q, const struct link_presence *changes, uint16_t count);
RC_CHECK enum rc link_get_presence(struct str body, struct link_presence *changes, uint16_t room,
                                   uint16_t *count);
void link_put_watch(struct buf *q, uint32_t slot, uint32_t options);
RC_CHECK enum rc link_get_watch(struct str body, uint32_t *slot, uint32_t *options);

enum link_poll_method { LINK_POLL_GET = 1, LINK_POLL_POST = 2 };
struct link_poll {
    uint8_t method;   /* enum link_poll_method */
    uint8_t dialect;
    uint32_t options; /* enum conn_option */
    uint64_t peer_key;
    struct str peer;
    struct str sid; /* empty: open a session */
    struct str body;
};
struct link_poll_reply {
    uint16_t status; /* HTTP, 200..599 */
    struct str content_type;
    struct str headers; /* further "Name: value\r\n" lines */
    struct str body;
};
/* poll_id is the request id; POLL_ABORT is link_put_empty with it. */
void link_put_poll(struct buf *q, uint32_t poll_id, const struct link_poll *m);
RC_CHECK enum rc link_get_poll(struct str body, struct link_poll *m);
void link_put_poll_reply(struct buf *q, uint32_t poll_id, const struct link_poll_reply *m);
RC_CHECK enum rc link_get_poll_reply(struct str body, struct link_poll_reply *m);

/* Counters: names point to static strings. */
struct link_stat {
    struct str name;
    uint64_t value;
};
void link_put_stats(struct buf *q, const struct link_stat *stats, uint16_t count);
RC_CHECK enum rc link_get_stats(struct str body, struct link_stat *stats, uint16_t room,
                                uint16_t *count);
void link_put_u64(struct buf *q, uint16_t type, uint64_t value); /* PING, PONG */
RC_CHECK enum rc link_get_u64(struct str body, uint64_t *value);
void link_put_drain(struct buf *q, uint32_t grace_ms);
RC_CHECK enum rc link_get_drain(struct str body, uint32_t *grace_ms);

#endif
