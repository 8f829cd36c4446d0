#include "shared/map64.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "shared/mem.h"

#define FIRST_ROOM 16

/* Fibonacci hashing spreads dense ids; hashes spread by themselves. */
static uint32_t home(const struct map64 *m, uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 32) & (m->room - 1);
}

void map64_release(struct map64 *m)
{
    free(m->keys);
    free(m->values);
    *m = MAP64_INIT;
}

void map64_clear(struct map64 *m)
{
    if (m->count > 0) {
        memset(m->keys, 0, (size_t)m->room * sizeof(m->keys[0]));
        m->count = 0;
    }
}

static uint32_t find(const struct map64 *m, uint64_t key)
{
    uint32_t i = home(m, key);
    while (m->keys[i] != 0 && m->keys[i] != key) {
        i = (i + 1) & (m->room - 1);
    }
    return i;
}

bool map64_get(const struct map64 *m, uint64_t key, uint32_t *value)
{
    if (m->count == 0) {
        return false;
    }
    uint32_t i = find(m, key);
    if (m->keys[i] == 0) {
        return false;
    }
    *value = m->values[i];
    return true;
}

static void grow(struct map64 *m)
{
    struct map64 bigger = {0};
    bigger.room = m->room ? m->room * 2 : FIRST_ROOM;
    bigger.keys = mem_grow(NULL, bigger.room, sizeof(bigger.keys[0]));
    bigger.values = mem_grow(NULL, bigger.room, sizeof(bigger.values[0]));
    memset(bigger.keys, 0, (size_t)bigger.room * sizeof(bigger.keys[0]));
    for (uint32_t i = 0; i < m->room; i++) {
        if (m->keys[i] != 0) {
            uint32_t at = find(&bigger, m->keys[i]);
            bigger.keys[at] = m->keys[i];
            bigger.values[at] = m->values[i];
        }
    }
    bigger.count = m->count;
    map64_release(m);
    *m = bigger;
}

void map64_put(struct map64 *m, uint64_t key, uint32_t value)
{
    if ((uint64_t)(m->count + 1) * 4 > (uint64_t)m->room * 3) {
        grow(m);
    }
    uint32_t i = find(m, key);
    if (m->keys[i] == 0) {
        m->keys[i] = key;
        m->count++;
    }
    m->values[i] = value;
}

bool map64_remove(struct map64 *m, uint64_t key)
{
    if (m->count == 0) {
        return false;
    }
    uint32_t hole = find(m, key);
    if (m->keys[hole] == 0) {
        return false;
    }
    /* Move later entries of the run back into the hole when their home allows it. */
    for (uint32_t i = (hole + 1) & (m->room - 1); m->keys[i] != 0; i = (i + 1) & (m->room - 1)) {
        uint32_t from_home = (i - home(m, m->keys[i])) & (m->room - 1);
        uint32_t from_hole = (i - hole) & (m->room - 1);
        if (from_home >= from_hole) {
            m->keys[hole] = m->keys[i];
            m->values[hole] = m->values[i];
            hole = i;
        }
    }
    m->keys[hole] = 0;
    m->count--;
    return true;
}

bool map64_next(const struct map64 *m, uint32_t *at, uint64_t *key, uint32_t *value)
{
    while (*at < m->room) {
        uint32_t i = (*at)++;
        if (m->keys[i] != 0) {
            *key = m->keys[i];
            *value = m->values[i];
            return true;
        }
    }
    return false;
}

static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void hash_init(void)
{
    randombytes_buf(hash_key, sizeof(hash_key));
}

uint64_t map64_hash(struct str bytes)
{
    pthread_once(&hash_once, hash_init);
    uint64_t h = 0;
    unsigned char out[crypto_shorthash_BYTES];
    crypto_shorthash(out, (const unsigned char *)(bytes.len ? bytes.p : ""), bytes.len, hash_key);
    memcpy(&h, out, sizeof(h));
    return h ? h : 1;
}

uint64_t map64_hash_pair(uint64_t a, uint64_t b)
{
    uint64_t both[2] = {a, b};
    return map64_hash((struct str){(const char *)both, sizeof(both)});
}
