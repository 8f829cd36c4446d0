/*
 * http_router.h -- method and path to a route
 *
 * Paths are matched segment by segment on the raw text, then decoded, so an escaped slash never makes
 * a segment. Empty segments, "." and ".." match nothing. Pure after http_router_new.
 */
#ifndef REST_HTTP_ROUTER_H
#define REST_HTTP_ROUTER_H

#include "rest/http_msg.h"
#include "shared/arena.h"
#include "shared/code.h"
#include "shared/str.h"

#define HTTP_SEGMENTS_MAX 12

struct http_router;

/* Two routes with the same method and pattern, or too many segments or parameters, are a bug of ours. */
struct http_router *http_router_new(const struct http_route *routes, unsigned count);
void http_router_free(struct http_router *r);

/*
 * CODE_OK with *route and the decoded params (from arena). HEAD finds GET routes. CODE_METHOD_NOT_ALLOWED with *allow:
 * bits (1 << method) of what the path has. CODE_ROUTE_NOT_FOUND. CODE_BAD_REQUEST: a segment with a bad escape, NUL
 * or bad UTF-8. has_method false stands for a method that is none of ours.
 */
enum code http_router_match(const struct http_router *r, bool has_method, enum http_method method,
                            struct str raw_path, struct arena *arena,
                            const struct http_route **route, struct str params[HTTP_PARAMS_MAX],
                            unsigned *allow);

bool http_method_parse(struct str text, enum http_method *out);
const char *http_method_name(enum http_method m);
/* "GET, HEAD, POST" of the bits, with HEAD beside GET and OPTIONS always. */
void http_allow_text(struct buf *out, unsigned allow);

#endif
