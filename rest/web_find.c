/* web_find.c -- from a request's path to a file of the web application */
#include <stdlib.h>

#include "rest/http_router.h"
#include "rest/web_int.h"

#define NAME_MAX_BYTES 1024
#define INDEX          "index.html"

static const struct {
    const char *ending, *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"txt", "text/plain; charset=utf-8"},
    {"xml", "application/xml"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
    {"woff", "font/woff"},
    {"wasm", "application/wasm"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"wav", "audio/wav"},
    {"pdf", "application/pdf"},
};

static const char *const api[] = {
    "api", "chats", "ws", "socket.io", "engine.io", "healthz", "readyz", "metrics",
};

const char *web_type(const char *path)
{
    const char *name = strrchr(path, '/');
    const char *dot = strrchr(name != NULL ? name : path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcasecmp(dot + 1, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

bool web_is_api_path(struct str path)
{
    struct str first;
    (void)str_cut(path, '/', &first);
    for (size_t i = 0; i < sizeof(api) / sizeof(api[0]); i++) {
        if (str_eq(first, str_of(api[i]))) {
            return true;
        }
    }
    return false;
}

/* -- the request's path ------------------------------------------------------------------------ */

struct name {
    struct str whole, last; /* last: the part behind the last slash in it */
    bool is_folder;
};

/* What stands between two slashes names one thing: not nothing, not this folder or the one above, no other separator. */
static bool is_plain(struct str segment)
{
    for (size_t i = 0; i < segment.len; i++) {
        unsigned char c = (unsigned char)segment.p[i];
        if (c < 0x20 || c == 0x7f || c == '/' || c == '\\') {
            return false;
        }
    }
    return segment.len > 0 && !str_eq(segment, STR(".")) && !str_eq(segment, STR(".."));
}

/*
 * The decoded name without the slash in front, "" for the root; one slash may stand at the end, and then it is a
 * folder's. Segments are cut before they are decoded, so that an escaped slash never makes one. false: no name of a file.
 */
static bool clean(struct str raw, char room[NAME_MAX_BYTES], struct name *out)
{
    struct str segment;
    size_t at = 0, len;
    if (raw.len == 0 || raw.p[0] != '/' || raw.len > NAME_MAX_BYTES) {
        return false;
    }
    *out = (struct name){{room, 0}, {room, 0}, raw.p[raw.len - 1] == '/'};
    for (struct str rest = str_from(raw, 1); rest.p != NULL && rest.len > 0;) {
        rest = str_cut(rest, '/', &segment);
        if (at > 0) {
            room[at++] = '/';
        }
        if (!door_percent_decode(segment, false, room + at, NAME_MAX_BYTES - at, &len) ||
            !is_plain((struct str){room + at, len})) {
            return false;
        }
        out->last = (struct str){room + at, len};
        at += len;
    }
    out->whole.len = at;
    return true;
}

bool web_is_api(struct str raw_path)
{
    char room[NAME_MAX_BYTES];
    struct str first, rest = str_cut(str_from(raw_path, 1), '/', &first);
    size_t len;
    (void)rest;
    return door_percent_decode(first, false, room, sizeof(room), &len) && web_is_api_path((struct str){room, len});
}

/* -- looking up -------------------------------------------------------------------------------- */

static int compare_name(struct str name, const char *path)
{
    size_t n = strlen(path), shorter = name.len < n ? name.len : n;
    int order = memcmp(name.p, path, shorter);
    return order != 0 ? order : (name.len > n) - (name.len < n);
}

struct web_file *web_lookup(const struct web *w, struct str name)
{
    unsigned low = 0, high = w->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int order = compare_name(name, w->files[middle].path);
        if (order == 0) {
            return &w->files[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* The file of that name, or the index of the folder. */
static const struct web_file *find_name(const struct web *w, char room[NAME_MAX_BYTES], const struct name *n)
{
    size_t len = n->whole.len;
    const struct web_file *f = n->is_folder ? NULL : web_lookup(w, n->whole);
    if (len == 0) {
        return w->index;
    }
    if (f != NULL) {
        return f->is_form ? NULL : f;
    }
    if (len + sizeof("/" INDEX) > NAME_MAX_BYTES) {
        return NULL;
    }
    memcpy(room + len, "/" INDEX, sizeof("/" INDEX) - 1);
    return web_lookup(w, (struct str){room, len + sizeof("/" INDEX) - 1});
}

const struct web_file *web_find(const struct web *w, struct str raw_path)
{
    char room[NAME_MAX_BYTES];
    struct name name;
    return w != NULL && !web_is_api(raw_path) && clean(raw_path, room, &name) ? find_name(w, room, &name) : NULL;
}

const struct web_file *web_page(const struct web *w, struct str raw_path)
{
    char room[NAME_MAX_BYTES];
    struct name name;
    if (w == NULL || web_is_api(raw_path) || !clean(raw_path, room, &name)) {
        return NULL;
    }
    bool is_page = memchr(name.last.p, '.', name.last.len) == NULL;
    const struct web_file *f = find_name(w, room, &name);
    return f == NULL && is_page ? w->index : f;
}

const char *web_policy(const struct web *w)
{
    return w->policy;
}
