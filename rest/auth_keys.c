#include "rest/auth_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/id.h"
#include "shared/log.h"
#include "shared/mem.h"

#define SECRET_FILE_MAX_BYTES 65536
#define SECRET_FILE_OTHERS 027 /* the group may read: root:confab 0640 keeps the daemon from changing its own keys */

void auth_wipe(struct buf *secret)
{
    if (secret->p != NULL) {
        explicit_bzero(secret->p, secret->room);
    }
    buf_release(secret);
}

/* -- files ------------------------------------------------------------------------------------- */

static enum rc read_fd(int fd, struct buf *out)
{
    for (;;) {
        char *room = buf_reserve(out, 4096);
        ssize_t n;

        if (room == NULL) {
            return RC_TOO_BIG;
        }
        n = read(fd, room, 4096);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? RC_OK : RC_IO;
        }
        buf_commit(out, (size_t)n);
    }
}

static enum rc read_file(const char *path, bool secret, struct buf *out, struct buf *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum rc rc;

    if (fd < 0) {
        buf_addf(why, "Cannot open %s: %s.\n", path, strerror(errno));
        return errno == ENOENT ? RC_NOT_FOUND : RC_INVALID;
    }
    if (secret && fstat(fd, &st) == 0 && (st.st_mode & SECRET_FILE_OTHERS) != 0) {
        log_warn("secret_file_readable", "file=%s mode=%03o", path, (unsigned)(st.st_mode & 0777));
    }
    rc = read_fd(fd, out);
    close(fd);
    if (rc != RC_OK) {
        buf_addf(why, "Cannot read %s.\n", path);
        return RC_INVALID;
    }
    return RC_OK;
}

static void random_secret(struct buf *out)
{
    unsigned char bytes[32];

    random_bytes(bytes, sizeof(bytes));
    base64url_add(out, bytes, sizeof(bytes));
    explicit_bzero(bytes, sizeof(bytes));
}

