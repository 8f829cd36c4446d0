/*
 * handler_upload.c -- POST /api/chats/{chat}/attachments in one go, and uploads that can be gone on with
 *
 * The body goes piece by piece to the threads for files (attachments.h). Whatever ends a request that way ends in one of
 * four functions: refuse, added, saved, or lost when there is nobody to answer any more.
 */
#include "rest/handlers.h"

#include <stdio.h>

#include "rest/attachments.h"
#include "rest/content_type.h"
#include "rest/file_name.h"
#include "rest/http_error.h"
#include "rest/reply.h"
#include "rest/sha256.h"
#include "rest/svc_read.h"

struct upload_call {
    struct http_request *rq;
    struct upload *u;
    struct str piece;
    struct cmd cmd; /* CMD_ATTACHMENT_ADD */
    struct outcome outcome;
    bool resumable;
    struct attachment_read read; /* of an upload that may be an attachment by now */
};

static struct upload_call *new_call(struct http_request *rq)
{
    struct upload_call *call = arena_alloc(&rq->arena, sizeof(*call));
    if (!rq->svc->attachments || !call) {
        handler_fail(rq, call ? CODE_ATTACHMENTS_OFF : CODE_UNAVAILABLE, NULL);
        return NULL;
    }
    call->rq = rq;
    return call;
}

/* A refusal that says where the upload stands. */
static void fail_offset(struct http_request *rq, uint64_t offset)
{
    char *text = arena_alloc(&rq->arena, 24);
    if (text) {
        snprintf(text, 24, "%llu", (unsigned long long)offset);
    }
    http_add_header(rq, "Upload-Offset", text);
    rq->status = code_status(CODE_UPLOAD_OFFSET);
    rq->content_type = HTTP_PROBLEM_TYPE;
    http_problem(&rq->reply, CODE_UPLOAD_OFFSET, NULL, NULL, rq->request_id);
    buf_truncate(&rq->reply, rq->reply.len - 1);
    json_key_u64(&rq->reply, "offset", offset);
    buf_add_char(&rq->reply, '}');
    http_finish(rq);
}

/* {"upload_id","offset","size"}, without the closing brace, and the header. */
static void reply_upload(struct http_request *rq, const struct upload_view *v)
{
    char *text = arena_alloc(&rq->arena, 24);
    if (text) {
        snprintf(text, 24, "%llu", (unsigned long long)v->offset);
    }
    http_add_header(rq, "Upload-Offset", text);
    buf_add_char(&rq->reply, '{');
    reply_id(&rq->reply, "upload_id", ID_UPLOAD, v->id, v->created_us);
    json_key_u64(&rq->reply, "offset", v->offset);
    json_key_u64(&rq->reply, "size", v->size);
}

static void reply_added(struct http_request *rq, const struct attachment_view *a,
                        uint64_t chat_created_us, int status)
{
    reply_attachment(&rq->reply, a, true);
    reply_id(&rq->reply, "chat_id", ID_CHAT, a->chat_id, chat_created_us);
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, status);
}

/* ---------------------------------------------------------------- ends */

/* The uploader may try again with what has come: nothing is wrong with it. */
static bool is_passing(enum code code)
{
    return code == CODE_STORE_FULL || code == CODE_UNAVAILABLE || code == CODE_QUEUE_FULL ||
           code == CODE_RESTARTING || code == CODE_OUTCOME_UNKNOWN;
}

/* On a thread for files. */
static void refuse(struct upload_call *call, enum code code)
{
    if (call->resumable && is_passing(code)) {
        upload_rest(call->u);
    } else if (code == CODE_OUTCOME_UNKNOWN) {
        upload_forget(call->u);
    } else {
        upload_drop(call->u);
    }
    handler_fail(call->rq, code, NULL);
}

