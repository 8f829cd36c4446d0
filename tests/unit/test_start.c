/* Starting: what was in memory before is in memory again, from the rows alone. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "rest/sealer.h"
#include "rest/start.h"
#include "rest/writer_int.h"
#include "shared/clock.h"
#include "tests/lib/fake_store.h"
#include "tests/lib/feed_world.h"

struct started {
    struct cache *cache;
    struct feed *feed;
    struct writer_start start;
};

static enum rc start_with(const struct rest_conf *conf, struct started *s, struct buf *why)
{
    struct feed_conf feed_conf;
    struct store_conf store_conf = {0};
    struct store *store = fake_db_open();
    world_conf(&feed_conf);
    s->cache = cache_new();
    s->feed = feed_new(&feed_conf, s->cache);
    enum rc rc = start_load(conf, store, &store_conf, s->cache, s->feed, &s->start, why);
    if (rc != RC_OK) {
        store_close(store);
    }
    return rc;
}

static void stop(struct started *s)
{
    store_close(s->start.store);
    families_free(s->start.families);
    buf_release(&s->start.own_moved);
    feed_free(s->feed);
    cache_free(s->cache);
}

/* Users through the rules, so that the database knows them. */
static struct world *world_with_users(unsigned count)
{
    struct feed_conf conf;
    world_conf(&conf);
    struct world *w = world_new(&conf, 0, 1);
    w->d.now_us = wall_us() - 10000000;
    for (unsigned i = 1; i <= count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "u%u", i);
        assert_int_equal(world_do(w, &(struct cmd){.kind = CMD_USER_CREATE, .name = str_of(name)}).code, CODE_OK);
    }
    return w;
}

static void compare(const struct cache *a, const struct cache *b)
{
    assert_int_equal(cache_users_count(a), cache_users_count(b));
    for (uint32_t i = 0; i < cache_users_count(a); i++) {
        const struct cache_user *x = cache_user(a, i), *y = cache_user(b, cache_user_index(b, x->id));
        assert_string_equal(x->username, y->username);
        assert_string_equal(x->name, y->name);
        assert_true(x->status == y->status && x->chats_count == y->chats_count);
    }
    for (uint32_t i = 0; i < cache_chats_count(a); i++) {
        const struct cache_chat *x = cache_chat(a, i);
        const struct cache_chat *y = x ? cache_chat(b, cache_chat_index(b, x->id)) : NULL;
        if (x == NULL) {
            continue;
        }
        assert_true(x->last_message_id == y->last_message_id && x->last_text_event == y->last_text_event);
        assert_true(x->last_seq == y->last_seq && x->last_event == y->last_event && x->kind == y->kind);
        assert_true(x->members_count == y->members_count);
        for (uint64_t seq = 1; seq <= x->last_seq; seq++) {
            assert_int_equal(cache_is_deleted(x, seq), cache_is_deleted(y, seq));
        }
        assert_true(x->joined_max >= y->joined_max);
        for (uint32_t k = 0; k < x->members_count; k++) {
            const struct cache_member *m = &x->members[k];
            const struct cache_member *n = cache_member(y, cache_user_index(b, cache_user(a, m->user)->id));
            assert_true(m->role == n->role && m->joined_seq == n->joined_seq && m->read_seq == n->read_seq);
            assert_true(m->own_total == n->own_total && m->own_at_read == n->own_at_read);
            assert_true(cache_unread(x, m) == cache_unread(y, n));
        }
    }
}

static void on_fenced(void)
{
    fail();
}

