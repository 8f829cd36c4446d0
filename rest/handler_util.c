#include "rest/handlers.h"

#include "rest/http_field.h"
#include "rest/svc_read.h"

void handler_fail(struct http_request *rq, enum code code, const char *field)
{
    struct buf words = BUF_INIT;
    if (field && code == CODE_INVALID_FIELD) {
        http_field_rule(&words, rq->svc->conf, field);
        buf_add_char(&words, '\0');
    }
    /* What is half-written is cleared there. */
    http_fail_field(rq, code, field, words.len > 1 && buf_ok(&words) ? words.p : NULL);
    buf_release(&words);
}

void handler_finish(struct http_request *rq, int status)
{
    if (!buf_ok(&rq->reply)) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return;
    }
    rq->status = status;
    http_finish(rq);
}

/* ---------------------------------------------------------------- ids in paths */

static enum code absent_code(enum id_kind kind)
{
    switch (kind) {
    case ID_USER:
        return CODE_USER_NOT_FOUND;
    case ID_CHAT:
        return CODE_CHAT_NOT_FOUND;
    case ID_MESSAGE:
        return CODE_MESSAGE_NOT_FOUND;
    case ID_NOTIFICATION:
        return CODE_NOTIFICATION_NOT_FOUND;
    case ID_PUSH:
        return CODE_PUSH_SUBSCRIPTION_NOT_FOUND;
    default:
        return CODE_NOT_FOUND;
    }
}

static const char *id_field(enum id_kind kind)
{
    switch (kind) {
    case ID_USER:
        return "user_id";
    case ID_CHAT:
        return "chat_id";
    case ID_UPLOAD:
        return "upload_id";
    case ID_NOTIFICATION:
        return "notification_id";
    case ID_PUSH:
        return "subscription_id";
    default:
        return "message_id";
    }
}

bool handler_param_id(struct http_request *rq, unsigned i, enum id_kind kind, uint64_t *out)
{
    struct str text = rq->params[i];
    if (kind == ID_USER) {
        if (str_eq(text, STR("me")) && rq->who.user_id != 0) {
            *out = rq->who.user_id;
            return true;
        }
        if (svc_find_user(rq->svc, text, false, out) == CODE_OK) {
            return true;
        }
    }
    enum rc rc = id_parse(text, kind, out);
    if (rc == RC_OK && kind != ID_USER) {
        return true;
    }
    /* A user name that nobody has is no malformed id. */
    bool malformed = rc == RC_INVALID && kind != ID_USER;
    handler_fail(rq, malformed ? CODE_BAD_ID : absent_code(kind), malformed ? id_field(kind) : NULL);
    return false;
}

/* ---------------------------------------------------------------- query and body */

bool handler_query_u64(struct http_request *rq, const char *name, uint64_t max, uint64_t *out)
{
    struct str text;
    uint64_t n;
    if (!http_query(rq, name, &text)) {
        return true;
    }
    if (!str_u64(text, &n) || n > max) {
        handler_fail(rq, CODE_INVALID_FIELD, name);
        return false;
    }
    *out = n;
    return true;
}

bool handler_limit(struct http_request *rq, uint64_t fallback, uint64_t max, unsigned *out)
{
    uint64_t limit = fallback < max ? fallback : max;
    if (!handler_query_u64(rq, "limit", UINT32_MAX, &limit)) {
        return false;
    }
    if (limit == 0) {
        handler_fail(rq, CODE_INVALID_FIELD, "limit");
        return false;
    }
    *out = (unsigned)(limit < max ? limit : max);
    return true;
}

static struct jval body_member(struct http_request *rq, const char *name)
{
    return rq->json ? json_get(json_root(rq->json), name) : (struct jval){NULL, false};
}

bool handler_string(struct http_request *rq, const char *name, bool required, struct str *out)
{
    struct jval v = body_member(rq, name);
    enum json_type type = json_type(v);
    *out = STR_NONE;
    if (!required && (type == JSON_ABSENT || type == JSON_NULL)) {
        return true;
    }
    if (!json_str(v, out)) {
        handler_fail(rq, CODE_INVALID_FIELD, name);
        return false;
    }
    return true;
}

