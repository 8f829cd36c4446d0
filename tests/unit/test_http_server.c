/* The front door and the HTTP server over real sockets, with handlers, tokens and a feed of the test's own. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>

#include "rest/door.h"
#include "rest/handlers.h"
#include "rest/metrics.h"
#include "rest/svc_session.h"
#include "shared/clock.h"
#include "shared/log.h"

#define WAIT_MS 10000

/* -- what is behind them -------------------------------------------------------------------------- */

static struct rest_conf conf;
static struct svc svc = {.conf = &conf};
static struct door_policy *policy;
static struct peers *peers;
static struct http_server *http;
static struct door *door;

static feed_adopt_done adopt_done;
static void *adopt_ctx;
static atomic_int adopted_fd, adopt_code, workers;
static char adopted_head[2048];

void feed_on_adopt_done(struct feed *f, feed_adopt_done done, void *ctx)
{
    (void)f;
    adopt_done = done;
    adopt_ctx = ctx;
}
unsigned feed_workers_ready(struct feed *f)
{
    (void)f;
    return (unsigned)workers;
}
enum code feed_adopt_at(struct feed *f, const struct link_adopt *a, uint64_t stamp_us,
                        const struct feed_place *to, int fd)
{
    (void)f;
    (void)to;
    (void)stamp_us;
    if (adopt_code == CODE_OK) {
        snprintf(adopted_head, sizeof(adopted_head), "%.*s", (int)a->head.len, a->head.p);
        adopted_fd = fd;
    }
    return (enum code)adopt_code;
}

enum code auth_carriers_check(struct auth *a, const struct auth_carriers *c, struct identity *who,
                              uint64_t *stamp_us, bool *by_cookie)
{
    struct str token = c->cookie.p != NULL ? c->cookie : c->query;

    (void)a;
    if (!str_eq(token, STR("good"))) {
        return CODE_UNAUTHENTICATED;
    }
    who->user_id = 1;
    *stamp_us = 1;
    *by_cookie = c->cookie.p != NULL;
    return CODE_OK;
}
bool auth_is_admin(const struct auth *a, struct str text)
{
    (void)a;
    return str_eq(text, STR("admin"));
}

static char ann_name[] = "ann";
static const struct cache_user ann = {.id = 1, .username = ann_name, .name = ann_name};

void cache_rdlock(struct cache *c)
{
    (void)c;
}
void cache_unlock(struct cache *c)
{
    (void)c;
}
uint32_t cache_user_index(const struct cache *c, uint64_t user_id)
{
    (void)c;
    return user_id == 1 ? 0 : CACHE_NONE;
}
uint32_t cache_user_called(const struct cache *c, struct str text)
{
    (void)c;
    return str_eq(text, STR("ann")) ? 0 : CACHE_NONE;
}
const struct cache_user *cache_user(const struct cache *c, uint32_t index)
{
    (void)c;
    return index == 0 ? &ann : NULL;
}

enum code svc_dashboard(struct svc *s, struct str session_text, uint64_t user_id, uint64_t *topic, bool *needs_slot)
{
    (void)s;
    (void)session_text;
    (void)user_id;
    (void)topic;
    (void)needs_slot;
    return CODE_SESSION_NOT_FOUND;
}

/* -- handlers ------------------------------------------------------------------------------------ */

static _Atomic(struct http_request *) held;

static void hello(struct http_request *rq)
{
    rq->status = 200;
    buf_addf(&rq->reply, "{\"path\":\"%.*s\",\"peer\":\"%s\"}", (int)rq->path.len, rq->path.p, rq->peer);
    http_finish(rq);
}

static void echo(struct http_request *rq)
{
    rq->status = 200;
    json_write(&rq->reply, json_root(rq->json));
    http_finish(rq);
}

static void *finish_later(void *arg)
{
    hello(arg);
    return NULL;
}

static void other_thread(struct http_request *rq)
{
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, finish_later, rq), 0);
    pthread_detach(t);
}

static void hold(struct http_request *rq)
{
    held = rq;
}

/* A stream is added up on other threads; "no" in it is refused. */
static atomic_int streams_lost, pieces;
static _Atomic unsigned long largest_piece;

