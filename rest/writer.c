#include "rest/writer.h"

#include <stdlib.h>
#include <time.h>

#include "rest/cache_write.h"
#include "rest/metrics.h"
#include "rest/sessions.h"
#include "rest/writer_int.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

#define CHECKPOINT_EVERY_MS 60000
#define CHECKPOINT_MANY 20000
#define REAP_EVERY_MS 50

/* What start-up counted from the log would be lost with the next checkpoint, behind which nobody counts. */
static void take_dirty(struct writer *w, struct buf moved)
{
    struct rd pairs = rd_of(moved.p, moved.len);
    while (pairs.left > 0) {
        uint64_t chat_id = rd_be64(&pairs), user_id = rd_be64(&pairs);
        writer_mark_dirty(w, chat_id, user_id);
    }
    buf_release(&moved);
}

struct writer *writer_new(const struct rest_conf *conf, struct cache *cache, struct feed *feed,
                          const struct writer_start *start, void (*on_fenced)(void))
{
    struct writer *w = mem_new(sizeof(*w));
    pthread_condattr_t attr;
    w->conf = conf;
    w->cache = cache;
    w->feed = feed;
    w->on_fenced = on_fenced;
    w->store = start->store;
    w->store_conf = start->store_conf;
    w->head_row = start->head;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->filled, &attr);
    pthread_condattr_destroy(&attr);
    atomic_init(&w->healthy, true);
    atomic_init(&w->refused, false);
    batch_init(&w->batch);
    w->recent = recent_new();
    w->checkpoint_due_ms = mono_ms() + CHECKPOINT_EVERY_MS;
    w->trim_due_ms = mono_ms() + conf->trim_every_ms;
    w->decider = (struct decider){
        .conf = conf,
        .sealer = start->store_conf.sealer,
        .cache = cache,
        .overlay = overlay_new(cache),
        .families = start->families,
        .batch = &w->batch,
        .next_event = start->head.next_event,
        .next_user = start->maxima.user_id + 1,
        .next_chat = start->maxima.chat_id + 1,
        .next_family = start->maxima.family_id + 1,
        .next_session = start->maxima.session_id + 1,
        .notifier = start->notifier,
    };
    take_dirty(w, start->own_moved);
    return w;
}

