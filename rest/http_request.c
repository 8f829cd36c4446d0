/* http_request.c -- one HTTP request between the library and its handler: checks, route, answer */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rest/door.h"
#include "rest/http_auth.h"
#include "rest/http_conn.h"
#include "rest/http_error.h"
#include "rest/metrics.h"
#include "rest/ratelimit.h"
#include "rest/web.h"
#include "shared/clock.h"
#include "shared/id.h"
#include "shared/log.h"
#include "shared/utf8.h"

#define HEADERS_MAX (sizeof(((struct http_request *)0)->headers) / sizeof(((struct http_request *)0)->headers[0]))

/* -- life -------------------------------------------------------------------------------------- */

void http_request_begin(struct http_conn *c, struct str uri)
{
    struct http_request *rq = &c->rq;

    memset(rq, 0, sizeof(*rq));
    memset(&c->head, 0, sizeof(c->head));
    rq->server = c;
    rq->svc = http_server_env(c->server)->svc;
    rq->arena = ARENA_INIT(0);
    c->route = NULL;
    c->early = CODE_OK;
    c->origin = STR_NONE;
    c->allow = 0;
    c->close_after = c->is_async = c->body_complete = false;
    c->received = c->moved_to = c->send_idle_ms = 0;
    c->started_us = mono_us();
    c->uri = arena_str(&rq->arena, uri);
    atomic_store(&c->state, HTTP_STATE_HEAD);
}

void http_request_end(struct http_conn *c)
{
    struct http_request *rq = &c->rq;

    json_free(rq->json);
    rq->json = NULL;
    if (rq->file.used) {
        close(rq->file.fd);
        rq->file.used = false;
    }
    c->send_idle_ms = 0;
    arena_release(&rq->arena);
    buf_release(&rq->reply);
    if (c->body.room > 8192) {
        buf_release(&c->body);
    } else {
        buf_clear(&c->body);
    }
    atomic_store(&c->state, HTTP_STATE_IDLE);
}

/* -- the head ---------------------------------------------------------------------------------- */

static bool is_sane_id(struct str s)
{
    size_t i;

    if (s.len == 0 || s.len > 36) {
        return false;
    }
    for (i = 0; i < s.len; i++) {
        char ch = s.p[i];
        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
              ch == '-' || ch == '_' || ch == '.')) {
            return false;
        }
    }
    return true;
}

/* The caller's X-Request-Id when it is harmless in logs and headers, else a number that no other request has. */
static void set_request_id(struct http_request *rq)
{
    static const char digits[] = "0123456789abcdef";
    static atomic_uint_fast64_t next;
    struct str given;
    uint64_t n;
    int i;

    if (http_header(rq, "X-Request-Id", &given) && is_sane_id(given)) {
        memcpy(rq->request_id, given.p, given.len);
        rq->request_id[given.len] = '\0';
        return;
    }
    n = atomic_fetch_add(&next, 1);
    if (n == 0) {
        n = random_u64() | 1;
        atomic_fetch_add(&next, n);
    }
    for (i = 15; i >= 0; i--, n >>= 4) {
        rq->request_id[i] = digits[n & 15];
    }
    rq->request_id[16] = '\0';
}

/* What makes the rest of the connection unreadable, or readable in two ways: answer and close. */
static enum code check_framing(struct http_conn *c, struct str version)
{
    enum code code = door_head_target(&c->head, c->uri);

    if (code != CODE_OK) {
        return code;
    }
    if (c->uri.p == NULL) {
        return CODE_HEAD_TOO_LARGE;
    }
    c->head.minor = str_eq(version, STR("HTTP/1.1")) ? 1 : 0;
    return door_head_check(&c->head);
}

static enum code check_length(struct http_conn *c, bool streams)
{
    const struct rest_conf *conf = c->rq.svc->conf;
    struct str length = c->head.field[DOOR_CONTENT_LENGTH];
    uint64_t n = 0;

    if (length.p == NULL || length.len == 0) {
        return CODE_OK;
    }
    if (!str_u64(length, &n)) {
        return CODE_TOO_LARGE;
    }
    c->rq.length = n;
    return n <= (streams ? conf->attachment_max_bytes : conf->http_body_max_bytes) ? CODE_OK : CODE_TOO_LARGE;
}

