#include "ws/link_client.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/id.h"
#include "shared/link_sock.h"
#include "shared/log.h"
#include "shared/mem.h"
#include "ws/core.h"
#include "ws/net_lws_loop.h"
#include "ws/pending.h"

enum link_state {
    LINK_IS_DOWN,    /* waits for retry_at_ms */
    LINK_SAID_HELLO, /* waits for WELCOME */
    LINK_IS_UP,
};

struct link_client {
    struct core *core;
    const struct ws_conf *conf;
    struct net_loop *loop;
    struct str build;
    enum link_state state;
    int fd;
    struct net_watch *watch;
    struct link_reader reader;
    struct buf out;
    struct pendings pendings;
    bool is_paused;  /* the core is still writing what came before */
    bool is_blocked; /* the socket took less than we had */
    bool is_mute;    /* the peer does not read any more; what it has sent is still read */
    uint64_t retry_ms, retry_at_ms;
    uint64_t heard_ms, pinged_ms, down_ms;
    int fds[LINK_FDS_PER_PACKET]; /* of the packet in work */
    unsigned fds_count, fds_used;
    char packet[LINK_PACKET_MAX_BYTES];
};

struct link_client *link_client_new(struct core *k, const struct ws_conf *conf,
                                    struct net_loop *loop, const char *build)
{
    struct link_client *l = mem_new(sizeof(*l));
    l->core = k;
    l->conf = conf;
    l->loop = loop;
    l->build = str_of(build);
    l->fd = -1;
    l->down_ms = mono_ms();
    link_reader_init(&l->reader);
    pendings_init(&l->pendings, (uint32_t)conf->commands_max);
    return l;
}

static void hang_up(struct link_client *l)
{
    if (l->watch != NULL) {
        net_watch_free(l->watch);
        l->watch = NULL;
    }
    if (l->fd >= 0) {
        close(l->fd);
        l->fd = -1;
    }
}

void link_client_free(struct link_client *l)
{
    hang_up(l);
    link_reader_release(&l->reader);
    buf_release(&l->out);
    pendings_release(&l->pendings);
    free(l);
}

bool link_client_is_up(const struct link_client *l)
{
    return l->state == LINK_IS_UP;
}

bool link_client_has_greeted(const struct link_client *l)
{
    return l->state != LINK_IS_DOWN;
}

struct buf *link_client_out(struct link_client *l)
{
    return &l->out;
}

/* -- requests ------------------------------------------------------------------------------------------ */

static void finish(struct link_client *l, struct pending *p, const struct op_result *result)
{
    struct op_result full = *result;
    full.kind = p->kind;
    full.verb = p->verb;
    full.hint = p->hint;
    full.ref = pending_ref(p);
    if (p->kind == OP_SUBSCRIBE || p->kind == OP_UNSUBSCRIBE) {
        full.outcome.chat_id = p->chat_id;
    }
    core_finish_op(l->core, p, &full);
    pendings_give(&l->pendings, p);
    core_resume_held(l->core);
}

static void give_up(struct link_client *l, struct pending *p, enum code code)
{
    l->core->stats.commands_late++;
    finish(l, p, &(struct op_result){.code = code});
}

/* It may have changed something that stays. */
static bool is_lasting(const struct pending *p)
{
    return p->kind == OP_COMMAND && p->cmd != CMD_TYPING && p->cmd != CMD_FOCUS;
}

/* Requests end in the order in which they came, so only the oldest need a look. */
static void give_up_late(struct link_client *l, uint64_t now_ms)
{
    struct pending *p;
    while ((p = pendings_first(&l->pendings)) != NULL) {
        bool is_up = l->state == LINK_IS_UP;
        uint64_t since = !is_up && l->down_ms > p->since_ms ? l->down_ms : p->since_ms;
        uint64_t wait = is_up ? l->conf->command_timeout_ms : l->conf->command_wait_ms;
        if (now_ms < since + wait) { /* since may be later than the turn's time: the link was lost just now */
            return;
        }
        give_up(l, p, p->sent && is_lasting(p) ? CODE_OUTCOME_UNKNOWN : CODE_UNAVAILABLE);
    }
}

