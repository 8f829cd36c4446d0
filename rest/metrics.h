/*
 * metrics.h -- counters, gauges and histograms of this process, and the workers' own
 *
 * metrics.def is the table. Updates are relaxed atomics and may come from any thread. Workers send
 * their absolute counters over the link; they appear with a worker label.
 */
#ifndef REST_METRICS_H
#define REST_METRICS_H

#include <stdint.h>

#include "shared/buf.h"
#include "shared/link_msg.h"

enum metric {
#define COUNTER(name, text, labels, help) METRIC_##name,
#define GAUGE(name, text, labels, help) METRIC_##name,
#define HISTOGRAM(name, text, labels, help) METRIC_##name,
#include "rest/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    METRIC_COUNT
};

void metric_add(enum metric m, int64_t n);      /* counters, and gauges that move by steps */
void metric_set(enum metric m, int64_t value);  /* gauges */
void metric_observe(enum metric m, uint64_t v); /* histograms: powers-of-two buckets */
int64_t metric_get(enum metric m);
/* What a worker reported (names are confab_ws_*). */
void metric_worker(uint16_t worker, const struct link_stat *stats, uint16_t count);
void metric_worker_gone(uint16_t worker);
/* Prometheus text format 0.0.4. */
void metrics_write(struct buf *out);

#endif
