/*
 * fuzz_dialect.h -- the fuzz target of any dialect: any bytes as a client frame
 *
 * Checked: exactly one thing comes of a frame (an operation, a reply, an error or a close), operations are within
 * what the core takes, and whatever comes out is JSON, whatever the result of the operation is.
 */
#ifndef TESTS_LIB_FUZZ_DIALECT_H
#define TESTS_LIB_FUZZ_DIALECT_H

#include "ws/dialect.h"

/* Returns 0, for LLVMFuzzerTestOneInput. */
int fuzz_dialect(enum dialect_id id, const uint8_t *data, size_t size);

#endif
