/* handler_note.c -- /api/notifications, preferences, and what administration sends and asks */
#include "rest/handlers.h"

#include <stdlib.h>

#include "rest/notes.h"
#include "rest/prefs.h"
#include "rest/reply.h"
#include "rest/svc_note.h"

struct note_call {
    struct http_request *rq;
    struct note_request read;
};

static struct note_call *new_call(struct http_request *rq, read_done done)
{
    struct note_call *call = arena_alloc(&rq->arena, sizeof(*call));
    if (call == NULL) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
        return NULL;
    }
    call->rq = rq;
    call->read = (struct note_request){
        .svc = rq->svc, .arena = &rq->arena, .done = done, .ctx = call, .user_id = rq->who.user_id};
    return call;
}

/* ---------------------------------------------------------------- the list */

static void on_notes(void *ctx, enum code code)
{
    struct note_call *call = ctx;
    struct http_request *rq = call->rq;
    const struct note_request *r = &call->read;
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    struct buf *out = &rq->reply;
    buf_add_z(out, "{\"notifications\":[");
    for (unsigned i = 0; i < r->count; i++) {
        buf_add_z(out, i ? "," : "");
        reply_note(out, &r->notes[i]);
    }
    buf_add_char(out, ']');
    json_key_u64(out, "unread_count", r->unread);
    if (r->has_more && r->count > 0) {
        reply_id(out, "next", ID_NOTIFICATION, r->notes[r->count - 1].id, r->notes[r->count - 1].created_us);
    } else {
        json_key_null(out, "next");
    }
    buf_add_char(out, '}');
    handler_finish(rq, 200);
}

/* ?before= an id in any form, ?unread=0 or 1. false: answered. */
static bool read_page(struct http_request *rq, struct note_request *r)
{
    struct str before;
    uint64_t unread = 0;
    r->before = ID_MAX;
    if (http_query(rq, "before", &before) && id_parse(before, ID_NOTIFICATION, &r->before) != RC_OK) {
        http_fail_field(rq, CODE_INVALID_FIELD, "before", "before must be the id of a notification.");
        return false;
    }
    if (!handler_query_u64(rq, "unread", 1, &unread)) {
        return false;
    }
    r->unread_only = unread == 1;
    return handler_limit(rq, 50, rq->svc->conf->list_page_max, &r->limit);
}

void notifications_get(struct http_request *rq)
{
    struct note_call *call = new_call(rq, on_notes);
    if (call != NULL && read_page(rq, &call->read)) {
        enum code code = svc_notes(&call->read);
        if (code != CODE_OK) {
            handler_fail(rq, code, NULL);
        }
    }
}

/* ---------------------------------------------------------------- read, delete */

/* How many are unread now: what a badge shows. */
static void on_read(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    if (o->code != CODE_OK) {
        handler_fail(rq, o->code, NULL);
        return;
    }
    buf_add_char(&rq->reply, '{');
    json_key_u64(&rq->reply, "unread_count", svc_notes_unread(rq->svc, rq->who.user_id));
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, 200);
}

void notification_read(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_NOTIFICATION_READ, &c) && handler_param_id(rq, 0, ID_NOTIFICATION, &c.number2)) {
        handler_submit(rq, &c, on_read, rq);
    }
}

void notifications_read_all(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_NOTIFICATION_READ_ALL, &c)) {
        handler_submit(rq, &c, on_read, rq);
    }
}

void notification_delete(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_NOTIFICATION_DELETE, &c) && handler_param_id(rq, 0, ID_NOTIFICATION, &c.number2)) {
        handler_submit(rq, &c, handler_done_empty, rq);
    }
}

/* ---------------------------------------------------------------- preferences */

static void answer_preferences(struct http_request *rq)
{
    enum code code = svc_preferences(rq->svc, rq->who.user_id, &rq->reply);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    handler_finish(rq, 200);
}

void preferences_get(struct http_request *rq)
{
    answer_preferences(rq);
}

static void on_preferences(void *ctx, const struct outcome *o)
{
    if (o->code != CODE_OK) {
        handler_fail(ctx, o->code, NULL);
        return;
    }
    answer_preferences(ctx);
}

/* The canonical text of the body, in the request's arena. false: answered. */
static bool read_preferences(struct http_request *rq, struct str *out)
{
    const struct prefs_limits limits = {CONF_NOW(rq->svc->conf->preferences_chats_max),
                                        CONF_NOW(rq->svc->conf->preferences_kinds_max)};
    struct prefs *p = NULL;
    const char *field = NULL;
    struct buf text = BUF_INIT;
    enum rc rc = prefs_read(json_root(rq->json), &limits, &p, &field);
    if (rc == RC_TOO_BIG) {
        handler_fail(rq, CODE_TOO_LARGE, field);
        return false;
    }
    if (rc != RC_OK) {
        handler_fail(rq, rc == RC_INVALID ? CODE_INVALID_FIELD : CODE_UNAVAILABLE, field);
        return false;
    }
    prefs_write(&text, p, NULL, NULL);
    prefs_free(p);
    *out = buf_ok(&text) ? arena_str(&rq->arena, buf_str(&text)) : STR_NONE;
    buf_release(&text);
    if (out->p == NULL) {
        handler_fail(rq, CODE_UNAVAILABLE, NULL);
    }
    return out->p != NULL;
}

