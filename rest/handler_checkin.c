/* handler_checkin.c -- attendees and check-ins of an event session */
#include "rest/handlers.h"

#include <stdlib.h>

#include "rest/reply.h"
#include "rest/svc_session.h"

struct checkin_call {
    struct http_request *rq;
    struct session_read read;
    uint64_t *users; /* that were to be registered, each once */
    uint32_t users_count;
    bool created;
};

static struct checkin_call *new_call(struct http_request *rq, read_done done)
{
    struct checkin_call *call = arena_alloc(&rq->arena, sizeof(*call));
    if (!call) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return NULL;
    }
    call->rq = rq;
    call->read = (struct session_read){.svc = rq->svc, .arena = &rq->arena, .done = done, .ctx = call};
    return call;
}

static void start(struct checkin_call *call, enum code code)
{
    if (code != CODE_OK) {
        handler_fail(call->rq, code, NULL);
    }
}

/* What was changed is stored, only the answer failed: a repeat with the same key gets it. */
static enum code unknown(enum code code)
{
    return code == CODE_UNAVAILABLE || code == CODE_QUEUE_FULL ? CODE_OUTCOME_UNKNOWN : code;
}

/* ---------------------------------------------------------------- attendees */

static void write_attendees(struct buf *out, const struct session_read *r)
{
    buf_add_z(out, "{\"attendees\":[");
    for (unsigned i = 0; i < r->count; i++) {
        buf_add_z(out, i ? "," : "");
        reply_attendee(out, &r->attendees[i]);
    }
    buf_add_char(out, ']');
}

static void on_registered_read(void *ctx, enum code code)
{
    struct checkin_call *call = ctx;
    if (code != CODE_OK) {
        handler_fail(call->rq, unknown(code), NULL);
        return;
    }
    write_attendees(&call->rq->reply, &call->read);
    buf_add_char(&call->rq->reply, '}');
    handler_finish(call->rq, call->created ? 201 : 200);
}

static void on_registered(void *ctx, const struct outcome *o)
{
    struct checkin_call *call = ctx;
    if (o->code != CODE_OK) {
        handler_fail(call->rq, o->code, NULL);
        return;
    }
    call->created = o->created;
    call->read.session_id = o->chat_id;
    call->read.users = call->users;
    call->read.limit = call->users_count;
    enum code code = session_read_registered(&call->read);
    start(call, code == CODE_OK ? CODE_OK : CODE_OUTCOME_UNKNOWN);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* user_ids of the body, sorted, each once. false: answered. */
static bool read_users(struct checkin_call *call)
{
    struct http_request *rq = call->rq;
    const uint64_t *users;
    uint32_t count;
    if (!handler_body_list(rq, "user_ids", rq->svc->conf->session_attendees_request_max, &users, &count)) {
        return false;
    }
    if (count == 0) {
        handler_fail(rq, CODE_INVALID_FIELD, "user_ids");
        return false;
    }
    call->users = arena_calloc(&rq->arena, count, sizeof(*users));
    if (!call->users) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return false;
    }
    memcpy(call->users, users, count * sizeof(*users));
    qsort(call->users, count, sizeof(*users), by_number);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || call->users[i] != call->users[i - 1]) {
            call->users[call->users_count++] = call->users[i];
        }
    }
    return true;
}

void attendees_post(struct http_request *rq)
{
    struct cmd c;
    struct checkin_call *call = new_call(rq, on_registered_read);
    if (!call || !handler_session_cmd(rq, CMD_SESSION_ATTENDEES, SESSION_HOST, &c) || !read_users(call)) {
        return;
    }
    c.users = call->users;
    c.users_count = call->users_count;
    handler_submit(rq, &c, on_registered, call);
}

/* ---------------------------------------------------------------- pages */

static void on_attendees(void *ctx, enum code code)
{
    struct checkin_call *call = ctx;
    struct buf *out = &call->rq->reply;
    if (code != CODE_OK) {
        handler_fail(call->rq, code, NULL);
        return;
    }
    write_attendees(out, &call->read);
    handler_page_end(out, call->read.has_more, call->read.next);
    handler_finish(call->rq, 200);
}

static void on_checkins(void *ctx, enum code code)
{
    struct checkin_call *call = ctx;
    struct buf *out = &call->rq->reply;
    if (code != CODE_OK) {
        handler_fail(call->rq, code, NULL);
        return;
    }
    buf_add_z(out, "{\"checkins\":[");
    for (unsigned i = 0; i < call->read.count; i++) {
        buf_add_z(out, i ? "," : "");
        checkin_add(out, &call->read.checkins[i], false);
    }
    buf_add_char(out, ']');
    handler_page_end(out, call->read.has_more, call->read.next);
    handler_finish(call->rq, 200);
}

