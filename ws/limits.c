#include "ws/limits.h"

static uint64_t missing(const struct bucket *b, uint32_t now, uint32_t per_s)
{
    uint64_t refilled = (uint64_t)(now - b->at_ms) * per_s;
    return b->spent_milli > refilled ? b->spent_milli - refilled : 0;
}

bool bucket_is_full(const struct bucket *b, uint64_t now_ms, uint32_t per_s)
{
    return missing(b, (uint32_t)now_ms, per_s) == 0;
}

bool bucket_take(struct bucket *b, uint64_t now_ms, uint32_t per_s, uint32_t burst)
{
    uint32_t now = (uint32_t)now_ms;
    uint64_t spent = missing(b, now, per_s);
    bool allowed = spent + 1000 <= (uint64_t)burst * 1000;
    b->at_ms = now;
    b->spent_milli = (uint32_t)(allowed ? spent + 1000 : spent);
    return allowed;
}
