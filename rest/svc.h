/*
 * svc.h -- the services: what both transports call
 *
 * Handlers (HTTP) and the link server (sockets) build a struct cmd and submit it here: the same
 * checks, the same writer. Reads take the cache under its read lock, or run on the database pool.
 */
#ifndef REST_SVC_H
#define REST_SVC_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/cache.h"
#include "rest/dbpool.h"
#include "rest/feed.h"
#include "rest/rest_conf.h"
#include "shared/cmd.h"

struct attachments;
struct auth;
struct db_watch;
struct polls;
struct ratelimit;
struct notifier;
struct web;
struct push;
struct push_bell;
struct writer;
struct workpool;

struct svc {
    const struct rest_conf *conf;
    struct cache *cache;
    struct feed *feed;
    struct writer *writer;
    struct dbpool *dbpool;     /* reads */
    struct db_watch *db_watch; /* how the database is */
    struct workpool *workpool; /* argon2 and other CPU work, never in an HTTP thread */
    struct auth *auth;
    struct attachments *attachments; /* NULL: none are taken */
    struct notifier *notifier; /* NULL: nobody is notified (tests) */
    struct web *web;           /* NULL: no web application is served */
    struct push *push;         /* NULL: nothing is pushed */
    struct push_bell *push_bell; /* its; NULL likewise */
    struct polls *polls;       /* Engine.IO requests that rest */
    struct ratelimit *messages; /* sends by user id (user_messages_per_s); NULL: no limit */
    struct ratelimit *typing;   /* by user id (user_typing_per_s); NULL: no limit */
    struct ratelimit *checkins; /* by event session (session_checkins_per_s); NULL: no limit */
    struct ratelimit *logins;   /* routes with ROUTE_LIMIT by address (address_logins_per_minute); NULL: no limit */
};

/* Called exactly once, on the answering thread after publishing: be quick (fill the answer, resume). */
typedef void (*svc_done)(void *ctx, const struct outcome *o);

/*
 * Check the fields of c (lengths, characters, counts: CODE_INVALID_FIELD and friends), copy it, and
 * queue it for the writer. CODE_OK: done will be called. Anything else: it will not.
 * With has_key false a fresh key is made. The deadline is writer_deadline_ms: past it the outcome is
 * CODE_OUTCOME_UNKNOWN. *field (may be NULL) gets the member that was wrong.
 */
enum code svc_submit(struct svc *svc, const struct cmd *c, svc_done done, void *ctx,
                     const char **field);
/* One message of the user's against user_messages_per_s. false: CODE_RATE_LIMITED. */
bool svc_message_rate(struct svc *svc, uint64_t user_id);
/* Only the check. */
enum code svc_check(const struct rest_conf *conf, const struct cmd *c, const char **field);

#endif
