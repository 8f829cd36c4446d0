/*
 * online.h -- who is connected, as others are told, and when they were seen last
 *
 * Shape      By cache index of the user: whether a session is there, whether the others have been told so, and the time
 *            of the last change. The two differ for a while: whoever goes has a time of grace to come back in, so a
 *            reload, a restart or a lost worker is no news. What is due is taken out one by one.
 * Layer      service. No caches, no clock.
 * Memory     10 bytes per user up to the highest index that was ever seen, and a slot for each one that waits.
 * Units      mono_ms for what is due, wall microseconds for when somebody was seen; both are passed in.
 * Threads    Under the feed's lock, which is the only one it needs: nothing here locks or blocks.
 */
#ifndef REST_ONLINE_H
#define REST_ONLINE_H

#include <stdbool.h>
#include <stdint.h>

struct online;

struct online *online_new(void);
void online_free(struct online *o);

/* Start: as the store has it. Whoever was connected then has until due_ms to come back. */
void online_load(struct online *o, uint32_t user, uint64_t seen_us, bool was_online, uint64_t due_ms);
/* The first session is there. quietly: it had been there before this process was, so it is no news. */
void online_comes(struct online *o, uint32_t user, uint64_t now_ms, uint64_t seen_us, bool quietly);
/* The last session has gone. */
void online_goes(struct online *o, uint32_t user, uint64_t due_ms, uint64_t seen_us);

struct seen {
    uint32_t user;
    bool online;      /* as others are told */
    uint64_t seen_us; /* 0: never */
};
/* Of one user. */
struct seen online_get(const struct online *o, uint32_t user);
/* The next change that others are to be told of. false: none (is due). */
bool online_next(struct online *o, uint64_t now_ms, struct seen *out);
/* Users that are told to be there. */
uint32_t online_count(const struct online *o);

/* Up to room users whose state is not stored yet; it is regarded as stored. Returns how many. */
unsigned online_take_changed(struct online *o, struct seen *out, unsigned room);
/* It could not be stored. */
void online_changed(struct online *o, uint32_t user);
/* The end: whoever is there was seen now, and that is to be stored. */
void online_stop(struct online *o, uint64_t seen_us);

#endif
