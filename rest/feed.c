/* Workers, users on workers, and the hand-over of connections. */
#include "rest/feed.h"

#include <stdlib.h>
#include <unistd.h>

#include "rest/feed_int.h"
#include "rest/feed_write.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

struct feed *feed_new(const struct feed_conf *conf, struct cache *cache)
{
    struct feed *f = mem_new(sizeof(*f));
    pthread_condattr_t attr;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&f->moved, &attr);
    pthread_condattr_destroy(&attr);
    f->conf = *conf;
    f->cache = cache;
    atomic_init(&f->wake_fd, -1);
    ring_init(&f->ring, 1);
    return f;
}

void feed_bind(struct feed *f, struct svc *svc)
{
    f->svc = svc;
}

void feed_free(struct feed *f)
{
    if (f == NULL) {
        return;
    }
    while (f->workers_count > 0) {
        feed_leave(f, f->workers[0]);
    }
    ring_release(&f->ring);
    map64_release(&f->user_sessions);
    map64_release(&f->peers);
    pthread_cond_destroy(&f->moved);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void feed_lock(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
}

void feed_unlock(struct feed *f)
{
    pthread_mutex_unlock(&f->lock);
}

void feed_start(struct feed *f, const struct store_head *head)
{
    feed_lock(f);
    f->log_id = head->log_id;
    f->trimmed_to = head->trimmed_to;
    if (f->ring.next != head->next_event) { /* nothing was warm */
        ring_release(&f->ring);
        ring_init(&f->ring, head->next_event);
    }
    atomic_store(&f->published, head->next_event - 1);
    f->ready = true;
    map64_release(&f->warm_last);
    feed_unlock(f);
    metric_set(METRIC_FEED_PUBLISHED, (int64_t)(head->next_event - 1));
}

void feed_on_adopt_done(struct feed *f, feed_adopt_done done, void *ctx)
{
    f->adopt_done = done;
    f->adopt_ctx = ctx;
}

void feed_set_wake(struct feed *f, int event_fd)
{
    atomic_store(&f->wake_fd, event_fd);
}

void feed_count(struct map64 *m, uint64_t key, int by)
{
    uint32_t n = 0;
    if (key == 0) {
        return;
    }
    bool there = map64_get(m, key, &n);
    if (by > 0) {
        map64_put(m, key, n + (uint32_t)by);
    } else if (there && n > (uint32_t)-by) {
        map64_put(m, key, n - (uint32_t)-by);
    } else if (there) {
        map64_remove(m, key);
    }
}

static uint32_t counted(const struct map64 *m, uint64_t key)
{
    uint32_t n = 0;
    return key != 0 && map64_get(m, key, &n) ? n : 0;
}

/* -- streams ------------------------------------------------------------------------------------ */

void feed_appended(struct feed *f, struct feed_worker *w, bool was_empty)
{
    if (w->q.failed || w->q.len > f->conf.stream_max_bytes) {
        if (!w->broken) {
            w->broken = true;
            metric_add(METRIC_FEED_BROKEN, 1);
            log_warn("stream_broken", "worker=%u bytes=%zu", w->number, w->q.len);
        }
        buf_clear(&w->q);
        was_empty = true;
    }
    int fd = atomic_load(&f->wake_fd);
    if (was_empty && fd >= 0) {
        uint64_t one = 1;
        if (write(fd, &one, sizeof(one)) < 0) {
            log_debug("wake_full", "fd=%d", fd); /* a full counter wakes as well */
        }
    }
}

bool feed_take(struct feed_worker *w, struct buf *frames, struct feed_fds *fds)
{
    struct feed *f = w->feed;
    feed_lock(f);
    bool good = !w->broken;
    if (good && frames->len == 0) {
        struct buf empty = *frames;
        *frames = w->q;
        w->q = empty;
    } else if (good) {
        buf_add_str(frames, buf_str(&w->q));
        buf_clear(&w->q);
    }
    for (uint32_t i = 0; i < w->fds_count; i++) {
        if (fds->count == fds->room) {
            fds->room = fds->room ? fds->room * 2 : 64;
            fds->fd = mem_grow(fds->fd, fds->room, sizeof(fds->fd[0]));
        }
        fds->fd[fds->count++] = w->fds[i];
    }
    w->fds_count = 0;
    for (uint32_t i = 0; i < w->adopts_count; i++) {
        w->adopts[i].taken = true;
    }
    feed_unlock(f);
    return good;
}

/* -- users on a worker --------------------------------------------------------------------------- */

uint32_t feed_slot_of(const struct feed_worker *w, uint32_t user)
{
    return user < w->slot_of_room ? w->slot_of[user] : 0;
}

static void set_slot_of(struct feed_worker *w, uint32_t user, uint32_t slot)
{
    if (user >= w->slot_of_room) {
        uint32_t room = user + user / 4 + 64;
        w->slot_of = mem_grow(w->slot_of, room, sizeof(w->slot_of[0]));
        memset(w->slot_of + w->slot_of_room, 0,
               (size_t)(room - w->slot_of_room) * sizeof(w->slot_of[0]));
        w->slot_of_room = room;
    }
    w->slot_of[user] = slot;
}

static void room_for_slot(struct feed_worker *w, uint32_t slot)
{
    if (slot >= w->slots_room) {
        uint32_t room = slot + slot / 2 + 64;
        w->slots = mem_grow(w->slots, room, sizeof(w->slots[0]));
        memset(w->slots + w->slots_room, 0, (size_t)(room - w->slots_room) * sizeof(w->slots[0]));
        w->slots_room = room;
    }
    if (slot >= w->slots_count) {
        w->slots_count = slot + 1;
    }
}

static void use_slot(struct feed_worker *w, uint32_t slot, uint64_t user_id, uint32_t user)
{
    room_for_slot(w, slot);
    w->slots[slot] = (struct slot){.user_id = user_id, .user = user};
    set_slot_of(w, user, slot);
    w->users++;
}

static void free_slot(struct feed_worker *w, uint32_t slot)
{
    set_slot_of(w, w->slots[slot].user, 0);
    w->slots[slot] = (struct slot){0};
    w->users--;
    if (w->free_count == w->free_room) {
        w->free_room = w->free_room ? w->free_room * 2 : 64;
        w->free_slots = mem_grow(w->free_slots, w->free_room, sizeof(w->free_slots[0]));
    }
    w->free_slots[w->free_count++] = slot;
}

/* A user has come to the worker: the recipient sets it keeps must know. Cache read lock held. */
static void join_sets(struct feed *f, struct feed_worker *w, uint32_t user, uint32_t slot)
{
    const struct cache_user *u = cache_user(f->cache, user);
    for (uint32_t i = 0; w->sets.count > 0 && u != NULL && i < u->chats_count; i++) {
        const struct cache_chat *chat = cache_chat(f->cache, u->chats[i]);
        uint32_t known = 0;
        if (chat != NULL && map64_get(&w->sets, chat->id, &known)) {
            link_put_set(&w->q, LINK_SET_ADD, chat->id, &slot, 1);
        }
    }
}

/* The user's slot on w, given when there is none. 0: unknown user. */
static uint32_t give_slot(struct feed *f, struct feed_worker *w, uint64_t user_id)
{
    cache_rdlock(f->cache);
    uint32_t user = cache_user_index(f->cache, user_id);
    uint32_t slot = user == CACHE_NONE ? 0 : feed_slot_of(w, user);
    if (slot == 0 && user != CACHE_NONE) {
        slot = w->free_count > 0 ? w->free_slots[--w->free_count] : (w->slots_count ? w->slots_count : 1);
        use_slot(w, slot, user_id, user);
        join_sets(f, w, user, slot);
    }
    cache_unlock(f->cache);
    return slot;
}

/* -- hand-over ------------------------------------------------------------------------------------ */

static bool takes_adopts(const struct feed *f, const struct feed_worker *w)
{
    return !w->broken && !w->draining && w->adopts_count < f->conf.worker_adopts_max;
}

static struct feed_worker *least_loaded(struct feed *f)
{
    struct feed_worker *best = NULL;
    for (unsigned i = 0; i < f->workers_count; i++) {
        struct feed_worker *w = f->workers[i];
        if (takes_adopts(f, w) && (best == NULL || w->sessions < best->sessions)) {
            best = w;
        }
    }
    return best;
}

static void add_fd(struct feed_worker *w, int fd)
{
    if (w->fds_count == w->fds_room) {
        w->fds_room = w->fds_room ? w->fds_room * 2 : 64;
        w->fds = mem_grow(w->fds, w->fds_room, sizeof(w->fds[0]));
    }
    w->fds[w->fds_count++] = fd;
}

static struct adopt *add_adopt(struct feed_worker *w)
{
    if (w->adopts_count == w->adopts_room) {
        w->adopts_room = w->adopts_room ? w->adopts_room * 2 : 64;
        w->adopts = mem_grow(w->adopts, w->adopts_room, sizeof(w->adopts[0]));
    }
    return &w->adopts[w->adopts_count++];
}

static void count_session(struct feed *f, struct feed_worker *w, uint32_t slot, uint64_t peer_key, int by)
{
    if (by < 0 && w->sessions == 0) {
        return;
    }
    w->sessions += (uint32_t)by;
    feed_count(&f->peers, peer_key, by);
    feed_count(&w->peers, peer_key, by);
    /* A user who has gone meanwhile has no sessions left to count down. */
    if (slot != 0 && (by > 0 || w->slots[slot].sessions > 0)) {
        w->slots[slot].sessions += (uint32_t)by;
        feed_count(&f->user_sessions, w->slots[slot].user_id, by);
    }
}

static enum code check_caps(struct feed *f, const struct link_adopt *a)
{
    if (counted(&f->peers, a->peer_key) >= f->conf.address_connections_max ||
        counted(&f->user_sessions, a->user_id) >= f->conf.user_connections_max) {
        return CODE_TOO_MANY_CONNECTIONS;
    }
    return CODE_OK;
}

static void put_adopt(struct feed *f, struct feed_worker *w, const struct link_adopt *a, uint32_t slot,
                      int fd)
{
    bool was_empty = w->q.len == 0;
    struct link_adopt message = *a;
    message.slot = slot;
    if (++f->next_adopt == 0) {
        f->next_adopt = 1;
    }
    *add_adopt(w) = (struct adopt){
        .id = f->next_adopt, .fd = fd, .slot = slot, .peer_key = a->peer_key};
    if (slot != 0) {
        w->slots[slot].adopts++;
    }
    count_session(f, w, slot, a->peer_key, 1);
    link_put_adopt(&w->q, f->next_adopt, &message);
    add_fd(w, fd);
    feed_appended(f, w, was_empty);
}

enum code feed_adopt(struct feed *f, const struct link_adopt *a, uint64_t issued_s, int fd)
{
    feed_lock(f);
    struct feed_worker *w = f->ready ? least_loaded(f) : NULL;
    enum code code = w ? check_caps(f, a) : CODE_NO_WORKER;
    uint32_t slot = 0;
    if (code == CODE_OK && a->user_id != 0) {
        /* The door has checked this before; a revocation may have been published since. */
        code = cache_token_state(f->cache, a->user_id, a->family, issued_s);
        slot = code == CODE_OK ? give_slot(f, w, a->user_id) : 0;
    }
    if (code == CODE_OK) {
        put_adopt(f, w, a, slot, fd);
    }
    feed_unlock(f);
    return code;
}

unsigned feed_workers_ready(struct feed *f)
{
    unsigned n = 0;
    feed_lock(f);
    for (unsigned i = 0; i < f->workers_count; i++) {
        n += !f->workers[i]->broken && !f->workers[i]->draining;
    }
    feed_unlock(f);
    return n;
}

/* -- workers that come and go ------------------------------------------------------------------ */

static bool can_resume(const struct feed *f, const struct link_hello *h)
{
    return h->log_id == f->log_id && h->position <= atomic_load(&f->published) &&
           h->position + 1 >= f->ring.first;
}

/* The worker's users keep the slots they have; those who are gone from the cache are dropped. */
static void take_over_users(struct feed *f, struct feed_worker *w, const struct link_hello_user *users,
                            uint32_t count)
{
    cache_rdlock(f->cache);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t user = cache_user_index(f->cache, users[i].user_id);
        if (users[i].slot == 0 || users[i].slot > 10000000 || user == CACHE_NONE) {
            continue;
        }
        use_slot(w, users[i].slot, users[i].user_id, user);
        w->slots[users[i].slot].sessions = users[i].sessions;
        w->slots[users[i].slot].adopts = users[i].adopts;
        feed_count(&f->user_sessions, users[i].user_id, (int)users[i].sessions);
    }
    cache_unlock(f->cache);
}

