/*
 * svc_auth.c -- the steps of a registration, a login and a refresh
 *
 * Each step starts the next one and returns; whichever fails calls finish(). Read the file from
 * the public functions at its end upwards along the names: *_step runs on a pool, on_* is an answer of the
 * writer.
 */
#include "rest/svc_auth.h"

#include <strings.h>

#include "rest/auth.h"
#include "rest/metrics.h"
#include "rest/password.h"
#include "rest/store.h"
#include "rest/workpool.h"
#include "shared/clock.h"
#include "shared/id.h"
#include "shared/rd.h"
#include "shared/utf8.h"

/* ---------------------------------------------------------------- refresh tokens */

void refresh_token_write(struct buf *out, const struct refresh_token *t)
{
    struct buf raw = BUF_INIT;
    buf_add_be64(&raw, t->family);
    buf_add(&raw, t->secret, REFRESH_SECRET_BYTES);
    buf_add(&raw, t->tag.b, sizeof(t->tag.b));
    base64url_add(out, raw.p, raw.len);
    explicit_bzero(raw.p, raw.len);
    buf_release(&raw);
}

bool refresh_token_read(struct str text, struct refresh_token *out)
{
    struct buf raw = BUF_INIT_MAX(256);
    struct refresh_token t;
    bool ok = text.len <= 128 && base64url_decode(text, &raw) &&
              raw.len == sizeof(t.family) + REFRESH_SECRET_BYTES + sizeof(t.tag.b);
    if (ok) {
        struct rd r = rd_of(raw.p, raw.len);
        t.family = rd_be64(&r);
        memcpy(t.secret, rd_bytes(&r, REFRESH_SECRET_BYTES).p, REFRESH_SECRET_BYTES);
        memcpy(t.tag.b, rd_bytes(&r, sizeof(t.tag.b)).p, sizeof(t.tag.b));
        explicit_bzero(raw.p, raw.len);
        ok = t.family != 0 && t.family <= ID_MAX;
    }
    if (ok) {
        *out = t;
    }
    buf_release(&raw);
    return ok;
}

static struct key16 hash_secret(const struct refresh_token *t)
{
    struct key16 k;
    hash16((struct str){(const char *)t->secret, REFRESH_SECRET_BYTES}, &k);
    return k;
}

/* The tag of family and secret hash. */
static enum rc make_tag(const struct svc *svc, const struct refresh_token *t, struct key16 *out)
{
    struct buf text = BUF_INIT;
    struct key16 hash = hash_secret(t);
    buf_addf(&text, "%llu ", (unsigned long long)t->family);
    base64url_add(&text, hash.b, sizeof(hash.b));
    enum rc rc = auth_tag(svc->auth, buf_str(&text), out);
    buf_release(&text);
    return rc;
}

/* ---------------------------------------------------------------- the end of every walk */

void svc_auth_release(struct auth_request *r)
{
    struct buf *all[] = {&r->access, &r->refresh, &r->hash};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i]->p) {
            explicit_bzero(all[i]->p, all[i]->len);
        }
        buf_release(all[i]);
    }
    explicit_bzero(&r->token, sizeof(r->token));
    explicit_bzero(&r->old, sizeof(r->old));
}

static void finish(struct auth_request *r, enum code code, const char *field)
{
    if (code == CODE_BAD_CREDENTIALS || code == CODE_USER_DISABLED || code == CODE_REFRESH_REUSED) {
        metric_add(METRIC_LOGIN_FAILED, 1);
    }
    r->done(r, code, field);
}

