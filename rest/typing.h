/*
 * typing.h -- who is typing where, until they stop or have not said so again for a while
 *
 * Shape      (chat, user) -> when it was said last. What ends by itself is given out for somebody to tell the others.
 * Layer      service. No clock, no caches.
 * Limits     entries_max: one more ends the one that was said longest ago.
 * Units      Times are mono_ms and are passed in.
 * Threads    Under the feed's lock, which is the only one it needs: nothing here locks or blocks.
 */
#ifndef REST_TYPING_H
#define REST_TYPING_H

#include <stdbool.h>
#include <stdint.h>

struct typing;

struct typing_end { /* somebody does not type any more */
    uint64_t chat_id, user_id;
};

struct typing *typing_new(uint64_t entries_max);
void typing_free(struct typing *t);

/* They type (again). true: *ended had to end for it. */
bool typing_start(struct typing *t, uint64_t chat_id, uint64_t user_id, uint64_t now_ms, struct typing_end *ended);
/* true: they did until now. */
bool typing_stop(struct typing *t, uint64_t chat_id, uint64_t user_id);
/* One that has ended because nothing was said for expire_ms. false: none (any more). */
bool typing_expired(struct typing *t, uint64_t now_ms, uint64_t expire_ms, struct typing_end *ended);
/* One that ends because the user has gone. false: none (any more). */
bool typing_gone(struct typing *t, uint64_t user_id, struct typing_end *ended);

#endif
