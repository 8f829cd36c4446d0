/* chat_room.c -- the `chat_room` object; key order and precision are part of the contract */
#include "shared/chat_room.h"

#include "shared/clock.h"
#include "shared/id.h"
#include "shared/json.h"

void chat_room_add_members(struct buf *out, const struct chat_room *room)
{
    buf_add_str(out, STR("\"chat_id\":\""));
    id_add_hex(out, ID_CHAT, room->chat_id, room->created_us);
    buf_add_str(out, STR("\",\"chat_name\":"));
    json_add_str(out, room->name);
    buf_add_str(out, STR(",\"last_updated\":\""));
    clock_add_rfc3339(out, room->updated_us, CLOCK_SECONDS);
    buf_add_char(out, '"');
}

void chat_room_add(struct buf *out, const struct chat_room *room)
{
    buf_add_char(out, '{');
    chat_room_add_members(out, room);
    buf_add_char(out, '}');
}