static void grant(struct auth_request *r)
{
    enum code code = svc_user(r->svc, r->user_id, r->arena, &r->user);
    if (code == CODE_OK && r->user.disabled) {
        code = CODE_USER_DISABLED;
    }
    if (code == CODE_OK &&
        (auth_issue(r->svc->auth, r->user_id, r->token.family, r->svc->conf->access_ttl_ms / 1000,
                    &r->access, &r->access_expires_s) != RC_OK ||
         make_tag(r->svc, &r->token, &r->token.tag) != RC_OK)) {
        code = CODE_UNAVAILABLE;
    }
    if (code == CODE_OK) {
        refresh_token_write(&r->refresh, &r->token);
        code = buf_ok(&r->refresh) ? CODE_OK : CODE_UNAVAILABLE;
    }
    finish(r, code, NULL);
}

/* ---------------------------------------------------------------- a token family */

static void on_family(void *ctx, const struct outcome *o)
{
    struct auth_request *r = ctx;
    if (o->code != CODE_OK) {
        finish(r, o->code, NULL);
        return;
    }
    r->token.family = o->number;
    grant(r);
}

static void new_secret(struct auth_request *r)
{
    random_bytes(r->token.secret, sizeof(r->token.secret));
    r->refresh_expires_s = wall_s() + r->svc->conf->refresh_ttl_ms / 1000;
}

static void start_family(struct auth_request *r)
{
    const char *field = NULL;
    new_secret(r);
    struct cmd c = {
        .kind = CMD_FAMILY_CREATE,
        .actor_id = r->user_id,
        .user_id = r->user_id,
        .has_key = true,
        .key = hash_secret(&r->token),
        .number = r->refresh_expires_s,
    };
    enum code code = svc_submit(r->svc, &c, on_family, r, &field);
    if (code != CODE_OK) {
        finish(r, code, field);
    }
}

/* ---------------------------------------------------------------- refresh */

static void on_reuse_revoked(void *ctx, const struct outcome *o)
{
    finish(ctx, o->code == CODE_OK ? CODE_REFRESH_REUSED : o->code, NULL);
}

/* A token of this family that is neither the present nor the last one: ours and old, or made up. */
static void refuse_unknown(struct auth_request *r, uint64_t user_id)
{
    const char *field = NULL;
    struct key16 tag;
    struct cmd c = {.kind = CMD_REVOKE, .user_id = user_id, .number2 = r->old.family};
    if (user_id == 0 || make_tag(r->svc, &r->old, &tag) != RC_OK || !key16_eq(&tag, &r->old.tag)) {
        finish(r, CODE_UNAUTHENTICATED, NULL);
        return;
    }
    enum code code = svc_submit(r->svc, &c, on_reuse_revoked, r, &field);
    if (code != CODE_OK) {
        finish(r, code, NULL);
    }
}

static void on_rotated(void *ctx, const struct outcome *o)
{
    struct auth_request *r = ctx;
    if (o->code == CODE_UNAUTHENTICATED) {
        refuse_unknown(r, o->user_id);
        return;
    }
    if (o->code != CODE_OK) {
        finish(r, o->code, NULL);
        return;
    }
    r->user_id = o->user_id;
    grant(r);
}

/* The secret that follows the old one under this key: only we can make it, and make it again. */
static bool next_secret(struct auth_request *r, const struct key16 *key)
{
    struct buf seed = BUF_INIT;
    struct key16 hash, half;
    bool ok = true;
    buf_add(&seed, r->old.secret, REFRESH_SECRET_BYTES);
    buf_add(&seed, key->b, sizeof(key->b));
    hash16(buf_str(&seed), &hash);
    ok = buf_ok(&seed);
    for (size_t i = 0; i < REFRESH_SECRET_BYTES / sizeof(half.b) && ok; i++) {
        struct buf text = BUF_INIT;
        buf_addf(&text, "next %zu ", i);
        base64url_add(&text, hash.b, sizeof(hash.b));
        ok = buf_ok(&text) && auth_tag(r->svc->auth, buf_str(&text), &half) == RC_OK;
        memcpy(r->token.secret + i * sizeof(half.b), half.b, ok ? sizeof(half.b) : 0);
        buf_release(&text);
    }
    if (seed.p != NULL) {
        explicit_bzero(seed.p, seed.len);
    }
    buf_release(&seed);
    return ok;
}

