/*
 * core.h -- the middle of the worker: what happens when something arrives, from a client or over the link
 *
 * Shape      One struct with the tables of the process; functions grouped by who calls them. The op
 *            switch is core_ops.c, the frames of the link core_link.c, fan-out core_event.c, replay and
 *            going live core_attach.c, coming back core_recovery.c, frames of clients core_receive.c, what
 *            users look at core_focus.c, birth and death of connections core.c.
 * Layer      ws/core. Reaches dialects through their table, the client's socket through its carrier,
 *            confab-rest through link_client.
 * Life       Connections are never freed where they are found wanting: core_close marks them, the
 *            carrier closes them, core_on_closed frees them.
 * Turn       Whatever arrives in a turn of the loop only fills queues; core_turn, at its end, sends the
 *            link's frames, starts adopted connections and writes the queues, at most flush_turn_max of
 *            them. The stream is not read on while queues of an earlier turn are waiting, so a fan-out to
 *            many yields to everybody else and each connection still sees the order of ids.
 * Threads    Loop thread only.
 */
#ifndef WS_CORE_H
#define WS_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/link_msg.h"
#include "ws/conn.h"
#include "ws/eio.h"
#include "ws/hub.h"
#include "ws/outq.h"
#include "ws/stats.h"
#include "ws/wheel.h"
#include "ws/ws_conf.h"

struct link_client;

/* Gives an adopted descriptor to its carrier, which takes it always. false: the connection is gone already. */
typedef bool (*core_start_fn)(void *ctx, struct conn *c, struct str head);

struct core_adopted { /* waits until confab-rest has been told that we have it */
    uint64_t session;
    char *head;
    size_t head_len;
};

struct core {
    const struct ws_conf *conf;
    struct link_client *link;
    struct conns conns;
    struct hub hub;
    struct eio_table engine;
    struct outq_pool queues;
    struct wheel wheel;
    struct stats stats;
    uint64_t now_ms; /* mono, of the last tick */
    uint64_t stats_at_ms;

    uint16_t worker;
    uint64_t incarnation;
    uint64_t log_id;   /* of the stream; 0: none yet */
    uint64_t position; /* last event id of the stream */
    uint64_t commands_stamped;

    const struct carrier *carrier;
    core_start_fn start;
    void *start_ctx;
    struct core_adopted *adopted;
    uint32_t adopted_count, adopted_room;

    uint32_t *dirty; /* indices of connections, a ring in order of need */
    uint32_t dirty_first, dirty_count, dirty_room;
    uint64_t *waiting; /* sessions that hold a frame, oldest first */
    uint32_t waiting_count, waiting_room;
    const struct conn *receiving; /* whose dialect reads a message of which nothing has come yet; NULL: none */
    bool must_hold;               /* that message waits for a place and is read again */
    struct link_closed closed[LINK_ENTRIES_MAX];
    uint16_t closed_count;
    struct link_presence presence[LINK_ENTRIES_MAX];
    uint16_t presence_count;

    struct msg *ping;
    struct buf text;  /* scratch for payloads */
    struct buf frame; /* scratch for link frames */
    struct buf pid;   /* scratch of core_recovery_pid */
    bool is_draining;
    bool recovers;        /* connections that log in can be recovered */
    uint64_t *recoveries; /* sessions of which confab-rest must be told at the end of the turn */
    uint32_t recoveries_count, recoveries_room;
};

void core_init(struct core *k, const struct ws_conf *conf, uint16_t worker);
void core_release(struct core *k);

/* -- from the loop (core.c) ------------------------------------------------------------------------ */

/* true: there is more to write; come again without waiting. */
bool core_turn(struct core *k);
void core_tick(struct core *k, uint64_t now_ms);
/* Close everybody with 1012, spread over grace_ms, and take nobody new. */
void core_drain(struct core *k, uint64_t grace_ms);

/* -- from the carrier (core.c) ----------------------------------------------------------------------- */

void core_on_open(struct conn *c);
/* A piece of a message; final: the last one. */
void core_on_piece(struct conn *c, struct str piece, bool final, bool binary);
void core_on_pong(struct conn *c);
/* The socket takes bytes again. */
void core_on_writable(struct conn *c);
/* A close frame has come. true: it is the answer to ours, the connection can go; false: the carrier answers it. */
bool core_on_peer_close(struct conn *c);
/* The carrier is done with it; c is gone afterwards. */
void core_on_closed(struct conn *c);

/* A connection that no descriptor comes with; NULL: none can be had. Its carrier and state are the caller's business. */
struct conn *core_new_session(struct core *k, const struct carrier *carrier, const struct link_poll *m);

/* -- inside the core ---------------------------------------------------------------------------------- */

/* Begin to close. Any state, any number of times; the first code counts. */
void core_close(struct conn *c, enum code code);
/* A session of the slot has ended, closed (with its peer_key) or logged out (0): confab-rest counts both. */
void core_left(struct core *k, uint32_t slot, uint64_t peer_key);
/* Look at the connection at the end of the turn: flush, pull. */
void core_mark_dirty(struct core *k, struct conn *c);
/* Queue a frame; takes the reference. */
void core_send(struct conn *c, struct msg *m, uint32_t number);
/* Frame what is in k->text and queue it. */
void core_send_text(struct conn *c, const struct dialect_frame *f);
struct dialect_view core_view(const struct conn *c);
struct dialect_frame core_frame(struct core *k);
uint32_t core_log_prefix(const struct core *k);