static void read_page(struct http_request *rq, read_done done, enum code (*read)(struct session_read *r))
{
    struct session_view x;
    struct checkin_call *call = new_call(rq, done);
    if (!call || !handler_page(rq, 100, &call->read.limit, &call->read.from) ||
        !handler_session(rq, SESSION_STAFF, &x)) {
        return;
    }
    call->read.session_id = x.id;
    start(call, read(&call->read));
}

void attendees_get(struct http_request *rq)
{
    read_page(rq, on_attendees, session_read_attendees);
}

void checkins_get(struct http_request *rq)
{
    read_page(rq, on_checkins, session_read_checkins);
}

static void on_attendee(void *ctx, enum code code)
{
    struct checkin_call *call = ctx;
    if (code == CODE_OK && call->read.count == 0) {
        code = CODE_ATTENDEE_NOT_FOUND;
    }
    if (code != CODE_OK) {
        handler_fail(call->rq, code, NULL);
        return;
    }
    reply_attendee(&call->rq->reply, &call->read.attendees[0]);
    handler_finish(call->rq, 200);
}

/* Oneself may always ask: the code is what an attendee shows at the door. */
void attendee_get(struct http_request *rq)
{
    uint64_t user_id;
    struct session_view x;
    struct checkin_call *call = new_call(rq, on_attendee);
    if (!call || !handler_param_id(rq, 1, ID_USER, &user_id) ||
        !handler_session(rq, user_id == rq->who.user_id ? SESSION_NOBODY : SESSION_STAFF, &x)) {
        return;
    }
    call->users = arena_alloc(&rq->arena, sizeof(user_id));
    if (!call->users) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return;
    }
    call->users[0] = user_id;
    call->read.session_id = x.id;
    call->read.users = call->users;
    call->read.limit = 1;
    start(call, session_read_registered(&call->read));
}

/* ---------------------------------------------------------------- check in */

static void on_shown(void *ctx, enum code code)
{
    struct checkin_call *call = ctx;
    if (code == CODE_OK && call->read.count == 0) {
        code = CODE_SESSION_NOT_FOUND; /* it went while this was read */
    }
    if (code != CODE_OK) {
        handler_fail(call->rq, unknown(code), NULL);
        return;
    }
    checkin_add(&call->rq->reply, &call->read.checkins[0], false);
    handler_finish(call->rq, 200);
}

/* The row as it was stored, so that a repeat shows the same. */
static void on_checked_in(void *ctx, const struct outcome *o)
{
    struct checkin_call *call = ctx;
    if (o->code != CODE_OK) {
        handler_fail(call->rq, o->code, NULL);
        return;
    }
    call->read.from = o->event_id;
    enum code code = session_read_checkin(&call->read);
    start(call, code == CODE_OK ? CODE_OK : CODE_OUTCOME_UNKNOWN);
}

#define CODE_TEXT_MAX_BYTES 64

/* Who it is: code, or else user_id and its like. false: answered. */
static bool read_who(struct http_request *rq, struct cmd *c)
{
    struct jval root = json_root(rq->json), code = json_get(root, "code");
    struct str text;
    bool names_user = json_type(json_get(root, "user_id")) != JSON_ABSENT ||
                      json_type(json_get(root, "username")) != JSON_ABSENT;
    if (json_type(code) == JSON_ABSENT && !names_user) {
        http_fail_field(rq, CODE_INVALID_FIELD, "code", "One of code, user_id and username is needed.");
        return false;
    }
    if (json_type(code) == JSON_ABSENT) {
        return handler_body_user(rq, &c->user_id);
    }
    if (!json_str(code, &text) || text.len > CODE_TEXT_MAX_BYTES || names_user) {
        handler_fail(rq, CODE_INVALID_FIELD, "code");
        return false;
    }
    c->number |= CMD_CHECKIN_BY_CODE;
    c->number2 = checkin_code_parse(text);
    return true;
}

/* Scanners are nobody, so their idempotency keys are told apart by the key they have. */
static void by_scanner(struct cmd *c, const struct key16 *key_hash)
{
    struct key16 both[2] = {*key_hash, c->key};
    c->number |= CMD_CHECKIN_BY_SCANNER;
    c->actor_id = 0;
    c->key2 = *key_hash;
    hash16((struct str){(const char *)both, sizeof(both)}, &c->key);
}

void checkins_post(struct http_request *rq)
{
    struct cmd c;
    struct str key;
    struct key16 key_hash;
    bool scans = http_header(rq, "X-Scanner-Key", &key);
    struct checkin_call *call = new_call(rq, on_shown);
    if (!call || !handler_cmd(rq, CMD_CHECKIN, &c)) {
        return;
    }
    if (scans) {
        hash16(key, &key_hash);
        by_scanner(&c, &key_hash);
    }
    enum code code =
        svc_may_check_in(rq->svc, rq->params[0], rq->who.user_id, scans ? &key_hash : NULL, &c.chat_id);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    if (read_who(rq, &c)) {
        handler_submit(rq, &c, on_checked_in, call);
    }
}