static void answer_added(void *ctx)
{
    struct upload_call *call = ctx;
    struct http_request *rq = call->rq;
    const struct outcome *o = &call->outcome;
    struct upload_view v = upload_view(call->u);
    if (o->code != CODE_OK) {
        refuse(call, o->code);
        return;
    }
    struct attachment_view a = {
        .id = o->seq,
        .chat_id = v.chat_id,
        .size = v.size,
        .created_us = o->at_us,
        .name = arena_str(&rq->arena, v.name),
        .mime_type = arena_str(&rq->arena, v.mime_type),
        .sha256 = arena_str(&rq->arena, v.sha256),
    };
    if (o->seq == v.id) {
        upload_end(call->u);
    } else { /* the same file came before, under the same key */
        upload_drop(call->u);
    }
    struct chat_view chat = {0};
    enum code code = svc_chat(rq->svc, rq->who.user_id, a.chat_id, &rq->arena, &chat);
    reply_added(rq, &a, code == CODE_OK ? chat.created_us : 0, o->created ? 201 : 200);
}

static void on_added(void *ctx, const struct outcome *o)
{
    struct upload_call *call = ctx;
    call->outcome = *o;
    if (attachments_run(call->rq->svc->attachments, answer_added, call) != CODE_OK) {
        answer_added(call);
    }
}

/* Every upload has a key of its own, so that a last step that was not answered can be repeated. */
static void set_key(struct cmd *c, uint64_t id)
{
    char text[40];
    int len = snprintf(text, sizeof(text), "upload %llu", (unsigned long long)id);
    if (!c->has_key) {
        c->has_key = key16_from_text((struct str){text, (size_t)len}, &c->key);
    }
}

static void finish(void *ctx)
{
    struct upload_call *call = ctx;
    struct http_request *rq = call->rq;
    enum code code = upload_finish(call->u);
    struct upload_view v = upload_view(call->u);
    if (code != CODE_OK) {
        refuse(call, code);
        return;
    }
    struct cmd *c = &call->cmd;
    c->kind = CMD_ATTACHMENT_ADD;
    c->actor_id = rq->who.user_id;
    c->chat_id = v.chat_id;
    c->number = v.size;
    c->number2 = v.id;
    c->seq = v.created_us;
    c->name = v.name;
    c->title = v.mime_type;
    c->content = v.sha256;
    set_key(c, v.id);
    code = svc_submit(rq->svc, c, on_added, call, NULL);
    if (code != CODE_OK) {
        refuse(call, code);
    }
}

static void save(void *ctx)
{
    struct upload_call *call = ctx;
    struct upload_view v = upload_view(call->u);
    enum code code = upload_save(call->u);
    if (code != CODE_OK) {
        handler_fail(call->rq, code, NULL);
        return;
    }
    reply_upload(call->rq, &v);
    buf_add_char(&call->rq->reply, '}');
    handler_finish(call->rq, 200);
}

/* ---------------------------------------------------------------- the sink */

static void store_piece(void *ctx)
{
    struct upload_call *call = ctx;
    enum code code = upload_write(call->u, call->piece);
    if (code == CODE_OK) {
        http_piece_done(call->rq);
    } else {
        refuse(call, code);
    }
}

static void run(struct upload_call *call, workpool_job job)
{
    enum code code = attachments_run(call->rq->svc->attachments, job, call);
    if (code != CODE_OK) {
        refuse(call, code);
    }
}

static void on_piece(struct http_request *rq, struct str bytes)
{
    struct upload_call *call = rq->ctx;
    call->piece = bytes;
    run(call, store_piece);
}

static void on_end(struct http_request *rq)
{
    struct upload_call *call = rq->ctx;
    struct upload_view v = upload_view(call->u);
    run(call, v.offset == v.size ? finish : save);
}

static void drop(void *ctx)
{
    upload_drop(ctx);
}

static void on_lost(struct http_request *rq)
{
    struct upload_call *call = rq->ctx;
    if (call->resumable) {
        upload_rest(call->u);
    } else if (attachments_run(rq->svc->attachments, drop, call->u) != CODE_OK) {
        upload_drop(call->u);
    }
}

static const struct http_sink sink = {on_piece, on_end, on_lost};

/* ---------------------------------------------------------------- beginning */

/* The chat in the path, if the caller is in it. */
static bool find_chat(struct http_request *rq, uint64_t *chat_id)
{
    struct chat_view chat;
    if (!handler_param_id(rq, 0, ID_CHAT, chat_id)) {
        return false;
    }
    enum code code = svc_chat(rq->svc, rq->who.user_id, *chat_id, &rq->arena, &chat);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
    }
    return code == CODE_OK;
}

