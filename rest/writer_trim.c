/*
 * What has outlived its use goes, a piece at a time, so that no command waits long for its turn.
 *
 * Notifications are looked through user by user. An old one that is unread is deleted as its user would delete it: the
 * event lowers the count, tells his sockets and reaches those who resume; its row goes with the event. An old one that is
 * read changes no count, so it just goes, once no event in the log speaks of it. A broadcast is no user's own: it goes
 * without an event for each of them, and their next count is without it.
 */
#include <stdlib.h>

#include "rest/cache_write.h"
#include "rest/writer_int.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

#define EVENTS_PIECE      20000
#define EVENTS_PIECE_BUSY 1000
#define AGAIN_MS          1000
#define PROBE_USERS       64 /* looked at in one statement */
#define PROBES_MAX        16

static void again_soon(struct writer *w)
{
    w->trim_due_ms = mono_ms() + AGAIN_MS;
}

/* -- events ---------------------------------------------------------------------------------------------- */

static void on_time(void *ctx, const struct row_event *e)
{
    *(uint64_t *)ctx = e->at_us;
}

/* The newest event older than the limit: times rise with ids, so it is found by halving. */
static enum store_rc find_old(struct writer *w, uint64_t before_us, uint64_t *upto)
{
    uint64_t low = w->head_row.trimmed_to, high = w->head_row.next_event - 1;
    while (low < high) {
        uint64_t mid = low + (high - low + 1) / 2, at_us = before_us;
        enum store_rc rc = store_load_events(w->store, mid - 1, high, 1, on_time, &at_us);
        if (rc != STORE_OK) {
            return rc;
        }
        if (at_us < before_us) {
            low = mid;
        } else {
            high = mid - 1;
        }
    }
    *upto = low;
    return STORE_OK;
}

/* Events after the checkpoint say whose notifications a start has to count anew, so they stay until the next one. */
static bool has_checkpoint(struct writer *w, uint64_t upto)
{
    if (w->dirty_count > 0 && upto > w->head_row.checkpoint) {
        w->checkpoint_due_ms = 0;
        writer_process(w, NULL, 0);
    }
    return w->store != NULL && (w->dirty_count == 0 || upto <= w->head_row.checkpoint);
}

static void trim_events(struct writer *w, uint64_t before_us, bool busy)
{
    uint64_t upto = 0, piece = busy ? EVENTS_PIECE_BUSY : EVENTS_PIECE;
    if (find_old(w, before_us, &upto) != STORE_OK) {
        return;
    }
    if (upto > w->head_row.trimmed_to + piece) {
        upto = w->head_row.trimmed_to + piece;
        again_soon(w);
    }
    if (upto <= w->head_row.trimmed_to || !has_checkpoint(w, upto)) {
        return;
    }
    feed_trimmed(w->feed, upto); /* clients learn of the gap before the rows go */
    if (store_trim(w->store, w->head_row.epoch, upto) == STORE_OK) {
        w->head_row.trimmed_to = upto;
        log_info("log_trimmed", "upto=%llu", (unsigned long long)upto);
    }
}

/* -- notifications ----------------------------------------------------------------------------------------- */

struct piece {
    const struct writer *w;
    uint64_t before_us, read_all_id;
    struct job *unread; /* its list is what is to be deleted */
    struct note_key *gone;
    unsigned gone_count, rows, room; /* looked at; room: as many at most */
    uint64_t last_id;
    bool too_new;
};

static void add_unread(struct job *j, const struct row_note *n, unsigned room)
{
    if (j->seen == NULL) {
        j->seen = mem_grow(NULL, room, sizeof(j->seen[0]));
    }
    j->seen[j->seen_count++] = (struct note_key){n->user_id, n->id};
}

static void on_old(void *ctx, const struct row_note *n)
{
    struct piece *p = ctx;
    p->rows++;
    p->too_new = p->too_new || n->created_us >= p->before_us;
    if (p->too_new) {
        return;
    }
    p->last_id = n->id;
    if (n->read_us == 0 && n->deleted_us == 0 && n->id > p->read_all_id) {
        add_unread(p->unread, n, p->room);
    } else if (n->last_event <= p->w->head_row.trimmed_to) {
        p->gone[p->gone_count++] = (struct note_key){n->user_id, n->id};
    }
}

