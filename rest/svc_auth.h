/*
 * svc_auth.h -- accounts and logins: register, log in, refresh, log out
 *
 * Shape      A request is a struct in the caller's arena that walks from pool to pool: database (stored hash) ->
 *            work pool (argon2id) -> writer (account, token family) -> done.
 * Tokens     Access: a JWT (auth.h). Refresh: base64url of the family's id, 32 random bytes and a tag of
 *            both that only this server can make. The store knows a hash of the random part only. It rotates with
 *            every use. A use of an older one ends the family: the store knows the one before, the tag
 *            tells all others from made-up ones, which end nothing.
 * Errors     Unknown user and wrong password are the same CODE_BAD_CREDENTIALS after the same work.
 * Threads    Any; `done` is called exactly once when a call returned CODE_OK, on a pool or the writer thread.
 */
#ifndef REST_SVC_AUTH_H
#define REST_SVC_AUTH_H

#include <stdint.h>

#include "rest/svc.h"
#include "rest/svc_read.h"
#include "shared/arena.h"
#include "shared/buf.h"

#define REFRESH_SECRET_BYTES 32
struct refresh_token {
    uint64_t family;
    unsigned char secret[REFRESH_SECRET_BYTES];
    struct key16 tag;
};

struct auth_request;
typedef void (*auth_done)(struct auth_request *r, enum code code, const char *field);

struct auth_request {
    /* in */
    struct svc *svc;
    struct arena *arena;
    auth_done done;
    void *ctx;
    struct str username, password, name; /* name: display name, empty = the user name */
    struct str external_id;              /* svc_account: what another system calls the user, empty = nothing */
    uint64_t user_id;                    /* svc_account: wanted id, 0 = the next one */
    /* out */
    struct user_view user;
    struct buf access, refresh; /* tokens; svc_auth_release wipes and frees them */
    uint64_t access_expires_s, refresh_expires_s;
    bool created;
    /* internal */
    struct buf hash;
    struct refresh_token token, old;
    bool no_login;
};

/* Account and login in one: user, access, refresh. CODE_FORBIDDEN when registration is closed. */
enum code svc_register(struct auth_request *r, const char **field);
enum code svc_login(struct auth_request *r, const char **field);
/* A new pair for an old refresh token. CODE_UNAUTHENTICATED, CODE_TOKEN_EXPIRED, CODE_REFRESH_REUSED. With a key (or NULL) the
 * same token gives the same new one for that key, as long as the new one was not used: a lost answer can be asked for again. */
enum code svc_refresh(struct auth_request *r, struct str token, const struct key16 *key, const char **field);
/* An account without a login (administration); an empty password means nobody can log in. */
enum code svc_account(struct auth_request *r, const char **field);
/* Hash a new password for user_id and store it (administration). */
enum code svc_set_password(struct auth_request *r, const char **field);
void svc_auth_release(struct auth_request *r);

/* Pure: the refresh token's text form. */
void refresh_token_write(struct buf *out, const struct refresh_token *t);
bool refresh_token_read(struct str text, struct refresh_token *out);

#endif
