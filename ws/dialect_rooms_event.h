/*
 * dialect_rooms_event.h -- D0: events to frames, for dialect_rooms.c
 *
 * Strict receivers get three frames, exactly as the document shows them: new_chat_room,
 * personal_message, group_message; and what they asked for by ?events=: typing, user_status,
 * upload_progress. Receivers with ext get one more key in them, `_ext`, and the
 * frames of all other events.
 */
#ifndef WS_DIALECT_ROOMS_EVENT_H
#define WS_DIALECT_ROOMS_EVENT_H

#include "ws/dialect.h"

struct rooms_ext { /* zero: left out; without an event id nothing is written */
    uint64_t event_id;
    uint64_t seq;
    uint64_t chat_id, chat_created_us;
};

bool rooms_wants(const struct event *e, uint64_t viewer_id, uint32_t options);
uint8_t rooms_variant(const struct event *e, uint64_t viewer_id);
void rooms_encode(const struct event *e, const struct dialect_view *v, struct dialect_frame *f);

/* ,"_ext":{...} for receivers that asked. */
void rooms_add_ext(struct buf *out, const struct dialect_view *v, const struct rooms_ext *ext);

#endif
