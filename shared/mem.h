/*
 * mem.h -- allocation: dying for small fixed sizes, checked for sizes from outside
 */
#ifndef SHARED_MEM_H
#define SHARED_MEM_H

#include <stddef.h>

/* Zeroed. Logs and aborts without memory: only for sizes the program chose itself. */
void *mem_new(size_t bytes);
/* realloc that aborts without memory; count * bytes is checked. */
void *mem_grow(void *p, size_t count, size_t bytes);
/* A heap copy with a NUL behind it; aborts without memory. */
char *mem_copy(const void *p, size_t len);
/* Zeroed, NULL without memory or on overflow: for sizes that come from outside. */
void *mem_try(size_t count, size_t bytes);

#endif
