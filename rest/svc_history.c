/*
 * svc_history.c -- reads that need the database
 *
 * A request is a struct in the caller's arena. Its `run` part reads rows on a pool thread and notes the newest
 * event that touched them; then the answer waits for that event to be published, because InnoDB shows
 * rows to other connections before they are durable. In practice the wait is over before it begins.
 */
#include "rest/svc_read.h"

#include "rest/store.h"
#include "shared/clock.h"

static uint64_t min64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---------------------------------------------------------------- planning */

/* The page that ends at `to`. */
static struct history_range ending_at(uint64_t to, uint64_t limit, uint64_t low)
{
    struct history_range r = {.from = 1, .to = 0, .falling = true};
    if (to >= low) {
        r.to = to;
        r.from = to - low >= limit ? to - limit + 1 : low;
        r.has_more = r.from > low;
    }
    return r;
}

static struct history_range starting_at(uint64_t from, uint64_t limit, uint64_t high)
{
    struct history_range r = {.from = 1, .to = 0};
    if (from <= high) {
        r.from = from;
        r.to = high - from >= limit ? from + limit - 1 : high;
        r.has_more = r.to < high;
    }
    return r;
}

static struct history_range around(uint64_t at, uint64_t limit, uint64_t low, uint64_t high)
{
    struct history_range r = {.from = 1, .to = 0};
    if (low <= high) {
        at = min64(max64(at, low), high);
        r.from = at - low > limit / 2 ? at - limit / 2 : low;
        r.to = high - r.from >= limit ? r.from + limit - 1 : high;
        r.from = r.to - low >= limit ? r.to - limit + 1 : low;
        r.has_more = r.from > low || r.to < high;
    }
    return r;
}

struct history_range history_plan(enum history_mode mode, uint64_t at, uint64_t limit,
                                  uint64_t joined_seq, uint64_t last_seq)
{
    uint64_t low = joined_seq + 1;
    limit = max64(limit, 1);
    switch (mode) {
    case HISTORY_BEFORE:
        return ending_at(at > 0 ? min64(at - 1, last_seq) : 0, limit, low);
    case HISTORY_AFTER:
        return starting_at(at < low ? low : min64(at, last_seq) + 1, limit, last_seq);
    case HISTORY_AROUND:
        return around(at, limit, low, last_seq);
    case HISTORY_LATEST:
        break;
    }
    return ending_at(last_seq, limit, low);
}

/* ---------------------------------------------------------------- running */

static enum code code_of(enum store_rc rc)
{
    return rc == STORE_OK ? CODE_OK : CODE_UNAVAILABLE;
}

static void run_on_pool(struct store *store, void *ctx)
{
    struct read_request *r = ctx;
    enum code code = store ? r->run(r, store) : CODE_UNAVAILABLE;
    uint64_t deadline_ms = mono_ms() + r->svc->conf->writer_deadline_ms;
    if (code == CODE_OK && r->newest_event != 0 &&
        !feed_wait_published(r->svc->feed, r->newest_event, deadline_ms)) {
        code = CODE_UNAVAILABLE;
    }
    r->done(r->ctx, code);
}

static enum code submit(struct read_request *r, enum code (*run)(struct read_request *, struct store *))
{
    r->run = run;
    return dbpool_submit(r->svc->dbpool, run_on_pool, r) == RC_OK ? CODE_OK : CODE_QUEUE_FULL;
}

static const struct attachment_view attached;

/* false: the arena is full, the row is left out. */
static bool copy_row(struct read_request *r, const struct row_message *row, struct message_view *out)
{
    bool is_deleted = (row->flags & MESSAGE_DELETED) != 0;
    struct str content = is_deleted ? STR("") : arena_str(r->arena, row->content);
    struct str kind = arena_str(r->arena, row->kind);
    if (!content.p || !kind.p) {
        return false;
    }
    *out = (struct message_view){
        .id = row->id,
        .chat_id = row->chat_id,
        .seq = row->seq,
        .created_us = row->created_us,
        .last_event = row->last_event,
        .flags = row->flags,
        .sender = {.id = row->sender_id},
        .kind = kind,
        .content = content,
    };
    /* Just a mark until read_attachments_of. */
    out->attachment = (row->flags & ROW_MESSAGE_ATTACHED) != 0 && !is_deleted ? &attached : NULL;
    r->newest_event = max64(r->newest_event, max64(row->last_event, row->id));
    return true;
}

static void on_row(void *ctx, const struct row_message *row)
{
    struct read_request *r = ctx;
    if (r->cut || r->count == r->room || !copy_row(r, row, &r->messages[r->count])) {
        r->cut = true;
        return;
    }
    r->count++;
}

