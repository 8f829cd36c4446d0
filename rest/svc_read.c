/*
 * svc_read.c -- views out of the cache
 *
 * The read lock is held for one page at a time and while nothing but memory is touched. The chat list keeps the
 * newest `limit` chats of a user in a small heap instead of sorting all of them.
 */
#include "rest/svc_read.h"

#include <stdlib.h>

#include "shared/id.h"

/* ---------------------------------------------------------------- copies */

static struct user_view copy_user(const struct cache_user *u, struct arena *arena)
{
    struct user_view v = {0};
    if (u) {
        v.id = u->id;
        v.created_us = u->created_us;
        v.username = arena_str(arena, str_of(u->username));
        v.name = arena_str(arena, str_of(u->name));
        v.profile_url = u->profile_url ? arena_str(arena, str_of(u->profile_url)) : STR_NONE;
        v.disabled = u->status != USER_ACTIVE;
    }
    return v;
}

struct user_view user_view_copy(const struct cache *c, uint64_t user_id, struct arena *arena)
{
    return copy_user(cache_user(c, cache_user_index(c, user_id)), arena);
}

static void copy_chat(const struct cache *c, const struct cache_chat *chat, uint32_t viewer,
                      struct arena *arena, struct chat_view *out)
{
    const struct cache_member *m = cache_member(chat, viewer);
    *out = (struct chat_view){
        .id = chat->id,
        .created_us = chat->created_us,
        .updated_us = cache_chat_updated(chat),
        .last_seq = chat->last_seq,
        .kind = chat->kind,
        .name = arena_str(arena, cache_chat_name(c, chat, viewer)),
        .members_count = chat->members_count,
        .viewer_id = cache_user(c, viewer)->id,
        .is_open = chat->is_open,
    };
    if (m != NULL) {
        out->joined_seq = m->joined_seq;
        out->read_seq = m->read_seq;
        out->unread = cache_unread(chat, m);
        out->role = m->role;
    }
    if (chat->kind == CHAT_DIRECT) {
        uint32_t peer = chat->peer[chat->peer[0] == viewer ? 1 : 0];
        out->peer = copy_user(cache_user(c, peer), arena);
    }
}

/* The chat when the viewer is in it; NULL looks the same for "none" and "not yours". */
static const struct cache_chat *chat_of(const struct cache *c, uint32_t viewer, uint64_t chat_id)
{
    const struct cache_chat *chat = cache_chat(c, cache_chat_index(c, chat_id));
    return chat && viewer != CACHE_NONE && cache_member(chat, viewer) ? chat : NULL;
}

/* ---------------------------------------------------------------- one user, one chat */

enum code svc_find_user(struct svc *svc, struct str text, bool names_only, uint64_t *id)
{
    uint64_t n = 0;
    bool is_id = !names_only && id_parse(text, ID_USER, &n) == RC_OK;
    cache_rdlock(svc->cache);
    uint32_t index = is_id ? cache_user_index(svc->cache, n) : CACHE_NONE;
    if (index == CACHE_NONE) {
        index = cache_user_by_name(svc->cache, text);
    }
    const struct cache_user *u = cache_user(svc->cache, index);
    if (u) {
        *id = u->id;
    }
    cache_unlock(svc->cache);
    return u ? CODE_OK : CODE_USER_NOT_FOUND;
}

enum code svc_user(struct svc *svc, uint64_t user_id, struct arena *arena, struct user_view *out)
{
    cache_rdlock(svc->cache);
    const struct cache_user *u = cache_user(svc->cache, cache_user_index(svc->cache, user_id));
    if (u) {
        *out = copy_user(u, arena);
    }
    cache_unlock(svc->cache);
    return u ? CODE_OK : CODE_USER_NOT_FOUND;
}

enum code svc_chat(struct svc *svc, uint64_t viewer_id, uint64_t chat_id, struct arena *arena,
                   struct chat_view *out)
{
    cache_rdlock(svc->cache);
    uint32_t viewer = cache_user_index(svc->cache, viewer_id);
    const struct cache_chat *chat = chat_of(svc->cache, viewer, chat_id);
    if (chat) {
        copy_chat(svc->cache, chat, viewer, arena, out);
    }
    cache_unlock(svc->cache);
    return chat ? CODE_OK : CODE_CHAT_NOT_FOUND;
}

enum code svc_sender(struct svc *svc, uint64_t viewer_id, uint64_t chat_id, struct arena *arena,
                     struct message_view *out)
{
    cache_rdlock(svc->cache);
    uint32_t viewer = cache_user_index(svc->cache, viewer_id);
    const struct cache_chat *chat = chat_of(svc->cache, viewer, chat_id);
    if (chat) {
        *out = (struct message_view){.chat_id = chat->id,
                                     .chat_created_us = chat->created_us,
                                     .sender = copy_user(cache_user(svc->cache, viewer), arena)};
    }
    cache_unlock(svc->cache);
    return chat ? CODE_OK : CODE_CHAT_NOT_FOUND;
}

/* ---------------------------------------------------------------- the chat list */

struct entry {
    struct chat_place place;
    uint32_t chat;
};

static bool is_older(struct chat_place a, struct chat_place b)
{
    return a.updated_us != b.updated_us ? a.updated_us < b.updated_us : a.chat_id < b.chat_id;
}

/* A heap with the oldest entry on top. */
static void sift_down(struct entry *heap, unsigned count)
{
    unsigned at = 0;
    for (;;) {
        unsigned child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && is_older(heap[child + 1].place, heap[child].place)) {
            child++;
        }
        if (!is_older(heap[child].place, heap[at].place)) {
            return;
        }
        struct entry e = heap[at];
        heap[at] = heap[child];
        heap[child] = e;
        at = child;
    }
}

