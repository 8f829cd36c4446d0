/*
 * deletions.h -- which messages of a chat are deleted, and how many of them are whose
 *
 * Shape      Sorted lists of two kinds: of all that are deleted, and of those of each sender. So how many of others are
 *            above a read cursor is a difference of two searches, however many there are.
 * Ownership  A chat without deletions has NULL; deletions_free for the others.
 * Threads    None of its own: the cache's lock is held.
 */
#ifndef REST_DELETIONS_H
#define REST_DELETIONS_H

#include <stdbool.h>
#include <stdint.h>

struct deletions;

/* Each seq once. *d is made when it is NULL. At the end of the list it costs nothing, elsewhere a move. */
void deletions_add(struct deletions **d, uint64_t seq, uint32_t sender);
void deletions_free(struct deletions *d);
/* d may be NULL. */
bool deletions_has(const struct deletions *d, uint64_t seq);
/* Of others than this sender, with a higher seq. O(log n). d may be NULL. */
uint64_t deletions_above(const struct deletions *d, uint64_t seq, uint32_t not_of);

#endif
