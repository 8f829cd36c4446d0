/* Deletions against a naive list; and that counting them does not take longer the more there are. */
#include "tests/unit/unit.h"

#include "rest/deletions.h"
#include "shared/clock.h"

enum { SEQS = 400, SENDERS = 7 };

static uint64_t count_naively(const uint32_t *deleted_of, uint64_t seq, uint32_t not_of)
{
    uint64_t n = 0;
    for (uint64_t i = seq + 1; i < SEQS; i++) {
        n += deleted_of[i] != 0 && deleted_of[i] != not_of;
    }
    return n;
}

static void test_counts_equal_a_naive_list(void **state)
{
    (void)state;
    uint32_t deleted_of[SEQS] = {0}; /* sender, 0: it is there */
    struct deletions *d = NULL;
    srand(7);
    assert_true(deletions_above(NULL, 0, 1) == 0 && !deletions_has(NULL, 1));
    for (unsigned i = 0; i < 300; i++) {
        uint64_t seq = 1 + (uint64_t)rand() % (SEQS - 1);
        uint32_t sender = 1 + (uint32_t)rand() % SENDERS;
        if (deleted_of[seq] == 0) {
            deletions_add(&d, seq, sender);
            deleted_of[seq] = sender;
        }
        for (uint32_t who = 1; who <= SENDERS + 1; who++) {
            uint64_t from = (uint64_t)rand() % SEQS;
            assert_int_equal(deletions_above(d, from, who), count_naively(deleted_of, from, who));
            assert_int_equal(deletions_has(d, from), deleted_of[from] != 0);
        }
    }
    assert_int_equal(deletions_above(d, UINT64_MAX, 1), 0);
    deletions_free(d);
}

static struct deletions *make(uint32_t count)
{
    struct deletions *d = NULL;
    for (uint32_t i = 1; i <= count; i++) {
        deletions_add(&d, i, i % 100);
    }
    return d;
}

/* The best of a few runs, in microseconds. */
static uint64_t time_counting(const struct deletions *d)
{
    uint64_t best = UINT64_MAX;
    for (unsigned run = 0; run < 5; run++) {
        uint64_t began = mono_us(), sum = 0;
        for (uint32_t i = 0; i < 2000; i++) {
            sum += deletions_above(d, i % 10, i % 100);
        }
        uint64_t took = mono_us() - began;
        assert_true(sum > 0);
        best = took < best ? took : best;
    }
    return best + 1;
}

/* A thousand times as many: a linear count takes a thousand times as long, two searches twice. */
static void test_counting_does_not_grow_with_the_deletions(void **state)
{
    (void)state;
    struct deletions *few = make(1000), *many = make(1000000);
    assert_int_equal(deletions_above(many, 0, 7), 990000);
    assert_true(time_counting(many) < 100 * time_counting(few));
    deletions_free(few);
    deletions_free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_equal_a_naive_list),
        cmocka_unit_test(test_counting_does_not_grow_with_the_deletions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
