#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/event.h"
#include "tests/lib/link_recode.h"

static const uint8_t kinds[] = {
    EV_CHAT_CREATED,   EV_CHAT_RENAMED,      EV_CHAT_DELETED,          EV_MEMBER_ADDED,
    EV_MEMBER_REMOVED, EV_MEMBER_ROLE,       EV_MESSAGE,               EV_MESSAGE_EDITED,
    EV_MESSAGE_DELETED, EV_READ,             EV_USER_CREATED,          EV_USER_CHANGED,
    EV_REVOKED,        EV_NOTIFICATION,      EV_NOTIFICATION_READ,     EV_NOTIFICATION_READ_ALL,
    EV_NOTIFICATION_DELETED, EV_CHECKIN,     EV_SESSION, EV_TYPING,               EV_PRESENCE,
    EV_UPLOAD, EV_CHAT_UPDATE,
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static void assert_str(struct str a, struct str b)
{
    assert_true(str_eq(a, b));
}

static void assert_user(const struct event_user *a, const struct event_user *b)
{
    assert_true(a->id == b->id && a->created_us == b->created_us);
    assert_str(a->username, b->username);
    assert_str(a->name, b->name);
}

static void assert_event(const struct event *a, const struct event *b)
{
    assert_int_equal(a->event_id, b->event_id);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->at_us, b->at_us);
    assert_int_equal(a->chat_id, b->chat_id);
    assert_int_equal(a->chat_kind, b->chat_kind);
    assert_int_equal(a->chat_created_us, b->chat_created_us);
    assert_int_equal(a->chat_updated_us, b->chat_updated_us);
    assert_str(a->chat_name, b->chat_name);
    assert_user(&a->peer[0], &b->peer[0]);
    assert_user(&a->peer[1], &b->peer[1]);
    assert_user(&a->actor, &b->actor);
    assert_user(&a->subject, &b->subject);
    assert_int_equal(a->message_id, b->message_id);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->message_flags, b->message_flags);
    assert_int_equal(a->message_created_us, b->message_created_us);
    assert_user(&a->sender, &b->sender);
    assert_str(a->message_kind, b->message_kind);
    assert_str(a->content, b->content);
    assert_str(a->payload, b->payload);
    assert_int_equal(a->note.id, b->note.id);
    assert_int_equal(a->note.created_us, b->note.created_us);
    assert_int_equal(a->note.is_read, b->note.is_read);
    assert_int_equal(a->note.preview, b->note.preview);
    assert_str(a->note.kind, b->note.kind);
    assert_str(a->note.title, b->note.title);
    assert_str(a->note.text, b->note.text);
    assert_true((a->note.link.p == NULL) == (b->note.link.p == NULL));
    assert_str(a->note.link, b->note.link);
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->origin_worker, b->origin_worker);
    assert_int_equal(a->origin_session, b->origin_session);
}

static size_t assert_round_trip(const struct event *e)
{
    struct buf wire = BUF_INIT;
    struct event back;
    event_encode(&wire, e);
    buf_add_z(&wire, "next");
    struct rd in = rd_of(wire.p, wire.len);
    assert_int_equal(event_decode(&in, &back), RC_OK);
    assert_int_equal(in.left, 4);
    assert_event(e, &back);
    size_t len = wire.len - 4;
    buf_release(&wire);
    return len;
}

static void test_event_round_trips_every_kind_with_extreme_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        for (unsigned s = 0; s < SAMPLE_COUNT; s++) {
            struct event e = link_sample_event(kinds[i], (enum link_sample_kind)s);
            assert_round_trip(&e);
        }
    }
}

/* What a chat message looks like as the writer makes it. */
static struct event plain_message(void)
{
    struct event_user anna = {7, 1700000000000000, STR("anna"), STR("Anna Ek")};
    return (struct event){
        .event_id = 1000,
        .kind = EV_MESSAGE,
        .at_us = 1700000001000000,
        .chat_id = 12,
        .chat_kind = CHAT_GROUP,
        .chat_created_us = 1700000000500000,
        .chat_updated_us = 1700000001000000,
        .chat_name = STR("Team"),
        .actor = anna,
        .sender = anna,
        .message_id = 1000,
        .seq = 55,
        .version = 1,
        .message_created_us = 1700000001000000,
        .message_kind = STR("text"),
        .content = STR("hello"),
        .origin_worker = 1,
        .origin_session = 42,
    };
}

static void test_event_of_a_message_is_small(void **state)
{
    (void)state;
    struct event e = plain_message();
    assert_in_range(assert_round_trip(&e), 1, 130);
}

static void test_event_keeps_a_sender_that_is_not_the_actor(void **state)
{
    (void)state;
    struct event e = plain_message();
    e.kind = EV_MESSAGE_DELETED;
    e.sender = (struct event_user){8, 0, STR("bert"), STR("")};
    e.content = STR("");
    e.message_id = 900;
    e.message_flags = MESSAGE_DELETED;
    assert_round_trip(&e);
    e.sender = (struct event_user){0};
    assert_round_trip(&e);
    e.sender = (struct event_user){.name = STR("only a name")};
    assert_round_trip(&e);
}

