/* fuzz_dialect_inbox.c -- D4, the notification socket's client frames (tests/lib/fuzz_dialect.h) */
#include "tests/fuzz/fuzz.h"
#include "tests/lib/fuzz_dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_dialect(DIALECT_INBOX, data, size);
}
