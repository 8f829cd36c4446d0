/*
 * push.h -- sends notifications to devices that are not connected: Web Push, and a webhook for other gateways
 *
 * Shape      One thread with a database connection of its own. It follows the log with a durable cursor; a notification of
 *            a user who is to be told becomes a delivery per subscription and one to the webhook, stored in the
 *            same transaction as the cursor. Deliveries are made by HTTP, several at the same time, and removed when
 *            they are done. Subscriptions are added, listed and removed by the same thread.
 * Promise    Each delivery is made at least once, or given up after push_attempts_max attempts, push_ttl_ms, or a refusal.
 *            Whether a user is connected is judged once, when the notification has been published; whether it is read,
 *            deleted or still to be seen, before each attempt. What is shown follows the preview policy.
 * Limits     push_* settings. Requests that wait: push_calls_max.
 * Threads    push_call from any; done is called on the pusher's thread.
 */
#ifndef REST_PUSH_H
#define REST_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/rest_conf.h"
#include "rest/svc.h"
#include "shared/arena.h"

struct push;
struct store_conf;

/* *out is NULL when neither Web Push nor a webhook is set. Settings, svc and the strings of store must stay. RC_INVALID with a
 * sentence: keys or addresses are bad. */
RC_CHECK enum rc push_new(const struct rest_conf *conf, const struct store_conf *store, struct svc *svc,
                          struct push **out, struct buf *why);
RC_CHECK enum rc push_run(struct push *p);
/* What is under way has a moment to end, else the next process makes it again. Requests that wait are answered
 * CODE_RESTARTING. NULL is fine. */
void push_stop(struct push *p);
void push_free(struct push *p);
struct push_bell *push_bell_of(struct push *p);
/* Whether the settings and the files they name are good; create: missing secrets would be made. */
RC_CHECK enum rc push_check(const struct rest_conf *conf, bool create, struct buf *why);

/* Whether there is Web Push, not only the webhook. */
bool push_has_key(const struct push *p);
/* The key that browsers subscribe with, in base64url. */
void push_add_public_key(const struct push *p, struct buf *out);

/* -- subscriptions ------------------------------------------------------------------------------------ */

struct push_view {
    uint64_t id, created_us;
    struct str origin; /* of the endpoint, which itself is as good as a secret */
};

enum push_call_kind { PUSH_SUBSCRIBE, PUSH_LIST, PUSH_UNSUBSCRIBE };
struct push_call {
    /* in */
    enum push_call_kind kind;
    struct arena *arena;
    void (*done)(void *ctx, enum code code);
    void *ctx;
    uint64_t user_id;
    uint64_t id;                       /* PUSH_UNSUBSCRIBE */
    struct str endpoint, p256dh, auth; /* PUSH_SUBSCRIBE, checked by push_read */
    /* out */
    struct push_view *views; /* PUSH_SUBSCRIBE: the one; PUSH_LIST: all */
    unsigned count;
    bool created; /* PUSH_SUBSCRIBE: it was not there before */
    /* internal */
    struct push_call *next;
    unsigned room;
    bool failed;
};
/* CODE_OK: done will be called. CODE_QUEUE_FULL, CODE_RESTARTING: it will not. */
enum code push_call(struct push *p, struct push_call *c);

#endif
