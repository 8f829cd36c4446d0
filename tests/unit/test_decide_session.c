/* Event sessions through the writer: rules, look-ups, and batches that fail and are decided again. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "rest/sessions.h"
#include "rest/writer_int.h"
#include "shared/checkin.h"
#include "shared/mem.h"
#include "tests/lib/fake_store.h"
#include "tests/lib/feed_world.h"

enum { ANN = 1, BOB = 2, CAT = 3, DAN = 4, EVE = 5 };

struct fixture {
    struct world *w;
    struct writer *writer;
    uint64_t session; /* ANN's, visible by link */
};

static void on_fenced(void)
{
    fail();
}

static void on_done(void *ctx, const struct outcome *o)
{
    *(struct outcome *)ctx = *o;
}

/* One batch, in this thread. */
static void process(struct fixture *f, const struct cmd *cmds, struct outcome *out, unsigned count)
{
    struct job *jobs[64];
    assert_true(count <= 64);
    for (unsigned i = 0; i < count; i++) {
        out[i].code = CODE_INTERNAL;
        jobs[i] = job_new(&cmds[i], on_done, &out[i], UINT64_MAX);
    }
    writer_process(f->writer, jobs, count);
}

static struct outcome run(struct fixture *f, struct cmd c)
{
    struct outcome o;
    process(f, &c, &o, 1);
    return o;
}

static struct cmd create(uint64_t by, const char *title, unsigned visibility)
{
    struct cmd c = {.kind = CMD_SESSION_CREATE, .actor_id = by, .title = str_of(title), .number = visibility};
    key16_new_random(&c.key2);
    return c;
}

static struct cmd check_in(const struct fixture *f, uint64_t by, uint64_t user)
{
    return (struct cmd){.kind = CMD_CHECKIN, .actor_id = by, .chat_id = f->session, .user_id = user};
}

static struct cmd check_code(const struct fixture *f, uint64_t by, uint64_t code)
{
    return (struct cmd){.kind = CMD_CHECKIN, .actor_id = by, .chat_id = f->session, .number2 = code,
                        .number = CMD_CHECKIN_BY_CODE};
}

static struct cmd set_role(const struct fixture *f, uint64_t by, uint64_t user, unsigned role)
{
    return (struct cmd){.kind = CMD_SESSION_ROLE, .actor_id = by, .chat_id = f->session, .user_id = user, .number = role};
}

static struct cmd update(const struct fixture *f, uint64_t by)
{
    return (struct cmd){.kind = CMD_SESSION_UPDATE, .actor_id = by, .chat_id = f->session};
}

static struct cmd attendees(const struct fixture *f, uint64_t by, const uint64_t *users, uint32_t count)
{
    return (struct cmd){.kind = CMD_SESSION_ATTENDEES, .actor_id = by, .chat_id = f->session, .users = users,
                        .users_count = count};
}

static const struct session *session(const struct fixture *f)
{
    return sessions_find(cache_sessions(f->w->cache), f->session);
}

static struct fixture set_up(void)
{
    struct feed_conf conf;
    world_conf(&conf);
    struct fixture f = {.w = world_new(&conf, 10, 1)};
    struct writer_start start = {
        .store = fake_db_open(), .head = fake_db_head(), .maxima = {100, 100, 100, 100}, .families = families_new()};
    f.writer = writer_new(f.w->conf, f.w->cache, f.w->feed, &start, on_fenced);
    struct outcome o = run(&f, create(ANN, "Party", SESSION_LINK));
    assert_int_equal(o.code, CODE_OK);
    assert_true(o.created && o.event_id != 0);
    f.session = o.chat_id;
    assert_int_equal(run(&f, set_role(&f, ANN, BOB, SESSION_STAFF)).code, CODE_OK);
    return f;
}

static void tear_down(struct fixture *f)
{
    writer_free(f->writer);
    world_free(f->w);
}

/* What is stored of a check-in. */
struct stored {
    unsigned count;
    struct row_checkin row;
    char name[64];
};

static void on_checkin(void *ctx, const struct row_checkin *r)
{
    struct stored *s = ctx;
    s->count++;
    s->row = *r;
    snprintf(s->name, sizeof(s->name), "%.*s", (int)r->name.len, r->name.p);
}

static struct stored stored(uint64_t id)
{
    struct stored s = {0};
    struct store *db = fake_db_open();
    assert_int_equal(store_find_checkins(db, &id, 1, on_checkin, &s), STORE_OK);
    store_close(db);
    return s;
}

