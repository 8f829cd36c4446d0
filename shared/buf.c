/*
 * buf.c -- growable bytes with a cap
 *
 * Growth doubles, so appending n bytes costs O(n) in all. A failed append poisons the buffer: later
 * appends are dropped too, so that no text with a hole in the middle can look complete.
 */
#include "shared/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/bug.h"
#include "shared/mem.h"

#define FIRST_ROOM_BYTES 64

static size_t cap(const struct buf *b)
{
    return b->max_bytes != 0 ? b->max_bytes : BUF_DEFAULT_MAX_BYTES;
}

void buf_release(struct buf *b)
{
    free(b->p);
    *b = BUF_INIT_MAX(b->max_bytes);
}

void buf_clear(struct buf *b)
{
    buf_truncate(b, 0);
    b->failed = false;
}

/* Room for `needed` bytes of content; needed is within the cap. */
static bool grow(struct buf *b, size_t needed)
{
    size_t room = b->room < FIRST_ROOM_BYTES ? FIRST_ROOM_BYTES : b->room;
    while (room < needed) {
        room = room > cap(b) / 2 ? cap(b) : room * 2;
    }
    char *p = realloc(b->p, room + 1);
    if (!p) {
        return false;
    }
    p[b->len] = '\0';
    b->p = p;
    b->room = room;
    return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed) {
        return NULL;
    }
    if (b->p && n <= b->room - b->len && n <= cap(b) - b->len) {
        return b->p + b->len;
    }
    if (n > cap(b) - b->len || !grow(b, b->len + n)) {
        b->failed = true;
        return NULL;
    }
    return b->p + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
    if (n == 0) {
        return;
    }
    BUG_IF(!b->p || n > b->room - b->len);
    b->len += n;
    b->p[b->len] = '\0';
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0) {
        return;
    }
    char *to = buf_reserve(b, n);
    if (to) {
        memcpy(to, p, n);
        buf_commit(b, n);
    }
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.len);
}

void buf_add_z(struct buf *b, const char *z)
{
    buf_add(b, z, strlen(z));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

#define DECIMAL_MAX_BYTES 20 /* 2^64-1 has 20 digits, -2^63 a sign and 19 */

/* Write n in decimal so that it ends before `end`; returns its first digit. */
static char *put_decimal(char *end, uint64_t n)
{
    do {
        *--end = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    return end;
}

void buf_add_u64(struct buf *b, uint64_t n)
{
    char text[DECIMAL_MAX_BYTES];
    char *end = text + sizeof(text);
    char *first = put_decimal(end, n);
    buf_add(b, first, (size_t)(end - first));
}

void buf_add_i64(struct buf *b, int64_t n)
{
    char text[DECIMAL_MAX_BYTES];
    char *end = text + sizeof(text);
    char *first = put_decimal(end, n < 0 ? (uint64_t)0 - (uint64_t)n : (uint64_t)n);
    if (n < 0) {
        *--first = '-';
    }
    buf_add(b, first, (size_t)(end - first));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char none[1];
    size_t spare = b->p ? b->room - b->len + 1 : sizeof(none);
    int n = b->failed ? 0 : vsnprintf(b->p ? b->p + b->len : none, spare, fmt, args);
    va_end(args);
    BUG_IF(n < 0);
    if (b->failed) {
        return;
    }
    bool fits = b->p && (size_t)n < spare && (size_t)n <= cap(b) - b->len;
    if (!fits) {
        if (b->p) {
            b->p[b->len] = '\0'; /* undo the cut text behind the content */
        }
        char *to = buf_reserve(b, (size_t)n);
        if (!to) {
            return;
        }
        va_start(args, fmt);
        vsnprintf(to, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    b->len += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
    BUG_IF(n > b->len);
    if (n == 0) {
        return;
    }
    memmove(b->p, b->p + n, b->len - n);
    buf_truncate(b, b->len - n);
}

void buf_truncate(struct buf *b, size_t len)
{
    if (len < b->len) {
        b->len = len;
        b->p[len] = '\0';
    }
}

char *buf_detach(struct buf *b, size_t *len)
{
    char *p = b->p ? b->p : mem_new(1);
    if (len) {
        *len = b->len;
    }
    *b = BUF_INIT_MAX(b->max_bytes);
    return p;
}

static void add_be(struct buf *b, uint64_t v, size_t bytes)
{
    unsigned char out[8];
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
    }
    buf_add(b, out, bytes);
}

void buf_add_be8(struct buf *b, uint8_t v)
{
    add_be(b, v, 1);
}

void buf_add_be16(struct buf *b, uint16_t v)
{
    add_be(b, v, 2);
}

void buf_add_be32(struct buf *b, uint32_t v)
{
    add_be(b, v, 4);
}

void buf_add_be64(struct buf *b, uint64_t v)
{
    add_be(b, v, 8);
}
