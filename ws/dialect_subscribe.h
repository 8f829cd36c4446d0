/* dialect_subscribe.h -- the dialect of D1 clients: camelCase JSON, chats are subscribed to one by one */
#ifndef WS_DIALECT_SUBSCRIBE_H
#define WS_DIALECT_SUBSCRIBE_H

#include "ws/dialect.h"

extern const struct dialect dialect_subscribe;

#endif