static int result_of(const struct outcome *o)
{
    assert_int_equal(o->code, CODE_OK);
    struct stored s = stored(o->event_id);
    assert_int_equal(s.count, 1);
    assert_true(s.row.user_id == o->user_id && s.row.session_id == o->chat_id && s.row.at_us == o->at_us);
    return s.row.result;
}

static void on_attendee(void *ctx, const struct row_attendee *a)
{
    *(struct row_attendee *)ctx = *a;
}

static struct row_attendee attendee(const struct fixture *f, uint64_t user)
{
    struct row_attendee a = {0};
    struct store *db = fake_db_open();
    struct attendee_key key = {f->session, user};
    assert_int_equal(store_find_attendees(db, &key, 1, on_attendee, &a), STORE_OK);
    store_close(db);
    return a;
}

/* -- the session ------------------------------------------------------------------------------------------ */

static void test_the_creator_is_host(void **state)
{
    (void)state;
    struct fixture f = set_up();
    assert_string_equal(session(&f)->title, "Party");
    assert_int_equal(session(&f)->visibility, SESSION_LINK);
    assert_true(session(&f)->open_registration);
    assert_int_equal(session_role_of(session(&f), ANN), SESSION_HOST);
    assert_int_equal(session_role_of(session(&f), BOB), SESSION_STAFF);
    assert_int_equal(sessions_created_by(cache_sessions(f.w->cache), ANN), 1);
    struct cmd disabled = create(99, "x", SESSION_LINK);
    assert_int_equal(run(&f, disabled).code, CODE_UNAUTHENTICATED);
    tear_down(&f);
}

static void test_a_user_creates_so_many_sessions(void **state)
{
    (void)state;
    struct fixture f = set_up();
    f.w->conf->sessions_per_user_max = 3;
    struct cmd many[5];
    struct outcome out[5];
    for (unsigned i = 0; i < 5; i++) {
        many[i] = create(ANN, "More", SESSION_PUBLIC);
    }
    process(&f, many, out, 5);
    assert_int_equal(out[0].code, CODE_OK);
    assert_int_equal(out[1].code, CODE_OK);
    for (unsigned i = 2; i < 5; i++) {
        assert_int_equal(out[i].code, CODE_TOO_MANY_SESSIONS);
    }
    assert_int_equal(run(&f, create(ANN, "x", SESSION_LINK)).code, CODE_TOO_MANY_SESSIONS);
    struct cmd both[2] = {{.kind = CMD_SESSION_DELETE, .actor_id = ANN, .chat_id = f.session}, create(ANN, "y", SESSION_LINK)};
    process(&f, both, out, 2);
    assert_int_equal(out[0].code, CODE_OK);
    assert_int_equal(out[1].code, CODE_OK);
    tear_down(&f);
}

static void test_only_hosts_change_a_session(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct cmd c = update(&f, CAT);
    c.title = STR("Mine");
    assert_int_equal(run(&f, c).code, CODE_FORBIDDEN);
    c.actor_id = BOB;
    assert_int_equal(run(&f, c).code, CODE_FORBIDDEN);
    assert_int_equal(run(&f, set_role(&f, BOB, CAT, SESSION_STAFF)).code, CODE_FORBIDDEN);
    assert_int_equal(run(&f, (struct cmd){.kind = CMD_SESSION_DELETE, .actor_id = BOB, .chat_id = f.session}).code,
                     CODE_FORBIDDEN);
    assert_int_equal(run(&f, (struct cmd){.kind = CMD_SESSION_KEY, .actor_id = BOB, .chat_id = f.session}).code,
                     CODE_FORBIDDEN);
    uint64_t users[] = {CAT};
    assert_int_equal(run(&f, attendees(&f, BOB, users, 1)).code, CODE_FORBIDDEN);
    struct outcome o = run(&f, update(&f, ANN));
    assert_int_equal(o.code, CODE_OK);
    assert_true(o.event_id == 0); /* nothing to do */
    c.actor_id = ANN;
    c.number2 = CMD_FLAG_OFF;
    o = run(&f, c);
    assert_true(o.code == CODE_OK && o.event_id != 0);
    assert_string_equal(session(&f)->title, "Mine");
    assert_false(session(&f)->open_registration);
    assert_true(run(&f, c).event_id == 0);
    c.chat_id = 999;
    assert_int_equal(run(&f, c).code, CODE_SESSION_NOT_FOUND);
    tear_down(&f);
}

