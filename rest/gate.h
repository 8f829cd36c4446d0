/*
 * gate.h -- at most one per period and key, and the last one is never lost
 *
 * Shape      What comes within a period of the one before is kept, the newest in the place of the older; when the
 *            period is over it is given out. A key that was quiet for a period is forgotten.
 * Layer      service. No clock, no locks: the owner's.
 * Limits     None of its own: keys live for one period, so there are as many as things happen in one.
 */
#ifndef REST_GATE_H
#define REST_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/map64.h"

/* Something that happened in a chat. */
struct happening {
    uint64_t chat_id, actor_id, at_us;
    uint64_t seq, message_id; /* of the read cursor */
    uint8_t kind;             /* enum event_kind */
};

struct gate {
    struct gate_entry *entries;
    uint32_t count, room;
    struct map64 at; /* key -> index of entries */
};

#define GATE_INIT ((struct gate){NULL, 0, 0, MAP64_INIT})

void gate_release(struct gate *g);
/* b, which comes after *a: where they differ in who or what, nobody in particular did it. A deletion stays
 * one: some hear of those only, as a message that was unread may be gone. */
void happening_merge(struct happening *a, const struct happening *b);
/* true: now. false: it is kept. */
bool gate_pass(struct gate *g, uint64_t key, const struct happening *h, uint64_t now_ms, uint64_t period_ms);
/* Iterate over what is due: *at = 0 first, false at the end. Nothing may pass meanwhile. */
bool gate_next(struct gate *g, uint32_t *at, uint64_t now_ms, uint64_t period_ms, struct happening *out);

#endif