/* The checkpoint of the process after a crash covers also what that crash had left uncounted. */
static void test_own_messages_are_counted_over_two_crashes(void **state)
{
    (void)state;
    struct world *w = world_with_users(3);
    struct started s = {0}, again = {0};
    struct buf why = BUF_INIT;
    uint64_t chat = world_group(w, 1, 3);
    world_send(w, 1, chat, "x");
    world_send(w, 1, chat, "y");
    assert_int_equal(start_with(w->conf, &s, &why), RC_OK);
    struct writer *writer = writer_new(w->conf, s.cache, s.feed, &s.start, on_fenced);
    s.start.store = NULL;
    s.start.families = NULL;
    s.start.own_moved = BUF_INIT;
    struct job *j = job_new(&(struct cmd){.kind = CMD_MESSAGE_SEND, .actor_id = 2, .chat_id = chat, .name = STR("text"), .content = STR("z")},
                            NULL, NULL, 0);
    j->answered = true;
    writer_process(writer, &j, 1);
    writer->checkpoint_due_ms = 0;
    writer_process(writer, NULL, 0);
    assert_true(fake_db_head().checkpoint == fake_db_head().next_event - 1);
    writer_free(writer);
    assert_int_equal(start_with(w->conf, &again, &why), RC_OK);
    const struct cache_chat *c = cache_chat(again.cache, cache_chat_index(again.cache, chat));
    assert_true(c->last_seq == 3 && cache_member(c, cache_user_index(again.cache, 1))->own_total == 2);
    assert_true(cache_member(c, cache_user_index(again.cache, 2))->own_total == 1);
    stop(&s);
    stop(&again);
    buf_release(&why);
    world_free(w);
}

static void test_the_caches_are_what_they_were(void **state)
{
    (void)state;
    struct world *w = world_with_users(6);
    struct started s = {0};
    struct buf why = BUF_INIT;
    uint64_t chat = world_group(w, 1, 5), six = 6;
    for (unsigned i = 0; i < 30; i++) {
        world_send(w, 1 + i % 3, chat, "x");
        if (i == 12) {
            world_do(w, &(struct cmd){.kind = CMD_READ, .actor_id = 2, .chat_id = chat});
        }
    }
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_ADD, .actor_id = 1, .chat_id = chat, .users = &six, .users_count = 1});
    world_do(w, &(struct cmd){.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = 1, .user_id = 2});
    world_do(w, &(struct cmd){.kind = CMD_USER_UPDATE, .user_id = 4, .content = STR("Dan D."), .number = CMD_STATUS_DISABLED});
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = 1, .chat_id = chat, .user_id = 5});
    struct cmd end[2] = {{.kind = CMD_MESSAGE_SEND, .actor_id = 6, .chat_id = chat, .name = STR("text"), .content = STR("y")},
                         {.kind = CMD_MESSAGE_DELETE, .actor_id = 1, .chat_id = chat, .message_id = w->d.next_event}};
    struct outcome out[2];
    world_batch(w, end, NULL, out, 2);
    assert_int_equal(out[1].code, CODE_OK);
    assert_int_equal(start_with(w->conf, &s, &why), RC_OK);
    compare(w->cache, s.cache);
    assert_true(feed_published(s.feed) == feed_published(w->feed));
    assert_true(feed_log_id(s.feed) == WORLD_LOG_ID);
    assert_true(s.start.head.epoch == 2 && s.start.maxima.user_id == 6);
    /* The ring is warm: same events, same chains. */
    for (uint64_t id = s.feed->ring.first; id < s.feed->ring.next; id++) {
        const struct ring_entry *a = ring_at(&w->feed->ring, id), *b = ring_at(&s.feed->ring, id);
        assert_true(a != NULL && b != NULL && a->kind == b->kind && a->chat_id == b->chat_id);
        assert_true(b->prev_in_chat == (a->prev_in_chat >= s.feed->ring.first ? a->prev_in_chat : 0));
    }
    assert_true(s.feed->ring.next == feed_published(w->feed) + 1);
    assert_true(s.feed->ring.first <= 2);
    stop(&s);
    buf_release(&why);
    world_free(w);
}

/* A crash may come between the end of the last broadcast and that of its marks: they hide no later one. */
static void test_marks_without_broadcasts_count_nothing(void **state)
{
    (void)state;
    struct world *w = world_with_users(2);
    struct started s = {0};
    struct buf why = BUF_INIT;
    struct row_note_mark left = {.user_id = 1, .id = 1, .read_us = 1, .last_event = 1};
    fake_db_apply(&(struct store_batch){.note_marks = &left, .note_marks_count = 1, .next_event = w->d.next_event});
    assert_int_equal(start_with(w->conf, &s, &why), RC_OK);
    cache_add_broadcast(s.cache, w->d.next_event, wall_us() + 1000000);
    assert_int_equal(cache_notes_unread(s.cache, cache_user_index(s.cache, 1)), 1);
    stop(&s);
    buf_release(&why);
    world_free(w);
}

