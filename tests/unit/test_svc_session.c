/* Event sessions as the services show them. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "rest/cache_write.h"
#include "rest/ratelimit.h"
#include "rest/svc_session.h"
#include "tests/lib/fake_store.h"

enum { ANN = 1, BOB = 2, CAT = 3 };

/* -- what stands beside the services ------------------------------------------------------------------------ */

static uint64_t published = 1000, waited_for;
static struct store *pool; /* NULL: the database is away */
static enum rc pool_rc = RC_OK;

uint64_t feed_published(const struct feed *f)
{
    (void)f;
    return published;
}

bool feed_wait_published(struct feed *f, uint64_t event_id, uint64_t deadline_ms)
{
    (void)f;
    (void)deadline_ms;
    waited_for = event_id;
    return event_id <= published;
}

enum rc dbpool_submit(struct dbpool *p, dbpool_job job, void *ctx)
{
    (void)p;
    if (pool_rc == RC_OK) {
        job(pool, ctx);
    }
    return pool_rc;
}

/* -- who may watch ------------------------------------------------------------------------------------------- */

static const char *const open_uuid = "6f9b1e2a-0000-4111-8122-010203040506";
static const char *const host_uuid = "6f9b1e2a-0000-4111-8122-010203040507";

static struct cache *world(struct svc *svc)
{
    struct cache *c = cache_new();
    struct sessions *s = cache_sessions_to_change(c);
    struct row_session open = {.id = 11, .visibility = SESSION_LINK, .created_by = ANN};
    struct row_session host = {.id = 12, .visibility = SESSION_HOSTS, .created_by = ANN};
    assert_true(key16_from_uuid(str_of(open_uuid), &open.uuid));
    assert_true(key16_from_uuid(str_of(host_uuid), &host.uuid));
    sessions_put(s, &open);
    sessions_put(s, &host);
    sessions_put_role(s, &(struct row_session_role){12, ANN, SESSION_HOST});
    *svc = (struct svc){.cache = c};
    return c;
}

static void test_who_may_watch_a_dashboard(void **state)
{
    (void)state;
    struct svc svc;
    struct cache *c = world(&svc);
    uint64_t topic = 0;
    bool needs_slot = true;
    assert_int_equal(svc_dashboard(&svc, str_of(open_uuid), 0, &topic, &needs_slot), CODE_OK);
    assert_true(topic == 11);
    assert_false(needs_slot);
    assert_int_equal(svc_dashboard(&svc, str_of(host_uuid), ANN, &topic, &needs_slot), CODE_OK);
    assert_true(topic == 12);
    assert_true(needs_slot);
    assert_int_equal(svc_dashboard(&svc, str_of(host_uuid), BOB, &topic, &needs_slot), CODE_FORBIDDEN);
    assert_int_equal(svc_dashboard(&svc, str_of(host_uuid), 0, &topic, &needs_slot), CODE_FORBIDDEN);
    assert_int_equal(svc_dashboard(&svc, STR("6F9B1E2A-0000-4111-8122-010203040506"), 0, &topic, &needs_slot), CODE_OK);
    cache_free(c);
}

static void test_only_the_uuid_finds_a_session(void **state)
{
    (void)state;
    struct svc svc;
    struct cache *c = world(&svc);
    static const char *const texts[] = {"", "11", "ses_11", "6f9b1e2a-0000-4111-8122-010203040508", "x",
                                        "6f9b1e2a000041118122010203040506", "6f9b1e2a-0000-4111-8122-01020304050",
                                        "636f6e66-6162-8005-8000-00000000000b"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint64_t topic = 77;
        bool needs_slot = false;
        assert_int_equal(svc_dashboard(&svc, str_of(texts[i]), ANN, &topic, &needs_slot), CODE_SESSION_NOT_FOUND);
        assert_true(topic == 77);
    }
    cache_free(c);
}

/* -- views --------------------------------------------------------------------------------------------------- */

static void test_a_session_is_shown_to_those_with_a_role(void **state)
{
    (void)state;
    struct svc svc;
    struct arena arena = ARENA_INIT(1 << 20);
    struct session_view x;
    struct cache *c = world(&svc);
    cache_put_user(c, &(struct row_user){.id = ANN, .username = STR("ann"), .name = STR("Ann")});
    assert_int_equal(svc_session(&svc, str_of(host_uuid), ANN, SESSION_HOST, &arena, &x), CODE_OK);
    assert_true(x.id == 12 && x.role == SESSION_HOST && x.visibility == SESSION_HOSTS && !x.has_key);
    assert_int_equal(x.people_count, 1);
    assert_str(x.people[0].user.name, "Ann");
    assert_int_equal(svc_session(&svc, str_of(host_uuid), BOB, SESSION_STAFF, &arena, &x), CODE_FORBIDDEN);
    assert_int_equal(svc_session(&svc, STR("12"), ANN, SESSION_STAFF, &arena, &x), CODE_SESSION_NOT_FOUND);
    sessions_put_role(cache_sessions_to_change(c), &(struct row_session_role){12, BOB, SESSION_STAFF});
    assert_int_equal(svc_session(&svc, str_of(host_uuid), BOB, SESSION_STAFF, &arena, &x), CODE_OK);
    assert_int_equal(svc_session(&svc, str_of(host_uuid), BOB, SESSION_HOST, &arena, &x), CODE_FORBIDDEN);
    assert_int_equal(svc_session_by_id(&svc, 99, ANN, &arena, &x), CODE_SESSION_NOT_FOUND);
    arena_release(&arena);
    cache_free(c);
}

