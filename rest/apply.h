/* apply.h -- merge a committed batch into the caches, event by event (writer thread, write lock held) */
#ifndef REST_APPLY_H
#define REST_APPLY_H

#include "rest/batch.h"
#include "rest/cache_write.h"

/* Before the first event: what has no event of its own (revoked token families, preferences). */
void apply_batch(struct cache *c, const struct batch *b);
/* What this event changed. For EV_CHAT_DELETED call it after routing: then nobody is in the chat any more. */
void apply_draft(struct cache *c, const struct batch *b, const struct draft *d);

#endif
