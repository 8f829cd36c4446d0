/*
 * dialect_id.h -- the numbers of the dialects, and what a connection asked for
 *
 * The front door chooses once per connection, the worker looks the number up in
 * its table. Numbers cross the link: append only.
 */
#ifndef SHARED_DIALECT_ID_H
#define SHARED_DIALECT_ID_H

enum dialect_id {
    DIALECT_NONE = 0,
    DIALECT_ROOMS = 1,         /* D0 /ws */
    DIALECT_SUBSCRIBE = 2,     /* D1 /api/ws */
    DIALECT_SOCKETIO = 3,      /* D2 /socket.io/ */
    DIALECT_CONVERSATIONS = 4, /* D3 /ws with Bearer */
    DIALECT_DASHBOARD = 5,     /* D3 /ws/dashboard/:sessionID */
    DIALECT_INBOX = 6,         /* D4 /ws/notifications */
    DIALECT_INBOX_CHAT = 7,    /* D4 /ws/chat */
    DIALECT_ECHO = 8,          /* plain echo for protocol suites, test flag only */
    DIALECT_EIO_ECHO = 9,      /* the same inside Engine.IO sessions */
    DIALECT_COUNT
};

/* Query options of a connection, as bits. */
enum conn_option {
    CONN_EXT = 1,             /* ?ext=1: frames carry _ext, extension frames are sent */
    CONN_SINCE = 2,           /* ?since=: resume; the cursor is in the adopt message */
    CONN_EVENTS_STATUS = 4,   /* ?events=status */
    CONN_EVENTS_READ = 8,     /* ?events=read */
    CONN_EVENTS_UPLOAD = 16,  /* ?events=upload */
    CONN_EVENTS_TYPING = 32,  /* ?events=typing */
    CONN_EVENTS_GROUP = 64,   /* ?events=group */
    CONN_CHAT_UPDATES = 128,  /* wants the state of chats (EV_CHAT_UPDATE); its dialect says so, never the client */
    CONN_REPLAY = 256,        /* ?replay=N on a dashboard; N is in since */
    CONN_FIXTURE = 1024,      /* Socket.IO with the echo namespaces of the protocol suites */
    CONN_NO_RECOVERY = 2048,  /* ?recovery=0: Socket.IO without pid and offsets, for handlers that take one argument */
    CONN_HEARS_OWN = 512,     /* shows what the user's other connections and REST sent; set by the door's settings */
};

#endif
