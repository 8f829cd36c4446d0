/* The rules, without a database: decide, pretend to commit, apply, and look at what came of it. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "rest/apply.h"
#include "rest/decide.h"
#include "rest/event_fill.h"
#include "shared/mem.h"

enum { ANN = 1, BOB = 2, CAT = 3, DAN = 4 };

struct world {
    struct rest_conf *conf;
    struct cache *cache;
    struct batch batch;
    struct decider d;
};

static int set_up(void **state)
{
    struct world *w = mem_new(sizeof(*w));
    conf_defaults(rest_conf_keys(&w->conf), rest_conf_keys_count);
    w->cache = cache_new();
    batch_init(&w->batch);
    w->d = (struct decider){
        .conf = w->conf,
        .cache = w->cache,
        .overlay = overlay_new(w->cache),
        .families = families_new(),
        .batch = &w->batch,
        .now_us = 1000000,
        .next_event = 1,
        .next_user = 10,
        .next_chat = 1,
        .next_family = 1,
        .next_session = 1,
    };
    const char *names[] = {"ann", "bob", "cat", "dan"};
    for (uint64_t i = 0; i < 4; i++) {
        cache_put_user(w->cache, &(struct row_user){.id = i + 1,
                                                    .username = str_of(names[i]),
                                                    .name = str_of(names[i])});
    }
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    overlay_free(w->d.overlay);
    families_free(w->d.families);
    batch_release(&w->batch);
    cache_free(w->cache);
    conf_release(rest_conf_keys(&w->conf), rest_conf_keys_count);
    free(w);
    return 0;
}

/* One command in the batch that is being decided. */
static struct outcome decide_one(struct world *w, const struct cmd *c)
{
    struct job *j = job_new(c, NULL, NULL, 0);
    decide(&w->d, j);
    struct outcome o = j->outcome;
    job_free(j);
    return o;
}

/* As the writer does after COMMIT. Texts of freed jobs are not looked at again. */
static void commit(struct world *w)
{
    apply_batch(w->cache, &w->batch);
    for (uint32_t i = 0; i < w->batch.drafts_count; i++) {
        apply_draft(w->cache, &w->batch, &w->batch.drafts[i]);
    }
    w->d.batch_number++;
    families_merged(w->d.families, w->d.batch_number);
    overlay_clear(w->d.overlay);
    batch_clear(&w->batch);
    w->d.now_us += 1000;
}

static void roll_back(struct world *w)
{
    overlay_clear(w->d.overlay);
    families_undo(w->d.families);
    batch_clear(&w->batch);
}

static struct outcome run(struct world *w, const struct cmd *c)
{
    /* The command's texts must live until commit: they are literals here, and jobs copy them, so keep the job. */
    struct job *j = job_new(c, NULL, NULL, 0);
    decide(&w->d, j);
    struct outcome o = j->outcome;
    commit(w);
    job_free(j);
    return o;
}

static struct outcome send(struct world *w, uint64_t who, uint64_t chat, const char *text)
{
    return run(w, &(struct cmd){.kind = CMD_MESSAGE_SEND,
                                .actor_id = who,
                                .chat_id = chat,
                                .name = STR("text"),
                                .content = str_of(text)});
}

static uint64_t group_of(struct world *w, uint64_t owner, const uint64_t *users, uint32_t count)
{
    struct outcome o = run(w, &(struct cmd){.kind = CMD_CHAT_CREATE_GROUP,
                                            .actor_id = owner,
                                            .name = STR("Team"),
                                            .users = users,
                                            .users_count = count});
    assert_int_equal(o.code, CODE_OK);
    return o.chat_id;
}

static const struct cache_member *member(struct world *w, uint64_t chat, uint64_t user)
{
    const struct cache_chat *c = cache_chat(w->cache, cache_chat_index(w->cache, chat));
    return c ? cache_member(c, cache_user_index(w->cache, user)) : NULL;
}

static uint64_t unread(struct world *w, uint64_t chat, uint64_t user)
{
    return cache_unread(cache_chat(w->cache, cache_chat_index(w->cache, chat)), member(w, chat, user));
}

