/* bench_net.c -- sockets, tokens, HTTP and WebSocket bytes of the load client */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/jwt.h"
#include "shared/mem.h"
#include "tests/bench/bench.h"

void bench_fail(const char *what)
{
    fprintf(stderr, "bench: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

uint64_t bench_now_us(void)
{
    return mono_us();
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

uint64_t bench_percentile(uint64_t *values, size_t n, unsigned p)
{
    qsort(values, n, sizeof(values[0]), by_value);
    return n == 0 ? 0 : values[(n - 1) * p / 100];
}

/* -- sockets ------------------------------------------------------------------------------------- */

int bench_connect(unsigned port, unsigned i)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f000000u + 2 + i % 60);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)port);
    /* One address has some 28,000 ports; let the kernel pick them per destination. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        bench_fail("connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

void bench_write(int fd, const void *p, size_t n)
{
    for (const char *at = p; n > 0;) {
        ssize_t done = send(fd, at, n, MSG_NOSIGNAL);
        if (done < 0 && errno == EAGAIN) {
            continue;
        }
        if (done <= 0) {
            bench_fail("send");
        }
        at += done;
        n -= (size_t)done;
    }
}

void bench_nonblock(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static struct jwt_keys *keys_of(const struct bench *b)
{
    static struct jwt_keys *keys;
    char secret[4096];
    if (keys != NULL) {
        return keys;
    }
    FILE *f = fopen(b->secret, "r");
    size_t n = f ? fread(secret, 1, sizeof(secret), f) : 0;
    if (f == NULL) {
        bench_fail("--secret");
    }
    fclose(f);
    while (n > 0 && (secret[n - 1] == '\n' || secret[n - 1] == ' ')) {
        n--;
    }
    keys = jwt_keys_new("confab", "confab", 5);
    if (jwt_keys_add_hs256(keys, NULL, (struct str){secret, n}) != RC_OK) {
        bench_fail("the secret is too short");
    }
    return keys;
}

void bench_token(const struct bench *b, uint64_t user, struct buf *out)
{
    struct jwt_claims claims = {.issued_us = wall_us(), .expires_s = wall_s() + 3600};
    snprintf(claims.sub, sizeof(claims.sub), "%llu", (unsigned long long)user);
    if (jwt_sign(keys_of(b), &claims, out) != RC_OK) {
        bench_fail("sign");
    }
}

/* How clients of each dialect come in. */
static const struct entry {
    const char *dialect, *path;
    bool subscribes; /* names its user at the end of the path, and its chat in a first frame */
    bool connects;   /* says who it is when it is there */
} entries[] = {
    {"rooms", "/ws?dialect=rooms", false, false},
    {"subscribe", "/api/ws?userId=", true, false},
    {"conversations", "/ws?dialect=conversations", false, false},
    {"inbox", "/ws/notifications", false, false},
    {"inbox-chat", "/ws/chat?events=group", false, false},
    {"socketio", "/socket.io/?EIO=4&transport=websocket", false, true},
};

static const struct entry *entry_of(const struct bench *b)
{
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        if (strcmp(entries[i].dialect, b->dialect) == 0) {
            return &entries[i];
        }
    }
    bench_fail("--dialect rooms|subscribe|conversations|inbox|inbox-chat|socketio");
}

void bench_upgrade_request(const struct bench *b, uint64_t user, const char *query, struct buf *out)
{
    struct buf token = BUF_INIT;
    const struct entry *e = entry_of(b);
    char name[32] = "";
    if (e->subscribes) {
        snprintf(name, sizeof(name), "user%llu", (unsigned long long)user);
    }
    buf_addf(out, "GET %s%s%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
             e->path, name, query);
    if (!e->connects) {
        bench_token(b, user, &token);
        buf_addf(out, "Authorization: Bearer %s\r\n", token.p);
    }
    buf_add_z(out, "\r\n");
    buf_release(&token);
}

void bench_send_text(int fd, struct str text)
{
    unsigned char frame[8 + 4096] = {0x81};
    size_t head = text.len < 126 ? 2 : 4;
    if (text.len > 4096) {
        bench_fail("a frame is too long");
    }
    frame[1] = (unsigned char)(0x80 | (head == 2 ? text.len : 126));
    if (head == 4) {
        frame[2] = (unsigned char)(text.len >> 8);
        frame[3] = (unsigned char)text.len;
    }
    memcpy(frame + head + 4, text.p, text.len); /* the mask is zero */
    bench_write(fd, frame, head + 4 + text.len);
}

