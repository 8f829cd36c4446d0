/* What becomes of notifications, decided in memory: exactly once, counted right, and never for the wrong one. */
#include "tests/unit/unit.h"

#include "rest/apply.h"
#include "rest/decide.h"
#include "rest/event_fill.h"
#include "rest/notes.h"
#include "rest/prefs.h"
#include "shared/mem.h"

enum { ANN = 1, BOB = 2, CAT = 3, DAN = 4, PEOPLE = 4 };

struct world {
    struct rest_conf *conf;
    struct cache *cache;
    struct batch batch;
    struct decider d;
    struct row_note last;   /* of the last batch */
    struct buf record;      /* the last one, decoded by notes_record_find */
    unsigned events, marks; /* of the last batch */
    uint64_t chat;
};

static int set_up(void **state)
{
    struct world *w = mem_new(sizeof(*w));
    conf_defaults(rest_conf_keys(&w->conf), rest_conf_keys_count);
    w->cache = cache_new();
    batch_init(&w->batch);
    w->d = (struct decider){.conf = w->conf,
                            .cache = w->cache,
                            .overlay = overlay_new(w->cache),
                            .families = families_new(),
                            .batch = &w->batch,
                            .now_us = 1000000,
                            .next_event = 1,
                            .next_user = 10,
                            .next_chat = 1};
    const char *names[] = {"ann", "bob", "cat", "dan"};
    for (uint64_t i = 0; i < PEOPLE; i++) {
        cache_put_user(w->cache, &(struct row_user){.id = i + 1, .username = str_of(names[i]), .name = str_of(names[i]), .created_us = 500});
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
    buf_release(&w->record);
    free(w);
    return 0;
}

static void commit(struct world *w)
{
    const struct store_batch *r = &w->batch.rows;
    w->events = r->events_count;
    w->marks = r->notes_set_count + r->note_marks_count;
    if (r->notes_new_count > 0) {
        w->last = r->notes_new[r->notes_new_count - 1];
    }
    if (r->decisions_count > 0) {
        buf_clear(&w->record);
        buf_add_str(&w->record, r->decisions[r->decisions_count - 1].decisions);
    }
    apply_batch(w->cache, &w->batch);
    for (uint32_t i = 0; i < w->batch.drafts_count; i++) {
        apply_draft(w->cache, &w->batch, &w->batch.drafts[i]);
    }
    overlay_clear(w->d.overlay);
    batch_clear(&w->batch);
    w->d.now_us += 1000;
}

/* Several commands in one batch; notes: what the look-up finds for each (NULL: nothing). */
static void run_all(struct world *w, const struct cmd *cmds, const struct row_note *const *notes, struct outcome *out,
                    unsigned count)
{
    struct job *jobs[8];
    for (unsigned i = 0; i < count; i++) {
        jobs[i] = job_new(&cmds[i], NULL, NULL, 0);
        if (notes != NULL && notes[i] != NULL) {
            jobs[i]->note = *notes[i];
            jobs[i]->has_note = true;
        }
        decide(&w->d, jobs[i]);
        out[i] = jobs[i]->outcome;
    }
    commit(w);
    for (unsigned i = 0; i < count; i++) {
        job_free(jobs[i]);
    }
}

static struct outcome run(struct world *w, const struct cmd *c, const struct row_note *note)
{
    struct outcome o;
    run_all(w, c, &note, &o, 1);
    return o;
}

static uint64_t unread(const struct world *w, uint64_t user)
{
    return cache_notes_unread(w->cache, cache_user_index(w->cache, user));
}

static struct outcome send(struct world *w, uint64_t who)
{
    return run(w, &(struct cmd){.kind = CMD_MESSAGE_SEND, .actor_id = who, .chat_id = w->chat, .name = STR("text"), .content = STR("hello")}, NULL);
}

static void make_group(struct world *w)
{
    uint64_t users[] = {BOB, CAT};
    struct outcome o = run(w, &(struct cmd){.kind = CMD_CHAT_CREATE_GROUP, .actor_id = ANN, .name = STR("Team"), .users = users, .users_count = 2}, NULL);
    w->chat = o.chat_id;
}

/* CMD_NOTIFY about one message: everybody of `users` is to be notified. */
static struct cmd notify(struct world *w, struct buf *chunk, const struct outcome *m, const uint64_t *users, unsigned count)
{
    buf_clear(chunk);
    notes_add_subject(chunk, &(struct note_subject){.message_id = m->message_id, .chat_id = w->chat, .seq = m->seq, .sender_id = ANN,
                                                    .created_us = 7, .kind = STR("text"), .text = STR("hello"), .choices = count});
    for (unsigned i = 0; i < count; i++) {
        notes_add_choice(chunk, &(struct note_choice){users[i], NOTE_NOTIFIED, 0});
    }
    return (struct cmd){.kind = CMD_NOTIFY, .message_id = w->d.notifier.event_id, .user_id = w->d.notifier.user_id,
                        .seq = m->message_id, .content = buf_str(chunk)};
}

static const uint64_t both[] = {BOB, CAT};

static void test_a_chunk_goes_only_from_where_the_cursor_is(void **state)
{
    struct world *w = *state;
    struct buf chunk = BUF_INIT;
    make_group(w);
    struct outcome m = send(w, ANN);
    struct cmd c = notify(w, &chunk, &m, both, 2);
    struct outcome o = run(w, &c, NULL);
    assert_true(o.code == CODE_OK && o.seq == 2 && o.message_id == m.message_id && o.user_id == 0);
    assert_true(unread(w, BOB) == 1 && unread(w, CAT) == 1 && unread(w, ANN) == 0);
    assert_true(w->last.user_id == CAT && w->last.chat_id == w->chat && w->last.seq == m.seq && w->last.kind.p == NULL);
    assert_true(w->d.notifier.event_id == m.message_id);
    o = run(w, &c, NULL);
    assert_true(o.code == CODE_CONFLICT && o.message_id == m.message_id && w->events == 0);
    assert_true(unread(w, BOB) == 1);
    buf_release(&chunk);
}

static void test_what_has_changed_since_the_notifier_looked(void **state)
{
    struct world *w = *state;
    struct buf chunk = BUF_INIT;
    static const uint64_t all[] = {BOB, CAT, DAN};
    make_group(w);
    struct outcome m = send(w, ANN);
    assert_int_equal(run(w, &(struct cmd){.kind = CMD_READ, .actor_id = BOB, .chat_id = w->chat}, NULL).code, CODE_OK);
    assert_int_equal(run(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = CAT, .chat_id = w->chat, .user_id = CAT}, NULL).code, CODE_OK);
    struct cmd c = notify(w, &chunk, &m, all, 3);
    struct outcome o = run(w, &c, NULL);
    assert_true(o.code == CODE_OK && o.seq == 0 && w->events == 0);
    assert_int_equal(notes_record_find(buf_str(&w->record), BOB), NOTE_READ);
    assert_int_equal(notes_record_find(buf_str(&w->record), CAT), NOTE_NOT_MEMBER);
    assert_int_equal(notes_record_find(buf_str(&w->record), DAN), NOTE_NOT_MEMBER);
    assert_int_equal(notes_record_find(buf_str(&w->record), ANN), NOTE_UNDECIDED);
    buf_release(&chunk);
}

