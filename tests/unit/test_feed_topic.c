/* Who looks at an event session: let in, shown the last check-ins, told to go. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "rest/sessions.h"
#include "shared/checkin.h"
#include "shared/mem.h"
#include "tests/lib/fake_store.h"
#include "tests/lib/feed_world.h"

enum { TOPIC = 44, OTHER = 45, SESSION = 70, GENERATION = 3 };

static struct world *make(void)
{
    struct feed_conf conf;
    world_conf(&conf);
    conf.dashboard_viewers_max = 100;
    conf.dashboard_replay_max = 10;
    struct world *w = world_new(&conf, 5, 1);
    world_session(w, TOPIC, SESSION_LINK);
    world_session(w, OTHER, SESSION_LINK);
    return w;
}

static struct outcome check_in(struct world *w, uint64_t topic, uint64_t user)
{
    return world_do(w, &(struct cmd){.kind = CMD_CHECKIN, .actor_id = 1, .chat_id = topic, .user_id = user});
}

static struct outcome set_visibility(struct world *w, unsigned visibility)
{
    return world_do(w, &(struct cmd){.kind = CMD_SESSION_UPDATE, .actor_id = 1, .chat_id = TOPIC, .number = visibility});
}

static struct feed_worker *watched(struct world *w)
{
    struct feed_worker *worker = world_join(w, 1, 9);
    world_adopt_as(w, worker, &(struct link_adopt){.topic = TOPIC, .peer_key = 5});
    return worker;
}

static void attach(struct world *w, struct feed_worker *worker, uint64_t topic, uint64_t count)
{
    struct buf up = BUF_INIT;
    link_put_attach(&up, &(struct link_attach){.session = SESSION, .generation = GENERATION, .since = count, .topic = topic});
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    buf_release(&up);
}

/* What came to the worker for the session, in the order in which it would be shown. */
struct shown {
    uint64_t ids[64];
    char last[512]; /* payload */
    unsigned count, chunks, live, gap;
};

static void show(struct shown *s, const struct event *e)
{
    if (e->kind != EV_CHECKIN) {
        return;
    }
    assert_true(s->count == 0 || e->event_id > s->ids[s->count - 1]);
    assert_true(e->number == TOPIC);
    s->ids[s->count++] = e->event_id;
    snprintf(s->last, sizeof(s->last), "%.*s", (int)e->payload.len, e->payload.p);
}

static void show_chunk(struct shown *s, struct str body)
{
    uint64_t session, last;
    uint32_t generation;
    uint16_t count;
    struct rd events;
    struct event e = {0};
    assert_int_equal(link_get_chunk(body, &session, &generation, &count, &last, &events), RC_OK);
    assert_true(session == SESSION && generation == GENERATION);
    for (uint16_t i = 0; i < count; i++) {
        assert_int_equal(event_decode(&events, &e), RC_OK);
        show(s, &e);
    }
    assert_true(e.event_id == last);
    s->chunks++;
}

static void read_all(struct shown *s, struct inbox *in)
{
    for (unsigned i = 0; i < in->count; i++) {
        const struct link_frame *f = &in->frames[i];
        struct link_event e;
        if (f->type == LINK_CHUNK) {
            assert_int_equal(s->live, 0);
            show_chunk(s, f->body);
        } else if (f->type == LINK_LIVE) {
            s->live++;
        } else if (f->type == LINK_GAP) {
            s->gap++;
        } else if (f->type == LINK_EVENT && s->live > 0) { /* before that the stream is not for it */
            assert_int_equal(link_get_event(f->body, &e), RC_OK);
            show(s, &e.event);
        }
    }
}

static struct shown replay(struct world *w, struct feed_worker *worker, uint64_t count)
{
    struct shown s = {0};
    struct inbox in = {0};
    struct store *store = fake_db_open();
    inbox_take(&in, worker);
    attach(w, worker, TOPIC, count);
    while (world_db_waiting() > 0) {
        world_db_run(store);
    }
    inbox_take(&in, worker);
    read_all(&s, &in);
    inbox_clear(&in);
    store_close(store);
    assert_null(feed_attach_find(worker, SESSION));
    return s;
}