/* Slots below the highest that nobody has. */
static void find_free_slots(struct feed_worker *w)
{
    for (uint32_t i = w->slots_count; i-- > 1;) {
        if (w->slots[i].user_id == 0) {
            if (w->free_count == w->free_room) {
                w->free_room = w->free_room ? w->free_room * 2 : 64;
                w->free_slots = mem_grow(w->free_slots, w->free_room, sizeof(w->free_slots[0]));
            }
            w->free_slots[w->free_count++] = i;
        }
    }
}

static struct feed_worker *worker_new(struct feed *f, const struct link_hello *h)
{
    struct feed_worker *w = mem_new(sizeof(*w));
    w->feed = f;
    w->number = h->worker;
    w->incarnation = h->incarnation;
    w->q = BUF_INIT_MAX(f->conf.stream_max_bytes + (4u << 20)); /* one batch may step over the line */
    room_for_slot(w, 0);
    return w;
}

enum rc feed_join(struct feed *f, const struct link_hello *hello, const struct link_hello_user *users,
                  uint32_t users_count, const struct link_hello_peer *peers, uint32_t peers_count,
                  struct feed_worker **out)
{
    feed_lock(f);
    if (!f->ready || f->workers_count == FEED_WORKERS_MAX) {
        feed_unlock(f);
        return RC_UNAVAILABLE;
    }
    struct feed_worker *w = worker_new(f, hello);
    take_over_users(f, w, users, users_count);
    find_free_slots(w);
    for (uint32_t i = 0; i < peers_count; i++) {
        feed_count(&f->peers, peers[i].peer_key, (int)peers[i].sessions);
        feed_count(&w->peers, peers[i].peer_key, (int)peers[i].sessions);
        w->sessions += peers[i].sessions;
    }
    bool resumed = can_resume(f, hello);
    struct link_welcome welcome = {
        .magic = LINK_MAGIC,
        .major = LINK_MAJOR,
        .minor = LINK_MINOR,
        .log_id = f->log_id,
        .published = atomic_load(&f->published),
        .resumed = resumed,
    };
    link_put_welcome(&w->q, &welcome);
    f->workers[f->workers_count++] = w;
    if (resumed) {
        feed_catch_up(f, w, hello->position);
    }
    link_put_position(&w->q, atomic_load(&f->published));
    feed_appended(f, w, true);
    metric_set(METRIC_FEED_WORKERS, f->workers_count);
    feed_unlock(f);
    *out = w;
    return RC_OK;
}

