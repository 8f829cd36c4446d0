#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rest/password.h"

static const struct password_cost cheap = {8192, 1};

static void test_password_hash_verifies_and_nothing_else_does(void **state)
{
    (void)state;
    struct buf hash = BUF_INIT;
    bool rehash = true;
    assert_int_equal(password_hash(cheap, STR("correct horse"), &hash), RC_OK);
    assert_true(str_starts(buf_str(&hash), STR("$argon2id$")));
    assert_int_equal(password_verify(cheap, buf_str(&hash), STR("correct horse"), &rehash), RC_OK);
    assert_false(rehash);
    assert_int_equal(password_verify(cheap, buf_str(&hash), STR("correct horsf"), NULL),
                     RC_UNAUTHENTICATED);
    assert_int_equal(password_verify(cheap, buf_str(&hash), STR(""), NULL), RC_UNAUTHENTICATED);
    buf_release(&hash);
}

static void test_password_hash_is_salted(void **state)
{
    (void)state;
    struct buf a = BUF_INIT, b = BUF_INIT;
    assert_int_equal(password_hash(cheap, STR("same"), &a), RC_OK);
    assert_int_equal(password_hash(cheap, STR("same"), &b), RC_OK);
    assert_false(str_eq(buf_str(&a), buf_str(&b)));
    buf_release(&a);
    buf_release(&b);
}

static void test_password_verify_of_nobody_or_garbage_is_refused(void **state)
{
    (void)state;
    char longer[300] = {0};
    memset(longer, 'x', sizeof(longer) - 1);
    assert_int_equal(password_verify(cheap, STR(""), STR("x"), NULL), RC_UNAUTHENTICATED);
    assert_int_equal(password_verify(cheap, STR("not a hash"), STR("x"), NULL), RC_UNAUTHENTICATED);
    assert_int_equal(password_verify(cheap, str_of(longer), STR("x"), NULL), RC_UNAUTHENTICATED);
}

static void test_password_other_cost_asks_for_a_new_hash(void **state)
{
    (void)state;
    struct password_cost dearer = {16384, 2};
    struct buf hash = BUF_INIT;
    bool rehash = false;
    assert_int_equal(password_hash(cheap, STR("pass word"), &hash), RC_OK);
    assert_int_equal(password_verify(dearer, buf_str(&hash), STR("pass word"), &rehash), RC_OK);
    assert_true(rehash);
    buf_release(&hash);
}

static void test_password_without_memory_says_so(void **state)
{
    (void)state;
    struct password_cost impossible = {(uint64_t)1 << 45, 1};
    struct buf hash = BUF_INIT;
    assert_int_equal(password_hash(impossible, STR("x"), &hash), RC_NO_MEMORY);
    assert_int_equal(hash.len, 0);
    assert_int_equal(password_verify(impossible, STR(""), STR("x"), NULL), RC_NO_MEMORY);
    buf_release(&hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password_hash_verifies_and_nothing_else_does),
        cmocka_unit_test(test_password_hash_is_salted),
        cmocka_unit_test(test_password_verify_of_nobody_or_garbage_is_refused),
        cmocka_unit_test(test_password_other_cost_asks_for_a_new_hash),
        cmocka_unit_test(test_password_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
