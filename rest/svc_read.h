/*
 * svc_read.h -- what a user may see: chats, members, people, messages
 *
 * Shape      Views are copies in the caller's arena, so nothing points into the cache after a call.
 *            Chats, members and people come from the cache at once. Messages need the database: the
 *            read_* requests run on its pool and end in `done`.
 * Rights     A chat that does not exist and one the viewer is not in are the same CODE_CHAT_NOT_FOUND;
 *            messages from before the viewer joined are not found.
 * Order      The last seq is taken from the cache first; rows are read then; the answer waits until the
 *            newest event that touched any of them is published. So nothing is shown that could still
 *            be lost.
 * Threads    Any; `done` is called on a pool thread (or before the call returns when nothing is to be read).
 */
#ifndef REST_SVC_READ_H
#define REST_SVC_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/svc.h"
#include "shared/arena.h"

struct user_view {
    uint64_t id, created_us;
    struct str username, name;
    struct str profile_url; /* p == NULL: none */
    bool disabled;
};
/* Zeros for an unknown user. The cache is locked. */
struct user_view user_view_copy(const struct cache *c, uint64_t user_id, struct arena *arena);

struct attachment_view {
    uint64_t id, chat_id, seq, uploader_id, size, created_us, unused_us;
    struct str name, mime_type, sha256;
};

struct message_view {
    uint64_t id, chat_id, chat_created_us, seq, created_us, last_event;
    uint8_t flags; /* enum message_flag */
    struct user_view sender;
    struct str kind, content; /* content is empty when deleted */
    const struct attachment_view *attachment; /* NULL: none, or deleted */
};

struct chat_view {
    uint64_t id, created_us, updated_us, last_seq;
    uint8_t kind; /* enum chat_kind */
    struct str name;
    uint32_t members_count;
    struct user_view peer; /* direct chats: the other one */
    /* the viewer's own */
    uint64_t viewer_id, joined_seq, read_seq, unread;
    uint8_t role; /* enum member_role; ROLE_NONE: the viewer is not in it */
    bool is_open; /* a group that everybody may join */
    struct message_view *last; /* NULL: none, or not read (degraded) */
};

struct member_view {
    struct user_view user;
    uint8_t role;
    uint64_t read_seq; /* how far this member has read */
};

/* ---------------------------------------------------------------- from the cache */

/* Someone by id in any form or by user name (by name only when names_only). CODE_USER_NOT_FOUND. */
enum code svc_find_user(struct svc *svc, struct str text, bool names_only, uint64_t *id);
enum code svc_user(struct svc *svc, uint64_t user_id, struct arena *arena, struct user_view *out);
enum code svc_chat(struct svc *svc, uint64_t viewer_id, uint64_t chat_id, struct arena *arena,
                   struct chat_view *out);
/* What a new message of the viewer's in this chat will say besides its text: sender, chat_id, chat_created_us. */
enum code svc_sender(struct svc *svc, uint64_t viewer_id, uint64_t chat_id, struct arena *arena,
                     struct message_view *out);

/* Newest first; a place is where the page before ended (zeros: from the newest). */
struct chat_place {
    uint64_t updated_us, chat_id;
};
struct chat_page {
    struct chat_view *chats;
    unsigned count;
    bool has_more;
    uint64_t published; /* the page shows everything up to this event at least */
};
enum code svc_chats(struct svc *svc, uint64_t viewer_id, struct chat_place after, unsigned limit,
                    struct arena *arena, struct chat_page *out);

/* Groups that everybody may join, whether the viewer is in them or not, in the order in which they were made;
 * after = chat id of the page before, 0 = start. */
enum code svc_open_chats(struct svc *svc, uint64_t viewer_id, uint64_t after, unsigned limit, struct arena *arena,
                         struct chat_page *out);

/* In the order in which the accounts were made; after = user id of the page before, 0 = start. */
struct member_page {
    struct member_view *members;
    unsigned count;
    bool has_more;
};
enum code svc_members(struct svc *svc, uint64_t viewer_id, uint64_t chat_id, uint64_t after,
                      unsigned limit, struct arena *arena, struct member_page *out);
/* One member of a chat the viewer is in: CODE_CHAT_NOT_FOUND, CODE_MEMBER_NOT_FOUND. */
enum code svc_member(struct svc *svc, uint64_t viewer_id, uint64_t chat_id, uint64_t user_id,
                     struct arena *arena, struct member_view *out);

struct user_page {
    struct user_view *users;
    unsigned count;
    bool has_more;
};
/* Active users whose user name or display name begins with text, upper and lower case alike; an exact user name first. */
enum code svc_search(struct svc *svc, struct str text, unsigned limit, struct arena *arena,
                     struct user_page *out);
/* Everybody, disabled ones too (administration); after = how many to skip. */
enum code svc_users(struct svc *svc, uint64_t after, unsigned limit, struct arena *arena,
                    struct user_page *out);

/* ---------------------------------------------------------------- from the database */

typedef void (*read_done)(void *ctx, enum code code);

enum history_mode { HISTORY_LATEST, HISTORY_BEFORE, HISTORY_AFTER, HISTORY_AROUND };
struct history_range {
    uint64_t from, to; /* from > to: empty */
    bool falling;      /* read from `to` downwards, so that a page cut short keeps what is nearest */
    bool has_more;
};
/* Pure: which seqs of (joined, last] a page shows. */
struct history_range history_plan(enum history_mode mode, uint64_t at, uint64_t limit,
                                  uint64_t joined_seq, uint64_t last_seq);

struct read_request {
    /* in */
    struct svc *svc;
    struct arena *arena;
    read_done done;
    void *ctx;
    struct chat_view chat;      /* of svc_chat */
    struct history_range range; /* read_history */
    uint64_t message_id, seq;   /* read_message: one of the two */
    struct chat_page *page;     /* read_lasts */
    /* out */
    struct message_view *messages;
    unsigned count, room;
    bool cut;           /* the arena is full: fewer than asked for */
    /* internal */
    uint64_t newest_event;
    enum code (*run)(struct read_request *r, struct store *store);
};

/* Each: CODE_OK: done will be called (or was); else it will not be. */
enum code read_history(struct read_request *r);  /* messages, rising */
enum code read_message(struct read_request *r);  /* messages[0]; CODE_MESSAGE_NOT_FOUND */
enum code read_lasts(struct read_request *r);    /* page->chats[].last */
/* One attachment that the viewer may see: the uploader, and once a message refers to it who can see that; nobody when the
 * message is deleted. CODE_ATTACHMENT_NOT_FOUND. */
struct attachment_read {
    struct svc *svc;
    struct arena *arena;
    read_done done;
    void *ctx;
    uint64_t viewer_id, id;
    struct attachment_view attachment; /* out */
    bool found;
};
enum code read_attachment(struct attachment_read *r);
/* Append the attachments of messages that have one; store is a pool thread's. */
enum code read_attachments_of(struct store *store, struct arena *arena, struct message_view *messages, unsigned count);

#endif
