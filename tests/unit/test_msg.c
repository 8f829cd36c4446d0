#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/buf.h"
#include "ws/msg.h"

static void collect(const struct msg *m, uint32_t number, struct buf *out)
{
    char digits[MSG_HOLE_BYTES];
    struct iovec iov[3];
    unsigned n = msg_pieces(m, number, digits, iov);
    buf_clear(out);
    for (unsigned i = 0; i < n; i++) {
        buf_add(out, iov[i].iov_base, iov[i].iov_len);
    }
}

static void test_msg_header_has_the_three_length_forms(void **state)
{
    (void)state;
    static char text[70000];
    static const struct {
        size_t len, header;
        unsigned char bytes[10];
    } cases[] = {
        {0, 2, {0x81, 0}},
        {125, 2, {0x81, 125}},
        {126, 4, {0x81, 126, 0, 126}},
        {65535, 4, {0x81, 126, 0xff, 0xff}},
        {65536, 10, {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
    };
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct msg *m = msg_new(MSG_TEXT, (struct str){text, cases[i].len}, MSG_NO_HOLE);
        assert_int_equal(m->len, cases[i].len + cases[i].header);
        assert_memory_equal(m->bytes, cases[i].bytes, cases[i].header);
        assert_memory_equal(m->bytes + cases[i].header, text, cases[i].len);
        msg_unref(m);
    }
}

static void test_msg_refuses_what_is_too_large(void **state)
{
    (void)state;
    assert_null(msg_new(MSG_TEXT, (struct str){"", MSG_PAYLOAD_MAX_BYTES + 1}, MSG_NO_HOLE));
}

static void test_msg_hole_is_filled_per_receiver(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    static const struct {
        uint32_t number;
        const char *payload;
    } cases[] = {
        {0, "{\"n\":         0,\"m\":1}"},
        {42, "{\"n\":        42,\"m\":1}"},
        {UINT32_MAX, "{\"n\":4294967295,\"m\":1}"},
    };
    struct msg *m = msg_new(MSG_TEXT, STR("{\"n\":          ,\"m\":1}"), 5);
    for (size_t i = 0; i < 3; i++) {
        collect(m, cases[i].number, &out);
        assert_int_equal(out.len, m->len);
        assert_string_equal(out.p + 2, cases[i].payload);
    }
    msg_unref(m);
    buf_release(&out);
}

static void test_msg_hole_may_stand_at_either_end(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct msg *all = msg_new(MSG_TEXT, STR("          "), 0);
    struct msg *last = msg_new(MSG_TEXT, STR("x          "), 1);
    collect(all, 7, &out);
    assert_string_equal(out.p + 2, "         7");
    collect(last, 1234567890, &out);
    assert_string_equal(out.p + 2, "x1234567890");
    msg_unref(all);
    msg_unref(last);
    buf_release(&out);
}

static void test_msg_close_has_code_and_reason(void **state)
{
    (void)state;
    struct msg *m = msg_new_close(4401, "token_expired");
    assert_int_equal(m->len, 2 + 2 + 13);
    assert_memory_equal(m->bytes, "\x88\x0f\x11\x31token_expired", 17);
    msg_unref(m);
}

static void test_msg_lives_as_long_as_somebody_refers_to_it(void **state)
{
    (void)state;
    struct msg *m = msg_new(MSG_BINARY, STR("ab"), MSG_NO_HOLE);
    assert_ptr_equal(msg_ref(m), m);
    msg_unref(m);
    assert_memory_equal(m->bytes, "\x82\x02" "ab", 4);
    msg_unref(m);
    msg_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msg_header_has_the_three_length_forms),
        cmocka_unit_test(test_msg_refuses_what_is_too_large),
        cmocka_unit_test(test_msg_hole_is_filled_per_receiver),
        cmocka_unit_test(test_msg_hole_may_stand_at_either_end),
        cmocka_unit_test(test_msg_close_has_code_and_reason),
        cmocka_unit_test(test_msg_lives_as_long_as_somebody_refers_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
