#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>

#include <cmocka.h>

#include "shared/dialect_id.h"
#include "tests/lib/link_recode.h"

static const struct {
    uint16_t type;
    const char *name;
} rows[] = {
#define LINK(name, number, direction, layout) {LINK_##name, #name},
#include "shared/link.def"
#undef LINK
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* The only frame in bytes, put together. */
static struct link_frame read_one(struct link_reader *r, const struct buf *bytes)
{
    struct link_frame f = {0};
    struct str left = buf_str(bytes);
    assert_int_equal(link_reader_next(r, &left, &f), RC_OK);
    assert_int_equal(left.len, 0);
    return f;
}

static void assert_survives(uint16_t type, enum link_sample_kind kind)
{
    struct buf sample = BUF_INIT;
    struct buf again = BUF_INIT;
    struct link_reader r;
    link_reader_init(&r);
    assert_int_equal(link_sample(type, kind, &sample), RC_OK);
    assert_true(buf_ok(&sample));
    struct link_frame f = read_one(&r, &sample);
    assert_int_equal(f.type, type);
    assert_int_equal(link_recode(&f, &again), RC_OK);
    assert_true(str_eq(buf_str(&sample), buf_str(&again)));
    link_reader_release(&r);
    buf_release(&sample);
    buf_release(&again);
}

static void test_link_def_has_a_codec_for_every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct link_frame empty = {rows[i].type, 0, STR("")};
        struct buf out = BUF_INIT;
        if (link_recode(&empty, &out) == RC_UNSUPPORTED ||
            link_sample(rows[i].type, SAMPLE_DISTINCT, &out) != RC_OK) {
            fail_msg("%s has no encoder or no decoder", rows[i].name);
        }
        assert_string_equal(link_type_name(rows[i].type), rows[i].name);
        buf_release(&out);
    }
}

static void test_link_messages_round_trip_with_extreme_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        for (unsigned kind = 0; kind < SAMPLE_COUNT; kind++) {
            assert_survives(rows[i].type, (enum link_sample_kind)kind);
        }
    }
}

static void assert_only_whole(uint16_t type, enum link_sample_kind kind)
{
    struct buf sample = BUF_INIT;
    struct buf out = BUF_INIT;
    assert_int_equal(link_sample(type, kind, &sample), RC_OK);
    buf_add_char(&sample, 'x');
    struct str body = str_from(buf_str(&sample), LINK_HEADER_BYTES);
    for (size_t len = 0; len <= body.len; len++) {
        if (len == body.len - 1) {
            continue; /* this is the whole body */
        }
        struct link_frame f = {type, 0, {body.p, len}};
        if (link_recode(&f, &out) != RC_PROTOCOL || out.len != 0) {
            fail_msg("%s: %zu of %zu bytes pass", link_type_name(type), len, body.len - 1);
        }
    }
    buf_release(&sample);
    buf_release(&out);
}

static void test_link_messages_refuse_every_truncation_and_a_tail(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        assert_only_whole(rows[i].type, SAMPLE_DISTINCT);
        assert_only_whole(rows[i].type, SAMPLE_ZERO);
    }
}

/* The layout of link.def, by hand. */
static void test_link_hello_has_the_bytes_of_its_row(void **state)
{
    (void)state;
    struct link_hello m = {LINK_MAGIC, 1, 0, 2, 3, 4, 5, 6, 7, STR("b1")};
    struct buf q = BUF_INIT;
    link_put_hello(&q, &m);
    static const char bytes[] = "\0\0\0\x2e\0\1\0\0\0\0\0\0"
                                "CONF\0\1\0\0\0\2"
                                "\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\5"
                                "\0\0\0\6\0\0\0\7\0\2b1";
    assert_int_equal(q.len, sizeof(bytes) - 1);
    assert_memory_equal(q.p, bytes, sizeof(bytes) - 1);
    buf_release(&q);
}

static void test_link_event_has_the_bytes_of_its_row(void **state)
{
    (void)state;
    struct link_recipients to = {LINK_TO_SLOTS, 0, 2, {"\0\0\0\1\0\0\0\2", 8}};
    struct event e = {.kind = EV_READ, .event_id = 9, .at_us = 8, .seq = 7};
    struct buf event = BUF_INIT;
    struct buf q = BUF_INIT;
    event_encode(&event, &e);
    link_put_event(&q, LINK_EVENT, &to, buf_str(&event));
    static const char bytes[] = "\0\0\0\x29\0\x20\0\0\0\0\0\0"
                                "\2\0\0\0\2\0\0\0\1\0\0\0\2"
                                "\x0a\0\4\0\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x08"
                                "\0\0\0\0\0\0\0\7";
    assert_int_equal(q.len, sizeof(bytes) - 1);
    assert_memory_equal(q.p, bytes, sizeof(bytes) - 1);
    buf_release(&event);
    buf_release(&q);
}

