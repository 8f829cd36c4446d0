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

struct event_rows { /* what the event refers to, each NULL when it refers to none */
    const struct row_message *message; /* also of a notification about one; a deleted one has no text for anybody */
    const struct row_note *note;
    const struct row_checkin *checkin;
};
void event_fill(const struct cache *c, const struct row_event *e, const struct event_rows *rows,
                struct event *out);
bool event_is_message(uint8_t kind);

#endif
