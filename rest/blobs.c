#include "rest/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/id.h"
#include "shared/log.h"
#include "shared/mem.h"

#define ID_DIGITS      14
#define NOTE_MAX_BYTES 8192

struct blobs {
    int partial, data; /* directories */
};

struct blob_name {
    char text[40];
};

static struct blob_name name_of(uint64_t id, const char *suffix)
{
    struct blob_name n;
    snprintf(n.text, sizeof(n.text), "%0*llx%s", ID_DIGITS, (unsigned long long)id, suffix);
    return n;
}

static struct blob_name folder_of(uint64_t id)
{
    struct blob_name n;
    snprintf(n.text, sizeof(n.text), "%02x", (unsigned)(id % BLOB_FOLDERS));
    return n;
}

static struct blob_name place_of(uint64_t id)
{
    struct blob_name n;
    snprintf(n.text, sizeof(n.text), "%02x/%0*llx", (unsigned)(id % BLOB_FOLDERS), ID_DIGITS,
             (unsigned long long)id);
    return n;
}

static enum code failed(const char *what)
{
    if (errno == ENOSPC || errno == EDQUOT || errno == EROFS || errno == EFBIG) {
        log_warn_limited("attachments_full", "at=%s errno=%d", what, errno);
        return CODE_STORE_FULL;
    }
    log_err("attachments_io", "at=%s errno=%d", what, errno);
    return CODE_UNAVAILABLE;
}

/* -- directories ----------------------------------------------------------------------------------------- */

static int open_directory(int at, const char *name)
{
    if (mkdirat(at, name, 0700) != 0 && errno != EEXIST) {
        return -1;
    }
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum rc blobs_open(const char *path, struct blobs **out, struct buf *why)
{
    struct blobs *b = mem_new(sizeof(*b));
    int top = open_directory(AT_FDCWD, path);
    b->partial = top >= 0 ? open_directory(top, "partial") : -1;
    b->data = top >= 0 ? open_directory(top, "data") : -1;
    bool good = b->partial >= 0 && b->data >= 0 && faccessat(b->partial, ".", W_OK, 0) == 0 &&
                fsync(top) == 0;
    if (!good) {
        buf_addf(why, "attachments_dir: %s cannot be used: %s.\n", path, strerror(errno));
    }
    if (top >= 0) {
        close(top);
    }
    if (!good) {
        blobs_close(b);
        return RC_IO;
    }
    *out = b;
    return RC_OK;
}

void blobs_close(struct blobs *b)
{
    if (b == NULL) {
        return;
    }
    if (b->partial >= 0) {
        close(b->partial);
    }
    if (b->data >= 0) {
        close(b->data);
    }
    free(b);
}

/* -- while it comes ---------------------------------------------------------------------------------------- */

enum code blob_open_partial(struct blobs *b, uint64_t id, bool fresh, int *fd)
{
    int got = openat(b->partial, name_of(id, "").text,
                     O_RDWR | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_CREAT | O_EXCL : 0), 0600);
    if (got < 0) {
        return failed("open");
    }
    *fd = got;
    return CODE_OK;
}

enum code blob_write(int fd, uint64_t at, struct str bytes)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t n = pwrite(fd, bytes.p + done, bytes.len - done, (off_t)(at + done));
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            enum code code = failed("write");
            (void)!ftruncate(fd, (off_t)at);
            return code;
        }
    }
    /* The disk begins now, so that the end does not wait for all of it. */
    (void)sync_file_range(fd, (off_t)at, (off_t)bytes.len, SYNC_FILE_RANGE_WRITE);
    return CODE_OK;
}

enum code blob_sync(int fd)
{
    return fsync(fd) == 0 ? CODE_OK : failed("sync");
}

enum code blob_read(int fd, uint64_t at, char *room, size_t size, size_t *got)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, room + done, size - done, (off_t)(at + done));
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0) {
            break;
        } else if (errno != EINTR) {
            return failed("read");
        }
    }
    *got = done;
    return CODE_OK;
}

enum code blob_place(struct blobs *b, uint64_t id, int fd)
{
    enum code code = blob_sync(fd);
    int folder = code == CODE_OK ? open_directory(b->data, folder_of(id).text) : -1;
    if (code != CODE_OK) {
        return code;
    }
    if (folder < 0 ||
        renameat2(b->partial, name_of(id, "").text, folder, name_of(id, "").text,
                  RENAME_NOREPLACE) != 0 ||
        fsync(folder) != 0 || fsync(b->data) != 0 || fsync(b->partial) != 0) {
        code = failed("place");
    }
    if (folder >= 0) {
        close(folder);
    }
    return code;
}

