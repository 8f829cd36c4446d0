/*
 * sample_event.h -- events for tests, from one JSON object; what it does not say has a sample value
 *
 * {"kind":"message","id":200,"seq":3,"chat":5,"direct":true,"name":"Team","subject":2,"content":"hi",
 *  "number":1,"version":2,"flags":1,"origin_worker":1,"origin_session":"123"}
 * {"kind":"notification","note":300,"note_kind":"news","note_title","note_text","note_link","note_read":1,"preview":0}
 * "no_message":true: the chat has none yet.
 * Users 1 (Ann) and 2 (Bob); Ann acts and sends. Times are fixed.
 */
#ifndef TESTS_LIB_SAMPLE_EVENT_H
#define TESTS_LIB_SAMPLE_EVENT_H

#include "shared/event.h"
#include "shared/json.h"

#define SAMPLE_MESSAGE_US 1700000100000000u /* 2023-11-14T22:15:00Z */

/* Views into o. */
struct event sample_event(struct jval o);
/* A number, or a string of digits (JSON numbers end at 2^53). */
uint64_t sample_u64(struct jval o, const char *key, uint64_t fallback);
struct str sample_str(struct jval o, const char *key, struct str fallback);

#endif