static struct str kept(struct http_request *rq, struct buf *b)
{
    struct str s = arena_str(&rq->arena, buf_str(b));
    buf_release(b);
    return s;
}

/* ?name=, else the one in Content-Disposition. */
static struct str read_name(struct http_request *rq)
{
    struct buf raw = BUF_INIT, clean = BUF_INIT;
    struct str text = STR("");
    if (!http_query(rq, "name", &text) && http_header(rq, "Content-Disposition", &text)) {
        (void)file_name_from_disposition(text, &raw);
        text = buf_str(&raw);
    }
    file_name_clean(text, &clean);
    buf_release(&raw);
    return kept(rq, &clean);
}

/* false: answered. Absent is fine: empty. */
static bool read_type(struct http_request *rq, struct str text, const char *field, struct str *out)
{
    struct buf clean = BUF_INIT;
    bool good = text.len == 0 || content_type_clean(text, &clean);
    *out = kept(rq, &clean);
    if (!good) {
        handler_fail(rq, CODE_INVALID_FIELD, field);
    }
    return good;
}

static bool read_digest(struct http_request *rq, struct str *out)
{
    char *room = arena_alloc(&rq->arena, SHA256_HEX_ROOM);
    struct str text;
    bool good = room != NULL;
    if (good && http_query(rq, "sha256", &text)) {
        good = sha256_from_hex(text, room);
    } else if (good && http_header(rq, "Content-Digest", &text)) {
        (void)sha256_from_digest_header(text, room); /* of other algorithms we know nothing */
    }
    if (!good) {
        handler_fail(rq, CODE_INVALID_FIELD, "sha256");
        return false;
    }
    *out = str_of(room);
    return true;
}

static bool begin(struct upload_call *call, const struct upload_ask *ask)
{
    enum code code = upload_begin(call->rq->svc->attachments, ask, &call->u);
    if (code != CODE_OK) {
        handler_fail(call->rq, code, code == CODE_INVALID_FIELD ? "size" : NULL);
    }
    call->resumable = ask->resumable;
    return code == CODE_OK;
}

void attachments_post(struct http_request *rq)
{
    struct upload_ask ask = {.user_id = rq->who.user_id, .size = rq->length};
    struct upload_call *call = new_call(rq);
    struct str type = STR("");
    (void)http_header(rq, "Content-Type", &type);
    if (!call || !handler_cmd(rq, CMD_ATTACHMENT_ADD, &call->cmd) || !find_chat(rq, &ask.chat_id) ||
        !read_type(rq, type, "Content-Type", &ask.mime_type) || !read_digest(rq, &ask.sha256)) {
        return;
    }
    ask.name = read_name(rq);
    if (begin(call, &ask)) {
        rq->ctx = call;
        rq->sink = &sink;
    }
}

/* ---------------------------------------------------------------- uploads that can be gone on with */

static void note(void *ctx)
{
    struct upload_call *call = ctx;
    struct http_request *rq = call->rq;
    struct upload_view v = upload_view(call->u);
    enum code code = upload_note(call->u);
    if (code != CODE_OK) {
        upload_drop(call->u);
        handler_fail(rq, code, NULL);
        return;
    }
    reply_upload(rq, &v);
    buf_add_char(&rq->reply, '}');
    upload_rest(call->u);
    handler_finish(rq, 201);
}

/* The members of the body. false: answered. */
static bool read_ask(struct http_request *rq, struct upload_ask *ask)
{
    struct str name, type, digest;
    char *room = arena_alloc(&rq->arena, SHA256_HEX_ROOM);
    if (!handler_string(rq, "name", true, &name) ||
        !handler_string(rq, "mime_type", false, &type) ||
        !handler_string(rq, "sha256", false, &digest) ||
        !read_type(rq, type, "mime_type", &ask->mime_type)) {
        return false;
    }
    if (!json_u64(json_get(json_root(rq->json), "size"), &ask->size)) {
        handler_fail(rq, CODE_INVALID_FIELD, "size");
        return false;
    }
    if (!room || (digest.p && !sha256_from_hex(digest, room))) {
        handler_fail(rq, room ? CODE_INVALID_FIELD : CODE_UNAVAILABLE, room ? "sha256" : NULL);
        return false;
    }
    struct buf clean = BUF_INIT;
    file_name_clean(name, &clean);
    ask->name = kept(rq, &clean);
    ask->sha256 = str_of(room);
    return true;
}

