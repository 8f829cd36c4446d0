/* Which connections can be recovered: whose, how long, how many, and what is written of them. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "rest/recovery.h"
#include "shared/link_msg.h"
#include "shared/rd.h"

#define KEEP_US 1000000u

static const struct recovery_owner w1 = {1, 10}, w2 = {2, 20}, nobody = {0, 0};

static struct recovery_place rooms(unsigned n)
{
    static char all[LINK_ROOMS_MAX * LINK_ROOM_BYTES];
    return (struct recovery_place){{all, n * LINK_ROOM_BYTES}, 1000 + n};
}

static bool has(struct recoveries *t, const char *pid, uint64_t user, uint64_t now_us)
{
    return recoveries_find(t, str_of(pid), user, now_us) != NULL;
}

/* -- what is written ------------------------------------------------------------------------------------------ */

struct row {
    char pid[LINK_PID_MAX_BYTES + 1];
    bool gone;
    uint64_t user_id, lost_us, position;
    size_t rooms;
};

/* The rows in content; how many. */
static unsigned rows_of(const struct buf *content, struct row *out, unsigned room)
{
    unsigned n = 0;
    for (struct rd in = rd_of(content->p, content->len); in.left > 0; n++) {
        assert_true(n < room);
        out[n].gone = rd_be8(&in) == 0;
        struct str pid = rd_str16(&in);
        memcpy(out[n].pid, pid.p, pid.len);
        out[n].pid[pid.len] = '\0';
        out[n].user_id = rd_be64(&in);
        out[n].lost_us = rd_be64(&in);
        out[n].position = rd_be64(&in);
        out[n].rooms = rd_str16(&in).len / LINK_ROOM_BYTES;
        assert_false(in.bad);
    }
    return n;
}

/* What waits, written well or not. */
static unsigned write_out(struct recoveries *t, bool good, struct row *out, unsigned room)
{
    struct recovery *taken[64];
    struct buf content = BUF_INIT;
    unsigned count = recoveries_take(t, taken, room < 64 ? room : 64, &content);
    assert_int_equal(rows_of(&content, out, room), count);
    recoveries_stored(t, taken, count, good);
    buf_release(&content);
    return count;
}

/* -- tests ------------------------------------------------------------------------------------------------------- */

static void test_it_is_found_by_its_user_until_its_time_is_over(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(10, KEEP_US);
    assert_false(has(t, "a", 7, 1));
    recoveries_live(t, STR("a"), 7, w1, rooms(2), 1);
    assert_true(has(t, "a", 7, UINT64_MAX)); /* it is there: no time runs */
    assert_false(has(t, "a", 8, 1));
    assert_false(has(t, "b", 7, 1));
    assert_int_equal(recovery_place(recoveries_find(t, STR("a"), 7, 1)).rooms.len, 2 * LINK_ROOM_BYTES);
    recoveries_lost(t, STR("a"), w1, rooms(3), 5000);
    assert_int_equal(recovery_place(recoveries_find(t, STR("a"), 7, 5000)).rooms.len, 3 * LINK_ROOM_BYTES);
    assert_true(has(t, "a", 7, 5000 + KEEP_US - 1));
    assert_false(has(t, "a", 7, 5000 + KEEP_US));
    recoveries_tick(t, 5000 + KEEP_US - 1);
    assert_int_equal(recoveries_count(t), 1);
    recoveries_tick(t, 5000 + KEEP_US);
    assert_int_equal(recoveries_count(t), 0);
    recoveries_free(t);
}

static void test_only_its_session_has_a_say(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(10, KEEP_US);
    recoveries_live(t, STR("a"), 7, w1, rooms(1), 1);
    recoveries_live(t, STR("a"), 8, w1, rooms(5), 1); /* nobody else's */
    recoveries_live(t, STR("a"), 7, w2, rooms(5), 1);
    recoveries_lost(t, STR("a"), w2, rooms(5), 1);
    recoveries_ended(t, STR("a"), w2, 1);
    recoveries_ended(t, STR("b"), w1, 1);
    recoveries_lost(t, STR("b"), w1, rooms(5), 1);
    struct recovery *e = recoveries_find(t, STR("a"), 7, UINT64_MAX);
    assert_non_null(e);
    assert_int_equal(recovery_place(e).rooms.len, LINK_ROOM_BYTES);

    recovery_take_over(t, e, w2);
    assert_int_equal(recovery_owner(e).session, w2.session);
    recoveries_lost(t, STR("a"), w1, rooms(5), 5000); /* of the earlier one; it does not count any more */
    recoveries_ended(t, STR("a"), w1, 2);
    assert_true(has(t, "a", 7, UINT64_MAX));
    recoveries_ended(t, STR("a"), w2, 2);
    assert_false(has(t, "a", 7, 1));
    recoveries_free(t);
}