/* Tokens are not kept, so their requests end with the link. */
static void give_up_tokens(struct link_client *l)
{
    struct pending *next = NULL;
    for (struct pending *p = pendings_first(&l->pendings); p != NULL; p = next) {
        next = pendings_next(&l->pendings, p);
        if (p->frame_len == 0) {
            give_up(l, p, CODE_UNAVAILABLE);
        }
    }
}

static void send_again(struct link_client *l)
{
    for (struct pending *p = pendings_first(&l->pendings); p != NULL;
         p = pendings_next(&l->pendings, p)) {
        buf_add_str(&l->out, pending_frame(p));
        p->sent = true;
    }
}

bool link_client_has_room(const struct link_client *l)
{
    return l->pendings.free != 0;
}

uint32_t link_client_pending(const struct link_client *l)
{
    return l->pendings.count;
}

static enum rc take_place(struct link_client *l, uint64_t session, const struct op *op,
                          struct pending **out)
{
    enum rc rc = pendings_take(&l->pendings, out);
    if (rc == RC_OK) {
        struct pending *p = *out;
        p->session = session;
        p->kind = op->kind;
        p->verb = op->verb;
        p->hint = op->hint;
        p->cmd = op->kind == OP_COMMAND ? op->cmd.kind : CMD_NONE;
        p->chat_id = op->cmd.chat_id;
        p->since_ms = mono_ms();
    }
    return rc;
}

/* The frame in core->frame is kept with the request and sent, if there is a link. */
static enum rc keep_and_send(struct link_client *l, struct pending *p, struct str ref)
{
    const struct buf *frame = &l->core->frame;
    enum rc rc = buf_ok(frame) ? pending_keep(p, ref, buf_str(frame)) : RC_NO_MEMORY;
    if (rc != RC_OK) {
        pendings_give(&l->pendings, p);
        return rc;
    }
    if (l->state == LINK_IS_UP) {
        buf_add_str(&l->out, pending_frame(p));
        p->sent = true;
    }
    return RC_OK;
}

enum rc link_client_command(struct link_client *l, uint64_t session, uint32_t slot,
                            const struct op *op)
{
    struct pending *p;
    struct buf *frame = &l->core->frame;
    enum rc rc = take_place(l, session, op, &p);
    if (rc != RC_OK) {
        return rc;
    }
    buf_clear(frame);
    link_put_command(frame, p->request, session, slot, &op->cmd);
    return keep_and_send(l, p, op->ref);
}

enum rc link_client_query(struct link_client *l, uint64_t session, uint32_t slot,
                          const struct op *op, uint8_t kind, struct str body)
{
    struct pending *p;
    struct buf *frame = &l->core->frame;
    enum rc rc = take_place(l, session, op, &p);
    if (rc != RC_OK) {
        return rc;
    }
    struct link_query query = {.session = session, .slot = slot, .kind = kind, .body = body};
    buf_clear(frame);
    link_put_query(frame, p->request, &query);
    return keep_and_send(l, p, op->ref);
}

/* A place that keeps no frame. */
static enum rc take_unkept(struct link_client *l, uint64_t session, const struct op *op, struct pending **p)
{
    if (l->state != LINK_IS_UP) {
        return RC_UNAVAILABLE;
    }
    enum rc rc = take_place(l, session, op, p);
    if (rc != RC_OK) {
        return rc;
    }
    rc = pending_keep(*p, op->ref, STR_NONE);
    if (rc != RC_OK) {
        pendings_give(&l->pendings, *p);
        return rc;
    }
    (*p)->sent = true;
    return RC_OK;
}

enum rc link_client_reauth(struct link_client *l, uint64_t session, uint32_t slot,
                           const struct op *op)
{
    struct pending *p;
    enum rc rc = take_unkept(l, session, op, &p);
    if (rc == RC_OK) {
        link_put_reauth(&l->out, p->request, session, slot, op->token);
    }
    return rc;
}

enum rc link_client_login(struct link_client *l, uint64_t session, enum dialect_id dialect,
                          uint64_t peer_key, const struct op *op)
{
    const struct link_login m = {session, (uint8_t)dialect, peer_key, op->token, op->recovery};
    struct pending *p;
    enum rc rc = take_unkept(l, session, op, &p);
    if (rc == RC_OK) {
        link_put_login(&l->out, p->request, &m);
    }
    return rc;
}