static void test_pages_of_sessions_are_newest_first_and_whole(void **state)
{
    (void)state;
    struct svc svc;
    struct cache *c = world(&svc);
    struct sessions *s = cache_sessions_to_change(c);
    for (uint64_t id = 100; id < 125; id++) {
        struct row_session r = {.id = id, .visibility = SESSION_LINK, .created_by = BOB, .title = STR("x")};
        memcpy(r.uuid.b, &id, sizeof(id));
        sessions_put(s, &r);
        sessions_put_role(s, &(struct row_session_role){id, BOB, SESSION_STAFF});
    }
    sessions_put(s, &(struct row_session){.id = 110, .deleted_us = 1});
    uint64_t before = 0, expected = 124;
    unsigned seen = 0, pages = 0;
    for (bool more = true; more; pages++) {
        struct arena arena = ARENA_INIT(1 << 20);
        struct session_page page;
        assert_int_equal(svc_sessions(&svc, BOB, before, 8, &arena, &page), CODE_OK);
        for (unsigned i = 0; i < page.count; i++, seen++) {
            expected -= expected == 110;
            assert_true(page.sessions[i].id == expected--);
        }
        more = page.has_more;
        before = page.count > 0 ? page.sessions[page.count - 1].id : 0;
        arena_release(&arena);
    }
    assert_int_equal(seen, 24);
    assert_int_equal(pages, 3);
    struct arena arena = ARENA_INIT(1 << 20);
    struct session_page page;
    assert_int_equal(svc_sessions(&svc, CAT, 0, 8, &arena, &page), CODE_OK);
    assert_true(page.count == 0 && !page.has_more);
    arena_release(&arena);
    cache_free(c);
}

static void test_who_may_check_in_and_how_often(void **state)
{
    (void)state;
    struct svc svc;
    struct rest_conf *conf;
    struct key16 good, bad, zeros = {{0}};
    uint64_t id = 0;
    struct cache *c = world(&svc);
    conf_defaults(rest_conf_keys(&conf), rest_conf_keys_count);
    conf->session_checkins_per_s = 1;
    conf->session_checkins_burst = 3;
    svc.conf = conf;
    hash16(STR("good"), &good);
    hash16(STR("bad"), &bad);
    assert_int_equal(svc_may_check_in(&svc, str_of(host_uuid), ANN, NULL, &id), CODE_OK);
    assert_true(id == 12);
    assert_int_equal(svc_may_check_in(&svc, str_of(host_uuid), BOB, NULL, &id), CODE_FORBIDDEN);
    assert_int_equal(svc_may_check_in(&svc, str_of(host_uuid), 0, NULL, &id), CODE_FORBIDDEN);
    assert_int_equal(svc_may_check_in(&svc, str_of(host_uuid), 0, &zeros, &id), CODE_FORBIDDEN); /* there is no key */
    struct row_session with_key = {.id = 12, .visibility = SESSION_HOSTS, .key_hash = good};
    sessions_put(cache_sessions_to_change(c), &with_key);
    assert_int_equal(svc_may_check_in(&svc, str_of(host_uuid), 0, &good, &id), CODE_OK);
    assert_int_equal(svc_may_check_in(&svc, str_of(host_uuid), 0, &bad, &id), CODE_FORBIDDEN);
    assert_int_equal(svc_may_check_in(&svc, str_of(host_uuid), ANN, &bad, &id), CODE_FORBIDDEN); /* the key counts */
    assert_int_equal(svc_may_check_in(&svc, str_of(open_uuid), 0, &good, &id), CODE_FORBIDDEN); /* another session's */
    svc.checkins = ratelimit_new(64);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(svc_may_check_in(&svc, str_of(host_uuid), 0, &bad, &id), CODE_FORBIDDEN); /* takes nothing */
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(svc_may_check_in(&svc, str_of(host_uuid), i % 2 ? ANN : 0, i % 2 ? NULL : &good, &id), CODE_OK);
    }
    assert_int_equal(svc_may_check_in(&svc, str_of(host_uuid), ANN, NULL, &id), CODE_RATE_LIMITED);
    ratelimit_free(svc.checkins);
    conf_release(rest_conf_keys(&conf), rest_conf_keys_count);
    cache_free(c);
}

/* -- from the database ---------------------------------------------------------------------------------------- */

static enum code answered;
static unsigned answers;

static void on_read(void *ctx, enum code code)
{
    (void)ctx;
    answers++;
    answered = code;
}

