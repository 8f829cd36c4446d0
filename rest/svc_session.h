/*
 * svc_session.h -- event sessions: who may watch, and what those with a role may see
 *
 * Shape      Views are copies in the caller's arena. Sessions and roles come from the cache at once. Attendees and
 *            check-ins need the database: the session_read_* requests run on its pool and end in `done`.
 * Rights     A session is found by its random UUID only; other forms of ids are not accepted. Whoever has no role in it
 *            gets CODE_FORBIDDEN: knowing the UUID tells that it exists.
 * Order      As in svc_read.h: nothing is shown that could still be lost.
 * Threads    Any; `done` is called on a pool thread.
 */
#ifndef REST_SVC_SESSION_H
#define REST_SVC_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/sessions.h"
#include "rest/svc_read.h"
#include "shared/checkin.h"
#include "shared/str.h"

/*
 * May user (0: no token) watch the dashboard of the session with this UUID? CODE_OK with *topic, and *needs_slot when
 * the connection has to be adopted as the user's (it closes when the user loses the role). CODE_SESSION_NOT_FOUND,
 * also for a malformed text; CODE_FORBIDDEN: for hosts and staff only.
 */
enum code svc_dashboard(struct svc *svc, struct str session_text, uint64_t user_id, uint64_t *topic, bool *needs_slot);

struct session_person_view {
    struct user_view user;
    uint8_t role; /* enum session_role */
};
struct session_view {
    uint64_t id, created_us, updated_us;
    struct key16 uuid;
    struct str title;
    uint8_t visibility; /* enum session_visibility */
    uint8_t role;       /* the viewer's */
    bool open_registration, has_key;
    uint32_t attendees, arrived;
    struct session_person_view *people; /* NULL in a page */
    uint32_t people_count;
};
/* The session with this UUID, in which the viewer has at least that role: CODE_SESSION_NOT_FOUND, CODE_FORBIDDEN. */
enum code svc_session(struct svc *svc, struct str text, uint64_t viewer_id, enum session_role least, struct arena *arena,
                      struct session_view *out);
/* The one with this number, as it is after a change. */
enum code svc_session_by_id(struct svc *svc, uint64_t id, uint64_t viewer_id, struct arena *arena, struct session_view *out);

/* Those in which the viewer has a role, newest first; before = number of the last one of the page before, 0 = start. */
struct session_page {
    struct session_view *sessions;
    unsigned count;
    bool has_more;
};
enum code svc_sessions(struct svc *svc, uint64_t viewer_id, uint64_t before, unsigned limit, struct arena *arena,
                       struct session_page *out);

/* May the user, or a scanner with a key of this hash (NULL: none), check people in? *id is the session's number. The writer
 * asks again. Also counts against session_checkins_per_s: CODE_RATE_LIMITED. */
enum code svc_may_check_in(struct svc *svc, struct str text, uint64_t user_id, const struct key16 *key_hash, uint64_t *id);

/* -- from the database ----------------------------------------------------------------------------------- */

struct attendee_view {
    struct user_view user;
    uint64_t code;       /* 0: none */
    uint64_t checkin_us; /* 0: not yet */
};
struct session_read {
    /* in */
    struct svc *svc;
    struct arena *arena;
    read_done done;
    void *ctx;
    uint64_t session_id;
    uint64_t from;          /* attendees: after this user; check-ins: up to this event, 0: the newest; one check-in: its event */
    unsigned limit;
    const uint64_t *users;  /* session_read_registered: limit of them */
    /* out: one of the two arrays, and whether there is more after it */
    struct attendee_view *attendees;
    struct checkin *checkins;
    unsigned count;
    bool has_more;
    uint64_t next; /* `from` of the next page */
    /* internal */
    uint64_t newest_event;
    enum store_rc (*run)(struct session_read *r, struct store *store);
};
/* Each: CODE_OK: done will be called; else it will not be. */
enum code session_read_attendees(struct session_read *r);
enum code session_read_registered(struct session_read *r); /* those of users who are attendees */
enum code session_read_checkins(struct session_read *r);
enum code session_read_checkin(struct session_read *r); /* count is 0 when there is none */

#endif