void link_client_answer(struct link_client *l, uint32_t request, const struct op_result *result)
{
    struct pending *p = pendings_find(&l->pendings, request);
    if (p == NULL) {
        l->core->stats.stale++;
        return;
    }
    finish(l, p, result);
}

/* -- up and down ------------------------------------------------------------------------------------------ */

static void drop_fds(struct link_client *l)
{
    while (l->fds_used < l->fds_count) {
        close(l->fds[l->fds_used++]);
    }
}

static void go_down(struct link_client *l, const char *why)
{
    bool was_up = l->state == LINK_IS_UP;
    hang_up(l);
    drop_fds(l);
    link_reader_release(&l->reader);
    link_reader_init(&l->reader);
    buf_release(&l->out);
    l->out = BUF_INIT;
    l->state = LINK_IS_DOWN;
    l->is_blocked = false;
    l->is_mute = false;
    l->retry_ms = was_up || l->retry_ms == 0 ? l->conf->link_retry_min_ms : l->retry_ms * 2;
    if (l->retry_ms > l->conf->link_retry_max_ms) {
        l->retry_ms = l->conf->link_retry_max_ms;
    }
    l->retry_at_ms = mono_ms() + l->retry_ms + random_u64() % (l->retry_ms / 2 + 1);
    if (was_up) {
        l->down_ms = mono_ms();
        l->core->stats.link_losses++;
        log_warn("link_lost", "reason=%s", why);
        give_up_tokens(l);
        core_link_down(l->core);
    } else {
        log_warn_limited("link_failed", "reason=%s", why);
    }
}

static void want(struct link_client *l)
{
    if (l->watch != NULL) {
        net_watch_want(l->watch, !l->is_paused, l->is_blocked);
    }
}

void link_client_pause(struct link_client *l, bool pause)
{
    l->is_paused = pause;
    want(l);
}

bool link_client_flush(struct link_client *l)
{
    unsigned adopts;
    size_t n;
    if (l->fd < 0) {
        return false;
    }
    if (!buf_ok(&l->out)) {
        go_down(l, "queue_too_large");
        return false;
    }
    size_t sent = 0;
    enum rc rc = RC_OK;
    while (!l->is_mute && rc == RC_OK &&
           (n = link_packet_size(str_from(buf_str(&l->out), sent), 0, &adopts)) > 0) {
        rc = link_sock_send(l->fd, l->out.p + sent, n, NULL, 0);
        sent += rc == RC_OK ? n : 0;
    }
    buf_consume(&l->out, sent);
    if (rc != RC_OK && rc != RC_AGAIN) {
        l->is_mute = true;
        buf_clear(&l->out);
    }
    l->is_blocked = rc == RC_AGAIN;
    want(l);
    return !l->is_mute && l->out.len == 0;
}

/* -- frames ------------------------------------------------------------------------------------------------- */

static enum rc on_welcome(struct link_client *l, struct str body)
{
    struct link_welcome w;
    if (l->state != LINK_SAID_HELLO || link_get_welcome(body, &w) != RC_OK ||
        w.magic != LINK_MAGIC) {
        return RC_PROTOCOL;
    }
    if (w.major != LINK_MAJOR) {
        log_err("link_version", "ours=%d theirs=%u", LINK_MAJOR, w.major);
        return RC_PROTOCOL;
    }
    l->state = LINK_IS_UP;
    l->retry_ms = 0;
    log_info("link_up", "published=%llu resumed=%d commands=%u", (unsigned long long)w.published,
             w.resumed, l->pendings.count);
    core_link_up(l->core, &w);
    send_again(l);
    return RC_OK;
}

static enum rc on_refused(struct str body)
{
    enum code code;
    struct str reason;
    if (link_get_refused(body, &code, &reason) == RC_OK) {
        log_warn_limited("link_refused", "code=%s reason=%s", code_name(code), log_esc(reason));
    }
    return RC_PROTOCOL;
}

static enum rc on_ping(struct link_client *l, struct str body)
{
    uint64_t stamp;
    enum rc rc = link_get_u64(body, &stamp);
    if (rc == RC_OK) {
        link_put_u64(&l->out, LINK_PONG, stamp);
    }
    return rc;
}

