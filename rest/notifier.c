#include "rest/notifier.h"

#include <stdlib.h>
#include <time.h>

#include "rest/metrics.h"
#include "rest/notifier_int.h"
#include "rest/writer.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"
#include "shared/utf8.h"

#define PIECE           256  /* events of the log that are read at a time */
#define SEEN_MAX        256  /* read cursors in one command */
#define CURSOR_LAG_MAX  4096 /* events that a restart looks at again for nothing */
#define CAREFUL_EVENTS  1024 /* one by one, after the database refused a chunk */
#define RETRY_FIRST_MS  50
#define RETRY_LONGEST_MS 1000
/* While others wait for the writer, nothing is asked of it for a multiple of the time a chunk took: the more wait, the
 * longer. */
#define PAUSE_LOAD       4
#define CROWDED_PART     4 /* and what is asked then is a fraction of a chunk, so that nobody waits long behind it */
#define PAUSE_FACTOR_MAX 9
#define PAUSE_LONGEST_MS 500

struct notifier *notifier_new(struct svc *svc, const struct row_notifier *cursor)
{
    struct notifier *n = mem_new(sizeof(*n));
    pthread_condattr_t attr;
    n->svc = svc;
    n->cursor = *cursor;
    n->done = cursor->user_id != 0 && cursor->event_id > 0 ? cursor->event_id - 1 : cursor->event_id;
    n->looked_at = n->done;
    n->newest = feed_published(svc->feed);
    n->lost = n->newest > n->done || svc->conf->notify_settle_ms > 0;
    pthread_mutex_init(&n->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&n->filled, &attr);
    pthread_condattr_destroy(&attr);
    return n;
}

void notifier_free(struct notifier *n)
{
    if (n == NULL) {
        return;
    }
    note_queue_clear(&n->queue);
    buf_release(&n->chunk);
    buf_release(&n->seen);
    free(n->choices);
    pthread_cond_destroy(&n->filled);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

/* -- waiting ------------------------------------------------------------------------------------------- */

static bool is_stopping(struct notifier *n)
{
    pthread_mutex_lock(&n->lock);
    bool stopping = n->stopping;
    pthread_mutex_unlock(&n->lock);
    return stopping;
}

/* false: it is time to stop. */
static bool nap(struct notifier *n, uint64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + ms * 1000000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&n->lock);
    while (!n->stopping && pthread_cond_timedwait(&n->filled, &n->lock, &until) == 0) {
        /* events that come meanwhile wait as well */
    }
    bool go_on = !n->stopping;
    pthread_mutex_unlock(&n->lock);
    return go_on;
}

struct answer {
    pthread_mutex_t lock;
    pthread_cond_t here;
    bool is_here;
    struct outcome outcome;
};

static void on_answer(void *ctx, const struct outcome *o)
{
    struct answer *a = ctx;
    pthread_mutex_lock(&a->lock);
    a->outcome = *o;
    a->is_here = true;
    pthread_cond_signal(&a->here);
    pthread_mutex_unlock(&a->lock);
}

