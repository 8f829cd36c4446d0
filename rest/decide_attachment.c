/*
 * Attachments: a file that has been uploaded becomes known (CMD_ATTACHMENT_ADD), a message refers to it, it goes again
 * (CMD_ATTACHMENT_REMOVE). None of this is an event of its own: others hear of the message. The bytes lie in
 * their place before ADD is submitted and are removed after REMOVE has been committed, so a row always has its file.
 */
#include "rest/decide.h"

/* As the batch has it, or the look-up; NULL: there is none. */
static struct ov_attachment *find(struct decider *d, const struct job *job)
{
    struct ov_attachment *a = overlay_attachment(d->overlay, job->cmd.number2);
    if (a == NULL && job->has_attachment) {
        a = overlay_put_attachment(d->overlay, &job->attachment);
    }
    return a != NULL && !a->gone ? a : NULL;
}

/* chat_id, name, title = type, content = SHA-256, number = size, number2 = id, seq = when the upload began (us): the time that
 * is part of the id's text stays the same. */
enum code decide_attachment_add(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    enum code code = CODE_OK;
    struct ov_member *actor = NULL;
    if (decide_chat(d, c, &actor, &code) == NULL) {
        return code;
    }
    *batch_attachment_new(d->batch) = (struct row_attachment){
        .id = c->number2,
        .chat_id = c->chat_id,
        .uploader_id = c->actor_id,
        .size = c->number,
        .created_us = c->seq,
        .unused_us = d->now_us,
        .sha256 = c->content,
        .mime_type = c->title,
        .name = c->name,
    };
    (void)overlay_put_attachment(d->overlay, &(struct ov_attachment){.id = c->number2,
                                                                     .chat_id = c->chat_id,
                                                                     .uploader_id = c->actor_id,
                                                                     .unused_us = d->now_us});
    job->outcome.created = true;
    job->outcome.chat_id = c->chat_id;
    job->outcome.seq = c->number2;
    job->outcome.at_us = c->seq;
    return CODE_OK;
}

/* number2 = id. Its uploader, while no message refers to it; or nobody (the housekeeping), when it has been unused since
 * before `number` (us). */
enum code decide_attachment_remove(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    struct ov_attachment *a = find(d, job);
    if (a == NULL || (c->actor_id != 0 && c->actor_id != a->uploader_id)) {
        return CODE_ATTACHMENT_NOT_FOUND;
    }
    if (c->actor_id != 0 ? a->seq != 0 : a->unused_us == 0 || a->unused_us >= c->number) {
        return CODE_ATTACHMENT_USED;
    }
    a->gone = true;
    *batch_attachment_gone(d->batch) = a->id;
    job->outcome.created = true;
    job->outcome.at_us = d->now_us;
    return CODE_OK;
}

enum code decide_attachment_check(struct decider *d, const struct job *job)
{
    const struct ov_attachment *a = find(d, job);
    if (a == NULL || a->uploader_id != job->cmd.actor_id || a->chat_id != job->cmd.chat_id) {
        return CODE_ATTACHMENT_NOT_FOUND;
    }
    return a->seq == 0 ? CODE_OK : CODE_ATTACHMENT_USED;
}

void decide_attachment_use(struct decider *d, const struct job *job, uint64_t seq)
{
    struct ov_attachment *a = find(d, job);
    a->seq = seq;
    a->unused_us = 0;
    *batch_attachment_used(d->batch) = (struct row_attachment){.id = a->id, .seq = seq};
}

void decide_attachment_drop(struct decider *d, uint64_t chat_id, uint64_t seq)
{
    *batch_attachment_dropped(d->batch) =
        (struct row_attachment){.chat_id = chat_id, .seq = seq, .unused_us = d->now_us};
}
