/* fake_store_session.c -- event sessions of the database that is none */
#include "tests/lib/fake_store.h"

#include <stdlib.h>
#include <string.h>

#include "shared/mem.h"

#define ROWS_MAX 4096

static struct {
    struct row_session sessions[64];
    struct row_session_role roles[256];
    struct row_attendee attendees[ROWS_MAX];
    struct row_checkin checkins[ROWS_MAX];
    unsigned sessions_count, roles_count, attendees_count, checkins_count;
} db;

static struct str keep(struct str s)
{
    return (struct str){mem_copy(s.len ? s.p : "", s.len), s.len};
}

static void drop(struct str s)
{
    free((char *)(uintptr_t)s.p);
}

void fake_sessions_release(void)
{
    for (unsigned i = 0; i < db.sessions_count; i++) {
        drop(db.sessions[i].title);
    }
    for (unsigned i = 0; i < db.checkins_count; i++) {
        drop(db.checkins[i].name);
    }
    memset(&db, 0, sizeof(db));
}

static struct row_attendee *find(uint64_t session_id, uint64_t user_id)
{
    for (unsigned i = 0; i < db.attendees_count; i++) {
        if (db.attendees[i].session_id == session_id && db.attendees[i].user_id == user_id) {
            return &db.attendees[i];
        }
    }
    return NULL;
}

static void put_session(const struct row_session *r)
{
    unsigned i = 0;
    while (i < db.sessions_count && db.sessions[i].id != r->id) {
        i++;
    }
    if (i == db.sessions_count) {
        db.sessions_count++;
    } else {
        drop(db.sessions[i].title);
    }
    db.sessions[i] = *r;
    db.sessions[i].title = keep(r->title);
}

static void put_role(const struct row_session_role *r)
{
    unsigned i = 0;
    while (i < db.roles_count && (db.roles[i].session_id != r->session_id || db.roles[i].user_id != r->user_id)) {
        i++;
    }
    db.roles_count += i == db.roles_count;
    db.roles[i] = *r;
}

static void delete_session(uint64_t id)
{
    for (unsigned i = 0; i < db.attendees_count;) {
        if (db.attendees[i].session_id == id) {
            db.attendees[i] = db.attendees[--db.attendees_count];
        } else {
            i++;
        }
    }
}

void fake_sessions_apply(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->sessions_put_count; i++) {
        put_session(&b->sessions_put[i]);
    }
    for (unsigned i = 0; i < b->session_roles_put_count; i++) {
        put_role(&b->session_roles_put[i]);
    }
    for (unsigned i = 0; i < b->attendees_new_count; i++) {
        db.attendees[db.attendees_count++] = b->attendees_new[i];
    }
    for (unsigned i = 0; i < b->attendees_set_count; i++) {
        *find(b->attendees_set[i].session_id, b->attendees_set[i].user_id) = b->attendees_set[i];
    }
    for (unsigned i = 0; i < b->sessions_deleted_count; i++) {
        delete_session(b->sessions_deleted[i]);
    }
    for (unsigned i = 0; i < b->checkins_count; i++) {
        db.checkins[db.checkins_count] = b->checkins[i];
        db.checkins[db.checkins_count++].name = keep(b->checkins[i].name);
    }
}

bool fake_sessions_conflict(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->attendees_new_count; i++) {
        if (find(b->attendees_new[i].session_id, b->attendees_new[i].user_id) != NULL) {
            return true;
        }
    }
    return false;
}

/* -- store.h ------------------------------------------------------------------------------------------- */

enum store_rc store_load_sessions(struct store *s, store_on_session on, void *ctx)
{
    (void)s;
    for (unsigned i = 0; i < db.sessions_count; i++) {
        struct row_session r = db.sessions[i];
        for (unsigned k = 0; k < db.attendees_count; k++) {
            r.attendees += db.attendees[k].session_id == r.id;
            r.arrived += db.attendees[k].session_id == r.id && db.attendees[k].checkin_id != 0;
        }
        if (r.deleted_us == 0) {
            on(ctx, &r);
        }
    }
    return STORE_OK;
}

enum store_rc store_load_session_roles(struct store *s, store_on_session_role on, void *ctx)
{
    (void)s;
    for (unsigned i = 0; i < db.roles_count; i++) {
        if (db.roles[i].role != 0) {
            on(ctx, &db.roles[i]);
        }
    }
    return STORE_OK;
}

enum store_rc store_find_attendees(struct store *s, const struct attendee_key *keys, unsigned count,
                                   store_on_attendee on, void *ctx)
{
    enum store_rc rc = fake_db_begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < count; i++) {
        const struct row_attendee *a = find(keys[i].session_id, keys[i].number);
        if (a != NULL) {
            on(ctx, a);
        }
    }
    return rc;
}

enum store_rc store_find_codes(struct store *s, const struct attendee_key *keys, unsigned count, store_on_attendee on,
                               void *ctx)
{
    enum store_rc rc = fake_db_begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < count; i++) {
        for (unsigned k = 0; k < db.attendees_count; k++) {
            const struct row_attendee *a = &db.attendees[k];
            if (a->session_id == keys[i].session_id && a->code == keys[i].number && a->code != 0) {
                on(ctx, a);
            }
        }
    }
    return rc;
}

enum store_rc store_find_checkins(struct store *s, const uint64_t *ids, unsigned count, store_on_checkin on, void *ctx)
{
    enum store_rc rc = fake_db_begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.checkins_count; i++) {
        for (unsigned k = 0; k < count; k++) {
            if (db.checkins[i].id == ids[k]) {
                on(ctx, &db.checkins[i]);
            }
        }
    }
    return rc;
}

enum store_rc store_checkins(struct store *s, uint64_t session_id, uint64_t upto, unsigned limit, store_on_checkin on,
                             void *ctx)
{
    enum store_rc rc = fake_db_begin_find(s);
    unsigned n = 0;
    for (unsigned i = db.checkins_count; rc == STORE_OK && i-- > 0 && n < limit;) {
        if (db.checkins[i].session_id == session_id && db.checkins[i].id <= upto) {
            on(ctx, &db.checkins[i]);
            n++;
        }
    }
    return rc;
}

enum store_rc store_attendees(struct store *s, uint64_t session_id, uint64_t after, unsigned limit, store_on_attendee on,
                              void *ctx)
{
    enum store_rc rc = fake_db_begin_find(s);
    for (unsigned n = 0; rc == STORE_OK && n < limit; n++) {
        const struct row_attendee *next = NULL;
        for (unsigned i = 0; i < db.attendees_count; i++) {
            const struct row_attendee *a = &db.attendees[i];
            bool fits = a->session_id == session_id && a->user_id > after;
            next = fits && (next == NULL || a->user_id < next->user_id) ? a : next;
        }
        if (next == NULL) {
            break;
        }
        after = next->user_id;
        on(ctx, next);
    }
    return rc;
}
