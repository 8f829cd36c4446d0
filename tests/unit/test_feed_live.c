/* What is live and not logged: what workers ask, what their users wait for, who looks at a topic. */
#include "tests/unit/unit.h"

#include "rest/presence.h"
#include "rest/sessions.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"
#include "tests/lib/feed_world.h"

static struct world *small(unsigned users)
{
    struct feed_conf conf;
    world_conf(&conf);
    return world_new(&conf, users, 1);
}

/* -- queries ---------------------------------------------------------------------------------------- */

static enum code ask(struct world *w, struct feed_worker *worker, uint32_t slot, uint8_t kind, const char *body,
                     struct buf *answer)
{
    struct buf up = BUF_INIT;
    struct inbox in = {0};
    uint64_t session = 0;
    enum code code = CODE_INTERNAL;
    struct str text;
    inbox_take(&in, worker);
    link_put_query(&up, 77, &(struct link_query){.session = 5, .slot = slot, .kind = kind, .body = str_of(body)});
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    inbox_take(&in, worker);
    const struct link_frame *f = inbox_at(&in, LINK_QUERY_REPLY, 0);
    assert_non_null(f);
    assert_int_equal(f->request, 77);
    assert_int_equal(link_get_query_reply(f->body, &session, &code, &text), RC_OK);
    assert_int_equal(session, 5);
    buf_clear(answer);
    buf_add_str(answer, text);
    inbox_clear(&in);
    buf_release(&up);
    return code;
}

static void test_a_query_for_a_chat_does_not_tell_foreign_from_unknown(void **state)
{
    (void)state;
    struct world *w = small(4);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct buf answer = BUF_INIT;
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t mine = world_group(w, 1, 2), other = world_group(w, 3, 2);
    assert_int_equal(mine, 1);
    assert_int_equal(other, 2);
    assert_int_equal(ask(w, worker, slot, LINK_QUERY_CHAT, "{\"chat_id\":1}", &answer), CODE_OK);
    assert_str(buf_str(&answer), "{\"chat_id\":1}");
    assert_int_equal(ask(w, worker, slot, LINK_QUERY_CHAT, "{\"chat_id\":2}", &answer), CODE_FORBIDDEN);
    assert_int_equal(answer.len, 0);
    assert_int_equal(ask(w, worker, slot, LINK_QUERY_CHAT, "{\"chat_id\":3}", &answer), CODE_FORBIDDEN);
    assert_int_equal(ask(w, worker, slot, LINK_QUERY_CHAT, "{\"chat_id\":0}", &answer), CODE_FORBIDDEN);
    assert_int_equal(ask(w, worker, slot, LINK_QUERY_CHAT, "{\"chat_id\":\"1\"}", &answer), CODE_INVALID_FIELD);
    assert_int_equal(ask(w, worker, slot, LINK_QUERY_CHAT, "{", &answer), CODE_INVALID_FIELD);
    assert_int_equal(ask(w, worker, slot, 99, "{\"chat_id\":1}", &answer), CODE_UNSUPPORTED_TYPE);
    assert_int_equal(ask(w, worker, slot, 200, "", &answer), CODE_UNSUPPORTED_TYPE);
    assert_int_equal(ask(w, worker, 0, LINK_QUERY_CHAT, "{\"chat_id\":1}", &answer), CODE_UNAUTHENTICATED);
    assert_int_equal(ask(w, worker, 99, LINK_QUERY_CHAT, "{\"chat_id\":1}", &answer), CODE_UNAUTHENTICATED);
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = 1, .chat_id = mine, .user_id = 1});
    world_do(w, &(struct cmd){.kind = CMD_CHAT_DELETE, .actor_id = 3, .chat_id = other});
    assert_int_equal(ask(w, worker, slot, LINK_QUERY_CHAT, "{\"chat_id\":2}", &answer), CODE_FORBIDDEN);
    buf_release(&answer);
    world_free(w);
}

/* The answer stands in the stream behind what it is based on. */
static void test_the_answer_to_a_query_stands_in_the_stream(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct buf up = BUF_INIT;
    struct inbox in = {0};
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2);
    inbox_take(&in, worker);
    link_put_query(&up, 1, &(struct link_query){.session = 5, .slot = slot, .kind = LINK_QUERY_CHAT, .body = STR("{\"chat_id\":1}")});
    world_send(w, 1, chat, "before");
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    world_send(w, 1, chat, "after");
    inbox_take(&in, worker);
    assert_int_equal(in.count, 5);
    assert_int_equal(in.frames[0].type, LINK_EVENT);
    assert_int_equal(in.frames[2].type, LINK_QUERY_REPLY);
    assert_int_equal(in.frames[3].type, LINK_EVENT);
    inbox_clear(&in);
    buf_release(&up);
    world_free(w);
}