static void sum_end(struct http_request *rq)
{
    rq->status = 201;
    buf_addf(&rq->reply, "{\"bytes\":%llu}", *(unsigned long long *)rq->ctx);
    http_finish(rq);
}

struct piece {
    struct http_request *rq;
    struct str bytes;
};

static void *sum_later(void *arg)
{
    struct piece p = *(struct piece *)arg;
    unsigned long long *sum = p.rq->ctx;

    free(arg);
    poll(NULL, 0, *sum % 3 == 0 ? 1 : 0);
    *sum += p.bytes.len;
    if (p.bytes.len >= 2 && memcmp(p.bytes.p, "no", 2) == 0) {
        http_fail(p.rq, CODE_CONTENT_MISMATCH, NULL);
    } else {
        http_piece_done(p.rq);
    }
    return NULL;
}

static void sum_piece(struct http_request *rq, struct str bytes)
{
    struct piece *p = malloc(sizeof(*p));
    pthread_t t;

    *p = (struct piece){rq, bytes};
    pieces++;
    if (bytes.len > largest_piece) {
        largest_piece = bytes.len;
    }
    assert_int_equal(pthread_create(&t, NULL, sum_later, p), 0);
    pthread_detach(t);
}

static void sum_lost(struct http_request *rq)
{
    (void)rq;
    streams_lost++;
}

static void sum_stream(struct http_request *rq)
{
    static const struct http_sink sink = {sum_piece, sum_end, sum_lost};
    struct str how;

    if (http_query(rq, "refuse", &how)) {
        http_fail(rq, CODE_FORBIDDEN, NULL);
        return;
    }
    rq->ctx = arena_alloc(&rq->arena, sizeof(unsigned long long));
    rq->sink = &sink;
}

static void send_file(struct http_request *rq)
{
    FILE *f = tmpfile();
    unsigned i;

    for (i = 0; i < 3000; i++) {
        fprintf(f, "%07u,", i);
    }
    fflush(f);
    rq->status = 206;
    rq->content_type = "text/plain";
    http_finish_file(rq, dup(fileno(f)), 8, 16000);
    fclose(f);
}

const struct http_route http_routes[] = {
    {HTTP_GET, "/open", hello, ROUTE_OPEN},
    {HTTP_GET, "/now", hello, ROUTE_ASYNC},
    {HTTP_GET, "/later", other_thread, ROUTE_ASYNC},
    {HTTP_GET, "/hold", hold, ROUTE_ASYNC},
    {HTTP_POST, "/echo", echo, ROUTE_JSON},
    {HTTP_POST, "/mine", hello, ROUTE_AUTH},
    {HTTP_POST, "/stream", sum_stream, ROUTE_STREAM},
    {HTTP_GET, "/file", send_file, ROUTE_ASYNC},
};
const unsigned http_routes_count = sizeof(http_routes) / sizeof(http_routes[0]);
const struct http_route http_web_route = {HTTP_GET, "/{page}", web_get, ROUTE_OPEN};

/* -- a client ------------------------------------------------------------------------------------- */

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)door_port(door, 0))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static bool wait_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, WAIT_MS) == 1;
}

/* One whole answer: its head, and as many bytes as it says. */
static const char *hear(int fd)
{
    static char text[65536];
    size_t len = 0, need = 0;

    while (need == 0 || len < need) {
        ssize_t n;
        char *end, *length;

        assert_true(wait_readable(fd));
        n = recv(fd, text + len, 1, 0);
        if (n <= 0) {
            break;
        }
        len++;
        text[len] = '\0';
        end = need == 0 ? strstr(text, "\r\n\r\n") : NULL;
        if (end != NULL) {
            length = strstr(text, "Content-Length: ");
            need = (size_t)(end - text) + 4 + (length != NULL ? strtoul(length + 16, NULL, 10) : 0);
        }
    }
    text[len] = '\0';
    return text;
}

static void assert_closed(int fd)
{
    char byte;

    assert_true(wait_readable(fd));
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
}

static void assert_status(const char *answer, int status)
{
    if (strlen(answer) < 12 || atoi(answer + 9) != status) {
        fail_msg("wanted %d, got %s", status, answer);
    }
}

