/*
 * overlay.h -- the state as it will be when the batch in flight has been committed
 *
 * Shape      Entries for just those users, chats, memberships, messages and keys that the batch looked at
 *            or changed, on top of the cache. An entry is copied from the cache when it is first asked
 *            for; deciders change it in place.
 * Life       All entries go when the batch has been published to the cache, or has failed and will be
 *            decided again.
 * Threads    The writer's.
 */
#ifndef REST_OVERLAY_H
#define REST_OVERLAY_H

#include "rest/cache.h"
#include "rest/store.h"
#include "shared/cmd.h"

struct ov_user {
    uint64_t id, valid_from_us;
    uint8_t status;
    uint32_t chats_count;
    uint32_t sessions_count; /* event sessions that the user has created */
    char *name;              /* the new display name, owned; NULL: as in the cache */
    char *profile_url;       /* the new one, owned, empty: none; NULL: as in the cache */
};
struct ov_chat {
    uint64_t id, last_seq, last_message_id, created_us;
    uint64_t peer[2];
    uint32_t members_count;
    uint8_t kind;
    bool deleted;
    bool renamed; /* by the batch */
    bool is_open;
};
struct ov_member {
    uint64_t chat_id, user_id, joined_seq, read_seq;
    uint32_t own_total, own_at_read;
    uint8_t role; /* ROLE_NONE: no member */
};
struct ov_message {
    uint64_t id, chat_id, seq, sender_id, created_us, last_event;
    uint32_t version;
    uint8_t flags;
    struct key16 content_hash; /* enough to see that an edit changes nothing */
    char kind[33];
};
struct ov_session { /* an event session */
    uint64_t id, created_by, created_us;
    struct key16 uuid, key_hash;
    char *title; /* owned */
    uint32_t people_count, hosts_count, attendees;
    uint8_t visibility;
    bool open_registration, deleted;
};
struct ov_role {
    uint64_t session_id, user_id;
    uint8_t role; /* enum session_role */
};
struct ov_attachment {
    uint64_t id, chat_id, uploader_id, seq, unused_us;
    bool gone;
};
struct ov_key {
    uint64_t user_id;
    struct key16 key, hash;
    struct outcome outcome;
};

struct ov_notes { /* a user's counters of notifications */
    uint64_t user_id, read_all_id;
    uint32_t unread, marked;
};
struct ov_note { /* what the batch did to a notification, for one user */
    uint64_t user_id, id;
    bool is_read, is_deleted;
};

struct overlay;

struct overlay *overlay_new(struct cache *cache);
void overlay_free(struct overlay *o);
/* Forget everything: the batch is in the cache now, or it failed. */
void overlay_clear(struct overlay *o);

/* NULL: no such thing. Valid until the entry is dropped. */
struct ov_user *overlay_user(struct overlay *o, uint64_t id);
struct ov_user *overlay_user_named(struct overlay *o, struct str username);
struct ov_chat *overlay_chat(struct overlay *o, uint64_t id); /* not for deleted ones */
uint64_t overlay_direct(struct overlay *o, uint64_t user_a, uint64_t user_b); /* chat id or 0 */
/* Never NULL: role ROLE_NONE where there is no membership. */
struct ov_member *overlay_member(struct overlay *o, struct ov_chat *chat, uint64_t user_id);
/* Only messages of the batch. */
struct ov_message *overlay_message(struct overlay *o, uint64_t id);
struct ov_attachment *overlay_attachment(struct overlay *o, uint64_t id);
/* Zeros for a user the cache does not know yet. */
struct ov_notes *overlay_notes(struct overlay *o, uint64_t user_id);
/* Never NULL: made with both false. */
struct ov_note *overlay_note(struct overlay *o, uint64_t user_id, uint64_t id);
struct ov_key *overlay_key(struct overlay *o, uint64_t user_id, const struct key16 *key);

/* New entries, or a changed one. */
struct ov_user *overlay_add_user(struct overlay *o, const struct ov_user *u, struct str username);
/* u came from overlay_user. */
void overlay_rename_user(struct ov_user *u, struct str name);
struct ov_chat *overlay_add_chat(struct overlay *o, const struct ov_chat *c);
struct ov_message *overlay_put_message(struct overlay *o, const struct ov_message *m);
struct ov_attachment *overlay_put_attachment(struct overlay *o, const struct ov_attachment *a);
void overlay_add_key(struct overlay *o, const struct ov_key *k);
/* u came from overlay_user. Empty: none. */
void overlay_set_profile_url(struct ov_user *u, struct str url);

/* -- event sessions (overlay_session.c) ------------------------------------------------------------------- */

/* NULL: no such session, or deleted. */
struct ov_session *overlay_session(struct overlay *o, uint64_t id);
/* Takes x->title, which is owned from here on. */
struct ov_session *overlay_add_session(struct overlay *o, const struct ov_session *x);
void overlay_retitle(struct ov_session *x, struct str title);
/* Never NULL: role 0 where there is none. */
struct ov_role *overlay_role(struct overlay *o, const struct ov_session *x, uint64_t user_id);
/* Only those that were looked up, or came in the batch. NULL: there is none. */
struct row_attendee *overlay_attendee(struct overlay *o, uint64_t session_id, uint64_t user_id);
struct row_attendee *overlay_attendee_with_code(struct overlay *o, uint64_t session_id, uint64_t code);
/* Insert or replace. */
struct row_attendee *overlay_put_attendee(struct overlay *o, const struct row_attendee *a);

/* Every present member of a chat, overlay over cache. Stops when visit returns false. */
typedef bool (*overlay_visit)(void *ctx, uint64_t user_id, uint8_t role);
void overlay_members(struct overlay *o, struct ov_chat *chat, overlay_visit visit, void *ctx);

#endif
