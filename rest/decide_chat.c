/* Chats and who is in them. */
#include "rest/decide.h"
#include "shared/map64.h"

static bool has_room_for_chat(const struct decider *d, const struct ov_user *u)
{
    return u->chats_count < d->conf->chats_per_user_max;
}

/* Somebody who can be put into a chat. */
static struct ov_user *find_peer(struct decider *d, uint64_t id, enum code *code)
{
    struct ov_user *u = overlay_user(d->overlay, id);
    if (u == NULL || u->status != USER_ACTIVE) {
        *code = CODE_USER_NOT_FOUND;
        return NULL;
    }
    if (!has_room_for_chat(d, u)) {
        *code = CODE_TOO_MANY_CHATS;
        return NULL;
    }
    return u;
}

/* The membership, in the overlay and as a row. */
static void join(struct decider *d, struct ov_chat *chat, struct ov_user *u, enum member_role role)
{
    struct ov_member *m = overlay_member(d->overlay, chat, u->id);
    *m = (struct ov_member){
        .chat_id = chat->id,
        .user_id = u->id,
        .role = (uint8_t)role,
        .joined_seq = chat->last_seq,
        .read_seq = chat->last_seq,
    };
    chat->members_count++;
    u->chats_count++;
    decide_put_member(d, chat, m);
}

/* A new chat without members yet. */
static struct ov_chat *add_chat(struct decider *d, struct job *job, enum chat_kind kind, struct str name,
                                const uint64_t peers[2])
{
    uint8_t open = kind == CHAT_GROUP ? (uint8_t)job->cmd.number2 : CMD_FLAG_KEEP;
    struct ov_chat chat = {.id = d->next_chat++,
                           .created_us = d->now_us,
                           .kind = (uint8_t)kind,
                           .is_open = open == CMD_FLAG_ON,
                           .peer = {peers[0], peers[1]}};
    *batch_chat_new(d->batch) = (struct row_chat){
        .id = chat.id,
        .created_us = d->now_us,
        .created_by = job->cmd.actor_id,
        .kind = chat.kind,
        .open = open,
        .name = name,
        .peer = {peers[0], peers[1]},
    };
    job->outcome.chat_id = chat.id;
    job->outcome.created = true;
    return overlay_add_chat(d->overlay, &chat);
}

static void announce_chat(struct decider *d, struct job *job, const struct ov_chat *chat)
{
    struct draft *draft = decide_event(d, job, &(struct row_event){.kind = EV_CHAT_CREATED, .chat_id = chat->id});
    draft->chat = d->batch->rows.chats_new_count - 1;
    draft->member = d->batch->rows.members_put_count - chat->members_count;
    draft->members = chat->members_count;
}

enum code decide_direct(struct decider *d, struct job *job, uint64_t peer_id, struct ov_chat **out,
                        bool *created)
{
    uint64_t me = job->cmd.actor_id;
    if (peer_id == me) {
        return CODE_SELF_CHAT;
    }
    *created = false;
    uint64_t existing = overlay_direct(d->overlay, me, peer_id);
    if (existing != 0) {
        *out = overlay_chat(d->overlay, existing);
        return *out ? CODE_OK : CODE_CHAT_NOT_FOUND;
    }
    enum code code = CODE_OK;
    struct ov_user *peer = find_peer(d, peer_id, &code);
    struct ov_user *actor = peer ? overlay_user(d->overlay, me) : NULL;
    if (actor == NULL || !has_room_for_chat(d, actor)) {
        return peer ? CODE_TOO_MANY_CHATS : code;
    }
    uint64_t pair[2] = {me < peer_id ? me : peer_id, me < peer_id ? peer_id : me};
    struct ov_chat *chat = add_chat(d, job, CHAT_DIRECT, STR(""), pair);
    join(d, chat, actor, ROLE_MEMBER);
    join(d, chat, peer, ROLE_MEMBER);
    announce_chat(d, job, chat);
    *out = chat;
    *created = true;
    return CODE_OK;
}

