/*
 * Replay from the database: one query for the references of everything that was missed, which the session
 * keeps, then the messages they speak of chunk by chunk. Both run on the read pool, so between two steps
 * the session, its worker and the ring may have gone on or away.
 *
 * After an outage everybody comes at once, and waits in the pool's queue for replays. Jobs there are small: what
 * depends on the caches is looked up when their turn has come. When all the references that are kept become too
 * many, a session gets its chunk at once and looks for references again afterwards: slower, but no gap.
 */
#include <stdlib.h>

#include "rest/event_fill.h"
#include "rest/feed_int.h"
#include "rest/metrics.h"
#include "rest/note_text.h"
#include "shared/clock.h"
#include "shared/mem.h"

struct replay { /* one job of the read pool */
    struct feed *f;
    uint16_t worker;
    uint64_t incarnation;
    uint64_t session, serial; /* of the attach that waits */
    uint64_t user_id, after, upto;
    uint64_t *chats; /* whose events to read */
    uint32_t chats_count;
    struct row_event *refs; /* read, or to be rendered */
    uint32_t refs_count, refs_room;
    bool is_rest; /* behind these there are no others up to upto */
    uint64_t max; /* references */
    struct row_message *messages;
    uint32_t messages_count;
    struct row_note *notes;
    uint32_t notes_count;
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
    for (uint32_t i = 0; i < r->notes_count; i++) {
        note_free_texts(&r->notes[i]);
    }
    free(r->notes);
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

static void on_note(void *ctx, const struct row_note *n)
{
    struct replay *r = ctx;
    note_copy(&r->notes[r->notes_count++], n);
}

static const struct row_note *note_of(const struct replay *r, const struct row_event *e)
{
    for (uint32_t i = 0; e->kind == EV_NOTIFICATION && i < r->notes_count; i++) {
        if (r->notes[i].id == e->id) {
            return &r->notes[i];
        }
    }
    return NULL;
}

static const struct row_message *message_at(const struct replay *r, uint64_t chat_id, uint64_t seq)
{
    for (uint32_t i = 0; seq != 0 && i < r->messages_count; i++) {
        if (r->messages[i].chat_id == chat_id && r->messages[i].seq == seq) {
            return &r->messages[i];
        }
    }
    return NULL;
}

/* Sessions go and begin again while their jobs wait: the database is not asked for those. */
static bool is_waited_for(const struct replay *r)
{
    return feed_attach_is_waiting(r->f, r->worker, r->incarnation, r->session, r->serial);
}

/* The session's state, if it still waits for this job. */
static struct attach *still_wanted(struct replay *r, struct feed_worker **w)
{
    *w = feed_find_worker(r->f, r->worker, r->incarnation);
    return *w != NULL ? feed_attach_waiting(*w, r->session, r->serial) : NULL;
}

/* Of a chat that was left meanwhile only one's own leaving, and its end. */
static bool row_visible(const struct feed *f, const struct replay *r, uint32_t user, const struct row_event *e)
{
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, e->chat_id));
    const struct cache_member *m = chat && user != CACHE_NONE ? cache_member(chat, user) : NULL;
    if (e->chat_id == 0) {
        return true;
    }
    if (m == NULL) {
        return e->kind == EV_CHAT_DELETED || (e->kind == EV_MEMBER_REMOVED && e->subject_id == r->user_id);
    }
    return !event_is_message(e->kind) || e->seq > m->joined_seq;
}

/* What the event speaks of. false: that is not there any more, or not for this user. */
static bool find_rows(const struct replay *r, const struct cache_user *me, const struct row_event *e,
                      struct event_rows *rows)
{
    if (e->kind == EV_NOTIFICATION) {
        rows->note = note_of(r, e);
        if (rows->note == NULL || rows->note->deleted_us != 0 || me == NULL ||
            (rows->note->user_id == 0 && rows->note->created_us < me->created_us)) {
            return false;
        }
        if (note_message_visible(r->f->cache, me->id, rows->note->chat_id, rows->note->seq)) {
            rows->message = message_at(r, rows->note->chat_id, rows->note->seq);
        }
        return true;
    }
    rows->message = event_is_message(e->kind) ? message_at(r, e->chat_id, e->seq) : NULL;
    return rows->message != NULL || !event_is_message(e->kind);
}

/* The encoded events of the first references, as many as make a chunk. *used: how many references those are. */
static uint16_t render(struct replay *r, struct buf *events, uint32_t *used)
{
    uint16_t n = 0;
    uint32_t i = 0;
    struct feed *f = r->f;
    struct buf texts = BUF_INIT;
    cache_rdlock(f->cache);
    uint32_t user = cache_user_index(f->cache, r->user_id);
    for (; i < r->refs_count && events->len < FEED_CHUNK_MAX_BYTES; i++) {
        struct event_rows rows = {.texts = &texts};
        struct event e;
        if (!row_visible(f, r, user, &r->refs[i]) ||
            !find_rows(r, cache_user(f->cache, user), &r->refs[i], &rows)) {
            continue;
        }
        event_fill(f->cache, &r->refs[i], &rows, &e);
        event_encode(events, &e);
        n++;
    }
    cache_unlock(f->cache);
    buf_release(&texts);
    *used = i;
    return n;
}

