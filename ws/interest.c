#include "ws/interest.h"

#include <stdlib.h>
#include <string.h>

#include "shared/mem.h"

void interest_release(struct interest *i)
{
    free(i->chats);
    free(i->typing);
    *i = (struct interest){0};
}

/* -- chats ------------------------------------------------------------------------------------------- */

/* The first place whose chat is not below. */
static uint32_t place_of(const struct interest *i, uint64_t chat_id)
{
    uint32_t from = 0, to = i->chats_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (i->chats[middle].id < chat_id) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

bool interest_has_chat(const struct interest *i, uint64_t chat_id)
{
    uint32_t at = i != NULL ? place_of(i, chat_id) : 0;
    return i != NULL && at < i->chats_count && i->chats[at].id == chat_id;
}

bool interest_had_chat(const struct interest *i, uint64_t chat_id, uint64_t event_id)
{
    return interest_has_chat(i, chat_id) && (event_id == 0 || event_id > i->chats[place_of(i, chat_id)].since);
}

bool interest_filters(const struct event *e, uint64_t viewer_id)
{
    switch (e->kind) {
    case EV_CHAT_CREATED:
    case EV_NOTIFICATION:
    case EV_NOTIFICATION_READ:
    case EV_NOTIFICATION_READ_ALL:
    case EV_NOTIFICATION_DELETED:
    case EV_PRESENCE:
    case EV_UPLOAD:
        return false;
    case EV_MEMBER_ADDED:
    case EV_MEMBER_REMOVED:
        return e->subject.id != viewer_id;
    default:
        return e->chat_id != 0;
    }
}

bool interest_looks_at(const struct interest *i, uint64_t chat_id)
{
    return i != NULL && (i->focus_chat == chat_id || interest_has_chat(i, chat_id));
}

bool interest_add_chat(struct interest *i, uint64_t chat_id, uint64_t since, uint32_t max)
{
    uint32_t at = place_of(i, chat_id);
    if (at < i->chats_count && i->chats[at].id == chat_id) {
        return true;
    }
    if (i->chats_count >= max) {
        return false;
    }
    if (i->chats_count == i->chats_room) {
        i->chats_room = i->chats_room == 0 ? 2 : i->chats_room * 2;
        i->chats = mem_grow(i->chats, i->chats_room, sizeof(i->chats[0]));
    }
    memmove(&i->chats[at + 1], &i->chats[at], (i->chats_count - at) * sizeof(i->chats[0]));
    i->chats[at] = (struct interest_chat){chat_id, since};
    i->chats_count++;
    return true;
}

bool interest_remove_chat(struct interest *i, uint64_t chat_id)
{
    if (!interest_has_chat(i, chat_id)) {
        return false;
    }
    uint32_t at = place_of(i, chat_id);
    i->chats_count--;
    memmove(&i->chats[at], &i->chats[at + 1], (i->chats_count - at) * sizeof(i->chats[0]));
    return true;
}

/* -- typing ------------------------------------------------------------------------------------------- */

/* The chat's place, or else the one that was told longest ago. */
static struct typing_chat *typing_place(struct typing *t, uint64_t chat_id)
{
    struct typing_chat *oldest = &t->chats[0];
    for (unsigned n = 0; n < TYPING_CHATS; n++) {
        struct typing_chat *p = &t->chats[n];
        if (p->chat_id == chat_id) {
            return p;
        }
        oldest = p->told_ms < oldest->told_ms ? p : oldest;
    }
    return oldest;
}

bool interest_types(struct interest *i, uint64_t chat_id, bool on, uint64_t now_ms,
                    uint64_t repeat_ms, uint32_t per_s)
{
    if (i->typing == NULL) {
        i->typing = mem_new(sizeof(*i->typing));
    }
    struct typing_chat *p = typing_place(i->typing, chat_id);
    bool is_same = p->chat_id == chat_id && p->on == on && now_ms < p->told_ms + repeat_ms;
    if (is_same || !bucket_take(&i->typing->told, now_ms, per_s, per_s)) {
        return false;
    }
    *p = (struct typing_chat){chat_id, now_ms, on};
    return true;
}
