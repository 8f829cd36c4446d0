/*
 * clock.h -- time, with the kind in the name
 *
 * mono_*: CLOCK_MONOTONIC, for deadlines and durations. wall_*: UTC, for people and tokens.
 */
#ifndef SHARED_CLOCK_H
#define SHARED_CLOCK_H

#include <stdint.h>

#include "shared/buf.h"

uint64_t mono_ms(void);
uint64_t mono_us(void);
/* Microseconds and seconds since 1970 UTC. */
uint64_t wall_us(void);
uint64_t wall_s(void);

enum clock_precision { CLOCK_SECONDS, CLOCK_MILLIS, CLOCK_MICROS };
/* RFC 3339 UTC with Z: 2024-01-15T10:30:00Z, ...00.123Z, ...00.123456Z */
void clock_add_rfc3339(struct buf *out, uint64_t wall_us_value, enum clock_precision precision);

#endif
