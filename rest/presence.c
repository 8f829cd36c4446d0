#include "rest/presence.h"

#include <stdlib.h>

#include "rest/lately.h"
#include "rest/metrics.h"
#include "shared/mem.h"

struct presence {
    uint64_t max_age_ms, entries_max;
    struct lately foci;
};

struct presence *presence_new(uint64_t entries_max, uint64_t max_age_ms)
{
    struct presence *p = mem_new(sizeof(*p));
    *p = (struct presence){.max_age_ms = max_age_ms, .entries_max = entries_max, .foci = LATELY_INIT};
    return p;
}

void presence_free(struct presence *p)
{
    if (p != NULL) {
        lately_release(&p->foci);
        free(p);
    }
}

void presence_set_max_age(struct presence *p, uint64_t max_age_ms)
{
    p->max_age_ms = max_age_ms;
}

static void drop(struct presence *p, const struct lately_item *i)
{
    (void)lately_remove(&p->foci, i->chat_id, i->user_id, i->link);
}

/* Old ones go as new ones come, two for one, so that none stay when all is quiet but for one user. */
static void make_room(struct presence *p, uint64_t now_ms)
{
    struct lately_item oldest;
    for (unsigned i = 0; i < 2 && lately_oldest(&p->foci, &oldest) && now_ms > oldest.at_ms + p->max_age_ms; i++) {
        drop(p, &oldest);
    }
    if (p->foci.count >= p->entries_max && lately_oldest(&p->foci, &oldest)) {
        metric_add(METRIC_FOCUS_EVICTED, 1);
        drop(p, &oldest);
    }
}

void presence_focus(struct presence *p, uint64_t chat_id, uint64_t user_id, uint32_t link, uint64_t now_ms)
{
    if (!lately_has(&p->foci, chat_id, user_id, link)) {
        make_room(p, now_ms);
    }
    lately_put(&p->foci, &(struct lately_item){chat_id, user_id, now_ms, link});
    metric_set(METRIC_FOCUS_ENTRIES, p->foci.count);
}

void presence_unfocus(struct presence *p, uint64_t chat_id, uint64_t user_id, uint32_t link)
{
    (void)lately_remove(&p->foci, chat_id, user_id, link);
    metric_set(METRIC_FOCUS_ENTRIES, p->foci.count);
}

void presence_gone(struct presence *p, uint64_t user_id, uint32_t link)
{
    lately_remove_user(&p->foci, user_id, link);
    metric_set(METRIC_FOCUS_ENTRIES, p->foci.count);
}

unsigned presence_focused(struct presence *p, uint64_t chat_id, uint64_t now_ms, uint64_t *users, unsigned room)
{
    uint64_t since_ms = now_ms > p->max_age_ms ? now_ms - p->max_age_ms : 0;
    return lately_of_chat(&p->foci, chat_id, since_ms, users, room);
}
