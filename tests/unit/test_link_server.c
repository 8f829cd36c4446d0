#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rest/link_server.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/link_sock.h"
#include "tests/lib/fake_feed.h"

#define PING_MS 50
#define TIMEOUT_MS 1000
#define COMMANDS_MAX 8
#define NEVER_MS 600000

/* -- the server under test, per test ----------------------------------------------------------- */

static char dir[64];
static char path[96];
static struct feed *feed;
static struct link_server *server;

static void start(uint64_t timeout_ms)
{
    struct link_server_conf conf = {path, (uid_t)-1, timeout_ms == NEVER_MS ? NEVER_MS : PING_MS,
                                    timeout_ms, COMMANDS_MAX};
    struct buf why = BUF_INIT;
    assert_int_equal(link_server_start(&conf, feed, &server, &why), RC_OK);
    buf_release(&why);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/confab-server-XXXXXX");
    if (!mkdtemp(dir)) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/link", dir);
    feed = fake_feed_new();
    server = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    link_server_stop(server);
    fake_feed_free(feed);
    return rmdir(dir); /* the socket file must be gone */
}

/* -- a stand-in for a worker ------------------------------------------------------------------- */

struct worker {
    int fd;
    struct link_reader reader;
    struct str left;
    int fds[1024];
    unsigned fds_count;
    char packet[LINK_PACKET_MAX_BYTES];
};

static void worker_connect(struct worker *w)
{
    memset(w, 0, sizeof(*w));
    assert_int_equal(link_sock_connect(path, &w->fd), RC_OK);
    link_reader_init(&w->reader);
}

static void worker_close(struct worker *w)
{
    link_reader_release(&w->reader);
    close(w->fd);
}

/* All of q, packet by packet; false when the server does not take it in time. */
static bool worker_try_send(struct worker *w, struct buf *q)
{
    struct str left = buf_str(q);
    bool good = true;
    while (good && left.len != 0) {
        unsigned adopts;
        size_t size = link_packet_size(left, 0, &adopts);
        enum rc rc = link_sock_send(w->fd, left.p, size, NULL, 0);
        if (rc == RC_AGAIN) {
            struct pollfd p = {w->fd, POLLOUT, 0};
            good = poll(&p, 1, FAKE_WAIT_MS) == 1;
            continue;
        }
        good = rc == RC_OK;
        left = str_from(left, size);
    }
    buf_release(q);
    return good;
}

static void worker_send(struct worker *w, struct buf *q)
{
    assert_true(worker_try_send(w, q));
}

/* The next frame; RC_CLOSED at end of file, RC_TIMEOUT. Pings are answered on the way when pong says so. */
static enum rc worker_next(struct worker *w, struct link_frame *f, bool pong)
{
    for (;;) {
        enum rc rc = w->left.len ? link_reader_next(&w->reader, &w->left, f) : RC_AGAIN;
        if (rc == RC_OK && f->type == LINK_PING && pong) {
            struct buf q = BUF_INIT;
            uint64_t stamp = 0;
            assert_int_equal(link_get_u64(f->body, &stamp), RC_OK);
            link_put_u64(&q, LINK_PONG, stamp);
            (void)worker_try_send(w, &q);
            continue;
        }
        if (rc != RC_AGAIN) {
            return rc;
        }
        struct pollfd p = {w->fd, POLLIN, 0};
        if (poll(&p, 1, FAKE_WAIT_MS) != 1) {
            return RC_TIMEOUT;
        }
        size_t len;
        unsigned count;
        bool truncated;
        rc = link_sock_recv(w->fd, w->packet, sizeof(w->packet), &len, w->fds + w->fds_count,
                            LINK_FDS_PER_PACKET, &count, &truncated);
        if (rc == RC_AGAIN) {
            continue;
        }
        if (rc != RC_OK) {
            return rc;
        }
        assert_false(truncated);
        assert_true(len > 0 && count <= LINK_FDS_PER_PACKET);
        w->fds_count += count;
        w->left = (struct str){w->packet, len};
    }
}

static struct link_frame worker_expect(struct worker *w, uint16_t type)
{
    struct link_frame f = {0};
    assert_int_equal(worker_next(w, &f, true), RC_OK);
    assert_string_equal(link_type_name(f.type), link_type_name(type));
    return f;
}

