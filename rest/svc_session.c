#include "rest/svc_session.h"

#include "rest/metrics.h"
#include "rest/ratelimit.h"
#include "shared/clock.h"

/* The cache is locked. */
static const struct session *find(const struct svc *svc, struct str text)
{
    struct key16 uuid;
    return key16_from_uuid(text, &uuid) ? sessions_find_uuid(cache_sessions(svc->cache), &uuid) : NULL;
}

static enum code may_watch(const struct session *x, uint64_t user_id)
{
    if (x == NULL) {
        return CODE_SESSION_NOT_FOUND;
    }
    return session_may_watch(x, user_id) ? CODE_OK : CODE_FORBIDDEN;
}

enum code svc_dashboard(struct svc *svc, struct str session_text, uint64_t user_id, uint64_t *topic, bool *needs_slot)
{
    cache_rdlock(svc->cache);
    const struct session *x = find(svc, session_text);
    enum code code = may_watch(x, user_id);
    if (code == CODE_OK) {
        *topic = x->id;
        *needs_slot = x->visibility == SESSION_HOSTS;
    }
    cache_unlock(svc->cache);
    return code;
}

/* -- views -------------------------------------------------------------------------------------------------- */

static struct session_view copy_session(const struct session *x, uint64_t viewer_id, struct arena *arena)
{
    return (struct session_view){
        .id = x->id,
        .created_us = x->created_us,
        .updated_us = x->updated_us,
        .uuid = x->uuid,
        .title = arena_str(arena, str_of(x->title)),
        .visibility = x->visibility,
        .role = (uint8_t)session_role_of(x, viewer_id),
        .open_registration = x->open_registration,
        .has_key = session_has_key(x),
        .attendees = x->attendees,
        .arrived = x->arrived,
    };
}

static bool copy_people(const struct svc *svc, const struct session *x, struct arena *arena, struct session_view *out)
{
    out->people = arena_calloc(arena, x->people_count, sizeof(out->people[0]));
    for (uint32_t i = 0; out->people != NULL && i < x->people_count; i++) {
        const struct session_person *p = &x->people[i];
        out->people[out->people_count].role = p->role;
        out->people[out->people_count++].user = user_view_copy(svc->cache, p->user_id, arena);
    }
    return out->people != NULL;
}

static enum code view(const struct svc *svc, const struct session *x, uint64_t viewer_id, enum session_role least,
                      struct arena *arena, struct session_view *out)
{
    if (x == NULL) {
        return CODE_SESSION_NOT_FOUND;
    }
    if (session_role_of(x, viewer_id) < least) {
        return CODE_FORBIDDEN;
    }
    *out = copy_session(x, viewer_id, arena);
    return copy_people(svc, x, arena, out) ? CODE_OK : CODE_UNAVAILABLE;
}

enum code svc_session(struct svc *svc, struct str text, uint64_t viewer_id, enum session_role least, struct arena *arena,
                      struct session_view *out)
{
    cache_rdlock(svc->cache);
    enum code code = view(svc, find(svc, text), viewer_id, least, arena, out);
    cache_unlock(svc->cache);
    return code;
}

enum code svc_session_by_id(struct svc *svc, uint64_t id, uint64_t viewer_id, struct arena *arena, struct session_view *out)
{
    cache_rdlock(svc->cache);
    enum code code = view(svc, sessions_find(cache_sessions(svc->cache), id), viewer_id, SESSION_NOBODY, arena, out);
    cache_unlock(svc->cache);
    return code;
}

/* How many sessions the user's list has below the one with this number. */
static uint32_t count_before(const struct sessions *s, uint64_t user_id, uint64_t before)
{
    bool end = false;
    uint32_t n = 0;
    for (uint32_t i = 0;; i++) {
        const struct session *x = sessions_of_user(s, user_id, i, &end);
        if (end || (x != NULL && before != 0 && x->id >= before)) {
            return n;
        }
        n = i + 1;
    }
}

enum code svc_sessions(struct svc *svc, uint64_t viewer_id, uint64_t before, unsigned limit, struct arena *arena,
                       struct session_page *out)
{
    const struct sessions *s = cache_sessions(svc->cache);
    bool end = false;
    *out = (struct session_page){.sessions = arena_calloc(arena, limit, sizeof(out->sessions[0]))};
    if (out->sessions == NULL) {
        return CODE_UNAVAILABLE;
    }
    cache_rdlock(svc->cache);
    for (uint32_t i = count_before(s, viewer_id, before); i > 0 && !out->has_more; i--) {
        const struct session *x = sessions_of_user(s, viewer_id, i - 1, &end);
        if (x != NULL && out->count == limit) {
            out->has_more = true;
        } else if (x != NULL) {
            out->sessions[out->count++] = copy_session(x, viewer_id, arena);
        }
    }
    cache_unlock(svc->cache);
    return CODE_OK;
}

/* -- check-ins ---------------------------------------------------------------------------------------------- */

static enum code may_check_in(const struct session *x, uint64_t user_id, const struct key16 *key_hash)
{
    if (x == NULL) {
        return CODE_SESSION_NOT_FOUND;
    }
    bool good = key_hash != NULL ? session_has_key(x) && key16_eq_secret(&x->key_hash, key_hash)
                                 : session_role_of(x, user_id) != SESSION_NOBODY;
    return good ? CODE_OK : CODE_FORBIDDEN;
}

enum code svc_may_check_in(struct svc *svc, struct str text, uint64_t user_id, const struct key16 *key_hash, uint64_t *id)
{
    cache_rdlock(svc->cache);
    const struct session *x = find(svc, text);
    enum code code = may_check_in(x, user_id, key_hash);
    if (code == CODE_OK) {
        *id = x->id;
    }
    cache_unlock(svc->cache);
    struct rate rate = {CONF_NOW(svc->conf->session_checkins_per_s) * 60, CONF_NOW(svc->conf->session_checkins_burst)};
    if (code == CODE_OK && svc->checkins != NULL && !ratelimit_take(svc->checkins, *id, rate, mono_ms(), NULL)) {
        metric_add(METRIC_RATE_LIMITED, 1);
        return CODE_RATE_LIMITED;
    }
    return code;
}