/* Names and times that rows do not carry, for all messages at once. */
static void add_senders(struct read_request *r)
{
    struct cache *c = r->svc->cache;
    cache_rdlock(c);
    for (unsigned i = 0; i < r->count; i++) {
        struct message_view *m = &r->messages[i];
        const struct cache_user *u = cache_user(c, cache_user_index(c, m->sender.id));
        const struct cache_chat *chat = cache_chat(c, cache_chat_index(c, m->chat_id));
        m->chat_created_us = chat ? chat->created_us : 0;
        if (u) {
            m->sender.created_us = u->created_us;
            m->sender.username = arena_str(r->arena, str_of(u->username));
            m->sender.name = arena_str(r->arena, str_of(u->name));
        }
    }
    cache_unlock(c);
}

static enum code make_room(struct read_request *r, uint64_t count)
{
    r->messages = arena_calloc(r->arena, count ? count : 1, sizeof(*r->messages));
    r->room = (unsigned)count;
    return r->messages ? CODE_OK : CODE_UNAVAILABLE;
}

/* ---------------------------------------------------------------- history */

static void reverse(struct message_view *m, unsigned count)
{
    for (unsigned i = 0; i < count / 2; i++) {
        struct message_view x = m[i];
        m[i] = m[count - 1 - i];
        m[count - 1 - i] = x;
    }
}

static enum code run_history(struct read_request *r, struct store *store)
{
    enum store_rc rc = store_history(store, r->chat.id, r->range.from, r->range.to,
                                     r->range.falling, r->room, on_row, r);
    if (rc != STORE_OK) {
        return code_of(rc);
    }
    if (r->count == 0 && r->cut) {
        return CODE_UNAVAILABLE; /* not even one message fits */
    }
    if (r->range.falling) {
        reverse(r->messages, r->count);
    }
    add_senders(r);
    return read_attachments_of(store, r->arena, r->messages, r->count);
}

enum code read_history(struct read_request *r)
{
    uint64_t count = r->range.from <= r->range.to ? r->range.to - r->range.from + 1 : 0;
    enum code code = make_room(r, count);
    if (code == CODE_OK && count == 0) {
        r->done(r->ctx, CODE_OK);
        return CODE_OK;
    }
    return code == CODE_OK ? submit(r, run_history) : code;
}

/* ---------------------------------------------------------------- one message */

static bool is_visible(const struct read_request *r, const struct message_view *m)
{
    return m->chat_id == r->chat.id && m->seq > r->chat.joined_seq && m->seq <= r->chat.last_seq;
}

static enum code find_message(struct read_request *r, struct store *store)
{
    struct chat_seq at = {r->chat.id, r->seq};
    enum store_rc rc = r->message_id != 0
                           ? store_find_messages(store, &r->message_id, 1, on_row, r)
                           : store_messages_at(store, &at, 1, on_row, r);
    if (rc != STORE_OK) {
        return code_of(rc);
    }
    if (r->count == 0 || !is_visible(r, &r->messages[0])) {
        r->newest_event = 0; /* a foreign message: nothing of it may be noticed, a wait neither */
        return r->cut ? CODE_UNAVAILABLE : CODE_MESSAGE_NOT_FOUND;
    }
    return CODE_OK;
}

static enum code run_message(struct read_request *r, struct store *store)
{
    enum code code = find_message(r, store);
    if (code == CODE_OK) {
        add_senders(r);
        code = read_attachments_of(store, r->arena, r->messages, r->count);
    }
    return code;
}

enum code read_message(struct read_request *r)
{
    enum code code = make_room(r, 1);
    return code == CODE_OK ? submit(r, run_message) : code;
}

/* ---------------------------------------------------------------- last messages of a chat list */

static enum code run_lasts(struct read_request *r, struct store *store)
{
    struct chat_seq *at = arena_calloc(r->arena, r->page->count, sizeof(*at));
    unsigned wanted = 0;
    for (unsigned i = 0; at && i < r->page->count; i++) {
        const struct chat_view *chat = &r->page->chats[i];
        if (chat->last_seq > chat->joined_seq) {
            at[wanted++] = (struct chat_seq){chat->id, chat->last_seq};
        }
    }
    enum store_rc rc = at ? store_messages_at(store, at, wanted, on_row, r) : STORE_ERROR;
    if (rc != STORE_OK) {
        return code_of(rc);
    }
    add_senders(r);
    enum code code = read_attachments_of(store, r->arena, r->messages, r->count);
    for (unsigned i = 0; code == CODE_OK && i < r->page->count; i++) {
        for (unsigned j = 0; j < r->count; j++) {
            if (r->messages[j].chat_id == r->page->chats[i].id) {
                r->page->chats[i].last = &r->messages[j];
            }
        }
    }
    return code;
}

enum code read_lasts(struct read_request *r)
{
    unsigned wanted = 0;
    for (unsigned i = 0; i < r->page->count; i++) {
        wanted += r->page->chats[i].last_seq > r->page->chats[i].joined_seq;
    }
    enum code code = make_room(r, wanted);
    if (code == CODE_OK && wanted == 0) {
        r->done(r->ctx, CODE_OK);
        return CODE_OK;
    }
    return code == CODE_OK ? submit(r, run_lasts) : code;
}
