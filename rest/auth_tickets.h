/*
 * auth_tickets.h -- one-time tickets that stand for an identity, for WebSocket URLs
 *
 * All tickets live equally long, so they expire in the order of their making: a ring and an index.
 * Limits     `max` alive at the same time. Threads: any.
 */
#ifndef REST_AUTH_TICKETS_H
#define REST_AUTH_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/http_msg.h"
#include "shared/buf.h"
#include "shared/rc.h"

struct auth_tickets;

struct auth_tickets *auth_tickets_new(uint64_t max, uint64_t ttl_ms);
void auth_tickets_free(struct auth_tickets *t);
/* Append the ticket's text. RC_UNAVAILABLE: too many are alive. */
RC_CHECK enum rc auth_tickets_new_one(struct auth_tickets *t, const struct identity *who,
                                      uint64_t now_ms, struct buf *out);
/* false: unknown, used or expired. */
bool auth_tickets_take(struct auth_tickets *t, struct str ticket, uint64_t now_ms,
                       struct identity *who);

#endif
