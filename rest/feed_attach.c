/*
 * Replay: a session with a cursor pulls what it missed, then goes live at a known place.
 *
 * Everything newer than the ring's first event comes from memory; what is older is read on the pool in
 * one query for the references, and rendered chunk by chunk. The last chunk and LIVE are written under
 * the feed lock, so the next event of the stream is the next one for the session.
 */
#include <stdlib.h>

#include "rest/event_fill.h"
#include "rest/feed_int.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/mem.h"

static struct attach *find(struct feed_worker *w, uint64_t session)
{
    for (uint32_t i = 0; i < w->attaches_count; i++) {
        if (w->attaches[i]->session == session) {
            return w->attaches[i];
        }
    }
    return NULL;
}

static void attach_free(struct attach *a)
{
    free(a->refs);
    free(a);
}

void feed_attach_drop(struct feed_worker *w, uint64_t session)
{
    for (uint32_t i = 0; i < w->attaches_count; i++) {
        if (w->attaches[i]->session == session) {
            attach_free(w->attaches[i]);
            w->attaches[i] = w->attaches[--w->attaches_count];
            return;
        }
    }
}

void feed_attach_release(struct feed_worker *w)
{
    for (uint32_t i = 0; i < w->attaches_count; i++) {
        attach_free(w->attaches[i]);
    }
    free(w->attaches);
}

#define ATTACH_IDLE_MS 60000

/* Sessions that closed in the middle of catching up never pull again. */
static void drop_idle(struct feed_worker *w, uint64_t now)
{
    for (uint32_t i = 0; i < w->attaches_count;) {
        struct attach *a = w->attaches[i];
        if (!a->busy && now > a->asked_ms + ATTACH_IDLE_MS) {
            attach_free(a);
            w->attaches[i] = w->attaches[--w->attaches_count];
        } else {
            i++;
        }
    }
}

static struct attach *add(struct feed_worker *w, const struct link_attach *m, uint64_t user_id)
{
    feed_attach_drop(w, m->session);
    if (w->attaches_count == w->attaches_room) {
        drop_idle(w, mono_ms());
    }
    if (w->attaches_count == w->attaches_room) {
        w->attaches_room = w->attaches_room ? w->attaches_room * 2 : 16;
        w->attaches = mem_grow(w->attaches, w->attaches_room, sizeof(w->attaches[0]));
    }
    struct attach *a = mem_new(sizeof(*a));
    a->session = m->session;
    a->generation = m->generation;
    a->user_id = user_id;
    a->cursor = m->since;
    a->asked_ms = mono_ms();
    w->attaches[w->attaches_count++] = a;
    return a;
}

static void put_gap(struct feed *f, struct feed_worker *w, uint64_t session, uint32_t generation,
                    enum link_gap_reason reason)
{
    bool was_empty = w->q.len == 0;
    link_put_gap(&w->q, session, generation, atomic_load(&f->published), (uint8_t)reason);
    feed_appended(f, w, was_empty);
    metric_add(METRIC_FEED_GAPS, 1);
}

/* -- from the ring ---------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool visible(const struct cache_member *m, const struct ring_entry *e)
{
    return !event_is_message(e->kind) || e->seq > m->joined_seq;
}

/* Ids of the ring's events for the user after `after`, rising. */
static void collect(const struct feed *f, uint32_t user, uint64_t after, struct buf *ids)
{
    const struct cache_user *u = cache_user(f->cache, user);
    for (uint32_t i = 0; i < u->chats_count; i++) {
        const struct cache_chat *chat = cache_chat(f->cache, u->chats[i]);
        const struct cache_member *m = chat ? cache_member(chat, user) : NULL;
        uint64_t id = m && chat->last_event > after ? chat->last_event : 0;
        for (const struct ring_entry *e = ring_at(&f->ring, id); e != NULL && e->id > after;
             e = ring_at(&f->ring, e->prev_in_chat)) {
            if (visible(m, e)) {
                buf_add(ids, &e->id, sizeof(e->id));
            }
        }
    }
    for (size_t i = f->ring.own_first; i < f->ring.own_count && u->last_event > after; i++) {
        const struct own_event *own = &f->ring.own[i];
        if (own->user == user && own->event_id > after) {
            buf_add(ids, &own->event_id, sizeof(own->event_id));
        }
    }
    if (ids->len > 0) {
        qsort(ids->p, ids->len / sizeof(uint64_t), sizeof(uint64_t), by_id);
    }
}