enum code svc_refresh(struct auth_request *r, struct str token, const struct key16 *key,
                      const char **field)
{
    if (!refresh_token_read(token, &r->old)) {
        return CODE_UNAUTHENTICATED;
    }
    new_secret(r);
    if (key != NULL && !next_secret(r, key)) {
        return CODE_UNAVAILABLE;
    }
    r->token.family = r->old.family;
    struct cmd c = {
        .kind = CMD_FAMILY_ROTATE,
        .has_key = true,
        .key = hash_secret(&r->old),
        .key2 = hash_secret(&r->token),
        .number = r->refresh_expires_s,
        .number2 = r->token.family,
    };
    return svc_submit(r->svc, &c, on_rotated, r, field);
}

/* ---------------------------------------------------------------- accounts */

static struct cmd account_cmd(const struct auth_request *r)
{
    return (struct cmd){
        .kind = CMD_USER_CREATE,
        .user_id = r->user_id,
        .name = r->username,
        .content = r->name.len > 0 ? r->name : r->username,
        .secret = buf_str(&r->hash),
        .title = r->external_id,
    };
}

static void on_account(void *ctx, const struct outcome *o)
{
    struct auth_request *r = ctx;
    if (o->code != CODE_OK) {
        finish(r, o->code, o->code == CODE_USERNAME_TAKEN ? "username" : NULL);
        return;
    }
    r->user_id = o->user_id;
    r->created = o->created;
    if (!r->no_login) {
        start_family(r);
        return;
    }
    finish(r, svc_user(r->svc, r->user_id, r->arena, &r->user), NULL);
}

static void create_account(struct auth_request *r)
{
    const char *field = NULL;
    struct cmd c = account_cmd(r);
    enum code code = svc_submit(r->svc, &c, on_account, r, &field);
    if (code != CODE_OK) {
        finish(r, code, field);
    }
}

static struct password_cost cost_of(const struct rest_conf *conf)
{
    return (struct password_cost){conf->argon2_memory_bytes, conf->argon2_passes};
}

static void register_step(void *ctx)
{
    struct auth_request *r = ctx;
    if (password_hash(cost_of(r->svc->conf), r->password, &r->hash) != RC_OK) {
        finish(r, CODE_UNAVAILABLE, NULL);
        return;
    }
    create_account(r);
}

static enum code on_workpool(struct auth_request *r, workpool_job step)
{
    return workpool_submit(r->svc->workpool, step, r) == RC_OK ? CODE_OK : CODE_QUEUE_FULL;
}

/* Whether a password may be used at all: CODE_OK or CODE_INVALID_FIELD. */
static enum code password_check(const struct rest_conf *conf, struct str password)
{
    bool ok = password.len <= conf->password_max_bytes &&
              utf8_count(password) >= conf->password_min_chars;
    return ok ? CODE_OK : CODE_INVALID_FIELD;
}

/* What can be refused before a hash is paid for. */
static enum code check_account(struct auth_request *r, const char **field)
{
    struct cmd c = account_cmd(r);
    enum code code = svc_check(r->svc->conf, &c, field);
    if (code != CODE_OK) {
        return code;
    }
    uint64_t id;
    if (svc_find_user(r->svc, r->username, true, &id) == CODE_OK) {
        *field = "username";
        return CODE_USERNAME_TAKEN;
    }
    return CODE_OK;
}

enum code svc_register(struct auth_request *r, const char **field)
{
    if (!CONF_NOW(r->svc->conf->register_open)) {
        return CODE_FORBIDDEN;
    }
    r->user_id = 0;
    enum code code = check_account(r, field);
    if (code == CODE_OK) {
        code = password_check(r->svc->conf, r->password);
        *field = code == CODE_OK ? NULL : "password";
    }
    return code == CODE_OK ? on_workpool(r, register_step) : code;
}

