#include "rest/sessions.h"

#include <stdlib.h>

#include "shared/map64.h"
#include "shared/mem.h"

struct list { /* sessions of one user */
    uint32_t *at; /* indexes, rising */
    uint32_t count, room;
    uint32_t created; /* by the user, present */
};

struct sessions {
    struct session *all;
    uint32_t count, room;
    struct map64 ids, uuids; /* id, hash of the UUID -> index of all */
    struct map64 users;      /* user id -> index of lists */
    struct list *lists;
    uint32_t lists_count, lists_room;
};

struct sessions *sessions_new(void)
{
    return mem_new(sizeof(struct sessions));
}

void sessions_free(struct sessions *s)
{
    if (s == NULL) {
        return;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        free(s->all[i].title);
        free(s->all[i].people);
    }
    for (uint32_t i = 0; i < s->lists_count; i++) {
        free(s->lists[i].at);
    }
    free(s->all);
    free(s->lists);
    map64_release(&s->ids);
    map64_release(&s->uuids);
    map64_release(&s->users);
    free(s);
}

/* -- looking up --------------------------------------------------------------------------------------- */

static uint64_t uuid_hash(const struct key16 *uuid)
{
    return map64_hash((struct str){(const char *)uuid->b, sizeof(uuid->b)});
}

static struct session *find(const struct sessions *s, uint64_t id)
{
    uint32_t at = 0;
    return id != 0 && map64_get(&s->ids, id, &at) && !s->all[at].deleted ? &s->all[at] : NULL;
}

const struct session *sessions_find(const struct sessions *s, uint64_t id)
{
    return find(s, id);
}

const struct session *sessions_find_uuid(const struct sessions *s, const struct key16 *uuid)
{
    uint32_t at = 0;
    if (!map64_get(&s->uuids, uuid_hash(uuid), &at) || s->all[at].deleted || !key16_eq(&s->all[at].uuid, uuid)) {
        return NULL;
    }
    return &s->all[at];
}

enum session_role session_role_of(const struct session *x, uint64_t user_id)
{
    for (uint32_t i = 0; i < x->people_count; i++) {
        if (x->people[i].user_id == user_id) {
            return (enum session_role)x->people[i].role;
        }
    }
    return SESSION_NOBODY;
}

bool session_has_key(const struct session *x)
{
    static const struct key16 none;
    return !key16_eq(&x->key_hash, &none);
}

bool session_may_watch(const struct session *x, uint64_t user_id)
{
    return x->visibility != SESSION_HOSTS || session_role_of(x, user_id) != SESSION_NOBODY;
}

static struct list *list_of(const struct sessions *s, uint64_t user_id)
{
    uint32_t at = 0;
    return user_id != 0 && map64_get(&s->users, user_id, &at) ? &s->lists[at] : NULL;
}

uint32_t sessions_created_by(const struct sessions *s, uint64_t user_id)
{
    const struct list *l = list_of(s, user_id);
    return l != NULL ? l->created : 0;
}

const struct session *sessions_of_user(const struct sessions *s, uint64_t user_id, uint32_t i, bool *end)
{
    const struct list *l = list_of(s, user_id);
    *end = l == NULL || i >= l->count;
    if (*end) {
        return NULL;
    }
    const struct session *x = &s->all[l->at[i]];
    return !x->deleted && session_role_of(x, user_id) != SESSION_NOBODY ? x : NULL;
}

/* -- changing ------------------------------------------------------------------------------------------- */

static struct list *need_list(struct sessions *s, uint64_t user_id)
{
    struct list *l = list_of(s, user_id);
    if (l != NULL) {
        return l;
    }
    if (s->lists_count == s->lists_room) {
        s->lists_room = s->lists_room ? s->lists_room * 2 : 16;
        s->lists = mem_grow(s->lists, s->lists_room, sizeof(s->lists[0]));
    }
    map64_put(&s->users, user_id, s->lists_count);
    s->lists[s->lists_count] = (struct list){0};
    return &s->lists[s->lists_count++];
}