static void worker_free(struct feed_worker *w)
{
    buf_release(&w->q);
    free(w->fds);
    free(w->slots);
    free(w->free_slots);
    free(w->slot_of);
    map64_release(&w->peers);
    map64_release(&w->sets);
    free(w->adopts);
    feed_attach_release(w);
    free(w);
}

void feed_leave(struct feed *f, struct feed_worker *w)
{
    feed_lock(f);
    for (unsigned i = 0; i < f->workers_count; i++) {
        if (f->workers[i] == w) {
            f->workers[i] = f->workers[--f->workers_count];
            break;
        }
    }
    for (uint32_t i = 1; i < w->slots_count; i++) {
        feed_count(&f->user_sessions, w->slots[i].user_id, -(int)w->slots[i].sessions);
    }
    uint32_t at = 0, n = 0;
    uint64_t key = 0;
    while (map64_next(&w->peers, &at, &key, &n)) {
        feed_count(&f->peers, key, -(int)n);
    }
    metric_set(METRIC_FEED_WORKERS, f->workers_count);
    feed_unlock(f);
    metric_worker_gone(w->number);
    for (uint32_t i = 0; i < w->adopts_count && f->adopt_done != NULL; i++) {
        /* One that went out may have been answered with 101 by the worker: only close it. */
        f->adopt_done(f->adopt_ctx, w->adopts[i].fd, w->adopts[i].taken ? CODE_OK : CODE_NO_WORKER);
    }
    worker_free(w);
}