static enum rc write_file(const char *path, struct str text, struct buf *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text.p, text.len) == (ssize_t)text.len && fsync(fd) == 0;

    if (!good) {
        buf_addf(why, "Cannot create %s: %s.\n", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return good ? RC_OK : RC_INVALID;
}

/* Read the secret file, or make it. */
static enum rc load_file(const char *path, bool create, struct buf *out, struct buf *why)
{
    struct buf complaint = BUF_INIT;
    enum rc rc = read_file(path, true, out, &complaint);

    if (rc == RC_NOT_FOUND && create) {
        random_secret(out);
        buf_add_char(out, '\n');
        rc = write_file(path, buf_str(out), why);
        if (rc == RC_OK) {
            log_info("secret_created", "file=%s", path);
        }
    } else if (rc != RC_OK) {
        buf_add_str(why, buf_str(&complaint));
    }
    buf_release(&complaint);
    return rc == RC_NOT_FOUND ? RC_INVALID : rc;
}

/* -- keys -------------------------------------------------------------------------------------- */

/* Key ids are for people to choose; without one it follows from the secret, so that it survives a restart. */
static enum rc add_secret(struct jwt_keys *keys, struct str kid, struct str secret)
{
    struct buf name = BUF_INIT;
    struct key16 hash;
    enum rc rc;

    if (kid.len > 0) {
        buf_add_str(&name, kid);
    } else {
        hash16(secret, &hash);
        base64url_add(&name, hash.b, 6);
    }
    buf_add_char(&name, '\0');
    rc = jwt_keys_add_hs256(keys, name.p, secret);
    buf_release(&name);
    return rc;
}

static enum rc add_secrets(struct jwt_keys *keys, const char *path, struct str text, struct buf *why)
{
    struct str line, kid, secret;
    unsigned number = 0, added = 0;

    while (text.p != NULL) {
        text = str_cut(text, '\n', &line);
        number++;
        if (line.len > 0 && line.p[line.len - 1] == '\r') {
            line.len--;
        }
        line = str_trim(line);
        if (line.len == 0 || line.p[0] == '#') {
            continue;
        }
        secret = str_cut(line, ' ', &kid);
        if (secret.p == NULL) {
            secret = kid;
            kid = STR_NONE;
        }
        if (add_secret(keys, kid, str_trim(secret)) != RC_OK) {
            buf_addf(why, "%s:%u: the secret is shorter than 32 bytes, or there are too many.\n", path,
                     number);
            return RC_INVALID;
        }
        added++;
    }
    if (added == 0) {
        buf_addf(why, "%s has no secret in it.\n", path);
        return RC_INVALID;
    }
    return RC_OK;
}

static enum rc load_secrets(struct jwt_keys *keys, const char *path, bool create, struct buf *why)
{
    struct buf text = BUF_INIT_MAX(SECRET_FILE_MAX_BYTES);
    enum rc rc;

    if (path[0] != '\0') {
        rc = load_file(path, create, &text, why);
    } else {
        random_secret(&text);
        log_warn("secret_in_memory", "jwt_secret_file is empty: tokens end with this process");
        rc = RC_OK;
    }
    if (rc == RC_OK) {
        rc = add_secrets(keys, path, buf_str(&text), why);
    }
    auth_wipe(&text);
    return rc;
}

static enum rc add_jwks(struct jwt_keys *keys, const char *path, struct buf *text, struct buf *why)
{
    struct buf complaint = BUF_INIT;
    enum rc rc = read_file(path, false, text, why);

    if (rc == RC_OK) {
        rc = jwt_keys_add_jwks(keys, buf_str(text), &complaint);
        if (rc != RC_OK) {
            buf_addf(why, "%s: %.*s\n", path, (int)complaint.len, complaint.len > 0 ? complaint.p : "");
        }
    }
    buf_release(&complaint);
    return rc;
}

enum rc auth_keys_load(const char *secret_file, const char *jwks_file, const char *issuer,
                       const char *audience, uint64_t leeway_s, bool create, struct jwt_keys **out,
                       struct buf *why)
{
    struct jwt_keys *keys = jwt_keys_new(issuer[0] != '\0' ? issuer : NULL,
                                         audience[0] != '\0' ? audience : NULL, leeway_s);
    struct buf text = BUF_INIT_MAX(SECRET_FILE_MAX_BYTES);
    enum rc rc = RC_OK;

    if (secret_file[0] != '\0' || jwks_file[0] == '\0') {
        rc = load_secrets(keys, secret_file, create, why);
    }
    if (rc == RC_OK && jwks_file[0] != '\0') {
        rc = add_jwks(keys, jwks_file, &text, why);
    }
    buf_release(&text);
    if (rc != RC_OK) {
        jwt_keys_free(keys);
        return RC_INVALID;
    }
    *out = keys;
    return RC_OK;
}

enum rc auth_secret_load(const char *file, const char *what, bool create, struct buf *secret, struct buf *why)
{
    struct buf text = BUF_INIT_MAX(SECRET_FILE_MAX_BYTES);
    struct str line;
    enum rc rc;

    if (file[0] == '\0') {
        return RC_OK;
    }
    rc = load_file(file, create, &text, why);
    if (rc == RC_OK) {
        (void)str_cut(buf_str(&text), '\n', &line);
        line = str_trim(line);
        if (line.len < 32) {
            buf_addf(why, "%s: the %s is shorter than 32 characters.\n", file, what);
            rc = RC_INVALID;
        } else {
            buf_add_str(secret, line);
        }
    }
    auth_wipe(&text);
    return rc;
}

enum rc auth_file_load(const char *file, struct buf *text, struct buf *why)
{
    struct buf whole = BUF_INIT_MAX(SECRET_FILE_MAX_BYTES);
    enum rc rc = load_file(file, false, &whole, why);
    if (rc == RC_OK) {
        buf_add_str(text, buf_str(&whole));
    }
    auth_wipe(&whole);
    return rc;
}

enum rc auth_admin_load(const char *file, bool create, struct buf *secret, struct buf *why)
{
    return auth_secret_load(file, "admin secret", create, secret, why);
}
