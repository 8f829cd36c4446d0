/* The writer against a database that says whatever a test wants it to say. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "rest/writer_int.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"
#include "shared/mem.h"
#include "tests/lib/fake_store.h"
#include "tests/lib/feed_world.h"

struct fixture {
    struct world *w;
    struct writer *writer;
    uint64_t chat; /* of users 1, 2, 3 */
};

static atomic_uint fenced;

static void on_fenced(void)
{
    atomic_fetch_add(&fenced, 1);
}

/* It must not return: the thread ends instead of the process. */
static void on_fenced_in_thread(void)
{
    atomic_fetch_add(&fenced, 1);
    pthread_exit(NULL);
}

static struct writer *new_writer(struct world *w, void (*fence)(void))
{
    struct writer_start start = {.store = fake_db_open(),
                                 .head = fake_db_head(),
                                 .maxima = {.user_id = 1000, .chat_id = 1000, .family_id = 1000},
                                 .families = families_new()};
    return writer_new(w->conf, w->cache, w->feed, &start, fence);
}

static struct fixture set_up(void)
{
    struct feed_conf conf;
    world_conf(&conf);
    struct fixture f = {.w = world_new(&conf, 10, 1)};
    f.chat = world_group(f.w, 1, 3);
    f.writer = new_writer(f.w, on_fenced);
    atomic_store(&fenced, 0);
    return f;
}

static void tear_down(struct fixture *f)
{
    writer_free(f->writer);
    world_free(f->w);
}

/* -- callers ---------------------------------------------------------------------------------------------- */

struct call {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    unsigned answers;
    struct outcome outcome; /* the first */
};

static void on_done(void *ctx, const struct outcome *o)
{
    struct call *c = ctx;
    pthread_mutex_lock(&c->lock);
    if (c->answers++ == 0) {
        c->outcome = *o;
    }
    pthread_cond_signal(&c->answered);
    pthread_mutex_unlock(&c->lock);
}

static struct call new_call(void)
{
    return (struct call){.lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER};
}

static unsigned answers(struct call *c)
{
    pthread_mutex_lock(&c->lock);
    unsigned n = c->answers;
    pthread_mutex_unlock(&c->lock);
    return n;
}

static enum code wait_for(struct call *c)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&c->lock);
    while (c->answers == 0) {
        assert_int_equal(pthread_cond_timedwait(&c->answered, &c->lock, &until), 0);
    }
    enum code code = c->outcome.code;
    pthread_mutex_unlock(&c->lock);
    return code;
}

/* Until the condition holds, at most 20 s. */
#define WAIT_UNTIL(condition)                                                                      \
    do {                                                                                           \
        uint64_t deadline_ = mono_ms() + 20000;                                                    \
        while (!(condition)) {                                                                     \
            assert_true(mono_ms() < deadline_);                                                    \
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                               \
        }                                                                                          \
    } while (0)

/* -- commands ------------------------------------------------------------------------------------------ */

static struct cmd message(const struct fixture *f, uint64_t user, const char *text)
{
    return (struct cmd){.kind = CMD_MESSAGE_SEND, .actor_id = user, .chat_id = f->chat, .name = STR("text"),
                        .content = str_of(text)};
}

static struct cmd keyed(const struct fixture *f, uint64_t user, const char *text, const char *key)
{
    struct cmd c = message(f, user, text);
    c.has_key = key16_from_text(str_of(key), &c.key);
    return c;
}

/* One batch, in this thread. */
static void process(struct fixture *f, const struct cmd *cmds, struct outcome *out, unsigned count)
{
    struct job *jobs[64];
    struct call calls[64];
    assert_true(count <= 64);
    for (unsigned i = 0; i < count; i++) {
        calls[i] = new_call();
        jobs[i] = job_new(&cmds[i], on_done, &calls[i], UINT64_MAX);
    }
    writer_process(f->writer, jobs, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(calls[i].answers, 1);
        out[i] = calls[i].outcome;
    }
}

static struct outcome process_one(struct fixture *f, struct cmd c)
{
    struct outcome o;
    process(f, &c, &o, 1);
    return o;
}

static const struct cache_member *member(const struct fixture *f, uint64_t user)
{
    const struct cache_chat *chat = cache_chat(f->w->cache, cache_chat_index(f->w->cache, f->chat));
    return cache_member(chat, cache_user_index(f->w->cache, user));
}

/* -- tests ------------------------------------------------------------------------------------------------- */

struct before {
    struct fixture *f;
    uint64_t published;
    struct call *call;
    unsigned commits;
};

static void look_before_commit(void *ctx)
{
    struct before *b = ctx;
    b->commits++;
    assert_true(feed_published(b->f->w->feed) == b->published);
    assert_int_equal(answers(b->call), 0);
    assert_true(cache_chat(b->f->w->cache, cache_chat_index(b->f->w->cache, b->f->chat))->last_seq == 0);
}

static void test_nothing_is_published_or_answered_before_the_commit(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct call call = new_call();
    struct before before = {&f, feed_published(f.w->feed), &call, 0};
    struct cmd c = message(&f, 1, "hello");
    struct job *j = job_new(&c, on_done, &call, UINT64_MAX);
    fake_db_on_commit(look_before_commit, &before);
    writer_process(f.writer, &j, 1);
    assert_int_equal(before.commits, 1);
    assert_true(call.answers == 1 && call.outcome.code == CODE_OK && call.outcome.created);
    assert_true(feed_published(f.w->feed) == before.published + 1);
    assert_string_equal(fake_db_content(f.chat, 1), "hello");
    tear_down(&f);
}

