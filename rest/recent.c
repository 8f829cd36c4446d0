#include "rest/recent.h"

#include <stdlib.h>

#include "shared/map64.h"
#include "shared/mem.h"

struct entry {
    uint64_t map_key; /* 0: free */
    uint64_t user_id;
    struct key16 key, hash;
    struct outcome outcome;
};

struct recent {
    struct map64 map;
    struct entry *entries;
    uint32_t next;
};

struct recent *recent_new(void)
{
    struct recent *r = mem_new(sizeof(*r));
    r->entries = mem_grow(NULL, RECENT_MAX, sizeof(r->entries[0]));
    memset(r->entries, 0, RECENT_MAX * sizeof(r->entries[0]));
    return r;
}

void recent_free(struct recent *r)
{
    if (r != NULL) {
        map64_release(&r->map);
        free(r->entries);
        free(r);
    }
}

static uint64_t key_of(uint64_t user_id, const struct key16 *key)
{
    uint64_t words[3] = {user_id, 0, 0};
    memcpy(&words[1], key->b, sizeof(key->b));
    return map64_hash((struct str){(const char *)words, sizeof(words)});
}

void recent_put(struct recent *r, uint64_t user_id, const struct key16 *key, const struct key16 *hash,
                const struct outcome *o)
{
    struct entry *e = &r->entries[r->next];
    uint32_t at = 0;
    if (e->map_key != 0 && map64_get(&r->map, e->map_key, &at) && at == r->next) {
        map64_remove(&r->map, e->map_key);
    }
    *e = (struct entry){key_of(user_id, key), user_id, *key, *hash, *o};
    map64_put(&r->map, e->map_key, r->next);
    r->next = (r->next + 1) % RECENT_MAX;
}

bool recent_get(const struct recent *r, uint64_t user_id, const struct key16 *key,
                struct key16 *hash, struct outcome *o)
{
    uint32_t at = 0;
    if (!map64_get(&r->map, key_of(user_id, key), &at)) {
        return false;
    }
    const struct entry *e = &r->entries[at];
    if (e->user_id != user_id || !key16_eq(&e->key, key)) {
        return false;
    }
    *hash = e->hash;
    *o = e->outcome;
    return true;
}
