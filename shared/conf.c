/*
 * conf.c -- a table of settings: load, check, print
 *
 * One reader and one writer per type, and everything else is shared: a default, a line of a file
 * and an override all go through conf_value_read, so they cannot differ in what they accept.
 *
 * A value in a file ends at a '#' that follows a blank. A string that needs such bytes, or blanks
 * at its ends, is written in double quotes, with \" and \\ inside. An override is taken literally.
 */
#include "shared/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/bug.h"
#include "shared/conf_value.h"

#define FILE_MAX_BYTES ((size_t)1024 * 1024)
#define ERRORS_MAX     20 /* shown of one text; more would bury the first */

/* ---------------------------------------------------------------- lines */

/* The bytes of a quoted value; false when the quotes do not end or an escape is unknown. */
static bool unquote(struct str text, struct buf *out)
{
    for (size_t i = 1; i < text.len; i++) {
        char c = text.p[i];
        if (c == '"') {
            struct str after = str_trim(str_from(text, i + 1));
            return after.len == 0 || after.p[0] == '#';
        }
        if (c == '\\') {
            i++;
            if (i == text.len || (text.p[i] != '"' && text.p[i] != '\\')) {
                return false;
            }
            c = text.p[i];
        }
        buf_add_char(out, c);
    }
    return false;
}

static struct str without_comment(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '#' && (i == 0 || text.p[i - 1] == ' ' || text.p[i - 1] == '\t')) {
            text.len = i;
        }
    }
    return str_trim(text);
}

/* What stands behind '=' in a file, decoded. The result is a view of text or of scratch. */
static bool file_value(struct str text, struct buf *scratch, struct str *out)
{
    text = str_trim(text);
    if (text.len > 0 && text.p[0] == '"') {
        buf_clear(scratch);
        if (!unquote(text, scratch) || !buf_ok(scratch)) {
            return false;
        }
        *out = buf_str(scratch);
        return true;
    }
    *out = without_comment(text);
    return true;
}

static const struct conf_key *find(const struct conf_key *keys, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(str_of(keys[i].name), name)) {
            return &keys[i];
        }
    }
    return NULL;
}

/* Names and values of a file may hold anything: show what is printable, and not all of it. */
static void add_shown(struct buf *out, struct str s)
{
    struct str shown = s.len <= 60 ? s : (struct str){s.p, 60};
    buf_add_char(out, '"');
    for (size_t i = 0; i < shown.len; i++) {
        unsigned char c = (unsigned char)shown.p[i];
        buf_add_char(out, c >= 0x20 && c < 0x7F ? (char)c : '?');
    }
    buf_add_z(out, shown.len < s.len ? "..." : "");
    buf_add_char(out, '"');
}

static void explain_value(const struct conf_key *key, struct str value, struct buf *why)
{
    buf_addf(why, "%s cannot be ", key->name);
    if (key->flags & CONF_SECRET) {
        buf_add_z(why, "that");
    } else {
        add_shown(why, value);
    }
    struct buf bounds = BUF_INIT;
    conf_value_add_bounds(&bounds, key);
    if (bounds.len > 0) {
        buf_addf(why, "; it must be %s", buf_str(&bounds).p);
    } else if (key->type == CONF_STRING) {
        buf_add_z(why, "; it must be one line of UTF-8 text");
    } else {
        buf_addf(why, "; it must be a number%s", key->type == CONF_MS ? " with a unit" : "");
    }
    buf_add_z(why, ".\n");
    buf_release(&bounds);
}

/* `where` ("file:12") comes in front of the sentence. */
static bool assign(const struct conf_key *keys, size_t count, struct str name, struct str value,
                   struct str where, struct buf *why)
{
    const struct conf_key *key = find(keys, count, name);
    if (key && conf_value_read(key, value)) {
        return true;
    }
    buf_add_str(why, where);
    buf_add_z(why, ": ");
    if (key) {
        explain_value(key, value, why);
    } else {
        buf_add_z(why, "there is no setting ");
        add_shown(why, name);
        buf_add_z(why, ".\n");
    }
    return false;
}

static bool parse_line(const struct conf_key *keys, size_t count, struct str line, struct str where,
                       struct buf *why)
{
    line = str_trim(line);
    if (line.len == 0 || line.p[0] == '#') {
        return true;
    }
    struct str name, value;
    struct buf scratch = BUF_INIT;
    struct str rest = str_cut(line, '=', &name);
    bool ok = false;
    if (!rest.p || !file_value(rest, &scratch, &value)) {
        buf_add_str(why, where);
        buf_addf(why, ": %s.\n",
                 rest.p ? "the quotes are not closed, or more follows them"
                        : "a line is key = value");
    } else {
        ok = assign(keys, count, str_trim(name), value, where, why);
    }
    buf_release(&scratch);
    return ok;
}

enum rc conf_parse(const struct conf_key *keys, size_t count, const char *name, struct str text,
                   struct buf *why)
{
    unsigned errors = 0;
    struct buf where = BUF_INIT;
    for (unsigned long number = 1; text.p && errors < ERRORS_MAX; number++) {
        struct str line;
        text = str_cut(text, '\n', &line);
        if (line.len > 0 && line.p[line.len - 1] == '\r') {
            line.len--;
        }
        buf_clear(&where);
        buf_addf(&where, "%s:%lu", name, number);
        if (!parse_line(keys, count, line, buf_str(&where), why)) {
            errors++;
        }
    }
    buf_release(&where);
    return errors == 0 ? RC_OK : RC_INVALID;
}