static void fill(void)
{
    struct row_attendee attendees[20];
    struct row_checkin checkins[20];
    struct store_batch b = {.attendees_new = attendees, .attendees_new_count = 20, .checkins = checkins, .checkins_count = 20};
    for (uint64_t i = 0; i < 20; i++) {
        attendees[i] = (struct row_attendee){.session_id = 12, .user_id = 50 - i, .code = 500 + i, .last_event = 900 + i};
        checkins[i] = (struct row_checkin){.id = 990 + i, .session_id = 12, .user_id = ANN, .at_us = 5, .name = STR("Then"),
                                           .result = i == 3 ? CHECKIN_ALREADY : CHECKIN_DONE};
    }
    fake_db_reset();
    fake_db_apply(&b);
    pool = fake_db_open();
}

static struct session_read new_read(struct svc *svc, struct arena *arena, unsigned limit)
{
    answers = 0;
    return (struct session_read){
        .svc = svc, .arena = arena, .done = on_read, .session_id = 12, .limit = limit};
}

static void test_attendees_come_in_pages(void **state)
{
    (void)state;
    struct svc svc;
    struct rest_conf *conf;
    struct cache *c = world(&svc);
    conf_defaults(rest_conf_keys(&conf), rest_conf_keys_count);
    svc.conf = conf;
    fill();
    uint64_t from = 0;
    unsigned seen = 0;
    for (bool more = true; more;) {
        struct arena arena = ARENA_INIT(1 << 20);
        struct session_read r = new_read(&svc, &arena, 7);
        r.from = from;
        assert_int_equal(session_read_attendees(&r), CODE_OK);
        assert_true(answers == 1 && answered == CODE_OK);
        seen += r.count;
        more = r.has_more;
        from = r.next;
        arena_release(&arena);
    }
    assert_int_equal(seen, 20);
    struct arena arena = ARENA_INIT(1 << 20);
    struct session_read r = new_read(&svc, &arena, 3);
    r.users = (uint64_t[]){33, 50, 77};
    assert_int_equal(session_read_registered(&r), CODE_OK);
    assert_true(answered == CODE_OK && r.count == 2 && !r.has_more);
    published = 910; /* rows of a commit that is not out yet */
    r = new_read(&svc, &arena, 20);
    assert_int_equal(session_read_attendees(&r), CODE_OK);
    assert_true(waited_for == 919 && answered == CODE_UNAVAILABLE);
    published = 1000;
    arena_release(&arena);
    store_close(pool);
    pool = NULL;
    fake_db_release();
    conf_release(rest_conf_keys(&conf), rest_conf_keys_count);
    cache_free(c);
}

static void test_check_ins_end_at_what_is_published(void **state)
{
    (void)state;
    struct svc svc;
    struct rest_conf *conf;
    struct arena arena = ARENA_INIT(1 << 20);
    struct cache *c = world(&svc);
    conf_defaults(rest_conf_keys(&conf), rest_conf_keys_count);
    svc.conf = conf;
    cache_put_user(c, &(struct row_user){.id = ANN, .username = STR("ann"), .name = STR("Now"),
                                         .profile_url = STR("https://x.org/a")});
    fill();
    struct session_read r = new_read(&svc, &arena, 8);
    assert_int_equal(session_read_checkins(&r), CODE_OK);
    assert_true(answered == CODE_OK && r.count == 8 && r.has_more);
    assert_true(r.next == 992); /* from 1000 downwards */
    assert_str(r.checkins[0].name, "Then");
    assert_str(r.checkins[0].profile_url, "https://x.org/a");
    struct session_read rest = new_read(&svc, &arena, 8);
    rest.from = r.next;
    assert_int_equal(session_read_checkins(&rest), CODE_OK);
    assert_true(rest.count == 3 && !rest.has_more);
    struct session_read one = new_read(&svc, &arena, 9);
    one.from = 993;
    assert_int_equal(session_read_checkin(&one), CODE_OK);
    assert_true(one.count == 1 && one.checkins[0].result == CHECKIN_ALREADY);
    one = new_read(&svc, &arena, 9);
    one.from = 5;
    assert_int_equal(session_read_checkin(&one), CODE_OK);
    assert_true(answered == CODE_OK && one.count == 0);
    store_close(pool);
    pool = NULL;
    one = new_read(&svc, &arena, 9);
    assert_int_equal(session_read_checkin(&one), CODE_OK);
    assert_int_equal(answered, CODE_UNAVAILABLE);
    pool_rc = RC_UNAVAILABLE;
    one = new_read(&svc, &arena, 9);
    assert_int_equal(session_read_checkins(&one), CODE_QUEUE_FULL);
    assert_int_equal(answers, 0);
    pool_rc = RC_OK;
    fake_db_release();
    arena_release(&arena);
    conf_release(rest_conf_keys(&conf), rest_conf_keys_count);
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_watch_a_dashboard),
        cmocka_unit_test(test_only_the_uuid_finds_a_session),
        cmocka_unit_test(test_a_session_is_shown_to_those_with_a_role),
        cmocka_unit_test(test_pages_of_sessions_are_newest_first_and_whole),
        cmocka_unit_test(test_who_may_check_in_and_how_often),
        cmocka_unit_test(test_attendees_come_in_pages),
        cmocka_unit_test(test_check_ins_end_at_what_is_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
