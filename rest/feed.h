/*
 * feed.h -- where committed events leave the service layer: order, routing, replay
 *
 * Shape      One feed. It knows which users are on which worker, keeps the last events in a ring, and
 *            owns one outgoing stream (frames and descriptors) per worker. Whatever has to stand in an
 *            order with events (adopts, replies, go-live, kicks) is put into the stream under the feed
 *            lock, so "before or after in the stream" is the only ordering question there is.
 * Layer      service. The link server is its transport: it takes bytes from a stream and hands frames
 *            up; nothing here touches a socket.
 * Ownership  A descriptor given to feed_adopt belongs to the feed until adopt_done gives it back.
 * Limits     link_stream_max_bytes per worker: a stream above it is broken off (the worker reconnects and
 *            resumes from the ring). ring_max_bytes and ring_max_age for the ring.
 * Threads    Every function may be called from any thread, but for what is marked "link thread".
 *            Lock order: feed lock, then cache lock. What is live (presence.h, typing.h, online.h, gate.h) is under the
 *            feed lock and has none of its own; a thread of the feed's (feed_run) does what time brings about.
 */
#ifndef REST_FEED_H
#define REST_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/cmd.h"
#include "shared/event.h"
#include "shared/link_msg.h"
#include "shared/rc.h"

struct feed;
struct feed_worker; /* one connected worker */
struct svc;

/* Where a socket's answer goes. A process that has taken the number over knows nothing of the request. */
struct feed_reply_to {
    uint16_t worker; /* 0: nobody */
    uint64_t incarnation;
    uint32_t request;
    uint64_t session;
    bool is_query; /* answered as the LINK_QUERY_SUBSCRIBE it came from */
};

struct feed_conf {
    uint64_t ring_max_bytes, ring_max_age_ms;
    uint64_t stream_max_bytes;
    uint64_t replay_max_events, replay_chunk_events, replay_refs_max;
    uint64_t user_connections_max, address_connections_max;
    uint64_t worker_adopts_max; /* unacknowledged descriptors per worker */
    uint64_t dashboard_viewers_max; /* of one topic, on all workers */
    uint64_t dashboard_replay_max;  /* events of a topic for who comes */
    uint64_t focus_entries_max, focus_max_age_ms; /* presence.h */
    uint64_t chat_update_ms, chat_update_members_max; /* chats above so many members: one update a period */
    uint64_t chat_update_waits_max;                   /* updates whose text is being read */
    uint64_t typing_expire_ms, typing_members_max, typing_entries_max; /* typing.h */
    uint64_t presence_grace_ms, presence_grace_lost_ms, presence_members_max, presence_fanout_max, last_seen_ms;
    uint64_t recovery_ms, recovery_max; /* recovery.h; 0: connections cannot be recovered */
    uint64_t receipt_ms;                              /* the same chats: one receipt of each reader a period */
};

/* Give back a descriptor: CODE_OK: a worker has its own copy, close yours. Otherwise no worker took it: answer the
 * client (nothing has been written yet) and close. Called without locks held, from the link thread or a caller of
 * feed_adopt/feed_leave. */
typedef void (*feed_adopt_done)(void *ctx, int fd, enum code code);

/* -- the front door --------------------------------------------------------------------------- */

void feed_on_adopt_done(struct feed *f, feed_adopt_done done, void *ctx);
/* Hand a validated upgrade to the least loaded worker, in stream order. a->slot is filled in here. stamp_us is the
 * token's, for the check under the lock (revoked meanwhile: CODE_TOKEN_REVOKED). CODE_OK: the feed has fd now.
 * Else the caller keeps it: CODE_NO_WORKER, CODE_TOO_MANY_CONNECTIONS, CODE_USER_DISABLED, ... */
enum code feed_adopt(struct feed *f, const struct link_adopt *a, uint64_t stamp_us, int fd);
struct feed_place { /* one run of a worker */
    uint16_t worker;
    uint64_t incarnation;
};
/* To that place (NULL: as above), because its session is there. CODE_NO_WORKER: it is not any more. */
enum code feed_adopt_at(struct feed *f, const struct link_adopt *a, uint64_t stamp_us,
                        const struct feed_place *to, int fd);
