/* Connections that say who they are after they were opened (Socket.IO). */
#include "rest/auth.h"
#include "rest/feed_int.h"
#include "rest/metrics.h"
#include "rest/ratelimit.h"
#include "shared/clock.h"

/* Guessing tokens costs what guessing passwords costs. */
static bool may_fail_again(struct svc *svc, uint64_t peer_key)
{
    uint64_t per_minute = CONF_NOW(svc->conf->address_logins_per_minute);
    struct rate rate = {per_minute, per_minute};
    if (svc->logins == NULL || peer_key == 0 ||
        ratelimit_take(svc->logins, peer_key, rate, mono_ms(), NULL)) {
        return true;
    }
    metric_add(METRIC_RATE_LIMITED, 1);
    return false;
}

/* The names are views into the cache, whose lock is held. */
static void fill_names(const struct cache *c, struct link_login_reply *r)
{
    const struct cache_user *u = cache_user(c, cache_user_index(c, r->user_id));
    if (u != NULL) {
        r->username = str_of(u->username);
        r->name = str_of(u->name);
    }
}

static enum code give_place(struct feed *f, struct feed_worker *w, const struct link_login *m,
                            const struct identity *who, uint64_t stamp_us, uint32_t *slot)
{
    if (feed_counted(&f->user_sessions, who->user_id) >= f->conf.user_connections_max) {
        return CODE_TOO_MANY_CONNECTIONS;
    }
    /* A revocation may have been published since the token was checked. */
    enum code code = cache_token_state(f->cache, who->user_id, who->family, stamp_us);
    *slot = code == CODE_OK ? feed_give_slot(f, w, who->user_id) : 0;
    if (code != CODE_OK || *slot == 0) {
        return code != CODE_OK ? code : CODE_TOO_MANY_CONNECTIONS;
    }
    w->slots[*slot].adopts++;
    feed_watch_set(w, *slot, w->slots[*slot].watch | feed_watch_of_dialect(m->dialect));
    feed_session_opens(f, w, *slot, 0); /* its address was counted when it was opened */
    return CODE_OK;
}

enum rc feed_on_login(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    struct link_login m;
    struct identity who = {0};
    uint64_t stamp_us = 0;
    enum rc rc = link_get_login(frame->body, &m);
    if (rc != RC_OK) {
        return rc;
    }
    enum code code = auth_token(f->svc->auth, m.token, &who, &stamp_us);
    if (code != CODE_OK && !may_fail_again(f->svc, m.peer_key)) {
        code = CODE_RATE_LIMITED;
    }
    feed_lock(f);
    struct link_login_reply r = {.session = m.session};
    bool was_empty = w->q.len == 0;
    r.code = code == CODE_OK ? give_place(f, w, &m, &who, stamp_us, &r.slot) : code;
    cache_rdlock(f->cache);
    if (r.code == CODE_OK) {
        r.user_id = who.user_id;
        r.family = who.family;
        r.expires_s = who.expires_s;
        fill_names(f->cache, &r);
        feed_recovery_login(f, w, &m, &r);
    }
    link_put_login_reply(&w->q, frame->request, &r);
    cache_unlock(f->cache);
    feed_appended(f, w, was_empty);
    feed_unlock(f);
    return RC_OK;
}
