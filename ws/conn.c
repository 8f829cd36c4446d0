#include "ws/conn.h"

#include <stdlib.h>

#include "shared/bug.h"
#include "shared/mem.h"

#define CHUNK 1024

void conns_init(struct conns *t, uint32_t max, uint32_t seed)
{
    *t = (struct conns){.max = max, .seed = seed};
    t->chunks = mem_new((max / CHUNK + 1) * sizeof(t->chunks[0]));
}

void conns_release(struct conns *t)
{
    for (uint32_t i = 0; i * CHUNK < t->made; i++) {
        free(t->chunks[i]);
    }
    free(t->chunks);
    *t = (struct conns){0};
}

static struct conn *place(const struct conns *t, uint32_t index)
{
    return &t->chunks[index / CHUNK][index % CHUNK];
}

struct conn *conns_take(struct conns *t)
{
    struct conn *c;
    if (t->count >= t->max) {
        return NULL;
    }
    if (t->free != 0) {
        c = place(t, t->free - 1);
        t->free = c->next;
    } else {
        if (t->made % CHUNK == 0) {
            t->chunks[t->made / CHUNK] = mem_new(CHUNK * sizeof(struct conn));
        }
        c = place(t, t->made);
        c->index = t->made++;
        c->generation = t->seed;
    }
    uint32_t generation = c->generation + 1 != 0 ? c->generation + 1 : 1;
    *c = (struct conn){
        .index = c->index, .generation = generation, .fd = -1, .state = CONN_ADOPTED};
    t->count++;
    return c;
}

void conns_give(struct conns *t, struct conn *c)
{
    BUG_IF(c->out.head != 0 || c->state == CONN_FREE || conn_topic(c) != 0);
    if (c->rx != NULL) {
        buf_release(c->rx);
        free(c->rx);
        c->rx = NULL;
    }
    if (c->dialect != NULL && c->dialect->close != NULL) {
        c->dialect->close(c->dialect_state);
    }
    free(c->dialect_state);
    c->dialect_state = NULL;
    if (c->interest != NULL) {
        interest_release(c->interest);
        free(c->interest);
        c->interest = NULL;
    }
    c->state = CONN_FREE;
    c->next = t->free;
    t->free = c->index + 1;
    t->count--;
}

struct interest *conn_interest(struct conn *c)
{
    if (c->interest == NULL) {
        c->interest = mem_new(sizeof(*c->interest));
    }
    return c->interest;
}

struct conn *conns_at(const struct conns *t, uint32_t index)
{
    struct conn *c = place(t, index);
    return c->state == CONN_FREE ? NULL : c;
}

struct conn *conns_find(const struct conns *t, uint64_t session)
{
    uint32_t index = (uint32_t)session;
    if (index >= t->made) {
        return NULL;
    }
    struct conn *c = conns_at(t, index);
    return c != NULL && c->generation == (uint32_t)(session >> 32) ? c : NULL;
}
