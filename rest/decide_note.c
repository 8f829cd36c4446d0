/*
 * Notifications: what the notifier found, what administration sends, and what users do with theirs.
 *
 * A message notifies each user at most once because the notifier's cursor moves in the same transaction and only from
 * where the command says it stood. What has changed since the notifier looked (the message is deleted, the user has
 * read it or is gone) is checked here again, where nothing can come between.
 */
#include "rest/decide.h"

#include "rest/notes.h"
#include "rest/prefs.h"
#include "shared/bug.h"

static struct draft *note_event(struct decider *d, struct job *job, enum event_kind kind, uint64_t user_id,
                                uint64_t number)
{
    return decide_event(d, job,
                        &(struct row_event){.kind = (uint8_t)kind, .subject_id = user_id, .number = number});
}

/* What the user's counters are after the event of this draft. */
static void keep_count(struct decider *d, struct draft *draft, const struct ov_notes *n)
{
    draft->note_count = d->batch->note_counts_count;
    *batch_note_count(d->batch) = (struct note_count){
        .user_id = n->user_id, .read_all_id = n->read_all_id, .unread = n->unread, .marked = n->marked};
}

static void own_event(struct decider *d, uint64_t user_id, uint64_t event_id)
{
    *batch_event_user(d->batch) = (struct row_event_user){.user_id = user_id, .event_id = event_id};
}

/* Log a notification of the user's (0: everybody's) and return its row, which has its id and time. */
static struct row_note *create(struct decider *d, struct job *job, uint64_t user_id, struct draft **draft)
{
    *draft = note_event(d, job, EV_NOTIFICATION, user_id, 0);
    (*draft)->note = d->batch->rows.notes_new_count;
    struct row_note *row = batch_note_new(d->batch);
    *row = (struct row_note){.id = (*draft)->event.id,
                             .user_id = user_id,
                             .created_us = d->now_us,
                             .last_event = (*draft)->event.id};
    if (user_id != 0) {
        struct ov_notes *n = overlay_notes(d->overlay, user_id);
        n->unread++;
        keep_count(d, *draft, n);
    }
    return row;
}

/* -- about messages: the notifier ------------------------------------------------------------------------- */

static bool is_deleted(struct decider *d, const struct note_subject *s)
{
    const struct ov_message *m = overlay_message(d->overlay, s->message_id);
    if (m != NULL && (m->flags & MESSAGE_DELETED)) {
        return true;
    }
    const struct cache_chat *chat = cache_chat(d->cache, cache_chat_index(d->cache, s->chat_id));
    return chat != NULL && cache_is_deleted(chat, s->seq);
}

/* Whether what the notifier wanted is still right. */
static uint8_t confirm(struct decider *d, const struct note_subject *s, uint64_t user_id, bool deleted)
{
    struct ov_chat *chat = overlay_chat(d->overlay, s->chat_id);
    const struct ov_member *m = chat != NULL ? overlay_member(d->overlay, chat, user_id) : NULL;
    const struct ov_user *u = overlay_user(d->overlay, user_id);
    if (m == NULL || m->role == ROLE_NONE || m->joined_seq >= s->seq || u == NULL) {
        return NOTE_NOT_MEMBER;
    }
    if (u->status != USER_ACTIVE) {
        return NOTE_DISABLED;
    }
    if (deleted) {
        return NOTE_DELETED;
    }
    return m->read_seq >= s->seq ? NOTE_READ : NOTE_NOTIFIED;
}

static void notify(struct decider *d, struct job *job, const struct note_subject *s, const struct note_choice *c,
                   uint32_t message)
{
    struct draft *draft = NULL;
    struct row_note *row = create(d, job, c->user_id, &draft);
    row->chat_id = s->chat_id;
    row->seq = s->seq;
    row->sender_id = s->sender_id;
    row->preview = c->preview;
    draft->note_message = message;
}

/* For publishing: the row itself is not in this batch. */
static uint32_t keep_message(struct decider *d, const struct note_subject *s)
{
    *batch_note_message(d->batch) = (struct row_message){
        .chat_id = s->chat_id,
        .seq = s->seq,
        .id = s->message_id,
        .sender_id = s->sender_id,
        .created_us = s->created_us,
        .version = 1,
        .last_event = s->message_id,
        .kind = s->kind,
        .content = s->text,
    };
    return d->batch->note_messages_count - 1;
}