/* core_receive.c */
void core_pause(struct conn *c, enum conn_pause reason, bool on);
/* A sign of life: the next ping is a whole interval away. */
void core_renew(struct conn *c);
/* One more operation or error. false: too many, and the connection may be closed for it. */
bool core_within_rate(struct conn *c);
/* An operation needs a place and none is free. true: its message waits, nothing is to be done now. */
bool core_holds_instead(struct conn *c);
/* The message that is being read waits for a place, so nothing of it counts. */
bool core_is_held(const struct conn *c);
/* Something has come of the message that is being read: it cannot be read again. */
void core_has_spoken(struct conn *c);
/* A place is free: let held frames in. */
void core_resume_held(struct core *k);

/* core_ops.c */
struct pending;
void core_finish_op(struct core *k, const struct pending *p, const struct op_result *result);
/* In the place of a result; not counted. */
void core_answer_error(struct conn *c, uint8_t verb, struct str ref, enum code code);

/* In the place of a result: of a login that went well, the connection's pid in it. */
void core_answer_login(struct conn *c, uint8_t verb, uint64_t hint, uint64_t expires_s);

/* core_recovery.c */
struct op;
struct op_result;
/* Connections can be recovered, and this one's client has not asked to be left out. */
bool core_may_recover(const struct conn *c);
/* A client wants to go on. false: not with what it brings, or it does not want to. */
bool core_recovery_ask(struct conn *c, const struct op *op);
/* The login failed. */
void core_recovery_drop(struct conn *c);
/* It is logged in: catch up where the earlier connection ended, or begin anew. */
void core_recovery_log_in(struct conn *c, const struct link_login_reply *m);
/* true: the login is answered when it is clear what becomes of it. */
bool core_recovery_holds(struct conn *c, const struct pending *p, const struct op_result *result);
/* Good until the next call. */
struct str core_recovery_pid(const struct conn *c);
/* The replay begins, or there was nothing to replay. */
void core_recovered(struct conn *c);
/* There is a gap. false: it cannot be hidden from the client; the connection closes, and it may come again. */
bool core_recovery_refused(struct conn *c);
/* It can be recovered, so it misses nothing when the stream begins anew. */
bool core_recovery_lives(const struct conn *c);
void core_rooms_changed(struct conn *c);
/* Its rooms have changed and that is not in the database. */
bool core_recovery_waits(const struct conn *c);
/* The answer goes out when it is. */
void core_recovery_hold(struct conn *c, const struct dialect_frame *f);
enum rc core_recovery_stored(struct core *k, struct str body);
/* The connection goes: it may come again, or has said that it will not. */
void core_recovery_lost(struct conn *c);
void core_recovery_ended(struct conn *c);
/* What has changed since the last call. */
void core_report_recoveries(struct core *k);
/* A new link: all of them. */
void core_recovery_link_up(struct core *k, bool recovers);

/* core_focus.c */
/* A frame of the client has come. */
void core_refresh_focus(struct conn *c);
/* is_chosen: by the client, so what it sends later does not change it. chat_id 0: none. */
void core_set_focus(struct conn *c, uint64_t chat_id, bool is_chosen);
/* since: the last event of the time before. false: subscriptions_max are there. */
bool core_subscribe(struct conn *c, uint64_t chat_id, uint64_t since);
void core_unsubscribe(struct conn *c, uint64_t chat_id);
/* The connection closes: it looks at nothing any more. */
void core_look_away(struct conn *c);
/* A session has come; one of the slot has gone. */
void core_watch_more(struct conn *c);
void core_watch_less(struct core *k, uint32_t slot);
/* What was collected since the last call. */
void core_report_presence(struct core *k);
void core_report_topics(struct core *k);
/* To a new link: all foci that are fresh, all watches. */
void core_report_foci(struct core *k);
void core_report_watches(struct core *k);

/* core_event.c */
void core_event(struct core *k, const struct link_event *m);
void core_replay(struct conn *c, const struct event *e);
void core_close_family(struct core *k, uint32_t slot, uint64_t family, enum code code);

/* core_attach.c */
void core_notice(struct conn *c, enum notice_kind kind, uint64_t event_id, const char *reason);
void core_attach(struct conn *c);
/* Once a ping interval: a replay that brought nothing since is asked for anew. */
void core_attach_again_if_stuck(struct conn *c);
/* The next event of the stream is for it. */
void core_go_live(struct conn *c);
void core_pull_if_low(struct conn *c);
RC_CHECK enum rc core_chunk(struct core *k, struct str body);
RC_CHECK enum rc core_live(struct core *k, struct str body);
RC_CHECK enum rc core_gap(struct core *k, struct str body);

/* -- from the link (core_link.c) ------------------------------------------------------------------------ */

/* fd: the descriptor of an ADOPT frame, taken always; -1: none. RC_PROTOCOL: close the link. */
RC_CHECK enum rc core_link_frame(struct core *k, const struct link_frame *frame, int fd);
void core_link_hello(struct core *k, struct buf *out, struct str build);
void core_link_up(struct core *k, const struct link_welcome *w);
void core_link_down(struct core *k);

#endif