void uploads_post(struct http_request *rq)
{
    struct upload_ask ask = {.user_id = rq->who.user_id, .resumable = true};
    struct upload_call *call = new_call(rq);
    if (call && find_chat(rq, &ask.chat_id) && read_ask(rq, &ask) && begin(call, &ask)) {
        run(call, note);
    }
}

/* A whole number in Upload-Offset. false: answered. */
static bool read_offset(struct http_request *rq, uint64_t *out)
{
    struct str text;
    bool good = http_header(rq, "Upload-Offset", &text) && str_u64(text, out);
    if (!good) {
        handler_fail(rq, CODE_INVALID_FIELD, "Upload-Offset");
    }
    return good;
}

void upload_patch(struct http_request *rq)
{
    uint64_t id, offset, at = 0;
    struct upload_call *call = new_call(rq);
    if (!call || !handler_param_id(rq, 0, ID_UPLOAD, &id) || !read_offset(rq, &offset)) {
        return;
    }
    enum code code = upload_take(rq->svc->attachments, id, rq->who.user_id, offset, &call->u, &at);
    if (code == CODE_UPLOAD_OFFSET) {
        fail_offset(rq, at);
    } else if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
    } else if (rq->length > upload_view(call->u).size - offset) {
        upload_rest(call->u);
        handler_fail(rq, CODE_TOO_LARGE, NULL);
    } else {
        call->resumable = true;
        rq->ctx = call;
        rq->sink = &sink;
    }
}

/* Not among the unfinished: then it may have become an attachment, and the answer that said so was lost. */
static void on_read(void *ctx, enum code code)
{
    struct upload_call *call = ctx;
    struct http_request *rq = call->rq;
    const struct attachment_view *a = &call->read.attachment;
    bool is_own = code == CODE_OK && a->uploader_id == rq->who.user_id;
    if (!is_own) {
        handler_fail(
            rq, code == CODE_OK || code == CODE_ATTACHMENT_NOT_FOUND ? CODE_UPLOAD_NOT_FOUND : code,
            NULL);
        return;
    }
    reply_upload(rq,
                 &(struct upload_view){
                     .id = a->id, .created_us = a->created_us, .offset = a->size, .size = a->size});
    json_add_key(&rq->reply, "attachment");
    reply_attachment(&rq->reply, a, false);
    buf_add_char(&rq->reply, '}');
    handler_finish(rq, 200);
}

void upload_get(struct http_request *rq)
{
    uint64_t id;
    struct upload_view v;
    struct upload_call *call = new_call(rq);
    if (!call || !handler_param_id(rq, 0, ID_UPLOAD, &id)) {
        return;
    }
    if (upload_status(rq->svc->attachments, id, rq->who.user_id, &v) == CODE_OK) {
        reply_upload(rq, &v);
        buf_add_char(&rq->reply, '}');
        handler_finish(rq, 200);
        return;
    }
    call->read = (struct attachment_read){.svc = rq->svc,
                                          .arena = &rq->arena,
                                          .done = on_read,
                                          .ctx = call,
                                          .viewer_id = rq->who.user_id,
                                          .id = id};
    enum code code = read_attachment(&call->read);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
    }
}

static void cancel(void *ctx)
{
    struct upload_call *call = ctx;
    upload_drop(call->u);
    http_no_content(call->rq);
}

void upload_delete(struct http_request *rq)
{
    uint64_t id;
    struct upload_call *call = new_call(rq);
    if (!call || !handler_param_id(rq, 0, ID_UPLOAD, &id)) {
        return;
    }
    enum code code = upload_cancel(rq->svc->attachments, id, rq->who.user_id, &call->u);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    run(call, cancel);
}