static void test_a_refusal_stores_nothing(void **state)
{
    (void)state;
    struct fixture f = set_up();
    unsigned runs = fake_db_counts().runs;
    assert_int_equal(process_one(&f, message(&f, 9, "not a member")).code, CODE_CHAT_NOT_FOUND);
    assert_int_equal(fake_db_counts().runs, runs);
    tear_down(&f);
}

static void test_a_key_that_is_remembered_gives_the_same_answer(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct outcome first = process_one(&f, keyed(&f, 1, "hello", "k1"));
    struct outcome again = process_one(&f, keyed(&f, 1, "hello", "k1"));
    assert_true(again.code == CODE_OK && !again.created && again.message_id == first.message_id &&
                again.event_id == first.event_id && again.seq == 1);
    assert_int_equal(process_one(&f, keyed(&f, 1, "other", "k1")).code, CODE_KEY_REUSED);
    assert_true(process_one(&f, keyed(&f, 2, "hello", "k1")).created); /* keys are per user */
    assert_int_equal(fake_db_counts().messages, 2);
    tear_down(&f);
}

/* After a restart nothing is remembered: the unique index knows. */
static void restart(struct fixture *f)
{
    writer_free(f->writer);
    f->writer = new_writer(f->w, on_fenced);
}

static void test_a_key_of_before_the_restart_is_found_by_the_index(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct outcome first = process_one(&f, keyed(&f, 1, "hello", "k1"));
    restart(&f);
    struct cmd batch[3] = {keyed(&f, 2, "a", "k2"), keyed(&f, 1, "hello", "k1"), keyed(&f, 3, "b", "k3")};
    struct outcome out[3];
    process(&f, batch, out, 3);
    assert_true(out[0].created && out[2].created);
    assert_true(out[1].code == CODE_OK && !out[1].created && out[1].message_id == first.message_id &&
                out[1].seq == first.seq && out[1].at_us == first.at_us);
    assert_true(out[0].seq == 2 && out[2].seq == 3); /* no number is lost */
    restart(&f);
    assert_int_equal(process_one(&f, keyed(&f, 1, "something else", "k1")).code, CODE_KEY_REUSED);
    assert_int_equal(fake_db_counts().messages, 3);
    tear_down(&f);
}

static void test_a_connection_lost_while_the_key_is_looked_up_changes_nothing(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct outcome first = process_one(&f, keyed(&f, 1, "hello", "k1"));
    restart(&f);
    fake_db_answer_find(STORE_LOST, 1);
    struct outcome again = process_one(&f, keyed(&f, 1, "hello", "k1"));
    assert_int_equal(again.code, CODE_OK);
    assert_true(!again.created && again.message_id == first.message_id);
    assert_int_equal(fake_db_counts().messages, 1);
    tear_down(&f);
}

static void test_a_refused_command_whose_key_was_used_is_a_repeat(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct cmd rename = {.kind = CMD_CHAT_RENAME, .actor_id = 1, .chat_id = f.chat, .name = STR("New")};
    rename.has_key = key16_from_text(STR("k9"), &rename.key);
    struct outcome first = process_one(&f, rename);
    assert_int_equal(first.code, CODE_OK);
    struct cmd end = {.kind = CMD_CHAT_DELETE, .actor_id = 1, .chat_id = f.chat};
    assert_int_equal(process_one(&f, end).code, CODE_OK);
    restart(&f);
    struct outcome again = process_one(&f, rename);
    assert_int_equal(again.code, CODE_OK);
    assert_true(again.event_id == first.event_id && again.chat_id == f.chat);
    rename.name = STR("Else");
    restart(&f);
    assert_int_equal(process_one(&f, rename).code, CODE_KEY_REUSED);
    tear_down(&f);
}

static void test_a_row_that_cannot_be_stored_fails_alone(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct cmd batch[9];
    struct outcome out[9];
    char texts[9][16];
    fake_db_dislike("bad", STORE_DATA);
    for (unsigned i = 0; i < 9; i++) {
        snprintf(texts[i], sizeof(texts[i]), i == 5 ? "bad" : "good %u", i);
        batch[i] = message(&f, 1 + i % 3, texts[i]);
    }
    process(&f, batch, out, 9);
    uint64_t seq = 0, event = out[0].event_id;
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(out[i].code, i == 5 ? CODE_CONFLICT : CODE_OK);
        if (i != 5) {
            assert_true(out[i].seq == ++seq && out[i].event_id == event++);
            assert_string_equal(fake_db_content(f.chat, seq), texts[i]);
        }
    }
    assert_int_equal(fake_db_counts().messages, 8);
    tear_down(&f);
}

static void test_a_name_that_only_the_database_finds_taken_is_taken(void **state)
{
    (void)state;
    struct fixture f = set_up();
    fake_db_dislike("zoe", STORE_DUPLICATE);
    struct cmd batch[2] = {{.kind = CMD_USER_CREATE, .name = STR("zoe")}, {.kind = CMD_USER_CREATE, .name = STR("yan")}};
    struct outcome out[2];
    process(&f, batch, out, 2);
    assert_int_equal(out[0].code, CODE_USERNAME_TAKEN);
    assert_int_equal(out[1].code, CODE_OK);
    tear_down(&f);
}

static void test_an_unknown_error_fails_its_own_command(void **state)
{
    (void)state;
    struct fixture f = set_up();
    fake_db_dislike("bad", STORE_ERROR);
    struct cmd batch[2] = {message(&f, 1, "bad"), message(&f, 1, "good")};
    struct outcome out[2];
    process(&f, batch, out, 2);
    assert_true(out[0].code == CODE_INTERNAL && out[1].code == CODE_OK && out[1].seq == 1);
    tear_down(&f);
}

