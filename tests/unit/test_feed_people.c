/* Who types, who comes and goes: told to the others, and nothing of it is stored at the time. */
#include "tests/unit/unit.h"

#include "rest/metrics.h"
#include "rest/ratelimit.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"
#include "tests/lib/feed_world.h"

static struct world *small(unsigned users)
{
    struct feed_conf conf;
    world_conf(&conf);
    return world_new(&conf, users, 1);
}

/* -- typing ------------------------------------------------------------------------------------------------ */

struct typists { /* 1 types; 2, 3 and 4 are in the chat with it; 5 is not */
    struct world *w;
    struct feed_worker *worker;
    uint64_t chat;
    uint32_t slots[6];
    struct inbox in;
};

static struct typists typists(void)
{
    struct typists t = {.w = small(300)};
    t.worker = world_join(t.w, 1, 9);
    for (uint64_t user = 1; user <= 5; user++) {
        t.slots[user] = world_adopt_as(t.w, t.worker, &(struct link_adopt){.user_id = user, .peer_key = 5,
            .dialect = user == 3 ? DIALECT_ROOMS : DIALECT_SUBSCRIBE});
    }
    t.chat = world_group(t.w, 1, 4);
    inbox_take(&t.in, t.worker);
    return t;
}

static void typists_end(struct typists *t)
{
    inbox_clear(&t->in);
    world_free(t->w);
}

/* What the command comes to; what the others get is in t->in, with the reply. */
static enum code types(struct typists *t, uint64_t user, uint64_t chat, uint64_t number)
{
    struct buf up = BUF_INIT;
    struct outcome o;
    uint64_t session;
    struct str body;
    link_put_command(&up, 50, 70, t->slots[user], &(struct cmd){.kind = CMD_TYPING, .chat_id = chat, .number = number});
    assert_int_equal(world_up(t->w, t->worker, &up), RC_OK);
    inbox_take(&t->in, t->worker);
    assert_int_equal(link_get_reply(inbox_at(&t->in, LINK_REPLY, 0)->body, &session, &o, &body), RC_OK);
    buf_release(&up);
    return o.code;
}

static struct link_event typing_event(const struct inbox *in, unsigned nth)
{
    struct link_event e;
    const struct link_frame *f = inbox_at(in, LINK_EPHEMERAL, nth);
    assert_non_null(f);
    assert_int_equal(link_get_event(f->body, &e), RC_OK);
    assert_int_equal(e.event.kind, EV_TYPING);
    assert_int_equal(e.event.event_id, 0);
    return e;
}

static void test_typing_is_shown_to_the_others_who_show_it(void **state)
{
    (void)state;
    struct typists t = typists();
    assert_int_equal(types(&t, 1, t.chat, 1), CODE_OK);
    struct link_event e = typing_event(&t.in, 0);
    assert_true(e.event.number == 1 && e.event.actor.id == 1 && e.event.chat_id == t.chat);
    assert_str(e.event.actor.username, "u1");
    assert_true(e.to.count == 2 && names_slot(&e.to, t.slots[2]) && names_slot(&e.to, t.slots[4]));
    assert_int_equal(types(&t, 1, t.chat, 1), CODE_OK); /* for those who have come meanwhile */
    assert_int_equal(inbox_count(&t.in, LINK_EPHEMERAL), 1);
    assert_int_equal(types(&t, 1, t.chat, 0), CODE_OK);
    assert_int_equal(typing_event(&t.in, 0).event.number, 0);
    assert_int_equal(types(&t, 1, t.chat, 0), CODE_OK); /* nothing new */
    assert_int_equal(inbox_count(&t.in, LINK_EPHEMERAL), 0);
    typists_end(&t);
}

