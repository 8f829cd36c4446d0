#include "rest/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rest/auth_cache.h"
#include "rest/auth_keys.h"
#include "rest/auth_tickets.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/mem.h"

struct auth {
    struct cache *users;
    struct jwt_keys *keys;
    struct auth_cache *seen;
    struct auth_tickets *tickets;
    uint64_t leeway_s;
    bool has_admin;
    struct key16 admin; /* hash of the admin secret */
};

enum rc auth_new(const struct rest_conf *conf, struct cache *cache, struct auth **out,
                 struct buf *why)
{
    bool create = conf->create_secrets || conf->profile == PROFILE_DEV;
    uint64_t leeway_s = conf->token_leeway_ms / 1000;
    struct buf admin = BUF_INIT;
    struct jwt_keys *keys;
    struct auth *a;
    enum rc rc = auth_keys_load(conf->jwt_secret_file, conf->jwt_jwks_file, conf->jwt_issuer,
                                conf->jwt_audience, leeway_s, create, &keys, why);

    if (rc != RC_OK) {
        return rc;
    }
    rc = auth_admin_load(conf->admin_token_file, create, &admin, why);
    if (rc != RC_OK) {
        jwt_keys_free(keys);
        auth_wipe(&admin);
        return rc;
    }
    a = mem_new(sizeof(*a));
    a->users = cache;
    a->keys = keys;
    a->leeway_s = leeway_s;
    a->seen = auth_cache_new(conf->token_cache_max);
    a->tickets = auth_tickets_new(conf->ticket_max, conf->ticket_ttl_ms);
    a->has_admin = admin.len > 0;
    hash16(buf_str(&admin), &a->admin);
    auth_wipe(&admin);
    *out = a;
    return RC_OK;
}

void auth_free(struct auth *a)
{
    if (a == NULL) {
        return;
    }
    auth_tickets_free(a->tickets);
    auth_cache_free(a->seen);
    jwt_keys_free(a->keys);
    explicit_bzero(a, sizeof(*a));
    free(a);
}

/* -- tokens ------------------------------------------------------------------------------------ */

/* Our own tokens name the user by number; an identity provider by external id or user name. 0: nobody. */
static uint64_t user_of(struct auth *a, const char *sub)
{
    const struct cache_user *user;
    uint64_t id;

    cache_rdlock(a->users);
    user = cache_user(a->users, cache_user_called(a->users, str_of(sub)));
    id = user != NULL ? user->id : 0;
    cache_unlock(a->users);
    return id;
}

static enum code verify(struct auth *a, struct str token, uint64_t now_s, struct auth_seen *out)
{
    struct jwt_claims claims;
    enum rc rc = jwt_verify(a->keys, token, now_s, &claims);

    metric_add(METRIC_TOKENS_VERIFIED, 1);
    if (rc != RC_OK) {
        return rc == RC_TIMEOUT ? CODE_TOKEN_EXPIRED : CODE_UNAUTHENTICATED;
    }
    out->user_id = user_of(a, claims.sub);
    out->family = claims.family;
    out->stamp_us = claims.has_stamp ? claims.stamp_us : claims.issued_us;
    out->expires_s = claims.expires_s;
    return out->user_id != 0 ? CODE_OK : CODE_UNAUTHENTICATED;
}

/* Revocation is asked for every time, also for a token that is remembered. */
static enum code still_good(struct auth *a, const struct identity *who, uint64_t stamp_us)
{
    enum code code = cache_token_state(a->users, who->user_id, who->family, stamp_us);

    return code == CODE_USER_NOT_FOUND ? CODE_UNAUTHENTICATED : code;
}

enum code auth_token(struct auth *a, struct str token, struct identity *who, uint64_t *stamp_us)
{
    struct auth_seen seen;
    struct identity id = {0};
    struct key16 hash;
    uint64_t now_s = wall_s();
    enum code code;

    if (token.len == 0 || token.len > JWT_MAX_BYTES) {
        return CODE_UNAUTHENTICATED;
    }
    hash16(token, &hash);
    if (auth_cache_get(a->seen, &hash, now_s > a->leeway_s ? now_s - a->leeway_s : 0, &seen)) {
        metric_add(METRIC_TOKENS_CACHED, 1);
    } else {
        code = verify(a, token, now_s, &seen);
        if (code != CODE_OK) {
            return code;
        }
        auth_cache_put(a->seen, &hash, now_s, &seen);
    }
    id.user_id = seen.user_id;
    id.family = seen.family;
    id.expires_s = seen.expires_s;
    id.stamp_us = seen.stamp_us;
    code = still_good(a, &id, seen.stamp_us);
    if (code == CODE_OK) {
        *who = id;
        *stamp_us = seen.stamp_us;
    }
    return code;
}

bool auth_is_admin(const struct auth *a, struct str text)
{
    struct key16 hash;
    unsigned char differ = 0;
    unsigned i;

    hash16(text, &hash);
    for (i = 0; i < sizeof(hash.b); i++) {
        differ = (unsigned char)(differ | (hash.b[i] ^ a->admin.b[i]));
    }
    return a->has_admin && differ == 0;
}

