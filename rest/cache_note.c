/* Counters of notifications, broadcasts and preferences. */
#include "rest/cache_int.h"
#include "rest/deletions.h"
#include "rest/prefs.h"
#include "shared/mem.h"

bool cache_is_deleted(const struct cache_chat *chat, uint64_t seq)
{
    return deletions_has(chat->deletions, seq);
}

/* How many broadcasts have an id up to this one. */
static uint32_t broadcasts_upto(const struct cache *c, uint64_t id)
{
    uint32_t low = 0, high = c->broadcasts_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (c->broadcasts[mid].id <= id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static uint32_t broadcasts_before(const struct cache *c, uint64_t created_us)
{
    uint32_t low = 0, high = c->broadcasts_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (c->broadcasts[mid].created_us < created_us) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

uint64_t cache_broadcasts_unread(const struct cache *c, uint64_t created_us, uint64_t read_all_id, uint64_t marked)
{
    uint32_t read = broadcasts_upto(c, read_all_id), older = broadcasts_before(c, created_us);
    uint64_t count = c->broadcasts_count - (read > older ? read : older);
    return count > marked ? count - marked : 0;
}

uint64_t cache_notes_unread(const struct cache *c, uint32_t user)
{
    const struct cache_user *u = cache_user(c, user);
    if (u == NULL) {
        return 0;
    }
    return u->notes_unread + cache_broadcasts_unread(c, u->created_us, u->read_all_id, u->notes_marked);
}

uint64_t cache_broadcasts_after(const struct cache *c, uint64_t created_us, bool unread_only)
{
    uint32_t older = broadcasts_before(c, created_us);
    if (older > 0) {
        return c->broadcasts[older - 1].id;
    }
    return unread_only && c->broadcasts_count > 0 ? c->broadcasts[0].id - 1 : 0;
}

bool cache_has_broadcast(const struct cache *c, uint64_t id)
{
    uint32_t at = broadcasts_upto(c, id);
    return at > 0 && c->broadcasts[at - 1].id == id;
}

bool cache_has_broadcast_for(const struct cache *c, uint64_t id, uint32_t user)
{
    const struct cache_user *u = cache_user(c, user);
    uint32_t at = broadcasts_upto(c, id);
    return u != NULL && at > 0 && c->broadcasts[at - 1].id == id && c->broadcasts[at - 1].created_us >= u->created_us;
}

uint64_t cache_last_broadcast(const struct cache *c)
{
    return c->broadcasts_count > 0 ? c->broadcasts[c->broadcasts_count - 1].id : 0;
}

const struct prefs *cache_prefs(const struct cache *c, uint32_t user)
{
    const struct cache_user *u = cache_user(c, user);
    return u != NULL && u->prefs != NULL ? u->prefs : &prefs_default;
}

/* -- changing ---------------------------------------------------------------------------------- */

void cache_set_notes(struct cache *c, uint32_t user, uint64_t read_all_id, uint32_t unread, uint32_t marked)
{
    struct cache_user *u = &c->users[user];
    u->read_all_id = read_all_id;
    u->notes_unread = unread;
    u->notes_marked = marked;
}

void cache_add_broadcast(struct cache *c, uint64_t id, uint64_t created_us)
{
    if (c->broadcasts_count == c->broadcasts_room) {
        c->broadcasts_room = c->broadcasts_room ? c->broadcasts_room * 2 : 16;
        c->broadcasts = mem_grow(c->broadcasts, c->broadcasts_room, sizeof(c->broadcasts[0]));
    }
    c->broadcasts[c->broadcasts_count++] = (struct cache_broadcast){id, created_us};
}

void cache_drop_broadcast(struct cache *c, uint64_t id)
{
    uint32_t upto = broadcasts_upto(c, id);
    if (upto > 0 && c->broadcasts[upto - 1].id == id) {
        c->broadcasts_count--;
        memmove(&c->broadcasts[upto - 1], &c->broadcasts[upto], (c->broadcasts_count - upto + 1) * sizeof(c->broadcasts[0]));
    }
}

void cache_set_prefs(struct cache *c, uint32_t user, struct prefs *p)
{
    prefs_free(c->users[user].prefs);
    c->users[user].prefs = p;
}