static void test_a_direct_chat_is_one_per_pair(void **state)
{
    struct world *w = *state;
    struct outcome first = run(w, &(struct cmd){.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = ANN, .user_id = BOB});
    assert_int_equal(first.code, CODE_OK);
    assert_true(first.created);
    struct outcome again = run(w, &(struct cmd){.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = BOB, .user_id = ANN});
    assert_int_equal(again.code, CODE_OK);
    assert_false(again.created);
    assert_true(again.chat_id == first.chat_id);
    assert_true(again.event_id == 0);
    assert_int_equal(run(w, &(struct cmd){.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = ANN, .user_id = ANN}).code,
                     CODE_SELF_CHAT);
    assert_int_equal(run(w, &(struct cmd){.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = ANN, .user_id = 99}).code,
                     CODE_USER_NOT_FOUND);
}

static void test_two_commands_of_a_batch_see_each_other(void **state)
{
    struct world *w = *state;
    struct cmd create = {.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = ANN, .user_id = BOB};
    struct cmd back = {.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = BOB, .user_id = ANN};
    struct outcome a = decide_one(w, &create);
    struct outcome b = decide_one(w, &back);
    assert_true(a.created);
    assert_false(b.created);
    assert_true(a.chat_id == b.chat_id);
    assert_int_equal(w->batch.rows.chats_new_count, 1);
    assert_int_equal(cache_chats_count(w->cache), 0); /* nothing shows before the commit */
    commit(w);
    assert_int_equal(cache_chats_count(w->cache), 1);
}

static void test_a_rolled_back_batch_leaves_nothing(void **state)
{
    struct world *w = *state;
    decide_one(w, &(struct cmd){.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = ANN, .user_id = BOB});
    roll_back(w);
    w->d.next_chat = 1;
    w->d.next_event = 1;
    struct outcome o = run(w, &(struct cmd){.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = ANN, .user_id = BOB});
    assert_true(o.created);
    assert_true(o.chat_id == 1);
    assert_true(o.event_id == 1);
}

static void test_messages_are_numbered_densely_and_only_by_members(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB, BOB, ANN}, 3);
    assert_true(send(w, ANN, chat, "1").seq == 1);
    assert_int_equal(send(w, CAT, chat, "x").code, CODE_CHAT_NOT_FOUND);
    assert_int_equal(send(w, ANN, 77, "x").code, CODE_CHAT_NOT_FOUND);
    struct outcome second = send(w, BOB, chat, "2");
    assert_true(second.seq == 2);
    assert_true(second.message_id == second.event_id);
}

static void test_unread_leaves_out_own_and_deleted_messages(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB, CAT}, 2);
    send(w, ANN, chat, "1");
    struct outcome m = send(w, BOB, chat, "2");
    send(w, CAT, chat, "3");
    assert_true(unread(w, chat, ANN) == 2);
    assert_true(unread(w, chat, BOB) == 2);
    struct cmd del = {.kind = CMD_MESSAGE_DELETE, .actor_id = BOB, .chat_id = chat, .message_id = m.message_id};
    struct job *j = job_new(&del, NULL, NULL, 0);
    j->has_message = true;
    j->message = (struct ov_message){.id = m.message_id, .chat_id = chat, .seq = 2, .sender_id = BOB, .version = 1, .kind = "text"};
    decide(&w->d, j);
    assert_int_equal(j->outcome.code, CODE_OK);
    commit(w);
    job_free(j);
    assert_true(unread(w, chat, ANN) == 1);
    assert_true(unread(w, chat, BOB) == 2); /* its own were never counted */
    run(w, &(struct cmd){.kind = CMD_READ, .actor_id = ANN, .chat_id = chat});
    assert_true(unread(w, chat, ANN) == 0);
    send(w, ANN, chat, "4");
    assert_true(unread(w, chat, ANN) == 0);
    send(w, BOB, chat, "5");
    assert_true(unread(w, chat, ANN) == 1);
    /* backwards is no move, and no event */
    struct outcome back = run(w, &(struct cmd){.kind = CMD_READ, .actor_id = ANN, .chat_id = chat, .seq = 1});
    assert_true(back.event_id == 0);
    assert_true(back.seq == 3);
}

