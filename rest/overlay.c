#include "rest/overlay.h"

#include <ctype.h>
#include <stdlib.h>

#include "rest/overlay_int.h"
#include "rest/sessions.h"
#include "shared/mem.h"

struct overlay *overlay_new(struct cache *cache)
{
    struct overlay *o = mem_new(sizeof(*o));
    o->cache = cache;
    return o;
}

static void drop(struct entry *e)
{
    if (e->kind == ENTRY_USER) {
        free(e->u.user.name);
        free(e->u.user.profile_url);
    } else if (e->kind == ENTRY_SESSION) {
        free(e->u.session.title);
    }
    free(e);
}

void overlay_clear(struct overlay *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        drop(o->entries[i]);
    }
    o->count = 0;
    map64_clear(&o->map);
}

void overlay_free(struct overlay *o)
{
    if (o != NULL) {
        overlay_clear(o);
        map64_release(&o->map);
        free(o->entries);
        free(o);
    }
}

uint64_t overlay_key_of(enum entry_kind kind, uint64_t a, uint64_t b)
{
    uint64_t words[3] = {kind, a, b};
    return map64_hash((struct str){(const char *)words, sizeof(words)});
}

struct entry *overlay_get(struct overlay *o, uint64_t map_key)
{
    uint32_t at = 0;
    return map64_get(&o->map, map_key, &at) ? o->entries[at] : NULL;
}

struct entry *overlay_add(struct overlay *o, enum entry_kind kind, uint64_t map_key)
{
    if (o->count == o->room) {
        o->room = o->room ? o->room * 2 : 256;
        o->entries = mem_grow(o->entries, o->room, sizeof(o->entries[0]));
    }
    struct entry *e = mem_new(sizeof(*e));
    e->kind = kind;
    e->map_key = map_key;
    map64_put(&o->map, map_key, o->count);
    o->entries[o->count++] = e;
    return e;
}

/* -- users ------------------------------------------------------------------------------------ */

struct ov_user *overlay_user(struct overlay *o, uint64_t id)
{
    uint64_t key = overlay_key_of(ENTRY_USER, id, 0);
    struct entry *e = overlay_get(o, key);
    if (e != NULL) {
        return &e->u.user;
    }
    const struct cache_user *u = cache_user(o->cache, cache_user_index(o->cache, id));
    if (u == NULL) {
        return NULL;
    }
    e = overlay_add(o, ENTRY_USER, key);
    e->u.user = (struct ov_user){
        .id = id,
        .valid_from_us = u->valid_from_us,
        .status = u->status,
        .chats_count = u->chats_count,
        .sessions_count = sessions_created_by(cache_sessions(o->cache), id),
    };
    return &e->u.user;
}

static uint64_t name_key(struct str username)
{
    char folded[256];
    size_t len = username.len < sizeof(folded) ? username.len : sizeof(folded);
    for (size_t i = 0; i < len; i++) {
        folded[i] = (char)tolower((unsigned char)username.p[i]);
    }
    return overlay_key_of(ENTRY_NAME, map64_hash((struct str){folded, len}), 0);
}

struct ov_user *overlay_user_named(struct overlay *o, struct str username)
{
    struct entry *e = overlay_get(o, name_key(username));
    if (e != NULL) {
        return overlay_user(o, e->u.id);
    }
    const struct cache_user *u = cache_user(o->cache, cache_user_by_name(o->cache, username));
    return u ? overlay_user(o, u->id) : NULL;
}

struct ov_user *overlay_add_user(struct overlay *o, const struct ov_user *u, struct str username)
{
    overlay_add(o, ENTRY_NAME, name_key(username))->u.id = u->id;
    struct entry *e = overlay_add(o, ENTRY_USER, overlay_key_of(ENTRY_USER, u->id, 0));
    e->u.user = *u;
    return &e->u.user;
}

void overlay_rename_user(struct ov_user *u, struct str name)
{
    free(u->name);
    u->name = mem_copy(name.len ? name.p : "", name.len);
}

void overlay_set_profile_url(struct ov_user *u, struct str url)
{
    free(u->profile_url);
    u->profile_url = mem_copy(url.len ? url.p : "", url.len);
}

/* -- chats and members ------------------------------------------------------------------------ */

static uint64_t user_id_at(const struct cache *c, uint32_t index)
{
    const struct cache_user *u = cache_user(c, index);
    return u ? u->id : 0;
}

struct ov_chat *overlay_chat(struct overlay *o, uint64_t id)
{
    uint64_t key = overlay_key_of(ENTRY_CHAT, id, 0);
    struct entry *e = overlay_get(o, key);
    if (e != NULL) {
        return e->u.chat.deleted ? NULL : &e->u.chat;
    }
    const struct cache_chat *c = cache_chat(o->cache, cache_chat_index(o->cache, id));
    if (c == NULL) {
        return NULL;
    }
    e = overlay_add(o, ENTRY_CHAT, key);
    e->u.chat = (struct ov_chat){
        .id = id,
        .last_seq = c->last_seq,
        .last_message_id = c->last_message_id,
        .created_us = c->created_us,
        .peer = {user_id_at(o->cache, c->peer[0]), user_id_at(o->cache, c->peer[1])},
        .members_count = c->members_count,
        .kind = c->kind,
        .is_open = c->is_open,
    };
    return &e->u.chat;
}

