/* svc_attachment.c -- attachments as the viewers of messages and the downloads see them */
#include "rest/svc_read.h"

#include "rest/store.h"

/* false: the arena is full. */
static bool copy_row(struct arena *arena, const struct row_attachment *row,
                     struct attachment_view *out)
{
    *out = (struct attachment_view){
        .id = row->id,
        .chat_id = row->chat_id,
        .seq = row->seq,
        .uploader_id = row->uploader_id,
        .size = row->size,
        .created_us = row->created_us,
        .unused_us = row->unused_us,
        .name = arena_str(arena, row->name),
        .mime_type = arena_str(arena, row->mime_type),
        .sha256 = arena_str(arena, row->sha256),
    };
    return out->name.p && out->mime_type.p && out->sha256.p;
}

/* ---------------------------------------------------------------- beside messages */

struct joining {
    struct arena *arena;
    struct message_view *messages;
    unsigned count;
    bool full;
};

static void on_joined(void *ctx, const struct row_attachment *row)
{
    struct joining *j = ctx;
    for (unsigned i = 0; i < j->count; i++) {
        struct message_view *m = &j->messages[i];
        if (m->chat_id != row->chat_id || m->seq != row->seq) {
            continue;
        }
        struct attachment_view *a = arena_alloc(j->arena, sizeof(*a));
        bool copied = a && copy_row(j->arena, row, a);
        m->attachment = copied ? a : NULL;
        j->full = j->full || !copied;
        return;
    }
}

enum code read_attachments_of(struct store *store, struct arena *arena,
                              struct message_view *messages, unsigned count)
{
    struct chat_seq *at = NULL;
    unsigned wanted = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!messages[i].attachment) {
            continue;
        }
        at = at ? at : arena_calloc(arena, count, sizeof(*at));
        if (!at) {
            return CODE_UNAVAILABLE;
        }
        at[wanted++] = (struct chat_seq){messages[i].chat_id, messages[i].seq};
        messages[i].attachment = NULL; /* the row may have been removed */
    }
    struct joining j = {.arena = arena, .messages = messages, .count = count};
    enum store_rc rc =
        wanted > 0 ? store_attachments_at(store, at, wanted, on_joined, &j) : STORE_OK;
    return rc == STORE_OK && !j.full ? CODE_OK : CODE_UNAVAILABLE;
}

/* ---------------------------------------------------------------- one */

static void on_row(void *ctx, const struct row_attachment *row)
{
    struct attachment_read *r = ctx;
    r->found = copy_row(r->arena, row, &r->attachment);
}

/* What is not published does not exist yet, not even for its sender. */
static bool sees_message(struct svc *svc, uint64_t viewer_id, const struct attachment_view *a)
{
    cache_rdlock(svc->cache);
    const struct cache_chat *chat =
        cache_chat(svc->cache, cache_chat_index(svc->cache, a->chat_id));
    uint32_t viewer = cache_user_index(svc->cache, viewer_id);
    const struct cache_member *m = chat && viewer != CACHE_NONE ? cache_member(chat, viewer) : NULL;
    bool sees = m && a->seq > m->joined_seq && a->seq <= chat->last_seq;
    cache_unlock(svc->cache);
    return sees;
}

static bool may_see(struct svc *svc, uint64_t viewer_id, const struct attachment_view *a)
{
    bool is_deleted = a->seq != 0 && a->unused_us != 0;
    return !is_deleted &&
           (a->uploader_id == viewer_id || (a->seq != 0 && sees_message(svc, viewer_id, a)));
}

static void run(struct store *store, void *ctx)
{
    struct attachment_read *r = ctx;
    enum store_rc rc = store ? store_find_attachments(store, &r->id, 1, on_row, r) : STORE_LOST;
    enum code code = rc == STORE_OK ? CODE_OK : CODE_UNAVAILABLE;
    if (code == CODE_OK && (!r->found || !may_see(r->svc, r->viewer_id, &r->attachment))) {
        code = CODE_ATTACHMENT_NOT_FOUND;
    }
    r->done(r->ctx, code);
}

enum code read_attachment(struct attachment_read *r)
{
    return dbpool_submit(r->svc->dbpool, run, r) == RC_OK ? CODE_OK : CODE_QUEUE_FULL;
}