static struct cmd keyed_send(uint64_t who, uint64_t chat, const char *text, unsigned char key)
{
    struct cmd c = {.kind = CMD_MESSAGE_SEND, .actor_id = who, .chat_id = chat, .has_key = true,
                    .name = STR("text"), .content = str_of(text)};
    c.key.b[0] = key;
    return c;
}

static void test_the_same_key_is_the_same_message_and_another_body_is_refused(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB}, 1);
    struct cmd first = keyed_send(ANN, chat, "hello", 1), other = keyed_send(ANN, chat, "other", 1);
    struct cmd of_bob = keyed_send(BOB, chat, "hello", 1);
    struct outcome a = decide_one(w, &first), b = decide_one(w, &first), c = decide_one(w, &other);
    struct outcome d = decide_one(w, &of_bob);
    assert_true(a.created);
    assert_false(b.created);
    assert_true(a.message_id == b.message_id);
    assert_int_equal(c.code, CODE_KEY_REUSED);
    assert_true(d.created); /* keys are per user */
    assert_int_equal(w->batch.rows.messages_new_count, 2);
    commit(w);
}

static void test_roles_are_enforced(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB, CAT}, 2);
    struct cmd rename = {.kind = CMD_CHAT_RENAME, .actor_id = BOB, .chat_id = chat, .name = STR("New")};
    assert_int_equal(run(w, &rename).code, CODE_FORBIDDEN);
    struct cmd promote = {.kind = CMD_MEMBER_ROLE, .actor_id = ANN, .chat_id = chat, .user_id = BOB, .number = ROLE_ADMIN};
    assert_int_equal(run(w, &promote).code, CODE_OK);
    assert_int_equal(run(w, &rename).code, CODE_OK);
    uint64_t dan = DAN;
    struct cmd add = {.kind = CMD_MEMBER_ADD, .actor_id = CAT, .chat_id = chat, .users = &dan, .users_count = 1};
    assert_int_equal(run(w, &add).code, CODE_FORBIDDEN);
    add.actor_id = BOB;
    assert_int_equal(run(w, &add).code, CODE_OK);
    assert_int_equal(run(w, &add).code, CODE_ALREADY_MEMBER);
    struct cmd remove = {.kind = CMD_MEMBER_REMOVE, .actor_id = BOB, .chat_id = chat, .user_id = ANN};
    assert_int_equal(run(w, &remove).code, CODE_FORBIDDEN); /* an admin does not remove the owner */
    struct cmd leave = {.kind = CMD_MEMBER_REMOVE, .actor_id = ANN, .chat_id = chat, .user_id = ANN};
    assert_int_equal(run(w, &leave).code, CODE_LAST_OWNER);
    struct cmd erase = {.kind = CMD_CHAT_DELETE, .actor_id = BOB, .chat_id = chat};
    assert_int_equal(run(w, &erase).code, CODE_FORBIDDEN);
    erase.actor_id = ANN;
    assert_int_equal(run(w, &erase).code, CODE_OK);
    assert_int_equal(send(w, BOB, chat, "x").code, CODE_CHAT_NOT_FOUND);
    assert_null(member(w, chat, BOB));
}

static void test_an_open_group_takes_who_comes_by_himself(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB}, 1), cat = CAT, dan = DAN;
    struct cmd join = {.kind = CMD_MEMBER_ADD, .actor_id = CAT, .chat_id = chat, .users = &cat, .users_count = 1};
    struct cmd open = {.kind = CMD_CHAT_RENAME, .actor_id = BOB, .chat_id = chat, .number2 = CMD_FLAG_ON};
    assert_int_equal(run(w, &join).code, CODE_CHAT_NOT_FOUND);
    assert_int_equal(run(w, &open).code, CODE_FORBIDDEN);
    open.actor_id = ANN;
    assert_true(run(w, &open).event_id != 0);
    assert_true(run(w, &open).event_id == 0); /* it is so */
    assert_str(str_of(cache_chat(w->cache, cache_chat_index(w->cache, chat))->name), "Team");
    join.number = ROLE_ADMIN;
    assert_int_equal(run(w, &join).code, CODE_CHAT_NOT_FOUND); /* not in that role */
    join.number = 0;
    join.users = &dan; /* nor with somebody else */
    assert_int_equal(run(w, &join).code, CODE_CHAT_NOT_FOUND);
    join.users = &cat;
    assert_int_equal(run(w, &join).code, CODE_OK);
    assert_int_equal(member(w, chat, CAT)->role, ROLE_MEMBER);
    assert_int_equal(run(w, &join).code, CODE_ALREADY_MEMBER);
    /* Opened and closed within one batch, the last word counts. */
    open.number2 = CMD_FLAG_OFF;
    decide_one(w, &open);
    join.actor_id = DAN;
    join.users = &dan;
    assert_int_equal(run(w, &join).code, CODE_CHAT_NOT_FOUND);
    assert_false(cache_chat(w->cache, cache_chat_index(w->cache, chat))->is_open);
    assert_int_equal(send(w, CAT, chat, "still in").code, CODE_OK);
}

