/* Connections that come back: logins with a pid, and what is written down and confirmed. */
#include "tests/unit/unit.h"

#include "rest/metrics.h"
#include "rest/recovery.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"
#include "shared/rd.h"
#include "tests/lib/feed_world.h"

#define PID "AAAAAAAAAAAAAAAAAAAAAA.12345678.7"

struct place {
    struct world *w;
    struct feed_worker *worker;
    struct inbox in;
};

/* The rows of every CMD_RECOVERY since the last look, clocks aside. */
static struct {
    unsigned commands, clocks, rows, gone;
    enum code code;    /* of svc_submit */
    enum code outcome; /* of the batch */
    bool waits;        /* the batch is not over yet */
    svc_done done;
    void *ctx;
} db;

static enum code on_submit(const struct cmd *c, svc_done done, void *ctx)
{
    assert_int_equal(c->kind, CMD_RECOVERY);
    db.commands++;
    for (struct rd in = rd_of(c->content.p, c->content.len); in.left > 0;) {
        bool put = rd_be8(&in) == 1;
        struct str pid = rd_str16(&in);
        (void)rd_be64(&in); /* user, time, position */
        (void)rd_be64(&in);
        (void)rd_be64(&in);
        (void)rd_str16(&in);
        assert_false(in.bad);
        db.clocks += pid.len == 0;
        db.rows += pid.len != 0 && put;
        db.gone += !put;
    }
    if (db.code == CODE_OK && !db.waits) {
        done(ctx, &(struct outcome){.code = db.outcome});
    }
    db.done = done;
    db.ctx = ctx;
    return db.code;
}

static struct place place(uint64_t max)
{
    struct place p = {0};
    struct feed_conf conf;
    world_conf(&conf);
    conf.recovery_ms = 120000;
    conf.recovery_max = max;
    memset(&db, 0, sizeof(db));
    p.w = world_new(&conf, 10, 1);
    world_on_submit = on_submit;
    p.worker = world_join(p.w, 1, 9);
    inbox_take(&p.in, p.worker);
    return p;
}

static void end(struct place *p)
{
    world_on_submit = NULL;
    inbox_clear(&p->in);
    world_free(p->w);
}

/* Worker's session logs in as the user, with that pid. */
static struct link_login_reply log_in(struct place *p, struct feed_worker *worker, uint64_t session, uint64_t user,
                                      const char *pid)
{
    struct buf up = BUF_INIT;
    struct link_login_reply r;
    world_token_user = user;
    link_put_login(&up, 3, &(struct link_login){.session = session, .dialect = DIALECT_SOCKETIO,
                                                .token = STR("t"), .pid = str_of(pid)});
    assert_int_equal(world_up(p->w, worker, &up), RC_OK);
    inbox_take(&p->in, worker);
    assert_int_equal(link_get_login_reply(inbox_at(&p->in, LINK_LOGIN_REPLY, 0)->body, &r), RC_OK);
    assert_int_equal(r.code, CODE_OK);
    buf_release(&up);
    return r;
}

static void say(struct place *p, struct feed_worker *worker, uint32_t slot, uint64_t session, uint32_t number,
                enum link_recovery_state state)
{
    struct buf up = BUF_INIT, rooms = BUF_INIT;
    link_add_room(&rooms, (struct link_room){7, 5});
    link_put_recovery(&up, &(struct link_recovery){slot, session, number, (uint8_t)state, 5, STR(PID), buf_str(&rooms)});
    assert_int_equal(world_up(p->w, worker, &up), RC_OK);
    buf_release(&up);
    buf_release(&rooms);
}

/* What the session was last told to be stored; 0: nothing. */
static uint32_t confirmed(struct place *p, struct feed_worker *worker, uint64_t session)
{
    uint32_t number = 0;
    uint64_t of = 0;
    inbox_take(&p->in, worker);
    for (unsigned i = 0; i < inbox_count(&p->in, LINK_RECOVERY_STORED); i++) {
        assert_int_equal(link_get_recovery_stored(inbox_at(&p->in, LINK_RECOVERY_STORED, i)->body, &of, &number), RC_OK);
        assert_int_equal(of, session);
    }
    return number;
}

static void store(struct place *p)
{
    feed_recovery_store(p->w->feed, mono_ms());
}

