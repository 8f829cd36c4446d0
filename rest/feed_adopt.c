/* The hand-over of connections, and counting them. */
#include <stdlib.h>

#include "rest/feed_int.h"
#include "shared/mem.h"

uint32_t feed_counted(const struct map64 *m, uint64_t key)
{
    uint32_t n = 0;
    return key != 0 && map64_get(m, key, &n) ? n : 0;
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
        feed_use_slot(w, slot, user_id, user);
        join_sets(f, w, user, slot);
    }
    cache_unlock(f->cache);
    return slot;
}

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
    if (feed_counted(&f->peers, a->peer_key) >= f->conf.address_connections_max ||
        feed_counted(&f->user_sessions, a->user_id) >= f->conf.user_connections_max) {
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
        feed_count(&f->user_sessions, w->slots[slot].user_id, -(int)w->slots[slot].sessions);
        feed_free_slot(w, slot);
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
    for (uint16_t i = 0; i < count; i++) {
        count_session(f, w, closed[i].slot < w->slots_count ? closed[i].slot : 0, closed[i].peer_key, -1);
    }
    feed_unlock(f);
    return RC_OK;
}