static void test_the_last_check_ins_and_then_live(void **state)
{
    (void)state;
    struct world *w = make();
    struct feed_worker *worker = watched(w);
    uint64_t ids[8];
    for (unsigned i = 0; i < 4; i++) {
        ids[i] = check_in(w, TOPIC, 2 + i).event_id;
        check_in(w, OTHER, 2 + i);
    }
    struct shown s = replay(w, worker, 3);
    assert_true(s.count == 3 && s.live == 1 && s.gap == 0);
    assert_memory_equal(s.ids, ids + 1, 3 * sizeof(ids[0]));
    assert_non_null(strstr(s.last, "\"user_name\":\"u5\""));
    s = replay(w, worker, 9);
    assert_true(s.count == 4 && s.live == 1);
    s = replay(w, worker, 0);
    assert_true(s.count == 0 && s.live == 1);
    world_free(w);
}

static void test_a_replay_has_a_limit(void **state)
{
    (void)state;
    struct world *w = make();
    struct feed_worker *worker = watched(w);
    for (unsigned i = 0; i < 30; i++) {
        check_in(w, TOPIC, 2); /* failed ones are shown, too */
    }
    struct shown s = replay(w, worker, 1000);
    assert_true(s.count == 10 && s.live == 1);
    assert_non_null(strstr(s.last, "\"message\":\"Already checked in\""));
    s = replay(w, worker, UINT64_MAX);
    assert_int_equal(s.count, 10);
    w->feed->conf.dashboard_replay_max = 0;
    s = replay(w, worker, 5);
    assert_true(s.count == 0 && s.live == 1);
    world_free(w);
}

/* Whatever is published while the database is read stands between what was read and the stream, once. */
static void test_nothing_is_lost_or_doubled_around_the_read(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 4; before++) {
        struct world *w = make();
        struct feed_worker *worker = watched(w);
        struct inbox in = {0};
        struct shown s = {0};
        uint64_t first = check_in(w, TOPIC, 2).event_id;
        inbox_take(&in, worker);
        attach(w, worker, TOPIC, 8);
        for (unsigned i = 0; i < before; i++) {
            check_in(w, OTHER, 2);
            check_in(w, TOPIC, 3 + i % 2);
        }
        struct store *store = fake_db_open();
        world_db_run(store);
        for (unsigned i = before; i < 4; i++) {
            check_in(w, OTHER, 2);
            check_in(w, TOPIC, 3 + i % 2);
        }
        inbox_take(&in, worker);
        read_all(&s, &in);
        assert_true(s.live == 1 && s.count == 5);
        for (unsigned i = 0; i < 5; i++) {
            assert_true(s.ids[i] == first + 2 * i);
        }
        store_close(store);
        inbox_clear(&in);
        world_free(w);
    }
}

static void test_the_newest_win_when_many_come_meanwhile(void **state)
{
    (void)state;
    struct world *w = make();
    struct feed_worker *worker = watched(w);
    struct inbox in = {0};
    struct shown s = {0};
    check_in(w, TOPIC, 2);
    inbox_take(&in, worker);
    attach(w, worker, TOPIC, 3);
    uint64_t last = 0;
    for (unsigned i = 0; i < 5; i++) {
        last = check_in(w, TOPIC, 3).event_id;
    }
    struct store *store = fake_db_open();
    world_db_run(store);
    inbox_take(&in, worker);
    read_all(&s, &in);
    assert_true(s.count == 3 && s.ids[2] == last && s.ids[0] == last - 2);
    store_close(store);
    inbox_clear(&in);
    world_free(w);
}

static void test_large_frames_come_in_several_chunks(void **state)
{
    (void)state;
    struct world *w = make();
    struct feed_worker *worker = watched(w);
    char *url = mem_new(100001);
    memset(url, 'a', 100000);
    cache_put_user(w->cache, &(struct row_user){.id = 2, .name = STR("u2"), .profile_url = {url, 100000}});
    for (unsigned i = 0; i < 9; i++) {
        check_in(w, TOPIC, 2);
    }
    struct shown s = replay(w, worker, 9);
    assert_true(s.count == 9 && s.live == 1 && s.chunks == 3);
    free(url);
    world_free(w);
}

static void test_the_visibility_of_today_counts(void **state)
{
    (void)state;
    struct world *w = make();
    struct feed_worker *worker = watched(w);
    check_in(w, TOPIC, 2);
    assert_int_equal(set_visibility(w, SESSION_PUBLIC).code, CODE_OK);
    struct shown s = replay(w, worker, 1);
    assert_non_null(strstr(s.last, "\"user_id\":\"00000000-0000-0000-0000-000000000000\",\"user_name\":\"u.\""));
    assert_int_equal(set_visibility(w, SESSION_LINK).code, CODE_OK);
    s = replay(w, worker, 1);
    assert_non_null(strstr(s.last, "\"user_name\":\"u2\""));
    world_free(w);
}

