/* The objects of the Socket.IO dialect, byte for byte. */
#include "tests/unit/unit.h"

#include "shared/conversation.h"

#define AT 1705314600123456

static void test_a_direct_conversation_has_five_members(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    conversation_add(&out, &(struct conversation){.id = 1, .created_us = AT, .updated_us = AT + 1000000, .user_id = {123, 456}});
    assert_str(buf_str(&out), "{\"id\":1,\"user1_id\":123,\"user2_id\":456,\"created_at\":\"2024-01-15T10:30:00.123Z\","
                              "\"updated_at\":\"2024-01-15T10:30:01.123Z\"}");
    buf_release(&out);
}

static void test_a_group_says_its_name_instead_of_two_users(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    conversation_add(&out, &(struct conversation){.id = 2, .created_us = AT, .updated_us = AT, .is_group = true, .name = STR("a \"b\"")});
    assert_str(buf_str(&out), "{\"id\":2,\"user1_id\":null,\"user2_id\":null,\"created_at\":\"2024-01-15T10:30:00.123Z\","
                              "\"updated_at\":\"2024-01-15T10:30:00.123Z\",\"name\":\"a \\\"b\\\"\",\"is_group\":true}");
    buf_release(&out);
}

static void test_users_and_messages(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    conversation_add_user(&out, &(struct conversation_user){7, STR("ann"), STR("Ann")});
    conversation_add_message(&out, &(struct conversation_message){9, 1, 7, AT, STR("hi\n")});
    assert_str(buf_str(&out), "{\"id\":7,\"username\":\"ann\",\"name\":\"Ann\"}"
                              "{\"id\":9,\"conversation_id\":1,\"sender_id\":7,\"message\":\"hi\\n\","
                              "\"created_at\":\"2024-01-15T10:30:00.123Z\"}");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_direct_conversation_has_five_members),
        cmocka_unit_test(test_a_group_says_its_name_instead_of_two_users),
        cmocka_unit_test(test_users_and_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
