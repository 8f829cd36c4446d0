/*
 * dialect_inbox_common.h -- D4: what its two sockets share: client frames, results, pieces of frames
 *
 * Ids are integers, times whole seconds, frames objects with a `type`. The client frames (the document shows none):
 *   {"type":"active_chat","chat_id":n|null}          the chat the user looks at
 *   {"type":"typing","chat_id","is_typing"}          {"type":"read","chat_id","message_id"?}
 *   {"type":"auth","token"}                          {"type":"ping"}
 * and on the chat socket
 *   {"type":"private_message","receiver_id"|"chat_id","content","message_type"?,"client_msg_id"?}
 * A frame that is wrong is answered with {"type":"error","code","message"} (and its client_msg_id, if it had one) and
 * the connection stays. Keys that are not known are ignored. A message is answered with message_sent, the others are
 * silent when they go well; with ext they are answered with {"type":"ok","op"}.
 */
#ifndef WS_DIALECT_INBOX_COMMON_H
#define WS_DIALECT_INBOX_COMMON_H

#include "ws/dialect_util.h"

enum inbox_verb {
    INBOX_NONE,
    INBOX_ACTIVE_CHAT,
    INBOX_TYPING,
    INBOX_READ,
    INBOX_AUTH,
    INBOX_PING,
    INBOX_MESSAGE, /* chat socket */
};

/* The frames of both. */
enum code inbox_read(struct request *r);
/* Everything but message_sent. */
void inbox_answer(const struct op_result *r, const struct dialect_view *v, struct dialect_frame *f);

/* "text" inside is "text_message" outside, other kinds are the same. */
struct str inbox_kind_shown(struct str kind);
struct str inbox_kind_meant(struct str kind);

/* ,"key":"2025-02-07T08:55:00Z" */
void inbox_key_time(struct buf *out, const char *key, uint64_t at_us);
/* The end of a frame: ,"_ext":{...} for receivers that asked, and the brace. Zero: left out. */
void inbox_end(struct buf *out, const struct dialect_view *v, uint64_t event_id, uint64_t seq,
               uint64_t chat_id);
void inbox_end_event(struct buf *out, const struct dialect_view *v, const struct event *e);

#endif