enum rc conf_set(const struct conf_key *keys, size_t count, const char *assignment, struct buf *why)
{
    struct str name;
    struct str value = str_cut(str_of(assignment), '=', &name);
    if (!value.p) {
        buf_add_z(why, "--set: an override is key=value.\n");
        return RC_INVALID;
    }
    return assign(keys, count, str_trim(name), str_trim(value), STR("--set"), why) ? RC_OK
                                                                                   : RC_INVALID;
}

/* ---------------------------------------------------------------- files */

static enum rc read_all(int fd, struct buf *out)
{
    for (;;) {
        char chunk[4096];
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got == 0) {
            return RC_OK;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return RC_IO;
        }
        buf_add(out, chunk, (size_t)got);
        if (!buf_ok(out)) {
            return RC_TOO_BIG;
        }
    }
}

enum rc conf_load(const struct conf_key *keys, size_t count, const char *path, struct buf *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        buf_addf(why, "%s: cannot open: %m.\n", path);
        return RC_IO;
    }
    struct buf text = BUF_INIT_MAX(FILE_MAX_BYTES);
    enum rc rc = read_all(fd, &text);
    if (rc == RC_IO) {
        buf_addf(why, "%s: cannot read: %m.\n", path);
    } else if (rc == RC_TOO_BIG) {
        buf_addf(why, "%s: longer than %zu bytes.\n", path, FILE_MAX_BYTES);
    } else {
        rc = conf_parse(keys, count, path, buf_str(&text), why);
    }
    buf_release(&text);
    close(fd);
    return rc;
}

/* ---------------------------------------------------------------- the table */

static void check_row(const struct conf_key *keys, size_t at)
{
    const struct conf_key *key = &keys[at];
    BUG_IF(!key->name || !key->value || !key->help);
    BUG_IF(find(keys, at, str_of(key->name)));
    BUG_IF(key->max != 0 && key->min > key->max);
    BUG_IF(key->type == CONF_ENUM && !key->choices);
}

void conf_defaults(const struct conf_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_row(keys, i);
        struct buf scratch = BUF_INIT;
        struct str text = str_of(keys[i].fallback ? keys[i].fallback : "");
        bool ok = file_value(text, &scratch, &text) && conf_value_read(&keys[i], text);
        buf_release(&scratch);
        if (!ok) {
            bug_abort(__FILE__, __LINE__, keys[i].name);
        }
    }
}

/* Other threads may be reading numbers meanwhile: each is the old one or the new one. */
static void take_value(const struct conf_key *to, const struct conf_key *from)
{
    switch (to->type) {
    case CONF_STRING: {
        char **a = to->value, **b = from->value;
        char *old = *a;
        *a = *b;
        *b = old;
        return;
    }
    case CONF_BOOL:
        __atomic_store((bool *)to->value, (bool *)from->value, __ATOMIC_RELAXED);
        return;
    case CONF_ENUM:
        __atomic_store((int *)to->value, (int *)from->value, __ATOMIC_RELAXED);
        return;
    case CONF_U64:
    case CONF_MS:
    case CONF_BYTES:
        __atomic_store((uint64_t *)to->value, (uint64_t *)from->value, __ATOMIC_RELAXED);
        return;
    }
}

void conf_take(const struct conf_key *keys, const struct conf_key *fresh, size_t count,
               struct buf *changed, struct buf *waiting)
{
    for (size_t i = 0; i < count; i++) {
        struct buf before = BUF_INIT, after = BUF_INIT;
        conf_value_add(&before, &keys[i]);
        conf_value_add(&after, &fresh[i]);
        if (!str_eq(buf_str(&before), buf_str(&after))) {
            bool taken = (keys[i].flags & CONF_RELOADABLE) != 0;
            struct buf *names = taken ? changed : waiting;
            buf_addf(names, "%s%s", names->len > 0 ? "," : "", keys[i].name);
            if (taken) {
                take_value(&keys[i], &fresh[i]);
            }
        }
        buf_release(&before);
        buf_release(&after);
    }
}

/* "# help (1s to 5m; reloadable)" and "key = value". A secret that is set is only mentioned. */
static void print_row(struct buf *out, const struct conf_key *key)
{
    struct buf notes = BUF_INIT;
    conf_value_add_bounds(&notes, key);
    if (key->flags & CONF_RELOADABLE) {
        buf_add_z(&notes, notes.len > 0 ? "; reloadable" : "reloadable");
    }
    buf_addf(out, "# %s", key->help);
    if (notes.len > 0) {
        buf_addf(out, " (%s)", buf_str(&notes).p);
    }
    buf_release(&notes);
    struct buf value = BUF_INIT;
    conf_value_add(&value, key);
    if ((key->flags & CONF_SECRET) && value.len > 0) {
        buf_addf(out, "\n# %s = (secret)\n", key->name);
    } else {
        buf_addf(out, "\n%s =%s%s\n", key->name, value.len > 0 ? " " : "", buf_str(&value).p);
    }
    buf_release(&value);
}

void conf_print(const struct conf_key *keys, size_t count, FILE *out)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_add_char(&text, '\n');
        }
        print_row(&text, &keys[i]);
    }
    fwrite(buf_str(&text).p, 1, text.len, out);
    buf_release(&text);
}

void conf_release(const struct conf_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].type == CONF_STRING) {
            char **value = keys[i].value;
            free(*value);
            *value = NULL;
        }
    }
}
