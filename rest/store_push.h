/*
 * store_push.h -- what the pusher knows of the database: subscriptions, deliveries on their way, its place in the log
 *
 * As store.h says. Unlike the batch of the writer these functions change tables that nobody else changes; each is one
 * transaction, and repeating one does no harm, so that no outcome is in doubt.
 */
#ifndef REST_STORE_PUSH_H
#define REST_STORE_PUSH_H

#include "rest/store.h"

struct row_subscription {
    uint64_t id, user_id, created_us;
    struct key16 hash; /* of the endpoint */
    struct str endpoint, p256dh, auth;
};
struct row_delivery {
    uint64_t subscription_id; /* 0: the webhook */
    uint64_t note_id, user_id, due_us;
    uint16_t attempts;
    struct str endpoint, p256dh, auth; /* store_push_next: p == NULL: there is no subscription (any more) */
};
struct row_push_target { /* whom deliveries wait for */
    uint64_t subscription_id, due_us; /* of the first */
};

typedef void (*store_on_subscription)(void *ctx, const struct row_subscription *r);
typedef void (*store_on_delivery)(void *ctx, const struct row_delivery *r);
typedef void (*store_on_target)(void *ctx, const struct row_push_target *r);

/* -- subscriptions --------------------------------------------------------------------------------- */

enum store_push_added { PUSH_ADDED, PUSH_REPLACED, PUSH_TOO_MANY };
/* Put it in; one of the same endpoint is replaced: the same user's keeps its id and time (they come back in r), another
 * user's is removed first, with what waits for it, which *gone counts. A user has at most max. */
RC_CHECK enum store_rc store_push_add(struct store *s, struct row_subscription *r, uint64_t max,
                                      enum store_push_added *how, uint64_t *gone);
/* Those of a user, oldest first. */
RC_CHECK enum store_rc store_push_list(struct store *s, uint64_t user_id, store_on_subscription on, void *ctx);
/* id, user_id and created_us of those of any of the users. */
RC_CHECK enum store_rc store_push_of(struct store *s, const uint64_t *users, unsigned count,
                                     store_on_subscription on, void *ctx);
/* With what waits for it; *gone counts that. user_id 0: whoever's. */
RC_CHECK enum store_rc store_push_remove(struct store *s, uint64_t id, uint64_t user_id, bool *found, uint64_t *gone);

/* -- from the log ----------------------------------------------------------------------------------- */

RC_CHECK enum store_rc store_push_cursor(struct store *s, struct row_notifier *out);
/* EV_NOTIFICATION with after < id <= upto, rising, at most limit. */
RC_CHECK enum store_rc store_push_events(struct store *s, uint64_t after, uint64_t upto, unsigned limit,
                                         store_on_event on, void *ctx);
/* Users with id > after, rising, at most limit: user_id only. with_subscription: only such. */
RC_CHECK enum store_rc store_push_users(struct store *s, uint64_t after, bool with_subscription, unsigned limit,
                                        store_on_subscription on, void *ctx);
/* The deliveries, and the cursor from `from` to `to`. STORE_FENCED: it is elsewhere, nothing has changed. *added counts
 * those that were not there. */
RC_CHECK enum store_rc store_push_enqueue(struct store *s, const struct row_notifier *from,
                                          const struct row_notifier *to, const struct row_delivery *rows,
                                          unsigned count, uint64_t *added);

/* -- sending ------------------------------------------------------------------------------------------ */

RC_CHECK enum store_rc store_push_count(struct store *s, uint64_t *out);
/* For whom something waits, by the time of the first, at most limit. */
RC_CHECK enum store_rc store_push_targets(struct store *s, unsigned limit, store_on_target on, void *ctx);
/* What is due for one of them, at most limit. */
RC_CHECK enum store_rc store_push_next(struct store *s, uint64_t subscription_id, uint64_t now_us, unsigned limit,
                                       store_on_delivery on, void *ctx);
/* It is done; *gone counts it, unless it was not there any more. */
RC_CHECK enum store_rc store_push_done(struct store *s, const struct row_delivery *r, uint64_t *gone);
/* Not yet: r->attempts and r->due_us are new, and nothing else for the same target comes before hold_us (0: it may). */
RC_CHECK enum store_rc store_push_again(struct store *s, const struct row_delivery *r, uint64_t hold_us);

#endif
