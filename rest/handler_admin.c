/* handler_admin.c -- /api/admin: what confabctl uses; the admin secret instead of a user's token */
#include "rest/handlers.h"

#include "rest/auth.h"
#include "rest/reply.h"
#include "rest/svc_auth.h"
#include "rest/svc_status.h"
#include "shared/clock.h"

static void answer_account(struct http_request *rq, uint64_t user_id, int status)
{
    struct user_view user;
    enum code code = svc_user(rq->svc, user_id, &rq->arena, &user);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    reply_account(&rq->reply, &user);
    handler_finish(rq, status);
}

static void fail_unless_ok(struct http_request *rq, enum code code, const char *field)
{
    if (code != CODE_OK) {
        handler_fail(rq, code, field);
    }
}

/* ---------------------------------------------------------------- users */

void admin_users_get(struct http_request *rq)
{
    uint64_t after = 0;
    unsigned limit;
    struct user_page page;
    if (!handler_limit(rq, 100, rq->svc->conf->list_page_max, &limit) ||
        !handler_query_u64(rq, "cursor", UINT32_MAX, &after)) {
        return;
    }
    enum code code = svc_users(rq->svc, after, limit, &rq->arena, &page);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    buf_add_z(&rq->reply, "{\"users\":[");
    for (unsigned i = 0; i < page.count; i++) {
        buf_add_z(&rq->reply, i ? "," : "");
        reply_account(&rq->reply, &page.users[i]);
    }
    buf_add_char(&rq->reply, ']');
    if (page.has_more) {
        json_add_key(&rq->reply, "next_cursor");
        buf_addf(&rq->reply, "\"%llu\"", (unsigned long long)(after + page.count));
    } else {
        json_key_null(&rq->reply, "next_cursor");
    }
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, 200);
}

static struct auth_request *new_request(struct http_request *rq, auth_done done)
{
    struct auth_request *r = arena_alloc(&rq->arena, sizeof(*r));
    if (!r) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return NULL;
    }
    r->svc = rq->svc;
    r->arena = &rq->arena;
    r->done = done;
    r->ctx = rq;
    return r;
}

static void on_account(struct auth_request *r, enum code code, const char *field)
{
    struct http_request *rq = r->ctx;
    svc_auth_release(r);
    if (code != CODE_OK) {
        handler_fail(rq, code, field);
        return;
    }
    answer_account(rq, r->user_id, 201);
}

/* "user_id" of the body: the id a new account shall have, 0 when absent. false: answered. */
static bool read_wanted_id(struct http_request *rq, uint64_t *out)
{
    struct jval v = json_get(json_root(rq->json), "user_id");
    struct str text;
    enum json_type type = json_type(v);
    bool ok = type == JSON_ABSENT || type == JSON_NULL ||
              (json_str(v, &text) && id_parse(text, ID_USER, out) == RC_OK) ||
              (json_u64(v, out) && *out > 0 && *out <= ID_MAX);
    if (!ok) {
        handler_fail(rq, CODE_INVALID_FIELD, "user_id");
    }
    return ok;
}

void admin_users_post(struct http_request *rq)
{
    const char *field = NULL;
    struct auth_request *r = new_request(rq, on_account);
    if (r && handler_string(rq, "username", true, &r->username) &&
        handler_string(rq, "name", false, &r->name) &&
        handler_string(rq, "password", false, &r->password) &&
        handler_string(rq, "external_id", false, &r->external_id) && read_wanted_id(rq, &r->user_id)) {
        enum code code = svc_account(r, &field);
        fail_unless_ok(rq, code, field);
    }
}

/* ---------------------------------------------------------------- disable, enable, password */

static void on_changed(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    if (o->code != CODE_OK) {
        handler_fail(rq, o->code, NULL);
        return;
    }
    answer_account(rq, o->user_id, 200);
}

/* Tokens of before do not come back to life, and live sockets close. */
static void revoke_all(struct http_request *rq, uint64_t user_id, svc_done done)
{
    struct cmd c = {.kind = CMD_REVOKE, .user_id = user_id};
    handler_submit(rq, &c, done, rq);
}

static void on_disabled(void *ctx, const struct outcome *o)
{
    if (o->code != CODE_OK) {
        handler_fail(ctx, o->code, NULL);
        return;
    }
    revoke_all(ctx, o->user_id, on_changed);
}

static void set_status(struct http_request *rq, enum cmd_status status, svc_done done)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_USER_UPDATE, &c) && handler_param_id(rq, 0, ID_USER, &c.user_id)) {
        c.number = (uint64_t)status;
        handler_submit(rq, &c, done, rq);
    }
}

void admin_user_disable(struct http_request *rq)
{
    set_status(rq, CMD_STATUS_DISABLED, on_disabled);
}

