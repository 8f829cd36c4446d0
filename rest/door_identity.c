#include "rest/door_identity.h"

#include <string.h>

#include "rest/metrics.h"
#include "rest/svc_session.h"
#include "shared/clock.h"
#include "shared/log.h"

struct request {
    struct svc *svc;
    const struct door_head *head;
    struct door_upgrade *up;
    bool has_token; /* in any carrier, good or bad */
    bool only_cookie;
    bool by_cookie;
};

/* Beside the cookie, which browsers send by themselves. */
static bool has_explicit(const struct auth_carriers *c)
{
    return c->authorization.p != NULL || c->subprotocol.p != NULL || c->ticket.p != NULL ||
           c->query.p != NULL;
}

static enum code by_token(struct request *r)
{
    struct door_room room;
    struct auth_carriers carriers = {0};
    enum code code = door_carriers(r->head, r->svc->conf->cookie_name, &room, &carriers);

    r->has_token = code != CODE_OK || has_explicit(&carriers) || carriers.cookie.p != NULL;
    r->only_cookie = code == CODE_OK && !has_explicit(&carriers);
    if (code == CODE_OK) {
        code = auth_carriers_check(r->svc->auth, &carriers, &r->up->who, &r->up->stamp_us,
                                   &r->by_cookie);
    }
    explicit_bzero(room.bytes, room.used);
    return code;
}

/* -- subscribe ---------------------------------------------------------------------------------- */

/* 0: nobody. */
static uint64_t find_user(struct cache *cache, struct str text)
{
    cache_rdlock(cache);
    const struct cache_user *u = cache_user(cache, cache_user_called(cache, text));
    uint64_t id = u != NULL ? u->id : 0;
    cache_unlock(cache);
    return id;
}

static enum code read_user_id(struct request *r, uint64_t *user_id)
{
    struct str raw;
    size_t len = 0;

    if (!door_query_raw(r->head->query, STR("userId"), &raw) || raw.len == 0) {
        return CODE_INVALID_FIELD;
    }
    if (!door_percent_decode(raw, true, r->up->asked, sizeof(r->up->asked) - 1, &len)) {
        return CODE_USER_NOT_FOUND;
    }
    r->up->asked[len] = '\0';
    *user_id = find_user(r->svc->cache, (struct str){r->up->asked, len});
    return *user_id != 0 ? CODE_OK : CODE_USER_NOT_FOUND;
}

/* Nothing proves it; the settings allow that for development. */
static void believe(struct request *r, uint64_t user_id)
{
    r->up->who = (struct identity){.user_id = user_id};
    r->up->stamp_us = wall_us();
}

static enum code identify_subscriber(struct request *r)
{
    enum d1_auth policy = rest_conf_d1_auth(r->svc->conf);
    uint64_t user_id = 0;
    enum code code = read_user_id(r, &user_id);

    if (code == CODE_INVALID_FIELD) {
        return code;
    }
    if (policy == D1_AUTH_OFF) {
        believe(r, user_id);
        return code;
    }
    enum code token = by_token(r);
    if (policy == D1_AUTH_WARN && !r->has_token) {
        metric_add(METRIC_DOOR_UNPROVEN, 1);
        log_warn_limited("unproven_user", "user=%llu", (unsigned long long)user_id);
        believe(r, user_id);
        return code;
    }
    if (token != CODE_OK) {
        return token; /* before the user is looked at: without a token nobody learns who exists */
    }
    return code == CODE_OK && r->up->who.user_id == user_id ? CODE_OK : CODE_CARRIERS_DISAGREE;
}

/* -- dashboards ----------------------------------------------------------------------------------- */

static const struct str dashboard_path = {"/ws/dashboard/", 14};

/* Nobody needs a token, so a cookie that has expired is none. What is brought on purpose must be good. */
static enum code identify_viewer(struct request *r)
{
    struct door_upgrade *up = r->up;
    bool needs_slot = false;
    enum code code = by_token(r);

    if (code != CODE_OK && r->has_token && !r->only_cookie) {
        return code;
    }
    if (code != CODE_OK) {
        up->who = (struct identity){0};
    }
    if (!str_starts(r->head->path, dashboard_path)) {
        return CODE_SESSION_NOT_FOUND;
    }
    code = svc_dashboard(r->svc, str_from(r->head->path, dashboard_path.len), up->who.user_id,
                         &up->topic, &needs_slot);
    if (!needs_slot) {
        up->who = (struct identity){0}; /* the connection is nobody's, so that no revocation ends it */
        r->by_cookie = false;
    }
    return code;
}

enum code door_identify(struct svc *svc, const struct door_head *head, struct door_upgrade *up,
                        bool *by_cookie)
{
    struct request r = {.svc = svc, .head = head, .up = up};
    enum code code;

    switch (up->choice.dialect) {
    case DIALECT_SOCKETIO: /* who it is comes later */
    case DIALECT_EIO_ECHO:
    case DIALECT_ECHO:
        code = CODE_OK;
        break;
    case DIALECT_SUBSCRIBE:
        code = identify_subscriber(&r);
        break;
    case DIALECT_DASHBOARD:
        code = identify_viewer(&r);
        break;
    default:
        code = by_token(&r);
        break;
    }
    *by_cookie = r.by_cookie;
    return code;
}
