/*
 * door_identity.h -- inside the front door: for whom a connection is opened
 *
 * Most dialects want a token. Subscribe names its user in the URL (?userId=) and the setting d1_auth says what that
 * is worth; a dashboard is open to whoever knows its address, as far as its event session allows.
 * Layer      transport; used by door_upgrade.c. Stateless.
 */
#ifndef REST_DOOR_IDENTITY_H
#define REST_DOOR_IDENTITY_H

#include "rest/door.h"

/* Fills up->who, stamp_us, asked, topic. *by_cookie: the only credential was a cookie. */
enum code door_identify(struct svc *svc, const struct door_head *head, struct door_upgrade *up,
                        bool *by_cookie);

#endif