static void say_hello(const struct bench *b, int fd, uint64_t user)
{
    char text[126];
    const struct entry *e = entry_of(b);
    if (e->subscribes) {
        snprintf(text, sizeof(text), "{\"action\":\"subscribe\",\"chatId\":\"chat_%u\"}", b->chat);
        bench_send_text(fd, str_of(text));
    } else if (e->connects) {
        socketio_hello(b, fd, user);
    }
}

/* The answer's head, byte by byte: what follows belongs to the caller. */
static void read_head(int fd)
{
    char head[2048];
    size_t n = 0;
    while (n < sizeof(head) - 1) {
        if (recv(fd, head + n, 1, 0) != 1) {
            bench_fail("the connection was closed in the handshake");
        }
        head[++n] = '\0';
        if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0) {
            break;
        }
    }
    if (strncmp(head, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "%s", head);
        bench_fail("no 101");
    }
}

int bench_websocket(const struct bench *b, unsigned port, unsigned i, uint64_t user, const char *query)
{
    struct buf request = BUF_INIT;
    int fd = bench_connect(port, i);
    bench_upgrade_request(b, user, query, &request);
    bench_write(fd, request.p, request.len);
    read_head(fd);
    say_hello(b, fd, user);
    buf_release(&request);
    return fd;
}

/* -- HTTP ------------------------------------------------------------------------------------------ */

void http_open(struct http *h, const struct bench *b, unsigned i)
{
    *h = (struct http){.fd = bench_connect(b->port, i)};
}

void http_post_message(const struct bench *b, const char *token, const char *content, struct buf *request)
{
    struct buf body = BUF_INIT;
    buf_addf(&body, "{\"content\":\"%s\"}", content);
    buf_clear(request);
    buf_addf(request, "POST /api/chats/%u/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                      "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n\r\n%s",
             b->chat, token, body.len, body.p);
    buf_release(&body);
}

/* 1: the answer is whole and has been taken off the buffer. */
static int take_answer(struct http *h, int *status, struct buf *body)
{
    char *end = h->in.len > 0 ? strstr(h->in.p, "\r\n\r\n") : NULL;
    const char *length = end ? strcasestr(h->in.p, "\r\nContent-Length:") : NULL;
    if (end == NULL || length == NULL || length > end) {
        return 0;
    }
    size_t head = (size_t)(end - h->in.p) + 4, n = strtoul(length + 17, NULL, 10);
    if (h->in.len < head + n) {
        return 0;
    }
    *status = (int)strtoul(h->in.p + 9, NULL, 10);
    if (body != NULL) {
        buf_add(body, h->in.p + head, n);
    }
    buf_consume(&h->in, head + n);
    return 1;
}

static int read_some(struct http *h)
{
    char *room = buf_reserve(&h->in, 16384);
    ssize_t n = recv(h->fd, room, 16384, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        bench_fail("the server closed a connection");
    }
    if (n > 0) {
        buf_commit(&h->in, (size_t)n);
        h->in.p[h->in.len] = '\0';
    }
    return n > 0;
}

int http_read(struct http *h, int *status)
{
    read_some(h);
    return take_answer(h, status, NULL);
}

int http_round(struct http *h, const struct buf *request, struct buf *body)
{
    int status = 0;
    bench_write(h->fd, request->p, request->len);
    while (!take_answer(h, &status, body)) {
        read_some(h);
    }
    return status;
}

