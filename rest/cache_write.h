/*
 * cache_write.h -- changing the cache: start-up and the writer thread only
 *
 * The caller holds the write lock (or is alone, at start). Every function says what already happened
 * in the database; nothing here can refuse.
 */
#ifndef REST_CACHE_WRITE_H
#define REST_CACHE_WRITE_H

#include "rest/cache.h"

void cache_wrlock(struct cache *c);

/* Insert, or update name, status, valid_from. Returns the index. */
uint32_t cache_put_user(struct cache *c, const struct row_user *r);
/* Insert with derived fields (last_seq and so on) or with zeros. Returns the index. */
uint32_t cache_put_chat(struct cache *c, const struct row_chat *r);
/* name, open, renamed_us of r; what is empty stays. */
void cache_rename_chat(struct cache *c, uint32_t chat, const struct row_chat *r);
/* Everybody is out; the direct pair is free again. */
void cache_delete_chat(struct cache *c, uint32_t index);
/* Insert or replace the membership of r->user_id in r->chat_id. Unknown users or chats are ignored (rows of a deleted chat). */
void cache_put_member(struct cache *c, const struct row_member *r);
void cache_drop_member(struct cache *c, uint32_t chat, uint32_t user);
void cache_add_message(struct cache *c, uint32_t chat, uint32_t sender, uint64_t seq, uint64_t id, uint64_t at_us);
/* The event changed message seq. */
void cache_change_message(struct cache *c, uint32_t chat, uint64_t seq, uint64_t event_id);
void cache_add_deletion(struct cache *c, uint32_t chat, uint64_t seq, uint32_t sender);
void cache_set_read(struct cache *c, uint32_t chat, uint32_t user, uint64_t read_seq,
                    uint32_t own_at_read);
/* Start only: own messages counted from the log after the checkpoint. */
void cache_count_own(struct cache *c, uint32_t chat, uint32_t user);
void cache_touch_chat(struct cache *c, uint32_t chat, uint64_t event_id);
void cache_touch_user(struct cache *c, uint32_t user, uint64_t event_id);
/* The counters are these now. */
void cache_set_notes(struct cache *c, uint32_t user, uint64_t read_all_id, uint32_t unread, uint32_t marked);
/* Ids rise from call to call. */
void cache_add_broadcast(struct cache *c, uint64_t id, uint64_t created_us);
/* It is nobody's any more; the counts of those who had marked it are lowered by cache_set_notes. */
void cache_drop_broadcast(struct cache *c, uint64_t id);
/* Takes p; NULL: the defaults. */
void cache_set_prefs(struct cache *c, uint32_t user, struct prefs *p);
void cache_revoke_family(struct cache *c, uint64_t family, uint64_t revoked_s);
/* Forget revocations older than before_s: their access tokens have expired. */
void cache_trim_revoked(struct cache *c, uint64_t before_s);

struct sessions *cache_sessions_to_change(struct cache *c);

#endif
