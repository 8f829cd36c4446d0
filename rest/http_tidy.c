#include "rest/http_tidy.h"

#include <stdint.h>
#include <string.h>

/* The pieces may belong to different objects when something is wrong, so addresses are compared as numbers. */
static uintptr_t at(const char *p)
{
    return (uintptr_t)p;
}

void http_tidy_begin(struct http_tidy *t, const char *method, const char *uri, size_t uri_len,
                     const char *version)
{
    t->begin = method;
    t->next = version + strlen(version) + 2;
    t->bad = at(uri) != at(method) + strlen(method) + 1 || at(version) != at(uri) + uri_len + 1;
}

void http_tidy_header(struct http_tidy *t, const char *name, const char *value)
{
    /* Between name and value there is the colon and perhaps blanks, which the library skips. */
    if (value == NULL || at(name) != at(t->next) || at(value) < at(name) + strlen(name) + 1) {
        t->bad = true;
        return;
    }
    t->next = value + strlen(value) + 2;
}

bool http_tidy_end(const struct http_tidy *t, size_t head_size)
{
    return !t->bad && at(t->next) + 2 == at(t->begin) + head_size;
}
