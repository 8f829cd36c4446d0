/* The views of svc_read, with a cache filled by hand and a database of one function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "rest/cache_write.h"
#include "rest/svc_read.h"

/* ---------------------------------------------------------------- what it stands on */

static struct {
    bool queue_full, no_store, never_published;
    uint64_t waited_for;
    enum store_rc rc;
    uint64_t last_event; /* of the newest row */
} world;

enum rc dbpool_submit(struct dbpool *pool, dbpool_job job, void *ctx)
{
    (void)pool;
    static char store;
    if (world.queue_full) {
        return RC_UNAVAILABLE;
    }
    job(world.no_store ? NULL : (struct store *)(void *)&store, ctx);
    return RC_OK;
}

uint64_t feed_published(const struct feed *f)
{
    (void)f;
    return 77;
}

bool feed_wait_published(struct feed *f, uint64_t event_id, uint64_t deadline_ms)
{
    (void)f;
    (void)deadline_ms;
    world.waited_for = event_id;
    return !world.never_published;
}

static struct row_message row_at(uint64_t chat_id, uint64_t seq)
{
    return (struct row_message){
        .chat_id = chat_id,
        .seq = seq,
        .id = 100 + seq,
        .sender_id = 1,
        .created_us = seq * 1000000,
        .last_event = seq == 10 ? world.last_event : 100 + seq,
        .flags = seq == 9 ? MESSAGE_DELETED : 0,
        .kind = STR("text"),
        .content = STR("hello"),
    };
}

enum store_rc store_history(struct store *s, uint64_t chat_id, uint64_t from, uint64_t to,
                            bool falling, unsigned limit, store_on_message on, void *ctx)
{
    (void)s;
    for (unsigned i = 0; world.rc == STORE_OK && i < limit && from + i <= to; i++) {
        struct row_message row = row_at(chat_id, falling ? to - i : from + i);
        on(ctx, &row);
    }
    return world.rc;
}

enum store_rc store_find_messages(struct store *s, const uint64_t *ids, unsigned count,
                                  store_on_message on, void *ctx)
{
    (void)s;
    for (unsigned i = 0; i < count; i++) {
        struct row_message row = row_at(ids[i] == 999 ? 55 : 1, ids[i] - 100);
        on(ctx, &row);
    }
    return world.rc;
}

enum store_rc store_messages_at(struct store *s, const struct chat_seq *at, unsigned count,
                                store_on_message on, void *ctx)
{
    (void)s;
    for (unsigned i = 0; world.rc == STORE_OK && i < count; i++) {
        struct row_message row = row_at(at[i].chat_id, at[i].seq);
        on(ctx, &row);
    }
    return world.rc;
}

/* Attachments of messages: number 500 + seq; 7 belongs to the message itself, 8 to nobody's yet, 9 to a deleted message. */
static struct row_attachment attachment_at(uint64_t id)
{
    uint64_t seq = id > 500 ? id - 500 : id == 8 ? 0 : 3;
    return (struct row_attachment){.id = id,
                                   .chat_id = 1,
                                   .seq = seq,
                                   .uploader_id = 1,
                                   .size = 10,
                                   .created_us = 1000000,
                                   .unused_us = id == 8 || id == 9 ? 5 : 0,
                                   .sha256 = STR("aa"),
                                   .mime_type = STR("image/png"),
                                   .name = STR("a.png")};
}

enum store_rc store_find_attachments(struct store *s, const uint64_t *ids, unsigned count, store_on_attachment on,
                                     void *ctx)
{
    (void)s;
    for (unsigned i = 0; world.rc == STORE_OK && i < count && ids[i] != 404; i++) {
        struct row_attachment row = attachment_at(ids[i]);
        on(ctx, &row);
    }
    return world.rc;
}

