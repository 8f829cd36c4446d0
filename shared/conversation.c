#include "shared/conversation.h"

#include "shared/clock.h"
#include "shared/json.h"

static void key_time(struct buf *out, const char *key, uint64_t us)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    clock_add_rfc3339(out, us, CLOCK_MILLIS);
    buf_add_char(out, '"');
}

static void key_user(struct buf *out, const char *key, const struct conversation *c, unsigned i)
{
    if (c->is_group) {
        json_key_null(out, key);
    } else {
        json_key_u64(out, key, c->user_id[i]);
    }
}

void conversation_add(struct buf *out, const struct conversation *c)
{
    buf_add_char(out, '{');
    json_key_u64(out, "id", c->id);
    key_user(out, "user1_id", c, 0);
    key_user(out, "user2_id", c, 1);
    key_time(out, "created_at", c->created_us);
    key_time(out, "updated_at", c->updated_us);
    if (c->is_group) {
        json_key_str(out, "name", c->name);
        json_key_bool(out, "is_group", true);
    }
    buf_add_char(out, '}');
}

void conversation_add_user(struct buf *out, const struct conversation_user *u)
{
    buf_add_char(out, '{');
    json_key_u64(out, "id", u->id);
    json_key_str(out, "username", u->username);
    json_key_str(out, "name", u->name);
    buf_add_char(out, '}');
}

void conversation_add_message(struct buf *out, const struct conversation_message *m)
{
    buf_add_char(out, '{');
    json_key_u64(out, "id", m->id);
    json_key_u64(out, "conversation_id", m->conversation_id);
    json_key_u64(out, "sender_id", m->sender_id);
    json_key_str(out, "message", m->text);
    key_time(out, "created_at", m->created_us);
    buf_add_char(out, '}');
}