/* The newest event of the log, as it was announced. */
static struct event newest(const struct fixture *f)
{
    const struct ring_entry *r = ring_at(&f->w->feed->ring, f->w->feed->ring.next - 1);
    struct rd bytes = rd_of(r->bytes, r->len);
    struct event e;
    assert_int_equal(event_decode(&bytes, &e), RC_OK);
    return e;
}

static void test_changes_say_which_viewers_have_to_go(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct cmd c = update(&f, ANN);
    c.number = SESSION_PUBLIC;
    assert_int_equal(run(&f, c).code, CODE_OK);
    assert_int_equal(newest(&f).kind, EV_SESSION);
    assert_int_equal(newest(&f).version, CODE_OK);
    assert_true(newest(&f).number == f.session);
    c.number = SESSION_HOSTS;
    assert_int_equal(run(&f, c).code, CODE_OK);
    assert_int_equal(newest(&f).version, CODE_RESTARTING);
    assert_int_equal(run(&f, set_role(&f, ANN, BOB, SESSION_NOBODY)).code, CODE_OK);
    assert_int_equal(newest(&f).version, CODE_FORBIDDEN);
    assert_true(newest(&f).subject.id == BOB);
    c.number = SESSION_LINK;
    assert_int_equal(run(&f, c).code, CODE_OK);
    assert_int_equal(newest(&f).version, CODE_OK);
    assert_int_equal(run(&f, (struct cmd){.kind = CMD_SESSION_DELETE, .actor_id = ANN, .chat_id = f.session}).code, CODE_OK);
    assert_int_equal(newest(&f).version, CODE_SESSION_NOT_FOUND);
    assert_null(session(&f));
    assert_int_equal(run(&f, check_in(&f, ANN, CAT)).code, CODE_SESSION_NOT_FOUND);
    tear_down(&f);
}

static void test_an_event_session_has_a_host(void **state)
{
    (void)state;
    struct fixture f = set_up();
    assert_int_equal(run(&f, set_role(&f, ANN, ANN, SESSION_STAFF)).code, CODE_LAST_HOST);
    assert_int_equal(run(&f, set_role(&f, ANN, ANN, SESSION_NOBODY)).code, CODE_LAST_HOST);
    assert_int_equal(run(&f, set_role(&f, ANN, CAT, SESSION_NOBODY)).code, CODE_MEMBER_NOT_FOUND);
    assert_int_equal(run(&f, set_role(&f, ANN, 99, SESSION_STAFF)).code, CODE_USER_NOT_FOUND);
    struct cmd both[2] = {set_role(&f, ANN, BOB, SESSION_HOST), set_role(&f, ANN, ANN, SESSION_STAFF)};
    struct outcome out[2];
    process(&f, both, out, 2); /* each sees the one before */
    assert_int_equal(out[0].code, CODE_OK);
    assert_false(out[0].created);
    assert_int_equal(out[1].code, CODE_OK);
    assert_int_equal(session_role_of(session(&f), BOB), SESSION_HOST);
    assert_int_equal(run(&f, set_role(&f, ANN, ANN, SESSION_NOBODY)).code, CODE_OK); /* staff may leave */
    assert_int_equal(run(&f, set_role(&f, BOB, BOB, SESSION_NOBODY)).code, CODE_LAST_HOST);
    f.w->conf->session_roles_max = 2;
    assert_int_equal(run(&f, set_role(&f, BOB, CAT, SESSION_STAFF)).code, CODE_OK);
    assert_int_equal(run(&f, set_role(&f, BOB, DAN, SESSION_STAFF)).code, CODE_TOO_MANY_ROLES);
    assert_true(run(&f, set_role(&f, BOB, CAT, SESSION_STAFF)).event_id == 0);
    tear_down(&f);
}

/* -- attendees ------------------------------------------------------------------------------------------- */

