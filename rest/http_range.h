/*
 * http_range.h -- which part of a file a request asks for (RFC 9110, sections 13 and 14)
 *
 * Shape      Pure: header values in, numbers out. Fuzzed.
 * Choice     One range is served. Several, another unit or a malformed header mean the whole file, as the RFC allows:
 *            a client that cannot be understood gets more than it asked for, never something else.
 */
#ifndef REST_HTTP_RANGE_H
#define REST_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/str.h"

enum http_range {
    HTTP_RANGE_WHOLE,
    HTTP_RANGE_PART,    /* *from and *length are set: from < size, 0 < length <= size - from */
    HTTP_RANGE_OUTSIDE, /* nothing of it exists: 416 */
};

/* The value of a Range header for a file of size bytes. */
enum http_range http_range_parse(struct str value, uint64_t size, uint64_t *from, uint64_t *length);

/* Whether a list of entity tags (If-None-Match) names this one, or is "*". etag with its quotes; weak tags compare like
 * strong ones. */
bool http_etag_listed(struct str list, struct str etag);
/* Whether If-Range allows a part: exactly this strong tag. Dates never do: the files have none that could change. */
bool http_if_range(struct str value, struct str etag);

#endif