static void set_client(struct http_conn *c)
{
    struct door_policy *policy = http_server_env(c->server)->policy;

    c->client = door_client(policy, &c->peer.socket_peer, c->head.forwarded, c->head.forwarded_count);
    if (c->head.forwarded_count == 0) {
        memcpy(c->rq.peer, c->peer_text, sizeof(c->rq.peer));
    } else {
        addr_text(&c->client, c->rq.peer);
    }
}

static enum code check_rate(struct http_conn *c)
{
    const struct http_server_env *env = http_server_env(c->server);
    uint64_t per_minute = CONF_NOW(env->svc->conf->address_logins_per_minute), retry_ms = 0;
    struct rate rate = {per_minute, per_minute};
    char *seconds;

    if (env->svc->logins == NULL ||
        ratelimit_take(env->svc->logins, peers_key(env->peers, &c->client), rate, mono_ms(),
                       &retry_ms)) {
        return CODE_OK;
    }
    metric_add(METRIC_RATE_LIMITED, 1);
    seconds = arena_alloc(&c->rq.arena, 24);
    if (seconds != NULL) {
        snprintf(seconds, 24, "%llu", (unsigned long long)((retry_ms + 999) / 1000));
        http_add_header(&c->rq, "Retry-After", seconds);
    }
    return CODE_RATE_LIMITED;
}

static enum code check_route(struct http_conn *c)
{
    const struct http_server_env *env = http_server_env(c->server);
    unsigned flags = c->route->flags;
    enum code code;

    if (!http_server_serves(c->server, c->route, &code)) {
        return code;
    }
    if (flags & ROUTE_LIMIT) {
        code = check_rate(c);
        if (code != CODE_OK) {
            return code;
        }
    }
    if (flags & ROUTE_ADMIN) {
        return http_auth_admin(&c->rq);
    }
    struct str key;
    if ((flags & ROUTE_SCANNER) && http_header(&c->rq, "X-Scanner-Key", &key)) {
        return CODE_OK;
    }
    return flags & ROUTE_AUTH ? http_auth_user(&c->rq, env->policy, &c->head) : CODE_OK;
}

/* What the API does not have may be the web application's. It answers reads, what is not found too. */
static enum code find_page(struct http_conn *c, bool known_method)
{
    const struct web *web = c->rq.svc->web;

    if (web == NULL || web_is_api(c->head.path) || door_head_is_upgrade(&c->head)) {
        return CODE_ROUTE_NOT_FOUND;
    }
    if (known_method && (c->rq.method == HTTP_GET || c->rq.method == HTTP_HEAD)) {
        c->route = &http_web_route;
        return CODE_OK;
    }
    if (web_find(web, c->head.path) == NULL) {
        return CODE_ROUTE_NOT_FOUND;
    }
    c->allow = 1u << HTTP_GET;
    return CODE_METHOD_NOT_ALLOWED;
}

static enum code find_route(struct http_conn *c, struct str method)
{
    const struct http_server_env *env = http_server_env(c->server);
    bool known = http_method_parse(method, &c->rq.method);
    enum code code = http_router_match(env->router, known, c->rq.method, c->head.path, &c->rq.arena,
                                       &c->route, c->rq.params, &c->allow);

    if (code == CODE_OK && door_head_is_upgrade(&c->head)) {
        /* WebSocket is not spoken here, no second meaning for such a request; but Engine.IO has both on one path. */
        return door_is_ws_path(c->head.path) ? CODE_NOT_ACCEPTABLE_UPGRADE : CODE_ROUTE_NOT_FOUND;
    }
    if (code == CODE_OK || (code == CODE_METHOD_NOT_ALLOWED && c->allow != 0)) {
        return code;
    }
    if (code == CODE_ROUTE_NOT_FOUND && door_is_ws_path(c->head.path)) {
        c->allow = 1u << HTTP_GET;
        return known && c->rq.method == HTTP_GET ? CODE_NOT_ACCEPTABLE_UPGRADE
                                                 : CODE_METHOD_NOT_ALLOWED;
    }
    return code == CODE_ROUTE_NOT_FOUND ? find_page(c, known) : code;
}

/* A page of an allowed origin may read the answer, also when it is an error. */
static void set_origin(struct http_conn *c)
{
    struct str origin = c->head.field[DOOR_ORIGIN];

    if (origin.p != NULL && door_origin_allowed(http_server_env(c->server)->policy, origin)) {
        c->origin = arena_str(&c->rq.arena, origin);
    }
}

