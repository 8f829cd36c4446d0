#include "rest/settings.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rest/auth_keys.h"
#include "rest/door_listen.h"
#include "rest/door_policy.h"
#include "rest/push.h"
#include "rest/sealer.h"
#include "rest/start.h"
#include "shared/mem.h"

/* -- what they refer to --------------------------------------------------------------------------------- */

static enum rc check_door(const struct rest_conf *c, struct buf *why)
{
    struct door_listener listeners[DOOR_LISTENERS_MAX];
    struct door_policy *policy = NULL;
    unsigned count = 0;
    enum rc rc = door_listen_parse(c->listen, listeners, &count, why);
    if (rc == RC_OK) {
        rc = door_policy_new(c, &policy, why);
    }
    if (rc == RC_OK) {
        door_policy_free(policy);
    }
    return rc;
}

static enum rc check_files(const struct rest_conf *c, struct buf *why)
{
    const struct {
        const char *name, *path;
    } files[] = {
        {"db_password_file", c->db_password_file}, {"db_tls_ca", c->db_tls_ca},
        {"db_tls_cert", c->db_tls_cert},           {"db_tls_key", c->db_tls_key},
        {"migrations_dir", c->migrations_dir},     {"web_dir", c->web_dir},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i].path[0] != '\0' && access(files[i].path, R_OK) != 0) {
            buf_addf(why, "%s: cannot read %s: %s.\n", files[i].name, files[i].path, strerror(errno));
            return RC_INVALID;
        }
    }
    if (c->attachments_dir[0] != '\0' && access(c->attachments_dir, F_OK) == 0 &&
        access(c->attachments_dir, W_OK | X_OK) != 0) {
        buf_addf(why, "attachments_dir: cannot write to %s: %s.\n", c->attachments_dir, strerror(errno));
        return RC_INVALID;
    }
    if (c->link_user[0] != '\0' && getpwnam(c->link_user) == NULL) {
        buf_addf(why, "link_user: there is no user %s.\n", c->link_user);
        return RC_INVALID;
    }
    return RC_OK;
}

/* Whether a start would make the file: then there is nothing in it to check. */
static bool will_be_made(const struct rest_conf *c, const char *path)
{
    return (c->create_secrets || c->profile == PROFILE_DEV) && access(path, F_OK) != 0;
}

static enum rc check_content_keys(const struct rest_conf *c, struct buf *why)
{
    struct sealer *sealer = NULL;
    enum rc rc = start_read_content_keys(c, &sealer, why);
    sealer_free(sealer);
    return rc;
}

static enum rc check_keys(const struct rest_conf *c, struct buf *why)
{
    struct buf admin = BUF_INIT;
    struct jwt_keys *keys = NULL;
    bool has_secret = !will_be_made(c, c->jwt_secret_file);
    enum rc rc = RC_OK;
    if (has_secret || c->jwt_jwks_file[0] != '\0') {
        rc = auth_keys_load(has_secret ? c->jwt_secret_file : "", c->jwt_jwks_file, c->jwt_issuer,
                            c->jwt_audience, c->token_leeway_ms / 1000, false, &keys, why);
    }
    jwt_keys_free(keys);
    if (rc == RC_OK && !will_be_made(c, c->admin_token_file)) {
        rc = auth_admin_load(c->admin_token_file, false, &admin, why);
    }
    auth_wipe(&admin);
    return rc;
}

static enum rc check_push(const struct rest_conf *c, struct buf *why)
{
    return push_check(c, c->create_secrets || c->profile == PROFILE_DEV, why);
}

enum rc settings_check(const struct rest_conf *c, struct buf *why)
{
    enum rc (*const checks[])(const struct rest_conf *, struct buf *) = {
        rest_conf_check, check_door, check_files, check_keys, check_content_keys, check_push};
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (checks[i](c, why) != RC_OK) {
            return RC_INVALID;
        }
    }
    return RC_OK;
}

/* -- again ------------------------------------------------------------------------------------------------ */

/* The same table over another struct. */
static struct conf_key *rows_over(struct rest_conf *other)
{
    struct rest_conf *conf;
    const struct conf_key *keys = rest_conf_keys(&conf);
    struct conf_key *rows = mem_new(rest_conf_keys_count * sizeof(rows[0]));
    for (size_t i = 0; i < rest_conf_keys_count; i++) {
        rows[i] = keys[i];
        rows[i].value = (char *)other + ((char *)keys[i].value - (char *)conf);
    }
    return rows;
}

static enum rc read_fresh(const struct conf_key *rows, const struct rest_conf *fresh, const char *path,
                          char *const *sets, unsigned sets_count, struct buf *why)
{
    conf_defaults(rows, rest_conf_keys_count);
    enum rc rc = path != NULL ? conf_load(rows, rest_conf_keys_count, path, why) : RC_OK;
    for (unsigned i = 0; i < sets_count && rc == RC_OK; i++) {
        rc = conf_set(rows, rest_conf_keys_count, sets[i], why);
    }
    return rc == RC_OK ? settings_check(fresh, why) : rc;
}

enum rc settings_reload(const char *path, char *const *sets, unsigned sets_count,
                        struct buf *changed, struct buf *waiting, struct buf *why)
{
    struct rest_conf fresh = {0}, *conf;
    const struct conf_key *keys = rest_conf_keys(&conf);
    struct conf_key *rows = rows_over(&fresh);
    enum rc rc = read_fresh(rows, &fresh, path, sets, sets_count, why);
    if (rc == RC_OK) {
        conf_take(keys, rows, rest_conf_keys_count, changed, waiting);
    }
    conf_release(rows, rest_conf_keys_count);
    free(rows);
    return rc;
}
