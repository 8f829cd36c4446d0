/* Subscriptions: requests of other threads, done by the pusher's. */
#include "rest/metrics.h"
#include "rest/push_int.h"
#include "shared/clock.h"
#include "shared/id.h"

enum code push_call(struct push *p, struct push_call *c)
{
    enum code code = CODE_OK;
    c->next = NULL;
    pthread_mutex_lock(&p->lock);
    if (p->stopping) {
        code = CODE_RESTARTING;
    } else if (p->calls_count >= p->conf->push_calls_max) {
        code = CODE_QUEUE_FULL;
    } else {
        *(p->calls != NULL ? &p->calls_last->next : &p->calls) = c;
        p->calls_last = c;
        p->calls_count++;
    }
    pthread_mutex_unlock(&p->lock);
    if (code == CODE_OK) {
        push_bell_ring(&p->bell);
    }
    return code;
}

static struct push_call *take(struct push *p)
{
    pthread_mutex_lock(&p->lock);
    struct push_call *c = p->calls;
    if (c != NULL) {
        p->calls = c->next;
        p->calls_count--;
    }
    pthread_mutex_unlock(&p->lock);
    return c;
}

static enum code code_of(enum store_rc rc)
{
    return rc == STORE_OK ? CODE_OK : rc == STORE_FULL ? CODE_STORE_FULL : CODE_UNAVAILABLE;
}

static void add_view(void *ctx, const struct row_subscription *row)
{
    struct push_call *c = ctx;
    struct buf origin = BUF_INIT, endpoint = BUF_INIT, why = BUF_INIT;
    if (c->count == c->room) { /* room for twice as many; the arena takes the old array along */
        unsigned room = c->room ? c->room * 2 : 8;
        struct push_view *views = arena_calloc(c->arena, room, sizeof(*views));
        if (views == NULL) {
            c->failed = true;
            return;
        }
        if (c->count > 0) {
            memcpy(views, c->views, c->count * sizeof(*views));
        }
        c->views = views;
        c->room = room;
    }
    buf_add_str(&endpoint, row->endpoint);
    if (push_url_check(endpoint.p, true, true, &origin, &why) != RC_OK) {
        buf_clear(&origin);
    }
    struct push_view *v = &c->views[c->count++];
    *v = (struct push_view){row->id, row->created_us, arena_str(c->arena, buf_str(&origin))};
    c->failed = c->failed || v->origin.p == NULL;
    buf_release(&origin);
    buf_release(&endpoint);
    buf_release(&why);
}

static enum code subscribe(struct push *p, struct push_call *c, struct store *store)
{
    enum store_push_added how = PUSH_ADDED;
    uint64_t gone = 0;
    struct row_subscription row = {.user_id = c->user_id,
                                   .created_us = wall_us(),
                                   .endpoint = c->endpoint,
                                   .p256dh = c->p256dh,
                                   .auth = c->auth};
    do {
        row.id = random_u64() & ID_MAX;
    } while (row.id == 0);
    hash16(c->endpoint, &row.hash);
    enum store_rc rc = store_push_add(store, &row, CONF_NOW(p->conf->push_subscriptions_user_max), &how, &gone);
    push_count(p, 0, gone);
    if (rc == STORE_OK && how == PUSH_TOO_MANY) {
        return CODE_TOO_MANY_PUSH_SUBSCRIPTIONS;
    }
    if (rc == STORE_OK) {
        c->created = how == PUSH_ADDED;
        add_view(c, &row);
    }
    return code_of(rc);
}

static enum code unsubscribe(struct push *p, struct push_call *c, struct store *store)
{
    bool found = false;
    uint64_t gone = 0;
    enum store_rc rc = store_push_remove(store, c->id, c->user_id, &found, &gone);
    push_count(p, 0, gone);
    return rc == STORE_OK && !found ? CODE_PUSH_SUBSCRIPTION_NOT_FOUND : code_of(rc);
}

static enum code serve(struct push *p, struct push_call *c, struct store *store)
{
    switch (c->kind) {
    case PUSH_SUBSCRIBE:
        return subscribe(p, c, store);
    case PUSH_UNSUBSCRIBE:
        return unsubscribe(p, c, store);
    default:
        return code_of(store_push_list(store, c->user_id, add_view, c));
    }
}

void push_answer_calls(struct push *p, struct store *store, enum code without_store)
{
    for (struct push_call *c; (c = take(p)) != NULL;) {
        enum code code = store != NULL ? serve(p, c, store) : without_store;
        c->done(c->ctx, code == CODE_OK && c->failed ? CODE_UNAVAILABLE : code);
    }
}