void http_request_head(struct http_conn *c, struct str method, struct str version)
{
    enum code code;

    set_request_id(&c->rq);
    set_client(c);
    set_origin(c);
    if (c->early == CODE_OK) {
        c->early = check_framing(c, version);
    }
    if (c->early != CODE_OK) {
        c->close_after = true;
        return;
    }
    c->rq.path = c->head.path;
    c->early = find_route(c, method);
    code = check_length(c, c->early == CODE_OK && (c->route->flags & ROUTE_STREAM) != 0);
    if (code != CODE_OK) {
        c->early = code;
        c->close_after = true;
        return;
    }
    if (c->early == CODE_OK) {
        c->early = check_route(c);
    } else if (!http_method_parse(method, &c->rq.method)) {
        c->close_after = true; /* who knows what a body means there */
    }
}

/* Small bodies are read and thrown away, which keeps the connection; a client that asked first is told at once. */
bool http_request_answer_now(const struct http_conn *c)
{
    struct str length = c->head.field[DOOR_CONTENT_LENGTH], expect;
    uint64_t n = 0;

    if (c->early == CODE_OK) {
        return false;
    }
    if (c->close_after) {
        return true;
    }
    return (length.p != NULL && str_u64(length, &n) && n > 65536) ||
           http_header((struct http_request *)(uintptr_t)&c->rq, "Expect", &expect);
}

/* -- the body ---------------------------------------------------------------------------------- */

static bool is_json_type(struct str type)
{
    struct str kind, rest = str_cut(type, ';', &kind);

    (void)rest;
    kind = str_trim(kind);
    return str_ieq(kind, STR("application/json")) ||
           (kind.len > 17 && str_ieq((struct str){kind.p, 12}, STR("application/")) &&
            str_ieq(str_from(kind, kind.len - 5), STR("+json")));
}

static bool parse_json(struct http_conn *c)
{
    struct http_request *rq = &c->rq;
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct buf why = BUF_INIT_MAX(1024);
    struct str type;
    enum rc rc;

    if (rq->body.len == 0 && (c->route->flags & ROUTE_JSON_OPTIONAL)) {
        return true;
    }
    if (!http_header(rq, "Content-Type", &type) || !is_json_type(type)) {
        http_fail(rq, CODE_UNSUPPORTED_MEDIA, NULL);
        return false;
    }
    limits.max_bytes = rq->svc->conf->http_body_max_bytes;
    rc = json_parse(rq->body, &limits, &rq->json, &why);
    if (rc != RC_OK) {
        http_fail(rq, rc == RC_TOO_BIG ? CODE_TOO_LARGE : CODE_BAD_JSON, why.len > 0 ? why.p : NULL);
    } else if (json_type(json_root(rq->json)) != JSON_OBJECT) {
        http_fail(rq, CODE_INVALID_FIELD, "The body must be a JSON object.");
        rc = RC_INVALID;
    }
    buf_release(&why);
    return rc == RC_OK;
}

static void answer_options(struct http_conn *c)
{
    struct http_request *rq = &c->rq;
    struct buf allow = BUF_INIT;
    struct str text;

    http_allow_text(&allow, c->allow);
    text = arena_str(&rq->arena, buf_str(&allow));
    buf_release(&allow);
    http_add_header(rq, "Allow", text.p);
    if (c->origin.p != NULL) {
        http_add_header(rq, "Access-Control-Allow-Methods", text.p);
        http_add_header(rq, "Access-Control-Allow-Headers",
                        "Authorization, Content-Digest, Content-Disposition, Content-Type, Idempotency-Key, "
                        "If-None-Match, If-Range, Range, Upload-Offset, X-Request-Id");
        http_add_header(rq, "Access-Control-Max-Age", "600");
    }
    http_no_content(rq);
}

static void answer_early(struct http_conn *c)
{
    struct http_request *rq = &c->rq;
    struct buf allow = BUF_INIT;

    if (c->early == CODE_METHOD_NOT_ALLOWED) {
        http_allow_text(&allow, c->allow);
        http_add_header(rq, "Allow", arena_str(&rq->arena, buf_str(&allow)).p);
        buf_release(&allow);
    } else if (c->early == CODE_NOT_ACCEPTABLE_UPGRADE) {
        http_add_header(rq, "Sec-WebSocket-Version", "13");
        http_fail(rq, c->early,
                  "Open it with a WebSocket client, e.g. new WebSocket(\"ws://HOST/ws\") or wscat -c.");
        return;
    }
    http_fail(rq, c->early, NULL);
}

