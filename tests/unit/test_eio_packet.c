/* Engine.IO packets: text frames, polling payloads in and out. */
#include "tests/unit/unit.h"

#include "ws/eio_packet.h"

static void test_eio_text_frames_are_packets(void **state)
{
    (void)state;
    struct eio_packet p;
    assert_int_equal(eio_read_text(STR("4hello"), &p), RC_OK);
    assert_int_equal(p.type, EIO_MESSAGE);
    assert_false(p.binary);
    assert_str(p.data, "hello");
    assert_int_equal(eio_read_text(STR("2probe"), &p), RC_OK);
    assert_int_equal(p.type, EIO_PING);
    assert_int_equal(eio_read_text(STR("3"), &p), RC_OK);
    assert_str(p.data, "");
    static const char *const bad[] = {"", "0{}", "7", "abc", "b4", " 4", "\xff"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(eio_read_text(str_of(bad[i]), &p), RC_INVALID);
    }
}

static void test_eio_payload_is_read_packet_by_packet(void **state)
{
    (void)state;
    struct eio_reader r;
    struct eio_packet p;
    eio_reader_init(&r, STR("4hello\x1e" "2\x1e" "bAQIDBA==\x1e" "4"), 10);
    assert_int_equal(eio_reader_next(&r, &p), RC_OK);
    assert_str(p.data, "hello");
    assert_int_equal(eio_reader_next(&r, &p), RC_OK);
    assert_int_equal(p.type, EIO_PING);
    assert_int_equal(eio_reader_next(&r, &p), RC_OK);
    assert_true(p.binary);
    assert_str(p.data, "\1\2\3\4");
    assert_int_equal(eio_reader_next(&r, &p), RC_OK);
    assert_str(p.data, "");
    assert_int_equal(eio_reader_next(&r, &p), RC_CLOSED);
    assert_int_equal(eio_reader_next(&r, &p), RC_CLOSED);
    eio_reader_release(&r);
}

static enum rc first(struct str payload, unsigned max)
{
    struct eio_reader r;
    struct eio_packet p;
    eio_reader_init(&r, payload, max);
    enum rc rc = eio_reader_next(&r, &p);
    while (rc == RC_OK) {
        rc = eio_reader_next(&r, &p);
    }
    eio_reader_release(&r);
    return rc;
}

static void test_eio_payload_refuses_what_is_no_packet(void **state)
{
    (void)state;
    assert_int_equal(first(STR("4a"), 1), RC_CLOSED);
    assert_int_equal(first(STR("4a\x1e" "4b"), 1), RC_TOO_BIG);
    assert_int_equal(first(STR(""), 5), RC_INVALID);
    assert_int_equal(first(STR_NONE, 5), RC_INVALID);
    assert_int_equal(first(STR("abc"), 5), RC_INVALID);
    assert_int_equal(first(STR("4a\x1e"), 5), RC_INVALID);
    assert_int_equal(first(STR("\x1e" "4a"), 5), RC_INVALID);
    assert_int_equal(first(STR("4\xc3"), 5), RC_INVALID);
    assert_int_equal(first(STR("b"), 5), RC_CLOSED);
    static const char *const bad[] = {"b=", "bA", "bAA", "bAAA", "bAQIDBA=", "bAQIDBA", "bAQID BA==", "bAQIDBA==x", "bAQIDBB==", "bAQ-_", "bA\257ID"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(first(str_of(bad[i]), 5), RC_INVALID);
    }
}

static void test_eio_payload_is_written_as_it_is_read(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    eio_payload_text(&out, STR("4hello"));
    eio_payload_binary(&out, STR("\1\2\3\4"));
    eio_payload_text(&out, STR("2"));
    eio_payload_binary(&out, STR(""));
    assert_str(buf_str(&out), "4hello\x1e" "bAQIDBA==\x1e" "2\x1e" "b");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eio_text_frames_are_packets),
        cmocka_unit_test(test_eio_payload_is_read_packet_by_packet),
        cmocka_unit_test(test_eio_payload_refuses_what_is_no_packet),
        cmocka_unit_test(test_eio_payload_is_written_as_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