static void test_joining_an_open_group_has_the_limits_of_being_put_there(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB}, 1), cat = CAT;
    struct cmd open = {.kind = CMD_CHAT_RENAME, .actor_id = ANN, .chat_id = chat, .number2 = CMD_FLAG_ON};
    struct cmd join = {.kind = CMD_MEMBER_ADD, .actor_id = CAT, .chat_id = chat, .users = &cat, .users_count = 1};
    assert_int_equal(run(w, &open).code, CODE_OK);
    w->conf->members_max = 2;
    assert_int_equal(run(w, &join).code, CODE_TOO_MANY_MEMBERS);
    w->conf->members_max = 3;
    w->conf->chats_per_user_max = 1;
    group_of(w, CAT, NULL, 0);
    assert_int_equal(run(w, &join).code, CODE_TOO_MANY_CHATS);
    w->conf->chats_per_user_max = 2;
    assert_int_equal(run(w, &join).code, CODE_OK);
}

static void test_who_joins_later_does_not_see_what_was_before(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB}, 1);
    struct outcome before = send(w, ANN, chat, "before");
    uint64_t cat = CAT;
    run(w, &(struct cmd){.kind = CMD_MEMBER_ADD, .actor_id = ANN, .chat_id = chat, .users = &cat, .users_count = 1});
    assert_true(unread(w, chat, CAT) == 0);
    struct cmd read = {.kind = CMD_READ, .actor_id = CAT, .chat_id = chat};
    assert_true(run(w, &read).event_id == 0);
    struct cmd del = {.kind = CMD_MESSAGE_DELETE, .actor_id = CAT, .chat_id = chat, .message_id = before.message_id};
    struct job *j = job_new(&del, NULL, NULL, 0);
    j->has_message = true;
    j->message = (struct ov_message){.id = before.message_id, .chat_id = chat, .seq = 1, .sender_id = ANN, .kind = "text"};
    decide(&w->d, j);
    assert_int_equal(j->outcome.code, CODE_MESSAGE_NOT_FOUND);
    job_free(j);
    commit(w);
}

static void test_leaving_and_coming_back_within_a_batch_is_being_in(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB}, 1);
    uint64_t bob = BOB;
    decide_one(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = ANN, .chat_id = chat, .user_id = BOB});
    struct outcome o = decide_one(w, &(struct cmd){.kind = CMD_MEMBER_ADD, .actor_id = ANN, .chat_id = chat,
                                                   .users = &bob, .users_count = 1});
    assert_int_equal(o.code, CODE_OK);
    commit(w);
    assert_non_null(member(w, chat, BOB));
}

static void test_group_limits(void **state)
{
    struct world *w = *state;
    w->conf->members_max = 3;
    uint64_t all[] = {BOB, CAT, DAN};
    struct cmd big = {.kind = CMD_CHAT_CREATE_GROUP, .actor_id = ANN, .users = all, .users_count = 3};
    assert_int_equal(run(w, &big).code, CODE_TOO_MANY_MEMBERS);
    uint64_t chat = group_of(w, ANN, all, 2);
    uint64_t dan = DAN;
    struct cmd add = {.kind = CMD_MEMBER_ADD, .actor_id = ANN, .chat_id = chat, .users = &dan, .users_count = 1};
    assert_int_equal(run(w, &add).code, CODE_TOO_MANY_MEMBERS);
    w->conf->chats_per_user_max = 1;
    struct cmd more = {.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = DAN, .user_id = ANN};
    assert_int_equal(run(w, &more).code, CODE_TOO_MANY_CHATS);
}