static void test_link_adopt_fields_come_back(void **state)
{
    (void)state;
    struct link_adopt m = {1, 2, 3, DIALECT_ROOMS, 5, 6, 7, 8, 9, 10, STR("::1"), STR("anna"),
                           STR("Anna"), STR("user1"), STR("GET / HTTP/1.1")}, back;
    struct buf q = BUF_INIT;
    link_put_adopt(&q, 77, &m);
    assert_int_equal(link_get_adopt(str_from(buf_str(&q), LINK_HEADER_BYTES), &back), RC_OK);
    assert_int_equal(back.slot, 1);
    assert_int_equal(back.user_id, 2);
    assert_int_equal(back.family, 3);
    assert_int_equal(back.dialect, DIALECT_ROOMS);
    assert_int_equal(back.options, 5);
    assert_int_equal(back.expires_s, 6);
    assert_int_equal(back.since_log, 7);
    assert_int_equal(back.since, 8);
    assert_int_equal(back.topic, 9);
    assert_int_equal(back.peer_key, 10);
    assert_true(str_eq(back.peer, m.peer) && str_eq(back.username, m.username));
    assert_true(str_eq(back.name, m.name) && str_eq(back.head, m.head));
    assert_true(str_eq(back.asked, m.asked));
    buf_release(&q);
}

static void test_link_hello_of_another_version_is_readable_enough(void **state)
{
    (void)state;
    struct link_hello m;
    struct link_welcome w;
    assert_int_equal(link_get_hello(STR("CONF\0\x63\0\7 whatever"), &m), RC_OK);
    assert_true(m.major == 99 && m.minor == 7 && m.worker == 0);
    assert_int_equal(link_get_welcome(STR("CONF\0\x63\0\7"), &w), RC_OK);
    assert_int_equal(w.major, 99);
    assert_int_equal(link_get_hello(STR("CONG\0\2\0\7"), &m), RC_PROTOCOL);
    assert_int_equal(link_get_welcome(STR("CONG\0\2\0\7"), &w), RC_PROTOCOL);
    assert_int_equal(link_get_hello(STR("CONF\0\2\0"), &m), RC_PROTOCOL);
}

static void test_link_hello_of_a_newer_minor_may_say_more(void **state)
{
    (void)state;
    struct link_hello m = {LINK_MAGIC, LINK_MAJOR, LINK_MINOR + 1, 2, 3, 4, 5, 6, 7, STR("b")};
    struct link_welcome w = {LINK_MAGIC, LINK_MAJOR, LINK_MINOR + 1, 2, 3, 4, true, false};
    struct buf q = BUF_INIT;
    link_put_hello(&q, &m);
    buf_add_z(&q, "more");
    assert_int_equal(link_get_hello(str_from(buf_str(&q), LINK_HEADER_BYTES), &m), RC_OK);
    assert_int_equal(m.users, 7);
    buf_clear(&q);
    link_put_welcome(&q, &w);
    buf_add_z(&q, "more");
    assert_int_equal(link_get_welcome(str_from(buf_str(&q), LINK_HEADER_BYTES), &w), RC_OK);
    assert_true(w.resumed);
    buf_release(&q);
}

static void test_link_lists_are_cut_and_never_overfill_the_room(void **state)
{
    (void)state;
    static struct link_hello_peer peers[2500], got[LINK_ENTRIES_MAX];
    for (uint32_t i = 0; i < 2500; i++) {
        peers[i] = (struct link_hello_peer){i, i};
    }
    struct buf q = BUF_INIT;
    link_put_hello_peers(&q, peers, 2500);
    struct link_reader r;
    link_reader_init(&r);
    struct str left = buf_str(&q);
    struct link_frame f;
    uint32_t total = 0;
    while (link_reader_next(&r, &left, &f) == RC_OK) {
        uint16_t count = 0;
        assert_int_equal(link_get_hello_peers(f.body, got, 10, &count), RC_TOO_BIG);
        assert_int_equal(link_get_hello_peers(f.body, got, LINK_ENTRIES_MAX, &count), RC_OK);
        for (uint16_t i = 0; i < count; i++) {
            assert_int_equal(got[i].peer_key, total++);
        }
    }
    assert_int_equal(total, 2500);
    link_reader_release(&r);
    buf_release(&q);
}