void writer_free(struct writer *w)
{
    if (w == NULL) {
        return;
    }
    store_close(w->store);
    overlay_free(w->decider.overlay);
    families_free(w->decider.families);
    batch_release(&w->batch);
    recent_free(w->recent);
    map64_release(&w->dirty_map);
    free(w->dirty);
    free(w->jobs);
    pthread_cond_destroy(&w->filled);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* -- the queue --------------------------------------------------------------------------------------- */

enum code writer_submit(struct writer *w, struct job *job)
{
    enum code code = CODE_OK;
    if (!atomic_load(&w->healthy)) {
        return CODE_UNAVAILABLE;
    }
    pthread_mutex_lock(&w->lock);
    if (w->stopping) {
        code = CODE_RESTARTING;
    } else if (w->queued >= w->conf->writer_queue_max) {
        code = CODE_QUEUE_FULL;
    } else {
        bool was_empty = w->head == NULL;
        *(w->tail ? &w->tail->next : &w->head) = job;
        w->tail = job;
        w->queued++;
        job->live_prev = w->live_tail;
        *(w->live_tail ? &w->live_tail->live_next : &w->live_head) = job;
        w->live_tail = job;
        if (was_empty) {
            pthread_cond_signal(&w->filled);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return code;
}

/* A group of ten thousand is as much work as ten thousand messages, when it is made and when it ends. */
static unsigned weight(const struct writer *w, const struct job *j)
{
    const struct cache_chat *ends =
        j->cmd.kind == CMD_CHAT_DELETE ? cache_chat(w->cache, cache_chat_index(w->cache, j->cmd.chat_id)) : NULL;
    const struct session *over =
        j->cmd.kind == CMD_SESSION_DELETE ? sessions_find(cache_sessions(w->cache), j->cmd.chat_id) : NULL;
    uint64_t notified = j->cmd.kind == CMD_NOTIFY ? j->cmd.number2 : 0;
    return 1 + j->cmd.users_count + (unsigned)notified + (ends ? ends->members_count : 0) +
           (over ? over->attendees : 0);
}

static void add_job(struct writer *w, unsigned at, struct job *j)
{
    if (at == w->jobs_room) {
        w->jobs_room = w->jobs_room ? w->jobs_room * 2 : 256;
        w->jobs = mem_grow(w->jobs, w->jobs_room, sizeof(w->jobs[0]));
    }
    w->jobs[at] = j;
}

/* What is queued, up to the batch's size. Answered already means given up while it waited. */
static unsigned take(struct writer *w)
{
    unsigned count = 0, rows = 0;
    while (w->head != NULL && (count == 0 || rows + weight(w, w->head) <= w->conf->writer_batch_max_rows)) {
        struct job *j = w->head;
        w->head = j->next;
        if (w->head == NULL) {
            w->tail = NULL;
        }
        w->queued--;
        if (j->answered) {
            job_free(j);
            continue;
        }
        j->started = true;
        rows += weight(w, j);
        add_job(w, count++, j);
    }
    metric_set(METRIC_WRITER_QUEUE, w->queued);
    return count;
}

/* Wait until there is something to do. 0 jobs: housekeeping is due, or it is time to stop. */
static unsigned wait_and_take(struct writer *w, bool *stop)
{
    pthread_mutex_lock(&w->lock);
    if (w->head == NULL && !w->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 1;
        pthread_cond_timedwait(&w->filled, &w->lock, &until);
    }
    unsigned count = take(w);
    *stop = w->stopping && count == 0 && w->head == NULL;
    pthread_mutex_unlock(&w->lock);
    return count;
}

/* -- housekeeping --------------------------------------------------------------------------------------- */

void writer_add_checkpoint(struct writer *w)
{
    uint64_t now = mono_ms();
    if (w->dirty_count == 0 || (now < w->checkpoint_due_ms && w->dirty_count < CHECKPOINT_MANY)) {
        return;
    }
    for (uint32_t i = 0; i < w->dirty_count; i++) {
        if (w->dirty[i].chat_id == 0) {
            decide_put_unread(&w->decider, w->dirty[i].user_id);
            continue;
        }
        struct ov_chat *chat = overlay_chat(w->decider.overlay, w->dirty[i].chat_id);
        struct ov_member *m = chat ? overlay_member(w->decider.overlay, chat, w->dirty[i].user_id) : NULL;
        if (m != NULL && m->role != ROLE_NONE) {
            decide_put_member(&w->decider, chat, m);
        }
    }
    w->batch.rows.checkpoint = w->head_row.next_event - 1;
    w->checkpoint_due_ms = now + CHECKPOINT_EVERY_MS;
}

static void keep_house(struct writer *w, bool busy)
{
    uint64_t now = mono_ms();
    if (w->store == NULL || !atomic_load(&w->healthy)) {
        atomic_store(&w->healthy, writer_reconnect(w));
        return;
    }
    if (w->dirty_count > 0 && now >= w->checkpoint_due_ms) {
        writer_process(w, NULL, 0);
    }
    if (now >= w->trim_due_ms) {
        w->trim_due_ms = now + w->conf->trim_every_ms;
        writer_trim(w, busy);
    }
}

/* -- threads -------------------------------------------------------------------------------------------- */

static void *run(void *arg)
{
    struct writer *w = arg;
    bool stop = false;
    while (!stop) {
        unsigned count = wait_and_take(w, &stop);
        atomic_store(&w->busy_since_ms, mono_ms());
        atomic_store(&w->in_work, count);
        if (count > 0) {
            writer_process(w, w->jobs, count);
        }
        if (!stop && (count == 0 || (atomic_load(&w->healthy) && mono_ms() >= w->trim_due_ms))) {
            keep_house(w, count > 0);
        }
        atomic_store(&w->in_work, 0);
        atomic_store(&w->busy_since_ms, 0);
    }
    if (w->dirty_count > 0 && w->store != NULL && !w->gave_up) {
        w->checkpoint_due_ms = 0;
        writer_process(w, NULL, 0);
    }
    store_thread_end();
    return NULL;
}

/* Take the oldest overdue job off the list of the unanswered; NULL when there is none. */
static struct job *overdue(struct writer *w, uint64_t now, bool *started)
{
    struct job *j = w->live_head;
    if (j == NULL || j->deadline_ms > now) {
        return NULL;
    }
    w->live_head = j->live_next;
    *(j->live_next ? &j->live_next->live_prev : &w->live_tail) = NULL;
    j->answered = true;
    *started = j->started;
    return j;
}

/* Answer for the writer while it cannot: a caller waits no longer than its deadline. */
static void *reap(void *arg)
{
    struct writer *w = arg;
    for (;;) {
        struct timespec pause = {.tv_nsec = REAP_EVERY_MS * 1000000L};
        nanosleep(&pause, NULL);
        for (;;) {
            bool started = false;
            pthread_mutex_lock(&w->lock);
            struct job *j = overdue(w, mono_ms(), &started);
            struct outcome o = {.code = started ? CODE_OUTCOME_UNKNOWN : CODE_UNAVAILABLE};
            /* The writer frees the job, perhaps right after the lock is gone. */
            svc_done done = j != NULL ? j->done : NULL;
            void *ctx = j != NULL ? j->ctx : NULL;
            struct feed_reply_to to = j != NULL ? j->reply_to : (struct feed_reply_to){0};
            bool finished = j == NULL && !w->reaping;
            pthread_mutex_unlock(&w->lock);
            if (finished) {
                return NULL;
            }
            if (j == NULL) {
                break;
            }
            if (to.worker != 0) {
                feed_reply(w->feed, &to, &o);
            } else if (done != NULL) {
                done(ctx, &o);
            }
        }
    }
}

enum rc writer_run(struct writer *w)
{
    w->answers = answers_new();
    if (w->answers == NULL) {
        return RC_NO_MEMORY;
    }
    w->reaping = true;
    if (pthread_create(&w->reaper, NULL, reap, w) != 0) {
        w->reaping = false;
        return RC_NO_MEMORY;
    }
    if (pthread_create(&w->thread, NULL, run, w) != 0) {
        return RC_NO_MEMORY;
    }
    w->running = true;
    return RC_OK;
}

void writer_stop(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->filled);
    pthread_mutex_unlock(&w->lock);
    if (w->running) {
        pthread_join(w->thread, NULL);
        w->running = false;
    }
    answers_free(w->answers);
    w->answers = NULL;
    pthread_mutex_lock(&w->lock);
    bool reaping = w->reaping;
    w->reaping = false;
    pthread_mutex_unlock(&w->lock);
    if (reaping) {
        pthread_join(w->reaper, NULL);
    }
}

bool writer_healthy(const struct writer *w)
{
    return atomic_load(&w->healthy);
}

bool writer_is_refused(const struct writer *w)
{
    return atomic_load(&w->refused);
}

void writer_not_refused(struct writer *w)
{
    atomic_store(&w->refused, false);
}

unsigned writer_depth(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    unsigned n = w->queued;
    pthread_mutex_unlock(&w->lock);
    return n;
}

unsigned writer_load(struct writer *w)
{
    return writer_depth(w) + atomic_load(&w->in_work);
}

uint64_t writer_busy_since_ms(const struct writer *w)
{
    return atomic_load(&w->busy_since_ms);
}
