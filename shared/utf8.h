/* utf8.h -- strict UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF) */
#ifndef SHARED_UTF8_H
#define SHARED_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/str.h"

/* Offset of the first bad byte, or s.len when all is valid. */
size_t utf8_valid_prefix(struct str s);
static inline bool utf8_valid(struct str s)
{
    return utf8_valid_prefix(s) == s.len;
}
/* Length of the one valid sequence at p (1..4); 0 when it is bad, cut short or not there. */
size_t utf8_step(const char *p, size_t left);
/* Number of code points of valid text. */
size_t utf8_count(struct str s);
/* The longest prefix of at most max code points, cut at a code point. */
struct str utf8_prefix(struct str s, size_t max);
/* Has a C0 control (other than tab, LF and CR when lines are allowed), DEL, C1 control, or, when no
 * lines are allowed, one of the invisible directional/line separators that break single-line names
 * (U+2028, U+2029, U+202A-E, U+2066-9); running text needs those, e.g. for names in right-to-left
 * sentences. */
bool utf8_has_control(struct str s, bool lines_allowed);

#endif
