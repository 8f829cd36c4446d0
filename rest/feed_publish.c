/* Publishing: caches, ring, streams and replies move in one critical section. */
#include <stdlib.h>

#include "rest/apply.h"
#include "rest/conversation_text.h"
#include "rest/event_fill.h"
#include "rest/feed_int.h"
#include "rest/feed_write.h"
#include "rest/metrics.h"
#include "rest/notifier.h"
#include "rest/presence.h"
#include "rest/push_bell.h"
#include "shared/clock.h"
#include "shared/log.h"

/* -- who gets it -------------------------------------------------------------------------------------- */

static void add_slot(struct link_recipients *to, struct buf *slots, uint32_t slot)
{
    if (slot != 0) {
        buf_add_be32(slots, slot);
        to->count++;
    }
}

/* Whether every member may see it: nobody joined after the message was sent. */
static bool is_for_all(const struct cache_chat *chat, uint8_t kind, uint64_t seq)
{
    return !event_is_message(kind) || seq > chat->joined_max;
}

static void route_members(struct feed_worker *w, const struct cache_chat *chat, uint8_t kind,
                          uint64_t seq, struct link_recipients *to, struct buf *slots)
{
    bool for_all = is_for_all(chat, kind, seq);
    if (for_all && chat->members_count > FEED_SET_MIN) {
        if (feed_set_use(w, chat) > 0) {
            to->to = LINK_TO_SET;
            to->set = chat->id;
        }
        return;
    }
    for (uint32_t i = 0; i < chat->members_count; i++) {
        const struct cache_member *m = &chat->members[i];
        if (for_all || seq > m->joined_seq) {
            add_slot(to, slots, feed_slot_of(w, m->user));
        }
    }
}

bool feed_route(struct feed *f, struct feed_worker *w, uint8_t kind, uint64_t chat_id, uint64_t seq,
                const uint32_t *extra, unsigned extra_count, struct link_recipients *to,
                struct buf *slots)
{
    *to = (struct link_recipients){.to = LINK_TO_SLOTS};
    buf_clear(slots);
    const struct cache_chat *chat = cache_chat(f->cache, cache_chat_index(f->cache, chat_id));
    if (chat != NULL) {
        route_members(w, chat, kind, seq, to, slots);
    }
    for (unsigned i = 0; i < extra_count; i++) {
        if (chat == NULL || cache_member(chat, extra[i]) == NULL) { /* back meanwhile: has it as a member */
            add_slot(to, slots, feed_slot_of(w, extra[i]));
        }
    }
    to->slots = buf_str(slots);
    return to->count > 0 || to->to == LINK_TO_SET;
}

/* The recipient sets that workers keep follow the memberships, before the event itself. */
static void update_sets(struct feed *f, const struct row_event *e)
{
    if (e->kind == EV_MEMBER_ADDED || e->kind == EV_MEMBER_REMOVED) {
        feed_sets_member(f, e->chat_id, e->subject_id, e->kind == EV_MEMBER_ADDED);
    }
}

struct event_place { /* what says who gets it */
    uint8_t kind;
    uint64_t chat_id, seq, subject_id, topic;
};

/* -- one event ----------------------------------------------------------------------------------------- */

struct publisher {
    struct feed *f;
    struct buf encoded, slots, extra; /* extra: cache indexes beside the members */
    struct buf texts; /* composed for the event */
};

static void add_extra(struct publisher *p, uint32_t user)
{
    if (user != CACHE_NONE) {
        buf_add(&p->extra, &user, sizeof(user));
    }
}

/* Who hears of it besides those who are members afterwards: the one it happens to, all who were members. */
static void find_extra(struct publisher *p, const struct row_event *e)
{
    buf_clear(&p->extra);
    if (e->kind == EV_CHAT_DELETED) {
        const struct cache_chat *chat = cache_chat_ever(p->f->cache, e->chat_id);
        for (uint32_t i = 0; chat != NULL && i < chat->members_count; i++) {
            add_extra(p, chat->members[i].user);
        }
    } else if (e->subject_id != 0 && e->kind != EV_MEMBER_ADDED && e->kind != EV_MEMBER_ROLE &&
               !event_is_of_topic(e->kind)) { /* those are for who looks on */
        add_extra(p, cache_user_index(p->f->cache, e->subject_id));
    }
}

