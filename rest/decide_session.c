/*
 * Event sessions: who runs them, who is expected, who has come.
 *
 * Who is registered, and who is in already, was looked up before the batch was decided and is in the overlay from then on,
 * so of any number of check-ins of one person exactly one succeeds.
 */
#include "rest/decide.h"

#include "rest/sessions.h"
#include "shared/checkin.h"

/* A session in which the actor has at least this role. NULL with *code set. */
static struct ov_session *find_session(struct decider *d, struct job *job, enum session_role least, enum code *code)
{
    const struct cmd *c = &job->cmd;
    struct ov_session *x = overlay_session(d->overlay, c->chat_id);
    if (x == NULL) {
        *code = CODE_SESSION_NOT_FOUND;
    } else if (overlay_role(d->overlay, x, c->actor_id)->role < least) {
        *code = CODE_FORBIDDEN;
        x = NULL;
    } else {
        job->outcome.chat_id = x->id;
    }
    return x;
}

/* Log a change. viewers: what those who watch are closed with, CODE_OK: nothing. */
static struct draft *log_change(struct decider *d, struct job *job, const struct ov_session *x, enum code viewers)
{
    return decide_event(d, job, &(struct row_event){.kind = EV_SESSION, .number = x->id, .version = (uint32_t)viewers});
}

/* The session's row as it is to be. */
static struct row_session *put_session(struct decider *d, struct draft *draft, const struct ov_session *x)
{
    struct row_session *row = batch_session_put(d->batch);
    *row = (struct row_session){
        .id = x->id,
        .uuid = x->uuid,
        .title = arena_str(&d->batch->texts, str_of(x->title)),
        .visibility = x->visibility,
        .open_registration = x->open_registration,
        .created_by = x->created_by,
        .created_us = x->created_us,
        .updated_us = d->now_us,
        .key_hash = x->key_hash,
    };
    draft->session = d->batch->rows.sessions_put_count - 1;
    return row;
}

static void put_role(struct decider *d, struct draft *draft, struct ov_session *x, struct ov_role *r, uint8_t role)
{
    x->people_count += (role != SESSION_NOBODY) - (r->role != SESSION_NOBODY);
    x->hosts_count += (role == SESSION_HOST) - (r->role == SESSION_HOST);
    r->role = role;
    *batch_session_role_put(d->batch) =
        (struct row_session_role){.session_id = x->id, .user_id = r->user_id, .role = role};
    draft->session_role = d->batch->rows.session_roles_put_count - 1;
}

/* -- the session itself ------------------------------------------------------------------------------ */

enum code decide_session_create(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    struct ov_user *u = overlay_user(d->overlay, c->actor_id);
    if (u->sessions_count >= d->conf->sessions_per_user_max) {
        return CODE_TOO_MANY_SESSIONS;
    }
    struct ov_session *x = overlay_add_session(d->overlay, &(struct ov_session){
                                                               .id = d->next_session++,
                                                               .created_by = c->actor_id,
                                                               .created_us = d->now_us,
                                                               .uuid = c->key2,
                                                               .visibility = (uint8_t)c->number,
                                                               .open_registration = c->number2 != CMD_FLAG_OFF,
                                                           });
    overlay_retitle(x, c->title);
    u->sessions_count++;
    job->outcome.chat_id = x->id;
    job->outcome.created = true;
    struct draft *draft = log_change(d, job, x, CODE_OK);
    put_session(d, draft, x);
    put_role(d, draft, x, overlay_role(d->overlay, x, c->actor_id), SESSION_HOST);
    return CODE_OK;
}

/* Those who watch without a role have to go; the others come back at once. */
static bool shuts_out(const struct ov_session *x, uint64_t visibility)
{
    return visibility == SESSION_HOSTS && x->visibility != SESSION_HOSTS;
}

enum code decide_session_update(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    enum code code = CODE_OK;
    struct ov_session *x = find_session(d, job, SESSION_HOST, &code);
    if (x == NULL) {
        return code;
    }
    bool retitle = c->title.len > 0 && !str_eq(c->title, str_of(x->title));
    bool show = c->number != 0 && c->number != x->visibility;
    bool open = c->number2 != CMD_FLAG_KEEP && (c->number2 == CMD_FLAG_ON) != x->open_registration;
    if (!retitle && !show && !open) {
        return CODE_OK;
    }
    struct draft *draft = log_change(d, job, x, show && shuts_out(x, c->number) ? CODE_RESTARTING : CODE_OK);
    if (retitle) {
        overlay_retitle(x, c->title);
    }
    if (show) {
        x->visibility = (uint8_t)c->number;
    }
    if (open) {
        x->open_registration = c->number2 == CMD_FLAG_ON;
    }
    put_session(d, draft, x);
    return CODE_OK;
}

