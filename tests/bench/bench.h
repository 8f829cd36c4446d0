/*
 * bench.h -- the load client: what its parts share
 *
 * Every measurement prints a figure and, taken in the same run on the same machine, the limit it is
 * compared with. Blocking where it prepares, epoll where it measures; one thread.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

struct bench {
    unsigned port;          /* of confab-rest on 127.0.0.1 */
    const char *secret;     /* file with the HS256 secret */
    const char *db_socket;  /* MariaDB */
    const char *db_user, *db_password, *db_name, *migrations;
    const char *pids;       /* comma separated: whose memory counts */
    const char *limit_pids; /* those that ours is compared with */
    const char *scratch;    /* directory on the database's disk */
    unsigned count;         /* connections, subscribers, users: as the part says */
    unsigned window;        /* messages on their way at the same time */
    unsigned seconds;
    unsigned users;         /* how many users there are: ids 1..users */
    unsigned chats;         /* chats per user */
    unsigned chat;          /* chat to post to */
    unsigned limit_port;
    const char *dialect;    /* of the subscribers; fanout compares others than rooms with rooms */
};

_Noreturn void bench_fail(const char *what);
uint64_t bench_now_us(void);

/* -- sockets ---------------------------------------------------------------------------------- */

/* A TCP connection to 127.0.0.1:port from one of many loopback addresses (i chooses). */
int bench_connect(unsigned port, unsigned i);
void bench_write(int fd, const void *p, size_t n);
void bench_nonblock(int fd);
/* The text of a token for the user. */
void bench_token(const struct bench *b, uint64_t user, struct buf *out);
/* Upgrade to the dialect: returns a connected WebSocket that hears of b->chat; query is appended. Fails on
 * anything but 101. */
int bench_websocket(const struct bench *b, unsigned port, unsigned i, uint64_t user, const char *query);
/* A masked text frame, and the payload of the next one that comes (blocking). */
void bench_send_text(int fd, struct str text);
void bench_read_text(int fd, struct buf *out);
/* The upgrade request alone. */
void bench_upgrade_request(const struct bench *b, uint64_t user, const char *query, struct buf *out);

/* -- HTTP --------------------------------------------------------------------------------------- */

struct http { /* one keep-alive connection */
    int fd;
    struct buf in;
};
void http_open(struct http *h, const struct bench *b, unsigned i);
void http_post_message(const struct bench *b, const char *token, const char *content, struct buf *request);
/* Read what is there. 1: a whole answer has come (*status), 0: more to come. */
int http_read(struct http *h, int *status);
/* Blocking round trip; the body goes to *body when it is not NULL. */
int http_round(struct http *h, const struct buf *request, struct buf *body);
/* The sum of a counter over all its labels in /metrics. */
uint64_t bench_metric(const struct bench *b, const char *name);

/* -- receiving WebSocket frames ----------------------------------------------------------------- */

struct frames { /* one connection's place in its byte stream */
    uint64_t left;     /* payload bytes still to come */
    unsigned char head[10];
    unsigned head_len;
    char start[16]; /* of the payload: tells frames of state from messages */
    unsigned start_len;
};
/* Count the data frames that end in these bytes; *states are those that tell a state (chat_update) or greet. */
unsigned frames_count(struct frames *f, const unsigned char *p, size_t n, uint64_t *states);

struct readers { /* many connections, counted together */
    int epoll;
    int *fds;
    struct frames *frames;
    unsigned count;
    uint64_t received; /* frames that are messages */
    uint64_t states;   /* other frames */
    uint64_t bytes;
};
void readers_open(struct readers *r, unsigned count);
void readers_add(struct readers *r, int fd);
/* Read everything that comes within timeout_ms; returns frames received now. */
uint64_t readers_turn(struct readers *r, int timeout_ms);
void readers_close(struct readers *r);

/* -- fan-out ------------------------------------------------------------------------------------ */

struct fanout {
    double seconds;
    double messages;  /* delivered in that time */
    double frames;    /* with those of state */
    double bytes;     /* of one frame */
    double cpu_us;    /* of the processes in --pids */
};
/* --count subscribers of --dialect, --window messages on their way, for some seconds. */
struct fanout bench_deliver(const struct bench *b, unsigned seconds);
void fanout_add(struct fanout *sum, const struct fanout *one);

/* Socket.IO behind the upgrade: join the namespace, then the chat's room. */
void socketio_hello(const struct bench *b, int fd, uint64_t user);
/* What the processes in --pids have used so far; how much they grow per idle connection. */
uint64_t bench_cpu_us(const struct bench *b);
double bench_idle_bytes(const struct bench *b);

/* -- the parts: 0 or an exit code ------------------------------------------------------------------ */

int bench_seed(const struct bench *b);       /* fill an empty database */
int bench_fanout(const struct bench *b);     /* deliveries a second */
int bench_sql(const struct bench *b);        /* the limit of posting: the same INSERTs alone */
int bench_post(const struct bench *b);       /* durable posts a second */
int bench_latency(const struct bench *b);    /* post to deliver at 100 a second */
int bench_idle(const struct bench *b);       /* memory of an idle connection */
int bench_handshakes(const struct bench *b); /* authenticated upgrades a second */
int bench_socketio(const struct bench *b);      /* fan-out, beside the npm package on --limit-port */
int bench_socketio_idle(const struct bench *b); /* memory, beside the same (--limit-pids) */
int bench_listener(const struct bench *b);   /* a bare libwebsockets server: the limit of the one before */

/* p of 0..100 of n values, which are sorted in place. */
uint64_t bench_percentile(uint64_t *values, size_t n, unsigned p);

#endif
