/* Publishing: the order in a stream, who gets what, and the recipient sets of large chats. */
#include "tests/unit/unit.h"

#include "shared/clock.h"
#include "rest/event_fill.h"
#include "tests/lib/feed_world.h"

static struct world *small(unsigned users)
{
    struct feed_conf conf;
    world_conf(&conf);
    return world_new(&conf, users, 1);
}

static void test_events_stand_in_id_order_and_replies_behind_theirs(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 3);
    inbox_take(&in, worker);
    struct cmd sends[3];
    struct feed_reply_to to[3];
    struct outcome out[3];
    for (unsigned i = 0; i < 3; i++) {
        sends[i] = (struct cmd){.kind = CMD_MESSAGE_SEND, .actor_id = 1, .chat_id = chat, .name = STR("text"),
                                .content = STR("x"), .origin_worker = 1, .origin_session = 70 + i};
        to[i] = (struct feed_reply_to){1, 9, 100 + i, 70 + i, false};
    }
    world_batch(w, sends, to, out, 3);
    inbox_take(&in, worker);
    assert_int_equal(in.count, 7);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(in.frames[2 * i].type, LINK_EVENT);
        struct link_event e = inbox_event(&in, i);
        assert_true(e.event.event_id == out[i].event_id && e.event.origin_session == 70 + i);
        assert_int_equal(in.frames[2 * i + 1].type, LINK_REPLY);
        assert_int_equal(in.frames[2 * i + 1].request, 100 + i);
        struct outcome o;
        uint64_t session;
        struct str body;
        assert_int_equal(link_get_reply(in.frames[2 * i + 1].body, &session, &o, &body), RC_OK);
        assert_true(o.event_id == out[i].event_id && session == 70 + i);
    }
    uint64_t position = 0;
    assert_int_equal(in.frames[6].type, LINK_POSITION);
    assert_int_equal(link_get_position(in.frames[6].body, &position), RC_OK);
    assert_true(position == out[2].event_id && feed_published(w->feed) == position);
    inbox_clear(&in);
    world_free(w);
}

static void test_a_reply_does_not_reach_another_process_with_the_number(void **state)
{
    (void)state;
    struct world *w = small(2);
    struct feed_worker *worker = world_join(w, 1, 10);
    struct inbox in = {0};
    struct outcome o = {.code = CODE_OK};
    feed_reply(w->feed, &(struct feed_reply_to){1, 9, 5, 70, false}, &o);
    world_batch(w, &(struct cmd){.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = 1, .user_id = 2},
                &(struct feed_reply_to){1, 9, 6, 70, false}, &o, 1);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_REPLY), 0);
    feed_reply(w->feed, &(struct feed_reply_to){1, 10, 5, 70, false}, &o);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_REPLY), 1);
    inbox_clear(&in);
    world_free(w);
}

static void test_the_removed_hears_of_it_and_the_added_of_their_coming(void **state)
{
    (void)state;
    struct world *w = small(4);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    uint32_t slots[5];
    for (unsigned i = 1; i <= 4; i++) {
        slots[i] = world_adopt(w, worker, i, 5);
    }
    uint64_t chat = world_group(w, 1, 2);
    inbox_take(&in, worker);
    struct link_event e = inbox_event(&in, 0);
    assert_true(names_slot(&e.to, slots[1]) && names_slot(&e.to, slots[2]) && e.to.count == 2);
    uint64_t three = 3;
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_ADD, .actor_id = 1, .chat_id = chat, .users = &three, .users_count = 1});
    inbox_take(&in, worker);
    e = inbox_event(&in, 0);
    assert_true(e.event.kind == EV_MEMBER_ADDED && names_slot(&e.to, slots[3]) && e.to.count == 3);
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = 1, .chat_id = chat, .user_id = 2});
    inbox_take(&in, worker);
    e = inbox_event(&in, 0);
    assert_true(e.event.kind == EV_MEMBER_REMOVED && names_slot(&e.to, slots[2]) && e.to.count == 3);
    world_send(w, 1, chat, "without two");
    inbox_take(&in, worker);
    e = inbox_event(&in, 0);
    assert_true(!names_slot(&e.to, slots[2]) && e.to.count == 2);
    world_do(w, &(struct cmd){.kind = CMD_CHAT_DELETE, .actor_id = 1, .chat_id = chat});
    inbox_take(&in, worker);
    e = inbox_event(&in, 0);
    assert_true(e.event.kind == EV_CHAT_DELETED && e.to.count == 2 && names_slot(&e.to, slots[1]) &&
                names_slot(&e.to, slots[3]));
    inbox_clear(&in);
    world_free(w);
}