static void worker_expect_end(struct worker *w)
{
    struct link_frame f;
    assert_int_equal(worker_next(w, &f, false), RC_CLOSED);
}

static void put_hello(struct buf *q, uint16_t number, uint16_t major, uint16_t minor)
{
    struct link_hello hello = {LINK_MAGIC, major, minor, number, 77, 0, 0, 256, 0, STR("test")};
    link_put_hello(q, &hello);
}

static void worker_hello(struct worker *w, uint16_t number, uint16_t minor)
{
    struct buf q = BUF_INIT;
    put_hello(&q, number, LINK_MAJOR, minor);
    link_put_empty(&q, LINK_HELLO_DONE, 0);
    worker_send(w, &q);
}

static void worker_join(struct worker *w, uint16_t number)
{
    worker_connect(w);
    worker_hello(w, number, LINK_MINOR);
    worker_expect(w, LINK_WELCOME);
}

static void send_positions(uint16_t number, uint64_t from, uint64_t count)
{
    struct buf q = BUF_INIT;
    for (uint64_t i = 0; i < count; i++) {
        link_put_position(&q, from + i);
    }
    assert_true(fake_feed_send(feed, number, &q, NULL, 0));
    buf_release(&q);
}

static void expect_positions(struct worker *w, uint64_t from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct link_frame f = worker_expect(w, LINK_POSITION);
        uint64_t id = 0;
        assert_int_equal(link_get_position(f.body, &id), RC_OK);
        assert_int_equal(id, from + i);
    }
}

/* -- hello ------------------------------------------------------------------------------------- */

static void test_link_server_takes_a_hello_with_users_and_peers(void **state)
{
    (void)state;
    static struct link_hello_user users[2000];
    static struct link_hello_peer peers[1500];
    static struct worker w;
    start(NEVER_MS);
    worker_connect(&w);
    struct link_hello hello = {LINK_MAGIC, LINK_MAJOR, LINK_MINOR, 3, 4, 5, 6, 7, 2000, STR("b")};
    for (uint32_t i = 0; i < 2000; i++) {
        users[i] = (struct link_hello_user){i + 1, i, 1, 1};
    }
    for (uint32_t i = 0; i < 1500; i++) {
        peers[i] = (struct link_hello_peer){i, 1};
    }
    struct buf q = BUF_INIT;
    link_put_hello(&q, &hello);
    link_put_hello_users(&q, users, 2000);
    link_put_hello_peers(&q, peers, 1500);
    link_put_empty(&q, LINK_HELLO_DONE, 0);
    worker_send(&w, &q);
    struct link_frame f = worker_expect(&w, LINK_WELCOME);
    struct link_welcome welcome;
    assert_int_equal(link_get_welcome(f.body, &welcome), RC_OK);
    struct fake_hello got = fake_feed_hello(feed);
    assert_true(got.hello.worker == 3 && got.hello.incarnation == 4 && got.hello.log_id == 5);
    assert_true(got.hello.position == 6 && got.hello.capacity == 7);
    assert_true(got.users == 2000 && got.users_sum == 1999 * 1000);
    assert_true(got.peers == 1500 && got.peers_sum == 1499 * 750);
    worker_close(&w);
    assert_true(fake_feed_wait_leaves(feed, 1));
}

static void expect_refusal(struct worker *w, enum code wanted, const char *word)
{
    struct link_frame f = worker_expect(w, LINK_REFUSED);
    enum code code = CODE_OK;
    struct str reason = STR_NONE;
    assert_int_equal(link_get_refused(f.body, &code, &reason), RC_OK);
    assert_int_equal(code, wanted);
    assert_non_null(memmem(reason.p, reason.len, word, strlen(word)));
    worker_expect_end(w);
    worker_close(w);
}

static void test_link_server_refuses_another_major_version(void **state)
{
    (void)state;
    static struct worker w;
    start(NEVER_MS);
    worker_connect(&w);
    struct buf q = BUF_INIT;
    put_hello(&q, 1, LINK_MAJOR + 1, 0);
    worker_send(&w, &q);
    expect_refusal(&w, CODE_CONFLICT, "2.0");
}

