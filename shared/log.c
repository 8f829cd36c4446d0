/*
 * log.c -- one line per event, one write(2) per line
 *
 * A line is built on the stack and written at once: no lock, no allocation, and lines of several
 * threads and processes on the same pipe do not mix (a line is shorter than PIPE_BUF). A line that
 * cannot be written is lost; there is nobody to tell.
 */
#include "shared/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/clock.h"

#define LINE_MAX_BYTES    4000 /* below PIPE_BUF (4096), so that a write to a pipe is atomic */
#define PROCESS_MAX_BYTES 31
#define ESC_RING          8
#define ESC_MAX_BYTES     120

static char process_name[PROCESS_MAX_BYTES + 1] = "confab";
static atomic_int threshold = LOG_LEVEL_INFO;

static const char *const level_names[] = {
    [LOG_LEVEL_ERR] = "err",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

void log_init(const char *process, enum log_level level)
{
    snprintf(process_name, sizeof(process_name), "%s", process);
    log_set_level(level);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

/* A line stays a line whatever a caller forgot to escape. Bytes from 0x80 up are left alone. */
static void flatten(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            text[i] = '?';
        }
    }
}

/* How many bytes a call of snprintf left in `room`. */
static size_t kept(int wanted, size_t room)
{
    if (wanted < 0) {
        return 0;
    }
    return (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static size_t put_head(char *line, size_t room, enum log_level level, const char *event)
{
    char stamp[40];
    struct buf out = {stamp, 0, sizeof(stamp) - 1, sizeof(stamp) - 1, false};
    clock_add_rfc3339(&out, wall_us(), CLOCK_MILLIS);
    int n = snprintf(line, room, "%s %s %s[%d] %s ", stamp, level_names[level], process_name,
                     (int)getpid(), event);
    return kept(n, room);
}

void log_at(enum log_level level, const char *event, const char *fmt, ...)
{
    if ((int)level > atomic_load_explicit(&threshold, memory_order_relaxed)) {
        return;
    }
    int saved_errno = errno;
    char line[LINE_MAX_BYTES];
    size_t len = put_head(line, sizeof(line) - 1, level, event);

    va_list args;
    va_start(args, fmt);
    size_t room = sizeof(line) - 1 - len; /* one byte is kept for the newline */
    int wanted = vsnprintf(line + len, room, fmt, args);
    va_end(args);
    len += kept(wanted, room);
    while (len > 0 && line[len - 1] == ' ') { /* an empty message leaves no trailing blank */
        len--;
    }
    flatten(line, len);
    line[len++] = '\n';

    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
    errno = saved_errno;
}

int log_allow(unsigned long long *last_ms)
{
    unsigned long long now = mono_ms() + 1; /* never 0, which means "not yet" */
    unsigned long long last = __atomic_load_n(last_ms, __ATOMIC_RELAXED);
    if (last != 0 && now - last < 1000) {
        return 0;
    }
    /* Of several threads at once only the one that moves the mark may log. */
    return __atomic_compare_exchange_n(last_ms, &last, now, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

/* The escaped form of one byte at `to`, which has room for four; returns its length. */
static size_t put_escaped(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        to[0] = '\\';
        to[1] = (char)c;
        return 2;
    }
    if (c >= 0x20 && c < 0x7f) {
        to[0] = (char)c;
        return 1;
    }
    to[0] = '\\';
    to[1] = 'x';
    to[2] = hex[c >> 4];
    to[3] = hex[c & 15];
    return 4;
}

const char *log_esc(struct str s)
{
    static _Thread_local char ring[ESC_RING][ESC_MAX_BYTES + sizeof("\"...\"")];
    static _Thread_local unsigned turn;
    char *out = ring[turn++ % ESC_RING];
    size_t len = 0;
    bool cut = false;
    out[len++] = '"';
    for (size_t i = 0; i < s.len && !cut; i++) {
        char one[4];
        size_t n = put_escaped(one, (unsigned char)s.p[i]);
        cut = len - 1 + n > ESC_MAX_BYTES;
        if (!cut) {
            memcpy(out + len, one, n);
            len += n;
        }
    }
    if (cut) {
        memcpy(out + len, "...", 3);
        len += 3;
    }
    out[len++] = '"';
    out[len] = '\0';
    return out;
}