enum code svc_account(struct auth_request *r, const char **field)
{
    r->no_login = true;
    enum code code = check_account(r, field);
    if (code == CODE_OK && r->password.len > 0) {
        code = password_check(r->svc->conf, r->password);
        *field = code == CODE_OK ? NULL : "password";
        return code == CODE_OK ? on_workpool(r, register_step) : code;
    }
    if (code == CODE_OK) {
        create_account(r);
    }
    return code;
}

/* ---------------------------------------------------------------- a new password */

static void ignore_outcome(void *ctx, const struct outcome *o)
{
    (void)ctx;
    (void)o;
}

static enum code store_hash(struct auth_request *r, svc_done done, void *ctx)
{
    const char *field = NULL;
    struct cmd c = {
        .kind = CMD_USER_UPDATE,
        .actor_id = r->user_id,
        .user_id = r->user_id,
        .secret = buf_str(&r->hash),
    };
    return svc_submit(r->svc, &c, done, ctx, &field);
}

static void on_password(void *ctx, const struct outcome *o)
{
    finish(ctx, o->code, NULL);
}

static void password_step(void *ctx)
{
    struct auth_request *r = ctx;
    enum code code = CODE_UNAVAILABLE;
    if (password_hash(cost_of(r->svc->conf), r->password, &r->hash) == RC_OK) {
        code = store_hash(r, on_password, r);
    }
    if (code != CODE_OK) {
        finish(r, code, NULL);
    }
}

enum code svc_set_password(struct auth_request *r, const char **field)
{
    enum code code = password_check(r->svc->conf, r->password);
    *field = code == CODE_OK ? NULL : "password";
    return code == CODE_OK ? on_workpool(r, password_step) : code;
}

/* ---------------------------------------------------------------- login */

static void verify_step(void *ctx)
{
    struct auth_request *r = ctx;
    struct password_cost cost = cost_of(r->svc->conf);
    bool rehash = false;
    enum rc rc = password_verify(cost, buf_str(&r->hash), r->password, &rehash);
    if (rc != RC_OK) {
        finish(r, rc == RC_NO_MEMORY ? CODE_UNAVAILABLE : CODE_BAD_CREDENTIALS, NULL);
        return;
    }
    enum code code = svc_user(r->svc, r->user_id, r->arena, &r->user);
    if (code != CODE_OK || r->user.disabled) {
        finish(r, code == CODE_OK ? CODE_USER_DISABLED : CODE_BAD_CREDENTIALS, NULL);
        return;
    }
    buf_clear(&r->hash);
    if (rehash && password_hash(cost, r->password, &r->hash) == RC_OK &&
        store_hash(r, ignore_outcome, NULL) != CODE_OK) {
        buf_clear(&r->hash); /* the next login tries again */
    }
    start_family(r);
}

static void stored_hash_step(struct store *store, void *ctx)
{
    struct auth_request *r = ctx;
    bool found = false;
    enum code code = CODE_OK;
    if (!store || store_password(store, r->user_id, &r->hash, &found) != STORE_OK) {
        code = CODE_UNAVAILABLE;
    } else {
        code = on_workpool(r, verify_step);
    }
    if (code != CODE_OK) {
        finish(r, code, NULL);
    }
}

enum code svc_login(struct auth_request *r, const char **field)
{
    if (r->username.len == 0 || r->username.len > 255) {
        *field = "username";
        return CODE_INVALID_FIELD;
    }
    if (r->password.len == 0 || r->password.len > r->svc->conf->password_max_bytes) {
        *field = "password";
        return CODE_INVALID_FIELD;
    }
    r->user_id = 0;
    if (svc_find_user(r->svc, r->username, true, &r->user_id) != CODE_OK) {
        r->user_id = 0; /* look up nobody and verify nothing, at the same price */
    }
    return dbpool_submit(r->svc->dbpool, stored_hash_step, r) == RC_OK ? CODE_OK : CODE_QUEUE_FULL;
}
