/*
 * event_fill.h -- a logged event, rendered with the present names and text
 *
 * The log holds references only. Publishing and replay both come through here, so a resumed client
 * sees what a connected one saw. Strings are views into the cache (hold its lock) and into the rows.
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
    struct buf *texts; /* with note and checkin, else it may be NULL: for what is composed; the event's strings may point into it */
};
void event_fill(const struct cache *c, const struct row_event *e, const struct event_rows *rows,
                struct event *out);
bool event_is_message(uint8_t kind);
/* Of those who watch an event session: which one, 0: nobody has to hear of it. */
static inline bool event_is_of_topic(uint8_t kind)
{
    return kind == EV_CHECKIN || kind == EV_SESSION;
}
static inline uint64_t event_topic(const struct event *e)
{
    return e->kind == EV_CHECKIN || (e->kind == EV_SESSION && e->version != 0) ? e->number : 0;
}
/* Of the subject's notifications: nobody else's, whatever chat it speaks of. */
static inline bool event_is_note(uint8_t kind)
{
    return kind >= EV_NOTIFICATION && kind <= EV_NOTIFICATION_DELETED;
}
/* Created for everybody. */
static inline bool event_is_broadcast(uint8_t kind, uint64_t subject_id)
{
    return kind == EV_NOTIFICATION && subject_id == 0;
}
struct checkin;
/* As its session and the user are now; the name is a view into r. false: the session is gone. */
bool event_checkin(const struct cache *c, const struct row_checkin *r, struct checkin *out);
/* The dashboard's frame, as the session is shown today: in a public one people are masked. Nothing when it is gone. */
void event_render_checkin(const struct cache *c, const struct row_checkin *r, struct buf *out);

#endif