/* -- what they wait for ------------------------------------------------------------------------------- */

static enum rc watch(struct world *w, struct feed_worker *worker, uint32_t slot, uint32_t options)
{
    struct buf up = BUF_INIT;
    link_put_watch(&up, slot, options);
    enum rc rc = world_up(w, worker, &up);
    buf_release(&up);
    return rc;
}

/* To the uploader's sessions that asked, on every worker; to nobody else, and not as a logged event. */
static void test_progress_of_an_upload(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *workers[2] = {world_join(w, 1, 9), world_join(w, 2, 8)};
    struct link_adopt a = {.user_id = 1, .peer_key = 5, .dialect = DIALECT_ROOMS, .options = CONN_EVENTS_UPLOAD};
    uint32_t slot = world_adopt_as(w, workers[0], &a);
    a.user_id = 2;
    (void)world_adopt_as(w, workers[1], &a);
    uint64_t chat = world_group(w, 1, 2), published = feed_published(w->feed);
    struct inbox in[2] = {{0}, {0}};
    inbox_take(&in[0], workers[0]);
    inbox_take(&in[1], workers[1]);
    feed_upload_progress(w->feed, &(struct feed_upload){.id = 77, .user_id = 1, .chat_id = chat, .bytes = 5, .total = 9, .state = UPLOAD_RUNNING});
    inbox_take(&in[0], workers[0]);
    inbox_take(&in[1], workers[1]);
    assert_int_equal(inbox_count(&in[0], LINK_EPHEMERAL), 1);
    assert_int_equal(inbox_count(&in[1], LINK_EPHEMERAL), 0);
    struct link_event e;
    assert_int_equal(link_get_event(inbox_at(&in[0], LINK_EPHEMERAL, 0)->body, &e), RC_OK);
    assert_true(e.event.kind == EV_UPLOAD && e.event.event_id == 0 && e.event.message_id == 77 && e.event.number == 5);
    assert_true(e.event.seq == 9 && e.event.version == UPLOAD_RUNNING && e.event.chat_id == chat && e.to.count == 1);
    assert_true(names_slot(&e.to, slot) && feed_published(w->feed) == published);
    /* Nobody asks any more. */
    assert_int_equal(watch(w, workers[0], slot, 0), RC_OK);
    inbox_take(&in[0], workers[0]);
    feed_upload_progress(w->feed, &(struct feed_upload){.id = 77, .user_id = 1, .chat_id = chat, .bytes = 9, .total = 9, .state = UPLOAD_DONE});
    feed_upload_progress(w->feed, &(struct feed_upload){.id = 78, .user_id = 99, .chat_id = 99, .state = UPLOAD_FAILED});
    inbox_take(&in[0], workers[0]);
    assert_int_equal(inbox_count(&in[0], LINK_EPHEMERAL), 0);
    inbox_clear(&in[0]);
    inbox_clear(&in[1]);
    world_free(w);
}

static void test_what_is_waited_for_counts_from_the_hand_over_on(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct link_adopt a = {.user_id = 1, .peer_key = 5, .dialect = DIALECT_SUBSCRIBE, .options = CONN_EVENTS_STATUS};
    uint32_t slot = world_adopt_as(w, worker, &a);
    assert_int_equal(worker->slots[slot].watch, CONN_EVENTS_STATUS | CONN_CHAT_UPDATES | CONN_EVENTS_TYPING);
    assert_int_equal(worker->watchers[WATCH_STATUS], 1);
    assert_int_equal(worker->watchers[WATCH_UPDATES], 1);
    assert_int_equal(worker->watchers[WATCH_READ], 0);
    a = (struct link_adopt){.user_id = 1, .peer_key = 5, .dialect = DIALECT_ROOMS, .options = CONN_EXT};
    assert_int_equal(world_adopt_as(w, worker, &a), slot);
    assert_int_equal(worker->watchers[WATCH_READ], 1);
    /* The union shrinks when a session has closed. */
    assert_int_equal(watch(w, worker, slot, CONN_EXT), RC_OK);
    assert_int_equal(worker->slots[slot].watch, CONN_EXT);
    assert_int_equal(worker->watchers[WATCH_UPDATES], 0);
    /* One on its way still counts. */
    a.options = CONN_EVENTS_UPLOAD;
    assert_int_equal(feed_adopt(w->feed, &a, 1000, 1000000), CODE_OK);
    assert_int_equal(watch(w, worker, slot, CONN_EVENTS_READ), RC_OK);
    assert_int_equal(worker->slots[slot].watch, CONN_EXT | CONN_EVENTS_READ | CONN_EVENTS_UPLOAD);
    assert_int_equal(watch(w, worker, 0, 0), RC_PROTOCOL);
    assert_int_equal(watch(w, worker, 900, 0), RC_PROTOCOL);
    world_free(w);
}