static void sift_up(struct entry *heap, unsigned at)
{
    while (at > 0 && is_older(heap[at].place, heap[(at - 1) / 2].place)) {
        struct entry e = heap[at];
        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = e;
        at = (at - 1) / 2;
    }
}

static int newest_first(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return is_older(x->place, y->place) ? 1 : -1; /* no two are equal: ids differ */
}

/* The newest `room` of the viewer's chats after the place, sorted. Returns how many. */
static unsigned pick_newest(const struct cache *c, const struct cache_user *viewer,
                            struct chat_place after, struct entry *heap, unsigned room)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < viewer->chats_count; i++) {
        const struct cache_chat *chat = cache_chat(c, viewer->chats[i]);
        if (!chat) {
            continue;
        }
        struct entry e = {{cache_chat_updated(chat), chat->id}, viewer->chats[i]};
        if (after.chat_id != 0 && !is_older(e.place, after)) {
            continue;
        }
        if (count < room) {
            heap[count] = e;
            sift_up(heap, count++);
        } else if (is_older(heap[0].place, e.place)) {
            heap[0] = e;
            sift_down(heap, count);
        }
    }
    qsort(heap, count, sizeof(*heap), newest_first);
    return count;
}

enum code svc_chats(struct svc *svc, uint64_t viewer_id, struct chat_place after, unsigned limit,
                    struct arena *arena, struct chat_page *out)
{
    struct entry *heap = arena_calloc(arena, (size_t)limit + 1, sizeof(*heap));
    *out = (struct chat_page){.published = feed_published(svc->feed)};
    out->chats = arena_calloc(arena, limit, sizeof(*out->chats));
    if (!heap || !out->chats) {
        return CODE_UNAVAILABLE;
    }
    cache_rdlock(svc->cache);
    uint32_t index = cache_user_index(svc->cache, viewer_id);
    const struct cache_user *viewer = cache_user(svc->cache, index);
    unsigned found = viewer ? pick_newest(svc->cache, viewer, after, heap, limit + 1) : 0;
    out->has_more = found > limit;
    out->count = found < limit ? found : limit;
    for (unsigned i = 0; i < out->count; i++) {
        copy_chat(svc->cache, cache_chat(svc->cache, heap[i].chat), index, arena, &out->chats[i]);
    }
    cache_unlock(svc->cache);
    return CODE_OK;
}

enum code svc_open_chats(struct svc *svc, uint64_t viewer_id, uint64_t after, unsigned limit, struct arena *arena,
                         struct chat_page *out)
{
    const struct cache *c = svc->cache;
    *out = (struct chat_page){.chats = arena_calloc(arena, limit, sizeof(*out->chats))};
    if (out->chats == NULL) {
        return CODE_UNAVAILABLE;
    }
    cache_rdlock(svc->cache);
    uint32_t viewer = cache_user_index(c, viewer_id);
    uint32_t next = viewer != CACHE_NONE ? cache_open_chat_after(c, after) : CACHE_NONE;
    while (next != CACHE_NONE && out->count < limit) {
        copy_chat(c, cache_chat(c, next), viewer, arena, &out->chats[out->count]);
        next = cache_open_chat_after(c, out->chats[out->count++].id);
    }
    out->has_more = next != CACHE_NONE;
    cache_unlock(svc->cache);
    return CODE_OK;
}

/* ---------------------------------------------------------------- members */

/* The first place whose user index is above `after`. */
static uint32_t members_after(const struct cache_chat *chat, uint32_t after)
{
    uint32_t low = 0, high = chat->members_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (chat->members[mid].user <= after) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct member_view copy_member(const struct cache *c, const struct cache_member *m,
                                      struct arena *arena)
{
    return (struct member_view){copy_user(cache_user(c, m->user), arena), m->role, m->read_seq};
}

enum code svc_members(struct svc *svc, uint64_t viewer_id, uint64_t chat_id, uint64_t after,
                      unsigned limit, struct arena *arena, struct member_page *out)
{
    *out = (struct member_page){.members = arena_calloc(arena, limit, sizeof(*out->members))};
    if (!out->members) {
        return CODE_UNAVAILABLE;
    }
    cache_rdlock(svc->cache);
    uint32_t after_index = cache_user_index(svc->cache, after);
    uint32_t viewer = cache_user_index(svc->cache, viewer_id);
    const struct cache_chat *chat = chat_of(svc->cache, viewer, chat_id);
    uint32_t at = chat && after_index != CACHE_NONE ? members_after(chat, after_index) : 0;
    for (; chat && at < chat->members_count && out->count < limit; at++) {
        out->members[out->count++] = copy_member(svc->cache, &chat->members[at], arena);
    }
    out->has_more = chat && at < chat->members_count;
    cache_unlock(svc->cache);
    return chat ? CODE_OK : CODE_CHAT_NOT_FOUND;
}

enum code svc_member(struct svc *svc, uint64_t viewer_id, uint64_t chat_id, uint64_t user_id,
                     struct arena *arena, struct member_view *out)
{
    cache_rdlock(svc->cache);
    uint32_t user = cache_user_index(svc->cache, user_id);
    const struct cache_chat *chat =
        chat_of(svc->cache, cache_user_index(svc->cache, viewer_id), chat_id);
    const struct cache_member *m = chat && user != CACHE_NONE ? cache_member(chat, user) : NULL;
    if (m) {
        *out = copy_member(svc->cache, m, arena);
    }
    cache_unlock(svc->cache);
    return m ? CODE_OK : chat ? CODE_MEMBER_NOT_FOUND : CODE_CHAT_NOT_FOUND;
}
