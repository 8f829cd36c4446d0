/*
 * core.h -- the middle of the worker: what happens when something arrives, from a client or over the link
 *
 * Shape      One struct with the tables of the process; functions grouped by who calls them. The op
 *            switch is core_ops.c, the frames of the link core_link.c, fan-out core_event.c, replay and
 *            going live core_attach.c, birth and death of connections core.c.
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
    struct link_closed closed[LINK_ENTRIES_MAX];
    uint16_t closed_count;

    struct msg *ping;
    struct buf text;  /* scratch for payloads */
    struct buf frame; /* scratch for link frames */
    bool is_draining;
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

/* -- inside the core ---------------------------------------------------------------------------------- */

/* Begin to close. Any state, any number of times; the first code counts. */
void core_close(struct conn *c, enum code code);
/* Look at the connection at the end of the turn: flush, pull. */
void core_mark_dirty(struct core *k, struct conn *c);
/* Queue a frame; takes the reference. */
void core_send(struct conn *c, struct msg *m, uint32_t number);
/* Frame what is in k->text and queue it. */
void core_send_text(struct conn *c, const struct dialect_frame *f);
struct dialect_view core_view(const struct conn *c);
struct dialect_frame core_frame(struct core *k);
uint32_t core_log_prefix(const struct core *k);
void core_pause(struct conn *c, enum conn_pause reason, bool on);
/* A command place is free: let held frames in. */
void core_resume_held(struct core *k);

/* core_ops.c */
struct pending;
void core_finish_op(struct core *k, const struct pending *p, const struct op_result *result);

/* core_event.c */
void core_event(struct core *k, const struct link_event *m);
void core_replay(struct conn *c, const struct event *e);
void core_close_family(struct core *k, uint32_t slot, uint64_t family, enum code code);

/* core_attach.c */
void core_notice(struct conn *c, enum notice_kind kind, uint64_t event_id, const char *reason);
void core_attach(struct conn *c);
/* Once a ping interval: a replay that brought nothing since is asked for anew. */
void core_attach_again_if_stuck(struct conn *c);
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
