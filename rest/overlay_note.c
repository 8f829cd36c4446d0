/* Notifications in the overlay. */
#include "rest/overlay_int.h"

struct ov_notes *overlay_notes(struct overlay *o, uint64_t user_id)
{
    uint64_t key = overlay_key_of(ENTRY_NOTES, user_id, 0);
    struct entry *e = overlay_get(o, key);
    if (e != NULL) {
        return &e->u.notes;
    }
    const struct cache_user *u = cache_user(o->cache, cache_user_index(o->cache, user_id));
    e = overlay_add(o, ENTRY_NOTES, key);
    e->u.notes = (struct ov_notes){.user_id = user_id};
    if (u != NULL) {
        e->u.notes.read_all_id = u->read_all_id;
        e->u.notes.unread = u->notes_unread;
        e->u.notes.marked = u->notes_marked;
    }
    return &e->u.notes;
}

struct ov_note *overlay_note(struct overlay *o, uint64_t user_id, uint64_t id)
{
    uint64_t key = overlay_key_of(ENTRY_NOTE, user_id, id);
    struct entry *e = overlay_get(o, key);
    if (e == NULL) {
        e = overlay_add(o, ENTRY_NOTE, key);
        e->u.note = (struct ov_note){.user_id = user_id, .id = id};
    }
    return &e->u.note;
}