/* Each field alone, so that no group hides behind another. */
static void test_event_keeps_a_field_that_stands_alone(void **state)
{
    (void)state;
    struct event one[] = {
        {.event_id = 1},         {.at_us = 1},
        {.chat_id = 1},          {.chat_kind = CHAT_DIRECT},
        {.chat_created_us = 1},  {.chat_updated_us = 1},
        {.chat_name = STR("x")}, {.peer[1].id = 1},
        {.peer[1].created_us = 1}, {.actor.id = 1},
        {.actor.name = STR("x")}, {.subject.id = 1},
        {.subject.username = STR("x")}, {.message_id = 1},
        {.version = 1},          {.message_flags = MESSAGE_EDITED},
        {.message_created_us = 1}, {.seq = 1},
        {.sender.id = 1},        {.sender.created_us = 1},
        {.message_kind = STR("x")}, {.content = STR("x")},
        {.payload = STR("x")},   {.number = 1},
        {.origin_worker = 1},    {.origin_session = 1},
        {.note.id = 1},          {.note.created_us = 1},
        {.note.is_read = true},  {.note.preview = PREVIEW_NONE},
        {.note.kind = STR("x")}, {.note.title = STR("x")},
        {.note.text = STR("x")}, {.note.link = STR("x")},
        {.note.link = STR("")},
    };
    for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
        one[i].kind = EV_MESSAGE;
        assert_round_trip(&one[i]);
    }
}

static void test_event_refuses_every_truncation(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct event e = link_sample_event(kinds[i], SAMPLE_DISTINCT);
        struct buf wire = BUF_INIT;
        event_encode(&wire, &e);
        for (size_t len = 0; len < wire.len; len++) {
            struct rd in = rd_of(wire.p, len);
            struct event back = {.event_id = 99};
            assert_int_equal(event_decode(&in, &back), RC_PROTOCOL);
            assert_int_equal(back.event_id, 99);
            assert_int_equal(in.left, len);
        }
        buf_release(&wire);
    }
}

static enum rc decode_word(uint32_t word, size_t zeros)
{
    char bytes[400] = {(char)(word >> 24), (char)(word >> 16), (char)(word >> 8), (char)word};
    struct rd in = rd_of(bytes, 4 + zeros);
    struct event e;
    return event_decode(&in, &e);
}

static void test_event_refuses_unknown_kinds_and_groups(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        bool known = (kind >= 1 && kind <= 19) || (kind >= 32 && kind <= 35);
        assert_int_equal(decode_word(kind << 24, 16), known ? RC_OK : RC_PROTOCOL);
    }
    uint32_t message = (uint32_t)EV_MESSAGE << 24;
    for (unsigned bit = 0; bit < 24; bit++) {
        enum rc rc = decode_word(message | 1u << bit, 380);
        assert_int_equal(rc, bit < 21 ? RC_OK : RC_PROTOCOL);
    }
    assert_int_equal(decode_word(message | 1u << 8 | 1u << 9, 380), RC_PROTOCOL);
    assert_int_equal(decode_word(message | 1u << 11 | 1u << 13, 380), RC_PROTOCOL);
    assert_int_equal(decode_word(message | 1u << 12 | 1u << 13, 380), RC_PROTOCOL);
}

static enum rc decode_again(const struct event *e)
{
    struct buf wire = BUF_INIT;
    struct event back;
    event_encode(&wire, e);
    struct rd in = rd_of(wire.p, wire.len);
    enum rc rc = event_decode(&in, &back);
    buf_release(&wire);
    return rc;
}

static void test_event_refuses_values_out_of_range(void **state)
{
    (void)state;
    struct event kind = {.kind = EV_CHAT_CREATED, .chat_kind = CHAT_GROUP + 1};
    struct event flags = {.kind = EV_MESSAGE, .message_flags = 4};
    struct event added = {.kind = EV_MEMBER_ADDED, .number = ROLE_OWNER + 1};
    struct event role = {.kind = EV_MEMBER_ROLE, .number = UINT64_MAX};
    struct event revoked = {.kind = EV_REVOKED, .number = UINT64_MAX};
    assert_int_equal(decode_again(&kind), RC_PROTOCOL);
    assert_int_equal(decode_again(&flags), RC_PROTOCOL);
    assert_int_equal(decode_again(&added), RC_PROTOCOL);
    assert_int_equal(decode_again(&role), RC_PROTOCOL);
    assert_int_equal(decode_again(&revoked), RC_OK);
}

static void test_event_encode_into_a_full_buffer_adds_nothing(void **state)
{
    (void)state;
    struct event e = plain_message();
    struct buf small = BUF_INIT_MAX(100);
    event_encode(&small, &e);
    assert_false(buf_ok(&small));
    assert_int_equal(small.len, 0);
    buf_release(&small);
}

static void test_event_chat_name_depends_on_the_viewer(void **state)
{
    (void)state;
    struct event e = {
        .kind = EV_CHAT_CREATED,
        .chat_kind = CHAT_DIRECT,
        .peer = {{7, 0, STR("anna"), STR("Anna Ek")}, {8, 0, STR("bert"), STR("")}},
    };
    assert_str(event_chat_name(&e, 8), STR("Anna Ek"));
    assert_str(event_chat_name(&e, 7), STR("bert"));
    assert_str(event_chat_name(&e, 9), STR(""));
    assert_str(event_chat_name(&e, 0), STR(""));
    e.chat_kind = CHAT_GROUP;
    e.chat_name = STR("Team");
    assert_str(event_chat_name(&e, 7), STR("Team"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_round_trips_every_kind_with_extreme_values),
        cmocka_unit_test(test_event_of_a_message_is_small),
        cmocka_unit_test(test_event_keeps_a_sender_that_is_not_the_actor),
        cmocka_unit_test(test_event_keeps_a_field_that_stands_alone),
        cmocka_unit_test(test_event_refuses_every_truncation),
        cmocka_unit_test(test_event_refuses_unknown_kinds_and_groups),
        cmocka_unit_test(test_event_refuses_values_out_of_range),
        cmocka_unit_test(test_event_encode_into_a_full_buffer_adds_nothing),
        cmocka_unit_test(test_event_chat_name_depends_on_the_viewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
