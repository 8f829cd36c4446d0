/* From the log to the queue: whose devices are told of a notification. */
#include <stdlib.h>

#include "rest/cache.h"
#include "rest/feed.h"
#include "rest/metrics.h"
#include "rest/push_int.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

#define EVENTS_AT_ONCE 256
#define USERS_AT_ONCE  256
#define LOG_RANGE      16384 /* events that one read looks at: it takes a moment however few are notifications */
#define CURSOR_LAG_MAX 4096  /* events that a restart looks at again for nothing */
#define FULL_PAUSE_MS  1000
#define SETTLE_MS      5000  /* after a start nobody is connected until the workers have said who is */

struct told { /* a user and a notification */
    uint64_t user_id, note_id, at_us;
};

struct following {
    struct push *p;
    uint64_t now_us;
    struct row_event events[EVENTS_AT_ONCE];
    unsigned events_count;
    struct told told[EVENTS_AT_ONCE];
    unsigned told_count;
    uint64_t users[USERS_AT_ONCE];
    unsigned users_count;
    struct row_delivery *rows;
    unsigned rows_count, rows_room;
};

/* -- who ------------------------------------------------------------------------------------------------- */

static bool is_active(struct cache *c, uint64_t user_id, uint64_t at_us)
{
    cache_rdlock(c);
    const struct cache_user *u = cache_user(c, cache_user_index(c, user_id));
    bool active = u != NULL && u->status == USER_ACTIVE && u->created_us <= at_us;
    cache_unlock(c);
    return active;
}

static bool is_due(const struct following *f, uint64_t user_id, uint64_t at_us)
{
    const struct rest_conf *conf = f->p->conf;
    return at_us + CONF_NOW(conf->push_ttl_ms) * 1000 > f->now_us && is_active(f->p->svc->cache, user_id, at_us) &&
           (CONF_NOW(conf->push_when) == PUSH_ALWAYS || !feed_user_online(f->p->svc->feed, user_id));
}

static void tell(struct following *f, uint64_t user_id, uint64_t note_id, uint64_t at_us)
{
    if (is_due(f, user_id, at_us)) {
        f->told[f->told_count++] = (struct told){user_id, note_id, at_us};
    }
}

/* -- what ------------------------------------------------------------------------------------------------ */

static void add_row(struct following *f, uint64_t subscription_id, const struct told *t)
{
    if (f->rows_count == f->rows_room) {
        f->rows_room = f->rows_room ? f->rows_room * 2 : 256;
        f->rows = mem_grow(f->rows, f->rows_room, sizeof(f->rows[0]));
    }
    f->rows[f->rows_count++] = (struct row_delivery){
        .subscription_id = subscription_id, .note_id = t->note_id, .user_id = t->user_id, .due_us = f->now_us};
}

