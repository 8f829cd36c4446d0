/*
 * dialect_util.h -- what more than one dialect does: take fields out of client frames, write fields into server frames
 *
 * Shape      In: dialect_receive checks what is the same for all (text, JSON, an object) and hands the frame to the
 *            dialect's own reader, which fills in an operation. Most dialects name their frames by a type: a table of
 *            struct client_frame. Out: functions that append one member of an object.
 * Layer      ws/dialects. No state; knows no dialect.
 * Errors     Readers give the code that the client gets to see; CODE_OK otherwise. Writers follow shared/buf.h.
 */
#ifndef WS_DIALECT_UTIL_H
#define WS_DIALECT_UTIL_H

#include "shared/clock.h"
#include "shared/id.h"
#include "shared/json.h"
#include "ws/dialect.h"

/* -- in ---------------------------------------------------------------------------------------------- */

struct request { /* a client frame on its way to an operation */
    struct jval frame; /* an object */
    struct op op;
    struct str reply; /* set: no operation, this text is the answer; must live on (a literal) */
};

typedef enum code (*request_fn)(struct request *r);

/* One message of a client: an operation, a reply or an error comes of it, exactly one. An error carries the verb
 * and the ref that read had filled in. */
void dialect_receive(struct conn *c, struct str message, bool binary, request_fn read);

struct client_frame {
    const char *type;
    uint8_t verb; /* not 0 */
    request_fn read;
};
/* Fill in the operation (OP_COMMAND unless the reader says otherwise) of the frame of that type.
 * CODE_UNSUPPORTED_TYPE: there is none. */
enum code dialect_read_frame(struct request *r, const struct client_frame *frames, size_t count,
                             struct str type);
/* "" when no frame has that verb. */
const char *dialect_verb_name(const struct client_frame *frames, size_t count, uint8_t verb);

bool dialect_is_absent(struct jval v); /* or null */
/* An id in any text form, or a JSON number. CODE_INVALID_FIELD: neither; CODE_BAD_ID: no id; CODE_..._NOT_FOUND: an id
 * of another kind. */
enum code dialect_take_id(struct jval frame, const char *key, enum id_kind kind, uint64_t *out);
enum code dialect_take_text(struct jval frame, const char *key, struct str *out);
/* The kind of a message; "text" when it is absent. */
enum code dialect_take_kind(struct jval frame, const char *key, struct str *out);
/* To whom: cmd.chat_id or cmd.user_id, exactly one of them. */
enum code dialect_take_target(struct request *r, const char *chat_key, const char *user_key);
/* The client's mark, which is the idempotency key as well. false: it is there, but cannot be used. */
bool dialect_take_ref(struct request *r, const char *key);

/* Readers of frames that differ in the names of their keys only. */
enum code dialect_read_cursor(struct request *r, const char *chat_key, const char *message_key);
enum code dialect_read_typing(struct request *r, const char *chat_key, const char *on_key);
enum code dialect_read_focus(struct request *r, const char *chat_key); /* null: no chat */
enum code dialect_read_auth(struct request *r);                        /* token */
enum code dialect_read_ping(struct request *r);                        /* {"type":"pong"} */

/* Ephemeral events that come to those only who ask by ?events=; true for all others. Part of wants(). */
bool dialect_asked_for(const struct event *e, uint32_t options);

/* -- out --------------------------------------------------------------------------------------------- */

void dialect_key_time(struct buf *out, const char *key, uint64_t at_us,
                      enum clock_precision precision);
void dialect_key_hex(struct buf *out, const char *key, enum id_kind kind, uint64_t id,
                     uint64_t created_us);
void dialect_key_tagged(struct buf *out, const char *key, enum id_kind kind, uint64_t id);
void dialect_key_uuid(struct buf *out, const char *key, enum id_kind kind, uint64_t id);
/* ,"client_msg_id":"..." unless it is empty. */
void dialect_key_ref(struct buf *out, struct str ref);
/* ,"code":"...","message":"..." */
void dialect_key_code(struct buf *out, enum code code);

/* ,"_ext":{"event_id":"..." and, unless it is 0, ,"seq":n -- then the caller adds what it likes and the closing
 * brace. false: nothing is written, because the receiver has not asked or there is no event. */
bool dialect_open_ext(struct buf *out, const struct dialect_view *v, uint64_t event_id,
                      uint64_t seq);
/* The place of the message that the event is about; 0: it is about none (other events use seq otherwise). */
uint64_t dialect_message_seq(const struct event *e);
/* ,"status":"online"|"offline" of an EV_PRESENCE */
void dialect_key_status(struct buf *out, const struct event *e);
/* ,"kind","title","text","link" (null: none) of a notification */
void dialect_key_note(struct buf *out, const struct event *e);
/* ,"bytes","total","percent","state" of an EV_UPLOAD */
void dialect_key_progress(struct buf *out, const struct event *e);
const char *dialect_role_name(uint64_t role);
/* A direct chat is named after the other one, so its two people need a variant each. */
bool dialect_is_second_peer(const struct event *e, uint64_t viewer_id);
/* Spaces for the receiver's own number. */
void dialect_key_number(struct dialect_frame *f, const char *key);

/* Whole frames that several dialects share. */
void dialect_add_error(struct buf *out, const struct op_result *r);   /* {"type":"error","code","message"} */
void dialect_add_auth_ok(struct buf *out, const struct op_result *r); /* {"type":"auth_ok","expires_at"} */
/* {"type":"live"|"gap",...,"_ext":{"event_id"}}; may stand in struct dialect. */
void dialect_notice(const struct notice *n, const struct dialect_view *v, struct dialect_frame *f);

#endif
