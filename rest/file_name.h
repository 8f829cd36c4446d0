/*
 * file_name.h -- names of files as people gave them: cleaned when they come in, quoted when they go out
 *
 * A name is never used as a path here; but whoever downloads the file may do so, so nothing stays in it that another
 * system would take for more than a name. Pure, fuzzed.
 */
#ifndef REST_FILE_NAME_H
#define REST_FILE_NAME_H

#include <stdbool.h>

#include "shared/buf.h"
#include "shared/str.h"

#define FILE_NAME_MAX_BYTES 200

/*
 * Append a name that is valid UTF-8, of 1..FILE_NAME_MAX_BYTES bytes: only what stands behind the last slash or backslash;
 * control and direction characters and what other systems refuse become '_'; no dots in front, no dots and blanks at
 * the end; too long: cut in front of the extension. Nothing left: "file".
 */
void file_name_clean(struct str raw, struct buf *out);
/* The name in a Content-Disposition header (RFC 6266: filename*, then filename), not yet clean. false: it has none. */
bool file_name_from_disposition(struct str header, struct buf *out);
/* attachment; filename="..."; filename*=UTF-8''... */
void file_name_add_disposition(struct buf *out, struct str name);
/* What stands behind the last dot; empty: nothing does. */
struct str file_name_extension(struct str name);

#endif