static void on_subscription(void *ctx, const struct row_subscription *s)
{
    struct following *f = ctx;
    for (unsigned i = 0; i < f->told_count; i++) {
        if (f->told[i].user_id == s->user_id && f->told[i].at_us >= s->created_us) {
            add_row(f, s->id, &f->told[i]);
        }
    }
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static enum store_rc add_subscriptions(struct following *f)
{
    uint64_t users[EVENTS_AT_ONCE];
    unsigned count = 0, all = f->told_count;
    for (unsigned i = 0; i < all; i++) {
        users[i] = f->told[i].user_id;
    }
    qsort(users, all, sizeof(users[0]), by_number);
    for (unsigned i = 0; i < all; i++) {
        if (count == 0 || users[count - 1] != users[i]) {
            users[count++] = users[i];
        }
    }
    return count > 0 ? store_push_of(f->p->store, users, count, on_subscription, f) : STORE_OK;
}

/* Deliveries to everybody who is told, and the cursor. */
static bool store_told(struct following *f, const struct row_notifier *to)
{
    struct push *p = f->p;
    uint64_t added = 0;
    enum store_rc rc = STORE_OK;
    f->rows_count = 0;
    if (p->key != NULL) {
        rc = add_subscriptions(f);
    }
    for (unsigned i = 0; p->secret.len > 0 && i < f->told_count; i++) {
        add_row(f, 0, &f->told[i]);
    }
    bool lags = to->user_id != 0 || to->event_id > p->cursor.event_id + CURSOR_LAG_MAX || p->cursor.user_id != 0;
    if (rc == STORE_OK && (f->rows_count > 0 || lags)) {
        rc = store_push_enqueue(p->store, &p->cursor, to, f->rows, f->rows_count, &added);
        if (rc == STORE_OK) {
            p->cursor = *to;
        }
    }
    if (rc == STORE_FENCED) {
        log_warn("push_cursor_moved", "event=%llu", (unsigned long long)p->cursor.event_id);
        p->has_place = false; /* somebody else has been at it: look again */
    }
    if (rc != STORE_OK) {
        return false;
    }
    push_count(p, added, 0);
    p->look = p->look || added > 0;
    p->done = to->user_id != 0 ? to->event_id - 1 : to->event_id;
    return true;
}

/* -- pieces of the log ------------------------------------------------------------------------------------- */

static void on_event(void *ctx, const struct row_event *e)
{
    struct following *f = ctx;
    f->events[f->events_count++] = *e;
}

static void on_user(void *ctx, const struct row_subscription *row)
{
    struct following *f = ctx;
    f->users[f->users_count++] = row->user_id;
}

/* The next users of a notification for everybody. */
static bool follow_broadcast(struct following *f, const struct row_event *e)
{
    struct push *p = f->p;
    uint64_t after = p->cursor.event_id == e->id ? p->cursor.user_id : 0;
    bool is_old = e->at_us + CONF_NOW(p->conf->push_ttl_ms) * 1000 <= f->now_us;
    f->users_count = 0;
    if (!is_old && store_push_users(p->store, after, p->secret.len == 0, USERS_AT_ONCE, on_user, f) != STORE_OK) {
        return false;
    }
    for (unsigned i = 0; i < f->users_count; i++) {
        tell(f, f->users[i], e->id, e->at_us);
    }
    bool more = f->users_count == USERS_AT_ONCE;
    return store_told(f, &(struct row_notifier){e->id, more ? f->users[f->users_count - 1] : 0});
}

/* Single users' notifications up to the first for everybody. */
static bool follow_events(struct following *f, uint64_t upto)
{
    unsigned i = 0;
    for (; i < f->events_count && f->events[i].subject_id != 0; i++) {
        tell(f, f->events[i].subject_id, f->events[i].id, f->events[i].at_us);
    }
    if (i == 0 && f->events_count > 0) {
        return follow_broadcast(f, &f->events[0]);
    }
    if (f->events_count == EVENTS_AT_ONCE || i < f->events_count) {
        upto = f->events[i - 1].id;
    }
    return store_told(f, &(struct row_notifier){upto, 0});
}

static bool follow_piece(struct push *p, uint64_t published)
{
    struct following *f = mem_new(sizeof(*f));
    uint64_t upto = published - p->done < LOG_RANGE ? published : p->done + LOG_RANGE;
    f->p = p;
    f->now_us = wall_us();
    bool good = store_push_events(p->store, p->done, upto, EVENTS_AT_ONCE, on_event, f) == STORE_OK && follow_events(f, upto);
    free(f->rows);
    free(f);
    return good;
}

uint64_t push_follow(struct push *p)
{
    uint64_t published = feed_published(p->svc->feed);
    uint64_t age_ms = mono_ms() - p->started_ms;
    metric_set(METRIC_PUSH_BEHIND, published > p->done ? (int64_t)(published - p->done) : 0);
    if (published <= p->done) {
        return PUSH_NO_WAIT_MS;
    }
    if (age_ms < SETTLE_MS && feed_workers_ready(p->svc->feed) == 0) {
        return 100;
    }
    if (p->queued >= CONF_NOW(p->conf->push_queue_max)) {
        return FULL_PAUSE_MS;
    }
    return follow_piece(p, published) ? 0 : FULL_PAUSE_MS;
}