enum store_rc store_attachments_at(struct store *s, const struct chat_seq *at, unsigned count, store_on_attachment on,
                                   void *ctx)
{
    (void)s;
    for (unsigned i = 0; world.rc == STORE_OK && i < count; i++) {
        struct row_attachment row = attachment_at(500 + at[i].seq);
        row.chat_id = at[i].chat_id;
        on(ctx, &row);
    }
    return world.rc;
}

/* ---------------------------------------------------------------- the cast */

struct scene {
    struct svc svc;
    struct rest_conf conf;
    struct arena arena;
    enum code done_code;
    int done_count;
};

static void add_user(struct cache *c, uint64_t id, const char *username, const char *name)
{
    struct row_user u = {.id = id, .created_us = id * 1000000, .username = str_of(username), .name = str_of(name)};
    (void)cache_put_user(c, &u);
}

static void add_chat(struct cache *c, uint64_t id, uint64_t last_message_us, uint64_t last_seq)
{
    char name[32];
    int n = snprintf(name, sizeof(name), "room %llu", (unsigned long long)id);
    struct row_chat r = {.id = id,
                         .kind = CHAT_GROUP,
                         .created_us = 1000,
                         .name = {name, (size_t)n},
                         .last_seq = last_seq,
                         .last_message_us = last_message_us};
    (void)cache_put_chat(c, &r);
}

static void join(struct cache *c, uint64_t chat, uint64_t user, uint64_t joined_seq)
{
    struct row_member m = {.chat_id = chat, .user_id = user, .role = ROLE_MEMBER, .joined_seq = joined_seq, .read_seq = joined_seq};
    cache_put_member(c, &m);
}

/* ann (1) is in chats 1..20, bob (2) in chat 1 from its fifth message on. */
static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    memset(&world, 0, sizeof(world));
    world.last_event = 110;
    s->conf.writer_deadline_ms = 1000;
    s->svc.conf = &s->conf;
    s->svc.cache = cache_new();
    struct cache *c = s->svc.cache;
    add_user(c, 1, "ann", "Ann Äpfel");
    add_user(c, 2, "bob", "Éva");
    add_user(c, 3, "BOBBY", "");
    for (uint64_t i = 1; i <= 20; i++) {
        add_chat(c, i, i % 3 == 0 ? 5000 : i * 100000, i == 1 ? 10 : 0);
        join(c, i, 1, 0);
    }
    join(c, 1, 2, 4);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    arena_release(&s->arena);
    cache_free(s->svc.cache);
    free(s);
    return 0;
}

static void on_done(void *ctx, enum code code)
{
    struct scene *s = ctx;
    s->done_code = code;
    s->done_count++;
}

static struct read_request request(struct scene *s, uint64_t viewer)
{
    struct read_request r = {.svc = &s->svc, .arena = &s->arena, .done = on_done, .ctx = s};
    assert_int_equal(svc_chat(&s->svc, viewer, 1, &s->arena, &r.chat), CODE_OK);
    return r;
}

/* ---------------------------------------------------------------- planning */

static void check_plan(enum history_mode mode, uint64_t at, uint64_t limit, uint64_t joined,
                       uint64_t last, uint64_t from, uint64_t to, bool has_more)
{
    struct history_range r = history_plan(mode, at, limit, joined, last);
    if (from > to) {
        assert_true(r.from > r.to);
        assert_false(r.has_more);
        return;
    }
    assert_int_equal(r.from, from);
    assert_int_equal(r.to, to);
    assert_int_equal(r.has_more, has_more);
}

