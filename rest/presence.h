/*
 * presence.h -- who looks at which chat: the focus that worker sessions report
 *
 * Shape      (chat, user, link) -> time of the last application frame. A link is one worker's connection to us, so
 *            what an older connection of the same worker leaves behind is told apart. A user is focused on a chat
 *            while the newest of its times is not older than the age limit.
 * Layer      service. Knows no frames, no caches, no clock.
 * Limits     entries_max: a new entry takes the place of the one that was quiet for longest.
 * Units      Times are mono_ms and are passed in.
 * Threads    Under the feed's lock, which is the only one it needs: nothing here locks or blocks.
 */
#ifndef REST_PRESENCE_H
#define REST_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

struct presence;

struct presence *presence_new(uint64_t entries_max, uint64_t max_age_ms);
void presence_free(struct presence *p);
/* From the next look on. */
void presence_set_max_age(struct presence *p, uint64_t max_age_ms);

/* An application frame came while the user looked at the chat. */
void presence_focus(struct presence *p, uint64_t chat_id, uint64_t user_id, uint32_t link, uint64_t now_ms);
/* No session of the user behind the link is on the chat any more. */
void presence_unfocus(struct presence *p, uint64_t chat_id, uint64_t user_id, uint32_t link);
/* No session of the user is behind the link any more. */
void presence_gone(struct presence *p, uint64_t user_id, uint32_t link);

/* The users that look at the chat, those with the newest frame first, at most room of them; somebody who does behind
 * two links may stand there twice. Returns how many. */
unsigned presence_focused(struct presence *p, uint64_t chat_id, uint64_t now_ms, uint64_t *users, unsigned room);

#endif
