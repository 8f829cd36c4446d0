/*
 * dialect_conversations_event.h -- D3: events to frames, for dialect_conversations.c
 *
 * Strict receivers get what the document shows: message objects, also after an edit and a deletion, and the four
 * notification events. Which is which: `event` present, an event of that name; otherwise `conversation_id` present, a
 * message; otherwise a notification that was created. Receivers with ext get one more key in logged frames, `_ext`, whose
 * `event` names each of them, and frames of the other events; those behind ?events= come to whoever asked for them.
 */
#ifndef WS_DIALECT_CONVERSATIONS_EVENT_H
#define WS_DIALECT_CONVERSATIONS_EVENT_H

#include "ws/dialect.h"

bool conversations_wants(const struct event *e, uint64_t viewer_id, uint32_t options);
uint8_t conversations_variant(const struct event *e, uint64_t viewer_id);
/* The receivers are those that want it. */
void conversations_encode(const struct event *e, const struct dialect_view *v,
                          struct dialect_frame *f);

#endif