static void test_a_deleted_message_notifies_nobody_in_the_same_batch_either(void **state)
{
    struct world *w = *state;
    struct buf chunk = BUF_INIT;
    make_group(w);
    for (unsigned same_batch = 0; same_batch < 2; same_batch++) {
        struct outcome m = send(w, ANN), o[2];
        const struct cmd delete = {.kind = CMD_MESSAGE_DELETE, .actor_id = ANN, .chat_id = w->chat, .message_id = m.message_id};
        struct job *j = job_new(&delete, NULL, NULL, 0);
        j->has_message = true;
        j->message = (struct ov_message){.id = m.message_id, .chat_id = w->chat, .seq = m.seq, .sender_id = ANN, .version = 1, .kind = "text"};
        decide(&w->d, j);
        assert_int_equal(j->outcome.code, CODE_OK);
        if (!same_batch) {
            commit(w);
        }
        struct cmd c = notify(w, &chunk, &m, both, 2);
        run_all(w, &c, NULL, o, 1);
        assert_true(o[0].code == CODE_OK && o[0].seq == 0);
        assert_int_equal(notes_record_find(buf_str(&w->record), BOB), NOTE_DELETED);
        job_free(j);
    }
    assert_true(unread(w, BOB) == 0);
    buf_release(&chunk);
}

