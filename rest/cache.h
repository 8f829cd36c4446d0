/*
 * cache.h -- users, chats and memberships in memory
 *
 * Shape      Dense arrays; an index (uint32_t) names an entry for the life of the process. Filled once
 *            at start, after the fence; changed only by the writer thread after COMMIT.
 * Memory     36 bytes per membership (32 in the chat's array, 4 in the user's list).
 * Threads    Readers hold the read lock for as long as they use a pointer; keep it short (no I/O, no
 *            JSON of many chats without need). The writer thread may read without the lock.
 */
#ifndef REST_CACHE_H
#define REST_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/store.h"
#include "shared/code.h"
#include "shared/event.h"
#include "shared/str.h"

#define CACHE_NONE UINT32_MAX

enum user_status { USER_ACTIVE = 0, USER_DISABLED = 1 };

struct cache_user {
    uint64_t id, created_us;
    char *username, *name; /* owned; a rename replaces the pointer under the write lock */
    char *external_id;     /* what another system calls the user; NULL: nothing */
    char *profile_url;     /* a picture; NULL: none; replaced as the name is */
    uint32_t *chats;       /* chat indexes, unordered */
    uint32_t chats_count, chats_room;
    uint8_t status;
    uint64_t valid_from_us; /* of the last revocation of all tokens; those made before it are void */
    uint64_t last_event;   /* newest event of the user's own */
    uint64_t read_all_id;  /* notifications up to it are read */
    uint32_t notes_unread; /* his own notifications above it that are neither read nor deleted */
    uint32_t notes_marked; /* broadcasts above it that he has read or deleted */
    struct prefs *prefs;   /* owned; NULL: the defaults */
};

struct cache_member {
    uint32_t user; /* index */
    uint8_t role;  /* enum member_role */
    uint32_t own_total;   /* messages the user has sent here */
    uint32_t own_at_read; /* how many of them are at or below read_seq */
    uint64_t joined_seq;  /* sees messages above it */
    uint64_t read_seq;
};

struct cache_chat {
    uint64_t id, created_us, renamed_us, last_message_us;
    uint64_t last_seq;
    uint64_t last_message_id, last_text_event; /* message last_seq: its id, and the event that made it what it is */
    uint64_t last_event;
    uint64_t joined_max; /* the highest joined_seq a member ever had: newer messages are for everybody */
    char *name;             /* groups; "" for a direct chat */
    uint32_t peer[2];       /* direct: user indexes, lower id first */
    struct cache_member *members; /* sorted by user index */
    uint32_t members_count, members_room;
    struct deletions *deletions; /* NULL: none */
    uint8_t kind;    /* enum chat_kind */
    bool is_open;    /* a group that everybody may join */
    bool deleted;    /* the slot stays, nobody is in it */
};

struct cache;
struct prefs;
struct sessions;

struct cache *cache_new(void);
void cache_free(struct cache *c);
void cache_rdlock(struct cache *c);
void cache_unlock(struct cache *c);

/* NULL when there is none. */
const struct cache_user *cache_user(const struct cache *c, uint32_t index);
const struct cache_chat *cache_chat(const struct cache *c, uint32_t index);
/* Also when it has been deleted since the process started. */
const struct cache_chat *cache_chat_ever(const struct cache *c, uint64_t chat_id);
uint32_t cache_user_index(const struct cache *c, uint64_t user_id);
uint32_t cache_chat_index(const struct cache *c, uint64_t chat_id);
uint32_t cache_user_by_name(const struct cache *c, struct str username); /* case folded as the store's collation */
uint32_t cache_user_by_external(const struct cache *c, struct str external_id);
/* However somebody else writes it: an id of ours in any form, else an external id, else a user name. */
uint32_t cache_user_called(const struct cache *c, struct str text);
uint32_t cache_direct_chat(const struct cache *c, uint64_t user_a, uint64_t user_b);
/* The group that everybody may join with the lowest id above this one. CACHE_NONE: there is none. */
uint32_t cache_open_chat_after(const struct cache *c, uint64_t chat_id);
const struct cache_member *cache_member(const struct cache_chat *chat, uint32_t user_index);
uint32_t cache_users_count(const struct cache *c);
uint32_t cache_chats_count(const struct cache *c);
const struct sessions *cache_sessions(const struct cache *c);

/* created, renamed or last message: what chat_room.last_updated shows */
uint64_t cache_chat_updated(const struct cache_chat *chat);
/* The name viewer sees (the peer's display name in a direct chat). */
struct str cache_chat_name(const struct cache *c, const struct cache_chat *chat, uint32_t viewer);
/* Messages of others above the read cursor and not deleted. */
uint64_t cache_unread(const struct cache_chat *chat, const struct cache_member *m);
bool cache_is_deleted(const struct cache_chat *chat, uint64_t seq);

/* Unread notifications, broadcasts among them. */
uint64_t cache_notes_unread(const struct cache *c, uint32_t user);
/* Of the broadcasts since created_us those above read_all_id, without as many as are marked. */
uint64_t cache_broadcasts_unread(const struct cache *c, uint64_t created_us, uint64_t read_all_id, uint64_t marked);
/* Broadcasts up to this id are none for a list of somebody who came to be then, or for one of unread ones. */
uint64_t cache_broadcasts_after(const struct cache *c, uint64_t created_us, bool unread_only);
/* Whether it is one that can count as unread: old ones are not kept in memory. */
bool cache_has_broadcast(const struct cache *c, uint64_t id);
/* The same, and the user was there then. */
bool cache_has_broadcast_for(const struct cache *c, uint64_t id, uint32_t user);
/* The newest broadcast's id, 0: none. */
uint64_t cache_last_broadcast(const struct cache *c);
/* Never NULL. */
const struct prefs *cache_prefs(const struct cache *c, uint32_t user);

/* Whether a token of this user, family and time of issue is still good: CODE_OK, CODE_TOKEN_REVOKED, CODE_USER_DISABLED,
 * CODE_USER_NOT_FOUND. Takes the read lock itself. */
enum code cache_token_state(struct cache *c, uint64_t user_id, uint64_t family, uint64_t stamp_us);

#endif
