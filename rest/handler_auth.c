/* handler_auth.c -- /api/auth: register, login, refresh, logout, ticket */
#include "rest/handlers.h"

#include "rest/auth.h"
#include "rest/reply.h"
#include "rest/svc_auth.h"
#include "shared/clock.h"

/* ---------------------------------------------------------------- the cookie */

/* Browsers send it with WebSocket handshakes; scripts cannot read it. */
static void set_cookie(struct http_request *rq, struct str token, uint64_t max_age_s)
{
    struct buf b = BUF_INIT;
    buf_add_z(&b, rq->svc->conf->cookie_name);
    buf_add_char(&b, '=');
    buf_add_str(&b, token);
    buf_addf(&b, "; Path=/; Max-Age=%llu; HttpOnly; SameSite=Lax%s", (unsigned long long)max_age_s,
             rq->svc->conf->profile == PROFILE_PROD ? "; Secure" : "");
    struct str value = buf_ok(&b) ? arena_str(&rq->arena, buf_str(&b)) : STR_NONE;
    if (value.p) {
        http_add_header(rq, "Set-Cookie", value.p);
    }
    buf_release(&b);
}

static void no_store(struct http_request *rq)
{
    http_add_header(rq, "Cache-Control", "no-store");
}

/* ---------------------------------------------------------------- pairs of tokens */

static void write_pair(struct buf *out, const struct auth_request *r)
{
    uint64_t now_s = wall_s();
    buf_add_char(out, '{');
    json_key_str(out, "access_token", buf_str(&r->access));
    json_key_str(out, "token_type", STR("Bearer"));
    json_key_u64(out, "expires_in", r->access_expires_s > now_s ? r->access_expires_s - now_s : 0);
    json_key_str(out, "refresh_token", buf_str(&r->refresh));
    json_key_u64(out, "refresh_expires_in",
                 r->refresh_expires_s > now_s ? r->refresh_expires_s - now_s : 0);
    json_add_key(out, "user");
    reply_me(out, &r->user);
    buf_add_char(out, '}');
}

static void on_pair(struct auth_request *r, enum code code, const char *field)
{
    struct http_request *rq = r->ctx;
    if (code != CODE_OK) {
        svc_auth_release(r);
        handler_fail(rq, code, field);
        return;
    }
    write_pair(&rq->reply, r);
    set_cookie(rq, buf_str(&r->access), rq->svc->conf->access_ttl_ms / 1000);
    svc_auth_release(r);
    no_store(rq);
    handler_finish(rq, r->created ? 201 : 200);
}

static struct auth_request *new_request(struct http_request *rq)
{
    struct auth_request *r = arena_alloc(&rq->arena, sizeof(*r));
    if (!r) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return NULL;
    }
    r->svc = rq->svc;
    r->arena = &rq->arena;
    r->done = on_pair;
    r->ctx = rq;
    return r;
}

static void started(struct http_request *rq, enum code code, const char *field)
{
    if (code != CODE_OK) {
        handler_fail(rq, code, field);
    }
}

void auth_register(struct http_request *rq)
{
    const char *field = NULL;
    struct auth_request *r = new_request(rq);
    if (r && handler_string(rq, "username", true, &r->username) &&
        handler_string(rq, "password", true, &r->password) &&
        handler_string(rq, "name", false, &r->name)) {
        enum code code = svc_register(r, &field);
        started(rq, code, field);
    }
}

void auth_login(struct http_request *rq)
{
    const char *field = NULL;
    struct auth_request *r = new_request(rq);
    if (r && handler_string(rq, "username", true, &r->username) &&
        handler_string(rq, "password", true, &r->password)) {
        enum code code = svc_login(r, &field);
        started(rq, code, field);
    }
}

void auth_refresh(struct http_request *rq)
{
    const char *field = NULL;
    struct str token;
    struct cmd c;
    struct auth_request *r = new_request(rq);
    if (r && handler_string(rq, "refresh_token", true, &token) &&
        handler_cmd(rq, CMD_FAMILY_ROTATE, &c)) {
        enum code code = svc_refresh(r, token, c.has_key ? &c.key : NULL, &field);
        started(rq, code, field);
    }
}

/* ---------------------------------------------------------------- logout, ticket */

static void on_logout(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    if (o->code == CODE_OK) {
        set_cookie(rq, STR(""), 0);
    }
    handler_done_empty(rq, o);
}

/*
 * Ends the login the token belongs to, or all of them ({"all":true}). A token that belongs to none (issued by an
 * administrator or another identity provider) can only be ended together with all others of its user.
 */
void auth_logout(struct http_request *rq)
{
    bool all = false;
    struct cmd c;
    if (rq->json) {
        struct jval v = json_get(json_root(rq->json), "all");
        if (json_type(v) != JSON_ABSENT && !json_bool(v, &all)) {
            handler_fail(rq, CODE_INVALID_FIELD, "all");
            return;
        }
    }
    if (handler_cmd(rq, CMD_REVOKE, &c)) {
        c.user_id = rq->who.user_id;
        c.number2 = all ? 0 : rq->who.family;
        handler_submit(rq, &c, on_logout, rq);
    }
}

void auth_ticket(struct http_request *rq)
{
    struct buf ticket = BUF_INIT;
    enum rc rc = auth_ticket_new(rq->svc->auth, &rq->who, &ticket);
    if (rc == RC_OK) {
        buf_add_char(&rq->reply, '{');
        json_key_str(&rq->reply, "ticket", buf_str(&ticket));
        json_key_u64(&rq->reply, "expires_in", rq->svc->conf->ticket_ttl_ms / 1000);
        buf_add_char(&rq->reply, '}');
    }
    buf_release(&ticket);
    if (rc != RC_OK) {
        handler_fail(rq, CODE_QUEUE_FULL, NULL);
        return;
    }
    no_store(rq);
    handler_finish(rq, 201);
}