uint16_t feed_worker_number(const struct feed_worker *w)
{
    return w->number;
}

struct feed_worker *feed_find_worker(struct feed *f, uint16_t number, uint64_t incarnation)
{
    for (unsigned i = 0; i < f->workers_count; i++) {
        if (f->workers[i]->number == number && f->workers[i]->incarnation == incarnation) {
            return f->workers[i];
        }
    }
    return NULL;
}

/* -- frames that come up -------------------------------------------------------------------------- */

static enum rc on_adopt_answer(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    enum code code = CODE_OK;
    uint64_t session = 0;
    enum rc rc = frame->type == LINK_ADOPTED ? link_get_adopted(frame->body, &session)
                                             : link_get_adopt_failed(frame->body, &code);
    if (rc != RC_OK) {
        return rc;
    }
    feed_lock(f);
    struct adopt found = {.fd = -1};
    for (uint32_t i = 0; i < w->adopts_count; i++) {
        if (w->adopts[i].id == frame->request && w->adopts[i].taken) {
            found = w->adopts[i];
            w->adopts[i] = w->adopts[--w->adopts_count];
            break;
        }
    }
    if (found.fd >= 0 && frame->type == LINK_ADOPT_FAILED) {
        count_session(f, w, found.slot, found.peer_key, -1);
    }
    feed_unlock(f);
    if (found.fd < 0) {
        return RC_PROTOCOL;
    }
    if (f->adopt_done != NULL) {
        f->adopt_done(f->adopt_ctx, found.fd, code);
    }
    return RC_OK;
}

