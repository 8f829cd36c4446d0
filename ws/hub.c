#include "ws/hub.h"

#include <stdlib.h>

#include "shared/bug.h"
#include "shared/mem.h"
#include "ws/conn.h"

void hub_init(struct hub *h, struct conns *conns, const struct hub_limits *limits)
{
    *h = (struct hub){.conns = conns,
                      .users_max = limits->users,
                      .members_max = limits->set_members,
                      .topics_max = limits->topics};
}

void hub_release(struct hub *h)
{
    for (uint32_t i = 0; i < h->sets_room; i++) {
        free(h->sets[i].slots);
    }
    free(h->sets);
    free(h->users);
    free(h->topics);
    free(h->changed);
    map64_release(&h->set_index);
    map64_release(&h->topic_index);
    *h = (struct hub){0};
}

/* -- topics ------------------------------------------------------------------------------------------ */

static struct hub_topic *find_topic(const struct hub *h, uint64_t topic)
{
    uint32_t index;
    return topic != 0 && map64_get(&h->topic_index, topic, &index) ? &h->topics[index] : NULL;
}

/* One that has been counted. */
static struct hub_topic *known_topic(const struct hub *h, uint64_t topic)
{
    uint32_t index = 0;
    BUG_IF(!map64_get(&h->topic_index, topic, &index));
    return &h->topics[index];
}

static void topic_changes(struct hub *h, struct hub_topic *t)
{
    if (!t->is_changed) {
        t->is_changed = true;
        h->changed[h->changed_count++] = (uint32_t)(t - h->topics);
    }
}

enum rc hub_topic_adopt(struct hub *h, uint64_t topic)
{
    struct hub_topic *t = find_topic(h, topic);
    if (t == NULL && h->topics_count >= h->topics_max) {
        return RC_TOO_BIG;
    }
    if (t == NULL) {
        if (h->topics_count == h->topics_room) {
            h->topics_room = h->topics_room == 0 ? 16 : h->topics_room * 2;
            h->topics = mem_grow(h->topics, h->topics_room, sizeof(h->topics[0]));
            h->changed = mem_grow(h->changed, h->topics_room, sizeof(h->changed[0]));
        }
        t = &h->topics[h->topics_count];
        *t = (struct hub_topic){.id = topic};
        map64_put(&h->topic_index, topic, h->topics_count++);
    }
    t->adopts++;
    topic_changes(h, t);
    return RC_OK;
}

void hub_topic_join(struct hub *h, uint64_t topic, struct conn *c)
{
    struct hub_topic *t = known_topic(h, topic);
    struct interest *i = conn_interest(c);
    BUG_IF(i->topic != 0);
    i->topic = topic;
    i->topic_next = t->first;
    if (t->first != 0) {
        conns_at(h->conns, t->first - 1)->interest->topic_prev = c->index + 1;
    }
    t->first = c->index + 1;
    t->sessions++;
    topic_changes(h, t);
}

void hub_topic_leave(struct hub *h, struct conn *c)
{
    struct interest *i = c->interest;
    struct hub_topic *t = known_topic(h, i->topic);
    BUG_IF(t->sessions == 0);
    if (i->topic_prev != 0) {
        conns_at(h->conns, i->topic_prev - 1)->interest->topic_next = i->topic_next;
    } else {
        t->first = i->topic_next;
    }
    if (i->topic_next != 0) {
        conns_at(h->conns, i->topic_next - 1)->interest->topic_prev = i->topic_prev;
    }
    i->topic = 0;
    i->topic_next = 0;
    i->topic_prev = 0;
    t->sessions--;
    topic_changes(h, t);
}

const struct hub_topic *hub_topic_changed(struct hub *h)
{
    if (h->changed_count == 0) {
        return NULL;
    }
    struct hub_topic *t = &h->topics[h->changed[--h->changed_count]];
    t->is_changed = false;
    return t;
}

