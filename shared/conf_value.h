/* conf_value.h -- one setting's value as text, for conf.c only */
#ifndef SHARED_CONF_VALUE_H
#define SHARED_CONF_VALUE_H

#include "shared/conf.h"

/* Store the text as the key's value; false, and the value as it was, when it is none. */
bool conf_value_read(const struct conf_key *key, struct str text);
/* The present value as a file would have it. */
void conf_value_add(struct buf *out, const struct conf_key *key);
/* "1s to 5m", "at least 1", "one of off, warn, required"; nothing when any value will do. */
void conf_value_add_bounds(struct buf *out, const struct conf_key *key);

#endif
