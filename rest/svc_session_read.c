/* Attendees and check-ins, out of the database. */
#include "rest/event_fill.h"
#include "rest/svc_session.h"
#include "shared/clock.h"

static void run_on_pool(struct store *store, void *ctx)
{
    struct session_read *r = ctx;
    enum code code = store != NULL && r->run(r, store) == STORE_OK ? CODE_OK : CODE_UNAVAILABLE;
    uint64_t deadline_ms = mono_ms() + r->svc->conf->writer_deadline_ms;
    if (code == CODE_OK && !feed_wait_published(r->svc->feed, r->newest_event, deadline_ms)) {
        code = CODE_UNAVAILABLE;
    }
    r->done(r->ctx, code);
}

static enum code submit(struct session_read *r, enum store_rc (*run)(struct session_read *r, struct store *store))
{
    r->run = run;
    return dbpool_submit(r->svc->dbpool, run_on_pool, r) == RC_OK ? CODE_OK : CODE_QUEUE_FULL;
}

/* -- attendees -------------------------------------------------------------------------------------------- */

static void on_attendee(void *ctx, const struct row_attendee *a)
{
    struct session_read *r = ctx;
    if (r->count == r->limit) {
        r->has_more = true; /* the one row that was asked for beyond the page */
        return;
    }
    r->attendees[r->count++] =
        (struct attendee_view){.user = {.id = a->user_id}, .code = a->code, .checkin_us = a->checkin_us};
    r->next = a->user_id;
    r->newest_event = a->last_event > r->newest_event ? a->last_event : r->newest_event;
}

static void add_users(struct session_read *r)
{
    cache_rdlock(r->svc->cache);
    for (unsigned i = 0; i < r->count; i++) {
        r->attendees[i].user = user_view_copy(r->svc->cache, r->attendees[i].user.id, r->arena);
    }
    cache_unlock(r->svc->cache);
}

static enum store_rc run_attendees(struct session_read *r, struct store *store)
{
    enum store_rc rc = store_attendees(store, r->session_id, r->from, r->limit + 1, on_attendee, r);
    add_users(r);
    return rc;
}

static enum store_rc run_registered(struct session_read *r, struct store *store)
{
    struct attendee_key *keys = arena_calloc(r->arena, r->limit, sizeof(keys[0]));
    for (unsigned i = 0; keys != NULL && i < r->limit; i++) {
        keys[i] = (struct attendee_key){r->session_id, r->users[i]};
    }
    enum store_rc rc = keys != NULL ? store_find_attendees(store, keys, r->limit, on_attendee, r) : STORE_ERROR;
    add_users(r);
    return rc;
}

static enum code read_attendees(struct session_read *r, enum store_rc (*run)(struct session_read *r, struct store *store))
{
    r->attendees = arena_calloc(r->arena, r->limit, sizeof(r->attendees[0]));
    return r->attendees != NULL ? submit(r, run) : CODE_UNAVAILABLE;
}

enum code session_read_attendees(struct session_read *r)
{
    return read_attendees(r, run_attendees);
}

enum code session_read_registered(struct session_read *r)
{
    return read_attendees(r, run_registered);
}

/* -- check-ins -------------------------------------------------------------------------------------------- */

static void on_checkin(void *ctx, const struct row_checkin *row)
{
    struct session_read *r = ctx;
    struct checkin c;
    if (r->count == r->limit) {
        r->has_more = true;
        r->next = row->id;
        return;
    }
    cache_rdlock(r->svc->cache);
    if (event_checkin(r->svc->cache, row, &c)) {
        c.name = arena_str(r->arena, c.name);
        c.profile_url = c.profile_url.p != NULL ? arena_str(r->arena, c.profile_url) : STR_NONE;
        r->checkins[r->count++] = c;
    }
    cache_unlock(r->svc->cache);
}

static enum store_rc run_checkins(struct session_read *r, struct store *store)
{
    uint64_t published = feed_published(r->svc->feed);
    uint64_t upto = r->from != 0 && r->from < published ? r->from : published;
    return store_checkins(store, r->session_id, upto, r->limit + 1, on_checkin, r);
}

static enum store_rc run_checkin(struct session_read *r, struct store *store)
{
    return store_find_checkins(store, &r->from, 1, on_checkin, r);
}

static enum code read_checkins(struct session_read *r, enum store_rc (*run)(struct session_read *r, struct store *store))
{
    r->checkins = arena_calloc(r->arena, r->limit, sizeof(r->checkins[0]));
    return r->checkins != NULL ? submit(r, run) : CODE_UNAVAILABLE;
}

enum code session_read_checkins(struct session_read *r)
{
    return read_checkins(r, run_checkins);
}

enum code session_read_checkin(struct session_read *r)
{
    r->limit = 1;
    return read_checkins(r, run_checkin);
}
