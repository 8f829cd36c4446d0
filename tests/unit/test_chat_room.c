#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/chat_room.h"

static void test_chat_room_has_exactly_three_members_in_order(void **state)
{
    (void)state;
    struct chat_room room = {255, 1705314600000000, 1705314600999999, STR("A \"b\"\n/\\ \xc3\xa5")};
    struct buf out = BUF_INIT;
    chat_room_add(&out, &room);
    assert_string_equal(out.p, "{\"chat_id\":\"65a5092802000000000000ff\","
                               "\"chat_name\":\"A \\\"b\\\"\\n/\\\\ \xc3\xa5\","
                               "\"last_updated\":\"2024-01-15T10:30:00Z\"}");
    buf_release(&out);
}

static void test_chat_room_members_fit_into_a_larger_object(void **state)
{
    (void)state;
    struct chat_room room = {1, 0, 0, STR("")};
    struct buf out = BUF_INIT;
    struct buf whole = BUF_INIT;
    buf_add_char(&out, '{');
    chat_room_add_members(&out, &room);
    buf_add_char(&out, '}');
    chat_room_add(&whole, &room);
    assert_string_equal(out.p, whole.p);
    buf_release(&out);
    buf_release(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chat_room_has_exactly_three_members_in_order),
        cmocka_unit_test(test_chat_room_members_fit_into_a_larger_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
