/* What happens by itself as time goes by: a thread of its own, some times a second, under the feed's lock. */
#include "rest/feed_int.h"
#include "rest/feed_write.h"
#include "shared/clock.h"

#define TICK_MS 50

void feed_streams_begin(const struct feed *f, bool *was_empty)
{
    for (unsigned i = 0; i < f->workers_count; i++) {
        was_empty[i] = f->workers[i]->q.len == 0;
    }
}

void feed_streams_end(struct feed *f, const bool *was_empty)
{
    for (unsigned i = 0; i < f->workers_count; i++) {
        if (f->workers[i]->q.len > 0) {
            feed_appended(f, f->workers[i], was_empty[i]);
        }
    }
}

void feed_tick(struct feed *f, uint64_t now_ms)
{
    bool was_empty[FEED_WORKERS_MAX];
    feed_lock(f);
    cache_rdlock(f->cache);
    feed_streams_begin(f, was_empty);
    feed_updates_tick(f, now_ms);
    feed_receipts_tick(f, now_ms);
    feed_texts_tick(f, now_ms);
    feed_typing_tick(f, now_ms);
    feed_online_tick(f, now_ms);
    feed_streams_end(f, was_empty);
    cache_unlock(f->cache);
    feed_unlock(f);
    feed_focus_tick(f, now_ms);
    feed_online_store(f, now_ms);
    feed_recovery_store(f, now_ms);
}

/* false: it is to end. */
static bool wait_until(struct feed *f, uint64_t at_ms)
{
    struct timespec until = {.tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000};
    while (!f->tick_stop && !f->tick_early && mono_ms() < at_ms) {
        pthread_cond_timedwait(&f->tick_wake, &f->tick_lock, &until);
    }
    f->tick_early = false;
    return !f->tick_stop;
}

static void *run(void *arg)
{
    struct feed *f = arg;
    uint64_t at_ms = mono_ms() + TICK_MS;
    pthread_mutex_lock(&f->tick_lock);
    while (wait_until(f, at_ms)) {
        pthread_mutex_unlock(&f->tick_lock);
        uint64_t now_ms = mono_ms();
        if (now_ms >= at_ms) {
            feed_tick(f, now_ms);
            at_ms = mono_ms() + TICK_MS;
        } else {
            feed_recovery_store(f, now_ms);
        }
        pthread_mutex_lock(&f->tick_lock);
    }
    pthread_mutex_unlock(&f->tick_lock);
    return NULL;
}

void feed_tick_early(struct feed *f)
{
    pthread_mutex_lock(&f->tick_lock);
    f->tick_early = true;
    pthread_cond_signal(&f->tick_wake);
    pthread_mutex_unlock(&f->tick_lock);
}

enum rc feed_run(struct feed *f)
{
    f->ticking = pthread_create(&f->tick_thread, NULL, run, f) == 0;
    return f->ticking ? RC_OK : RC_NO_MEMORY;
}

void feed_stop(struct feed *f)
{
    if (!f->ticking) {
        return;
    }
    pthread_mutex_lock(&f->tick_lock);
    f->tick_stop = true;
    pthread_cond_signal(&f->tick_wake);
    pthread_mutex_unlock(&f->tick_lock);
    pthread_join(f->tick_thread, NULL);
    f->ticking = false;
    feed_online_stop(f);
    feed_recovery_stop(f);
}
