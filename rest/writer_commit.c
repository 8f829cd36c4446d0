/* One batch: decide, store, commit, publish; and what to do when the database says no. */
#include <stdlib.h>
#include <time.h>

#include "rest/metrics.h"
#include "rest/writer_int.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

#define RETRIES_MAX 20

static void nap_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* -- deciding -------------------------------------------------------------------------------------- */

struct counters {
    uint64_t next_event, next_user, next_chat, next_family, next_session;
    struct row_notifier notifier;
};

static struct counters save(const struct decider *d)
{
    return (struct counters){d->next_event,  d->next_user,    d->next_chat,
                             d->next_family, d->next_session, d->notifier};
}

/* As if the batch had never been decided. */
static void undo(struct writer *w, const struct counters *c)
{
    struct decider *d = &w->decider;
    d->next_event = c->next_event;
    d->next_user = c->next_user;
    d->next_chat = c->next_chat;
    d->next_family = c->next_family;
    d->next_session = c->next_session;
    d->notifier = c->notifier;
    overlay_clear(d->overlay);
    families_undo(d->families);
    batch_clear(&w->batch);
}

/* Time rises from batch to batch, whatever the wall clock does. */
static uint64_t next_time(uint64_t before)
{
    uint64_t now = wall_us();
    return now > before ? now : before + 1;
}

/* Somebody who left and came back within the batch is in: the row put last decides, none is removed. */
static void drop_rejoined(struct writer *w)
{
    struct store_batch *r = &w->batch.rows;
    unsigned kept = 0;
    for (unsigned i = 0; i < r->members_gone_count; i++) {
        struct ov_chat *chat = overlay_chat(w->decider.overlay, r->members_gone[i].chat_id);
        bool back = chat != NULL && overlay_member(w->decider.overlay, chat,
                                                   r->members_gone[i].user_id)->role != ROLE_NONE;
        if (!back) {
            r->members_gone[kept++] = r->members_gone[i];
        }
    }
    r->members_gone_count = kept;
}

static void decide_all(struct writer *w, struct job **jobs, unsigned count)
{
    struct decider *d = &w->decider;
    d->now_us = next_time(d->now_us);
    d->batch_number = w->head_row.last_batch + 1;
    writer_add_checkpoint(w);
    for (unsigned i = 0; i < count; i++) {
        decide(d, jobs[i]);
    }
    drop_rejoined(w);
    w->batch.rows.epoch = w->head_row.epoch;
    w->batch.rows.last_batch = w->head_row.last_batch;
    w->batch.rows.next_event = d->next_event;
}

/* -- the database ------------------------------------------------------------------------------------ */

bool writer_reconnect(struct writer *w)
{
    struct buf why = BUF_INIT;
    struct store *fresh = NULL;
    store_close(w->store);
    w->store = NULL;
    if (store_open(&w->store_conf, &fresh, &why) != RC_OK) {
        log_warn_limited("db_unreachable", "why=%s", log_esc(buf_str(&why)));
        buf_release(&why);
        return false;
    }
    buf_release(&why);
    w->store = fresh;
    return true;
}

/* Whether one of the callers has had no answer yet. */
static bool is_waited_for(struct writer *w, struct job **jobs, unsigned count, bool *stopping)
{
    bool waited_for = false;
    pthread_mutex_lock(&w->lock);
    for (unsigned i = 0; i < count; i++) {
        waited_for = waited_for || !jobs[i]->answered;
    }
    *stopping = w->stopping;
    pthread_mutex_unlock(&w->lock);
    return waited_for;
}

/* Until the database answers, or everybody who waits has been told; then the batch is given up. */
static bool wait_for_database(struct writer *w, struct job **jobs, unsigned count)
{
    for (unsigned pause = 20; !w->gave_up; pause = pause < 500 ? pause * 2 : 500) {
        if (writer_reconnect(w)) {
            atomic_store(&w->healthy, true);
            return true;
        }
        atomic_store(&w->healthy, false);
        atomic_store(&w->busy_since_ms, mono_ms()); /* waiting is progress */
        bool stopping = false;
        if (!is_waited_for(w, jobs, count, &stopping) || stopping) {
            return false;
        }
        nap_ms(pause);
    }
    return false;
}

/*
 * The outcome of a COMMIT that got no answer must be known, and final, before anything else is done.
 * Only a stop does not wait for it for ever: once everybody has been told "unknown", the next start finds out.
 */
