#include "tests/unit/unit.h"

#include "rest/families.h"

static struct row_family row(uint64_t id, uint64_t user, uint64_t expires_s)
{
    return (struct row_family){.id = id, .user_id = user, .expires_s = expires_s};
}

static void test_a_failed_batch_leaves_no_trace(void **state)
{
    (void)state;
    struct families *f = families_new();
    struct row_family a = row(1, 5, 10), b = row(2, 5, 10);
    families_load(f, &a);
    a.expires_s = 20;
    families_put(f, &a, 1);
    a.expires_s = 30;
    families_put(f, &a, 1);
    families_put(f, &b, 1);
    assert_true(families_find(f, 1)->expires_s == 30 && families_find(f, 2) != NULL);
    families_undo(f);
    assert_true(families_find(f, 1)->expires_s == 10 && families_find(f, 2) == NULL);
    families_put(f, &b, 1);
    families_merged(f, 1);
    families_undo(f);
    assert_non_null(families_find(f, 2));
    assert_null(families_find(f, 0));
    families_free(f);
}

static void test_merging_ends_with_its_batch(void **state)
{
    (void)state;
    struct families *f = families_new();
    struct row_family a = row(1, 5, 10), b = row(2, 5, 10);
    families_put(f, &a, 1);
    families_put(f, &b, 2);
    families_merged(f, 1);
    families_undo(f);
    assert_non_null(families_find(f, 1));
    assert_null(families_find(f, 2));
    families_free(f);
}

static void test_revoked_families_are_forgotten_once_stored(void **state)
{
    (void)state;
    struct families *f = families_new();
    for (uint64_t id = 1; id <= 200; id++) {
        struct row_family r = row(id, id % 3, 10);
        families_load(f, &r);
    }
    for (uint64_t id = 1; id <= 200; id += 2) {
        struct row_family r = row(id, id % 3, 10);
        r.revoked_us = 1;
        families_put(f, &r, 1);
        assert_non_null(families_find(f, id));
    }
    families_merged(f, 1);
    for (uint64_t id = 1; id <= 200; id++) {
        const struct row_family *r = families_find(f, id);
        assert_true((r == NULL) == (id % 2 == 1));
        assert_true(r == NULL || r->id == id);
    }
    families_free(f);
}

static void count(void *ctx, const struct row_family *r)
{
    assert_true(r->user_id == 5 && r->revoked_us == 0);
    ++*(unsigned *)ctx;
}

static void test_the_alive_ones_of_a_user(void **state)
{
    (void)state;
    struct families *f = families_new();
    struct row_family a = row(1, 5, 10), b = row(2, 6, 10), c = row(3, 5, 10), gone = row(4, 5, 10);
    unsigned n = 0;
    gone.revoked_us = 9;
    families_load(f, &a);
    families_load(f, &b);
    families_load(f, &c);
    families_put(f, &gone, 1);
    families_of_user(f, 5, count, &n);
    assert_int_equal(n, 2);
    families_free(f);
}

static void test_expired_families_are_forgotten_a_day_later(void **state)
{
    (void)state;
    struct families *f = families_new();
    for (uint64_t id = 1; id <= 100; id++) {
        struct row_family r = row(id, 5, id % 2 ? 1000 : 1000000);
        families_load(f, &r);
    }
    families_expire(f, 1000 + 86400);
    assert_non_null(families_find(f, 1));
    struct row_family flying = row(300, 5, 1);
    families_put(f, &flying, 1);
    families_expire(f, 1000 + 86401); /* not while a batch is in flight: undoing it needs the rows */
    assert_non_null(families_find(f, 1));
    families_undo(f);
    families_expire(f, 1000 + 86401);
    for (uint64_t id = 1; id <= 100; id++) {
        assert_true((families_find(f, id) == NULL) == (id % 2 == 1));
    }
    families_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failed_batch_leaves_no_trace),
        cmocka_unit_test(test_merging_ends_with_its_batch),
        cmocka_unit_test(test_revoked_families_are_forgotten_once_stored),
        cmocka_unit_test(test_the_alive_ones_of_a_user),
        cmocka_unit_test(test_expired_families_are_forgotten_a_day_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
