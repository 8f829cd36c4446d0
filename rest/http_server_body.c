#include <sys/socket.h>
#include <unistd.h>

#include "rest/http_error.h"
#include "rest/http_server_int.h"
#include "rest/metrics.h"
#include "shared/bug.h"
#include "shared/clock.h"

/* -- refusing what is still on its way ------------------------------------------------------------------- */

static void to_text(void *ctx, const char *name, const char *value)
{
    buf_addf(ctx, "%s: %s\r\n", name, value);
}

static void write_answer(struct http_conn *c, struct buf *out)
{
    struct http_request *rq = &c->rq;

    buf_addf(out, "HTTP/1.1 %d %s\r\n", rq->status, http_reason(rq->status));
    http_answer_headers(c, to_text, out);
    buf_addf(out, "Content-Length: %zu\r\nConnection: close\r\n\r\n", rq->reply.len);
    if (rq->method != HTTP_HEAD) {
        buf_add_str(out, buf_str(&rq->reply));
    }
}

void http_refuse_rest(struct http_conn *c)
{
    struct door *door = http_server_env(c->server)->door;
    struct buf text = BUF_INIT;
    int fd, far;

    http_request_seal(c);
    write_answer(c, &text);
    atomic_store(&c->state, HTTP_STATE_REFUSED);
    c->deadline_ms = 0;
    if (!buf_ok(&text) || !http_exchange(c, &fd, &far)) {
        (void)shutdown(c->fd, SHUT_RDWR);
    } else {
        close(far);
        door_say_goodbye(door, buf_str(&text), fd);
    }
    buf_release(&text);
}

/* A client that asked first (Expect) waits for the answer and sends nothing: that one the library can give. */
enum MHD_Result http_body_refused(struct http_conn *c)
{
    struct str expect;

    c->close_after = true;
    if (c->rq.length == 0 || http_header(&c->rq, "Expect", &expect) || http_server_env(c->server)->door == NULL) {
        return http_send_answer(c);
    }
    MHD_suspend_connection(c->library);
    http_refuse_rest(c);
    MHD_resume_connection(c->library);
    return MHD_YES;
}

/* -- pieces ------------------------------------------------------------------------------------------------ */

static void put_off(struct http_conn *c)
{
    c->deadline_ms = mono_ms() + atomic_load(&c->server->move_timeout_ms);
    c->moved_to = c->received;
}

enum MHD_Result http_body_begin(struct http_conn *c)
{
    atomic_store(&c->state, HTTP_STATE_RUNNING);
    c->route->handler(&c->rq);
    if (atomic_load(&c->state) == HTTP_STATE_FINISHED) {
        return http_body_refused(c);
    }
    BUG_IF(c->rq.sink == NULL);
    put_off(c);
    c->piece_due_ms = mono_ms() + HTTP_PIECE_MS;
    atomic_store(&c->state, HTTP_STATE_BODY);
    return MHD_YES;
}

/* Nothing is read from here on until http_piece_done or http_finish. */
static enum MHD_Result hand_over(struct http_conn *c, bool end)
{
    c->is_async = true;
    c->deadline_ms = 0;
    atomic_store(&c->state, HTTP_STATE_RUNNING);
    MHD_suspend_connection(c->library);
    atomic_fetch_add(&c->server->held, 1);
    if (end) {
        c->rq.sink->end(&c->rq);
    } else {
        c->rq.sink->piece(&c->rq, buf_str(&c->body));
    }
    return MHD_YES;
}

enum MHD_Result http_body_data(struct http_conn *c, const char *data, size_t len)
{
    if (len == 0) {
        c->body_complete = true;
        return hand_over(c, c->body.len == 0);
    }
    c->received += len;
    buf_add(&c->body, data, len);
    if (!buf_ok(&c->body)) {
        return MHD_NO;
    }
    if (c->received >= c->moved_to + HTTP_MOVE_BYTES) {
        put_off(c);
    }
    if (c->body.len >= HTTP_PIECE_BYTES || mono_ms() >= c->piece_due_ms) {
        return hand_over(c, false);
    }
    return MHD_YES;
}

/* The process ends, and does not wait for what may take minutes: the client comes back, and goes on if it can. */
static void send_away(struct http_conn *c)
{
    MHD_suspend_connection(c->library);
    http_request_lost(c);
    c->is_async = false; /* whatever it was for the pieces before */
    http_fail(&c->rq, CODE_RESTARTING, NULL);
    http_refuse_rest(c);
    MHD_resume_connection(c->library);
}

void http_body_tick(struct http_conn *c, uint64_t now_ms)
{
    if (c->deadline_ms == 0) {
        return; /* at rest: the piece before this one is done, but the loop has not read so yet */
    }
    if (atomic_load(&c->server->draining)) {
        send_away(c);
    } else if (c->body.len > 0 && now_ms >= c->piece_due_ms) {
        (void)hand_over(c, false);
    }
}

void http_piece_done(struct http_request *rq)
{
    struct http_conn *c = rq->server;
    struct http_server *h = c->server;

    /* From here on c belongs to its loop again, and may be gone. */
    atomic_store(&c->state, HTTP_STATE_BODY);
    http_loop_finished(c->loop, c);
    atomic_fetch_sub(&h->held, 1);
}

void http_body_wake(struct http_conn *c)
{
    if (c->rq.sink == NULL) {
        return;
    }
    if (atomic_load(&c->state) == HTTP_STATE_BODY) {
        buf_clear(&c->body);
        c->piece_due_ms = mono_ms() + HTTP_PIECE_MS;
        put_off(c);
    } else if (!c->body_complete) {
        metric_add(METRIC_UPLOADS_CUT, 1);
        http_refuse_rest(c);
    } else {
        c->deadline_ms = mono_ms() + atomic_load(&c->server->request_timeout_ms);
    }
}

/* -- files ------------------------------------------------------------------------------------------------- */

void http_finish_lent(struct http_request *rq, struct str bytes)
{
    rq->lent = bytes;
    http_finish(rq);
}

void http_finish_file(struct http_request *rq, int fd, uint64_t from, uint64_t length)
{
    rq->file.used = true;
    rq->file.fd = fd;
    rq->file.from = from;
    rq->file.length = length;
    http_finish(rq);
}
