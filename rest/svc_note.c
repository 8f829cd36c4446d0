#include "rest/svc_note.h"

#include "rest/note_text.h"
#include "rest/notes.h"
#include "rest/prefs.h"
#include "rest/store.h"
#include "shared/clock.h"
#include "shared/id.h"
#include "shared/utf8.h"

/* -- running on the pool --------------------------------------------------------------------------------- */

static enum code code_of(enum store_rc rc)
{
    return rc == STORE_OK ? CODE_OK : CODE_UNAVAILABLE;
}

/* InnoDB shows rows before they are durable: wait for the newest event that touched any of them. */
static void run_on_pool(struct store *store, void *ctx)
{
    struct note_request *r = ctx;
    enum code code = store != NULL ? r->run(r, store) : CODE_UNAVAILABLE;
    uint64_t deadline_ms = mono_ms() + r->svc->conf->writer_deadline_ms;
    if (code == CODE_OK && r->newest_event != 0 &&
        !feed_wait_published(r->svc->feed, r->newest_event, deadline_ms)) {
        code = CODE_UNAVAILABLE;
    }
    r->done(r->ctx, code);
}

static enum code submit(struct note_request *r, enum code (*run)(struct note_request *, struct store *))
{
    r->run = run;
    return dbpool_submit(r->svc->dbpool, run_on_pool, r) == RC_OK ? CODE_OK : CODE_QUEUE_FULL;
}

static void touch(struct note_request *r, uint64_t event_id)
{
    r->newest_event = event_id > r->newest_event ? event_id : r->newest_event;
}

/* -- the list ------------------------------------------------------------------------------------------------ */

static struct str keep(struct note_request *r, struct str s)
{
    struct str copy = s.p != NULL ? arena_str(r->arena, s) : STR_NONE;
    r->cut = r->cut || (s.p != NULL && copy.p == NULL);
    return copy;
}

static void on_note(void *ctx, const struct row_note *row)
{
    struct note_request *r = ctx;
    if (r->rows_count > r->limit) {
        return;
    }
    struct row_note *to = &r->rows[r->rows_count++];
    *to = *row;
    to->kind = keep(r, row->kind);
    to->title = keep(r, row->title);
    to->text = keep(r, row->text);
    to->link = keep(r, row->link);
    touch(r, row->last_event);
}

static void on_message(void *ctx, const struct row_message *m)
{
    struct note_request *r = ctx;
    struct row_message *to = &r->messages[r->messages_count++];
    *to = *m;
    to->kind = STR_NONE;
    to->content = keep(r, utf8_prefix(m->content, NOTE_TEXT_MAX_CHARS));
    touch(r, m->last_event);
}

static enum store_rc read_messages(struct note_request *r, struct store *store)
{
    struct chat_seq *at = arena_calloc(r->arena, r->rows_count + 1, sizeof(*at));
    unsigned count = 0;
    r->messages = arena_calloc(r->arena, r->rows_count + 1, sizeof(*r->messages));
    if (at == NULL || r->messages == NULL) {
        r->cut = true;
        return STORE_OK;
    }
    for (unsigned i = 0; i < r->rows_count; i++) {
        if (r->rows[i].chat_id != 0) { /* no two about the same message */
            at[count++] = (struct chat_seq){r->rows[i].chat_id, r->rows[i].seq};
        }
    }
    return count > 0 ? store_messages_at(store, at, count, on_message, r) : STORE_OK;
}

static const struct row_message *message_of(const struct note_request *r, const struct row_note *row)
{
    for (unsigned i = 0; row->chat_id != 0 && i < r->messages_count; i++) {
        if (r->messages[i].chat_id == row->chat_id && r->messages[i].seq == row->seq) {
            return &r->messages[i];
        }
    }
    return NULL;
}

static bool is_read(const struct cache *c, const struct cache_user *u, const struct row_note *row)
{
    bool forgotten = row->user_id == 0 && !cache_has_broadcast(c, row->id); /* too old to count */
    return row->read_us != 0 || row->id <= u->read_all_id || forgotten;
}

static void add_subject(const struct cache *c, const struct row_note *row, const struct row_message *m,
                        struct note_view *out)
{
    const struct cache_chat *chat = cache_chat_ever(c, row->chat_id);
    const struct cache_user *sender = cache_user(c, cache_user_index(c, row->sender_id));
    out->chat_id = row->chat_id;
    out->chat_created_us = chat != NULL ? chat->created_us : 0;
    if (m != NULL) {
        out->message_id = m->id;
        out->message_created_us = m->created_us;
    }
    if (row->preview != PREVIEW_NONE && sender != NULL) {
        out->sender_id = sender->id;
        out->sender_created_us = sender->created_us;
    }
}

static void compose(struct note_request *r, const struct cache *c, const struct cache_user *u,
                    const struct row_note *row, struct buf *room)
{
    const struct row_message *m = message_of(r, row);
    bool visible = row->chat_id != 0 && note_message_visible(c, u->id, row->chat_id, row->seq);
    struct row_note said;
    struct note_view *out = &r->notes[r->count++];
    note_text(c, row, visible ? m : NULL, room, &said);
    *out = (struct note_view){
        .id = row->id,
        .created_us = row->created_us,
        .is_read = is_read(c, u, row),
        .kind = keep(r, said.kind),
        .title = keep(r, said.title),
        .text = keep(r, said.text),
        .link = keep(r, said.link),
    };
    if (row->chat_id != 0) {
        add_subject(c, row, m, out);
    }
}

