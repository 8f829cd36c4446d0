/*
 * http_error.h -- the one form of an error answer: application/problem+json (RFC 9457)
 *
 * {"type","title","status","code","detail","request_id"[,"field"]}; code is the stable name.
 */
#ifndef REST_HTTP_ERROR_H
#define REST_HTTP_ERROR_H

#include "shared/buf.h"
#include "shared/code.h"

#define HTTP_PROBLEM_TYPE "application/problem+json"

/* detail NULL: the table's sentence; field and request_id NULL: left out. */
void http_problem(struct buf *out, enum code code, const char *detail, const char *field,
                  const char *request_id);
/* Seconds for Retry-After, 0 where the code has none. */
unsigned http_retry_after(enum code code);
/* "Unauthorized"; never NULL. */
const char *http_reason(int status);

#endif
