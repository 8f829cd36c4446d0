/* Commands and tokens that come from sockets: the same services as HTTP, answered in the stream. */
#include <stdlib.h>

#include "rest/auth.h"
#include "rest/feed_int.h"
#include "rest/svc_command.h"

static void reply_now(struct feed *f, struct feed_worker *w, uint32_t request, uint64_t session,
                      enum code code)
{
    struct outcome o = {.code = code};
    feed_lock(f);
    bool was_empty = w->q.len == 0;
    link_put_reply(&w->q, request, session, &o, STR_NONE);
    feed_appended(f, w, was_empty);
    feed_unlock(f);
}

/* What a socket may ask for: everything a user does to chats and messages. */
static bool allowed_from_socket(uint8_t kind)
{
    return kind >= CMD_CHAT_CREATE_DIRECT && kind <= CMD_READ;
}

/* What changes nothing that is kept is done here and answered at once. */
static bool is_ephemeral(uint8_t kind)
{
    return kind == CMD_FOCUS || kind == CMD_TYPING;
}

enum rc feed_on_command(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    uint64_t session = 0;
    uint32_t slot = 0;
    uint64_t *users = NULL;
    struct cmd c;
    enum rc rc = link_get_command(frame->body, &session, &slot, &c, &users);
    if (rc != RC_OK) {
        return rc;
    }
    feed_lock(f);
    uint64_t user_id = slot != 0 && slot < w->slots_count ? w->slots[slot].user_id : 0;
    feed_unlock(f);
    /* Who asks is what the door said at the hand-over, not what the frame says. */
    c.actor_id = user_id;
    c.origin_worker = w->number;
    c.origin_session = session;
    if (c.kind == CMD_READ) {
        c.number = c.number2 = 0; /* counts are taken here, never believed */
    }
    struct feed_reply_to to = {w->number, w->incarnation, frame->request, session, false};
    enum code code = CODE_UNAUTHENTICATED;
    if (user_id != 0 && c.kind == CMD_FOCUS) {
        code = feed_focus(f, w, slot, &c);
    } else if (user_id != 0 && c.kind == CMD_TYPING) {
        code = feed_typing(f, w, slot, &c);
    } else if (user_id != 0) {
        code = allowed_from_socket(c.kind)
                   ? svc_submit_from_socket(f->svc, &c, &to)
                   : CODE_UNSUPPORTED_TYPE;
    }
    free(users);
    if (code != CODE_OK || is_ephemeral(c.kind)) {
        reply_now(f, w, frame->request, session, code);
    }
    return RC_OK;
}

enum rc feed_on_reauth(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    uint64_t session = 0, stamp_us = 0;
    uint32_t slot = 0;
    struct str token;
    enum rc rc = link_get_reauth(frame->body, &session, &slot, &token);
    if (rc != RC_OK) {
        return rc;
    }
    struct identity who = {0};
    enum code code = auth_token(f->svc->auth, token, &who, &stamp_us);
    feed_lock(f);
    uint64_t user_id = slot != 0 && slot < w->slots_count ? w->slots[slot].user_id : 0;
    if (code == CODE_OK && who.user_id != user_id) {
        code = CODE_CARRIERS_DISAGREE; /* a connection never changes its user */
    }
    if (code == CODE_OK) { /* a revocation published since the check did not find the session under this family */
        code = cache_token_state(f->cache, who.user_id, who.family, stamp_us);
    }
    if (code != CODE_OK) {
        who = (struct identity){0};
    }
    bool was_empty = w->q.len == 0;
    link_put_reauth_reply(&w->q, frame->request, session, code, who.family, who.expires_s);
    feed_appended(f, w, was_empty);
    feed_unlock(f);
    return RC_OK;
}
