/* The batch in flight on top of the cache. */
#include "tests/unit/unit.h"

#include "rest/cache_write.h"
#include "rest/overlay.h"

static struct cache *new_cache(void)
{
    struct cache *c = cache_new();
    cache_put_user(c, &(struct row_user){.id = 1, .username = STR("ann"), .name = STR("Ann")});
    cache_put_user(c, &(struct row_user){.id = 2, .username = STR("bob"), .name = STR("Bob")});
    cache_put_chat(c, &(struct row_chat){.id = 5, .kind = CHAT_GROUP, .last_seq = 9});
    for (uint64_t u = 1; u <= 2; u++) {
        cache_put_member(c, &(struct row_member){.chat_id = 5, .user_id = u, .role = ROLE_MEMBER, .read_seq = u});
    }
    return c;
}

static void test_an_entry_begins_as_the_cache_has_it(void **state)
{
    (void)state;
    struct cache *c = new_cache();
    struct overlay *o = overlay_new(c);
    struct ov_chat *chat = overlay_chat(o, 5);
    assert_true(chat->last_seq == 9 && chat->members_count == 2);
    assert_true(overlay_member(o, chat, 2)->read_seq == 2);
    assert_int_equal(overlay_member(o, chat, 77)->role, ROLE_NONE);
    assert_int_equal(overlay_user(o, 1)->chats_count, 1);
    assert_ptr_equal(overlay_user_named(o, STR("BOB")), overlay_user(o, 2));
    assert_null(overlay_user(o, 3));
    assert_null(overlay_user_named(o, STR("cat")));
    assert_null(overlay_chat(o, 6));
    assert_null(overlay_message(o, 1));
    overlay_free(o);
    cache_free(c);
}

static void test_changes_last_until_the_batch_is_merged(void **state)
{
    (void)state;
    struct cache *c = new_cache();
    struct overlay *o = overlay_new(c);
    overlay_chat(o, 5)->last_seq = 10;
    overlay_add_user(o, &(struct ov_user){.id = 3}, STR("Cat"));
    overlay_put_message(o, &(struct ov_message){.id = 70, .version = 1});
    struct ov_key k = {.user_id = 1, .outcome = {.seq = 4}};
    overlay_add_key(o, &k);
    overlay_user(o, 2)->status = USER_DISABLED;
    assert_true(overlay_chat(o, 5)->last_seq == 10);
    assert_int_equal(overlay_user(o, 2)->status, USER_DISABLED);
    assert_ptr_equal(overlay_user_named(o, STR("cat")), overlay_user(o, 3));
    assert_int_equal(overlay_message(o, 70)->version, 1);
    assert_true(overlay_key(o, 1, &k.key)->outcome.seq == 4);
    overlay_clear(o);
    assert_null(overlay_user_named(o, STR("cat")));
    assert_null(overlay_message(o, 70));
    assert_null(overlay_key(o, 1, &k.key));
    assert_true(overlay_chat(o, 5)->last_seq == 9);
    assert_int_equal(overlay_user(o, 2)->status, USER_ACTIVE);
    overlay_free(o);
    cache_free(c);
}

static void test_a_failed_batch_is_forgotten_whole(void **state)
{
    (void)state;
    struct cache *c = new_cache();
    struct overlay *o = overlay_new(c);
    overlay_rename_user(overlay_user(o, 1), STR("Anna"));
    overlay_rename_user(overlay_user(o, 1), STR("Annie"));
    assert_string_equal(overlay_user(o, 1)->name, "Annie");
    overlay_add_chat(o, &(struct ov_chat){.id = 6, .kind = CHAT_DIRECT, .peer = {1, 2}});
    assert_true(overlay_direct(o, 2, 1) == 6);
    overlay_clear(o);
    assert_true(overlay_direct(o, 2, 1) == 0);
    assert_null(overlay_user(o, 1)->name);
    overlay_free(o);
    cache_free(c);
}

struct seen {
    uint64_t users[8];
    unsigned count;
};

static bool note(void *ctx, uint64_t user_id, uint8_t role)
{
    struct seen *s = ctx;
    assert_true(role != ROLE_NONE);
    s->users[s->count++] = user_id;
    return s->count < 3;
}

static void test_members_are_those_of_both_layers_once(void **state)
{
    (void)state;
    struct cache *c = new_cache();
    struct overlay *o = overlay_new(c);
    struct ov_chat *chat = overlay_chat(o, 5);
    overlay_add_user(o, &(struct ov_user){.id = 3}, STR("cat"));
    overlay_member(o, chat, 1)->role = ROLE_NONE;
    overlay_member(o, chat, 3)->role = ROLE_OWNER;
    overlay_member(o, chat, 4);
    struct seen seen = {0};
    overlay_members(o, chat, note, &seen);
    assert_int_equal(seen.count, 2);
    assert_true(seen.users[0] == 2 && seen.users[1] == 3);
    chat->deleted = true;
    assert_null(overlay_chat(o, 5));
    overlay_free(o);
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_entry_begins_as_the_cache_has_it),
        cmocka_unit_test(test_changes_last_until_the_batch_is_merged),
        cmocka_unit_test(test_a_failed_batch_is_forgotten_whole),
        cmocka_unit_test(test_members_are_those_of_both_layers_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