static void test_a_commit_in_doubt_that_was_stored_is_answered_as_done(void **state)
{
    (void)state;
    struct fixture f = set_up();
    fake_db_answer_commit(STORE_IN_DOUBT, true);
    struct outcome o = process_one(&f, message(&f, 1, "once"));
    assert_true(o.code == CODE_OK && o.seq == 1);
    assert_int_equal(fake_db_counts().messages, 1);
    assert_true(feed_published(f.w->feed) == o.event_id);
    assert_true(process_one(&f, message(&f, 1, "next")).seq == 2);
    tear_down(&f);
}

static void test_a_commit_in_doubt_that_was_not_stored_is_run_again(void **state)
{
    (void)state;
    struct fixture f = set_up();
    fake_db_answer_commit(STORE_IN_DOUBT, false);
    struct outcome o = process_one(&f, message(&f, 1, "once"));
    assert_true(o.code == CODE_OK && o.seq == 1);
    assert_int_equal(fake_db_counts().messages, 1);
    assert_int_equal(fake_db_counts().commits, 2);
    tear_down(&f);
}

static void test_another_owner_of_the_log_ends_everything(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct cmd c = message(&f, 1, "too late");
    for (unsigned in_doubt = 0; in_doubt < 2; in_doubt++) {
        struct call call = new_call();
        struct job *j = job_new(&c, on_done, &call, UINT64_MAX);
        fake_db_take_over();
        if (in_doubt) {
            f.writer->head_row = fake_db_head();
            f.writer->head_row.epoch--;
            fake_db_answer_run(STORE_IN_DOUBT, 1);
        }
        writer_process(f.writer, &j, 1);
        assert_int_equal(atomic_load(&fenced), in_doubt + 1);
        assert_int_equal(call.answers, 0);
        job_free(j);
    }
    assert_int_equal(fake_db_counts().messages, 0);
    tear_down(&f);
}

static void test_a_lost_connection_is_opened_again(void **state)
{
    (void)state;
    struct fixture f = set_up();
    unsigned opens = fake_db_counts().opens;
    fake_db_answer_run(STORE_LOST, 1);
    assert_true(process_one(&f, message(&f, 1, "a")).seq == 1);
    assert_int_equal(fake_db_counts().opens, opens + 1);
    assert_true(writer_healthy(f.writer));
    tear_down(&f);
}

static void test_deadlocks_are_tried_again_but_not_for_ever(void **state)
{
    (void)state;
    struct fixture f = set_up();
    fake_db_answer_run(STORE_RETRY, 3);
    assert_int_equal(process_one(&f, message(&f, 1, "a")).code, CODE_OK);
    fake_db_answer_run(STORE_RETRY, 1000);
    assert_int_equal(process_one(&f, message(&f, 1, "b")).code, CODE_UNAVAILABLE);
    fake_db_answer_run(STORE_OK, 0);
    assert_true(process_one(&f, message(&f, 1, "c")).seq == 2);
    tear_down(&f);
}

static void test_a_full_disk_is_told_to_everybody(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct cmd batch[2] = {message(&f, 1, "a"), message(&f, 2, "b")};
    struct outcome out[2];
    fake_db_answer_run(STORE_FULL, 1);
    process(&f, batch, out, 2);
    assert_true(out[0].code == CODE_STORE_FULL && out[1].code == CODE_STORE_FULL);
    assert_true(writer_is_refused(f.writer));
    assert_true(process_one(&f, message(&f, 1, "c")).seq == 1);
    assert_true(writer_is_refused(f.writer)); /* one that was small enough proves nothing */
    writer_not_refused(f.writer);
    assert_false(writer_is_refused(f.writer));
    tear_down(&f);
}

static void test_counts_near_the_logs_end_are_kept(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct row_member row;
    for (unsigned i = 0; i < 3; i++) {
        process_one(&f, message(&f, 1, "x"));
    }
    assert_int_equal(f.writer->dirty_count, 1);
    f.writer->checkpoint_due_ms = 0;
    process_one(&f, message(&f, 2, "y"));
    assert_true(fake_db_member(f.chat, 1, &row));
    assert_true(row.own_total == 3 && row.own_seq == 3);
    assert_true(fake_db_head().checkpoint == fake_db_head().next_event - 2); /* up to the batch before */
    assert_int_equal(f.writer->dirty_count, 1); /* 2, of this batch */
    f.writer->checkpoint_due_ms = 0;
    writer_process(f.writer, NULL, 0);
    assert_true(fake_db_member(f.chat, 2, &row) && row.own_total == 1 && row.own_seq == 4);
    assert_int_equal(f.writer->dirty_count, 0);
    tear_down(&f);
}

static void test_a_checkpoint_that_fails_comes_again(void **state)
{
    (void)state;
    struct fixture f = set_up();
    static const enum store_rc bad[] = {STORE_DATA, STORE_ERROR, STORE_FULL};
    struct row_member row;
    process_one(&f, message(&f, 1, "x"));
    /* As many as are written at once whatever the time is. */
    f.writer->dirty = mem_grow(f.writer->dirty, 20000, sizeof(f.writer->dirty[0]));
    for (unsigned i = 1; i < 20000; i++) {
        f.writer->dirty[i] = f.writer->dirty[0];
    }
    f.writer->dirty_count = f.writer->dirty_room = 20000;
    for (unsigned i = 0; i < 3; i++) {
        fake_db_answer_run(bad[i], 1);
        writer_process(f.writer, NULL, 0);
        assert_int_equal(f.writer->dirty_count, 20000);
    }
    writer_process(f.writer, NULL, 0);
    assert_int_equal(f.writer->dirty_count, 0);
    assert_true(fake_db_member(f.chat, 1, &row) && row.own_total == 1);
    tear_down(&f);
}