static void test_a_slot_given_on_waits_for_nothing(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct buf up = BUF_INIT;
    uint32_t slot = world_adopt_as(w, worker, &(struct link_adopt){.user_id = 1, .dialect = DIALECT_INBOX, .peer_key = 5});
    assert_int_equal(worker->watchers[WATCH_UPDATES], 1);
    link_put_gone(&up, slot, 1);
    link_put_watch(&up, slot, CONN_EVENTS_READ); /* nobody is there any more */
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    assert_int_equal(worker->watchers[WATCH_UPDATES], 0);
    assert_int_equal(world_adopt(w, worker, 2, 5), slot);
    assert_int_equal(worker->slots[slot].watch, 0);
    buf_release(&up);
    world_free(w);
}

static void test_users_of_a_worker_that_came_back_wait_for_everything_until_it_says_what(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct link_hello hello = {.worker = 1, .incarnation = 9, .capacity = 10};
    struct link_hello_user user = {4, 2, 1, 3};
    struct feed_worker *worker = NULL;
    assert_int_equal(feed_join(w->feed, &hello, &user, 1, NULL, 0, &worker), RC_OK);
    for (unsigned i = 0; i < WATCH_KINDS; i++) {
        assert_int_equal(worker->watchers[i], 1);
    }
    assert_int_equal(watch(w, worker, 4, CONN_EVENTS_TYPING), RC_OK);
    assert_int_equal(worker->watchers[WATCH_TYPING], 1);
    assert_int_equal(worker->watchers[WATCH_STATUS], 0);
    world_free(w);
}

/* -- topics --------------------------------------------------------------------------------------------- */

static enum rc say_topic(struct world *w, struct feed_worker *worker, uint64_t topic, uint32_t sessions)
{
    struct buf up = BUF_INIT;
    link_put_topic(&up, topic, sessions, 0);
    enum rc rc = world_up(w, worker, &up);
    buf_release(&up);
    return rc;
}

static void test_viewers_of_a_topic_are_counted_over_all_workers(void **state)
{
    (void)state;
    struct feed_conf conf;
    world_conf(&conf);
    conf.dashboard_viewers_max = 3;
    struct world *w = world_new(&conf, 2, 1);
    world_session(w, 44, SESSION_LINK);
    world_session(w, 45, SESSION_LINK);
    struct feed_worker *one = world_join(w, 1, 9);
    struct link_adopt a = {.dialect = DIALECT_DASHBOARD, .topic = 44, .peer_key = 5};
    world_adopt_as(w, one, &a);
    world_adopt_as(w, one, &a);
    struct feed_worker *two = world_join(w, 2, 9);
    assert_int_equal(feed_adopt(w->feed, &a, 0, 1000000), CODE_OK);
    assert_int_equal(feed_counted(&two->topics, 44), 1);
    assert_int_equal(feed_adopt(w->feed, &a, 0, 1000000), CODE_TOO_MANY_CONNECTIONS);
    a.topic = 45;
    assert_int_equal(feed_adopt(w->feed, &a, 0, 1000000), CODE_OK);
    assert_int_equal(feed_counted(&two->topics, 45), 1);
    /* One has gone; what is on its way is not gone. */
    assert_int_equal(say_topic(w, one, 44, 1), RC_OK);
    assert_int_equal(feed_counted(&w->feed->viewers, 44), 2);
    assert_int_equal(say_topic(w, two, 44, 0), RC_OK);
    assert_int_equal(feed_counted(&w->feed->viewers, 44), 2);
    assert_int_equal(say_topic(w, one, 0, 0), RC_PROTOCOL);
    assert_int_equal(say_topic(w, one, 44, UINT32_MAX), RC_PROTOCOL);
    feed_leave(w->feed, one);
    assert_int_equal(feed_counted(&w->feed->viewers, 44), 1);
    feed_leave(w->feed, two);
    assert_int_equal(w->feed->viewers.count, 0);
    world_free(w);
}

