/* handler_attachment.c -- /api/attachments/{attachment}: download, and removal while no message refers to it */
#include "rest/handlers.h"

#include "rest/attachments.h"
#include "rest/file_name.h"
#include "rest/http_range.h"
#include "rest/metrics.h"
#include "rest/svc_read.h"

struct attachment_call {
    struct http_request *rq;
    struct attachment_read read;
    struct cmd cmd;
};

static void read_it(struct http_request *rq, read_done done)
{
    struct attachment_call *call = arena_alloc(&rq->arena, sizeof(*call));
    uint64_t id;
    if (!rq->svc->attachments || !call) {
        handler_fail(rq, call ? CODE_ATTACHMENTS_OFF : CODE_UNAVAILABLE, NULL);
        return;
    }
    if (!handler_param_id(rq, 0, ID_UPLOAD, &id)) {
        return;
    }
    call->rq = rq;
    call->read = (struct attachment_read){.svc = rq->svc,
                                          .arena = &rq->arena,
                                          .done = done,
                                          .ctx = call,
                                          .viewer_id = rq->who.user_id,
                                          .id = id};
    enum code code = read_attachment(&call->read);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
    }
}

/* ---------------------------------------------------------------- download */

static const char *in_arena(struct http_request *rq, struct buf *b)
{
    struct str s = arena_str(&rq->arena, buf_str(b));
    buf_release(b);
    return s.p;
}

/* What others have uploaded is data, whatever it is: no page of it runs in our origin. */
static void add_headers(struct http_request *rq, const struct attachment_view *a)
{
    struct buf name = BUF_INIT, tag = BUF_INIT;
    file_name_add_disposition(&name, a->name);
    buf_addf(&tag, "\"%.*s\"", (int)a->sha256.len, a->sha256.p);
    rq->content_type = a->mime_type.p;
    http_add_header(rq, "Content-Disposition", in_arena(rq, &name));
    http_add_header(rq, "Content-Security-Policy", "default-src 'none'; sandbox");
    http_add_header(rq, "Cache-Control", "private, no-cache");
    http_add_header(rq, "ETag", in_arena(rq, &tag));
    http_add_header(rq, "Accept-Ranges", "bytes");
}

/* The part that is asked for; false: there is none, answered. */
static bool choose(struct http_request *rq, const struct attachment_view *a, struct str tag,
                   uint64_t *from, uint64_t *length)
{
    struct str range, condition;
    struct buf text = BUF_INIT;
    *from = 0;
    *length = a->size;
    rq->status = 200;
    if (!http_header(rq, "Range", &range) ||
        (http_header(rq, "If-Range", &condition) && !http_if_range(condition, tag))) {
        return true;
    }
    switch (http_range_parse(range, a->size, from, length)) {
    case HTTP_RANGE_PART:
        rq->status = 206;
        buf_addf(&text, "bytes %llu-%llu/%llu", (unsigned long long)*from,
                 (unsigned long long)(*from + *length - 1), (unsigned long long)a->size);
        break;
    case HTTP_RANGE_OUTSIDE:
        buf_addf(&text, "bytes */%llu", (unsigned long long)a->size);
        http_add_header(rq, "Content-Range", in_arena(rq, &text));
        handler_fail(rq, CODE_RANGE_NOT_SATISFIABLE, NULL);
        return false;
    default:
        return true;
    }
    http_add_header(rq, "Content-Range", in_arena(rq, &text));
    return true;
}

static void on_found(void *ctx, enum code code)
{
    struct attachment_call *call = ctx;
    struct http_request *rq = call->rq;
    const struct attachment_view *a = &call->read.attachment;
    struct str known;
    uint64_t size = 0, from, length;
    int fd = -1;
    if (code == CODE_OK &&
        (!attachment_open(rq->svc->attachments, a->id, &fd, &size) || size != a->size)) {
        code = CODE_ATTACHMENT_NOT_FOUND;
    }
    if (code != CODE_OK) {
        attachment_close(fd);
        handler_fail(rq, code, NULL);
        return;
    }
    add_headers(rq, a);
    struct buf quoted = BUF_INIT;
    buf_addf(&quoted, "\"%.*s\"", (int)a->sha256.len, a->sha256.p);
    struct str tag = str_of(in_arena(rq, &quoted));
    if (http_header(rq, "If-None-Match", &known) && http_etag_listed(known, tag)) {
        attachment_close(fd);
        handler_finish(rq, 304);
    } else if (choose(rq, a, tag, &from, &length)) {
        metric_add(METRIC_DOWNLOADS, 1);
        attachment_read_ahead(fd, from, length);
        http_finish_file(rq, fd, from, length);
    } else {
        attachment_close(fd);
    }
}

void attachment_get(struct http_request *rq)
{
    read_it(rq, on_found);
}

/* ---------------------------------------------------------------- removal */

static void remove_file(void *ctx)
{
    struct attachment_call *call = ctx;
    const struct attachment_view *a = &call->read.attachment;
    attachment_removed(call->rq->svc->attachments, a->id, a->uploader_id, a->size);
    http_no_content(call->rq);
}

static void on_removed(void *ctx, const struct outcome *o)
{
    struct attachment_call *call = ctx;
    if (o->code != CODE_OK) {
        handler_fail(call->rq, o->code, NULL);
    } else if (attachments_run(call->rq->svc->attachments, remove_file, call) != CODE_OK) {
        remove_file(call);
    }
}

static void on_found_to_remove(void *ctx, enum code code)
{
    struct attachment_call *call = ctx;
    struct http_request *rq = call->rq;
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
    } else if (handler_cmd(rq, CMD_ATTACHMENT_REMOVE, &call->cmd)) {
        call->cmd.number2 = call->read.attachment.id;
        handler_submit(rq, &call->cmd, on_removed, call);
    }
}

void attachment_delete(struct http_request *rq)
{
    read_it(rq, on_found_to_remove);
}
