/*
 * dialect.h -- what a dialect is: a translator between client frames and canonical operations
 *
 * A dialect turns a client's frame into an operation (receive), an event into a frame (encode), and
 * results into its own reply and error frames. It has no opinions: rules, permissions, limits, order
 * and memory belong to the core, and it sees neither the link nor libwebsockets nor other connections.
 * Encoding  encode is called once per (event, ext or not, variant) and its bytes are shared by all
 *           receivers, so it must depend on nothing but its arguments. variant() says which receivers
 *           see different text; most events have one variant for everybody.
 * Filters   wants() and the subscriptions (which the core keeps) leave receivers out before encoding; they
 *           are filters on top of the recipients that confab-rest names, never rights.
 * Adding    a file ws/dialect_<name>.c, its line in dialect_list.c, transcripts in tests/dialect/<name>/.
 * Threads   Loop thread only.
 */
#ifndef WS_DIALECT_H
#define WS_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/cmd.h"
#include "shared/code.h"
#include "shared/dialect_id.h"
#include "shared/event.h"
#include "shared/str.h"

struct conn; /* one connection; dialects only pass it on */

#define DIALECT_VARIANTS 4
#define DIALECT_REF_MAX_BYTES ID_KEY_TEXT_MAX
#define DIALECT_NUMBER_BYTES 10 /* of a payload that stand for the receiver's own number */
#define DIALECT_NO_NUMBER SIZE_MAX

/* -- operations ---------------------------------------------------------------------------------- */

enum op_kind {
    OP_COMMAND = 1, /* cmd: change something, or an ephemeral signal: CMD_TYPING, which is coalesced and answered only
                       when it is refused, and CMD_FOCUS, after which this is the chat the connection looks at */
    OP_AUTH = 2,    /* token: refresh the connection's token in-band */
    OP_SUBSCRIBE = 3,   /* cmd.chat_id: hear of it from the answer on; CODE_FORBIDDEN when the user is not in it */
    OP_UNSUBSCRIBE = 4, /* cmd.chat_id: no more; also when it was not subscribed */
    OP_LOGIN = 5,       /* token, recovery: a connection that was opened for nobody becomes its user's */
    OP_LOGOUT = 6,      /* and nobody's again; without an answer */
};

struct op {
    uint8_t kind;     /* enum op_kind */
    uint8_t verb;     /* the dialect's own number, given back in the result */
    uint64_t hint;    /* likewise */
    struct str ref;   /* the client's own mark for this request, at most DIALECT_REF_MAX_BYTES; given back */
    struct cmd cmd;   /* the core fills in actor, origin and, when has_key is false, a key */
    struct str token; /* never stored or logged */
    struct str recovery, offset; /* OP_LOGIN: what an earlier connection was given, see op_result.recovery */
};

struct op_result {
    uint8_t kind, verb;
    uint64_t hint;
    struct str ref;
    enum code code;
    struct outcome outcome; /* OP_COMMAND that went well; OP_SUBSCRIBE and OP_UNSUBSCRIBE: chat_id, also on failure */
    uint64_t expires_s;     /* OP_AUTH that went well; 0: never */
    struct str session;     /* OP_LOGIN that went well: a name for the connection */
    struct str recovery;    /* likewise: with it a later connection can go on where this one ended; empty: it cannot */
    struct str body;        /* JSON that confab-rest has added: the chat of CMD_CHAT_CREATE_* */
};

/* What stands in the stream beside events. */
enum notice_kind {
    NOTICE_LIVE = 1, /* the next event is the one after event_id */
    NOTICE_GAP = 2,  /* events are missing: load the state anew; live from event_id on */
};
struct notice {
    uint8_t kind; /* enum notice_kind */
    uint64_t event_id;
    const char *reason; /* NOTICE_GAP: "trimmed", "future", "other_log", "too_much", "malformed" */
};

/* -- frames -------------------------------------------------------------------------------------- */

struct dialect_hello { /* for whom a connection opens */
    uint64_t user_id; /* 0: nobody is logged in */
    struct str username, name;
    struct str asked; /* the user as the client named it, or empty */
};

