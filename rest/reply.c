#include "rest/reply.h"

#include "shared/chat_room.h"
#include "shared/clock.h"
#include "shared/id.h"
#include "shared/json.h"

void reply_id(struct buf *out, const char *key, enum id_kind kind, uint64_t n, uint64_t created_us)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    id_add_hex(out, kind, n, created_us);
    buf_add_char(out, '"');
}

void reply_time(struct buf *out, const char *key, uint64_t wall_us_value)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    clock_add_rfc3339(out, wall_us_value, CLOCK_SECONDS);
    buf_add_char(out, '"');
}

static void user_members(struct buf *out, const struct user_view *u)
{
    reply_id(out, "user_id", ID_USER, u->id, u->created_us);
    json_key_str(out, "username", u->username);
    json_key_str(out, "name", u->name);
}

void reply_user(struct buf *out, const struct user_view *u)
{
    buf_add_char(out, '{');
    user_members(out, u);
    buf_add_char(out, '}');
}

static void profile_members(struct buf *out, const struct user_view *u)
{
    user_members(out, u);
    if (u->profile_url.p) {
        json_key_str(out, "profile_url", u->profile_url);
    }
}

void reply_profile(struct buf *out, const struct user_view *u)
{
    buf_add_char(out, '{');
    profile_members(out, u);
    buf_add_char(out, '}');
}

void reply_me(struct buf *out, const struct user_view *u)
{
    buf_add_char(out, '{');
    profile_members(out, u);
    reply_time(out, "created_at", u->created_us);
    buf_add_char(out, '}');
}

void reply_account(struct buf *out, const struct user_view *u)
{
    buf_add_char(out, '{');
    user_members(out, u);
    reply_time(out, "created_at", u->created_us);
    json_key_u64(out, "id", u->id);
    json_key_bool(out, "disabled", u->disabled);
    buf_add_char(out, '}');
}

void reply_presence(struct buf *out, const struct presence_view *p)
{
    buf_add_char(out, '{');
    reply_id(out, "user_id", ID_USER, p->id, p->created_us);
    json_key_bool(out, "online", p->online);
    if (p->seen_us != 0) {
        reply_time(out, "last_seen", p->seen_us);
    } else {
        json_key_null(out, "last_seen");
    }
    buf_add_char(out, '}');
}

void reply_member(struct buf *out, const struct member_view *m)
{
    buf_add_char(out, '{');
    user_members(out, &m->user);
    json_key_str(out, "role", str_of(role_name(m->role)));
    json_key_u64(out, "read_seq", m->read_seq);
    buf_add_char(out, '}');
}

void reply_attachment_path(struct buf *out, uint64_t id, uint64_t created_us)
{
    buf_add_z(out, "/api/attachments/");
    id_add_hex(out, ID_UPLOAD, id, created_us);
}

void reply_attachment(struct buf *out, const struct attachment_view *a, bool open)
{
    buf_add_char(out, '{');
    reply_id(out, "id", ID_UPLOAD, a->id, a->created_us);
    json_key_str(out, "name", a->name);
    json_key_str(out, "mime_type", a->mime_type);
    json_key_u64(out, "size", a->size);
    json_key_str(out, "sha256", a->sha256);
    json_add_key(out, "url");
    buf_add_char(out, '"');
    reply_attachment_path(out, a->id, a->created_us);
    buf_add_z(out, open ? "\"" : "\"}");
}

void reply_message(struct buf *out, const struct message_view *m, bool open)
{
    buf_add_char(out, '{');
    reply_id(out, "message_id", ID_MESSAGE, m->id, m->created_us);
    reply_id(out, "chat_id", ID_CHAT, m->chat_id, m->chat_created_us);
    json_key_u64(out, "seq", m->seq);
    reply_id(out, "sender_id", ID_USER, m->sender.id, m->sender.created_us);
    json_key_str(out, "sender_name", m->sender.name);
    json_key_str(out, "content", m->content);
    json_key_str(out, "message_type", m->kind);
    reply_time(out, "created_at", m->created_us);
    if (m->flags & MESSAGE_EDITED) {
        json_key_bool(out, "is_edited", true);
    }
    if (m->flags & MESSAGE_DELETED) {
        json_key_bool(out, "is_deleted", true);
    }
    if (m->attachment) {
        json_add_key(out, "attachment");
        reply_attachment(out, m->attachment, false);
    }
    if (!open) {
        buf_add_char(out, '}');
    }
}

