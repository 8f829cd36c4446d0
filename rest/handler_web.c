/* handler_web.c -- the files and pages of the web application */
#include "rest/handlers.h"

#include "rest/http_range.h"
#include "rest/web.h"

/* Nothing but the server's own scripts runs in its pages, nobody frames them, and no other site gets hold of their
 * windows or files. */
static void add_policy(struct http_request *rq)
{
    http_add_header(rq, "Content-Security-Policy", web_policy(rq->svc->web));
    http_add_header(rq, "X-Frame-Options", "DENY");
    http_add_header(rq, "Referrer-Policy", "same-origin");
    http_add_header(rq, "Permissions-Policy",
                    "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), midi=(), display-capture=()");
    http_add_header(rq, "Cross-Origin-Opener-Policy", "same-origin");
    http_add_header(rq, "Cross-Origin-Resource-Policy", "same-origin");
}

/* Also on a 304, which stands for the same answer. */
static void add_cache_headers(struct http_request *rq, const struct web_file *f, const struct web_form *form)
{
    http_add_header(rq, "ETag", form->etag);
    http_add_header(rq, "Cache-Control", f->is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (f->have != 0) {
        http_add_header(rq, "Vary", "Accept-Encoding");
    }
}

static void send_file(struct http_request *rq, const struct web_file *f)
{
    struct str accepted = STR_NONE, known;
    (void)http_header(rq, "Accept-Encoding", &accepted);
    enum coding coding = accept_encoding_choose(accepted, f->have);
    const struct web_form *form = &f->forms[coding];
    add_cache_headers(rq, f, form);
    if (http_header(rq, "If-None-Match", &known) && http_etag_listed(known, str_of(form->etag))) {
        rq->status = 304;
        http_finish(rq);
        return;
    }
    if (coding != CODING_PLAIN) {
        http_add_header(rq, "Content-Encoding", coding_name(coding));
    }
    rq->status = 200;
    rq->content_type = f->type;
    http_finish_lent(rq, form->bytes);
}

void web_get(struct http_request *rq)
{
    const struct web_file *f = web_page(rq->svc->web, rq->path);
    add_policy(rq);
    if (f == NULL) {
        http_fail(rq, CODE_ROUTE_NOT_FOUND, NULL);
    } else {
        send_file(rq, f);
    }
}