static void test_a_session_goes_on_where_its_user_was(void **state)
{
    (void)state;
    struct place p = place(100);
    struct feed_worker *other = world_join(p.w, 2, 8);
    struct link_login_reply r = log_in(&p, p.worker, 11, 1, "");
    assert_int_equal(r.pid.len, 0);
    say(&p, p.worker, r.slot, 11, 1, LINK_RECOVERY_LIVE);
    r = log_in(&p, other, 12, 2, PID); /* not this one's */
    assert_int_equal(r.pid.len, 0);
    inbox_take(&p.in, p.worker);
    assert_int_equal(inbox_count(&p.in, LINK_KICK), 0);
    r = log_in(&p, other, 13, 1, PID);
    assert_str(r.pid, PID);
    assert_int_equal(r.rooms.len, LINK_ROOM_BYTES);
    assert_int_equal(link_room_at(r.rooms, 0).chat_id, 7);
    inbox_take(&p.in, p.worker); /* the earlier one is closed: nobody had noticed that it was gone */
    uint32_t slot;
    uint64_t session, family;
    enum code code;
    assert_int_equal(link_get_kick(inbox_at(&p.in, LINK_KICK, 0)->body, &slot, &session, &family, &code), RC_OK);
    assert_int_equal(session, 11);
    end(&p);
}

static void test_a_lost_worker_and_a_good_bye(void **state)
{
    (void)state;
    struct place p = place(100);
    struct link_login_reply r = log_in(&p, p.worker, 11, 1, "");
    say(&p, p.worker, r.slot, 11, 1, LINK_RECOVERY_LIVE);
    feed_leave(p.w->feed, p.worker);
    p.worker = world_join(p.w, 1, 10);
    inbox_take(&p.in, p.worker);
    r = log_in(&p, p.worker, 21, 1, PID);
    assert_str(r.pid, PID);
    say(&p, p.worker, r.slot, 21, 1, LINK_RECOVERY_LOST);
    r = log_in(&p, p.worker, 22, 1, PID);
    assert_str(r.pid, PID);
    say(&p, p.worker, r.slot, 22, 1, LINK_RECOVERY_ENDED);
    r = log_in(&p, p.worker, 23, 1, PID);
    assert_int_equal(r.pid.len, 0);
    end(&p);
}

static void test_a_change_is_confirmed_when_it_is_written(void **state)
{
    (void)state;
    struct place p = place(100);
    struct link_login_reply r = log_in(&p, p.worker, 11, 1, "");
    say(&p, p.worker, r.slot, 11, 1, LINK_RECOVERY_LIVE);
    assert_int_equal(confirmed(&p, p.worker, 11), 0);
    db.waits = true;
    store(&p);
    assert_true(db.commands == 1 && db.rows == 1 && db.clocks == 1);
    assert_int_equal(confirmed(&p, p.worker, 11), 0);
    say(&p, p.worker, r.slot, 11, 2, LINK_RECOVERY_LIVE);
    store(&p); /* one batch at a time */
    assert_int_equal(db.commands, 1);
    db.done(db.ctx, &(struct outcome){.code = CODE_OK});
    assert_int_equal(confirmed(&p, p.worker, 11), 1);
    db.waits = false;
    store(&p);
    assert_int_equal(db.rows, 2);
    assert_int_equal(confirmed(&p, p.worker, 11), 2);
    store(&p);
    assert_int_equal(db.commands, 2);
    end(&p);
}

static void test_what_cannot_be_written_is_tried_again(void **state)
{
    (void)state;
    struct place p = place(100);
    struct link_login_reply r = log_in(&p, p.worker, 11, 1, "");
    say(&p, p.worker, r.slot, 11, 1, LINK_RECOVERY_LIVE);
    db.code = CODE_UNAVAILABLE;
    store(&p);
    db.code = CODE_OK;
    db.outcome = CODE_OUTCOME_UNKNOWN;
    store(&p);
    assert_int_equal(confirmed(&p, p.worker, 11), 0);
    db.outcome = CODE_OK;
    store(&p);
    assert_int_equal(db.rows, 3);
    assert_int_equal(confirmed(&p, p.worker, 11), 1);
    end(&p);
}

static void test_what_is_not_kept_is_confirmed_at_once(void **state)
{
    (void)state;
    struct place p = place(1);
    struct link_login_reply r = log_in(&p, p.worker, 11, 1, "");
    say(&p, p.worker, 0, 11, 1, LINK_RECOVERY_LIVE); /* nobody's */
    assert_int_equal(confirmed(&p, p.worker, 11), 1);
    say(&p, p.worker, 4000, 11, 2, LINK_RECOVERY_LIVE); /* no such slot */
    assert_int_equal(confirmed(&p, p.worker, 11), 2);
    say(&p, p.worker, r.slot, 11, 3, LINK_RECOVERY_ENDED);
    assert_int_equal(confirmed(&p, p.worker, 11), 3);
    say(&p, p.worker, r.slot, 11, 4, LINK_RECOVERY_LIVE);
    assert_int_equal(confirmed(&p, p.worker, 11), 0);
    say(&p, p.worker, r.slot, 12, 5, LINK_RECOVERY_LIVE); /* another session's */
    assert_int_equal(confirmed(&p, p.worker, 12), 5);
    store(&p);
    assert_int_equal(confirmed(&p, p.worker, 11), 4);
    say(&p, p.worker, r.slot, 11, 6, LINK_RECOVERY_ENDED); /* now there is a row to go */
    assert_int_equal(confirmed(&p, p.worker, 11), 0);
    assert_int_equal(metric_get(METRIC_RECOVERIES), 1);
    store(&p);
    assert_int_equal(db.gone, 1);
    assert_int_equal(metric_get(METRIC_RECOVERIES), 0);
    assert_int_equal(confirmed(&p, p.worker, 11), 6);
    end(&p);
}