/*
 * What happened in a chat before the user joined it (again) is not for the user: going back from the
 * newest event, everything of a chat behind one's own joining is dropped, but for one's own removal.
 */
struct joinings {
    struct map64 chats; /* whose joining has been seen */
};

static bool before_joining(struct joinings *j, uint64_t me, uint8_t kind, uint64_t chat_id,
                           uint64_t subject_id)
{
    uint32_t seen = 0;
    if (chat_id == 0 || (kind == EV_MEMBER_REMOVED && subject_id == me)) {
        return false;
    }
    if (map64_get(&j->chats, chat_id, &seen)) {
        return true;
    }
    if (kind == EV_MEMBER_ADDED && subject_id == me) {
        map64_put(&j->chats, chat_id, 1);
    }
    return false;
}

/* Sorted ids without doubles (an own event may also be the chat's) and without what was before a joining. */
static size_t select_ids(const struct feed *f, uint64_t me, uint64_t *ids, size_t count)
{
    struct joinings j = {MAP64_INIT};
    size_t kept = count; /* filled from the end */
    for (size_t i = count; i-- > 0;) {
        const struct ring_entry *e = ring_at(&f->ring, ids[i]);
        bool twice = i + 1 < count && kept < count && ids[kept] == ids[i];
        if (e != NULL && !twice && !before_joining(&j, me, e->kind, e->chat_id, e->subject_id)) {
            ids[--kept] = ids[i];
        }
    }
    map64_release(&j.chats);
    memmove(ids, ids + kept, (count - kept) * sizeof(ids[0]));
    return count - kept;
}

/* Where each message's newest event is: replay shows messages as they are now, as the database would. */
static void find_newest(const struct feed *f, const uint64_t *ids, size_t count, struct map64 *newest)
{
    for (size_t i = 0; i < count; i++) {
        const struct ring_entry *e = ring_at(&f->ring, ids[i]);
        if (event_is_message(e->kind)) {
            map64_put(newest, map64_hash_pair(e->chat_id, e->seq), (uint32_t)i);
        }
    }
}

static void add_as_now(const struct ring_entry *e, const struct ring_entry *now, struct buf *events)
{
    struct rd then_bytes = rd_of(e->bytes, e->len), now_bytes = rd_of(now->bytes, now->len);
    struct event then, last;
    if (e == now || event_decode(&then_bytes, &then) != RC_OK ||
        event_decode(&now_bytes, &last) != RC_OK) {
        buf_add(events, e->bytes, e->len);
        return;
    }
    then.content = last.content;
    then.message_flags = last.message_flags;
    then.version = last.version;
    event_encode(events, &then);
}

/* Encoded events of the first `take` ids. */
static void gather(const struct feed *f, const uint64_t *ids, size_t count, size_t take, struct buf *events)
{
    struct map64 newest = MAP64_INIT;
    find_newest(f, ids, count, &newest);
    for (size_t i = 0; i < take; i++) {
        const struct ring_entry *e = ring_at(&f->ring, ids[i]);
        uint32_t at = (uint32_t)i;
        if (event_is_message(e->kind)) {
            (void)map64_get(&newest, map64_hash_pair(e->chat_id, e->seq), &at);
        }
        add_as_now(e, ring_at(&f->ring, ids[at]), events);
    }
    map64_release(&newest);
}