/* Connected workers that take adopts. */
unsigned feed_workers_ready(struct feed *f);

/*
 * Engine.IO polling. An HTTP request for a session goes to its worker; without a sid the least loaded one opens a session.
 * Its answer comes once to poll_done, on the link thread without locks held: reply is NULL when the worker is gone.
 */
typedef void (*feed_poll_done)(void *ctx, uint32_t poll_id, const struct link_poll_reply *reply);
void feed_on_poll_done(struct feed *f, feed_poll_done done, void *ctx);
/* CODE_OK: done will be called with the id that `before` was told (it runs under the feed lock). CODE_NOT_FOUND: no such
 * worker any more; CODE_NO_WORKER, CODE_TOO_MANY_CONNECTIONS. to NULL: a new session. */
enum code feed_poll(struct feed *f, const struct link_poll *m, const struct feed_place *to,
                    void (*before)(void *ctx, uint32_t poll_id), void *ctx);
/* The client has gone: done is not called any more for it. */
void feed_poll_abort(struct feed *f, uint32_t poll_id);

/* -- the link server --------------------------------------------------------------------------- */

/* Written (8 bytes, eventfd) when a stream has become non-empty. */
void feed_set_wake(struct feed *f, int event_fd);
/* A worker said hello (version already checked). Puts WELCOME first into its stream, then the events it missed. Link thread.
 * RC_UNAVAILABLE: not ready yet, close and let it come again. RC_PROTOCOL: these users cannot be. */
RC_CHECK enum rc feed_join(struct feed *f, const struct link_hello *hello,
                           const struct link_hello_user *users, uint32_t users_count,
                           const struct link_hello_peer *peers, uint32_t peers_count,
                           struct feed_worker **out);
/* The link is gone; w is freed. Adopts without an answer go to another worker or back to the door. Link thread. */
void feed_leave(struct feed *f, struct feed_worker *w);

struct feed_fds { /* descriptors that go with the ADOPT frames of the taken bytes, in order; borrowed */
    int *fd;
    unsigned count, room;
};
/* Append everything that waits in the stream to *frames and *fds. false: the stream was broken off (too slow), close the link. Link thread. */
bool feed_take(struct feed_worker *w, struct buf *frames, struct feed_fds *fds);

/* Frames that came up. RC_PROTOCOL: the worker spoke nonsense, close the link. Link thread. */
RC_CHECK enum rc feed_up(struct feed *f, struct feed_worker *w, const struct link_frame *frame);

/* -- reading state ------------------------------------------------------------------------------ */

/* The newest event that clients may see. */
uint64_t feed_published(const struct feed *f);
uint64_t feed_log_id(const struct feed *f);
/* Wait until published >= event_id, at most until the deadline (mono_ms). false: it did not come. */
bool feed_wait_published(struct feed *f, uint64_t event_id, uint64_t deadline_ms);
/* "<8 hex of the log id>.<event id>", the resume cursor. */
void feed_add_cursor(const struct feed *f, struct buf *out, uint64_t event_id);
/* A session is there now. */
bool feed_user_online(struct feed *f, uint64_t user_id);
/* Users that look at the chat now (presence.h). */
unsigned feed_focused(struct feed *f, uint64_t chat_id, uint64_t *users, unsigned room);
/* What others are told of a user (cache index): there, or within the time of grace; when seen last (0: never). */
void feed_presence(struct feed *f, uint32_t user, bool *is_online, uint64_t *seen_us);
/* Close live sessions: family 0 = all of the user. Not logged: for admin kicks. Sessions in any state. */
void feed_kick(struct feed *f, uint64_t user_id, uint64_t family, enum code code);
/* Tell the uploader's sessions that asked (?events=upload) how far it is. Not logged. */
struct feed_upload {
    uint64_t id, user_id, chat_id, bytes, total, created_us;
    uint8_t state; /* enum upload_state */
};
void feed_upload_progress(struct feed *f, const struct feed_upload *u);
struct feed_worker_info {
    uint16_t number;
    uint32_t sessions, users;
    uint64_t stream_bytes;
};
unsigned feed_workers(struct feed *f, struct feed_worker_info *out, unsigned room);

#endif