static void test_who_was_there_at_the_end_can_come_back(void **state)
{
    (void)state;
    struct place p = place(100);
    struct buf rooms = BUF_INIT;
    link_add_room(&rooms, (struct link_room){7, 5});
    uint64_t now = wall_us();
    feed_warm_recovery(p.w->feed, &(struct row_recovery){.pid = STR(""), .lost_us = now - 1000000});
    feed_warm_recovery(p.w->feed, &(struct row_recovery){STR("gone"), 2, now - 125000000, 5, buf_str(&rooms)});
    feed_warm_recovery(p.w->feed, &(struct row_recovery){STR(PID), 1, 0, 5, buf_str(&rooms)});
    struct link_login_reply r = log_in(&p, p.worker, 11, 2, "gone");
    assert_int_equal(r.pid.len, 0);
    r = log_in(&p, p.worker, 12, 1, PID);
    assert_str(r.pid, PID);
    assert_int_equal(r.rooms.len, LINK_ROOM_BYTES);
    store(&p);
    assert_true(db.gone == 1 && db.rows == 1);
    buf_release(&rooms);
    end(&p);
}

static void test_what_was_joined_in_the_last_moment_is_found_in_the_log(void **state)
{
    (void)state;
    struct place p = place(100);
    uint64_t before_ = world_group(p.w, 1, 3), made = world_group(p.w, 1, 3), foreign = world_group(p.w, 5, 3);
    uint64_t added = world_group(p.w, 1, 3);
    struct buf rooms = BUF_INIT;
    link_add_room(&rooms, (struct link_room){7, 5});
    uint64_t now = wall_us();
    feed_warm_recovery(p.w->feed, &(struct row_recovery){.pid = STR(""), .lost_us = now - 1000000});
    feed_warm_recovery(p.w->feed, &(struct row_recovery){STR("certain"), 2, now - 1000000, 100, buf_str(&rooms)});
    feed_warm_recovery(p.w->feed, &(struct row_recovery){STR(PID), 2, 0, 100, buf_str(&rooms)});
    const struct {
        uint64_t event_id, chat_id, user_id;
    } log[] = {{99, before_, 0}, {101, made, 0}, {102, foreign, 0}, {103, added, 3}, {104, added, 2}, {105, made, 2}};
    for (size_t i = 0; i < sizeof(log) / sizeof(log[0]); i++) {
        feed_warm_join(p.w->feed, log[i].event_id, log[i].chat_id, log[i].user_id);
    }
    struct link_login_reply r = log_in(&p, p.worker, 11, 2, "certain");
    assert_int_equal(r.rooms.len, LINK_ROOM_BYTES);
    r = log_in(&p, p.worker, 12, 2, PID);
    assert_int_equal(r.rooms.len, 3 * LINK_ROOM_BYTES);
    assert_int_equal(link_room_at(r.rooms, 0).chat_id, 7);
    assert_true(link_room_at(r.rooms, 1).chat_id == made && link_room_at(r.rooms, 1).since == 101);
    assert_true(link_room_at(r.rooms, 2).chat_id == added && link_room_at(r.rooms, 2).since == 104);
    buf_release(&rooms);
    end(&p);
}

static void test_the_time_is_written_as_long_as_there_are_any(void **state)
{
    (void)state;
    struct place p = place(100);
    store(&p);
    assert_int_equal(db.commands, 0);
    struct link_login_reply r = log_in(&p, p.worker, 11, 1, "");
    say(&p, p.worker, r.slot, 11, 1, LINK_RECOVERY_LIVE);
    store(&p);
    assert_int_equal(db.clocks, 1);
    store(&p);
    assert_int_equal(db.clocks, 1);
    feed_recovery_store(p.w->feed, mono_ms() + 10001);
    assert_true(db.clocks == 2 && db.rows == 1);
    feed_recovery_stop(p.w->feed);
    assert_int_equal(db.clocks, 3);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_goes_on_where_its_user_was),
        cmocka_unit_test(test_a_lost_worker_and_a_good_bye),
        cmocka_unit_test(test_a_change_is_confirmed_when_it_is_written),
        cmocka_unit_test(test_what_cannot_be_written_is_tried_again),
        cmocka_unit_test(test_what_is_not_kept_is_confirmed_at_once),
        cmocka_unit_test(test_who_was_there_at_the_end_can_come_back),
        cmocka_unit_test(test_what_was_joined_in_the_last_moment_is_found_in_the_log),
        cmocka_unit_test(test_the_time_is_written_as_long_as_there_are_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
