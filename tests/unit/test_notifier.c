/* The notifier with a real writer behind it and a database that says what a test wants: each message once, come what may. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "rest/notifier_int.h"
#include "rest/writer.h"
#include "shared/clock.h"
#include "shared/mem.h"
#include "tests/lib/fake_store.h"
#include "tests/lib/feed_world.h"

struct fixture {
    struct world *w;
    struct writer *writer;
    struct notifier *notifier;
    uint64_t chat; /* of users 1 .. 5 */
};

static struct writer *the_writer;
/* What becomes of the next commands of the notifier. */
static atomic_int refuse;      /* so many are refused */
static atomic_int allow;       /* so many are taken, all further ones refused */
static atomic_int lose;        /* so many answers get lost */
static atomic_bool hold;       /* commands wait */
static atomic_uint chunks;     /* CMD_NOTIFY that were carried out */

struct relay { /* an answer on its way, perhaps lost */
    svc_done done;
    void *ctx;
    bool lost;
};

static void on_done(void *ctx, const struct outcome *o)
{
    struct relay *r = ctx;
    struct outcome unknown = {.code = CODE_OUTCOME_UNKNOWN};
    r->done(r->ctx, r->lost ? &unknown : o);
    free(r);
}

static enum code submit(const struct cmd *c, svc_done done, void *ctx)
{
    while (atomic_load(&hold)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (atomic_load(&refuse) > 0) {
        atomic_fetch_sub(&refuse, 1);
        return CODE_QUEUE_FULL;
    }
    if (atomic_fetch_sub(&allow, 1) <= 0) {
        return CODE_QUEUE_FULL;
    }
    struct relay *r = mem_new(sizeof(*r));
    *r = (struct relay){done, ctx, atomic_load(&lose) > 0};
    atomic_fetch_sub(&lose, r->lost);
    struct job *j = job_new(c, on_done, r, mono_ms() + 60000);
    enum code code = writer_submit(the_writer, j);
    atomic_fetch_add(&chunks, code == CODE_OK && c->kind == CMD_NOTIFY);
    if (code != CODE_OK) {
        job_free(j);
        free(r);
    }
    return code;
}

static void on_fenced(void)
{
}

static void open_notifier(struct fixture *f)
{
    const struct row_notifier cursor = fake_db_notifier();
    f->notifier = notifier_new(&f->w->svc, &cursor);
    f->w->svc.notifier = f->notifier;
}

static void close_notifier(struct fixture *f)
{
    notifier_stop(f->notifier);
    f->w->svc.notifier = NULL;
    notifier_free(f->notifier);
}

static int set_up(void **state)
{
    struct feed_conf conf;
    struct fixture *f = mem_new(sizeof(*f));
    world_conf(&conf);
    f->w = world_new(&conf, 10, 1);
    f->w->conf->notify_settle_ms = 0;
    f->chat = world_group(f->w, 1, 5);
    struct writer_start start = {.store = fake_db_open(),
                                 .head = fake_db_head(),
                                 .maxima = {.user_id = 1000, .chat_id = 1000, .family_id = 1000},
                                 .families = families_new()};
    the_writer = f->writer = writer_new(f->w->conf, f->w->cache, f->w->feed, &start, on_fenced);
    f->w->svc.writer = f->writer;
    assert_int_equal(writer_run(f->writer), RC_OK);
    world_db_now = fake_db_open();
    world_on_submit = submit;
    atomic_store(&refuse, 0);
    atomic_store(&allow, 1000000);
    atomic_store(&lose, 0);
    atomic_store(&hold, false);
    atomic_store(&chunks, 0);
    open_notifier(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    close_notifier(f);
    writer_stop(f->writer);
    writer_free(f->writer);
    world_on_submit = NULL;
    store_close(world_db_now);
    world_db_now = NULL;
    world_free(f->w);
    free(f);
    return 0;
}

#define WAIT_UNTIL(condition)                                                                      \
    do {                                                                                           \
        uint64_t deadline_ = mono_ms() + 20000;                                                    \
        while (!(condition)) {                                                                     \
            assert_true(mono_ms() < deadline_);                                                    \
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                               \
        }                                                                                          \
    } while (0)

static void on_sent(void *ctx, const struct outcome *o)
{
    if (o->code == CODE_OK) {
        atomic_fetch_add((atomic_uint *)ctx, 1);
    }
}

static void submit_and_wait(struct fixture *f, const struct cmd *c)
{
    atomic_uint answered = 0;
    assert_int_equal(writer_submit(f->writer, job_new(c, on_sent, &answered, mono_ms() + 60000)), CODE_OK);
    WAIT_UNTIL(atomic_load(&answered) == 1);
}

static void post(struct fixture *f, const char *text, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        submit_and_wait(f, &(struct cmd){.kind = CMD_MESSAGE_SEND, .actor_id = 1, .chat_id = f->chat, .name = STR("text"), .content = str_of(text)});
    }
}

static void settle(struct fixture *f)
{
    WAIT_UNTIL(notifier_idle(f->notifier));
}

/* Each of the other members has so many, in the database and counted. */
static void everybody_has(struct fixture *f, unsigned count)
{
    for (uint64_t user = 1; user <= 5; user++) {
        unsigned expected = user == 1 ? 0 : count;
        assert_int_equal(fake_db_notes(user), expected);
        cache_rdlock(f->w->cache);
        assert_int_equal(cache_notes_unread(f->w->cache, cache_user_index(f->w->cache, user)), expected);
        cache_unlock(f->w->cache);
    }
}

static void test_what_happens_now_comes_through_the_queue(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(notifier_run(f->notifier), RC_OK);
    settle(f);
    post(f, "hello", 20);
    settle(f);
    everybody_has(f, 20);
    assert_true(fake_db_notifier().event_id > 0 && fake_db_notifier().user_id == 0);
}

static void test_what_happened_before_is_read_from_the_log(void **state)
{
    struct fixture *f = *state;
    close_notifier(f);
    post(f, "before", 300); /* more than a piece */
    open_notifier(f);
    assert_int_equal(notifier_run(f->notifier), RC_OK);
    post(f, "after", 5);
    settle(f);
    everybody_has(f, 305);
}

static void test_a_full_queue_goes_back_to_the_log(void **state)
{
    struct fixture *f = *state;
    f->w->conf->notifier_queue_max = 3;
    assert_int_equal(notifier_run(f->notifier), RC_OK);
    settle(f);
    atomic_store(&hold, true);
    post(f, "much at once", 50);
    pthread_mutex_lock(&f->notifier->lock);
    assert_true(f->notifier->lost && f->notifier->queue.count <= 3);
    pthread_mutex_unlock(&f->notifier->lock);
    atomic_store(&hold, false);
    settle(f);
    everybody_has(f, 50);
}

static void test_the_queue_is_bounded_in_bytes_too(void **state)
{
    struct fixture *f = *state;
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    f->w->conf->notifier_queue_max_bytes = 10000;
    assert_int_equal(notifier_run(f->notifier), RC_OK);
    settle(f);
    atomic_store(&hold, true);
    post(f, text, 20);
    pthread_mutex_lock(&f->notifier->lock);
    assert_true(f->notifier->lost && f->notifier->queue.bytes <= 10000);
    pthread_mutex_unlock(&f->notifier->lock);
    atomic_store(&hold, false);
    settle(f);
    everybody_has(f, 20);
}

static void test_refusals_and_lost_answers(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(notifier_run(f->notifier), RC_OK);
    settle(f);
    atomic_store(&refuse, 2);
    post(f, "refused at first", 1);
    settle(f);
    everybody_has(f, 1);
    atomic_store(&lose, 1);
    post(f, "done, but nobody heard", 3);
    settle(f);
    everybody_has(f, 4);
}

static void test_one_message_for_more_than_a_chunk(void **state)
{
    struct fixture *f = *state;
    f->w->conf->notify_chunk_rows = 3;
    assert_int_equal(notifier_run(f->notifier), RC_OK);
    post(f, "to four of you", 2);
    settle(f);
    everybody_has(f, 2);
    assert_true(atomic_load(&chunks) >= 3);
    struct buf record = BUF_INIT;
    uint64_t at = 0;
    bool found = false;
    assert_int_equal(store_decision(world_db_now, fake_db_notifier().event_id, &record, &at, &found), STORE_OK);
    assert_true(found);
    for (uint64_t user = 2; user <= 5; user++) {
        assert_int_equal(notes_record_find(buf_str(&record), user), NOTE_NOTIFIED);
    }
    assert_int_equal(notes_record_find(buf_str(&record), 1), NOTE_SENDER);
    buf_release(&record);
}

static void test_a_stop_in_the_middle_of_a_message(void **state)
{
    struct fixture *f = *state;
    f->w->conf->notify_chunk_rows = 1;
    assert_int_equal(notifier_run(f->notifier), RC_OK);
    settle(f);
    atomic_store(&allow, 2); /* two of the four */
    post(f, "to four of you", 1);
    WAIT_UNTIL(atomic_load(&allow) < 0);
    close_notifier(f);
    assert_int_equal(atomic_load(&chunks), 2);
    assert_true(fake_db_notifier().user_id != 0);
    atomic_store(&allow, 1000000);
    post(f, "and another", 1);
    open_notifier(f);
    assert_int_equal(notifier_run(f->notifier), RC_OK);
    settle(f);
    everybody_has(f, 2);
}

static void test_what_the_database_will_not_store_is_left_out(void **state)
{
    struct fixture *f = *state;
    close_notifier(f);
    post(f, "m", 5);
    open_notifier(f);
    fake_db_answer_run(STORE_DATA, 2); /* the chunk, and then its first message alone */
    assert_int_equal(notifier_run(f->notifier), RC_OK);
    settle(f);
    everybody_has(f, 4);
    post(f, "m", 1);
    settle(f);
    everybody_has(f, 5);
}

static void test_reading_marks_what_told_of_it(void **state)
{
    struct fixture *f = *state;
    f->w->conf->notify_chunk_rows = 4;
    assert_int_equal(notifier_run(f->notifier), RC_OK);
    post(f, "hello", 10);
    settle(f);
    everybody_has(f, 10);
    submit_and_wait(f, &(struct cmd){.kind = CMD_READ, .actor_id = 3, .chat_id = f->chat, .seq = 7});
    settle(f);
    assert_int_equal(cache_notes_unread(f->w->cache, cache_user_index(f->w->cache, 3)), 3);
    submit_and_wait(f, &(struct cmd){.kind = CMD_READ, .actor_id = 3, .chat_id = f->chat});
    settle(f);
    assert_int_equal(cache_notes_unread(f->w->cache, cache_user_index(f->w->cache, 3)), 0);
    assert_int_equal(cache_notes_unread(f->w->cache, cache_user_index(f->w->cache, 4)), 10);
}

static void test_who_looks_is_not_notified(void **state)
{
    struct fixture *f = *state;
    const uint64_t focused[] = {4, 2, 4};
    struct event e = {.event_id = feed_published(f->w->feed), .kind = EV_MESSAGE, .chat_id = f->chat, .seq = 1, .sender = {.id = 1}, .content = STR("x")};
    struct note_item *item = note_item_new(&e, focused, 3);
    notifier_choose(f->notifier, item, 0);
    static const uint8_t expected[] = {NOTE_SENDER, NOTE_ACTIVE, NOTE_NOTIFIED, NOTE_ACTIVE, NOTE_NOTIFIED};
    assert_int_equal(f->notifier->choices_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(f->notifier->choices[i].user_id == i + 1);
        assert_int_equal(f->notifier->choices[i].reason, expected[i]);
    }
    notifier_choose(f->notifier, item, 3); /* the rest of one that was cut */
    assert_int_equal(f->notifier->choices_count, 2);
    free(item);
}

static void test_a_large_chat_is_said_once(void **state)
{
    struct fixture *f = *state;
    f->w->conf->notify_all_max_members = 4;
    struct event e = {.event_id = 99, .kind = EV_MESSAGE, .chat_id = f->chat, .seq = 1, .sender = {.id = 1}, .content = STR("@u3 look")};
    struct note_item *item = note_item_new(&e, NULL, 0);
    notifier_choose(f->notifier, item, 0);
    assert_int_equal(f->notifier->choices_count, 3);
    assert_true(f->notifier->choices[0].user_id == 0 && f->notifier->choices[0].reason == NOTE_LARGE_CHAT);
    assert_true(f->notifier->choices[1].user_id == 1 && f->notifier->choices[1].reason == NOTE_SENDER);
    assert_true(f->notifier->choices[2].user_id == 3 && f->notifier->choices[2].reason == NOTE_NOTIFIED);
    free(item);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_what_happens_now_comes_through_the_queue),
        T(test_what_happened_before_is_read_from_the_log),
        T(test_a_full_queue_goes_back_to_the_log),
        T(test_the_queue_is_bounded_in_bytes_too),
        T(test_refusals_and_lost_answers),
        T(test_one_message_for_more_than_a_chunk),
        T(test_a_stop_in_the_middle_of_a_message),
        T(test_what_the_database_will_not_store_is_left_out),
        T(test_reading_marks_what_told_of_it),
        T(test_who_looks_is_not_notified),
        T(test_a_large_chat_is_said_once),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