static void test_who_joined_later_gets_no_older_message_again(void **state)
{
    (void)state;
    struct world *w = small(300);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    uint32_t first = world_adopt(w, worker, 1, 5), late = world_adopt(w, worker, 300, 5);
    for (unsigned size = 2; size <= 299; size += 297) { /* by list and by set */
        uint64_t chat = world_group(w, 1, size), member = 300;
        struct outcome sent = world_send(w, 1, chat, "before");
        world_do(w, &(struct cmd){.kind = CMD_MEMBER_ADD, .actor_id = 1, .chat_id = chat, .users = &member, .users_count = 1});
        inbox_take(&in, worker);
        struct job *j = job_new(&(struct cmd){.kind = CMD_MESSAGE_EDIT, .actor_id = 1, .chat_id = chat,
                                              .message_id = sent.message_id, .content = STR("still before")},
                                NULL, NULL, 0);
        j->has_message = true;
        j->message = (struct ov_message){.id = sent.message_id, .chat_id = chat, .seq = sent.seq, .sender_id = 1,
                                         .version = 1, .kind = "text"};
        decide(&w->d, j);
        assert_int_equal(j->outcome.code, CODE_OK);
        feed_publish(w->feed, &w->batch, &j, 1);
        overlay_clear(w->d.overlay);
        batch_clear(&w->batch);
        job_free(j);
        inbox_take(&in, worker);
        struct link_event e = inbox_event(&in, 0);
        assert_int_equal(e.event.kind, EV_MESSAGE_EDITED);
        assert_int_equal(e.to.to, LINK_TO_SLOTS);
        assert_true(names_slot(&e.to, first) && !names_slot(&e.to, late));
    }
    inbox_clear(&in);
    world_free(w);
}

static unsigned set_frames(const struct inbox *in, uint16_t type, uint64_t set, uint32_t slot)
{
    unsigned n = 0;
    for (unsigned i = 0; i < in->count; i++) {
        uint64_t id;
        struct rd slots;
        uint16_t count;
        if (in->frames[i].type != type) {
            continue;
        }
        assert_int_equal(link_get_set(in->frames[i].body, &id, &slots, &count), RC_OK);
        for (uint16_t k = 0; id == set && k < count; k++) {
            n += rd_be32(&slots) == slot;
        }
    }
    return n;
}

static void test_a_large_chat_is_announced_by_set(void **state)
{
    (void)state;
    struct world *w = small(400);
    struct feed_worker *worker = world_join(w, 1, 9), *empty;
    struct inbox in = {0};
    uint32_t one = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 300), add[2] = {400, 399};
    empty = world_join(w, 2, 9);
    inbox_take(&in, worker);
    assert_int_equal(set_frames(&in, LINK_SET_ADD, chat, one), 1);
    struct link_event e = inbox_event(&in, 0);
    assert_true(e.to.to == LINK_TO_SET && e.to.set == chat);
    /* One who comes to the worker is put in before anything else is sent to the set. */
    uint32_t slot_400 = 0;
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_ADD, .actor_id = 1, .chat_id = chat, .users = add, .users_count = 2});
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_SET_ADD), 0);
    feed_leave(w->feed, empty);
    assert_int_equal(world_try_adopt(w, 400, 5), CODE_OK);
    inbox_take(&in, worker);
    assert_int_equal(in.frames[0].type, LINK_SET_ADD);
    assert_int_equal(in.frames[1].type, LINK_ADOPT);
    struct link_adopt a;
    assert_int_equal(link_get_adopt(in.frames[1].body, &a), RC_OK);
    slot_400 = a.slot;
    assert_int_equal(set_frames(&in, LINK_SET_ADD, chat, slot_400), 1);
    /* Removed: out of the set first, then told beside it. */
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = 1, .chat_id = chat, .user_id = 400});
    inbox_take(&in, worker);
    assert_int_equal(in.frames[0].type, LINK_SET_REMOVE);
    assert_int_equal(set_frames(&in, LINK_SET_REMOVE, chat, slot_400), 1);
    e = inbox_event(&in, 0);
    assert_true(e.to.to == LINK_TO_SET && e.to.count == 1 && names_slot(&e.to, slot_400));
    /* The end of the chat ends the set. */
    world_do(w, &(struct cmd){.kind = CMD_CHAT_DELETE, .actor_id = 1, .chat_id = chat});
    inbox_take(&in, worker);
    assert_int_equal(set_frames(&in, LINK_SET_REMOVE, chat, one), 1);
    assert_int_equal(worker->sets.count, 0);
    inbox_clear(&in);
    world_free(w);
}

