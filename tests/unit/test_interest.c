#include "tests/unit/unit.h"

#include "ws/interest.h"

static void test_what_happened_before_a_chat_was_subscribed_is_not_for_it(void **state)
{
    (void)state;
    struct interest i = {0};
    assert_false(interest_had_chat(NULL, 5, 100));
    assert_true(interest_add_chat(&i, 5, 100, 10));
    assert_true(interest_add_chat(&i, 3, 200, 10));
    assert_true(interest_add_chat(&i, 5, 300, 10)); /* it has been since 100 */
    assert_false(interest_had_chat(&i, 5, 100));
    assert_true(interest_had_chat(&i, 5, 101));
    assert_true(interest_had_chat(&i, 5, 0));
    assert_false(interest_had_chat(&i, 3, 200));
    assert_true(interest_had_chat(&i, 3, 201));
    assert_false(interest_had_chat(&i, 4, 0));
    assert_true(interest_remove_chat(&i, 3));
    assert_false(interest_had_chat(&i, 3, 500));
    assert_false(interest_had_chat(&i, 5, 100)); /* places move with their chats */
    assert_true(interest_had_chat(&i, 5, 101));
    interest_release(&i);
}

static void test_interest_keeps_chats_sorted_once_and_bounded(void **state)
{
    (void)state;
    struct interest i = {0};
    assert_false(interest_has_chat(NULL, 5));
    assert_false(interest_has_chat(&i, 5));
    for (uint64_t chat = 1; chat <= 100; chat++) {
        assert_true(interest_add_chat(&i, chat * 37 % 101, chat, 100));
        assert_true(interest_add_chat(&i, chat * 37 % 101, chat, 100));
        assert_int_equal(i.chats_count, chat);
    }
    assert_false(interest_add_chat(&i, 500, 0, 100));
    assert_true(interest_add_chat(&i, 50, 0, 100));
    for (uint32_t n = 1; n < i.chats_count; n++) {
        assert_true(i.chats[n - 1].id < i.chats[n].id);
    }
    assert_true(interest_remove_chat(&i, 1));
    assert_true(interest_remove_chat(&i, 100));
    assert_true(interest_remove_chat(&i, 50));
    assert_false(interest_remove_chat(&i, 50));
    assert_false(interest_has_chat(&i, 50));
    assert_true(interest_has_chat(&i, 51));
    assert_int_equal(i.chats_count, 97);
    interest_release(&i);
}

static void test_interest_looks_at_the_focus_and_at_subscriptions(void **state)
{
    (void)state;
    struct interest i = {.focus_chat = 7};
    assert_true(interest_add_chat(&i, 5, 0, 10));
    assert_true(interest_looks_at(&i, 5));
    assert_true(interest_looks_at(&i, 7));
    assert_false(interest_looks_at(&i, 6));
    assert_false(interest_looks_at(NULL, 5));
    interest_release(&i);
}

static void test_interest_remembers_the_typing_of_a_few_chats(void **state)
{
    (void)state;
    struct interest i = {0};
    uint64_t now = 100000;
    for (uint64_t chat = 1; chat <= TYPING_CHATS + 1; chat++) {
        assert_true(interest_types(&i, chat, true, now + chat, 2000, 1000));
        assert_false(interest_types(&i, chat, true, now + chat, 2000, 1000));
    }
    assert_false(interest_types(&i, 2, true, now + 100, 2000, 1000));
    assert_true(interest_types(&i, 1, true, now + 100, 2000, 1000)); /* forgotten for the newest */
    assert_true(interest_types(&i, 2, false, now + 101, 2000, 1000));
    assert_true(interest_types(&i, 3, true, now + 2003, 2000, 1000));
    interest_release(&i);
}

static void test_interest_bounds_what_is_told_of_typing(void **state)
{
    (void)state;
    struct interest i = {0};
    unsigned told = 0;
    for (uint64_t n = 0; n < 1000; n++) {
        told += interest_types(&i, n % 3, n % 2 == 0, 100000 + n, 2000, 5);
    }
    assert_in_range(told, 5, 11);
    interest_release(&i);
}

static void test_interest_filters_what_is_of_a_chat(void **state)
{
    (void)state;
    const struct event message = {.kind = EV_MESSAGE, .chat_id = 5};
    const struct event added = {.kind = EV_MEMBER_ADDED, .chat_id = 5, .subject = {.id = 2}};
    const struct event note = {.kind = EV_NOTIFICATION, .chat_id = 5, .subject = {.id = 2}};
    const struct event upload = {.kind = EV_UPLOAD, .chat_id = 5};
    const struct event presence = {.kind = EV_PRESENCE, .subject = {.id = 2}};
    const struct event created = {.kind = EV_CHAT_CREATED, .chat_id = 5};
    const struct event changed = {.kind = EV_USER_CHANGED, .subject = {.id = 2}};
    assert_true(interest_filters(&message, 2));
    assert_true(interest_filters(&added, 3));
    assert_false(interest_filters(&added, 2));
    assert_false(interest_filters(&note, 2));
    assert_false(interest_filters(&upload, 2));
    assert_false(interest_filters(&presence, 3));
    assert_false(interest_filters(&created, 2));
    assert_false(interest_filters(&changed, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interest_keeps_chats_sorted_once_and_bounded),
        cmocka_unit_test(test_what_happened_before_a_chat_was_subscribed_is_not_for_it),
        cmocka_unit_test(test_interest_looks_at_the_focus_and_at_subscriptions),
        cmocka_unit_test(test_interest_remembers_the_typing_of_a_few_chats),
        cmocka_unit_test(test_interest_bounds_what_is_told_of_typing),
        cmocka_unit_test(test_interest_filters_what_is_of_a_chat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
