#include "rest/http_server.h"

#include <stdlib.h>
#include <string.h>

#include "rest/http_server_int.h"
#include "rest/http_watch.h"
#include "rest/metrics.h"
#include "shared/bug.h"
#include "shared/clock.h"
#include "shared/mem.h"

const struct http_server_env *http_server_env(const struct http_server *h)
{
    return &h->env;
}

bool http_server_serves(const struct http_server *h, const struct http_route *route, enum code *why)
{
    if ((route->flags & ROUTE_OPEN) != 0) {
        return true;
    }
    if (atomic_load(&h->draining)) {
        *why = CODE_RESTARTING;
        return false;
    }
    *why = CODE_UNAVAILABLE;
    return atomic_load(&h->ready);
}

/* -- answers ----------------------------------------------------------------------------------- */

void http_answer_headers(struct http_conn *c, http_on_header on, void *ctx)
{
    struct http_request *rq = &c->rq;
    unsigned i;

    if (rq->status != 204 && rq->status != 304) {
        on(ctx, "Content-Type", rq->content_type);
    }
    on(ctx, "X-Request-Id", rq->request_id);
    on(ctx, "X-Content-Type-Options", "nosniff");
    if (!http_has_header(rq, "Cache-Control")) {
        on(ctx, "Cache-Control", "no-store");
    }
    for (i = 0; i < rq->headers_count; i++) {
        on(ctx, rq->headers[i].name, rq->headers[i].value);
    }
    if (c->head.seen[DOOR_ORIGIN] > 0) {
        on(ctx, "Vary", "Origin");
    }
    if (c->origin.p != NULL) {
        on(ctx, "Access-Control-Allow-Origin", c->origin.p);
        on(ctx, "Access-Control-Allow-Credentials", "true");
        on(ctx, "Access-Control-Expose-Headers",
           "Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, Retry-After, Upload-Offset, X-Request-Id");
    }
    if (rq->status == 426) {
        on(ctx, "Upgrade", "websocket");
    }
}

static void to_library(void *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

static void add_headers(struct http_conn *c, struct MHD_Response *response)
{
    http_answer_headers(c, to_library, response);
    if (c->close_after || atomic_load(&c->server->draining)) {
        MHD_add_response_header(response, "Connection", "close");
    }
}

static struct MHD_Response *response_of_text(struct http_request *rq)
{
    static char nothing[1];
    struct MHD_Response *response;
    size_t len;
    char *body = buf_detach(&rq->reply, &len);

    response = body != NULL ? MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE)
                            : MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        free(body);
    }
    return response;
}

/* Large answers may take as long as they want, if only they move. */
static void put_off(struct http_conn *c)
{
    c->send_idle_ms = atomic_load(&c->server->move_timeout_ms);
    c->deadline_ms = mono_ms() + c->send_idle_ms;
}

static struct MHD_Response *response_of_lent(struct http_conn *c)
{
    struct str bytes = c->rq.lent;

    put_off(c);
    return MHD_create_response_from_buffer(bytes.len, (void *)(uintptr_t)bytes.p, MHD_RESPMEM_PERSISTENT);
}

/* The library sends it with sendfile, so the bytes do not pass through here. */
static struct MHD_Response *response_of_file(struct http_conn *c)
{
    struct http_request *rq = &c->rq;
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(rq->file.length, rq->file.fd, rq->file.from);

    if (response != NULL) {
        rq->file.used = false;
        put_off(c);
    }
    return response;
}

enum MHD_Result http_send_answer(struct http_conn *c)
{
    struct http_request *rq = &c->rq;
    struct MHD_Response *response;
    enum MHD_Result result;

    http_request_seal(c);
    response = rq->file.used     ? response_of_file(c)
               : rq->lent.p != NULL ? response_of_lent(c)
                                    : response_of_text(rq);
    if (response == NULL) {
        return MHD_NO;
    }
    add_headers(c, response);
    atomic_store(&c->state, HTTP_STATE_SENDING);
    result = MHD_queue_response(c->library, (unsigned)rq->status, response);
    MHD_destroy_response(response);
    return result;
}