static enum rc on_gone(struct feed *f, struct feed_worker *w, struct str body)
{
    uint32_t slot = 0, adopts = 0;
    enum rc rc = link_get_gone(body, &slot, &adopts);
    if (rc != RC_OK) {
        return rc;
    }
    feed_lock(f);
    if (slot == 0 || slot >= w->slots_count) {
        rc = RC_PROTOCOL;
    } else if (w->slots[slot].user_id != 0 && w->slots[slot].adopts == adopts) {
        /* With another adopt on its way the user is not gone; the worker says so again later. */
        feed_count(&f->user_sessions, w->slots[slot].user_id, -(int)w->slots[slot].sessions);
        free_slot(w, slot);
    }
    feed_unlock(f);
    return rc;
}

#define CLOSED_MAX 4096

static enum rc on_closed(struct feed *f, struct feed_worker *w, struct str body)
{
    struct link_closed closed[CLOSED_MAX];
    uint16_t count = 0;
    enum rc rc = link_get_session_closed(body, closed, CLOSED_MAX, &count);
    if (rc != RC_OK) {
        return rc;
    }
    feed_lock(f);
    for (uint16_t i = 0; i < count; i++) {
        count_session(f, w, closed[i].slot < w->slots_count ? closed[i].slot : 0, closed[i].peer_key, -1);
    }
    feed_unlock(f);
    return RC_OK;
}

#define STATS_MAX 64