static void test_what_comes_back_is_lost_no_more(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(10, KEEP_US);
    recoveries_live(t, STR("a"), 7, w1, rooms(1), 1);
    recoveries_lost(t, STR("a"), w1, rooms(1), 5000);
    recovery_take_over(t, recoveries_find(t, STR("a"), 7, 6000), w2);
    recoveries_tick(t, 5000 + 5 * KEEP_US);
    assert_true(has(t, "a", 7, UINT64_MAX));
    recoveries_lost(t, STR("a"), w2, rooms(1), 9000);
    recoveries_tick(t, 5000 + KEEP_US); /* its time runs from the later loss */
    assert_true(has(t, "a", 7, 9000));
    recoveries_tick(t, 9000 + KEEP_US);
    assert_int_equal(recoveries_count(t), 0);
    recoveries_free(t);
}

static void test_a_worker_that_goes_loses_its_sessions(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(10, KEEP_US);
    recoveries_live(t, STR("a"), 7, w1, rooms(1), 1);
    recoveries_live(t, STR("b"), 7, w2, rooms(1), 1);
    recoveries_worker_gone(t, w1.worker, 5000);
    assert_int_equal(recovery_owner(recoveries_find(t, STR("a"), 7, 5000)).worker, nobody.worker);
    assert_false(has(t, "a", 7, 5000 + KEEP_US));
    assert_true(has(t, "b", 7, 5000 + KEEP_US));
    recoveries_live(t, STR("a"), 7, (struct recovery_owner){3, 1}, rooms(4), 3); /* a new link has it again */
    assert_true(has(t, "a", 7, UINT64_MAX));
    recoveries_free(t);
}

static void test_above_the_bound_the_oldest_lost_one_makes_room(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(2, KEEP_US);
    recoveries_live(t, STR("a"), 7, w1, rooms(0), 1);
    recoveries_live(t, STR("b"), 7, w2, rooms(0), 1);
    recoveries_live(t, STR("c"), 7, w1, rooms(0), 1);
    assert_false(has(t, "c", 7, 1)); /* those that are there stay */
    recoveries_lost(t, STR("b"), w2, rooms(0), 5000);
    recoveries_lost(t, STR("a"), w1, rooms(0), 5001);
    recoveries_live(t, STR("d"), 7, w1, rooms(0), 1);
    assert_true(has(t, "d", 7, 5001) && has(t, "a", 7, 5001));
    assert_false(has(t, "b", 7, 5001));
    assert_int_equal(recoveries_count(t), 2);
    recoveries_load(t, STR("e"), 7, 9000, false, rooms(0));
    recoveries_load(t, STR("f"), 7, 9001, true, rooms(0));
    assert_int_equal(recoveries_count(t), 2);
    recoveries_free(t);
}

static void test_those_that_ended_are_bounded_while_nothing_is_written(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(4, KEEP_US);
    struct row rows_written[64];
    unsigned refused = 0;
    for (unsigned i = 0; i < 50; i++) {
        char pid[8];
        (void)snprintf(pid, sizeof(pid), "p%u", i);
        refused += !recoveries_live(t, str_of(pid), 7, w1, rooms(LINK_ROOMS_MAX), 1);
        recoveries_lost(t, str_of(pid), w1, rooms(LINK_ROOMS_MAX), 1000 + i);
        assert_true(recoveries_count(t) <= 4 && recoveries_gone(t) <= 5);
    }
    assert_true(refused > 0);
    while (write_out(t, true, rows_written, 64) > 0) {
    }
    assert_int_equal(recoveries_gone(t), 0);
    assert_true(recoveries_live(t, STR("later"), 7, w1, rooms(1), 1)); /* there is room again */
    recoveries_free(t);
}