void http_finish(struct http_request *rq)
{
    struct http_conn *c = rq->server;
    struct http_server *h = c->server;

    if (!c->is_async) {
        atomic_store(&c->state, HTTP_STATE_FINISHED);
        return;
    }
    /* From here on c belongs to its loop again, and may be gone. */
    atomic_store(&c->state, HTTP_STATE_FINISHED);
    http_loop_finished(c->loop, c);
    atomic_fetch_sub(&h->held, 1);
}

uint64_t http_peer_key(struct http_request *rq)
{
    struct http_conn *c = rq->server;

    return peers_key(http_server_env(c->server)->peers, &c->client);
}

uint32_t http_ws_options(struct http_request *rq)
{
    const struct http_conn *c = rq->server;

    return door_options_of(&c->head).options & ~(uint32_t)CONN_SINCE;
}

bool http_header(struct http_request *rq, const char *name, struct str *out)
{
    struct http_conn *c = rq->server;
    const char *value = MHD_lookup_connection_value(c->library, MHD_HEADER_KIND, name);

    if (value == NULL) {
        return false;
    }
    *out = str_trim(str_of(value));
    return true;
}

/* -- requests ---------------------------------------------------------------------------------- */

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct http_conn *c = cls;
    enum code code = door_head_add(&c->head, str_of(name), str_of(value != NULL ? value : ""));

    (void)kind;
    http_tidy_header(&c->tidy, name, value);
    if (code != CODE_OK) {
        c->early = code;
        return MHD_NO;
    }
    return MHD_YES;
}

static enum MHD_Result run(struct http_conn *c)
{
    if (!http_request_prepare(c)) {
        return http_send_answer(c);
    }
    c->is_async = (c->route->flags & ROUTE_ASYNC) != 0;
    atomic_store(&c->state, HTTP_STATE_RUNNING);
    if (c->is_async) {
        /* Before the handler, because whoever it passes the request to may finish it at once. */
        MHD_suspend_connection(c->library);
        atomic_fetch_add(&c->server->held, 1);
        c->route->handler(&c->rq);
        return MHD_YES;
    }
    c->route->handler(&c->rq);
    BUG_IF(atomic_load(&c->state) != HTTP_STATE_FINISHED);
    return http_send_answer(c);
}

