/*
 * dialect_subscribe_event.h -- D1: events to frames, for dialect_subscribe.c
 *
 * Strict receivers get new_message, chat_update and user_typing, exactly as the document shows them, and
 * what they asked for by ?events=: user_status, message_read, upload_progress. Receivers with ext get one
 * more key in frames of logged events, `_ext`, and the frames of other events.
 */
#ifndef WS_DIALECT_SUBSCRIBE_EVENT_H
#define WS_DIALECT_SUBSCRIBE_EVENT_H

#include "ws/dialect.h"

bool subscribe_wants(const struct event *e, uint64_t viewer_id, uint32_t options);
uint64_t subscribe_state_key(const struct event *e);
uint8_t subscribe_variant(const struct event *e, uint64_t viewer_id);
void subscribe_encode(const struct event *e, const struct dialect_view *v, struct dialect_frame *f);

/* ,"key":"2025-11-27T10:00:00.000Z" */
void subscribe_key_time(struct buf *out, const char *key, uint64_t at_us);

#endif
