/*
 * door_head.h -- the request head, parsed strictly: what the front door must know and nothing more
 *
 * Shape      Pure: bytes in, a struct of views out. Called again with more bytes until it is complete;
 *            it keeps nothing between calls. Fuzzed.
 * Strict     RFC 9112 without its tolerances: CRLF only, no obs-fold, no space before the colon, no
 *            control characters, one Host, at most one Content-Length, no Transfer-Encoding, origin-form
 *            targets only. What two parsers could read differently is refused, not repaired.
 * Ownership  Views into the input.
 */
#ifndef REST_DOOR_HEAD_H
#define REST_DOOR_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "rest/http_msg.h"
#include "shared/code.h"
#include "shared/str.h"

#define DOOR_HEADERS_MAX 100
#define DOOR_FORWARDED_MAX 4

enum door_field {
    DOOR_HOST,
    DOOR_CONTENT_LENGTH,
    DOOR_TRANSFER_ENCODING,
    DOOR_CONNECTION,
    DOOR_UPGRADE,
    DOOR_WS_KEY,
    DOOR_WS_VERSION,
    DOOR_WS_PROTOCOL,
    DOOR_WS_EXTENSIONS,
    DOOR_ORIGIN,
    DOOR_AUTHORIZATION,
    DOOR_COOKIE,
    DOOR_FIELD_COUNT
};

struct door_head {
    size_t len; /* bytes up to and including the empty line */
    struct str method, target;
    struct str path, query; /* raw; query without '?', p == NULL when there is none */
    unsigned minor;         /* of HTTP/1.x: 0 or 1 */
    struct str field[DOOR_FIELD_COUNT];     /* trimmed values; p == NULL: absent */
    unsigned char seen[DOOR_FIELD_COUNT];   /* how many lines, at most 255 */
    struct str forwarded[DOOR_FORWARDED_MAX]; /* X-Forwarded-For lines in order */
    unsigned forwarded_count;
    unsigned headers_count;
};

enum door_head_result {
    DOOR_HEAD_MORE, /* a good beginning */
    DOOR_HEAD_OK,
    DOOR_HEAD_BAD, /* *code says how to refuse it */
};

/* code: CODE_BAD_REQUEST, CODE_LENGTH_REQUIRED (a coding instead of a length), CODE_HEAD_TOO_LARGE (too many lines). */
enum door_head_result door_head_parse(struct str bytes, struct door_head *out, enum code *code);

/* One header line into head, as the parser does it; for heads that come from elsewhere (an upgrade on a connection
 * inside the HTTP library). CODE_OK or what the parser would refuse it with. */
enum code door_head_add(struct door_head *head, struct str name, struct str value);
/* The checks over all lines: Host, Content-Length, Transfer-Encoding. */
enum code door_head_check(const struct door_head *head);
/* Split target into path and query; CODE_BAD_REQUEST when it is not in origin form or has a bad escape or %00. */
enum code door_head_target(struct door_head *head, struct str target);

/* Whether it asks for WebSocket (Upgrade lists it); other protocols are ignored, as HTTP allows. */
bool door_head_is_upgrade(const struct door_head *head);
/* Whether the upgrade is well-formed (RFC 6455 section 4.2.1): CODE_OK, CODE_BAD_REQUEST, CODE_METHOD_NOT_ALLOWED,
 * CODE_NOT_ACCEPTABLE_UPGRADE (another version: the answer names 13). */
enum code door_head_check_upgrade(const struct door_head *head);

/* Whether a comma-separated list has the token, ASCII case ignored. */
bool door_list_has(struct str list, struct str token);
/* Next element of a comma-separated list, trimmed, empty ones skipped; false at the end. */
bool door_list_next(struct str *list, struct str *element);
/* Raw value of the first query parameter of that name; false: absent. */
bool door_query_raw(struct str query, struct str name, struct str *value);
/* Percent (and plus, when asked) decoding into room; false: bad escape, NUL, or no room. */
bool door_percent_decode(struct str raw, bool plus, char *room, size_t size, size_t *len);
/* Path with the names of the query parameters, values replaced: for logs. */
void door_redact(struct buf *out, struct str path, struct str query);

#endif
