#include "rest/cache.h"

#include <ctype.h>
#include <stdlib.h>

#include "rest/cache_int.h"
#include "rest/deletions.h"
#include "rest/prefs.h"
#include "rest/sessions.h"
#include "shared/cmd.h"
#include "shared/mem.h"

struct cache *cache_new(void)
{
    struct cache *c = mem_new(sizeof(*c));
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    /* Readers come all the time; without this they can keep the writer out for ever. */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&c->lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    c->sessions = sessions_new();
    return c;
}

void cache_free(struct cache *c)
{
    if (c == NULL) {
        return;
    }
    for (uint32_t i = 0; i < c->users_count; i++) {
        free(c->users[i].username);
        free(c->users[i].name);
        free(c->users[i].external_id);
        free(c->users[i].profile_url);
        free(c->users[i].chats);
        prefs_free(c->users[i].prefs);
    }
    for (uint32_t i = 0; i < c->chats_count; i++) {
        free(c->chats[i].name);
        free(c->chats[i].members);
        deletions_free(c->chats[i].deletions);
    }
    free(c->users);
    free(c->chats);
    free(c->open);
    free(c->broadcasts);
    map64_release(&c->user_ids);
    map64_release(&c->chat_ids);
    map64_release(&c->names);
    map64_release(&c->externals);
    map64_release(&c->pairs);
    map64_release(&c->revoked);
    sessions_free(c->sessions);
    pthread_rwlock_destroy(&c->lock);
    free(c);
}

void cache_rdlock(struct cache *c)
{
    pthread_rwlock_rdlock(&c->lock);
}

void cache_wrlock(struct cache *c)
{
    pthread_rwlock_wrlock(&c->lock);
}

void cache_unlock(struct cache *c)
{
    pthread_rwlock_unlock(&c->lock);
}

/* -- looking up ------------------------------------------------------------------------------ */

const struct cache_user *cache_user(const struct cache *c, uint32_t index)
{
    return index < c->users_count ? &c->users[index] : NULL;
}

const struct cache_chat *cache_chat(const struct cache *c, uint32_t index)
{
    return index < c->chats_count && !c->chats[index].deleted ? &c->chats[index] : NULL;
}

static uint32_t look_up(const struct map64 *m, uint64_t key)
{
    uint32_t index = CACHE_NONE;
    return key != 0 && map64_get(m, key, &index) ? index : CACHE_NONE;
}

uint32_t cache_user_index(const struct cache *c, uint64_t user_id)
{
    return look_up(&c->user_ids, user_id);
}

uint32_t cache_chat_index(const struct cache *c, uint64_t chat_id)
{
    uint32_t index = look_up(&c->chat_ids, chat_id);
    return index != CACHE_NONE && c->chats[index].deleted ? CACHE_NONE : index;
}

const struct cache_chat *cache_chat_ever(const struct cache *c, uint64_t chat_id)
{
    uint32_t index = look_up(&c->chat_ids, chat_id);
    return index == CACHE_NONE ? NULL : &c->chats[index];
}

/* User names are ASCII (svc_check sees to it), so folding is. */
static uint64_t name_key(struct str username)
{
    char folded[256];
    size_t len = username.len < sizeof(folded) ? username.len : sizeof(folded);
    for (size_t i = 0; i < len; i++) {
        folded[i] = (char)tolower((unsigned char)username.p[i]);
    }
    return map64_hash((struct str){folded, len});
}

uint32_t cache_user_by_name(const struct cache *c, struct str username)
{
    uint32_t index = look_up(&c->names, name_key(username));
    if (index == CACHE_NONE || !str_ieq(str_of(c->users[index].username), username)) {
        return CACHE_NONE;
    }
    return index;
}

uint32_t cache_user_by_external(const struct cache *c, struct str external_id)
{
    uint32_t index = look_up(&c->externals, map64_hash(external_id));
    return index != CACHE_NONE && str_eq(str_of(c->users[index].external_id), external_id) ? index
                                                                                          : CACHE_NONE;
}

