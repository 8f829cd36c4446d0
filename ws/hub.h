/*
 * hub.h -- who is here: user slots with their sessions, topics with theirs, and recipient sets
 *
 * Shape      Users in an array by the slot that confab-rest gives, sessions of a user as a list linked
 *            through the connections; sets are arrays of slots by set id. No membership is kept but what
 *            confab-rest sends as a set, because the stream keeps that exact. A topic has sessions of its
 *            own, with or without a user. It is remembered as long as the link lives, so that the number
 *            of its adopts stands beside that of confab-rest, which knows by it what a report covers.
 * Layer      ws/core. Knows conn's list fields only.
 * Limits     users_max for slots, set_members_max for all sets together, topics_max for topics; a frame
 *            beyond them is refused.
 * Threads    Loop thread only.
 */
#ifndef WS_HUB_H
#define WS_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/link_msg.h"
#include "shared/map64.h"
#include "shared/rc.h"

struct conn;
struct conns;

struct hub_user {
    uint64_t id;
    uint32_t first;    /* connection index + 1, 0: none */
    uint32_t sessions; /* 0: the slot is free */
    uint32_t adopts;   /* ADOPT frames of this slot since the link was set up */
    uint32_t watch;    /* what confab-rest was told that they want to hear of (core_focus.c) */
};

struct hub_topic {
    uint64_t id;
    uint32_t first;    /* connection index + 1, 0: none */
    uint32_t sessions;
    uint32_t adopts;   /* ADOPT frames of this topic on this link */
    bool is_changed;   /* and not reported yet */
};

struct hub_limits {
    uint32_t users, topics;
    uint64_t set_members;
};

struct hub_set {
    uint64_t id;     /* 0: free */
    uint32_t *slots; /* no order */
    uint32_t count, room;
};

struct hub {
    struct conns *conns;
    struct hub_user *users; /* by slot; [0] is not used */
    uint32_t users_room, users_count, users_max;
    struct hub_set *sets;
    uint32_t sets_room, sets_hint; /* no free place below the hint */
    struct map64 set_index; /* set id -> index in sets */
    uint64_t members, members_max;
    struct hub_topic *topics;
    uint32_t topics_count, topics_room, topics_max;
    uint32_t *changed; /* topics to report, room for all */
    uint32_t changed_count;
    struct map64 topic_index; /* topic id -> index in topics */
};

void hub_init(struct hub *h, struct conns *conns, const struct hub_limits *limits);
void hub_release(struct hub *h);

/* The user with sessions on this slot, or NULL. */
struct hub_user *hub_user(const struct hub *h, uint32_t slot);
/* Count an adopt of the slot. RC_TOO_BIG: beyond users_max; RC_PROTOCOL: the slot belongs to somebody else. */
RC_CHECK enum rc hub_adopt(struct hub *h, uint32_t slot, uint64_t user_id);
void hub_join(struct hub *h, uint32_t slot, struct conn *c);
/* true: that was the user's last session. */
bool hub_leave(struct hub *h, uint32_t slot, struct conn *c);
/* A new link: adopts of slots without sessions are forgotten on both sides; topics are counted anew, those without
 * sessions forgotten, the others to be reported. */
void hub_forget_adopts(struct hub *h);

/* Count an adopt for the topic. RC_TOO_BIG: it is new, and topics_max are there. */
RC_CHECK enum rc hub_topic_adopt(struct hub *h, uint64_t topic);
/* The connection's topic, which has been counted; and out of it again. */
void hub_topic_join(struct hub *h, uint64_t topic, struct conn *c);
void hub_topic_leave(struct hub *h, struct conn *c);
/* A topic whose numbers have changed since this was last asked, or NULL. */
const struct hub_topic *hub_topic_changed(struct hub *h);

/* Slots that are already in, or not there, are ignored. RC_PROTOCOL on a bad slot, RC_TOO_BIG. */
RC_CHECK enum rc hub_set_add(struct hub *h, uint64_t set, struct rd *slots, uint32_t count);
void hub_set_remove(struct hub *h, uint64_t set, struct rd *slots, uint32_t count);
/* confab-rest sends the sets anew on every link. */
void hub_sets_clear(struct hub *h);

typedef void (*hub_fn)(void *ctx, struct conn *c, uint32_t number);
/* Every connection of every recipient, each once per naming. "All" are those that have a user. */
void hub_each(const struct hub *h, const struct link_recipients *to, hub_fn fn, void *ctx);
void hub_each_of_user(const struct hub *h, uint32_t slot, uint32_t number, hub_fn fn, void *ctx);

#endif
