/* mem.c -- the dying and the checked allocators */
#include "shared/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bug.h"

void *mem_new(size_t bytes)
{
    void *p = mem_try(1, bytes);
    if (!p) {
        BUG("out of memory");
    }
    return p;
}

void *mem_grow(void *p, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        BUG("allocation size overflows");
    }
    void *grown = realloc(p, total != 0 ? total : 1);
    if (!grown) {
        BUG("out of memory");
    }
    return grown;
}

char *mem_copy(const void *p, size_t len)
{
    BUG_IF(len == SIZE_MAX);
    char *copy = mem_new(len + 1);
    if (len > 0) {
        memcpy(copy, p, len);
    }
    return copy;
}

void *mem_try(size_t count, size_t bytes)
{
    if (count == 0 || bytes == 0) {
        count = bytes = 1; /* so that NULL always means failure */
    }
    return calloc(count, bytes);
}
