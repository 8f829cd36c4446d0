#include "rest/notify_rule.h"

enum note_reason notify_rule(const struct notify_facts *f, const struct prefs *p)
{
    const struct prefs_chat *chat = prefs_chat(p, f->chat_id);
    uint8_t level = chat != NULL && chat->level != LEVEL_UNSET ? chat->level : p->level;
    bool asked_for_all = chat != NULL && chat->level == LEVEL_ALL;
    if (f->is_sender) {
        return NOTE_SENDER;
    }
    if (f->is_large && !f->is_mentioned && !asked_for_all) {
        return NOTE_LARGE_CHAT;
    }
    if (f->is_disabled) {
        return NOTE_DISABLED;
    }
    if (f->is_focused) {
        return NOTE_ACTIVE;
    }
    if (!prefs_kind_is_on(p, STR("new_message"))) {
        return NOTE_KIND_OFF;
    }
    if (chat != NULL && chat->muted_until_s > f->now_s) {
        return NOTE_MUTED;
    }
    if (level == LEVEL_NONE) {
        return NOTE_LEVEL_NONE;
    }
    if (level == LEVEL_MENTIONS && !f->is_mentioned) {
        return NOTE_LEVEL_MENTIONS;
    }
    return prefs_dnd(p, f->now_s) ? NOTE_DO_NOT_DISTURB : NOTE_NOTIFIED;
}

/* -- mentions ------------------------------------------------------------------------------------------ */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
}

/* The longest name that somebody has: "@ann." at the end of a sentence is ann, unless there is an "ann.". */
static uint32_t find_named(const struct cache *c, struct str name)
{
    for (;;) {
        uint32_t user = cache_user_by_name(c, name);
        if (user != CACHE_NONE || name.len == 0) {
            return user;
        }
        char last = name.p[name.len - 1];
        if (last != '.' && last != '-') {
            return CACHE_NONE;
        }
        name.len--;
    }
}

static bool has(const uint32_t *users, unsigned count, uint32_t user)
{
    for (unsigned i = 0; i < count; i++) {
        if (users[i] == user) {
            return true;
        }
    }
    return false;
}

unsigned notify_mentions(const struct cache *c, struct str content, uint32_t *users, unsigned room)
{
    unsigned count = 0;
    for (size_t at = 0; at < content.len && count < room; at++) {
        if (content.p[at] != '@' || (at > 0 && is_name_char(content.p[at - 1]))) {
            continue;
        }
        size_t end = at + 1;
        while (end < content.len && is_name_char(content.p[end])) {
            end++;
        }
        uint32_t user = find_named(c, (struct str){content.p + at + 1, end - at - 1});
        if (user != CACHE_NONE && !has(users, count, user)) {
            users[count++] = user;
        }
        at = end - 1;
    }
    return count;
}
