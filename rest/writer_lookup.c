/* What deciding needs from the database: one SELECT of each kind for the whole batch. */
#include <stdlib.h>

#include "rest/notes.h"
#include "rest/writer_int.h"
#include "shared/mem.h"

/* -- messages ------------------------------------------------------------------------------------ */

static bool wants_message(const struct job *j)
{
    return j->cmd.message_id != 0 && !j->has_message &&
           (j->cmd.kind == CMD_MESSAGE_EDIT || j->cmd.kind == CMD_MESSAGE_DELETE ||
            j->cmd.kind == CMD_READ);
}

struct finding {
    struct job **jobs;
    unsigned count;
    bool found;
};

static void fill_message(struct ov_message *out, const struct row_message *m)
{
    *out = (struct ov_message){
        .id = m->id,
        .chat_id = m->chat_id,
        .seq = m->seq,
        .sender_id = m->sender_id,
        .created_us = m->created_us,
        .last_event = m->last_event,
        .version = m->version,
        .flags = m->flags,
    };
    hash16(m->content, &out->content_hash);
    size_t len = m->kind.len < sizeof(out->kind) ? m->kind.len : sizeof(out->kind) - 1;
    memcpy(out->kind, m->kind.p, len);
}

static void on_message(void *ctx, const struct row_message *m)
{
    struct finding *f = ctx;
    for (unsigned i = 0; i < f->count; i++) {
        if (wants_message(f->jobs[i]) && f->jobs[i]->cmd.message_id == m->id) {
            fill_message(&f->jobs[i]->message, m);
            f->jobs[i]->has_message = true;
        }
    }
}

static enum store_rc look_up_messages(struct writer *w, struct job **jobs, unsigned count)
{
    uint64_t *ids = mem_grow(NULL, count, sizeof(ids[0]));
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        if (wants_message(jobs[i])) {
            ids[n++] = jobs[i]->cmd.message_id;
        }
    }
    struct finding f = {.jobs = jobs, .count = count};
    enum store_rc rc = n > 0 ? store_find_messages(w->store, ids, n, on_message, &f) : STORE_OK;
    free(ids);
    return rc;
}

/* A cursor given by number, somewhere in the middle: whoever hears of it is told the message's id. */
static bool wants_place(const struct writer *w, const struct job *j)
{
    const struct cmd *c = &j->cmd;
    const struct cache_chat *chat = cache_chat(w->cache, cache_chat_index(w->cache, c->chat_id));
    uint32_t user = cache_user_index(w->cache, c->actor_id);
    const struct cache_member *m = chat && user != CACHE_NONE ? cache_member(chat, user) : NULL;
    return c->kind == CMD_READ && c->message_id == 0 && !j->has_message && m != NULL && c->seq > m->read_seq &&
           c->seq < chat->last_seq;
}

static void on_place(void *ctx, const struct row_message *m)
{
    struct finding *f = ctx;
    for (unsigned i = 0; i < f->count; i++) {
        struct job *j = f->jobs[i];
        if (j->cmd.kind == CMD_READ && j->cmd.message_id == 0 && j->cmd.chat_id == m->chat_id && j->cmd.seq == m->seq) {
            fill_message(&j->message, m);
            j->has_message = true;
        }
    }
}

static enum store_rc look_up_places(struct writer *w, struct job **jobs, unsigned count)
{
    struct chat_seq *at = mem_grow(NULL, count + 1, sizeof(at[0]));
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        if (wants_place(w, jobs[i])) {
            at[n++] = (struct chat_seq){jobs[i]->cmd.chat_id, jobs[i]->cmd.seq};
        }
    }
    struct finding f = {.jobs = jobs, .count = count};
    enum store_rc rc = n > 0 ? store_messages_at(w->store, at, n, on_place, &f) : STORE_OK;
    free(at);
    return rc;
}

/* -- attachments ---------------------------------------------------------------------------------- */

