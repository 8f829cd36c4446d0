#include "rest/decide.h"

#include "rest/sealer.h"
#include "shared/bug.h"

struct draft *decide_event(struct decider *d, struct job *job, const struct row_event *e)
{
    struct draft *draft = batch_draft(d->batch);
    draft->event = *e;
    draft->event.id = d->next_event++;
    draft->event.at_us = d->now_us;
    draft->event.actor_id = job->cmd.actor_id;
    draft->origin_worker = job->cmd.origin_worker;
    draft->origin_session = job->cmd.origin_session;
    *batch_event(d->batch) = draft->event;
    job->outcome.event_id = draft->event.id;
    job->outcome.at_us = d->now_us;
    return draft;
}

struct key16 decide_hash(const struct decider *d, const struct job *job)
{
    struct key16 hash = job->hash;
    if (d->sealer != NULL) {
        sealer_hash(d->sealer, &hash);
    }
    return hash;
}

static void keep_key(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    if (!c->has_key) {
        return;
    }
    struct ov_key k = {.user_id = c->actor_id, .key = c->key, .hash = decide_hash(d, job), .outcome = job->outcome};
    overlay_add_key(d->overlay, &k);
    if (c->kind == CMD_MESSAGE_SEND) {
        return; /* the message row itself carries the key */
    }
    *batch_key(d->batch) = (struct row_key){
        .user_id = c->actor_id,
        .key = c->key,
        .hash = k.hash,
        .kind = c->kind,
        .code = (uint16_t)job->outcome.code,
        .event_id = job->outcome.event_id,
        .chat_id = job->outcome.chat_id,
        .other_id = job->outcome.message_id ? job->outcome.message_id : job->outcome.user_id,
        .number = job->outcome.seq,
        .at_us = job->outcome.at_us,
    };
}

struct ov_chat *decide_chat(struct decider *d, const struct cmd *c, struct ov_member **actor,
                            enum code *code)
{
    struct ov_chat *chat = overlay_chat(d->overlay, c->chat_id);
    struct ov_member *m = chat ? overlay_member(d->overlay, chat, c->actor_id) : NULL;
    if (m == NULL || m->role == ROLE_NONE) {
        /* The same answer for a foreign chat as for none, so that ids cannot be probed. */
        *code = CODE_CHAT_NOT_FOUND;
        return NULL;
    }
    *actor = m;
    return chat;
}

void decide_put_member(struct decider *d, const struct ov_chat *chat, const struct ov_member *m)
{
    *batch_member_put(d->batch) = (struct row_member){
        .chat_id = chat->id,
        .user_id = m->user_id,
        .role = m->role,
        .joined_seq = m->joined_seq,
        .read_seq = m->read_seq,
        .own_total = m->own_total,
        .own_at_read = m->own_at_read,
        .own_seq = chat->last_seq,
    };
}

struct rule {
    enum code (*decide)(struct decider *d, struct job *job);
    bool needs_actor; /* an active user asks; otherwise the service itself does */
    bool keeps_key;
};

