/*
 * cmd.h -- the canonical command: one request to change something, whoever sent it
 *
 * REST handlers and socket dialects both build a struct cmd; the services check it and the writer
 * decides it, so there is one set of rules for two transports.
 * Ownership  Views; the sender keeps the bytes alive until the answer (rest copies into the job).
 * Idempotency  key is unique per user for the retention; has_key false means the transport stamps one.
 * Numbers cross the link: append only.
 */
#ifndef SHARED_CMD_H
#define SHARED_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/code.h"
#include "shared/id.h"
#include "shared/rc.h"
#include "shared/rd.h"
#include "shared/str.h"

enum cmd_kind {
    CMD_NONE = 0,
    CMD_CHAT_CREATE_DIRECT = 1, /* user_id */
    CMD_CHAT_CREATE_GROUP = 2,  /* name, users, number2 = enum cmd_flag: open to everybody */
    CMD_CHAT_RENAME = 3,        /* chat_id, name or empty, number2 = enum cmd_flag: open to everybody */
    CMD_CHAT_DELETE = 4,        /* chat_id; owner of a group */
    CMD_MEMBER_ADD = 5,         /* chat_id, users, number = role; oneself = join an open group */
    CMD_MEMBER_REMOVE = 6,      /* chat_id, user_id; oneself = leave */
    CMD_MEMBER_ROLE = 7,        /* chat_id, user_id, number = role */
    CMD_MESSAGE_SEND = 8,       /* chat_id (or user_id: the direct chat with that user), name = kind, content */
    CMD_MESSAGE_EDIT = 9,       /* chat_id, message_id, content */
    CMD_MESSAGE_DELETE = 10,    /* chat_id, message_id */
    CMD_READ = 11,              /* chat_id, message_id or seq (0,0 = everything) */
    CMD_USER_CREATE = 12,       /* name = username, content = display name, secret = password hash, title = external id;
                                   rest only */
    CMD_USER_UPDATE = 13,       /* user_id, content = display name or empty, secret = password hash or empty,
                                   number = enum cmd_status, link = profile URL (empty: none any more); rest only */
    CMD_FAMILY_CREATE = 14,     /* token family: user_id, key = first refresh hash, number = expiry_s; rest only */
    CMD_FAMILY_ROTATE = 15,     /* number2 = family, key/key2 = old and new refresh hash, number = expiry_s; rest only */
    CMD_REVOKE = 16,            /* user_id, number2 = family or 0 = all; rest only */
    CMD_TYPING = 32,            /* chat_id, number; ephemeral, never reaches the writer */
    CMD_FOCUS = 33,             /* chat_id or 0; ephemeral */
    /* From here on rest only: these never cross the link. */
    CMD_NOTIFY = 40,               /* the notifier's: content = what it decided about messages (rest/notes.h) */
    CMD_NOTIFICATION_CREATE = 41,  /* users (none: everybody), name = kind, title, content = text, link */
    CMD_NOTIFICATION_READ = 42,    /* number2 = notification */
    CMD_NOTIFICATION_READ_ALL = 43,
    CMD_NOTIFICATION_DELETE = 44,  /* number2 = notification */
    CMD_NOTIFICATIONS_SEEN = 45,   /* user_id has read chat_id up to seq */
    CMD_PREFERENCES = 46,          /* content = the user's notification preferences (canonical JSON) */
    CMD_LAST_SEEN = 47,            /* users, content = of each the time (big-endian us) and whether it is online (a byte) */
    CMD_RECOVERY = 48,             /* content = with what connections can be recovered (rest/decide_recovery.c) */
    CMD_NOTIFICATIONS_TRIM = 49,   /* the writer's own: unread ones that are too old are deleted */
    /* Event sessions: chat_id = the session, by its number inside. */
    CMD_SESSION_CREATE = 50,       /* title, number = visibility, number2 = enum cmd_flag, key2 = its random UUID */
    CMD_SESSION_UPDATE = 51,       /* title or empty, number = visibility or 0, number2 = enum cmd_flag */
    CMD_SESSION_DELETE = 52,
    CMD_SESSION_ROLE = 53,         /* user_id, number = enum session_role, 0: none any more */
    CMD_SESSION_ATTENDEES = 54,    /* users: registers those who are not yet */
    CMD_SESSION_KEY = 55,          /* key2 = hash of the new scanner key */
    CMD_CHECKIN = 56,              /* user_id, or number2 = code; number = enum cmd_checkin bits */
    CMD_ATTACHMENT_ADD = 60,       /* attachments: see rest/decide_attachment.c */
    CMD_ATTACHMENT_REMOVE = 61,
};

enum cmd_status { CMD_STATUS_KEEP = 0, CMD_STATUS_ACTIVE = 1, CMD_STATUS_DISABLED = 2 };

enum cmd_flag { CMD_FLAG_KEEP = 0, CMD_FLAG_ON = 1, CMD_FLAG_OFF = 2 };
/* By a scanner there is no actor; key2 = hash of the key it has shown. */
enum cmd_checkin { CMD_CHECKIN_BY_CODE = 1, CMD_CHECKIN_BY_SCANNER = 2 };

#define CMD_LAST_SEEN_BYTES 9 /* of content for each user */
#define CMD_USERS_MAX 20000 /* entries in one list; the member limit is a setting below it */

struct cmd {
    uint8_t kind; /* enum cmd_kind */
    uint64_t actor_id;
    bool has_key;
    struct key16 key;
    struct key16 key2;
    uint64_t chat_id;
    uint64_t user_id;
    uint64_t message_id;
    uint64_t seq;
    uint64_t number;
    uint64_t number2;
    struct str name;
    struct str content;
    struct str secret;
    struct str title, link; /* link.p == NULL: none; never cross the link */
    const uint64_t *users; /* users_count ids, not necessarily distinct */
    uint32_t users_count;
    uint16_t origin_worker;
    uint64_t origin_session;
};

/* What a command came to. Fields that do not apply are zero. */
struct outcome {
    enum code code;
    bool created;       /* something new exists; false: a repeat or a no-op */
    uint64_t event_id;  /* 0: no event was made */
    uint64_t chat_id;
    uint64_t user_id;
    uint64_t message_id;
    uint64_t seq;
    uint64_t at_us;     /* of the event, or of the stored thing for a repeat */
    uint64_t number;    /* family id; for a message sent on a socket the creation time of the chat (us) */
};

/* Wire forms, without `secret`, key2, title and link (those commands never cross the link: the decoder refuses them). users
 * beyond CMD_USERS_MAX are not sent; such a list is above every member limit and is refused anyway. */
void cmd_encode(struct buf *out, const struct cmd *c);
/* users points into *users_out, which the caller frees; views into the input. RC_PROTOCOL, RC_TOO_BIG,
 * RC_NO_MEMORY. */
RC_CHECK enum rc cmd_decode(struct rd *in, struct cmd *out, uint64_t **users_out);
void outcome_encode(struct buf *out, const struct outcome *o);
RC_CHECK enum rc outcome_decode(struct rd *in, struct outcome *out);

#endif
