/* Event sessions, roles and attendees in the overlay. */
#include <stdlib.h>

#include "rest/overlay_int.h"
#include "rest/sessions.h"
#include "shared/mem.h"

static uint32_t count_hosts(const struct session *x)
{
    uint32_t hosts = 0;
    for (uint32_t i = 0; i < x->people_count; i++) {
        hosts += x->people[i].role == SESSION_HOST;
    }
    return hosts;
}

struct ov_session *overlay_session(struct overlay *o, uint64_t id)
{
    uint64_t key = overlay_key_of(ENTRY_SESSION, id, 0);
    struct entry *e = overlay_get(o, key);
    if (e != NULL) {
        return e->u.session.deleted ? NULL : &e->u.session;
    }
    const struct session *x = sessions_find(cache_sessions(o->cache), id);
    if (x == NULL) {
        return NULL;
    }
    e = overlay_add(o, ENTRY_SESSION, key);
    e->u.session = (struct ov_session){
        .id = id,
        .created_by = x->created_by,
        .created_us = x->created_us,
        .uuid = x->uuid,
        .key_hash = x->key_hash,
        .title = mem_copy(x->title, strlen(x->title)),
        .people_count = x->people_count,
        .hosts_count = count_hosts(x),
        .attendees = x->attendees,
        .visibility = x->visibility,
        .open_registration = x->open_registration,
    };
    return &e->u.session;
}

struct ov_session *overlay_add_session(struct overlay *o, const struct ov_session *x)
{
    struct entry *e = overlay_add(o, ENTRY_SESSION, overlay_key_of(ENTRY_SESSION, x->id, 0));
    e->u.session = *x;
    return &e->u.session;
}

void overlay_retitle(struct ov_session *x, struct str title)
{
    free(x->title);
    x->title = mem_copy(title.len ? title.p : "", title.len);
}

struct ov_role *overlay_role(struct overlay *o, const struct ov_session *x, uint64_t user_id)
{
    uint64_t key = overlay_key_of(ENTRY_ROLE, x->id, user_id);
    struct entry *e = overlay_get(o, key);
    if (e == NULL) {
        const struct session *cached = sessions_find(cache_sessions(o->cache), x->id);
        e = overlay_add(o, ENTRY_ROLE, key);
        e->u.role = (struct ov_role){.session_id = x->id, .user_id = user_id};
        e->u.role.role = cached != NULL ? (uint8_t)session_role_of(cached, user_id) : SESSION_NOBODY;
    }
    return &e->u.role;
}

struct row_attendee *overlay_attendee(struct overlay *o, uint64_t session_id, uint64_t user_id)
{
    struct entry *e = overlay_get(o, overlay_key_of(ENTRY_ATTENDEE, session_id, user_id));
    return e != NULL ? &e->u.attendee : NULL;
}

struct row_attendee *overlay_attendee_with_code(struct overlay *o, uint64_t session_id, uint64_t code)
{
    struct entry *e = overlay_get(o, overlay_key_of(ENTRY_CODE, session_id, code));
    struct row_attendee *a = e != NULL && code != 0 ? overlay_attendee(o, session_id, e->u.id) : NULL;
    return a != NULL && a->code == code ? a : NULL;
}

struct row_attendee *overlay_put_attendee(struct overlay *o, const struct row_attendee *a)
{
    uint64_t key = overlay_key_of(ENTRY_ATTENDEE, a->session_id, a->user_id);
    struct entry *e = overlay_get(o, key);
    if (e == NULL) {
        e = overlay_add(o, ENTRY_ATTENDEE, key);
    }
    e->u.attendee = *a;
    uint64_t code_key = overlay_key_of(ENTRY_CODE, a->session_id, a->code);
    if (a->code != 0 && overlay_get(o, code_key) == NULL) {
        overlay_add(o, ENTRY_CODE, code_key)->u.id = a->user_id;
    }
    return &e->u.attendee;
}
