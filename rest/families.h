/*
 * families.h -- alive token families (one per login) in the writer's memory
 *
 * A family's refresh token rotates: the row keeps the hash of the present one and of the one before.
 * Changes are made while deciding and undone when the batch fails: families_undo puts back what the
 * batches after `batch` changed.
 * Threads    Whoever holds the writer's decide turn.
 */
#ifndef REST_FAMILIES_H
#define REST_FAMILIES_H

#include "rest/store.h"

struct families;

struct families *families_new(void);
void families_free(struct families *f);
/* Start only. */
void families_load(struct families *f, const struct row_family *r);
/* NULL: unknown, expired long ago or revoked. */
const struct row_family *families_find(const struct families *f, uint64_t id);
/* Insert or replace, remembering what was there for families_undo. */
void families_put(struct families *f, const struct row_family *r, uint64_t batch);
/* Every change is undone (a batch failed) / everything up to batch is final. */
void families_undo(struct families *f);
void families_merged(struct families *f, uint64_t batch);
/* Forget those that can neither be rotated nor be told to be expired any more. Nothing may be in flight. */
void families_expire(struct families *f, uint64_t now_s);
/* Call visit for every alive family of the user. */
void families_of_user(const struct families *f, uint64_t user_id,
                      void (*visit)(void *ctx, const struct row_family *r), void *ctx);

#endif
