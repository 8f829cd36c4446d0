/*
 * limits.h -- how often: a token bucket in 8 bytes
 *
 * Pure: the time is a parameter (mono_ms, its low 32 bits suffice). A fresh bucket is full.
 */
#ifndef WS_LIMITS_H
#define WS_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    uint32_t spent_milli; /* thousandths of a token that are missing */
    uint32_t at_ms;
};

/* Nothing is missing: nobody has taken one for a while. */
bool bucket_is_full(const struct bucket *b, uint64_t now_ms, uint32_t per_s);
/* One token, if there is one. per_s tokens a second, at most burst at once. */
bool bucket_take(struct bucket *b, uint64_t now_ms, uint32_t per_s, uint32_t burst);

#endif