/* Indexes rise with ids; a role in an older session goes where it belongs. */
static void add_to_list(struct list *l, uint32_t index)
{
    uint32_t at = l->count;
    while (at > 0 && l->at[at - 1] > index) {
        at--;
    }
    if (at > 0 && l->at[at - 1] == index) {
        return;
    }
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 4;
        l->at = mem_grow(l->at, l->room, sizeof(l->at[0]));
    }
    for (uint32_t i = l->count; i > at; i--) {
        l->at[i] = l->at[i - 1];
    }
    l->at[at] = index;
    l->count++;
}

static void remove_from_list(struct list *l, uint32_t index)
{
    for (uint32_t i = 0; l != NULL && i < l->count; i++) {
        if (l->at[i] == index) {
            l->count--;
            for (; i < l->count; i++) {
                l->at[i] = l->at[i + 1];
            }
            return;
        }
    }
}

static struct session *insert(struct sessions *s, const struct row_session *r)
{
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 16;
        s->all = mem_grow(s->all, s->room, sizeof(s->all[0]));
    }
    struct session *x = &s->all[s->count];
    *x = (struct session){.id = r->id, .uuid = r->uuid, .created_by = r->created_by, .created_us = r->created_us};
    map64_put(&s->ids, r->id, s->count);
    map64_put(&s->uuids, uuid_hash(&r->uuid), s->count);
    s->count++;
    need_list(s, r->created_by)->created++;
    return x;
}

static void drop(struct sessions *s, struct session *x)
{
    uint32_t index = (uint32_t)(x - s->all);
    for (uint32_t i = 0; i < x->people_count; i++) {
        remove_from_list(list_of(s, x->people[i].user_id), index);
    }
    need_list(s, x->created_by)->created--;
    free(x->title);
    free(x->people);
    x->title = NULL;
    x->people = NULL;
    x->people_count = x->people_room = 0;
    x->deleted = true;
}

void sessions_put(struct sessions *s, const struct row_session *r)
{
    uint32_t at = 0;
    struct session *x = map64_get(&s->ids, r->id, &at) ? &s->all[at] : insert(s, r);
    if (x->deleted) {
        return;
    }
    if (r->deleted_us != 0) {
        drop(s, x);
        return;
    }
    free(x->title);
    x->title = mem_copy(r->title.len ? r->title.p : "", r->title.len);
    x->visibility = r->visibility;
    x->open_registration = r->open_registration != 0;
    x->updated_us = r->updated_us;
    x->key_hash = r->key_hash;
}

static void remove_person(struct session *x, uint64_t user_id)
{
    for (uint32_t i = 0; i < x->people_count; i++) {
        if (x->people[i].user_id == user_id) {
            x->people_count--;
            for (; i < x->people_count; i++) {
                x->people[i] = x->people[i + 1];
            }
            return;
        }
    }
}

static void put_person(struct session *x, uint64_t user_id, uint8_t role)
{
    for (uint32_t i = 0; i < x->people_count; i++) {
        if (x->people[i].user_id == user_id) {
            x->people[i].role = role;
            return;
        }
    }
    if (x->people_count == x->people_room) {
        x->people_room = x->people_room ? x->people_room * 2 : 4;
        x->people = mem_grow(x->people, x->people_room, sizeof(x->people[0]));
    }
    x->people[x->people_count++] = (struct session_person){user_id, role};
}

void sessions_put_role(struct sessions *s, const struct row_session_role *r)
{
    struct session *x = find(s, r->session_id);
    if (x == NULL) {
        return;
    }
    uint32_t index = (uint32_t)(x - s->all);
    if (r->role == SESSION_NOBODY) {
        remove_person(x, r->user_id);
        remove_from_list(list_of(s, r->user_id), index);
    } else {
        put_person(x, r->user_id, r->role);
        add_to_list(need_list(s, r->user_id), index);
    }
}

void sessions_count(struct sessions *s, uint64_t id, uint32_t attendees, uint32_t arrived)
{
    struct session *x = find(s, id);
    if (x != NULL) {
        x->attendees += attendees;
        x->arrived += arrived;
    }
}