static enum store_rc resolve_doubt(struct writer *w, struct job **jobs, unsigned count)
{
    log_warn("commit_in_doubt", "batch=%llu", (unsigned long long)w->head_row.last_batch + 1);
    for (unsigned pause = 20;; pause = pause < 500 ? pause * 2 : 500) {
        uint64_t last_batch = 0;
        atomic_store(&w->busy_since_ms, mono_ms());
        enum store_rc rc = writer_reconnect(w) ? store_settle(w->store, &w->head_row, &last_batch) : STORE_LOST;
        if (rc == STORE_FENCED) {
            return rc;
        }
        if (rc == STORE_OK) {
            bool committed = last_batch == w->head_row.last_batch + STORE_BATCH_DONE;
            atomic_store(&w->healthy, true);
            log_info("doubt_resolved", "committed=%d", committed);
            if (!committed) {
                w->head_row.last_batch = last_batch;
            }
            return committed ? STORE_OK : STORE_LOST;
        }
        atomic_store(&w->healthy, false);
        bool stopping = false;
        if (!is_waited_for(w, jobs, count, &stopping) && stopping) {
            w->gave_up = true;
            return STORE_IN_DOUBT;
        }
        nap_ms(pause);
    }
}

static enum store_rc store_batch(struct writer *w, struct job **jobs, unsigned count)
{
    enum store_rc rc = store_batch_run(w->store, &w->batch.rows);
    if (rc == STORE_OK) {
        rc = store_batch_commit(w->store);
    }
    return rc == STORE_IN_DOUBT ? resolve_doubt(w, jobs, count) : rc;
}

/* -- afterwards ---------------------------------------------------------------------------------------- */

void writer_mark_dirty(struct writer *w, uint64_t chat_id, uint64_t user_id)
{
    uint64_t key = map64_hash_pair(chat_id, user_id);
    uint32_t at = 0;
    if (map64_get(&w->dirty_map, key, &at)) {
        return;
    }
    if (w->dirty_count == w->dirty_room) {
        w->dirty_room = w->dirty_room ? w->dirty_room * 2 : 256;
        w->dirty = mem_grow(w->dirty, w->dirty_room, sizeof(w->dirty[0]));
    }
    map64_put(&w->dirty_map, key, w->dirty_count);
    w->dirty[w->dirty_count++] = (struct dirty){chat_id, user_id};
}

static void remember_key(struct writer *w, const struct job *j)
{
    if (j->cmd.has_key && j->outcome.code == CODE_OK && (j->drafts > 0 || j->outcome.created)) {
        recent_put(w->recent, j->cmd.actor_id, &j->cmd.key, &j->hash, &j->outcome);
    }
}

/* Nobody answered these yet, or the reaper did; each caller hears once. */
static void take_answers(struct writer *w, struct job **jobs, unsigned count)
{
    pthread_mutex_lock(&w->lock);
    for (unsigned i = 0; i < count; i++) {
        struct job *j = jobs[i];
        if (j->answered) {
            j->done = NULL;
            j->reply_to.worker = 0;
            continue;
        }
        j->answered = true;
        *(j->live_prev ? &j->live_prev->live_next : &w->live_head) = j->live_next;
        *(j->live_next ? &j->live_next->live_prev : &w->live_tail) = j->live_prev;
    }
    pthread_mutex_unlock(&w->lock);
}

static void publish(struct writer *w, struct job **jobs, unsigned count)
{
    take_answers(w, jobs, count);
    feed_publish(w->feed, &w->batch, jobs, count);
    for (unsigned i = 0; i < count; i++) {
        remember_key(w, jobs[i]);
        metric_add(METRIC_WRITER_COMMANDS, 1);
        if (jobs[i]->outcome.code != CODE_OK) {
            metric_add(METRIC_WRITER_REFUSED, 1);
        }
    }
    if (w->answers != NULL) {
        answers_push(w->answers, jobs, count);
    } else {
        answers_now(jobs, count);
    }
}

/* The head row as the transaction left it. */
static void advance_head(struct writer *w)
{
    struct store_batch *r = &w->batch.rows;
    w->head_row.last_batch++;
    w->head_row.next_event = r->next_event;
    if (r->checkpoint != 0) {
        w->head_row.checkpoint = r->checkpoint;
        w->dirty_count = 0;
        map64_clear(&w->dirty_map);
    }
    for (unsigned i = 0; i < r->messages_new_count; i++) {
        writer_mark_dirty(w, r->messages_new[i].chat_id, r->messages_new[i].sender_id);
    }
    for (uint32_t i = 0; i < w->batch.note_counts_count; i++) {
        writer_mark_dirty(w, 0, w->batch.note_counts[i].user_id);
    }
    metric_add(METRIC_WRITER_BATCHES, 1);
    metric_observe(METRIC_WRITER_BATCH_ROWS, batch_rows(&w->batch));
}

static void committed(struct writer *w, struct job **jobs, unsigned count)
{
    if (batch_rows(&w->batch) > 0) {
        advance_head(w);
    }
    publish(w, jobs, count);
    families_merged(w->decider.families, w->decider.batch_number);
    overlay_clear(w->decider.overlay);
    batch_clear(&w->batch);
}

