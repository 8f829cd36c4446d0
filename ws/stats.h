/* stats.h -- what this worker counts; stats.def is the list */
#ifndef WS_STATS_H
#define WS_STATS_H

#include <stdint.h>

#include "shared/buf.h"

struct stats {
#define STAT(field, name) uint64_t field;
#include "ws/stats.def"
#undef STAT
};

/* Append one STATS frame. */
void stats_put(struct buf *link, const struct stats *s);

#endif
