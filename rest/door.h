/*
 * door.h -- the front door: one origin for HTTP and WebSocket
 *
 * Shape      One thread with epoll owns the listeners and every connection whose first request head is not
 *            complete. It peeks, never reads, until the head is there; then
 *              - an upgrade is validated completely, exactly the head is read, and the descriptor goes to a
 *                worker through the feed with a canonical head;
 *              - anything else goes to http_server with all its bytes unread.
 *            Refused connections are answered, half-closed and drained for up to a second here.
 * Layer      transport. Knows auth, the cache (names), the feed and http_server.
 * Limits     door_* and address_* settings; see rest_conf.c.
 * Threads    door_new..door_free from one thread; door_give and the feed's callback from any.
 *
 * Order in main, after the fence and with the caches loaded:
 *   door_policy_new, peers_new(conf, feed_log_id(feed)), http_server_new, door_new (binds), link server,
 *   http_server_set_ready, door_start (listens).
 * Stop:
 *   door_stop, http_server_drain, then writer and pools, then http_server_free, door_free, peers_free,
 *   door_policy_free. The link server must be stopped before door_free (its thread calls adopt_done).
 */
#ifndef REST_DOOR_H
#define REST_DOOR_H

#include "rest/door_head.h"
#include "rest/door_policy.h"
#include "rest/http_server.h"
#include "rest/peers.h"
#include "rest/svc.h"

struct door;

/* Parses and binds the listeners, registers with the feed (feed_on_adopt_done) and with http. */
RC_CHECK enum rc door_new(struct svc *svc, struct door_policy *policy, struct peers *peers,
                          struct http_server *http, struct door **out, struct buf *why);
RC_CHECK enum rc door_start(struct door *d, struct buf *why);
/* Stop accepting; connections without a complete head are closed; the thread ends. */
void door_stop(struct door *d);
void door_free(struct door *d);
/* Settings that may change while it runs. */
void door_reload(struct door *d);
/* Port of listener i, for tests that listen on port 0; 0: no such listener. */
unsigned door_port(const struct door *d, unsigned i);
/* mono_ms of the thread's last turn, for the watchdog. */
uint64_t door_progress_ms(const struct door *d);

/* -- for http_server: an upgrade on a connection it already owns ------------------------------- */

struct door_upgrade {
    struct door_choice choice;
    struct identity who;
    uint64_t stamp_us;
    struct door_options options;
    struct addr client;
    uint64_t peer_key;
    uint64_t topic;  /* dashboards: the event session */
    bool has_place;  /* Engine.IO: the worker that has the session already */
    struct feed_place place;
    char asked[256]; /* the user as the client named it, or "sid=...", or empty */
};
/* Everything but the descriptor: dialect, token, Origin, limits. key is the client's when it has been counted under it
 * as the connection came in, else 0. listener is the default dialect of the listener it came in by. CODE_OK, or how to
 * refuse it (up->choice.style says in which form). No side effects but a ticket that is used up. */
enum code door_check_upgrade(struct door *d, const struct door_head *head, const struct addr *client,
                             uint64_t key, enum dialect_id listener, struct door_upgrade *up);
/* Hand fd (nothing unread belongs to the head any more) to a worker, or refuse it. Takes fd in any case. early: bytes
 * behind the head that have been read already; the worker gets them first. */
void door_give(struct door *d, const struct door_head *head, const struct door_upgrade *up,
               struct str early, int fd);
/* Send bytes that end the connection; then close it so that the client gets to read them. Takes fd. Any thread. */
void door_say_goodbye(struct door *d, struct str bytes, int fd);
/* Answer a refusal on fd and close it; takes fd. */
void door_refuse(struct door *d, const struct door_head *head, const struct door_choice *choice,
                 enum code code, int fd);

#endif
