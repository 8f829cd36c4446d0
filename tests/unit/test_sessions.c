/* Event sessions in memory. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "rest/sessions.h"

enum { ANN = 1, BOB = 2, CAT = 3 };

static struct key16 uuid_of(uint64_t id)
{
    struct key16 k = {{0}};
    memcpy(k.b, &id, sizeof(id));
    return k;
}

static void put(struct sessions *s, uint64_t id, uint64_t by, uint8_t visibility, const char *title)
{
    sessions_put(s, &(struct row_session){.id = id,
                                          .uuid = uuid_of(id),
                                          .title = str_of(title),
                                          .visibility = visibility,
                                          .open_registration = 1,
                                          .created_by = by,
                                          .created_us = 5});
}

static void put_role(struct sessions *s, uint64_t id, uint64_t user, enum session_role role)
{
    sessions_put_role(s, &(struct row_session_role){id, user, (uint8_t)role});
}

static unsigned count_of(const struct sessions *s, uint64_t user, uint64_t *first)
{
    unsigned n = 0;
    bool end = false;
    for (uint32_t i = 0;; i++) {
        const struct session *x = sessions_of_user(s, user, i, &end);
        if (end) {
            return n;
        }
        if (x != NULL && n++ == 0 && first != NULL) {
            *first = x->id;
        }
    }
}

static void test_a_session_is_found_by_its_uuid_until_it_is_gone(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    struct key16 one = uuid_of(1), two = uuid_of(2);
    put(s, 1, ANN, SESSION_LINK, "Party");
    put_role(s, 1, ANN, SESSION_HOST);
    assert_string_equal(sessions_find_uuid(s, &one)->title, "Party");
    assert_null(sessions_find_uuid(s, &two));
    assert_true(sessions_find(s, 1) == sessions_find_uuid(s, &one));
    assert_null(sessions_find(s, 0));
    assert_int_equal(sessions_created_by(s, ANN), 1);
    sessions_put(s, &(struct row_session){.id = 1, .uuid = one, .deleted_us = 9});
    assert_null(sessions_find_uuid(s, &one));
    assert_null(sessions_find(s, 1));
    assert_int_equal(sessions_created_by(s, ANN), 0);
    assert_int_equal(count_of(s, ANN, NULL), 0);
    put(s, 1, ANN, SESSION_LINK, "Again"); /* gone is gone */
    put_role(s, 1, BOB, SESSION_HOST);
    sessions_count(s, 1, 1, 1);
    assert_null(sessions_find(s, 1));
    sessions_free(s);
}

static void test_a_change_keeps_people_and_counts(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    put(s, 7, ANN, SESSION_LINK, "Party");
    put_role(s, 7, ANN, SESSION_HOST);
    sessions_count(s, 7, 3, 1);
    sessions_count(s, 7, 0, 1);
    assert_false(session_has_key(sessions_find(s, 7)));
    sessions_put(s, &(struct row_session){.id = 7, .title = STR("Ball"), .visibility = SESSION_HOSTS, .updated_us = 8,
                                          .key_hash = uuid_of(99)});
    const struct session *x = sessions_find(s, 7);
    assert_string_equal(x->title, "Ball");
    assert_int_equal(x->visibility, SESSION_HOSTS);
    assert_false(x->open_registration);
    assert_int_equal(x->attendees, 3);
    assert_int_equal(x->arrived, 2);
    assert_true(x->created_by == ANN && x->created_us == 5 && x->updated_us == 8);
    assert_true(session_has_key(x));
    assert_int_equal(session_role_of(x, ANN), SESSION_HOST);
    sessions_free(s);
}

static void test_who_may_watch(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    put(s, 1, ANN, SESSION_LINK, "a");
    put(s, 2, ANN, SESSION_PUBLIC, "b");
    put(s, 3, ANN, SESSION_HOSTS, "c");
    put_role(s, 3, ANN, SESSION_HOST);
    put_role(s, 3, BOB, SESSION_STAFF);
    assert_true(session_may_watch(sessions_find(s, 1), 0));
    assert_true(session_may_watch(sessions_find(s, 2), CAT));
    assert_true(session_may_watch(sessions_find(s, 3), ANN));
    assert_true(session_may_watch(sessions_find(s, 3), BOB));
    assert_false(session_may_watch(sessions_find(s, 3), CAT));
    assert_false(session_may_watch(sessions_find(s, 3), 0));
    put_role(s, 3, BOB, SESSION_NOBODY);
    assert_false(session_may_watch(sessions_find(s, 3), BOB));
    sessions_free(s);
}

static void test_roles_come_change_and_go(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    uint64_t first = 0;
    for (uint64_t id = 1; id <= 40; id++) {
        put(s, id, ANN, SESSION_LINK, "x");
        put_role(s, id, ANN, SESSION_HOST);
    }
    put_role(s, 30, BOB, SESSION_STAFF);
    put_role(s, 10, BOB, SESSION_STAFF); /* an older one later */
    put_role(s, 10, BOB, SESSION_STAFF);
    put_role(s, 10, BOB, SESSION_HOST);
    assert_int_equal(count_of(s, BOB, &first), 2);
    assert_true(first == 10);
    assert_int_equal(session_role_of(sessions_find(s, 10), BOB), SESSION_HOST);
    assert_int_equal(count_of(s, ANN, &first), 40);
    assert_true(first == 1);
    assert_int_equal(sessions_created_by(s, ANN), 40);
    assert_int_equal(sessions_created_by(s, BOB), 0);
    put_role(s, 10, BOB, SESSION_NOBODY);
    put_role(s, 10, CAT, SESSION_NOBODY);
    assert_int_equal(count_of(s, BOB, &first), 1);
    assert_true(first == 30);
    assert_int_equal(sessions_find(s, 10)->people_count, 1);
    assert_int_equal(count_of(s, CAT, NULL), 0);
    sessions_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_is_found_by_its_uuid_until_it_is_gone),
        cmocka_unit_test(test_a_change_keeps_people_and_counts),
        cmocka_unit_test(test_who_may_watch),
        cmocka_unit_test(test_roles_come_change_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