/* The next chunk from the ring, and LIVE when it is the last. */
static void from_ring(struct feed *f, struct feed_worker *w, struct attach *a)
{
    struct buf ids = BUF_INIT, events = BUF_INIT;
    uint64_t published = atomic_load(&f->published);
    cache_rdlock(f->cache);
    uint32_t user = cache_user_index(f->cache, a->user_id);
    if (user != CACHE_NONE) {
        collect(f, user, a->cursor, &ids);
    }
    cache_unlock(f->cache);
    uint64_t *list = (uint64_t *)(void *)ids.p;
    size_t total = select_ids(f, a->user_id, list, ids.len / sizeof(list[0]));
    if (total > f->conf.replay_max_events) {
        put_gap(f, w, a->session, a->generation, LINK_GAP_TOO_MUCH);
        feed_attach_drop(w, a->session);
        buf_release(&ids);
        return;
    }
    bool last = total <= f->conf.replay_chunk_events;
    size_t take = last ? total : f->conf.replay_chunk_events;
    bool was_empty = w->q.len == 0;
    if (take > 0) {
        gather(f, list, total, take, &events);
        a->cursor = list[take - 1];
        link_put_chunk(&w->q, a->session, a->generation, (uint16_t)take, a->cursor, buf_str(&events));
        metric_add(METRIC_FEED_REPLAYED, (int64_t)take);
    }
    if (last) {
        link_put_live(&w->q, a->session, a->generation, published);
        feed_attach_drop(w, a->session);
    }
    feed_appended(f, w, was_empty);
    buf_release(&ids);
    buf_release(&events);
}

/* -- from the database -------------------------------------------------------------------------------- */

struct replay { /* one job of the read pool */
    struct feed *f;
    uint16_t worker;
    uint64_t incarnation;
    uint64_t session, user_id, after, upto;
    uint32_t generation;
    uint64_t *chats; /* whose events to read */
    uint32_t chats_count;
    struct row_event *refs; /* read, or to be rendered */
    uint32_t refs_count, refs_room;
    bool failed;
    struct buf texts; /* rendered messages */
    struct row_message *messages;
    uint32_t messages_count;
};

static void replay_free(struct replay *r)
{
    free(r->chats);
    free(r->refs);
    for (uint32_t i = 0; i < r->messages_count; i++) {
        free((char *)(uintptr_t)r->messages[i].kind.p);
        free((char *)(uintptr_t)r->messages[i].content.p);
    }
    free(r->messages);
    buf_release(&r->texts);
    free(r);
}

static void on_ref(void *ctx, const struct row_event *e)
{
    struct replay *r = ctx;
    if (r->refs_count == r->refs_room) {
        r->refs_room = r->refs_room ? r->refs_room * 2 : 256;
        r->refs = mem_grow(r->refs, r->refs_room, sizeof(r->refs[0]));
    }
    r->refs[r->refs_count++] = *e;
}

static void on_message(void *ctx, const struct row_message *m)
{
    struct replay *r = ctx;
    struct row_message *copy = &r->messages[r->messages_count++];
    *copy = *m;
    copy->kind = (struct str){mem_copy(m->kind.p, m->kind.len), m->kind.len};
    copy->content = (struct str){mem_copy(m->content.len ? m->content.p : "", m->content.len), m->content.len};
}

static const struct row_message *message_at(const struct replay *r, const struct row_event *e)
{
    for (uint32_t i = 0; event_is_message(e->kind) && i < r->messages_count; i++) {
        if (r->messages[i].chat_id == e->chat_id && r->messages[i].seq == e->seq) {
            return &r->messages[i];
        }
    }
    return NULL;
}

/* The session's state, if it still waits for this job. */
static struct attach *still_wanted(struct replay *r, struct feed_worker **w)
{
    *w = feed_find_worker(r->f, r->worker, r->incarnation);
    struct attach *a = *w ? find(*w, r->session) : NULL;
    if (a == NULL || a->generation != r->generation) {
        return NULL;
    }
    a->busy = false;
    return a;
}

static bool row_visible(const struct feed *f, uint32_t user, const struct row_event *e)
{
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, e->chat_id));
    const struct cache_member *m = chat && user != CACHE_NONE ? cache_member(chat, user) : NULL;
    return m == NULL || !event_is_message(e->kind) || e->seq > m->joined_seq;
}

static uint16_t render(struct replay *r, struct buf *events)
{
    uint16_t n = 0;
    struct feed *f = r->f;
    cache_rdlock(f->cache);
    uint32_t user = cache_user_index(f->cache, r->user_id);
    for (uint32_t i = 0; i < r->refs_count; i++) {
        const struct row_message *m = message_at(r, &r->refs[i]);
        struct event e;
        if ((event_is_message(r->refs[i].kind) && m == NULL) || !row_visible(f, user, &r->refs[i])) {
            continue;
        }
        event_fill(f->cache, &r->refs[i], m, &e);
        event_encode(events, &e);
        n++;
    }
    cache_unlock(f->cache);
    return n;
}