static void test_link_server_refuses_while_the_feed_is_not_ready(void **state)
{
    (void)state;
    static struct worker w;
    start(NEVER_MS);
    fake_feed_answers(feed, RC_UNAVAILABLE, RC_OK);
    worker_connect(&w);
    worker_hello(&w, 1, LINK_MINOR);
    expect_refusal(&w, CODE_UNAVAILABLE, "ready");
    fake_feed_answers(feed, RC_OK, RC_OK);
    worker_join(&w, 1);
    worker_close(&w);
}

static void expect_bad_hello(struct buf *q)
{
    static struct worker w;
    worker_connect(&w);
    worker_send(&w, q);
    worker_expect_end(&w);
    worker_close(&w);
}

static void test_link_server_closes_on_a_bad_hello(void **state)
{
    (void)state;
    start(NEVER_MS);
    struct buf q = BUF_INIT;
    buf_add_z(&q, "GET / HTTP/1.1\r\n\r\n");
    static struct worker w;
    worker_connect(&w);
    assert_int_equal(link_sock_send(w.fd, q.p, q.len, NULL, 0), RC_OK);
    worker_expect_end(&w);
    worker_close(&w);
    buf_release(&q);

    link_put_empty(&q, LINK_HELLO_DONE, 0); /* done before hello */
    expect_bad_hello(&q);
    put_hello(&q, 0, LINK_MAJOR, LINK_MINOR); /* no number */
    expect_bad_hello(&q);
    put_hello(&q, 1, LINK_MAJOR, LINK_MINOR);
    put_hello(&q, 1, LINK_MAJOR, LINK_MINOR); /* twice */
    expect_bad_hello(&q);
    struct link_hello more = {LINK_MAGIC, LINK_MAJOR, LINK_MINOR, 1, 1, 0, 0, 1, 5, STR("")};
    link_put_hello(&q, &more); /* announces users that do not come */
    link_put_empty(&q, LINK_HELLO_DONE, 0);
    expect_bad_hello(&q);
    put_hello(&q, 1, LINK_MAJOR, LINK_MINOR);
    link_put_pull(&q, 1, 1); /* not part of a hello */
    expect_bad_hello(&q);
    assert_int_equal(fake_feed_leaves(feed), 0);
}

static void test_link_server_hello_has_a_deadline_however_slowly_it_comes(void **state)
{
    (void)state;
    static struct worker silent, slow;
    start(TIMEOUT_MS);
    uint64_t begin = mono_ms();
    worker_connect(&silent);
    worker_connect(&slow);
    struct buf q = BUF_INIT;
    put_hello(&q, 1, LINK_MAJOR, LINK_MINOR);
    worker_send(&slow, &q);
    bool taken = true;
    while (taken && mono_ms() - begin < FAKE_WAIT_MS) {
        struct pollfd p = {slow.fd, POLLIN, 0};
        taken = poll(&p, 1, 50) == 0;
        link_put_hello_users(&q, NULL, 0);
        taken = worker_try_send(&slow, &q) && taken;
    }
    assert_false(taken);
    worker_expect_end(&silent);
    assert_in_range(mono_ms() - begin, TIMEOUT_MS, FAKE_WAIT_MS);
    worker_close(&silent);
    worker_close(&slow);
}

static void test_link_server_newest_worker_with_a_number_wins(void **state)
{
    (void)state;
    static struct worker older, newer;
    start(NEVER_MS);
    worker_join(&older, 1);
    worker_join(&newer, 1);
    assert_true(fake_feed_wait_leaves(feed, 1));
    expect_refusal(&older, CODE_CONFLICT, "number");
    send_positions(1, 1, 3);
    expect_positions(&newer, 1, 3);
    worker_close(&newer);
}

/* -- down -------------------------------------------------------------------------------------- */

static void test_link_server_sends_the_stream_in_order(void **state)
{
    (void)state;
    static struct worker w;
    start(NEVER_MS);
    worker_join(&w, 1);
    uint64_t next = 1;
    for (unsigned round = 0; round < 200; round++) {
        uint64_t count = round % 7 == 0 ? 2000 : round % 5 + 1;
        send_positions(1, next, count);
        if (round % 3 == 0) {
            expect_positions(&w, next, count);
        } else {
            send_positions(1, next + count, 10);
            expect_positions(&w, next, count + 10);
            count += 10;
        }
        next += count;
    }
    worker_close(&w);
}

