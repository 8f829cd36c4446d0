/* overlay_int.h -- the overlay's inside, shared by overlay*.c only */
#ifndef REST_OVERLAY_INT_H
#define REST_OVERLAY_INT_H

#include "rest/overlay.h"
#include "shared/map64.h"

enum entry_kind {
    ENTRY_USER = 1,
    ENTRY_CHAT,
    ENTRY_MEMBER,
    ENTRY_MESSAGE,
    ENTRY_KEY,
    ENTRY_NAME,
    ENTRY_PAIR,
    ENTRY_SESSION,
    ENTRY_ROLE,
    ENTRY_ATTENDEE,
    ENTRY_CODE,
    ENTRY_ATTACHMENT,
    ENTRY_NOTES,
    ENTRY_NOTE
};

/* One allocation per entry, so that pointers stay good while others come and go. */
struct entry {
    uint64_t map_key;
    enum entry_kind kind;
    union {
        struct ov_user user;
        struct ov_chat chat;
        struct ov_member member;
        struct ov_message message;
        struct ov_key key;
        struct ov_attachment attachment;
        struct ov_session session;
        struct ov_role role;
        struct row_attendee attendee;
        struct ov_notes notes;
        struct ov_note note;
        uint64_t id; /* ENTRY_NAME, ENTRY_CODE: user, ENTRY_PAIR: chat */
    } u;
};

struct overlay {
    struct cache *cache;
    struct map64 map; /* hash of kind and key -> index */
    struct entry **entries;
    uint32_t count, room;
};

uint64_t overlay_key_of(enum entry_kind kind, uint64_t a, uint64_t b);
/* NULL: none. */
struct entry *overlay_get(struct overlay *o, uint64_t map_key);
/* Zeroed. */
struct entry *overlay_add(struct overlay *o, enum entry_kind kind, uint64_t map_key);

#endif