static void test_what_the_database_refuses_is_only_recorded(void **state)
{
    struct world *w = *state;
    struct buf chunk = BUF_INIT;
    make_group(w);
    struct outcome m = send(w, ANN);
    struct cmd c = notify(w, &chunk, &m, both, 2);
    c.chat_id = 1;
    struct outcome o = run(w, &c, NULL);
    assert_true(o.code == CODE_OK && o.seq == 0 && unread(w, BOB) == 0);
    assert_int_equal(notes_record_find(buf_str(&w->record), BOB), NOTE_REFUSED);
    assert_true(w->d.notifier.event_id == m.message_id);
    buf_release(&chunk);
}

static struct outcome create(struct world *w, const uint64_t *users, uint32_t count)
{
    return run(w, &(struct cmd){.kind = CMD_NOTIFICATION_CREATE, .name = STR("news"), .title = STR("T"), .content = STR("M"),
                                .users = users, .users_count = count}, NULL);
}

static struct outcome by(struct world *w, uint8_t kind, uint64_t user, const struct row_note *note)
{
    return run(w, &(struct cmd){.kind = kind, .actor_id = user, .number2 = note != NULL ? note->id : 99}, note);
}

static void test_read_and_delete_count_once(void **state)
{
    struct world *w = *state;
    struct outcome o = create(w, both, 2);
    assert_true(o.code == CODE_OK && o.seq == 2 && o.created && o.event_id == w->last.id);
    struct row_note note = w->last; /* of CAT */
    assert_true(unread(w, CAT) == 1);
    assert_int_equal(by(w, CMD_NOTIFICATION_READ, CAT, &note).code, CODE_OK);
    assert_true(unread(w, CAT) == 0 && w->events == 1 && w->marks == 1);
    note.read_us = 5;
    assert_int_equal(by(w, CMD_NOTIFICATION_READ, CAT, &note).code, CODE_OK);
    assert_true(w->events == 0 && w->marks == 0);
    assert_int_equal(by(w, CMD_NOTIFICATION_DELETE, CAT, &note).code, CODE_OK);
    assert_true(unread(w, CAT) == 0 && w->events == 1);
    note.deleted_us = 6;
    assert_int_equal(by(w, CMD_NOTIFICATION_DELETE, CAT, &note).code, CODE_OK);
    assert_true(w->events == 0);
    assert_int_equal(by(w, CMD_NOTIFICATION_READ, CAT, &note).code, CODE_NOTIFICATION_NOT_FOUND);
    assert_int_equal(by(w, CMD_NOTIFICATION_READ, CAT, NULL).code, CODE_NOTIFICATION_NOT_FOUND);
    assert_true(unread(w, BOB) == 1);
}

static void test_within_one_batch(void **state)
{
    struct world *w = *state;
    struct outcome o[5];
    create(w, both, 2);
    const struct row_note note = w->last;
    const struct row_note *const notes[] = {&note, &note, &note, &note, NULL};
    const struct cmd cmds[] = {
        {.kind = CMD_NOTIFICATION_READ, .actor_id = CAT, .number2 = note.id},
        {.kind = CMD_NOTIFICATION_READ, .actor_id = CAT, .number2 = note.id},
        {.kind = CMD_NOTIFICATION_DELETE, .actor_id = CAT, .number2 = note.id},
        {.kind = CMD_NOTIFICATION_READ, .actor_id = CAT, .number2 = note.id},
        {.kind = CMD_NOTIFICATION_READ_ALL, .actor_id = CAT},
    };
    run_all(w, cmds, notes, o, 5);
    assert_true(o[0].event_id != 0 && o[1].event_id == 0 && o[2].event_id != 0 && o[4].event_id == 0);
    assert_int_equal(o[3].code, CODE_NOTIFICATION_NOT_FOUND);
    assert_true(unread(w, CAT) == 0 && w->events == 2);
}

