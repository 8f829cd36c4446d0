#include "rest/families.h"

#include <stdlib.h>

#include "shared/map64.h"
#include "shared/mem.h"

struct change { /* what a batch in flight replaced */
    uint64_t batch;
    bool existed;
    struct row_family before;
};

struct families {
    struct map64 ids; /* id -> index into rows */
    struct row_family *rows;
    uint32_t count, room;
    struct change *changes;
    uint32_t changes_count, changes_room;
};

struct families *families_new(void)
{
    return mem_new(sizeof(struct families));
}

void families_free(struct families *f)
{
    if (f != NULL) {
        map64_release(&f->ids);
        free(f->rows);
        free(f->changes);
        free(f);
    }
}

const struct row_family *families_find(const struct families *f, uint64_t id)
{
    uint32_t at = 0;
    return id != 0 && map64_get(&f->ids, id, &at) ? &f->rows[at] : NULL;
}

void families_load(struct families *f, const struct row_family *r)
{
    uint32_t at = 0;
    if (!map64_get(&f->ids, r->id, &at)) {
        if (f->count == f->room) {
            f->room = f->room ? f->room * 2 : 64;
            f->rows = mem_grow(f->rows, f->room, sizeof(f->rows[0]));
        }
        at = f->count++;
        map64_put(&f->ids, r->id, at);
    }
    f->rows[at] = *r;
}

/* The last row moves into the hole, so the array stays dense. */
static void forget(struct families *f, uint64_t id)
{
    uint32_t at = 0;
    if (!map64_get(&f->ids, id, &at)) {
        return;
    }
    map64_remove(&f->ids, id);
    f->count--;
    if (at != f->count) {
        f->rows[at] = f->rows[f->count];
        map64_put(&f->ids, f->rows[at].id, at);
    }
}

void families_put(struct families *f, const struct row_family *r, uint64_t batch)
{
    if (f->changes_count == f->changes_room) {
        f->changes_room = f->changes_room ? f->changes_room * 2 : 16;
        f->changes = mem_grow(f->changes, f->changes_room, sizeof(f->changes[0]));
    }
    const struct row_family *before = families_find(f, r->id);
    struct change *c = &f->changes[f->changes_count++];
    *c = (struct change){.batch = batch, .existed = before != NULL};
    c->before = before ? *before : *r;
    families_load(f, r);
}

void families_undo(struct families *f)
{
    while (f->changes_count > 0) {
        const struct change *c = &f->changes[--f->changes_count];
        if (c->existed) {
            families_load(f, &c->before);
        } else {
            forget(f, c->before.id);
        }
    }
}

/* A revoked family has no use any more: its id in a token is looked up in the cache. */
void families_merged(struct families *f, uint64_t batch)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->changes_count; i++) {
        if (f->changes[i].batch > batch) {
            f->changes[kept++] = f->changes[i];
            continue;
        }
        const struct row_family *now = families_find(f, f->changes[i].before.id);
        if (now != NULL && now->revoked_us != 0) {
            forget(f, now->id);
        }
    }
    f->changes_count = kept;
}

#define EXPIRED_KEEP_S 86400 /* so long the answer is "expired" */

void families_expire(struct families *f, uint64_t now_s)
{
    for (uint32_t i = f->changes_count > 0 ? f->count : 0; i < f->count;) {
        if (f->rows[i].expires_s + EXPIRED_KEEP_S < now_s) {
            forget(f, f->rows[i].id); /* the last row is here now */
        } else {
            i++;
        }
    }
}

void families_of_user(const struct families *f, uint64_t user_id,
                      void (*visit)(void *ctx, const struct row_family *r), void *ctx)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->rows[i].user_id == user_id && f->rows[i].revoked_us == 0) {
            visit(ctx, &f->rows[i]);
        }
    }
}