/* Version 1.0 of the library refuses by itself what the older ones repair. */
static bool is_tidy(struct http_conn *c)
{
    const union MHD_ConnectionInfo *info;

    if (!c->server->repairs_heads) {
        return true;
    }
    info = MHD_get_connection_info(c->library, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info != NULL && http_tidy_end(&c->tidy, info->header_size);
}

static enum MHD_Result on_head(struct http_conn *c, const char *method, const char *version)
{
    http_tidy_begin(&c->tidy, method, c->uri_at, c->uri.len, version);
    MHD_get_connection_values(c->library, MHD_HEADER_KIND, on_header, c);
    if (c->early == CODE_OK && !is_tidy(c)) {
        c->early = CODE_BAD_REQUEST;
    }
    c->head.method = str_of(method);
    http_request_head(c, c->head.method, str_of(version));
    if (c->early == CODE_NOT_ACCEPTABLE_UPGRADE && door_head_is_upgrade(&c->head) &&
        http_upgrade_take(c)) {
        return MHD_YES;
    }
    if (c->early == CODE_OK && (c->route->flags & ROUTE_STREAM) != 0) {
        return http_body_begin(c);
    }
    if (http_request_answer_now(c)) {
        (void)http_request_prepare(c);
        return http_body_refused(c);
    }
    atomic_store(&c->state, HTTP_STATE_BODY);
    return MHD_YES;
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *library, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_len, void **request)
{
    struct http_conn *c = *request;

    (void)cls;
    (void)url;
    if (c == NULL) {
        return MHD_NO;
    }
    switch (atomic_load(&c->state)) {
    case HTTP_STATE_HEAD:
        return on_head(c, method, version);
    case HTTP_STATE_BODY:
        if (c->rq.sink != NULL) {
            size_t len = *data_len;

            *data_len = 0;
            return http_body_data(c, data, len);
        }
        if (*data_len > 0) {
            if (c->early == CODE_OK) {
                buf_add(&c->body, data, *data_len);
            }
            *data_len = 0;
            return buf_ok(&c->body) ? MHD_YES : MHD_NO;
        }
        return run(c);
    case HTTP_STATE_RUNNING:
        /* Woken without being finished. */
        MHD_suspend_connection(library);
        return MHD_YES;
    case HTTP_STATE_FINISHED:
        return http_send_answer(c);
    case HTTP_STATE_TAKEN:
        return http_upgrade_answer(c);
    default:
        return MHD_NO;
    }
}

/* -- the library's notices --------------------------------------------------------------------- */

static struct http_conn *conn_of(struct MHD_Connection *library)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

/* The library does not report every request that it began. */
static void end_request(struct http_server *h, struct http_conn *c)
{
    if (c->counted) {
        c->counted = false;
        http_request_lost(c);
        http_upgrade_end(c);
        http_request_end(c);
        atomic_fetch_sub(&h->requests, 1);
    }
}

/* We read the query ourselves; the library would spend its memory on every parameter. The text is its own buffer, not
 * constant in truth, and it looks behind the question mark only after this. */
static void hide_query(const char *uri)
{
    char *mark = strchr((char *)(uintptr_t)uri, '?');

    if (mark != NULL) {
        mark[1] = '\0';
    }
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *library)
{
    struct http_server *h = cls;
    struct http_conn *c = conn_of(library);

    if (c == NULL) {
        return NULL;
    }
    end_request(h, c);
    c->counted = true;
    atomic_fetch_add(&h->requests, 1);
    c->deadline_ms = mono_ms() + atomic_load(&h->request_timeout_ms);
    http_request_begin(c, str_of(uri));
    c->uri_at = uri;
    hide_query(uri);
    return c;
}

static void on_completed(void *cls, struct MHD_Connection *library, void **request,
                         enum MHD_RequestTerminationCode why)
{
    struct http_server *h = cls;
    struct http_conn *c = *request;

    (void)library;
    (void)why;
    if (c == NULL) {
        return;
    }
    *request = NULL;
    if (atomic_load(&c->state) != HTTP_STATE_TAKEN) {
        c->deadline_ms = mono_ms() + atomic_load(&h->idle_timeout_ms);
    }
    end_request(h, c);
}

static unsigned connections_now(const struct http_server *h)
{
    unsigned i, n = 0;

    for (i = 0; i < h->loops_count; i++) {
        n += atomic_load(&h->loops[i].count);
    }
    return n;
}

static void on_connection(void *cls, struct MHD_Connection *library, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_loop *l = cls;
    struct http_server *h = l->server;
    struct http_conn *c = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(library, MHD_CONNECTION_INFO_CONNECTION_FD);

        c = info != NULL ? http_loop_started(l, info->connect_fd) : NULL;
        if (c != NULL) {
            c->library = library;
            c->deadline_ms = mono_ms() + atomic_load(&h->request_timeout_ms);
        }
        *context = c;
    } else if (c != NULL) {
        *context = NULL;
        end_request(h, c);
        http_conn_unlink(&l->live, c);
        peers_leave(h->env.peers, c->peer.peer_key);
        http_conn_free(c);
        atomic_fetch_sub(&l->count, 1);
        metric_set(METRIC_HTTP_CONNECTIONS, connections_now(h));
    }
}

/* The router works on the raw text; the library must not rewrite it. */
static size_t keep_escapes(void *cls, struct MHD_Connection *library, char *text)
{
    (void)cls;
    (void)library;
    return strlen(text);
}

/* -- connections ------------------------------------------------------------------------------- */

static struct http_loop *least_busy(struct http_server *h)
{
    struct http_loop *best = &h->loops[0];
    unsigned i;

    for (i = 1; i < h->loops_count; i++) {
        if (atomic_load(&h->loops[i].count) < atomic_load(&best->count)) {
            best = &h->loops[i];
        }
    }
    return best;
}

enum code http_server_add(struct http_server *h, int fd, const struct http_peer *peer)
{
    struct http_conn *c;

