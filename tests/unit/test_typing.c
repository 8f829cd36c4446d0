/* Who is typing where. */
#include "tests/unit/unit.h"

#include "rest/typing.h"

static void test_it_ends_when_it_is_not_said_again(void **state)
{
    (void)state;
    struct typing *t = typing_new(100);
    struct typing_end e;
    assert_false(typing_start(t, 1, 10, 1000, &e));
    assert_false(typing_start(t, 1, 11, 2000, &e));
    assert_false(typing_start(t, 2, 10, 3000, &e));
    assert_false(typing_start(t, 1, 10, 4000, &e)); /* again */
    assert_false(typing_expired(t, 7999, 6000, &e));
    assert_true(typing_expired(t, 8000, 6000, &e));
    assert_true(e.chat_id == 1 && e.user_id == 11);
    assert_true(typing_expired(t, 10000, 6000, &e));
    assert_true(e.chat_id == 2 && e.user_id == 10);
    assert_true(typing_expired(t, 10000, 6000, &e));
    assert_true(e.chat_id == 1 && e.user_id == 10);
    assert_false(typing_expired(t, 10000, 6000, &e));
    typing_free(t);
}

static void test_it_ends_when_it_is_said_and_when_the_user_goes(void **state)
{
    (void)state;
    struct typing *t = typing_new(100);
    struct typing_end e;
    unsigned chats = 0;
    assert_false(typing_stop(t, 1, 10));
    for (uint64_t chat = 1; chat <= 4; chat++) {
        assert_false(typing_start(t, chat, 10, 1000, &e));
    }
    assert_false(typing_start(t, 1, 11, 1000, &e));
    assert_true(typing_stop(t, 4, 10));
    assert_false(typing_stop(t, 4, 10));
    while (typing_gone(t, 10, &e)) {
        assert_int_equal(e.user_id, 10);
        chats |= 1u << e.chat_id;
    }
    assert_int_equal(chats, 2 | 4 | 8);
    assert_true(typing_stop(t, 1, 11));
    assert_false(typing_expired(t, 100000, 0, &e));
    typing_free(t);
}

static void test_there_is_room_for_so_many_only(void **state)
{
    (void)state;
    struct typing *t = typing_new(2);
    struct typing_end e;
    assert_false(typing_start(t, 1, 10, 1, &e));
    assert_false(typing_start(t, 1, 11, 2, &e));
    assert_false(typing_start(t, 1, 10, 3, &e));
    assert_true(typing_start(t, 1, 12, 4, &e));
    assert_true(e.chat_id == 1 && e.user_id == 11);
    assert_false(typing_stop(t, 1, 11));
    assert_true(typing_stop(t, 1, 10));
    typing_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_ends_when_it_is_not_said_again),
        cmocka_unit_test(test_it_ends_when_it_is_said_and_when_the_user_goes),
        cmocka_unit_test(test_there_is_room_for_so_many_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
