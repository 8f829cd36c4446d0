/*
 * http_msg.h -- what a handler sees of an HTTP request, and how it answers
 *
 * Shape      The server fills struct http_request, checks the route's flags (token, body size, JSON)
 *            and calls the handler; the handler ends the request with exactly one http_finish or one of the
 *            answer helpers below (which call it).
 * Async      Routes with ROUTE_ASYNC are suspended before the handler runs: it may pass the request on
 *            (writer, database pool) and finish it later from any thread, also before it returns.
 *            Other routes must finish before they return. Nothing may touch rq after finishing it.
 * Streams    Routes with ROUTE_STREAM get the body in pieces instead of rq->body: see struct http_sink.
 * Ownership  Everything allocated from rq->arena dies with the request.
 */
#ifndef REST_HTTP_MSG_H
#define REST_HTTP_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/arena.h"
#include "shared/buf.h"
#include "shared/code.h"
#include "shared/json.h"
#include "shared/str.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS };

struct svc;

struct identity {
    uint64_t user_id; /* 0: nobody */
    uint64_t family;  /* token family, 0: none */
    uint64_t expires_s;
    uint64_t stamp_us; /* of the newest revocation of all the user's tokens that it has behind it, or when it was issued */
    bool is_admin;    /* came with the admin secret */
};

#define HTTP_PARAMS_MAX 4

struct http_request;

/*
 * Where the body of a route with ROUTE_STREAM goes. The handler runs as soon as the head is complete; it either
 * finishes the request (a refusal: what is still on its way is not waited for) or sets rq->sink. Then for each
 * piece of HTTP_PIECE_BYTES, a little more, or less when it comes slowly, `piece` is called on the loop's thread,
 * with the connection at rest: nothing more is read until somebody calls http_piece_done, from any thread, or
 * finishes the request instead, which refuses it as above. After the last one `end` is called, to finish the
 * request now or later. If the client goes away between pieces, or stops sending for upload_idle_timeout_ms,
 * `lost` is called instead; rq may only be read during that call.
 */
#define HTTP_PIECE_BYTES ((size_t)256 * 1024)
#define HTTP_PIECE_MS    250 /* a slow client's piece is handed on after this, however small */
struct http_sink {
    void (*piece)(struct http_request *rq, struct str bytes); /* valid until http_piece_done */
    void (*end)(struct http_request *rq);
    void (*lost)(struct http_request *rq);
};

struct http_request {
    struct svc *svc;
    enum http_method method;
    struct str path;                    /* decoded, without the query */
    struct str params[HTTP_PARAMS_MAX]; /* what the route's {..} matched, decoded */
    struct str body;
    uint64_t length;     /* of the body, as announced */
    const struct http_sink *sink; /* of routes with ROUTE_STREAM */
    void *ctx;           /* the sink's, or of who watches the client */
    void (*gone)(struct http_request *rq); /* http_watch.h */
    struct json *json;   /* parsed body of routes with ROUTE_JSON; freed with the request */
    struct identity who; /* of routes with ROUTE_AUTH or ROUTE_ADMIN */
    char peer[64];       /* client address after proxy rules */
    char request_id[40];
    struct arena arena;

    int status; /* the answer: set before http_finish */
    struct buf reply;
    const char *content_type; /* default application/json */
    struct {
        const char *name;
        const char *value; /* static or from the arena */
    } headers[12];
    unsigned headers_count;
    struct str lent; /* instead of reply; http_finish_lent */
    struct { /* instead of reply; http_finish_file */
        bool used;
        int fd;
        uint64_t from, length;
    } file;
    void *server; /* http_server's own part */
};

typedef void (*http_handler)(struct http_request *rq);

enum route_flag {
    ROUTE_AUTH = 1,    /* needs a user token */
    ROUTE_ADMIN = 2,   /* needs the admin secret */
    ROUTE_JSON = 4,    /* body is a JSON object; parsed before the handler, 400/415/422 otherwise */
    ROUTE_ASYNC = 8,
    ROUTE_OPEN = 16,   /* answered even while the service is starting or draining (health) */
    ROUTE_LIMIT = 32,  /* per-address limit for expensive public routes (login, register) */
    ROUTE_JSON_OPTIONAL = 64, /* as ROUTE_JSON, but an empty body is fine (json == NULL) */
    ROUTE_SCANNER = 256, /* X-Scanner-Key stands for a token, which is not looked at then; the handler checks it */
    ROUTE_STREAM = 128, /* the body goes to rq->sink; attachment_max_bytes instead of http_body_max_bytes */
};

struct http_route {
    enum http_method method;
    const char *pattern; /* "/api/chats/{id}/messages": whole segments only */
    http_handler handler;
    unsigned flags;
};

/* routes.c: the map of the HTTP API. */
extern const struct http_route http_routes[];
extern const unsigned http_routes_count;
/* What GET and HEAD find that no route matches, when there is a web application. */
extern const struct http_route http_web_route;

/* Decoded value of a query parameter (percent and plus decoded, valid UTF-8, no NUL); false: absent. */
bool http_query(struct http_request *rq, const char *name, struct str *out);
/* A request header by case-insensitive name; false: absent. */
bool http_header(struct http_request *rq, const char *name, struct str *out);
/* name and value must outlive the request (literal or arena). */
void http_add_header(struct http_request *rq, const char *name, const char *value);

/* Send rq->status with rq->reply. */
void http_finish(struct http_request *rq);
/* Send rq->status with length bytes of fd from this offset on; fd is taken. A HEAD request gets the head alone. */
void http_finish_file(struct http_request *rq, int fd, uint64_t from, uint64_t length);
/* Send rq->status with bytes that outlive the server. */
void http_finish_lent(struct http_request *rq, struct str bytes);
/* The piece is used up; more may come. rq is not the caller's any more. */
void http_piece_done(struct http_request *rq);
/* application/problem+json from the code table; detail (may be NULL) is one sentence more than the table's. */
void http_fail(struct http_request *rq, enum code code, const char *detail);
/* The same with the member that was wrong: {"field": field}. */
void http_fail_field(struct http_request *rq, enum code code, const char *field, const char *detail);
void http_no_content(struct http_request *rq);

#endif
