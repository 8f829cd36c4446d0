#include "rest/gate.h"

#include <stdlib.h>

#include "shared/event.h"
#include "shared/mem.h"

struct gate_entry {
    uint64_t key, free_at_ms;
    bool holds;
    struct happening held;
};

void gate_release(struct gate *g)
{
    free(g->entries);
    map64_release(&g->at);
    *g = GATE_INIT;
}

void happening_merge(struct happening *a, const struct happening *b)
{
    bool differ = a->actor_id != b->actor_id || a->kind != b->kind;
    bool deleted = a->kind == EV_MESSAGE_DELETED;
    *a = *b;
    a->actor_id = differ ? 0 : b->actor_id;
    a->kind = deleted ? EV_MESSAGE_DELETED : b->kind;
}

static void hold(struct gate_entry *e, const struct happening *h)
{
    if (e->holds) {
        happening_merge(&e->held, h);
    } else {
        e->held = *h;
        e->holds = true;
    }
}

bool gate_pass(struct gate *g, uint64_t key, const struct happening *h, uint64_t now_ms, uint64_t period_ms)
{
    uint32_t i = 0;
    if (map64_get(&g->at, key, &i)) {
        struct gate_entry *e = &g->entries[i];
        if (now_ms < e->free_at_ms || e->holds) { /* what is held goes first, together with this */
            hold(e, h);
            return false;
        }
        e->free_at_ms = now_ms + period_ms;
        return true;
    }
    if (g->count == g->room) {
        g->room = g->room != 0 ? g->room * 2 : 16;
        g->entries = mem_grow(g->entries, g->room, sizeof(g->entries[0]));
    }
    map64_put(&g->at, key, g->count);
    g->entries[g->count++] = (struct gate_entry){.key = key, .free_at_ms = now_ms + period_ms};
    return true;
}

/* The last one moves into the hole. */
static void forget(struct gate *g, uint32_t i)
{
    map64_remove(&g->at, g->entries[i].key);
    g->entries[i] = g->entries[--g->count];
    if (i < g->count) {
        map64_put(&g->at, g->entries[i].key, i);
    }
}

bool gate_next(struct gate *g, uint32_t *at, uint64_t now_ms, uint64_t period_ms, struct happening *out)
{
    while (*at < g->count) {
        struct gate_entry *e = &g->entries[*at];
        if (now_ms < e->free_at_ms) {
            ++*at;
        } else if (e->holds) {
            e->holds = false;
            e->free_at_ms = now_ms + period_ms;
            *out = e->held;
            ++*at;
            return true;
        } else {
            forget(g, *at);
        }
    }
    return false;
}