void preferences_put(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_PREFERENCES, &c) && read_preferences(rq, &c.content)) {
        handler_submit(rq, &c, on_preferences, rq);
    }
}

/* ---------------------------------------------------------------- administration */

static void on_created(void *ctx, const struct outcome *o)
{
    struct http_request *rq = ctx;
    if (o->code != CODE_OK) {
        handler_fail(rq, o->code, NULL);
        return;
    }
    struct buf *out = &rq->reply;
    buf_add_char(out, '{');
    json_key_u64(out, "created", o->seq);
    json_add_key(out, "notification_ids");
    buf_add_char(out, '[');
    for (uint64_t i = 0; i < o->seq; i++) { /* their ids have no gaps */
        buf_add_z(out, i ? ",\"" : "\"");
        id_add_hex(out, ID_NOTIFICATION, o->event_id - o->seq + 1 + i, o->at_us);
        buf_add_char(out, '"');
    }
    buf_add_z(out, "]}");
    handler_finish(rq, o->created ? 201 : 200);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Nobody is told twice because he is named twice. */
static uint32_t sort_unique(uint64_t *ids, uint32_t count)
{
    uint32_t kept = 0;
    qsort(ids, count, sizeof(ids[0]), by_number);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || ids[kept - 1] != ids[i]) {
            ids[kept++] = ids[i];
        }
    }
    return kept;
}

/* "user_ids" or "everyone": true, exactly one of them. false: answered. */
static bool read_receivers(struct http_request *rq, struct cmd *c)
{
    struct jval everyone = json_get(json_root(rq->json), "everyone"), ids = json_get(json_root(rq->json), "user_ids");
    uint64_t max = CONF_NOW(rq->svc->conf->notify_users_max);
    bool all = false;
    if (json_type(everyone) != JSON_ABSENT && !json_bool(everyone, &all)) {
        handler_fail(rq, CODE_INVALID_FIELD, "everyone");
        return false;
    }
    if (all && json_type(ids) == JSON_ABSENT) {
        return true;
    }
    /* An empty list must not be taken for everybody. */
    if (all || json_length(ids) == 0 || json_length(ids) > max) {
        handler_fail(rq, CODE_INVALID_FIELD, "user_ids");
        return false;
    }
    if (!handler_body_users(rq, "user_ids", &c->users, &c->users_count)) {
        return false;
    }
    c->users_count = sort_unique((uint64_t *)(uintptr_t)c->users, c->users_count);
    return true;
}

void admin_notifications_post(struct http_request *rq)
{
    struct cmd c;
    if (handler_cmd(rq, CMD_NOTIFICATION_CREATE, &c) && handler_string(rq, "type", true, &c.name) &&
        handler_string(rq, "title", true, &c.title) && handler_string(rq, "message", true, &c.content) &&
        handler_string(rq, "link", false, &c.link) && read_receivers(rq, &c)) {
        handler_submit(rq, &c, on_created, rq);
    }
}

static void on_explained(void *ctx, enum code code)
{
    struct note_call *call = ctx;
    struct http_request *rq = call->rq;
    const struct note_request *r = &call->read;
    if (code != CODE_OK) {
        handler_fail(rq, code, code == CODE_MESSAGE_NOT_FOUND ? "message_id" : NULL);
        return;
    }
    struct buf *out = &rq->reply;
    buf_add_char(out, '{');
    json_key_bool(out, "decided", r->decided);
    json_key_bool(out, "notified", r->decided && r->reason == NOTE_NOTIFIED);
    if (r->decided) {
        json_key_str(out, "reason", str_of(note_reason_name(r->reason)));
        reply_time(out, "decided_at", r->decided_us);
    } else {
        json_key_null(out, "reason");
        json_key_null(out, "decided_at");
    }
    buf_add_char(out, '}');
    handler_finish(rq, 200);
}

static bool read_question(struct http_request *rq, struct note_request *r)
{
    struct str message = STR_NONE, user = STR_NONE;
    if (!http_query(rq, "message_id", &message) || id_parse(message, ID_MESSAGE, &r->message_id) != RC_OK) {
        handler_fail(rq, CODE_INVALID_FIELD, "message_id");
        return false;
    }
    if (!http_query(rq, "user_id", &user)) {
        handler_fail(rq, CODE_INVALID_FIELD, "user_id");
        return false;
    }
    enum code code = svc_find_user(rq->svc, user, false, &r->user_id);
    if (code != CODE_OK) {
        handler_fail(rq, code, "user_id");
    }
    return code == CODE_OK;
}

void admin_notifications_explain(struct http_request *rq)
{
    struct note_call *call = new_call(rq, on_explained);
    if (call != NULL && read_question(rq, &call->read)) {
        enum code code = svc_note_explain(&call->read);
        if (code != CODE_OK) {
            handler_fail(rq, code, NULL);
        }
    }
}