static void test_an_old_refresh_token_revokes_its_family(void **state)
{
    struct world *w = *state;
    struct cmd create = {.kind = CMD_FAMILY_CREATE, .user_id = ANN, .number = 100};
    create.key.b[0] = 1;
    struct outcome f = run(w, &create);
    struct cmd rotate = {.kind = CMD_FAMILY_ROTATE, .number2 = f.number, .number = 200};
    rotate.key.b[0] = 1;
    rotate.key2.b[0] = 2;
    assert_int_equal(run(w, &rotate).code, CODE_OK);
    struct cmd guess = rotate;
    guess.key.b[0] = 9;
    assert_int_equal(run(w, &guess).code, CODE_UNAUTHENTICATED);
    assert_int_equal(run(w, &rotate).code, CODE_OK); /* the answer was lost: the same again */
    struct cmd different = rotate;
    different.key2.b[0] = 3;
    struct outcome reuse = run(w, &different); /* the first one again, for another one */
    assert_int_equal(reuse.code, CODE_REFRESH_REUSED);
    assert_true(reuse.event_id != 0);
    assert_int_equal(cache_token_state(w->cache, ANN, f.number, 10), CODE_TOKEN_REVOKED);
    struct cmd next = rotate;
    next.key.b[0] = 2;
    assert_int_equal(run(w, &next).code, CODE_UNAUTHENTICATED);
}

static void test_a_disabled_user_does_nothing(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB}, 1);
    struct cmd off = {.kind = CMD_USER_UPDATE, .user_id = BOB, .number = CMD_STATUS_DISABLED};
    assert_int_equal(run(w, &off).code, CODE_OK);
    assert_int_equal(send(w, BOB, chat, "x").code, CODE_USER_DISABLED);
    assert_int_equal(cache_token_state(w->cache, BOB, 0, 10), CODE_USER_DISABLED);
    assert_string_equal(cache_user(w->cache, cache_user_index(w->cache, BOB))->name, "bob");
}

static void test_a_user_changed_in_the_batch_of_its_making_keeps_its_name(void **state)
{
    struct world *w = *state;
    struct cmd create = {.kind = CMD_USER_CREATE, .user_id = 50, .name = STR("eve"), .content = STR("Eve E.")};
    struct cmd change = {.kind = CMD_USER_UPDATE, .user_id = 50, .number = CMD_STATUS_DISABLED};
    struct job *a = job_new(&create, NULL, NULL, 0), *b = job_new(&change, NULL, NULL, 0);
    decide(&w->d, a);
    decide(&w->d, b);
    assert_true(a->outcome.code == CODE_OK && b->outcome.code == CODE_OK);
    commit(w);
    const struct cache_user *u = cache_user(w->cache, cache_user_index(w->cache, 50));
    assert_string_equal(u->name, "Eve E.");
    assert_int_equal(u->status, USER_DISABLED);
    assert_true(w->d.next_user == 51);
    job_free(a);
    job_free(b);
}

/* What the look-up counted may be of a membership that has ended and begun again in this batch. */
static void test_a_cursor_never_covers_more_own_messages_than_there_are(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB}, 1);
    for (int i = 0; i < 5; i++) {
        send(w, BOB, chat, "x");
    }
    assert_int_equal(run(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = BOB, .chat_id = chat, .user_id = BOB}).code,
                     CODE_OK);
    uint64_t bob = BOB;
    assert_int_equal(run(w, &(struct cmd){.kind = CMD_MEMBER_ADD, .actor_id = ANN, .chat_id = chat, .users = &bob,
                                          .users_count = 1}).code,
                     CODE_OK);
    send(w, ANN, chat, "six");
    send(w, ANN, chat, "seven");
    struct job *j = job_new(&(struct cmd){.kind = CMD_READ, .actor_id = BOB, .chat_id = chat, .seq = 6}, NULL, NULL, 0);
    j->has_own_at = true;
    j->own_at = 5;
    decide(&w->d, j);
    assert_int_equal(j->outcome.code, CODE_OK);
    commit(w);
    job_free(j);
    assert_true(unread(w, chat, BOB) == 1);
}

