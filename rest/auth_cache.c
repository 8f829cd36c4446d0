#include "rest/auth_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/mem.h"

#define WAYS 4
#define LOCKS 64

struct slot {
    struct key16 hash;
    struct auth_seen seen; /* user_id 0: free */
    bool used;             /* since the clock hand passed */
};

struct auth_cache {
    pthread_mutex_t locks[LOCKS];
    struct slot *slots;
    uint64_t sets; /* a power of two; 0: remember nothing */
};

struct auth_cache *auth_cache_new(uint64_t max)
{
    struct auth_cache *c = mem_new(sizeof(*c));
    unsigned i;

    for (i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&c->locks[i], NULL);
    }
    if (max > 0) {
        for (c->sets = 1; c->sets * WAYS < max; c->sets *= 2) {
        }
        c->slots = mem_new(c->sets * WAYS * sizeof(struct slot));
    }
    return c;
}

void auth_cache_free(struct auth_cache *c)
{
    unsigned i;

    if (c == NULL) {
        return;
    }
    for (i = 0; i < LOCKS; i++) {
        pthread_mutex_destroy(&c->locks[i]);
    }
    free(c->slots);
    free(c);
}

static uint64_t set_of(const struct auth_cache *c, const struct key16 *hash)
{
    uint64_t n;

    memcpy(&n, hash->b, sizeof(n));
    return n & (c->sets - 1);
}

bool auth_cache_get(struct auth_cache *c, const struct key16 *hash, uint64_t now_s,
                    struct auth_seen *out)
{
    struct slot *s;
    uint64_t set;
    bool found = false;
    unsigned i;

    if (c->sets == 0) {
        return false;
    }
    set = set_of(c, hash);
    pthread_mutex_lock(&c->locks[set % LOCKS]);
    for (i = 0; i < WAYS && !found; i++) {
        s = &c->slots[set * WAYS + i];
        if (s->seen.user_id != 0 && s->seen.expires_s > now_s && key16_eq(&s->hash, hash)) {
            s->used = true;
            *out = s->seen;
            found = true;
        }
    }
    pthread_mutex_unlock(&c->locks[set % LOCKS]);
    return found;
}

/* Free, expired or the same token; else the first one not used lately, and all lose their mark on the way. */
static struct slot *victim(struct slot *set, const struct key16 *hash, uint64_t now_s)
{
    unsigned i;

    for (i = 0; i < WAYS; i++) {
        if (set[i].seen.user_id == 0 || set[i].seen.expires_s <= now_s ||
            key16_eq(&set[i].hash, hash)) {
            return &set[i];
        }
    }
    for (i = 0; i < WAYS; i++) {
        if (!set[i].used) {
            return &set[i];
        }
        set[i].used = false;
    }
    return &set[hash->b[15] % WAYS];
}

void auth_cache_put(struct auth_cache *c, const struct key16 *hash, uint64_t now_s,
                    const struct auth_seen *seen)
{
    struct slot *s;
    uint64_t set;

    if (c->sets == 0) {
        return;
    }
    set = set_of(c, hash);
    pthread_mutex_lock(&c->locks[set % LOCKS]);
    s = victim(&c->slots[set * WAYS], hash, now_s);
    s->hash = *hash;
    s->seen = *seen;
    s->used = false;
    pthread_mutex_unlock(&c->locks[set % LOCKS]);
}
