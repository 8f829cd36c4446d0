/*
 * jwt.h -- JSON Web Tokens (RFC 7515, RFC 7519): verify, and sign with HS256
 *
 * Uses libcrypto directly: the JWT library of the supported systems trusts the token's own alg, has
 * no JWKS and no EdDSA. Here the algorithm is pinned per key: a key is looked up by kid, then the
 * token's alg must equal the key's. A token without a kid gets the only key, or the one without a
 * kid.
 *
 * Checks     Shape, header (crit and foreign types refused), signature, then claims: exp and sub
 *            are required, nbf and iat respected, iss and aud compared when the key set has them.
 *            Verification is pure: the time is a parameter.
 * Layer      shared; used by rest and confabctl only. confab-ws never sees a key.
 * Limits     JWT_MAX_BYTES for a token, JWT_MAX_KEYS keys, 256 bytes for a kid, 32 bytes or more
 *            for an HS256 secret, 2048 to 8192 bits for RSA.
 * Threads    A key set is immutable once filled; verify from any thread.
 */
#ifndef SHARED_JWT_H
#define SHARED_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/rc.h"
#include "shared/str.h"

#define JWT_MAX_BYTES 8192
#define JWT_MAX_KEYS  16

enum jwt_alg { JWT_HS256, JWT_RS256, JWT_ES256, JWT_EDDSA };

struct jwt_keys;

struct jwt_claims {
    char sub[128];   /* NUL-terminated; a longer subject is refused */
    uint64_t family; /* claim "fam", 0 when absent */
    uint64_t issued_us; /* claim "iat", in seconds there, with or without a fraction */
    uint64_t expires_s; /* required in every token */
    bool has_stamp;     /* claim "rev" of our own tokens, which says what revocation they know of */
    uint64_t stamp_us;
};

/* issuer and audience may be NULL: not checked. */
struct jwt_keys *jwt_keys_new(const char *issuer, const char *audience, uint64_t leeway_s);
void jwt_keys_free(struct jwt_keys *keys);
/* Add a secret for HS256. The first one added signs. RC_INVALID: shorter than 32 bytes, or too many
 * keys. */
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
