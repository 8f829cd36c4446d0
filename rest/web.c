#include "rest/web.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rest/http_router.h"
#include "rest/sha256.h"
#include "rest/web_int.h"
#include "shared/log.h"
#include "shared/mem.h"

#define PATH_MAX_BYTES 1024
#define INDEX          "index.html"

struct loader {
    const struct rest_conf *conf;
    struct web *web;
    struct buf *why;
    int root;
    char **dirs; /* below the root, in the order they were found */
    unsigned dirs_count, names_count;
    uint64_t bytes; /* of all files together */
};

/* -- reading the folder ------------------------------------------------------------------------ */

static enum rc cannot_read(struct loader *l, const char *path)
{
    buf_addf(l->why, "web_dir: cannot read %s/%s: %s.\n", l->conf->web_dir, path, strerror(errno));
    return RC_INVALID;
}

static enum rc count_bytes(struct loader *l, const char *path, uint64_t bytes)
{
    if (bytes > l->conf->web_max_bytes - l->bytes) {
        buf_addf(l->why, "web_dir: the files have more than web_max_bytes = %llu bytes, %s included.\n",
                 (unsigned long long)l->conf->web_max_bytes, path);
        return RC_TOO_BIG;
    }
    l->bytes += bytes;
    return RC_OK;
}

static bool read_all(int fd, char *p, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, p + got, len - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? EIO : errno; /* shorter than a moment ago */
            return false;
        }
        got += (size_t)n;
    }
    return true;
}

static void add_file(struct web *w, const char *path, char *bytes, size_t len)
{
    if (w->count == w->room) {
        w->room = w->room > 0 ? 2 * w->room : 64;
        w->files = mem_grow(w->files, w->room, sizeof(struct web_file));
    }
    struct web_file *f = &w->files[w->count++];
    *f = (struct web_file){.path = mem_copy(path, strlen(path))};
    f->forms[CODING_PLAIN].bytes = (struct str){bytes, len};
}

static enum rc load_file(struct loader *l, const char *path, int fd, uint64_t size)
{
    enum rc rc = count_bytes(l, path, size);
    if (rc != RC_OK) {
        return rc;
    }
    char *bytes = malloc(size + 1);
    if (bytes == NULL) {
        buf_addf(l->why, "web_dir: no memory for %s.\n", path);
        return RC_NO_MEMORY;
    }
    if (!read_all(fd, bytes, size)) {
        free(bytes);
        return cannot_read(l, path);
    }
    add_file(l->web, path, bytes, size);
    return RC_OK;
}

/* A link could lead anywhere, and a name with a dot in front is nobody's page: .git, .env, an editor's copy. */
static bool is_wanted(const char *dir, const char *name)
{
    return name[0] != '.' || (dir[0] == '\0' && strcmp(name, ".well-known") == 0);
}