enum code decide_create_direct(struct decider *d, struct job *job)
{
    struct ov_chat *chat = NULL;
    bool created = false;
    enum code code = decide_direct(d, job, job->cmd.user_id, &chat, &created);
    if (code == CODE_OK) {
        job->outcome.chat_id = chat->id;
        job->outcome.created = created;
    }
    return code;
}

/* Everybody in the list exists and is named once; the actor may be in it. *distinct counts the others. */
static enum code check_users(struct decider *d, const struct cmd *c, uint32_t *distinct)
{
    struct map64 seen = MAP64_INIT;
    enum code code = CODE_OK;
    map64_put(&seen, c->actor_id, 0);
    for (uint32_t i = 0; i < c->users_count && code == CODE_OK; i++) {
        uint32_t before = 0;
        if (!map64_get(&seen, c->users[i], &before) && find_peer(d, c->users[i], &code) != NULL) {
            map64_put(&seen, c->users[i], i);
        }
    }
    *distinct = seen.count - 1;
    map64_release(&seen);
    return code;
}

enum code decide_create_group(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    uint32_t others = 0;
    enum code code = check_users(d, c, &others);
    if (code != CODE_OK) {
        return code;
    }
    if (others + 1 > d->conf->members_max) {
        return CODE_TOO_MANY_MEMBERS;
    }
    struct ov_user *actor = overlay_user(d->overlay, c->actor_id);
    if (!has_room_for_chat(d, actor)) {
        return CODE_TOO_MANY_CHATS;
    }
    struct ov_chat *chat = add_chat(d, job, CHAT_GROUP, c->name, (uint64_t[2]){0, 0});
    join(d, chat, actor, ROLE_OWNER);
    for (uint32_t i = 0; i < c->users_count; i++) {
        if (overlay_member(d->overlay, chat, c->users[i])->role == ROLE_NONE) {
            join(d, chat, overlay_user(d->overlay, c->users[i]), ROLE_MEMBER);
        }
    }
    announce_chat(d, job, chat);
    return CODE_OK;
}

/* A group in which the actor has at least this role. */
static struct ov_chat *find_group(struct decider *d, const struct cmd *c, enum member_role least,
                                  struct ov_member **actor, enum code *code)
{
    struct ov_chat *chat = decide_chat(d, c, actor, code);
    if (chat == NULL) {
        return NULL;
    }
    *code = chat->kind != CHAT_GROUP ? CODE_NOT_A_GROUP : CODE_FORBIDDEN;
    return chat->kind == CHAT_GROUP && (*actor)->role >= least ? chat : NULL;
}

/* Is it called and open like that already? Only the cache knows names, so a rename in flight counts as another. */
static bool is_so(const struct decider *d, const struct ov_chat *chat, const struct cmd *c)
{
    const struct cache_chat *known = cache_chat(d->cache, cache_chat_index(d->cache, chat->id));
    bool named = c->name.len == 0 || (known != NULL && !chat->renamed && str_eq(str_of(known->name), c->name));
    return named && (c->number2 == CMD_FLAG_KEEP || (c->number2 == CMD_FLAG_ON) == chat->is_open);
}

enum code decide_rename(struct decider *d, struct job *job)
{
    enum code code = CODE_OK;
    struct ov_member *actor = NULL;
    struct ov_chat *chat = find_group(d, &job->cmd, ROLE_ADMIN, &actor, &code);
    if (chat == NULL) {
        return code;
    }
    job->outcome.chat_id = chat->id;
    if (is_so(d, chat, &job->cmd)) {
        return CODE_OK;
    }
    chat->renamed = chat->renamed || job->cmd.name.len > 0;
    chat->is_open = job->cmd.number2 == CMD_FLAG_KEEP ? chat->is_open : job->cmd.number2 == CMD_FLAG_ON;
    struct draft *draft = decide_event(d, job, &(struct row_event){.kind = EV_CHAT_RENAMED, .chat_id = chat->id});
    draft->chat = d->batch->rows.chats_set_count;
    *batch_chat_set(d->batch) =
        (struct row_chat){.id = chat->id,
                          .open = (uint8_t)job->cmd.number2,
                          .name = job->cmd.name.len > 0 ? job->cmd.name : STR_NONE,
                          .renamed_us = d->now_us};
    return CODE_OK;
}

