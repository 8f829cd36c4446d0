/*
 * accept_encoding.h -- which coding of a file to send (RFC 9110, section 12.5.3)
 *
 * Shape      Pure: a header value in, a coding out. Fuzzed.
 * Choice     The greatest weight wins, at the same weight the smaller bytes. What is not named is not sent, but for the
 *            plain file: it goes out when nothing else is asked for, also where it is refused, because an answer that
 *            may be unreadable is better than none. A malformed list means the plain file.
 */
#ifndef REST_ACCEPT_ENCODING_H
#define REST_ACCEPT_ENCODING_H

#include "shared/str.h"

enum coding { CODING_PLAIN, CODING_GZIP, CODING_BR, CODING_COUNT };

/* value: of the header, p == NULL without one; have: bits (1 << coding) of what there is besides the plain file. */
enum coding accept_encoding_choose(struct str value, unsigned have);
/* "gzip", "br"; "identity". */
const char *coding_name(enum coding c);

#endif
