#include "rest/auth_tickets.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/id.h"
#include "shared/map64.h"
#include "shared/mem.h"

struct ticket {
    uint64_t key; /* 0: taken */
    uint64_t until_ms;
    struct identity who;
};

struct auth_tickets {
    pthread_mutex_t lock;
    uint64_t ttl_ms;
    struct ticket *ring;
    uint32_t room, oldest, count;
    struct map64 map; /* key -> place in the ring */
};

struct auth_tickets *auth_tickets_new(uint64_t max, uint64_t ttl_ms)
{
    struct auth_tickets *t = mem_new(sizeof(*t));

    pthread_mutex_init(&t->lock, NULL);
    t->ttl_ms = ttl_ms;
    t->room = (uint32_t)max;
    t->ring = mem_grow(NULL, max, sizeof(struct ticket));
    return t;
}

void auth_tickets_free(struct auth_tickets *t)
{
    if (t == NULL) {
        return;
    }
    map64_release(&t->map);
    free(t->ring);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* The ring holds 64 bits of what the ticket says (hashed under a key of this process): a guess has to hit one of at
 * most `max` among 2^64, within seconds, through the limits per address. */
static uint64_t key_of(struct str text)
{
    return map64_hash(text);
}

static void drop_old(struct auth_tickets *t, uint64_t now_ms)
{
    while (t->count > 0) {
        struct ticket *k = &t->ring[t->oldest];

        if (k->key != 0 && k->until_ms > now_ms) {
            return;
        }
        if (k->key != 0) {
            map64_remove(&t->map, k->key);
        }
        t->oldest = (t->oldest + 1) % t->room;
        t->count--;
    }
}

enum rc auth_tickets_new_one(struct auth_tickets *t, const struct identity *who, uint64_t now_ms, struct buf *out)
{
    unsigned char bytes[18];
    struct buf text = BUF_INIT;
    uint64_t key;
    uint32_t at;
    enum rc rc = RC_OK;

    random_bytes(bytes, sizeof(bytes));
    base64url_add(&text, bytes, sizeof(bytes));
    key = key_of(buf_str(&text));
    pthread_mutex_lock(&t->lock);
    drop_old(t, now_ms);
    if (t->count == t->room || map64_get(&t->map, key, &at)) {
        rc = RC_UNAVAILABLE;
    } else {
        at = (t->oldest + t->count) % t->room;
        t->ring[at] = (struct ticket){key, now_ms + t->ttl_ms, *who};
        map64_put(&t->map, key, at);
        t->count++;
        buf_add_str(out, buf_str(&text));
    }
    pthread_mutex_unlock(&t->lock);
    buf_release(&text);
    return rc;
}

bool auth_tickets_take(struct auth_tickets *t, struct str ticket, uint64_t now_ms,
                       struct identity *who)
{
    uint64_t key = key_of(ticket);
    uint32_t at;
    bool good = false;

    pthread_mutex_lock(&t->lock);
    if (map64_get(&t->map, key, &at)) {
        good = t->ring[at].until_ms > now_ms;
        if (good) {
            *who = t->ring[at].who;
        }
        map64_remove(&t->map, key);
        t->ring[at].key = 0;
    }
    pthread_mutex_unlock(&t->lock);
    return good;
}