struct leaving {
    struct decider *d;
    uint64_t event_id;
};

/* Each former member finds the end of the chat among its own events. */
static bool leave_deleted(void *ctx, uint64_t user_id, uint8_t role)
{
    (void)role;
    struct leaving *l = ctx;
    *batch_event_user(l->d->batch) = (struct row_event_user){.user_id = user_id, .event_id = l->event_id};
    struct ov_user *u = overlay_user(l->d->overlay, user_id);
    if (u != NULL && u->chats_count > 0) {
        u->chats_count--;
    }
    return true;
}

static void delete_chat(struct decider *d, struct job *job, struct ov_chat *chat)
{
    /* The time of creation is part of the id's text form, and the chat will not be there to tell it. */
    struct draft *draft = decide_event(d, job, &(struct row_event){.kind = EV_CHAT_DELETED,
                                                                   .chat_id = chat->id,
                                                                   .number = chat->created_us});
    struct leaving l = {.d = d, .event_id = draft->event.id};
    overlay_members(d->overlay, chat, leave_deleted, &l);
    *batch_chat_deleted(d->batch) = chat->id;
    chat->deleted = true;
}

enum code decide_delete_chat(struct decider *d, struct job *job)
{
    enum code code = CODE_OK;
    struct ov_member *actor = NULL;
    struct ov_chat *chat = find_group(d, &job->cmd, ROLE_OWNER, &actor, &code);
    if (chat == NULL) {
        return code;
    }
    job->outcome.chat_id = chat->id;
    delete_chat(d, job, chat);
    return CODE_OK;
}

/* Into an open group everybody may come by himself. */
static struct ov_chat *find_open(struct decider *d, const struct cmd *c)
{
    struct ov_chat *chat = overlay_chat(d->overlay, c->chat_id);
    bool joins = c->users_count == 1 && c->users[0] == c->actor_id && c->number <= ROLE_MEMBER;
    return joins && chat != NULL && chat->is_open ? chat : NULL;
}

/* A group into which the actor may put others in this role. */
static struct ov_chat *find_own(struct decider *d, const struct cmd *c, enum member_role role, enum code *code)
{
    struct ov_member *actor = NULL;
    struct ov_chat *chat = find_group(d, c, ROLE_ADMIN, &actor, code);
    if (chat != NULL && role > ROLE_MEMBER && actor->role < ROLE_OWNER) {
        *code = CODE_FORBIDDEN;
        return NULL;
    }
    return chat;
}

enum code decide_member_add(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    enum code code = CODE_OK;
    enum member_role role = c->number ? (enum member_role)c->number : ROLE_MEMBER;
    struct ov_chat *chat = find_open(d, c);
    if (chat == NULL) {
        chat = find_own(d, c, role, &code);
    }
    if (chat == NULL) {
        return code;
    }
    uint32_t others = 0;
    code = check_users(d, c, &others);
    if (code != CODE_OK) {
        return code;
    }
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < c->users_count; i++) {
        fresh += overlay_member(d->overlay, chat, c->users[i])->role == ROLE_NONE;
    }
    if (fresh == 0) {
        return CODE_ALREADY_MEMBER;
    }
    if (chat->members_count + fresh > d->conf->members_max) {
        return CODE_TOO_MANY_MEMBERS;
    }
    if (overlay_member(d->overlay, chat, c->actor_id)->role == ROLE_NONE &&
        !has_room_for_chat(d, overlay_user(d->overlay, c->actor_id))) {
        return CODE_TOO_MANY_CHATS; /* the others have been checked */
    }
    job->outcome.chat_id = chat->id;
    job->outcome.created = true;
    for (uint32_t i = 0; i < c->users_count; i++) {
        if (overlay_member(d->overlay, chat, c->users[i])->role != ROLE_NONE) {
            continue;
        }
        join(d, chat, overlay_user(d->overlay, c->users[i]), role);
        struct draft *draft = decide_event(d, job, &(struct row_event){.kind = EV_MEMBER_ADDED,
                                                                       .chat_id = chat->id,
                                                                       .subject_id = c->users[i],
                                                                       .number = role});
        draft->member = d->batch->rows.members_put_count - 1;
        draft->members = 1;
    }
    return CODE_OK;
}