static uint64_t last_in_chat(const struct feed *f, uint64_t chat_id)
{
    const struct cache_chat *chat = chat_id ? cache_chat_ever(f->cache, chat_id) : NULL;
    return chat ? chat->last_event : 0;
}

static void push_ring(struct publisher *p, const struct event *e, uint64_t prev_in_chat)
{
    ring_push(&p->f->ring, ring_entry_new(e, buf_str(&p->encoded), prev_in_chat));
    if (event_is_broadcast(e->kind, e->subject.id)) {
        ring_push_own(&p->f->ring, e->event_id, RING_EVERYBODY);
    }
    const uint32_t *users = (const uint32_t *)(const void *)p->extra.p;
    for (size_t i = 0; i < p->extra.len / sizeof(users[0]); i++) {
        ring_push_own(&p->f->ring, e->event_id, users[i]);
    }
}

/* Recipients by kind: the viewers of a topic, everybody, the one it is about alone, or a chat and who else is concerned. */
static bool route(struct feed *f, struct feed_worker *w, const struct event_place *at, const struct buf *extra,
                  struct link_recipients *to, struct buf *slots)
{
    if (event_is_of_topic(at->kind)) {
        return feed_route_topic(w, at->topic, to);
    }
    if (event_is_broadcast(at->kind, at->subject_id)) {
        *to = (struct link_recipients){.to = LINK_TO_ALL};
        return w->sessions > 0;
    }
    uint64_t chat_id = event_is_note(at->kind) ? 0 : at->chat_id;
    return feed_route(f, w, at->kind, chat_id, at->seq, (const uint32_t *)(const void *)extra->p,
                      (unsigned)(extra->len / sizeof(uint32_t)), to, slots);
}

static void send_to_workers(struct publisher *p, const struct event *e)
{
    struct feed *f = p->f;
    const struct event_place at = {e->kind, e->chat_id, e->seq, e->subject.id, event_topic(e)};
    if (e->kind == EV_READ && feed_chat_is_large(f, e->chat_id)) {
        feed_receipt_send(f, e, buf_str(&p->encoded));
        return;
    }
    for (unsigned i = 0; i < f->workers_count; i++) {
        struct feed_worker *w = f->workers[i];
        struct link_recipients to;
        if (route(f, w, &at, &p->extra, &to, &p->slots)) {
            link_put_event(&w->q, LINK_EVENT, &to, buf_str(&p->encoded));
        }
    }
}

static struct event_rows rows_of(struct publisher *p, const struct batch *b, const struct draft *d)
{
    struct event_rows rows = {.texts = &p->texts};
    if (d->checkin != BATCH_NONE) {
        rows.checkin = &b->rows.checkins[d->checkin];
    }
    if (d->note != BATCH_NONE) {
        rows.note = &b->rows.notes_new[d->note];
        rows.message = d->note_message != BATCH_NONE ? &b->note_messages[d->note_message] : NULL;
        return rows;
    }
    if (d->message_new != BATCH_NONE) {
        rows.message = &b->rows.messages_new[d->message_new];
    } else if (d->message_set != BATCH_NONE) {
        rows.message = &b->rows.messages_set[d->message_set];
    }
    return rows;
}

/* Who looks at the chat just now decides who need not be told. */
static void tell_notifier(struct feed *f, const struct event *e)
{
    uint64_t focused[FEED_FOCUSED_MAX];
    unsigned count = 0;
    if (f->svc == NULL || f->svc->notifier == NULL || !notifier_wants(e->kind)) {
        return;
    }
    if (e->kind == EV_MESSAGE) {
        count = presence_focused(f->presence, e->chat_id, mono_ms(), focused, FEED_FOCUSED_MAX);
    }
    notifier_on_event(f->svc->notifier, e, focused, count);
}

