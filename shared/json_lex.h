/*
 * json_lex.h -- the literals of JSON, for json_scan.c only
 *
 * A lexer stands on the first byte of a literal and is moved behind it. On failure it stands on the
 * bad byte and `problem` says what is wrong.
 */
#ifndef SHARED_JSON_LEX_H
#define SHARED_JSON_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/str.h"

struct json_lex {
    const char *p, *end;
    const char *problem; /* a clause without a full stop */
};

/* On the opening quote. *raw is what stands between the quotes, *escaped whether a backslash is in
 * it. */
bool json_lex_string(struct json_lex *l, struct str *raw, bool *escaped);
/* On a minus sign or a digit. */
bool json_lex_number(struct json_lex *l);
/* Hash of the decoded text of a checked string. */
uint32_t json_lex_hash(struct str raw, bool escaped);
/* Are the decoded texts of two checked strings equal? */
bool json_lex_same(struct str a, struct str b);

#endif
