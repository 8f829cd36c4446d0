#include "rest/prefs.h"

#include <stdlib.h>

#include "shared/clock.h"
#include "shared/id.h"
#include "shared/mem.h"

const struct prefs prefs_default = {.preview = PREVIEW_FULL, .level = LEVEL_ALL};

#define TEXT_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define DAY_MINUTES    1440
#define OFFSET_MAX     (14 * 60)

static const char *const previews[] = {"full", "sender", "none"};
static const char *const levels[] = {"", "all", "mentions", "none"};

bool prefs_is_kind(struct str s)
{
    if (s.len == 0 || s.len > 32) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        bool good = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_' ||
                    s.p[i] == '-';
        if (!good) {
            return false;
        }
    }
    return true;
}

/* -- small values ------------------------------------------------------------------------------------ */

static bool is_missing(struct jval v)
{
    return json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL;
}

/* One of the names from `first` on. Missing leaves *out alone. */
static bool read_choice(struct jval v, const char *const *names, unsigned first, unsigned count, uint8_t *out)
{
    if (is_missing(v)) {
        return true;
    }
    for (unsigned i = first; i < count; i++) {
        if (json_str_is(v, names[i])) {
            *out = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static bool read_level(struct jval v, uint8_t *out)
{
    return read_choice(v, levels, LEVEL_ALL, LEVEL_NONE + 1, out);
}

static bool digits(struct str s, size_t at, size_t count, unsigned *out)
{
    unsigned n = 0;
    for (size_t i = at; i < at + count; i++) {
        if (i >= s.len || s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        n = n * 10 + (unsigned)(s.p[i] - '0');
    }
    *out = n;
    return true;
}

/* "HH:MM" */
static bool read_minute(struct jval v, uint16_t *out)
{
    struct str s;
    unsigned hour = 0, minute = 0;
    if (!json_str(v, &s) || s.len != 5 || s.p[2] != ':' || !digits(s, 0, 2, &hour) || !digits(s, 3, 2, &minute) ||
        hour > 23 || minute > 59) {
        return false;
    }
    *out = (uint16_t)(hour * 60 + minute);
    return true;
}

/* -- a moment: RFC 3339 -------------------------------------------------------------------------------- */

#define FIRST_MOMENT_S 31536000u /* 1971-01-01T00:00:00Z */

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days since 1970-01-01; year >= 1970. */
static uint64_t days_before(unsigned year, unsigned month, unsigned day)
{
    uint64_t y = year - 1;
    uint64_t days = y * 365 + y / 4 - y / 100 + y / 400 - 719162;
    for (unsigned m = 1; m < month; m++) {
        days += month_days(year, m);
    }
    return days + day - 1;
}

/* What follows the seconds: a fraction (which is dropped), then Z or an offset. */
static bool read_zone(struct str s, size_t at, int *offset_minutes)
{
    unsigned hour = 0, minute = 0;
    if (at < s.len && s.p[at] == '.') {
        size_t start = ++at;
        while (at < s.len && s.p[at] >= '0' && s.p[at] <= '9') {
            at++;
        }
        if (at == start) {
            return false;
        }
    }
    if (at + 1 == s.len && (s.p[at] == 'Z' || s.p[at] == 'z')) {
        *offset_minutes = 0;
        return true;
    }
    if (at + 6 != s.len || (s.p[at] != '+' && s.p[at] != '-') || s.p[at + 3] != ':' ||
        !digits(s, at + 1, 2, &hour) || !digits(s, at + 4, 2, &minute) || hour > 23 || minute > 59) {
        return false;
    }
    *offset_minutes = (int)(hour * 60 + minute) * (s.p[at] == '-' ? -1 : 1);
    return true;
}

static bool read_moment(struct str s, uint64_t *out)
{
    unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    int offset = 0;
    bool shape = s.len >= 20 && s.p[4] == '-' && s.p[7] == '-' && (s.p[10] == 'T' || s.p[10] == 't') &&
                 s.p[13] == ':' && s.p[16] == ':' && digits(s, 0, 4, &year) && digits(s, 5, 2, &month) &&
                 digits(s, 8, 2, &day) && digits(s, 11, 2, &hour) && digits(s, 14, 2, &minute) &&
                 digits(s, 17, 2, &second) && read_zone(s, 19, &offset);
    if (!shape || year < 1971 || month < 1 || month > 12 || day < 1 || day > month_days(year, month) || hour > 23 ||
        minute > 59 || second > 60) {
        return false;
    }
    uint64_t local = days_before(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    uint64_t at = (uint64_t)((int64_t)local - (int64_t)offset * 60);
    if (at < FIRST_MOMENT_S) { /* in UTC, as it is written, it would be in a year that is not read */
        return false;
    }
    *out = at;
    return true;
}

/* -- lists --------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct prefs_kind *)a)->name, ((const struct prefs_kind *)b)->name);
}

static int by_id(const void *a, const void *b)
{
    const struct prefs_chat *x = a, *y = b;
    return x->chat_id < y->chat_id ? -1 : x->chat_id > y->chat_id;
}

static bool read_kinds(struct jval object, struct prefs *p)
{
    size_t i = 0;
    struct str key;
    struct jval v;
    while (json_next(object, &i, &key, &v)) {
        struct prefs_kind *k = &p->kinds[p->kinds_count++];
        if (!prefs_is_kind(key) || !json_bool(v, &k->is_on)) {
            return false;
        }
        memcpy(k->name, key.p, key.len);
    }
    qsort(p->kinds, p->kinds_count, sizeof(p->kinds[0]), by_name);
    return true;
}

static bool read_chat(struct str key, struct jval v, struct prefs_chat *out)
{
    struct jval until = json_get(v, "muted_until");
    struct str text = STR_NONE;
    return json_type(v) == JSON_OBJECT && id_parse(key, ID_CHAT, &out->chat_id) == RC_OK &&
           read_level(json_get(v, "level"), &out->level) &&
           (is_missing(until) || (json_str(until, &text) && read_moment(text, &out->muted_until_s)));
}

static bool read_chats(struct jval object, struct prefs *p)
{
    size_t i = 0;
    struct str key;
    struct jval v;
    while (json_next(object, &i, &key, &v)) {
        if (!read_chat(key, v, &p->chats[p->chats_count++])) {
            return false;
        }
    }
    if (p->chats_count > 0) {
        qsort(p->chats, p->chats_count, sizeof(p->chats[0]), by_id);
    }
    for (uint32_t k = 1; k < p->chats_count; k++) {
        if (p->chats[k].chat_id == p->chats[k - 1].chat_id) {
            return false; /* the same chat in two forms of its id: which one counts? */
        }
    }
    return true;
}

static size_t members(struct jval object)
{
    size_t i = 0, n = 0;
    struct str key;
    struct jval v;
    while (json_next(object, &i, &key, &v)) {
        n++;
    }
    return n;
}

/* -- reading ------------------------------------------------------------------------------------------- */

static bool read_dnd(struct jval v, struct prefs *p)
{
    struct jval offset = json_get(v, "utc_offset_minutes");
    int64_t minutes = 0;
    if (is_missing(v)) {
        return true;
    }
    if (json_type(v) != JSON_OBJECT || !read_minute(json_get(v, "from"), &p->dnd_from) ||
        !read_minute(json_get(v, "to"), &p->dnd_to) || p->dnd_from == p->dnd_to ||
        (!is_missing(offset) && !json_i64(offset, &minutes)) || minutes < -OFFSET_MAX || minutes > OFFSET_MAX) {
        return false;
    }
    p->utc_offset_minutes = (int16_t)minutes;
    p->has_dnd = true;
    return true;
}

static struct prefs *prefs_new(size_t kinds, size_t chats)
{
    struct prefs *p = mem_try(1, sizeof(*p) + chats * sizeof(p->chats[0]) + kinds * sizeof(p->kinds[0]));
    if (p != NULL) {
        *p = prefs_default;
        p->chats = (struct prefs_chat *)(void *)(p + 1);
        p->kinds = (struct prefs_kind *)(void *)(p->chats + chats);
    }
    return p;
}

static const char *first_wrong(struct jval object, struct jval kinds, struct jval chats, struct prefs *p)
{
    if (!read_choice(json_get(object, "preview"), previews, 0, PREVIEW_NONE + 1, &p->preview)) {
        return "preview";
    }
    if (!read_level(json_get(object, "level"), &p->level)) {
        return "level";
    }
    if (!is_missing(kinds) && (json_type(kinds) != JSON_OBJECT || !read_kinds(kinds, p))) {
        return "kinds";
    }
    if (!is_missing(chats) && (json_type(chats) != JSON_OBJECT || !read_chats(chats, p))) {
        return "chats";
    }
    return read_dnd(json_get(object, "do_not_disturb"), p) ? NULL : "do_not_disturb";
}

enum rc prefs_read(struct jval object, const struct prefs_limits *limits, struct prefs **out, const char **field)
{
    struct jval kinds = json_get(object, "kinds"), chats = json_get(object, "chats");
    size_t kinds_count = members(kinds), chats_count = members(chats);
    if (kinds_count > limits->kinds_max || chats_count > limits->chats_max) {
        *field = kinds_count > limits->kinds_max ? "kinds" : "chats";
        return RC_TOO_BIG;
    }
    struct prefs *p = prefs_new(kinds_count, chats_count);
    if (p == NULL) {
        return RC_NO_MEMORY;
    }
    const char *wrong = first_wrong(object, kinds, chats, p);
    if (wrong != NULL) {
        *field = wrong;
        prefs_free(p);
        return RC_INVALID;
    }
    *out = p;
    return RC_OK;
}

enum rc prefs_parse(struct str text, struct prefs **out)
{
    const struct json_limits json = {TEXT_MAX_BYTES, 8, UINT32_MAX};
    const struct prefs_limits none = {UINT32_MAX, UINT32_MAX};
    const char *field = NULL;
    struct json *doc = NULL;
    enum rc rc = json_parse(text, &json, &doc, NULL);
    if (rc == RC_OK) {
        rc = prefs_read(json_root(doc), &none, out, &field);
    }
    json_free(doc);
    return rc;
}

void prefs_free(struct prefs *p)
{
    free(p);
}

/* -- writing ------------------------------------------------------------------------------------------- */

static void add_number(void *ctx, struct buf *out, uint64_t chat_id)
{
    (void)ctx;
    buf_add_u64(out, chat_id);
}

static void write_chats(struct buf *out, const struct prefs *p, prefs_add_chat add_chat, void *ctx)
{
    json_add_key(out, "chats");
    buf_add_char(out, '{');
    for (uint32_t i = 0; i < p->chats_count; i++) {
        const struct prefs_chat *c = &p->chats[i];
        buf_add_z(out, i ? ",\"" : "\"");
        add_chat(ctx, out, c->chat_id);
        buf_add_z(out, "\":{");
        if (c->level != LEVEL_UNSET) {
            json_key_str(out, "level", str_of(levels[c->level]));
        }
        if (c->muted_until_s != 0) {
            json_add_key(out, "muted_until");
            buf_add_char(out, '"');
            clock_add_rfc3339(out, c->muted_until_s * 1000000, CLOCK_SECONDS);
            buf_add_char(out, '"');
        }
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
}

static void write_minute(struct buf *out, const char *key, unsigned minute)
{
    json_add_key(out, key);
    buf_addf(out, "\"%02u:%02u\"", minute / 60, minute % 60);
}

static void write_dnd(struct buf *out, const struct prefs *p)
{
    if (!p->has_dnd) {
        json_key_null(out, "do_not_disturb");
        return;
    }
    json_add_key(out, "do_not_disturb");
    buf_add_char(out, '{');
    write_minute(out, "from", p->dnd_from);
    write_minute(out, "to", p->dnd_to);
    json_key_i64(out, "utc_offset_minutes", p->utc_offset_minutes);
    buf_add_char(out, '}');
}

void prefs_write(struct buf *out, const struct prefs *p, prefs_add_chat add_chat, void *ctx)
{
    buf_add_char(out, '{');
    json_key_str(out, "preview", str_of(previews[p->preview]));
    json_key_str(out, "level", str_of(levels[p->level]));
    json_add_key(out, "kinds");
    buf_add_char(out, '{');
    for (uint32_t i = 0; i < p->kinds_count; i++) {
        json_key_bool(out, p->kinds[i].name, p->kinds[i].is_on);
    }
    buf_add_char(out, '}');
    write_chats(out, p, add_chat != NULL ? add_chat : add_number, ctx);
    write_dnd(out, p);
    buf_add_char(out, '}');
}

/* -- asking -------------------------------------------------------------------------------------------- */

const struct prefs_chat *prefs_chat(const struct prefs *p, uint64_t chat_id)
{
    const struct prefs_chat key = {.chat_id = chat_id};
    return p->chats_count > 0 ? bsearch(&key, p->chats, p->chats_count, sizeof(key), by_id) : NULL;
}

bool prefs_kind_is_on(const struct prefs *p, struct str kind)
{
    for (uint32_t i = 0; i < p->kinds_count; i++) {
        if (str_eq(kind, str_of(p->kinds[i].name))) {
            return p->kinds[i].is_on;
        }
    }
    return true;
}

bool prefs_dnd(const struct prefs *p, uint64_t now_s)
{
    if (!p->has_dnd) {
        return false;
    }
    int64_t local = (int64_t)(now_s / 60) + p->utc_offset_minutes;
    unsigned minute = (unsigned)(local % DAY_MINUTES);
    return p->dnd_from < p->dnd_to ? minute >= p->dnd_from && minute < p->dnd_to
                                   : minute >= p->dnd_from || minute < p->dnd_to;
}
