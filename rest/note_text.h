/*
 * note_text.h -- what a notification says
 *
 * One about a message is rendered from the message as it is now and from its reader's preview policy; the others say what
 * is stored. Strings of the result are views into the row, the message, the cache (hold its lock) and *room.
 */
#ifndef REST_NOTE_TEXT_H
#define REST_NOTE_TEXT_H

#include "rest/cache.h"
#include "rest/store.h"

/* m: the message, NULL: gone, or not for the reader (any more). What *room held goes. */
void note_text(const struct cache *c, const struct row_note *row, const struct row_message *m, struct buf *room,
               struct row_note *out);
/* Whether the user, as a member, may see this message now. */
bool note_message_visible(const struct cache *c, uint64_t user_id, uint64_t chat_id, uint64_t seq);

/* A copy with texts of its own, and the end of it. */
void note_copy(struct row_note *to, const struct row_note *from);
void note_free_texts(struct row_note *n);

#endif