static void test_names_that_are_none_are_not_kept(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(2, KEEP_US);
    char longest[LINK_PID_MAX_BYTES + 1];
    memset(longest, 'p', sizeof(longest));
    recoveries_live(t, STR(""), 7, w1, rooms(0), 1);
    recoveries_live(t, (struct str){longest, LINK_PID_MAX_BYTES + 1}, 7, w1, rooms(0), 1);
    assert_int_equal(recoveries_count(t), 0);
    recoveries_live(t, (struct str){longest, LINK_PID_MAX_BYTES}, 7, w1, rooms(0), 1);
    assert_int_equal(recoveries_count(t), 1);
    recoveries_free(t);
}

static void test_changes_until_it_is_written_are_one_row(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(10, KEEP_US);
    struct row rows[8];
    assert_false(recoveries_wait(t));
    assert_true(recoveries_live(t, STR("a"), 7, w1, rooms(0), 1));
    assert_true(recoveries_live(t, STR("a"), 7, w1, rooms(1), 2));
    assert_true(recoveries_live(t, STR("b"), 8, w1, rooms(1), 1));
    assert_true(recoveries_live(t, STR("a"), 7, w1, rooms(2), 3));
    assert_true(recoveries_wait(t));
    assert_int_equal(write_out(t, true, rows, 8), 2);
    assert_string_equal(rows[0].pid, "a");
    assert_true(!rows[0].gone && rows[0].user_id == 7 && rows[0].lost_us == 0 && rows[0].rooms == 2);
    assert_string_equal(rows[1].pid, "b");
    assert_false(recoveries_wait(t));
    assert_int_equal(write_out(t, true, rows, 8), 0);
    recoveries_lost(t, STR("a"), w1, rooms(2), 77);
    assert_int_equal(write_out(t, true, rows, 8), 1);
    assert_int_equal(rows[0].lost_us, 77);
    recoveries_free(t);
}

static void test_what_ends_goes_from_the_database_if_it_was_there(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(10, KEEP_US);
    struct row rows[8];
    recoveries_live(t, STR("a"), 7, w1, rooms(0), 1);
    recoveries_live(t, STR("b"), 7, w1, rooms(0), 1);
    recoveries_ended(t, STR("a"), w1, 2); /* before it was written */
    assert_int_equal(write_out(t, true, rows, 8), 1);
    assert_string_equal(rows[0].pid, "b");
    recoveries_ended(t, STR("b"), w1, 2);
    assert_int_equal(write_out(t, true, rows, 8), 1);
    assert_true(rows[0].gone && strcmp(rows[0].pid, "b") == 0 && rows[0].rooms == 0);
    assert_int_equal(write_out(t, true, rows, 8), 0);
    recoveries_free(t);
}

static void test_what_changes_while_it_is_written_is_written_again(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(10, KEEP_US);
    struct recovery *taken[8];
    struct row rows[8];
    struct buf content = BUF_INIT;
    recoveries_live(t, STR("a"), 7, w1, rooms(1), 1);
    recoveries_live(t, STR("b"), 7, w1, rooms(1), 1);
    recoveries_live(t, STR("c"), 7, w1, rooms(1), 1);
    assert_int_equal(recoveries_take(t, taken, 8, &content), 3);
    recoveries_live(t, STR("a"), 7, w1, rooms(2), 2);
    recoveries_ended(t, STR("b"), w1, 2);
    recoveries_stored(t, taken, 3, true);
    assert_int_equal(write_out(t, true, rows, 8), 2);
    assert_true(strcmp(rows[0].pid, "a") == 0 && rows[0].rooms == 2 && !rows[0].gone);
    assert_true(strcmp(rows[1].pid, "b") == 0 && rows[1].gone);
    recoveries_live(t, STR("c"), 7, w1, rooms(5), 4);
    assert_int_equal(write_out(t, false, rows, 8), 1); /* the database is away */
    assert_int_equal(write_out(t, true, rows, 8), 1);
    assert_int_equal(rows[0].rooms, 5);
    assert_int_equal(write_out(t, true, rows, 8), 0);
    buf_release(&content);
    recoveries_free(t);
}