uint64_t bench_metric(const struct bench *b, const char *name)
{
    struct http h;
    struct buf request = BUF_INIT, body = BUF_INIT;
    uint64_t sum = 0;
    size_t len = strlen(name);
    http_open(&h, b, 0);
    buf_add_z(&request, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    http_round(&h, &request, &body);
    buf_add_char(&body, '\0');
    for (char *line = strtok_r(body.p, "\n", &request.p); line; line = strtok_r(NULL, "\n", &request.p)) {
        if (strncmp(line, name, len) == 0 && (line[len] == ' ' || line[len] == '{')) {
            sum += strtoull(strrchr(line, ' ') + 1, NULL, 10);
        }
    }
    request.p = NULL; /* strtok_r's place, not a block */
    close(h.fd);
    buf_release(&h.in);
    buf_release(&body);
    return sum;
}

/* -- WebSocket frames ---------------------------------------------------------------------------------- */

static unsigned head_size(const unsigned char *head)
{
    unsigned n = head[1] & 127;
    return n == 127 ? 10 : n == 126 ? 4 : 2;
}

static uint64_t payload_size(const unsigned char *head)
{
    uint64_t n = head[1] & 127;
    if (n < 126) {
        return n;
    }
    unsigned bytes = n == 126 ? 2 : 8;
    n = 0;
    for (unsigned i = 0; i < bytes; i++) {
        n = n << 8 | head[2 + i];
    }
    return n;
}

void bench_read_text(int fd, struct buf *out)
{
    unsigned char head[10];
    char payload[4096];
    for (unsigned have = 0; have < 2 || have < head_size(head); have++) {
        if (recv(fd, head + have, 1, 0) != 1) {
            bench_fail("the server closed a connection");
        }
    }
    uint64_t n = payload_size(head);
    if (n > sizeof(payload) || (n > 0 && recv(fd, payload, n, MSG_WAITALL) != (ssize_t)n)) {
        bench_fail("an answer is cut or too long");
    }
    buf_add(out, payload, n);
}

static bool is_state(const struct frames *f)
{
    static const char *const starts[] = {"{\"type\":\"chat_up", "{\"type\":\"connect", "{\"type\":\"subscri",
                                         "{\"type\":\"unread_", "42/chat,[\"joined"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (f->start_len == sizeof(f->start) && memcmp(f->start, starts[i], sizeof(f->start)) == 0) {
            return true;
        }
    }
    return false;
}

static void skip_payload(struct frames *f, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n && f->start_len < sizeof(f->start); i++) {
        f->start[f->start_len++] = (char)p[i];
    }
    f->left -= n;
}

unsigned frames_count(struct frames *f, const unsigned char *p, size_t n, uint64_t *states)
{
    unsigned done = 0;
    while (n > 0) {
        if (f->left > 0) {
            size_t skip = n < f->left ? n : f->left;
            skip_payload(f, p, skip);
            p += skip;
            n -= skip;
            if (f->left == 0 && (f->head[0] & 15) <= 2) {
                bool state = is_state(f);
                *states += state;
                done += !state;
            }
            if (f->left == 0) {
                f->head_len = 0;
                f->start_len = 0;
            }
            continue;
        }
        f->head[f->head_len++] = *p++;
        n--;
        if (f->head_len >= 2 && f->head_len == head_size(f->head)) {
            f->left = payload_size(f->head);
            if (f->left == 0) {
                f->head_len = 0;
            }
        }
    }
    return done;
}

void readers_open(struct readers *r, unsigned count)
{
    *r = (struct readers){.epoll = epoll_create1(EPOLL_CLOEXEC)};
    r->fds = mem_grow(NULL, count, sizeof(r->fds[0]));
    r->frames = mem_new((size_t)count * sizeof(r->frames[0]));
}

void readers_add(struct readers *r, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = r->count};
    bench_nonblock(fd);
    r->fds[r->count++] = fd;
    if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        bench_fail("epoll");
    }
}

uint64_t readers_turn(struct readers *r, int timeout_ms)
{
    static unsigned char bytes[262144];
    struct epoll_event events[512];
    uint64_t before = r->received + r->states;
    int n = epoll_wait(r->epoll, events, 512, timeout_ms);
    for (int i = 0; i < n; i++) {
        unsigned k = events[i].data.u32;
        ssize_t got = recv(r->fds[k], bytes, sizeof(bytes), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            bench_fail("a subscriber was closed");
        }
        if (got > 0) {
            r->bytes += (uint64_t)got;
            r->received += frames_count(&r->frames[k], bytes, (size_t)got, &r->states);
        }
    }
    return r->received + r->states - before;
}

void readers_close(struct readers *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        close(r->fds[i]);
    }
    close(r->epoll);
    free(r->fds);
    free(r->frames);
}