#define H "Host: h\r\n"
#define UPGRADE(target)                                                                            \
    "GET " target " HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

static int take_adopted(void)
{
    uint64_t deadline = mono_ms() + WAIT_MS;
    int fd;

    while ((fd = atomic_exchange(&adopted_fd, -1)) < 0) {
        assert_true(mono_ms() < deadline);
        poll(NULL, 0, 1);
    }
    return fd;
}

/* -- HTTP ----------------------------------------------------------------------------------------- */

static void test_requests_on_one_connection(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "GET /open?x=1 HTTP/1.1\r\n" H "\r\n");
    assert_non_null(strstr(hear(fd), "{\"path\":\"/open\",\"peer\":\"127.0.0.1\"}"));
    say(fd, "GET /now HTTP/1.1\r\n" H "\r\n");
    assert_status(hear(fd), 200);
    say(fd, "GET /later HTTP/1.1\r\n" H "\r\n");
    assert_status(hear(fd), 200);
    say(fd, "POST /echo HTTP/1.1\r\n" H "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
    assert_non_null(strstr(hear(fd), "{\"a\":1}"));
    say(fd, "POST /echo HTTP/1.1\r\n" H "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
    assert_status(hear(fd), 422);
    say(fd, "POST /nowhere HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc");
    assert_status(hear(fd), 404);
    say(fd, "GET /echo HTTP/1.1\r\n" H "\r\n");
    assert_non_null(strstr(hear(fd), "Allow: POST, OPTIONS"));
    say(fd, "GET /ws HTTP/1.1\r\n" H "\r\n");
    assert_status(hear(fd), 426);
    close(fd);
}

static void test_many_connections_at_once(void **state)
{
    enum { MANY = 300 };
    int fds[MANY];
    unsigned i, round;

    (void)state;
    for (i = 0; i < MANY; i++) {
        fds[i] = dial();
    }
    for (round = 0; round < 3; round++) {
        for (i = 0; i < MANY; i++) {
            say(fds[i], round == 1 ? "GET /now HTTP/1.1\r\n" H "\r\n" : "GET /later HTTP/1.1\r\n" H "\r\n");
        }
        for (i = 0; i < MANY; i++) {
            assert_status(hear(fds[i]), 200);
        }
    }
    for (i = 0; i < MANY; i++) {
        close(fds[i]);
    }
}

static void test_two_readings_are_refused_on_a_kept_alive_connection(void **state)
{
    static const char *const bad[] = {
        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" H "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "GET /open HTTP/1.1\r\n" H H "\r\n",
        "GET /open HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n",
        "GET /open HTTP/1.1\nHost: h\n\n",
        "GET /open%00 HTTP/1.1\r\n" H "\r\n",
        "GET http://h/open HTTP/1.1\r\n" H "\r\n",
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int fd = dial();

        say(fd, "GET /open HTTP/1.1\r\n" H "\r\n");
        assert_status(hear(fd), 200);
        say(fd, bad[i]);
        assert_status(hear(fd), 400);
        assert_closed(fd);
    }
}

static void test_cookies_need_an_origin_to_change_something(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "POST /mine HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n");
    assert_status(hear(fd), 401);
    say(fd, "POST /mine HTTP/1.1\r\n" H "Cookie: tok=good\r\nContent-Length: 0\r\n\r\n");
    assert_status(hear(fd), 403);
    say(fd, "POST /mine HTTP/1.1\r\n" H "Cookie: tok=good\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n");
    assert_status(hear(fd), 403);
    say(fd, "POST /mine HTTP/1.1\r\n" H "Cookie: tok=good\r\nOrigin: http://localhost:1\r\nContent-Length: 0\r\n\r\n");
    assert_non_null(strstr(hear(fd), "Access-Control-Allow-Origin: http://localhost:1\r\n"));
    close(fd);
}