static struct chat_room room_of(const struct chat_view *c)
{
    return (struct chat_room){
        .chat_id = c->id,
        .created_us = c->created_us,
        .updated_us = c->updated_us,
        .name = c->name,
    };
}

void reply_room(struct buf *out, const struct chat_view *c)
{
    struct chat_room room = room_of(c);
    chat_room_add(out, &room);
}

void reply_chat(struct buf *out, const struct chat_view *c)
{
    struct chat_room room = room_of(c);
    buf_add_char(out, '{');
    chat_room_add_members(out, &room);
    json_key_str(out, "kind", c->kind == CHAT_DIRECT ? STR("personal") : STR("group"));
    json_key_str(out, "role", str_of(role_name(c->role)));
    json_key_u64(out, "members_count", c->members_count);
    if (c->kind == CHAT_GROUP) {
        json_key_bool(out, "open", c->is_open);
    }
    json_key_u64(out, "unread_count", c->unread);
    json_key_u64(out, "last_seq", c->last_seq);
    json_key_u64(out, "read_seq", c->read_seq);
    if (c->kind == CHAT_DIRECT) {
        json_add_key(out, "peer");
        reply_user(out, &c->peer);
    }
    if (c->last) {
        json_add_key(out, "last_message");
        reply_message(out, c->last, false);
    } else {
        json_key_null(out, "last_message");
    }
    buf_add_char(out, '}');
}

void reply_open_chat(struct buf *out, const struct chat_view *c)
{
    struct chat_room room = room_of(c);
    buf_add_char(out, '{');
    chat_room_add_members(out, &room);
    json_key_u64(out, "members_count", c->members_count);
    json_key_bool(out, "joined", c->role != ROLE_NONE);
    buf_add_char(out, '}');
}

void reply_note(struct buf *out, const struct note_view *n)
{
    buf_add_char(out, '{');
    reply_id(out, "id", ID_NOTIFICATION, n->id, n->created_us);
    json_key_str(out, "type", n->kind);
    json_key_str(out, "title", n->title);
    json_key_str(out, "message", n->text);
    if (n->link.p != NULL) {
        json_key_str(out, "link", n->link);
    } else {
        json_key_null(out, "link");
    }
    json_key_bool(out, "is_read", n->is_read);
    reply_time(out, "created_at", n->created_us);
    if (n->chat_id != 0) {
        reply_id(out, "chat_id", ID_CHAT, n->chat_id, n->chat_created_us);
    }
    if (n->message_id != 0) {
        reply_id(out, "message_id", ID_MESSAGE, n->message_id, n->message_created_us);
    }
    if (n->sender_id != 0) {
        reply_id(out, "sender_id", ID_USER, n->sender_id, n->sender_created_us);
    }
    buf_add_char(out, '}');
}

static const char *const roles[] = {
    [ROLE_NONE] = "none", [ROLE_MEMBER] = "member", [ROLE_ADMIN] = "admin", [ROLE_OWNER] = "owner"};

const char *role_name(uint8_t role)
{
    return role <= ROLE_OWNER ? roles[role] : roles[ROLE_NONE];
}

uint8_t role_parse(struct str text)
{
    for (uint8_t role = ROLE_MEMBER; role <= ROLE_OWNER; role++) {
        if (str_eq(text, str_of(roles[role]))) {
            return role;
        }
    }
    return ROLE_NONE;
}

void place_write(struct buf *out, const struct chat_view *c)
{
    buf_add_u64(out, c->updated_us);
    buf_add_char(out, '_');
    buf_add_u64(out, c->id);
}

bool place_read(struct str text, struct chat_place *out)
{
    struct str head;
    struct str rest = str_cut(text, '_', &head);
    struct chat_place place;
    if (!rest.p || !str_u64(head, &place.updated_us) || !str_u64(rest, &place.chat_id) ||
        place.chat_id == 0) {
        return false;
    }
    *out = place;
    return true;
}
