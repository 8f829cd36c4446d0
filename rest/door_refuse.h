/*
 * door_refuse.h -- the bytes of a refusal, and of the head a worker gets
 *
 * Pure: appends to a buffer. An HTTP refusal is application/problem+json with Connection: close; a
 * refusal that a browser must see is a complete 101 answer followed by a Close frame.
 */
#ifndef REST_DOOR_REFUSE_H
#define REST_DOOR_REFUSE_H

#include "shared/buf.h"
#include "shared/code.h"
#include "shared/str.h"

/* detail may be NULL. */
void door_refuse_http(struct buf *out, enum code code, const char *detail, const char *request_id);
/* 101 with the accept value of key, then Close with the code's close code and name. */
void door_refuse_close(struct buf *out, enum code code, struct str key, const char *subprotocol);

/* The canonical head for a worker, under 1 KB: key, version 13, the chosen subprotocol (NULL: none). */
void door_canonical_head(struct buf *out, struct str key, const char *subprotocol);

/* Sec-WebSocket-Accept of a key: 28 characters and a NUL. */
void door_accept_value(struct str key, char out[29]);

#endif
