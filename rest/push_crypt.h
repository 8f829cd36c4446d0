/*
 * push_crypt.h -- the cryptography of Web Push: encryption of payloads (RFC 8291, RFC 8188), signatures (RFC 8292)
 *
 * libcrypto does it: neither P-256 nor AES-128-GCM without special instructions is in libsodium.
 * Layer      service, below everything else of push. Pure but for the random numbers of push_key_new.
 * Threads    Any; a key is not changed after it was made.
 */
#ifndef REST_PUSH_CRYPT_H
#define REST_PUSH_CRYPT_H

#include <stdbool.h>

#include "shared/buf.h"
#include "shared/rc.h"

#define PUSH_SCALAR_BYTES    32
#define PUSH_PUBLIC_BYTES    65 /* uncompressed point */
#define PUSH_AUTH_BYTES      16
#define PUSH_SALT_BYTES      16
#define PUSH_SIGNATURE_BYTES 64
/* What encryption adds: header with salt, record size, key; the padding's delimiter; the tag. */
#define PUSH_OVERHEAD_BYTES (PUSH_SALT_BYTES + 4 + 1 + PUSH_PUBLIC_BYTES + 1 + 16)
/* A push service takes 4096 bytes of body (RFC 8030 section 7.2). */
#define PUSH_PLAIN_MAX_BYTES (4096 - PUSH_OVERHEAD_BYTES)

struct push_key; /* a private key on P-256 with its public key */

/* RC_INVALID: not 32 bytes, zero, or not below the group's order. */
RC_CHECK enum rc push_key_from(struct str scalar, struct push_key **out);
/* A fresh one. NULL: libcrypto has failed. */
struct push_key *push_key_new(void);
void push_key_free(struct push_key *k);
/* PUSH_PUBLIC_BYTES of it. */
struct str push_key_public(const struct push_key *k);

/* An uncompressed point on the curve. */
bool push_public_valid(struct str point);

/* Append the body with Content-Encoding aes128gcm: one record. sender: a key for this body alone. RC_INVALID: the receiver's
 * key or secret is not one; RC_TOO_BIG: above PUSH_PLAIN_MAX_BYTES; RC_INTERNAL. */
RC_CHECK enum rc push_encrypt(const struct push_key *sender, const unsigned char salt[PUSH_SALT_BYTES],
                              struct str receiver_public, struct str auth, struct str plain, struct buf *out);
/* ES256 (RFC 7518 section 3.4): r and s. */
RC_CHECK enum rc push_key_sign(const struct push_key *k, struct str text, unsigned char out[PUSH_SIGNATURE_BYTES]);
/* Append HMAC-SHA256 in lower-case hex. */
RC_CHECK enum rc push_hmac_hex(struct str secret, struct str text, struct buf *out);

#endif
