/*
 * lately.h -- what was so lately: (chat, user, link) with a time, in the order of the times
 *
 * Shape      One array; each entry is in three lists: of its chat (newest first), of its user, and of all (oldest
 *            first). So a report is one look-up by hash, and whoever asks for a chat's, a user's or the oldest
 *            entries touches only those.
 * Layer      service; the common part of presence.h and typing.h, which set the limits.
 * Threads    The owner's.
 */
#ifndef REST_LATELY_H
#define REST_LATELY_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/map64.h"

struct lately_item {
    uint64_t chat_id, user_id, at_ms;
    uint32_t link;
};

struct lately {
    struct lately_entry *entries; /* [0] is none */
    uint32_t used, room;          /* entries[1 .. used-1] have been used */
    uint32_t free_first, oldest, newest;
    uint32_t count;
    struct map64 places;       /* hash of (chat, user, link) -> entry */
    struct map64 chats, users; /* -> first entry of its list */
};

#define LATELY_INIT ((struct lately){.used = 1})

void lately_release(struct lately *l);
bool lately_has(const struct lately *l, uint64_t chat_id, uint64_t user_id, uint32_t link);
/* Insert, or set the time; times never fall. */
void lately_put(struct lately *l, const struct lately_item *item);
/* true: it was there. */
bool lately_remove(struct lately *l, uint64_t chat_id, uint64_t user_id, uint32_t link);
/* false: empty. */
bool lately_oldest(const struct lately *l, struct lately_item *out);
/* Some entry of the user. false: none. */
bool lately_of_user(const struct lately *l, uint64_t user_id, struct lately_item *out);
void lately_remove_user(struct lately *l, uint64_t user_id, uint32_t link);
/* Users of the chat's entries that are not older than this, newest first, at most room. Returns how many. */
unsigned lately_of_chat(const struct lately *l, uint64_t chat_id, uint64_t since_ms, uint64_t *users, unsigned room);

#endif