static void test_link_server_passes_bodies_that_take_many_packets(void **state)
{
    (void)state;
    static struct worker w;
    static char big[LINK_BODY_MAX_BYTES / 2];
    memset(big, 'x', sizeof(big));
    start(NEVER_MS);
    worker_join(&w, 1);
    struct str body = {big, sizeof(big)};
    struct outcome o = {0};
    struct buf q = BUF_INIT;
    link_put_position(&q, 1);
    link_put_reply(&q, 9, 1, &o, body);
    link_put_position(&q, 2);
    assert_true(fake_feed_send(feed, 1, &q, NULL, 0));
    buf_clear(&q);
    expect_positions(&w, 1, 1);
    struct link_frame f = worker_expect(&w, LINK_REPLY);
    assert_in_range(f.body.len, sizeof(big), sizeof(big) + 100);
    expect_positions(&w, 2, 1);
    struct link_query query = {1, 1, 99, body};
    link_put_query(&q, 4, &query);
    worker_send(&w, &q);
    assert_true(fake_feed_wait_ups(feed, 1));
    struct fake_up up = fake_feed_up(feed, 0);
    assert_true(up.type == LINK_QUERY && up.request == 4 && up.len > sizeof(big));
    worker_close(&w);
}

#define ADOPTS 256

static void send_adopts(int *fds)
{
    struct buf q = BUF_INIT;
    struct link_adopt a = {.head = STR("GET /ws HTTP/1.1\r\n\r\n"), .peer = STR("127.0.0.1")};
    for (uint32_t i = 0; i < ADOPTS; i++) {
        fds[i] = memfd_create("adopt", MFD_CLOEXEC);
        assert_int_equal(pwrite(fds[i], &i, sizeof(i), 0), sizeof(i));
        link_put_adopt(&q, 1000 + i, &a);
        link_put_position(&q, i);
    }
    assert_true(fake_feed_send(feed, 1, &q, fds, ADOPTS));
    buf_release(&q);
}

static void test_link_server_passes_256_adopts_with_their_descriptors_in_order(void **state)
{
    (void)state;
    static struct worker w;
    static int fds[ADOPTS];
    start(NEVER_MS);
    worker_join(&w, 1);
    send_adopts(fds);
    struct buf q = BUF_INIT;
    for (uint32_t i = 0; i < ADOPTS; i++) {
        struct link_frame f = worker_expect(&w, LINK_ADOPT);
        assert_int_equal(f.request, 1000 + i);
        assert_true(w.fds_count > i); /* it came with this packet or an earlier one */
        uint32_t mark = UINT32_MAX;
        assert_int_equal(pread(w.fds[i], &mark, sizeof(mark), 0), sizeof(mark));
        assert_int_equal(mark, i);
        close(w.fds[i]);
        expect_positions(&w, i, 1);
        if (i % 2 == 0) {
            link_put_adopted(&q, 1000 + i, i);
        } else {
            link_put_adopt_failed(&q, 1000 + i, CODE_UNAVAILABLE);
        }
    }
    assert_int_equal(w.fds_count, ADOPTS);
    worker_send(&w, &q);
    assert_true(fake_feed_wait_ups(feed, ADOPTS));
    for (unsigned i = 0; i < ADOPTS; i++) {
        assert_int_equal(fake_feed_up(feed, i).request, 1000 + i);
        close(fds[i]);
    }
    worker_close(&w);
}

static void test_link_server_believes_no_answer_to_an_adopt_it_did_not_send(void **state)
{
    (void)state;
    static struct worker w;
    static int fds[ADOPTS];
    start(NEVER_MS);
    worker_join(&w, 1);
    send_adopts(fds);
    for (uint32_t i = 0; i < ADOPTS; i++) {
        worker_expect(&w, LINK_ADOPT);
        worker_expect(&w, LINK_POSITION);
        close(w.fds[i]);
        close(fds[i]);
    }
    struct buf q = BUF_INIT;
    link_put_adopted(&q, 1007, 1);
    worker_send(&w, &q);
    assert_true(fake_feed_wait_ups(feed, 1));
    link_put_adopted(&q, 1007, 1); /* a second time */
    worker_send(&w, &q);
    assert_true(fake_feed_wait_leaves(feed, 1));
    worker_expect_end(&w);
    worker_close(&w);
}

