/* dialect_conversations.h -- the dialect of D3 clients: bare message objects and notifications, ids as UUIDs */
#ifndef WS_DIALECT_CONVERSATIONS_H
#define WS_DIALECT_CONVERSATIONS_H

#include "ws/dialect.h"

extern const struct dialect dialect_conversations;

#endif