/* false: there is more of this user's, but not in this piece, or the database does not answer. */
static bool read_user(struct writer *w, struct piece *p)
{
    const struct cache_user *u = cache_user(w->cache, w->note_user - 1);
    unsigned left = p->room - p->rows, before = p->rows;
    p->read_all_id = u->read_all_id;
    p->too_new = false;
    p->last_id = w->note_after;
    if (left == 0 || store_notes_after(w->store, u->id, w->note_after, left, on_old, p) != STORE_OK) {
        return false;
    }
    w->note_after = p->last_id;
    return p->too_new || p->rows - before < left;
}

struct probe {
    uint64_t before_us, ids[PROBE_USERS];
    bool old[PROBE_USERS];
    unsigned count;
};

static void on_first(void *ctx, const struct row_note *n)
{
    struct probe *p = ctx;
    for (unsigned i = 0; i < p->count; i++) {
        p->old[i] = p->old[i] || (p->ids[i] == n->user_id && n->created_us < p->before_us);
    }
}

/* The next users, as many as one statement takes. false: the piece is full. */
static bool look_at_users(struct writer *w, struct piece *p)
{
    struct probe probe = {.before_us = p->before_us};
    uint32_t first = w->note_user - 1, users = cache_users_count(w->cache);
    while (probe.count < PROBE_USERS && first + probe.count < users) {
        probe.ids[probe.count] = cache_user(w->cache, first + probe.count)->id;
        probe.count++;
    }
    if (store_first_notes(w->store, probe.ids, probe.count, on_first, &probe) != STORE_OK) {
        return false;
    }
    for (unsigned i = 0; i < probe.count; i++) {
        if (probe.old[i] && !read_user(w, p)) {
            return false;
        }
        w->note_user++;
        w->note_after = 0;
    }
    return true;
}

static void delete_unread(struct writer *w, struct job *j)
{
    unsigned count = j->seen_count;
    j->answered = true; /* nobody waits for it */
    writer_process(w, &j, 1);
    log_info("notifications_expired", "unread=%u", count);
}

static void trim_notes(struct writer *w, uint64_t before_us)
{
    struct job *j = job_new(&(struct cmd){.kind = CMD_NOTIFICATIONS_TRIM}, NULL, NULL, 0);
    if (j == NULL) {
        return;
    }
    struct piece p = {.w = w, .before_us = before_us, .unread = j, .room = (unsigned)w->conf->notify_chunk_rows};
    p.gone = mem_grow(NULL, p.room, sizeof(p.gone[0]));
    bool more = true;
    for (unsigned i = 0; i < PROBES_MAX && more && w->note_user <= cache_users_count(w->cache); i++) {
        more = look_at_users(w, &p);
    }
    if (p.gone_count > 0 && store_drop_notes(w->store, w->head_row.epoch, p.gone, p.gone_count) == STORE_OK) {
        log_info("notifications_trimmed", "rows=%u", p.gone_count);
    }
    free(p.gone);
    if (w->note_user <= cache_users_count(w->cache)) {
        again_soon(w);
    } else {
        w->note_user = 0;
        w->note_due_ms = mono_ms() + w->conf->trim_every_ms;
    }
    if (j->seen_count > 0) {
        delete_unread(w, j);
    } else {
        job_free(j);
    }
}

/* -- broadcasts ---------------------------------------------------------------------------------------------- */

static void on_broadcast(void *ctx, const struct row_note *n)
{
    *(struct row_note *)ctx = *n;
}

static void on_mark(void *ctx, const struct row_note *m)
{
    buf_add_be64(ctx, m->user_id);
}

static void lower_mark(struct cache *c, uint64_t user_id, uint64_t broadcast)
{
    uint32_t index = cache_user_index(c, user_id);
    const struct cache_user *u = cache_user(c, index);
    if (u != NULL && u->notes_marked > 0 && broadcast > u->read_all_id) {
        cache_set_notes(c, index, u->read_all_id, u->notes_unread, u->notes_marked - 1);
    }
}