static void send_chunk(struct replay *r, struct feed_worker *w, struct attach *a)
{
    struct buf events = BUF_INIT;
    bool was_empty = w->q.len == 0;
    uint32_t used = 0;
    uint16_t n = render(r, &events, &used);
    a->cursor = r->refs[used - 1].id;
    link_put_chunk(&w->q, a->session, a->generation, n, a->cursor, buf_str(&events));
    if (a->refs != NULL) {
        a->refs_at += used;
    } else if (r->is_rest && used == r->refs_count) {
        a->cursor = r->upto;
    }
    feed_appended(r->f, w, was_empty);
    metric_add(METRIC_FEED_REPLAYED, n);
    buf_release(&events);
}

/* Notifications first: some of them speak of messages. */
static enum store_rc read_notes(struct store *store, struct replay *r)
{
    struct note_key *keys = mem_grow(NULL, r->refs_count, sizeof(keys[0]));
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->refs_count; i++) {
        if (r->refs[i].kind == EV_NOTIFICATION) {
            keys[count++] = (struct note_key){r->user_id, r->refs[i].id};
        }
    }
    r->notes = mem_new((size_t)(count + 1) * sizeof(r->notes[0]));
    enum store_rc rc = count > 0 ? store_find_notes(store, keys, count, on_note, r) : STORE_OK;
    free(keys);
    return rc;
}

static enum store_rc read_messages(struct store *store, struct replay *r)
{
    struct chat_seq *at = mem_grow(NULL, r->refs_count + r->notes_count, sizeof(at[0]));
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->refs_count; i++) {
        if (event_is_message(r->refs[i].kind)) {
            at[count++] = (struct chat_seq){r->refs[i].chat_id, r->refs[i].seq};
        }
    }
    for (uint32_t i = 0; i < r->notes_count; i++) {
        if (r->notes[i].chat_id != 0) {
            at[count++] = (struct chat_seq){r->notes[i].chat_id, r->notes[i].seq};
        }
    }
    r->messages = mem_new((size_t)(count + 1) * sizeof(r->messages[0]));
    enum store_rc rc = count > 0 ? store_messages_at(store, at, count, on_message, r) : STORE_OK;
    free(at);
    return rc;
}

/* The texts of one chunk, which wait in memory, are bounded as well. */
static uint32_t chunk_refs(const struct feed *f, uint32_t left)
{
    uint64_t most = 1 + FEED_TEXTS_MAX_BYTES / f->svc->conf->content_max_bytes;
    most = most < f->conf.replay_chunk_events ? most : f->conf.replay_chunk_events;
    return left < most ? left : (uint32_t)most;
}

/* A copy of the next references of the session. false: it does not wait for them any more. */
static bool take_refs(struct replay *r)
{
    struct feed *f = r->f;
    feed_lock(f);
    struct feed_worker *w = feed_find_worker(f, r->worker, r->incarnation);
    const struct attach *a = w != NULL ? feed_attach_find(w, r->session) : NULL;
    bool waits = a != NULL && a->serial == r->serial && a->refs_at < a->refs_count;
    if (waits) {
        r->refs_count = chunk_refs(f, a->refs_count - a->refs_at);
        r->refs = mem_grow(NULL, r->refs_count, sizeof(r->refs[0]));
        memcpy(r->refs, a->refs + a->refs_at, r->refs_count * sizeof(r->refs[0]));
    }
    feed_unlock(f);
    return waits;
}