/* The message that the newest event, a moved cursor, says is read. */
static uint64_t read_message_id(const struct fixture *f)
{
    const struct ring_entry *r = ring_at(&f->w->feed->ring, feed_published(f->w->feed));
    struct rd bytes = rd_of(r->bytes, r->len);
    struct event e;
    assert_int_equal(event_decode(&bytes, &e), RC_OK);
    assert_int_equal(e.kind, EV_READ);
    return e.message_id;
}

static void test_cursors_name_their_message_however_they_are_given(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct outcome out[3];
    struct cmd batch[3] = {message(&f, 1, "a"), message(&f, 1, "b"),
                           {.kind = CMD_READ, .actor_id = 3, .chat_id = f.chat, .seq = 1}};
    process(&f, batch, out, 3);
    assert_int_equal(read_message_id(&f), out[0].message_id); /* of the same batch */
    process_one(&f, (struct cmd){.kind = CMD_READ, .actor_id = 3, .chat_id = f.chat});
    assert_int_equal(read_message_id(&f), out[1].message_id);
    process_one(&f, (struct cmd){.kind = CMD_READ, .actor_id = 2, .chat_id = f.chat, .message_id = out[0].message_id});
    assert_int_equal(read_message_id(&f), out[0].message_id);
    tear_down(&f);
}

static void test_read_cursors_count_own_messages_only_when_there_are_some(void **state)
{
    (void)state;
    struct fixture f = set_up();
    uint64_t fourth = 0;
    for (unsigned i = 0; i < 6; i++) {
        struct outcome o = process_one(&f, message(&f, i == 2 || i == 4 ? 2 : 1, "x"));
        fourth = i == 3 ? o.message_id : fourth;
    }
    struct cmd read = {.kind = CMD_READ, .actor_id = 3, .chat_id = f.chat, .seq = 4};
    assert_true(process_one(&f, read).seq == 4);
    assert_int_equal(fake_db_counts().counts, 0);
    assert_int_equal(read_message_id(&f), fourth);
    read.actor_id = 2;
    assert_true(process_one(&f, read).seq == 4);
    assert_int_equal(fake_db_counts().counts, 1);
    assert_int_equal(member(&f, 2)->own_at_read, 1);
    assert_int_equal(member(&f, 2)->own_total, 2);
    const struct cache_chat *chat = cache_chat(f.w->cache, cache_chat_index(f.w->cache, f.chat));
    assert_true(cache_unread(chat, member(&f, 2)) == 1 && cache_unread(chat, member(&f, 3)) == 2);
    tear_down(&f);
}

static void test_who_leaves_and_comes_back_in_one_batch_stays_a_member(void **state)
{
    (void)state;
    struct fixture f = set_up();
    uint64_t two = 2;
    struct row_member row;
    struct cmd batch[3] = {message(&f, 2, "x"),
                           {.kind = CMD_MEMBER_REMOVE, .actor_id = 2, .chat_id = f.chat, .user_id = 2},
                           {.kind = CMD_MEMBER_ADD, .actor_id = 1, .chat_id = f.chat, .users = &two, .users_count = 1}};
    struct outcome out[3];
    process(&f, batch, out, 3);
    assert_true(out[1].code == CODE_OK && out[2].code == CODE_OK);
    assert_true(fake_db_member(f.chat, 2, &row) && row.joined_seq == 1 && row.own_total == 0);
    assert_true(member(&f, 2)->joined_seq == 1 && member(&f, 2)->own_total == 0);
    tear_down(&f);
}

/* -- threads --------------------------------------------------------------------------------------------- */

static void submit(struct fixture *f, struct cmd c, struct call *call, uint64_t wait_ms)
{
    struct job *j = job_new(&c, on_done, call, mono_ms() + wait_ms);
    *call = new_call();
    assert_int_equal(writer_submit(f->writer, j), CODE_OK);
}

static void test_a_batch_takes_what_is_queued_and_stop_finishes_it(void **state)
{
    (void)state;
    struct fixture f = set_up();
    enum { MANY = 100 };
    static struct call calls[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        submit(&f, message(&f, 1, "x"), &calls[i], 20000);
    }
    assert_int_equal(writer_depth(f.writer), MANY);
    assert_int_equal(writer_run(f.writer), RC_OK);
    writer_stop(f.writer);
    for (unsigned i = 0; i < MANY; i++) {
        assert_true(calls[i].answers == 1 && calls[i].outcome.code == CODE_OK && calls[i].outcome.seq == i + 1);
    }
    assert_true(fake_db_counts().commits <= 2); /* one batch, one checkpoint */
    struct row_member row;
    assert_true(fake_db_member(f.chat, 1, &row) && row.own_total == MANY);
    struct cmd c = message(&f, 1, "late");
    struct job *j = job_new(&c, on_done, &calls[0], 0);
    assert_int_equal(writer_submit(f.writer, j), CODE_RESTARTING);
    job_free(j);
    tear_down(&f);
}

static void test_the_ends_of_large_chats_do_not_share_a_batch(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct call calls[4];
    f.w->conf->writer_batch_max_rows = 25;
    for (unsigned i = 0; i < 4; i++) { /* eleven rows each */
        uint64_t chat = world_group(f.w, 1, 10);
        f.writer->head_row = fake_db_head();
        f.writer->decider.next_event = f.writer->head_row.next_event;
        submit(&f, (struct cmd){.kind = CMD_CHAT_DELETE, .actor_id = 1, .chat_id = chat}, &calls[i], 20000);
    }
    assert_int_equal(writer_run(f.writer), RC_OK);
    writer_stop(f.writer);
    assert_int_equal(fake_db_counts().commits, 2);
    assert_int_equal(calls[3].outcome.code, CODE_OK);
    tear_down(&f);
}