static void publish_draft(struct publisher *p, const struct batch *b, const struct draft *d)
{
    struct feed *f = p->f;
    struct event e;
    uint64_t prev_in_chat = last_in_chat(f, d->event.chat_id);
    find_extra(p, &d->event); /* before: a deleted chat has no members afterwards */
    if (d->event.kind == EV_CHAT_DELETED) {
        feed_sets_end(f, cache_chat_ever(f->cache, d->event.chat_id));
    }
    apply_draft(f->cache, b, d);
    const struct event_rows rows = rows_of(p, b, d);
    event_fill(f->cache, &d->event, &rows, &e);
    e.origin_worker = d->origin_worker;
    e.origin_session = d->origin_session;
    buf_clear(&p->encoded);
    event_encode(&p->encoded, &e);
    update_sets(f, &d->event);
    push_ring(p, &e, prev_in_chat);
    send_to_workers(p, &e);
    feed_update_note(f, &e);
    tell_notifier(f, &e);
}

/* -- the batch ------------------------------------------------------------------------------------------ */

/* A socket's answer shows the chat's id as everything else does, with the time of its creation. */
static struct outcome outcome_for_socket(const struct feed *f, const struct job *j)
{
    struct outcome o = j->outcome;
    const struct cache_chat *chat =
        j->cmd.kind == CMD_MESSAGE_SEND ? cache_chat_ever(f->cache, o.chat_id) : NULL;
    if (chat != NULL) {
        o.number = chat->created_us;
    }
    return o;
}

/* Whoever asks for a chat is shown it, also one that was there, of which no event tells. */
static void add_reply_body(const struct feed *f, const struct job *j, struct buf *body)
{
    bool is_create = j->cmd.kind == CMD_CHAT_CREATE_DIRECT || j->cmd.kind == CMD_CHAT_CREATE_GROUP;
    const struct cache_chat *chat = is_create && j->outcome.code == CODE_OK
                                        ? cache_chat(f->cache, cache_chat_index(f->cache, j->outcome.chat_id))
                                        : NULL;
    if (chat != NULL) {
        conversation_add_created(f->cache, chat, body);
    }
}

static void put_reply(struct feed *f, const struct job *j)
{
    const struct outcome o = outcome_for_socket(f, j);
    const struct feed_reply_to *to = &j->reply_to;
    struct feed_worker *w = feed_find_worker(f, to->worker, to->incarnation);
    struct buf body = BUF_INIT;
    if (w != NULL && to->is_query) {
        feed_put_query_reply(f, w, j);
    } else if (w != NULL) {
        add_reply_body(f, j, &body);
        link_put_reply(&w->q, to->request, to->session, &o, buf_str(&body));
    }
    buf_release(&body);
}

static void publish_locked(struct feed *f, const struct batch *b, struct job **jobs, unsigned count)
{
    struct publisher p = {.f = f};
    bool was_empty[FEED_WORKERS_MAX];
    feed_streams_begin(f, was_empty);
    apply_batch(f->cache, b);
    for (unsigned i = 0; i < count; i++) {
        for (uint32_t k = 0; k < jobs[i]->drafts; k++) {
            publish_draft(&p, b, &b->drafts[jobs[i]->first_draft + k]);
        }
        if (jobs[i]->reply_to.worker != 0) {
            put_reply(f, jobs[i]);
        }
    }
    feed_updates_send(f, NULL);
    for (unsigned i = 0; i < f->workers_count && b->drafts_count > 0; i++) {
        link_put_position(&f->workers[i]->q, f->ring.next - 1);
    }
    feed_streams_end(f, was_empty);
    buf_release(&p.encoded);
    buf_release(&p.slots);
    buf_release(&p.extra);
    buf_release(&p.texts);
}

void feed_publish(struct feed *f, const struct batch *b, struct job **jobs, unsigned count)
{
    feed_lock(f);
    cache_wrlock(f->cache);
    publish_locked(f, b, jobs, count);
    cache_unlock(f->cache);
    uint64_t now = mono_ms();
    ring_trim(&f->ring, f->conf.ring_max_bytes,
              now > f->conf.ring_max_age_ms ? now - f->conf.ring_max_age_ms : 0);
    atomic_store(&f->published, f->ring.next - 1);
    pthread_cond_broadcast(&f->moved);
    metric_set(METRIC_FEED_PUBLISHED, (int64_t)(f->ring.next - 1));
    metric_set(METRIC_FEED_RING_BYTES, (int64_t)f->ring.bytes);
    if (b->rows.notes_new_count > 0 && f->svc != NULL) {
        push_bell_ring(f->svc->push_bell); /* now that it can be read */
    }
    feed_unlock(f);
}

