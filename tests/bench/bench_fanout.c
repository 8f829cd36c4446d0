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

struct result {
    double rate;      /* deliveries a second */
    double coalesced; /* frames in one write */
    double bytes;     /* of one frame */
};

/* -- Confab ------------------------------------------------------------------------------------------ */

static void subscribe(const struct bench *b, struct readers *r)
{
    readers_open(r, b->count);
    for (unsigned i = 0; i < b->count; i++) {
        readers_add(r, bench_websocket(b, b->port, i, 1 + i % b->users, ""));
    }
    while (readers_turn(r, WARM_MS) > 0) {
    }
    r->received = 0;
    r->bytes = 0;
}

/* Keep `window` messages on their way: one more is posted when one more has reached everybody. */
static struct result deliver(const struct bench *b, struct readers *r)
{
    struct http poster;
    struct buf token = BUF_INIT, request = BUF_INIT;
    http_open(&poster, b, 0);
    bench_token(b, 1, &token);
    http_post_message(b, token.p, "a message of usual length, some sixty characters of it", &request);
    bench_nonblock(poster.fd);
    uint64_t frames = bench_metric(b, "confab_ws_frames_sent_total");
    uint64_t writes = bench_metric(b, "confab_ws_writes_total");
    uint64_t start = bench_now_us(), end = start + b->seconds * 1000000ull, posted = 0;
    while (bench_now_us() < end) {
        while (posted * b->count < r->received + (uint64_t)b->window * b->count) {
            bench_write(poster.fd, request.p, request.len);
            posted++;
        }
        int status = 0;
        while (poster.in.len > 0 || true) {
            if (!http_read(&poster, &status)) {
                break;
            }
            if (status != 201) {
                bench_fail("a post was refused");
            }
        }
        readers_turn(r, 10);
    }
    struct result result = {.rate = (double)r->received * 1e6 / (double)(bench_now_us() - start)};
    while (r->received < posted * b->count && readers_turn(r, 2000) > 0) {
    }
    if (r->received != posted * b->count) {
        fprintf(stderr, "posted %llu, received %llu of %llu\n", (unsigned long long)posted,
                (unsigned long long)r->received, (unsigned long long)(posted * b->count));
        bench_fail("deliveries are missing");
    }
    usleep(1200000); /* the workers report once a second */
    frames = bench_metric(b, "confab_ws_frames_sent_total") - frames;
    writes = bench_metric(b, "confab_ws_writes_total") - writes;
    result.coalesced = writes ? (double)frames / (double)writes : 1;
    result.bytes = (double)r->bytes / (double)r->received;
    buf_release(&token);
    buf_release(&request);
    buf_release(&poster.in);
    close(poster.fd);
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

int bench_fanout(const struct bench *b)
{
    struct readers r;
    subscribe(b, &r);
    struct result ours = deliver(b, &r);
    readers_close(&r);
    unsigned frames = (unsigned)(ours.coalesced + 0.5);
    double limit = bare_rate(b, frames ? frames : 1, (unsigned)ours.bytes);
    printf("fanout subscribers=%u window=%u deliveries/s=%.0f limit(send loop, %u frames of %.0f bytes a call)=%.0f ratio=%.2f\n",
           b->count, b->window, ours.rate, frames, ours.bytes, limit, ours.rate / limit);
    return 0;
}
