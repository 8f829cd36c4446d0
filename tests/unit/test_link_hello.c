#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rest/link_hello.h"

static enum rc take(struct link_hello_in *in, struct buf *frame)
{
    struct link_reader r;
    struct link_frame f = {0};
    struct str left = buf_str(frame);
    link_reader_init(&r);
    assert_int_equal(link_reader_next(&r, &left, &f), RC_OK);
    enum rc rc = link_hello_take(in, &f);
    link_reader_release(&r);
    return rc;
}

static enum rc take_hello(struct link_hello_in *in, uint32_t users)
{
    struct link_hello hello = {LINK_MAGIC, LINK_MAJOR, LINK_MINOR, 1, 2, 3, 4, 5, users, STR("b")};
    struct buf q = BUF_INIT;
    link_put_hello(&q, &hello);
    enum rc rc = take(in, &q);
    buf_release(&q);
    return rc;
}

static enum rc take_done(struct link_hello_in *in)
{
    struct buf q = BUF_INIT;
    link_put_empty(&q, LINK_HELLO_DONE, 0);
    enum rc rc = take(in, &q);
    buf_release(&q);
    return rc;
}

static void test_link_hello_is_complete_when_all_announced_users_came(void **state)
{
    (void)state;
    struct link_hello_in in = {0};
    struct link_hello_user users[2] = {{1, 11, 1, 1}, {2, 12, 1, 1}};
    struct buf q = BUF_INIT;
    assert_int_equal(take_hello(&in, 4), RC_AGAIN);
    link_put_hello_users(&q, users, 2);
    assert_int_equal(take(&in, &q), RC_AGAIN);
    assert_int_equal(take_done(&in), RC_PROTOCOL);
    assert_int_equal(take(&in, &q), RC_AGAIN);
    assert_int_equal(take_done(&in), RC_OK);
    assert_int_equal(in.users_count, 4);
    assert_int_equal(in.users[3].user_id, 12);
    link_hello_release(&in);
    buf_release(&q);
}

/* Frames of full lists until the collector has enough. */
static void assert_bounded(const struct buf *frame, uint32_t *count)
{
    struct link_hello_in in = {0};
    assert_int_equal(take_hello(&in, 0), RC_AGAIN);
    enum rc rc = RC_AGAIN;
    unsigned frames = 0;
    while (rc == RC_AGAIN && frames <= LINK_HELLO_ENTRIES_MAX / LINK_ENTRIES_MAX) {
        struct buf view = *frame;
        rc = take(&in, &view);
        frames++;
    }
    assert_int_equal(rc, RC_TOO_BIG);
    assert_int_equal(frames, LINK_HELLO_ENTRIES_MAX / LINK_ENTRIES_MAX + 1);
    *count = in.users_count + in.peers_count;
    link_hello_release(&in);
}

static void test_link_hello_lists_are_bounded(void **state)
{
    (void)state;
    static struct link_hello_user users[LINK_ENTRIES_MAX];
    static struct link_hello_peer peers[LINK_ENTRIES_MAX];
    struct buf q = BUF_INIT;
    uint32_t count = 0;
    link_put_hello_users(&q, users, LINK_ENTRIES_MAX);
    assert_bounded(&q, &count);
    assert_int_equal(count, LINK_HELLO_ENTRIES_MAX);
    buf_clear(&q);
    link_put_hello_peers(&q, peers, LINK_ENTRIES_MAX);
    assert_bounded(&q, &count);
    assert_int_equal(count, LINK_HELLO_ENTRIES_MAX);
    buf_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_hello_is_complete_when_all_announced_users_came),
        cmocka_unit_test(test_link_hello_lists_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
