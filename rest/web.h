/*
 * web.h -- the web application's files, in memory
 *
 * Shape      Read once at start from web_dir: regular files only, no links, no names that begin with a dot (but for
 *            .well-known). Requests are looked up in a sorted table by their whole path, so no request ever reaches the
 *            file system and none can leave the folder.
 * Codings    name.br and name.gz beside a file are its compressed forms, not files of their own.
 * Pages      A path without a dot in its last segment that names nothing is a page of the application, which has its own
 *            routes: it is answered with index.html. Paths of the API are never taken, whatever the folder has.
 * Limits     web_files_max, web_max_bytes: reaching either is RC_TOO_BIG at start. HTTP_SEGMENTS_MAX folders deep.
 * Threads    Not changed after web_load; any thread.
 */
#ifndef REST_WEB_H
#define REST_WEB_H

#include "rest/accept_encoding.h"
#include "rest/rest_conf.h"
#include "shared/buf.h"

#define WEB_ETAG_ROOM 40

struct web_form {
    struct str bytes; /* p == NULL: there is none */
    char etag[WEB_ETAG_ROOM]; /* with its quotes; every form has its own */
};

struct web_file {
    char *path; /* "assets/app.js" */
    const char *type;
    bool is_immutable; /* the name changes when the content does */
    bool is_form; /* a compressed form of another file: not found by its own name */
    unsigned have; /* bits (1 << coding) of the compressed forms */
    struct web_form forms[CODING_COUNT];
};

struct web;

/* *out is NULL when web_dir is empty. RC_INVALID: it cannot be read, or has no index.html; RC_TOO_BIG; RC_NO_MEMORY. */
RC_CHECK enum rc web_load(const struct rest_conf *conf, struct web **out, struct buf *why);
void web_free(struct web *w);

/* Whether a path belongs to the API, by its first segment. raw: as in the request. */
bool web_is_api(struct str raw_path);
/* The file of a path, or of the folder it names; NULL: none. w may be NULL. */
const struct web_file *web_find(const struct web *w, struct str raw_path);
/* The same, and index.html for pages of the application. */
const struct web_file *web_page(const struct web *w, struct str raw_path);
/* Content-Security-Policy of everything that is served. */
const char *web_policy(const struct web *w);

#endif