static void test_a_row_of_a_deleted_chat_ends_nothing(void **state)
{
    (void)state;
    struct world *w = world_with_users(2);
    struct started s = {0};
    struct buf why = BUF_INIT;
    struct row_member left = {.chat_id = 777, .user_id = 1, .role = ROLE_MEMBER};
    struct row_event e = {.id = w->d.next_event++, .kind = EV_MESSAGE, .chat_id = 777, .seq = 4, .actor_id = 1,
                          .at_us = wall_us()};
    fake_db_apply(&(struct store_batch){.members_put = &left, .members_put_count = 1, .events = &e, .events_count = 1,
                                        .next_event = w->d.next_event});
    assert_int_equal(start_with(w->conf, &s, &why), RC_OK);
    assert_int_equal(cache_user(s.cache, cache_user_index(s.cache, 1))->chats_count, 0);
    stop(&s);
    buf_release(&why);
    world_free(w);
}

static void test_a_hole_in_the_log_makes_a_shorter_ring(void **state)
{
    (void)state;
    struct world *w = world_with_users(3);
    struct started s = {0};
    struct buf why = BUF_INIT;
    struct row_event e = {.id = 50, .kind = EV_REVOKED, .subject_id = 1, .at_us = wall_us()};
    fake_db_apply(&(struct store_batch){.events = &e, .events_count = 1, .next_event = 51});
    assert_int_equal(start_with(w->conf, &s, &why), RC_OK);
    assert_true(s.feed->ring.first == 50 && s.feed->ring.next == 51 && feed_published(s.feed) == 50);
    stop(&s);
    buf_release(&why);
    world_free(w);
}

static void test_old_events_are_not_in_the_ring(void **state)
{
    (void)state;
    struct world *w = world_with_users(3);
    struct started s = {0};
    struct buf why = BUF_INIT;
    uint64_t chat = world_group(w, 1, 3);
    w->d.now_us = wall_us() + 1000000; /* the users and the chat are from before */
    for (unsigned i = 0; i < 1200; i++) { /* more than a piece */
        world_send(w, 1, chat, "x");
    }
    uint64_t first = w->d.next_event - 1200;
    w->conf->ring_max_age_ms = 0;
    assert_int_equal(start_with(w->conf, &s, &why), RC_OK);
    assert_true(s.feed->ring.first == first && s.feed->ring.next == w->d.next_event);
    stop(&s);
    buf_release(&why);
    world_free(w);
}

/* Who was away when a chat ended finds that among the events of its own, whoever was in memory then. */
static void test_the_end_of_a_chat_is_replayed_after_a_restart(void **state)
{
    (void)state;
    struct world *w = world_with_users(4);
    struct started s = {0};
    struct buf why = BUF_INIT;
    uint64_t chat = world_group(w, 1, 3);
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = 1, .chat_id = chat, .user_id = 3});
    uint64_t removed = feed_published(w->feed);
    world_do(w, &(struct cmd){.kind = CMD_CHAT_DELETE, .actor_id = 1, .chat_id = chat});
    world_do(w, &(struct cmd){.kind = CMD_REVOKE, .user_id = 4});
    assert_int_equal(start_with(w->conf, &s, &why), RC_OK);
    const struct ring *a = &w->feed->ring, *b = &s.feed->ring;
    size_t i = ring_own_after(a, removed - 1), k = ring_own_after(b, removed - 1);
    assert_int_equal(a->own_count - i, 4);
    assert_int_equal(b->own_count - k, 4);
    for (; i < a->own_count; i++) { /* the users of one event in any order */
        uint32_t user = cache_user_index(s.cache, cache_user(w->cache, a->own[i].user)->id);
        size_t at = k;
        while (at < b->own_count && (b->own[at].event_id != a->own[i].event_id || b->own[at].user != user)) {
            at++;
        }
        assert_true(at < b->own_count);
    }
    stop(&s);
    buf_release(&why);
    world_free(w);
}

