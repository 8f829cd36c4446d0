/*
 * push_http.h -- HTTP requests of the pusher, several at the same time, through libcurl
 *
 * Shape      Start requests, then poll: it waits for the network and hands over what has ended. No redirects are followed,
 *            no proxy of the environment is used, at most 64 kB of an answer are taken and thrown away.
 * Guard      A guarded request goes to https and to public addresses only (addr_public.h), whatever its name resolves to
 *            at that moment.
 * Threads    One, but for push_url_check.
 */
#ifndef REST_PUSH_HTTP_H
#define REST_PUSH_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/rc.h"

struct push_http_conf {
    const char *ca; /* CA file instead of the system's; empty: the system's */
    uint64_t timeout_ms;
    bool private_endpoints; /* guarded requests may go to any address */
};

struct push_answer {
    long status;             /* 0: none */
    uint64_t retry_after_ms; /* 0: not said */
    const char *error;       /* one clause when status is 0 */
};
typedef void (*push_on_answer)(void *ctx, const struct push_answer *a);

struct push_http;

RC_CHECK enum rc push_http_new(const struct push_http_conf *conf, struct push_http **out, struct buf *why);
/* What is under way ends without an answer. */
void push_http_free(struct push_http *h);

struct push_request {
    const char *url;
    const char *const *headers; /* "Name: value", up to NULL */
    struct str body;            /* copied */
    bool is_guarded;
    push_on_answer done; /* called by push_http_poll, or not at all */
    void *ctx;
};
RC_CHECK enum rc push_http_start(struct push_http *h, const struct push_request *r);
/* Wait at most this long, or until fd can be read (-1: none); not at all when something has ended. */
void push_http_poll(struct push_http *h, int fd, uint64_t timeout_ms);

/*
 * Whether url is one: absolute, http or https (is_guarded: https, and no private address in it), with a host, without a
 * user. *origin (may be NULL) gets scheme, host and port as the aud of RFC 8292 wants it. RC_INVALID with a clause.
 */
RC_CHECK enum rc push_url_check(const char *url, bool is_guarded, bool private_endpoints, struct buf *origin,
                                struct buf *why);

#endif
