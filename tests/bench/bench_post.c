/* bench_post.c -- durable posts a second, and the way of one message from post to delivery */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "shared/mem.h"
#include "tests/bench/bench.h"

/* -- throughput ------------------------------------------------------------------------------------------ */

struct poster {
    struct http http;
    struct buf request;
    uint64_t sent_us;
};

static void post(struct poster *p)
{
    p->sent_us = bench_now_us();
    bench_write(p->http.fd, p->request.p, p->request.len);
}

static void open_poster(const struct bench *b, struct poster *p, unsigned i, int epoll)
{
    struct buf token = BUF_INIT;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
    bench_token(b, 1 + i % b->users, &token);
    http_open(&p->http, b, i);
    http_post_message(b, token.p, "a message of usual length, some sixty characters of it", &p->request);
    bench_nonblock(p->http.fd);
    epoll_ctl(epoll, EPOLL_CTL_ADD, p->http.fd, &e);
    buf_release(&token);
}

#define SAMPLES_MAX 4000000

int bench_post(const struct bench *b)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct poster *posters = mem_new((size_t)b->count * sizeof(posters[0]));
    uint64_t *took = mem_grow(NULL, SAMPLES_MAX, sizeof(took[0]));
    uint64_t done = 0, batches = bench_metric(b, "confab_writer_batches_total");
    for (unsigned i = 0; i < b->count; i++) {
        open_poster(b, &posters[i], i, epoll);
    }
    uint64_t start = bench_now_us(), end = start + b->seconds * 1000000ull;
    for (unsigned i = 0; i < b->count; i++) {
        post(&posters[i]);
    }
    while (bench_now_us() < end) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, 64, 100);
        for (int i = 0; i < n; i++) {
            struct poster *p = events[i].data.ptr;
            int status = 0;
            if (!http_read(&p->http, &status)) {
                continue;
            }
            if (status != 201) {
                bench_fail("a post was refused");
            }
            took[done++ % SAMPLES_MAX] = bench_now_us() - p->sent_us;
            post(p);
        }
    }
    double rate = (double)done * 1e6 / (double)(bench_now_us() - start);
    usleep(100000);
    batches = bench_metric(b, "confab_writer_batches_total") - batches;
    size_t n = done < SAMPLES_MAX ? done : SAMPLES_MAX;
    uint64_t p50 = bench_percentile(took, n, 50), p99 = bench_percentile(took, n, 99);
    printf("%.0f %.1f %llu %llu\n", rate, batches ? (double)done / (double)batches : 1.0,
           (unsigned long long)p50, (unsigned long long)p99);
    return 0;
}

/* -- the way of one message -------------------------------------------------------------------------------- */

#define RATE 100

static void sleep_until(uint64_t at_us)
{
    uint64_t now = bench_now_us();
    if (at_us > now) {
        usleep((useconds_t)(at_us - now));
    }
}

/* One append and its fdatasync, as a log does it; at the same rate as the messages, for a processor that has been idle
 * for 10 ms takes longer for everything. */
static uint64_t fdatasync_us(const struct bench *b, unsigned rounds)
{
    char path[4096], block[512] = {0};
    uint64_t *took = mem_grow(NULL, rounds, sizeof(took[0]));
    snprintf(path, sizeof(path), "%s/fdatasync.bench", b->scratch);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    uint64_t began = bench_now_us();
    for (unsigned i = 0; i < rounds; i++) {
        sleep_until(began + (uint64_t)i * (1000000 / RATE));
        uint64_t start = bench_now_us();
        if (pwrite(fd, block, sizeof(block), (off_t)(i * sizeof(block))) < 0 || fdatasync(fd) != 0) {
            bench_fail("fdatasync");
        }
        took[i] = bench_now_us() - start;
    }
    close(fd);
    unlink(path);
    uint64_t p50 = bench_percentile(took, rounds, 50);
    free(took);
    return p50;
}

static uint64_t echo_us(const struct bench *b, unsigned rounds)
{
    struct http h;
    struct buf request = BUF_INIT;
    uint64_t *took = mem_grow(NULL, rounds, sizeof(took[0]));
    http_open(&h, b, 0);
    buf_add_z(&request, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    uint64_t began = bench_now_us();
    for (unsigned i = 0; i < rounds; i++) {
        sleep_until(began + (uint64_t)i * (1000000 / RATE));
        uint64_t start = bench_now_us();
        http_round(&h, &request, NULL);
        took[i] = bench_now_us() - start;
    }
    close(h.fd);
    buf_release(&h.in);
    buf_release(&request);
    uint64_t p50 = bench_percentile(took, rounds, 50);
    free(took);
    return p50;
}

int bench_latency(const struct bench *b)
{
    unsigned rounds = b->seconds * RATE;
    struct http poster;
    struct buf token = BUF_INIT, request = BUF_INIT;
    struct readers r;
    uint64_t *took = mem_grow(NULL, rounds, sizeof(took[0]));
    readers_open(&r, 1);
    readers_add(&r, bench_websocket(b, b->port, 1, b->users, ""));
    http_open(&poster, b, 0);
    bench_token(b, 1, &token);
    http_post_message(b, token.p, "a message of usual length, some sixty characters of it", &request);
    uint64_t start = bench_now_us();
    for (unsigned i = 0; i < rounds; i++) {
        sleep_until(start + (uint64_t)i * (1000000 / RATE));
        uint64_t sent = bench_now_us();
        int status = 0;
        bench_write(poster.fd, request.p, request.len);
        while (readers_turn(&r, 2000) == 0) {
            if (bench_now_us() > sent + 2000000) {
                bench_fail("a delivery is missing");
            }
        }
        took[i] = bench_now_us() - sent;
        while (!http_read(&poster, &status)) {
        }
    }
    uint64_t sync = fdatasync_us(b, 300), echo = echo_us(b, 300);
    uint64_t p50 = bench_percentile(took, rounds, 50), p99 = bench_percentile(took, rounds, 99);
    printf("latency post-to-deliver at %u/s p50=%llu us p99=%llu us limit(fdatasync %llu us + HTTP echo %llu us)=%llu us ratio=%.2f\n",
           RATE, (unsigned long long)p50, (unsigned long long)p99, (unsigned long long)sync,
           (unsigned long long)echo, (unsigned long long)(sync + echo), (double)p50 / (double)(sync + echo));
    return 0;
}