static void test_the_registered_have_codes_that_stay(void **state)
{
    (void)state;
    struct fixture f = set_up();
    uint64_t users[] = {CAT, DAN, CAT};
    struct outcome o = run(&f, attendees(&f, ANN, users, 3));
    assert_int_equal(o.code, CODE_OK);
    assert_true(o.created);
    assert_int_equal(session(&f)->attendees, 2);
    uint64_t code = attendee(&f, CAT).code;
    assert_true(code != 0 && attendee(&f, DAN).code != 0 && attendee(&f, DAN).code != code);
    o = run(&f, attendees(&f, ANN, users, 2));
    assert_true(o.code == CODE_OK && !o.created && o.event_id == 0);
    assert_true(attendee(&f, CAT).code == code);
    uint64_t unknown[] = {EVE, 77};
    assert_int_equal(run(&f, attendees(&f, ANN, unknown, 2)).code, CODE_USER_NOT_FOUND);
    assert_true(attendee(&f, EVE).user_id == 0);
    assert_int_equal(result_of(&(struct outcome[]){run(&f, check_in(&f, ANN, EVE))}[0]), CHECKIN_DONE); /* walks in */
    assert_true(attendee(&f, EVE).code == 0);
    assert_int_equal(run(&f, attendees(&f, ANN, (uint64_t[]){EVE}, 1)).code, CODE_OK);
    assert_true(attendee(&f, EVE).code != 0 && attendee(&f, EVE).checkin_id != 0);
    assert_int_equal(session(&f)->attendees, 3);
    assert_int_equal(session(&f)->arrived, 1);
    tear_down(&f);
}

static void test_a_session_has_room_for_so_many(void **state)
{
    (void)state;
    struct fixture f = set_up();
    f.w->conf->session_attendees_max = 2;
    uint64_t users[] = {CAT, DAN, EVE};
    assert_int_equal(run(&f, attendees(&f, ANN, users, 3)).code, CODE_TOO_MANY_ATTENDEES);
    assert_int_equal(run(&f, attendees(&f, ANN, users, 2)).code, CODE_OK);
    assert_int_equal(run(&f, check_in(&f, ANN, EVE)).code, CODE_TOO_MANY_ATTENDEES);
    assert_int_equal(result_of(&(struct outcome[]){run(&f, check_in(&f, ANN, CAT))}[0]), CHECKIN_DONE);
    tear_down(&f);
}

/* -- check-ins -------------------------------------------------------------------------------------------- */

static void test_each_person_comes_in_once(void **state)
{
    (void)state;
    struct fixture f = set_up();
    uint64_t users[] = {CAT};
    assert_int_equal(run(&f, attendees(&f, ANN, users, 1)).code, CODE_OK);
    struct outcome first = run(&f, check_code(&f, BOB, attendee(&f, CAT).code));
    assert_int_equal(result_of(&first), CHECKIN_DONE);
    assert_true(first.created && first.user_id == CAT);
    assert_string_equal(stored(first.event_id).name, "u3");
    struct outcome again = run(&f, check_in(&f, ANN, CAT));
    assert_int_equal(result_of(&again), CHECKIN_ALREADY);
    assert_false(again.created);
    assert_true(stored(again.event_id).row.by_user_id == ANN);
    assert_true(attendee(&f, CAT).checkin_id == first.event_id && attendee(&f, CAT).checkin_us == first.at_us);
    assert_int_equal(session(&f)->arrived, 1);
    tear_down(&f);
}

static void test_of_fifty_check_ins_in_one_batch_one_succeeds(void **state)
{
    (void)state;
    struct fixture f = set_up();
    assert_int_equal(run(&f, attendees(&f, ANN, (uint64_t[]){CAT}, 1)).code, CODE_OK);
    uint64_t code = attendee(&f, CAT).code;
    struct cmd cmds[50];
    struct outcome out[50];
    unsigned done = 0, already = 0;
    for (unsigned i = 0; i < 50; i++) {
        cmds[i] = i % 2 ? check_in(&f, ANN, CAT) : check_code(&f, BOB, code);
    }
    process(&f, cmds, out, 50);
    for (unsigned i = 0; i < 50; i++) {
        int result = result_of(&out[i]);
        done += result == CHECKIN_DONE;
        already += result == CHECKIN_ALREADY;
    }
    assert_int_equal(done, 1);
    assert_int_equal(already, 49);
    assert_int_equal(session(&f)->attendees, 1);
    assert_int_equal(session(&f)->arrived, 1);
    /* and the same for somebody who walks in */
    for (unsigned i = 0; i < 50; i++) {
        cmds[i] = check_in(&f, ANN, DAN);
    }
    process(&f, cmds, out, 50);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(result_of(&out[i]), i == 0 ? CHECKIN_DONE : CHECKIN_ALREADY);
    }
    assert_int_equal(session(&f)->attendees, 2);
    tear_down(&f);
}