/* Its session hears until which word it is written; another session does not hear what the one before it said. */
static void test_who_changed_it_hears_what_is_written(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(1, KEEP_US);
    struct recovery *taken[8];
    struct recovery_owner owner;
    uint32_t number;
    struct buf content = BUF_INIT;
    assert_true(recoveries_live(t, STR("a"), 7, w1, rooms(1), 41));
    assert_false(recoveries_live(t, STR("a"), 8, w1, rooms(1), 1));
    assert_false(recoveries_live(t, STR("a"), 7, w2, rooms(1), 1));
    assert_false(recoveries_live(t, STR("b"), 7, w1, rooms(1), 1)); /* no room */
    assert_int_equal(recoveries_take(t, taken, 8, &content), 1);
    assert_true(recoveries_live(t, STR("a"), 7, w1, rooms(2), 42));
    assert_true(recovery_written(taken[0], &owner, &number));
    assert_true(number == 41 && owner.worker == w1.worker && owner.session == w1.session);
    recoveries_stored(t, taken, 1, true);
    assert_int_equal(recoveries_take(t, taken, 8, &content), 1);
    assert_true(recovery_written(taken[0], &owner, &number) && number == 42);
    recovery_take_over(t, taken[0], w2);
    assert_false(recovery_written(taken[0], &owner, &number));
    recoveries_stored(t, taken, 1, true);
    assert_int_equal(recoveries_take(t, taken, 8, &content), 1); /* it is no news to anybody */
    assert_false(recovery_written(taken[0], &owner, &number));
    recoveries_stored(t, taken, 1, true);
    assert_true(recoveries_ended(t, STR("a"), w2, 5)); /* that a row has gone is */
    assert_int_equal(recoveries_take(t, taken, 8, &content), 1);
    assert_true(recovery_written(taken[0], &owner, &number) && number == 5 && owner.worker == w2.worker);
    recoveries_stored(t, taken, 1, true);
    assert_false(recoveries_ended(t, STR("a"), w2, 6));
    assert_true(recoveries_live(t, STR("c"), 7, w1, rooms(1), 1));
    recoveries_lost(t, STR("c"), w1, rooms(1), 9);
    assert_int_equal(recoveries_take(t, taken, 8, &content), 1);
    assert_false(recovery_written(taken[0], &owner, &number));
    recoveries_stored(t, taken, 1, true);
    buf_release(&content);
    recoveries_free(t);
}

static void test_a_batch_is_bounded_in_rows_and_bytes(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(1000, KEEP_US);
    struct recovery *taken[64];
    struct buf content = BUF_INIT;
    unsigned left = 200, batches = 0;
    for (unsigned i = 0; i < left; i++) {
        char pid[16];
        (void)snprintf(pid, sizeof(pid), "p%u", i);
        recoveries_live(t, str_of(pid), 7, w1, rooms(LINK_ROOMS_MAX), 1);
    }
    while (left > 0) {
        buf_clear(&content);
        unsigned count = recoveries_take(t, taken, 64, &content);
        assert_true(count > 0 && count <= left);
        assert_true(content.len <= RECOVERY_BYTES + LINK_ROOMS_MAX * LINK_ROOM_BYTES + 128);
        recoveries_stored(t, taken, count, true);
        left -= count;
        batches++;
    }
    assert_true(batches >= 200 * LINK_ROOMS_MAX * LINK_ROOM_BYTES / (RECOVERY_BYTES + LINK_ROOMS_MAX * LINK_ROOM_BYTES));
    recoveries_live(t, STR("p1"), 7, w1, rooms(0), 1);
    recoveries_live(t, STR("p2"), 7, w1, rooms(0), 1);
    recoveries_live(t, STR("p3"), 7, w1, rooms(0), 1);
    assert_int_equal(recoveries_take(t, taken, 2, &content), 2);
    recoveries_stored(t, taken, 2, true);
    buf_release(&content);
    recoveries_free(t);
}

