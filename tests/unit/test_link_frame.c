#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>

#include <cmocka.h>

#include "shared/link_frame.h"

#define PIECE (LINK_PACKET_MAX_BYTES - LINK_HEADER_BYTES)

static struct str filled(size_t len)
{
    static char bytes[LINK_BODY_MAX_BYTES + 1];
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(i * 31 + i / 251);
    }
    return (struct str){bytes, len};
}

static struct str sub(struct str s, size_t at, size_t len)
{
    return (struct str){s.p + at, len};
}

static void test_link_types_have_names_and_directions(void **state)
{
    (void)state;
    unsigned known = 0;
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        enum link_direction d = link_type_direction((uint16_t)type);
        assert_int_equal(link_type_name((uint16_t)type) != NULL, d != 0);
        assert_in_range(d, 0, LINK_BOTH);
        known += d != 0;
    }
    assert_int_equal(known, 42);
    assert_string_equal(link_type_name(LINK_EVENT), "EVENT");
    assert_int_equal(link_type_direction(LINK_EVENT), LINK_DOWN);
    assert_int_equal(link_type_direction(LINK_COMMAND), LINK_UP);
    assert_int_equal(link_type_direction(LINK_DRAIN), LINK_BOTH);
}

static void test_link_frame_header_is_length_type_flags_request(void **state)
{
    (void)state;
    struct buf q = BUF_INIT;
    link_frame_add(&q, LINK_PING, 0x01020304, STR("abc"));
    assert_int_equal(q.len, 15);
    assert_memory_equal(q.p, "\0\0\0\3\0\222\0\0\1\2\3\4abc", 15);
    buf_release(&q);
}

/* Through packets as a peer would see them. */
static void assert_passes(struct str body)
{
    struct buf q = BUF_INIT;
    link_frame_add(&q, LINK_PING, 1, STR("before"));
    link_frame_add(&q, LINK_REPLY, 7, body);
    link_frame_add(&q, LINK_PONG, 2, STR(""));
    struct link_reader r;
    link_reader_init(&r);
    unsigned frames = 0;
    struct str left = buf_str(&q);
    while (left.len != 0) {
        unsigned adopts;
        size_t size = link_packet_size(left, 0, &adopts);
        assert_in_range(size, LINK_HEADER_BYTES, LINK_PACKET_MAX_BYTES);
        struct str packet = sub(left, 0, size);
        left = str_from(left, size);
        struct link_frame f;
        enum rc rc;
        while ((rc = link_reader_next(&r, &packet, &f)) == RC_OK) {
            static const uint16_t types[] = {LINK_PING, LINK_REPLY, LINK_PONG};
            static const uint32_t requests[] = {1, 7, 2};
            assert_int_equal(f.type, types[frames]);
            assert_int_equal(f.request, requests[frames]);
            assert_true(frames != 1 || str_eq(f.body, body));
            frames++;
        }
        assert_int_equal(rc, RC_AGAIN);
    }
    assert_int_equal(frames, 3);
    link_reader_release(&r);
    buf_release(&q);
}

static void test_link_frame_bodies_of_every_awkward_size_pass(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE - 1, 2 * PIECE, 2 * PIECE + 1, 5 * PIECE + 77,
        LINK_BODY_MAX_BYTES - 1, LINK_BODY_MAX_BYTES,
    };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_passes(filled(sizes[i]));
    }
}

static void test_link_frame_over_the_limit_fails_the_queue_and_adds_nothing(void **state)
{
    (void)state;
    struct buf q = BUF_INIT;
    link_frame_add(&q, LINK_PING, 0, STR("x"));
    size_t len = q.len;
    link_frame_add(&q, LINK_REPLY, 0, filled(LINK_BODY_MAX_BYTES + 1));
    assert_false(buf_ok(&q));
    assert_int_equal(q.len, len);
    buf_release(&q);
}

static void test_link_frame_in_a_full_queue_leaves_no_half_frame(void **state)
{
    (void)state;
    for (size_t max = 0; max < 200; max++) {
        struct buf q = BUF_INIT_MAX(max == 0 ? 1 : max);
        link_frame_add(&q, LINK_PING, 0, filled(30));
        link_frame_add(&q, LINK_PING, 0, filled(60));
        assert_true(q.len == 0 || q.len == 42 || q.len == 114);
        assert_int_equal(buf_ok(&q), q.len == 114);
        buf_release(&q);
    }
    struct buf q = BUF_INIT_MAX(PIECE + 100); /* the body fits, its second header does not */
    link_frame_add(&q, LINK_PING, 0, filled(PIECE + 80));
    assert_int_equal(q.len, 0);
    assert_false(buf_ok(&q));
    buf_release(&q);
}

static void test_link_packets_hold_whole_frames_and_bounded_adopts(void **state)
{
    (void)state;
    struct buf q = BUF_INIT;
    unsigned adopts;
    assert_int_equal(link_packet_size(buf_str(&q), 32, &adopts), 0);
    for (unsigned i = 0; i < 40; i++) {
        link_frame_add(&q, LINK_ADOPT, i, STR("adopt"));
        link_frame_add(&q, LINK_PING, i, STR(""));
    }
    size_t pair = 17 + 12;
    assert_int_equal(link_packet_size(buf_str(&q), 32, &adopts), 32 * pair);
    assert_int_equal(adopts, 32);
    assert_int_equal(link_packet_size(buf_str(&q), 0, &adopts), 0);
    assert_int_equal(adopts, 0);
    assert_int_equal(link_packet_size(sub(buf_str(&q), 17, 12), 0, &adopts), 12);
    assert_int_equal(link_packet_size(buf_str(&q), 1000, &adopts), 40 * pair);
    assert_int_equal(adopts, 40);
    /* A queue that ends inside a frame gives what is whole. */
    assert_int_equal(link_packet_size(sub(buf_str(&q), 0, pair + 16), 32, &adopts), pair);
    assert_int_equal(link_packet_size(sub(buf_str(&q), 0, pair + 5), 32, &adopts), pair);
    assert_int_equal(adopts, 1);
    buf_release(&q);
}

