#include "rest/typing.h"

#include <stdlib.h>

#include "rest/lately.h"
#include "rest/metrics.h"
#include "shared/mem.h"

struct typing {
    uint64_t entries_max;
    struct lately now;
};

struct typing *typing_new(uint64_t entries_max)
{
    struct typing *t = mem_new(sizeof(*t));
    *t = (struct typing){.entries_max = entries_max, .now = LATELY_INIT};
    return t;
}

void typing_free(struct typing *t)
{
    if (t != NULL) {
        lately_release(&t->now);
        free(t);
    }
}

static bool end(struct typing *t, const struct lately_item *i, struct typing_end *ended)
{
    *ended = (struct typing_end){i->chat_id, i->user_id};
    return typing_stop(t, i->chat_id, i->user_id);
}

bool typing_start(struct typing *t, uint64_t chat_id, uint64_t user_id, uint64_t now_ms, struct typing_end *ended)
{
    struct lately_item oldest;
    bool is_full = t->now.count >= t->entries_max && !lately_has(&t->now, chat_id, user_id, 0);
    bool evicted = is_full && lately_oldest(&t->now, &oldest) && end(t, &oldest, ended);
    lately_put(&t->now, &(struct lately_item){.chat_id = chat_id, .user_id = user_id, .at_ms = now_ms});
    metric_set(METRIC_TYPING_ENTRIES, t->now.count);
    return evicted;
}

bool typing_stop(struct typing *t, uint64_t chat_id, uint64_t user_id)
{
    bool was = lately_remove(&t->now, chat_id, user_id, 0);
    metric_set(METRIC_TYPING_ENTRIES, t->now.count);
    return was;
}

bool typing_expired(struct typing *t, uint64_t now_ms, uint64_t expire_ms, struct typing_end *ended)
{
    struct lately_item oldest;
    return lately_oldest(&t->now, &oldest) && now_ms >= oldest.at_ms + expire_ms && end(t, &oldest, ended);
}

bool typing_gone(struct typing *t, uint64_t user_id, struct typing_end *ended)
{
    struct lately_item item;
    return lately_of_user(&t->now, user_id, &item) && end(t, &item, ended);
}