static void test_history_plan_covers_the_cases(void **state)
{
    (void)state;
    check_plan(HISTORY_LATEST, 0, 3, 0, 10, 8, 10, true);
    check_plan(HISTORY_LATEST, 0, 10, 0, 10, 1, 10, false);
    check_plan(HISTORY_LATEST, 0, 10, 7, 10, 8, 10, false);
    check_plan(HISTORY_LATEST, 0, 10, 10, 10, 1, 0, false);
    check_plan(HISTORY_LATEST, 0, 10, 0, 0, 1, 0, false);
    check_plan(HISTORY_BEFORE, 8, 3, 0, 10, 5, 7, true);
    check_plan(HISTORY_BEFORE, 4, 3, 0, 10, 1, 3, false);
    check_plan(HISTORY_BEFORE, 1, 3, 0, 10, 1, 0, false);
    check_plan(HISTORY_BEFORE, 0, 3, 0, 10, 1, 0, false);
    check_plan(HISTORY_BEFORE, 99, 3, 0, 10, 8, 10, true);
    check_plan(HISTORY_BEFORE, 6, 3, 5, 10, 1, 0, false);
    check_plan(HISTORY_AFTER, 0, 3, 0, 10, 1, 3, true);
    check_plan(HISTORY_AFTER, 7, 3, 0, 10, 8, 10, false);
    check_plan(HISTORY_AFTER, 2, 3, 5, 10, 6, 8, true);
    check_plan(HISTORY_AFTER, 10, 3, 0, 10, 1, 0, false);
    check_plan(HISTORY_AFTER, UINT64_MAX, 3, 0, 10, 1, 0, false);
    check_plan(HISTORY_AROUND, 5, 4, 0, 10, 3, 6, true);
    check_plan(HISTORY_AROUND, 1, 4, 0, 10, 1, 4, true);
    check_plan(HISTORY_AROUND, 99, 4, 0, 10, 7, 10, true);
    check_plan(HISTORY_AROUND, 5, 100, 2, 10, 3, 10, false);
    check_plan(HISTORY_AROUND, 5, 1, 0, 10, 5, 5, true);
    check_plan(HISTORY_AROUND, 5, 4, 0, 0, 1, 0, false);
}

/* Every plan is a window of at most limit inside (joined, last], and has_more is exact. */
static void test_history_plan_stays_in_bounds(void **state)
{
    (void)state;
    for (uint64_t joined = 0; joined < 6; joined++) {
        for (uint64_t last = joined; last < 9; last++) {
            for (uint64_t at = 0; at < 12; at++) {
                for (uint64_t limit = 1; limit < 12; limit++) {
                    for (int mode = HISTORY_LATEST; mode <= HISTORY_AROUND; mode++) {
                        struct history_range r =
                            history_plan((enum history_mode)mode, at, limit, joined, last);
                        if (r.from <= r.to) {
                            assert_true(r.from > joined && r.to <= last);
                            assert_true(r.to - r.from < limit);
                        }
                    }
                }
            }
        }
    }
}

/* ---------------------------------------------------------------- lists */

static void test_chats_are_newest_first_and_pages_do_not_overlap(void **state)
{
    struct scene *s = *state;
    struct chat_place place = {0, 0};
    uint64_t seen = 0, last_us = UINT64_MAX;
    unsigned pages = 0;
    for (bool more = true; more; pages++) {
        struct chat_page page;
        assert_int_equal(svc_chats(&s->svc, 1, place, 7, &s->arena, &page), CODE_OK);
        assert_int_equal(page.published, 77);
        for (unsigned i = 0; i < page.count; i++) {
            assert_true(page.chats[i].updated_us <= last_us);
            assert_false(seen & (1u << page.chats[i].id));
            seen |= 1u << page.chats[i].id;
            last_us = page.chats[i].updated_us;
        }
        more = page.has_more;
        place = (struct chat_place){page.chats[page.count - 1].updated_us,
                                    page.chats[page.count - 1].id};
    }
    assert_int_equal(pages, 3);
    assert_int_equal(seen, 0x1FFFFE);
}

