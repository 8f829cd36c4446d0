/* eio_poll.c -- the polling carrier: frames out as answers of held requests, packets in as their bodies */
#include "ws/eio.h"

#include <stdlib.h>
#include <string.h>

#include "shared/mem.h"
#include "ws/core.h"
#include "ws/link_client.h"

#define JSON_TYPE STR("application/json")
#define TEXT_TYPE STR("text/plain; charset=UTF-8")

/* -- answers ----------------------------------------------------------------------------------------------- */

static void answer(struct core *k, uint32_t poll_id, uint16_t status, struct str type, struct str body)
{
    const struct link_poll_reply reply = {.status = status, .content_type = type, .body = body};
    if (link_client_is_up(k->link)) {
        link_put_poll_reply(link_client_out(k->link), poll_id, &reply);
    }
}

static void refuse_unknown(struct core *k, uint32_t poll_id)
{
    answer(k, poll_id, 400, JSON_TYPE, STR("{\"code\":1,\"message\":\"Session ID unknown\"}"));
}

static void refuse(struct core *k, uint32_t poll_id)
{
    answer(k, poll_id, 400, JSON_TYPE, STR("{\"code\":3,\"message\":\"Bad request\"}"));
}

static void answer_get(struct conn *c, struct str payload)
{
    uint32_t poll_id = c->eio->get_poll;
    c->eio->get_poll = 0;
    map64_remove(&c->core->engine.polls, poll_id);
    answer(c->core, poll_id, 200, TEXT_TYPE, payload);
}

void eio_poll_answer(struct conn *c, struct str packet)
{
    if (c->eio->get_poll != 0) {
        answer_get(c, packet);
    }
}

/* -- out ----------------------------------------------------------------------------------------------------- */

/* The frame at the head of the queue as a packet. */
static void add_packet(const struct core *k, const struct conn *c, struct buf *payload, struct buf *scratch)
{
    const struct outq_entry *e = outq_head(&k->queues, &c->out);
    buf_clear(scratch);
    msg_add_payload(e->m, e->number, scratch);
    if (msg_is_binary(e->m)) {
        eio_payload_binary(payload, buf_str(scratch));
    } else {
        eio_payload_text(payload, buf_str(scratch));
    }
}

static void drop_head(struct core *k, struct conn *c)
{
    struct buf rest = BUF_INIT;
    k->stats.frames_sent += outq_sent(&k->queues, &c->out, outq_head(&k->queues, &c->out)->m->len, &rest);
    buf_release(&rest);
}

/* As many whole frames as fit; one at least. */
static void fill(struct conn *c, struct buf *payload)
{
    struct core *k = c->core;
    struct buf scratch = BUF_INIT;
    while (c->out.head != 0) {
        size_t more = outq_head(&k->queues, &c->out)->m->len;
        if (payload->len > 0 && payload->len + more * 4 / 3 > k->conf->eio_max_payload) {
            break;
        }
        add_packet(k, c, payload, &scratch);
        drop_head(k, c);
    }
    k->stats.bytes_sent += payload->len;
    buf_release(&scratch);
}

static void poll_flush(struct conn *c)
{
    if (c->eio->get_poll == 0 || c->out.head == 0) {
        return;
    }
    struct buf payload = BUF_INIT;
    fill(c, &payload);
    c->core->stats.writes++;
    answer_get(c, buf_str(&payload));
    buf_release(&payload);
}

static void end_post(struct conn *c, enum rc rc)
{
    struct core *k = c->core;
    uint32_t poll_id = c->eio->post_poll;
    c->eio->post_poll = 0;
    map64_remove(&k->engine.polls, poll_id);
    eio_reader_release(&c->eio->packets);
    buf_release(&c->eio->post);
    if (rc == RC_CLOSED) { /* also when its last packet was a good-bye */
        answer(k, poll_id, 200, STR("text/html"), STR("ok"));
    } else {
        refuse(k, poll_id);
        core_close(c, CODE_BAD_REQUEST);
    }
}

/* What waits is lost, as with a socket that is closed; a client with a cursor asks again. */
static void poll_close(struct conn *c)
{
    struct core *k = c->core;
    outq_clear(&k->queues, &c->out);
    eio_poll_answer(c, STR("1"));
    if (c->eio->post_poll != 0) {
        end_post(c, c->close_code == CODE_GOODBYE ? RC_CLOSED : RC_INVALID);
    }
    c->deadline_ms = k->now_ms + (c->eio->owes_noop ? k->conf->eio_last_poll_ms : 0);
    wheel_set(&k->wheel, c->index, c->deadline_ms);
}

static void poll_kill(struct conn *c)
{
    core_on_closed(c);
}

/* -- in -------------------------------------------------------------------------------------------------------- */

