/*
 * recovery.h -- connections of Socket.IO that can be recovered: whose they are, their rooms, how long
 *
 * Shape      One entry per pid, found by a keyed hash. An entry is live (a session of a worker has it) or lost since a
 *            time, and ends keep_us after that. What has changed waits in a queue until it is taken to be written, once
 *            however often it has changed meanwhile.
 * Layer      Pure: no feed, no store. Written form: what CMD_RECOVERY has as content (decide_recovery.c).
 * Limits     max entries; above them the one that was lost first makes room, or there is no new one. As many more have
 *            ended and only wait until that is written; above that there is no new one either.
 * Units      Times are wall microseconds, since they outlive the process, and are passed in.
 * Threads    The caller's lock (the feed's).
 */
#ifndef REST_RECOVERY_H
#define REST_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/str.h"

struct recoveries;
struct recovery;

struct recovery_owner { /* worker 0: nobody */
    uint32_t worker;
    uint64_t session;
};

struct recovery_place {
    struct str rooms;  /* see struct link_recovery */
    uint64_t position; /* of the log, when they were these */
};

struct recoveries *recoveries_new(uint64_t max, uint64_t keep_us);
void recoveries_free(struct recoveries *t);
/* As it was stored; lost_us is the time also of those that were live then: these may have joined rooms that are not
 * stored. Oldest first. */
void recoveries_load(struct recoveries *t, struct str pid, uint64_t user_id, uint64_t lost_us, bool was_live,
                     struct recovery_place place);
uint64_t recoveries_count(const struct recoveries *t);

/* NULL: unknown, somebody else's, or it has ended. */
struct recovery *recoveries_find(struct recoveries *t, struct str pid, uint64_t user_id, uint64_t now_us);
struct recovery_place recovery_place(const struct recovery *e);
/* It was loaded as live and has said nothing since. */
bool recovery_is_unsure(const struct recovery *e);
struct recovery_owner recovery_owner(const struct recovery *e);
/* It goes on with another session; the earlier one has no say any more. */
void recovery_take_over(struct recoveries *t, struct recovery *e, struct recovery_owner by);

/* What workers say, as their number-th word on it. Of a pid that is another session's, or another user's, it does not
 * count. true: it is going to be written, and then recovery_written tells so. */
bool recoveries_live(struct recoveries *t, struct str pid, uint64_t user_id, struct recovery_owner by,
                     struct recovery_place place, uint32_t number);
void recoveries_lost(struct recoveries *t, struct str pid, struct recovery_owner by,
                     struct recovery_place place, uint64_t now_us);
bool recoveries_ended(struct recoveries *t, struct str pid, struct recovery_owner by, uint32_t number);
void recoveries_worker_gone(struct recoveries *t, uint32_t worker, uint64_t now_us);
/* End what has been lost for long enough. */
void recoveries_tick(struct recoveries *t, uint64_t now_us);

/* Those that have ended and are kept until that is written. */
uint64_t recoveries_gone(const struct recoveries *t);
/* Something waits to be written. */
bool recoveries_wait(const struct recoveries *t);
/* Append the written form of what waits, at most room entries and about RECOVERY_BYTES of them; how many. Each is given
 * back to recoveries_stored. */
#define RECOVERY_BYTES (256u * 1024)
unsigned recoveries_take(struct recoveries *t, struct recovery **out, unsigned room, struct buf *content);
/* What was taken has been written, of which its owner is to hear: until which of its words. false: of nobody's. */
bool recovery_written(const struct recovery *e, struct recovery_owner *owner, uint32_t *number);
void recoveries_stored(struct recoveries *t, struct recovery *const *taken, unsigned count, bool good);
/* The row with an empty pid: when the live ones were. */
void recoveries_add_clock(struct buf *content, uint64_t now_us);

#endif
