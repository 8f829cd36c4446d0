#include "rest/db_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "rest/writer.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

struct db_watch {
    struct store_conf conf;
    struct writer *writer;
    uint64_t check_ms, wait_ms;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stopping, running;
    struct store *store; /* changed by the thread alone, under the lock */
    pthread_t thread;
    _Atomic int answer;         /* enum db_state: the last one */
    _Atomic uint64_t asked_ms;  /* since when it is asked; 0: it is not */
};

/* A connection that says nothing is closed soon, so that what comes back is noticed soon. */
static unsigned timeout_s(uint64_t wait_ms)
{
    return (unsigned)((wait_ms + 999) / 1000);
}

struct db_watch *db_watch_new(const struct store_conf *conf, struct writer *writer, uint64_t check_ms,
                              uint64_t wait_ms)
{
    struct db_watch *w = mem_new(sizeof(*w));
    pthread_condattr_t attr;
    w->conf = *conf;
    w->writer = writer;
    w->conf.connect_timeout_s = w->conf.io_timeout_s = timeout_s(wait_ms);
    w->check_ms = check_ms;
    w->wait_ms = wait_ms;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->stopped, &attr);
    pthread_condattr_destroy(&attr);
    atomic_init(&w->answer, DB_READY);
    atomic_init(&w->asked_ms, 0);
    return w;
}

static void set_store(struct db_watch *w, struct store *s)
{
    pthread_mutex_lock(&w->lock);
    w->store = s;
    pthread_mutex_unlock(&w->lock);
}

static void drop_store(struct db_watch *w)
{
    struct store *s = w->store;
    set_store(w, NULL);
    store_close(s);
}

static enum db_state lost(struct db_watch *w)
{
    drop_store(w);
    return DB_AWAY;
}

static enum db_state try_room(struct db_watch *w)
{
    enum store_rc rc = store_probe_room(w->store);
    if (rc == STORE_FULL) {
        return DB_FULL;
    }
    if (!store_alive(w->store)) {
        return lost(w);
    }
    writer_not_refused(w->writer); /* also if it could not be found out, as without the right to make tables */
    return DB_READY;
}

static enum db_state ask(struct db_watch *w)
{
    struct store *fresh = NULL;
    struct buf why = BUF_INIT;
    if (w->store == NULL) {
        if (store_open(&w->conf, &fresh, &why) != RC_OK) {
            log_warn_limited("db_unreachable", "why=%s", log_esc(buf_str(&why)));
            buf_release(&why);
            return DB_AWAY;
        }
        set_store(w, fresh);
    }
    buf_release(&why);
    enum store_rc rc = store_probe_write(w->store);
    if (rc == STORE_FULL) {
        return DB_READ_ONLY;
    }
    if (rc == STORE_OK && writer_is_refused(w->writer)) {
        return try_room(w);
    }
    return rc == STORE_OK ? DB_READY : lost(w);
}

/* false: it is time to end. */
static bool rest_a_while(struct db_watch *w)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(w->check_ms / 1000);
    until.tv_nsec += (long)(w->check_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&w->lock);
    int rc = 0;
    while (!w->stopping && rc == 0) {
        rc = pthread_cond_timedwait(&w->stopped, &w->lock, &until);
    }
    bool go_on = !w->stopping;
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct db_watch *w = arg;
    do {
        atomic_store(&w->asked_ms, mono_ms());
        enum db_state now = ask(w);
        enum db_state before = (enum db_state)atomic_exchange(&w->answer, now);
        atomic_store(&w->asked_ms, 0);
        if (now != before) {
            log_info("database", "state=%s", db_state_name(now));
        }
    } while (rest_a_while(w));
    drop_store(w);
    store_thread_end();
    return NULL;
}

enum rc db_watch_run(struct db_watch *w)
{
    w->running = pthread_create(&w->thread, NULL, run, w) == 0;
    return w->running ? RC_OK : RC_NO_MEMORY;
}

void db_watch_free(struct db_watch *w)
{
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    if (w->store != NULL) {
        store_abort(w->store);
    }
    pthread_cond_signal(&w->stopped);
    pthread_mutex_unlock(&w->lock);
    if (w->running) {
        pthread_join(w->thread, NULL);
    }
    pthread_cond_destroy(&w->stopped);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

enum db_state db_watch_state(const struct db_watch *w)
{
    uint64_t asked_ms = atomic_load(&w->asked_ms);
    bool overdue = asked_ms != 0 && mono_ms() > asked_ms + w->wait_ms;
    return overdue ? DB_AWAY : (enum db_state)atomic_load(&w->answer);
}

const char *db_state_name(enum db_state state)
{
    static const char *const names[] = {
        [DB_READY] = "ready", [DB_AWAY] = "database_away", [DB_READ_ONLY] = "database_read_only", [DB_FULL] = "database_full"};
    return names[state];
}
