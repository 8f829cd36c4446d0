#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>

#include <cmocka.h>

#include "shared/cmd.h"

static uint64_t many[CMD_USERS_MAX + 5];

static struct cmd sample(void)
{
    return (struct cmd){
        .kind = CMD_MESSAGE_SEND,
        .actor_id = 1,
        .has_key = true,
        .key = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
        .chat_id = 2,
        .user_id = 3,
        .message_id = 4,
        .seq = UINT64_MAX,
        .number = 6,
        .number2 = 7,
        .name = STR("text"),
        .content = STR("hello"),
        .secret = STR("stays here"),
        .users = many,
        .users_count = 3,
        .origin_worker = 8,
        .origin_session = 9,
    };
}

static enum rc pass(const struct cmd *c, struct cmd *back, uint64_t **users, struct buf *wire)
{
    buf_clear(wire);
    cmd_encode(wire, c);
    struct rd in = rd_of(wire->p, wire->len);
    enum rc rc = cmd_decode(&in, back, users);
    assert_true(rc != RC_OK || in.left == 0);
    return rc;
}

static void test_cmd_round_trips_without_its_secrets(void **state)
{
    (void)state;
    struct cmd c = sample(), back;
    struct buf wire = BUF_INIT;
    uint64_t *users;
    many[0] = 11;
    many[1] = UINT64_MAX;
    many[2] = 11;
    assert_int_equal(pass(&c, &back, &users, &wire), RC_OK);
    assert_int_equal(back.kind, c.kind);
    assert_int_equal(back.actor_id, c.actor_id);
    assert_true(back.has_key && key16_eq(&back.key, &c.key));
    assert_int_equal(back.chat_id, c.chat_id);
    assert_int_equal(back.user_id, c.user_id);
    assert_int_equal(back.message_id, c.message_id);
    assert_int_equal(back.seq, c.seq);
    assert_int_equal(back.number, c.number);
    assert_int_equal(back.number2, c.number2);
    assert_true(str_eq(back.name, c.name));
    assert_true(str_eq(back.content, c.content));
    assert_int_equal(back.secret.len, 0);
    assert_int_equal(back.users_count, 3);
    assert_ptr_equal(back.users, users);
    assert_memory_equal(users, many, 3 * sizeof(many[0]));
    assert_int_equal(back.origin_worker, c.origin_worker);
    assert_int_equal(back.origin_session, c.origin_session);
    free(users);
    buf_release(&wire);
}

static void test_cmd_without_key_and_users(void **state)
{
    (void)state;
    struct cmd c = {.kind = CMD_TYPING}, back;
    struct buf wire = BUF_INIT;
    uint64_t *users;
    assert_int_equal(pass(&c, &back, &users, &wire), RC_OK);
    assert_false(back.has_key);
    assert_null(users);
    buf_release(&wire);
}

static void test_cmd_of_users_and_tokens_never_crosses_the_link(void **state)
{
    (void)state;
    struct buf wire = BUF_INIT;
    for (unsigned kind = 0; kind < 256; kind++) {
        struct cmd c = {.kind = (uint8_t)kind}, back;
        uint64_t *users;
        bool allowed = (kind >= CMD_CHAT_CREATE_DIRECT && kind <= CMD_READ) ||
                       kind == CMD_TYPING || kind == CMD_FOCUS;
        assert_int_equal(pass(&c, &back, &users, &wire), allowed ? RC_OK : RC_PROTOCOL);
    }
    buf_release(&wire);
}

static void test_cmd_refuses_every_truncation(void **state)
{
    (void)state;
    struct cmd c = sample();
    struct buf wire = BUF_INIT;
    cmd_encode(&wire, &c);
    for (size_t len = 0; len < wire.len; len++) {
        struct rd in = rd_of(wire.p, len);
        struct cmd back;
        uint64_t *users;
        assert_int_equal(cmd_decode(&in, &back, &users), RC_PROTOCOL);
        assert_int_equal(in.left, len);
    }
    buf_release(&wire);
}

static void test_cmd_user_list_is_bounded_on_both_sides(void **state)
{
    (void)state;
    struct cmd c = {.kind = CMD_MEMBER_ADD, .users = many}, back;
    struct buf wire = BUF_INIT;
    uint64_t *users;
    c.users_count = CMD_USERS_MAX + 5;
    assert_int_equal(pass(&c, &back, &users, &wire), RC_OK);
    assert_int_equal(back.users_count, CMD_USERS_MAX);
    free(users);
    /* A count that the encoder never writes, with all its bytes there. */
    size_t count_at = wire.len - CMD_USERS_MAX * sizeof(uint64_t) - 4;
    buf_add_be64(&wire, 1);
    uint32_t more = CMD_USERS_MAX + 1;
    char be[4] = {(char)(more >> 24), (char)(more >> 16), (char)(more >> 8), (char)more};
    memcpy(wire.p + count_at, be, 4);
    struct rd in = rd_of(wire.p, wire.len);
    assert_int_equal(cmd_decode(&in, &back, &users), RC_TOO_BIG);
    buf_release(&wire);
}

static void test_cmd_refuses_a_flag_that_is_no_bool(void **state)
{
    (void)state;
    struct cmd c = sample(), back;
    struct buf wire = BUF_INIT;
    uint64_t *users;
    cmd_encode(&wire, &c);
    wire.p[1] = 2;
    struct rd in = rd_of(wire.p, wire.len);
    assert_int_equal(cmd_decode(&in, &back, &users), RC_PROTOCOL);
    buf_release(&wire);
}

static void test_outcome_round_trips(void **state)
{
    (void)state;
    struct outcome o = {CODE_KEY_REUSED, true, 1, 2, 3, 4, 5, UINT64_MAX, 7}, back;
    struct buf wire = BUF_INIT;
    outcome_encode(&wire, &o);
    struct rd in = rd_of(wire.p, wire.len);
    assert_int_equal(outcome_decode(&in, &back), RC_OK);
    assert_int_equal(in.left, 0);
    assert_int_equal(back.code, o.code);
    assert_true(back.created);
    assert_int_equal(back.event_id, 1);
    assert_int_equal(back.chat_id, 2);
    assert_int_equal(back.user_id, 3);
    assert_int_equal(back.message_id, 4);
    assert_int_equal(back.seq, 5);
    assert_int_equal(back.at_us, UINT64_MAX);
    assert_int_equal(back.number, 7);
    for (size_t len = 0; len < wire.len; len++) {
        in = rd_of(wire.p, len);
        assert_int_equal(outcome_decode(&in, &back), RC_PROTOCOL);
    }
    buf_release(&wire);
}

static void test_outcome_with_a_newer_code_is_internal(void **state)
{
    (void)state;
    struct outcome o = {0}, back;
    struct buf wire = BUF_INIT;
    outcome_encode(&wire, &o);
    wire.p[0] = (char)0xff;
    struct rd in = rd_of(wire.p, wire.len);
    assert_int_equal(outcome_decode(&in, &back), RC_OK);
    assert_int_equal(back.code, CODE_INTERNAL);
    buf_release(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cmd_round_trips_without_its_secrets),
        cmocka_unit_test(test_cmd_without_key_and_users),
        cmocka_unit_test(test_cmd_of_users_and_tokens_never_crosses_the_link),
        cmocka_unit_test(test_cmd_refuses_every_truncation),
        cmocka_unit_test(test_cmd_user_list_is_bounded_on_both_sides),
        cmocka_unit_test(test_cmd_refuses_a_flag_that_is_no_bool),
        cmocka_unit_test(test_outcome_round_trips),
        cmocka_unit_test(test_outcome_with_a_newer_code_is_internal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
