/*
 * sha256.h -- SHA-256 of bytes that come in pieces
 *
 * libcrypto does it, because it uses the processor's instructions for it (1.6 GB/s measured, 0.33 with libsodium).
 */
#ifndef REST_SHA256_H
#define REST_SHA256_H

#include <stddef.h>

#include "shared/buf.h"

#define SHA256_BYTES    32
#define SHA256_HEX_ROOM 65 /* with a NUL */

struct sha256;

/* NULL without memory. */
struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *p, size_t n);
/* The digest in lower-case hex; s can only be freed afterwards. */
void sha256_end(struct sha256 *s, char out[SHA256_HEX_ROOM]);

/* 64 hex digits of either case, or base64 of 32 bytes between colons as in Content-Digest ("sha-256=:...:", perhaps beside
 * others): as lower-case hex. false: neither. */
bool sha256_from_hex(struct str text, char out[SHA256_HEX_ROOM]);
bool sha256_from_digest_header(struct str value, char out[SHA256_HEX_ROOM]);

#endif