/* The last revocation that a token made now has behind it: exact, whatever clocks do. */
static uint64_t stamp_of(struct auth *a, uint64_t user_id)
{
    cache_rdlock(a->users);
    const struct cache_user *user = cache_user(a->users, cache_user_index(a->users, user_id));
    uint64_t stamp_us = user != NULL ? user->valid_from_us : 0;
    cache_unlock(a->users);
    return stamp_us;
}

enum rc auth_issue(struct auth *a, uint64_t user_id, uint64_t family, uint64_t ttl_s,
                   struct buf *out, uint64_t *expires_s)
{
    uint64_t now_s = wall_s();
    struct jwt_claims claims = {.family = family, .issued_us = now_s * 1000000, .expires_s = now_s + ttl_s,
                                .has_stamp = true, .stamp_us = stamp_of(a, user_id)};
    enum rc rc;

    snprintf(claims.sub, sizeof(claims.sub), "%llu", (unsigned long long)user_id);
    rc = jwt_sign(a->keys, &claims, out);
    if (rc == RC_OK) {
        *expires_s = claims.expires_s;
    }
    return rc;
}

/* A signature over the text under the signing key, folded: signing is the only thing the keys do. The claims have
 * long expired, so what is signed opens nothing. */
enum rc auth_tag(const struct auth *a, struct str text, struct key16 *out)
{
    struct jwt_claims claims = {.issued_us = 1000000, .expires_s = 1};
    struct buf token = BUF_INIT;
    enum rc rc;

    if (text.len >= sizeof(claims.sub) - 4) {
        return RC_TOO_BIG;
    }
    memcpy(claims.sub, "tag:", 4);
    memcpy(claims.sub + 4, text.p, text.len);
    rc = jwt_sign(a->keys, &claims, &token);
    if (rc == RC_OK) {
        hash16(buf_str(&token), out);
    }
    auth_wipe(&token);
    return rc;
}

/* -- tickets ----------------------------------------------------------------------------------- */

enum rc auth_ticket_new(struct auth *a, const struct identity *who, struct buf *out)
{
    return auth_tickets_new_one(a->tickets, who, mono_ms(), out);
}

static enum code ticket_take(struct auth *a, struct str ticket, struct identity *who,
                             uint64_t *stamp_us)
{
    struct identity id;
    enum code code;

    if (!auth_tickets_take(a->tickets, ticket, mono_ms(), &id)) {
        return CODE_UNAUTHENTICATED;
    }
    code = still_good(a, &id, id.stamp_us);
    if (code == CODE_OK) {
        *who = id;
        *stamp_us = id.stamp_us;
    }
    return code;
}

/* -- carriers ---------------------------------------------------------------------------------- */

enum carrier { BY_AUTHORIZATION, BY_SUBPROTOCOL, BY_TICKET, BY_COOKIE, BY_QUERY, CARRIERS };

/* The token of "Bearer TOKEN"; another scheme is not ours and counts as absent (a proxy's own Basic, say). */
static struct str bearer(struct str header)
{
    struct str scheme, token = str_cut(header, ' ', &scheme);

    return token.p != NULL && str_ieq(scheme, STR("Bearer")) ? str_trim(token) : STR_NONE;
}

static enum code check_one(struct auth *a, enum carrier by, struct str text, struct identity *who,
                           uint64_t *stamp_us)
{
    return by == BY_TICKET ? ticket_take(a, text, who, stamp_us)
                           : auth_token(a, text, who, stamp_us);
}

/*
 * The first carrier that is present decides, and must be good; a bad cookie does not count when something
 * explicit follows, because the browser sends it whether the page wants it or not. Of the others only
 * those that are good are compared.
 */
enum code auth_carriers_check(struct auth *a, const struct auth_carriers *c, struct identity *who,
                              uint64_t *stamp_us, bool *by_cookie)
{
    const struct str texts[CARRIERS] = {bearer(c->authorization), c->subprotocol, c->ticket,
                                        c->cookie, c->query};
    struct identity chosen = {0}, other;
    uint64_t chosen_stamp = 0, stamp;
    bool has = false, explicit_too = false;
    enum code code = CODE_UNAUTHENTICATED;
    unsigned i;

    for (i = 0; i < CARRIERS; i++) {
        enum code one;

        if (texts[i].p == NULL) {
            continue;
        }
        one = check_one(a, (enum carrier)i, texts[i], &other, &stamp);
        if (one != CODE_OK) {
            if (!has && i != BY_COOKIE) {
                return one;
            }
            code = has ? code : one;
            continue;
        }
        if (has && other.user_id != chosen.user_id) {
            return CODE_CARRIERS_DISAGREE;
        }
        explicit_too = explicit_too || i != BY_COOKIE;
        if (!has) {
            has = true;
            chosen = other;
            chosen_stamp = stamp;
        }
    }
    if (!has) {
        return code;
    }
    *who = chosen;
    *stamp_us = chosen_stamp;
    *by_cookie = !explicit_too;
    return CODE_OK;
}
