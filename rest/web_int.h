/* web_int.h -- inside the web application's files: the table, shared by web.c (reading) and web_find.c (finding) */
#ifndef REST_WEB_INT_H
#define REST_WEB_INT_H

#include "rest/door_head.h"
#include "rest/web.h"

struct web {
    struct web_file *files; /* sorted by path */
    unsigned count, room;
    const struct web_file *index;
    const char *policy; /* the setting's */
};

/* By its whole name, compressed forms too; NULL: none. */
struct web_file *web_lookup(const struct web *w, struct str name);
/* Media type by the name's ending. */
const char *web_type(const char *path);
/* Whether a path without the slash in front belongs to the API. */
bool web_is_api_path(struct str path);

#endif
