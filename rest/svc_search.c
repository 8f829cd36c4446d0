/*
 * svc_search.c -- finding people
 *
 * A scan of all users: 100,000 take a few milliseconds, which no index in memory would be worth. The read lock is
 * taken for a slice at a time, so the writer never waits for a search.
 */
#include "rest/svc_read.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

#include "shared/utf8.h"

#define SLICE_USERS 2048u
#define TEXT_MAX_CHARS 64u

static locale_t folding; /* UTF-8 case rules, whatever the process's locale is */

static void make_folding(void)
{
    folding = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static uint32_t fold(uint32_t c)
{
    if (c < 128) {
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    }
    return folding ? (uint32_t)towlower_l((wint_t)c, folding) : c;
}

/* The next code point, folded; text is valid UTF-8. 0 at the end. */
static uint32_t next_folded(struct str *text)
{
    size_t n = utf8_step(text->p, text->len);
    if (n == 0) {
        return 0;
    }
    const unsigned char *p = (const unsigned char *)text->p;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | (p[i] & 0x3F);
    }
    *text = str_from(*text, n);
    return fold(c);
}

struct pattern {
    uint32_t chars[TEXT_MAX_CHARS];
    unsigned count;
};

static bool make_pattern(struct str text, struct pattern *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_folding);
    out->count = 0;
    while (text.len > 0) {
        if (out->count == TEXT_MAX_CHARS) {
            return false;
        }
        uint32_t c = next_folded(&text);
        if (c == 0) {
            return false;
        }
        out->chars[out->count++] = c;
    }
    return out->count > 0;
}

static bool begins_with(struct str text, const struct pattern *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (next_folded(&text) != p->chars[i]) {
            return false;
        }
    }
    return true;
}

static void add_user(struct user_page *page, const struct cache_user *u, struct arena *arena)
{
    page->users[page->count++] = (struct user_view){
        .id = u->id,
        .created_us = u->created_us,
        .username = arena_str(arena, str_of(u->username)),
        .name = arena_str(arena, str_of(u->name)),
        .disabled = u->status != USER_ACTIVE,
    };
}

/* Users first..first+SLICE-1; one is left out because it is on the page already. */
static void search_slice(const struct cache *c, uint32_t first, uint32_t except,
                         const struct pattern *pattern, unsigned limit, struct arena *arena,
                         struct user_page *page)
{
    uint32_t end = first + SLICE_USERS;
    for (uint32_t i = first; i < end && i < cache_users_count(c); i++) {
        const struct cache_user *u = cache_user(c, i);
        if (i == except || u->status != USER_ACTIVE ||
            !(begins_with(str_of(u->username), pattern) || begins_with(str_of(u->name), pattern))) {
            continue;
        }
        if (page->count == limit) {
            page->has_more = true;
            return;
        }
        add_user(page, u, arena);
    }
}

enum code svc_search(struct svc *svc, struct str text, unsigned limit, struct arena *arena,
                     struct user_page *out)
{
    struct pattern pattern;
    *out = (struct user_page){.users = arena_calloc(arena, limit, sizeof(*out->users))};
    if (!out->users) {
        return CODE_UNAVAILABLE;
    }
    if (!make_pattern(text, &pattern)) {
        return CODE_OK; /* nobody has such a name */
    }
    cache_rdlock(svc->cache);
    uint32_t exact = cache_user_by_name(svc->cache, text);
    const struct cache_user *u = cache_user(svc->cache, exact);
    if (u && u->status == USER_ACTIVE) {
        add_user(out, u, arena);
    }
    uint32_t count = cache_users_count(svc->cache);
    cache_unlock(svc->cache);
    for (uint32_t first = 0; first < count && !out->has_more; first += SLICE_USERS) {
        cache_rdlock(svc->cache);
        search_slice(svc->cache, first, exact, &pattern, limit, arena, out);
        cache_unlock(svc->cache);
    }
    return CODE_OK;
}

enum code svc_users(struct svc *svc, uint64_t after, unsigned limit, struct arena *arena,
                    struct user_page *out)
{
    *out = (struct user_page){.users = arena_calloc(arena, limit, sizeof(*out->users))};
    if (!out->users) {
        return CODE_UNAVAILABLE;
    }
    cache_rdlock(svc->cache);
    uint32_t count = cache_users_count(svc->cache);
    for (uint64_t i = after; i < count && out->count < limit; i++) {
        add_user(out, cache_user(svc->cache, (uint32_t)i), arena);
    }
    out->has_more = after < count && count - after > out->count;
    cache_unlock(svc->cache);
    return CODE_OK;
}
