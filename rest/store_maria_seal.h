/*
 * store_maria_seal.h -- the texts of messages as the table has them: sealed, when there is a key
 *
 * Ownership  Buffers are made at first use and belong to the store; a text that was opened is a view until the next one.
 */
#ifndef REST_STORE_MARIA_SEAL_H
#define REST_STORE_MARIA_SEAL_H

#include "rest/store_maria.h"

/* *b with the texts of its new and changed messages sealed. The result's rows are valid until the next call. Without a
 * key *b itself. */
const struct store_batch *db_seal(struct store *s, const struct store_batch *b);
/* The text of a row that was read. One that does not open, because its key is missing or because somebody has changed it, is
 * counted, logged, and becomes U+FFFD. */
void db_unseal(struct store *s, struct row_message *row);
void db_seal_release(struct store *s);

#endif