/* -- slow and dead workers --------------------------------------------------------------------- */

#define MANY 400000 /* 8 MB of positions: far more than a socket holds */

static void test_link_server_slow_worker_holds_up_nobody(void **state)
{
    (void)state;
    static struct worker slow, quick;
    start(NEVER_MS);
    worker_join(&slow, 1);
    worker_join(&quick, 2);
    send_positions(1, 1, MANY);
    for (uint64_t i = 1; i <= 100; i++) {
        send_positions(2, i, 1);
        expect_positions(&quick, i, 1);
    }
    /* Nor is the slow one's own voice lost: reading does not wait for sending. */
    struct buf q = BUF_INIT;
    link_put_pull(&q, 1, 1);
    worker_send(&slow, &q);
    assert_true(fake_feed_wait_ups(feed, 1));
    send_positions(1, MANY + 1, 10);
    expect_positions(&slow, 1, MANY + 10);
    worker_close(&slow);
    worker_close(&quick);
}

static void test_link_server_closes_a_worker_that_takes_nothing(void **state)
{
    (void)state;
    static struct worker w;
    struct buf much = BUF_INIT; /* made before the clock runs */
    for (uint64_t i = 0; i < MANY; i++) {
        link_put_position(&much, i);
    }
    start(TIMEOUT_MS);
    worker_join(&w, 1);
    assert_true(fake_feed_send(feed, 1, &much, NULL, 0));
    buf_release(&much);
    bool gone = false;
    uint64_t begin = mono_ms();
    while (!gone && mono_ms() - begin < FAKE_WAIT_MS) { /* it talks, but it does not listen */
        struct buf q = BUF_INIT;
        link_put_pull(&q, 1, 1);
        gone = !worker_try_send(&w, &q);
        struct pollfd none = {-1, 0, 0};
        poll(&none, 1, PING_MS);
    }
    assert_true(gone);
    assert_true(fake_feed_wait_leaves(feed, 1));
    worker_close(&w);
}

static void test_link_server_closes_a_broken_stream(void **state)
{
    (void)state;
    static struct worker w;
    start(NEVER_MS);
    worker_join(&w, 1);
    fake_feed_break(feed, 1);
    worker_expect_end(&w);
    assert_true(fake_feed_wait_leaves(feed, 1));
    worker_close(&w);
}

static void test_link_server_hears_the_last_words_of_a_dead_worker(void **state)
{
    (void)state;
    static struct worker w;
    start(NEVER_MS);
    worker_join(&w, 1);
    send_positions(1, 1, MANY); /* unread: its death resets the link */
    struct buf q = BUF_INIT;
    for (uint32_t i = 0; i < 100; i++) {
        link_put_gone(&q, i, i);
    }
    worker_send(&w, &q);
    worker_close(&w);
    assert_true(fake_feed_wait_leaves(feed, 1));
    assert_true(fake_feed_wait_ups(feed, 100));
}

/* -- pings ------------------------------------------------------------------------------------- */

static void test_link_server_answers_a_ping(void **state)
{
    (void)state;
    static struct worker w;
    start(NEVER_MS);
    worker_join(&w, 1);
    struct buf q = BUF_INIT;
    link_put_u64(&q, LINK_PING, 424242);
    worker_send(&w, &q);
    struct link_frame f = worker_expect(&w, LINK_PONG);
    uint64_t stamp = 0;
    assert_int_equal(link_get_u64(f.body, &stamp), RC_OK);
    assert_int_equal(stamp, 424242);
    worker_close(&w);
}

static void test_link_server_keeps_who_answers_pings_and_drops_who_does_not(void **state)
{
    (void)state;
    static struct worker lively, dead;
    struct link_frame f;
    start(TIMEOUT_MS);
    worker_join(&dead, 1);
    worker_join(&lively, 2);
    for (unsigned pings = 0; pings < 3 * TIMEOUT_MS / PING_MS; pings++) {
        struct buf q = BUF_INIT;
        assert_int_equal(worker_next(&lively, &f, false), RC_OK);
        assert_int_equal(f.type, LINK_PING);
        link_put_u64(&q, LINK_PONG, 0);
        worker_send(&lively, &q);
    }
    assert_int_equal(fake_feed_leaves(feed), 1);
    send_positions(2, 1, 1);
    expect_positions(&lively, 1, 1);
    worker_close(&lively);
    worker_close(&dead);
}

