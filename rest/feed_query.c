/* Reads that a dialect needs and that the caches answer: in the stream, so that they stand in order with memberships. */
#include "rest/feed_int.h"
#include "rest/svc_command.h"
#include "shared/json.h"

#define QUERY_MAX_BYTES 4096

/* false: no such member, or not a chat's id. */
static bool read_chat_id(struct str body, uint64_t *chat_id)
{
    const struct json_limits limits = {QUERY_MAX_BYTES, 4, 16};
    struct json *doc = NULL;
    bool good = json_parse(body, &limits, &doc, NULL) == RC_OK && json_u64(json_get(json_root(doc), "chat_id"), chat_id);
    json_free(doc);
    return good;
}

/* A chat of others is as unknown as none at all: ids cannot be probed. The cache is locked. */
static enum code query_chat_locked(struct feed *f, uint64_t user_id, uint64_t chat_id, struct buf *out)
{
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, chat_id));
    uint32_t user = cache_user_index(f->cache, user_id);
    bool is_member = chat != NULL && user != CACHE_NONE && cache_member(chat, user) != NULL;
    if (!is_member) {
        return CODE_FORBIDDEN;
    }
    buf_add_char(out, '{');
    json_key_u64(out, "chat_id", chat_id);
    buf_add_char(out, '}');
    return CODE_OK;
}

static enum code query_chat(struct feed *f, uint64_t user_id, uint64_t chat_id, struct buf *out)
{
    cache_rdlock(f->cache);
    enum code code = query_chat_locked(f, user_id, chat_id, out);
    cache_unlock(f->cache);
    return code;
}

/* Who subscribes to an open group comes in first. CODE_OK: the answer is put behind that (feed_put_query_reply). */
static enum code join_open(struct feed *f, struct feed_worker *w, const struct link_frame *frame,
                           const struct link_query *m, uint64_t user_id, uint64_t chat_id)
{
    cache_rdlock(f->cache);
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, chat_id));
    bool is_open = chat != NULL && chat->is_open;
    cache_unlock(f->cache);
    struct cmd c = {.kind = CMD_MEMBER_ADD, .actor_id = user_id, .chat_id = chat_id, .users = &user_id, .users_count = 1};
    struct feed_reply_to to = {w->number, w->incarnation, frame->request, m->session, true};
    return is_open ? svc_submit_from_socket(f->svc, &c, &to) : CODE_FORBIDDEN;
}

void feed_put_query_reply(struct feed *f, struct feed_worker *w, const struct job *j)
{
    struct buf body = BUF_INIT;
    enum code code = query_chat_locked(f, j->cmd.actor_id, j->cmd.chat_id, &body);
    /* Somebody who came in twice at once is in. */
    code = code == CODE_OK || j->outcome.code == CODE_OK ? code : j->outcome.code;
    link_put_query_reply(&w->q, j->reply_to.request, j->reply_to.session, code, buf_str(&body));
    buf_release(&body);
}

enum rc feed_on_query(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    struct link_query m;
    struct buf body = BUF_INIT;
    enum rc rc = link_get_query(frame->body, &m);
    if (rc != RC_OK) {
        return rc;
    }
    uint64_t chat_id = 0;
    bool is_known = m.kind == LINK_QUERY_CHAT || m.kind == LINK_QUERY_SUBSCRIBE;
    enum code code = !is_known                        ? CODE_UNSUPPORTED_TYPE
                     : read_chat_id(m.body, &chat_id) ? CODE_OK
                                                      : CODE_INVALID_FIELD;
    feed_lock(f);
    uint64_t user_id = m.slot != 0 && m.slot < w->slots_count ? w->slots[m.slot].user_id : 0;
    if (user_id == 0) {
        code = CODE_UNAUTHENTICATED;
    } else if (code == CODE_OK) {
        code = query_chat(f, user_id, chat_id, &body);
    }
    if (code == CODE_FORBIDDEN && m.kind == LINK_QUERY_SUBSCRIBE) {
        feed_unlock(f);
        code = join_open(f, w, frame, &m, user_id, chat_id);
        if (code == CODE_OK) {
            return RC_OK;
        }
        feed_lock(f);
    }
    bool was_empty = w->q.len == 0;
    link_put_query_reply(&w->q, frame->request, m.session, code, buf_str(&body));
    feed_appended(f, w, was_empty);
    feed_unlock(f);
    buf_release(&body);
    return RC_OK;
}
