#include "ws/pending.h"

#include <stdlib.h>
#include <string.h>

#include "shared/bug.h"
#include "shared/mem.h"

void pendings_init(struct pendings *t, uint32_t max)
{
    BUG_IF(max == 0 || max > UINT16_MAX - 1);
    *t = (struct pendings){.max = max, .free = 1};
    t->places = mem_new(max * sizeof(t->places[0]));
    for (uint32_t i = 0; i < max; i++) {
        t->places[i].request = i;
        t->places[i].next = (uint16_t)(i + 1 < max ? i + 2 : 0);
    }
}

void pendings_release(struct pendings *t)
{
    for (uint32_t i = 0; i < t->max; i++) {
        free(t->places[i].bytes);
    }
    free(t->places);
    *t = (struct pendings){0};
}

enum rc pendings_take(struct pendings *t, struct pending **out)
{
    if (t->free == 0) {
        return RC_AGAIN;
    }
    uint16_t at = t->free;
    struct pending *p = &t->places[at - 1];
    t->free = p->next;
    uint32_t request = p->request + (1u << 16);
    *p = (struct pending){.used = true, .request = request >= 1u << 16 ? request : request + (1u << 16), .prev = t->last};
    if (t->last != 0) {
        t->places[t->last - 1].next = at;
    } else {
        t->first = at;
    }
    t->last = at;
    t->count++;
    *out = p;
    return RC_OK;
}

enum rc pending_keep(struct pending *p, struct str ref, struct str frame)
{
    BUG_IF(ref.len > UINT8_MAX || frame.len > UINT32_MAX);
    if (ref.len + frame.len == 0) {
        return RC_OK;
    }
    p->bytes = mem_try(1, ref.len + frame.len);
    if (p->bytes == NULL) {
        return RC_NO_MEMORY;
    }
    if (ref.len > 0) {
        memcpy(p->bytes, ref.p, ref.len);
    }
    if (frame.len > 0) {
        memcpy(p->bytes + ref.len, frame.p, frame.len);
    }
    p->ref_len = (uint8_t)ref.len;
    p->frame_len = (uint32_t)frame.len;
    return RC_OK;
}

struct pending *pendings_find(const struct pendings *t, uint32_t request)
{
    uint32_t place = request & 0xffff;
    struct pending *p = place < t->max ? &t->places[place] : NULL;
    return p != NULL && p->used && p->request == request ? p : NULL;
}

void pendings_give(struct pendings *t, struct pending *p)
{
    uint16_t at = (uint16_t)(p - t->places + 1);
    if (p->prev != 0) {
        t->places[p->prev - 1].next = p->next;
    } else {
        t->first = p->next;
    }
    if (p->next != 0) {
        t->places[p->next - 1].prev = p->prev;
    } else {
        t->last = p->prev;
    }
    free(p->bytes);
    *p = (struct pending){.request = p->request, .next = t->free};
    t->free = at;
    t->count--;
}

struct pending *pendings_first(const struct pendings *t)
{
    return t->first != 0 ? &t->places[t->first - 1] : NULL;
}

struct pending *pendings_next(const struct pendings *t, const struct pending *p)
{
    return p->next != 0 ? &t->places[p->next - 1] : NULL;
}
