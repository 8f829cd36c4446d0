/*
 * chat_room.h -- the `chat_room` object, byte for byte the same in REST answers and in frames (R0-28)
 */
#ifndef SHARED_CHAT_ROOM_H
#define SHARED_CHAT_ROOM_H

#include <stdint.h>

#include "shared/buf.h"
#include "shared/str.h"

struct chat_room {
    uint64_t chat_id;
    uint64_t created_us; /* part of the id's text form */
    uint64_t updated_us; /* creation, rename or last message */
    struct str name;     /* as the viewer sees it; may be empty */
};

/* {"chat_id":"24 hex","chat_name":"...","last_updated":"2024-01-15T10:30:00Z"} */
void chat_room_add(struct buf *out, const struct chat_room *room);
/* The three members without the braces, for objects that say more. */
void chat_room_add_members(struct buf *out, const struct chat_room *room);

#endif