static void test_a_full_queue_refuses(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct call calls[4];
    f.w->conf->writer_queue_max = 3;
    for (unsigned i = 0; i < 3; i++) {
        submit(&f, message(&f, 1, "x"), &calls[i], 20000);
    }
    struct cmd c = message(&f, 1, "x");
    struct job *j = job_new(&c, on_done, &calls[3], 0);
    assert_int_equal(writer_submit(f.writer, j), CODE_QUEUE_FULL);
    job_free(j);
    assert_int_equal(writer_run(f.writer), RC_OK);
    writer_stop(f.writer);
    assert_int_equal(calls[2].answers, 1);
    tear_down(&f);
}

static void test_past_the_deadline_the_outcome_is_unknown_or_it_never_happens(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct call running, queued, patient;
    fake_db_hold(true);
    assert_int_equal(writer_run(f.writer), RC_OK);
    submit(&f, message(&f, 1, "running"), &running, 100);
    WAIT_UNTIL(fake_db_counts().commits == 1);
    submit(&f, message(&f, 1, "queued"), &queued, 100);
    submit(&f, message(&f, 1, "patient"), &patient, 20000);
    assert_int_equal(wait_for(&running), CODE_OUTCOME_UNKNOWN);
    assert_int_equal(wait_for(&queued), CODE_UNAVAILABLE);
    fake_db_hold(false);
    assert_int_equal(wait_for(&patient), CODE_OK);
    writer_stop(f.writer);
    assert_true(answers(&running) == 1 && answers(&queued) == 1 && answers(&patient) == 1);
    assert_true(patient.outcome.seq == 2);
    assert_string_equal(fake_db_content(f.chat, 1), "running");
    assert_string_equal(fake_db_content(f.chat, 2), "patient");
    assert_int_equal(fake_db_counts().messages, 2);
    tear_down(&f);
}

static void test_a_sockets_deadline_is_answered_in_its_stream(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct feed_worker *worker = world_join(f.w, 1, 9);
    struct inbox in = {0};
    struct cmd c = message(&f, 1, "x");
    struct job *j = job_new(&c, NULL, NULL, mono_ms() + 50);
    j->reply_to = (struct feed_reply_to){1, 9, 33, 70, false};
    fake_db_hold(true);
    assert_int_equal(writer_run(f.writer), RC_OK);
    assert_int_equal(writer_submit(f.writer, j), CODE_OK);
    WAIT_UNTIL((inbox_take(&in, worker), inbox_count(&in, LINK_REPLY) == 1));
    struct outcome o;
    uint64_t session;
    struct str body;
    assert_int_equal(link_get_reply(inbox_at(&in, LINK_REPLY, 0)->body, &session, &o, &body), RC_OK);
    assert_true(o.code == CODE_OUTCOME_UNKNOWN && session == 70);
    fake_db_hold(false);
    writer_stop(f.writer);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_REPLY), 0);
    inbox_clear(&in);
    tear_down(&f);
}

static void test_without_a_database_writes_are_refused_until_it_is_back(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct call call;
    assert_int_equal(writer_run(f.writer), RC_OK);
    fake_db_down(true);
    submit(&f, message(&f, 1, "a"), &call, 200);
    assert_true(wait_for(&call) == CODE_OUTCOME_UNKNOWN);
    WAIT_UNTIL(!writer_healthy(f.writer));
    struct cmd c = message(&f, 1, "b");
    struct job *j = job_new(&c, on_done, &call, 0);
    assert_int_equal(writer_submit(f.writer, j), CODE_UNAVAILABLE);
    job_free(j);
    fake_db_down(false);
    WAIT_UNTIL(writer_healthy(f.writer));
    submit(&f, message(&f, 1, "c"), &call, 20000);
    assert_int_equal(wait_for(&call), CODE_OK);
    writer_stop(f.writer);
    tear_down(&f);
}

static void test_stopping_in_doubt_ends_when_everybody_has_been_told(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct call doubtful, behind;
    uint64_t published = feed_published(f.w->feed);
    fake_db_hold(true);
    fake_db_answer_commit(STORE_IN_DOUBT, true);
    assert_int_equal(writer_run(f.writer), RC_OK);
    submit(&f, message(&f, 1, "perhaps"), &doubtful, 300);
    WAIT_UNTIL(fake_db_counts().commits == 1);
    submit(&f, message(&f, 1, "behind"), &behind, 20000);
    fake_db_down(true);
    fake_db_hold(false);
    writer_stop(f.writer);
    assert_true(answers(&doubtful) == 1 && doubtful.outcome.code == CODE_OUTCOME_UNKNOWN);
    assert_true(answers(&behind) == 1 && behind.outcome.code == CODE_UNAVAILABLE);
    assert_true(feed_published(f.w->feed) == published); /* the next start finds it in the log */
    tear_down(&f);
}

/* The database is back in the middle of such a stop: what it holds is not known, so nothing more is stored. */
static void test_after_giving_up_nothing_is_stored(void **state)
{
    (void)state;
    struct fixture f = set_up();
    f.writer->gave_up = true;
    assert_int_equal(process_one(&f, message(&f, 1, "x")).code, CODE_UNAVAILABLE);
    assert_int_equal(fake_db_counts().messages, 0);
    tear_down(&f);
}

static void test_a_fenced_thread_answers_nobody(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct call call = new_call();
    struct cmd c = message(&f, 1, "too late");
    struct job *j = job_new(&c, on_done, &call, mono_ms() + 600000);
    f.writer->on_fenced = on_fenced_in_thread;
    assert_int_equal(writer_run(f.writer), RC_OK);
    fake_db_take_over();
    assert_int_equal(writer_submit(f.writer, j), CODE_OK);
    WAIT_UNTIL(atomic_load(&fenced) == 1);
    assert_int_equal(answers(&call), 0);
    pthread_mutex_lock(&f.writer->lock);
    f.writer->live_head = f.writer->live_tail = NULL;
    pthread_mutex_unlock(&f.writer->lock);
    writer_stop(f.writer);
    job_free(j);
    tear_down(&f);
}