static void send_chunk(struct replay *r, struct feed_worker *w, struct attach *a)
{
    struct buf events = BUF_INIT;
    bool was_empty = w->q.len == 0;
    uint16_t n = render(r, &events);
    a->cursor = r->refs[r->refs_count - 1].id;
    link_put_chunk(&w->q, a->session, a->generation, n, a->cursor, buf_str(&events));
    feed_appended(r->f, w, was_empty);
    metric_add(METRIC_FEED_REPLAYED, n);
    buf_release(&events);
}

static void render_job(struct store *store, void *ctx)
{
    struct replay *r = ctx;
    struct chat_seq *at = mem_grow(NULL, r->refs_count, sizeof(at[0]));
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->refs_count; i++) {
        if (event_is_message(r->refs[i].kind)) {
            at[count++] = (struct chat_seq){r->refs[i].chat_id, r->refs[i].seq};
        }
    }
    r->messages = mem_new((size_t)(count + 1) * sizeof(r->messages[0]));
    enum store_rc rc = STORE_OK;
    if (store == NULL) {
        rc = STORE_LOST;
    } else if (count > 0) {
        rc = store_messages_at(store, at, count, on_message, r);
    }
    free(at);
    /* What was read may be newer than what is published: wait until it is not. */
    uint64_t newest = 0;
    for (uint32_t i = 0; i < r->messages_count; i++) {
        newest = r->messages[i].last_event > newest ? r->messages[i].last_event : newest;
    }
    bool shown = feed_wait_published(r->f, newest, mono_ms() + 5000);
    feed_lock(r->f);
    struct feed_worker *w = NULL;
    struct attach *a = still_wanted(r, &w);
    if (a != NULL && rc == STORE_OK && shown) {
        send_chunk(r, w, a);
    } else if (a != NULL) {
        put_gap(r->f, w, a->session, a->generation, LINK_GAP_TOO_MUCH);
        feed_attach_drop(w, r->session);
    }
    feed_unlock(r->f);
    replay_free(r);
}

static struct replay *replay_new(struct feed *f, const struct feed_worker *w, const struct attach *a)
{
    struct replay *r = mem_new(sizeof(*r));
    r->f = f;
    r->worker = w->number;
    r->incarnation = w->incarnation;
    r->session = a->session;
    r->generation = a->generation;
    r->user_id = a->user_id;
    return r;
}

static void submit(struct feed *f, struct feed_worker *w, struct attach *a, struct replay *r,
                   dbpool_job job)
{
    a->busy = true;
    if (dbpool_submit(f->svc->dbpool, job, r) != RC_OK) {
        put_gap(f, w, a->session, a->generation, LINK_GAP_TOO_MUCH);
        feed_attach_drop(w, a->session);
        replay_free(r);
    }
}

/* Render the next references; the lock is held. */
static void next_chunk(struct feed *f, struct feed_worker *w, struct attach *a)
{
    uint32_t left = a->refs_count - a->refs_at;
    uint32_t take = left < f->conf.replay_chunk_events ? left : (uint32_t)f->conf.replay_chunk_events;
    struct replay *r = replay_new(f, w, a);
    r->refs = mem_grow(NULL, take, sizeof(r->refs[0]));
    memcpy(r->refs, a->refs + a->refs_at, take * sizeof(r->refs[0]));
    r->refs_count = take;
    a->refs_at += take;
    submit(f, w, a, r, render_job);
}

static void go_on(struct feed *f, struct feed_worker *w, struct attach *a);

static uint32_t select_refs(uint64_t me, struct row_event *refs, uint32_t count)
{
    struct joinings j = {MAP64_INIT};
    uint32_t kept = count;
    for (uint32_t i = count; i-- > 0;) {
        if (!before_joining(&j, me, refs[i].kind, refs[i].chat_id, refs[i].subject_id)) {
            refs[--kept] = refs[i];
        }
    }
    map64_release(&j.chats);
    memmove(refs, refs + kept, (count - kept) * sizeof(refs[0]));
    return count - kept;
}