static bool count_owner(void *ctx, uint64_t user_id, uint8_t role)
{
    (void)user_id;
    *(uint32_t *)ctx += role == ROLE_OWNER;
    return true;
}

static bool is_last_owner(struct decider *d, struct ov_chat *chat, const struct ov_member *m)
{
    if (m->role != ROLE_OWNER) {
        return false;
    }
    uint32_t owners = 0;
    overlay_members(d->overlay, chat, count_owner, &owners);
    return owners == 1;
}

enum code decide_member_remove(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    enum code code = CODE_OK;
    struct ov_member *actor = NULL;
    struct ov_chat *chat = find_group(d, c, ROLE_MEMBER, &actor, &code);
    if (chat == NULL) {
        return code;
    }
    struct ov_member *m = overlay_member(d->overlay, chat, c->user_id);
    if (m->role == ROLE_NONE) {
        return CODE_MEMBER_NOT_FOUND;
    }
    /* Owners remove anybody but owners, admins remove plain members, everybody may leave. */
    if (m != actor && (actor->role < ROLE_ADMIN || actor->role <= m->role)) {
        return CODE_FORBIDDEN;
    }
    job->outcome.chat_id = chat->id;
    job->outcome.user_id = c->user_id;
    if (chat->members_count == 1) {
        delete_chat(d, job, chat);
        return CODE_OK;
    }
    if (is_last_owner(d, chat, m)) {
        return CODE_LAST_OWNER;
    }
    /* The time as in delete_chat: the chat may be gone when this is replayed. */
    struct draft *draft = decide_event(d, job, &(struct row_event){.kind = EV_MEMBER_REMOVED,
                                                                   .chat_id = chat->id,
                                                                   .subject_id = c->user_id,
                                                                   .number = chat->created_us});
    *batch_event_user(d->batch) =
        (struct row_event_user){.user_id = c->user_id, .event_id = draft->event.id};
    *batch_member_gone(d->batch) = (struct row_member){.chat_id = chat->id, .user_id = c->user_id};
    m->role = ROLE_NONE;
    chat->members_count--;
    struct ov_user *u = overlay_user(d->overlay, c->user_id);
    if (u != NULL && u->chats_count > 0) {
        u->chats_count--;
    }
    return CODE_OK;
}

enum code decide_member_role(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    enum code code = CODE_OK;
    struct ov_member *actor = NULL;
    struct ov_chat *chat = find_group(d, c, ROLE_OWNER, &actor, &code);
    if (chat == NULL) {
        return code;
    }
    struct ov_member *m = overlay_member(d->overlay, chat, c->user_id);
    if (m->role == ROLE_NONE) {
        return CODE_MEMBER_NOT_FOUND;
    }
    job->outcome.chat_id = chat->id;
    job->outcome.user_id = c->user_id;
    if (m->role == c->number) {
        return CODE_OK;
    }
    if (is_last_owner(d, chat, m)) {
        return CODE_LAST_OWNER;
    }
    m->role = (uint8_t)c->number;
    decide_put_member(d, chat, m);
    struct draft *draft = decide_event(d, job, &(struct row_event){.kind = EV_MEMBER_ROLE,
                                                                   .chat_id = chat->id,
                                                                   .subject_id = c->user_id,
                                                                   .number = c->number});
    draft->member = d->batch->rows.members_put_count - 1;
    draft->members = 1;
    return CODE_OK;
}