static void test_old_events_are_trimmed_and_clients_told_first(void **state)
{
    (void)state;
    struct fixture f = set_up();
    f.writer->trim_due_ms = 0; /* the chat was made in 1970 */
    assert_int_equal(writer_run(f.writer), RC_OK);
    WAIT_UNTIL(fake_db_counts().trims == 1);
    writer_stop(f.writer);
    assert_true(f.w->feed->trimmed_to == 1 && fake_db_head().trimmed_to == 1);
    tear_down(&f);
}

/* -- notifications that are too old ---------------------------------------------------------------------------- */

static const uint64_t three[] = {1, 2, 3};

static uint64_t note(struct fixture *f, unsigned users)
{
    struct outcome o = process_one(f, (struct cmd){.kind = CMD_NOTIFICATION_CREATE, .name = STR("news"), .title = STR("T"),
                                                   .content = STR("x"), .users = three, .users_count = users});
    assert_true(o.code == CODE_OK);
    return o.event_id;
}

static uint64_t unread(const struct fixture *f, uint64_t user)
{
    return cache_notes_unread(f->w->cache, cache_user_index(f->w->cache, user));
}

/* One turn: what is there now is older than it may be. */
static void trim_now(struct fixture *f)
{
    __atomic_store_n(&f->w->conf->notifications_keep_ms, 0, __ATOMIC_RELAXED);
    writer_trim(f->writer, false);
}

static void test_old_notifications_go_a_piece_at_a_time(void **state)
{
    (void)state;
    struct fixture f = set_up();
    f.w->conf->notify_chunk_rows = 4; /* rows looked at */
    f.w->conf->events_keep_ms = 3650ull * 86400 * 1000;
    for (unsigned i = 0; i < 3; i++) {
        note(&f, 3);
    }
    assert_true(unread(&f, 1) == 3 && unread(&f, 2) == 3 && unread(&f, 3) == 3);
    process_one(&f, (struct cmd){.kind = CMD_NOTIFICATION_READ_ALL, .actor_id = 3});
    uint64_t events = feed_published(f.w->feed);
    trim_now(&f);
    assert_true(unread(&f, 1) == 0 && unread(&f, 2) == 2 && unread(&f, 3) == 0);
    assert_true(feed_published(f.w->feed) == events + 4 && f.writer->note_user == 2);
    assert_true(f.writer->trim_due_ms <= mono_ms() + 1000); /* there is more */
    trim_now(&f);
    assert_true(unread(&f, 2) == 0 && feed_published(f.w->feed) == events + 6);
    trim_now(&f);
    assert_true(f.writer->note_user == 0 && f.writer->note_due_ms > mono_ms()); /* through */
    assert_true(fake_db_notes(1) == 3 && fake_db_notes(3) == 3); /* while the log speaks of them */
    f.writer->head_row.trimmed_to = f.writer->head_row.next_event - 1;
    f.writer->note_due_ms = 0;
    for (unsigned i = 0; i < 4; i++) {
        trim_now(&f);
    }
    assert_true(fake_db_notes(1) == 0 && fake_db_notes(2) == 0 && fake_db_notes(3) == 0);
    assert_true(feed_published(f.w->feed) == events + 6); /* no second event */
    tear_down(&f);
}

static void test_new_notifications_stay(void **state)
{
    (void)state;
    struct fixture f = set_up();
    note(&f, 3);
    note(&f, 0);
    f.writer->head_row.trimmed_to = f.writer->head_row.next_event - 1;
    uint64_t events = feed_published(f.w->feed);
    writer_trim(f.writer, false); /* 90 days */
    assert_true(fake_db_notes(1) == 1 && fake_db_notes(0) == 1 && unread(&f, 1) == 2);
    assert_true(f.writer->note_user == 0 && feed_published(f.w->feed) == events);
    tear_down(&f);
}

static void test_an_old_broadcast_goes_with_its_marks(void **state)
{
    (void)state;
    struct fixture f = set_up();
    f.w->conf->events_keep_ms = 3650ull * 86400 * 1000;
    uint64_t old = note(&f, 0), newer = note(&f, 0);
    process_one(&f, (struct cmd){.kind = CMD_NOTIFICATION_READ, .actor_id = 1, .number2 = old});
    process_one(&f, (struct cmd){.kind = CMD_NOTIFICATION_DELETE, .actor_id = 2, .number2 = newer});
    assert_true(unread(&f, 1) == 1 && unread(&f, 2) == 1 && unread(&f, 3) == 2);
    trim_now(&f);
    assert_true(fake_db_notes(0) == 2 && unread(&f, 3) == 2); /* the log speaks of it */
    f.writer->head_row.trimmed_to = old;
    f.writer->note_user = 0;
    f.writer->note_due_ms = 0;
    trim_now(&f);
    assert_true(fake_db_notes(0) == 1 && unread(&f, 1) == 1 && unread(&f, 2) == 0 && unread(&f, 3) == 1);
    f.writer->head_row.trimmed_to = newer;
    fake_db_answer_find(STORE_ERROR, 2);
    trim_now(&f);
    assert_int_equal(fake_db_notes(0), 1); /* the database did not answer */
    for (unsigned i = 0; i < 3; i++) {
        trim_now(&f);
    }
    assert_true(fake_db_notes(0) == 0 && unread(&f, 1) == 0 && unread(&f, 2) == 0 && unread(&f, 3) == 0);
    tear_down(&f);
}

static struct row_note_user counted[4];

static void on_counted(void *ctx, const struct row_note_user *r)
{
    (void)ctx;
    if (r->user_id < 4) {
        counted[r->user_id].unread += r->unread;
    }
}

