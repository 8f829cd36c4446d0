/* cache_int.h -- the cache's inside, shared by cache*.c only */
#ifndef REST_CACHE_INT_H
#define REST_CACHE_INT_H

#include <pthread.h>

#include "rest/cache_write.h"
#include "shared/map64.h"

struct cache_broadcast { /* a notification for everybody who was registered then */
    uint64_t id, created_us;
};

struct cache {
    pthread_rwlock_t lock;
    struct cache_user *users;
    uint32_t users_count, users_room;
    struct cache_chat *chats;
    uint32_t chats_count, chats_room;
    uint32_t *open; /* groups that everybody may join: indexes, rising */
    uint32_t open_count, open_room;
    struct map64 user_ids, chat_ids; /* id -> index */
    struct map64 names;              /* hash of the folded user name -> index */
    struct map64 externals;          /* hash of the external id -> index */
    struct map64 pairs;              /* hash of (lower id, higher id) -> chat index */
    struct map64 revoked;            /* token family -> when, in seconds */
    struct sessions *sessions;
    struct cache_broadcast *broadcasts; /* rising id and time */
    uint32_t broadcasts_count, broadcasts_room;
};

/* cache_open.c. Before a chat is deleted it is closed. */
void cache_set_open(struct cache *c, uint32_t chat, bool is_open);

#endif