uint32_t cache_user_called(const struct cache *c, struct str text)
{
    uint64_t id = 0;
    if (id_parse(text, ID_USER, &id) == RC_OK) {
        return cache_user_index(c, id);
    }
    uint32_t index = cache_user_by_external(c, text);
    return index != CACHE_NONE ? index : cache_user_by_name(c, text);
}

static uint64_t pair_key(uint64_t a, uint64_t b)
{
    return a < b ? map64_hash_pair(a, b) : map64_hash_pair(b, a);
}

uint32_t cache_direct_chat(const struct cache *c, uint64_t user_a, uint64_t user_b)
{
    return look_up(&c->pairs, pair_key(user_a, user_b));
}

/* Where user is, or where it would be inserted. */
static uint32_t member_place(const struct cache_chat *chat, uint32_t user)
{
    uint32_t low = 0, high = chat->members_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (chat->members[mid].user < user) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

const struct cache_member *cache_member(const struct cache_chat *chat, uint32_t user_index)
{
    uint32_t at = member_place(chat, user_index);
    if (at == chat->members_count || chat->members[at].user != user_index) {
        return NULL;
    }
    return &chat->members[at];
}

static struct cache_member *member_mut(struct cache *c, uint32_t chat, uint32_t user)
{
    return (struct cache_member *)(uintptr_t)cache_member(&c->chats[chat], user);
}

uint32_t cache_users_count(const struct cache *c)
{
    return c->users_count;
}

uint32_t cache_chats_count(const struct cache *c)
{
    return c->chats_count;
}

const struct sessions *cache_sessions(const struct cache *c)
{
    return c->sessions;
}

struct sessions *cache_sessions_to_change(struct cache *c)
{
    return c->sessions;
}

uint64_t cache_chat_updated(const struct cache_chat *chat)
{
    uint64_t us = chat->created_us;
    if (chat->renamed_us > us) {
        us = chat->renamed_us;
    }
    return chat->last_message_us > us ? chat->last_message_us : us;
}

struct str cache_chat_name(const struct cache *c, const struct cache_chat *chat, uint32_t viewer)
{
    if (chat->kind != CHAT_DIRECT) {
        return str_of(chat->name);
    }
    const struct cache_user *peer = cache_user(c, chat->peer[chat->peer[0] == viewer ? 1 : 0]);
    return peer ? str_of(peer->name) : STR("");
}

uint64_t cache_unread(const struct cache_chat *chat, const struct cache_member *m)
{
    uint64_t from = m->read_seq > m->joined_seq ? m->read_seq : m->joined_seq;
    if (chat->last_seq <= from) {
        return 0;
    }
    uint64_t above = chat->last_seq - from;
    uint64_t own = m->own_total - m->own_at_read;
    uint64_t deleted = deletions_above(chat->deletions, from, m->user);
    return above > own + deleted ? above - own - deleted : 0;
}

enum code cache_token_state(struct cache *c, uint64_t user_id, uint64_t family, uint64_t stamp_us)
{
    enum code code = CODE_OK;
    cache_rdlock(c);
    const struct cache_user *u = cache_user(c, cache_user_index(c, user_id));
    if (u == NULL) {
        code = CODE_USER_NOT_FOUND;
    } else if (u->status != USER_ACTIVE) {
        code = CODE_USER_DISABLED;
    } else if (stamp_us < u->valid_from_us || look_up(&c->revoked, family) != CACHE_NONE) {
        code = CODE_TOKEN_REVOKED;
    }
    cache_unlock(c);
    return code;
}

/* -- changing ---------------------------------------------------------------------------------- */

/* Room for one more entry: an eighth more at a time keeps the slack small where there are many. */
static void *room_for_one(void *p, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room) {
        return p;
    }
    *room = *room + *room / 8 + (*room < 4 ? 1 : 4);
    return mem_grow(p, *room, size);
}

static void set_text(char **slot, struct str text)
{
    char *copy = mem_copy(text.len ? text.p : "", text.len);
    free(*slot);
    *slot = copy;
}

