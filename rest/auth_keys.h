/*
 * auth_keys.h -- secrets from files: the signing keys and the admin secret
 *
 * A secret file has one secret a line, `SECRET` or `KID SECRET`; '#' starts a comment line. The first one
 * signs, all verify, so a key is rotated by putting the new line first and removing the old one later.
 * Ownership  What is read is wiped after use; files are created 0600 and never overwritten.
 */
#ifndef REST_AUTH_KEYS_H
#define REST_AUTH_KEYS_H

#include <stdbool.h>

#include "shared/buf.h"
#include "shared/jwt.h"
#include "shared/rc.h"

/* The keys that the settings name. create: a missing secret file is made; without a file name a secret that lives as
 * long as the process is used. RC_INVALID with a sentence. */
RC_CHECK enum rc auth_keys_load(const char *secret_file, const char *jwks_file, const char *issuer,
                                const char *audience, uint64_t leeway_s, bool create,
                                struct jwt_keys **out, struct buf *why);
/* The first line of an admin secret file into *secret. Empty file name: *secret stays empty. */
RC_CHECK enum rc auth_admin_load(const char *file, bool create, struct buf *secret, struct buf *why);
/* The same of any other secret; what: its name in a complaint. */
RC_CHECK enum rc auth_secret_load(const char *file, const char *what, bool create, struct buf *secret,
                                  struct buf *why);
/* All of a file with secrets; who else can read it is warned of. RC_INVALID with a sentence. The caller wipes it. */
RC_CHECK enum rc auth_file_load(const char *file, struct buf *text, struct buf *why);
/* Overwrite and release. */
void auth_wipe(struct buf *secret);

#endif
