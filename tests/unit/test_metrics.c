#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rest/metrics.h"

static bool has(const struct buf *b, const char *text)
{
    return strstr(b->p, text) != NULL;
}

static void test_metrics_counters_and_gauges(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    metric_add(METRIC_HTTP_REQUESTS, 2);
    metric_add(METRIC_HTTP_REQUESTS, 1);
    metric_set(METRIC_WRITER_QUEUE, -4);
    metrics_write(&out);
    assert_true(has(&out, "# TYPE confab_http_requests_total counter\nconfab_http_requests_total 3\n"));
    assert_true(has(&out, "\nconfab_writer_queue -4\n"));
    assert_int_equal(metric_get(METRIC_HTTP_REQUESTS), 3);
    buf_release(&out);
}

static void test_metrics_histogram_is_cumulative(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    metric_observe(METRIC_WRITER_BATCH_ROWS, 0);
    metric_observe(METRIC_WRITER_BATCH_ROWS, 2);
    metric_observe(METRIC_WRITER_BATCH_ROWS, 3);
    metric_observe(METRIC_WRITER_BATCH_ROWS, UINT64_C(1) << 40);
    metrics_write(&out);
    assert_true(has(&out, "confab_writer_batch_rows_bucket{le=\"1\"} 1\n"));
    assert_true(has(&out, "confab_writer_batch_rows_bucket{le=\"2\"} 2\n"));
    assert_true(has(&out, "confab_writer_batch_rows_bucket{le=\"4\"} 3\n"));
    assert_true(has(&out, "confab_writer_batch_rows_bucket{le=\"4194304\"} 3\n"));
    assert_true(has(&out, "confab_writer_batch_rows_bucket{le=\"+Inf\"} 4\n"));
    assert_true(has(&out, "confab_writer_batch_rows_count 4\n"));
    buf_release(&out);
}

static void test_metrics_workers_have_labels_and_go(void **state)
{
    (void)state;
    struct link_stat one[] = {{STR("confab_ws_sessions"), 5}, {STR("confab_ws_sent_total"), 9}};
    struct link_stat two[] = {{STR("confab_ws_sessions"), 6}, {STR("bad name"), 1}, {STR(""), 1}};
    struct buf out = BUF_INIT;
    metric_worker(1, one, 2);
    metric_worker(2, two, 3);
    metrics_write(&out);
    assert_true(has(&out, "# TYPE confab_ws_sessions gauge\nconfab_ws_sessions{worker=\"1\"} 5\n"
                          "confab_ws_sessions{worker=\"2\"} 6\n"));
    assert_true(has(&out, "# TYPE confab_ws_sent_total counter\n"));
    assert_false(has(&out, "bad name"));
    metric_worker_gone(1);
    buf_clear(&out);
    metrics_write(&out);
    assert_false(has(&out, "worker=\"1\""));
    assert_true(has(&out, "# TYPE confab_ws_sessions gauge\nconfab_ws_sessions{worker=\"2\"} 6\n"));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_counters_and_gauges),
        cmocka_unit_test(test_metrics_histogram_is_cumulative),
        cmocka_unit_test(test_metrics_workers_have_labels_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