/* -- bad frames -------------------------------------------------------------------------------- */

/* A joined worker sends this packet and must be thrown out, once, without harm to another. */
static void expect_thrown_out(struct str packet, const int *fds, unsigned count)
{
    static struct worker bad, good;
    unsigned leaves = fake_feed_leaves(feed);
    int64_t noted = metric_get(METRIC_LINK_BAD);
    worker_join(&good, 2);
    worker_join(&bad, 1);
    assert_int_equal(link_sock_send(bad.fd, packet.p, packet.len, fds, count), RC_OK);
    worker_expect_end(&bad);
    assert_true(fake_feed_wait_leaves(feed, leaves + 1));
    assert_int_equal(metric_get(METRIC_LINK_BAD), noted + 1);
    send_positions(2, 1, 1);
    expect_positions(&good, 1, 1);
    worker_close(&bad);
    worker_close(&good);
    assert_true(fake_feed_wait_leaves(feed, leaves + 2));
}

static void test_link_server_throws_out_who_speaks_nonsense(void **state)
{
    (void)state;
    start(NEVER_MS);
    int fd = 0;
    struct buf q = BUF_INIT;
    link_put_pull(&q, 1, 1);
    expect_thrown_out((struct str){q.p, q.len - 1}, NULL, 0); /* cut off */
    expect_thrown_out(buf_str(&q), &fd, 1);                   /* descriptors come down only */
    buf_clear(&q);
    link_put_position(&q, 1); /* wrong direction */
    expect_thrown_out(buf_str(&q), NULL, 0);
    buf_clear(&q);
    link_frame_add(&q, 999, 0, STR("")); /* unknown type */
    expect_thrown_out(buf_str(&q), NULL, 0);
    buf_clear(&q);
    put_hello(&q, 1, LINK_MAJOR, LINK_MINOR); /* hello again */
    expect_thrown_out(buf_str(&q), NULL, 0);
    buf_clear(&q);
    link_frame_add(&q, LINK_PING, 0, STR("short"));
    expect_thrown_out(buf_str(&q), NULL, 0);
    buf_clear(&q);
    link_put_adopted(&q, 5, 1);
    expect_thrown_out(buf_str(&q), NULL, 0);
    buf_clear(&q);
    fake_feed_answers(feed, RC_OK, RC_PROTOCOL);
    link_put_pull(&q, 1, 1);
    expect_thrown_out(buf_str(&q), NULL, 0);
    buf_release(&q);
}

static void test_link_server_ignores_new_types_of_a_newer_minor(void **state)
{
    (void)state;
    static struct worker w;
    start(NEVER_MS);
    worker_connect(&w);
    worker_hello(&w, 1, LINK_MINOR + 1);
    worker_expect(&w, LINK_WELCOME);
    int64_t ignored = metric_get(METRIC_LINK_IGNORED);
    struct buf q = BUF_INIT;
    link_frame_add(&q, 999, 0, STR("from the future"));
    link_put_pull(&q, 1, 1);
    worker_send(&w, &q);
    assert_true(fake_feed_wait_ups(feed, 1));
    assert_int_equal(fake_feed_up(feed, 0).type, LINK_PULL);
    assert_int_equal(metric_get(METRIC_LINK_IGNORED), ignored + 1);
    worker_close(&w);
}

static void put_commands(struct buf *q, uint32_t count)
{
    struct cmd c = {.kind = CMD_MESSAGE_SEND, .chat_id = 1, .content = STR("x")};
    for (uint32_t i = 0; i < count; i++) {
        link_put_command(q, i, 1, 1, &c);
    }
}

