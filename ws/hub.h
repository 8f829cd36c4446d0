/*
 * hub.h -- who is here: user slots with their sessions, and recipient sets
 *
 * Shape      Users in an array by the slot that confab-rest gives, sessions of a user as a list linked
 *            through the connections; sets are arrays of slots by set id. No membership is kept but what
 *            confab-rest sends as a set, because the stream keeps that exact.
 * Layer      ws/core. Knows conn's list fields only.
 * Limits     users_max for slots, set_members_max for all sets together; a frame beyond them is refused.
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
};

void hub_init(struct hub *h, struct conns *conns, uint32_t users_max, uint64_t members_max);
void hub_release(struct hub *h);

/* The user with sessions on this slot, or NULL. */
struct hub_user *hub_user(const struct hub *h, uint32_t slot);
/* Count an adopt of the slot. RC_TOO_BIG: beyond users_max; RC_PROTOCOL: the slot belongs to somebody else. */
RC_CHECK enum rc hub_adopt(struct hub *h, uint32_t slot, uint64_t user_id);
void hub_join(struct hub *h, uint32_t slot, struct conn *c);
/* true: that was the user's last session. */
bool hub_leave(struct hub *h, uint32_t slot, struct conn *c);
/* A new link: adopts of slots without sessions are forgotten on both sides. */
void hub_forget_adopts(struct hub *h);

/* Slots that are already in, or not there, are ignored. RC_PROTOCOL on a bad slot, RC_TOO_BIG. */
RC_CHECK enum rc hub_set_add(struct hub *h, uint64_t set, struct rd *slots, uint32_t count);
void hub_set_remove(struct hub *h, uint64_t set, struct rd *slots, uint32_t count);
/* confab-rest sends the sets anew on every link. */
void hub_sets_clear(struct hub *h);

typedef void (*hub_fn)(void *ctx, struct conn *c, uint32_t number);
/* Every connection of every recipient, each once per naming. */
void hub_each(const struct hub *h, const struct link_recipients *to, hub_fn fn, void *ctx);
void hub_each_of_user(const struct hub *h, uint32_t slot, uint32_t number, hub_fn fn, void *ctx);

#endif
