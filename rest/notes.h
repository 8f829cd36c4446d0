/*
 * notes.h -- what the notifier decides about messages: reasons, the chunk it hands to the writer, the record kept of it
 *
 * Reason     Why a member was notified of a message, or was not. Numbers are stored: append only.
 * Chunk      Content of CMD_NOTIFY: messages with a choice per member. The command's other fields are the notifier's
 *            cursor before (message_id, user_id) and after (seq, number); number2 counts the notified.
 * Record     Choices about one message, appended piece by piece as they are stored: a user's id as a variable-length
 *            number, then his reason. Id 0 gives the reason of all members that are not named (large chats).
 * Layer      service. Pure.
 */
#ifndef REST_NOTES_H
#define REST_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/rd.h"

enum note_reason {
    NOTE_UNDECIDED = 0, /* not in the record: no member then */
    NOTE_NOTIFIED = 1,
    NOTE_SENDER = 2,
    NOTE_ACTIVE = 3,         /* looks at the chat */
    NOTE_MUTED = 4,
    NOTE_DO_NOT_DISTURB = 5,
    NOTE_KIND_OFF = 6,
    NOTE_LEVEL_NONE = 7,
    NOTE_LEVEL_MENTIONS = 8, /* wants mentions only, and was not */
    NOTE_LARGE_CHAT = 9,     /* neither mentioned nor asked for all messages of the chat */
    NOTE_DELETED = 10,       /* the message was deleted before */
    NOTE_READ = 11,          /* the user had read it before */
    NOTE_NOT_MEMBER = 12,    /* the user had left before */
    NOTE_DISABLED = 13,      /* the account is disabled */
    NOTE_REFUSED = 14,       /* the database would not store it */
    NOTE_REASONS
};
const char *note_reason_name(uint8_t reason);

struct note_choice {
    uint64_t user_id; /* 0: everybody else */
    uint8_t reason;
    uint8_t preview; /* enum preview, of the notified */
};
struct note_subject { /* a message and how many choices about it follow */
    uint64_t message_id, chat_id, seq, sender_id, created_us;
    struct str kind, text; /* text is cut to what a notification shows */
    uint32_t choices;
};

#define NOTE_TEXT_MAX_CHARS 280

void notes_add_subject(struct buf *chunk, const struct note_subject *s);
void notes_add_choice(struct buf *chunk, const struct note_choice *c);
/* false: the end, or nonsense (then chunk->bad). */
bool notes_next_subject(struct rd *chunk, struct note_subject *out);
bool notes_next_choice(struct rd *chunk, struct note_choice *out);

void notes_record_add(struct buf *record, uint64_t user_id, uint8_t reason);
/* The user's reason, else that of everybody else, else NOTE_UNDECIDED. */
uint8_t notes_record_find(struct str record, uint64_t user_id);

/* Read marks: content of CMD_NOTIFICATIONS_SEEN. */
struct note_seen {
    uint64_t user_id, chat_id, seq;
};
void notes_add_seen(struct buf *out, const struct note_seen *s);
bool notes_next_seen(struct rd *in, struct note_seen *out);

#endif