enum code blob_note_write(struct blobs *b, uint64_t id, struct str text)
{
    struct blob_name note = name_of(id, ".note"), half = name_of(id, ".half");
    int fd =
        openat(b->partial, half.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return failed("note");
    }
    enum code code = blob_write(fd, 0, text);
    if (code == CODE_OK) {
        code = blob_sync(fd);
    }
    close(fd);
    if (code == CODE_OK &&
        (renameat(b->partial, half.text, b->partial, note.text) != 0 || fsync(b->partial) != 0)) {
        code = failed("note");
    }
    if (code != CODE_OK) {
        (void)unlinkat(b->partial, half.text, 0);
    }
    return code;
}

bool blob_note_read(struct blobs *b, uint64_t id, struct buf *out)
{
    char text[NOTE_MAX_BYTES];
    size_t got = 0;
    int fd = openat(b->partial, name_of(id, ".note").text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    enum code code = blob_read(fd, 0, text, sizeof(text), &got);
    close(fd);
    buf_add(out, text, got);
    return code == CODE_OK && got < sizeof(text);
}

void blob_note_remove(struct blobs *b, uint64_t id)
{
    (void)unlinkat(b->partial, name_of(id, ".note").text, 0);
    (void)unlinkat(b->partial, name_of(id, ".half").text, 0);
}

bool blob_partial_size(struct blobs *b, uint64_t id, uint64_t *size)
{
    struct stat st;
    if (fstatat(b->partial, name_of(id, "").text, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode)) {
        return false;
    }
    *size = (uint64_t)st.st_size;
    return true;
}

/* -- afterwards -------------------------------------------------------------------------------------------- */

bool blob_open(struct blobs *b, uint64_t id, int *fd, uint64_t *size)
{
    struct stat st;
    int got = openat(b->data, place_of(id).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (got < 0 || fstat(got, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (got >= 0) {
            close(got);
        }
        return false;
    }
    *fd = got;
    *size = (uint64_t)st.st_size;
    return true;
}

void blob_touch(int fd)
{
    (void)futimens(fd, NULL);
}

void blob_remove(struct blobs *b, uint64_t id)
{
    (void)unlinkat(b->data, place_of(id).text, 0);
}

void blob_remove_partial(struct blobs *b, uint64_t id)
{
    (void)unlinkat(b->partial, name_of(id, "").text, 0);
    blob_note_remove(b, id);
}

/* -- what is there ----------------------------------------------------------------------------------------- */

/* 14 hex digits, then nothing or .note or .half. */
static bool parse_name(const char *text, uint64_t *id, const char **suffix)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < ID_DIGITS; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        n = n * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *id = n;
    *suffix = text + ID_DIGITS;
    return n > 0 && n <= ID_MAX;
}

static uint64_t written_s(int directory, const char *name)
{
    struct stat st;
    return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtim.tv_sec > 0
               ? (uint64_t)st.st_mtim.tv_sec
               : 0;
}

static DIR *list(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL && fd >= 0) {
        close(fd);
    }
    return d;
}

void blobs_each_partial(struct blobs *b, blob_on_partial on, void *ctx)
{
    DIR *d = list(b->partial, ".");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        uint64_t id = 0;
        const char *suffix = "";
        if (!parse_name(e->d_name, &id, &suffix)) {
            continue;
        }
        if (suffix[0] == '\0' || strcmp(suffix, ".note") == 0) {
            on(ctx, id, suffix[0] != '\0', written_s(b->partial, e->d_name));
        } else if (strcmp(suffix, ".half") == 0) {
            (void)unlinkat(b->partial, e->d_name, 0);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}

void blobs_each_data(struct blobs *b, unsigned folder, blob_on_data on, void *ctx)
{
    DIR *d = list(b->data, folder_of(folder).text);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        uint64_t id = 0;
        const char *suffix = "";
        if (parse_name(e->d_name, &id, &suffix) && suffix[0] == '\0' &&
            id % BLOB_FOLDERS == folder) {
            on(ctx, id, written_s(dirfd(d), e->d_name));
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}
