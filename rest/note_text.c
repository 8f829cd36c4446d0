#include "rest/note_text.h"

#include <stdlib.h>

#include "rest/notes.h"
#include "shared/id.h"
#include "shared/mem.h"
#include "shared/utf8.h"

bool note_message_visible(const struct cache *c, uint64_t user_id, uint64_t chat_id, uint64_t seq)
{
    const struct cache_chat *chat = cache_chat(c, cache_chat_index(c, chat_id));
    uint32_t user = cache_user_index(c, user_id);
    const struct cache_member *m = chat != NULL && user != CACHE_NONE ? cache_member(chat, user) : NULL;
    return m != NULL && seq > m->joined_seq && !cache_is_deleted(chat, seq);
}

static struct str sender_name(const struct cache *c, uint64_t id)
{
    const struct cache_user *u = cache_user(c, cache_user_index(c, id));
    if (u == NULL) {
        return STR("");
    }
    return u->name[0] != '\0' ? str_of(u->name) : str_of(u->username);
}

static size_t add_title(const struct cache *c, const struct row_note *row, struct buf *room)
{
    buf_add_z(room, "New message");
    if (row->preview != PREVIEW_NONE) {
        buf_add_z(room, " from ");
        buf_add_str(room, sender_name(c, row->sender_id));
    }
    return room->len;
}

void note_text(const struct cache *c, const struct row_note *row, const struct row_message *m, struct buf *room,
               struct row_note *out)
{
    *out = *row;
    if (row->chat_id == 0) {
        return;
    }
    const struct cache_chat *chat = cache_chat_ever(c, row->chat_id);
    bool shown = m != NULL && row->preview == PREVIEW_FULL && !(m->flags & MESSAGE_DELETED);
    buf_clear(room);
    size_t title = add_title(c, row, room);
    buf_add_z(room, "/chat/");
    id_add_hex(room, ID_CHAT, row->chat_id, chat != NULL ? chat->created_us : 0);
    struct str all = buf_str(room);
    out->kind = STR("new_message");
    out->title = (struct str){all.p, title < all.len ? title : all.len};
    out->link = str_from(all, title);
    out->text = shown ? utf8_prefix(m->content, NOTE_TEXT_MAX_CHARS) : STR("");
}

static struct str copy(struct str s)
{
    return s.p != NULL ? (struct str){mem_copy(s.p, s.len), s.len} : STR_NONE;
}

void note_copy(struct row_note *to, const struct row_note *from)
{
    *to = *from;
    to->kind = copy(from->kind);
    to->title = copy(from->title);
    to->text = copy(from->text);
    to->link = copy(from->link);
}

void note_free_texts(struct row_note *n)
{
    free((char *)(uintptr_t)n->kind.p);
    free((char *)(uintptr_t)n->title.p);
    free((char *)(uintptr_t)n->text.p);
    free((char *)(uintptr_t)n->link.p);
}
