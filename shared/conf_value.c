/* conf_value.c -- the types of settings: one reader and one writer each */
#include "shared/conf_value.h"

#include <stdlib.h>

#include "shared/mem.h"
#include "shared/utf8.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first: printing takes the first that divides the value. */
static const struct unit time_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};
static const struct unit size_units[] = {
    {"g", UINT64_C(1) << 30},
    {"m", UINT64_C(1) << 20},
    {"k", UINT64_C(1) << 10},
    {"", 1},
    {NULL, 0},
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum conf_type type)
{
    return type == CONF_MS ? time_units : type == CONF_BYTES ? size_units : no_units;
}

/* ---------------------------------------------------------------- writing values */

static void add_number(struct buf *out, enum conf_type type, uint64_t n)
{
    const struct unit *unit = units_of(type);
    if (n == 0) {
        buf_add_z(out, type == CONF_MS ? "0s" : "0");
        return;
    }
    while (n % unit->factor != 0) {
        unit++;
    }
    buf_add_u64(out, n / unit->factor);
    buf_add_z(out, unit->name);
}

/* Would this text, unquoted in a file, come back as itself? */
static bool is_plain(struct str s)
{
    struct str trimmed = str_trim(s);
    if (trimmed.len != s.len || (s.len > 0 && (s.p[0] == '"' || s.p[0] == '#'))) {
        return false;
    }
    for (size_t i = 1; i < s.len; i++) {
        if (s.p[i] == '#' && (s.p[i - 1] == ' ' || s.p[i - 1] == '\t')) {
            return false;
        }
    }
    return true;
}

static void add_string(struct buf *out, struct str s)
{
    if (is_plain(s)) {
        buf_add_str(out, s);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, s.p[i]);
    }
    buf_add_char(out, '"');
}

/* The index-th name of "off|warn|required"; p is NULL past the last. */
static struct str choice_at(const char *choices, int index)
{
    struct str rest = str_of(choices), name = STR_NONE;
    for (int i = 0; i <= index; i++) {
        if (!rest.p) {
            return STR_NONE;
        }
        rest = str_cut(rest, '|', &name);
    }
    return name;
}

void conf_value_add(struct buf *out, const struct conf_key *key)
{
    switch (key->type) {
    case CONF_BOOL:
        buf_add_z(out, *(const bool *)key->value ? "yes" : "no");
        break;
    case CONF_U64:
    case CONF_MS:
    case CONF_BYTES:
        add_number(out, key->type, *(const uint64_t *)key->value);
        break;
    case CONF_STRING:
        add_string(out, str_of(*(char *const *)key->value));
        break;
    case CONF_ENUM:
        buf_add_str(out, choice_at(key->choices, *(const int *)key->value));
        break;
    }
}

void conf_value_add_bounds(struct buf *out, const struct conf_key *key)
{
    /* The length of a string is counted in bytes, not in kilobytes. */
    enum conf_type type = key->type == CONF_STRING ? CONF_U64 : key->type;
    if (key->type == CONF_BOOL) {
        buf_add_z(out, "yes or no");
    } else if (key->type == CONF_ENUM) {
        buf_add_z(out, "one of ");
        struct str name;
        for (int i = 0; (name = choice_at(key->choices, i)).p; i++) {
            buf_add_z(out, i > 0 ? ", " : "");
            buf_add_str(out, name);
        }
    } else if (key->max != 0) {
        add_number(out, type, key->min);
        buf_add_z(out, " to ");
        add_number(out, type, key->max);
    } else if (key->min != 0) {
        buf_add_z(out, "at least ");
        add_number(out, type, key->min);
    }
    if (key->type == CONF_STRING && (key->min != 0 || key->max != 0)) {
        buf_add_z(out, " characters");
    }
}

/* ---------------------------------------------------------------- reading values */

static bool in_bounds(const struct conf_key *key, uint64_t n)
{
    return n >= key->min && (key->max == 0 || n <= key->max);
}

static bool read_bool(struct str text, bool *out)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_ieq(text, str_of(words[i]))) {
            *out = i % 2 == 1;
            return true;
        }
    }
    return false;
}

/* Digits and a unit. A size may go without one; a time may not, but for 0. */
static bool read_number(struct str text, enum conf_type type, uint64_t *out)
{
    struct str digits = text;
    while (digits.len > 0 && (digits.p[digits.len - 1] < '0' || digits.p[digits.len - 1] > '9')) {
        digits.len--;
    }
    uint64_t n;
    if (!str_u64(digits, &n)) {
        return false;
    }
    struct str name = str_from(text, digits.len);
    if (n == 0 && name.len == 0) {
        *out = 0;
        return true;
    }
    for (const struct unit *unit = units_of(type); unit->name; unit++) {
        if (str_ieq(name, str_of(unit->name))) {
            return !__builtin_mul_overflow(n, unit->factor, out);
        }
    }
    return false;
}

static bool read_choice(struct str text, const char *choices, int *out)
{
    struct str name;
    for (int i = 0; (name = choice_at(choices, i)).p; i++) {
        if (str_eq(text, name)) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool read_string(const struct conf_key *key, struct str text)
{
    if (!in_bounds(key, text.len) || !utf8_valid(text) || utf8_has_control(text, false)) {
        return false;
    }
    char **value = key->value;
    char *copy = mem_copy(text.p, text.len);
    free(*value);
    *value = copy;
    return true;
}

bool conf_value_read(const struct conf_key *key, struct str text)
{
    uint64_t n = 0;
    switch (key->type) {
    case CONF_BOOL:
        return read_bool(text, key->value);
    case CONF_U64:
    case CONF_MS:
    case CONF_BYTES:
        if (!read_number(text, key->type, &n) || !in_bounds(key, n)) {
            return false;
        }
        *(uint64_t *)key->value = n;
        return true;
    case CONF_STRING:
        return read_string(key, text);
    case CONF_ENUM:
        return read_choice(text, key->choices, key->value);
    }
    return false;
}