static void test_link_texts_longer_than_their_length_field_are_cut(void **state)
{
    (void)state;
    static char big[70000];
    memset(big, 'x', sizeof(big));
    struct buf q = BUF_INIT;
    struct link_reader r;
    link_reader_init(&r);
    uint64_t session;
    uint32_t slot;
    struct str token;
    link_put_reauth(&q, 1, 2, 3, (struct str){big, sizeof(big)});
    struct link_frame f = read_one(&r, &q);
    assert_int_equal(link_get_reauth(f.body, &session, &slot, &token), RC_OK);
    assert_int_equal(token.len, UINT16_MAX);
    buf_clear(&q);
    struct link_adopt a = {.head = {big, sizeof(big)}, .name = {big, sizeof(big)},
                           .username = {big, sizeof(big)}, .peer = {big, sizeof(big)}};
    link_put_adopt(&q, 1, &a);
    assert_in_range(q.len, 1, LINK_PACKET_MAX_BYTES);
    f = read_one(&r, &q);
    assert_int_equal(link_get_adopt(f.body, &a), RC_OK);
    assert_int_equal(a.head.len, LINK_ADOPT_TEXT_MAX_BYTES);
    link_reader_release(&r);
    buf_release(&q);
}

/* Change one byte of a distinct sample's body and expect a refusal. */
static void assert_refused(uint16_t type, size_t at, uint8_t value)
{
    struct buf sample = BUF_INIT;
    struct buf out = BUF_INIT;
    assert_int_equal(link_sample(type, SAMPLE_DISTINCT, &sample), RC_OK);
    sample.p[LINK_HEADER_BYTES + at] = (char)value;
    struct link_frame f = {type, 0, str_from(buf_str(&sample), LINK_HEADER_BYTES)};
    assert_int_equal(link_recode(&f, &out), RC_PROTOCOL);
    assert_int_equal(out.len, 0);
    buf_release(&sample);
    buf_release(&out);
}

static void test_link_values_that_index_tables_are_checked(void **state)
{
    (void)state;
    assert_refused(LINK_ADOPT, 20, DIALECT_COUNT);
    assert_refused(LINK_LOGIN, 8, DIALECT_COUNT);
    assert_refused(LINK_GAP, 20, 0);
    assert_refused(LINK_GAP, 20, LINK_GAP_MALFORMED + 1);
    assert_refused(LINK_POLL, 0, 0);
    assert_refused(LINK_POLL, 0, 3);
    assert_refused(LINK_POLL_REPLY, 0, 0xff);
    assert_refused(LINK_EVENT, 0, LINK_TO_SLOTS_NUMBERED + 1);
    assert_refused(LINK_EVENT, 1, 0xff); /* more slots than bytes */
    assert_refused(LINK_WELCOME, 32, 2);
    assert_refused(LINK_PRESENCE, 14, 2);
}

static void test_link_slots_are_read_one_by_one(void **state)
{
    (void)state;
    struct link_recipients plain = {LINK_TO_SLOTS, 0, 2, {"\0\0\0\1\0\0\1\0", 8}};
    struct link_recipients numbered = {LINK_TO_SLOTS_NUMBERED, 0, 1, {"\0\0\0\1\0\0\1\0", 8}};
    uint32_t number = 5;
    assert_int_equal(link_slot_at(&plain, 1, &number), 256);
    assert_int_equal(number, 0);
    assert_int_equal(link_slot_at(&plain, 0, NULL), 1);
    assert_int_equal(link_slot_at(&numbered, 0, &number), 1);
    assert_int_equal(number, 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_def_has_a_codec_for_every_row),
        cmocka_unit_test(test_link_messages_round_trip_with_extreme_values),
        cmocka_unit_test(test_link_messages_refuse_every_truncation_and_a_tail),
        cmocka_unit_test(test_link_hello_has_the_bytes_of_its_row),
        cmocka_unit_test(test_link_event_has_the_bytes_of_its_row),
        cmocka_unit_test(test_link_adopt_fields_come_back),
        cmocka_unit_test(test_link_hello_of_another_version_is_readable_enough),
        cmocka_unit_test(test_link_hello_of_a_newer_minor_may_say_more),
        cmocka_unit_test(test_link_lists_are_cut_and_never_overfill_the_room),
        cmocka_unit_test(test_link_texts_longer_than_their_length_field_are_cut),
        cmocka_unit_test(test_link_values_that_index_tables_are_checked),
        cmocka_unit_test(test_link_slots_are_read_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
