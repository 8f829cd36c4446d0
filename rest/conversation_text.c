#include "rest/conversation_text.h"

#include "shared/conversation.h"

static void add_user(const struct cache *c, uint32_t index, struct buf *out)
{
    const struct cache_user *u = cache_user(c, index);
    if (u != NULL) {
        struct conversation_user user = {u->id, str_of(u->username), str_of(u->name)};
        buf_add_z(out, out->p[out->len - 1] == '[' ? "" : ",");
        conversation_add_user(out, &user);
    }
}

void conversation_add_participants(const struct cache *c, const struct cache_chat *chat, struct buf *out)
{
    bool is_direct = chat->kind == CHAT_DIRECT;
    uint32_t count = is_direct ? 2 : chat->members_count;
    buf_add_char(out, '[');
    for (uint32_t i = 0; i < count && i < CONVERSATION_PARTICIPANTS_MAX && buf_ok(out); i++) {
        add_user(c, is_direct ? chat->peer[i] : chat->members[i].user, out);
    }
    buf_add_char(out, ']');
}

static uint64_t peer_id(const struct cache *c, const struct cache_chat *chat, unsigned i)
{
    const struct cache_user *u = chat->kind == CHAT_DIRECT ? cache_user(c, chat->peer[i]) : NULL;
    return u != NULL ? u->id : 0;
}

void conversation_add_created(const struct cache *c, const struct cache_chat *chat, struct buf *out)
{
    struct conversation conversation = {
        .id = chat->id,
        .created_us = chat->created_us,
        .updated_us = cache_chat_updated(chat),
        .user_id = {peer_id(c, chat, 0), peer_id(c, chat, 1)},
        .is_group = chat->kind == CHAT_GROUP,
        .name = str_of(chat->name),
    };
    buf_add_z(out, "{\"conversation\":");
    conversation_add(out, &conversation);
    buf_add_z(out, ",\"participants\":");
    conversation_add_participants(c, chat, out);
    buf_add_char(out, '}');
}