uint32_t cache_put_user(struct cache *c, const struct row_user *r)
{
    uint32_t index = cache_user_index(c, r->id);
    if (index == CACHE_NONE) {
        if (c->users_count == c->users_room) {
            c->users_room = c->users_room ? c->users_room * 2 : 64;
            c->users = mem_grow(c->users, c->users_room, sizeof(c->users[0]));
        }
        index = c->users_count++;
        c->users[index] = (struct cache_user){.id = r->id, .created_us = r->created_us};
        set_text(&c->users[index].username, r->username);
        map64_put(&c->user_ids, r->id, index);
        map64_put(&c->names, name_key(r->username), index);
        if (r->external_id.len > 0) {
            set_text(&c->users[index].external_id, r->external_id);
            map64_put(&c->externals, map64_hash(r->external_id), index);
        }
    }
    struct cache_user *u = &c->users[index];
    set_text(&u->name, r->name);
    free(u->profile_url);
    u->profile_url = r->profile_url.p != NULL ? mem_copy(r->profile_url.p, r->profile_url.len) : NULL;
    u->status = r->status;
    u->valid_from_us = r->valid_from_us;
    if (r->last_event > u->last_event) {
        u->last_event = r->last_event;
    }
    return index;
}

uint32_t cache_put_chat(struct cache *c, const struct row_chat *r)
{
    if (c->chats_count == c->chats_room) {
        c->chats_room = c->chats_room ? c->chats_room * 2 : 64;
        c->chats = mem_grow(c->chats, c->chats_room, sizeof(c->chats[0]));
    }
    uint32_t index = c->chats_count++;
    c->chats[index] = (struct cache_chat){
        .id = r->id,
        .created_us = r->created_us,
        .renamed_us = r->renamed_us,
        .last_message_us = r->last_message_us,
        .last_seq = r->last_seq,
        .last_message_id = r->last_message_id,
        .last_text_event = r->last_text_event,
        .last_event = r->last_event,
        .kind = r->kind,
        .peer = {cache_user_index(c, r->peer[0]), cache_user_index(c, r->peer[1])},
    };
    set_text(&c->chats[index].name, r->name);
    cache_set_open(c, index, r->open == CMD_FLAG_ON);
    map64_put(&c->chat_ids, r->id, index);
    if (r->kind == CHAT_DIRECT) {
        map64_put(&c->pairs, pair_key(r->peer[0], r->peer[1]), index);
    }
    return index;
}

void cache_rename_chat(struct cache *c, uint32_t chat, const struct row_chat *r)
{
    if (r->name.len > 0) {
        set_text(&c->chats[chat].name, r->name);
    }
    if (r->open != CMD_FLAG_KEEP) {
        cache_set_open(c, chat, r->open == CMD_FLAG_ON);
    }
    c->chats[chat].renamed_us = r->renamed_us;
}

static void forget_chat(struct cache_user *u, uint32_t chat)
{
    for (uint32_t i = 0; i < u->chats_count; i++) {
        if (u->chats[i] == chat) {
            u->chats[i] = u->chats[--u->chats_count];
            return;
        }
    }
}

void cache_delete_chat(struct cache *c, uint32_t index)
{
    struct cache_chat *chat = &c->chats[index];
    for (uint32_t i = 0; i < chat->members_count; i++) {
        forget_chat(&c->users[chat->members[i].user], index);
    }
    if (chat->kind == CHAT_DIRECT) {
        map64_remove(&c->pairs, pair_key(c->users[chat->peer[0]].id, c->users[chat->peer[1]].id));
    }
    cache_set_open(c, index, false);
    free(chat->members);
    deletions_free(chat->deletions);
    chat->members = NULL;
    chat->members_count = chat->members_room = 0;
    chat->deletions = NULL;
    chat->deleted = true;
}