static void forget_topic_adopts(struct hub *h)
{
    uint32_t kept = 0;
    h->changed_count = 0;
    map64_clear(&h->topic_index);
    for (uint32_t i = 0; i < h->topics_count; i++) {
        if (h->topics[i].sessions > 0) {
            h->topics[kept] = h->topics[i];
            h->topics[kept].adopts = 0;
            h->topics[kept].is_changed = false;
            map64_put(&h->topic_index, h->topics[kept].id, kept);
            topic_changes(h, &h->topics[kept++]);
        }
    }
    h->topics_count = kept;
}

/* -- users ------------------------------------------------------------------------------------------- */

struct hub_user *hub_user(const struct hub *h, uint32_t slot)
{
    return slot < h->users_room && h->users[slot].sessions > 0 ? &h->users[slot] : NULL;
}

static void grow_users(struct hub *h, uint32_t slot)
{
    uint32_t room = h->users_room == 0 ? 64 : h->users_room;
    while (room <= slot) {
        room *= 2;
    }
    h->users = mem_grow(h->users, room, sizeof(h->users[0]));
    for (uint32_t i = h->users_room; i < room; i++) {
        h->users[i] = (struct hub_user){0};
    }
    h->users_room = room;
}

enum rc hub_adopt(struct hub *h, uint32_t slot, uint64_t user_id)
{
    if (slot == 0) {
        return RC_PROTOCOL;
    }
    if (slot > h->users_max) {
        return RC_TOO_BIG;
    }
    if (slot >= h->users_room) {
        grow_users(h, slot);
    }
    struct hub_user *u = &h->users[slot];
    if (u->sessions > 0 && u->id != user_id) {
        return RC_PROTOCOL;
    }
    u->id = user_id;
    u->adopts++;
    return RC_OK;
}

void hub_join(struct hub *h, uint32_t slot, struct conn *c)
{
    struct hub_user *u = &h->users[slot];
    c->slot = slot;
    c->prev = 0;
    c->next = u->first;
    if (u->first != 0) {
        conns_at(h->conns, u->first - 1)->prev = c->index + 1;
    }
    u->first = c->index + 1;
    h->users_count += u->sessions == 0;
    u->sessions++;
}

bool hub_leave(struct hub *h, uint32_t slot, struct conn *c)
{
    struct hub_user *u = &h->users[slot];
    BUG_IF(u->sessions == 0);
    if (c->prev != 0) {
        conns_at(h->conns, c->prev - 1)->next = c->next;
    } else {
        u->first = c->next;
    }
    if (c->next != 0) {
        conns_at(h->conns, c->next - 1)->prev = c->prev;
    }
    c->next = 0;
    c->prev = 0;
    c->slot = 0;
    u->sessions--;
    if (u->sessions == 0) {
        h->users_count--;
        u->watch = 0;
    }
    return u->sessions == 0;
}

void hub_forget_adopts(struct hub *h)
{
    for (uint32_t i = 1; i < h->users_room; i++) {
        if (h->users[i].sessions == 0) {
            h->users[i].adopts = 0;
        }
    }
    forget_topic_adopts(h);
}

/* -- recipient sets ------------------------------------------------------------------------------------ */

static struct hub_set *find_set(const struct hub *h, uint64_t set)
{
    uint32_t index;
    return set != 0 && map64_get(&h->set_index, set, &index) ? &h->sets[index] : NULL;
}

static struct hub_set *make_set(struct hub *h, uint64_t set)
{
    uint32_t i = h->sets_hint;
    while (i < h->sets_room && h->sets[i].id != 0) {
        i++;
    }
    if (i == h->sets_room) {
        h->sets_room = i == 0 ? 16 : i * 2;
        h->sets = mem_grow(h->sets, h->sets_room, sizeof(h->sets[0]));
        for (uint32_t n = i; n < h->sets_room; n++) {
            h->sets[n] = (struct hub_set){0};
        }
    }
    h->sets_hint = i + 1;
    h->sets[i] = (struct hub_set){.id = set};
    map64_put(&h->set_index, set, i);
    return &h->sets[i];
}