static struct outcome wait_for(struct answer *a)
{
    pthread_mutex_lock(&a->lock);
    while (!a->is_here) {
        pthread_cond_wait(&a->here, &a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return a->outcome;
}

static struct outcome ask_writer(struct notifier *n, const struct cmd *c)
{
    struct answer a = {.lock = PTHREAD_MUTEX_INITIALIZER, .here = PTHREAD_COND_INITIALIZER};
    enum code code = svc_submit(n->svc, c, on_answer, &a, NULL);
    struct outcome o = {.code = code};
    if (code == CODE_OK) {
        o = wait_for(&a); /* the writer, or its deadline, always answers */
    }
    pthread_cond_destroy(&a.here);
    pthread_mutex_destroy(&a.lock);
    return o;
}

/* Whether trying again can help: nothing is wrong with the command itself. Asking twice does no harm. */
static bool is_passing(enum code code)
{
    return code != CODE_OK && code != CODE_CONFLICT && code != CODE_INTERNAL;
}

/* Until the database has taken or refused it. CODE_RESTARTING: it is time to stop. */
static struct outcome insist(struct notifier *n, const struct cmd *c)
{
    for (uint64_t pause = RETRY_FIRST_MS;; pause = pause * 2 < RETRY_LONGEST_MS ? pause * 2 : RETRY_LONGEST_MS) {
        struct outcome o = ask_writer(n, c);
        if (!is_passing(o.code)) {
            return o;
        }
        log_warn_limited("notifier_waits", "code=%s", code_name(o.code));
        if (!nap(n, pause)) {
            return (struct outcome){.code = CODE_RESTARTING};
        }
    }
}

/* -- storing ------------------------------------------------------------------------------------------- */

/* Go on from where the writer says, by the log. */
static void start_over(struct notifier *n, const struct row_notifier *cursor)
{
    n->cursor = *cursor;
    n->done = cursor->user_id != 0 && cursor->event_id > 0 ? cursor->event_id - 1 : cursor->event_id;
    buf_clear(&n->chunk);
    buf_clear(&n->seen);
    n->chunk_notified = n->chunk_rows = n->seen_count = 0;
    pthread_mutex_lock(&n->lock);
    n->lost = true;
    note_queue_clear(&n->queue); /* the log has these too, and what lies before them */
    pthread_mutex_unlock(&n->lock);
}

static bool is_crowded(const struct notifier *n)
{
    return writer_load(n->svc->writer) >= PAUSE_LOAD;
}

/* Before a chunk is begun. */
static void set_limit(struct notifier *n)
{
    uint64_t most = n->svc->conf->notify_chunk_rows;
    n->chunk_limit = is_crowded(n) && most > CROWDED_PART ? most / CROWDED_PART : most;
}

/* Others come first: what the writer spends on notifications stays a fraction of its time while it has anything else. */
static void leave_room(struct notifier *n, uint64_t took_us)
{
    uint64_t factor = writer_load(n->svc->writer) / PAUSE_LOAD;
    uint64_t pause = took_us * (factor < PAUSE_FACTOR_MAX ? factor : PAUSE_FACTOR_MAX) / 1000;
    if (pause > 0) {
        (void)nap(n, pause < PAUSE_LONGEST_MS ? pause : PAUSE_LONGEST_MS);
    }
}

/* What was read since the last time. Doing it again is harmless, so it goes before the cursor moves. */
static bool flush_seen(struct notifier *n)
{
    struct outcome o = {.number = 1};
    while (n->seen_count > 0 && o.number != 0) {
        o = insist(n, &(struct cmd){.kind = CMD_NOTIFICATIONS_SEEN, .content = buf_str(&n->seen)});
        if (o.code == CODE_RESTARTING) {
            return false;
        }
        if (o.code != CODE_OK) {
            log_err("notifier_seen_failed", "code=%s", code_name(o.code));
        }
    }
    n->seen_count = 0;
    buf_clear(&n->seen);
    return true;
}

/* The database refused what is in the chunk: find out by single messages, and leave out the one. */
static bool after_refusal(struct notifier *n, const struct cmd *c)
{
    if (n->careful == 0) {
        log_warn("notifier_careful", "event=%llu", (unsigned long long)n->cursor.event_id);
        n->careful = CAREFUL_EVENTS;
        start_over(n, &n->cursor);
        return false;
    }
    struct cmd nobody = *c;
    nobody.chat_id = 1; /* the record alone, which says so */
    struct outcome o = insist(n, &nobody);
    if (o.code != CODE_OK && o.code != CODE_RESTARTING) {
        log_err("notifier_refused", "event=%llu code=%s", (unsigned long long)c->seq, code_name(o.code));
    }
    return o.code == CODE_OK;
}

/* Store the chunk and move the cursor to `to`. false: go back to the log, or stop. */
static bool store_chunk(struct notifier *n, const struct row_notifier *to)
{
    const struct cmd c = {
        .kind = CMD_NOTIFY,
        .message_id = n->cursor.event_id,
        .user_id = n->cursor.user_id,
        .seq = to->event_id,
        .number = to->user_id,
        .number2 = n->chunk_notified,
        .content = buf_str(&n->chunk),
    };
    uint64_t start_us = mono_us();
    struct outcome o = insist(n, &c);
    if (o.code == CODE_RESTARTING) {
        return false;
    }
    if (o.code == CODE_CONFLICT &&
        (o.message_id != n->cursor.event_id || o.user_id != n->cursor.user_id) && o.message_id != 0) {
        start_over(n, &(struct row_notifier){o.message_id, o.user_id}); /* an answer was lost: it had been done */
        return false;
    }
    if (o.code != CODE_OK && !after_refusal(n, &c)) {
        return false;
    }
    n->cursor = *to;
    buf_clear(&n->chunk);
    n->chunk_notified = n->chunk_rows = 0;
    metric_add(METRIC_NOTIFICATIONS, (int64_t)o.seq);
    leave_room(n, mono_us() - start_us);
    set_limit(n);
    return true;
}

static bool flush(struct notifier *n)
{
    if (!flush_seen(n)) {
        return false;
    }
    bool lags = n->done > n->cursor.event_id + CURSOR_LAG_MAX;
    return (n->chunk_rows == 0 && !lags) || store_chunk(n, &(struct row_notifier){n->done, 0});
}

/* -- deciding ------------------------------------------------------------------------------------------- */

static void add_piece(struct notifier *n, const struct note_item *item, const struct note_choice *choices,
                      unsigned count)
{
    notes_add_subject(&n->chunk, &(struct note_subject){
                                     .message_id = item->event_id,
                                     .chat_id = item->chat_id,
                                     .seq = item->seq,
                                     .sender_id = item->user_id,
                                     .created_us = item->at_us,
                                     .kind = item->message_kind,
                                     .text = utf8_prefix(item->content, NOTE_TEXT_MAX_CHARS),
                                     .choices = count,
                                 });
    for (unsigned i = 0; i < count; i++) {
        notes_add_choice(&n->chunk, &choices[i]);
        n->chunk_notified += choices[i].reason == NOTE_NOTIFIED;
    }
    n->chunk_rows++;
}

/* How many of the choices from `at` on a chunk has room for; all that notify nobody come along. */
static unsigned room_for(const struct notifier *n, unsigned at)
{
    uint64_t room = n->chunk_limit - n->chunk_notified;
    unsigned end = at;
    for (; end < n->choices_count; end++) {
        if (n->choices[end].reason == NOTE_NOTIFIED && room-- == 0) {
            break;
        }
    }
    return end - at;
}

static bool is_full(const struct notifier *n)
{
    return n->careful > 0 || n->chunk_notified >= n->chunk_limit || n->chunk_rows >= 2 * n->chunk_limit;
}

static bool decide_message(struct notifier *n, const struct note_item *item)
{
    uint64_t after = item->event_id == n->cursor.event_id ? n->cursor.user_id : 0;
    notifier_choose(n, item, after);
    for (unsigned at = 0; at < n->choices_count;) {
        unsigned count = room_for(n, at);
        if (count > 0) {
            add_piece(n, item, n->choices + at, count);
        }
        at += count;
        /* A message for more people than a chunk has room for goes in several, each with its own place of the cursor. */
        if (at < n->choices_count &&
            !store_chunk(n, &(struct row_notifier){at > 0 ? item->event_id : n->done,
                                                   at > 0 ? n->choices[at - 1].user_id : 0})) {
            return false;
        }
    }
    return true;
}

static bool process(struct notifier *n, const struct note_item *item)
{
    if (item->kind == EV_READ) {
        notes_add_seen(&n->seen, &(struct note_seen){item->user_id, item->chat_id, item->seq});
        n->seen_count++;
    } else if (!decide_message(n, item)) {
        return false;
    }
    n->done = item->event_id;
    if (is_full(n) || n->seen_count >= SEEN_MAX) {
        n->careful -= n->careful > 0;
        return flush(n);
    }
    return true;
}

/* -- the log --------------------------------------------------------------------------------------------- */

struct reading { /* a piece of the log */
    struct answer answer;
    uint64_t after, upto;
    struct row_event events[PIECE];
    unsigned events_count;
    struct note_queue items; /* of messages, in no order */
    enum store_rc rc;
};

static void on_event(void *ctx, const struct row_event *e)
{
    struct reading *r = ctx;
    r->events[r->events_count++] = *e;
}

static void push(struct note_queue *q, struct note_item *item)
{
    if (item != NULL) {
        item->has_focus = false;
        *(q->tail ? &q->tail->next : &q->head) = item;
        q->tail = item;
    }
}

static void on_message(void *ctx, const struct row_message *m)
{
    struct reading *r = ctx;
    const struct event e = {
        .event_id = m->id,
        .kind = EV_MESSAGE,
        .at_us = m->created_us,
        .chat_id = m->chat_id,
        .seq = m->seq,
        .sender = {.id = m->sender_id},
        .message_kind = m->kind,
        .content = m->content,
    };
    push(&r->items, note_item_new(&e, NULL, 0));
}

static enum store_rc read_piece(struct store *store, struct reading *r)
{
    struct chat_seq at[PIECE];
    unsigned count = 0;
    enum store_rc rc = store_load_note_events(store, r->after, r->upto, PIECE, on_event, r);
    for (unsigned i = 0; rc == STORE_OK && i < r->events_count; i++) {
        if (r->events[i].kind == EV_MESSAGE) {
            at[count++] = (struct chat_seq){r->events[i].chat_id, r->events[i].seq};
        }
    }
    return rc == STORE_OK && count > 0 ? store_messages_at(store, at, count, on_message, r) : rc;
}

static void read_job(struct store *store, void *ctx)
{
    struct reading *r = ctx;
    r->rc = store != NULL ? read_piece(store, r) : STORE_LOST;
    on_answer(&r->answer, &(struct outcome){.code = CODE_OK});
}

/* false: it is time to stop. */
static bool read_log(struct notifier *n, struct reading *r, uint64_t upto)
{
    for (;;) {
        *r = (struct reading){.answer = {.lock = PTHREAD_MUTEX_INITIALIZER, .here = PTHREAD_COND_INITIALIZER},
                              .after = n->done,
                              .upto = upto,
                              .rc = STORE_LOST};
        if (dbpool_submit(n->svc->dbpool, read_job, r) == RC_OK) {
            (void)wait_for(&r->answer);
        }
        pthread_cond_destroy(&r->answer.here);
        pthread_mutex_destroy(&r->answer.lock);
        if (r->rc == STORE_OK) {
            return true;
        }
        note_queue_clear(&r->items);
        if (!nap(n, RETRY_LONGEST_MS)) {
            return false;
        }
    }
}

static bool may_be_marked(const struct notifier *n, const struct row_event *e)
{
    struct cache *c = n->svc->cache;
    cache_rdlock(c);
    const struct cache_user *u = cache_user(c, cache_user_index(c, e->actor_id));
    bool may = u != NULL && u->notes_unread > 0;
    cache_unlock(c);
    return may;
}

static bool process_event(struct notifier *n, const struct reading *r, const struct row_event *e)
{
    const struct note_item read = {
        .event_id = e->id, .chat_id = e->chat_id, .seq = e->seq, .user_id = e->actor_id, .kind = EV_READ};
    if (e->kind == EV_READ) {
        return !may_be_marked(n, e) || process(n, &read);
    }
    for (const struct note_item *item = r->items.head; item != NULL; item = item->next) {
        if (item->event_id == e->id) {
            return process(n, item);
        }
    }
    return true; /* its message is not there: nobody to tell of what */
}

/* Everything of interest up to `upto`, from the log. */
static bool catch_up(struct notifier *n, uint64_t upto)
{
    struct reading *r = mem_new(sizeof(*r));
    bool good = true;
    while (good && n->done < upto) {
        good = read_log(n, r, upto);
        for (unsigned i = 0; good && i < r->events_count; i++) {
            good = process_event(n, r, &r->events[i]);
        }
        if (good) {
            n->done = r->events_count < PIECE ? upto : r->events[r->events_count - 1].id;
        }
        note_queue_clear(&r->items);
        good = good && !is_stopping(n);
    }
    free(r);
    return good;
}

/* -- the thread ------------------------------------------------------------------------------------------ */

static void work(struct notifier *n, struct note_queue *q, bool lost, uint64_t upto)
{
    bool good = true;
    set_limit(n);
    for (const struct note_item *item = q->head; good && item != NULL; item = item->next) {
        good = item->event_id <= n->done || process(n, item);
    }
    if (good && lost) {
        good = catch_up(n, upto);
    }
    if (good) {
        (void)flush(n);
    } else { /* whatever was not stored comes again from the log */
        start_over(n, &n->cursor);
    }
}

static void *run(void *arg)
{
    struct notifier *n = arg;
    (void)nap(n, n->svc->conf->notify_settle_ms);
    pthread_mutex_lock(&n->lock);
    while (!n->stopping) {
        if (n->queue.head == NULL && !n->lost) {
            n->busy = false;
            pthread_cond_wait(&n->filled, &n->lock);
            continue;
        }
        struct note_queue q = notifier_take(n);
        bool lost = n->lost;
        uint64_t upto = n->newest;
        n->lost = false; /* what comes from now on is newer than upto, and queued */
        n->busy = true;
        pthread_mutex_unlock(&n->lock);
        work(n, &q, lost, upto);
        note_queue_clear(&q);
        pthread_mutex_lock(&n->lock);
        n->looked_at = n->done;
        notifier_tell_behind(n);
    }
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

enum rc notifier_run(struct notifier *n)
{
    n->busy = true;
    if (pthread_create(&n->thread, NULL, run, n) != 0) {
        return RC_NO_MEMORY;
    }
    n->running = true;
    return RC_OK;
}

void notifier_stop(struct notifier *n)
{
    pthread_mutex_lock(&n->lock);
    n->stopping = true;
    pthread_cond_broadcast(&n->filled);
    pthread_mutex_unlock(&n->lock);
    if (n->running) {
        pthread_join(n->thread, NULL);
        n->running = false;
    }
}

bool notifier_idle(struct notifier *n)
{
    pthread_mutex_lock(&n->lock);
    bool idle = !n->busy && !n->lost && n->queue.head == NULL;
    pthread_mutex_unlock(&n->lock);
    return idle;
}
