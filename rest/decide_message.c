/* Messages and read cursors. */
#include "rest/decide.h"

/* Where the message goes: the named chat, or the direct chat with a user, made when there is none. */
static struct ov_chat *find_target(struct decider *d, struct job *job, struct ov_member **actor,
                                   enum code *code)
{
    if (job->cmd.chat_id != 0) {
        return decide_chat(d, &job->cmd, actor, code);
    }
    struct ov_chat *chat = NULL;
    bool created = false;
    *code = decide_direct(d, job, job->cmd.user_id, &chat, &created);
    if (*code != CODE_OK) {
        return NULL;
    }
    *actor = overlay_member(d->overlay, chat, job->cmd.actor_id);
    return chat;
}

static void store_message(struct decider *d, const struct job *job, const struct ov_message *m)
{
    const struct cmd *c = &job->cmd;
    struct row_message *row = batch_message_new(d->batch);
    *row = (struct row_message){
        .chat_id = m->chat_id,
        .seq = m->seq,
        .id = m->id,
        .sender_id = m->sender_id,
        .created_us = m->created_us,
        .version = 1,
        .flags = m->flags,
        .last_event = m->id,
        .key = c->key,
        .hash = decide_hash(d, job),
        .kind = c->name,
        .content = c->content,
    };
    if (!c->has_key) {
        key16_new(&row->key); /* the unique index wants one; time-ordered, so that it stays cheap */
    }
}

static void set_kind(struct ov_message *m, struct str kind)
{
    size_t len = kind.len < sizeof(m->kind) ? kind.len : sizeof(m->kind) - 1;
    memcpy(m->kind, kind.p, len);
    m->kind[len] = '\0';
}

enum code decide_send(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    enum code code = CODE_OK;
    struct ov_member *actor = NULL;
    if (c->number2 != 0 && c->chat_id == 0) {
        return CODE_ATTACHMENT_NOT_FOUND;
    }
    struct ov_chat *chat = find_target(d, job, &actor, &code);
    if (chat == NULL) {
        return code;
    }
    if (c->number2 != 0 && (code = decide_attachment_check(d, job)) != CODE_OK) {
        return code; /* never with a chat just made: the attachment belongs to one that was there */
    }
    struct ov_message m = {
        .chat_id = chat->id,
        .seq = ++chat->last_seq,
        .sender_id = c->actor_id,
        .created_us = d->now_us,
        .version = 1,
        .flags = c->number2 != 0 ? ROW_MESSAGE_ATTACHED : 0,
    };
    struct draft *draft = decide_event(
        d, job,
        &(struct row_event){.kind = EV_MESSAGE, .chat_id = chat->id, .seq = m.seq, .version = 1});
    m.id = m.last_event = chat->last_message_id = draft->event.id;
    draft->message_new = d->batch->rows.messages_new_count;
    hash16(c->content, &m.content_hash);
    set_kind(&m, c->name);
    store_message(d, job, &m);
    overlay_put_message(d->overlay, &m);
    if (c->number2 != 0) {
        decide_attachment_use(d, job, m.seq);
    }
    actor->own_total++;
    job->outcome.created = true;
    job->outcome.chat_id = chat->id;
    job->outcome.message_id = m.id;
    job->outcome.seq = m.seq;
    return CODE_OK;
}

/* The message, if the actor may see it. A copy: the overlay's entry, or what the look-up found. */
static bool find_message(struct decider *d, struct job *job, struct ov_member **actor,
                         struct ov_message *out, enum code *code)
{
    const struct cmd *c = &job->cmd;
    const struct ov_message *m = overlay_message(d->overlay, c->message_id);
    if (m == NULL && job->has_message) {
        m = &job->message;
    }
    struct cmd in_chat = *c;
    in_chat.chat_id = c->chat_id ? c->chat_id : (m ? m->chat_id : 0);
    if (decide_chat(d, &in_chat, actor, code) == NULL) {
        return false;
    }
    if (m == NULL || m->chat_id != in_chat.chat_id || m->seq <= (*actor)->joined_seq) {
        *code = CODE_MESSAGE_NOT_FOUND;
        return false;
    }
    *out = *m;
    return true;
}

static void fill_outcome(struct job *job, const struct ov_message *m)
{
    job->outcome.chat_id = m->chat_id;
    job->outcome.message_id = m->id;
    job->outcome.seq = m->seq;
    if (job->outcome.event_id == 0) {
        job->outcome.event_id = m->last_event; /* nothing changed: the event that made it so */
    }
}

/* Log the change and store the new state; content.p == NULL keeps the stored text. */
static void change_message(struct decider *d, struct job *job, struct ov_message *m,
                           enum event_kind kind, struct str content)
{
    m->version++;
    struct draft *draft = decide_event(d, job, &(struct row_event){.kind = (uint8_t)kind,
                                                                   .chat_id = m->chat_id,
                                                                   .seq = m->seq,
                                                                   .version = m->version});
    m->last_event = draft->event.id;
    draft->message_set = d->batch->rows.messages_set_count;
    overlay_put_message(d->overlay, m);
    *batch_message_set(d->batch) = (struct row_message){
        .chat_id = m->chat_id,
        .seq = m->seq,
        .id = m->id,
        .sender_id = m->sender_id,
        .created_us = m->created_us,
        .version = m->version,
        .flags = m->flags,
        .last_event = m->last_event,
        .kind = arena_str(&d->batch->texts, str_of(m->kind)),
        .content = content,
    };
}