static enum rc load_entry(struct loader *l, const char *path)
{
    struct stat st;
    enum rc rc = RC_OK;
    int fd = openat(l->root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ELOOP) {
        log_warn("web_skipped", "path=%s why=\"symbolic link\"", log_esc(str_of(path)));
        return RC_OK;
    }
    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = cannot_read(l, path);
    } else if (S_ISREG(st.st_mode)) {
        rc = load_file(l, path, fd, (uint64_t)st.st_size);
    } else if (S_ISDIR(st.st_mode)) {
        l->dirs[l->dirs_count++] = mem_copy(path, strlen(path));
    } else {
        log_warn("web_skipped", "path=%s why=\"no regular file\"", log_esc(str_of(path)));
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

static unsigned depth_of(const char *path)
{
    unsigned n = 1;
    for (; *path != '\0'; path++) {
        n += *path == '/';
    }
    return n;
}

static enum rc load_name(struct loader *l, const char *dir, const char *name)
{
    char path[PATH_MAX_BYTES];
    int len = snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
    if (len < 0 || (size_t)len >= sizeof(path) || depth_of(path) > HTTP_SEGMENTS_MAX) {
        buf_addf(l->why, "web_dir: %s/%s is deeper than %d folders or longer than %d bytes.\n", dir,
                 name, HTTP_SEGMENTS_MAX, PATH_MAX_BYTES - 1);
        return RC_TOO_BIG;
    }
    if (l->names_count == l->conf->web_files_max) {
        buf_addf(l->why, "web_dir: there are more than web_files_max = %llu files and folders.\n",
                 (unsigned long long)l->conf->web_files_max);
        return RC_TOO_BIG;
    }
    l->names_count++;
    return load_entry(l, path);
}

static enum rc load_dir(struct loader *l, const char *dir)
{
    int fd = openat(l->root, dir[0] != '\0' ? dir : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        enum rc rc = cannot_read(l, dir);
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    enum rc rc = RC_OK;
    for (struct dirent *e; rc == RC_OK && (e = readdir(d)) != NULL;) {
        if (is_wanted(dir, e->d_name)) {
            rc = load_name(l, dir, e->d_name);
        }
    }
    closedir(d);
    return rc;
}

/* -- what was read ----------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    const struct web_file *a = left, *b = right;
    return strcmp(a->path, b->path);
}

static void set_etag(struct web_form *form, const char *hex)
{
    snprintf(form->etag, sizeof(form->etag), "\"%.32s\"", hex);
}

static enum rc hash_file(struct web_file *f)
{
    char hex[SHA256_HEX_ROOM];
    struct sha256 *hash = sha256_new();
    if (hash == NULL) {
        return RC_NO_MEMORY;
    }
    sha256_add(hash, f->forms[CODING_PLAIN].bytes.p, f->forms[CODING_PLAIN].bytes.len);
    sha256_end(hash, hex);
    sha256_free(hash);
    set_etag(&f->forms[CODING_PLAIN], hex);
    return RC_OK;
}

/* A form that is not smaller is no use to anybody. */
static void adopt_form(struct web *w, struct web_file *form, enum coding coding, size_t suffix)
{
    struct str name = str_of(form->path);
    name.len -= suffix;
    struct web_file *f = web_lookup(w, name);
    if (f == NULL) {
        return;
    }
    form->is_form = true;
    if (form->forms[CODING_PLAIN].bytes.len < f->forms[CODING_PLAIN].bytes.len) {
        f->forms[coding] = form->forms[CODING_PLAIN];
        f->have |= 1u << coding;
    }
}

static bool ends_with(const char *path, const char *suffix)
{
    size_t len = strlen(path), n = strlen(suffix);
    return len > n && memcmp(path + len - n, suffix, n) == 0;
}

static bool is_immutable(const struct rest_conf *conf, const char *path)
{
    struct str list = str_of(conf->web_immutable), folder;
    while (door_list_next(&list, &folder)) {
        if (str_starts(str_of(path), folder)) {
            return true;
        }
    }
    return false;
}

static enum rc finish(struct loader *l)
{
    struct web *w = l->web;
    qsort(w->files, w->count, sizeof(struct web_file), compare);
    for (unsigned i = 0; i < w->count; i++) {
        struct web_file *f = &w->files[i];
        f->type = web_type(f->path);
        f->is_immutable = is_immutable(l->conf, f->path);
        if (hash_file(f) != RC_OK) {
            buf_add_z(l->why, "web_dir: no memory.\n");
            return RC_NO_MEMORY;
        }
        if (web_is_api_path(str_of(f->path))) {
            log_warn("web_hidden", "path=%s why=\"paths of the API go before it\"", log_esc(str_of(f->path)));
        }
    }
    for (unsigned i = 0; i < w->count; i++) {
        if (ends_with(w->files[i].path, ".gz")) {
            adopt_form(w, &w->files[i], CODING_GZIP, 3);
        } else if (ends_with(w->files[i].path, ".br")) {
            adopt_form(w, &w->files[i], CODING_BR, 3);
        }
    }
    w->index = web_lookup(w, STR(INDEX));
    if (w->index == NULL) {
        buf_addf(l->why, "web_dir: %s has no " INDEX ".\n", l->conf->web_dir);
        return RC_INVALID;
    }
    log_info("web", "files=%u bytes=%llu", w->count, (unsigned long long)l->bytes);
    return RC_OK;
}

/* -- life -------------------------------------------------------------------------------------- */

enum rc web_load(const struct rest_conf *conf, struct web **out, struct buf *why)
{
    struct loader l = {.conf = conf, .why = why};
    if (conf->web_dir[0] == '\0') {
        *out = NULL;
        return RC_OK;
    }
    l.root = open(conf->web_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l.root < 0) {
        buf_addf(why, "web_dir: cannot read %s: %s.\n", conf->web_dir, strerror(errno));
        return RC_INVALID;
    }
    l.web = mem_new(sizeof(*l.web));
    l.web->policy = conf->web_policy;
    l.dirs = mem_new(((size_t)conf->web_files_max + 1) * sizeof(char *));
    l.dirs[l.dirs_count++] = mem_copy("", 0);
    enum rc rc = RC_OK;
    for (unsigned i = 0; rc == RC_OK && i < l.dirs_count; i++) {
        rc = load_dir(&l, l.dirs[i]);
    }
    if (rc == RC_OK) {
        rc = finish(&l);
    }
    while (l.dirs_count > 0) {
        free(l.dirs[--l.dirs_count]);
    }
    free(l.dirs);
    close(l.root);
    if (rc != RC_OK) {
        web_free(l.web);
        return rc;
    }
    *out = l.web;
    return RC_OK;
}

void web_free(struct web *w)
{
    if (w == NULL) {
        return;
    }
    for (unsigned i = 0; i < w->count; i++) {
        free(w->files[i].path);
        free((char *)(uintptr_t)w->files[i].forms[CODING_PLAIN].bytes.p);
    }
    free(w->files);
    free(w);
}