static void test_typing_in_foreign_or_large_chats_reaches_nobody(void **state)
{
    (void)state;
    struct typists t = typists();
    assert_int_equal(types(&t, 5, t.chat, 1), CODE_CHAT_NOT_FOUND);
    assert_int_equal(inbox_count(&t.in, LINK_EPHEMERAL), 0);
    assert_int_equal(types(&t, 1, 99, 1), CODE_CHAT_NOT_FOUND);
    uint64_t limit = world_group(t.w, 1, 200), large = world_group(t.w, 1, 201);
    assert_int_equal(types(&t, 1, limit, 1), CODE_OK);
    assert_int_equal(inbox_count(&t.in, LINK_EPHEMERAL), 1);
    assert_int_equal(types(&t, 1, large, 1), CODE_OK);
    assert_int_equal(inbox_count(&t.in, LINK_EPHEMERAL), 0);
    typists_end(&t);
}

static void test_typing_ends_by_itself(void **state)
{
    (void)state;
    struct typists t = typists();
    uint64_t now = mono_ms();
    assert_int_equal(types(&t, 1, t.chat, 1), CODE_OK);
    feed_tick(t.w->feed, now + 5000);
    inbox_take(&t.in, t.worker);
    assert_int_equal(t.in.count, 0);
    feed_tick(t.w->feed, mono_ms() + 6000);
    inbox_take(&t.in, t.worker);
    struct link_event e = typing_event(&t.in, 0);
    assert_true(e.event.number == 0 && e.event.actor.id == 1);
    feed_tick(t.w->feed, mono_ms() + 60000);
    inbox_take(&t.in, t.worker);
    assert_int_equal(t.in.count, 0);
    typists_end(&t);
}

static void test_one_more_typist_than_there_is_room_for_ends_the_oldest(void **state)
{
    (void)state;
    struct typists t = typists();
    uint64_t first = 0;
    for (unsigned i = 0; i < 17; i++) {
        uint64_t chat = world_group(t.w, 1, 4);
        first = i == 0 ? chat : first;
        assert_int_equal(types(&t, 1, chat, 1), CODE_OK);
    }
    assert_int_equal(inbox_count(&t.in, LINK_EPHEMERAL), 2);
    struct link_event e = typing_event(&t.in, 0);
    assert_true(e.event.number == 0 && e.event.chat_id == first);
    assert_int_equal(metric_get(METRIC_TYPING_ENTRIES), 16);
    typists_end(&t);
}

static void test_typing_is_limited_per_user(void **state)
{
    (void)state;
    struct typists t = typists();
    unsigned good = 0;
    t.w->svc.typing = ratelimit_new(16);
    for (unsigned i = 0; i < 40; i++) {
        enum code code = types(&t, 1, t.chat, 1);
        assert_true(code == CODE_OK || code == CODE_RATE_LIMITED);
        good += code == CODE_OK;
    }
    assert_true(good >= t.w->conf->user_typing_burst && good < 40);
    assert_int_equal(types(&t, 2, t.chat, 1), CODE_OK);
    ratelimit_free(t.w->svc.typing);
    t.w->svc.typing = NULL;
    typists_end(&t);
}

static void test_typing_ends_with_the_last_session(void **state)
{
    (void)state;
    struct typists t = typists();
    struct buf up = BUF_INIT;
    assert_int_equal(types(&t, 1, t.chat, 1), CODE_OK);
    link_put_session_closed(&up, &(struct link_closed){t.slots[1], 5}, 1);
    assert_int_equal(world_up(t.w, t.worker, &up), RC_OK);
    feed_tick(t.w->feed, mono_ms());
    inbox_take(&t.in, t.worker);
    struct link_event e = typing_event(&t.in, 0);
    assert_true(e.event.number == 0 && e.event.actor.id == 1);
    buf_release(&up);
    typists_end(&t);
}

/* -- who comes and goes --------------------------------------------------------------------------------------- */

/* What is told in one tick: how many of these kinds of events, and the last one in *out. */
static unsigned told(struct world *w, struct feed_worker *worker, uint64_t now, struct inbox *in, struct link_event *out)
{
    unsigned n = 0;
    feed_tick(w->feed, now);
    inbox_take(in, worker);
    for (unsigned i = 0; inbox_at(in, LINK_EPHEMERAL, i) != NULL; i++) {
        assert_int_equal(link_get_event(inbox_at(in, LINK_EPHEMERAL, i)->body, out), RC_OK);
        assert_int_equal(out->event.kind, EV_PRESENCE);
        n++;
    }
    return n;
}