static void test_an_error_while_loading_is_said(void **state)
{
    (void)state;
    struct world *w = world_with_users(2);
    for (unsigned fail = 0; fail < 2; fail++) {
        struct started s = {0};
        struct buf why = BUF_INIT;
        fake_db_answer_find(fail ? STORE_ERROR : STORE_LOST, 1);
        assert_int_equal(start_with(w->conf, &s, &why), RC_IO);
        assert_true(why.len > 0);
        feed_free(s.feed);
        cache_free(s.cache);
        buf_release(&why);
    }
    world_free(w);
}

static void test_connecting_is_tried_until_the_deadline(void **state)
{
    (void)state;
    struct buf why = BUF_INIT;
    struct store *store = NULL;
    struct store_conf conf = {0};
    fake_db_reset();
    fake_db_down(true);
    assert_int_equal(start_connect(&conf, mono_ms() + 300, -1, &store, &why), RC_UNAVAILABLE);
    assert_true(fake_db_counts().opens >= 2 && why.len > 0);
    int stop_fd = eventfd(1, 0);
    assert_int_equal(start_connect(&conf, mono_ms() + 60000, stop_fd, &store, &why), RC_CLOSED);
    close(stop_fd);
    fake_db_down(false);
    assert_int_equal(start_connect(&conf, mono_ms(), -1, &store, &why), RC_OK);
    store_close(store);
    buf_release(&why);
    fake_db_release();
}

static void test_a_secret_is_read_without_its_line_end(void **state)
{
    (void)state;
    char path[] = "/tmp/confab-test-secret-XXXXXX";
    struct buf out = BUF_INIT, why = BUF_INIT;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "s3cret \r\n", 9) == 9);
    close(fd);
    assert_int_equal(start_read_secret(path, &out, &why), RC_OK);
    assert_str(buf_str(&out), "s3cret ");
    unlink(path);
    assert_int_equal(start_read_secret(path, &out, &why), RC_IO);
    assert_true(why.len > 0);
    buf_clear(&out);
    assert_int_equal(start_read_secret("", &out, &why), RC_OK);
    assert_int_equal(out.len, 0);
    buf_release(&out);
    buf_release(&why);
}

/* Keys stand behind each other and behind what is said of them: none of them may be lost by the length of the file. */
static void test_a_long_file_of_keys_is_read_to_its_end(void **state)
{
    (void)state;
    char path[] = "/tmp/confab-test-keys-XXXXXX";
    struct buf text = BUF_INIT, why = BUF_INIT;
    struct sealer *all = NULL, *last = NULL;
    const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
    int fd = mkstemp(path);
    buf_addf(&text, "%064d\n", 1);
    for (unsigned i = 0; i < 120; i++) {
        buf_addf(&text, "# %u: when this key came, who made it, and until when it is going to be kept\n", i);
    }
    buf_add_z(&text, key);
    assert_true(fd >= 0 && text.len > 8000 && write(fd, text.p, text.len) == (ssize_t)text.len);
    close(fd);
    struct rest_conf conf = {.content_key_file = path};
    assert_int_equal(start_read_content_keys(&conf, &all, &why), RC_OK);
    assert_int_equal(sealer_new(str_of(key), &last, &why), RC_OK);
    assert_true(sealer_has(all, sealer_id(last)));
    sealer_free(all);
    sealer_free(last);
    unlink(path);
    buf_release(&text);
    buf_release(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_caches_are_what_they_were),
        cmocka_unit_test(test_own_messages_are_counted_over_two_crashes),
        cmocka_unit_test(test_marks_without_broadcasts_count_nothing),
        cmocka_unit_test(test_a_row_of_a_deleted_chat_ends_nothing),
        cmocka_unit_test(test_a_hole_in_the_log_makes_a_shorter_ring),
        cmocka_unit_test(test_old_events_are_not_in_the_ring),
        cmocka_unit_test(test_the_end_of_a_chat_is_replayed_after_a_restart),
        cmocka_unit_test(test_an_error_while_loading_is_said),
        cmocka_unit_test(test_connecting_is_tried_until_the_deadline),
        cmocka_unit_test(test_a_secret_is_read_without_its_line_end),
        cmocka_unit_test(test_a_long_file_of_keys_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