static void test_read_all_is_one_number(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < 5; i++) {
        create(w, both, 2);
    }
    const struct row_note old = w->last;
    assert_true(unread(w, CAT) == 5);
    struct outcome o = by(w, CMD_NOTIFICATION_READ_ALL, CAT, NULL);
    assert_true(o.code == CODE_OK && o.event_id != 0 && w->events == 1 && unread(w, CAT) == 0 && unread(w, BOB) == 5);
    o = by(w, CMD_NOTIFICATION_READ_ALL, CAT, NULL);
    assert_true(o.code == CODE_OK && o.event_id == 0 && w->events == 0);
    assert_true(by(w, CMD_NOTIFICATION_READ, CAT, &old).event_id == 0); /* is read already */
    create(w, both, 2);
    by(w, CMD_NOTIFICATION_DELETE, CAT, &old);
    assert_true(unread(w, CAT) == 1);
}

static void test_a_broadcast_is_one_row_for_those_who_were_there(void **state)
{
    struct world *w = *state;
    struct outcome o = create(w, NULL, 0);
    assert_true(o.code == CODE_OK && o.seq == 1 && w->events == 1 && w->last.user_id == 0);
    const struct row_note first = w->last;
    cache_put_user(w->cache, &(struct row_user){.id = 9, .username = STR("late"), .name = STR("late"), .created_us = w->d.now_us});
    assert_true(unread(w, ANN) == 1 && unread(w, BOB) == 1 && unread(w, 9) == 0);
    assert_int_equal(by(w, CMD_NOTIFICATION_READ, 9, &first).code, CODE_NOTIFICATION_NOT_FOUND);
    create(w, NULL, 0);
    const struct row_note second = w->last;
    assert_true(unread(w, 9) == 1 && unread(w, BOB) == 2);
    by(w, CMD_NOTIFICATION_READ, BOB, &first);
    assert_true(unread(w, BOB) == 1 && w->marks == 1);
    by(w, CMD_NOTIFICATION_DELETE, BOB, &second);
    assert_true(unread(w, BOB) == 0);
    struct row_note marked = first; /* read before */
    marked.read_us = 3;
    by(w, CMD_NOTIFICATION_DELETE, BOB, &marked);
    assert_true(unread(w, BOB) == 0 && unread(w, ANN) == 2);
    by(w, CMD_NOTIFICATION_READ_ALL, ANN, NULL);
    assert_true(unread(w, ANN) == 0);
    create(w, NULL, 0);
    assert_true(unread(w, ANN) == 1 && unread(w, BOB) == 1 && unread(w, 9) == 2);
}

static void test_read_all_behind_a_broadcast_of_the_same_batch(void **state)
{
    struct world *w = *state;
    struct outcome o[2];
    const struct cmd cmds[] = {{.kind = CMD_NOTIFICATION_CREATE, .name = STR("news"), .title = STR("T"), .content = STR("M")},
                               {.kind = CMD_NOTIFICATION_READ_ALL, .actor_id = ANN}};
    run_all(w, cmds, NULL, o, 2);
    assert_true(o[1].event_id != 0 && unread(w, ANN) == 0 && unread(w, BOB) == 1);
}

static void test_what_was_seen_is_read_once(void **state)
{
    struct world *w = *state;
    struct buf chunk = BUF_INIT;
    make_group(w);
    struct note_key keys[3];
    for (unsigned i = 0; i < 3; i++) {
        struct outcome m = send(w, ANN);
        struct cmd c = notify(w, &chunk, &m, both, 2);
        run(w, &c, NULL);
        keys[i] = (struct note_key){CAT, w->last.id};
    }
    for (unsigned again = 0; again < 2; again++) {
        struct job *j = job_new(&(struct cmd){.kind = CMD_NOTIFICATIONS_SEEN}, NULL, NULL, 0);
        j->seen = mem_grow(NULL, 3, sizeof(keys[0]));
        j->seen[0] = keys[0];
        j->seen[1] = j->seen[2] = keys[1]; /* named twice */
        j->seen_count = 3;
        j->seen_more = true;
        decide(&w->d, j);
        assert_true(j->outcome.code == CODE_OK && j->outcome.number == 1);
        if (again) {
            decide(&w->d, j); /* and twice in the batch */
        }
        job_free(j);
        commit(w);
        if (!again) {
            assert_true(unread(w, CAT) == 1 && w->events == 2);
        }
    }
    buf_release(&chunk);
}