static void drop_set(struct hub *h, struct hub_set *s)
{
    uint32_t i = (uint32_t)(s - h->sets);
    h->sets_hint = i < h->sets_hint ? i : h->sets_hint;
    h->members -= s->count;
    map64_remove(&h->set_index, s->id);
    free(s->slots);
    *s = (struct hub_set){0};
}

static bool find_slot(const struct hub_set *s, uint32_t slot, uint32_t *at)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->slots[i] == slot) {
            *at = i;
            return true;
        }
    }
    return false;
}

enum rc hub_set_add(struct hub *h, uint64_t set, struct rd *slots, uint32_t count)
{
    if (set == 0) {
        return RC_PROTOCOL;
    }
    if (h->members + count > h->members_max) {
        return RC_TOO_BIG;
    }
    struct hub_set *s = find_set(h, set);
    if (s == NULL) {
        s = make_set(h, set);
    }
    if (s->count + count > s->room) {
        uint32_t room = s->room * 2 > s->count + count ? s->room * 2 : s->count + count;
        s->slots = mem_grow(s->slots, room, sizeof(s->slots[0]));
        s->room = room;
    }
    bool is_new = s->count == 0; /* a set's first members come all at once, and only once each */
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = rd_be32(slots);
        uint32_t at;
        if (is_new || !find_slot(s, slot, &at)) {
            s->slots[s->count++] = slot;
            h->members++;
        }
    }
    return RC_OK;
}

void hub_set_remove(struct hub *h, uint64_t set, struct rd *slots, uint32_t count)
{
    struct hub_set *s = find_set(h, set);
    uint32_t at;
    for (uint32_t i = 0; i < count && s != NULL; i++) {
        if (find_slot(s, rd_be32(slots), &at)) {
            s->slots[at] = s->slots[--s->count];
            h->members--;
        }
    }
    if (s != NULL && s->count == 0) {
        drop_set(h, s);
    }
}

void hub_sets_clear(struct hub *h)
{
    for (uint32_t i = 0; i < h->sets_room; i++) {
        if (h->sets[i].id != 0) {
            drop_set(h, &h->sets[i]);
        }
    }
}

/* -- recipients ------------------------------------------------------------------------------------------ */

/* The callback may close and even free the connection it is given, so the next one is taken first. */
void hub_each_of_user(const struct hub *h, uint32_t slot, uint32_t number, hub_fn fn, void *ctx)
{
    const struct hub_user *u = hub_user(h, slot);
    uint32_t at = u != NULL ? u->first : 0;
    while (at != 0) {
        struct conn *c = conns_at(h->conns, at - 1);
        at = c->next;
        fn(ctx, c, number);
    }
}

static void each_of_all(const struct hub *h, hub_fn fn, void *ctx)
{
    for (uint32_t i = 0; i < h->conns->made; i++) {
        struct conn *c = conns_at(h->conns, i);
        if (c != NULL && c->slot != 0) {
            fn(ctx, c, 0);
        }
    }
}

static void each_of_topic(const struct hub *h, uint64_t topic, hub_fn fn, void *ctx)
{
    const struct hub_topic *t = find_topic(h, topic);
    uint32_t at = t != NULL ? t->first : 0;
    while (at != 0) {
        struct conn *c = conns_at(h->conns, at - 1);
        at = c->interest->topic_next;
        fn(ctx, c, 0);
    }
}

void hub_each(const struct hub *h, const struct link_recipients *to, hub_fn fn, void *ctx)
{
    if (to->to == LINK_TO_ALL) {
        each_of_all(h, fn, ctx);
        return;
    }
    if (to->to == LINK_TO_TOPIC) {
        each_of_topic(h, to->set, fn, ctx);
    }
    const struct hub_set *s = to->to == LINK_TO_SET ? find_set(h, to->set) : NULL;
    for (uint32_t i = 0; s != NULL && i < s->count; i++) {
        hub_each_of_user(h, s->slots[i], 0, fn, ctx);
    }
    for (uint32_t i = 0; i < to->count; i++) {
        uint32_t number = 0;
        uint32_t slot = link_slot_at(to, i, &number);
        hub_each_of_user(h, slot, number, fn, ctx);
    }
}
