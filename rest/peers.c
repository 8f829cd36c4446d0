#include "rest/peers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/id.h"
#include "shared/map64.h"
#include "shared/mem.h"

/* Tokens are counted in thousandths, so that a rate per second adds up from milliseconds. */
#define TOKEN ((uint64_t)1000)

struct entry {
    uint64_t key;
    uint64_t at_ms;     /* when tokens was right */
    uint64_t tokens;
    uint32_t connections;
};

struct peers {
    pthread_mutex_t lock;
    uint64_t secret;
    uint64_t connections_max, per_second, burst; /* under the lock */
    uint32_t room;
    struct map64 map; /* key -> index of entries */
    struct entry *entries;
    uint32_t count;
};

static void take_limits(struct peers *p, const struct rest_conf *conf)
{
    p->connections_max = conf->address_connections_max;
    p->per_second = conf->address_handshakes_per_s;
    p->burst = conf->address_handshakes_burst;
}

struct peers *peers_new(const struct rest_conf *conf, uint64_t secret)
{
    struct peers *p = mem_new(sizeof(*p));

    pthread_mutex_init(&p->lock, NULL);
    p->secret = secret;
    p->room = (uint32_t)conf->addresses_max;
    p->entries = mem_grow(NULL, p->room, sizeof(struct entry));
    take_limits(p, conf);
    return p;
}

void peers_free(struct peers *p)
{
    if (p == NULL) {
        return;
    }
    map64_release(&p->map);
    free(p->entries);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void peers_reload(struct peers *p, const struct rest_conf *conf)
{
    pthread_mutex_lock(&p->lock);
    take_limits(p, conf);
    pthread_mutex_unlock(&p->lock);
}

uint64_t peers_key(const struct peers *p, const struct addr *a)
{
    unsigned char text[8 + 1 + 8] = {0};
    struct key16 hash;
    uint64_t key;

    if (a->family == ADDR_NONE) {
        return 0;
    }
    memcpy(text, &p->secret, 8);
    text[8] = a->family;
    memcpy(text + 9, a->b, a->family == ADDR_V4 ? 4 : 8);
    hash16((struct str){(const char *)text, sizeof(text)}, &hash);
    memcpy(&key, hash.b, 8);
    return key != 0 ? key : 1;
}

/* Throw out everything that has no connections. What is lost is that these addresses were busy a moment ago. */
static void sweep(struct peers *p)
{
    uint32_t i, kept = 0;

    map64_clear(&p->map);
    for (i = 0; i < p->count; i++) {
        if (p->entries[i].connections > 0) {
            p->entries[kept] = p->entries[i];
            map64_put(&p->map, p->entries[kept].key, kept);
            kept++;
        }
    }
    p->count = kept;
}

/* NULL: the table is full of addresses with connections. */
static struct entry *find_or_add(struct peers *p, uint64_t key, uint64_t now_ms)
{
    uint32_t i;

    if (map64_get(&p->map, key, &i)) {
        return &p->entries[i];
    }
    if (p->count == p->room) {
        sweep(p);
    }
    if (p->count == p->room) {
        return NULL;
    }
    i = p->count++;
    p->entries[i] = (struct entry){key, now_ms, p->burst * TOKEN, 0};
    map64_put(&p->map, key, i);
    return &p->entries[i];
}

static void refill(const struct peers *p, struct entry *e, uint64_t now_ms)
{
    uint64_t passed = now_ms > e->at_ms ? now_ms - e->at_ms : 0;
    uint64_t full = p->burst * TOKEN;

    if (passed > full / p->per_second) {
        e->tokens = full;
    } else {
        e->tokens += passed * p->per_second;
        e->tokens = e->tokens < full ? e->tokens : full;
    }
    e->at_ms = now_ms > e->at_ms ? now_ms : e->at_ms;
}

enum code peers_enter(struct peers *p, uint64_t key, uint64_t now_ms)
{
    enum code code = CODE_OK;
    struct entry *e;

    if (key == 0) {
        return CODE_OK;
    }
    pthread_mutex_lock(&p->lock);
    e = find_or_add(p, key, now_ms);
    if (e == NULL || e->connections >= p->connections_max) {
        code = CODE_TOO_MANY_CONNECTIONS;
    } else {
        refill(p, e, now_ms);
        if (e->tokens < TOKEN) {
            code = CODE_RATE_LIMITED;
        } else {
            e->tokens -= TOKEN;
            e->connections++;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return code;
}

void peers_leave(struct peers *p, uint64_t key)
{
    uint32_t i;

    if (key == 0) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    if (map64_get(&p->map, key, &i) && p->entries[i].connections > 0) {
        p->entries[i].connections--;
    }
    pthread_mutex_unlock(&p->lock);
}

uint32_t peers_connections(struct peers *p, uint64_t key)
{
    uint32_t i, n = 0;

    pthread_mutex_lock(&p->lock);
    if (key != 0 && map64_get(&p->map, key, &i)) {
        n = p->entries[i].connections;
    }
    pthread_mutex_unlock(&p->lock);
    return n;
}
