/*
 * http_auth.h -- who makes an HTTP request
 *
 * The carriers that exist on HTTP: Authorization, the cookie, ?access_token=. A cookie alone is
 * believed for a state-changing request only from an allowed Origin or with Sec-Fetch-Site: same-origin.
 */
#ifndef REST_HTTP_AUTH_H
#define REST_HTTP_AUTH_H

#include "rest/auth.h"
#include "rest/door_policy.h"
#include "rest/http_msg.h"

/* Fill rq->who for ROUTE_AUTH; CODE_OK or why not. */
enum code http_auth_user(struct http_request *rq, struct door_policy *policy,
                         const struct door_head *head);
/* The admin secret for ROUTE_ADMIN; also sets rq->who.is_admin. */
enum code http_auth_admin(struct http_request *rq);

#endif
