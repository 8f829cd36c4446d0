/* The hand-over of connections, and counting them. */
#include <stdlib.h>

#include "rest/feed_int.h"
#include "rest/presence.h"
#include "rest/sessions.h"
#include "shared/mem.h"

uint32_t feed_counted(const struct map64 *m, uint64_t key)
{
    uint32_t n = 0;
    return key != 0 && map64_get(m, key, &n) ? n : 0;
}

void feed_count_up(struct map64 *m, uint64_t key, uint32_t by)
{
    if (key != 0 && by != 0) {
        map64_put(m, key, feed_counted(m, key) + by);
    }
}

void feed_count_down(struct map64 *m, uint64_t key, uint32_t by)
{
    uint32_t n = feed_counted(m, key);
    if (n > by) {
        map64_put(m, key, n - by);
    } else if (n > 0) {
        map64_remove(m, key);
    }
}

/* -- out ------------------------------------------------------------------------------------------- */

static bool takes_adopts(const struct feed *f, const struct feed_worker *w)
{
    return !w->broken && !w->draining && w->sessions < w->sessions_max &&
           w->adopts_count < f->conf.worker_adopts_max;
}

struct feed_worker *feed_least_loaded(struct feed *f)
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

void feed_session_opens(struct feed *f, struct feed_worker *w, uint32_t slot, uint64_t peer_key)
{
    if (peer_key != 0) {
        w->sessions++;
        feed_count_up(&f->peers, peer_key, 1);
        feed_count_up(&w->peers, peer_key, 1);
    }
    if (slot != 0) {
        w->slots[slot].sessions++;
        feed_sessions_up(f, w->slots[slot].user_id, 1, false);
    }
}

/* Only what was counted for this worker is taken back. A user who has gone meanwhile has nothing left. */
void feed_session_closes(struct feed *f, struct feed_worker *w, uint32_t slot, uint64_t peer_key)
{
    if (feed_counted(&w->peers, peer_key) > 0) {
        w->sessions--;
        feed_count_down(&f->peers, peer_key, 1);
        feed_count_down(&w->peers, peer_key, 1);
    }
    if (slot != 0 && w->slots[slot].sessions > 0) {
        w->slots[slot].sessions--;
        feed_sessions_down(f, w->slots[slot].user_id, 1, false);
    }
}

static enum code check_caps(struct feed *f, const struct link_adopt *a)
{
    if (feed_counted(&f->peers, a->peer_key) >= f->conf.address_connections_max ||
        feed_counted(&f->user_sessions, a->user_id) >= f->conf.user_connections_max ||
        (a->topic != 0 && feed_counted(&f->viewers, a->topic) >= f->conf.dashboard_viewers_max)) {
        return CODE_TOO_MANY_CONNECTIONS;
    }
    return CODE_OK;
}

/* The door has checked this before; the session may have ended since, or be for others. */
static enum code check_topic(struct feed *f, const struct link_adopt *a)
{
    if (a->topic == 0) {
        return CODE_OK;
    }
    cache_rdlock(f->cache);
    const struct session *x = sessions_find(cache_sessions(f->cache), a->topic);
    enum code code = x == NULL ? CODE_SESSION_NOT_FOUND : session_may_watch(x, a->user_id) ? CODE_OK : CODE_FORBIDDEN;
    cache_unlock(f->cache);
    return code;
}

static void put_adopt(struct feed *f, struct feed_worker *w, const struct link_adopt *a, uint32_t slot,
                      int fd)
{
    struct link_adopt message = *a;
    message.slot = slot;
    if (++f->next_adopt == 0) {
        f->next_adopt = 1;
    }
    *add_adopt(w) = (struct adopt){
        .id = f->next_adopt, .fd = fd, .slot = slot, .peer_key = a->peer_key, .topic = a->topic};
    if (slot != 0) {
        w->slots[slot].adopts++;
        feed_watch_set(w, slot, w->slots[slot].watch | a->options | feed_watch_of_dialect(a->dialect));
    }
    feed_session_opens(f, w, slot, a->peer_key);
    feed_topic_opens(f, w, a->topic);
    link_put_adopt(&w->q, f->next_adopt, &message);
    add_fd(w, fd);
}