bool http_request_prepare(struct http_conn *c)
{
    c->rq.body = buf_str(&c->body);
    if (c->early == CODE_METHOD_NOT_ALLOWED && c->rq.method == HTTP_OPTIONS && c->allow != 0) {
        answer_options(c);
        return false;
    }
    if (c->early != CODE_OK) {
        answer_early(c);
        return false;
    }
    return (c->route->flags & (ROUTE_JSON | ROUTE_JSON_OPTIONAL)) == 0 || parse_json(c);
}

/* -- the answer -------------------------------------------------------------------------------- */

void http_add_header(struct http_request *rq, const char *name, const char *value)
{
    if (rq->headers_count < HEADERS_MAX && value != NULL) {
        rq->headers[rq->headers_count].name = name;
        rq->headers[rq->headers_count].value = value;
        rq->headers_count++;
    }
}

bool http_has_header(const struct http_request *rq, const char *name)
{
    unsigned i;

    for (i = 0; i < rq->headers_count; i++) {
        if (strcasecmp(rq->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void http_fail_field(struct http_request *rq, enum code code, const char *field, const char *detail)
{
    buf_clear(&rq->reply);
    rq->status = code_status(code);
    rq->content_type = HTTP_PROBLEM_TYPE;
    http_problem(&rq->reply, code, detail, field, rq->request_id);
    if (http_retry_after(code) > 0 && !http_has_header(rq, "Retry-After")) {
        http_add_header(rq, "Retry-After", "1");
    }
    if (rq->status == 401) {
        http_add_header(rq, "WWW-Authenticate", "Bearer");
    }
    http_finish(rq);
}

void http_fail(struct http_request *rq, enum code code, const char *detail)
{
    http_fail_field(rq, code, NULL, detail);
}

void http_no_content(struct http_request *rq)
{
    rq->status = 204;
    http_finish(rq);
}

void http_request_lost(struct http_conn *c)
{
    const struct http_sink *sink = c->rq.sink;

    c->rq.sink = NULL;
    if (sink != NULL && atomic_load(&c->state) == HTTP_STATE_BODY) {
        sink->lost(&c->rq);
    }
}

void http_request_seal(struct http_conn *c)
{
    struct http_request *rq = &c->rq;
    uint64_t took_us = mono_us() - c->started_us;

    if (!buf_ok(&rq->reply) || rq->status == 0) {
        buf_release(&rq->reply);
        rq->reply = BUF_INIT;
        rq->status = 500;
        rq->content_type = HTTP_PROBLEM_TYPE;
        http_problem(&rq->reply, CODE_INTERNAL, NULL, NULL, rq->request_id);
    }
    if (rq->content_type == NULL) {
        rq->content_type = "application/json";
    }
    metric_add(METRIC_HTTP_REQUESTS, 1);
    metric_add(METRIC_HTTP_ERRORS, rq->status >= 400 ? 1 : 0);
    metric_observe(METRIC_HTTP_LATENCY, took_us);
    if (CONF_NOW(rq->svc->conf->log_level) >= LOG_LEVEL_DEBUG) {
        struct buf target = BUF_INIT;

        door_redact(&target, c->head.path, c->head.query);
        log_debug("http", "request=%s method=%s target=%s status=%d us=%llu peer=%s", rq->request_id,
                  http_method_name(rq->method), log_esc(buf_str(&target)), rq->status,
                  (unsigned long long)took_us, rq->peer);
        buf_release(&target);
    }
}

/* -- what handlers ask ------------------------------------------------------------------------- */

bool http_query(struct http_request *rq, const char *name, struct str *out)
{
    const struct http_conn *c = rq->server;
    struct str raw;
    char *room;
    size_t len;

    if (!door_query_raw(c->head.query, str_of(name), &raw)) {
        return false;
    }
    room = arena_alloc(&rq->arena, raw.len + 1);
    if (room == NULL || !door_percent_decode(raw, true, room, raw.len, &len) ||
        !utf8_valid((struct str){room, len})) {
        return false;
    }
    room[len] = '\0';
    *out = (struct str){room, len};
    return true;
}
