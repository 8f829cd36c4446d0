/*
 * dialect_socketio_echo.c -- what the protocol suites talk to: echo namespaces, and echo without Socket.IO
 *
 * Only connections that the front door has marked (CONN_FIXTURE, from a setting that production refuses) get here.
 * The namespaces / and /custom are open to all. Connecting is answered with the event "auth" and what was brought;
 * "message" comes back as "message-back", "message-with-ack" as its acknowledgement, attachments included.
 */
#include "ws/dialect_socketio.h"

#include <stdlib.h>

#include "shared/mem.h"

struct socketio_pieces {
    struct sio_packet packet; /* views into text */
    struct buf text;
    struct buf bytes[SOCKETIO_ATTACHMENTS_MAX];
    uint32_t count;
};

static unsigned bit_of(struct str nsp)
{
    return str_eq(nsp, STR("/")) ? 1 : str_eq(nsp, STR("/custom")) ? 2 : 0;
}

static void send_auth(struct conn *c, const struct sio_packet *p)
{
    struct buf out = BUF_INIT;
    struct sio_packet answer = {.type = SIO_CONNECT, .nsp = p->nsp};
    sio_begin(&out, &answer);
    buf_addf(&out, "{\"sid\":\"%016llx\"}", (unsigned long long)random_u64());
    dialect_send(c, buf_str(&out), false);
    buf_clear(&out);
    answer.type = SIO_EVENT;
    sio_begin(&out, &answer);
    buf_add_z(&out, "[\"auth\",");
    buf_add_str(&out, p->json.len > 0 ? p->json : STR("{}"));
    buf_add_char(&out, ']');
    dialect_send(c, buf_str(&out), false);
    buf_release(&out);
}

/* The text behind the event's name, from its comma or closing bracket on; p == NULL: another event. */
static struct str arguments(const struct sio_packet *p, struct str name)
{
    struct str rest = str_from(p->json, 1);
    if (rest.len < name.len + 2 || rest.p[0] != '"' || !str_starts(str_from(rest, 1), name) ||
        rest.p[name.len + 1] != '"') {
        return STR_NONE;
    }
    return str_from(rest, name.len + 2);
}

static void add_answer(struct buf *out, const struct sio_packet *p)
{
    bool binary = p->type == SIO_BINARY_EVENT;
    struct sio_packet answer = *p;
    struct str args = arguments(p, STR("message-with-ack"));
    if (args.p != NULL && p->has_id) {
        answer.type = binary ? SIO_BINARY_ACK : SIO_ACK;
        sio_begin(out, &answer);
        buf_add_char(out, '[');
        buf_add_str(out, args.p[0] == ',' ? str_from(args, 1) : args);
        return;
    }
    args = arguments(p, STR("message"));
    if (args.p != NULL) {
        answer.has_id = false;
        sio_begin(out, &answer);
        buf_add_z(out, "[\"message-back\"");
        buf_add_str(out, args);
    }
}

static void echo(struct conn *c, const struct sio_packet *p, const struct buf *bytes)
{
    struct buf out = BUF_INIT;
    add_answer(&out, p);
    if (out.len > 0) {
        dialect_send(c, buf_str(&out), false);
    }
    for (uint32_t i = 0; out.len > 0 && i < p->attachments; i++) {
        dialect_send(c, buf_str(&bytes[i]), true);
    }
    buf_release(&out);
}

void socketio_echo_release(struct socketio *s)
{
    if (s->pieces == NULL) {
        return;
    }
    for (uint32_t i = 0; i < s->pieces->count; i++) {
        buf_release(&s->pieces->bytes[i]);
    }
    buf_release(&s->pieces->text);
    free(s->pieces);
    s->pieces = NULL;
}

/* Everything of the packet but its attachments, kept until they are there. */
static void keep(struct socketio *s, const struct sio_packet *p)
{
    struct socketio_pieces *k = mem_new(sizeof(*k));
    buf_add_str(&k->text, p->nsp);
    buf_add_str(&k->text, p->json);
    k->packet = *p;
    k->packet.nsp = (struct str){k->text.p, p->nsp.len};
    k->packet.json = (struct str){k->text.p + p->nsp.len, p->json.len};
    s->pieces = k;
}

void socketio_echo_bytes(struct conn *c, struct socketio *s, struct str bytes)
{
    struct socketio_pieces *k = s->pieces;
    buf_add_str(&k->bytes[k->count++], bytes);
    if (k->count == k->packet.attachments) {
        echo(c, &k->packet, k->bytes);
        socketio_echo_release(s);
    }
}

static void on_joined(struct conn *c, struct socketio *s, const struct sio_packet *p)
{
    if (p->type == SIO_DISCONNECT) {
        s->echo = (uint8_t)(s->echo & ~bit_of(p->nsp));
    } else if (p->type == SIO_EVENT || (p->type == SIO_BINARY_EVENT && p->attachments == 0)) {
        echo(c, p, NULL);
    } else if (p->type == SIO_BINARY_EVENT) {
        keep(s, p);
    } else {
        dialect_close(c, CODE_BAD_REQUEST);
    }
}

bool socketio_echo_packet(struct conn *c, struct socketio *s, const struct sio_packet *p)
{
    unsigned bit = bit_of(p->nsp);
    if (bit == 0 || (dialect_options(c) & CONN_FIXTURE) == 0) {
        return false;
    }
    if ((s->echo & bit) != 0) {
        on_joined(c, s, p);
    } else if (p->type == SIO_CONNECT) {
        s->echo = (uint8_t)(s->echo | bit);
        send_auth(c, p);
    } else {
        dialect_close(c, CODE_BAD_REQUEST);
    }
    return true;
}

/* -- plain echo ------------------------------------------------------------------------------------------------ */

static void plain_receive(struct conn *c, void *state, struct str message, bool binary)
{
    (void)state;
    dialect_send(c, message, binary);
}

/* The type of a message packet in front of a text. */
static void engine_receive(struct conn *c, void *state, struct str message, bool binary)
{
    struct buf out = BUF_INIT;
    (void)state;
    if (!binary) {
        buf_add_char(&out, '4');
    }
    buf_add_str(&out, message);
    dialect_send(c, buf_str(&out), binary);
    buf_release(&out);
}

static void no_event(const struct event *e, const struct dialect_view *v, struct dialect_frame *f)
{
    (void)e;
    (void)v;
    (void)f;
}

static void no_answer(const struct op_result *r, const struct dialect_view *v, struct dialect_frame *f)
{
    (void)r;
    (void)v;
    (void)f;
}

static void no_notice(const struct notice *n, const struct dialect_view *v, struct dialect_frame *f)
{
    (void)n;
    (void)v;
    (void)f;
}

const struct dialect dialect_echo = {
    .id = DIALECT_ECHO,
    .name = "echo",
    .receive = plain_receive,
    .encode = no_event,
    .answer = no_answer,
    .notice = no_notice,
};

const struct dialect dialect_eio_echo = {
    .id = DIALECT_EIO_ECHO,
    .name = "eio_echo",
    .engine = true,
    .receive = engine_receive,
    .encode = no_event,
    .answer = no_answer,
    .notice = no_notice,
};
