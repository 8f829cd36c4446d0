/*
 * link_client.h -- the worker's end of the link to confab-rest
 *
 * Shape      One connection at a time: connect, HELLO, WELCOME, traffic; when it ends, again, with
 *            growing pauses. Frames go into one queue that is sent at the end of the turn.
 * Requests   have ids and end exactly once (core_finish_op). A command whose link is lost is sent again
 *            over the next one, in the old order and with the same idempotency key, so it is neither lost
 *            nor done twice; after command_wait_ms it ends with `unavailable` if no link ever carried it,
 *            else with `outcome_unknown`. Reads and signals, which leave nothing behind, are sent again
 *            as well, and end with `unavailable`.
 * Deadlock   Reading never depends on the own queue; what it can hold is bounded by commands_max.
 * Layer      ws/link. Knows the core as the receiver of frames.
 * Threads    Loop thread only.
 */
#ifndef WS_LINK_CLIENT_H
#define WS_LINK_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/link_msg.h"
#include "ws/dialect.h"
#include "ws/ws_conf.h"

struct core;
struct net_loop;
struct link_client;

struct link_client *link_client_new(struct core *k, const struct ws_conf *conf,
                                    struct net_loop *loop, const char *build);
void link_client_free(struct link_client *l);

/* Frames may be queued: WELCOME has come. */
bool link_client_is_up(const struct link_client *l);
/* HELLO is on its way: who closes now has been counted by it and must be reported, even if there is no WELCOME yet. */
bool link_client_has_greeted(const struct link_client *l);
/* The queue, to append frames to; what is appended while the link is down is lost. */
struct buf *link_client_out(struct link_client *l);
/* Send what waits, as far as the socket takes it. true: the queue is empty. */
bool link_client_flush(struct link_client *l);
/* Leave the stream in the socket, or read on. */
void link_client_pause(struct link_client *l, bool pause);
/* Connect, ping, time out. */
void link_client_tick(struct link_client *l, uint64_t now_ms);

/* A place for one more request is free. */
bool link_client_has_room(const struct link_client *l);
uint32_t link_client_pending(const struct link_client *l);
/* Submit op->cmd (complete). RC_AGAIN: no room; RC_NO_MEMORY. */
RC_CHECK enum rc link_client_command(struct link_client *l, uint64_t session, uint32_t slot,
                                     const struct op *op);
/* Ask with a body (JSON) for an op. As above. */
RC_CHECK enum rc link_client_query(struct link_client *l, uint64_t session, uint32_t slot,
                                   const struct op *op, uint8_t kind, struct str body);
/* RC_UNAVAILABLE: no link now (a token does not wait); RC_AGAIN; RC_NO_MEMORY. */
RC_CHECK enum rc link_client_reauth(struct link_client *l, uint64_t session, uint32_t slot,
                                    const struct op *op);
/* Likewise: a token stays here no longer than its link. */
RC_CHECK enum rc link_client_login(struct link_client *l, uint64_t session, enum dialect_id dialect,
                                   uint64_t peer_key, const struct op *op);
/* The answer to a request has come. Unknown requests (they were given up) are counted and ignored. */
void link_client_answer(struct link_client *l, uint32_t request, const struct op_result *result);

#endif
