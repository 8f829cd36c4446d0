/*
 * answers.h -- the thread that tells callers what came of their commands
 *
 * Waking an HTTP connection costs the writer more than deciding a message, and nobody needs to wait
 * for it: what is published is published. So finished jobs go to a thread of their own, in order, and
 * the writer takes the next batch.
 * Ownership  answers_push takes the jobs; each is freed after its done.
 * Threads    answers_push from one thread (the writer).
 */
#ifndef REST_ANSWERS_H
#define REST_ANSWERS_H

#include "rest/job.h"

struct answers;

/* NULL when there is no thread to be had. */
struct answers *answers_new(void);
/* Answer what is queued, then stop. NULL is fine. */
void answers_free(struct answers *a);
void answers_push(struct answers *a, struct job **jobs, unsigned count);
/* The same at once, in the caller's thread. */
void answers_now(struct job **jobs, unsigned count);

#endif