static enum code run_list(struct note_request *r, struct store *store)
{
    struct buf room = BUF_INIT;
    struct cache *c = r->svc->cache;
    struct note_page page = {.user_id = r->user_id,
                             .before = r->before,
                             .limit = (uint64_t)r->limit + 1,
                             .unread_only = r->unread_only};
    cache_rdlock(c);
    const struct cache_user *u = cache_user(c, cache_user_index(c, r->user_id));
    page.since_us = u != NULL ? u->created_us : UINT64_MAX;
    page.after = u != NULL && r->unread_only ? u->read_all_id : 0;
    page.broadcasts_after = cache_broadcasts_after(c, page.since_us, r->unread_only);
    cache_unlock(c);
    enum store_rc rc = store_list_notes(store, &page, on_note, r);
    if (rc == STORE_OK) {
        rc = read_messages(r, store);
    }
    if (rc != STORE_OK) {
        return code_of(rc);
    }
    r->has_more = r->rows_count > r->limit;
    cache_rdlock(c);
    u = cache_user(c, cache_user_index(c, r->user_id));
    r->unread = cache_notes_unread(c, cache_user_index(c, r->user_id));
    for (unsigned i = 0; u != NULL && i < r->rows_count && i < r->limit; i++) {
        compose(r, c, u, &r->rows[i], &room);
    }
    cache_unlock(c);
    buf_release(&room);
    return r->cut ? CODE_UNAVAILABLE : CODE_OK;
}

enum code svc_notes(struct note_request *r)
{
    r->rows = arena_calloc(r->arena, (size_t)r->limit + 1, sizeof(*r->rows));
    r->notes = arena_calloc(r->arena, r->limit, sizeof(*r->notes));
    return r->rows != NULL && r->notes != NULL ? submit(r, run_list) : CODE_UNAVAILABLE;
}

/* -- why ------------------------------------------------------------------------------------------------------ */

static void on_found(void *ctx, const struct row_message *m)
{
    struct note_request *r = ctx;
    r->count++;
    r->chat_id = m->chat_id;
    r->seq = m->seq;
    touch(r, m->id);
}

/* The record of a large chat names only some of its members. */
static bool is_member(const struct note_request *r)
{
    struct cache *c = r->svc->cache;
    cache_rdlock(c);
    const struct cache_chat *chat = cache_chat(c, cache_chat_index(c, r->chat_id));
    uint32_t user = cache_user_index(c, r->user_id);
    const struct cache_member *m = chat != NULL && user != CACHE_NONE ? cache_member(chat, user) : NULL;
    bool is = m != NULL && m->joined_seq < r->seq;
    cache_unlock(c);
    return is;
}

static enum code run_explain(struct note_request *r, struct store *store)
{
    struct buf record = BUF_INIT;
    enum store_rc rc = store_find_messages(store, &r->message_id, 1, on_found, r);
    if (rc == STORE_OK && r->count > 0) {
        rc = store_decision(store, r->message_id, &record, &r->decided_us, &r->decided);
    }
    r->reason = r->decided ? notes_record_find(buf_str(&record), r->user_id) : NOTE_UNDECIDED;
    if (r->reason == NOTE_LARGE_CHAT && !is_member(r)) {
        r->reason = NOTE_UNDECIDED;
    }
    buf_release(&record);
    if (rc != STORE_OK) {
        return code_of(rc);
    }
    return r->count > 0 ? CODE_OK : CODE_MESSAGE_NOT_FOUND;
}

enum code svc_note_explain(struct note_request *r)
{
    return submit(r, run_explain);
}

/* -- from the cache ------------------------------------------------------------------------------------------- */

uint64_t svc_notes_unread(struct svc *svc, uint64_t user_id)
{
    cache_rdlock(svc->cache);
    uint64_t unread = cache_notes_unread(svc->cache, cache_user_index(svc->cache, user_id));
    cache_unlock(svc->cache);
    return unread;
}

struct viewer {
    const struct cache *c;
    uint32_t user;
};

/* When a chat was made is shown to its members. */
static void add_chat(void *ctx, struct buf *out, uint64_t chat_id)
{
    const struct viewer *v = ctx;
    const struct cache_chat *chat = cache_chat(v->c, cache_chat_index(v->c, chat_id));
    bool is_in = chat != NULL && cache_member(chat, v->user) != NULL;
    id_add_hex(out, ID_CHAT, chat_id, is_in ? chat->created_us : 0);
}

enum code svc_preferences(struct svc *svc, uint64_t user_id, struct buf *out)
{
    cache_rdlock(svc->cache);
    struct viewer v = {svc->cache, cache_user_index(svc->cache, user_id)};
    if (v.user != CACHE_NONE) {
        prefs_write(out, cache_prefs(svc->cache, v.user), add_chat, &v);
    }
    cache_unlock(svc->cache);
    return v.user != CACHE_NONE ? CODE_OK : CODE_USER_NOT_FOUND;
}
