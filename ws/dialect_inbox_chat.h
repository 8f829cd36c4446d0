/* dialect_inbox_chat.h -- the dialect of D4's chat socket, /ws/chat */
#ifndef WS_DIALECT_INBOX_CHAT_H
#define WS_DIALECT_INBOX_CHAT_H

#include "ws/dialect.h"

extern const struct dialect dialect_inbox_chat;

#endif