static bool wants_attachment(const struct job *j)
{
    return j->cmd.number2 != 0 && !j->has_attachment &&
           (j->cmd.kind == CMD_MESSAGE_SEND || j->cmd.kind == CMD_ATTACHMENT_REMOVE);
}

static void on_attachment(void *ctx, const struct row_attachment *r)
{
    struct finding *f = ctx;
    for (unsigned i = 0; i < f->count; i++) {
        struct job *j = f->jobs[i];
        if (wants_attachment(j) && j->cmd.number2 == r->id) {
            j->attachment = (struct ov_attachment){.id = r->id,
                                                   .chat_id = r->chat_id,
                                                   .uploader_id = r->uploader_id,
                                                   .seq = r->seq,
                                                   .unused_us = r->unused_us};
            j->has_attachment = true;
        }
    }
}

static enum store_rc look_up_attachments(struct writer *w, struct job **jobs, unsigned count)
{
    uint64_t *ids = NULL;
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        jobs[i]->has_attachment = false; /* another part of the batch may have used it since */
        if (wants_attachment(jobs[i])) {
            ids = ids ? ids : mem_grow(NULL, count, sizeof(ids[0]));
            ids[n++] = jobs[i]->cmd.number2;
        }
    }
    struct finding f = {.jobs = jobs, .count = count};
    enum store_rc rc = n > 0 ? store_find_attachments(w->store, ids, n, on_attachment, &f) : STORE_OK;
    free(ids);
    return rc;
}

/* -- read cursors --------------------------------------------------------------------------------- */

/*
 * Unread counts leave out one's own messages, so a cursor in the middle needs to know how many of them
 * are below it. Counting goes from the present cursor on: over time each message is counted once.
 */
static enum store_rc count_own(struct writer *w, struct job *j)
{
    const struct cmd *c = &j->cmd;
    const struct cache_chat *chat = cache_chat(w->cache, cache_chat_index(w->cache, c->chat_id));
    uint32_t user = cache_user_index(w->cache, c->actor_id);
    const struct cache_member *m = chat && user != CACHE_NONE ? cache_member(chat, user) : NULL;
    uint64_t seq = j->has_message ? j->message.seq : c->seq;
    j->has_own_at = false;
    if (m == NULL || seq == 0 || seq <= m->read_seq) {
        return STORE_OK;
    }
    j->has_own_at = true;
    if (seq >= chat->last_seq) {
        j->own_at = m->own_total;
        return STORE_OK;
    }
    if (m->own_total == m->own_at_read) { /* nothing of one's own since the cursor: most readers */
        j->own_at = m->own_at_read;
        return STORE_OK;
    }
    if (c->number == 1) {
        j->own_at = (uint32_t)c->number2; /* the service has counted */
        return STORE_OK;
    }
    uint64_t between = 0;
    enum store_rc rc = store_count_own(w->store, c->chat_id, c->actor_id, m->read_seq, seq, &between);
    j->own_at = m->own_at_read + (uint32_t)between;
    return rc;
}

/* -- attendees --------------------------------------------------------------------------------------- */

/* Into the overlay, which is empty before a batch is decided: nothing that was read earlier is believed. */
static void on_attendee(void *ctx, const struct row_attendee *a)
{
    overlay_put_attendee(((struct writer *)ctx)->decider.overlay, a);
}

struct attendee_keys {
    struct attendee_key *users, *codes;
    unsigned users_count, codes_count;
};

static void add_attendees(struct attendee_keys *k, const struct cmd *c)
{
    bool checks_in = c->kind == CMD_CHECKIN;
    if (checks_in && (c->number & CMD_CHECKIN_BY_CODE)) {
        k->codes[k->codes_count++] = (struct attendee_key){c->chat_id, c->number2};
    } else if (checks_in) {
        k->users[k->users_count++] = (struct attendee_key){c->chat_id, c->user_id};
    }
    for (uint32_t i = 0; c->kind == CMD_SESSION_ATTENDEES && i < c->users_count; i++) {
        k->users[k->users_count++] = (struct attendee_key){c->chat_id, c->users[i]};
    }
}

