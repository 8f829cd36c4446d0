#include "rest/door_pending.h"

#include <stdlib.h>

#include "shared/mem.h"

static struct pending_queue *queue_of(struct pending_set *s, const struct pending *p)
{
    return p->state == PENDING_DRAIN ? &s->drains : &s->heads;
}

struct pending *pending_add(struct pending_set *s, int fd, enum pending_state state,
                            uint64_t deadline_ms)
{
    struct pending *p = mem_try(1, sizeof(*p));
    struct pending_queue *q;

    if (p == NULL) {
        return NULL;
    }
    p->fd = fd;
    p->state = (uint8_t)state;
    p->deadline_ms = deadline_ms;
    q = queue_of(s, p);
    p->prev = q->last;
    if (q->last != NULL) {
        q->last->next = p;
    } else {
        q->first = p;
    }
    q->last = p;
    s->count++;
    return p;
}

void pending_remove(struct pending_set *s, struct pending *p)
{
    struct pending_queue *q = queue_of(s, p);

    if (p->prev != NULL) {
        p->prev->next = p->next;
    } else {
        q->first = p->next;
    }
    if (p->next != NULL) {
        p->next->prev = p->prev;
    } else {
        q->last = p->prev;
    }
    s->count--;
    p->state = PENDING_GONE;
    p->prev = NULL;
    p->next = s->gone;
    s->gone = p;
}

void pending_bury(struct pending_set *s)
{
    while (s->gone != NULL) {
        struct pending *p = s->gone;

        s->gone = p->next;
        free(p);
    }
}

struct pending *pending_surplus(const struct pending_set *s)
{
    if (s->count < s->max) {
        return NULL;
    }
    return s->drains.first != NULL ? s->drains.first : s->heads.first;
}

struct pending *pending_expired(const struct pending_set *s, uint64_t now_ms)
{
    if (s->heads.first != NULL && s->heads.first->deadline_ms <= now_ms) {
        return s->heads.first;
    }
    return s->drains.first != NULL && s->drains.first->deadline_ms <= now_ms ? s->drains.first
                                                                             : NULL;
}

static uint64_t sooner(const struct pending *p, uint64_t deadline_ms)
{
    return p != NULL && p->deadline_ms < deadline_ms ? p->deadline_ms : deadline_ms;
}

int pending_wait_ms(const struct pending_set *s, uint64_t now_ms, int most_ms)
{
    uint64_t until = now_ms + (uint64_t)most_ms;

    until = sooner(s->heads.first, until);
    until = sooner(s->drains.first, until);
    return until > now_ms ? (int)(until - now_ms) : 0;
}
