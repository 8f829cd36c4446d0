/*
 * jwt.h -- JSON Web Tokens (RFC 7515, RFC 7519): verify, and sign with HS256
 *
 * Uses libcrypto directly: the JWT library of the supported systems trusts the token's own alg, has
 * no JWKS and no EdDSA. Here the algorithm is pinned per key: a key is looked up by kid (or the only
 * key when the token has none), then the token's alg must equal the key's.
 * Verification is pure: the time is a parameter. iss and aud are compared when the key set has them.
 * Layer      shared; used by rest and confabctl only. confab-ws never sees a key.
 * Limits     JWT_MAX_BYTES for a token, JWT_MAX_KEYS keys. An HS256 secret has 32 bytes or more.
 * Threads    A key set is immutable once filled; verify from any thread.
 */
#ifndef SHARED_JWT_H
#define SHARED_JWT_H

#include <stdint.h>

#include "shared/buf.h"
#include "shared/rc.h"
#include "shared/str.h"

#define JWT_MAX_BYTES 8192
#define JWT_MAX_KEYS 16

enum jwt_alg { JWT_HS256, JWT_RS256, JWT_ES256, JWT_EDDSA };

struct jwt_keys;

struct jwt_claims {
    char sub[128]; /* NUL-terminated; a longer subject is refused */
    uint64_t family; /* claim "fam", 0 when absent */
    uint64_t issued_s;
    uint64_t expires_s; /* required in every token */
};

struct jwt_keys *jwt_keys_new(const char *issuer, const char *audience, uint64_t leeway_s); /* NULL: not checked */
void jwt_keys_free(struct jwt_keys *keys);
/* Add a secret for HS256. The first one added signs. RC_INVALID: shorter than 32 bytes, or too many keys. */
RC_CHECK enum rc jwt_keys_add_hs256(struct jwt_keys *keys, const char *kid, struct str secret);
/* Add every public key of a JWKS text (RFC 7517; RSA for RS256, EC P-256, OKP Ed25519). */
RC_CHECK enum rc jwt_keys_add_jwks(struct jwt_keys *keys, struct str text, struct buf *why);

/* RC_OK; RC_INVALID: malformed or forged; RC_TIMEOUT: expired or not yet valid (nbf, iat). */
RC_CHECK enum rc jwt_verify(const struct jwt_keys *keys, struct str token, uint64_t now_s,
                            struct jwt_claims *out);
/* Append a signed token. RC_UNSUPPORTED when the set has no HS256 key. */
RC_CHECK enum rc jwt_sign(const struct jwt_keys *keys, const struct jwt_claims *claims,
                          struct buf *out);

#endif
