/* dialect_inbox.h -- the dialect of D4's notification socket, /ws/notifications */
#ifndef WS_DIALECT_INBOX_H
#define WS_DIALECT_INBOX_H

#include "ws/dialect.h"

extern const struct dialect dialect_inbox;

#endif
