#include "rest/svc_presence.h"

/* Goes through the chats of the one who has fewer. */
static bool share_a_chat(const struct cache *c, uint32_t a, uint32_t b)
{
    const struct cache_user *x = cache_user(c, a), *y = cache_user(c, b);
    if (y->chats_count < x->chats_count) {
        x = y;
        b = a;
    }
    for (uint32_t i = 0; i < x->chats_count; i++) {
        const struct cache_chat *chat = cache_chat(c, x->chats[i]);
        if (chat != NULL && cache_member(chat, b) != NULL) {
            return true;
        }
    }
    return false;
}

enum code svc_presence(struct svc *svc, uint64_t viewer_id, uint64_t user_id, struct presence_view *out)
{
    enum code code = CODE_OK;
    cache_rdlock(svc->cache);
    uint32_t viewer = cache_user_index(svc->cache, viewer_id), user = cache_user_index(svc->cache, user_id);
    if (user == CACHE_NONE || viewer == CACHE_NONE) {
        code = CODE_USER_NOT_FOUND;
    } else if (viewer != user && cache_direct_chat(svc->cache, viewer_id, user_id) == CACHE_NONE &&
               !share_a_chat(svc->cache, viewer, user)) {
        code = CODE_FORBIDDEN;
    } else {
        *out = (struct presence_view){.id = user_id, .created_us = cache_user(svc->cache, user)->created_us};
    }
    cache_unlock(svc->cache);
    if (code == CODE_OK) { /* the feed's lock comes before the cache's */
        feed_presence(svc->feed, user, &out->online, &out->seen_us);
    }
    return code;
}
