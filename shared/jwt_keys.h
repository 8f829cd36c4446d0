/*
 * jwt_keys.h -- the inside of a key set, between jwt.c (tokens) and jwt_keys.c (libcrypto)
 *
 * Nobody else includes this. A key is immutable once added: its functions may run on any thread.
 */
#ifndef SHARED_JWT_KEYS_H
#define SHARED_JWT_KEYS_H

#include <stdbool.h>

#include "shared/jwt.h"

#define JWT_MAC_BYTES           32
#define JWT_RSA_MAX_BITS        8192 /* verifying costs the square of the size */
#define JWT_SIGNATURE_MAX_BYTES (JWT_RSA_MAX_BITS / 8)

struct evp_mac_ctx_st;
struct evp_pkey_st;

struct jwt_key {
    enum jwt_alg alg;
    char *kid;                  /* NULL: reached only by tokens without a kid */
    struct evp_mac_ctx_st *mac; /* JWT_HS256: keyed, never used itself, only copied */
    struct evp_pkey_st *public; /* the others */
};

struct jwt_keys {
    char *issuer, *audience; /* NULL: not checked */
    uint64_t leeway_s;
    size_t count;
    struct jwt_key keys[JWT_MAX_KEYS];
};

/* The "alg" of each enum jwt_alg. */
extern const char *const jwt_alg_names[];

/* The key of that kid, or the one without a kid when kid.p is NULL; NULL when there is none. */
const struct jwt_key *jwt_keys_find(const struct jwt_keys *keys, struct str kid);
/* HMAC-SHA256 of the input; key is a JWT_HS256 key. false only when libcrypto fails. */
bool jwt_key_mac(const struct jwt_key *key, struct str input, unsigned char mac[JWT_MAC_BYTES]);
/* Is this the key's signature over the input? */
bool jwt_key_check(const struct jwt_key *key, struct str input, struct str signature);

#endif
