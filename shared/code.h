/*
 * code.h -- the error codes that clients see, one table for every edge
 *
 * code.def is the table. HTTP renders a code as application/problem+json, each dialect in its own
 * error frame, a refused upgrade as a close code; all of them use the same stable name.
 * Numbers cross the link: append only.
 */
#ifndef SHARED_CODE_H
#define SHARED_CODE_H

enum code {
#define CODE(name, text, status, close, sentence) CODE_##name,
#include "shared/code.def"
#undef CODE
    CODE_COUNT
};

/* Stable snake_case name. Unknown values give "internal". Never NULL. */
const char *code_name(enum code code);
/* HTTP status. */
int code_status(enum code code);
/* WebSocket close code, 1008 where the table has none. */
int code_close(enum code code);
/* A complete English sentence for people. */
const char *code_sentence(enum code code);

#endif