static void take_packet(struct conn *c, const struct eio_packet *p)
{
    if (p->binary) {
        core_on_piece(c, p->data, true, true);
    } else { /* its type stands right before the data */
        core_on_piece(c, (struct str){p->data.p - 1, p->data.len + 1}, true, false);
    }
}

/* One packet after the other, as long as the core takes them. */
static void take_packets(struct conn *c)
{
    struct eio_packet p;
    while (c->eio->post_poll != 0 && c->pause == 0) {
        enum rc rc = c->state == CONN_OPEN ? eio_reader_next(&c->eio->packets, &p) : RC_CLOSED;
        if (rc != RC_OK) {
            end_post(c, rc);
            return;
        }
        take_packet(c, &p);
    }
}

static void poll_read(struct conn *c, bool on)
{
    if (on && c->eio != NULL) {
        take_packets(c);
    }
}

static void poll_move(struct conn *from, struct conn *to)
{
    (void)from; /* only sockets move */
    (void)to;
}

static const struct carrier poll_carrier = {poll_flush, poll_close, poll_kill, poll_read, poll_move};

static void on_get(struct conn *c, uint32_t poll_id)
{
    struct core *k = c->core;
    if (c->eio->get_poll != 0) { /* two at once: nobody could say in which order they were answered */
        refuse(k, poll_id);
        core_close(c, CODE_BAD_REQUEST);
        return;
    }
    c->eio->get_poll = poll_id;
    map64_put(&k->engine.polls, poll_id, c->index);
    if (c->eio->is_probed) {
        eio_poll_answer(c, STR("6"));
    } else {
        core_on_writable(c);
    }
}

static void on_post(struct conn *c, uint32_t poll_id, struct str body)
{
    struct eio *e = c->eio;
    if (e->post_poll != 0) {
        refuse(c->core, poll_id);
        core_close(c, CODE_BAD_REQUEST);
        return;
    }
    buf_add_str(&e->post, body);
    e->post_poll = poll_id;
    map64_put(&c->core->engine.polls, poll_id, c->index);
    eio_reader_init(&e->packets, buf_str(&e->post), (unsigned)c->core->conf->eio_packets_max);
    take_packets(c);
}

/* -- a new session ----------------------------------------------------------------------------------------------- */

static void open_session(struct core *k, uint32_t poll_id, const struct link_poll *m)
{
    struct buf open = BUF_INIT;
    struct conn *c = k->is_draining ? NULL : core_new_session(k, &poll_carrier, m);
    if (c == NULL) {
        answer(k, poll_id, 503, JSON_TYPE, STR("{\"code\":3,\"message\":\"Bad request\"}"));
        return;
    }
    eio_begin(c, EIO_POLLING);
    c->handle = c->eio;
    c->state = CONN_OPEN;
    c->deadline_ms = eio_deadline(c);
    wheel_set(&k->wheel, c->index, c->deadline_ms);
    eio_add_open(c, &open);
    answer(k, poll_id, 200, TEXT_TYPE, buf_str(&open));
    buf_release(&open);
}

void eio_on_poll(struct core *k, uint32_t poll_id, const struct link_poll *m)
{
    if (m->sid.len == 0) {
        open_session(k, poll_id, m);
        return;
    }
    struct conn *c = eio_find(k, m->sid);
    if (c == NULL && m->method == LINK_POLL_GET && eio_take_noop(k, m->sid)) {
        answer(k, poll_id, 200, TEXT_TYPE, STR("6"));
    } else if (c == NULL) {
        refuse_unknown(k, poll_id);
    } else if (c->eio->role != EIO_POLLING) {
        refuse(k, poll_id);
    } else if (m->method == LINK_POLL_GET) {
        on_get(c, poll_id);
    } else {
        on_post(c, poll_id, m->body);
    }
}

void eio_on_poll_abort(struct core *k, uint32_t poll_id)
{
    uint32_t index;
    struct conn *c = map64_get(&k->engine.polls, poll_id, &index) ? conns_at(&k->conns, index) : NULL;
    if (c == NULL || c->eio == NULL || (c->eio->get_poll != poll_id && c->eio->post_poll != poll_id)) {
        return;
    }
    if (c->eio->get_poll == poll_id) {
        map64_remove(&k->engine.polls, poll_id);
        c->eio->get_poll = 0;
    }
    core_close(c, CODE_GOODBYE);
}

void eio_on_link_down(struct core *k)
{
    for (uint32_t i = 0; i < k->conns.made; i++) {
        struct conn *c = conns_at(&k->conns, i);
        if (c != NULL && c->eio != NULL && c->eio->role == EIO_POLLING) {
            core_close(c, CODE_RESTARTING);
        }
    }
    map64_release(&k->engine.polls);
}