static void test_unread_counts_are_kept_at_the_checkpoint_and_before_events_go(void **state)
{
    (void)state;
    struct fixture f = set_up();
    note(&f, 2);
    note(&f, 3);
    assert_int_equal(f.writer->dirty_count, 3);
    memset(counted, 0, sizeof(counted));
    assert_int_equal(store_load_note_users(f.writer->store, 0, on_counted, NULL), STORE_OK);
    assert_true(counted[1].unread == 0); /* not written yet: a start counts those of the log's end */
    f.w->conf->events_keep_ms = 0;
    writer_trim(f.writer, false); /* which would take their events away */
    assert_int_equal(f.writer->dirty_count, 0);
    assert_true(fake_db_counts().trims == 1 && fake_db_head().checkpoint == 6);
    assert_int_equal(store_load_note_users(f.writer->store, 0, on_counted, NULL), STORE_OK);
    assert_true(counted[1].unread == 2 && counted[2].unread == 2 && counted[3].unread == 1);
    tear_down(&f);
}

static void test_events_stay_while_the_checkpoint_fails(void **state)
{
    (void)state;
    struct fixture f = set_up();
    note(&f, 2);
    f.w->conf->events_keep_ms = 0;
    fake_db_answer_run(STORE_FULL, 1);
    writer_trim(f.writer, false);
    assert_true(fake_db_counts().trims == 0 && f.writer->dirty_count == 2);
    writer_trim(f.writer, false);
    assert_int_equal(fake_db_counts().trims, 1);
    tear_down(&f);
}

/* With somebody always in the queue there is never an idle second. */
static void test_a_busy_writer_trims_too(void **state)
{
    (void)state;
    struct fixture f = set_up();
    f.writer->trim_due_ms = 0;
    assert_int_equal(writer_run(f.writer), RC_OK);
    uint64_t deadline = mono_ms() + 20000;
    while (fake_db_counts().trims == 0) {
        struct call call;
        assert_true(mono_ms() < deadline);
        submit(&f, message(&f, 1, "x"), &call, 20000);
        assert_int_equal(wait_for(&call), CODE_OK);
    }
    writer_stop(f.writer);
    tear_down(&f);
}

/* Many senders at once: nothing is lost, doubled or out of order. */
static void *send_many(void *arg)
{
    struct fixture *f = arg;
    for (unsigned i = 0; i < 200; i++) {
        struct call call;
        submit(f, message(f, 1 + i % 3, "x"), &call, 20000);
        assert_int_equal(wait_for(&call), CODE_OK);
    }
    return NULL;
}

static void test_many_senders_at_once(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct feed_worker *worker = world_join(f.w, 1, 9);
    struct inbox in = {0};
    pthread_t threads[4];
    world_adopt(f.w, worker, 1, 5);
    assert_int_equal(writer_run(f.writer), RC_OK);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &f), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    writer_stop(f.writer);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 800);
    for (unsigned i = 0; i < 800; i++) {
        assert_true(inbox_event(&in, i).event.seq == i + 1);
    }
    assert_int_equal(fake_db_counts().messages, 800);
    inbox_clear(&in);
    tear_down(&f);
}

/* The threads of a running system on one feed: writer, link, door and readers. */
struct busy {
    struct fixture *f;
    atomic_bool stop;
    unsigned events, adopted;
};

/* What a worker tells of a connection while it is there. */
static void say_what_is_live(struct buf *up, const struct busy *b, uint32_t slot)
{
    const uint64_t chat = b->f->chat;
    link_put_watch(up, slot, b->adopted % 3 ? CONN_CHAT_UPDATES | CONN_EVENTS_TYPING | CONN_EVENTS_STATUS : CONN_EXT);
    link_put_presence(up, &(struct link_presence){slot, chat, b->adopted % 3 != 0}, 1);
    link_put_command(up, 1, b->adopted, slot, &(struct cmd){.kind = CMD_TYPING, .chat_id = chat, .number = b->adopted % 2});
    link_put_command(up, 2, b->adopted, slot, &(struct cmd){.kind = CMD_FOCUS, .chat_id = chat});
    link_put_query(up, 3, &(struct link_query){.session = b->adopted, .slot = slot, .kind = LINK_QUERY_CHAT,
                                               .body = STR("{\"chat_id\":1}")});
    link_put_topic(up, 1 + b->adopted % 3, b->adopted % 2, 0);
}

static void *be_the_link(void *arg)
{
    struct busy *b = arg;
    struct world *w = b->f->w;
    struct feed_worker *worker = world_join(w, 1, 9);
    bool last = false;
    while (!last) {
        struct inbox in = {0};
        struct buf up = BUF_INIT;
        last = atomic_load(&b->stop);
        inbox_take(&in, worker);
        b->events += inbox_count(&in, LINK_EVENT);
        for (unsigned i = 0; i < in.count; i++) {
            struct link_adopt a;
            if (in.frames[i].type == LINK_ADOPT && link_get_adopt(in.frames[i].body, &a) == RC_OK) {
                link_put_adopted(&up, in.frames[i].request, ++b->adopted);
                link_put_attach(&up, &(struct link_attach){.session = b->adopted, .slot = a.slot,
                                                           .since_log = WORLD_LOG_ID >> 32, .since = 1});
                say_what_is_live(&up, b, a.slot);
                if (b->adopted % 2 == 0) {
                    link_put_session_closed(&up, &(struct link_closed){a.slot, a.peer_key}, 1);
                }
            }
        }
        assert_int_equal(world_up(w, worker, &up), RC_OK);
        inbox_clear(&in);
        buf_release(&up);
    }
    feed_leave(w->feed, worker);
    return NULL;
}

