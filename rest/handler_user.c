/* handler_user.c -- /api/me and /api/users */
#include "rest/handlers.h"

#include "rest/reply.h"
#include "rest/svc_read.h"

static void answer_me(struct http_request *rq)
{
    struct user_view user;
    enum code code = svc_user(rq->svc, rq->who.user_id, &rq->arena, &user);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    reply_me(&rq->reply, &user);
    handler_finish(rq, 200);
}

void me_get(struct http_request *rq)
{
    answer_me(rq);
}

static void on_me_changed(void *ctx, const struct outcome *o)
{
    if (o->code != CODE_OK) {
        handler_fail(ctx, o->code, NULL);
        return;
    }
    answer_me(ctx);
}

/* profile_url of the body; null and the empty text take it away. false: answered. */
static bool read_profile_url(struct http_request *rq, struct str *out)
{
    struct jval v = json_get(json_root(rq->json), "profile_url");
    if (!handler_string(rq, "profile_url", false, out)) {
        return false;
    }
    if (json_type(v) == JSON_NULL) {
        *out = STR("");
    }
    return true;
}

void me_patch(struct http_request *rq)
{
    struct cmd c;
    if (!handler_cmd(rq, CMD_USER_UPDATE, &c) || !read_profile_url(rq, &c.link) ||
        !handler_string(rq, "name", !c.link.p, &c.content)) {
        return;
    }
    c.user_id = rq->who.user_id;
    if (c.content.p && c.content.len == 0) { /* the command takes an empty name for "no change" */
        handler_fail(rq, CODE_INVALID_FIELD, "name");
        return;
    }
    handler_submit(rq, &c, on_me_changed, rq);
}

void users_get(struct http_request *rq)
{
    struct str text;
    struct user_page page;
    unsigned limit;
    if (!handler_limit(rq, 20, rq->svc->conf->list_page_max, &limit)) {
        return;
    }
    if ((!http_query(rq, "q", &text) && !http_query(rq, "search", &text)) || text.len == 0) {
        handler_fail(rq, CODE_INVALID_FIELD, "q");
        return;
    }
    enum code code = svc_search(rq->svc, text, limit, &rq->arena, &page);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    buf_add_z(&rq->reply, "{\"users\":[");
    for (unsigned i = 0; i < page.count; i++) {
        buf_add_z(&rq->reply, i ? "," : "");
        reply_user(&rq->reply, &page.users[i]);
    }
    buf_add_char(&rq->reply, ']');
    json_key_bool(&rq->reply, "has_more", page.has_more);
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, 200);
}

void user_get(struct http_request *rq)
{
    uint64_t id;
    struct user_view user;
    if (!handler_param_id(rq, 0, ID_USER, &id)) {
        return;
    }
    enum code code = svc_user(rq->svc, id, &rq->arena, &user);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    reply_profile(&rq->reply, &user);
    handler_finish(rq, 200);
}
