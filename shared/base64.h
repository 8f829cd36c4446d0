/* base64.h -- RFC 4648 section 4 base64, padded, no white space; strict in both directions */
#ifndef SHARED_BASE64_H
#define SHARED_BASE64_H

#include "shared/buf.h"
#include "shared/rc.h"

void base64_encode(struct buf *out, struct str bytes);
/* Append the decoded bytes. RC_INVALID: not base64, or not in its one canonical form; out is unchanged. */
RC_CHECK enum rc base64_decode(struct str text, struct buf *out);

#endif
