/* fuzz_dialect_dashboard.c -- D3 dashboard client frames (tests/lib/fuzz_dialect.h) */
#include "tests/fuzz/fuzz.h"
#include "tests/lib/fuzz_dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_dialect(DIALECT_DASHBOARD, data, size);
}