/* The halves of a batch that could not be stored whole do not believe what was read for the whole. */
static void test_a_batch_that_is_halved_lets_nobody_in_twice(void **state)
{
    (void)state;
    struct fixture f = set_up();
    uint64_t chat = run(&f, (struct cmd){.kind = CMD_CHAT_CREATE_GROUP, .actor_id = ANN, .name = STR("Team")}).chat_id;
    struct cmd cmds[4] = {check_in(&f, ANN, CAT), check_in(&f, BOB, DAN), check_in(&f, ANN, CAT),
                          {.kind = CMD_MESSAGE_SEND, .actor_id = ANN, .chat_id = chat, .name = STR("text"),
                           .content = STR("poison")}};
    struct outcome out[4];
    fake_db_dislike("poison", STORE_DATA);
    process(&f, cmds, out, 4);
    assert_int_equal(result_of(&out[0]), CHECKIN_DONE);
    assert_int_equal(result_of(&out[1]), CHECKIN_DONE);
    assert_int_equal(result_of(&out[2]), CHECKIN_ALREADY);
    assert_int_equal(out[3].code, CODE_CONFLICT);
    assert_int_equal(session(&f)->attendees, 2);
    fake_db_dislike(NULL, STORE_OK);
    /* nor after a deadlock, a lost connection, a commit in doubt */
    struct cmd eve[2] = {check_in(&f, ANN, EVE), check_in(&f, BOB, EVE)};
    fake_db_answer_run(STORE_RETRY, 2);
    process(&f, eve, out, 2);
    assert_int_equal(result_of(&out[0]), CHECKIN_DONE);
    assert_int_equal(result_of(&out[1]), CHECKIN_ALREADY);
    tear_down(&f);
}

static void test_a_failed_check_in_is_logged_and_leaves_no_attendee(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct cmd closed = update(&f, ANN);
    closed.number2 = CMD_FLAG_OFF;
    assert_int_equal(run(&f, closed).code, CODE_OK);
    struct outcome o = run(&f, check_in(&f, BOB, CAT));
    assert_int_equal(result_of(&o), CHECKIN_NOT_REGISTERED);
    assert_true(o.user_id == CAT && !o.created);
    assert_string_equal(stored(o.event_id).name, "u3");
    o = run(&f, check_code(&f, BOB, 12345));
    assert_int_equal(result_of(&o), CHECKIN_UNKNOWN_CODE);
    assert_true(o.user_id == 0);
    assert_string_equal(stored(o.event_id).name, "");
    assert_int_equal(result_of(&(struct outcome[]){run(&f, check_code(&f, BOB, 0))}[0]), CHECKIN_UNKNOWN_CODE);
    assert_int_equal(run(&f, check_in(&f, BOB, 77)).code, CODE_USER_NOT_FOUND);
    assert_int_equal(session(&f)->attendees, 0);
    assert_true(attendee(&f, CAT).user_id == 0);
    tear_down(&f);
}

static void test_strangers_and_scanners_without_the_key_check_nobody_in(void **state)
{
    (void)state;
    struct fixture f = set_up();
    assert_int_equal(run(&f, check_in(&f, CAT, CAT)).code, CODE_FORBIDDEN);
    struct cmd scan = check_in(&f, 0, CAT);
    assert_int_equal(run(&f, scan).code, CODE_UNAUTHENTICATED);
    scan.number = CMD_CHECKIN_BY_SCANNER;
    assert_int_equal(run(&f, scan).code, CODE_FORBIDDEN); /* there is no key, zeros are none */
    struct cmd key = {.kind = CMD_SESSION_KEY, .actor_id = ANN, .chat_id = f.session};
    hash16(STR("first"), &key.key2);
    assert_int_equal(run(&f, key).code, CODE_OK);
    assert_int_equal(run(&f, scan).code, CODE_FORBIDDEN);
    hash16(STR("first"), &scan.key2);
    struct outcome o = run(&f, scan);
    assert_int_equal(result_of(&o), CHECKIN_DONE);
    assert_true(stored(o.event_id).row.by_user_id == 0);
    hash16(STR("second"), &key.key2);
    struct cmd both[2] = {key, scan}; /* rotated: the old one is void at once */
    struct outcome out[2];
    process(&f, both, out, 2);
    assert_int_equal(out[0].code, CODE_OK);
    assert_int_equal(out[1].code, CODE_FORBIDDEN);
    scan.actor_id = CAT; /* a user beside the key does not matter */
    hash16(STR("second"), &scan.key2);
    assert_int_equal(result_of(&(struct outcome[]){run(&f, scan)}[0]), CHECKIN_ALREADY);
    tear_down(&f);
}