static void test_a_viewer_that_was_not_taken_is_not_counted(void **state)
{
    (void)state;
    struct world *w = small(2);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct buf up = BUF_INIT;
    world_session(w, 44, SESSION_LINK);
    assert_int_equal(feed_adopt(w->feed, &(struct link_adopt){.topic = 44, .peer_key = 5}, 0, 1000000), CODE_OK);
    inbox_take(&in, worker);
    link_put_adopt_failed(&up, inbox_at(&in, LINK_ADOPT, 0)->request, CODE_RESTARTING);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    assert_int_equal(w->feed->viewers.count, 0);
    inbox_clear(&in);
    buf_release(&up);
    world_free(w);
}

/* A check-in as its decider makes it. */
static void check_in(struct world *w, uint64_t topic, uint64_t subject)
{
    struct job *j = job_new(&(struct cmd){.kind = CMD_MESSAGE_DELETE}, NULL, NULL, 0);
    j->first_draft = 0;
    j->drafts = 1;
    decide_event(&w->d, j, &(struct row_event){.kind = EV_CHECKIN, .number = topic, .subject_id = subject});
    w->batch.rows.next_event = w->d.next_event;
    feed_publish(w->feed, &w->batch, &j, 1);
    batch_clear(&w->batch);
    job_free(j);
}

static void test_a_check_in_goes_to_workers_with_viewers(void **state)
{
    (void)state;
    struct world *w = small(2);
    struct feed_worker *sees = world_join(w, 1, 9);
    struct inbox in = {0};
    world_session(w, 44, SESSION_LINK);
    world_adopt_as(w, sees, &(struct link_adopt){.topic = 44, .peer_key = 5});
    uint32_t slot = world_adopt(w, sees, 1, 5);
    struct feed_worker *blind = world_join(w, 2, 9);
    check_in(w, 44, 1);
    inbox_take(&in, blind);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 0);
    inbox_take(&in, sees);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 1);
    struct link_event e = inbox_event(&in, 0);
    assert_true(e.to.to == LINK_TO_TOPIC && e.to.set == 44 && e.event.number == 44);
    assert_true(slot != 0 && e.to.count == 0); /* nothing for the one who came */
    assert_int_equal(w->feed->ring.own_count, 0);
    check_in(w, 45, 0);
    inbox_take(&in, sees);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 0);
    /* A worker that comes back is told of what it missed, and of all until it has said what it watches. */
    feed_leave(w->feed, sees);
    struct link_hello hello = {.worker = 1, .incarnation = 9, .log_id = WORLD_LOG_ID, .capacity = 10};
    struct link_hello_peer peer = {5, 1};
    assert_int_equal(feed_join(w->feed, &hello, NULL, 0, &peer, 1, &sees), RC_OK);
    inbox_take(&in, sees);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 2);
    check_in(w, 44, 0);
    inbox_take(&in, sees);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 1);
    sees->topics_known_ms = 0;
    check_in(w, 44, 0);
    inbox_take(&in, sees);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 0);
    inbox_clear(&in);
    world_free(w);
}

/* -- focus ----------------------------------------------------------------------------------------------- */

static unsigned looking(struct world *w, uint64_t chat)
{
    uint64_t users[16];
    return presence_focused(w->feed->presence, chat, mono_ms(), users, 16);
}

static enum rc report(struct world *w, struct feed_worker *worker, uint32_t slot, uint64_t chat, bool active)
{
    struct buf up = BUF_INIT;
    link_put_presence(&up, &(struct link_presence){slot, chat, active}, 1);
    enum rc rc = world_up(w, worker, &up);
    buf_release(&up);
    return rc;
}

