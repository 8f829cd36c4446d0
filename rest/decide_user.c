/* Users and their tokens. */
#include "rest/decide.h"

static void own_event(struct decider *d, uint64_t user_id, uint64_t event_id)
{
    *batch_event_user(d->batch) = (struct row_event_user){.user_id = user_id, .event_id = event_id};
}

enum code decide_user_create(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    if (overlay_user_named(d->overlay, c->name) != NULL) {
        return CODE_USERNAME_TAKEN;
    }
    if (c->user_id != 0 && overlay_user(d->overlay, c->user_id) != NULL) {
        return CODE_CONFLICT;
    }
    if (c->title.len > 0 && cache_user_by_external(d->cache, c->title) != CACHE_NONE) {
        return CODE_CONFLICT; /* one of the same batch is found by the unique index */
    }
    uint64_t id = c->user_id ? c->user_id : d->next_user;
    if (id >= d->next_user) {
        d->next_user = id + 1;
    }
    struct str name = c->content.len ? c->content : c->name;
    struct ov_user *u = overlay_add_user(d->overlay, &(struct ov_user){.id = id}, c->name);
    overlay_rename_user(u, name); /* the cache does not know it yet */
    *batch_user_new(d->batch) = (struct row_user){
        .id = id,
        .created_us = d->now_us,
        .username = c->name,
        .name = name,
        .external_id = c->title.len ? c->title : STR_NONE,
        .password_hash = c->secret,
    };
    struct draft *draft = decide_event(d, job, &(struct row_event){.kind = EV_USER_CREATED, .subject_id = id});
    draft->user = d->batch->rows.users_new_count - 1;
    own_event(d, id, draft->event.id);
    job->outcome.created = true;
    job->outcome.user_id = id;
    return CODE_OK;
}

/* As it is to be from now on; p == NULL: none. */
static struct str profile_url(const struct ov_user *u, const struct cache_user *cached)
{
    if (u->profile_url == NULL) {
        return cached != NULL ? str_of(cached->profile_url) : STR_NONE;
    }
    return u->profile_url[0] != '\0' ? str_of(u->profile_url) : STR_NONE;
}

/* A row with the user's present state, for users_set. */
static struct row_user *set_user(struct decider *d, const struct ov_user *u)
{
    const struct cache_user *cached = cache_user(d->cache, cache_user_index(d->cache, u->id));
    struct str name = u->name ? str_of(u->name) : (cached ? str_of(cached->name) : STR(""));
    struct str url = profile_url(u, cached);
    struct row_user *row = batch_user_set(d->batch);
    *row = (struct row_user){
        .id = u->id,
        .name = arena_str(&d->batch->texts, name), /* may change before this batch is merged */
        .profile_url = url.p != NULL ? arena_str(&d->batch->texts, url) : STR_NONE,
        .status = u->status,
        .valid_from_us = u->valid_from_us,
    };
    return row;
}

enum code decide_user_update(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    struct ov_user *u = overlay_user(d->overlay, c->user_id);
    if (u == NULL) {
        return CODE_USER_NOT_FOUND;
    }
    job->outcome.user_id = u->id;
    if (c->number != CMD_STATUS_KEEP) {
        u->status = c->number == CMD_STATUS_DISABLED ? USER_DISABLED : USER_ACTIVE;
    }
    if (c->content.len > 0) {
        overlay_rename_user(u, c->content);
    }
    if (c->link.p != NULL) {
        overlay_set_profile_url(u, c->link);
    }
    struct row_user *row = set_user(d, u);
    row->password_hash = c->secret.len ? c->secret : STR_NONE;
    struct draft *draft = decide_event(d, job, &(struct row_event){.kind = EV_USER_CHANGED,
                                                                   .subject_id = u->id,
                                                                   .number = u->status});
    draft->user = d->batch->rows.users_set_count - 1;
    own_event(d, u->id, draft->event.id);
    return CODE_OK;
}

