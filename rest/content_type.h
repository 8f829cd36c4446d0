/*
 * content_type.h -- media types: what is claimed, what the bytes are, and whether the two can be the same thing
 *
 * Shape      Pure tables. Types are lower case "type/subtype" without parameters.
 * Families   Most formats have one type and a signature that says so for certain. Some share a container (a document is
 *            a ZIP archive, an audio file may be MP4), text has no signature at all, and a few formats are
 *            often not recognised. A family says which types can look alike.
 */
#ifndef REST_CONTENT_TYPE_H
#define REST_CONTENT_TYPE_H

#include <stdbool.h>

#include "shared/buf.h"
#include "shared/str.h"

#define CONTENT_TYPE_MAX_BYTES 100

/* Append the type of a Content-Type value, in its usual spelling (image/jpg becomes image/jpeg). false: it is none. */
bool content_type_clean(struct str value, struct buf *out);
/* By the extension of a file name; empty: unknown. */
struct str content_type_of_extension(struct str extension);
/* Whether bytes that look like `found` can be what `claimed` says. Both clean. readable: content_is_readable of them. */
bool content_type_fits(struct str found, struct str claimed, bool readable);
/* The same of a beginning: archives are recognised by their end. */
bool content_type_may_become(struct str found, struct str claimed, bool readable);
/* Whether bytes are text in some 8-bit encoding: no control characters but those of text. */
bool content_is_readable(struct str bytes);
/* Says nothing: application/octet-stream, and what browsers send when they do not know. */
bool content_type_is_vague(struct str type);
/* Whether a comma-separated list has the type. An entry may also be a top-level type or "any" with a star behind the slash. */
bool content_type_listed(struct str list, struct str type);
/* The kind of a message about such a file: image, audio, video or file. */
struct str content_type_message_kind(struct str type);

#endif
