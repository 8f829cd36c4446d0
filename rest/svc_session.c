#include "rest/svc_session.h"

#include "rest/sessions.h"

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
