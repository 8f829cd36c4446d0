/*
 * poll.h -- Engine.IO long-polling: plain HTTP at the front door, a session in a worker
 *
 * Source     Engine.IO protocol version 4, HTTP long-polling; errors as the reference server words them, because its
 *            clients show them.
 * Shape      A request is checked, relayed to the worker that has its session, and rests without a thread until the
 *            worker answers, the client goes away or the deadline comes; whichever is first takes it off the table.
 * Layer      transport.
 * Threads    Handlers on the HTTP threads, answers on the link thread. The table's lock is innermost.
 */
#ifndef REST_POLL_H
#define REST_POLL_H

#include <stdbool.h>

#include "rest/feed.h"
#include "rest/http_msg.h"
#include "rest/rest_conf.h"

struct polls;

/* Registers with the feed. */
struct polls *polls_new(const struct rest_conf *conf, struct feed *feed);
/* End what is held, and whatever comes from here on. */
void polls_stop(struct polls *p);
/* Nothing may be held any more. */
void polls_free(struct polls *p);

/* Where the session of a sid is. false: no sid of ours. */
bool poll_place(struct str sid, struct feed_place *out);

/* What a query asks for. */
struct poll_query {
    struct str eio, transport, sid; /* p == NULL: absent */
};
enum poll_error { POLL_OK = -1, POLL_TRANSPORT = 0, POLL_SID = 1, POLL_METHOD = 2, POLL_BAD_REQUEST = 3, POLL_FORBIDDEN = 4, POLL_VERSION = 5 };
/* Of the query alone; transport is the one that this request can be. */
enum poll_error poll_check(const struct poll_query *q, struct str transport, bool is_get);
/* {"code":1,"message":"Session ID unknown"} */
void poll_add_error(struct buf *out, enum poll_error error);

/* Routes. */
void poll_get(struct http_request *rq);
void poll_post(struct http_request *rq);
void poll_put(struct http_request *rq); /* no session is opened, or used, like that */

#endif