enum code decide_edit(struct decider *d, struct job *job)
{
    enum code code = CODE_OK;
    struct ov_member *actor = NULL;
    struct ov_message m;
    if (!find_message(d, job, &actor, &m, &code)) {
        return code;
    }
    if (m.sender_id != job->cmd.actor_id) {
        return CODE_FORBIDDEN;
    }
    if (m.flags & MESSAGE_DELETED) {
        return CODE_MESSAGE_DELETED;
    }
    struct key16 content_hash;
    hash16(job->cmd.content, &content_hash);
    if (!key16_eq(&content_hash, &m.content_hash)) {
        m.content_hash = content_hash;
        m.flags |= MESSAGE_EDITED;
        change_message(d, job, &m, EV_MESSAGE_EDITED, job->cmd.content);
    }
    fill_outcome(job, &m);
    return CODE_OK;
}

enum code decide_delete_message(struct decider *d, struct job *job)
{
    enum code code = CODE_OK;
    struct ov_member *actor = NULL;
    struct ov_message m;
    if (!find_message(d, job, &actor, &m, &code)) {
        return code;
    }
    if (m.sender_id != job->cmd.actor_id && actor->role < ROLE_ADMIN) {
        return CODE_FORBIDDEN;
    }
    if (!(m.flags & MESSAGE_DELETED)) {
        m.flags |= MESSAGE_DELETED;
        change_message(d, job, &m, EV_MESSAGE_DELETED, STR_NONE);
        *batch_deletion(d->batch) = (struct row_deletion){
            .chat_id = m.chat_id, .seq = m.seq, .sender_id = m.sender_id};
        if (m.flags & ROW_MESSAGE_ATTACHED) {
            decide_attachment_drop(d, m.chat_id, m.seq);
        }
    }
    fill_outcome(job, &m);
    return CODE_OK;
}

/* The cursor asked for, capped at the newest message. */
static enum code find_cursor(struct decider *d, const struct job *job, const struct ov_chat *chat,
                             uint64_t *seq)
{
    const struct cmd *c = &job->cmd;
    *seq = c->seq ? c->seq : chat->last_seq;
    if (c->message_id != 0) {
        const struct ov_message *m = overlay_message(d->overlay, c->message_id);
        if (m == NULL && job->has_message) {
            m = &job->message;
        }
        if (m == NULL || m->chat_id != chat->id) {
            return CODE_MESSAGE_NOT_FOUND;
        }
        *seq = m->seq;
    }
    if (*seq > chat->last_seq) {
        *seq = chat->last_seq;
    }
    return CODE_OK;
}

/* Which message the cursor is at. 0: the place was not looked up, as nothing there is known any more. */
static uint64_t message_at(const struct decider *d, const struct job *job, const struct ov_chat *chat, uint64_t seq)
{
    const struct store_batch *rows = &d->batch->rows;
    if (seq == chat->last_seq) {
        return chat->last_message_id;
    }
    if (job->has_message && job->message.chat_id == chat->id && job->message.seq == seq) {
        return job->message.id;
    }
    for (unsigned i = rows->messages_new_count; i-- > 0;) {
        if (rows->messages_new[i].chat_id == chat->id && rows->messages_new[i].seq == seq) {
            return rows->messages_new[i].id;
        }
    }
    return 0;
}

enum code decide_read(struct decider *d, struct job *job)
{
    enum code code = CODE_OK;
    struct ov_member *actor = NULL;
    struct ov_chat *chat = decide_chat(d, &job->cmd, &actor, &code);
    uint64_t seq = 0;
    if (chat == NULL || (code = find_cursor(d, job, chat, &seq)) != CODE_OK) {
        return code;
    }
    job->outcome.chat_id = chat->id;
    if (seq <= actor->read_seq) {
        job->outcome.seq = actor->read_seq;
        return CODE_OK;
    }
    job->outcome.seq = seq;
    if (seq == chat->last_seq) {
        actor->own_at_read = actor->own_total;
    } else {
        actor->own_at_read = job->has_own_at ? job->own_at : actor->own_at_read;
        if (actor->own_at_read > actor->own_total) { /* counted before leaving and coming back in this batch */
            actor->own_at_read = actor->own_total;
        }
    }
    actor->read_seq = seq;
    decide_put_member(d, chat, actor);
    struct draft *draft = decide_event(d, job, &(struct row_event){.kind = EV_READ,
                                                                   .chat_id = chat->id,
                                                                   .number = message_at(d, job, chat, seq),
                                                                   .seq = seq});
    draft->member = d->batch->rows.members_put_count - 1;
    draft->members = 1;
    return CODE_OK;
}
