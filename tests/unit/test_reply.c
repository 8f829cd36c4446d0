/* The JSON objects of the API, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rest/reply.h"
#include "shared/json.h"
#include "shared/chat_room.h"

#define AT_US ((uint64_t)1705314600123456) /* 2024-01-15T10:30:00.123456Z, 65a50928 */

static const struct user_view ann = {
    .id = 123, .created_us = AT_US, .username = {"ann", 3}, .name = {"Ann \"A\"", 7}};

static void expect(struct buf *out, const char *json)
{
    assert_true(buf_ok(out));
    assert_string_equal(out->p, json);
    buf_release(out);
}

static struct message_view message(void)
{
    return (struct message_view){
        .id = 9,
        .chat_id = 1,
        .chat_created_us = AT_US,
        .seq = 4,
        .created_us = AT_US,
        .sender = ann,
        .kind = STR("text"),
        .content = STR("hi/\n"),
    };
}

static void test_reply_user_me_account(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    reply_user(&out, &ann);
    expect(&out, "{\"user_id\":\"65a50928010000000000007b\",\"username\":\"ann\",\"name\":\"Ann \\\"A\\\"\"}");
    reply_me(&out, &ann);
    expect(&out, "{\"user_id\":\"65a50928010000000000007b\",\"username\":\"ann\",\"name\":\"Ann \\\"A\\\"\","
                 "\"created_at\":\"2024-01-15T10:30:00Z\"}");
    reply_account(&out, &ann);
    expect(&out, "{\"user_id\":\"65a50928010000000000007b\",\"username\":\"ann\",\"name\":\"Ann \\\"A\\\"\","
                 "\"created_at\":\"2024-01-15T10:30:00Z\",\"id\":123,\"disabled\":false}");
}

static void test_reply_message_shows_flags_only_when_set(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct message_view m = message();
    reply_message(&out, &m, false);
    expect(&out, "{\"message_id\":\"65a509280300000000000009\",\"chat_id\":\"65a509280200000000000001\","
                 "\"seq\":4,\"sender_id\":\"65a50928010000000000007b\",\"sender_name\":\"Ann \\\"A\\\"\","
                 "\"content\":\"hi/\\n\",\"message_type\":\"text\",\"created_at\":\"2024-01-15T10:30:00Z\"}");
    m.flags = MESSAGE_EDITED | MESSAGE_DELETED;
    m.content = STR("");
    reply_message(&out, &m, true);
    json_key_u64(&out, "more", 1);
    buf_add_char(&out, '}');
    expect(&out, "{\"message_id\":\"65a509280300000000000009\",\"chat_id\":\"65a509280200000000000001\","
                 "\"seq\":4,\"sender_id\":\"65a50928010000000000007b\",\"sender_name\":\"Ann \\\"A\\\"\","
                 "\"content\":\"\",\"message_type\":\"text\",\"created_at\":\"2024-01-15T10:30:00Z\","
                 "\"is_edited\":true,\"is_deleted\":true,\"more\":1}");
}

static struct chat_view chat(void)
{
    return (struct chat_view){
        .id = 1,
        .created_us = AT_US,
        .updated_us = AT_US + 61000000,
        .last_seq = 4,
        .kind = CHAT_GROUP,
        .name = STR("Team"),
        .members_count = 3,
        .read_seq = 2,
        .unread = 2,
        .role = ROLE_OWNER,
    };
}

static void test_reply_room_is_the_shared_object(void **state)
{
    (void)state;
    struct buf out = BUF_INIT, frame = BUF_INIT;
    struct chat_view c = chat();
    struct chat_room room = {c.id, c.created_us, c.updated_us, c.name};
    reply_room(&out, &c);
    chat_room_add(&frame, &room);
    assert_string_equal(out.p, frame.p);
    buf_release(&frame);
    expect(&out, "{\"chat_id\":\"65a509280200000000000001\",\"chat_name\":\"Team\","
                 "\"last_updated\":\"2024-01-15T10:31:01Z\"}");
}

static void test_reply_chat(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct chat_view c = chat();
    struct message_view m = message();
    reply_chat(&out, &c);
    expect(&out, "{\"chat_id\":\"65a509280200000000000001\",\"chat_name\":\"Team\","
                 "\"last_updated\":\"2024-01-15T10:31:01Z\",\"kind\":\"group\",\"role\":\"owner\","
                 "\"members_count\":3,\"unread_count\":2,\"last_seq\":4,\"read_seq\":2,\"last_message\":null}");
    c.kind = CHAT_DIRECT;
    c.peer = ann;
    c.last = &m;
    reply_chat(&out, &c);
    assert_non_null(strstr(out.p, "\"kind\":\"personal\""));
    assert_non_null(strstr(out.p, "\"peer\":{\"user_id\":\"65a50928010000000000007b\","));
    assert_non_null(strstr(out.p, "\"last_message\":{\"message_id\":"));
    buf_release(&out);
}

static void test_roles_have_names(void **state)
{
    (void)state;
    for (uint8_t role = ROLE_MEMBER; role <= ROLE_OWNER; role++) {
        assert_int_equal(role_parse(str_of(role_name(role))), role);
    }
    assert_int_equal(role_parse(STR("none")), ROLE_NONE);
    assert_int_equal(role_parse(STR("Owner")), ROLE_NONE);
    assert_string_equal(role_name(200), "none");
}

static void test_places_round_trip(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "_", "1_", "_1", "1_0", "1", "1_2_3", "-1_2", "x_y"};
    struct buf out = BUF_INIT;
    struct chat_view c = chat();
    struct chat_place place = {0, 0};
    place_write(&out, &c);
    assert_true(place_read(buf_str(&out), &place));
    assert_int_equal(place.updated_us, c.updated_us);
    assert_int_equal(place.chat_id, c.id);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(place_read(str_of(bad[i]), &place));
    }
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_user_me_account),
        cmocka_unit_test(test_reply_message_shows_flags_only_when_set),
        cmocka_unit_test(test_reply_room_is_the_shared_object),
        cmocka_unit_test(test_reply_chat),
        cmocka_unit_test(test_roles_have_names),
        cmocka_unit_test(test_places_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