static bool decide_subject(struct decider *d, struct job *job, const struct note_subject *s, struct rd *chunk,
                           struct buf *record)
{
    bool deleted = is_deleted(d, s);
    uint32_t message = BATCH_NONE;
    buf_clear(record);
    for (uint32_t i = 0; i < s->choices; i++) {
        struct note_choice c;
        if (!notes_next_choice(chunk, &c)) {
            return false;
        }
        if (c.reason == NOTE_NOTIFIED) {
            c.reason = job->cmd.chat_id != 0 ? NOTE_REFUSED : confirm(d, s, c.user_id, deleted);
        }
        if (c.reason == NOTE_NOTIFIED) {
            message = message == BATCH_NONE ? keep_message(d, s) : message;
            notify(d, job, s, &c, message);
            job->outcome.seq++;
        }
        notes_record_add(record, c.user_id, c.reason);
    }
    *batch_decision(d->batch) = (struct row_decision){
        .message_id = s->message_id,
        .decided_us = d->now_us,
        .decisions = arena_str(&d->batch->texts, buf_str(record)),
    };
    return true;
}

/* The outcome says where the cursor is, also when that is not where the command thought. seq: how many are notified. */
enum code decide_notify(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    struct rd chunk = rd_of(c->content.p, c->content.len);
    struct note_subject s;
    struct buf record = BUF_INIT;
    if (d->notifier.event_id != c->message_id || d->notifier.user_id != c->user_id) {
        job->outcome.message_id = d->notifier.event_id;
        job->outcome.user_id = d->notifier.user_id;
        return CODE_CONFLICT;
    }
    bool good = true;
    while (good && notes_next_subject(&chunk, &s)) {
        good = decide_subject(d, job, &s, &chunk, &record);
    }
    buf_release(&record);
    BUG_IF(!good || chunk.bad); /* made by this process */
    d->notifier = (struct row_notifier){.event_id = c->seq, .user_id = c->number};
    *batch_notifier(d->batch) = d->notifier;
    job->outcome.message_id = c->seq;
    job->outcome.user_id = c->number;
    return CODE_OK;
}

/* -- from administration ---------------------------------------------------------------------------------- */

static void say(struct job *job, struct row_note *row)
{
    row->kind = job->cmd.name;
    row->title = job->cmd.title;
    row->text = job->cmd.content;
    row->link = job->cmd.link;
    job->outcome.seq++;
    job->outcome.created = true;
}

/* One for each who wants that kind, or one for everybody. seq: how many were made; the last is the outcome's event, and their
 * ids have no gaps. */
enum code decide_note_create(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    struct draft *draft = NULL;
    if (c->users_count == 0) {
        say(job, create(d, job, 0, &draft));
        return CODE_OK;
    }
    for (uint32_t i = 0; i < c->users_count; i++) {
        const struct prefs *p = cache_prefs(d->cache, cache_user_index(d->cache, c->users[i]));
        if (overlay_user(d->overlay, c->users[i]) != NULL && prefs_kind_is_on(p, c->name)) {
            say(job, create(d, job, c->users[i], &draft));
        }
    }
    return CODE_OK;
}

/* -- from the user ---------------------------------------------------------------------------------------- */

static uint64_t created_us_of(const struct decider *d, uint64_t user_id)
{
    const struct cache_user *u = cache_user(d->cache, cache_user_index(d->cache, user_id));
    return u != NULL ? u->created_us : UINT64_MAX;
}

/* The notification, if it is the actor's to see; *o is what the batch has done to it already. */
static bool find(struct decider *d, struct job *job, struct ov_note **o)
{
    const struct row_note *row = &job->note;
    uint64_t user_id = job->cmd.actor_id;
    if (!job->has_note || (row->user_id == 0 && row->created_us < created_us_of(d, user_id))) {
        return false;
    }
    *o = overlay_note(d->overlay, user_id, row->id);
    (*o)->is_read = (*o)->is_read || row->read_us != 0 ||
                    row->id <= overlay_notes(d->overlay, user_id)->read_all_id;
    (*o)->is_deleted = (*o)->is_deleted || row->deleted_us != 0;
    return true;
}

/* A broadcast counts by its mark, any other one is in the count itself. */
static void count_down(struct decider *d, struct ov_notes *n, const struct row_note *row)
{
    if (row->user_id == 0) {
        n->marked += cache_has_broadcast(d->cache, row->id);
    } else if (n->unread > 0) {
        n->unread--;
    }
}