static void test_link_packets_are_filled_up_to_their_limit(void **state)
{
    (void)state;
    struct buf q = BUF_INIT;
    link_frame_add(&q, LINK_PING, 0, filled(1000));
    link_frame_add(&q, LINK_PING, 0, filled(LINK_PACKET_MAX_BYTES - 1012 - LINK_HEADER_BYTES));
    link_frame_add(&q, LINK_PING, 0, STR(""));
    unsigned adopts;
    assert_int_equal(link_packet_size(buf_str(&q), 0, &adopts), LINK_PACKET_MAX_BYTES);
    buf_release(&q);
}

static enum rc read_raw(struct link_reader *r, struct str packet)
{
    struct link_frame f;
    enum rc rc;
    do {
        rc = link_reader_next(r, &packet, &f);
    } while (rc == RC_OK);
    return rc;
}

static enum rc read_fresh(struct str packet)
{
    struct link_reader r;
    link_reader_init(&r);
    enum rc rc = read_raw(&r, packet);
    link_reader_release(&r);
    return rc;
}

static void test_link_reader_refuses_malformed_frames(void **state)
{
    (void)state;
    struct buf q = BUF_INIT;
    link_frame_add(&q, LINK_PING, 1, STR("12345678"));
    for (size_t len = 1; len < q.len; len++) {
        assert_int_equal(read_fresh(sub(buf_str(&q), 0, len)), RC_PROTOCOL);
    }
    assert_int_equal(read_fresh(buf_str(&q)), RC_AGAIN);
    for (unsigned bit = 1; bit < 16; bit++) { /* unknown flags */
        q.p[6] = (char)(1u << bit >> 8);
        q.p[7] = (char)(1u << bit);
        assert_int_equal(read_fresh(buf_str(&q)), RC_PROTOCOL);
    }
    buf_release(&q);
    assert_int_equal(read_fresh(STR("\xff\xff\xff\xff\0\x92\0\0\0\0\0\0")), RC_PROTOCOL);
    /* MORE without a body; MORE on a frame that carries a descriptor */
    assert_int_equal(read_fresh(STR("\0\0\0\0\0\x92\0\1\0\0\0\0")), RC_PROTOCOL);
    assert_int_equal(read_fresh(STR("\0\0\0\1\0\x10\0\1\0\0\0\0x")), RC_PROTOCOL);
}

static void test_link_reader_refuses_a_stranger_between_pieces(void **state)
{
    (void)state;
    struct str first = STR("\0\0\0\1\0\x61\0\1\0\0\0\7x");
    static const struct {
        struct str next;
        enum rc rc;
    } cases[] = {
        {{"\0\0\0\1\0\x61\0\0\0\0\0\7y", 13}, RC_AGAIN},
        {{"\0\0\0\0\0\x61\0\0\0\0\0\7", 12}, RC_AGAIN},
        {{"\0\0\0\1\0\x61\0\0\0\0\0\10y", 13}, RC_PROTOCOL}, /* another request */
        {{"\0\0\0\1\0\x31\0\0\0\0\0\7y", 13}, RC_PROTOCOL},  /* another type */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct link_reader r;
        link_reader_init(&r);
        assert_int_equal(read_raw(&r, first), RC_AGAIN);
        assert_int_equal(read_raw(&r, cases[i].next), cases[i].rc);
        link_reader_release(&r);
    }
}

static void test_link_reader_refuses_a_body_over_the_limit(void **state)
{
    (void)state;
    struct link_reader r;
    link_reader_init(&r);
    struct buf q = BUF_INIT;
    link_frame_add(&q, LINK_REPLY, 7, filled(PIECE));
    q.p[7] = LINK_MORE;
    enum rc rc = RC_AGAIN;
    size_t passed = 0;
    while (rc == RC_AGAIN && passed <= LINK_BODY_MAX_BYTES) {
        rc = read_raw(&r, buf_str(&q));
        passed += PIECE;
    }
    assert_int_equal(rc, RC_PROTOCOL);
    assert_in_range(passed, LINK_BODY_MAX_BYTES, LINK_BODY_MAX_BYTES + PIECE);
    buf_release(&q);
    link_reader_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_types_have_names_and_directions),
        cmocka_unit_test(test_link_frame_header_is_length_type_flags_request),
        cmocka_unit_test(test_link_frame_bodies_of_every_awkward_size_pass),
        cmocka_unit_test(test_link_frame_over_the_limit_fails_the_queue_and_adds_nothing),
        cmocka_unit_test(test_link_frame_in_a_full_queue_leaves_no_half_frame),
        cmocka_unit_test(test_link_packets_hold_whole_frames_and_bounded_adopts),
        cmocka_unit_test(test_link_packets_are_filled_up_to_their_limit),
        cmocka_unit_test(test_link_reader_refuses_malformed_frames),
        cmocka_unit_test(test_link_reader_refuses_a_stranger_between_pieces),
        cmocka_unit_test(test_link_reader_refuses_a_body_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