static void test_foreign_and_unknown_chats_look_the_same(void **state)
{
    struct scene *s = *state;
    struct chat_view chat;
    struct member_page members;
    struct member_view member;
    assert_int_equal(svc_chat(&s->svc, 2, 2, &s->arena, &chat), CODE_CHAT_NOT_FOUND);
    assert_int_equal(svc_chat(&s->svc, 2, 9999, &s->arena, &chat), CODE_CHAT_NOT_FOUND);
    assert_int_equal(svc_chat(&s->svc, 777, 1, &s->arena, &chat), CODE_CHAT_NOT_FOUND);
    assert_int_equal(svc_members(&s->svc, 2, 2, 0, 5, &s->arena, &members), CODE_CHAT_NOT_FOUND);
    assert_int_equal(svc_member(&s->svc, 2, 2, 1, &s->arena, &member), CODE_CHAT_NOT_FOUND);
    assert_int_equal(svc_member(&s->svc, 1, 1, 3, &s->arena, &member), CODE_MEMBER_NOT_FOUND);
}

static void test_members_page_by_page(void **state)
{
    struct scene *s = *state;
    struct member_page page;
    assert_int_equal(svc_members(&s->svc, 1, 1, 0, 1, &s->arena, &page), CODE_OK);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.members[0].user.id, 1);
    assert_true(page.has_more);
    assert_int_equal(svc_members(&s->svc, 1, 1, 1, 1, &s->arena, &page), CODE_OK);
    assert_int_equal(page.members[0].user.id, 2);
    assert_false(page.has_more);
    assert_int_equal(svc_members(&s->svc, 1, 1, 2, 1, &s->arena, &page), CODE_OK);
    assert_int_equal(page.count, 0);
}

static void check_search(struct scene *s, const char *text, unsigned count, uint64_t first)
{
    struct user_page page;
    assert_int_equal(svc_search(&s->svc, str_of(text), 10, &s->arena, &page), CODE_OK);
    assert_int_equal(page.count, count);
    if (count > 0) {
        assert_int_equal(page.users[0].id, first);
    }
}

static void test_search_finds_prefixes_in_any_case(void **state)
{
    struct scene *s = *state;
    check_search(s, "b", 2, 2);
    check_search(s, "bobby", 1, 3);
    check_search(s, "ANN Ä", 1, 1);
    check_search(s, "ann ä", 1, 1);
    check_search(s, "éV", 1, 2);
    check_search(s, "eva", 0, 0);
    check_search(s, "pfel", 0, 0);
    struct user_page page;
    assert_int_equal(svc_search(&s->svc, STR("b"), 1, &s->arena, &page), CODE_OK);
    assert_int_equal(page.count, 1);
    assert_true(page.has_more);
}

static void test_find_user_takes_every_form(void **state)
{
    struct scene *s = *state;
    uint64_t id = 0;
    assert_int_equal(svc_find_user(&s->svc, STR("2"), false, &id), CODE_OK);
    assert_int_equal(id, 2);
    assert_int_equal(svc_find_user(&s->svc, STR("user3"), false, &id), CODE_OK);
    assert_int_equal(id, 3);
    assert_int_equal(svc_find_user(&s->svc, STR("Ann"), false, &id), CODE_OK);
    assert_int_equal(id, 1);
    assert_int_equal(svc_find_user(&s->svc, STR("2"), true, &id), CODE_USER_NOT_FOUND);
    assert_int_equal(svc_find_user(&s->svc, STR("nobody"), false, &id), CODE_USER_NOT_FOUND);
}

/* ---------------------------------------------------------------- messages */

static void test_history_rises_and_waits_for_its_newest_event(void **state)
{
    struct scene *s = *state;
    struct read_request r = request(s, 1);
    world.last_event = 500;
    r.range = history_plan(HISTORY_LATEST, 0, 3, r.chat.joined_seq, r.chat.last_seq);
    assert_int_equal(read_history(&r), CODE_OK);
    assert_int_equal(s->done_count, 1);
    assert_int_equal(s->done_code, CODE_OK);
    assert_int_equal(world.waited_for, 500);
    assert_int_equal(r.count, 3);
    assert_int_equal(r.messages[0].seq, 8);
    assert_int_equal(r.messages[2].seq, 10);
    assert_true(str_eq(r.messages[2].sender.name, STR("Ann Äpfel")));
    assert_int_equal(r.messages[1].content.len, 0); /* 9 is deleted */
    assert_int_equal(r.messages[1].flags, MESSAGE_DELETED);
    assert_int_equal(r.messages[2].chat_created_us, 1000);
}

