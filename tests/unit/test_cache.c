/* The cache against a naive mirror: random members, messages, deletions and cursors. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "rest/cache_write.h"
#include "shared/cmd.h"
#include "shared/mem.h"

enum { USERS = 40, CHATS = 25, SEQS = 400, STEPS = 60000 };

struct mirror_member {
    bool in;
    uint8_t role;
    uint64_t joined, read;
};
struct mirror_chat {
    bool deleted;
    uint64_t last_seq;
    uint8_t sender[SEQS + 1]; /* user index + 1 */
    bool gone[SEQS + 1];
    struct mirror_member members[USERS];
};

static struct mirror_chat mirror[CHATS];
static uint64_t seed = 88172645463325252u;

static unsigned pick(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 20) % below);
}

static uint64_t user_id(unsigned u)
{
    return 1000 + u * 7;
}

static uint64_t chat_id(unsigned c)
{
    return 5000 + c * 3;
}

static uint64_t expected_unread(const struct mirror_chat *c, unsigned user)
{
    const struct mirror_member *m = &c->members[user];
    uint64_t from = m->read > m->joined ? m->read : m->joined, n = 0;
    for (uint64_t seq = from + 1; seq <= c->last_seq; seq++) {
        n += c->sender[seq] != user + 1 && !c->gone[seq];
    }
    return n;
}

static uint32_t own_upto(const struct mirror_chat *c, unsigned user, uint64_t seq)
{
    uint32_t n = 0;
    for (uint64_t s = c->members[user].joined + 1; s <= seq; s++) {
        n += c->sender[s] == user + 1;
    }
    return n;
}

static void step(struct cache *cache)
{
    unsigned c = pick(CHATS), u = pick(USERS);
    struct mirror_chat *chat = &mirror[c];
    struct mirror_member *m = &chat->members[u];
    uint32_t chat_at = cache_chat_index(cache, chat_id(c)), user_at = cache_user_index(cache, user_id(u));
    if (chat->deleted) {
        assert_int_equal(chat_at, CACHE_NONE);
        return;
    }
    unsigned what = pick(100);
    if (what < 15 && !m->in) {
        *m = (struct mirror_member){true, ROLE_MEMBER, chat->last_seq, chat->last_seq};
        cache_put_member(cache, &(struct row_member){.chat_id = chat_id(c), .user_id = user_id(u), .role = ROLE_MEMBER,
                                                     .joined_seq = m->joined, .read_seq = m->read});
    } else if (what < 20) {
        m->in = false;
        cache_drop_member(cache, chat_at, user_at);
    } else if (what < 70 && m->in && chat->last_seq < SEQS) {
        chat->sender[++chat->last_seq] = (uint8_t)(u + 1);
        cache_add_message(cache, chat_at, user_at, chat->last_seq, chat->last_seq + 100, chat->last_seq * 10);
    } else if (what < 80 && chat->last_seq > 0) {
        uint64_t seq = 1 + pick((unsigned)chat->last_seq);
        if (!chat->gone[seq]) {
            chat->gone[seq] = true;
            cache_add_deletion(cache, chat_at, seq, cache_user_index(cache, user_id(chat->sender[seq] - 1u)));
        }
    } else if (m->in && chat->last_seq > m->read) {
        uint64_t seq = m->read + 1 + pick((unsigned)(chat->last_seq - m->read));
        cache_set_read(cache, chat_at, user_at, seq, own_upto(chat, u, seq));
        m->read = seq;
    } else if (what == 99 && pick(40) == 0) {
        chat->deleted = true;
        cache_delete_chat(cache, chat_at);
    }
}

static void compare_chat(const struct cache *cache, unsigned c)
{
    const struct mirror_chat *chat = &mirror[c];
    const struct cache_chat *cached = cache_chat(cache, cache_chat_index(cache, chat_id(c)));
    if (chat->deleted) {
        assert_null(cached);
        assert_non_null(cache_chat_ever(cache, chat_id(c)));
        return;
    }
    assert_true(cached->last_seq == chat->last_seq);
    uint32_t members = 0;
    for (unsigned u = 0; u < USERS; u++) {
        const struct cache_member *m = cache_member(cached, cache_user_index(cache, user_id(u)));
        assert_true((m != NULL) == chat->members[u].in);
        if (m != NULL) {
            members++;
            assert_true(m->read_seq == chat->members[u].read && m->joined_seq == chat->members[u].joined);
            assert_true(cache_unread(cached, m) == expected_unread(chat, u));
            assert_true(cached->joined_max >= m->joined_seq);
        }
    }
    assert_int_equal(members, cached->members_count);
    for (uint32_t i = 1; i < cached->members_count; i++) {
        assert_true(cached->members[i - 1].user < cached->members[i].user);
    }
}