static void test_silence_and_half_a_head_end(void **state)
{
    int half = dial(), body = dial();

    (void)state;
    say(half, "GET /open HT");
    say(body, "POST /echo HTTP/1.1\r\n" H "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
    assert_status(hear(half), 408);
    assert_closed(half);
    assert_closed(body);
}

/* -- streams ---------------------------------------------------------------------------------------- */

#define STREAM(length) "POST /stream HTTP/1.1\r\n" H "Content-Length: " length "\r\n\r\n"

/* Send so many bytes, or as many as the server takes. */
static void say_bytes(int fd, size_t bytes)
{
    static char block[65536];

    while (bytes > 0) {
        ssize_t n = send(fd, block, bytes < sizeof(block) ? bytes : sizeof(block), MSG_NOSIGNAL);

        if (n <= 0) {
            return;
        }
        bytes -= (size_t)n;
    }
}

static void *send_stream(void *arg)
{
    int fd = *(int *)arg;
    unsigned round;

    for (round = 0; round < 3; round++) {
        say(fd, STREAM("3000000"));
        say_bytes(fd, 3000000);
        char answer[512] = "";
        size_t len = 0;
        while (strstr(answer, "}") == NULL && wait_readable(fd)) {
            ssize_t n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
            assert_true(n > 0);
            len += (size_t)n;
        }
        assert_non_null(strstr(answer, "{\"bytes\":3000000}"));
    }
    return NULL;
}

static void test_streams_arrive_whole_in_pieces(void **state)
{
    enum { MANY = 30 };
    pthread_t threads[MANY];
    int fds[MANY];
    unsigned i;

    (void)state;
    for (i = 0; i < MANY; i++) {
        fds[i] = dial();
        assert_int_equal(pthread_create(&threads[i], NULL, send_stream, &fds[i]), 0);
    }
    for (i = 0; i < MANY; i++) {
        pthread_join(threads[i], NULL);
        close(fds[i]);
    }
    assert_true(largest_piece >= HTTP_PIECE_BYTES && largest_piece < HTTP_PIECE_BYTES + conf.http_memory_bytes);
}

static void test_small_and_empty_streams(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, STREAM("5") "abcdeGET /open HTTP/1.1\r\n" H "\r\n"); /* the next request right behind it */
    assert_non_null(strstr(hear(fd), "{\"bytes\":5}"));
    assert_status(hear(fd), 200);
    say(fd, STREAM("0"));
    assert_non_null(strstr(hear(fd), "{\"bytes\":0}"));
    say(fd, "POST /stream HTTP/1.1\r\n" H "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert_status(hear(fd), 100);
    say(fd, "abcd");
    assert_non_null(strstr(hear(fd), "{\"bytes\":4}"));
    close(fd);
}

/* The client goes on sending, and reads the answer nevertheless. */
static void test_a_refused_stream_is_answered(void **state)
{
    static const struct {
        const char *head;
        int status;
    } refused[] = {
        {"POST /stream?refuse=1 HTTP/1.1\r\n" H "Content-Length: 900000\r\n\r\n", 403},
        {"POST /stream HTTP/1.1\r\n" H "Content-Length: 900000\r\n\r\nno", 415},
        {"POST /stream HTTP/1.1\r\n" H "Content-Length: 4000001\r\n\r\n", 413},
        {"POST /echo HTTP/1.1\r\n" H "Content-Length: 900000\r\n\r\n", 413},
        {"POST /stream HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", 411},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        int fd = dial();

        say(fd, refused[i].head);
        say_bytes(fd, 890000);
        assert_status(hear(fd), refused[i].status);
        assert_closed(fd);
    }
}

/* What a silent client has sent is passed on all the same. */
static void test_a_stream_that_waits_is_handed_on(void **state)
{
    int fd = dial();
    uint64_t deadline = mono_ms() + WAIT_MS;

    (void)state;
    pieces = 0;
    say(fd, STREAM("1000"));
    say_bytes(fd, 500);
    while (pieces == 0) {
        assert_true(mono_ms() < deadline);
        poll(NULL, 0, 1);
    }
    say_bytes(fd, 500);
    assert_non_null(strstr(hear(fd), "{\"bytes\":1000}"));
    close(fd);
}

static void test_a_stream_that_stops_is_lost(void **state)
{
    int gone = dial(), silent = dial(), slow = dial();
    uint64_t deadline = mono_ms() + WAIT_MS;
    unsigned i;

    (void)state;
    streams_lost = 0;
    say(gone, STREAM("1000"));
    say_bytes(gone, 500);
    say(silent, STREAM("1000"));
    say(slow, STREAM("40960"));
    for (i = 0; i < 8; i++) { /* longer than the request's time and the idle time, but it moves */
        say_bytes(slow, 5120);
        poll(NULL, 0, 300);
    }
    assert_non_null(strstr(hear(slow), "{\"bytes\":40960}"));
    close(gone);
    assert_closed(silent);
    while (streams_lost < 2) {
        assert_true(mono_ms() < deadline);
        poll(NULL, 0, 1);
    }
    close(slow);
}

static void test_files_are_sent(void **state)
{
    int fd = dial();
    const char *answer;

    (void)state;
    say(fd, "GET /file HTTP/1.1\r\n" H "\r\n");
    answer = hear(fd);
    assert_status(answer, 206);
    assert_non_null(strstr(answer, "Content-Length: 16000\r\n"));
    assert_memory_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n0000001,0000002,", 20);
    assert_string_equal(answer + strlen(answer) - 8, "0002000,");
    say(fd, "HEAD /file HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
    char head[1024] = "";
    assert_true(recv(fd, head, sizeof(head) - 1, MSG_WAITALL) > 0);
    assert_non_null(strstr(head, "Content-Length: 16000\r\n"));
    assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
    assert_closed(fd);
}

/* -- upgrades --------------------------------------------------------------------------------------- */

static void check_handed_over(int client)
{
    int fd = take_adopted();
    char bytes[8];

    assert_non_null(strstr(adopted_head, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    assert_null(strstr(adopted_head, "good"));
    say(fd, "hello");
    assert_true(wait_readable(client));
    assert_int_equal(recv(client, bytes, 5, MSG_WAITALL), 5);
    adopt_done(adopt_ctx, fd, CODE_OK);
    assert_closed(client);
}

static void test_upgrades_are_handed_over(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, UPGRADE("/ws?token=good"));
    check_handed_over(fd);
    fd = dial();
    say(fd, "GET /open HTTP/1.1\r\n" H "\r\n");
    assert_status(hear(fd), 200);
    say(fd, UPGRADE("/ws?token=good"));
    check_handed_over(fd);
}

static void test_what_is_read_too_early_goes_along(void **state)
{
    int fd = dial(), worker;
    char bytes[8];

    (void)state;
    say(fd, UPGRADE("/ws?token=good") "early");
    worker = take_adopted();
    assert_int_equal(recv(worker, bytes, 5, MSG_WAITALL), 5); /* left unread by the door */
    adopt_done(adopt_ctx, worker, CODE_OK);
    assert_closed(fd);
    fd = dial();
    say(fd, "GET /open HTTP/1.1\r\n" H "\r\n");
    assert_status(hear(fd), 200);
    say(fd, UPGRADE("/ws?token=good") "early");
    worker = take_adopted();
    assert_string_equal(strstr(adopted_head, "\r\n\r\n") + 4, "early"); /* read by the library */
    adopt_done(adopt_ctx, worker, CODE_OK);
    assert_closed(fd);
}

static void test_refusals(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, UPGRADE("/ws?token=bad"));
    assert_status(hear(fd), 101);
    char frame[19];
    assert_int_equal(recv(fd, frame, sizeof(frame), MSG_WAITALL), sizeof(frame));
    assert_memory_equal(frame, "\x88\x11\x11\x31unauthenticated", sizeof(frame));
    assert_closed(fd);
    fd = dial();
    workers = 0;
    say(fd, UPGRADE("/ws?token=good"));
    assert_non_null(strstr(hear(fd), "Retry-After: 1\r\n"));
    assert_closed(fd);
    workers = 1;
    adopt_code = CODE_TOO_MANY_CONNECTIONS; /* the feed's own refusal comes in the dialect's way too */
    fd = dial();
    say(fd, UPGRADE("/ws?token=good"));
    assert_status(hear(fd), 101);
    assert_int_equal(recv(fd, frame, 4, MSG_WAITALL), 4);
    assert_memory_equal(frame + 2, "\x11\x4d", 2); /* 4429 */
    adopt_code = CODE_OK;
    close(fd);
    fd = dial();
    say(fd, UPGRADE("/ws?token=good"));
    adopt_done(adopt_ctx, take_adopted(), CODE_NO_WORKER); /* nobody took it after all */
    assert_status(hear(fd), 503);
    assert_closed(fd);
}

/* -- the end ---------------------------------------------------------------------------------------- */

/* Last of all: the server is gone after it. */
static void test_a_request_with_its_handler_keeps_the_server(void **state)
{
    uint64_t deadline = mono_ms() + WAIT_MS;
    int fd = dial(), other = dial();

    (void)state;
    say(other, "GET /open HTTP/1.1\r\n" H "\r\n");
    assert_status(hear(other), 200);
    say(fd, "GET /hold HTTP/1.1\r\n" H "\r\n");
    while (held == NULL) {
        assert_true(mono_ms() < deadline);
        poll(NULL, 0, 1);
    }
    assert_false(http_server_drain(http, mono_ms() + 50));
    assert_false(http_server_free(http));
    say(other, "GET /now HTTP/1.1\r\n" H "\r\n");
    assert_status(hear(other), 503);
    assert_closed(other);
    hello(held);
    assert_status(hear(fd), 200);
    assert_closed(fd);
    assert_true(http_server_drain(http, mono_ms() + WAIT_MS));
    door_stop(door);
    while (!http_server_free(http)) {
        assert_true(mono_ms() < deadline);
    }
    http = NULL;
}

static int set_up(void **state)
{
    struct buf why = BUF_INIT;

    (void)state;
    log_init("test", LOG_LEVEL_ERR);
    conf = (struct rest_conf){
        .profile = PROFILE_DEV, .log_level = LOG_LEVEL_ERR, .watchdog_ms = 60000,
        .listen = (char *)(uintptr_t)"127.0.0.1:0 rooms", .origins = (char *)(uintptr_t)"",
        .trusted_proxies = (char *)(uintptr_t)"", .cookie_name = (char *)(uintptr_t)"tok",
        .door_head_max_bytes = 8192, .door_head_timeout_ms = 1500, .door_pending_max = 1000,
        .door_wakeups_max = 64, .address_connections_max = 10000, .address_handshakes_per_s = 100000,
        .address_handshakes_burst = 100000, .addresses_max = 1024, .http_threads = 2,
        .http_connections_max = 1000, .http_body_max_bytes = 65536, .http_request_timeout_ms = 1500,
        .http_idle_timeout_ms = 5000, .http_memory_bytes = 16384, .attachment_max_bytes = 4000000,
        .upload_idle_timeout_ms = 1000,
    };
    adopted_fd = -1;
    workers = 1;
    peers = peers_new(&conf, 1);
    if (door_policy_new(&conf, &policy, &why) != RC_OK ||
        http_server_new(&svc, policy, peers, &http, &why) != RC_OK ||
        door_new(&svc, policy, peers, http, &door, &why) != RC_OK) {
        return 1;
    }
    http_server_set_ready(http, true);
    return door_start(door, &why) != RC_OK;
}

static int tear_down(void **state)
{
    (void)state;
    door_free(door);
    peers_free(peers);
    door_policy_free(policy);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_on_one_connection),
        cmocka_unit_test(test_many_connections_at_once),
        cmocka_unit_test(test_two_readings_are_refused_on_a_kept_alive_connection),
        cmocka_unit_test(test_cookies_need_an_origin_to_change_something),
        cmocka_unit_test(test_silence_and_half_a_head_end),
        cmocka_unit_test(test_streams_arrive_whole_in_pieces),
        cmocka_unit_test(test_small_and_empty_streams),
        cmocka_unit_test(test_a_refused_stream_is_answered),
        cmocka_unit_test(test_a_stream_that_waits_is_handed_on),
        cmocka_unit_test(test_a_stream_that_stops_is_lost),
        cmocka_unit_test(test_files_are_sent),
        cmocka_unit_test(test_upgrades_are_handed_over),
        cmocka_unit_test(test_what_is_read_too_early_goes_along),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_request_with_its_handler_keeps_the_server),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