static void test_owners_are_removed_by_nobody_but_themselves(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB, CAT}, 2);
    struct cmd role = {.kind = CMD_MEMBER_ROLE, .actor_id = ANN, .chat_id = chat, .user_id = BOB, .number = ROLE_OWNER};
    assert_int_equal(run(w, &role).code, CODE_OK);
    struct cmd remove = {.kind = CMD_MEMBER_REMOVE, .actor_id = ANN, .chat_id = chat, .user_id = BOB};
    assert_int_equal(run(w, &remove).code, CODE_FORBIDDEN);
    remove.actor_id = BOB;
    assert_int_equal(run(w, &remove).code, CODE_OK);
    remove = (struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = ANN, .chat_id = chat, .user_id = ANN};
    assert_int_equal(run(w, &remove).code, CODE_LAST_OWNER);
}

static void test_events_have_no_holes(void **state)
{
    struct world *w = *state;
    uint64_t chat = group_of(w, ANN, (uint64_t[]){BOB}, 1);
    for (int i = 0; i < 20; i++) {
        send(w, i % 3 ? ANN : CAT, chat, "x"); /* every third is refused */
    }
    assert_true(w->d.next_event == 1 + 1 + 13);
}

static void test_times_make_rows_and_no_events(void **state)
{
    struct world *w = *state;
    const uint64_t users[] = {ANN, 999, BOB};
    struct buf content = BUF_INIT;
    for (unsigned i = 0; i < 3; i++) {
        buf_add_be64(&content, 1000 + i);
        buf_add_be8(&content, i == 0);
    }
    struct cmd c = {.kind = CMD_LAST_SEEN, .users = users, .users_count = 3, .content = buf_str(&content)};
    struct job *j = job_new(&c, NULL, NULL, 0);
    uint64_t next = w->d.next_event;
    decide(&w->d, j);
    assert_int_equal(j->outcome.code, CODE_OK);
    assert_true(j->drafts == 0 && w->d.next_event == next);
    assert_int_equal(w->batch.rows.seen_count, 2); /* not for somebody who is unknown */
    assert_int_equal(batch_rows(&w->batch), 2);
    assert_true(w->batch.rows.seen[0].user_id == ANN && w->batch.rows.seen[0].seen_us == 1000 && w->batch.rows.seen[0].online);
    assert_true(w->batch.rows.seen[1].user_id == BOB && w->batch.rows.seen[1].seen_us == 1002 && !w->batch.rows.seen[1].online);
    job_free(j);
    batch_clear(&w->batch);
    c.content.len--;
    j = job_new(&c, NULL, NULL, 0);
    decide(&w->d, j);
    assert_int_equal(j->outcome.code, CODE_INVALID_FIELD);
    assert_int_equal(batch_rows(&w->batch), 0);
    job_free(j);
    buf_release(&content);
}

/* -- attachments ---------------------------------------------------------------------------------------- */

static struct cmd add_attachment(uint64_t who, uint64_t chat, uint64_t id)
{
    return (struct cmd){.kind = CMD_ATTACHMENT_ADD, .actor_id = who, .chat_id = chat, .number = 10, .number2 = id, .seq = 1000 + id,
                        .name = STR("a.png"), .title = STR("image/png"), .content = STR("00")};
}

/* A command with what the look-up has found. */
static struct outcome decide_with(struct world *w, const struct cmd *c, const struct ov_attachment *found)
{
    struct job *j = job_new(c, NULL, NULL, 0);
    j->has_attachment = found != NULL;
    j->attachment = found != NULL ? *found : (struct ov_attachment){0};
    decide(&w->d, j);
    struct outcome o = j->outcome;
    job_free(j);
    return o;
}