static void test_what_is_loaded_can_be_recovered(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(10, KEEP_US);
    struct row rows[8];
    recoveries_load(t, STR("old"), 7, 1000, false, rooms(1));
    recoveries_load(t, STR("new"), 7, 5000, true, rooms(2));
    assert_int_equal(write_out(t, true, rows, 8), 0); /* it is there already */
    recoveries_tick(t, 1000 + KEEP_US);
    assert_false(has(t, "old", 7, 2000));
    assert_true(has(t, "new", 7, 5000));
    assert_int_equal(write_out(t, true, rows, 8), 1);
    assert_true(rows[0].gone && strcmp(rows[0].pid, "old") == 0);
    recoveries_free(t);
}

/* As long as it has not spoken since; each word says of which place in the log it is. */
static void test_who_was_live_at_the_end_is_unsure(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(10, KEEP_US);
    struct row rows[8];
    recoveries_load(t, STR("lost"), 7, 1000, false, rooms(1));
    recoveries_load(t, STR("live"), 7, 1000, true, rooms(2));
    assert_false(recovery_is_unsure(recoveries_find(t, STR("lost"), 7, 1000)));
    struct recovery *e = recoveries_find(t, STR("live"), 7, 1000);
    assert_true(recovery_is_unsure(e));
    assert_int_equal(recovery_place(e).position, 1002);
    recovery_take_over(t, e, w1);
    assert_true(recovery_is_unsure(e)); /* it may end again before its session speaks */
    assert_int_equal(write_out(t, true, rows, 8), 1);
    assert_int_equal(rows[0].position, 1002);
    recoveries_live(t, STR("live"), 7, w1, rooms(3), 1);
    assert_false(recovery_is_unsure(e));
    assert_int_equal(write_out(t, true, rows, 8), 1);
    assert_true(rows[0].position == 1003 && rows[0].rooms == 3);
    recoveries_free(t);
}

static void test_the_time_is_a_row_without_a_name(void **state)
{
    (void)state;
    struct buf content = BUF_INIT;
    struct row row;
    recoveries_add_clock(&content, 123456789);
    assert_int_equal(rows_of(&content, &row, 1), 1);
    assert_true(row.pid[0] == '\0' && !row.gone && row.lost_us == 123456789);
    buf_release(&content);
}

/* -- against a model ---------------------------------------------------------------------------------------------- */

#define PIDS 40
#define MOST 25

struct model { /* of one pid */
    bool there;
    uint64_t user, lost_us;
    struct recovery_owner owner;
    size_t rooms;
    bool row; /* in the database */
    struct row stored;
};

