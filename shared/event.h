/*
 * event.h -- the canonical domain event: what the writer publishes, the link carries and dialects encode
 *
 * Shape      A flat struct of numbers and views; fields that a kind does not use are zero. The table
 *            under enum event_kind says which fields a kind fills.
 * Ownership  Strings are views: into the writer's batch, into a ring entry or into a link frame.
 *            event_decode points into its input.
 * Order      event_id rises without holes over everything; 0 marks an ephemeral event (typing,
 *            presence, progress), which is not logged and never replayed.
 * Numbers cross the link: append only.
 */
#ifndef SHARED_EVENT_H
#define SHARED_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/rd.h"
#include "shared/rc.h"
#include "shared/str.h"

enum event_kind {
    EV_NONE = 0,
    /* All kinds of a chat fill: chat_*, actor_*. "subject" = the user it happens to. */
    EV_CHAT_CREATED = 1,  /* peer_* for a direct chat */
    EV_CHAT_RENAMED = 2,
    EV_CHAT_DELETED = 3,   /* number = creation time of the chat, which may be gone by now */
    EV_MEMBER_ADDED = 4,   /* subject_*, number = role */
    EV_MEMBER_REMOVED = 5, /* subject_*, number as above; also leaving */
    EV_MEMBER_ROLE = 6,    /* subject_*, number = role */
    EV_MESSAGE = 7,        /* message_*, seq, content, client_key */
    EV_MESSAGE_EDITED = 8, /* the same, version > 1 */
    EV_MESSAGE_DELETED = 9,/* the same, content empty */
    EV_READ = 10,          /* seq = the actor's read cursor */
    EV_USER_CREATED = 11,  /* subject_*; for nobody but the log */
    EV_USER_CHANGED = 12,  /* subject_*; profile or disabled */
    EV_REVOKED = 13,       /* subject_id, number = token family, 0 = all; sessions close with 4401 */
    /* Notification kinds: subject_id = whose it is, 0 = everybody's (a broadcast); note.id. */
    EV_NOTIFICATION = 14,  /* note_*; one about a message also chat_*, message_*, seq, sender, content = preview */
    EV_NOTIFICATION_READ = 15,     /* number = unread notifications of the subject afterwards, as below */
    EV_NOTIFICATION_READ_ALL = 16, /* note.id = the newest that is read */
    EV_NOTIFICATION_DELETED = 17,
    EV_CHECKIN = 18,       /* number = topic (event session), payload = the frame (JSON object); to its viewers only */
    EV_SESSION = 19,       /* number = topic; an event session has changed. version = enum code: its viewers close with
                              that, subject_* = only this one's; version 0: for nobody but the log */
    EV_TYPING = 32,        /* ephemeral: number = 1 typing, 0 stopped */
    EV_PRESENCE = 33,      /* ephemeral: subject_*, number = 1 online, at_us = last seen */
    EV_UPLOAD = 34,        /* ephemeral: chat_*, message_id = upload id, message_created_us = when it began,
                              number = bytes so far, seq = bytes in all, version = enum upload_state */
    EV_CHAT_UPDATE = 35,   /* ephemeral state of a chat: chat_*, seq = last message, content = its text (shortened),
                              message_created_us = 0: there is none; number = kind of the event behind it, actor_*.
                              Recipients are numbered with their unread messages */
};

enum chat_kind { CHAT_DIRECT = 1, CHAT_GROUP = 2 };
enum member_role { ROLE_NONE = 0, ROLE_MEMBER = 1, ROLE_ADMIN = 2, ROLE_OWNER = 3 };
enum message_flag { MESSAGE_EDITED = 1, MESSAGE_DELETED = 2 };
enum upload_state { UPLOAD_RUNNING = 1, UPLOAD_DONE = 2, UPLOAD_FAILED = 3 };
/* How much of a message its notification shows. */
enum preview { PREVIEW_FULL = 0, PREVIEW_SENDER = 1, PREVIEW_NONE = 2 };

struct event_user {
    uint64_t id;
    uint64_t created_us;
    struct str username;
    struct str name; /* display name */
};

struct event_note { /* a notification */
    uint64_t id; /* the event that created it */
    uint64_t created_us;
    bool is_read;
    uint8_t preview; /* enum preview */
    struct str kind; /* "new_message", "new_comment", ... */
    struct str title, text;
    struct str link; /* p == NULL: none */
};

struct event {
    uint64_t event_id;
    uint8_t kind;      /* enum event_kind */
    uint64_t at_us;    /* when it happened */

    uint64_t chat_id;
    uint8_t chat_kind; /* enum chat_kind */
    uint64_t chat_created_us;
    uint64_t chat_updated_us;
    struct str chat_name; /* groups; a direct chat is named after the other one of the two peers */
    struct event_user peer[2]; /* direct chats: the two users (ids always, names with EV_CHAT_CREATED) */

    struct event_user actor;
    struct event_user subject;

    uint64_t message_id;
    uint64_t seq;
    uint32_t version;     /* 1 = as sent */
    uint8_t message_flags;
    uint64_t message_created_us;
    struct event_user sender; /* of the message; the actor may be another (an admin deletes) */
    struct str message_kind;  /* "text", "image", "file", ... */
    struct str content;
    struct str payload;       /* JSON of kinds that have no fields of their own */
    struct event_note note;
    uint64_t number;

    uint16_t origin_worker;   /* which connection caused it; 0 = none (REST) */
    uint64_t origin_session;
};

/* Append the wire form (big-endian, versioned by the link). */
void event_encode(struct buf *out, const struct event *e);
/* RC_OK with views into the input, which is consumed up to the event's end; RC_PROTOCOL otherwise. */
RC_CHECK enum rc event_decode(struct rd *in, struct event *out);

/* The name that viewer sees: the peer's display name in a direct chat, else the chat's name. */
struct str event_chat_name(const struct event *e, uint64_t viewer_id);

#endif