static void test_what_is_too_old_is_deleted_as_by_its_user(void **state)
{
    struct world *w = *state;
    uint64_t ids[4];
    for (unsigned i = 0; i < 4; i++) {
        create(w, both, 2);
        ids[i] = w->last.id; /* CAT's */
    }
    struct row_note first = {.id = ids[0], .user_id = CAT, .created_us = w->d.now_us};
    run(w, &(struct cmd){.kind = CMD_NOTIFICATION_READ, .actor_id = CAT, .number2 = ids[0]}, &first);
    assert_true(unread(w, CAT) == 3 && unread(w, BOB) == 4);
    struct job *j = job_new(&(struct cmd){.kind = CMD_NOTIFICATIONS_TRIM}, NULL, NULL, 0);
    j->seen = mem_grow(NULL, 3, sizeof(j->seen[0]));
    j->seen[0] = j->seen[2] = (struct note_key){CAT, ids[1]}; /* named twice */
    j->seen[1] = (struct note_key){BOB, ids[1] - 1};
    j->seen_count = 3;
    decide(&w->d, j);
    assert_true(j->outcome.code == CODE_OK && j->outcome.seq == 2 && w->batch.drafts_count == 2);
    const struct draft *d = &w->batch.drafts[0];
    assert_true(d->event.kind == EV_NOTIFICATION_DELETED && d->event.subject_id == CAT && d->event.number == ids[1]);
    assert_true(w->batch.rows.notes_set[0].deleted_us == w->d.now_us && w->batch.rows.event_users_count == 2);
    job_free(j);
    commit(w);
    assert_true(unread(w, CAT) == 2 && unread(w, BOB) == 3 && w->marks == 2);
    decide_put_unread(&w->d, CAT);
    assert_true(w->batch.rows.note_unread[0].user_id == CAT && w->batch.rows.note_unread[0].unread == 2);
    assert_int_equal(batch_rows(&w->batch), 1);
    commit(w);
    /* what has been read with all others before counts nothing any more */
    run(w, &(struct cmd){.kind = CMD_NOTIFICATION_READ_ALL, .actor_id = CAT}, NULL);
    j = job_new(&(struct cmd){.kind = CMD_NOTIFICATIONS_TRIM}, NULL, NULL, 0);
    j->seen = mem_grow(NULL, 1, sizeof(j->seen[0]));
    j->seen[0] = (struct note_key){CAT, ids[2]};
    j->seen_count = 1;
    decide(&w->d, j);
    assert_true(j->outcome.seq == 0 && w->batch.drafts_count == 0);
    job_free(j);
    commit(w);
}

static void test_a_kind_that_is_off(void **state)
{
    struct world *w = *state;
    assert_int_equal(run(w, &(struct cmd){.kind = CMD_PREFERENCES, .actor_id = BOB, .content = STR("{\"kinds\":{\"news\":false}}")}, NULL).code, CODE_OK);
    assert_false(prefs_kind_is_on(cache_prefs(w->cache, cache_user_index(w->cache, BOB)), STR("news")));
    struct outcome o = create(w, both, 2);
    assert_true(o.seq == 1 && w->last.user_id == CAT && unread(w, BOB) == 0);
    o = create(w, both, 1);
    assert_true(o.code == CODE_OK && o.seq == 0 && !o.created && o.event_id == 0);
    create(w, NULL, 0);
    assert_true(unread(w, BOB) == 1); /* what is for everybody is for everybody */
}

