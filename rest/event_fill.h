/*
 * event_fill.h -- a logged event, rendered with the present names and text
 *
 * The log holds references only. Publishing and replay both come through here, so a resumed client
 * sees what a connected one saw. Strings are views into the cache (hold its lock) and into *m.
 */
#ifndef REST_EVENT_FILL_H
#define REST_EVENT_FILL_H

#include "rest/cache.h"
#include "rest/store.h"
#include "shared/event.h"

/* m: the message the event is about, or NULL. A deleted message has no text for anybody. */
void event_fill(const struct cache *c, const struct row_event *e, const struct row_message *m,
                struct event *out);
bool event_is_message(uint8_t kind);

#endif