/* A session that is there already is on one worker; others go where there is most room. */
static struct feed_worker *choose_worker(struct feed *f, const struct feed_place *to)
{
    if (!f->ready) {
        return NULL;
    }
    if (to == NULL) {
        return feed_least_loaded(f);
    }
    struct feed_worker *w = feed_find_worker(f, to->worker, to->incarnation);
    return w != NULL && takes_adopts(f, w) ? w : NULL;
}

enum code feed_adopt(struct feed *f, const struct link_adopt *a, uint64_t stamp_us, int fd)
{
    return feed_adopt_at(f, a, stamp_us, NULL, fd);
}

enum code feed_adopt_at(struct feed *f, const struct link_adopt *a, uint64_t stamp_us,
                        const struct feed_place *to, int fd)
{
    feed_lock(f);
    struct feed_worker *w = choose_worker(f, to);
    enum code code = w ? check_caps(f, a) : CODE_NO_WORKER;
    code = code == CODE_OK ? check_topic(f, a) : code;
    bool was_empty = w != NULL && w->q.len == 0; /* a new slot may put frames of its own first */
    uint32_t slot = 0;
    if (code == CODE_OK && a->user_id != 0) {
        /* The door has checked this before; a revocation may have been published since. */
        code = cache_token_state(f->cache, a->user_id, a->family, stamp_us);
        slot = code == CODE_OK ? feed_give_slot(f, w, a->user_id) : 0;
        if (code == CODE_OK && slot == 0) {
            code = CODE_TOO_MANY_CONNECTIONS;
        }
    }
    if (code == CODE_OK) {
        put_adopt(f, w, a, slot, fd);
        feed_appended(f, w, was_empty);
    }
    feed_unlock(f);
    return code;
}

/* -- what the worker says of them ----------------------------------------------------------------- */

enum rc feed_on_adopt_answer(struct feed *f, struct feed_worker *w, const struct link_frame *frame)
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
        feed_session_closes(f, w, found.slot, found.peer_key);
        feed_topic_closes(f, w, found.topic);
    }
    feed_unlock(f);
    if (found.fd < 0) {
        return RC_PROTOCOL;
    }
    feed_give_back(f, found.fd, code);
    return RC_OK;
}

void feed_give_back(struct feed *f, int fd, enum code code)
{
    if (f->adopt_done != NULL) {
        f->adopt_done(f->adopt_ctx, fd, code);
    }
}

/* The slot is free for somebody else, who must find nothing of this user in it. */
static void user_goes(struct feed *f, struct feed_worker *w, uint32_t slot)
{
    bool was_empty = w->q.len == 0;
    struct slot *s = &w->slots[slot];
    feed_sessions_down(f, s->user_id, s->sessions, false);
    cache_rdlock(f->cache);
    feed_sets_user(f, w, s->user, false);
    cache_unlock(f->cache);
    presence_gone(f->presence, s->user_id, w->serial);
    feed_free_slot(w, slot);
    if (w->q.len > 0) {
        feed_appended(f, w, was_empty);
    }
}

enum rc feed_on_gone(struct feed *f, struct feed_worker *w, struct str body)
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
        user_goes(f, w, slot);
    }
    feed_unlock(f);
    return rc;
}

#define CLOSED_MAX 4096

enum rc feed_on_closed(struct feed *f, struct feed_worker *w, struct str body)
{
    struct link_closed closed[CLOSED_MAX];
    uint16_t count = 0;
    enum rc rc = link_get_session_closed(body, closed, CLOSED_MAX, &count);
    if (rc != RC_OK) {
        return rc;
    }
    feed_lock(f);
    for (uint16_t i = 0; i < count && rc == RC_OK; i++) {
        if (closed[i].slot >= w->slots_count) {
            rc = RC_PROTOCOL;
        } else {
            feed_session_closes(f, w, closed[i].slot, closed[i].peer_key);
        }
    }
    feed_unlock(f);
    return rc;
}
