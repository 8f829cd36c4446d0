/*
 * notify_rule.h -- the smart rule: whether one member is notified of one message, and why
 *
 * Pure. The order in which reasons are looked for is part of the interface: the first that applies is the answer.
 */
#ifndef REST_NOTIFY_RULE_H
#define REST_NOTIFY_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/cache.h"
#include "rest/notes.h"
#include "rest/prefs.h"

struct notify_facts {
    uint64_t chat_id;
    bool is_sender, is_disabled, is_focused, is_mentioned;
    bool is_large; /* the chat has more members than notify_all_max_members */
    uint64_t now_s;
};
enum note_reason notify_rule(const struct notify_facts *f, const struct prefs *p);

/* Users (cache indexes) named as @username at word boundaries, upper and lower case alike, each once, in no order; at
 * most room. The cache lock is held. */
unsigned notify_mentions(const struct cache *c, struct str content, uint32_t *users, unsigned room);

#endif
