/*
 * log.h -- one line per event: time, level, process, event id, key=value
 *
 * 2026-11-21T10:00:00.123Z info rest[123] ready listeners=3
 * Levels: err = page someone, warn = look this week, info = life cycle, debug = off.
 * The event id is a short stable word; the rest is a printf format of key=value pairs. Values from
 * outside go through log_esc so that a line stays a line. Secrets are never passed in.
 * Keeps errno. Any thread.
 */
#ifndef SHARED_LOG_H
#define SHARED_LOG_H

#include <stddef.h>

#include "shared/str.h"

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* process: shown in each line, e.g. "rest", "ws0". Copied (31 bytes at most). */
void log_init(const char *process, enum log_level level);
void log_set_level(enum log_level level);

void log_at(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_err(event, ...)   log_at(LOG_LEVEL_ERR, event, __VA_ARGS__)
#define log_warn(event, ...)  log_at(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  log_at(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_at(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
/* At most one line of this call site per second; used for what peers can provoke. */
#define log_warn_limited(event, ...)                                                               \
    do {                                                                                           \
        static unsigned long long log_last_ms_;                                                    \
        if (log_allow(&log_last_ms_)) {                                                            \
            log_at(LOG_LEVEL_WARN, event, __VA_ARGS__);                                            \
        }                                                                                          \
    } while (0)
int log_allow(unsigned long long *last_ms);

/* s quoted and escaped into a per-thread ring of 8 small buffers (cut at 120 bytes). */
const char *log_esc(struct str s);

#endif