/* Log and store what the user did; it no longer counts as unread. */
static void mark(struct decider *d, struct job *job, uint64_t user_id, const struct row_note *row, bool was_unread,
                 bool deleted)
{
    struct draft *draft =
        note_event(d, job, deleted ? EV_NOTIFICATION_DELETED : EV_NOTIFICATION_READ, user_id, row->id);
    struct ov_notes *n = overlay_notes(d->overlay, user_id);
    if (was_unread) {
        count_down(d, n, row);
    }
    keep_count(d, draft, n);
    own_event(d, user_id, draft->event.id);
    struct row_note_mark *m = row->user_id == 0 ? batch_note_mark(d->batch) : batch_note_set(d->batch);
    *m = (struct row_note_mark){.user_id = user_id,
                                .id = row->id,
                                .read_us = deleted ? 0 : d->now_us,
                                .deleted_us = deleted ? d->now_us : 0,
                                .last_event = draft->event.id};
}

enum code decide_note_read(struct decider *d, struct job *job)
{
    struct ov_note *o = NULL;
    if (!find(d, job, &o) || o->is_deleted) {
        return CODE_NOTIFICATION_NOT_FOUND;
    }
    if (!o->is_read) {
        mark(d, job, job->cmd.actor_id, &job->note, true, false);
        o->is_read = true;
    }
    return CODE_OK;
}

enum code decide_note_delete(struct decider *d, struct job *job)
{
    struct ov_note *o = NULL;
    if (!find(d, job, &o)) {
        return CODE_NOTIFICATION_NOT_FOUND;
    }
    if (!o->is_deleted) {
        mark(d, job, job->cmd.actor_id, &job->note, !o->is_read, true);
        o->is_deleted = true;
    }
    return CODE_OK;
}

static bool made_broadcast(const struct batch *b)
{
    for (unsigned i = 0; i < b->rows.notes_new_count; i++) {
        if (b->rows.notes_new[i].user_id == 0) {
            return true;
        }
    }
    return false;
}

/* Everything up to here, in one number, however much it is. */
enum code decide_note_read_all(struct decider *d, struct job *job)
{
    uint64_t user_id = job->cmd.actor_id, newest = d->next_event - 1;
    struct ov_notes *n = overlay_notes(d->overlay, user_id);
    if (n->unread == 0 && !made_broadcast(d->batch) &&
        cache_broadcasts_unread(d->cache, created_us_of(d, user_id), n->read_all_id, n->marked) == 0) {
        return CODE_OK;
    }
    n->read_all_id = newest;
    n->unread = n->marked = 0;
    struct draft *draft = note_event(d, job, EV_NOTIFICATION_READ_ALL, user_id, newest);
    keep_count(d, draft, n);
    own_event(d, user_id, draft->event.id);
    *batch_note_user(d->batch) = (struct row_note_user){.user_id = user_id, .read_all_id = newest};
    return CODE_OK;
}

/* Reading a chat reads what told of its messages. number 1: there may be more of it. */
enum code decide_notes_seen(struct decider *d, struct job *job)
{
    for (uint32_t i = 0; i < job->seen_count; i++) {
        const struct row_note row = {.id = job->seen[i].id, .user_id = job->seen[i].user_id};
        struct ov_note *o = overlay_note(d->overlay, row.user_id, row.id);
        bool read_all = row.id <= overlay_notes(d->overlay, row.user_id)->read_all_id;
        if (!o->is_read && !o->is_deleted && !read_all) {
            mark(d, job, row.user_id, &row, true, false);
            o->is_read = true;
        }
    }
    job->outcome.number = job->seen_more;
    return CODE_OK;
}

/* As if their users had deleted them, so counts, sockets and those who resume learn of it in the usual way. seq: how many. */
enum code decide_notes_trim(struct decider *d, struct job *job)
{
    for (uint32_t i = 0; i < job->seen_count; i++) {
        const struct row_note row = {.id = job->seen[i].id, .user_id = job->seen[i].user_id};
        struct ov_note *o = overlay_note(d->overlay, row.user_id, row.id);
        bool read_all = row.id <= overlay_notes(d->overlay, row.user_id)->read_all_id;
        if (!o->is_read && !o->is_deleted && !read_all) {
            mark(d, job, row.user_id, &row, true, true);
            o->is_deleted = true;
            job->outcome.seq++;
        }
    }
    return CODE_OK;
}

void decide_put_unread(struct decider *d, uint64_t user_id)
{
    const struct ov_notes *n = overlay_notes(d->overlay, user_id);
    *batch_note_unread(d->batch) =
        (struct row_note_user){.user_id = user_id, .read_all_id = n->read_all_id, .unread = n->unread};
}

/* The service made the text canonical. */
enum code decide_preferences(struct decider *d, struct job *job)
{
    *batch_preferences(d->batch) =
        (struct row_preferences){.user_id = job->cmd.actor_id, .text = job->cmd.content};
    return CODE_OK;
}
