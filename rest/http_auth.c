#include "rest/http_auth.h"

#include "rest/svc.h"

static bool changes_state(enum http_method m)
{
    return m != HTTP_GET && m != HTTP_HEAD && m != HTTP_OPTIONS;
}

static struct str header_or_none(struct http_request *rq, const char *name)
{
    struct str value;

    return http_header(rq, name, &value) ? value : STR_NONE;
}

/* A page of another site can make the browser send our cookie, but cannot choose these two headers. */
static enum code check_forgery(struct http_request *rq, struct door_policy *policy)
{
    struct str origin = header_or_none(rq, "Origin");

    if (origin.p != NULL) {
        return door_origin_allowed(policy, origin) ? CODE_OK : CODE_ORIGIN_REFUSED;
    }
    return str_eq(header_or_none(rq, "Sec-Fetch-Site"), STR("same-origin")) ? CODE_OK
                                                                           : CODE_ORIGIN_REFUSED;
}

enum code http_auth_user(struct http_request *rq, struct door_policy *policy,
                         const struct door_head *head)
{
    struct door_room room;
    struct auth_carriers c;
    uint64_t stamp_us;
    bool by_cookie = false;
    enum code code = door_carriers(head, rq->svc->conf->cookie_name, &room, &c);

    if (code != CODE_OK) {
        return code;
    }
    c.subprotocol = c.ticket = STR_NONE; /* of upgrades only */
    code = auth_carriers_check(rq->svc->auth, &c, &rq->who, &stamp_us, &by_cookie);
    if (code == CODE_OK && by_cookie && changes_state(rq->method)) {
        code = check_forgery(rq, policy);
    }
    return code;
}

enum code http_auth_admin(struct http_request *rq)
{
    struct str scheme, secret, header = header_or_none(rq, "Authorization");

    secret = str_cut(header, ' ', &scheme);
    if (secret.p == NULL || !str_ieq(scheme, STR("Bearer"))) {
        return CODE_UNAUTHENTICATED;
    }
    if (!auth_is_admin(rq->svc->auth, str_trim(secret))) {
        return CODE_UNAUTHENTICATED;
    }
    rq->who.is_admin = true;
    return CODE_OK;
}
