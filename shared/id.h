/*
 * id.h -- ids and their text forms, and random identifiers
 *
 * One 53-bit integer per entity (1..2^53-1; 0 is "none"). Text forms, all reversible:
 *   decimal      42
 *   hex (D0)     24 hex digits: 8 creation time (s), 2 kind, 14 n          ObjectId-shaped
 *   tagged (D1)  chat_42, user42, msg_<base36>, ntf_42, ses_42, upl_42, psh_42
 *   uuid (D3)    UUIDv8: version/variant bits, kind, n and a fixed mark      RFC 9562 section 5.8
 * A reader accepts every form, and refuses one that carries another kind. The time inside the hex
 * form is decoration: it is not checked.
 */
#ifndef SHARED_ID_H
#define SHARED_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/rc.h"
#include "shared/str.h"

enum id_kind {
    ID_USER = 1,
    ID_CHAT = 2,
    ID_MESSAGE = 3,
    ID_NOTIFICATION = 4,
    ID_SESSION = 5,
    ID_UPLOAD = 6,
    ID_PUSH = 7,
};

#define ID_MAX ((uint64_t)9007199254740991) /* 2^53-1 */

/* RC_OK with *out in 1..ID_MAX. RC_INVALID: no id at all. RC_NOT_FOUND: an id of another kind, or a
 * well-formed 24-hex or UUID text that is none of ours. Numbers have no sign, no leading zeros. */
RC_CHECK enum rc id_parse(struct str text, enum id_kind kind, uint64_t *out);
void id_add_hex(struct buf *out, enum id_kind kind, uint64_t n, uint64_t created_us);
void id_add_tagged(struct buf *out, enum id_kind kind, uint64_t n);
void id_add_uuid(struct buf *out, enum id_kind kind, uint64_t n);
/* 0, which is nobody, is the nil UUID: for fields that always have one. */
void id_add_uuid_or_nil(struct buf *out, enum id_kind kind, uint64_t n);

struct key16 { /* an idempotency key or another 128-bit value */
    unsigned char b[16];
};
static inline bool key16_eq(const struct key16 *a, const struct key16 *b)
{
    return memcmp(a->b, b->b, 16) == 0;
}
/* Any client text of 1..ID_KEY_TEXT_MAX bytes: a UUID keeps its bytes (so that UUIDv7 stays
 * time-ordered in the index), anything else is hashed (BLAKE2b-128). false: empty or too long. */
#define ID_KEY_TEXT_MAX 128
bool key16_from_text(struct str text, struct key16 *out);
/* A fresh UUIDv7 (RFC 9562 section 5.7). */
void key16_new(struct key16 *out);
/* A fresh UUIDv4 (section 5.4): nothing in it can be guessed. */
void key16_new_random(struct key16 *out);
void key16_add_uuid(struct buf *out, const struct key16 *k);
/* A UUID's text in either case, nothing else. false leaves *out alone. */
bool key16_from_uuid(struct str text, struct key16 *out);
/* key16_eq in constant time, for secrets. */
bool key16_eq_secret(const struct key16 *a, const struct key16 *b);

/* Fill with random bytes from the system. */
void random_bytes(void *out, size_t n);
uint64_t random_u64(void);
/* BLAKE2b-128 of the bytes, e.g. of an operation and its body. */
void hash16(struct str bytes, struct key16 *out);
/* URL-safe base64 without padding. */
void base64url_add(struct buf *out, const void *p, size_t n);
/* false on any character or length that is not canonical base64url; appends to out. */
bool base64url_decode(struct str text, struct buf *out);

#endif