void feed_reply(struct feed *f, const struct feed_reply_to *to, const struct outcome *o)
{
    feed_lock(f);
    struct feed_worker *w = feed_find_worker(f, to->worker, to->incarnation);
    if (w != NULL) {
        bool was_empty = w->q.len == 0;
        if (to->is_query) {
            link_put_query_reply(&w->q, to->request, to->session, o->code, STR_NONE);
        } else {
            link_put_reply(&w->q, to->request, to->session, o, STR_NONE);
        }
        feed_appended(f, w, was_empty);
    }
    feed_unlock(f);
}

void feed_trimmed(struct feed *f, uint64_t upto)
{
    feed_lock(f);
    f->trimmed_to = upto;
    feed_unlock(f);
}

/* -- start and return --------------------------------------------------------------------------------- */

void feed_warm_from(struct feed *f, uint64_t first_id)
{
    ring_release(&f->ring);
    ring_init(&f->ring, first_id);
    map64_release(&f->warm_last);
    f->warm_base = first_id;
}

/* The chain of a chat's events is built anew: what lies before the ring ends it. */
void feed_warm(struct feed *f, const struct row_event *row, const struct event_rows *about)
{
    struct publisher p = {.f = f};
    struct event_rows rows = *about;
    struct event e;
    uint64_t prev = 0;
    uint32_t place = 0;
    if (row->id != f->ring.next) { /* a hole: the ring has none */
        feed_warm_from(f, row->id);
    }
    if (row->chat_id != 0) {
        prev = map64_get(&f->warm_last, row->chat_id, &place) ? f->warm_base + place : 0;
        map64_put(&f->warm_last, row->chat_id, (uint32_t)(row->id - f->warm_base));
    }
    if (row->kind == EV_CHAT_CREATED || row->kind == EV_MEMBER_ADDED) {
        feed_warm_join(f, row->id, row->chat_id, row->kind == EV_MEMBER_ADDED ? row->subject_id : 0);
    }
    rows.texts = &p.texts;
    event_fill(f->cache, row, &rows, &e);
    event_encode(&p.encoded, &e);
    find_extra(&p, row);
    push_ring(&p, &e, prev);
    ring_trim(&f->ring, f->conf.ring_max_bytes, 0);
    buf_release(&p.encoded);
    buf_release(&p.extra);
    buf_release(&p.texts);
}

void feed_warm_own(struct feed *f, uint64_t event_id, uint64_t user_id)
{
    uint32_t user = cache_user_index(f->cache, user_id);
    if (user != CACHE_NONE) {
        ring_push_own(&f->ring, event_id, user);
    }
}

/* The state of the chats as it is now is enough, however much they have missed of it. */
static void note_update(struct feed *f, const struct ring_entry *r)
{
    struct rd bytes = rd_of(r->bytes, r->len);
    struct event e;
    if (event_decode(&bytes, &e) == RC_OK) {
        feed_update_note(f, &e);
    }
}

void feed_catch_up(struct feed *f, struct feed_worker *w, uint64_t position)
{
    struct buf slots = BUF_INIT, users = BUF_INIT;
    size_t own = ring_own_after(&f->ring, position);
    cache_rdlock(f->cache);
    for (uint64_t id = position + 1; id < f->ring.next; id++) {
        const struct ring_entry *e = ring_at(&f->ring, id);
        struct link_recipients to;
        buf_clear(&users);
        for (; own < f->ring.own_count && f->ring.own[own].event_id == id; own++) {
            if (f->ring.own[own].user != RING_EVERYBODY) {
                buf_add(&users, &f->ring.own[own].user, sizeof(f->ring.own[own].user));
            }
        }
        const struct event_place at = {e->kind, e->chat_id, e->seq, e->subject_id, e->topic};
        if (route(f, w, &at, &users, &to, &slots)) {
            link_put_event(&w->q, LINK_EVENT, &to, (struct str){e->bytes, e->len});
        }
        note_update(f, e);
    }
    feed_updates_send(f, w);
    cache_unlock(f->cache);
    buf_release(&slots);
    buf_release(&users);
}
