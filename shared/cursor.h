/*
 * cursor.h -- the text of a place in the log: "<first 8 hex digits of the log's id>.<event id>"
 *
 * Shape      Two functions, one for each direction. Clients treat it as opaque.
 * Layer      shared. The door, the dialects and the recovery of connections read and write it.
 * Threads    Pure.
 */
#ifndef SHARED_CURSOR_H
#define SHARED_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/str.h"

void cursor_add(struct buf *out, uint32_t log_prefix, uint64_t event_id);
/* false: it is none, and nothing is written. */
bool cursor_read(struct str text, uint32_t *log_prefix, uint64_t *event_id);

#endif