static enum store_rc look_up_attendees(struct writer *w, struct job **jobs, unsigned count)
{
    unsigned most = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct cmd *c = &jobs[i]->cmd;
        most += c->kind == CMD_CHECKIN ? 1 : c->kind == CMD_SESSION_ATTENDEES ? c->users_count : 0;
    }
    if (most == 0) {
        return STORE_OK;
    }
    struct attendee_keys k = {.users = mem_grow(NULL, most, sizeof(k.users[0])),
                              .codes = mem_grow(NULL, most, sizeof(k.codes[0]))};
    for (unsigned i = 0; i < count; i++) {
        add_attendees(&k, &jobs[i]->cmd);
    }
    enum store_rc rc = STORE_OK;
    if (k.users_count > 0) {
        rc = store_find_attendees(w->store, k.users, k.users_count, on_attendee, w);
    }
    if (rc == STORE_OK && k.codes_count > 0) {
        rc = store_find_codes(w->store, k.codes, k.codes_count, on_attendee, w);
    }
    free(k.users);
    free(k.codes);
    return rc;
}

/* -- notifications --------------------------------------------------------------------------------- */

static bool wants_note(const struct job *j)
{
    return j->cmd.kind == CMD_NOTIFICATION_READ || j->cmd.kind == CMD_NOTIFICATION_DELETE;
}

static void on_note(void *ctx, const struct row_note *n)
{
    struct finding *f = ctx;
    for (unsigned i = 0; i < f->count; i++) {
        struct job *j = f->jobs[i];
        if (wants_note(j) && j->cmd.number2 == n->id && j->cmd.actor_id == n->viewer_id) {
            j->note = *n;
            j->note.kind = j->note.title = j->note.text = j->note.link = STR_NONE; /* views that end here */
            j->has_note = true;
        }
    }
}

static enum store_rc look_up_notes(struct writer *w, struct job **jobs, unsigned count)
{
    struct note_key *keys = mem_grow(NULL, count, sizeof(keys[0]));
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        jobs[i]->has_note = false;
        if (wants_note(jobs[i])) {
            keys[n++] = (struct note_key){jobs[i]->cmd.actor_id, jobs[i]->cmd.number2};
        }
    }
    struct finding f = {.jobs = jobs, .count = count};
    enum store_rc rc = n > 0 ? store_find_notes(w->store, keys, n, on_note, &f) : STORE_OK;
    free(keys);
    return rc;
}

static void on_unread(void *ctx, const struct row_note *n)
{
    struct job *j = ctx;
    if (j->seen_count == j->seen_room) {
        j->seen_room = j->seen_room ? j->seen_room * 2 : 16;
        j->seen = mem_grow(j->seen, j->seen_room, sizeof(j->seen[0]));
    }
    j->seen[j->seen_count++] = (struct note_key){n->user_id, n->id};
}

/* All that one notifier's command has seen, in one SELECT; there is one such command at a time. */
static enum store_rc look_up_seen(struct writer *w, struct job *j)
{
    struct rd in = rd_of(j->cmd.content.p, j->cmd.content.len);
    struct buf ranges = BUF_INIT;
    struct note_seen s;
    unsigned count = 0;
    uint64_t limit = w->conf->notify_chunk_rows + 1;
    while (notes_next_seen(&in, &s)) {
        const struct cache_user *u = cache_user(w->cache, cache_user_index(w->cache, s.user_id));
        struct note_range r = {s.user_id, s.chat_id, s.seq, u ? u->read_all_id : 0, limit};
        buf_add(&ranges, &r, sizeof(r));
        count++;
    }
    j->seen_count = 0;
    enum store_rc rc = store_unread_notes(w->store, (const struct note_range *)(const void *)ranges.p, count,
                                          on_unread, j);
    j->seen_more = j->seen_count >= limit;
    j->seen_count = j->seen_more ? (uint32_t)(limit - 1) : j->seen_count;
    buf_release(&ranges);
    return rc;
}

