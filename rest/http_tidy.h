/*
 * http_tidy.h -- whether the HTTP library has read a head as it was sent
 *
 * Versions of libmicrohttpd before 1.0 repair what could be read in two ways: lines that end in a bare LF, lines that
 * are continued, a NUL inside a path or a value (what follows it disappears), spaces too many. They cut the head in
 * place, so in a sound head the pieces that they show stand one behind the other without a gap: each
 * line is followed by its two cut-off bytes, then comes the next. Any other picture is such a repair. Heads that
 * come in by the front door have been checked there; this is for the later ones of a kept-alive connection.
 * Pure       Compares addresses, and reads nothing but the strings it is given.
 */
#ifndef REST_HTTP_TIDY_H
#define REST_HTTP_TIDY_H

#include <stdbool.h>
#include <stddef.h>

struct http_tidy {
    const char *begin; /* of the head */
    const char *next;  /* where the next line must begin */
    bool bad;
};

/* The pieces of the request line; uri_len as it was before the library decoded it. */
void http_tidy_begin(struct http_tidy *t, const char *method, const char *uri, size_t uri_len,
                     const char *version);
/* In the order of the head. */
void http_tidy_header(struct http_tidy *t, const char *name, const char *value);
/* head_size: bytes from the method to the end of the empty line. */
bool http_tidy_end(const struct http_tidy *t, size_t head_size);

#endif