static void compare_users(const struct cache *cache)
{
    for (unsigned u = 0; u < USERS; u++) {
        const struct cache_user *user = cache_user(cache, cache_user_index(cache, user_id(u)));
        uint32_t expected = 0;
        for (unsigned c = 0; c < CHATS; c++) {
            expected += !mirror[c].deleted && mirror[c].members[u].in;
        }
        assert_int_equal(user->chats_count, expected);
        for (uint32_t i = 0; i < user->chats_count; i++) {
            assert_non_null(cache_member(cache_chat(cache, user->chats[i]), cache_user_index(cache, user_id(u))));
        }
    }
}

static void test_members_messages_and_unread_equal_a_naive_mirror(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    for (unsigned u = USERS; u-- > 0;) { /* not in the order of ids */
        char name[16];
        snprintf(name, sizeof(name), "User%u", u);
        cache_put_user(cache, &(struct row_user){.id = user_id(u), .username = str_of(name), .name = str_of(name)});
    }
    for (unsigned c = 0; c < CHATS; c++) {
        cache_put_chat(cache, &(struct row_chat){.id = chat_id(c), .kind = CHAT_GROUP, .name = STR("g")});
    }
    for (unsigned i = 0; i < STEPS; i++) {
        step(cache);
        if (i % 500 == 0) {
            compare_chat(cache, pick(CHATS));
        }
    }
    for (unsigned c = 0; c < CHATS; c++) {
        compare_chat(cache, c);
    }
    compare_users(cache);
    cache_free(cache);
}

static void test_names_are_found_whatever_their_case(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    uint32_t ann = cache_put_user(cache, &(struct row_user){.id = 5, .username = STR("Ann"), .name = STR("Ann A.")});
    assert_int_equal(cache_user_by_name(cache, STR("aNN")), ann);
    assert_int_equal(cache_user_by_name(cache, STR("anna")), CACHE_NONE);
    assert_int_equal(cache_user_by_name(cache, STR("")), CACHE_NONE);
    /* An update changes no identity. */
    assert_int_equal(cache_put_user(cache, &(struct row_user){.id = 5, .name = STR("Ann B."), .status = USER_DISABLED}), ann);
    assert_str(str_of(cache_user(cache, ann)->username), "Ann");
    assert_str(str_of(cache_user(cache, ann)->name), "Ann B.");
    assert_int_equal(cache_user_index(cache, 0), CACHE_NONE);
    assert_null(cache_user(cache, CACHE_NONE));
    cache_free(cache);
}

static void test_a_direct_chat_is_found_from_both_sides_until_it_is_deleted(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    cache_put_user(cache, &(struct row_user){.id = 9, .username = STR("b"), .name = STR("Bob")});
    cache_put_user(cache, &(struct row_user){.id = 4, .username = STR("a"), .name = STR("Ann")});
    uint32_t chat = cache_put_chat(cache, &(struct row_chat){.id = 1, .kind = CHAT_DIRECT, .peer = {4, 9}});
    cache_put_member(cache, &(struct row_member){.chat_id = 1, .user_id = 4, .role = ROLE_MEMBER});
    cache_put_member(cache, &(struct row_member){.chat_id = 1, .user_id = 9, .role = ROLE_MEMBER});
    cache_put_member(cache, &(struct row_member){.chat_id = 1, .user_id = 77, .role = ROLE_MEMBER}); /* nobody */
    cache_put_member(cache, &(struct row_member){.chat_id = 77, .user_id = 4, .role = ROLE_MEMBER}); /* nowhere */
    assert_int_equal(cache_direct_chat(cache, 9, 4), chat);
    assert_int_equal(cache_direct_chat(cache, 4, 9), chat);
    const struct cache_chat *c = cache_chat(cache, chat);
    assert_int_equal(c->members_count, 2);
    assert_str(cache_chat_name(cache, c, cache_user_index(cache, 4)), "Bob");
    assert_str(cache_chat_name(cache, c, cache_user_index(cache, 9)), "Ann");
    cache_delete_chat(cache, chat);
    assert_int_equal(cache_direct_chat(cache, 4, 9), CACHE_NONE);
    assert_int_equal(cache_user(cache, 0)->chats_count, 0);
    uint32_t next = cache_put_chat(cache, &(struct row_chat){.id = 2, .kind = CHAT_DIRECT, .peer = {4, 9}});
    assert_int_equal(cache_direct_chat(cache, 4, 9), next);
    cache_free(cache);
}