static void test_a_slot_that_changes_hands_is_in_no_set_of_before(void **state)
{
    (void)state;
    struct world *w = small(400);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct buf up = BUF_INIT;
    world_adopt(w, worker, 1, 5);
    uint32_t member = world_adopt(w, worker, 2, 5);
    uint64_t chat = world_group(w, 1, 300);
    inbox_take(&in, worker);
    assert_int_equal(set_frames(&in, LINK_SET_ADD, chat, member), 1);
    link_put_session_closed(&up, &(struct link_closed){member, 5}, 1);
    link_put_gone(&up, member, 1);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    inbox_take(&in, worker);
    assert_int_equal(set_frames(&in, LINK_SET_REMOVE, chat, member), 1);
    assert_int_equal(world_adopt(w, worker, 350, 5), member);
    world_send(w, 1, chat, "not for 350");
    inbox_take(&in, worker);
    assert_int_equal(set_frames(&in, LINK_SET_ADD, chat, member), 0);
    struct link_event e = inbox_event(&in, 0);
    assert_int_equal(e.to.count, 0);
    inbox_clear(&in);
    buf_release(&up);
    world_free(w);
}

static void test_a_worker_without_members_is_not_told(void **state)
{
    (void)state;
    struct world *w = small(400);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    world_adopt(w, worker, 400, 5);
    uint64_t chat = world_group(w, 1, 300);
    world_send(w, 1, chat, "far away");
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 0);
    assert_int_equal(inbox_count(&in, LINK_POSITION), 2);
    inbox_clear(&in);
    world_free(w);
}

static void test_a_stream_that_is_too_long_is_broken_off(void **state)
{
    (void)state;
    struct feed_conf conf;
    world_conf(&conf);
    conf.stream_max_bytes = 4000;
    struct world *w = world_new(&conf, 2, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2);
    assert_int_equal(world_try_adopt(w, 1, 5), CODE_OK);
    for (unsigned i = 0; i < 40; i++) {
        world_send(w, 1, chat, "a message that nobody takes");
    }
    inbox_take(&in, worker);
    assert_true(in.broken);
    assert_int_equal(in.count, 0);
    assert_int_equal(in.fds, 0);
    assert_int_equal(feed_workers_ready(w->feed), 0);
    assert_int_equal(world_try_adopt(w, 1, 5), CODE_NO_WORKER);
    world_given_back = 0;
    feed_leave(w->feed, worker);
    assert_int_equal(world_given_back, 1);
    assert_int_equal(world_give_back_code, CODE_NO_WORKER); /* it never went out: the client can be told */
    inbox_clear(&in);
    world_free(w);
}

static void test_waiting_for_an_event_ends_with_it_or_with_the_deadline(void **state)
{
    (void)state;
    struct world *w = small(2);
    assert_true(feed_wait_published(w->feed, 0, mono_ms()));
    assert_false(feed_wait_published(w->feed, 1, mono_ms() + 5));
    world_group(w, 1, 2);
    assert_true(feed_wait_published(w->feed, 1, mono_ms() + 5));
    struct buf cursor = BUF_INIT;
    feed_add_cursor(w->feed, &cursor, 1);
    assert_str(buf_str(&cursor), "12345678.1");
    buf_release(&cursor);
    world_free(w);
}