static const struct rule rules[] = {
    [CMD_CHAT_CREATE_DIRECT] = {decide_create_direct, true, true},
    [CMD_CHAT_CREATE_GROUP] = {decide_create_group, true, true},
    [CMD_CHAT_RENAME] = {decide_rename, true, true},
    [CMD_CHAT_DELETE] = {decide_delete_chat, true, true},
    [CMD_MEMBER_ADD] = {decide_member_add, true, true},
    [CMD_MEMBER_REMOVE] = {decide_member_remove, true, true},
    [CMD_MEMBER_ROLE] = {decide_member_role, true, true},
    [CMD_MESSAGE_SEND] = {decide_send, true, true},
    [CMD_MESSAGE_EDIT] = {decide_edit, true, true},
    [CMD_MESSAGE_DELETE] = {decide_delete_message, true, true},
    [CMD_READ] = {decide_read, true, false}, /* moves forward only: repeating it is harmless */
    [CMD_USER_CREATE] = {decide_user_create, false, false},
    [CMD_USER_UPDATE] = {decide_user_update, false, false},
    [CMD_LAST_SEEN] = {decide_last_seen, false, false},
    [CMD_RECOVERY] = {decide_recovery, false, false},
    [CMD_FAMILY_CREATE] = {decide_family_create, false, false},
    [CMD_FAMILY_ROTATE] = {decide_family_rotate, false, false},
    [CMD_REVOKE] = {decide_revoke, false, false},
    [CMD_SESSION_CREATE] = {decide_session_create, true, true},
    [CMD_SESSION_UPDATE] = {decide_session_update, true, true},
    [CMD_SESSION_DELETE] = {decide_session_delete, true, true},
    [CMD_SESSION_ROLE] = {decide_session_role, true, true},
    [CMD_SESSION_ATTENDEES] = {decide_session_attendees, true, true},
    [CMD_SESSION_KEY] = {decide_session_key, true, true},
    [CMD_CHECKIN] = {decide_checkin, false, true}, /* a scanner is nobody */
    [CMD_ATTACHMENT_ADD] = {decide_attachment_add, true, true},
    [CMD_ATTACHMENT_REMOVE] = {decide_attachment_remove, false, false},
    [CMD_NOTIFY] = {decide_notify, false, false}, /* the cursor says whether it was done */
    [CMD_NOTIFICATION_CREATE] = {decide_note_create, false, true},
    [CMD_NOTIFICATION_READ] = {decide_note_read, true, false},
    [CMD_NOTIFICATION_READ_ALL] = {decide_note_read_all, true, false},
    [CMD_NOTIFICATION_DELETE] = {decide_note_delete, true, false},
    [CMD_NOTIFICATIONS_SEEN] = {decide_notes_seen, false, false},
    [CMD_NOTIFICATIONS_TRIM] = {decide_notes_trim, false, false},
    [CMD_PREFERENCES] = {decide_preferences, true, false},
};

/* The same key again: the same answer, or a refusal when it stood for something else. */
static bool repeat(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    if (!c->has_key || !rules[c->kind].keeps_key) {
        return false;
    }
    const struct ov_key *k = overlay_key(d->overlay, c->actor_id, &c->key);
    if (k == NULL && !job->has_stored) {
        return false;
    }
    const struct key16 *hash = k ? &k->hash : &job->stored_hash;
    if (!sealer_hash_is(d->sealer, hash, &job->hash)) {
        job->outcome.code = CODE_KEY_REUSED;
        return true;
    }
    job->outcome = k ? k->outcome : job->stored;
    job->outcome.created = false;
    return true;
}

enum code decide_check_actor(struct decider *d, const struct cmd *c)
{
    const struct ov_user *u = overlay_user(d->overlay, c->actor_id);
    if (u == NULL) {
        return CODE_UNAUTHENTICATED;
    }
    return u->status == USER_ACTIVE ? CODE_OK : CODE_USER_DISABLED;
}

void decide(struct decider *d, struct job *job)
{
    BUG_IF(job->cmd.kind >= sizeof(rules) / sizeof(rules[0]) || rules[job->cmd.kind].decide == NULL);
    const struct rule *rule = &rules[job->cmd.kind];
    job->outcome = (struct outcome){.code = CODE_OK};
    job->first_draft = d->batch->drafts_count;
    job->drafts = 0;
    if (repeat(d, job)) {
        return;
    }
    enum code code = rule->needs_actor ? decide_check_actor(d, &job->cmd) : CODE_OK;
    if (code == CODE_OK) {
        code = rule->decide(d, job);
    }
    job->outcome.code = code;
    job->drafts = d->batch->drafts_count - job->first_draft;
    if (code == CODE_OK && rule->keeps_key && (job->drafts > 0 || job->outcome.created)) {
        keep_key(d, job);
    }
}
