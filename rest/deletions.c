#include "rest/deletions.h"

#include <stdlib.h>
#include <string.h>

#include "shared/mem.h"

struct seqs { /* rising */
    uint64_t *at;
    uint32_t count, room;
};

struct by_sender {
    uint32_t sender;
    struct seqs seqs;
};

struct deletions {
    struct seqs all;
    struct by_sender *senders; /* rising */
    uint32_t senders_count, senders_room;
};

/* An eighth more at a time keeps the slack small where there are many. */
static uint32_t more(uint32_t room)
{
    return room + room / 8 + (room < 4 ? 1 : 4);
}

/* How many are at or below seq. */
static uint32_t up_to(const struct seqs *s, uint64_t seq)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->at[mid] <= seq) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void insert(struct seqs *s, uint64_t seq)
{
    uint32_t at = up_to(s, seq);
    if (s->count == s->room) {
        s->room = more(s->room);
        s->at = mem_grow(s->at, s->room, sizeof(s->at[0]));
    }
    memmove(s->at + at + 1, s->at + at, (s->count - at) * sizeof(s->at[0]));
    s->at[at] = seq;
    s->count++;
}

/* The sender's place, or where it would be. */
static uint32_t find(const struct deletions *d, uint32_t sender)
{
    uint32_t low = 0, high = d->senders_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (d->senders[mid].sender < sender) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static bool is_at(const struct deletions *d, uint32_t at, uint32_t sender)
{
    return at < d->senders_count && d->senders[at].sender == sender;
}

static struct seqs *of_sender(struct deletions *d, uint32_t sender)
{
    uint32_t at = find(d, sender);
    if (is_at(d, at, sender)) {
        return &d->senders[at].seqs;
    }
    if (d->senders_count == d->senders_room) {
        d->senders_room = more(d->senders_room);
        d->senders = mem_grow(d->senders, d->senders_room, sizeof(d->senders[0]));
    }
    memmove(d->senders + at + 1, d->senders + at, (d->senders_count - at) * sizeof(d->senders[0]));
    d->senders[at] = (struct by_sender){.sender = sender};
    d->senders_count++;
    return &d->senders[at].seqs;
}

void deletions_add(struct deletions **d, uint64_t seq, uint32_t sender)
{
    if (*d == NULL) {
        *d = mem_new(sizeof(**d));
    }
    insert(&(*d)->all, seq);
    insert(of_sender(*d, sender), seq);
}

void deletions_free(struct deletions *d)
{
    if (d == NULL) {
        return;
    }
    for (uint32_t i = 0; i < d->senders_count; i++) {
        free(d->senders[i].seqs.at);
    }
    free(d->senders);
    free(d->all.at);
    free(d);
}

bool deletions_has(const struct deletions *d, uint64_t seq)
{
    uint32_t n = d != NULL ? up_to(&d->all, seq) : 0;
    return n > 0 && d->all.at[n - 1] == seq;
}

static uint32_t above(const struct seqs *s, uint64_t seq)
{
    return s->count - up_to(s, seq);
}

uint64_t deletions_above(const struct deletions *d, uint64_t seq, uint32_t not_of)
{
    if (d == NULL) {
        return 0;
    }
    uint32_t at = find(d, not_of);
    return above(&d->all, seq) - (is_at(d, at, not_of) ? above(&d->senders[at].seqs, seq) : 0);
}