/* It counts no more, nor do its marks; then its row goes. If that fails it comes again, and counts nothing. */
static enum store_rc drop_broadcast(struct writer *w, uint64_t id)
{
    struct buf marks = BUF_INIT;
    enum store_rc rc = store_note_marks(w->store, id, on_mark, &marks);
    if (rc == STORE_OK && cache_has_broadcast(w->cache, id)) {
        struct rd users = rd_of(marks.p, marks.len);
        cache_wrlock(w->cache);
        cache_drop_broadcast(w->cache, id);
        while (users.left > 0) {
            lower_mark(w->cache, rd_be64(&users), id);
        }
        cache_unlock(w->cache);
    }
    buf_release(&marks);
    return rc == STORE_OK ? store_drop_notes(w->store, w->head_row.epoch, &(struct note_key){0, id}, 1) : rc;
}

/* The oldest one, if its time has come. */
static void trim_broadcast(struct writer *w, uint64_t before_us)
{
    struct row_note n = {0};
    bool more = false;
    enum store_rc rc = store_notes_after(w->store, 0, 0, 1, on_broadcast, &n);
    if (rc == STORE_OK && n.id != 0 && n.created_us < before_us && n.id <= w->head_row.trimmed_to) {
        if (drop_broadcast(w, n.id) == STORE_OK) {
            log_info("broadcast_trimmed", "id=%llu", (unsigned long long)n.id);
            again_soon(w);
        }
        return;
    }
    /* Marks are deleted behind the broadcasts; without any broadcast they are all of the past. */
    uint64_t upto = n.id != 0 ? n.id - 1 : w->head_row.trimmed_to;
    if (rc == STORE_OK && store_forget_marks(w->store, upto, &more) == STORE_OK) {
        if (more) {
            again_soon(w);
        } else {
            w->note_user = 1;
            w->note_after = 0;
        }
    }
}

/* -- everything ------------------------------------------------------------------------------------------------ */

/* A retry later than any cursor can be resumed is a new command; a login is of no use once it has expired. */
static void forget(struct writer *w, uint64_t before_us)
{
    bool more = false;
    if (store_forget(w->store, before_us, wall_s(), &more) == STORE_OK && more) {
        again_soon(w);
    }
}

static void forget_checkins(struct writer *w, uint64_t before_us)
{
    bool more = false;
    if (store_forget_checkins(w->store, before_us, &more) == STORE_OK && more) {
        again_soon(w);
    }
}

/* Logins that have ended by themselves, and revocations that no access token can outlive. */
static void forget_logins(struct writer *w)
{
    uint64_t now_s = wall_s(), keep_s = w->conf->access_ttl_ms / 1000 + 60;
    families_expire(w->decider.families, now_s);
    cache_wrlock(w->cache);
    cache_trim_revoked(w->cache, now_s > keep_s ? now_s - keep_s : 0);
    cache_unlock(w->cache);
}

/* What is kept that long is older than this, or new. */
static uint64_t before(uint64_t keep_ms)
{
    uint64_t now_us = wall_us();
    return keep_ms * 1000 < now_us ? now_us - keep_ms * 1000 : 0;
}

void writer_trim(struct writer *w, bool busy)
{
    uint64_t events_us = before(w->conf->events_keep_ms), notes_us = before(CONF_NOW(w->conf->notifications_keep_ms)),
             checkins_us = before(CONF_NOW(w->conf->checkins_keep_ms));
    forget_logins(w);
    forget(w, events_us);
    forget_checkins(w, checkins_us < events_us ? checkins_us : events_us); /* while the log speaks of them they stay */
    trim_events(w, events_us, busy);
    if (w->store == NULL || w->gave_up) {
        return;
    }
    if (w->note_user == 0 && mono_ms() >= w->note_due_ms) {
        trim_broadcast(w, notes_us);
    }
    if (w->note_user > 0) {
        trim_notes(w, notes_us);
    }
}