static void test_a_worker_that_comes_back_gets_what_it_missed(void **state)
{
    (void)state;
    struct world *w = small(300);
    uint64_t chat = world_group(w, 1, 3), big = world_group(w, 1, 299), two = 2;
    uint64_t position = feed_published(w->feed);
    world_send(w, 1, chat, "missed");
    world_send(w, 1, big, "missed too");
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = 1, .chat_id = chat, .user_id = 2});
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_ADD, .actor_id = 1, .chat_id = chat, .users = &two, .users_count = 1});
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = 1, .chat_id = chat, .user_id = 3});
    struct link_hello_user users[] = {{4, 2, 1, 3}, {9, 3, 2, 2}};
    struct link_hello_peer peers[] = {{5, 3}};
    struct link_hello hello = {.worker = 1, .incarnation = 9, .log_id = WORLD_LOG_ID, .position = position, .capacity = 10};
    struct feed_worker *worker = NULL;
    struct inbox in = {0};
    struct link_welcome welcome;
    assert_int_equal(feed_join(w->feed, &hello, users, 2, peers, 1, &worker), RC_OK);
    inbox_take(&in, worker);
    assert_int_equal(in.frames[0].type, LINK_WELCOME);
    assert_int_equal(link_get_welcome(in.frames[0].body, &welcome), RC_OK);
    assert_true(welcome.resumed && welcome.published == feed_published(w->feed));
    /* The first message is for nobody here: 3 is no member any more, 2 has joined after it. */
    assert_int_equal(inbox_count(&in, LINK_EVENT), 4);
    assert_int_equal(inbox_event(&in, 0).to.to, LINK_TO_SET);
    struct link_event e = inbox_event(&in, 1); /* removed and in again: named once */
    assert_true(e.event.kind == EV_MEMBER_REMOVED && names_slot(&e.to, 4) && e.to.count == 1);
    e = inbox_event(&in, 3);
    assert_true(e.event.kind == EV_MEMBER_REMOVED && names_slot(&e.to, 9) && names_slot(&e.to, 4));
    assert_int_equal(in.frames[in.count - 1].type, LINK_POSITION);
    inbox_clear(&in);
    world_free(w);
}

static void test_a_worker_that_missed_more_than_its_stream_holds_begins_anew(void **state)
{
    (void)state;
    struct feed_conf conf;
    world_conf(&conf);
    conf.stream_max_bytes = 20000;
    struct world *w = world_new(&conf, 300, 1);
    uint64_t chat = world_group(w, 1, 299);
    char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (unsigned i = 0; i < 5000; i++) {
        world_send(w, 1, chat, text);
    }
    for (unsigned all = 0; all < 2; all++) {
        struct link_hello hello = {.worker = 1, .incarnation = 9, .log_id = WORLD_LOG_ID, .capacity = 10,
                                   .position = all ? 0 : feed_published(w->feed) - 5};
        struct link_hello_user user = {4, 2, 1, 3};
        struct link_welcome welcome;
        struct feed_worker *worker = NULL;
        struct inbox in = {0};
        assert_int_equal(feed_join(w->feed, &hello, &user, 1, NULL, 0, &worker), RC_OK);
        inbox_take(&in, worker);
        assert_false(in.broken);
        assert_int_equal(link_get_welcome(in.frames[0].body, &welcome), RC_OK);
        assert_int_equal(welcome.resumed, !all);
        assert_int_equal(inbox_count(&in, LINK_EVENT), all ? 0 : 5);
        assert_int_equal(inbox_count(&in, LINK_SET_ADD), all ? 0 : 1);
        world_send(w, 1, chat, "next");
        inbox_take(&in, worker);
        assert_int_equal(inbox_count(&in, LINK_SET_ADD), all); /* the set is built when it is needed */
        inbox_clear(&in);
        feed_leave(w->feed, worker);
    }
    world_free(w);
}

/* The events of people's own are not looked through again for each event. */
static void test_catching_up_is_linear(void **state)
{
    (void)state;
    struct world *w = small(2);
    enum { MANY = 60000 };
    for (unsigned i = 0; i < MANY; i++) {
        world_do(w, &(struct cmd){.kind = CMD_USER_UPDATE, .user_id = 1, .content = i % 2 ? STR("A") : STR("B")});
    }
    struct link_hello hello = {.worker = 1, .incarnation = 9, .log_id = WORLD_LOG_ID, .position = 0, .capacity = 10};
    struct feed_worker *worker = NULL;
    struct link_hello_user user = {1, 1, 1, 1};
    struct inbox in = {0};
    uint64_t began = mono_ms();
    assert_int_equal(feed_join(w->feed, &hello, &user, 1, NULL, 0, &worker), RC_OK);
    assert_true(mono_ms() - began < 1000);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT), MANY);
    inbox_clear(&in);
    world_free(w);
}

