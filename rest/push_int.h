/* push_int.h -- the pusher's inside, shared by push*.c only */
#ifndef REST_PUSH_INT_H
#define REST_PUSH_INT_H

#include <pthread.h>

#include "rest/push.h"
#include "rest/push_bell.h"
#include "rest/push_crypt.h"
#include "rest/push_http.h"
#include "rest/store_push.h"

#define PUSH_TARGETS_AT_ONCE 256

enum push_slot_state { SLOT_FREE, SLOT_CHOSEN, SLOT_SENDING, SLOT_ANSWERED };
struct push_slot { /* one attempt */
    struct push *p;
    enum push_slot_state state;
    struct row_delivery row; /* its texts are in kept */
    struct buf kept;
    long status;
    uint64_t retry_after_ms;
    struct buf error; /* for the log */
};

struct push {
    const struct rest_conf *conf;
    struct svc *svc;
    const struct store_conf *store_conf;
    struct push_key *key;  /* NULL: no Web Push */
    struct buf secret;     /* of the webhook */
    struct push_http *http;
    struct push_bell bell;
    pthread_t thread;
    bool running;

    pthread_mutex_t lock; /* what follows, up to the line */
    struct push_call *calls, *calls_last;
    uint64_t calls_count;
    bool stopping;
    /* -- the thread's own */
    struct store *store;
    uint64_t connect_at_ms, pause_ms;
    uint64_t started_ms;
    struct row_notifier cursor; /* as stored */
    uint64_t done;              /* events up to here have been looked at */
    bool has_place;             /* both are known */
    uint64_t queued;            /* deliveries in the database */
    struct push_slot *slots;
    struct row_push_target targets[PUSH_TARGETS_AT_ONCE]; /* by due_us */
    unsigned targets_at, targets_count; /* those before targets_at have had their turn */
    bool look;            /* there may be other targets, or a target may be ready */
    uint64_t next_due_us; /* of those that wait, 0: none */
    uint64_t hook_held_us; /* until then nothing goes to the webhook */
};

/* "There is nothing to wait for." */
#define PUSH_NO_WAIT_MS 60000

/* push_call.c: answer those that wait. The store may be NULL. */
void push_answer_calls(struct push *p, struct store *store, enum code without_store);
/* push_follow.c: a piece of the log. Returns after how many ms there may be more to do. */
uint64_t push_follow(struct push *p);
/* push_start.c: one attempt; done is called now or by push_http_poll, with the slot. The others leave the slot as it is. */
enum push_started {
    PUSH_STARTED,
    PUSH_NOT_WANTED, /* nobody to send it to any more, or nothing that is news */
    PUSH_NOT_READ,   /* the database has failed */
};
enum push_started push_start(struct push *p, struct push_slot *slot, push_on_answer done);
/* push_send.c: settle what was answered, start what is due. Returns as push_follow. */
uint64_t push_send(struct push *p);
/* push_send.c: the end: what is answered within a moment is settled. */
void push_finish(struct push *p);
/* How many rows of the queue have come or gone. */
void push_count(struct push *p, uint64_t come, uint64_t gone);

#endif
