/*
 * sessions.h -- event sessions and who has a role in them, in memory
 *
 * Shape      A part of the cache (cache_sessions), filled at start, changed only by the writer thread after COMMIT.
 *            Attendees and check-ins are in the database; here they are only counted.
 * Ids        Inside a session is a number; outside only its random UUID is known, which is a capability: whoever has it
 *            may watch a `link` or `public` session.
 * Threads    The cache's lock, as for everything in the cache.
 */
#ifndef REST_SESSIONS_H
#define REST_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/store.h"
#include "shared/id.h"

/* Stored: append only. */
enum session_visibility { SESSION_LINK = 1, SESSION_PUBLIC = 2, SESSION_HOSTS = 3 };
enum session_role { SESSION_NOBODY = 0, SESSION_STAFF = 1, SESSION_HOST = 2 };

struct session_person {
    uint64_t user_id;
    uint8_t role; /* enum session_role, not SESSION_NOBODY */
};

struct session {
    uint64_t id;
    struct key16 uuid;
    char *title;
    uint64_t created_by, created_us, updated_us;
    uint8_t visibility;     /* enum session_visibility */
    bool open_registration; /* users who are not registered may be checked in by id */
    bool deleted;
    struct key16 key_hash; /* of the scanner key; zeros: none */
    struct session_person *people;
    uint32_t people_count, people_room;
    uint32_t attendees, arrived; /* registered or walked in; how many of them are checked in */
};

struct sessions;

struct sessions *sessions_new(void);
void sessions_free(struct sessions *s);

/* NULL: unknown or deleted. */
const struct session *sessions_find(const struct sessions *s, uint64_t id);
const struct session *sessions_find_uuid(const struct sessions *s, const struct key16 *uuid);
/* SESSION_NOBODY: none. */
enum session_role session_role_of(const struct session *x, uint64_t user_id);
bool session_has_key(const struct session *x);
/* Whether this user (0: somebody without a token) may watch the dashboard. */
bool session_may_watch(const struct session *x, uint64_t user_id);
/* How many present sessions the user has created. */
uint32_t sessions_created_by(const struct sessions *s, uint64_t user_id);
/* The i-th of the sessions in which the user has or had a role, oldest first; *end when there is no such i. NULL: skip it. */
const struct session *sessions_of_user(const struct sessions *s, uint64_t user_id, uint32_t i, bool *end);

/* -- changing: start and the writer thread, under the write lock ------------------------------------- */

/* Insert, or take over title, visibility and so on. deleted_us not 0: it is gone. */
void sessions_put(struct sessions *s, const struct row_session *r);
/* Unknown or deleted sessions are ignored. */
void sessions_put_role(struct sessions *s, const struct row_session_role *r);
void sessions_count(struct sessions *s, uint64_t id, uint32_t attendees, uint32_t arrived);

#endif
