/* code.c -- look-ups in the table of code.def */
#include "shared/code.h"

#define CLOSE_POLICY_VIOLATION 1008 /* RFC 6455 section 7.4.1: no more specific code fits */

struct row {
    const char *name;
    int status;
    int close;
    const char *sentence;
};

static const struct row rows[CODE_COUNT] = {
#define CODE(name, text, status, close, sentence) [CODE_##name] = {text, status, close, sentence},
#include "shared/code.def"
#undef CODE
};

/* A number from a newer sibling, or a wrong one, is an internal error to whoever sees it. */
static const struct row *find(enum code code)
{
    return (unsigned)code < CODE_COUNT ? &rows[code] : &rows[CODE_INTERNAL];
}

const char *code_name(enum code code)
{
    return find(code)->name;
}

int code_status(enum code code)
{
    return find(code)->status;
}

int code_close(enum code code)
{
    int close = find(code)->close;
    return close != 0 ? close : CLOSE_POLICY_VIOLATION;
}

const char *code_sentence(enum code code)
{
    return find(code)->sentence;
}