static void test_without_the_database_it_is_live_from_here(void **state)
{
    (void)state;
    struct world *w = make();
    struct feed_worker *worker = watched(w);
    struct inbox in = {0};
    struct shown s = {0};
    check_in(w, TOPIC, 2);
    attach(w, worker, TOPIC, 3);
    world_db_run(NULL);
    inbox_take(&in, worker);
    read_all(&s, &in);
    assert_true(s.gap == 1 && s.live == 0 && s.count == 0);
    world_db_room(0); /* the pool is full */
    attach(w, worker, TOPIC, 3);
    inbox_take(&in, worker);
    s = (struct shown){0};
    read_all(&s, &in);
    assert_int_equal(s.gap, 1);
    world_db_room(100);
    attach(w, worker, TOPIC, 3);
    struct store *store = fake_db_open();
    fake_db_answer_find(STORE_ERROR, 1);
    world_db_run(store);
    inbox_take(&in, worker);
    s = (struct shown){0};
    read_all(&s, &in);
    assert_int_equal(s.gap, 1);
    store_close(store);
    inbox_clear(&in);
    world_free(w);
}

static void test_a_replay_for_who_is_gone_or_began_again_is_dropped(void **state)
{
    (void)state;
    struct world *w = make();
    struct feed_worker *worker = watched(w);
    struct inbox in = {0};
    struct shown s = {0};
    struct store *store = fake_db_open();
    check_in(w, TOPIC, 2);
    attach(w, worker, TOPIC, 2);
    attach(w, worker, TOPIC, 3);
    world_db_run(store); /* of the first attempt */
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_CHUNK) + inbox_count(&in, LINK_LIVE), 0);
    world_db_run(store);
    inbox_take(&in, worker);
    read_all(&s, &in);
    assert_true(s.count == 1 && s.live == 1);
    attach(w, worker, TOPIC, 3);
    feed_leave(w->feed, worker);
    world_db_run(store);
    store_close(store);
    inbox_clear(&in);
    world_free(w);
}

/* -- who may look on ------------------------------------------------------------------------------------------ */

static void test_the_doors_check_is_repeated(void **state)
{
    (void)state;
    struct world *w = make();
    world_join(w, 1, 9);
    struct link_adopt nobody = {.topic = TOPIC, .peer_key = 5};
    struct link_adopt host = {.topic = TOPIC, .peer_key = 5, .user_id = 1};
    struct link_adopt stranger = {.topic = TOPIC, .peer_key = 5, .user_id = 2};
    assert_int_equal(feed_adopt(w->feed, &nobody, 1000, 1000000), CODE_OK);
    assert_int_equal(set_visibility(w, SESSION_HOSTS).code, CODE_OK);
    assert_int_equal(feed_adopt(w->feed, &nobody, 1000, 1000000), CODE_FORBIDDEN);
    assert_int_equal(feed_adopt(w->feed, &stranger, 1000, 1000000), CODE_FORBIDDEN);
    assert_int_equal(feed_adopt(w->feed, &host, 1000, 1000000), CODE_OK);
    assert_int_equal(feed_counted(&w->feed->viewers, TOPIC), 2);
    world_do(w, &(struct cmd){.kind = CMD_SESSION_DELETE, .actor_id = 1, .chat_id = TOPIC});
    assert_int_equal(feed_adopt(w->feed, &host, 1000, 1000000), CODE_SESSION_NOT_FOUND);
    nobody.topic = 999;
    assert_int_equal(feed_adopt(w->feed, &nobody, 1000, 1000000), CODE_SESSION_NOT_FOUND);
    world_free(w);
}

/* The newest event that says to go, with its number among all of them. */
static struct link_event told_to_go(struct inbox *in, unsigned nth)
{
    struct link_event e = {0};
    unsigned found = 0;
    for (unsigned i = 0; i < in->count; i++) {
        if (in->frames[i].type == LINK_EVENT || in->frames[i].type == LINK_EPHEMERAL) {
            assert_int_equal(link_get_event(in->frames[i].body, &e), RC_OK);
            if (e.event.kind == EV_SESSION && found++ == nth) {
                assert_true(e.to.to == LINK_TO_TOPIC && e.to.set == TOPIC && e.event.number == TOPIC);
                return e;
            }
        }
    }
    return (struct link_event){0};
}