static struct cache_member *insert_member(struct cache *c, uint32_t chat_index, uint32_t user)
{
    struct cache_chat *chat = &c->chats[chat_index];
    struct cache_user *u = &c->users[user];
    uint32_t at = member_place(chat, user);
    chat->members = room_for_one(chat->members, chat->members_count, &chat->members_room,
                                 sizeof(chat->members[0]));
    memmove(&chat->members[at + 1], &chat->members[at],
            (chat->members_count - at) * sizeof(chat->members[0]));
    chat->members_count++;
    chat->members[at] = (struct cache_member){.user = user};
    u->chats = room_for_one(u->chats, u->chats_count, &u->chats_room, sizeof(u->chats[0]));
    u->chats[u->chats_count++] = chat_index;
    return &chat->members[at];
}

void cache_put_member(struct cache *c, const struct row_member *r)
{
    uint32_t chat = cache_chat_index(c, r->chat_id);
    uint32_t user = cache_user_index(c, r->user_id);
    if (chat == CACHE_NONE || user == CACHE_NONE) {
        return;
    }
    struct cache_member *m = member_mut(c, chat, user);
    if (m == NULL) {
        m = insert_member(c, chat, user);
    }
    m->role = r->role;
    m->joined_seq = r->joined_seq;
    if (r->joined_seq > c->chats[chat].joined_max) {
        c->chats[chat].joined_max = r->joined_seq;
    }
    m->read_seq = r->read_seq;
    m->own_total = r->own_total;
    m->own_at_read = r->own_at_read;
}

void cache_drop_member(struct cache *c, uint32_t chat_index, uint32_t user)
{
    struct cache_chat *chat = &c->chats[chat_index];
    uint32_t at = member_place(chat, user);
    if (at == chat->members_count || chat->members[at].user != user) {
        return;
    }
    chat->members_count--;
    memmove(&chat->members[at], &chat->members[at + 1],
            (chat->members_count - at) * sizeof(chat->members[0]));
    forget_chat(&c->users[user], chat_index);
}

void cache_add_message(struct cache *c, uint32_t chat, uint32_t sender, uint64_t seq, uint64_t id, uint64_t at_us)
{
    c->chats[chat].last_seq = seq;
    c->chats[chat].last_message_id = c->chats[chat].last_text_event = id;
    c->chats[chat].last_message_us = at_us;
    cache_count_own(c, chat, sender);
}

void cache_change_message(struct cache *c, uint32_t chat, uint64_t seq, uint64_t event_id)
{
    if (seq == c->chats[chat].last_seq) {
        c->chats[chat].last_text_event = event_id;
    }
}

void cache_count_own(struct cache *c, uint32_t chat, uint32_t user)
{
    struct cache_member *m = member_mut(c, chat, user);
    if (m != NULL) {
        m->own_total++;
    }
}

void cache_add_deletion(struct cache *c, uint32_t chat_index, uint64_t seq, uint32_t sender)
{
    deletions_add(&c->chats[chat_index].deletions, seq, sender);
}

void cache_set_read(struct cache *c, uint32_t chat, uint32_t user, uint64_t read_seq,
                    uint32_t own_at_read)
{
    struct cache_member *m = member_mut(c, chat, user);
    if (m != NULL && read_seq > m->read_seq) {
        m->read_seq = read_seq;
        m->own_at_read = own_at_read;
    }
}

void cache_touch_chat(struct cache *c, uint32_t chat, uint64_t event_id)
{
    c->chats[chat].last_event = event_id;
}

void cache_touch_user(struct cache *c, uint32_t user, uint64_t event_id)
{
    c->users[user].last_event = event_id;
}

void cache_revoke_family(struct cache *c, uint64_t family, uint64_t revoked_s)
{
    map64_put(&c->revoked, family, (uint32_t)revoked_s);
}

void cache_trim_revoked(struct cache *c, uint64_t before_s)
{
    struct map64 kept = MAP64_INIT;
    uint32_t at = 0, when = 0;
    uint64_t family = 0;
    while (map64_next(&c->revoked, &at, &family, &when)) {
        if (when >= before_s) {
            map64_put(&kept, family, when);
        }
    }
    map64_release(&c->revoked);
    c->revoked = kept;
}