static void test_what_last_updated_shows(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    uint32_t chat = cache_put_chat(cache, &(struct row_chat){.id = 1, .kind = CHAT_GROUP, .created_us = 10});
    assert_true(cache_chat_updated(cache_chat(cache, chat)) == 10);
    cache_add_message(cache, chat, CACHE_NONE, 1, 9, 30);
    assert_true(cache_chat_updated(cache_chat(cache, chat)) == 30);
    cache_rename_chat(cache, chat, &(struct row_chat){.name = STR("new"), .renamed_us = 40});
    assert_true(cache_chat_updated(cache_chat(cache, chat)) == 40);
    assert_str(cache_chat_name(cache, cache_chat(cache, chat), 0), "new");
    assert_false(cache_chat(cache, chat)->is_open);
    cache_rename_chat(cache, chat, &(struct row_chat){.open = CMD_FLAG_ON, .renamed_us = 50});
    assert_true(cache_chat(cache, chat)->is_open);
    assert_str(cache_chat_name(cache, cache_chat(cache, chat), 0), "new");
    cache_rename_chat(cache, chat, &(struct row_chat){.name = STR("newer"), .renamed_us = 60});
    assert_true(cache_chat(cache, chat)->is_open);
    cache_free(cache);
}

static void open_it(struct cache *cache, uint32_t chat, enum cmd_flag open)
{
    cache_rename_chat(cache, chat, &(struct row_chat){.open = open, .renamed_us = 50});
}

static void test_open_groups_are_found_in_order(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    uint32_t chats[40];
    assert_true(cache_open_chat_after(cache, 0) == CACHE_NONE);
    for (uint32_t i = 0; i < 40; i++) { /* ids 10, 20 ..; each third one is open from the start */
        enum cmd_flag open = i % 3 == 0 ? CMD_FLAG_ON : CMD_FLAG_OFF;
        chats[i] = cache_put_chat(cache, &(struct row_chat){.id = 10 * (i + 1), .kind = CHAT_GROUP, .open = open});
    }
    open_it(cache, chats[7], CMD_FLAG_ON);
    open_it(cache, chats[7], CMD_FLAG_ON);
    open_it(cache, chats[3], CMD_FLAG_OFF);
    open_it(cache, chats[4], CMD_FLAG_OFF);
    cache_delete_chat(cache, chats[6]);
    uint64_t expected[] = {10, 80, 100, 130, 160, 190, 220, 250, 280, 310, 340, 370, 400};
    uint64_t after = 0;
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        uint32_t next = cache_open_chat_after(cache, after);
        assert_true(next != CACHE_NONE && cache_chat(cache, next)->id == expected[i]);
        after = expected[i] + 5 * (i % 2); /* also when what was there is gone */
    }
    assert_true(cache_open_chat_after(cache, after) == CACHE_NONE);
    cache_free(cache);
}

static void test_tokens_end_with_their_user_family_or_time(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    cache_put_user(cache, &(struct row_user){.id = 1, .username = STR("a"), .valid_from_us = 100});
    cache_put_user(cache, &(struct row_user){.id = 2, .username = STR("b"), .status = USER_DISABLED});
    assert_int_equal(cache_token_state(cache, 1, 0, 100), CODE_OK);
    assert_int_equal(cache_token_state(cache, 1, 0, 99), CODE_TOKEN_REVOKED);
    assert_int_equal(cache_token_state(cache, 2, 0, 100), CODE_USER_DISABLED);
    assert_int_equal(cache_token_state(cache, 3, 0, 100), CODE_USER_NOT_FOUND);
    cache_revoke_family(cache, 7, 50);
    cache_revoke_family(cache, 8, 60);
    assert_int_equal(cache_token_state(cache, 1, 7, 100), CODE_TOKEN_REVOKED);
    cache_trim_revoked(cache, 60);
    assert_int_equal(cache_token_state(cache, 1, 7, 100), CODE_OK);
    assert_int_equal(cache_token_state(cache, 1, 8, 100), CODE_TOKEN_REVOKED);
    cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_messages_and_unread_equal_a_naive_mirror),
        cmocka_unit_test(test_names_are_found_whatever_their_case),
        cmocka_unit_test(test_a_direct_chat_is_found_from_both_sides_until_it_is_deleted),
        cmocka_unit_test(test_what_last_updated_shows),
        cmocka_unit_test(test_open_groups_are_found_in_order),
        cmocka_unit_test(test_tokens_end_with_their_user_family_or_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