static void refs_job(struct store *store, void *ctx)
{
    struct replay *r = ctx;
    struct feed *f = r->f;
    uint64_t max = f->conf.replay_max_events;
    enum store_rc rc = store == NULL ? STORE_LOST
                                     : store_replay(store, r->chats, r->chats_count, r->user_id, r->after,
                                                    r->upto, (unsigned)max + 1, on_ref, r);
    feed_lock(f);
    struct feed_worker *w = NULL;
    struct attach *a = still_wanted(r, &w);
    if (a != NULL && rc == STORE_OK && r->refs_count == 0) {
        a->cursor = r->upto; /* nothing in it was for this user */
        go_on(f, w, a);
    } else if (a != NULL && rc == STORE_OK && r->refs_count <= max) {
        a->refs = r->refs;
        a->refs_count = select_refs(r->user_id, r->refs, r->refs_count);
        a->refs_at = 0;
        r->refs = NULL;
        a->upto = r->upto;
        go_on(f, w, a);
    } else if (a != NULL) {
        put_gap(f, w, a->session, a->generation, LINK_GAP_TOO_MUCH);
        feed_attach_drop(w, a->session);
    }
    feed_unlock(f);
    replay_free(r);
}

/* Which of the user's chats have changed since the cursor; those only are asked for. */
static void read_refs(struct feed *f, struct feed_worker *w, struct attach *a)
{
    struct replay *r = replay_new(f, w, a);
    r->after = a->cursor;
    r->upto = atomic_load(&f->published);
    cache_rdlock(f->cache);
    const struct cache_user *u = cache_user(f->cache, cache_user_index(f->cache, a->user_id));
    r->chats = mem_new((size_t)((u ? u->chats_count : 0) + 1) * sizeof(r->chats[0]));
    for (uint32_t i = 0; u != NULL && i < u->chats_count; i++) {
        const struct cache_chat *chat = cache_chat(f->cache, u->chats[i]);
        if (chat != NULL && chat->last_event > a->cursor) {
            r->chats[r->chats_count++] = chat->id;
        }
    }
    bool changed = r->chats_count > 0 || (u != NULL && u->last_event > a->cursor);
    cache_unlock(f->cache);
    if (!changed) {
        replay_free(r);
        a->cursor = atomic_load(&f->published);
        from_ring(f, w, a);
        return;
    }
    submit(f, w, a, r, refs_job);
}

/* Whatever comes next for the session. */
static void go_on(struct feed *f, struct feed_worker *w, struct attach *a)
{
    if (a->refs != NULL && a->refs_at < a->refs_count) {
        next_chunk(f, w, a);
        return;
    }
    if (a->refs != NULL) {
        free(a->refs);
        a->refs = NULL;
        a->cursor = a->upto;
    }
    if (a->cursor + 1 >= f->ring.first) {
        from_ring(f, w, a);
    } else {
        read_refs(f, w, a);
    }
}

/* -- asked by the worker ------------------------------------------------------------------------------ */

void feed_attach_begin(struct feed *f, struct feed_worker *w, const struct link_attach *m)
{
    uint64_t published = atomic_load(&f->published);
    uint64_t user_id = m->slot < w->slots_count ? w->slots[m->slot].user_id : 0;
    if (m->since_log != (uint32_t)(f->log_id >> 32)) {
        put_gap(f, w, m->session, m->generation, LINK_GAP_OTHER_LOG);
    } else if (m->since > published) {
        put_gap(f, w, m->session, m->generation, LINK_GAP_FUTURE);
    } else if (m->since < f->trimmed_to) {
        put_gap(f, w, m->session, m->generation, LINK_GAP_TRIMMED);
    } else if (user_id != 0) {
        go_on(f, w, add(w, m, user_id));
    }
}

void feed_attach_pull(struct feed *f, struct feed_worker *w, uint64_t session, uint32_t generation)
{
    struct attach *a = find(w, session);
    if (a != NULL && a->generation == generation && !a->busy) {
        a->asked_ms = mono_ms();
        go_on(f, w, a);
    }
}
