/* handler_presence.c -- who is there: /api/users/{user}/presence and /api/presence */
#include "rest/handlers.h"

#include "rest/reply.h"
#include "rest/svc_presence.h"

void user_presence_get(struct http_request *rq)
{
    struct presence_view p;
    uint64_t id;
    if (!handler_param_id(rq, 0, ID_USER, &id)) {
        return;
    }
    enum code code = svc_presence(rq->svc, rq->who.user_id, id, &p);
    if (code != CODE_OK) {
        handler_fail(rq, code, NULL);
        return;
    }
    reply_presence(&rq->reply, &p);
    handler_finish(rq, 200);
}

/* The next id of a list with commas. false: answered. */
static bool next_id(struct http_request *rq, struct str *list, uint64_t *id)
{
    struct str text;
    *list = str_cut(*list, ',', &text);
    enum rc rc = id_parse(str_trim(text), ID_USER, id);
    if (rc == RC_INVALID) {
        handler_fail(rq, CODE_BAD_ID, "user_ids");
    }
    return rc != RC_INVALID;
}

void presence_get(struct http_request *rq)
{
    struct str list;
    unsigned count = 0, shown = 0;
    if (!http_query(rq, "user_ids", &list) || list.len == 0) {
        handler_fail(rq, CODE_INVALID_FIELD, "user_ids");
        return;
    }
    buf_add_z(&rq->reply, "{\"users\":[");
    while (list.len > 0) {
        struct presence_view p;
        uint64_t id = 0;
        if (++count > PRESENCE_USERS_MAX) {
            handler_fail(rq, CODE_INVALID_FIELD, "user_ids");
            return;
        }
        if (!next_id(rq, &list, &id)) {
            return;
        }
        if (svc_presence(rq->svc, rq->who.user_id, id, &p) == CODE_OK) {
            buf_add_z(&rq->reply, shown++ > 0 ? "," : "");
            reply_presence(&rq->reply, &p);
        }
    }
    buf_add_z(&rq->reply, "]}");
    handler_finish(rq, 200);
}