static void close_session(struct world *w, struct feed_worker *worker, uint32_t slot)
{
    struct buf up = BUF_INIT;
    link_put_session_closed(&up, &(struct link_closed){slot, 5}, 1);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    buf_release(&up);
}

static uint32_t come(struct world *w, struct feed_worker *worker, uint64_t user, uint32_t options)
{
    return world_adopt_as(w, worker, &(struct link_adopt){.user_id = user, .dialect = DIALECT_SUBSCRIBE, .options = options, .peer_key = 5});
}

static void test_those_who_share_a_chat_and_asked_hear_who_comes_and_goes(void **state)
{
    (void)state;
    struct world *w = small(300);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct link_event e;
    uint64_t now = mono_ms();
    uint32_t watches = come(w, worker, 1, CONN_EVENTS_STATUS);
    come(w, worker, 2, 0);
    come(w, worker, 3, CONN_EVENTS_STATUS);
    (void)told(w, worker, now, &in, &e);
    world_group(w, 1, 3);                      /* 1 2 3 */
    world_group(w, 1, 2);                      /* 1 2: nobody hears twice */
    (void)told(w, worker, now, &in, &e);
    inbox_take(&in, worker);
    world_do(w, &(struct cmd){.kind = CMD_CHAT_CREATE_DIRECT, .actor_id = 1, .user_id = 4});
    uint32_t four = come(w, worker, 4, CONN_EVENTS_STATUS);
    assert_int_equal(told(w, worker, mono_ms(), &in, &e), 1);
    assert_true(e.to.count == 1 && names_slot(&e.to, watches)); /* not 3, who shares no chat, nor oneself */
    assert_true(e.event.event_id == 0 && e.event.number == 1 && e.event.subject.id == 4 && e.event.at_us != 0);
    assert_str(e.event.subject.username, "u4");
    close_session(w, worker, four);
    now = mono_ms();
    assert_int_equal(told(w, worker, now, &in, &e), 0);
    assert_int_equal(told(w, worker, now + 9000, &in, &e), 0);
    assert_int_equal(told(w, worker, now + 11000, &in, &e), 1);
    assert_true(e.event.number == 0 && e.event.subject.id == 4 && names_slot(&e.to, watches));
    inbox_clear(&in);
    world_free(w);
}

static void test_nobody_hears_twice_and_large_chats_tell_nothing(void **state)
{
    (void)state;
    struct world *w = small(300);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct link_event e;
    world_group(w, 1, 200);
    world_group(w, 1, 3);
    world_group(w, 1, 300);
    uint32_t two = come(w, worker, 2, CONN_EVENTS_STATUS), last = come(w, worker, 200, CONN_EVENTS_STATUS);
    come(w, worker, 201, CONN_EVENTS_STATUS);
    (void)told(w, worker, mono_ms(), &in, &e);
    come(w, worker, 1, 0);
    assert_int_equal(told(w, worker, mono_ms(), &in, &e), 1);
    assert_true(e.to.count == 2 && names_slot(&e.to, two) && names_slot(&e.to, last));
    /* The marks turn over. */
    come(w, worker, 3, 0);
    w->feed->mark = UINT32_MAX;
    assert_int_equal(told(w, worker, mono_ms(), &in, &e), 1);
    assert_int_equal(e.to.count, 2);
    inbox_clear(&in);
    world_free(w);
}

