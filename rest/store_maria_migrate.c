/*
 * store_maria_migrate.c -- bringing the schema up to date from the numbered files in sql/
 *
 * Every file is applied once, in the order of its number, and recorded with the hash of its bytes; a file that changed
 * afterwards, or a database that is ahead of the files, is an error and not a guess. GET_LOCK keeps a second process
 * out. DDL commits by itself, so a file that failed half-way is not recorded and runs again from its start.
 */
#include "rest/store_maria.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

#define MIGRATION_FILE_MAX_BYTES ((size_t)1024 * 1024)
#define MIGRATIONS_MAX           1000
#define MIGRATION_TIMEOUT_S      86400 /* a large table may have to be rebuilt */
#define MIGRATION_LOCK_WAIT_S    30

struct migration {
    uint64_t version;
    struct str name;
    struct key16 checksum;
    uint64_t applied_us;
};
static const struct col migration_cols[] = {
    COL(struct migration, version),
    COL(struct migration, name),
    COL(struct migration, checksum),
    COL(struct migration, applied_us),
};
static const char sql_migrations_table[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations (version INT UNSIGNED NOT NULL, "
    "name VARCHAR(190) COLLATE utf8mb4_nopad_bin NOT NULL, checksum BINARY(16) NOT NULL, "
    "applied_us BIGINT UNSIGNED NOT NULL, PRIMARY KEY (version)) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin";
static const struct statement sql_migrations = {
    .sql = "SELECT version, name, checksum, applied_us FROM schema_migrations ORDER BY version",
    .out = COLS(migration_cols),
};
static const struct statement sql_migration_insert = {
    .sql = "INSERT INTO schema_migrations (version, name, checksum, applied_us) "
           "VALUES (?, ?, ?, ?)",
    .in = COLS(migration_cols),
};
static const struct statement sql_lock = {
    .sql = "SELECT GET_LOCK(CONCAT('confab-migrate-', MD5(DATABASE())), ?)",
    .in = COLS_NUMBER,
    .out = COLS_NUMBER,
};

/* -- files ------------------------------------------------------------------------------------ */

struct file {
    uint64_t version;
    char *name;
    struct buf text;
    struct key16 checksum;
};
struct files {
    struct file *f;
    unsigned count;
};

static void files_release(struct files *files)
{
    for (unsigned i = 0; i < files->count; i++) {
        free(files->f[i].name);
        buf_release(&files->f[i].text);
    }
    free(files->f);
    *files = (struct files){0};
}

/* NNN-name.sql */
static bool name_version(const char *name, uint64_t *version)
{
    struct str all = str_of(name), number, rest;

    rest = str_cut(all, '-', &number);
    return rest.p && all.len > 4 && strcmp(name + all.len - 4, ".sql") == 0 &&
           str_u64(number, version) && *version > 0 && *version < UINT32_MAX;
}

static int is_migration(const struct dirent *entry)
{
    uint64_t version;

    return name_version(entry->d_name, &version);
}

static bool read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    size_t n;

    if (!f) {
        return false;
    }
    do {
        char *room = buf_reserve(out, 4096);

        n = room ? fread(room, 1, 4096, f) : 0;
        buf_commit(out, n);
    } while (n == 4096);
    bool ok = !ferror(f);
    return fclose(f) == 0 && ok && buf_ok(out);
}

static enum rc load_file(const char *dir, const char *name, struct file *f, struct buf *why)
{
    struct buf path = BUF_INIT;
    bool ok;

    f->name = mem_copy(name, strlen(name));
    f->text = BUF_INIT_MAX(MIGRATION_FILE_MAX_BYTES);
    name_version(name, &f->version);
    buf_addf(&path, "%s/%s", dir, name);
    ok = buf_ok(&path) && read_file(path.p, &f->text);
    if (!ok) {
        buf_addf(why, "The migration %s cannot be read.", path.p ? path.p : name);
    } else {
        hash16(buf_str(&f->text), &f->checksum);
    }
    buf_release(&path);
    return ok ? RC_OK : RC_IO;
}

static int by_version(const void *a, const void *b)
{
    uint64_t x = ((const struct file *)a)->version, y = ((const struct file *)b)->version;

    return x < y ? -1 : x > y;
}

static enum rc load_files(const char *dir, struct files *out, struct buf *why)
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, is_migration, alphasort);
    enum rc rc = RC_OK;

    if (n <= 0 || n > MIGRATIONS_MAX) {
        buf_addf(why, "The directory %s does not hold the migrations: %s.", dir,
                 n < 0 ? strerror(errno) : n == 0 ? "it has none" : "it has too many");
        rc = RC_IO;
    } else {
        out->f = mem_new(sizeof(*out->f) * (size_t)n);
    }
    for (int i = 0; i < n; i++) {
        if (rc == RC_OK) {
            rc = load_file(dir, entries[i]->d_name, &out->f[out->count++], why);
        }
        free(entries[i]);
    }
    free(entries);
    if (rc == RC_OK) {
        qsort(out->f, out->count, sizeof(*out->f), by_version);
    }
    for (unsigned i = 1; rc == RC_OK && i < out->count; i++) {
        if (out->f[i].version == out->f[i - 1].version) {
            buf_addf(why, "The migrations %s and %s have one number.", out->f[i - 1].name,
                     out->f[i].name);
            rc = RC_INVALID;
        }
    }
    return rc;
}

