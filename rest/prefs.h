/*
 * prefs.h -- what a user wants to be notified of, and its text form
 *
 * Shape      One heap block. The text is a JSON object; absent members mean the defaults:
 *            {"preview":"full|sender|none","level":"all|mentions|none","kinds":{"<kind>":bool,..},
 *             "chats":{"<chat id>":{"level":..,"muted_until":"<RFC 3339>"},..},
 *             "do_not_disturb":{"from":"22:00","to":"07:00","utc_offset_minutes":60}}
 * Canonical  As stored: these members in this order, chats by rising number, times in whole seconds.
 * Layer      Pure. Knows JSON, because the text is the interface; no store, no HTTP.
 */
#ifndef REST_PREFS_H
#define REST_PREFS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/event.h"
#include "shared/json.h"
#include "shared/rc.h"

enum prefs_level { LEVEL_UNSET = 0, LEVEL_ALL = 1, LEVEL_MENTIONS = 2, LEVEL_NONE = 3 };

struct prefs_kind {
    char name[33];
    bool is_on;
};
struct prefs_chat {
    uint64_t chat_id;
    uint64_t muted_until_s; /* 0: not muted */
    uint8_t level;          /* LEVEL_UNSET: the user's */
};
struct prefs {
    uint8_t preview; /* enum preview */
    uint8_t level;   /* enum prefs_level, never LEVEL_UNSET */
    bool has_dnd;
    uint16_t dnd_from, dnd_to;  /* minutes of the user's day; from > to passes midnight */
    int16_t utc_offset_minutes; /* what the user's clock is ahead */
    uint32_t kinds_count, chats_count;
    struct prefs_kind *kinds; /* sorted by name; in the block, as chats */
    struct prefs_chat *chats; /* sorted by id */
};

struct prefs_limits {
    uint64_t chats_max, kinds_max;
};

extern const struct prefs prefs_default;

/* A chat id in any form (id.h). RC_INVALID with *field; RC_TOO_BIG: too many entries in *field; RC_NO_MEMORY. */
RC_CHECK enum rc prefs_read(struct jval object, const struct prefs_limits *limits, struct prefs **out,
                            const char **field);
/* Stored text; without limits, which may have become lower since. */
RC_CHECK enum rc prefs_parse(struct str text, struct prefs **out);
void prefs_free(struct prefs *p);

/* How a chat's id is written: as its number, or as the caller likes. */
typedef void (*prefs_add_chat)(void *ctx, struct buf *out, uint64_t chat_id);
/* add_chat NULL: the canonical form. */
void prefs_write(struct buf *out, const struct prefs *p, prefs_add_chat add_chat, void *ctx);

/* NULL: nothing of its own. */
const struct prefs_chat *prefs_chat(const struct prefs *p, uint64_t chat_id);
bool prefs_kind_is_on(const struct prefs *p, struct str kind);
/* Whether this moment is within the hours not to be disturbed. */
bool prefs_dnd(const struct prefs *p, uint64_t now_s);

/* 1 to 32 characters of a-z, 0-9, _ and -. */
bool prefs_is_kind(struct str s);

#endif