/* Each ADOPT frame of a packet has one descriptor, in the order of the frames. */
static int next_fd(struct link_client *l, uint16_t type)
{
    return type == LINK_ADOPT && l->fds_used < l->fds_count ? l->fds[l->fds_used++] : -1;
}

static enum rc on_frame(struct link_client *l, const struct link_frame *frame)
{
    uint64_t stamp;
    switch (frame->type) {
    case LINK_WELCOME:
        return on_welcome(l, frame->body);
    case LINK_REFUSED:
        return on_refused(frame->body);
    case LINK_PING:
        return on_ping(l, frame->body);
    case LINK_PONG:
        return link_get_u64(frame->body, &stamp);
    default:
        return l->state == LINK_IS_UP
                   ? core_link_frame(l->core, frame, next_fd(l, frame->type))
                   : RC_PROTOCOL;
    }
}

static enum rc on_packet(struct link_client *l, size_t len)
{
    struct str packet = {l->packet, len};
    struct link_frame frame;
    enum rc rc;
    while ((rc = link_reader_next(&l->reader, &packet, &frame)) == RC_OK) {
        rc = on_frame(l, &frame);
        if (rc != RC_OK) {
            log_warn("link_bad_frame", "type=%s number=%u bytes=%zu",
                     link_type_name(frame.type) != NULL ? link_type_name(frame.type) : "unknown",
                     frame.type, frame.body.len);
            break;
        }
    }
    drop_fds(l);
    return rc == RC_AGAIN ? RC_OK : rc;
}

/* Packets until the socket is empty or the turn has enough. */
static void read_packets(struct link_client *l)
{
    for (size_t turn = 0; l->fd >= 0 && turn < l->conf->link_turn_bytes;) {
        size_t len = 0;
        bool truncated = false;
        l->fds_used = 0;
        l->fds_count = 0;
        enum rc rc = link_sock_recv(l->fd, l->packet, sizeof(l->packet), &len, l->fds,
                                    LINK_FDS_PER_PACKET, &l->fds_count, &truncated);
        if (rc == RC_AGAIN) {
            return;
        }
        if (rc != RC_OK) {
            go_down(l, rc == RC_CLOSED ? "closed" : "read_failed");
            return;
        }
        if (truncated) {
            log_warn_limited("link_truncated", "fds=%u", l->fds_count);
        }
        l->heard_ms = mono_ms();
        l->core->stats.link_bytes += len;
        turn += len;
        if (on_packet(l, len) != RC_OK) {
            go_down(l, "protocol");
        }
    }
}

static void on_event(void *ctx, bool readable, bool writable)
{
    struct link_client *l = ctx;
    if (writable) {
        (void)link_client_flush(l);
    }
    if (readable && !l->is_paused) {
        read_packets(l);
    }
}

static void connect_now(struct link_client *l)
{
    if (link_sock_connect(l->conf->link_socket, &l->fd) != RC_OK) {
        l->fd = -1;
        go_down(l, "connect");
        return;
    }
    l->watch = net_watch_new(l->loop, l->fd, on_event, l);
    if (l->watch == NULL) {
        go_down(l, "watch");
        return;
    }
    l->state = LINK_SAID_HELLO;
    l->heard_ms = mono_ms();
    core_link_hello(l->core, &l->out, l->build);
    (void)link_client_flush(l);
}

static void ping_or_hang_up(struct link_client *l, uint64_t now_ms)
{
    if (!l->is_paused && now_ms > l->heard_ms && now_ms - l->heard_ms >= l->conf->link_timeout_ms) {
        go_down(l, "silent");
        return;
    }
    if (l->state == LINK_IS_UP && now_ms - l->pinged_ms >= l->conf->link_ping_ms) {
        l->pinged_ms = now_ms;
        link_put_u64(&l->out, LINK_PING, now_ms);
    }
}

void link_client_tick(struct link_client *l, uint64_t now_ms)
{
    if (l->state != LINK_IS_DOWN) {
        ping_or_hang_up(l, now_ms);
    } else if (now_ms >= l->retry_at_ms) {
        connect_now(l);
    }
    give_up_late(l, now_ms);
}
