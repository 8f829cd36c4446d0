/*
 * metrics.c -- the process's own numbers as atomics, the workers' as they last reported them
 *
 * These numbers are the one global state besides the logger: they are written from everywhere and
 * read by nobody but /metrics, so carrying a handle through every call would only add noise.
 */
#include "rest/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum metric_type { TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM };

struct metric_row {
    enum metric_type type;
    const char *name, *labels, *help;
};

#define BUCKETS 24 /* upper bounds 1, 2, 4, ... 2^22, and +Inf */

struct metric_values {
    atomic_llong value; /* histograms: the sum */
    atomic_ullong buckets[BUCKETS]; /* not cumulative */
};

#define WORKERS_MAX 64
#define WORKER_STATS_MAX 64
#define WORKER_NAME_MAX 64

struct worker_stat {
    char name[WORKER_NAME_MAX];
    uint64_t value;
};
struct worker_stats {
    uint16_t worker; /* 0: free */
    uint16_t count;
    struct worker_stat stats[WORKER_STATS_MAX];
};

static struct metric_values values[METRIC_COUNT];
static pthread_mutex_t workers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct worker_stats workers[WORKERS_MAX];

static const struct metric_row rows[METRIC_COUNT] = {
#define COUNTER(name, text, labels, help) {TYPE_COUNTER, text, labels, help},
#define GAUGE(name, text, labels, help) {TYPE_GAUGE, text, labels, help},
#define HISTOGRAM(name, text, labels, help) {TYPE_HISTOGRAM, text, labels, help},
#include "rest/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

void metric_add(enum metric m, int64_t n)
{
    atomic_fetch_add_explicit(&values[m].value, n, memory_order_relaxed);
}

void metric_set(enum metric m, int64_t value)
{
    atomic_store_explicit(&values[m].value, value, memory_order_relaxed);
}

int64_t metric_get(enum metric m)
{
    return atomic_load_explicit(&values[m].value, memory_order_relaxed);
}

void metric_observe(enum metric m, uint64_t v)
{
    unsigned i = v <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(v - 1);
    i = i < BUCKETS ? i : BUCKETS - 1;
    atomic_fetch_add_explicit(&values[m].buckets[i], 1, memory_order_relaxed);
    metric_add(m, (int64_t)v);
}

/* ---------------------------------------------------------------- workers */

static struct worker_stats *worker_slot(uint16_t worker)
{
    struct worker_stats *free_slot = NULL;
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        if (workers[i].worker == worker) {
            return &workers[i];
        }
        if (workers[i].worker == 0 && !free_slot) {
            free_slot = &workers[i];
        }
    }
    return free_slot;
}

static bool name_is_good(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        if (!(c == '_' || (c >= 'a' && c <= 'z') || (i > 0 && c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return name.len > 0 && name.len < WORKER_NAME_MAX;
}

void metric_worker(uint16_t worker, const struct link_stat *stats, uint16_t count)
{
    pthread_mutex_lock(&workers_lock);
    struct worker_stats *slot = worker != 0 ? worker_slot(worker) : NULL;
    if (slot) {
        slot->worker = worker;
        slot->count = 0;
        for (uint16_t i = 0; i < count && slot->count < WORKER_STATS_MAX; i++) {
            if (name_is_good(stats[i].name)) {
                struct worker_stat *s = &slot->stats[slot->count++];
                memcpy(s->name, stats[i].name.p, stats[i].name.len);
                s->name[stats[i].name.len] = '\0';
                s->value = stats[i].value;
            }
        }
    }
    pthread_mutex_unlock(&workers_lock);
}

void metric_worker_gone(uint16_t worker)
{
    pthread_mutex_lock(&workers_lock);
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        if (worker != 0 && workers[i].worker == worker) {
            workers[i].worker = 0;
        }
    }
    pthread_mutex_unlock(&workers_lock);
}

static const struct worker_stat *find_stat(const struct worker_stats *w, const char *name)
{
    for (unsigned i = 0; w->worker != 0 && i < w->count; i++) {
        if (strcmp(w->stats[i].name, name) == 0) {
            return &w->stats[i];
        }
    }
    return NULL;
}

/* A family is written by the first worker that has it, for all: Prometheus wants the lines of a name together. */
static bool first_with(unsigned at, const char *name)
{
    for (unsigned i = 0; i < at; i++) {
        if (find_stat(&workers[i], name)) {
            return false;
        }
    }
    return true;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && memcmp(name + n - m, end, m) == 0;
}

static void write_worker_family(struct buf *out, unsigned at, const char *name)
{
    buf_addf(out, "# TYPE %s %s\n", name, ends_with(name, "_total") ? "counter" : "gauge");
    for (unsigned i = at; i < WORKERS_MAX; i++) {
        const struct worker_stat *s = find_stat(&workers[i], name);
        if (s) {
            buf_addf(out, "%s{worker=\"%u\"} %llu\n", name, (unsigned)workers[i].worker,
                     (unsigned long long)s->value);
        }
    }
}

static void write_workers(struct buf *out)
{
    pthread_mutex_lock(&workers_lock);
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        for (unsigned j = 0; workers[i].worker != 0 && j < workers[i].count; j++) {
            if (first_with(i, workers[i].stats[j].name)) {
                write_worker_family(out, i, workers[i].stats[j].name);
            }
        }
    }
    pthread_mutex_unlock(&workers_lock);
}

/* ---------------------------------------------------------------- text */

static void write_histogram(struct buf *out, const struct metric_row *row, struct metric_values *v)
{
    unsigned long long total = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        total += atomic_load_explicit(&v->buckets[i], memory_order_relaxed);
        if (i + 1 < BUCKETS) {
            buf_addf(out, "%s_bucket{le=\"%llu\"} %llu\n", row->name, 1ULL << i, total);
        } else {
            buf_addf(out, "%s_bucket{le=\"+Inf\"} %llu\n", row->name, total);
        }
    }
    buf_addf(out, "%s_sum %lld\n%s_count %llu\n", row->name,
             (long long)atomic_load_explicit(&v->value, memory_order_relaxed), row->name, total);
}

static void write_head(struct buf *out, const struct metric_row *row)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    if (row > rows && strcmp(row[-1].name, row->name) == 0) {
        return; /* another row of the same family, told apart by its labels */
    }
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
             types[row->type]);
}

static void write_row(struct buf *out, const struct metric_row *row, struct metric_values *v)
{
    write_head(out, row);
    if (row->type == TYPE_HISTOGRAM) {
        write_histogram(out, row, v);
        return;
    }
    buf_add_z(out, row->name);
    if (row->labels[0] != '\0') {
        buf_addf(out, "{%s}", row->labels);
    }
    buf_addf(out, " %lld\n", (long long)atomic_load_explicit(&v->value, memory_order_relaxed));
}

void metrics_write(struct buf *out)
{
    for (unsigned i = 0; i < METRIC_COUNT; i++) {
        write_row(out, &rows[i], &values[i]);
    }
    write_workers(out);
}
