/*
 * http_field.h -- what a member of a body or a parameter must look like, in words
 *
 * For the detail of invalid_field: an answer that only says "wrong" sends its reader to the manual. The rules themselves
 * are checked elsewhere (svc_check, the handlers); a new field has its words here.
 */
#ifndef REST_HTTP_FIELD_H
#define REST_HTTP_FIELD_H

#include "rest/rest_conf.h"
#include "shared/buf.h"

/* Append "<field> must be ..."; nothing for a field without words. */
void http_field_rule(struct buf *out, const struct rest_conf *conf, const char *field);

#endif
