/*
 * workpool.c -- a ring of jobs, one mutex, a few threads
 *
 * Jobs take milliseconds of CPU each, so one lock for all is never the limit. The queue is an array
 * of its full size: a full queue is seen before anything is allocated.
 */
#include "rest/workpool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "shared/bug.h"
#include "shared/mem.h"

struct job {
    workpool_job run;
    void *ctx;
};

struct workpool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *queue; /* a ring of `room` jobs */
    unsigned first, count, room;
    bool stopping;
    pthread_t *threads;
    unsigned threads_count;
};

/* false: stopping, and nothing is left. */
static bool take(struct workpool *p, struct job *out)
{
    pthread_mutex_lock(&p->lock);
    while (p->count == 0 && !p->stopping) {
        pthread_cond_wait(&p->wake, &p->lock);
    }
    bool got = p->count > 0;
    if (got) {
        *out = p->queue[p->first];
        p->first = (p->first + 1) % p->room;
        p->count--;
    }
    pthread_mutex_unlock(&p->lock);
    return got;
}

static void *work(void *arg)
{
    struct job job;
    while (take(arg, &job)) {
        job.run(job.ctx);
    }
    return NULL;
}

struct workpool *workpool_new(unsigned threads, unsigned queue_max)
{
    BUG_IF(threads == 0 || queue_max == 0);
    struct workpool *p = mem_new(sizeof(*p));
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->room = queue_max;
    p->queue = mem_grow(NULL, queue_max, sizeof(*p->queue));
    p->threads = mem_grow(NULL, threads, sizeof(*p->threads));
    for (unsigned i = 0; i < threads; i++) {
        if (pthread_create(&p->threads[i], NULL, work, p) != 0) {
            break;
        }
        p->threads_count++;
    }
    BUG_IF(p->threads_count == 0);
    return p;
}

void workpool_free(struct workpool *p)
{
    if (!p) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads_count; i++) {
        pthread_join(p->threads[i], NULL);
    }
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p->queue);
    free(p);
}

enum rc workpool_submit(struct workpool *p, workpool_job job, void *ctx)
{
    enum rc rc = RC_UNAVAILABLE;
    pthread_mutex_lock(&p->lock);
    if (p->count < p->room && !p->stopping) {
        p->queue[(p->first + p->count) % p->room] = (struct job){job, ctx};
        p->count++;
        pthread_cond_signal(&p->wake);
        rc = RC_OK;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}