/* Everybody gets the same refusal; nothing was stored. */
static void fail_all(struct writer *w, struct job **jobs, unsigned count, enum code code)
{
    batch_clear(&w->batch);
    for (unsigned i = 0; i < count; i++) {
        jobs[i]->outcome = (struct outcome){.code = code};
        jobs[i]->first_draft = jobs[i]->drafts = 0;
    }
    publish(w, jobs, count);
}

/* Some row is the culprit: each half alone, until the culprit is alone. */
static void halve(struct writer *w, struct job **jobs, unsigned count, enum code blame)
{
    if (count <= 1) { /* 0: a checkpoint alone, which comes again */
        log_warn("command_unstorable", "kind=%u user=%llu", count ? jobs[0]->cmd.kind : CMD_NONE,
                 count ? (unsigned long long)jobs[0]->cmd.actor_id : 0);
        fail_all(w, jobs, count, blame);
        return;
    }
    writer_process(w, jobs, count / 2);
    writer_process(w, jobs + count / 2, count - count / 2);
}

/* -- the batch ------------------------------------------------------------------------------------------ */

/* Decide; refused commands whose key was used before are repeats, so they are looked up and decided again. */
static enum store_rc prepare(struct writer *w, struct job **jobs, unsigned count, const struct counters *c)
{
    enum store_rc rc = w->store != NULL && !w->gave_up ? writer_look_up(w, jobs, count) : STORE_LOST;
    if (rc != STORE_OK) {
        return rc;
    }
    decide_all(w, jobs, count);
    bool found = false;
    rc = writer_look_up_keys(w, jobs, count, true, &found);
    if (rc == STORE_OK && found) {
        undo(w, c);
        rc = writer_look_up(w, jobs, count); /* what it put into the overlay went with it */
        if (rc == STORE_OK) {
            decide_all(w, jobs, count);
        }
    }
    return rc;
}

static enum store_rc attempt(struct writer *w, struct job **jobs, unsigned count, const struct counters *c)
{
    enum store_rc rc = prepare(w, jobs, count, c);
    return rc == STORE_OK && batch_rows(&w->batch) > 0 ? store_batch(w, jobs, count) : rc;
}

/* A unique key was hit: find out whose. STORE_OK: decide again; STORE_DUPLICATE: it was no idempotency key. */
static enum store_rc resolve_duplicate(struct writer *w, struct job **jobs, unsigned count)
{
    bool found = false;
    enum store_rc rc = writer_look_up_keys(w, jobs, count, false, &found);
    return rc == STORE_OK && !found ? STORE_DUPLICATE : rc;
}

/* What to tell the one whose row a unique key refuses. */
static enum code blame_for_duplicate(const struct store *s)
{
    return store_duplicate(s) == STORE_UNIQUE_USERNAME ? CODE_USERNAME_TAKEN : CODE_CONFLICT;
}

/* true: go on trying; false: it has been dealt with. */
static bool after_failure(struct writer *w, struct job **jobs, unsigned count, enum store_rc rc,
                          unsigned tries)
{
    enum code blame = rc == STORE_DUPLICATE ? blame_for_duplicate(w->store) : CODE_CONFLICT;
    if (rc == STORE_DUPLICATE) {
        rc = resolve_duplicate(w, jobs, count);
    }
    switch (rc) {
    case STORE_OK:
        return true;
    case STORE_RETRY:
        if (tries < RETRIES_MAX) {
            nap_ms(1u << (tries < 6 ? tries : 6));
            return true;
        }
        fail_all(w, jobs, count, CODE_UNAVAILABLE);
        return false;
    case STORE_LOST:
        if (wait_for_database(w, jobs, count)) {
            return true;
        }
        fail_all(w, jobs, count, CODE_UNAVAILABLE);
        return false;
    case STORE_FULL:
        atomic_store(&w->refused, true);
        fail_all(w, jobs, count, CODE_STORE_FULL);
        return false;
    case STORE_FENCED:
        w->on_fenced();
        return false;
    case STORE_DATA:
    case STORE_DUPLICATE:
        halve(w, jobs, count, blame);
        return false;
    case STORE_IN_DOUBT:
        fail_all(w, jobs, count, CODE_OUTCOME_UNKNOWN);
        return false;
    default:
        halve(w, jobs, count, CODE_INTERNAL);
        return false;
    }
}

void writer_process(struct writer *w, struct job **jobs, unsigned count)
{
    struct counters before = save(&w->decider);
    uint64_t start_us = mono_us();
    for (unsigned tries = 0;; tries++) {
        enum store_rc rc = attempt(w, jobs, count, &before);
        if (rc == STORE_OK) {
            committed(w, jobs, count);
            metric_observe(METRIC_WRITER_BATCH_TIME, mono_us() - start_us);
            return;
        }
        undo(w, &before);
        metric_add(METRIC_WRITER_RETRIES, 1);
        if (!after_failure(w, jobs, count, rc, tries)) {
            return;
        }
    }
}
