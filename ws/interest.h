/*
 * interest.h -- what one connection looks at: subscriptions, focus, typing, topic
 *
 * Shape      One struct, which a connection gets when it first needs it, so that the others pay a pointer.
 *            The subscribed chats are a sorted array; typing remembers the last few chats.
 * Layer      ws/connection. Pure: no link, no dialect; time is a parameter (mono ms).
 * Limits     The caller gives the number of chats; TYPING_CHATS are remembered for typing, and a bucket
 *            bounds what is told whatever the client does.
 * Threads    Loop thread only.
 */
#ifndef WS_INTEREST_H
#define WS_INTEREST_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/event.h"
#include "ws/limits.h"

#define TYPING_CHATS 8

struct typing {
    struct bucket told;
    struct typing_chat {
        uint64_t chat_id; /* 0: free */
        uint64_t told_ms;
        bool on;
    } chats[TYPING_CHATS];
};

struct interest {
    uint64_t focus_chat;  /* 0: none */
    bool focus_is_chosen; /* the client said so; else it is the chat it last sent a message to */
    uint64_t seen_ms;     /* last frame of the client */
    uint64_t told_ms;     /* when everything was last reported */
    struct interest_chat {
        uint64_t id, since; /* since: the last event before it was subscribed */
    } *chats;             /* subscribed, rising */
    uint32_t chats_count, chats_room;
    uint32_t asking;       /* subscriptions that have no answer yet */
    struct typing *typing; /* NULL: never typed */
    uint64_t topic;        /* 0: none */
    uint64_t replay;       /* events of the topic to begin with */
    uint32_t topic_next, topic_prev; /* sessions of the topic: index + 1, 0 = end */
};

void interest_release(struct interest *i);

/* NULL is nothing. */
bool interest_has_chat(const struct interest *i, uint64_t chat_id);
/* Whether it takes a subscription of its chat to hear of the event. Notifications, presence and uploads are about the
 * user, whatever chat they name; a new chat has no subscribers; what happens to the viewer's own membership is shown. */
bool interest_filters(const struct event *e, uint64_t viewer_id);
/* It is focused or subscribed. NULL is nothing. */
bool interest_looks_at(const struct interest *i, uint64_t chat_id);
/* It is subscribed, and was so already when the event happened (0: an event of this moment). */
bool interest_had_chat(const struct interest *i, uint64_t chat_id, uint64_t event_id);
/* since: the last event that is not for it. What is there stays. false: max chats are there and this is another. */
bool interest_add_chat(struct interest *i, uint64_t chat_id, uint64_t since, uint32_t max);
/* false: it was not there. */
bool interest_remove_chat(struct interest *i, uint64_t chat_id);

/* Is this news to be told? The same state again is, every repeat_ms; at most per_s are in a second. */
bool interest_types(struct interest *i, uint64_t chat_id, bool on, uint64_t now_ms,
                    uint64_t repeat_ms, uint32_t per_s);

#endif