static enum rc on_stats(struct feed_worker *w, struct str body)
{
    struct link_stat stats[STATS_MAX];
    uint16_t count = 0;
    enum rc rc = link_get_stats(body, stats, STATS_MAX, &count);
    if (rc == RC_OK) {
        metric_worker(w->number, stats, count);
    }
    return rc;
}

static enum rc on_attach(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    struct link_attach a = {0};
    uint64_t session = 0;
    uint32_t generation = 0;
    enum rc rc = frame->type == LINK_ATTACH ? link_get_attach(frame->body, &a)
                                            : link_get_pull(frame->body, &session, &generation);
    if (rc != RC_OK) {
        return rc;
    }
    feed_lock(f);
    if (frame->type == LINK_ATTACH) {
        feed_attach_begin(f, w, &a);
    } else {
        feed_attach_pull(f, w, session, generation);
    }
    feed_unlock(f);
    return RC_OK;
}

enum rc feed_up(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
{
    switch (frame->type) {
    case LINK_ADOPTED:
    case LINK_ADOPT_FAILED:
        return on_adopt_answer(f, w, frame);
    case LINK_GONE:
        return on_gone(f, w, frame->body);
    case LINK_SESSION_CLOSED:
        return on_closed(f, w, frame->body);
    case LINK_COMMAND:
        return feed_on_command(f, w, frame);
    case LINK_REAUTH:
        return feed_on_reauth(f, w, frame);
    case LINK_ATTACH:
    case LINK_PULL:
        return on_attach(f, w, frame);
    case LINK_STATS:
        return on_stats(w, frame->body);
    case LINK_DRAIN:
        feed_lock(f);
        w->draining = true;
        feed_unlock(f);
        return RC_OK;
    default:
        /* A younger worker may send what we do not know yet. */
        log_debug("link_ignored", "type=%u worker=%u", frame->type, w->number);
        return RC_OK;
    }
}

/* -- reading state ---------------------------------------------------------------------------------- */

uint64_t feed_published(const struct feed *f)
{
    return atomic_load(&f->published);
}

uint64_t feed_log_id(const struct feed *f)
{
    return f->log_id;
}

bool feed_wait_published(struct feed *f, uint64_t event_id, uint64_t deadline_ms)
{
    if (atomic_load(&f->published) >= event_id) {
        return true;
    }
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    feed_lock(f);
    while (atomic_load(&f->published) < event_id) {
        if (pthread_cond_timedwait(&f->moved, &f->lock, &until) != 0) {
            break;
        }
    }
    feed_unlock(f);
    return atomic_load(&f->published) >= event_id;
}

void feed_add_cursor(const struct feed *f, struct buf *out, uint64_t event_id)
{
    buf_addf(out, "%08x.%llu", (unsigned)(f->log_id >> 32), (unsigned long long)event_id);
}

bool feed_user_online(struct feed *f, uint64_t user_id)
{
    feed_lock(f);
    bool online = counted(&f->user_sessions, user_id) > 0;
    feed_unlock(f);
    return online;
}

void feed_kick(struct feed *f, uint64_t user_id, uint64_t family, enum code code)
{
    feed_lock(f);
    cache_rdlock(f->cache);
    uint32_t user = cache_user_index(f->cache, user_id);
    cache_unlock(f->cache);
    for (unsigned i = 0; i < f->workers_count && user != CACHE_NONE; i++) {
        struct feed_worker *w = f->workers[i];
        uint32_t slot = feed_slot_of(w, user);
        if (slot != 0) {
            bool was_empty = w->q.len == 0;
            link_put_kick(&w->q, slot, 0, family, code);
            feed_appended(f, w, was_empty);
        }
    }
    feed_unlock(f);
}

unsigned feed_workers(struct feed *f, struct feed_worker_info *out, unsigned room)
{
    feed_lock(f);
    unsigned n = 0;
    for (; n < f->workers_count && n < room; n++) {
        const struct feed_worker *w = f->workers[n];
        out[n] = (struct feed_worker_info){
            .number = w->number, .sessions = w->sessions, .users = w->users, .stream_bytes = w->q.len};
    }
    feed_unlock(f);
    return n;
}
