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
}

static void *run(void *arg)
{
    struct feed *f = arg;
    pthread_mutex_lock(&f->tick_lock);
    while (!f->tick_stop) {
        struct timespec until;
        uint64_t at = mono_ms() + TICK_MS;
        until.tv_sec = (time_t)(at / 1000);
        until.tv_nsec = (long)(at % 1000) * 1000000;
        pthread_cond_timedwait(&f->tick_wake, &f->tick_lock, &until);
        if (f->tick_stop) {
            break;
        }
        pthread_mutex_unlock(&f->tick_lock);
        feed_tick(f, mono_ms());
        pthread_mutex_lock(&f->tick_lock);
    }
    pthread_mutex_unlock(&f->tick_lock);
    return NULL;
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
}