static void test_the_same_key_makes_nothing_new(void **state)
{
    struct world *w = *state;
    struct cmd c = {.kind = CMD_NOTIFICATION_CREATE, .name = STR("news"), .title = STR("T"), .content = STR("M"), .has_key = true};
    struct outcome o[2];
    c.key.b[0] = 5;
    const struct cmd cmds[] = {c, c};
    run_all(w, cmds, NULL, o, 2);
    assert_true(o[0].created && !o[1].created && o[0].event_id == o[1].event_id && o[1].seq == 1 && w->events == 1);
}

static void test_what_is_shown(void **state)
{
    struct world *w = *state;
    struct buf texts = BUF_INIT;
    struct event e;
    make_group(w);
    const struct row_message m = {.id = 50, .chat_id = w->chat, .seq = 1, .sender_id = ANN, .kind = STR("text"), .content = STR("hello")};
    struct row_note n = {.id = 60, .user_id = BOB, .chat_id = w->chat, .seq = 1, .sender_id = ANN};
    const struct row_event row = {.id = 60, .kind = EV_NOTIFICATION, .subject_id = BOB};
    struct event_rows rows = {.note = &n, .message = &m, .texts = &texts};
    event_fill(w->cache, &row, &rows, &e);
    assert_str(e.note.title, "New message from ann");
    assert_str(e.note.text, "hello");
    assert_str(e.content, "hello");
    assert_str(e.note.kind, "new_message");
    assert_true(str_starts(e.note.link, STR("/chat/")) && e.note.link.len == 30);
    assert_true(e.sender.id == ANN && e.message_id == 50 && e.seq == 1 && e.chat_id == w->chat && e.subject.id == BOB && !e.note.is_read);
    n.preview = PREVIEW_SENDER;
    event_fill(w->cache, &row, &rows, &e);
    assert_true(e.content.len == 0 && e.note.text.len == 0 && e.sender.id == ANN);
    n.preview = PREVIEW_NONE;
    event_fill(w->cache, &row, &rows, &e);
    assert_str(e.note.title, "New message");
    assert_true(e.content.len == 0 && e.sender.id == 0 && e.sender.name.len == 0 && e.message_id == 50);
    n.preview = PREVIEW_FULL;
    rows.message = NULL;
    event_fill(w->cache, &row, &rows, &e);
    assert_true(e.content.len == 0 && e.note.text.len == 0 && e.message_id == 0);
    assert_str(e.note.title, "New message from ann");
    n = (struct row_note){.id = 61, .kind = STR("news"), .title = STR("T"), .text = STR("M"), .read_us = 4};
    event_fill(w->cache, &(struct row_event){.id = 61, .kind = EV_NOTIFICATION}, &rows, &e);
    assert_true(e.note.is_read && e.note.link.p == NULL && e.chat_id == 0 && e.subject.id == 0);
    event_fill(w->cache, &(struct row_event){.id = 62, .kind = EV_NOTIFICATION_READ, .subject_id = BOB, .number = 61}, &(struct event_rows){0}, &e);
    assert_true(e.note.id == 61 && e.number == 0);
    create(w, both, 2);
    event_fill(w->cache, &(struct row_event){.id = 63, .kind = EV_NOTIFICATION_DELETED, .subject_id = BOB, .number = 61}, &(struct event_rows){0}, &e);
    assert_true(e.note.id == 61 && e.number == 1);
    buf_release(&texts);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_a_chunk_goes_only_from_where_the_cursor_is),
        T(test_what_has_changed_since_the_notifier_looked),
        T(test_a_deleted_message_notifies_nobody_in_the_same_batch_either),
        T(test_what_the_database_refuses_is_only_recorded),
        T(test_read_and_delete_count_once),
        T(test_within_one_batch),
        T(test_read_all_is_one_number),
        T(test_a_broadcast_is_one_row_for_those_who_were_there),
        T(test_read_all_behind_a_broadcast_of_the_same_batch),
        T(test_what_was_seen_is_read_once),
        T(test_what_is_too_old_is_deleted_as_by_its_user),
        T(test_a_kind_that_is_off),
        T(test_the_same_key_makes_nothing_new),
        T(test_what_is_shown),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
