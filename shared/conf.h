/*
 * conf.h -- a table of settings: load, check, print
 *
 * File form  `key = value` lines; the last one of a key counts. A '#' at the start of a line or
 *            after a blank begins a comment. A string with such bytes, or with blanks at its ends,
 *            stands in double quotes, with \" and \\ inside. No sections. Lists are comma
 *            separated.
 * Units      ms, s, m, h, d for times (required, except for 0); k, m, g for sizes.
 * Use        The caller gives an array of rows that point into its own struct, zeroed at first.
 *            Load the defaults, then the file, then `key=value` overrides from the command line
 *            (--set), whose value is taken literally.
 * Errors     One line per error, with file and line, appended to why (20 at most). An unknown key,
 *            a bad unit or a value out of bounds is RC_INVALID and nothing may be used.
 * Layer      The parser is a pure function over bytes; only conf_load opens a file.
 */
#ifndef SHARED_CONF_H
#define SHARED_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/buf.h"
#include "shared/rc.h"

enum conf_type {
    CONF_BOOL,   /* bool: yes/no, on/off, true/false */
    CONF_U64,    /* uint64_t, plain number */
    CONF_MS,     /* uint64_t milliseconds; 30s, 5m, 250ms */
    CONF_BYTES,  /* uint64_t bytes; 64k, 2m */
    CONF_STRING, /* char *, owned by the table (conf_release) */
    CONF_ENUM,   /* int; `choices` is "off|warn|required", the value is the index */
};

enum conf_flag {
    CONF_SECRET = 1,     /* masked by print */
    CONF_RELOADABLE = 2, /* SIGHUP applies it */
};

struct conf_key {
    const char *name;
    enum conf_type type;
    void *value;          /* where the value goes */
    const char *fallback; /* default, in file form */
    uint64_t min, max;    /* numbers, times (ms), sizes; length of strings. max 0: no bound */
    const char *choices;  /* CONF_ENUM only */
    unsigned flags;       /* enum conf_flag */
    const char *help;     /* one line */
};

/* Write every fallback into its value. BUG on a bad table. */
void conf_defaults(const struct conf_key *keys, size_t count);
/* Parse text over the present values. name is shown in errors. */
RC_CHECK enum rc conf_parse(const struct conf_key *keys, size_t count, const char *name,
                            struct str text, struct buf *why);
/* Read the file and parse it. RC_IO: it cannot be read; RC_TOO_BIG: it is over 1 MB. */
RC_CHECK enum rc conf_load(const struct conf_key *keys, size_t count, const char *path,
                           struct buf *why);
/* One "key=value" from the command line. */
RC_CHECK enum rc conf_set(const struct conf_key *keys, size_t count, const char *assignment,
                          struct buf *why);
/*
 * fresh: the same table over another struct, loaded. Reloadable values that differ are taken over (numbers in one store,
 * strings change places with those of fresh); the names of these are added to changed, those of other rows that differ
 * to waiting, separated by commas.
 */
void conf_take(const struct conf_key *keys, const struct conf_key *fresh, size_t count,
               struct buf *changed, struct buf *waiting);
/* Every key with help, bounds and present value, in file form (loads back to the same values). */
void conf_print(const struct conf_key *keys, size_t count, FILE *out);
void conf_release(const struct conf_key *keys, size_t count);

/* A reloadable number, enum or bool, where another thread than conf_take's reads it. */
#define CONF_NOW(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

#endif