static void test_a_repeat_has_the_first_outcome(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct cmd c = check_in(&f, ANN, CAT);
    c.has_key = key16_from_text(STR("k1"), &c.key);
    struct cmd batch[3] = {c, c, c};
    struct outcome out[3];
    process(&f, batch, out, 3);
    assert_int_equal(result_of(&out[0]), CHECKIN_DONE);
    assert_true(out[0].created && !out[1].created);
    assert_true(out[1].event_id == out[0].event_id && out[2].event_id == out[0].event_id);
    struct outcome later = run(&f, c);
    assert_true(later.event_id == out[0].event_id && later.chat_id == f.session && later.user_id == CAT);
    c.user_id = DAN;
    assert_int_equal(run(&f, c).code, CODE_KEY_REUSED);
    /* a repeat of before the restart, found by its key only when the database is asked */
    struct cmd title = update(&f, ANN);
    title.title = STR("Ball");
    title.has_key = key16_from_text(STR("k2"), &title.key);
    struct outcome first = run(&f, title);
    recent_free(f.writer->recent);
    f.writer->recent = recent_new();
    struct cmd mixed[2] = {c, check_in(&f, ANN, EVE)};
    mixed[0].user_id = CAT;
    process(&f, mixed, out, 2);
    assert_true(out[0].event_id == later.event_id);
    assert_int_equal(result_of(&out[1]), CHECKIN_DONE);
    assert_true(run(&f, title).event_id == 0 || run(&f, title).event_id == first.event_id);
    tear_down(&f);
}

static void test_the_name_is_the_one_of_the_moment(void **state)
{
    (void)state;
    struct fixture f = set_up();
    struct cmd rename = {.kind = CMD_USER_UPDATE, .user_id = CAT, .content = STR("Cathy Smith"),
                         .link = STR("https://example.org/cathy.png")};
    struct cmd back = {.kind = CMD_USER_UPDATE, .user_id = CAT, .content = STR("Cat")};
    struct cmd batch[3] = {rename, check_in(&f, ANN, CAT), back};
    struct outcome out[3];
    process(&f, batch, out, 3);
    assert_int_equal(result_of(&out[1]), CHECKIN_DONE);
    assert_string_equal(stored(out[1].event_id).name, "Cathy Smith");
    const struct ring_entry *r = ring_at(&f.w->feed->ring, out[1].event_id);
    struct rd bytes = rd_of(r->bytes, r->len);
    struct event e;
    assert_int_equal(event_decode(&bytes, &e), RC_OK);
    assert_int_equal(e.kind, EV_CHECKIN);
    assert_true(e.number == f.session);
    char *payload = mem_copy(e.payload.p, e.payload.len);
    assert_non_null(strstr(payload, "\"profile_url\":\"https://example.org/cathy.png\""));
    assert_non_null(strstr(payload, "\"user_name\":\"Cathy Smith\""));
    free(payload);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_creator_is_host),
        cmocka_unit_test(test_a_user_creates_so_many_sessions),
        cmocka_unit_test(test_only_hosts_change_a_session),
        cmocka_unit_test(test_changes_say_which_viewers_have_to_go),
        cmocka_unit_test(test_an_event_session_has_a_host),
        cmocka_unit_test(test_the_registered_have_codes_that_stay),
        cmocka_unit_test(test_a_session_has_room_for_so_many),
        cmocka_unit_test(test_each_person_comes_in_once),
        cmocka_unit_test(test_of_fifty_check_ins_in_one_batch_one_succeeds),
        cmocka_unit_test(test_a_batch_that_is_halved_lets_nobody_in_twice),
        cmocka_unit_test(test_a_failed_check_in_is_logged_and_leaves_no_attendee),
        cmocka_unit_test(test_strangers_and_scanners_without_the_key_check_nobody_in),
        cmocka_unit_test(test_a_repeat_has_the_first_outcome),
        cmocka_unit_test(test_the_name_is_the_one_of_the_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
