/*
 * recent.h -- outcomes of the last commands by idempotency key, so that a quick retry reads no database
 *
 * A ring of RECENT_MAX entries; the oldest is forgotten. What is forgotten is still caught by the
 * unique index.
 */
#ifndef REST_RECENT_H
#define REST_RECENT_H

#include "shared/cmd.h"

#define RECENT_MAX 65536

struct recent;

struct recent *recent_new(void);
void recent_free(struct recent *r);
void recent_put(struct recent *r, uint64_t user_id, const struct key16 *key, const struct key16 *hash,
                const struct outcome *o);
/* false: not remembered. */
bool recent_get(const struct recent *r, uint64_t user_id, const struct key16 *key,
                struct key16 *hash, struct outcome *o);

#endif
