/*
 * sealer.h -- texts that the database keeps encrypted
 *
 * Shape      A sealed text is "\x01" "1" <key id, 8 hex> <base64 of nonce (12), ciphertext, tag (16)>: AES-256-GCM
 *            (NIST SP 800-38D) under a key derived from the one in the file, with a random nonce. No message may contain
 *            a control character, so a plain text never looks like it: both may stand in one table.
 * Keys       One per line of the file, 64 hex digits; '#' begins a comment. The first one seals, all of them open, so a new
 *            key is put in front of the others. Under one key at most 2^32 texts should be sealed.
 * Place      aad says where the text belongs; a text that was moved to another place does not open.
 * Threads    Any: nothing changes after loading.
 */
#ifndef REST_SEALER_H
#define REST_SEALER_H

#include <stdbool.h>

#include "shared/buf.h"
#include "shared/id.h"
#include "shared/rc.h"
#include "shared/str.h"

#define SEALER_KEYS_MAX    32
#define SEALER_ID_DIGITS   8

struct sealer;

/* From the text of a key file. RC_INVALID with a sentence in why: a line that is no key, none, or too many. */
RC_CHECK enum rc sealer_new(struct str keys, struct sealer **out, struct buf *why);
void sealer_free(struct sealer *s);
/* The id of the key that seals. */
struct str sealer_id(const struct sealer *s);
bool sealer_has(const struct sealer *s, struct str id);

bool sealer_is_sealed(struct str text);
void sealer_seal(const struct sealer *s, struct str aad, struct str text, struct buf *out);
/* RC_NOT_FOUND: another key. RC_INVALID: not what was sealed, or not at this place. out is unchanged then. */
RC_CHECK enum rc sealer_open(const struct sealer *s, struct str aad, struct str sealed, struct buf *out);

/* A hash of a text as it is kept, so that texts cannot be guessed from it. */
void sealer_hash(const struct sealer *s, struct key16 *hash);
/* Whether `kept` is `hash`: under any of the keys, or from the time before there was one. s may be NULL. */
bool sealer_hash_is(const struct sealer *s, const struct key16 *kept, const struct key16 *hash);

#endif
