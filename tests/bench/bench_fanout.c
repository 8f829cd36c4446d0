/* bench_fanout.c -- deliveries a second to many subscribers, and what send() alone can do */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/mem.h"
#include "tests/bench/bench.h"

#define WARM_MS 300

/* -- Confab ------------------------------------------------------------------------------------------ */

static void subscribe(const struct bench *b, struct readers *r)
{
    readers_open(r, b->count);
    for (unsigned i = 0; i < b->count; i++) {
        /* User 1 posts: some dialects do not show it its own messages. */
        readers_add(r, bench_websocket(b, b->port, i, 2 + i % (b->users - 1), ""));
    }
    while (readers_turn(r, WARM_MS) > 0) {
    }
    r->received = 0;
    r->states = 0;
    r->bytes = 0;
}

static void expect_all(const struct bench *b, struct readers *r, uint64_t posted)
{
    while (r->received < posted * b->count && readers_turn(r, 2000) > 0) {
    }
    if (r->received != posted * b->count) {
        fprintf(stderr, "posted %llu, received %llu of %llu\n", (unsigned long long)posted,
                (unsigned long long)r->received, (unsigned long long)(posted * b->count));
        bench_fail("deliveries are missing");
    }
}

static void take_answers(struct http *poster)
{
    int status = 0;
    while (http_read(poster, &status)) {
        if (status != 201) {
            bench_fail("a post was refused");
        }
    }
}

/* Keep `window` messages on their way: one more is posted when one more has reached everybody. */
struct fanout bench_deliver(const struct bench *b, unsigned seconds)
{
    struct readers r;
    struct http poster;
    struct buf token = BUF_INIT, request = BUF_INIT;
    subscribe(b, &r);
    http_open(&poster, b, 0);
    bench_token(b, 1, &token);
    http_post_message(b, token.p, "a message of usual length, some sixty characters of it", &request);
    bench_nonblock(poster.fd);
    uint64_t start = bench_now_us(), end = start + seconds * 1000000ull, posted = 0, cpu_us = bench_cpu_us(b);
    while (bench_now_us() < end) {
        while (posted * b->count < r.received + (uint64_t)b->window * b->count) {
            bench_write(poster.fd, request.p, request.len);
            posted++;
        }
        take_answers(&poster);
        readers_turn(&r, 10);
    }
    struct fanout result = {.seconds = (double)(bench_now_us() - start) / 1e6,
                            .messages = (double)r.received,
                            .frames = (double)(r.received + r.states),
                            .cpu_us = (double)(bench_cpu_us(b) - cpu_us)};
    expect_all(b, &r, posted);
    result.bytes = (double)r.bytes / (double)(r.received + r.states);
    buf_release(&token);
    buf_release(&request);
    buf_release(&poster.in);
    close(poster.fd);
    readers_close(&r);
    return result;
}

/* -- the limit ----------------------------------------------------------------------------------------- */

static int listen_any(unsigned *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        bench_fail("listen");
    }
    *port = ntohs(a.sin_port);
    return fd;
}

/* As many frames of this size as one write of ours carried. */
static size_t make_frames(unsigned count, unsigned bytes, unsigned char *out)
{
    size_t n = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned payload = bytes - 4;
        out[n++] = 0x81;
        out[n++] = 126;
        out[n++] = (unsigned char)(payload >> 8);
        out[n++] = (unsigned char)payload;
        memset(out + n, 'x', payload);
        n += payload;
    }
    return n;
}

/* The child: accept everybody, then nothing but send() in a loop. */
_Noreturn static void send_loop(int listener, unsigned count, unsigned frames, unsigned bytes)
{
    int *fds = mem_grow(NULL, count, sizeof(fds[0])), one = 1;
    unsigned char *data = mem_new((size_t)frames * (bytes + 16));
    size_t n = make_frames(frames, bytes, data);
    for (unsigned i = 0; i < count; i++) {
        fds[i] = accept(listener, NULL, NULL);
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    for (;;) {
        for (unsigned i = 0; i < count; i++) {
            if (send(fds[i], data, n, MSG_NOSIGNAL) < 0) {
                _exit(0);
            }
        }
    }
}

static double bare_rate(const struct bench *b, unsigned frames, unsigned bytes)
{
    unsigned port = 0;
    int listener = listen_any(&port);
    pid_t child = fork();
    if (child == 0) {
        send_loop(listener, b->count, frames, bytes);
    }
    struct readers r;
    readers_open(&r, b->count);
    for (unsigned i = 0; i < b->count; i++) {
        readers_add(&r, bench_connect(port, i));
    }
    uint64_t warm = bench_now_us() + WARM_MS * 1000;
    while (bench_now_us() < warm) {
        readers_turn(&r, 10);
    }
    r.received = 0;
    uint64_t start = bench_now_us(), end = start + b->seconds * 1000000ull;
    while (bench_now_us() < end) {
        readers_turn(&r, 10);
    }
    double rate = (double)r.received * 1e6 / (double)(bench_now_us() - start);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    readers_close(&r);
    close(listener);
    return rate;
}

static int beside_send(const struct bench *b)
{
    uint64_t frames = bench_metric(b, "confab_ws_frames_sent_total");
    uint64_t writes = bench_metric(b, "confab_ws_writes_total");
    struct fanout ours = bench_deliver(b, b->seconds);
    usleep(1200000); /* the workers report once a second */
    frames = bench_metric(b, "confab_ws_frames_sent_total") - frames;
    writes = bench_metric(b, "confab_ws_writes_total") - writes;
    unsigned at_once = writes ? (unsigned)((double)frames / (double)writes + 0.5) : 1;
    double rate = ours.messages / ours.seconds;
    double limit = bare_rate(b, at_once ? at_once : 1, (unsigned)ours.bytes);
    printf("fanout subscribers=%u window=%u deliveries/s=%.0f limit(send loop, %u frames of %.0f bytes a call)=%.0f ratio=%.2f\n",
           b->count, b->window, rate, at_once, ours.bytes, limit, rate / limit);
    return 0;
}

void fanout_add(struct fanout *sum, const struct fanout *one)
{
    sum->seconds += one->seconds;
    sum->messages += one->messages;
    sum->frames += one->frames;
    sum->cpu_us += one->cpu_us;
    sum->bytes = one->bytes;
}

/* Second by second in turns, so that whatever else the machine does hits both. */
static int beside_rooms(const struct bench *b)
{
    struct bench rooms = *b;
    struct fanout sums[2];
    memset(sums, 0, sizeof(sums));
    rooms.dialect = "rooms";
    for (unsigned i = 0; i < b->seconds; i++) {
        struct fanout theirs = bench_deliver(&rooms, 1), ours = bench_deliver(b, 1);
        fanout_add(&sums[0], &theirs);
        fanout_add(&sums[1], &ours);
    }
    double frames = sums[1].frames / sums[1].seconds, limit = sums[0].frames / sums[0].seconds;
    printf("fanout subscribers=%u window=%u dialect=%s frames/s=%.0f (messages/s=%.0f, %.0f bytes a frame) limit(rooms in turns)=%.0f ratio=%.2f\n",
           b->count, b->window, b->dialect, frames, sums[1].messages / sums[1].seconds,
           sums[1].bytes, limit, frames / limit);
    return 0;
}

int bench_fanout(const struct bench *b)
{
    if (b->users < 2) {
        bench_fail("fanout needs two users");
    }
    return strcmp(b->dialect, "rooms") == 0 ? beside_send(b) : beside_rooms(b);
}
