#include "rest/answers.h"

#include <pthread.h>
#include <stdlib.h>

#include "shared/mem.h"

struct answers {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct job *head, *tail;
    bool stopping;
    pthread_t thread;
};

static void answer(struct job *j)
{
    if (j->done != NULL && j->reply_to.worker == 0) {
        j->done(j->ctx, &j->outcome);
    }
    job_free(j);
}

/* Everything that is queued, as a list; NULL when it is time to end. */
static struct job *take(struct answers *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->head == NULL && !a->stopping) {
        pthread_cond_wait(&a->filled, &a->lock);
    }
    struct job *list = a->head;
    a->head = a->tail = NULL;
    pthread_mutex_unlock(&a->lock);
    return list;
}

static void *run(void *arg)
{
    struct answers *a = arg;
    for (struct job *list; (list = take(a)) != NULL;) {
        while (list != NULL) {
            struct job *next = list->next;
            answer(list);
            list = next;
        }
    }
    return NULL;
}

struct answers *answers_new(void)
{
    struct answers *a = mem_new(sizeof(*a));
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->filled, NULL);
    if (pthread_create(&a->thread, NULL, run, a) != 0) {
        pthread_cond_destroy(&a->filled);
        pthread_mutex_destroy(&a->lock);
        free(a);
        return NULL;
    }
    return a;
}

void answers_free(struct answers *a)
{
    if (a == NULL) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_cond_signal(&a->filled);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->filled);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void answers_push(struct answers *a, struct job **jobs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        jobs[i]->next = i + 1 < count ? jobs[i + 1] : NULL;
    }
    pthread_mutex_lock(&a->lock);
    if (count > 0) {
        *(a->tail ? &a->tail->next : &a->head) = jobs[0];
        a->tail = jobs[count - 1];
        pthread_cond_signal(&a->filled);
    }
    pthread_mutex_unlock(&a->lock);
}

void answers_now(struct job **jobs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        answer(jobs[i]);
    }
}