enum code decide_family_create(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    const struct ov_user *u = overlay_user(d->overlay, c->user_id);
    if (u == NULL) {
        return CODE_USER_NOT_FOUND;
    }
    if (u->status != USER_ACTIVE) {
        return CODE_USER_DISABLED;
    }
    struct row_family row = {
        .id = d->next_family++,
        .user_id = u->id,
        .refresh_hash = c->key,
        .created_us = d->now_us,
        .expires_s = c->number,
    };
    *batch_family_new(d->batch) = row;
    families_put(d->families, &row, d->batch_number);
    job->outcome.created = true;
    job->outcome.user_id = u->id;
    job->outcome.number = row.id;
    job->outcome.at_us = d->now_us;
    return CODE_OK;
}

static void put_family(struct decider *d, const struct row_family *row)
{
    *batch_family_set(d->batch) = *row;
    families_put(d->families, row, d->batch_number);
}

/* Log the revocation; live sessions of the family (0: all) close when it is published. */
static struct draft *log_revoked(struct decider *d, struct job *job, uint64_t user_id, uint64_t family)
{
    struct draft *draft = decide_event(
        d, job,
        &(struct row_event){.kind = EV_REVOKED, .subject_id = user_id, .number = family});
    own_event(d, user_id, draft->event.id);
    return draft;
}

static void revoke_family(struct decider *d, const struct row_family *f)
{
    struct row_family row = *f;
    row.revoked_us = d->now_us;
    put_family(d, &row);
}

enum code decide_family_rotate(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    const struct row_family *f = families_find(d->families, c->number2);
    if (f == NULL || f->revoked_us != 0) {
        return CODE_UNAUTHENTICATED;
    }
    const struct ov_user *u = overlay_user(d->overlay, f->user_id);
    if (u == NULL || u->status != USER_ACTIVE) {
        return CODE_USER_DISABLED;
    }
    job->outcome.user_id = f->user_id;
    job->outcome.number = f->id;
    bool is_repeated = key16_eq(&f->previous_hash, &c->key) && key16_eq(&f->refresh_hash, &c->key2);
    if (key16_eq(&f->previous_hash, &c->key) && !is_repeated) {
        /* Somebody kept an old token: the thief or the owner, so neither goes on. */
        log_revoked(d, job, f->user_id, f->id);
        revoke_family(d, f);
        return CODE_REFRESH_REUSED;
    }
    if (!is_repeated && !key16_eq(&f->refresh_hash, &c->key)) {
        return CODE_UNAUTHENTICATED;
    }
    if (f->expires_s * 1000000 < d->now_us) {
        return CODE_TOKEN_EXPIRED;
    }
    struct row_family row = *f;
    row.previous_hash = c->key;
    row.refresh_hash = c->key2;
    row.expires_s = c->number;
    put_family(d, &row);
    job->outcome.at_us = d->now_us;
    return CODE_OK;
}

static void revoke_each(void *ctx, const struct row_family *f)
{
    revoke_family(ctx, f);
}

enum code decide_revoke(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    struct ov_user *u = overlay_user(d->overlay, c->user_id);
    if (u == NULL) {
        return CODE_USER_NOT_FOUND;
    }
    job->outcome.user_id = u->id;
    if (c->number2 != 0) {
        const struct row_family *f = families_find(d->families, c->number2);
        if (f == NULL || f->user_id != u->id || f->revoked_us != 0) {
            return CODE_OK; /* gone already */
        }
        log_revoked(d, job, u->id, f->id);
        revoke_family(d, f);
        return CODE_OK;
    }
    families_of_user(d->families, u->id, revoke_each, d);
    u->valid_from_us = d->now_us;
    struct draft *draft = log_revoked(d, job, u->id, 0);
    set_user(d, u);
    draft->user = d->batch->rows.users_set_count - 1;
    return CODE_OK;
}
