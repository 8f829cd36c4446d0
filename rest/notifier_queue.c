/* What the feed gives to the notifier: bounded, and never waited for. */
#include <stdlib.h>

#include "rest/cache.h"
#include "rest/metrics.h"
#include "rest/notifier_int.h"
#include "shared/mem.h"

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static struct str keep(char **at, struct str s)
{
    char *p = *at;
    if (s.len > 0) {
        memcpy(p, s.p, s.len);
    }
    *at += s.len;
    return (struct str){p, s.len};
}

struct note_item *note_item_new(const struct event *e, const uint64_t *focused, unsigned focused_count)
{
    bool is_message = e->kind == EV_MESSAGE;
    size_t texts = is_message ? e->message_kind.len + e->content.len : 0;
    size_t bytes = sizeof(struct note_item) + focused_count * sizeof(focused[0]) + texts;
    struct note_item *item = mem_try(1, bytes);
    if (item == NULL) {
        return NULL;
    }
    uint64_t *users = (uint64_t *)(void *)(item + 1);
    char *text = (char *)(users + focused_count);
    if (focused_count > 0) {
        memcpy(users, focused, focused_count * sizeof(users[0]));
        qsort(users, focused_count, sizeof(users[0]), by_number);
    }
    *item = (struct note_item){
        .event_id = e->event_id,
        .chat_id = e->chat_id,
        .seq = e->seq,
        .user_id = is_message ? e->sender.id : e->actor.id,
        .at_us = e->at_us,
        .kind = e->kind,
        .has_focus = true,
        .focused = users,
        .focused_count = focused_count,
        .message_kind = is_message ? keep(&text, e->message_kind) : STR_NONE,
        .content = is_message ? keep(&text, e->content) : STR_NONE,
        .bytes = bytes,
    };
    return item;
}

/* The writer's thread, which alone changes the cache: most readers have nothing that could be marked. */
static bool has_unread(const struct notifier *n, uint64_t user_id)
{
    const struct cache_user *u = cache_user(n->svc->cache, cache_user_index(n->svc->cache, user_id));
    return u != NULL && u->notes_unread > 0;
}

static bool has_room(const struct notifier *n, size_t bytes)
{
    return n->queue.count < n->svc->conf->notifier_queue_max &&
           n->queue.bytes + bytes <= n->svc->conf->notifier_queue_max_bytes;
}

void notifier_tell_behind(const struct notifier *n)
{
    metric_set(METRIC_NOTIFIER_BEHIND, n->newest > n->looked_at ? (int64_t)(n->newest - n->looked_at) : 0);
}

void notifier_on_event(struct notifier *n, const struct event *e, const uint64_t *focused, unsigned focused_count)
{
    if (e->kind == EV_READ && !has_unread(n, e->actor.id)) {
        return;
    }
    pthread_mutex_lock(&n->lock);
    n->newest = e->event_id;
    struct note_item *item = n->lost ? NULL : note_item_new(e, focused, focused_count);
    if (item != NULL && has_room(n, item->bytes)) {
        *(n->queue.tail ? &n->queue.tail->next : &n->queue.head) = item;
        n->queue.tail = item;
        n->queue.count++;
        n->queue.bytes += item->bytes;
    } else {
        if (!n->lost) {
            metric_add(METRIC_NOTIFIER_OVERFLOWS, 1);
        }
        n->lost = true; /* from here on the log is read, which has this one too */
        free(item);
    }
    notifier_tell_behind(n);
    pthread_cond_signal(&n->filled);
    pthread_mutex_unlock(&n->lock);
}

struct note_queue notifier_take(struct notifier *n)
{
    struct note_queue taken = n->queue;
    n->queue = (struct note_queue){0};
    return taken;
}

void note_queue_clear(struct note_queue *q)
{
    while (q->head != NULL) {
        struct note_item *item = q->head;
        q->head = item->next;
        free(item);
    }
    *q = (struct note_queue){0};
}