static void test_reported_focus_needs_a_membership_and_ends_with_the_sessions(void **state)
{
    (void)state;
    struct world *w = small(4);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct buf up = BUF_INIT;
    uint32_t one = world_adopt(w, worker, 1, 5), two = world_adopt(w, worker, 2, 5);
    uint64_t chat = world_group(w, 1, 2), other = world_group(w, 3, 2);
    assert_int_equal(report(w, worker, one, chat, true), RC_OK);
    assert_int_equal(report(w, worker, two, chat, true), RC_OK);
    assert_int_equal(report(w, worker, one, other, true), RC_OK);
    assert_int_equal(report(w, worker, one, 99, true), RC_OK);
    assert_int_equal(report(w, worker, 0, chat, true), RC_OK);
    assert_int_equal(report(w, worker, 99, chat, true), RC_PROTOCOL);
    assert_int_equal(looking(w, chat), 2);
    assert_int_equal(looking(w, other), 0);
    assert_int_equal(looking(w, 99), 0);
    assert_int_equal(report(w, worker, two, chat, false), RC_OK);
    assert_int_equal(looking(w, chat), 1);
    link_put_gone(&up, one, 1);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    assert_int_equal(looking(w, chat), 0);
    assert_int_equal(report(w, worker, two, chat, true), RC_OK);
    feed_leave(w->feed, worker);
    assert_int_equal(looking(w, chat), 0);
    buf_release(&up);
    world_free(w);
}

/* The code with which the worker's command was answered. */
static enum code command(struct world *w, struct feed_worker *worker, uint32_t slot, const struct cmd *c)
{
    struct buf up = BUF_INIT;
    struct inbox in = {0};
    struct outcome o;
    uint64_t session;
    struct str body;
    link_put_command(&up, 50, 70, slot, c);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_REPLY), 1);
    assert_int_equal(link_get_reply(inbox_at(&in, LINK_REPLY, 0)->body, &session, &o, &body), RC_OK);
    inbox_clear(&in);
    buf_release(&up);
    return o.code;
}

static void test_who_says_where_he_looks_has_read_what_is_there(void **state)
{
    (void)state;
    struct world *w = small(4);
    struct feed_worker *worker = world_join(w, 1, 9);
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2), other = world_group(w, 3, 2);
    struct cmd c = {.kind = CMD_FOCUS, .chat_id = chat};
    assert_int_equal(command(w, worker, slot, &c), CODE_OK);
    assert_int_equal(looking(w, chat), 1);
    assert_int_equal(world_submitted, 0); /* nothing was unread */
    world_send(w, 2, chat, "hello");
    assert_int_equal(command(w, worker, slot, &c), CODE_OK);
    assert_int_equal(world_submitted, 1);
    assert_true(world_last_submitted.kind == CMD_READ && world_last_submitted.actor_id == 1 &&
                world_last_submitted.chat_id == chat && world_last_submitted.seq == 0);
    assert_int_equal(command(w, worker, slot, &c), CODE_OK);
    assert_int_equal(world_submitted, 1); /* once a second */
    feed_tick(w->feed, mono_ms());
    assert_int_equal(world_submitted, 1);
    feed_tick(w->feed, mono_ms() + 1000);
    assert_int_equal(world_submitted, 2);
    assert_true(world_last_submitted.kind == CMD_READ && world_last_submitted.actor_id == 1 &&
                world_last_submitted.chat_id == chat);
    feed_tick(w->feed, mono_ms() + 5000);
    assert_int_equal(world_submitted, 2);
    c.chat_id = 0;
    assert_int_equal(command(w, worker, slot, &c), CODE_OK);
    assert_int_equal(looking(w, chat), 1); /* the worker tells when nobody is there any more */
    c.chat_id = other;
    assert_int_equal(command(w, worker, slot, &c), CODE_CHAT_NOT_FOUND);
    c.chat_id = 99;
    assert_int_equal(command(w, worker, slot, &c), CODE_CHAT_NOT_FOUND);
    assert_int_equal(looking(w, other), 0);
    assert_int_equal(command(w, worker, 0, &c), CODE_UNAUTHENTICATED);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_query_for_a_chat_does_not_tell_foreign_from_unknown),
        cmocka_unit_test(test_the_answer_to_a_query_stands_in_the_stream),
        cmocka_unit_test(test_what_is_waited_for_counts_from_the_hand_over_on),
        cmocka_unit_test(test_progress_of_an_upload),
        cmocka_unit_test(test_a_slot_given_on_waits_for_nothing),
        cmocka_unit_test(test_users_of_a_worker_that_came_back_wait_for_everything_until_it_says_what),
        cmocka_unit_test(test_viewers_of_a_topic_are_counted_over_all_workers),
        cmocka_unit_test(test_a_viewer_that_was_not_taken_is_not_counted),
        cmocka_unit_test(test_reported_focus_needs_a_membership_and_ends_with_the_sessions),
        cmocka_unit_test(test_who_says_where_he_looks_has_read_what_is_there),
        cmocka_unit_test(test_a_check_in_goes_to_workers_with_viewers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
