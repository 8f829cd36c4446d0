#include "ws/outq.h"

#include <stdlib.h>

#include "shared/bug.h"
#include "shared/mem.h"

#define KEEP_ENTRIES 65536

void outq_pool_init(struct outq_pool *p, uint32_t entries_max)
{
    *p = (struct outq_pool){.made = 1, .entries_max = entries_max};
}

void outq_pool_release(struct outq_pool *p)
{
    free(p->entries);
    *p = (struct outq_pool){0};
}

/* 0: the limit is reached. */
static uint32_t take_entry(struct outq_pool *p)
{
    if (p->used >= p->entries_max) {
        return 0;
    }
    p->used++;
    if (p->free != 0) {
        uint32_t i = p->free;
        p->free = p->entries[i].next;
        return i;
    }
    if (p->made >= p->room) {
        p->room = p->room == 0 ? 256 : p->room * 2;
        p->entries = mem_grow(p->entries, p->room, sizeof(p->entries[0]));
    }
    return p->made++;
}

static void give_entry(struct outq_pool *p, uint32_t i)
{
    msg_unref(p->entries[i].m);
    p->entries[i] = (struct outq_entry){.next = p->free};
    p->free = i;
    p->used--;
    if (p->used == 0 && p->room > KEEP_ENTRIES) { /* a peak is over */
        free(p->entries);
        p->entries = NULL;
        p->room = 0;
        p->made = 1;
        p->free = 0;
    }
}

/* Out of the FIFO; the chain of states is the caller's business. */
static void unlink_entry(struct outq_pool *p, struct outq *q, uint32_t i)
{
    const struct outq_entry *e = &p->entries[i];
    uint32_t len = e->m->len;
    uint32_t before = i == q->head ? 0 : e->prev;
    if (before != 0) {
        p->entries[before].next = e->next;
    } else {
        q->head = e->next;
    }
    if (e->next != 0) {
        p->entries[e->next].prev = before;
    } else {
        q->tail = before;
    }
    q->bytes -= len;
    p->bytes -= len;
    give_entry(p, i);
}

static void pop(struct outq_pool *p, struct outq *q)
{
    uint32_t i = q->head;
    const struct outq_entry *e = &p->entries[i];
    uint32_t len = e->m->len;
    if (i == q->states) {
        q->states = e->next_state;
    }
    q->head = e->next;
    if (q->head == 0) {
        q->tail = 0;
    }
    q->bytes -= len;
    p->bytes -= len;
    give_entry(p, i);
}

/* The newest state goes behind the others; the one that it replaces goes, or the oldest of too many. */
static void chain_state(struct outq_pool *p, struct outq *q, uint32_t newest)
{
    uint64_t key = p->entries[newest].m->state_key;
    uint32_t old = 0, before_old = 0, last = 0, count = 0;
    for (uint32_t i = q->states; i != 0; i = p->entries[i].next_state) {
        if (p->entries[i].m->state_key == key) {
            old = i;
            before_old = last;
        }
        last = i;
        count++;
    }
    if (last != 0) {
        p->entries[last].next_state = newest;
    } else {
        q->states = newest;
    }
    if (old == 0 && count >= OUTQ_STATES_MAX) {
        old = q->states;
    }
    if (old == 0) {
        return;
    }
    if (before_old != 0) {
        p->entries[before_old].next_state = p->entries[old].next_state;
    } else {
        q->states = p->entries[old].next_state;
    }
    unlink_entry(p, q, old);
    p->replaced++;
}

enum rc outq_push(struct outq_pool *p, struct outq *q, struct msg *m, uint32_t number)
{
    uint32_t i = take_entry(p);
    if (i == 0 || m->len > UINT32_MAX - q->bytes) {
        if (i != 0) {
            p->entries[i].m = NULL;
            give_entry(p, i);
        }
        msg_unref(m);
        return RC_TOO_BIG;
    }
    p->entries[i] = (struct outq_entry){.m = m, .number = number, .prev = q->tail};
    if (q->tail != 0) {
        p->entries[q->tail].next = i;
    } else {
        q->head = i;
    }
    q->tail = i;
    q->bytes += m->len;
    p->bytes += m->len;
    if (m->state_key != 0) {
        chain_state(p, q, i);
    }
    return RC_OK;
}

void outq_clear(struct outq_pool *p, struct outq *q)
{
    while (q->head != 0) {
        pop(p, q);
    }
}

unsigned outq_drop_ephemeral(struct outq_pool *p, struct outq *q)
{
    unsigned dropped = 0;
    q->states = 0; /* state is ephemeral */
    for (uint32_t i = q->head, next = 0; i != 0; i = next) {
        next = p->entries[i].next;
        if (p->entries[i].m->ephemeral) {
            unlink_entry(p, q, i);
            dropped++;
        }
    }
    return dropped;
}

const struct outq_entry *outq_head(const struct outq_pool *p, const struct outq *q)
{
    return &p->entries[q->head];
}

void outq_batch(const struct outq_pool *p, const struct outq *q, struct outq_batch *out)
{
    unsigned frames = 0;
    out->count = 0;
    out->bytes = 0;
    for (uint32_t i = q->head; i != 0 && frames < OUTQ_BATCH; i = p->entries[i].next) {
        const struct outq_entry *e = &p->entries[i];
        out->count += msg_pieces(e->m, e->number, out->digits[frames], &out->iov[out->count]);
        out->bytes += e->m->len;
        frames++;
    }
}

/* What is left of a frame behind its first n bytes. */
static void add_rest(const struct outq_entry *e, size_t n, struct buf *rest)
{
    char digits[MSG_HOLE_BYTES];
    struct iovec iov[3];
    unsigned count = msg_pieces(e->m, e->number, digits, iov);
    for (unsigned i = 0; i < count; i++) {
        size_t skip = n < iov[i].iov_len ? n : iov[i].iov_len;
        buf_add(rest, (char *)iov[i].iov_base + skip, iov[i].iov_len - skip);
        n -= skip;
    }
}

unsigned outq_sent(struct outq_pool *p, struct outq *q, size_t n, struct buf *rest)
{
    unsigned frames = 0;
    while (n > 0) {
        BUG_IF(q->head == 0);
        const struct outq_entry *e = &p->entries[q->head];
        size_t len = e->m->len;
        if (n < len) {
            add_rest(e, n, rest);
            n = len;
        }
        n -= len;
        pop(p, q);
        frames++;
    }
    return frames;
}