enum store_rc writer_look_up(struct writer *w, struct job **jobs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct job *j = jobs[i];
        if (j->cmd.has_key && !j->has_stored) {
            j->has_stored = recent_get(w->recent, j->cmd.actor_id, &j->cmd.key, &j->stored_hash, &j->stored);
        }
    }
    enum store_rc rc = look_up_messages(w, jobs, count);
    if (rc == STORE_OK) {
        rc = look_up_attachments(w, jobs, count);
    }
    if (rc == STORE_OK) {
        rc = look_up_attendees(w, jobs, count);
    }
    if (rc == STORE_OK) {
        rc = look_up_places(w, jobs, count);
    }
    if (rc == STORE_OK) {
        rc = look_up_notes(w, jobs, count);
    }
    for (unsigned i = 0; i < count && rc == STORE_OK; i++) {
        if (jobs[i]->cmd.kind == CMD_READ) {
            rc = count_own(w, jobs[i]);
        } else if (jobs[i]->cmd.kind == CMD_NOTIFICATIONS_SEEN) {
            rc = look_up_seen(w, jobs[i]);
        }
    }
    return rc;
}

/* -- idempotency keys -------------------------------------------------------------------------------- */

static bool waits_for(const struct job *j, uint64_t user_id, const struct key16 *key)
{
    return j->cmd.has_key && !j->has_stored && j->cmd.actor_id == user_id && key16_eq(&j->cmd.key, key);
}

static void on_message_key(void *ctx, const struct row_message *m)
{
    struct finding *f = ctx;
    for (unsigned i = 0; i < f->count; i++) {
        struct job *j = f->jobs[i];
        if (waits_for(j, m->sender_id, &m->key)) {
            j->has_stored = f->found = true;
            j->stored_hash = m->hash;
            j->stored = (struct outcome){.code = CODE_OK,
                                         .event_id = m->id,
                                         .chat_id = m->chat_id,
                                         .message_id = m->id,
                                         .seq = m->seq,
                                         .at_us = m->created_us};
        }
    }
}

static void on_key(void *ctx, const struct row_key *k)
{
    struct finding *f = ctx;
    for (unsigned i = 0; i < f->count; i++) {
        struct job *j = f->jobs[i];
        if (!waits_for(j, k->user_id, &k->key)) {
            continue;
        }
        bool of_message = k->kind == CMD_MESSAGE_EDIT || k->kind == CMD_MESSAGE_DELETE;
        j->has_stored = f->found = true;
        j->stored_hash = k->hash;
        j->stored = (struct outcome){.code = (enum code)k->code,
                                     .event_id = k->event_id,
                                     .chat_id = k->chat_id,
                                     .message_id = of_message ? k->other_id : 0,
                                     .user_id = of_message ? 0 : k->other_id,
                                     .seq = k->number,
                                     .at_us = k->at_us};
    }
}

enum store_rc writer_look_up_keys(struct writer *w, struct job **jobs, unsigned count, bool refused_only,
                                  bool *found)
{
    struct user_key *keys = mem_grow(NULL, count, sizeof(keys[0]));
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        struct job *j = jobs[i];
        bool refused = j->outcome.code != CODE_OK && j->outcome.code != CODE_KEY_REUSED;
        if (j->cmd.has_key && !j->has_stored && !j->keys_checked && (refused || !refused_only)) {
            keys[n++] = (struct user_key){j->cmd.actor_id, j->cmd.key};
            j->keys_asked = true;
        }
    }
    struct finding f = {.jobs = jobs, .count = count};
    enum store_rc rc = STORE_OK;
    if (n > 0) {
        rc = store_find_message_keys(w->store, keys, n, on_message_key, &f);
    }
    if (n > 0 && rc == STORE_OK) {
        rc = store_find_keys(w->store, keys, n, on_key, &f);
    }
    free(keys);
    for (unsigned i = 0; i < count; i++) {
        jobs[i]->keys_checked = jobs[i]->keys_checked || (jobs[i]->keys_asked && rc == STORE_OK);
        jobs[i]->keys_asked = false;
    }
    *found = f.found;
    return rc;
}
