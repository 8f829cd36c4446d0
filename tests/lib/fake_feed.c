/* fake_feed.c -- see fake_feed.h */
#include "tests/lib/fake_feed.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "shared/mem.h"

#define FDS_MAX 1024

struct feed_worker {
    struct feed *feed;
    uint16_t number;
    struct buf q;
    int fds[FDS_MAX];
    unsigned fds_count;
    bool broken;
};

struct feed {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int wake_fd;
    enum rc join_rc, up_rc;
    struct feed_worker *workers[FAKE_WORKERS_MAX];
    unsigned workers_count, joins, leaves, ups_count;
    struct fake_up ups[FAKE_UPS_MAX];
    struct fake_hello hello;
};

struct feed *fake_feed_new(void)
{
    struct feed *f = mem_new(sizeof(*f));
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, &attr);
    pthread_condattr_destroy(&attr);
    f->wake_fd = -1;
    return f;
}

void fake_feed_free(struct feed *f)
{
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static struct feed_worker *find(struct feed *f, uint16_t number)
{
    for (unsigned i = 0; i < f->workers_count; i++) {
        if (f->workers[i]->number == number) {
            return f->workers[i];
        }
    }
    return NULL;
}

static void wake(struct feed *f)
{
    uint64_t one = 1;
    if (f->wake_fd >= 0 && write(f->wake_fd, &one, sizeof(one)) != sizeof(one)) {
        abort();
    }
}

/* -- what the test says ------------------------------------------------------------------------ */

void fake_feed_answers(struct feed *f, enum rc join, enum rc up)
{
    pthread_mutex_lock(&f->lock);
    f->join_rc = join;
    f->up_rc = up;
    pthread_mutex_unlock(&f->lock);
}

void fake_feed_break(struct feed *f, uint16_t worker)
{
    pthread_mutex_lock(&f->lock);
    struct feed_worker *w = find(f, worker);
    if (w) {
        w->broken = true;
        wake(f);
    }
    pthread_mutex_unlock(&f->lock);
}

bool fake_feed_send(struct feed *f, uint16_t worker, const struct buf *frames, const int *fds,
                    unsigned fds_count)
{
    pthread_mutex_lock(&f->lock);
    struct feed_worker *w = find(f, worker);
    if (w && w->fds_count + fds_count <= FDS_MAX) {
        bool was_empty = w->q.len == 0;
        buf_add_str(&w->q, buf_str(frames));
        for (unsigned i = 0; i < fds_count; i++) {
            w->fds[w->fds_count++] = fds[i];
        }
        if (was_empty) {
            wake(f);
        }
    }
    pthread_mutex_unlock(&f->lock);
    return w != NULL;
}

static bool wait_for(struct feed *f, const unsigned *count, unsigned wanted)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += FAKE_WAIT_MS / 1000;
    pthread_mutex_lock(&f->lock);
    int timeout = 0;
    while (*count < wanted && timeout == 0) {
        timeout = pthread_cond_timedwait(&f->changed, &f->lock, &deadline);
    }
    bool reached = *count >= wanted;
    pthread_mutex_unlock(&f->lock);
    return reached;
}

bool fake_feed_wait_joins(struct feed *f, unsigned joins)
{
    return wait_for(f, &f->joins, joins);
}

bool fake_feed_wait_leaves(struct feed *f, unsigned leaves)
{
    return wait_for(f, &f->leaves, leaves);
}

bool fake_feed_wait_ups(struct feed *f, unsigned ups)
{
    return wait_for(f, &f->ups_count, ups);
}

unsigned fake_feed_leaves(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    unsigned leaves = f->leaves;
    pthread_mutex_unlock(&f->lock);
    return leaves;
}

struct fake_up fake_feed_up(struct feed *f, unsigned i)
{
    pthread_mutex_lock(&f->lock);
    struct fake_up up = i < f->ups_count ? f->ups[i] : (struct fake_up){0};
    pthread_mutex_unlock(&f->lock);
    return up;
}

struct fake_hello fake_feed_hello(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    struct fake_hello hello = f->hello;
    pthread_mutex_unlock(&f->lock);
    return hello;
}

/* -- feed.h ------------------------------------------------------------------------------------ */

void feed_set_wake(struct feed *f, int event_fd)
{
    pthread_mutex_lock(&f->lock);
    f->wake_fd = event_fd;
    pthread_mutex_unlock(&f->lock);
}

static void note_hello(struct feed *f, const struct link_hello *hello,
                       const struct link_hello_user *users, uint32_t users_count,
                       const struct link_hello_peer *peers, uint32_t peers_count)
{
    f->hello = (struct fake_hello){*hello, users_count, peers_count, 0, 0};
    for (uint32_t i = 0; i < users_count; i++) {
        f->hello.users_sum += users[i].user_id;
    }
    for (uint32_t i = 0; i < peers_count; i++) {
        f->hello.peers_sum += peers[i].peer_key;
    }
}

enum rc feed_join(struct feed *f, const struct link_hello *hello,
                  const struct link_hello_user *users, uint32_t users_count,
                  const struct link_hello_peer *peers, uint32_t peers_count,
                  struct feed_worker **out)
{
    pthread_mutex_lock(&f->lock);
    enum rc rc = f->join_rc;
    if (rc == RC_OK && (find(f, hello->worker) || f->workers_count == FAKE_WORKERS_MAX)) {
        abort(); /* the older one must have left before */
    }
    if (rc == RC_OK) {
        struct feed_worker *w = mem_new(sizeof(*w));
        struct link_welcome welcome = {LINK_MAGIC, LINK_MAJOR, LINK_MINOR, 1, 2, 3, false, false};
        w->feed = f;
        w->number = hello->worker;
        w->q = BUF_INIT;
        link_put_welcome(&w->q, &welcome);
        f->workers[f->workers_count++] = w;
        note_hello(f, hello, users, users_count, peers, peers_count);
        f->joins++;
        *out = w;
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

void feed_leave(struct feed *f, struct feed_worker *w)
{
    pthread_mutex_lock(&f->lock);
    for (unsigned i = 0; i < f->workers_count; i++) {
        if (f->workers[i] == w) {
            f->workers[i] = f->workers[--f->workers_count];
        }
    }
    f->leaves++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    buf_release(&w->q);
    free(w);
}

bool feed_take(struct feed_worker *w, struct buf *frames, struct feed_fds *fds)
{
    struct feed *f = w->feed;
    pthread_mutex_lock(&f->lock);
    buf_add_str(frames, buf_str(&w->q));
    buf_clear(&w->q);
    for (unsigned i = 0; i < w->fds_count; i++) {
        if (fds->count == fds->room) {
            fds->room = fds->room ? fds->room * 2 : 16;
            fds->fd = mem_grow(fds->fd, fds->room, sizeof(int));
        }
        fds->fd[fds->count++] = w->fds[i];
    }
    w->fds_count = 0;
    bool good = !w->broken;
    pthread_mutex_unlock(&f->lock);
    return good;
}

enum rc feed_up(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    pthread_mutex_lock(&f->lock);
    enum rc rc = f->up_rc;
    if (rc == RC_OK && f->ups_count < FAKE_UPS_MAX) {
        f->ups[f->ups_count++] =
            (struct fake_up){w->number, frame->type, frame->request, frame->body.len};
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return rc;
}
