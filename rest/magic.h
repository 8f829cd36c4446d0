/*
 * magic.h -- what bytes are, by their look: the only place that knows libmagic
 *
 * Limits     Only the beginning of a file is looked at (MAGIC_LOOK_BYTES), and its end by formats that keep their signature
 *            there. Compressed data is not unpacked, and the parsers of executables are switched off: their details are
 *            of no use here and bytes are hostile.
 * Threads    Any; one look at a time (the library's handle is not for several threads).
 */
#ifndef REST_MAGIC_H
#define REST_MAGIC_H

#include "shared/buf.h"
#include "shared/rc.h"
#include "shared/str.h"

#define MAGIC_LOOK_BYTES ((size_t)256 * 1024)

struct magic;

/* RC_UNAVAILABLE: the library or its database is not usable, why says so. */
RC_CHECK enum rc magic_new(struct magic **out, struct buf *why);
void magic_free(struct magic *m);
/* Append the media type; application/octet-stream when it looks like nothing known. fd is at its beginning. */
void magic_look_at_file(struct magic *m, int fd, struct buf *out);
/* The same of bytes that a file begins with. Since 5.46 a ZIP archive is not recognised without its end. */
void magic_look(struct magic *m, struct str bytes, struct buf *out);

#endif
