/* What is live and not logged: what workers ask, what their users wait for, who looks at a topic. */
#include "tests/unit/unit.h"

#include "rest/metrics.h"
#include "rest/presence.h"
#include "rest/ratelimit.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"
#include "rest/sessions.h"
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
    assert_int_equal(ask(w, worker, slot, LINK_QUERY_MEMBERS, "{\"chat_id\":1}", &answer), CODE_UNSUPPORTED_TYPE);
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
        cmocka_unit_test(test_a_check_in_goes_to_workers_with_viewers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