/* -- applying --------------------------------------------------------------------------------- */

static enum rc failed(struct buf *why, const char *what)
{
    buf_addf(why, "%s failed; the log has the database's words.", what);
    return RC_UNAVAILABLE;
}

static enum rc take_lock(struct store *s, struct buf *why)
{
    uint64_t got = 0, wait_s = MIGRATION_LOCK_WAIT_S;
    bool found;

    if (query_one(s, &sql_lock, &wait_s, sizeof(wait_s), &got, &found) != STORE_OK || got != 1) {
        buf_add_z(why, "Another process is migrating the database.");
        return RC_UNAVAILABLE;
    }
    return RC_OK;
}

static struct file *find_file(const struct files *files, uint64_t version)
{
    for (unsigned i = 0; i < files->count; i++) {
        if (files->f[i].version == version) {
            return &files->f[i];
        }
    }
    return NULL;
}

/* Check what is applied against the files; files already applied lose their text. */
static enum rc check_applied(struct store *s, struct files *files, struct buf *why)
{
    struct migration m;
    struct query q;
    enum rc rc = RC_OK;

    query_start(&q, s, &sql_migrations, NULL, 0, 1, &m);
    while (query_next(&q)) {
        struct file *f = find_file(files, m.version);

        if (rc != RC_OK) {
            continue;
        }
        if (!f) {
            buf_addf(why, "The database has migration %.*s, which is not among the files.",
                     (int)m.name.len, m.name.p);
            rc = RC_CONFLICT;
        } else if (!key16_eq(&f->checksum, &m.checksum)) {
            buf_addf(why, "The migration %s changed after it was applied.", f->name);
            rc = RC_CONFLICT;
        } else {
            buf_release(&f->text);
        }
    }
    return q.rc == STORE_OK ? rc : failed(why, "Reading schema_migrations");
}

/* One line of a file at a time: comment lines go, a line that ends with ';' ends the statement. */
static enum rc run_file(struct store *s, const struct file *f, struct buf *why)
{
    struct buf sql = BUF_INIT_MAX(MIGRATION_FILE_MAX_BYTES);
    struct str text = buf_str(&f->text), line;
    enum rc rc = RC_OK;

    while (rc == RC_OK && text.len > 0) {
        text = str_cut(text, '\n', &line);
        line = str_trim(line);
        if (line.len == 0 || str_starts(line, STR("--"))) {
            continue;
        }
        buf_add_str(&sql, line);
        buf_add_char(&sql, '\n');
        if (line.p[line.len - 1] == ';') {
            if (!buf_ok(&sql) || db_text(s, sql.p, sql.len - 2) != STORE_OK) {
                rc = failed(why, f->name);
            }
            buf_clear(&sql);
        }
    }
    if (rc == RC_OK && sql.len > 0) {
        buf_addf(why, "The migration %s ends inside a statement.", f->name);
        rc = RC_INVALID;
    }
    buf_release(&sql);
    return rc;
}

static enum rc apply(struct store *s, const struct file *f, struct buf *why)
{
    struct migration m = {f->version, str_of(f->name), f->checksum, wall_us()};
    enum rc rc = run_file(s, f, why);

    if (rc == RC_OK && db_write(s, &sql_migration_insert, &m, sizeof(m), 1, NULL) != STORE_OK) {
        rc = failed(why, "Recording a migration");
    }
    if (rc == RC_OK) {
        log_info("migrated", "file=%s", f->name);
    }
    return rc;
}

static enum rc apply_missing(struct store *s, struct files *files, unsigned *applied,
                             struct buf *why)
{
    enum rc rc = take_lock(s, why);

    if (rc == RC_OK && db_command(s, sql_migrations_table) != STORE_OK) {
        rc = failed(why, "Creating schema_migrations");
    }
    if (rc == RC_OK) {
        rc = check_applied(s, files, why);
    }
    for (unsigned i = 0; rc == RC_OK && i < files->count; i++) {
        if (files->f[i].text.len == 0) {
            continue;
        }
        rc = apply(s, &files->f[i], why);
        *applied += rc == RC_OK;
    }
    return rc;
}

/* On a connection of its own, whose end also gives the lock back. */
enum rc store_migrate(struct store *s, unsigned *applied, struct buf *why)
{
    struct files files = {0};
    struct store *own = NULL;
    unsigned count = 0;
    enum rc rc = load_files(s->conf.migrations, &files, why);

    if (rc == RC_OK) {
        rc = store_connect(&s->conf, MIGRATION_TIMEOUT_S, &own, why);
    }
    if (rc == RC_OK) {
        rc = apply_missing(own, &files, &count, why);
    }
    if (rc == RC_OK) {
        *applied = count;
    }
    store_close(own);
    files_release(&files);
    return rc;
}
