#include "rest/http_router.h"

#include <stdlib.h>
#include <string.h>

#include "rest/door_head.h"
#include "shared/bug.h"
#include "shared/mem.h"
#include "shared/utf8.h"

#define METHODS 7

struct pattern { /* one path; its routes by method */
    struct str segments[HTTP_SEGMENTS_MAX]; /* p == NULL: a parameter */
    unsigned count;
    const struct http_route *routes[METHODS];
};

struct http_router {
    struct pattern *patterns; /* sorted by count */
    unsigned count;
    unsigned first[HTTP_SEGMENTS_MAX + 2]; /* patterns with n segments are first[n] .. first[n+1]-1 */
};

static const char *const method_names[METHODS] = {
    [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",
    [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
};

bool http_method_parse(struct str text, enum http_method *out)
{
    int m;

    for (m = 0; m < METHODS; m++) {
        if (str_eq(text, str_of(method_names[m]))) {
            *out = (enum http_method)m;
            return true;
        }
    }
    return false;
}

const char *http_method_name(enum http_method m)
{
    return method_names[m];
}

void http_allow_text(struct buf *out, unsigned allow)
{
    int m;

    if (allow & 1u << HTTP_GET) {
        allow |= 1u << HTTP_HEAD;
    }
    allow |= 1u << HTTP_OPTIONS;
    for (m = 0; m < METHODS; m++) {
        if (allow & 1u << m) {
            buf_add_z(out, method_names[m]);
            buf_add_z(out, m == HTTP_OPTIONS ? "" : ", ");
        }
    }
}

/* -- the table --------------------------------------------------------------------------------- */

/* Cut a path into segments; false: it does not begin with a slash or has too many. */
static bool cut_path(struct str path, struct str *segments, unsigned *count)
{
    struct str rest, segment;
    unsigned n = 0;

    if (path.len == 0 || path.p[0] != '/') {
        return false;
    }
    rest = str_from(path, 1);
    do {
        rest = str_cut(rest, '/', &segment);
        if (n == HTTP_SEGMENTS_MAX) {
            return false;
        }
        segments[n++] = segment;
    } while (rest.p != NULL);
    *count = n;
    return true;
}

static void parse_pattern(const char *text, struct pattern *out)
{
    unsigned i, params = 0;

    BUG_IF(!cut_path(str_of(text), out->segments, &out->count));
    for (i = 0; i < out->count; i++) {
        if (out->segments[i].len > 0 && out->segments[i].p[0] == '{') {
            out->segments[i] = STR_NONE;
            params++;
        }
    }
    BUG_IF(params > HTTP_PARAMS_MAX);
}

static bool same_pattern(const struct pattern *a, const struct pattern *b)
{
    unsigned i;

    if (a->count != b->count) {
        return false;
    }
    for (i = 0; i < a->count; i++) {
        if ((a->segments[i].p == NULL) != (b->segments[i].p == NULL) ||
            !str_eq(a->segments[i], b->segments[i])) {
            return false;
        }
    }
    return true;
}

/* Fewer segments first; among equals, literal segments before parameters, so that the first match is the best. */
static int compare(const void *left, const void *right)
{
    const struct pattern *a = left, *b = right;
    unsigned i;

    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (i = 0; i < a->count; i++) {
        if ((a->segments[i].p == NULL) != (b->segments[i].p == NULL)) {
            return a->segments[i].p == NULL ? 1 : -1;
        }
    }
    return 0;
}

static void add_route(struct http_router *r, const struct http_route *route)
{
    struct pattern p = {0};
    unsigned i;

    parse_pattern(route->pattern, &p);
    for (i = 0; i < r->count && !same_pattern(&r->patterns[i], &p); i++) {
    }
    if (i == r->count) {
        r->patterns[r->count++] = p;
    }
    BUG_IF(r->patterns[i].routes[route->method] != NULL);
    r->patterns[i].routes[route->method] = route;
}

struct http_router *http_router_new(const struct http_route *routes, unsigned count)
{
    struct http_router *r = mem_new(sizeof(*r));
    unsigned i, n;

    r->patterns = mem_grow(NULL, count > 0 ? count : 1, sizeof(struct pattern));
    for (i = 0; i < count; i++) {
        add_route(r, &routes[i]);
    }
    qsort(r->patterns, r->count, sizeof(struct pattern), compare);
    for (n = 0, i = 0; n < HTTP_SEGMENTS_MAX + 2; n++) {
        while (i < r->count && r->patterns[i].count < n) {
            i++;
        }
        r->first[n] = i;
    }
    return r;
}

void http_router_free(struct http_router *r)
{
    if (r != NULL) {
        free(r->patterns);
        free(r);
    }
}

/* -- matching ---------------------------------------------------------------------------------- */

/* Decode into the arena; segments without an escape stay where they are. */
static enum code decode(struct str raw, struct arena *arena, struct str *out)
{
    char *room;
    size_t len;

    if (memchr(raw.p, '%', raw.len) == NULL) {
        *out = raw;
        return utf8_valid(raw) ? CODE_OK : CODE_BAD_REQUEST;
    }
    room = arena_alloc(arena, raw.len);
    if (room == NULL || !door_percent_decode(raw, false, room, raw.len, &len) ||
        !utf8_valid((struct str){room, len})) {
        return CODE_BAD_REQUEST;
    }
    *out = (struct str){room, len};
    return CODE_OK;
}

static bool is_dots(struct str s)
{
    return str_eq(s, STR(".")) || str_eq(s, STR(".."));
}

static bool matches(const struct pattern *p, const struct str *segments)
{
    unsigned i;

    for (i = 0; i < p->count; i++) {
        if (p->segments[i].p == NULL ? segments[i].len == 0 : !str_eq(p->segments[i], segments[i])) {
            return false;
        }
    }
    return true;
}

static const struct http_route *route_of(const struct pattern *p, enum http_method method)
{
    const struct http_route *route = p->routes[method];

    return route == NULL && method == HTTP_HEAD ? p->routes[HTTP_GET] : route;
}

static void take_params(const struct pattern *p, const struct str *segments,
                        struct str params[HTTP_PARAMS_MAX])
{
    unsigned i, n = 0;

    for (i = 0; i < p->count; i++) {
        if (p->segments[i].p == NULL) {
            params[n++] = segments[i];
        }
    }
}

enum code http_router_match(const struct http_router *r, bool has_method, enum http_method method,
                            struct str raw_path, struct arena *arena,
                            const struct http_route **route, struct str params[HTTP_PARAMS_MAX],
                            unsigned *allow)
{
    struct str segments[HTTP_SEGMENTS_MAX];
    unsigned count, i, m;

    *allow = 0;
    if (!cut_path(raw_path, segments, &count)) {
        return CODE_ROUTE_NOT_FOUND;
    }
    for (i = 0; i < count; i++) {
        enum code code = decode(segments[i], arena, &segments[i]);

        if (code != CODE_OK) {
            return code;
        }
        if (is_dots(segments[i])) {
            return CODE_ROUTE_NOT_FOUND;
        }
    }
    for (i = r->first[count]; i < r->first[count + 1]; i++) {
        const struct pattern *p = &r->patterns[i];

        if (!matches(p, segments)) {
            continue;
        }
        if (has_method && route_of(p, method) != NULL) {
            *route = route_of(p, method);
            take_params(p, segments, params);
            return CODE_OK;
        }
        for (m = 0; m < METHODS; m++) {
            *allow |= p->routes[m] != NULL ? 1u << m : 0;
        }
    }
    return *allow != 0 ? CODE_METHOD_NOT_ALLOWED : CODE_ROUTE_NOT_FOUND;
}
