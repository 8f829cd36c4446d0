/*
 * peers.h -- limits per client address
 *
 * Shape      One bounded table: address -> open connections and a bucket for new ones. IPv6 addresses are
 *            counted by their /64. Entries without connections are thrown out when room is needed.
 * Counts     Connections at the door and inside the HTTP server; those handed to a worker are counted
 *            by the feed under the same key (peers_key).
 * Threads    Any.
 */
#ifndef REST_PEERS_H
#define REST_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/addr.h"
#include "rest/rest_conf.h"
#include "shared/code.h"

struct peers;

/* secret keeps the keys from being guessed; the same secret gives the same keys after a restart (feed_log_id). */
struct peers *peers_new(const struct rest_conf *conf, uint64_t secret);
void peers_free(struct peers *p);
/* Take over address_* settings that have changed. */
void peers_reload(struct peers *p, const struct rest_conf *conf);

/* Opaque 64-bit name of an address, never 0; 0 for ADDR_NONE (such connections have no limit of their own). */
uint64_t peers_key(const struct peers *p, const struct addr *a);

/* A new connection: CODE_OK counts it (peers_leave undoes that); CODE_TOO_MANY_CONNECTIONS, CODE_RATE_LIMITED. */
enum code peers_enter(struct peers *p, uint64_t key, uint64_t now_ms);
void peers_leave(struct peers *p, uint64_t key);
uint32_t peers_connections(struct peers *p, uint64_t key);

#endif