static void test_link_server_throws_out_who_has_too_many_commands_open(void **state)
{
    (void)state;
    static struct worker w;
    start(NEVER_MS);
    worker_join(&w, 1);
    struct buf q = BUF_INIT;
    put_commands(&q, COMMANDS_MAX);
    worker_send(&w, &q);
    assert_true(fake_feed_wait_ups(feed, COMMANDS_MAX));
    struct outcome o = {0};
    struct buf replies = BUF_INIT;
    for (uint32_t i = 0; i < 3; i++) {
        link_put_reply(&replies, i, 1, &o, STR(""));
    }
    assert_true(fake_feed_send(feed, 1, &replies, NULL, 0));
    buf_release(&replies);
    for (uint32_t i = 0; i < 3; i++) {
        worker_expect(&w, LINK_REPLY);
    }
    put_commands(&q, 3);
    worker_send(&w, &q);
    assert_true(fake_feed_wait_ups(feed, COMMANDS_MAX + 3));
    assert_int_equal(fake_feed_leaves(feed), 0);
    put_commands(&q, 1);
    worker_send(&w, &q);
    worker_expect_end(&w);
    assert_true(fake_feed_wait_leaves(feed, 1));
    worker_close(&w);
}

#define CROWD 140 /* more than the server keeps at once */

static void test_link_server_keeps_a_bounded_number_of_links(void **state)
{
    (void)state;
    static int fds[CROWD];
    start(NEVER_MS);
    unsigned closed = 0;
    for (unsigned i = 0; i < CROWD; i++) {
        uint64_t begin = mono_ms();
        enum rc rc;
        while ((rc = link_sock_connect(path, &fds[i])) == RC_AGAIN &&
               mono_ms() - begin < FAKE_WAIT_MS) {
            struct pollfd none = {-1, 0, 0};
            poll(&none, 1, 1); /* the backlog is full */
        }
        assert_int_equal(rc, RC_OK);
    }
    for (unsigned i = CROWD - 12; i < CROWD; i++) {
        struct pollfd p = {fds[i], POLLIN, 0};
        closed += poll(&p, 1, FAKE_WAIT_MS) == 1;
    }
    assert_int_equal(closed, 12);
    for (unsigned i = 0; i < CROWD; i++) {
        close(fds[i]);
    }
}

/* -- start and stop ---------------------------------------------------------------------------- */

static void test_link_server_stop_sends_the_rest_and_removes_its_file(void **state)
{
    (void)state;
    static struct worker w;
    start(NEVER_MS);
    worker_join(&w, 1);
    send_positions(1, 1, 1000);
    link_server_stop(server);
    server = NULL;
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(fake_feed_leaves(feed), 1);
    expect_positions(&w, 1, 1000);
    worker_expect_end(&w);
    worker_close(&w);
}

static void test_link_server_start_says_why_it_cannot(void **state)
{
    (void)state;
    struct link_server *second = NULL;
    struct link_server_conf conf = {path, (uid_t)-1, PING_MS, TIMEOUT_MS, COMMANDS_MAX};
    struct buf why = BUF_INIT;
    start(NEVER_MS);
    assert_int_equal(link_server_start(&conf, feed, &second, &why), RC_CONFLICT);
    assert_null(second);
    assert_true(why.len > 0);
    buf_release(&why);
    static struct worker w;
    worker_join(&w, 1); /* the first is unharmed */
    worker_close(&w);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_link_server_takes_a_hello_with_users_and_peers),
        T(test_link_server_refuses_another_major_version),
        T(test_link_server_refuses_while_the_feed_is_not_ready),
        T(test_link_server_closes_on_a_bad_hello),
        T(test_link_server_hello_has_a_deadline_however_slowly_it_comes),
        T(test_link_server_newest_worker_with_a_number_wins),
        T(test_link_server_sends_the_stream_in_order),
        T(test_link_server_passes_bodies_that_take_many_packets),
        T(test_link_server_passes_256_adopts_with_their_descriptors_in_order),
        T(test_link_server_believes_no_answer_to_an_adopt_it_did_not_send),
        T(test_link_server_slow_worker_holds_up_nobody),
        T(test_link_server_closes_a_worker_that_takes_nothing),
        T(test_link_server_closes_a_broken_stream),
        T(test_link_server_hears_the_last_words_of_a_dead_worker),
        T(test_link_server_answers_a_ping),
        T(test_link_server_keeps_who_answers_pings_and_drops_who_does_not),
        T(test_link_server_throws_out_who_speaks_nonsense),
        T(test_link_server_ignores_new_types_of_a_newer_minor),
        T(test_link_server_throws_out_who_has_too_many_commands_open),
        T(test_link_server_keeps_a_bounded_number_of_links),
        T(test_link_server_stop_sends_the_rest_and_removes_its_file),
        T(test_link_server_start_says_why_it_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