static void test_what_one_change_costs_is_bounded(void **state)
{
    (void)state;
    struct feed_conf conf;
    world_conf(&conf);
    conf.presence_fanout_max = 10;
    struct world *w = world_new(&conf, 30, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct link_event e;
    int64_t cut = metric_get(METRIC_PRESENCE_CUT);
    world_group(w, 1, 6);
    uint64_t more[] = {7, 8, 9, 10, 11};
    world_do(w, &(struct cmd){.kind = CMD_CHAT_CREATE_GROUP, .actor_id = 1, .name = STR("More"), .users = more, .users_count = 5});
    uint32_t two = come(w, worker, 2, CONN_EVENTS_STATUS);
    come(w, worker, 8, CONN_EVENTS_STATUS);
    (void)told(w, worker, mono_ms(), &in, &e);
    assert_int_equal(metric_get(METRIC_PRESENCE_CUT), cut);
    come(w, worker, 1, 0);
    assert_int_equal(told(w, worker, mono_ms(), &in, &e), 1);
    assert_true(e.to.count == 1 && names_slot(&e.to, two));
    assert_int_equal(metric_get(METRIC_PRESENCE_CUT), cut + 1);
    inbox_clear(&in);
    world_free(w);
}

static void test_a_lost_worker_and_a_restart_are_no_news(void **state)
{
    (void)state;
    struct world *w = small(4);
    struct feed_worker *worker = world_join(w, 1, 9), *other = world_join(w, 2, 9), *back = NULL;
    struct inbox in = {0};
    struct link_event e;
    struct link_hello hello = {.worker = 2, .incarnation = 9, .capacity = 10};
    struct link_hello_user users[] = {{4, 2, 1, 3}, {5, 3, 1, 3}};
    bool online = false;
    uint64_t seen_us = 0;
    world_group(w, 1, 4);
    assert_int_equal(world_try_adopt(w, 2, 0), CODE_OK); /* to the first: both have none */
    come(w, worker, 1, CONN_EVENTS_STATUS);
    (void)told(w, worker, mono_ms(), &in, &e);
    /* Users 2 and 3 have been there all the time: this process has just begun. */
    feed_leave(w->feed, other);
    w->feed->started_ms = mono_ms();
    assert_int_equal(feed_join(w->feed, &hello, users + 1, 1, NULL, 0, &back), RC_OK);
    assert_int_equal(told(w, worker, mono_ms(), &in, &e), 0);
    feed_presence(w->feed, cache_user_index(w->cache, 3), &online, &seen_us);
    assert_true(online && seen_us != 0);
    feed_leave(w->feed, back);
    uint64_t now = mono_ms();
    assert_int_equal(told(w, worker, now, &in, &e), 0);
    assert_int_equal(told(w, worker, now + 30000, &in, &e), 0);
    assert_int_equal(told(w, worker, now + 61000, &in, &e), 1);
    assert_true(e.event.number == 0 && e.event.subject.id == 3);
    /* Much later it is news. */
    w->feed->started_ms = 0;
    assert_int_equal(feed_join(w->feed, &hello, users + 1, 1, NULL, 0, &back), RC_OK);
    assert_int_equal(told(w, worker, now + 70000, &in, &e), 1);
    assert_true(e.event.number == 1 && e.event.subject.id == 3);
    inbox_clear(&in);
    world_free(w);
}

static void test_who_was_there_before_a_restart_and_does_not_come_back_has_gone(void **state)
{
    (void)state;
    struct world *w = small(4);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct link_event e;
    bool online = false;
    uint64_t seen_us = 0, now = mono_ms();
    world_group(w, 1, 4);
    feed_warm_seen(w->feed, 2, 1234, true);
    feed_warm_seen(w->feed, 3, 5678, false);
    feed_warm_seen(w->feed, 99, 1, true);
    feed_presence(w->feed, cache_user_index(w->cache, 2), &online, &seen_us);
    assert_true(online);
    feed_presence(w->feed, cache_user_index(w->cache, 3), &online, &seen_us);
    assert_true(!online && seen_us == 5678);
    feed_presence(w->feed, cache_user_index(w->cache, 4), &online, &seen_us);
    assert_true(!online && seen_us == 0);
    come(w, worker, 1, CONN_EVENTS_STATUS);
    (void)told(w, worker, now, &in, &e);
    assert_int_equal(told(w, worker, now + 50000, &in, &e), 0);
    assert_int_equal(told(w, worker, now + 61000, &in, &e), 1);
    assert_true(e.event.number == 0 && e.event.subject.id == 2 && e.event.at_us == 1234);
    inbox_clear(&in);
    world_free(w);
}

static void test_times_are_stored_now_and_then_and_again_when_that_fails(void **state)
{
    (void)state;
    struct world *w = small(4);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct link_event e;
    uint64_t now = mono_ms();
    come(w, worker, 1, 0);
    uint32_t two = come(w, worker, 2, 0);
    (void)told(w, worker, now, &in, &e);
    assert_int_equal(world_submitted, 0);
    world_submit_outcome = CODE_UNAVAILABLE;
    (void)told(w, worker, now + 31000, &in, &e);
    assert_int_equal(world_submitted, 1);
    (void)told(w, worker, now + 40000, &in, &e);
    assert_int_equal(world_submitted, 1);
    world_submit_outcome = CODE_OK;
    world_command_code = CODE_QUEUE_FULL;
    (void)told(w, worker, now + 62000, &in, &e);
    assert_int_equal(world_submitted, 2);
    world_command_code = CODE_OK;
    (void)told(w, worker, now + 93000, &in, &e);
    assert_int_equal(world_submitted, 3);
    assert_true(world_last_submitted.kind == CMD_LAST_SEEN && world_seen_count == 2);
    (void)told(w, worker, now + 124000, &in, &e);
    assert_int_equal(world_submitted, 3); /* nothing has changed */
    close_session(w, worker, two);
    (void)told(w, worker, mono_ms(), &in, &e);
    (void)told(w, worker, mono_ms() + 11000, &in, &e);
    (void)told(w, worker, now + 156000, &in, &e);
    assert_int_equal(world_submitted, 4);
    assert_true(world_seen_count == 1 && world_seen_users[0] == 2 && world_seen_content[8] == 0);
    /* The end: whoever is there was seen now. */
    assert_int_equal(feed_run(w->feed), RC_OK);
    feed_stop(w->feed);
    assert_int_equal(world_submitted, 5);
    assert_true(world_seen_count == 1 && world_seen_users[0] == 1 && world_seen_content[8] == 1);
    inbox_clear(&in);
    world_free(w);
}

/* However much is typed, looked at, come and gone: the writer hears of it once, with all of it. */
static void test_nothing_that_is_live_costs_a_batch(void **state)
{
    (void)state;
    struct typists t = typists();
    uint64_t now = mono_ms();
    struct buf up = BUF_INIT;
    for (unsigned i = 0; i < 200; i++) {
        (void)types(&t, 1 + i % 4, t.chat, i % 3 != 0);
        buf_clear(&up);
        link_put_command(&up, 50, 70, t.slots[2], &(struct cmd){.kind = CMD_FOCUS, .chat_id = t.chat});
        link_put_presence(&up, &(struct link_presence){t.slots[1], t.chat, true}, 1);
        link_put_session_closed(&up, &(struct link_closed){t.slots[5], 5}, 1);
        assert_int_equal(world_up(t.w, t.worker, &up), RC_OK);
        feed_tick(t.w->feed, now + i);
        come(t.w, t.worker, 5, CONN_EVENTS_STATUS);
        feed_tick(t.w->feed, now + i);
    }
    assert_int_equal(world_submitted, 0);
    feed_tick(t.w->feed, now + 31000);
    assert_int_equal(world_submitted, 1);
    buf_release(&up);
    typists_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_typing_is_shown_to_the_others_who_show_it),
        cmocka_unit_test(test_typing_in_foreign_or_large_chats_reaches_nobody),
        cmocka_unit_test(test_typing_ends_by_itself),
        cmocka_unit_test(test_one_more_typist_than_there_is_room_for_ends_the_oldest),
        cmocka_unit_test(test_typing_is_limited_per_user),
        cmocka_unit_test(test_typing_ends_with_the_last_session),
        cmocka_unit_test(test_those_who_share_a_chat_and_asked_hear_who_comes_and_goes),
        cmocka_unit_test(test_nobody_hears_twice_and_large_chats_tell_nothing),
        cmocka_unit_test(test_what_one_change_costs_is_bounded),
        cmocka_unit_test(test_a_lost_worker_and_a_restart_are_no_news),
        cmocka_unit_test(test_who_was_there_before_a_restart_and_does_not_come_back_has_gone),
        cmocka_unit_test(test_times_are_stored_now_and_then_and_again_when_that_fails),
        cmocka_unit_test(test_nothing_that_is_live_costs_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