static void test_history_that_is_not_published_is_not_shown(void **state)
{
    struct scene *s = *state;
    struct read_request r = request(s, 1);
    world.never_published = true;
    r.range = history_plan(HISTORY_LATEST, 0, 3, 0, 10);
    assert_int_equal(read_history(&r), CODE_OK);
    assert_int_equal(s->done_code, CODE_UNAVAILABLE);
}

static void test_history_without_a_database(void **state)
{
    struct scene *s = *state;
    struct read_request r = request(s, 1);
    r.range = history_plan(HISTORY_LATEST, 0, 3, 0, 10);
    world.queue_full = true;
    assert_int_equal(read_history(&r), CODE_QUEUE_FULL);
    assert_int_equal(s->done_count, 0);
    world.queue_full = false;
    world.no_store = true;
    assert_int_equal(read_history(&r), CODE_OK);
    assert_int_equal(s->done_code, CODE_UNAVAILABLE);
    /* An empty page needs none. */
    r.range = history_plan(HISTORY_AFTER, 10, 3, 0, 10);
    assert_int_equal(read_history(&r), CODE_OK);
    assert_int_equal(s->done_code, CODE_OK);
    assert_int_equal(r.count, 0);
}

static void test_message_outside_of_what_the_viewer_sees_is_not_found(void **state)
{
    struct scene *s = *state;
    static const struct {
        uint64_t viewer, id;
        enum code code;
    } cases[] = {
        {1, 103, CODE_OK},
        {2, 105, CODE_OK},
        {2, 104, CODE_MESSAGE_NOT_FOUND}, /* before bob joined */
        {1, 111, CODE_MESSAGE_NOT_FOUND}, /* above the chat's last */
        {1, 999, CODE_MESSAGE_NOT_FOUND}, /* of another chat */
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct read_request r = request(s, cases[i].viewer);
        r.message_id = cases[i].id;
        world.waited_for = 0;
        assert_int_equal(read_message(&r), CODE_OK);
        assert_int_equal(s->done_code, cases[i].code);
        assert_int_equal(world.waited_for, cases[i].code == CODE_OK ? cases[i].id : 0);
    }
}

static void test_lasts_fill_the_page(void **state)
{
    struct scene *s = *state;
    struct chat_page page;
    assert_int_equal(svc_chats(&s->svc, 2, (struct chat_place){0, 0}, 5, &s->arena, &page), CODE_OK);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.chats[0].unread, 6);
    struct read_request r = request(s, 2);
    r.page = &page;
    assert_int_equal(read_lasts(&r), CODE_OK);
    assert_int_equal(s->done_code, CODE_OK);
    assert_non_null(page.chats[0].last);
    assert_int_equal(page.chats[0].last->seq, 10);
    world.rc = STORE_LOST;
    page.chats[0].last = NULL;
    r = request(s, 2);
    r.page = &page;
    assert_int_equal(read_lasts(&r), CODE_OK);
    assert_int_equal(s->done_code, CODE_UNAVAILABLE);
    assert_null(page.chats[0].last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_plan_covers_the_cases),
        cmocka_unit_test(test_history_plan_stays_in_bounds),
        cmocka_unit_test_setup_teardown(test_chats_are_newest_first_and_pages_do_not_overlap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_and_unknown_chats_look_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_members_page_by_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_search_finds_prefixes_in_any_case, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_find_user_takes_every_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_history_rises_and_waits_for_its_newest_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_history_that_is_not_published_is_not_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_history_without_a_database, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_message_outside_of_what_the_viewer_sees_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lasts_fill_the_page, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