enum code decide_session_delete(struct decider *d, struct job *job)
{
    enum code code = CODE_OK;
    struct ov_session *x = find_session(d, job, SESSION_HOST, &code);
    if (x == NULL) {
        return code;
    }
    struct ov_user *creator = overlay_user(d->overlay, x->created_by);
    if (creator != NULL && creator->sessions_count > 0) {
        creator->sessions_count--;
    }
    put_session(d, log_change(d, job, x, CODE_SESSION_NOT_FOUND), x)->deleted_us = d->now_us;
    *batch_session_deleted(d->batch) = x->id;
    x->deleted = true;
    return CODE_OK;
}

enum code decide_session_key(struct decider *d, struct job *job)
{
    enum code code = CODE_OK;
    struct ov_session *x = find_session(d, job, SESSION_HOST, &code);
    if (x == NULL) {
        return code;
    }
    x->key_hash = job->cmd.key2;
    job->outcome.created = true;
    put_session(d, log_change(d, job, x, CODE_OK), x);
    return CODE_OK;
}

/* -- people -------------------------------------------------------------------------------------------- */

static enum code check_new_role(struct decider *d, const struct ov_session *x, const struct ov_role *r)
{
    const struct ov_user *u = overlay_user(d->overlay, r->user_id);
    if (u == NULL || u->status != USER_ACTIVE) {
        return CODE_USER_NOT_FOUND;
    }
    return x->people_count < d->conf->session_roles_max ? CODE_OK : CODE_TOO_MANY_ROLES;
}

enum code decide_session_role(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    enum code code = CODE_OK;
    bool leaves = c->number == SESSION_NOBODY && c->user_id == c->actor_id;
    struct ov_session *x = find_session(d, job, leaves ? SESSION_STAFF : SESSION_HOST, &code);
    if (x == NULL) {
        return code;
    }
    struct ov_role *r = overlay_role(d->overlay, x, c->user_id);
    job->outcome.user_id = c->user_id;
    if (r->role == SESSION_NOBODY) {
        code = c->number == SESSION_NOBODY ? CODE_MEMBER_NOT_FOUND : check_new_role(d, x, r);
    } else if (r->role == SESSION_HOST && c->number != SESSION_HOST && x->hosts_count == 1) {
        code = CODE_LAST_HOST;
    }
    if (code != CODE_OK || r->role == c->number) {
        return code;
    }
    bool shut_out = c->number == SESSION_NOBODY && x->visibility == SESSION_HOSTS;
    job->outcome.created = r->role == SESSION_NOBODY;
    struct draft *draft = decide_event(d, job, &(struct row_event){
                                                   .kind = EV_SESSION,
                                                   .number = x->id,
                                                   .subject_id = shut_out ? c->user_id : 0,
                                                   .version = shut_out ? CODE_FORBIDDEN : CODE_OK,
                                               });
    put_role(d, draft, x, r, (uint8_t)c->number);
    return CODE_OK;
}

/* How many of the list are no attendees yet; one who is named twice counts twice. */
static enum code count_new(struct decider *d, const struct ov_session *x, const struct cmd *c, uint32_t *fresh)
{
    for (uint32_t i = 0; i < c->users_count; i++) {
        const struct ov_user *u = overlay_user(d->overlay, c->users[i]);
        if (u == NULL || u->status != USER_ACTIVE) {
            return CODE_USER_NOT_FOUND;
        }
        *fresh += overlay_attendee(d->overlay, x->id, c->users[i]) == NULL;
    }
    return x->attendees + *fresh > d->conf->session_attendees_max ? CODE_TOO_MANY_ATTENDEES : CODE_OK;
}

static struct row_attendee *add_attendee(struct decider *d, struct ov_session *x, struct draft *draft, uint64_t user_id,
                                         uint64_t code)
{
    struct row_attendee *a = overlay_put_attendee(
        d->overlay,
        &(struct row_attendee){.session_id = x->id, .user_id = user_id, .code = code, .last_event = draft->event.id});
    *batch_attendee_new(d->batch) = *a;
    draft->attendees++;
    x->attendees++;
    return a;
}

/* Those who walked in get a code, too; whoever has one keeps it. */
static bool needs_code(struct decider *d, const struct ov_session *x, uint64_t user_id)
{
    const struct row_attendee *a = overlay_attendee(d->overlay, x->id, user_id);
    return a == NULL || a->code == 0;
}

