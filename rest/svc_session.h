/*
 * svc_session.h -- event sessions: who may watch, and what those with a role may see
 *
 * Rights     A session is found by its random UUID only; other forms of ids are not accepted. Whoever has no role in it
 *            gets CODE_FORBIDDEN: knowing the UUID tells that it exists.
 * Layer      service. Copies out of the cache; nothing here touches the database.
 * Threads    Any.
 */
#ifndef REST_SVC_SESSION_H
#define REST_SVC_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/svc.h"
#include "shared/str.h"

/*
 * May user (0: no token) watch the dashboard of the session with this UUID? CODE_OK with *topic, and *needs_slot when
 * the connection has to be adopted as the user's (it closes when the user loses the role). CODE_SESSION_NOT_FOUND,
 * also for a malformed text; CODE_FORBIDDEN: for hosts and staff only.
 */
enum code svc_dashboard(struct svc *svc, struct str session_text, uint64_t user_id, uint64_t *topic, bool *needs_slot);

#endif