static void render_job(struct store *store, void *ctx)
{
    struct replay *r = ctx;
    if (r->refs == NULL && !take_refs(r)) {
        replay_free(r);
        return;
    }
    enum store_rc rc = store != NULL ? read_notes(store, r) : STORE_LOST;
    if (rc == STORE_OK) {
        rc = read_messages(store, r);
    }
    /* What was read may be newer than what is published: wait until it is not. */
    uint64_t newest = 0;
    for (uint32_t i = 0; i < r->messages_count; i++) {
        newest = r->messages[i].last_event > newest ? r->messages[i].last_event : newest;
    }
    for (uint32_t i = 0; i < r->notes_count; i++) {
        newest = r->notes[i].last_event > newest ? r->notes[i].last_event : newest;
    }
    bool shown = feed_wait_published(r->f, newest, mono_ms() + 5000);
    feed_lock(r->f);
    struct feed_worker *w = NULL;
    struct attach *a = still_wanted(r, &w);
    if (a != NULL && rc == STORE_OK && shown) {
        send_chunk(r, w, a);
    } else if (a != NULL) {
        feed_attach_gap(r->f, w, a, LINK_GAP_TOO_MUCH);
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
    r->serial = a->serial;
    r->user_id = a->user_id;
    return r;
}

static void submit(struct feed *f, struct feed_worker *w, struct attach *a, struct replay *r,
                   dbpool_job job)
{
    bool begun = a->begun;
    a->busy = a->begun = true;
    if (dbpool_submit_replay(f->svc->dbpool, begun, job, r) != RC_OK) {
        feed_attach_gap(f, w, a, LINK_GAP_TOO_MUCH);
        replay_free(r);
    }
}

void feed_attach_next_refs(struct feed *f, struct feed_worker *w, struct attach *a)
{
    submit(f, w, a, replay_new(f, w, a), render_job);
}

static uint32_t select_refs(uint64_t me, struct row_event *refs, uint32_t count)
{
    struct map64 j = MAP64_INIT;
    uint32_t kept = count;
    for (uint32_t i = count; i-- > 0;) {
        if (!feed_before_joining(&j, me, refs[i].kind, refs[i].chat_id, refs[i].subject_id)) {
            refs[--kept] = refs[i];
        }
    }
    map64_release(&j);
    if (kept > 0 && kept < count) {
        memmove(refs, refs + kept, (count - kept) * sizeof(refs[0]));
    }
    return count - kept;
}

/* References that wait are memory that slow clients hold: bounded over all of them. */
static bool keep_refs(struct feed *f, struct attach *a, struct replay *r)
{
    r->refs_count = select_refs(r->user_id, r->refs, r->refs_count);
    if (f->refs_total + r->refs_count > f->conf.replay_refs_max && r->refs_count > 0) {
        return false;
    }
    a->refs = r->refs;
    a->refs_count = r->refs_count;
    a->refs_at = 0;
    a->upto = r->upto;
    f->refs_total += r->refs_count;
    r->refs = NULL;
    return true;
}

/* Which of the user's chats have changed since the cursor; those only are asked for. */
static void list_chats(struct replay *r)
{
    struct feed *f = r->f;
    cache_rdlock(f->cache);
    const struct cache_user *u = cache_user(f->cache, cache_user_index(f->cache, r->user_id));
    r->chats = mem_new((size_t)((u ? u->chats_count : 0) + 1) * sizeof(r->chats[0]));
    for (uint32_t i = 0; u != NULL && i < u->chats_count; i++) {
        const struct cache_chat *chat = cache_chat(f->cache, u->chats[i]);
        if (chat != NULL && chat->last_event > r->after) {
            r->chats[r->chats_count++] = chat->id;
        }
    }
    cache_unlock(f->cache);
}

static enum store_rc read_refs(struct store *store, struct replay *r)
{
    r->upto = atomic_load(&r->f->published);
    if (store == NULL) {
        return STORE_LOST;
    }
    list_chats(r);
    return store_replay(store, r->chats, r->chats_count, r->user_id, r->after, r->upto, (unsigned)r->max + 1, on_ref, r);
}

/* They are not kept: the first chunk of them now, the others are looked for again. */
static void render_at_once(struct store *store, struct replay *r)
{
    uint32_t take = chunk_refs(r->f, r->refs_count);
    r->is_rest = take == r->refs_count;
    r->refs_count = take;
    render_job(store, r);
}

static void refs_job(struct store *store, void *ctx)
{
    struct replay *r = ctx;
    struct feed *f = r->f;
    bool too_many = false;
    if (!is_waited_for(r)) {
        replay_free(r);
        return;
    }
    enum store_rc rc = read_refs(store, r);
    feed_lock(f);
    struct feed_worker *w = NULL;
    struct attach *a = still_wanted(r, &w);
    if (a != NULL && r->after < f->trimmed_to) { /* rows may have gone while they were read */
        feed_attach_gap(f, w, a, LINK_GAP_TRIMMED);
    } else if (a != NULL && rc == STORE_OK && r->refs_count == 0) {
        a->cursor = r->upto; /* nothing in it was for this user */
        feed_attach_go_on(f, w, a);
    } else if (a != NULL && rc == STORE_OK && r->refs_count <= r->max) {
        too_many = !keep_refs(f, a, r);
        a->busy = too_many;
        if (!too_many) {
            feed_attach_go_on(f, w, a);
        }
    } else if (a != NULL) {
        feed_attach_gap(f, w, a, LINK_GAP_TOO_MUCH);
    }
    feed_unlock(f);
    if (too_many) {
        render_at_once(store, r);
    } else {
        replay_free(r);
    }
}

static bool has_missed_something(const struct feed *f, const struct attach *a)
{
    const struct cache_user *u = cache_user(f->cache, cache_user_index(f->cache, a->user_id));
    bool missed = (u != NULL && u->last_event > a->cursor) || cache_last_broadcast(f->cache) > a->cursor;
    for (uint32_t i = 0; u != NULL && i < u->chats_count && !missed; i++) {
        const struct cache_chat *chat = cache_chat(f->cache, u->chats[i]);
        missed = chat != NULL && chat->last_event > a->cursor;
    }
    return missed;
}

void feed_attach_read_refs(struct feed *f, struct feed_worker *w, struct attach *a)
{
    cache_rdlock(f->cache);
    bool missed = has_missed_something(f, a);
    cache_unlock(f->cache);
    if (!missed) {
        a->cursor = atomic_load(&f->published);
        feed_attach_from_ring(f, w, a);
        return;
    }
    struct replay *r = replay_new(f, w, a);
    r->after = a->cursor;
    r->max = f->conf.replay_max_events;
    submit(f, w, a, r, refs_job);
}