bool handler_flag(struct http_request *rq, const char *name, uint64_t *out)
{
    struct jval v = body_member(rq, name);
    bool flag = false;
    if (json_type(v) != JSON_ABSENT && !json_bool(v, &flag)) {
        handler_fail(rq, CODE_INVALID_FIELD, name);
        return false;
    }
    *out = json_type(v) == JSON_ABSENT ? CMD_FLAG_KEEP : flag ? CMD_FLAG_ON : CMD_FLAG_OFF;
    return true;
}

static enum code user_ref(struct http_request *rq, struct jval v, bool names_only, uint64_t *out)
{
    struct str text;
    uint64_t n;
    if (json_str(v, &text)) {
        return svc_find_user(rq->svc, text, names_only, out);
    }
    if (names_only || !json_u64(v, &n) || n == 0 || n > ID_MAX) {
        return CODE_INVALID_FIELD;
    }
    *out = n;
    struct user_view user;
    return svc_user(rq->svc, n, &rq->arena, &user);
}

bool handler_body_user(struct http_request *rq, uint64_t *out)
{
    static const char *const names[] = {"user_id", "participant_id", "username"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct jval v = body_member(rq, names[i]);
        if (json_type(v) == JSON_ABSENT) {
            continue;
        }
        enum code code = user_ref(rq, v, i == 2, out);
        if (code != CODE_OK) {
            handler_fail(rq, code, names[i]);
        }
        return code == CODE_OK;
    }
    http_fail_field(rq, CODE_INVALID_FIELD, names[0], "One of user_id, participant_id and username is needed.");
    return false;
}

bool handler_body_users(struct http_request *rq, const char *name, const uint64_t **users,
                        uint32_t *count)
{
    size_t n = json_length(body_member(rq, name));
    if (n > rq->svc->conf->members_max) {
        handler_fail(rq, CODE_TOO_MANY_MEMBERS, name);
        return false;
    }
    return handler_body_list(rq, name, CMD_USERS_MAX, users, count);
}

bool handler_body_list(struct http_request *rq, const char *name, uint64_t max, const uint64_t **users,
                       uint32_t *count)
{
    struct jval list = body_member(rq, name);
    size_t n = json_length(list);
    if (json_type(list) != JSON_ARRAY || n > max || n > CMD_USERS_MAX) {
        handler_fail(rq, CODE_INVALID_FIELD, name);
        return false;
    }
    uint64_t *ids = arena_calloc(&rq->arena, n ? n : 1, sizeof(*ids));
    enum code code = ids ? CODE_OK : CODE_UNAVAILABLE;
    for (size_t i = 0; i < n && code == CODE_OK; i++) {
        code = user_ref(rq, json_at(list, i), false, &ids[i]);
    }
    if (code != CODE_OK) {
        handler_fail(rq, code, name);
        return false;
    }
    *users = ids;
    *count = (uint32_t)n;
    return true;
}

/* ---------------------------------------------------------------- commands */

bool handler_cmd(struct http_request *rq, enum cmd_kind kind, struct cmd *out)
{
    struct str key;
    *out = (struct cmd){.kind = (uint8_t)kind, .actor_id = rq->who.user_id};
    if (http_header(rq, "Idempotency-Key", &key)) {
        out->has_key = key16_from_text(key, &out->key);
        if (!out->has_key) {
            handler_fail(rq, CODE_INVALID_FIELD, "Idempotency-Key");
            return false;
        }
    }
    return true;
}

void handler_submit(struct http_request *rq, const struct cmd *c, svc_done done, void *ctx)
{
    const char *field = NULL;
    enum code code = svc_submit(rq->svc, c, done, ctx, &field);
    if (code != CODE_OK) {
        handler_fail(rq, code, field);
    }
}

void handler_done_empty(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    if (o->code != CODE_OK) {
        handler_fail(rq, o->code, NULL);
        return;
    }
    http_no_content(rq);
}

void handler_cursor(struct http_request *rq, const char *key, uint64_t event_id)
{
    json_add_key(&rq->reply, key);
    buf_add_char(&rq->reply, '"');
    feed_add_cursor(rq->svc->feed, &rq->reply, event_id);
    buf_add_char(&rq->reply, '"');
}