struct dialect_view { /* for whom a frame is made */
    bool ext;
    uint8_t variant;     /* from variant() */
    uint32_t log_prefix; /* first half of the cursor */
    uint64_t viewer_id;  /* a user that sees this variant */
    bool recovers;       /* clients can go on where an earlier connection ended: they are told where that is */
    uint64_t now_us;     /* for frames that are about no event */
};

struct dialect_frame {
    struct buf *out;  /* append the payload; nothing appended: no frame for this receiver */
    bool binary;
    unsigned part;    /* answer: which of its frames is wanted */
    bool more;        /* answer: set when there is a next part */
    size_t number_at; /* where the DIALECT_NUMBER_BYTES begin (written as spaces), or DIALECT_NO_NUMBER */
};

/* -- the table ------------------------------------------------------------------------------------ */

struct dialect {
    enum dialect_id id;
    const char *name;
    const char *subprotocol; /* Sec-WebSocket-Protocol that is confirmed; NULL: none */
    size_t state_bytes;      /* per connection, zeroed; 0: none */

    /* One complete message; may call the functions below. When the first of them is an operation for which there is no
     * place, the message is read again later, so state is changed only by messages that submit nothing. */
    void (*receive)(struct conn *c, void *state, struct str message, bool binary);
    /* What every connection of it wants to hear of, as if the client had asked: enum conn_option bits. */
    uint32_t watches;
    /* Its connections are Engine.IO sessions: receive gets the data of their messages. */
    bool engine;
    /* The connection that caused an event hears of it like the others. */
    bool hears_origin;
    /* The viewer's connections subscribe to the chat before they get the event. NULL: never. */
    bool (*joins)(const struct event *e, uint64_t viewer_id);
    /* Events of a chat (see interest_filters) come only to connections that have subscribed to it. Who resumes gets
     * the replay of all chats. */
    bool subscribes;
    /* The first frame of a connection, ahead of everything else. NULL: none. */
    void (*greet)(const struct dialect_hello *h, const struct dialect_view *v, struct dialect_frame *f);
    /* false: not for this receiver. options: enum conn_option, watches included. NULL: all of them. */
    bool (*wants)(const struct event *e, uint64_t viewer_id, uint32_t options);
    /* Frames of state: while an older one with the same key waits for a connection, it is dropped for the newer.
     * 0: the frame is no state. NULL: none is. */
    uint64_t (*state_key)(const struct event *e);
    /* 0..DIALECT_VARIANTS-1. NULL: one variant. */
    uint8_t (*variant)(const struct event *e, uint64_t viewer_id);
    void (*encode)(const struct event *e, const struct dialect_view *v, struct dialect_frame *f);
    /* Before answer, for what the connection has to remember of it. NULL: nothing. */
    void (*settle)(void *state, const struct op_result *result);
    /* The reply to an operation; an error has result->code set. */
    void (*answer)(const struct op_result *result, const struct dialect_view *v,
                   struct dialect_frame *f);
    /* Only for connections with ext. */
    void (*notice)(const struct notice *n, const struct dialect_view *v, struct dialect_frame *f);
    /* What state points to goes with it. NULL: nothing does. */
    void (*close)(void *state);
};

/* NULL: not built in. */
const struct dialect *dialect_by_id(unsigned id);
/* All of them; *count entries. */
const struct dialect *const *dialect_list(size_t *count);

/* -- what receive may do with its connection (the core; tests bring their own) ------------------------ */

/* Carry out an operation. Views are copied. The result comes to answer(), now or later. */
void dialect_submit(struct conn *c, const struct op *op);
/* Answer with an error, in the place of a result. */
void dialect_fail(struct conn *c, uint8_t verb, struct str ref, enum code code);
/* What its client asked for: enum conn_option. */
uint32_t dialect_options(const struct conn *c);
/* Close the connection; nothing more is received. */
void dialect_close(struct conn *c, enum code code);
/* Send a protocol reply (pong, acknowledgement) to this connection. */
void dialect_send(struct conn *c, struct str payload, bool binary);

#endif