static void test_viewers_are_told_to_go_in_the_stream(void **state)
{
    (void)state;
    struct world *w = make();
    struct feed_worker *worker = watched(w);
    struct inbox in = {0};
    world_do(w, &(struct cmd){.kind = CMD_SESSION_ROLE, .actor_id = 1, .chat_id = TOPIC, .user_id = 2, .number = SESSION_STAFF});
    world_do(w, &(struct cmd){.kind = CMD_SESSION_UPDATE, .actor_id = 1, .chat_id = TOPIC, .title = STR("Ball")});
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 0); /* nothing that a viewer would care for */
    set_visibility(w, SESSION_HOSTS);
    check_in(w, TOPIC, 3);
    world_do(w, &(struct cmd){.kind = CMD_SESSION_ROLE, .actor_id = 1, .chat_id = TOPIC, .user_id = 2});
    world_do(w, &(struct cmd){.kind = CMD_SESSION_DELETE, .actor_id = 1, .chat_id = TOPIC});
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 4);
    assert_int_equal(told_to_go(&in, 0).event.version, CODE_RESTARTING);
    assert_int_equal(inbox_event(&in, 1).event.kind, EV_CHECKIN);
    assert_int_equal(told_to_go(&in, 1).event.version, CODE_FORBIDDEN);
    assert_true(told_to_go(&in, 1).event.subject.id == 2);
    assert_int_equal(told_to_go(&in, 2).event.version, CODE_SESSION_NOT_FOUND);
    assert_int_equal(w->feed->ring.own_count, 0); /* nobody resumes with any of it */
    inbox_clear(&in);
    world_free(w);
}

static struct feed_worker *come_back(struct world *w, uint64_t log_id)
{
    struct feed_worker *worker = NULL;
    struct link_hello hello = {.worker = 1, .incarnation = 9, .log_id = log_id, .capacity = 10};
    struct link_hello_peer peer = {5, 1};
    assert_int_equal(feed_join(w->feed, &hello, NULL, 0, &peer, 1, &worker), RC_OK);
    return worker;
}

static void say_topic(struct world *w, struct feed_worker *worker, uint64_t topic, uint32_t sessions)
{
    struct buf up = BUF_INIT;
    link_put_topic(&up, topic, sessions, 0);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    buf_release(&up);
}

static void test_a_worker_that_was_away_is_told_as_well(void **state)
{
    (void)state;
    struct world *w = make();
    struct inbox in = {0};
    struct feed_worker *worker = watched(w);
    feed_leave(w->feed, worker);
    set_visibility(w, SESSION_HOSTS);
    worker = come_back(w, WORLD_LOG_ID); /* it resumes: the ring has it */
    say_topic(w, worker, TOPIC, 1);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT) + inbox_count(&in, LINK_EPHEMERAL), 1);
    assert_int_equal(told_to_go(&in, 0).event.version, CODE_RESTARTING);
    feed_leave(w->feed, worker);
    worker = come_back(w, 5); /* its stream begins anew: nobody knows what it has missed */
    say_topic(w, worker, TOPIC, 1);
    say_topic(w, worker, OTHER, 1);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT) + inbox_count(&in, LINK_EPHEMERAL), 1);
    assert_int_equal(told_to_go(&in, 0).event.version, CODE_RESTARTING);
    assert_true(told_to_go(&in, 0).event.event_id == 0);
    feed_leave(w->feed, worker);
    world_do(w, &(struct cmd){.kind = CMD_SESSION_DELETE, .actor_id = 1, .chat_id = TOPIC});
    worker = come_back(w, 5);
    say_topic(w, worker, TOPIC, 1);
    inbox_take(&in, worker);
    assert_int_equal(told_to_go(&in, 0).event.version, CODE_SESSION_NOT_FOUND);
    worker->topics_known_ms = 0; /* later on only what the stream says counts */
    say_topic(w, worker, TOPIC, 0);
    say_topic(w, worker, TOPIC, 1);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 0);
    inbox_clear(&in);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_check_ins_and_then_live),
        cmocka_unit_test(test_a_replay_has_a_limit),
        cmocka_unit_test(test_nothing_is_lost_or_doubled_around_the_read),
        cmocka_unit_test(test_the_newest_win_when_many_come_meanwhile),
        cmocka_unit_test(test_large_frames_come_in_several_chunks),
        cmocka_unit_test(test_the_visibility_of_today_counts),
        cmocka_unit_test(test_without_the_database_it_is_live_from_here),
        cmocka_unit_test(test_a_replay_for_who_is_gone_or_began_again_is_dropped),
        cmocka_unit_test(test_the_doors_check_is_repeated),
        cmocka_unit_test(test_viewers_are_told_to_go_in_the_stream),
        cmocka_unit_test(test_a_worker_that_was_away_is_told_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