static void test_an_attachment_is_of_its_uploader_and_chat(void **state)
{
    struct world *w = *state;
    uint64_t users[] = {BOB}, chat = group_of(w, ANN, users, 1), other = group_of(w, ANN, users, 1);
    const struct ov_attachment a = {.id = 77, .chat_id = chat, .uploader_id = ANN, .unused_us = 5};
    struct cmd c = add_attachment(CAT, chat, 77);
    assert_int_equal(decide_one(w, &c).code, CODE_CHAT_NOT_FOUND);
    c.actor_id = ANN;
    uint64_t next = w->d.next_event;
    struct outcome o = decide_one(w, &c);
    assert_true(o.code == CODE_OK && o.created && o.seq == 77 && o.event_id == 0 && o.at_us == 1077);
    assert_true(w->d.next_event == next && w->batch.rows.attachments_new_count == 1);
    assert_true(w->batch.rows.attachments_new[0].created_us == 1077 && w->batch.rows.attachments_new[0].unused_us == w->d.now_us && w->batch.rows.attachments_new[0].seq == 0);
    batch_clear(&w->batch);
    overlay_clear(w->d.overlay);
    struct cmd s = {.kind = CMD_MESSAGE_SEND, .actor_id = BOB, .chat_id = chat, .name = STR("image"), .content = STR("x"), .number2 = 77};
    assert_int_equal(decide_with(w, &s, &a).code, CODE_ATTACHMENT_NOT_FOUND);
    s.actor_id = ANN;
    s.chat_id = other;
    assert_int_equal(decide_with(w, &s, &a).code, CODE_ATTACHMENT_NOT_FOUND);
    s.chat_id = chat;
    overlay_clear(w->d.overlay);
    assert_int_equal(decide_with(w, &s, NULL).code, CODE_ATTACHMENT_NOT_FOUND);
    s.chat_id = 0;
    s.user_id = CAT; /* no chat is made for a message that cannot be */
    assert_int_equal(decide_with(w, &s, &a).code, CODE_ATTACHMENT_NOT_FOUND);
    assert_int_equal(batch_rows(&w->batch), 0);
}

static void test_an_attachment_is_used_once_and_goes_with_its_message(void **state)
{
    struct world *w = *state;
    uint64_t users[] = {BOB}, chat = group_of(w, ANN, users, 1);
    const struct ov_attachment a = {.id = 77, .chat_id = chat, .uploader_id = ANN, .unused_us = 5};
    struct cmd s = {.kind = CMD_MESSAGE_SEND, .actor_id = ANN, .chat_id = chat, .name = STR("image"), .content = STR("x"), .number2 = 77};
    struct outcome o = decide_with(w, &s, &a);
    assert_true(o.code == CODE_OK && o.seq == 1);
    assert_true(w->batch.rows.messages_new[0].flags == ROW_MESSAGE_ATTACHED && w->batch.rows.attachments_used[0].seq == 1);
    struct event e;
    event_fill(w->cache, &w->batch.drafts[0].event, &(struct event_rows){.message = &w->batch.rows.messages_new[0]}, &e);
    assert_int_equal(e.message_flags, 0); /* the mark stays here */
    assert_int_equal(decide_with(w, &s, &a).code, CODE_ATTACHMENT_USED); /* in the same batch */
    struct cmd gone = {.kind = CMD_ATTACHMENT_REMOVE, .actor_id = ANN, .number2 = 77};
    assert_int_equal(decide_with(w, &gone, &a).code, CODE_ATTACHMENT_USED);
    struct cmd d = {.kind = CMD_MESSAGE_DELETE, .actor_id = ANN, .chat_id = chat, .message_id = o.message_id};
    assert_int_equal(decide_one(w, &d).code, CODE_OK);
    assert_int_equal(w->batch.rows.attachments_dropped_count, 1);
    assert_true(w->batch.rows.attachments_dropped[0].chat_id == chat && w->batch.rows.attachments_dropped[0].seq == 1);
    commit(w);
    const struct ov_attachment used = {.id = 77, .chat_id = chat, .uploader_id = ANN, .seq = 1};
    assert_int_equal(decide_with(w, &s, &used).code, CODE_ATTACHMENT_USED);
    assert_int_equal(batch_rows(&w->batch), 0);
}

