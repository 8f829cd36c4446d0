/*
 * door_upgrade.h -- inside the front door: whether an upgrade is allowed, and its way to a worker
 *
 * Layer      transport; used by door.c. No descriptors but the one that is handed on, no threads.
 */
#ifndef REST_DOOR_UPGRADE_H
#define REST_DOOR_UPGRADE_H

#include "rest/door.h"

/* Everything but the descriptor, cheapest checks first and the token last. key: the client's, when it has
 * been counted under it as the connection came in; 0: now is the time. On refusal up->choice.style says how to show it. */
enum code door_upgrade_check(struct svc *svc, struct door_policy *policy, struct peers *peers,
                             const struct door_head *head, const struct addr *client,
                             uint64_t key, enum dialect_id listener, struct door_upgrade *up);
/* To the feed. early: bytes that came behind the head. CODE_OK: it has fd; else the caller keeps it. */
enum code door_upgrade_adopt(struct svc *svc, const struct door_head *head,
                             const struct door_upgrade *up, struct str early, int fd);

#endif