static uint32_t dice(uint32_t n)
{
    static uint32_t seed = 20260101;
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void apply_rows(struct model *m, const struct buf *content)
{
    struct row rows[64];
    unsigned n = rows_of(content, rows, 64);
    for (unsigned i = 0; i < n; i++) {
        struct model *one = &m[atoi(rows[i].pid + 1)];
        one->row = !rows[i].gone;
        one->stored = rows[i];
    }
}

static unsigned model_count(const struct model *m)
{
    unsigned n = 0;
    for (unsigned i = 0; i < PIDS; i++) {
        n += m[i].there;
    }
    return n;
}

/* Room for one more: the lost one with the smallest time goes. */
static bool model_room(struct model *m)
{
    struct model *oldest = NULL;
    for (unsigned i = 0; i < PIDS && model_count(m) >= MOST; i++) {
        if (m[i].there && m[i].lost_us != 0 && (oldest == NULL || m[i].lost_us < oldest->lost_us)) {
            oldest = &m[i];
        }
    }
    if (oldest != NULL) {
        oldest->there = false;
    }
    return model_count(m) < MOST;
}

static void model_live(struct model *m, unsigned i, struct recovery_owner by, size_t n)
{
    if (!m[i].there && model_room(m)) {
        m[i].there = true;
        m[i].user = i;
        m[i].owner = nobody;
    }
    if (m[i].there && (m[i].owner.worker == 0 || (m[i].owner.worker == by.worker && m[i].owner.session == by.session))) {
        m[i].owner = by;
        m[i].lost_us = 0;
        m[i].rooms = n;
    }
}

static void step(struct recoveries *t, struct model *m, uint64_t now)
{
    char pid[8];
    unsigned i = dice(PIDS), kind = dice(20);
    size_t n = dice(4);
    struct recovery_owner by = {1 + dice(2), 1 + dice(2)};
    bool owns = m[i].there && m[i].owner.worker == by.worker && m[i].owner.session == by.session;
    (void)snprintf(pid, sizeof(pid), "p%u", i);
    if (kind < 8) {
        (void)recoveries_live(t, str_of(pid), i, by, rooms((unsigned)n), (uint32_t)now);
        model_live(m, i, by, n);
    } else if (kind < 13) {
        recoveries_lost(t, str_of(pid), by, rooms((unsigned)n), now);
        if (owns) {
            m[i].owner = nobody;
            m[i].lost_us = now;
            m[i].rooms = n;
        }
    } else if (kind < 15) {
        (void)recoveries_ended(t, str_of(pid), by, (uint32_t)now);
        m[i].there = m[i].there && !owns;
    } else if (kind < 17) {
        struct recovery *e = recoveries_find(t, str_of(pid), i, now);
        assert_int_equal(e != NULL, m[i].there && (m[i].lost_us == 0 || now < m[i].lost_us + 500));
        if (e != NULL) {
            assert_int_equal(recovery_place(e).rooms.len, m[i].rooms * LINK_ROOM_BYTES);
            recovery_take_over(t, e, by);
            m[i].owner = by;
            m[i].lost_us = 0;
        }
    } else if (kind < 18) {
        recoveries_tick(t, now);
        for (unsigned k = 0; k < PIDS; k++) {
            m[k].there = m[k].there && (m[k].lost_us == 0 || now < m[k].lost_us + 500);
        }
    }
}

static void test_entries_and_rows_agree_with_a_model(void **state)
{
    (void)state;
    struct recoveries *t = recoveries_new(MOST, 500);
    struct model m[PIDS] = {0};
    struct recovery *taken[64];
    unsigned count = 0;
    struct buf content = BUF_INIT;
    for (uint64_t now = 1; now < 60000; now++) {
        step(t, m, now);
        assert_int_equal(recoveries_count(t), model_count(m));
        if (count == 0 && dice(8) == 0) {
            buf_clear(&content);
            count = recoveries_take(t, taken, 1 + dice(8), &content);
        } else if (count > 0 && dice(8) == 0) {
            bool good = dice(4) != 0;
            if (good) {
                apply_rows(m, &content);
            }
            recoveries_stored(t, taken, count, good);
            count = 0;
        }
    }
    recoveries_stored(t, taken, count, false);
    do {
        buf_clear(&content);
        count = recoveries_take(t, taken, 64, &content);
        apply_rows(m, &content);
        recoveries_stored(t, taken, count, true);
    } while (count > 0);
    for (unsigned i = 0; i < PIDS; i++) {
        assert_int_equal(m[i].row, m[i].there);
        if (m[i].there) {
            assert_true(m[i].stored.user_id == m[i].user && m[i].stored.lost_us == m[i].lost_us);
            assert_int_equal(m[i].stored.rooms, m[i].rooms);
        }
    }
    buf_release(&content);
    recoveries_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_found_by_its_user_until_its_time_is_over),
        cmocka_unit_test(test_only_its_session_has_a_say),
        cmocka_unit_test(test_what_comes_back_is_lost_no_more),
        cmocka_unit_test(test_a_worker_that_goes_loses_its_sessions),
        cmocka_unit_test(test_above_the_bound_the_oldest_lost_one_makes_room),
        cmocka_unit_test(test_those_that_ended_are_bounded_while_nothing_is_written),
        cmocka_unit_test(test_names_that_are_none_are_not_kept),
        cmocka_unit_test(test_changes_until_it_is_written_are_one_row),
        cmocka_unit_test(test_what_ends_goes_from_the_database_if_it_was_there),
        cmocka_unit_test(test_what_changes_while_it_is_written_is_written_again),
        cmocka_unit_test(test_who_changed_it_hears_what_is_written),
        cmocka_unit_test(test_a_batch_is_bounded_in_rows_and_bytes),
        cmocka_unit_test(test_what_is_loaded_can_be_recovered),
        cmocka_unit_test(test_who_was_live_at_the_end_is_unsure),
        cmocka_unit_test(test_the_time_is_a_row_without_a_name),
        cmocka_unit_test(test_entries_and_rows_agree_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
