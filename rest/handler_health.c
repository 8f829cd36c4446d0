/* handler_health.c -- /healthz, /readyz, /metrics: answered without a token */
#include "rest/handlers.h"

#include "rest/auth.h"
#include "rest/metrics.h"
#include "rest/svc_status.h"

/* The process runs and answers; nothing else is asked. */
void healthz_get(struct http_request *rq)
{
    buf_add_z(&rq->reply, "{\"status\":\"ok\"}");
    handler_finish(rq, 200);
}

/* ---------------------------------------------------------------- readiness */

/* These routes are served before the services are there. */
static bool is_started(const struct svc *svc)
{
    return svc->dbpool && svc->db_watch && svc->feed && svc->writer && svc->cache;
}

/* What is in the way, the first of it. NULL: nothing. */
static const char *find_reason(const struct svc *svc, const struct svc_status *s)
{
    if (!is_started(svc)) {
        return "starting";
    }
    if (s->database_reason != NULL) {
        return s->database_reason;
    }
    if (!s->writer) {
        return "writer";
    }
    return s->workers_ready == 0 ? "no_worker" : NULL;
}

/* Waits for nothing: how the database is, a thread of its own has found out. */
void readyz_get(struct http_request *rq)
{
    struct svc_status s = {0};
    if (is_started(rq->svc)) {
        svc_status(rq->svc, &s);
    }
    const char *reason = find_reason(rq->svc, &s);
    struct buf *out = &rq->reply;
    buf_add_char(out, '{');
    json_key_str(out, "status", reason == NULL ? STR("ready") : STR("not_ready"));
    json_key_bool(out, "database", s.database);
    json_key_bool(out, "writer", s.writer);
    json_key_u64(out, "workers", s.workers_ready);
    if (reason != NULL) {
        json_key_str(out, "reason", str_of(reason));
    }
    buf_add_char(out, '}');
    handler_finish(rq, reason == NULL ? 200 : 503);
}

/* ---------------------------------------------------------------- metrics */

/* What comes through a proxy on this machine is not from this machine, also when nobody told us to trust the proxy. */
static bool is_local(struct http_request *rq)
{
    struct str peer = str_of(rq->peer), header;
    return (str_starts(peer, STR("127.")) || str_eq(peer, STR("::1"))) &&
           !http_header(rq, "X-Forwarded-For", &header) && !http_header(rq, "Forwarded", &header);
}

/* Numbers say much about a business: outside of development only for this machine and administrators. */
static bool may_see_metrics(struct http_request *rq)
{
    struct str header;
    if (rq->svc->conf->profile == PROFILE_DEV || is_local(rq)) {
        return true;
    }
    return rq->svc->auth && http_header(rq, "Authorization", &header) &&
           str_starts(header, STR("Bearer ")) &&
           auth_is_admin(rq->svc->auth, str_from(header, 7));
}

void metrics_get(struct http_request *rq)
{
    if (!may_see_metrics(rq)) {
        handler_fail(rq, CODE_FORBIDDEN, NULL);
        return;
    }
    if (is_started(rq->svc)) {
        struct svc_status now;
        svc_status(rq->svc, &now); /* sets what is counted only when somebody asks */
    }
    metrics_write(&rq->reply);
    rq->content_type = "text/plain; version=0.0.4; charset=utf-8";
    handler_finish(rq, 200);
}