static void *be_the_door(void *arg)
{
    struct busy *b = arg;
    for (unsigned i = 0; !atomic_load(&b->stop); i++) {
        (void)feed_adopt(b->f->w->feed, &(struct link_adopt){.user_id = 1 + i % 10, .peer_key = 1 + i % 3, .topic = i % 4,
                                                             .dialect = DIALECT_SUBSCRIBE, .options = i % 64},
                         1000, 1000000);
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return NULL;
}

static void *be_a_reader(void *arg)
{
    struct busy *b = arg;
    struct cache *c = b->f->w->cache;
    while (!atomic_load(&b->stop)) {
        struct feed_worker_info info;
        cache_rdlock(c);
        const struct cache_chat *chat = cache_chat(c, cache_chat_index(c, b->f->chat));
        (void)cache_unread(chat, cache_member(chat, 0));
        cache_unlock(c);
        bool is_online = false;
        uint64_t seen_us = 0;
        (void)feed_user_online(b->f->w->feed, 1);
        feed_presence(b->f->w->feed, 1, &is_online, &seen_us);
        (void)feed_workers(b->f->w->feed, &info, 1);
        feed_kick(b->f->w->feed, 9, 1, CODE_FORBIDDEN);
        (void)feed_wait_published(b->f->w->feed, feed_published(b->f->w->feed) + 1, mono_ms() + 1);
    }
    return NULL;
}

static void test_all_threads_at_once(void **state)
{
    (void)state;
    struct fixture f = set_up();
    static struct busy b;
    b = (struct busy){.f = &f};
    f.w->feed->conf.chat_update_members_max = 2; /* what is put off, too */
    f.w->feed->conf.typing_expire_ms = f.w->feed->conf.presence_grace_ms = f.w->feed->conf.receipt_ms = 20;
    f.w->feed->conf.last_seen_ms = 100;
    assert_int_equal(feed_run(f.w->feed), RC_OK);
    pthread_t threads[3], senders[2];
    void *(*roles[3])(void *) = {be_the_link, be_the_door, be_a_reader};
    assert_int_equal(writer_run(f.writer), RC_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, roles[i], &b), 0);
    }
    WAIT_UNTIL(feed_user_online(f.w->feed, 1)); /* somebody is there to be sent to */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&senders[i], NULL, send_many, &f), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(senders[i], NULL);
    }
    atomic_store(&b.stop, true);
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    feed_stop(f.w->feed);
    writer_stop(f.writer);
    assert_true(b.adopted > 0 && b.events > 0);
    assert_int_equal(f.w->feed->viewers.count, 0);
    assert_int_equal(f.w->feed->user_sessions.count, 0);
    assert_int_equal(fake_db_counts().messages, 400);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_published_or_answered_before_the_commit),
        cmocka_unit_test(test_a_refusal_stores_nothing),
        cmocka_unit_test(test_a_key_that_is_remembered_gives_the_same_answer),
        cmocka_unit_test(test_a_key_of_before_the_restart_is_found_by_the_index),
        cmocka_unit_test(test_a_connection_lost_while_the_key_is_looked_up_changes_nothing),
        cmocka_unit_test(test_a_refused_command_whose_key_was_used_is_a_repeat),
        cmocka_unit_test(test_a_row_that_cannot_be_stored_fails_alone),
        cmocka_unit_test(test_a_name_that_only_the_database_finds_taken_is_taken),
        cmocka_unit_test(test_an_unknown_error_fails_its_own_command),
        cmocka_unit_test(test_a_commit_in_doubt_that_was_stored_is_answered_as_done),
        cmocka_unit_test(test_a_commit_in_doubt_that_was_not_stored_is_run_again),
        cmocka_unit_test(test_another_owner_of_the_log_ends_everything),
        cmocka_unit_test(test_a_lost_connection_is_opened_again),
        cmocka_unit_test(test_deadlocks_are_tried_again_but_not_for_ever),
        cmocka_unit_test(test_a_full_disk_is_told_to_everybody),
        cmocka_unit_test(test_counts_near_the_logs_end_are_kept),
        cmocka_unit_test(test_a_checkpoint_that_fails_comes_again),
        cmocka_unit_test(test_cursors_name_their_message_however_they_are_given),
        cmocka_unit_test(test_read_cursors_count_own_messages_only_when_there_are_some),
        cmocka_unit_test(test_who_leaves_and_comes_back_in_one_batch_stays_a_member),
        cmocka_unit_test(test_a_batch_takes_what_is_queued_and_stop_finishes_it),
        cmocka_unit_test(test_the_ends_of_large_chats_do_not_share_a_batch),
        cmocka_unit_test(test_a_full_queue_refuses),
        cmocka_unit_test(test_past_the_deadline_the_outcome_is_unknown_or_it_never_happens),
        cmocka_unit_test(test_a_sockets_deadline_is_answered_in_its_stream),
        cmocka_unit_test(test_without_a_database_writes_are_refused_until_it_is_back),
        cmocka_unit_test(test_stopping_in_doubt_ends_when_everybody_has_been_told),
        cmocka_unit_test(test_after_giving_up_nothing_is_stored),
        cmocka_unit_test(test_a_fenced_thread_answers_nobody),
        cmocka_unit_test(test_old_events_are_trimmed_and_clients_told_first),
        cmocka_unit_test(test_old_notifications_go_a_piece_at_a_time),
        cmocka_unit_test(test_new_notifications_stay),
        cmocka_unit_test(test_an_old_broadcast_goes_with_its_marks),
        cmocka_unit_test(test_unread_counts_are_kept_at_the_checkpoint_and_before_events_go),
        cmocka_unit_test(test_events_stay_while_the_checkpoint_fails),
        cmocka_unit_test(test_a_busy_writer_trims_too),
        cmocka_unit_test(test_many_senders_at_once),
        cmocka_unit_test(test_all_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