static void test_kicks_name_the_slot(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    uint32_t slot = world_adopt(w, worker, 2, 5), got;
    uint64_t session, family;
    enum code code;
    feed_kick(w->feed, 1, 0, CODE_FORBIDDEN);
    feed_kick(w->feed, 99, 0, CODE_FORBIDDEN);
    feed_kick(w->feed, 2, 8, CODE_FORBIDDEN);
    inbox_take(&in, worker);
    assert_int_equal(in.count, 1);
    assert_int_equal(link_get_kick(in.frames[0].body, &got, &session, &family, &code), RC_OK);
    assert_true(got == slot && session == 0 && family == 8 && code == CODE_FORBIDDEN);
    inbox_clear(&in);
    world_free(w);
}

static void test_the_warm_ring_serves_resuming_workers(void **state)
{
    (void)state;
    struct feed_conf conf;
    world_conf(&conf);
    struct world *w = world_new(&conf, 3, 1);
    uint64_t chat = world_group(w, 1, 2);
    feed_warm_from(w->feed, 5);
    for (uint64_t id = 5; id < 9; id++) {
        feed_warm(w->feed, &(struct row_event){.id = id, .kind = EV_READ, .chat_id = chat, .seq = 1, .actor_id = 1},
                  &(struct event_rows){0});
    }
    /* A hole in the log ends the ring there instead of the process. */
    feed_warm(w->feed, &(struct row_event){.id = 20, .kind = EV_READ, .chat_id = chat, .seq = 1, .actor_id = 1},
                  &(struct event_rows){0});
    feed_warm(w->feed, &(struct row_event){.id = 21, .kind = EV_READ, .chat_id = chat, .seq = 1, .actor_id = 1},
                  &(struct event_rows){0});
    assert_true(w->feed->ring.first == 20 && w->feed->ring.next == 22);
    assert_true(ring_at(&w->feed->ring, 21)->prev_in_chat == 20);
    assert_true(ring_at(&w->feed->ring, 20)->prev_in_chat == 0);
    feed_start(w->feed, &(struct store_head){.log_id = WORLD_LOG_ID, .next_event = 22});
    assert_true(feed_published(w->feed) == 21);
    world_free(w);
}

static void test_the_warm_ring_stays_within_its_bytes(void **state)
{
    (void)state;
    struct feed_conf conf;
    world_conf(&conf);
    conf.ring_max_bytes = 100000;
    struct world *w = world_new(&conf, 3, 1);
    uint64_t chat = world_group(w, 1, 2);
    struct row_message m = {.chat_id = chat, .seq = 1, .sender_id = 1, .kind = STR("text")};
    char text[5000];
    memset(text, 'x', sizeof(text));
    m.content = (struct str){text, sizeof(text)};
    feed_warm_from(w->feed, 2);
    for (uint64_t id = 2; id < 100; id++) {
        m.id = id;
        feed_warm(w->feed, &(struct row_event){.id = id, .kind = EV_MESSAGE, .chat_id = chat, .seq = 1, .actor_id = 1},
                  &(struct event_rows){.message = &m});
        assert_true(w->feed->ring.bytes <= conf.ring_max_bytes);
    }
    assert_true(w->feed->ring.next == 100 && w->feed->ring.first > 70);
    assert_true(ring_at(&w->feed->ring, 99)->prev_in_chat == 98);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_stand_in_id_order_and_replies_behind_theirs),
        cmocka_unit_test(test_a_reply_does_not_reach_another_process_with_the_number),
        cmocka_unit_test(test_the_removed_hears_of_it_and_the_added_of_their_coming),
        cmocka_unit_test(test_who_joined_later_gets_no_older_message_again),
        cmocka_unit_test(test_a_large_chat_is_announced_by_set),
        cmocka_unit_test(test_a_slot_that_changes_hands_is_in_no_set_of_before),
        cmocka_unit_test(test_a_worker_without_members_is_not_told),
        cmocka_unit_test(test_a_stream_that_is_too_long_is_broken_off),
        cmocka_unit_test(test_waiting_for_an_event_ends_with_it_or_with_the_deadline),
        cmocka_unit_test(test_a_worker_that_comes_back_gets_what_it_missed),
        cmocka_unit_test(test_a_worker_that_missed_more_than_its_stream_holds_begins_anew),
        cmocka_unit_test(test_catching_up_is_linear),
        cmocka_unit_test(test_kicks_name_the_slot),
        cmocka_unit_test(test_the_warm_ring_serves_resuming_workers),
        cmocka_unit_test(test_the_warm_ring_stays_within_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
