/* fuzz.h -- the entry point of a fuzz target, and the check of a property */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "shared/bug.h"

#define CHECK(cond) BUG_IF(!(cond))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