static void test_who_removes_an_attachment(void **state)
{
    struct world *w = *state;
    const struct ov_attachment a = {.id = 77, .chat_id = 1, .uploader_id = ANN, .unused_us = 500};
    const struct ov_attachment used = {.id = 78, .chat_id = 1, .uploader_id = ANN, .seq = 4};
    const struct ov_attachment dropped = {.id = 79, .chat_id = 1, .uploader_id = ANN, .seq = 5, .unused_us = 500};
    struct cmd c = {.kind = CMD_ATTACHMENT_REMOVE, .actor_id = BOB, .number2 = 77};
    assert_int_equal(decide_with(w, &c, &a).code, CODE_ATTACHMENT_NOT_FOUND);
    c.actor_id = 0; /* the housekeeping: what has been unused since before then */
    c.number = 500;
    assert_int_equal(decide_with(w, &c, &a).code, CODE_ATTACHMENT_USED);
    c.number = 501;
    c.number2 = 78;
    assert_int_equal(decide_with(w, &c, &used).code, CODE_ATTACHMENT_USED);
    c.number2 = 79;
    assert_int_equal(decide_with(w, &c, &dropped).code, CODE_OK);
    c.number2 = 77;
    assert_int_equal(decide_with(w, &c, &a).code, CODE_OK);
    assert_int_equal(decide_with(w, &c, &a).code, CODE_ATTACHMENT_NOT_FOUND); /* gone in this batch */
    assert_int_equal(w->batch.rows.attachments_gone_count, 2);
    c.actor_id = ANN;
    c.number2 = 79; /* its message is deleted, but that is not for the user to clear away */
    overlay_clear(w->d.overlay);
    assert_int_equal(decide_with(w, &c, &dropped).code, CODE_ATTACHMENT_USED);
    batch_clear(&w->batch);
}

/* The same file under the same key is the same attachment, whatever number the upload had. */
static void test_an_attachment_has_a_key(void **state)
{
    struct world *w = *state;
    uint64_t users[] = {BOB}, chat = group_of(w, ANN, users, 1);
    struct cmd c = add_attachment(ANN, chat, 77);
    c.has_key = true;
    c.key.b[0] = 9;
    assert_true(decide_one(w, &c).created);
    assert_int_equal(w->batch.rows.keys_count, 1);
    assert_int_equal(w->batch.rows.keys[0].number, 77);
    c.number2 = 78;
    struct outcome o = decide_one(w, &c);
    assert_true(o.code == CODE_OK && !o.created && o.seq == 77 && o.at_us == 1077);
    c.content = STR("11");
    assert_int_equal(decide_one(w, &c).code, CODE_KEY_REUSED);
    assert_int_equal(w->batch.rows.attachments_new_count, 1);
    batch_clear(&w->batch);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_a_direct_chat_is_one_per_pair),
        T(test_two_commands_of_a_batch_see_each_other),
        T(test_a_rolled_back_batch_leaves_nothing),
        T(test_messages_are_numbered_densely_and_only_by_members),
        T(test_unread_leaves_out_own_and_deleted_messages),
        T(test_the_same_key_is_the_same_message_and_another_body_is_refused),
        T(test_roles_are_enforced),
        T(test_an_open_group_takes_who_comes_by_himself),
        T(test_joining_an_open_group_has_the_limits_of_being_put_there),
        T(test_who_joins_later_does_not_see_what_was_before),
        T(test_leaving_and_coming_back_within_a_batch_is_being_in),
        T(test_group_limits),
        T(test_an_old_refresh_token_revokes_its_family),
        T(test_a_disabled_user_does_nothing),
        T(test_a_user_changed_in_the_batch_of_its_making_keeps_its_name),
        T(test_a_cursor_never_covers_more_own_messages_than_there_are),
        T(test_owners_are_removed_by_nobody_but_themselves),
        T(test_events_have_no_holes),
        T(test_times_make_rows_and_no_events),
        T(test_an_attachment_is_of_its_uploader_and_chat),
        T(test_an_attachment_is_used_once_and_goes_with_its_message),
        T(test_who_removes_an_attachment),
        T(test_an_attachment_has_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
