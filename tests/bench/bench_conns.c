/* bench_conns.c -- memory of idle connections, authenticated handshakes, and a bare libwebsockets server */
#include <errno.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <uv.h>
#include <unistd.h>

#include "shared/mem.h"
#include "tests/bench/bench.h"

/* -- memory ------------------------------------------------------------------------------------------------ */

/* Resident bytes of all processes in --pids. */
static uint64_t resident(const struct bench *b)
{
    uint64_t sum = 0;
    for (const char *at = b->pids; at != NULL && *at != '\0';) {
        char path[64], line[256];
        snprintf(path, sizeof(path), "/proc/%lu/status", strtoul(at, NULL, 10));
        FILE *f = fopen(path, "r");
        while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
            if (strncmp(line, "VmRSS:", 6) == 0) {
                sum += strtoull(line + 6, NULL, 10) * 1024;
            }
        }
        if (f == NULL) {
            bench_fail(path);
        }
        fclose(f);
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
    return sum;
}

/* User and system time: the 14th and 15th field of stat, behind a name in brackets that may hold anything. */
uint64_t bench_cpu_us(const struct bench *b)
{
    uint64_t ticks = 0;
    for (const char *at = b->pids; at != NULL && *at != '\0';) {
        char path[64], text[1024];
        snprintf(path, sizeof(path), "/proc/%lu/stat", strtoul(at, NULL, 10));
        FILE *f = fopen(path, "r");
        size_t n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;
        text[n] = '\0';
        const char *field = strrchr(text, ')');
        if (field == NULL) {
            bench_fail(path);
        }
        fclose(f);
        for (unsigned i = 2; i < 14; i++) {
            field = strchr(field + 1, ' ');
        }
        char *next;
        ticks += strtoull(field, &next, 10);
        ticks += strtoull(next, NULL, 10);
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
    return ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

double bench_idle_bytes(const struct bench *b)
{
    unsigned warm = b->count / 20 + 1;
    int *fds = mem_grow(NULL, b->count + warm, sizeof(fds[0]));
    for (unsigned i = 0; i < warm; i++) {
        fds[i] = bench_websocket(b, b->port, i, 1 + i % b->users, "");
    }
    usleep(1500000);
    uint64_t before = resident(b);
    for (unsigned i = warm; i < warm + b->count; i++) {
        fds[i] = bench_websocket(b, b->port, i, 1 + i % b->users, "");
    }
    usleep(1500000);
    uint64_t after = resident(b);
    for (unsigned i = 0; i < warm + b->count; i++) {
        close(fds[i]);
    }
    free(fds);
    return (double)(after - before) / b->count;
}

int bench_idle(const struct bench *b)
{
    double bytes = bench_idle_bytes(b);
    printf("idle connections=%u users=%u chats/user=%u bytes/connection=%.0f limit=2560 ratio=%.2f\n", b->count,
           b->users, b->chats, bytes, bytes / 2560.0);
    return 0;
}

/* -- handshakes ----------------------------------------------------------------------------------------------- */

struct shaking {
    int fd;
    char head[1024];
    size_t len;
};

static void start(const struct bench *b, unsigned port, struct shaking *s, const struct buf *requests,
                  unsigned i, int epoll)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    const struct buf *request = &requests[i % b->users];
    s->fd = bench_connect(port, i);
    s->len = 0;
    bench_write(s->fd, request->p, request->len);
    bench_nonblock(s->fd);
    epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &e);
}

/* true: the 101 is whole. */
static bool go_on(struct shaking *s)
{
    ssize_t n = recv(s->fd, s->head + s->len, sizeof(s->head) - 1 - s->len, 0);
    if (n <= 0) {
        bench_fail("closed in the handshake");
    }
    s->len += (size_t)n;
    s->head[s->len] = '\0';
    if (strstr(s->head, "\r\n\r\n") == NULL) {
        return false;
    }
    if (strncmp(s->head, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "%s\n", s->head);
        bench_fail("no 101");
    }
    return true;
}

static double shake_hands(const struct bench *b, unsigned port)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct shaking *all = mem_new((size_t)b->count * sizeof(all[0]));
    struct buf *requests = mem_new((size_t)b->users * sizeof(requests[0]));
    unsigned next = 0;
    uint64_t done = 0;
    for (unsigned i = 0; i < b->users; i++) {
        bench_upgrade_request(b, 1 + i, "", &requests[i]);
    }
    uint64_t began = bench_now_us(), end = began + b->seconds * 1000000ull;
    for (unsigned i = 0; i < b->count; i++) {
        start(b, port, &all[i], requests, next++, epoll);
    }
    while (bench_now_us() < end) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, 64, 100);
        for (int i = 0; i < n; i++) {
            struct shaking *s = events[i].data.ptr;
            if (go_on(s)) {
                /* RST instead of TIME_WAIT: the client's ports are what would run out first */
                struct linger hard = {1, 0};
                setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
                close(s->fd);
                done++;
                start(b, port, s, requests, next++, epoll);
            }
        }
    }
    double rate = (double)done * 1e6 / (double)(bench_now_us() - began);
    for (unsigned i = 0; i < b->count; i++) {
        close(all[i].fd);
    }
    for (unsigned i = 0; i < b->users; i++) {
        buf_release(&requests[i]);
    }
    free(requests);
    free(all);
    close(epoll);
    return rate;
}

int bench_handshakes(const struct bench *b)
{
    shake_hands(b, b->port); /* tokens are remembered from here on */
    double ours = shake_hands(b, b->port);
    double limit = shake_hands(b, b->limit_port);
    printf("handshakes at-once=%u ours=%.0f/s limit(bare libwebsockets listener, no authentication)=%.0f/s ratio=%.2f\n",
           b->count, ours, limit, ours / limit);
    return 0;
}

/* -- the bare listener ------------------------------------------------------------------------------------------ */

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)wsi;
    (void)reason;
    (void)user;
    (void)in;
    (void)len;
    return 0;
}

/* Until it is killed: a measuring aid needs no orderly end. */
int bench_listener(const struct bench *b)
{
    static const struct lws_protocols protocols[] = {{.name = "any", .callback = on_event}, {0}};
    uv_loop_t loop;
    void *loops[1] = {&loop};
    uv_loop_init(&loop);
    struct lws_context_creation_info info = {
        .port = (int)b->limit_port,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DISABLE_IPV6 | LWS_SERVER_OPTION_VALIDATE_UTF8,
        .foreign_loops = loops,
        .pt_serv_buf_size = 4096,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context *context = lws_create_context(&info);
    if (context == NULL) {
        bench_fail("libwebsockets");
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    return 0;
}
