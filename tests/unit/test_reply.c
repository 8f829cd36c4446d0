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
    struct user_view pictured = ann;
    pictured.profile_url = STR("https://x.org/\"");
    reply_profile(&out, &pictured);
    expect(&out, "{\"user_id\":\"65a50928010000000000007b\",\"username\":\"ann\",\"name\":\"Ann \\\"A\\\"\","
                 "\"profile_url\":\"https://x.org/\\\"\"}");
    reply_account(&out, &ann);
    expect(&out, "{\"user_id\":\"65a50928010000000000007b\",\"username\":\"ann\",\"name\":\"Ann \\\"A\\\"\","
                 "\"created_at\":\"2024-01-15T10:30:00Z\",\"id\":123,\"disabled\":false}");
}

static void test_reply_session_and_its_people(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct session_person_view people[] = {{ann, SESSION_HOST}, {ann, SESSION_STAFF}};
    struct session_view x = {.uuid = {{0x6f, 0x9b, 0x1e, 0x2a, 0, 0, 0x41, 0x11, 0x81, 0x22, 1, 2, 3, 4, 5, 6}},
                             .title = STR("P"), .visibility = SESSION_PUBLIC, .role = SESSION_STAFF,
                             .open_registration = true, .attendees = 3, .arrived = 2,
                             .created_us = AT_US, .updated_us = AT_US};
    const char *start = "{\"session_id\":\"6f9b1e2a-0000-4111-8122-010203040506\",\"title\":\"P\",\"visibility\":\"public\","
                        "\"open_registration\":true,\"role\":\"staff\",\"attendees_count\":3,\"checked_in_count\":2,"
                        "\"has_scanner_key\":false,\"dashboard_path\":\"/ws/dashboard/6f9b1e2a-0000-4111-8122-010203040506\","
                        "\"created_at\":\"2024-01-15T10:30:00Z\",\"updated_at\":\"2024-01-15T10:30:00Z\"";
    char whole[1024];
    reply_session(&out, &x);
    snprintf(whole, sizeof(whole), "%s}", start);
    expect(&out, whole);
    x.people = people;
    x.people_count = 2;
    reply_session(&out, &x);
    const char *person = "{\"user_id\":\"65a50928010000000000007b\",\"username\":\"ann\",\"name\":\"Ann \\\"A\\\"\",\"role\":";
    snprintf(whole, sizeof(whole), "%s,\"people\":[%s\"host\"},%s\"staff\"}]}", start, person, person);
    expect(&out, whole);
    struct attendee_view a = {.user = ann, .code = 1, .checkin_us = AT_US};
    reply_attendee(&out, &a);
    expect(&out, "{\"user_id\":\"65a50928010000000000007b\",\"username\":\"ann\",\"name\":\"Ann \\\"A\\\"\","
                 "\"code\":\"000000000001\",\"checked_in_at\":\"2024-01-15T10:30:00Z\"}");
    a = (struct attendee_view){.user = ann};
    reply_attendee(&out, &a);
    expect(&out, "{\"user_id\":\"65a50928010000000000007b\",\"username\":\"ann\",\"name\":\"Ann \\\"A\\\"\","
                 "\"code\":null,\"checked_in_at\":null}");
}

static void test_names_of_roles_and_visibilities(void **state)
{
    (void)state;
    assert_int_equal(session_role_parse(STR("host")), SESSION_HOST);
    assert_int_equal(session_role_parse(STR("staff")), SESSION_STAFF);
    assert_int_equal(session_role_parse(STR("owner")), SESSION_NOBODY);
    assert_int_equal(session_role_parse(STR("")), SESSION_NOBODY);
    assert_string_equal(session_role_name(SESSION_NOBODY), "none");
    assert_int_equal(session_visibility_parse(STR("host")), SESSION_HOSTS);
    assert_int_equal(session_visibility_parse(STR("link")), SESSION_LINK);
    assert_int_equal(session_visibility_parse(STR("public")), SESSION_PUBLIC);
    assert_int_equal(session_visibility_parse(STR("private")), 0);
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
                 "\"members_count\":3,\"open\":false,\"unread_count\":2,\"last_seq\":4,\"read_seq\":2,\"last_message\":null}");
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
        cmocka_unit_test(test_reply_session_and_its_people),
        cmocka_unit_test(test_names_of_roles_and_visibilities),
        cmocka_unit_test(test_reply_message_shows_flags_only_when_set),
        cmocka_unit_test(test_reply_room_is_the_shared_object),
        cmocka_unit_test(test_reply_chat),
        cmocka_unit_test(test_roles_have_names),
        cmocka_unit_test(test_places_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