enum code decide_session_attendees(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    enum code code = CODE_OK;
    struct ov_session *x = find_session(d, job, SESSION_HOST, &code);
    uint32_t fresh = 0, missing = 0;
    code = x != NULL ? count_new(d, x, c, &fresh) : code;
    if (code != CODE_OK) {
        return code;
    }
    for (uint32_t i = 0; i < c->users_count; i++) {
        missing += needs_code(d, x, c->users[i]);
    }
    if (missing == 0) {
        return CODE_OK;
    }
    job->outcome.created = fresh > 0;
    struct draft *draft = log_change(d, job, x, CODE_OK);
    for (uint32_t i = 0; i < c->users_count; i++) {
        struct row_attendee *a = overlay_attendee(d->overlay, x->id, c->users[i]);
        if (a == NULL) {
            add_attendee(d, x, draft, c->users[i], checkin_code_new());
        } else if (a->code == 0) {
            struct row_attendee with_code = *a;
            with_code.code = checkin_code_new();
            with_code.last_event = draft->event.id;
            *batch_attendee_set(d->batch) = *overlay_put_attendee(d->overlay, &with_code);
        }
    }
    return CODE_OK;
}

/* -- check-ins ----------------------------------------------------------------------------------------- */

static enum code may_check_in(struct decider *d, const struct cmd *c, const struct ov_session *x)
{
    static const struct key16 none;
    if (c->number & CMD_CHECKIN_BY_SCANNER) {
        bool good = !key16_eq(&x->key_hash, &none) && key16_eq_secret(&x->key_hash, &c->key2);
        return good ? CODE_OK : CODE_FORBIDDEN;
    }
    enum code code = decide_check_actor(d, c);
    if (code == CODE_OK && overlay_role(d->overlay, x, c->actor_id)->role == SESSION_NOBODY) {
        code = CODE_FORBIDDEN;
    }
    return code;
}

static struct str name_of(struct decider *d, uint64_t user_id)
{
    const struct ov_user *u = user_id != 0 ? overlay_user(d->overlay, user_id) : NULL;
    const struct cache_user *cached = cache_user(d->cache, cache_user_index(d->cache, user_id));
    if (u != NULL && u->name != NULL) {
        return arena_str(&d->batch->texts, str_of(u->name));
    }
    return cached != NULL ? arena_str(&d->batch->texts, str_of(cached->name)) : STR("");
}

static enum checkin_result result_of(const struct ov_session *x, const struct row_attendee *a, bool by_code)
{
    if (a != NULL) {
        return a->checkin_id != 0 ? CHECKIN_ALREADY : CHECKIN_DONE;
    }
    if (by_code) {
        return CHECKIN_UNKNOWN_CODE;
    }
    return x->open_registration ? CHECKIN_DONE : CHECKIN_NOT_REGISTERED;
}

/* The attempt, whatever came of it, as it is logged and shown. */
static struct draft *log_attempt(struct decider *d, struct job *job, const struct ov_session *x, uint64_t user_id,
                                 enum checkin_result result)
{
    struct draft *draft = decide_event(d, job, &(struct row_event){.kind = EV_CHECKIN, .number = x->id});
    *batch_checkin(d->batch) = (struct row_checkin){
        .id = draft->event.id,
        .session_id = x->id,
        .user_id = user_id,
        .by_user_id = job->cmd.actor_id,
        .at_us = d->now_us,
        .result = (uint8_t)result,
        .name = name_of(d, user_id),
    };
    draft->checkin = d->batch->rows.checkins_count - 1;
    job->outcome.user_id = user_id;
    return draft;
}

enum code decide_checkin(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    bool by_code = (c->number & CMD_CHECKIN_BY_CODE) != 0;
    struct ov_session *x = overlay_session(d->overlay, c->chat_id);
    enum code code = x != NULL ? may_check_in(d, c, x) : CODE_SESSION_NOT_FOUND;
    if (code != CODE_OK) {
        return code;
    }
    if (!by_code && overlay_user(d->overlay, c->user_id) == NULL) {
        return CODE_USER_NOT_FOUND;
    }
    struct row_attendee *a = by_code ? overlay_attendee_with_code(d->overlay, x->id, c->number2)
                                     : overlay_attendee(d->overlay, x->id, c->user_id);
    enum checkin_result result = result_of(x, a, by_code);
    if (result == CHECKIN_DONE && a == NULL && x->attendees >= d->conf->session_attendees_max) {
        return CODE_TOO_MANY_ATTENDEES;
    }
    job->outcome.chat_id = x->id;
    struct draft *draft = log_attempt(d, job, x, a != NULL ? a->user_id : by_code ? 0 : c->user_id, result);
    if (result == CHECKIN_DONE) {
        a = a != NULL ? a : add_attendee(d, x, draft, c->user_id, 0);
        a->checkin_id = a->last_event = draft->event.id;
        a->checkin_us = d->now_us;
        *batch_attendee_set(d->batch) = *a;
        job->outcome.created = true;
    }
    return CODE_OK;
}
