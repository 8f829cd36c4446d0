/* conversation_text.h -- a chat as the Socket.IO dialect shows it (shared/conversation.h), out of the cache */
#ifndef REST_CONVERSATION_TEXT_H
#define REST_CONVERSATION_TEXT_H

#include "rest/cache.h"
#include "shared/buf.h"

/* [{"id","username","name"},...]: the two of a direct chat, or the first CONVERSATION_PARTICIPANTS_MAX of a group. */
void conversation_add_participants(const struct cache *c, const struct cache_chat *chat, struct buf *out);
/* {"conversation":{...},"participants":[...]} */
void conversation_add_created(const struct cache *c, const struct cache_chat *chat, struct buf *out);

#endif
