/* bench_socketio.c -- Socket.IO over WebSocket: Confab beside the npm package, which the same clients talk to */
#include <stdio.h>
#include <string.h>

#include "tests/bench/bench.h"

#define TURN_S 2

/* Both servers want an answer to the first before they hear the second. */
void socketio_hello(const struct bench *b, int fd, uint64_t user)
{
    struct buf text = BUF_INIT, token = BUF_INIT;
    bench_token(b, user, &token);
    buf_addf(&text, "40/chat,{\"token\":\"%s\"}", token.p);
    bench_send_text(fd, buf_str(&text));
    do { /* behind what the engine says of itself */
        buf_clear(&text);
        bench_read_text(fd, &text);
        if (str_starts(buf_str(&text), STR("44"))) {
            bench_fail("the namespace was refused");
        }
    } while (!str_starts(buf_str(&text), STR("40/chat,")));
    buf_clear(&text);
    buf_addf(&text, "42/chat,[\"joinConversation\",{\"convId\":%u}]", b->chat);
    bench_send_text(fd, buf_str(&text));
    buf_release(&text);
    buf_release(&token);
}

/* In turns, so that whatever else the machine does hits both. */
int bench_socketio(const struct bench *b)
{
    struct bench ours = *b, npm = *b;
    struct fanout sums[2];
    memset(sums, 0, sizeof(sums));
    ours.dialect = npm.dialect = "socketio";
    npm.port = b->limit_port;
    npm.pids = b->limit_pids;
    for (unsigned i = 0; i < b->seconds; i += TURN_S) {
        struct fanout one = bench_deliver(&npm, TURN_S), other = bench_deliver(&ours, TURN_S);
        fanout_add(&sums[0], &one);
        fanout_add(&sums[1], &other);
    }
    double rate = sums[1].messages / sums[1].seconds, limit = sums[0].messages / sums[0].seconds;
    double cpu = sums[1].cpu_us / sums[1].messages, cpu_limit = sums[0].cpu_us / sums[0].messages;
    printf("socketio subscribers=%u window=%u deliveries/s=%.0f (%.0f bytes, %.2f us CPU each) "
           "npm socket.io, in turns=%.0f (%.0f bytes, %.2f us) ratio=%.2f (aim 8) of CPU=%.2f\n",
           b->count, b->window, rate, sums[1].bytes, cpu, limit, sums[0].bytes, cpu_limit, rate / limit, cpu_limit / cpu);
    return 0;
}

int bench_socketio_idle(const struct bench *b)
{
    struct bench ours = *b, npm = *b;
    ours.dialect = npm.dialect = "socketio";
    npm.port = b->limit_port;
    npm.pids = b->limit_pids;
    double bytes = bench_idle_bytes(&ours), theirs = bench_idle_bytes(&npm);
    printf("socketio idle connections=%u users=%u rooms=1 bytes/connection=%.0f (aim 3072) npm socket.io=%.0f ratio=%.2f\n",
           b->count, b->users, bytes, theirs, bytes / theirs);
    return 0;
}