    if (connections_now(h) >= h->connections_max) {
        return CODE_TOO_MANY_CONNECTIONS;
    }
    c = http_conn_new(h, fd, peer);
    if (c == NULL) {
        return CODE_UNAVAILABLE;
    }
    c->loop = least_busy(h);
    atomic_fetch_add(&c->loop->count, 1);
    http_loop_arrive(c->loop, c);
    metric_set(METRIC_HTTP_CONNECTIONS, connections_now(h));
    return CODE_OK;
}

/* -- life -------------------------------------------------------------------------------------- */

void http_server_reload(struct http_server *h)
{
    atomic_store(&h->request_timeout_ms, h->env.svc->conf->http_request_timeout_ms);
    atomic_store(&h->idle_timeout_ms, h->env.svc->conf->http_idle_timeout_ms);
    atomic_store(&h->move_timeout_ms, CONF_NOW(h->env.svc->conf->upload_idle_timeout_ms));
}

/* It runs in a thread of ours; what it may call from there is the loop's. */
static struct MHD_Daemon *start_library(struct http_server *h, struct http_loop *l)
{
    const struct rest_conf *conf = h->env.svc->conf;
    const unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
                           MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_TURBO;
    /* Its own refusal at the limit is not to be trusted: far above ours. */
    const unsigned cap = h->connections_max * 2 + 64;
    const unsigned idle_s = (unsigned)(conf->http_idle_timeout_ms / 1000 + 5);

    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, h, MHD_OPTION_CONNECTION_LIMIT, cap,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)conf->http_memory_bytes, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_URI_LOG_CALLBACK, on_uri, h,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, h, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
}

static bool start_threads(struct http_server *h)
{
    unsigned i;

    for (i = 0; i < h->loops_count; i++) {
        if (!http_loop_start(&h->loops[i], h, start_library(h, &h->loops[i]))) {
            return false;
        }
    }
    h->watchdog_runs = pthread_create(&h->watchdog, NULL, http_watchdog_main, h) == 0;
    return h->watchdog_runs;
}

enum rc http_server_new(struct svc *svc, struct door_policy *policy, struct peers *peers,
                        struct http_server **out, struct buf *why)
{
    const struct rest_conf *conf = svc->conf;
    struct http_server *h = mem_new(sizeof(*h));

    h->env.svc = svc;
    h->env.policy = policy;
    h->env.peers = peers;
    h->env.router = http_router_new(http_routes, http_routes_count);
    h->connections_max = (unsigned)conf->http_connections_max;
    h->repairs_heads = MHD_get_version()[0] == '0';
    h->loops_count = (unsigned)(conf->http_threads < HTTP_LOOPS_MAX ? conf->http_threads : HTTP_LOOPS_MAX);
    h->loops = mem_new(h->loops_count * sizeof(struct http_loop));
    http_server_reload(h);
    if (!start_threads(h)) {
        buf_add_z(why, "The HTTP server cannot start its threads.\n");
        (void)http_server_free(h);
        return RC_UNAVAILABLE;
    }
    *out = h;
    return RC_OK;
}

void http_server_set_door(struct http_server *h, struct door *door)
{
    h->env.door = door;
}

void http_server_set_ready(struct http_server *h, bool ready)
{
    atomic_store(&h->ready, ready);
}

bool http_server_drain(struct http_server *h, uint64_t deadline_ms)
{
    const struct timespec step = {0, 5 * 1000000L};

    atomic_store(&h->draining, true);
    while (atomic_load(&h->requests) > 0 && mono_ms() < deadline_ms) {
        nanosleep(&step, NULL);
    }
    return atomic_load(&h->requests) == 0;
}

bool http_server_free(struct http_server *h)
{
    unsigned i;

    if (h == NULL) {
        return true;
    }
    atomic_store(&h->draining, true);
    if (atomic_load(&h->held) > 0) {
        return false;
    }
    atomic_store(&h->stop, true);
    if (h->watchdog_runs) {
        pthread_join(h->watchdog, NULL);
    }
    for (i = 0; i < h->loops_count; i++) {
        http_loop_stop(&h->loops[i]);
    }
    http_router_free(h->env.router);
    free(h->loops);
    free(h);
    return true;
}
