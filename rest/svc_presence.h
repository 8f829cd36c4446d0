/*
 * svc_presence.h -- whether somebody is there, for those who share a chat with them
 *
 * Layer      service.
 * Threads    Any.
 */
#ifndef REST_SVC_PRESENCE_H
#define REST_SVC_PRESENCE_H

#include "rest/svc.h"

#define PRESENCE_USERS_MAX 100 /* in one question */

struct presence_view {
    uint64_t id, created_us;
    bool online;
    uint64_t seen_us; /* 0: never */
};

/* CODE_USER_NOT_FOUND; CODE_FORBIDDEN: the viewer shares no chat with the user. */
enum code svc_presence(struct svc *svc, uint64_t viewer_id, uint64_t user_id, struct presence_view *out);

#endif