static uint64_t pair_key(uint64_t a, uint64_t b)
{
    return a < b ? overlay_key_of(ENTRY_PAIR, a, b) : overlay_key_of(ENTRY_PAIR, b, a);
}

uint64_t overlay_direct(struct overlay *o, uint64_t user_a, uint64_t user_b)
{
    struct entry *e = overlay_get(o, pair_key(user_a, user_b));
    if (e != NULL) {
        return e->u.id;
    }
    const struct cache_chat *c = cache_chat(o->cache, cache_direct_chat(o->cache, user_a, user_b));
    return c ? c->id : 0;
}

struct ov_chat *overlay_add_chat(struct overlay *o, const struct ov_chat *c)
{
    if (c->kind == CHAT_DIRECT) {
        overlay_add(o, ENTRY_PAIR, pair_key(c->peer[0], c->peer[1]))->u.id = c->id;
    }
    struct entry *e = overlay_add(o, ENTRY_CHAT, overlay_key_of(ENTRY_CHAT, c->id, 0));
    e->u.chat = *c;
    return &e->u.chat;
}

static const struct cache_member *cached_member(struct overlay *o, uint64_t chat_id, uint64_t user_id)
{
    const struct cache_chat *c = cache_chat(o->cache, cache_chat_index(o->cache, chat_id));
    uint32_t user = cache_user_index(o->cache, user_id);
    return c != NULL && user != CACHE_NONE ? cache_member(c, user) : NULL;
}

struct ov_member *overlay_member(struct overlay *o, struct ov_chat *chat, uint64_t user_id)
{
    uint64_t key = overlay_key_of(ENTRY_MEMBER, chat->id, user_id);
    struct entry *e = overlay_get(o, key);
    if (e != NULL) {
        return &e->u.member;
    }
    e = overlay_add(o, ENTRY_MEMBER, key);
    e->u.member = (struct ov_member){.chat_id = chat->id, .user_id = user_id};
    const struct cache_member *m = cached_member(o, chat->id, user_id);
    if (m != NULL) {
        e->u.member.role = m->role;
        e->u.member.joined_seq = m->joined_seq;
        e->u.member.read_seq = m->read_seq;
        e->u.member.own_total = m->own_total;
        e->u.member.own_at_read = m->own_at_read;
    }
    return &e->u.member;
}

static bool is_member_of(const struct entry *e, uint64_t chat_id)
{
    return e->kind == ENTRY_MEMBER && e->u.member.chat_id == chat_id &&
           e->u.member.role != ROLE_NONE;
}

void overlay_members(struct overlay *o, struct ov_chat *chat, overlay_visit visit, void *ctx)
{
    const struct cache_chat *c = cache_chat(o->cache, cache_chat_index(o->cache, chat->id));
    for (uint32_t i = 0; c != NULL && i < c->members_count; i++) {
        uint64_t user_id = user_id_at(o->cache, c->members[i].user);
        const struct entry *e = overlay_get(o, overlay_key_of(ENTRY_MEMBER, chat->id, user_id));
        if (e == NULL && !visit(ctx, user_id, c->members[i].role)) {
            return;
        }
    }
    for (uint32_t i = 0; i < o->count; i++) {
        struct entry *e = o->entries[i];
        if (is_member_of(e, chat->id) &&
            !visit(ctx, e->u.member.user_id, e->u.member.role)) {
            return;
        }
    }
}

/* -- messages and keys ------------------------------------------------------------------------ */

struct ov_message *overlay_message(struct overlay *o, uint64_t id)
{
    struct entry *e = overlay_get(o, overlay_key_of(ENTRY_MESSAGE, id, 0));
    return e ? &e->u.message : NULL;
}

struct ov_message *overlay_put_message(struct overlay *o, const struct ov_message *m)
{
    uint64_t key = overlay_key_of(ENTRY_MESSAGE, m->id, 0);
    struct entry *e = overlay_get(o, key);
    if (e == NULL) {
        e = overlay_add(o, ENTRY_MESSAGE, key);
    }
    e->u.message = *m;
    return &e->u.message;
}

struct ov_attachment *overlay_attachment(struct overlay *o, uint64_t id)
{
    struct entry *e = overlay_get(o, overlay_key_of(ENTRY_ATTACHMENT, id, 0));
    return e ? &e->u.attachment : NULL;
}

struct ov_attachment *overlay_put_attachment(struct overlay *o, const struct ov_attachment *a)
{
    struct entry *e = overlay_add(o, ENTRY_ATTACHMENT, overlay_key_of(ENTRY_ATTACHMENT, a->id, 0));
    e->u.attachment = *a;
    return &e->u.attachment;
}

static uint64_t idempotency_key(uint64_t user_id, const struct key16 *key)
{
    uint64_t halves[2];
    memcpy(halves, key->b, sizeof(halves));
    return overlay_key_of(ENTRY_KEY, user_id, map64_hash_pair(halves[0], halves[1]));
}

struct ov_key *overlay_key(struct overlay *o, uint64_t user_id, const struct key16 *key)
{
    struct entry *e = overlay_get(o, idempotency_key(user_id, key));
    return e ? &e->u.key : NULL;
}

void overlay_add_key(struct overlay *o, const struct ov_key *k)
{
    overlay_add(o, ENTRY_KEY, idempotency_key(k->user_id, &k->key))->u.key = *k;
}