void admin_user_enable(struct http_request *rq)
{
    set_status(rq, CMD_STATUS_ACTIVE, on_changed);
}

static void on_password(struct auth_request *r, enum code code, const char *field)
{
    struct http_request *rq = r->ctx;
    svc_auth_release(r);
    if (code != CODE_OK) {
        handler_fail(rq, code, field);
        return;
    }
    revoke_all(rq, r->user_id, on_changed);
}

void admin_user_password(struct http_request *rq)
{
    const char *field = NULL;
    struct auth_request *r = new_request(rq, on_password);
    if (r && handler_param_id(rq, 0, ID_USER, &r->user_id) &&
        handler_string(rq, "password", true, &r->password)) {
        enum code code = svc_set_password(r, &field);
        fail_unless_ok(rq, code, field);
    }
}

/* ---------------------------------------------------------------- tokens, kick */

static void write_token(struct http_request *rq, const struct user_view *user, struct str token,
                        uint64_t expires_s)
{
    uint64_t now_s = wall_s();
    buf_add_char(&rq->reply, '{');
    json_key_str(&rq->reply, "access_token", token);
    json_key_str(&rq->reply, "token_type", STR("Bearer"));
    json_key_u64(&rq->reply, "expires_in", expires_s > now_s ? expires_s - now_s : 0);
    json_add_key(&rq->reply, "user");
    reply_account(&rq->reply, user);
    buf_add_char(&rq->reply, '}');
}

#define ADMIN_TOKEN_MAX_S ((uint64_t)365 * 86400)

/* {user_id or username, ttl_s?}: an access token without a login. */
void admin_tokens_post(struct http_request *rq)
{
    uint64_t id, expires_s, ttl_s = rq->svc->conf->access_ttl_ms / 1000;
    struct user_view user;
    struct jval ttl = json_get(json_root(rq->json), "ttl_s");
    if (!handler_body_user(rq, &id)) {
        return;
    }
    if (json_type(ttl) != JSON_ABSENT &&
        !(json_u64(ttl, &ttl_s) && ttl_s > 0 && ttl_s <= ADMIN_TOKEN_MAX_S)) {
        handler_fail(rq, CODE_INVALID_FIELD, "ttl_s");
        return;
    }
    enum code code = svc_user(rq->svc, id, &rq->arena, &user);
    code = code == CODE_OK && user.disabled ? CODE_USER_DISABLED : code;
    struct buf token = BUF_INIT;
    if (code == CODE_OK && auth_issue(rq->svc->auth, id, 0, ttl_s, &token, &expires_s) != RC_OK) {
        code = CODE_UNAVAILABLE;
    }
    if (code == CODE_OK) {
        write_token(rq, &user, buf_str(&token), expires_s);
    }
    buf_release(&token);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    http_add_header(rq, "Cache-Control", "no-store");
    handler_finish(rq, 201);
}

/* {user_id or username, revoke?}: close the user's sockets; with revoke also end every token. */
void admin_kick_post(struct http_request *rq)
{
    uint64_t id;
    bool revoke = false;
    struct jval v = json_get(json_root(rq->json), "revoke");
    if (!handler_body_user(rq, &id)) {
        return;
    }
    if (json_type(v) != JSON_ABSENT && !json_bool(v, &revoke)) {
        handler_fail(rq, CODE_INVALID_FIELD, "revoke");
        return;
    }
    if (revoke) {
        revoke_all(rq, id, handler_done_empty);
        return;
    }
    feed_kick(rq->svc->feed, id, 0, CODE_FORBIDDEN);
    http_no_content(rq);
}

/* ---------------------------------------------------------------- status */

static void write_workers(struct buf *out, const struct svc_status *s)
{
    json_add_key(out, "workers");
    buf_add_char(out, '[');
    for (unsigned i = 0; i < s->workers_count; i++) {
        const struct feed_worker_info *w = &s->workers[i];
        buf_add_z(out, i ? ",{" : "{");
        json_key_u64(out, "worker", w->number);
        json_key_u64(out, "sessions", w->sessions);
        json_key_u64(out, "users", w->users);
        json_key_u64(out, "stream_bytes", w->stream_bytes);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

void admin_status_get(struct http_request *rq)
{
    struct svc_status s;
    struct buf *out = &rq->reply;
    svc_status(rq->svc, &s);
    buf_add_char(out, '{');
    json_key_bool(out, "database", s.database);
    json_key_bool(out, "writer", s.writer);
    handler_cursor(rq, "published", s.published);
    json_key_u64(out, "users", s.users);
    json_key_u64(out, "chats", s.chats);
    json_key_u64(out, "writer_queue", s.writer_queue);
    json_key_u64(out, "read_queue", s.read_queue);
    write_workers(out, &s);
    buf_add_char(out, '}');
    handler_finish(rq, 200);
}
