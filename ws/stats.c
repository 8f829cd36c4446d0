#include "ws/stats.h"

#include "shared/link_msg.h"

void stats_put(struct buf *link, const struct stats *s)
{
    const struct link_stat list[] = {
#define STAT(field, name) {STR(name), s->field},
#include "ws/stats.def"
#undef STAT
    };
    link_put_stats(link, list, (uint16_t)(sizeof(list) / sizeof(list[0])));
}
